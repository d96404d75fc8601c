//! News for programs on its way out: each piece is sent, signed, to the place that it is for, until
//! it is taken or given up (Standard Webhooks 1.0).
//!
//! What became of a try is durable before the next one is made. A try that was on the wire when
//! the daemon died is made again, with the same id: whoever gets news twice can tell. The order of
//! news is not kept: what failed comes later than what happened after it.

mod payload;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::clock::{Randomness, SharedClock};
use crate::domain::webhook::{
    Disabled, DisabledWhy, FAILING_MAX, NEWS_KEPT_MAX, Try, TryOutcome, WEBHOOKS_MAX, signature,
};
use crate::domain::{
    AuditActor, AuditEntry, Notification, Subject, SubjectKind, Timestamp, Webhook, WebhookId,
};
use crate::net::https::{HttpsClient, Post, PostError, Target};
use crate::store::{AuditBatch, Batch, Loaded, Repo, RepoError, RowBatch, StoreError};

/// Most tries at once, to all places together.
pub const TRIES_AT_ONCE: usize = 16;
/// Most tries at once to one place.
const TRIES_TO_ONE: usize = 4;
/// How long a place has to answer (Standard Webhooks recommends 15 to 30 seconds).
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// While a place fails, what finds all its tries taken is looked at again after this long.
const PUT_OFF: Duration = Duration::from_secs(10);
/// How often a change is tried anew because somebody else changed the same rows.
const CONFLICTS_MAX: u32 = 50;
/// Old news taken away each time that a new piece is done.
const SWEPT_MAX: usize = 4;

/// Why something could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// Reading failed.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// Committing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody else kept changing the same rows.
    #[error("the same rows kept changing; gave up after {CONFLICTS_MAX} tries")]
    Contention,
}

/// Sends news.
#[derive(Debug)]
pub struct Courier {
    repo: Repo,
    clock: SharedClock,
    random: Randomness,
    client: HttpsClient,
    slots: Mutex<HashMap<WebhookId, Arc<Semaphore>>>,
}

/// What a try came to, and how long whoever answered wants us to wait.
type Tried = (Try, Option<Duration>);

impl Courier {
    /// Over this state, with this client.
    #[must_use]
    pub fn new(repo: Repo, clock: SharedClock, random: Randomness, client: HttpsClient) -> Self {
        Self {
            repo,
            clock,
            random,
            client,
            slots: Mutex::default(),
        }
    }

    /// Tries to deliver a piece of news that is due. Resolves once what became of it is durable.
    ///
    /// # Errors
    /// When the store fails; it is due again then.
    pub async fn deliver(&self, id: &[u8; 16]) -> Result<(), CourierError> {
        let Some(news) = self.repo.notification(id)? else {
            return Ok(());
        };
        let slots = self.slots_of(news.webhook);
        let slot = match Arc::clone(&slots).try_acquire_owned() {
            Ok(slot) => Ok(slot),
            // A place that fails must not hold up the others.
            Err(_) if self.is_failing(news.webhook)? => return self.put_off(&news).await,
            Err(_) => slots.acquire_owned().await,
        };
        let Some(webhook) = self.repo.webhook(news.webhook)? else {
            return self.forget(&news).await;
        };
        if webhook.disabled.is_some() {
            return self.give_up(id).await;
        }
        let tried = self.attempt(&webhook, &news).await;
        self.record(id, tried).await?;
        drop(slot);
        self.sweep(webhook.id).await
    }

