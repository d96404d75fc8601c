//! The handler of a channel's lane: one claimed delivery, one attempt, one outcome recorded.

mod files;
mod request;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::lane::{LaneHandler, Work};
use super::outcome::{
    begun, event_for, overdue, progressed, unknown_attempts, unknown_for_good, waiting,
};
use super::quiet::quiet_until;
use super::schedule::RetrySchedule;
use super::tickets;
use crate::channel::{
    Admission, AttemptOutcome, AttemptRequest, Channel, MailLinks, PROGRESS_MAX, ReportParams,
};
use crate::clock::{NotDone, Randomness, SharedClock};
use crate::domain::{
    BlobId, Body, Channel as ChannelKind, ClosedReason, Content, Delivery, DeliveryId, Lane,
    Origin, PublicLinks, ReturnPaths, Status, Tracking,
};
use crate::observe::{Held, Metrics};
use crate::store::engine::Claim;
use crate::store::{Repo, RepoError};
use crate::tracker::{Event, Notice, Tracker, TrackerError};

/// Contents kept at hand; a communication's deliveries share one.
const CONTENTS_MAX: usize = 64;
/// Time between two tries to record what has happened on the wire while the store refuses.
const RECORD_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Time between two looks for what has waited for too long.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// Most deliveries looked at in one sweep.
const SWEEP_MAX: usize = 512;

/// Works off one channel's lane.
pub struct Attempts {
    channel: Arc<dyn Channel>,
    repo: Repo,
    tracker: Tracker,
    clock: SharedClock,
    random: Randomness,
    schedule: RetrySchedule,
    return_paths: ReturnPaths,
    zone: TimeZone,
    running: Mutex<HashMap<DeliveryId, CancellationToken>>,
    files: files::Files,
    contents: Mutex<Vec<(BlobId, Arc<Content>)>>,
    drain: CancellationToken,
    metrics: Option<Arc<Metrics>>,
    public: Option<PublicLinks>,
    tracking: Tracking,
}

/// What the handler of a channel's lane works with.
#[derive(Clone, Debug)]
pub struct AttemptTools {
    /// To read with.
    pub repo: Repo,
    /// To record with.
    pub tracker: Tracker,
    /// The time.
    pub clock: SharedClock,
    /// To spread retries.
    pub random: Randomness,
    /// To name each delivery in its envelope sender.
    pub return_paths: ReturnPaths,
    /// The zone in which people's quiet hours are meant.
    pub zone: TimeZone,
}

impl Attempts {
    /// For this channel. `drain` ends attempts that can be ended without loss.
    #[must_use]
    pub fn new(
        channel: Arc<dyn Channel>,
        tools: AttemptTools,
        schedule: RetrySchedule,
        drain: CancellationToken,
    ) -> Self {
        Self {
            channel,
            repo: tools.repo,
            tracker: tools.tracker,
            clock: tools.clock,
            random: tools.random,
            schedule,
            return_paths: tools.return_paths,
            zone: tools.zone,
            running: Mutex::default(),
            files: files::Files::default(),
            contents: Mutex::default(),
            drain,
            metrics: None,
            public: None,
            tracking: Tracking::default(),
        }
    }

    /// Puts links to the public pages into messages; where a communication asks for it, and it is
    /// allowed here, also the picture that tells of opening and the way round of its links.
    #[must_use]
    pub fn with_public_links(mut self, links: PublicLinks, allowed: Tracking) -> Self {
        self.public = Some(links);
        self.tracking = allowed;
        self
    }

