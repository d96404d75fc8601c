//! The handler of the lane in which audiences wait to be turned into deliveries.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::lane::{LaneHandler, Work};
use crate::domain::Lane;
use crate::store::Repo;
use crate::store::engine::Claim;
use crate::tracker::{RoundStep, Tracker};

/// Deliveries that may wait in one lane before more are made.
pub const WAITING_MAX: usize = 5_000;
/// Rounds worked on at once, so that a small alert does not wait behind a large one.
const ROUNDS_AT_ONCE: usize = 8;
/// Time between two looks at lanes that are full.
const FULL_INTERVAL: Duration = Duration::from_millis(200);
/// Time before a step is tried again that the store refused.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Turns audiences into deliveries, step by step.
pub struct Rounds {
    repo: Repo,
    tracker: Tracker,
    cancel: CancellationToken,
}

impl Rounds {
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
        while !self.cancel.is_cancelled() {
            if self.is_full() {
                self.pause(FULL_INTERVAL).await;
                continue;
            }
            match self.tracker.step_round(&claim.value).await {
                Ok(RoundStep::More) => tokio::task::yield_now().await,
                Ok(RoundStep::Done) => return,
                Err(error) => {
                    tracing::error!(%error, "a round cannot go on; trying again");
                    self.pause(RETRY_INTERVAL).await;
                }
            }
        }
        self.repo.store().release(&claim);
    }

    fn is_full(&self) -> bool {
        [Lane::Email, Lane::Text, Lane::Call]
            .into_iter()
            .any(|lane| {
                self.repo
                    .lane_depth(lane, WAITING_MAX)
                    .is_ok_and(|depth| depth >= WAITING_MAX)
            })
    }

    async fn pause(&self, span: Duration) {
        tokio::select! {
            () = self.cancel.cancelled() => {}
            () = tokio::time::sleep(span) => {}
        }
    }
}

impl LaneHandler for Rounds {
    fn concurrency(&self) -> usize {
        ROUNDS_AT_ONCE
    }

    fn handle(&self, claim: Claim) -> Work<'_> {
        Box::pin(self.work(claim))
    }
}
