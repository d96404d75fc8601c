//! Snapshot and journal together: everything that was ever made durable.

use std::fs;

use super::blobs::BlobFiles;
use super::files::{Layout, remove_if_there, sync_dir};
use super::frame::{Record, StoreId};
use super::journal::{Journal, Sealed};
use super::segment::{self, End, Segment};
use super::slices::{SLICE_BYTES_MAX, Slices};
use super::snapshot::{self, Rows, Snapshot};
use super::{Key, Result, StoreError, Value};

/// The files that hold the history, found and put in order but not yet read.
pub(crate) struct History {
    pub(crate) id: StoreId,
    pub(crate) snapshot: Option<Snapshot>,
    /// Oldest first; at least one.
    segments: Vec<Segment>,
}

/// What the journal says after being read.
pub(crate) struct Replay {
    pub(crate) records: u64,
    pub(crate) blobs_restored: u64,
    /// The journal holds blobs: their files may not be durable.
    pub(crate) holds_blobs: bool,
    pub(crate) sealed: Vec<Sealed>,
    pub(crate) end: End,
}

impl History {
    /// Finds the history of a folder, or begins one in an empty folder.
    pub(crate) fn find(layout: &Layout) -> Result<Self> {
        let snapshot = snapshot::find(&layout.snapshots())?;
        let mut segments = segment::list(&layout.journal())?;
        drop_unfinished(&mut segments)?;
        if segments.is_empty() {
            return begin(layout, snapshot);
        }
        drop_covered(layout, &mut segments, snapshot.as_ref())?;
        let id = identify(&segments, snapshot.as_ref())?;
        let base = snapshot.as_ref().map_or(0, |snapshot| snapshot.sequence);
        match segments.first() {
            Some(oldest) if oldest.first > base + 1 => Err(missing(
                layout,
                "a journal segment before the oldest is missing",
            )),
            _ => Ok(Self {
                id,
                snapshot,
                segments,
            }),
        }
    }

    /// Every sequence up to this one is in the snapshot.
    pub(crate) fn base(&self) -> u64 {
        self.snapshot
            .as_ref()
            .map_or(0, |snapshot| snapshot.sequence)
    }

    /// The segment that the journal goes on in.
    pub(crate) fn current(&self) -> Option<&Segment> {
        self.segments.last()
    }

    pub(crate) fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// Bytes of snapshot and journal.
    pub(crate) fn size_bytes(&self) -> Result<u64> {
        let mut size = self.snapshot.as_ref().map_or(0, Snapshot::size_bytes);
        for segment in &self.segments {
            size += fs::metadata(&segment.path)?.len();
        }
        Ok(size)
    }

    /// Reads the last segment only: enough after a clean end.
    pub(crate) fn read_end(&self) -> Result<(Vec<Sealed>, End)> {
        let Some((current, older)) = self.segments.split_last() else {
            return Err(StoreError::Closed);
        };
        let mut sealed = Vec::with_capacity(older.len());
        for (segment, next) in older.iter().zip(self.segments.iter().skip(1)) {
            sealed.push(Sealed {
                segment: segment.clone(),
                last: next.first.saturating_sub(1),
                size_bytes: fs::metadata(&segment.path)?.len(),
            });
        }
        let end = segment::read(current, self.id, &mut |_| Ok(()))?;
        Ok((sealed, end))
    }

    /// Reads the whole journal. Blobs that it holds go to their files again
    /// where those are missing or wrong.
    pub(crate) fn replay(&self, blobs: Option<&BlobFiles>) -> Result<Replay> {
        let mut records = 0;
        let mut blobs_restored = 0;
        let mut holds_blobs = false;
        let mut visit = |record: Record| {
            records += 1;
            holds_blobs |= !record.blobs.is_empty();
            if let Some(files) = blobs {
                for (id, bytes) in &record.blobs {
                    blobs_restored += u64::from(files.restore(*id, bytes)?);
                }
            }
            Ok(())
        };
        let mut sealed = Vec::new();
        let mut end = None;
        for (at, segment) in self.segments.iter().enumerate() {
            let found = segment::read(segment, self.id, &mut visit)?;
            if let Some(next) = self.segments.get(at + 1) {
                check_joint(segment, found, next)?;
                sealed.push(Sealed {
                    segment: segment.clone(),
                    last: found.last,
                    size_bytes: found.offset,
                });
            }
            end = Some(found);
        }
        Ok(Replay {
            records,
            blobs_restored,
            holds_blobs,
            sealed,
            end: end.ok_or(StoreError::Closed)?,
        })
    }

    /// The rows of the snapshot with the journal's effects on top, in key order. The journal
    /// has been found sound by [`History::replay`].
    pub(crate) fn rows(&self) -> Result<Merged> {
        let next = self.segments.iter().skip(1).map(Some).chain([None]);
        let segments = self.segments.iter().zip(next).map(|(segment, next)| {
            let last = next.map(|next| next.first.saturating_sub(1));
            (segment.clone(), last)
        });
        let slices = Slices::new(segments.collect(), self.id, self.base(), SLICE_BYTES_MAX);
        Merged::new(self.snapshot.as_ref(), self.id, slices)
    }
}

