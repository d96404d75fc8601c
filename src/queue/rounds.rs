//! The handler of the lane in which audiences wait to be turned into deliveries.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::lane::{LaneHandler, Work};
use crate::clock::SharedClock;
use crate::domain::{Lane, Timestamp};
use crate::store::Repo;
use crate::store::engine::Claim;
use crate::tracker::{RoundStep, Tracker};

/// Deliveries that may be due in one lane before more are made for it.
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
    clock: SharedClock,
    cancel: CancellationToken,
}

impl Rounds {
    /// Stops between two steps when cancelled.
    #[must_use]
    pub const fn new(
        repo: Repo,
        tracker: Tracker,
        clock: SharedClock,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            repo,
            tracker,
            clock,
            cancel,
        }
    }

    async fn work(&self, claim: Claim) {
        while !self.cancel.is_cancelled() {
            if self.must_wait(&claim.value) {
                // Given back, so that an emergency never waits behind rounds that wait.
                self.pause(FULL_INTERVAL).await;
                break;
            }
            match self.tracker.step_round(&claim.value).await {
                Ok(RoundStep::More) => tokio::task::yield_now().await,
                Ok(RoundStep::Done) => return,
                Ok(RoundStep::Wait) => {
                    self.pause(FULL_INTERVAL).await;
                    break;
                }
                Err(error) => {
                    tracing::error!(%error, "a round cannot go on; trying again");
                    self.pause(RETRY_INTERVAL).await;
                }
            }
        }
        self.repo.store().release(&claim);
    }

    /// Whether every lane that this round feeds has enough to do. A text waits neither for a
    /// trunk that is busy for hours nor for mail that is due tomorrow: only what is due now
    /// counts, only in the round's own lanes, and the quickest of them says when to go on.
    fn must_wait(&self, round: &[u8]) -> bool {
        let Ok(Some(job)) = self.repo.round_at(round) else {
            return false;
        };
        if job.express {
            return false;
        }
        let Ok(Some(communication)) = self.repo.communication(job.communication) else {
            return false;
        };
        let now = self.clock.wall();
        let mut lanes = communication.channels.iter().map(Lane::from).peekable();
        lanes.peek().is_some() && lanes.all(|lane| self.is_full(lane, now))
    }

    fn is_full(&self, lane: Lane, now: Timestamp) -> bool {
        let due = self.repo.due_depth(lane, now, WAITING_MAX);
        due.is_ok_and(|due| due >= WAITING_MAX)
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
