//! One lane of the queue: claims what is due and hands it out, so many at a time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
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

    /// How many of them ordinary work does not get, so that an emergency never waits behind it.
    fn kept_for_express(&self) -> usize {
        0
    }

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
    let places = Places::of(handler.as_ref());
    let tasks = TaskTracker::new();
    let mut commits = store.watch_commits();
    while !cancel.is_cancelled() {
        let wait = if handler.is_ready() {
            match hand_out(&store, &clock, lane, &handler, &places, &tasks) {
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
                    _ = places.permits.acquire() => {}
                }
            }
            Wait::Time(span) | Wait::Place(span) => {
                let for_place = matches!(wait, Wait::Place(_));
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => {}
                    _ = commits.changed() => tokio::time::sleep(LOOK_INTERVAL).await,
                    () = places.ended.notified(), if for_place => {}
                    () = tokio::time::sleep(span) => {}
                }
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

/// Room for work.
struct Places {
    permits: Arc<Semaphore>,
    kept_for_express: usize,
    /// Some work has ended.
    ended: Arc<Notify>,
}

impl Places {
    fn of(handler: &dyn LaneHandler) -> Self {
        let all = handler.concurrency().max(1);
        Self {
            permits: Arc::new(Semaphore::new(all)),
            kept_for_express: handler.kept_for_express().min(all - 1),
            ended: Arc::default(),
        }
    }

    /// How much room there is for what is no emergency.
    fn ordinary(&self) -> usize {
        let free = self.permits.available_permits();
        free.saturating_sub(self.kept_for_express)
    }
}

enum Wait {
    /// Until something under way ends.
    Permit,
    /// So long, or until something is committed.
    Time(Duration),
    /// The same, or until something under way ends.
    Place(Duration),
}

fn hand_out(
    store: &Store,
    clock: &SharedClock,
    lane: Lane,
    handler: &Arc<dyn LaneHandler>,
    places: &Places,
    tasks: &TaskTracker,
) -> Result<Wait, crate::store::StoreError> {
    let free = places.permits.available_permits().min(CLAIM_MAX);
    if free == 0 {
        return Ok(Wait::Permit);
    }
    let now = clock.wall();
    // Emergencies first.
    let mut claims = store.claim_due(lane.number(true), now, LEASE, free)?;
    let more = places.ordinary().saturating_sub(claims.len());
    if more > 0 {
        let more = more.min(CLAIM_MAX);
        claims.extend(store.claim_due(lane.number(false), now, LEASE, more)?);
    }
    for claim in claims {
        let Ok(permit) = Arc::clone(&places.permits).try_acquire_owned() else {
            store.release(&claim);
            continue;
        };
        let (handler, ended) = (Arc::clone(handler), Arc::clone(&places.ended));
        tasks.spawn(async move {
            handler.handle(claim).await;
            drop(permit);
            ended.notify_one();
        });
    }
    if places.permits.available_permits() == 0 {
        return Ok(Wait::Permit);
    }
    let express = store.next_due(lane.number(true))?;
    let has_room = places.ordinary() > 0;
    let ordinary = if has_room {
        store.next_due(lane.number(false))?
    } else {
        None
    };
    let next = express.into_iter().chain(ordinary).min();
    let next = next.map(|due| due.since(now));
    let span = next
        .unwrap_or(LOOK_INTERVAL_MAX)
        .clamp(LOOK_INTERVAL, LOOK_INTERVAL_MAX);
    Ok(if has_room {
        Wait::Time(span)
    } else {
        Wait::Place(span)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::sync::mpsc;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;

    use super::*;
    use crate::clock::VirtualClock;
    use crate::domain::Timestamp;
    use crate::store::Batch;
    use crate::store::engine::queue_key;

    /// Work that begins and does not end before it is let.
    struct Hanging {
        concurrency: usize,
        kept_for_express: usize,
        begun: mpsc::UnboundedSender<u8>,
        may_end: Semaphore,
    }

    impl LaneHandler for Hanging {
        fn concurrency(&self) -> usize {
            self.concurrency
        }

        fn kept_for_express(&self) -> usize {
            self.kept_for_express
        }

        fn handle(&self, claim: Claim) -> Work<'_> {
            Box::pin(async move {
                self.begun.send(claim.id[0]).unwrap();
                // Those who began first end first.
                self.may_end.acquire().await.unwrap().forget();
            })
        }
    }

    /// A lane that runs, on virtual time.
    struct Running {
        store: Store,
        clock: SharedClock,
        handler: Arc<Hanging>,
        begun: mpsc::UnboundedReceiver<u8>,
        cancel: CancellationToken,
        task: JoinHandle<()>,
    }

    fn start(concurrency: usize, kept_for_express: usize) -> Running {
        let store = Store::memory();
        let clock: SharedClock =
            VirtualClock::with_tokio(Timestamp::from_millis(1_800_000_000_000));
        let (sender, begun) = mpsc::unbounded_channel();
        let handler = Arc::new(Hanging {
            concurrency,
            kept_for_express,
            begun: sender,
            may_end: Semaphore::new(0),
        });
        let cancel = CancellationToken::new();
        let lane = run(
            store.clone(),
            clock.clone(),
            Lane::Email,
            Arc::clone(&handler) as Arc<dyn LaneHandler>,
            cancel.clone(),
        );
        Running {
            task: tokio::spawn(lane),
            store,
            clock,
            handler,
            begun,
            cancel,
        }
    }

    impl Running {
        /// Makes these due.
        async fn due(&self, express: bool, ids: std::ops::Range<u8>) {
            let mut batch = Batch::new();
            for id in ids {
                let lane = Lane::Email.number(express);
                batch.put(
                    queue_key(lane, self.clock.wall(), &[id; 16]),
                    Vec::<u8>::new(),
                );
            }
            self.store.commit(batch).await.unwrap();
        }

        /// The next one that begins; none when nothing does for longer than a lane ever waits
        /// before it looks.
        async fn begins(&mut self) -> Option<u8> {
            let waited = timeout(LOOK_INTERVAL_MAX * 3, self.begun.recv()).await;
            waited.ok().flatten()
        }

        /// Lets everything end.
        async fn stop(self) {
            self.cancel.cancel();
            self.handler.may_end.add_permits(100);
            timeout(LEASE, self.task).await.unwrap().unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_emergency_begins_where_ordinary_work_hangs_and_has_to_wait() {
        let mut lane = start(5, 1);
        lane.due(false, 1..6).await;
        for expected in 1..5 {
            assert_eq!(lane.begins().await, Some(expected));
        }
        assert_eq!(lane.begins().await, None, "the fifth place is not for it");
        lane.due(true, 100..101).await;
        assert_eq!(lane.begins().await, Some(100));
        // Of two that end, one leaves its place to the next emergency.
        lane.handler.may_end.add_permits(1);
        assert_eq!(lane.begins().await, None);
        lane.handler.may_end.add_permits(1);
        assert_eq!(lane.begins().await, Some(5));
        assert_eq!(lane.begins().await, None);
        lane.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn where_nothing_is_kept_for_them_emergencies_go_first_and_wait_like_others() {
        let mut lane = start(2, 0);
        lane.due(false, 1..4).await;
        assert_eq!(lane.begins().await, Some(1));
        assert_eq!(lane.begins().await, Some(2));
        lane.due(true, 100..101).await;
        assert_eq!(lane.begins().await, None);
        lane.handler.may_end.add_permits(1);
        assert_eq!(lane.begins().await, Some(100));
        lane.handler.may_end.add_permits(1);
        assert_eq!(lane.begins().await, Some(3));
        lane.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_has_but_one_place_is_not_shut_out_by_emergencies() {
        let mut lane = start(1, 1);
        lane.due(false, 1..2).await;
        assert_eq!(lane.begins().await, Some(1));
        lane.stop().await;
    }
}
