//! Letting go of blobs that no row names any more.
//!
//! Whoever knows the rows looks through them; the engine watches meanwhile, so that what is
//! named again between the look and the deletion stays:
//!
//! 1. A sweep begins with candidates. From then on every batch that is decided is looked through:
//!    a candidate that it carries, or names in a value or within a blob, is one no longer. What was
//!    decided before is applied before the sweep goes on.
//! 2. All rows are read. What no row names is handed back.
//! 3. Of that, what is a candidate still is deleted between two decisions: no batch under way
//!    counts on a file that goes.
//!
//! The journal may hold the bytes of what was deleted for a while: a recovery writes the file
//! again. [`Swept::compacted_through`] says up to where that cannot happen any more.

use std::collections::HashSet;

use super::batch::{Batch, Op};
use super::{BlobId, Sequence};

/// Most blobs that one sweep looks after.
pub const SWEEP_BLOBS_MAX: usize = 10_000;

/// A sweep under way. Another one that begins ends it.
#[derive(Debug)]
pub struct Sweep(pub(super) u64);

/// What a sweep has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Blobs that are gone.
    pub removed: Vec<BlobId>,
    /// No recovery brings back what was written up to this commit and removed since.
    pub compacted_through: Sequence,
}

/// Finds ids of blobs within other bytes.
#[derive(Debug)]
pub struct Needles {
    ids: HashSet<[u8; 32]>,
    /// The first two bytes of each id.
    starts: Vec<bool>,
}

impl Needles {
    /// For these.
    #[must_use]
    pub fn new(ids: impl IntoIterator<Item = BlobId>) -> Self {
        let mut starts = vec![false; 1 << 16];
        let ids: HashSet<[u8; 32]> = ids.into_iter().map(|id| *id.as_bytes()).collect();
        for id in &ids {
            starts[start(id)] = true;
        }
        Self { ids, starts }
    }

    /// True when there is nothing left to find.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Those that have not been found, in no order.
    pub fn left(&self) -> impl Iterator<Item = BlobId> {
        self.ids.iter().copied().map(BlobId::from_bytes)
    }

    /// Takes out those that stand in these bytes.
    pub fn find(&mut self, bytes: &[u8]) {
        if self.ids.is_empty() {
            return;
        }
        for window in bytes.windows(32) {
            if self.starts[start(window)]
                && let Ok(id) = <[u8; 32]>::try_from(window)
            {
                self.ids.remove(&id);
            }
        }
    }

    fn take(&mut self, id: BlobId) -> bool {
        self.ids.remove(id.as_bytes())
    }
}

fn start(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take(2)
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte))
}

/// What an engine watches while a sweep is under way.
#[derive(Default)]
pub(crate) struct SweepWatch {
    number: u64,
    candidates: Option<Needles>,
}

impl SweepWatch {
    /// Begins a sweep; one that was under way deletes nothing any more.
    pub(crate) fn begin(&mut self, ids: Vec<BlobId>) -> Sweep {
        self.number += 1;
        self.candidates = Some(Needles::new(ids));
        Sweep(self.number)
    }

    /// Looks through a batch that is being decided.
    pub(crate) fn notice(&mut self, batch: &Batch) {
        let Some(candidates) = &mut self.candidates else {
            return;
        };
        for op in &batch.ops {
            match op {
                Op::Put { value, .. } => candidates.find(value),
                Op::Delete { .. } | Op::Add { .. } => {}
            }
        }
        for blob in &batch.blobs {
            candidates.take(blob.id);
            candidates.find(&blob.bytes);
        }
    }

    /// Ends a sweep: of the blobs that no row names, those that may go.
    pub(crate) fn end(&mut self, sweep: &Sweep, unnamed: Vec<BlobId>) -> Vec<BlobId> {
        if sweep.0 != self.number {
            return Vec::new();
        }
        let Some(mut candidates) = self.candidates.take() else {
            return Vec::new();
        };
        let unnamed = unnamed.into_iter();
        unnamed.filter(|id| candidates.take(*id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> BlobId {
        BlobId::from_bytes([number; 32])
    }

    #[test]
    fn an_id_is_found_wherever_it_stands() {
        let mut needles = Needles::new([id(1), id(2), id(3)]);
        let mut bytes = vec![9; 7];
        bytes.extend_from_slice(id(2).as_bytes());
        needles.find(&bytes);
        needles.find(&id(1).as_bytes()[..31]);
        let mut left: Vec<_> = needles.left().collect();
        left.sort_unstable();
        assert_eq!(left, [id(1), id(3)]);
        needles.find(id(1).as_bytes());
        needles.find(id(3).as_bytes());
        assert!(needles.is_empty());
    }

    #[test]
    fn what_a_batch_names_or_carries_stays() {
        let carried = super::super::Blob::new("carried");
        let mut watch = SweepWatch::default();
        let all = vec![id(1), id(2), id(3), carried.id];
        let sweep = watch.begin(all.clone());
        let mut batch = Batch::new();
        batch.put(*b"row", id(1).as_bytes().to_vec());
        let nested = [b"within ".as_slice(), id(2).as_bytes()].concat();
        batch.blob(nested);
        batch.blob("carried");
        watch.notice(&batch);
        assert_eq!(watch.end(&sweep, all), [id(3)]);
    }

    #[test]
    fn a_sweep_that_another_one_followed_deletes_nothing() {
        let mut watch = SweepWatch::default();
        let first = watch.begin(vec![id(1)]);
        let mut batch = Batch::new();
        batch.put(*b"row", id(1).as_bytes().to_vec());
        watch.notice(&batch);
        let second = watch.begin(vec![id(1), id(2)]);
        assert_eq!(watch.end(&first, vec![id(1)]), []);
        assert_eq!(watch.end(&second, vec![id(2)]), [id(2)]);
        assert_eq!(watch.end(&second, vec![id(2)]), []);
    }
}
