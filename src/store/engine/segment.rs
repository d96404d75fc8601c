//! A journal segment: a file of frames behind a header.
//!
//! ```text
//! header (36): "TOCSINJ1" 8 | store id 16 | first sequence 8 | checksum 4
//! ```
//! The file is named after its first sequence.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::{Buf, Bytes};

use super::frame::{self, HEADER_SIZE as FRAME_HEADER_SIZE, MAGIC, Record, StoreId};
use super::{Result, StoreError};

/// Bytes of a segment's header.
pub(crate) const HEADER_SIZE: usize = 36;
const SEGMENT_MAGIC: &[u8; 8] = b"TOCSINJ1";
const SUFFIX: &str = "log";

/// A segment on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    /// The first sequence it holds or will hold.
    pub(crate) first: u64,
}

/// How a segment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// Bytes up to the end of the last whole frame.
    pub(crate) offset: u64,
    /// The last sequence in it; one before the first when it is empty.
    pub(crate) last: u64,
    /// Bytes behind `offset`, if they are neither a frame nor the zeros that
    /// the journal fills its file with ahead of its records.
    pub(crate) torn_bytes: u64,
}

/// The segments of a folder, oldest first.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<Segment>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let first = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .and_then(|stem| stem.parse().ok());
        if let (Some(first), Some(SUFFIX)) = (first, path.extension().and_then(|e| e.to_str())) {
            segments.push(Segment { path, first });
        }
    }
    segments.sort_by_key(|segment| segment.first);
    Ok(segments)
}

/// Where the segment that begins with this sequence lies.
pub(crate) fn path_of(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.{SUFFIX}"))
}

/// The header of a segment.
pub(crate) fn header(id: StoreId, first: u64) -> Vec<u8> {
    let mut bytes = SEGMENT_MAGIC.to_vec();
    bytes.extend_from_slice(&id.0);
    bytes.extend_from_slice(&first.to_be_bytes());
    let checksum = id.checksum(&bytes);
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes
}

/// The store that a segment belongs to; `None` when its header is not whole.
pub(crate) fn read_id(segment: &Segment) -> Result<Option<StoreId>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    fs::File::open(&segment.path)?
        .take(HEADER_SIZE as u64)
        .read_to_end(&mut bytes)?;
    Ok(parse_header(&bytes)
        .filter(|(_, first)| *first == segment.first)
        .map(|(id, _)| id))
}

fn parse_header(bytes: &[u8]) -> Option<(StoreId, u64)> {
    let mut rest = bytes.get(..HEADER_SIZE)?.strip_prefix(SEGMENT_MAGIC)?;
    let id = StoreId(rest.get(..16)?.try_into().ok()?);
    rest.advance(16);
    let first = rest.get_u64();
    let checked = bytes.get(..HEADER_SIZE - 4)?;
    (rest.get_u32() == id.checksum(checked)).then_some((id, first))
}

/// Hands each record of a segment to `visit`, in order, and says how it ends.
///
/// Whatever follows the last whole frame is torn only if no whole frame comes
/// after it: each frame is synced before the next is written, so a good frame
/// behind a bad one means that the bad one was whole once.
pub(crate) fn read(
    segment: &Segment,
    id: StoreId,
    visit: &mut dyn FnMut(Record) -> Result<()>,
) -> Result<End> {
    let bytes = Bytes::from(fs::read(&segment.path)?);
    let damaged = |offset: usize, what| StoreError::Corrupt {
        file: segment.path.clone(),
        offset: offset as u64,
        what,
    };
    if parse_header(&bytes) != Some((id, segment.first)) {
        return Err(damaged(0, "the segment's header is not this store's"));
    }
    let mut offset = HEADER_SIZE;
    let mut last = segment.first.saturating_sub(1);
    while let Some((record, size)) = frame::decode(id, &bytes.slice(offset..)) {
        if record.first != last + 1 || record.last < record.first {
            return Err(damaged(offset, "a record is out of order"));
        }
        last = record.last;
        visit(record)?;
        offset += size;
    }
    let rest = bytes.slice(offset..);
    let unused = rest.iter().all(|byte| *byte == 0);
    if !unused && holds_frame(id, &rest, last) {
        return Err(damaged(offset, "a record before the last is damaged"));
    }
    Ok(End {
        offset: offset as u64,
        last,
        torn_bytes: if unused { 0 } else { rest.len() as u64 },
    })
}

