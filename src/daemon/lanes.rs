//! Starts the lanes of the queue.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::state::{retry_schedule, tracking, zone};
use crate::channel::Channel;
use crate::clock::{Randomness, SharedClock};
use crate::config::Config;
use crate::domain::{
    Channel as ChannelKind, CommunicationId, DeliveryId, Lane, PublicLinks, ReturnPaths,
};
use crate::inbound::Inbound;
use crate::observe::Metrics;
use crate::queue::attempts::{AttemptTools, Attempts};
use crate::queue::imports::Imports;
use crate::queue::lane::{self, LaneHandler, Work};
use crate::queue::rounds::Rounds;
use crate::store::Repo;
use crate::store::engine::Claim;
use crate::submit::Submitter;
use crate::tracker::Tracker;
use crate::webhooks::Courier;

/// Incoming mails under way at once: most wait for name servers.
const READERS_MAX: usize = 64;
/// How many of them are for reports alone, which wait for nobody.
const REPORT_READERS: usize = 8;
/// Texts without a receipt that are given up at once.
const RECEIPTS_AT_ONCE: usize = 4;
/// Scheduled communications whose audiences are gathered at once.
const SCHEDULED_AT_ONCE: usize = 2;
/// Time before a scheduled communication is tried again after the store refused.
const RESEND_INTERVAL: Duration = Duration::from_secs(1);
/// Time before an incoming mail is read again after the store refused.
const REREAD_INTERVAL: Duration = Duration::from_secs(1);

/// What the lanes work with.
pub(super) struct Parts<'a> {
    pub(super) config: &'a Config,
    pub(super) repo: &'a Repo,
    pub(super) tracker: &'a Tracker,
    pub(super) inbound: &'a Inbound,
    pub(super) submitter: &'a Submitter,
    pub(super) clock: &'a SharedClock,
    pub(super) random: &'a Randomness,
    pub(super) return_paths: &'a ReturnPaths,
    pub(super) public_links: Option<&'a PublicLinks>,
    pub(super) channels: &'a [Arc<dyn Channel>],
    pub(super) courier: &'a Arc<Courier>,
    pub(super) metrics: &'a Arc<Metrics>,
    pub(super) stop: &'a CancellationToken,
    /// Ends attempts that have not ended by themselves.
    pub(super) abort: &'a CancellationToken,
    pub(super) tasks: &'a TaskTracker,
    /// Tasks that end only with `abort`.
    pub(super) watchers: &'a TaskTracker,
}

pub(super) fn start(parts: Parts<'_>) {
    for channel in parts.channels {
        let attempts = Arc::new(attempts(&parts, channel));
        let watcher = Arc::clone(&attempts);
        let abort = parts.abort.clone();
        parts
            .watchers
            .spawn(async move { watcher.stop_closed(abort).await });
        let sweeper = Arc::clone(&attempts);
        let stop = parts.stop.clone();
        parts
            .tasks
            .spawn(async move { sweeper.give_up_stale(stop).await });
        run(&parts, Lane::from(channel.kind()), attempts);
    }
    start_others(&parts);
}

/// The lanes that are not a channel's.
fn start_others(parts: &Parts<'_>) {
    run(
        parts,
        Lane::Expand,
        Arc::new(Rounds::new(
            parts.repo.clone(),
            parts.tracker.clone(),
            parts.clock.clone(),
            parts.stop.clone(),
        )),
    );
    run(
        parts,
        Lane::Inbound,
        Arc::new(MailReader {
            inbound: parts.inbound.clone(),
            repo: parts.repo.clone(),
        }),
    );
    run(
        parts,
        Lane::Scheduled,
        Arc::new(Timekeeper {
            submitter: parts.submitter.clone(),
            repo: parts.repo.clone(),
        }),
    );
    run(
        parts,
        Lane::Import,
        Arc::new(Imports::new(
            parts.repo.clone(),
            parts.tracker.clone(),
            parts.stop.clone(),
        )),
    );
    run(
        parts,
        Lane::Notify,
        Arc::new(Notifier {
            submitter: parts.submitter.clone(),
            repo: parts.repo.clone(),
        }),
    );
    run(
        parts,
        Lane::Receipts,
        Arc::new(Receipts {
            tracker: parts.tracker.clone(),
            repo: parts.repo.clone(),
        }),
    );
    let courier = Arc::clone(parts.courier);
    parts.tasks.spawn(courier.run(parts.stop.clone()));
}

