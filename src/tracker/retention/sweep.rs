//! Deleting the files of blobs that no row names any more.

use super::{Tracker, TrackerError, apart};
use crate::store::engine::{BATCH_OPS_MAX, BlobId};
use crate::store::{Batch, LooseBatch, LooseBlob};
use crate::tracker::is_conflict;

impl Tracker {
    /// Looks through the blobs that rows which are gone have named, and deletes those that no
    /// other row names. Returns how many went. One that the journal could still bring back is
    /// looked at again another time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep_blobs(&self) -> Result<usize, TrackerError> {
        let loose = self.repo.loose_blobs(self.clock.wall())?;
        if loose.is_empty() {
            return Ok(0);
        }
        let store = self.repo.store();
        let ids: Vec<BlobId> = loose.iter().map(|blob| blob.id).collect();
        let sweep = store.begin_sweep(ids.clone()).await?;
        let repo = self.repo.clone();
        let unnamed = apart(move || repo.unnamed_blobs(ids)).await??;
        let swept = store.end_sweep(sweep, unnamed.clone()).await?;
        let is_settled = |blob: &&LooseBlob| {
            let is_gone = swept.removed.contains(&blob.id);
            let comes_back = blob.written_before > swept.compacted_through;
            (is_gone && !comes_back) || !unnamed.contains(&blob.id)
        };
        let settled: Vec<&LooseBlob> = loose.iter().filter(is_settled).collect();
        for some in settled.chunks(BATCH_OPS_MAX / 2) {
            self.settle(some).await?;
        }
        Ok(swept.removed.len())
    }

    async fn settle(&self, blobs: &[&LooseBlob]) -> Result<(), TrackerError> {
        let mut batch = Batch::new();
        for blob in blobs {
            batch.settle(blob);
        }
        batch.upkeep();
        match self.repo.store().commit(batch).await {
            Ok(_) => Ok(()),
            // Another row that named one has gone meanwhile: all are looked at again.
            Err(error) if is_conflict(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