fn begin(layout: &Layout, snapshot: Option<Snapshot>) -> Result<History> {
    if snapshot.is_some() || layout.index().join("db").exists() {
        return Err(missing(layout, "the journal is missing"));
    }
    let id = new_id()?;
    let first = Journal::create_segment(&layout.journal(), id, 1)?;
    Ok(History {
        id,
        snapshot: None,
        segments: vec![first],
    })
}

fn new_id() -> Result<StoreId> {
    use ring::rand::SecureRandom;
    let mut id = [0; 16];
    ring::rand::SystemRandom::new()
        .fill(&mut id)
        .map_err(|_| std::io::Error::other("no randomness"))?;
    Ok(StoreId(id))
}

/// A segment gets its header synced before anything goes into it: a last one
/// without a header was never used.
fn drop_unfinished(segments: &mut Vec<Segment>) -> Result<()> {
    let Some(last) = segments.last() else {
        return Ok(());
    };
    let size = fs::metadata(&last.path)?.len();
    if size <= segment::HEADER_SIZE as u64 && segment::read_id(last)?.is_none() {
        remove_if_there(&last.path)?;
        segments.pop();
    }
    Ok(())
}

/// Finishes the removal of segments that a snapshot has replaced.
fn drop_covered(
    layout: &Layout,
    segments: &mut Vec<Segment>,
    snapshot: Option<&Snapshot>,
) -> Result<()> {
    let Some(snapshot) = snapshot else {
        return Ok(());
    };
    while let [oldest, next, ..] = segments.as_slice() {
        if next.first > snapshot.sequence + 1 {
            break;
        }
        remove_if_there(&oldest.path)?;
        segments.remove(0);
    }
    Ok(sync_dir(&layout.journal())?)
}

fn identify(segments: &[Segment], snapshot: Option<&Snapshot>) -> Result<StoreId> {
    if let Some(snapshot) = snapshot {
        return snapshot::read_id(snapshot);
    }
    for segment in segments {
        if let Some(id) = segment::read_id(segment)? {
            return Ok(id);
        }
    }
    let file = segments.first().map(|s| s.path.clone()).unwrap_or_default();
    Err(StoreError::Corrupt {
        file,
        offset: 0,
        what: "no segment has a whole header",
    })
}

fn check_joint(segment: &Segment, end: End, next: &Segment) -> Result<()> {
    let what = if end.torn_bytes > 0 {
        "a record before the last is damaged"
    } else if end.last + 1 != next.first {
        "records are missing before the next segment"
    } else {
        return Ok(());
    };
    Err(StoreError::Corrupt {
        file: segment.path.clone(),
        offset: end.offset,
        what,
    })
}

fn missing(layout: &Layout, what: &'static str) -> StoreError {
    StoreError::Corrupt {
        file: layout.journal(),
        offset: 0,
        what,
    }
}

/// Rows of a snapshot with later effects laid over them.
pub(crate) struct Merged {
    base: Option<Rows>,
    base_next: Option<(Key, Value)>,
    effects: Slices,
    next_effect: Option<(Key, Option<Value>)>,
}

impl Merged {
    pub(crate) fn new(snapshot: Option<&Snapshot>, id: StoreId, effects: Slices) -> Result<Self> {
        let mut merged = Self {
            base: snapshot
                .map(|snapshot| Rows::open(snapshot, id))
                .transpose()?,
            base_next: None,
            effects,
            next_effect: None,
        };
        merged.advance_base()?;
        merged.advance_effect()?;
        Ok(merged)
    }

    fn advance_base(&mut self) -> Result<Option<(Key, Value)>> {
        let next = self.base.as_mut().and_then(Iterator::next).transpose()?;
        Ok(std::mem::replace(&mut self.base_next, next))
    }

    fn advance_effect(&mut self) -> Result<Option<(Key, Option<Value>)>> {
        let next = self.effects.next().transpose()?;
        Ok(std::mem::replace(&mut self.next_effect, next))
    }

    fn next_row(&mut self) -> Result<Option<(Key, Value)>> {
        loop {
            let Some((key, _)) = &self.next_effect else {
                return self.advance_base();
            };
            match &self.base_next {
                Some((base_key, _)) if base_key < key => return self.advance_base(),
                Some((base_key, _)) if base_key == key => {
                    self.advance_base()?;
                }
                _ => {}
            }
            if let Some((key, Some(value))) = self.advance_effect()? {
                return Ok(Some((key, value)));
            }
        }
    }
}

impl Iterator for Merged {
    type Item = Result<(Key, Value)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row().transpose()
    }
}
