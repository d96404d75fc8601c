//! What the journal says, in key order, without all of it in memory at once.
//!
//! Segments are read again for each slice of the keys: the map of a slice is filled from the
//! front, and what no longer fits is left to the next reading.

use std::collections::btree_map;

use super::frame::StoreId;
use super::plan::Effects;
use super::segment::{self, Segment};
use super::{Key, Result, StoreError, Value};

/// Most bytes of one slice, in keys, values and what holds them.
pub(crate) const SLICE_BYTES_MAX: usize = 24 * 1024 * 1024;
/// What an entry of a map takes beside its bytes, about.
const ENTRY_BYTES: usize = 96;

/// The effects of segments, slice by slice.
pub(crate) struct Slices {
    /// Oldest first, each with the last sequence that it must hold if it is full.
    segments: Vec<(Segment, Option<u64>)>,
    id: StoreId,
    /// Records up to this sequence are left out.
    base: u64,
    slice_bytes: usize,
    /// Where the next slice begins; `None` when there is none.
    from: Option<Key>,
    slice: btree_map::IntoIter<Key, Option<Value>>,
}

impl Slices {
    /// Over these segments, oldest first, each with the last sequence that it must hold if it
    /// is full.
    pub(crate) fn new(
        segments: Vec<(Segment, Option<u64>)>,
        id: StoreId,
        base: u64,
        slice_bytes: usize,
    ) -> Self {
        Self {
            segments,
            id,
            base,
            slice_bytes,
            from: Some(Key::new()),
            slice: Effects::new().into_iter(),
        }
    }

    fn read(&self, from: &Key) -> Result<(Effects, Option<Key>)> {
        let mut slice = Slice {
            effects: Effects::new(),
            bytes: 0,
            end: None,
        };
        for (segment, last) in &self.segments {
            let end = segment::read(segment, self.id, &mut |record| {
                if record.last > self.base {
                    for (key, value) in record.effects {
                        if key >= *from {
                            slice.take(key, value, self.slice_bytes);
                        }
                    }
                }
                Ok(())
            })?;
            if last.is_some_and(|last| end.last != last || end.torn_bytes > 0) {
                return Err(StoreError::Corrupt {
                    file: segment.path.clone(),
                    offset: end.offset,
                    what: "a record before the last is damaged",
                });
            }
        }
        Ok((slice.effects, slice.end))
    }
}

impl Iterator for Slices {
    type Item = Result<(Key, Option<Value>)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(effect) = self.slice.next() {
                return Some(Ok(effect));
            }
            let from = self.from.take()?;
            match self.read(&from) {
                Ok((effects, end)) => {
                    self.slice = effects.into_iter();
                    self.from = end;
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// One slice being filled.
struct Slice {
    effects: Effects,
    bytes: usize,
    /// The first key that did not fit: it and all behind it belong to the next slice.
    end: Option<Key>,
}

impl Slice {
    fn take(&mut self, key: Key, value: Option<Value>, most: usize) {
        if self.end.as_ref().is_some_and(|end| key >= *end) {
            return;
        }
        let size_of = |key: &Key, value: &Option<Value>| {
            key.len() + value.as_ref().map_or(0, Vec::len) + ENTRY_BYTES
        };
        self.bytes += size_of(&key, &value);
        let key_bytes = key.len();
        if let Some(old) = self.effects.insert(key, value) {
            self.bytes -= key_bytes + old.map_or(0, |old| old.len()) + ENTRY_BYTES;
        }
        // One entry always stays, so that every reading comes further.
        while self.bytes > most && self.effects.len() > 1 {
            if let Some((key, value)) = self.effects.pop_last() {
                self.bytes -= size_of(&key, &value);
                self.end = Some(key);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::frame;
    use super::*;

    const ID: StoreId = StoreId([7; 16]);

    /// Writes records into segments of `per_segment` each.
    fn segments(
        folder: &std::path::Path,
        records: &[Effects],
        per_segment: usize,
    ) -> Vec<(Segment, Option<u64>)> {
        let mut first = 1;
        let mut segments = Vec::new();
        for some in records.chunks(per_segment) {
            let mut bytes = segment::header(ID, first);
            let path = segment::path_of(folder, first);
            let segment = Segment {
                path: path.clone(),
                first,
            };
            segments.push((segment, Some(first + some.len() as u64 - 1)));
            for effects in some {
                bytes.extend(frame::encode(ID, first, first, effects, &[]).unwrap());
                first += 1;
            }
            std::fs::write(path, bytes).unwrap();
        }
        segments
    }

    /// Whatever the size of a slice, the effects are those of all records, the last one winning.
    #[test]
    fn slices_of_any_size_say_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let mut all = Effects::new();
        let records: Vec<Effects> = (0_u64..60)
            .map(|n| {
                let key = |n: u64| format!("key {}", n * 7919 % 41).into_bytes();
                let gone = n % 5 == 0;
                let value = format!("value {n}")
                    .repeat(1 + (n % 9) as usize)
                    .into_bytes();
                let effects = Effects::from([
                    (key(n), (!gone).then_some(value.clone())),
                    (key(n + 13), Some(value)),
                ]);
                if n >= 10 {
                    all.extend(effects.clone());
                }
                effects
            })
            .collect();
        let segments = segments(folder.path(), &records, 7);
        for size in [0, 1, 200, 1_000, 5_000, 1_000_000] {
            let slices = Slices::new(segments.clone(), ID, 10, size);
            let found: Vec<_> = slices.map(Result::unwrap).collect();
            let wanted: Vec<_> = all.clone().into_iter().collect();
            assert!(found == wanted, "slices of {size} bytes");
        }
    }

    #[test]
    fn a_slice_keeps_to_its_size() {
        let mut slice = Slice {
            effects: Effects::new(),
            bytes: 0,
            end: None,
        };
        for n in 0_u64..10_000 {
            let key = (n * 7919 % 10_000).to_be_bytes().to_vec();
            slice.take(key, Some(vec![0; 100]), 20_000);
            assert!(slice.bytes <= 20_000);
        }
        assert_eq!(slice.effects.len(), 20_000 / (8 + 100 + ENTRY_BYTES));
        assert!(slice.end.is_some());
    }

    /// A full segment that was cut between two records looks whole, but is not.
    #[test]
    fn a_segment_that_was_cut_ends_the_slices() {
        let folder = tempfile::tempdir().unwrap();
        let effects = Effects::from([(b"k".to_vec(), Some(b"v".to_vec()))]);
        let mut segments = segments(folder.path(), &[effects.clone(), effects], 2);
        segments[0].1 = Some(3);
        let mut slices = Slices::new(segments, ID, 0, 1_000);
        assert!(slices.next().unwrap().is_err());
        assert!(slices.next().is_none());
    }

    #[test]
    fn a_damaged_segment_ends_the_slices() {
        let folder = tempfile::tempdir().unwrap();
        let effects = Effects::from([(b"k".to_vec(), Some(b"v".to_vec()))]);
        let segments = segments(folder.path(), &[effects.clone(), effects], 2);
        let mut bytes = std::fs::read(&segments[0].0.path).unwrap();
        bytes[60] ^= 1;
        std::fs::write(&segments[0].0.path, bytes).unwrap();
        let mut slices = Slices::new(segments, ID, 0, 1_000);
        assert!(slices.next().unwrap().is_err());
        assert!(slices.next().is_none());
    }
}
