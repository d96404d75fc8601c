//! One lane of the queue: claims what is due and hands it out, so many at a time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SharedClock;
use crate::domain::Lane;
use crate::store::Store;
use crate::store::engine::Claim;

/// How long a claim is ours. Longer than any attempt takes.
pub const LEASE: Duration = Duration::from_secs(30 * 60);
/// Most entries claimed in one go.
const CLAIM_MAX: usize = 64;
/// Least time between two looks, so that a burst of commits is one look.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// Longest time between two looks.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(5);
/// Time between looks while the lane's handler is not ready, or the store fails.
const NOT_READY_INTERVAL: Duration = Duration::from_millis(250);

/// A future of one piece of work.
pub type Work<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Works off the entries of a lane.
pub trait LaneHandler: Send + Sync + 'static {
    /// Most pieces of work at once.
    fn concurrency(&self) -> usize;

    /// Whether work makes sense now.
    fn is_ready(&self) -> bool {
        true
    }

    /// Does one piece of work. The batch that completes it deletes the entry; an entry that is
    /// still there at the end of its lease is due again.
    fn handle(&self, claim: Claim) -> Work<'_>;
}

/// Runs a lane until cancelled, then waits for what is under way.
pub async fn run(
    store: Store,
    clock: SharedClock,
    lane: Lane,
    handler: Arc<dyn LaneHandler>,
    cancel: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(handler.concurrency().max(1)));
    let tasks = TaskTracker::new();
    let mut commits = store.watch_commits();
    while !cancel.is_cancelled() {
        let wait = if handler.is_ready() {
            match hand_out(&store, &clock, lane, &handler, &permits, &tasks) {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(lane = lane.as_str(), %error, "the queue cannot be read; trying again");
                    Wait::Time(NOT_READY_INTERVAL)
                }
            }
        } else {
            Wait::Time(NOT_READY_INTERVAL)
        };
        match wait {
            Wait::Permit => {
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => {}
                    _ = permits.acquire() => {}
                }
            }
            Wait::Time(span) => {
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => {}
                    _ = commits.changed() => tokio::time::sleep(LOOK_INTERVAL).await,
                    () = tokio::time::sleep(span) => {}
                }
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

enum Wait {
    /// Until something under way ends.
    Permit,
    /// So long, or until something is committed.
    Time(Duration),
}

fn hand_out(
    store: &Store,
    clock: &SharedClock,
    lane: Lane,
    handler: &Arc<dyn LaneHandler>,
    permits: &Arc<Semaphore>,
    tasks: &TaskTracker,
) -> Result<Wait, crate::store::StoreError> {
    let free = permits.available_permits().min(CLAIM_MAX);
    if free == 0 {
        return Ok(Wait::Permit);
    }
    let now = clock.wall();
    // Emergencies first.
    let mut claims = store.claim_due(lane.number(true), now, LEASE, free)?;
    if claims.len() < free {
        let more = free - claims.len();
        claims.extend(store.claim_due(lane.number(false), now, LEASE, more)?);
    }
    for claim in claims {
        let Ok(permit) = Arc::clone(permits).try_acquire_owned() else {
            store.release(&claim);
            continue;
        };
        let handler = Arc::clone(handler);
        tasks.spawn(async move {
            handler.handle(claim).await;
            drop(permit);
        });
    }
    if permits.available_permits() == 0 {
        return Ok(Wait::Permit);
    }
    let express = store.next_due(lane.number(true))?;
    let ordinary = store.next_due(lane.number(false))?;
    let next = express.into_iter().chain(ordinary).min();
    let next = next.map(|due| due.since(now));
    let span = next
        .unwrap_or(LOOK_INTERVAL_MAX)
        .clamp(LOOK_INTERVAL, LOOK_INTERVAL_MAX);
    Ok(Wait::Time(span))
}