    fn slots_of(&self, webhook: WebhookId) -> Arc<Semaphore> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() > WEBHOOKS_MAX {
            // Those of webhooks that are gone; a few more tries at once do no harm.
            slots.clear();
        }
        let of = slots.entry(webhook);
        Arc::clone(of.or_insert_with(|| Arc::new(Semaphore::new(TRIES_TO_ONE))))
    }

    fn is_failing(&self, webhook: WebhookId) -> Result<bool, CourierError> {
        let webhook = self.repo.webhook(webhook)?;
        Ok(webhook.is_some_and(|webhook| webhook.failing_since.is_some()))
    }

    async fn attempt(&self, webhook: &Webhook, news: &Notification) -> Tried {
        let began = self.clock.monotonic();
        let at = self.clock.wall();
        let sent = match Target::parse(webhook.input.url.reveal()) {
            Ok(target) => self.client.post(&target, post(webhook, news, at)).await,
            Err(_) => Err(PostError::Refused),
        };
        let took = self.clock.monotonic().saturating_duration_since(began);
        let (outcome, asked) = match sent {
            Ok(answer) => (TryOutcome::Answered(answer.status), answer.retry_after),
            Err(error) => (outcome_of(&error), None),
        };
        let one = Try {
            at,
            took_ms: u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
            outcome,
        };
        tracing::debug!(webhook = %webhook.id, news = %news.message_id(), outcome = outcome.code(), "news sent to a program");
        (one, asked)
    }

    /// Writes down what a try came to, and what follows for the webhook.
    async fn record(&self, id: &[u8; 16], (one, asked): Tried) -> Result<(), CourierError> {
        let spread = self.random.next_u64();
        self.commit_anew(|| {
            let mut batch = Batch::new();
            let Some(old) = self.repo.notification(id)? else {
                return Ok(batch);
            };
            let mut new = old.value.clone();
            new.record(one);
            if let Some(webhook) = self.repo.webhook(old.webhook)? {
                let changed = judged(&webhook, one);
                if !one.outcome.is_taken() && changed.disabled.is_none() {
                    new.due = new.next_try(one.at, asked, spread);
                }
                if changed != webhook.value {
                    note_switched_off(&mut batch, &webhook, &changed, one.at);
                    batch.replace(&webhook, &changed);
                }
            }
            batch.replace(&old, &new);
            Ok(batch)
        })
        .await
    }

    async fn put_off(&self, news: &Loaded<Notification>) -> Result<(), CourierError> {
        self.commit_anew(|| {
            let mut batch = Batch::new();
            if let Some(old) = self.repo.notification(&news.id)? {
                let mut new = old.value.clone();
                new.due = new.due.map(|_| self.clock.wall().plus(PUT_OFF));
                batch.replace(&old, &new);
            }
            Ok(batch)
        })
        .await
    }

    /// It was meant for a place that wants nothing now.
    async fn give_up(&self, id: &[u8; 16]) -> Result<(), CourierError> {
        self.commit_anew(|| {
            let mut batch = Batch::new();
            if let Some(old) = self.repo.notification(id)? {
                let mut new = old.value.clone();
                new.due = None;
                batch.replace(&old, &new);
            }
            Ok(batch)
        })
        .await
    }

    async fn forget(&self, news: &Loaded<Notification>) -> Result<(), CourierError> {
        self.commit_anew(|| {
            let mut batch = Batch::new();
            if let Some(old) = self.repo.notification(&news.id)? {
                batch.remove(&old);
            }
            Ok(batch)
        })
        .await
    }

    /// Keeps no more than so much news that is done.
    async fn sweep(&self, webhook: WebhookId) -> Result<(), CourierError> {
        let (_, done) = self.repo.notification_counts(webhook)?;
        if done <= NEWS_KEPT_MAX {
            return Ok(());
        }
        let mut batch = Batch::new();
        batch.upkeep();
        for old in self.repo.notifications_done(webhook, SWEPT_MAX)? {
            batch.remove(&old);
        }
        match self.repo.store().commit(batch).await {
            // Somebody else sweeps just now.
            Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn commit_anew(
        &self,
        mut decide: impl FnMut() -> Result<Batch, CourierError> + Send,
    ) -> Result<(), CourierError> {
        for _ in 0..CONFLICTS_MAX {
            let mut batch = decide()?;
            if batch.is_empty() {
                return Ok(());
            }
            batch.upkeep();
            match self.repo.store().commit(batch).await {
                Ok(_) => return Ok(()),
                Err(StoreError::Conflict { .. }) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(CourierError::Contention)
    }
}

/// The request: id, time and signature as Standard Webhooks has them.
fn post(webhook: &Webhook, news: &Notification, at: Timestamp) -> Post {
    let body = Bytes::from(payload::of(news));
    let id = news.message_id();
    let signed = signature(&webhook.secrets, &id, at, &body);
    Post {
        headers: vec![
            ("webhook-id", id),
            ("webhook-timestamp", at.as_secs().to_string()),
            ("webhook-signature", signed),
        ],
        media_type: "application/json",
        body,
    }
}

const fn outcome_of(error: &PostError) -> TryOutcome {
    match error {
        PostError::Refused | PostError::Header => TryOutcome::Refused,
        PostError::Unreachable(_) => TryOutcome::Unreachable,
        PostError::Tls(_) => TryOutcome::Tls,
        PostError::Http(_) => TryOutcome::NoHttp,
        PostError::TimedOut => TryOutcome::TimedOut,
    }
}

/// The webhook as it is behind this try.
fn judged(webhook: &Webhook, one: Try) -> Webhook {
    let mut new = webhook.clone();
    if one.outcome.is_taken() {
        new.failing_since = None;
        return new;
    }
    let since = *new.failing_since.get_or_insert(one.at);
    let why = if one.outcome.is_gone() {
        Some(DisabledWhy::Gone)
    } else if one.at.since(since) >= FAILING_MAX {
        Some(DisabledWhy::Failing)
    } else {
        None
    };
    if let Some(why) = why {
        new.disabled.get_or_insert(Disabled { at: one.at, why });
    }
    new
}

fn note_switched_off(batch: &mut Batch, old: &Webhook, new: &Webhook, at: Timestamp) {
    if let (None, Some(disabled)) = (old.disabled, new.disabled) {
        let why = match disabled.why {
            DisabledWhy::ByHand => "by hand",
            DisabledWhy::Gone => "gone",
            DisabledWhy::Failing => "failing",
        };
        tracing::warn!(webhook = %new.id, why, "a webhook is switched off");
        let about = Subject::new(SubjectKind::Webhook, *new.id.as_bytes());
        let entry = AuditEntry::new(at, AuditActor::Gateway, "webhook.disable");
        batch.audit(&entry.about([about]).saying(why));
    }
}