    /// Counts what it does.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// Stops attempts at deliveries that have been closed meanwhile. Runs until cancelled.
    pub async fn stop_closed(&self, cancel: CancellationToken) {
        let mut notices = self.tracker.subscribe();
        loop {
            let notice = tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                notice = notices.recv() => notice,
            };
            match notice {
                Ok(Notice::DeliveryClosed(id)) => self.stop(id),
                Ok(Notice::PersonChanged { .. } | Notice::SenderFault(_)) => {}
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => self.stop_all_closed(),
                Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    fn stop(&self, id: DeliveryId) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = running.get(&id) {
            token.cancel();
        }
    }

    fn stop_all_closed(&self) {
        let ids: Vec<DeliveryId> = {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.keys().copied().collect()
        };
        for id in ids {
            let closed = self
                .repo
                .delivery(id)
                .ok()
                .flatten()
                .is_some_and(|delivery| delivery.closed.is_some());
            if closed {
                self.stop(id);
            }
        }
    }

    async fn work(&self, claim: Claim) {
        let id = DeliveryId::from_bytes(claim.id);
        let Some(running) = self.enter(id) else {
            // The lease ran out under an attempt that still runs: that one settles it.
            tokio::time::sleep(RECORD_RETRY_INTERVAL).await;
            self.repo.store().release(&claim);
            return;
        };
        if let Err(error) = self.attempt(id, &claim, running.token.clone()).await {
            tracing::error!(delivery = %id, channel = self.channel.kind().as_str(), %error, "attempt could not be made; it stays in the queue");
            tokio::time::sleep(RECORD_RETRY_INTERVAL).await;
            self.repo.store().release(&claim);
        }
        self.files.call_next(self.repo.store());
    }

    /// Marks a delivery as being worked on; none when it already is.
    fn enter(&self, id: DeliveryId) -> Option<Running<'_>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.contains_key(&id) {
            return None;
        }
        let token = self.drain.child_token();
        running.insert(id, token.clone());
        Some(Running {
            of: self,
            id,
            token,
        })
    }

    /// Gives up what has waited for too long while the channel was not ready. Runs until
    /// cancelled: an alert of three days ago must not go out when the carrier is back.
    pub async fn give_up_stale(&self, cancel: CancellationToken) {
        while !cancel.is_cancelled() {
            if !self.channel.is_ready()
                && let Err(error) = self.sweep().await
            {
                tracing::error!(channel = self.channel.kind().as_str(), %error, "what has waited for too long cannot be given up");
            }
            tokio::select! {
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            }
        }
    }

    async fn sweep(&self) -> Result<(), AttemptError> {
        let lane = Lane::from(self.channel.kind());
        let store = self.repo.store();
        let due = |express| {
            store.claim_due(
                lane.number(express),
                self.clock.wall(),
                SWEEP_INTERVAL,
                SWEEP_MAX,
            )
        };
        let mut claims = due(true).map_err(RepoError::from)?;
        claims.extend(due(false).map_err(RepoError::from)?);
        for claim in claims {
            let id = DeliveryId::from_bytes(claim.id);
            if let Some(delivery) = self.repo.delivery(id)?
                && let Some(event) = self.overdue(&delivery)
            {
                self.tracker.record(id, event).await?;
            }
            store.release(&claim);
        }
        Ok(())
    }

    /// The event that gives a delivery up, if it has waited for too long.
    fn overdue(&self, delivery: &Delivery) -> Option<Event> {
        let now = self.clock.wall();
        let began_at = delivery.began_at()?;
        (now.since(began_at) > self.schedule.give_up_after).then(|| overdue(delivery))
    }

    async fn attempt(
        &self,
        id: DeliveryId,
        claim: &Claim,
        token: CancellationToken,
    ) -> Result<(), AttemptError> {
        let Some(delivery) = self.repo.delivery(id)? else {
            return Ok(());
        };
        if delivery.due != Some(claim.due) || delivery.closed.is_some() {
            return Ok(());
        }
        if let Some(event) = unknown_for_good(&delivery).or_else(|| self.overdue(&delivery)) {
            self.tracker.record(id, event).await?;
            return Ok(());
        }
        let mut request = match self.look(&delivery)? {
            Look::Go(request) => *request,
            Look::Instead(event) => {
                self.tracker.record(id, event).await?;
                return Ok(());
            }
        };
        let admission = tokio::select! {
            biased;
            () = token.cancelled() => {
                self.repo.store().release(claim);
                return Ok(());
            }
            admission = self.channel.admit(&delivery.destination, delivery.express) => admission,
        };
        let at_peer = match admission {
            Admission::Go(place) => place,
            Admission::Wait(span) => return self.put_off(&delivery, span).await,
        };
        let place = self.with_files(&mut request, delivery.express).await?;
        if matches!(place, files::Place::Full) {
            return self.step_back(claim, &delivery).await;
        }
        let status = begun(self.channel.kind());
        self.tracker
            .record(id, Event::AttemptBegun { status })
            .await?;
        let mut begun = delivery.value.clone();
        begun.attempts = begun.attempts.saturating_add(1);
        let began = self.clock.monotonic();
        self.count_repeat(&delivery);
        let calling = self.calling();
        let outcome = self.run(id, request, token).await;
        drop((calling, place, at_peer));
        self.count(&outcome, began);
        self.settle(&begun, outcome).await;
        Ok(())
    }

    /// For so long, but not beyond the end of its time. Whatever changes until then counts then.
    async fn put_off(&self, delivery: &Delivery, span: Duration) -> Result<(), AttemptError> {
        let now = self.clock.wall();
        let until = now.plus(span);
        let last = delivery.began_at();
        let last = last.map(|began_at| began_at.plus(self.schedule.give_up_after));
        let event = if last.is_some_and(|last| last <= now) {
            // Due as before, it would stay leased, and be given up only at the end of that.
            overdue(delivery)
        } else {
            let until = last.map_or(until, |last| until.min(last));
            Event::PutOff { until }
        };
        self.tracker.record(delivery.id, event).await?;
        Ok(())
    }

    /// Holds the number of calls under way while it lives.
    fn calling(&self) -> Option<Held> {
        let metrics = self.metrics.as_ref()?;
        (self.channel.kind() == ChannelKind::Call).then(|| metrics.sip_calls_active.hold())
    }

    /// What may have been handed over before is sent again.
    fn count_repeat(&self, delivery: &Delivery) {
        if let Some(metrics) = &self.metrics
            && unknown_attempts(delivery) > 0
        {
            let channel = self.channel.kind().as_str();
            metrics.repeats.with(&[channel]).increment();
        }
    }

    fn count(&self, outcome: &AttemptOutcome, began: Instant) {
        let Some(metrics) = &self.metrics else {
            return;
        };
        let channel = self.channel.kind().as_str();
        let outcome = match outcome {
            AttemptOutcome::Delivered { .. } | AttemptOutcome::Accepted { .. } => "accepted",
            AttemptOutcome::Unknown { .. } => "unknown",
            AttemptOutcome::Deferred { .. } => "deferred",
            AttemptOutcome::Rejected { .. } => "rejected",
            AttemptOutcome::CallEnded { .. } => "ended",
        };
        metrics.attempts.with(&[channel, outcome]).increment();
        let took = self.clock.monotonic().saturating_duration_since(began);
        metrics.attempt_seconds.with(&[channel]).observe(took);
    }

    async fn run(
        &self,
        id: DeliveryId,
        request: AttemptRequest,
        token: CancellationToken,
    ) -> AttemptOutcome {
        let (sink, mut progress) = mpsc::channel(PROGRESS_MAX);
        // Side by side: a call must not stand still while the store takes its time.
        let record = async {
            while let Some(step) = progress.recv().await {
                self.keep_recording(id, progressed(&step)).await;
            }
        };
        let (outcome, ()) = tokio::join!(self.channel.attempt(request, sink, token), record);
        outcome
    }

    async fn settle(&self, begun: &Delivery, outcome: AttemptOutcome) {
        if let AttemptOutcome::CallEnded { keys, .. } = &outcome
            && !keys.is_empty()
        {
            self.keep_keys(begun, keys).await;
        }
        let now = self.clock.wall();
        let event = match outcome {
            // Cut short because we stop, not because anybody asked to wait.
            AttemptOutcome::Deferred { verdict } if self.drain.is_cancelled() => Event::Retry {
                status: waiting(begun.channel),
                verdict: Some(verdict),
                due: now,
            },
            outcome => event_for(begun, outcome, &self.schedule, now, self.random.next_u64()),
        };
        self.keep_recording(begun.id, event).await;
    }

    /// What the person pressed is an answer, kept before the call is over for us.
    async fn keep_keys(&self, begun: &Delivery, keys: &str) {
        loop {
            match self.tracker.take_keys(begun.id, begun.attempts, keys).await {
                Ok(_)
                | Err(
                    TrackerError::Store(crate::store::StoreError::Closed)
                    | TrackerError::NotFound(_),
                ) => return,
                Err(error) => {
                    tracing::error!(delivery = %begun.id, %error, "keys that were pressed cannot be recorded; trying again");
                    tokio::time::sleep(RECORD_RETRY_INTERVAL).await;
                }
            }
        }
    }

    /// What happened on the wire happened: it is recorded however long the store refuses (a full
    /// disk, for one), and at the end of the process it is the lease that brings it back.
    async fn keep_recording(&self, id: DeliveryId, event: Event) {
        loop {
            match self.tracker.record(id, event.clone()).await {
                Ok(status) => {
                    log_status(id, status);
                    return;
                }
                Err(
                    TrackerError::Store(crate::store::StoreError::Closed)
                    | TrackerError::NotFound(_),
                ) => return,
                Err(error) => {
                    tracing::error!(delivery = %id, %error, "what happened cannot be recorded; trying again");
                    tokio::time::sleep(RECORD_RETRY_INTERVAL).await;
                }
            }
        }
    }
}

/// What is to be done with a delivery whose turn has come.
enum Look {
    /// An attempt.
    Go(Box<AttemptRequest>),
    /// No attempt, but this.
    Instead(Event),
}

/// A delivery being worked on; no longer when this is dropped.
struct Running<'a> {
    of: &'a Attempts,
    id: DeliveryId,
    token: CancellationToken,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let running = &self.of.running;
        running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
    }
}

fn log_status(id: DeliveryId, status: Status) {
    tracing::info!(delivery = %id, channel = status.channel().as_str(), status = status.as_str(), "delivery changed");
}

#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error(transparent)]
    Repo(#[from] RepoError),
    #[error(transparent)]
    Tracker(#[from] TrackerError),
    #[error("the files could not be read")]
    Files(#[from] NotDone),
}

impl LaneHandler for Attempts {
    fn concurrency(&self) -> usize {
        self.channel.concurrency()
    }

    /// A fifth.
    fn kept_for_express(&self) -> usize {
        self.concurrency().div_ceil(5)
    }

    fn is_ready(&self) -> bool {
        self.channel.is_ready()
    }

    fn handle(&self, claim: Claim) -> Work<'_> {
        Box::pin(self.work(claim))
    }
}
