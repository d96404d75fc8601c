//! The handler of the lane in which audiences wait to be turned into deliveries.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::lane::{LaneHandler, Work};
use crate::clock::SharedClock;
use crate::domain::{Lane, Timestamp};
use crate::store::engine::Claim;
use crate::store::{Repo, RepoError};
use crate::tracker::{ROUND_STEP_PEOPLE_MAX, Room, RoundStep, Tracker};

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
        let mut looked = self.look(&claim.value);
        let room = |under_way| {
            let full = looked.room == 0;
            let since = self.clock.monotonic().saturating_duration_since(looked.at);
            if full && since >= FULL_INTERVAL || !full && looked.taken >= looked.room {
                looked = self.look(&claim.value);
                looked.room = looked.room.saturating_sub(under_way);
            }
            looked.taken += ROUND_STEP_PEOPLE_MAX;
            let room = if looked.room == 0 {
                Room::Full
            } else {
                Room::Free
            };
            (!self.cancel.is_cancelled()).then_some(room)
        };
        match self.tracker.step_round(&claim.value, room).await {
            Ok(RoundStep::Done) => return,
            Ok(RoundStep::More) => {}
            // Given back, so that an emergency never waits behind rounds that wait.
            Ok(RoundStep::Wait) => self.pause(FULL_INTERVAL).await,
            Err(error) => {
                tracing::error!(%error, "a round cannot go on; trying again");
                self.pause(RETRY_INTERVAL).await;
            }
        }
        self.repo.store().release(&claim);
    }

    fn look(&self, round: &[u8]) -> Looked {
        let room = room(&self.repo, round, self.clock.wall());
        Looked {
            room: room.unwrap_or(0),
            taken: 0,
            at: self.clock.monotonic(),
        }
    }

    async fn pause(&self, span: Duration) {
        tokio::select! {
            () = self.cancel.cancelled() => {}
            () = tokio::time::sleep(span) => {}
        }
    }
}

/// How many deliveries the emptiest of the lanes that a round feeds can take. A text waits neither
/// for a trunk that is busy for hours nor for mail that is due tomorrow: only what is due now
/// counts, only in the round's own lanes, and the quickest of them says when to go on.
///
/// # Errors
/// When the store cannot be read.
pub fn room(repo: &Repo, round: &[u8], now: Timestamp) -> Result<usize, RepoError> {
    let Some(job) = repo.round_at(round)? else {
        return Ok(WAITING_MAX);
    };
    let communication = repo.communication(job.communication)?;
    let Some(channels) = communication.map(|communication| communication.channels) else {
        return Ok(WAITING_MAX);
    };
    let mut most = None;
    for channel in channels.iter() {
        let lane = Lane::from(channel).number(job.express);
        let due = repo.due_depth(lane, now, WAITING_MAX)?;
        most = most.max(Some(WAITING_MAX - due));
    }
    Ok(most.unwrap_or(WAITING_MAX))
}

/// What a look at the lanes showed.
struct Looked {
    /// How many deliveries they could take.
    room: usize,
    /// How many people have been seen to since.
    taken: usize,
    at: Instant,
}

impl LaneHandler for Rounds {
    fn concurrency(&self) -> usize {
        ROUNDS_AT_ONCE
    }

    fn handle(&self, claim: Claim) -> Work<'_> {
        Box::pin(self.work(claim))
    }
}
