//! The handler of the lane in which files of contacts wait.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::lane::{LaneHandler, Work};
use crate::domain::ImportId;
use crate::store::Repo;
use crate::store::engine::Claim;
use crate::tracker::{ImportStep, Tracker};

/// Files worked on at once; each is in memory meanwhile.
const IMPORTS_AT_ONCE: usize = 1;
/// Time before a step is tried again that the store refused.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Goes through files of contacts, step by step.
pub struct Imports {
    repo: Repo,
    tracker: Tracker,
    cancel: CancellationToken,
}

impl Imports {
    /// Stops between two steps when cancelled.
    #[must_use]
    pub const fn new(repo: Repo, tracker: Tracker, cancel: CancellationToken) -> Self {
        Self {
            repo,
            tracker,
            cancel,
        }
    }

    async fn work(&self, claim: Claim) {
        let id = ImportId::from_bytes(claim.id);
        while !self.cancel.is_cancelled() {
            match self.pass(id).await {
                Ok(()) => break,
                Err(why) => {
                    tracing::error!(import = %id, why, "an import cannot go on; trying again");
                    tokio::select! {
                        () = self.cancel.cancelled() => {}
                        () = tokio::time::sleep(RETRY_INTERVAL) => {}
                    }
                }
            }
        }
        // A pass that was stopped has another entry; this one is gone, or due again.
        self.repo.store().release(&claim);
    }

    async fn pass(&self, id: ImportId) -> Result<(), String> {
        let tracker = self.tracker.clone();
        let opened = crate::clock::apart(move || tracker.open_import(id)).await;
        let opened = opened.map_err(|error| error.to_string())?;
        let Some(mut work) = opened.map_err(|error| error.to_string())? else {
            return Ok(());
        };
        while !self.cancel.is_cancelled() {
            let stepped = self.tracker.step_import(work).await;
            let (back, step) = stepped.map_err(|error| error.to_string())?;
            work = back;
            if step == ImportStep::Done {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

impl LaneHandler for Imports {
    fn concurrency(&self) -> usize {
        IMPORTS_AT_ONCE
    }

    fn handle(&self, claim: Claim) -> Work<'_> {
        Box::pin(self.work(claim))
    }
}