fn holds_frame(id: StoreId, bytes: &Bytes, last: u64) -> bool {
    let mut at = 0;
    while let Some(found) = find(&bytes[at..], &MAGIC) {
        at += found;
        let rest = bytes.slice(at..);
        if frame::decode(id, &rest).is_some_and(|(record, _)| record.first > last) {
            return true;
        }
        at += 1;
    }
    false
}

fn find(bytes: &[u8], wanted: &[u8; 4]) -> Option<usize> {
    if bytes.len() < FRAME_HEADER_SIZE {
        return None;
    }
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::engine::plan::Effects;

    const ID: StoreId = StoreId([7; 16]);

    fn frame(sequence: u64) -> Vec<u8> {
        let value = format!("value {sequence}").into_bytes();
        let effects = Effects::from([(b"key".to_vec(), Some(value))]);
        frame::encode(ID, sequence, sequence, &effects, &[]).unwrap()
    }

    /// Reads a segment of these bytes: its sequences, and how it ends.
    fn check(bytes: &[u8]) -> Result<(Vec<u64>, End)> {
        let folder = tempfile::tempdir().unwrap();
        let segment = Segment {
            path: path_of(folder.path(), 1),
            first: 1,
        };
        fs::write(&segment.path, bytes).unwrap();
        let mut found = Vec::new();
        let end = read(&segment, ID, &mut |record| {
            found.push(record.first);
            Ok(())
        })?;
        Ok((found, end))
    }

    fn segment_of(frames: &[Vec<u8>]) -> Vec<u8> {
        [header(ID, 1), frames.concat()].concat()
    }

    #[test]
    fn the_last_record_torn_at_any_byte_is_no_damage() {
        let kept = segment_of(&[frame(1), frame(2)]);
        let whole = segment_of(&[frame(1), frame(2), frame(3)]);
        for size in kept.len()..whole.len() {
            for tail in [0, 1, 300] {
                let mut torn = whole[..size].to_vec();
                torn.resize(size + tail, 0xee);
                let (found, end) = check(&torn).unwrap();
                assert_eq!(found, [1, 2], "cut at {size}, {tail} bytes of rubbish");
                assert_eq!(end.offset, kept.len() as u64);
                let torn_bytes = (torn.len() - kept.len()) as u64;
                assert_eq!(end.torn_bytes, torn_bytes);
                assert_eq!(end.last, 2);
            }
        }
        assert_eq!(check(&whole).unwrap().0, [1, 2, 3]);
    }

    #[test]
    fn any_byte_changed_before_the_last_record_is_damage() {
        let whole = segment_of(&[frame(1), frame(2), frame(3)]);
        for at in 0..whole.len() - frame(3).len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x40;
            assert!(
                matches!(check(&changed), Err(StoreError::Corrupt { .. })),
                "byte {at}"
            );
        }
    }

    #[test]
    fn zeros_behind_the_last_record_are_no_tear() {
        let kept = segment_of(&[frame(1)]);
        let mut filled = kept.clone();
        filled.resize(5000, 0);
        let (found, end) = check(&filled).unwrap();
        assert_eq!(found, [1]);
        assert_eq!((end.offset, end.torn_bytes), (kept.len() as u64, 0));
    }

    #[test]
    fn records_out_of_order_are_damage() {
        for frames in [
            [frame(1), frame(3)],
            [frame(2), frame(1)],
            [frame(1), frame(1)],
        ] {
            assert!(check(&segment_of(&frames)).is_err());
        }
    }

    #[test]
    fn a_body_that_looks_like_a_record_is_not_taken_for_one() {
        let stranger = frame::encode(StoreId([0; 16]), 4, 4, &Effects::new(), &[]).unwrap();
        let effects = Effects::from([(b"k".to_vec(), Some(stranger))]);
        let last = frame::encode(ID, 2, 2, &effects, &[]).unwrap();
        let mut torn = segment_of(&[frame(1), last]);
        torn.pop();
        assert_eq!(check(&torn).unwrap().0, [1]);
    }
}
