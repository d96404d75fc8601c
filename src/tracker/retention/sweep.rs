//! Deleting the files of blobs that no row names any more.

use std::collections::BTreeSet;

use super::{Tracker, TrackerError, apart};
use crate::domain::Timestamp;
use crate::store::engine::{BATCH_OPS_MAX, BlobId, SWEEP_BLOBS_MAX};
use crate::store::{Batch, LooseBatch, LooseBlob, keys};
use crate::tracker::is_conflict;

/// Days between two looks for blobs that nobody has let go of.
const LOOK_DAYS: u64 = 7;
/// Name under which the time of the last one is kept.
const LOOKED: &str = "strays-looked-for";

impl Tracker {
    /// Looks through the blobs that rows which are gone have named, and deletes those that no
    /// other row names. Returns how many went. One that the journal could still bring back is
    /// looked at again another time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep_blobs(&self) -> Result<usize, TrackerError> {
        let (mut removed, mut after) = (0, None);
        loop {
            let loose = self.repo.loose_blobs(self.clock.wall(), after)?;
            let Some(last) = loose.last() else {
                return Ok(removed);
            };
            after = Some(last.id);
            removed += self.sweep_some(&loose).await?;
            if loose.len() < SWEEP_BLOBS_MAX {
                return Ok(removed);
            }
        }
    }

    async fn sweep_some(&self, loose: &[LooseBlob]) -> Result<usize, TrackerError> {
        let store = self.repo.store();
        let ids: Vec<BlobId> = loose.iter().map(|blob| blob.id).collect();
        let sweep = store.begin_sweep(ids.clone()).await?;
        let repo = self.repo.clone();
        let unnamed = apart(move || repo.unnamed_blobs(ids)).await??;
        let swept = store.end_sweep(sweep, unnamed.clone()).await?;
        let (removed, unnamed): (BTreeSet<_>, BTreeSet<_>) = (
            swept.removed.iter().copied().collect(),
            unnamed.into_iter().collect(),
        );
        let is_settled = |blob: &&LooseBlob| {
            let comes_back = blob.written_before > swept.compacted_through;
            (removed.contains(&blob.id) && !comes_back) || !unnamed.contains(&blob.id)
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

    /// Once a week, lets go of blobs that no row names: earlier texts of drafts, attachments that
    /// were taken out, lists that were replaced. They are deleted by a sweep a day later, if no
    /// row names them by then. Returns how many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn look_for_strays(&self) -> Result<usize, TrackerError> {
        let now = self.clock.wall();
        let last = self.repo.setting(LOOKED)?;
        let last = last.and_then(|at| at.as_slice().try_into().ok());
        let last = last.map(|at| Timestamp::from_millis(u64::from_be_bytes(at)));
        let week = std::time::Duration::from_secs(LOOK_DAYS * 24 * 3600);
        if last.is_some_and(|last| last <= now && last.plus(week) > now) {
            return Ok(0);
        }
        // Before anything is read: what lies there by then was written by then.
        let seen = *self.repo.store().watch_commits().borrow();
        let repo = self.repo.clone();
        let strays = apart(move || repo.stray_blobs()).await??;
        for some in strays.chunks(BATCH_OPS_MAX / 2) {
            let mut batch = Batch::new();
            batch.loosen(&some.iter().copied().collect(), now, seen);
            batch.upkeep();
            self.repo.store().commit(batch).await?;
        }
        let mut batch = Batch::new();
        batch.put(keys::setting(LOOKED), now.as_millis().to_be_bytes());
        batch.upkeep();
        self.repo.store().commit(batch).await?;
        Ok(strays.len())
    }
}