/// The handler of a channel's lane.
fn attempts(parts: &Parts<'_>, channel: &Arc<dyn Channel>) -> Attempts {
    let retry = match channel.kind() {
        ChannelKind::Email => &parts.config.email.retry,
        ChannelKind::Text => &parts.config.sms.retry,
        ChannelKind::Call => &parts.config.voice.retry,
    };
    let tools = AttemptTools {
        repo: parts.repo.clone(),
        tracker: parts.tracker.clone(),
        clock: parts.clock.clone(),
        random: parts.random.clone(),
        return_paths: parts.return_paths.clone(),
        zone: zone(parts.config),
    };
    let attempts = Attempts::new(
        Arc::clone(channel),
        tools,
        retry_schedule(retry),
        parts.abort.clone(),
    );
    let attempts = attempts.with_metrics(Arc::clone(parts.metrics));
    match parts.public_links {
        Some(links) => attempts.with_public_links(links.clone(), tracking(parts.config)),
        None => attempts,
    }
}

/// Sends what has come to its time.
struct Timekeeper {
    submitter: Submitter,
    repo: Repo,
}

impl LaneHandler for Timekeeper {
    fn concurrency(&self) -> usize {
        SCHEDULED_AT_ONCE
    }

    fn handle(&self, claim: Claim) -> Work<'_> {
        Box::pin(async move {
            let id = CommunicationId::from_bytes(claim.id);
            if let Err(error) = self.submitter.send_scheduled(id).await {
                tracing::error!(communication = %id, %error, "a scheduled communication cannot be sent now; trying again");
                tokio::time::sleep(RESEND_INTERVAL).await;
                self.repo.store().release(&claim);
            }
        })
    }
}

/// Tells those who want to be told of replies.
struct Notifier {
    submitter: Submitter,
    repo: Repo,
}

impl LaneHandler for Notifier {
    /// One at a time: all of them write the same few rows.
    fn concurrency(&self) -> usize {
        1
    }

    fn handle(&self, claim: Claim) -> Work<'_> {
        Box::pin(async move {
            if let Err(error) = self.submitter.notify(claim.id, &claim.value).await {
                tracing::error!(%error, "a notice of replies cannot be queued; trying again");
                tokio::time::sleep(REREAD_INTERVAL).await;
                self.repo.store().release(&claim);
            }
        })
    }
}

/// Says of texts that no receipt came.
struct Receipts {
    tracker: Tracker,
    repo: Repo,
}

impl LaneHandler for Receipts {
    fn concurrency(&self) -> usize {
        RECEIPTS_AT_ONCE
    }

    fn handle(&self, claim: Claim) -> Work<'_> {
        Box::pin(async move {
            let id = DeliveryId::from_bytes(claim.id);
            if let Err(error) = self.tracker.miss_receipt(id).await {
                tracing::error!(delivery = %id, %error, "that no receipt came cannot be recorded; trying again");
                tokio::time::sleep(REREAD_INTERVAL).await;
                self.repo.store().release(&claim);
            }
        })
    }
}

fn run(parts: &Parts<'_>, lane: Lane, handler: Arc<dyn LaneHandler>) {
    let store = parts.repo.store().clone();
    parts.tasks.spawn(lane::run(
        store,
        parts.clock.clone(),
        lane,
        handler,
        parts.stop.clone(),
    ));
}

/// Reads mail that came in.
struct MailReader {
    inbound: Inbound,
    repo: Repo,
}

impl LaneHandler for MailReader {
    fn concurrency(&self) -> usize {
        READERS_MAX
    }

    fn kept_for_express(&self) -> usize {
        REPORT_READERS
    }

    fn handle(&self, claim: Claim) -> Work<'_> {
        Box::pin(async move {
            if let Err(error) = self.inbound.read_mail(&claim.id).await {
                tracing::error!(%error, "an incoming mail cannot be recorded; trying again");
                tokio::time::sleep(REREAD_INTERVAL).await;
                self.repo.store().release(&claim);
            }
        })
    }
}
