//! News for programs on its way out: each piece is sent, signed, to the place that it is for, until
//! it is taken or given up (Standard Webhooks 1.0).
//!
//! What became of a try is durable before the next one is made. A try that was on the wire when
//! the daemon died is made again, with the same id: whoever gets news twice can tell. The order of
//! news is not kept: what failed comes later than what happened after it.

mod payload;
mod places;
mod round;
mod written;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::clock::{Randomness, SharedClock};
use crate::domain::webhook::{Try, TryOutcome, signature};
use crate::domain::{EventKind, News, Notification, Timestamp, Webhook};
use crate::net::https::{HttpsClient, Post, PostError, Target};
use crate::store::{Repo, RepoError, StoreError};
use places::Places;
use written::CONFLICTS_MAX;

/// How long a place has to answer (Standard Webhooks recommends 15 to 30 seconds).
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

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
    places: Arc<Places>,
}

/// What a try came to, and how long whoever answered wants us to wait.
type Tried = (Try, Option<Duration>);

/// What is said of a piece of news as things stand now: much may have changed since it was kept.
enum Told {
    /// This.
    This(News),
    /// Nothing: the webhook does not want it any more.
    Nothing,
    /// Nothing, ever: it is about a case for those named in it.
    Never,
}

impl Courier {
    /// Over this state, with this client.
    #[must_use]
    pub fn new(repo: Repo, clock: SharedClock, random: Randomness, client: HttpsClient) -> Self {
        Self {
            repo,
            clock,
            random,
            client,
            places: Arc::default(),
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
        let Some(webhook) = self.repo.webhook(news.webhook)? else {
            return self.forget(&news).await;
        };
        let told = match self.told(&webhook, &news)? {
            Told::This(told) => told,
            Told::Nothing => {
                self.give_up(id).await?;
                return self.sweep(webhook.id).await;
            }
            Told::Never => return self.forget(&news).await,
        };
        let url = &webhook.input.url;
        let (one, asked) = self.attempt(&webhook, &news, &told).await;
        let now = self.clock.monotonic();
        self.places.landed(&webhook, one.outcome, asked, now);
        self.record(id, url, (one, asked)).await?;
        self.sweep(webhook.id).await
    }

    fn told(&self, webhook: &Webhook, of: &Notification) -> Result<Told, CourierError> {
        if !webhook.hears(of.news.event) {
            return Ok(Told::Nothing);
        }
        let mut news = of.news.clone();
        news.address = news.address.filter(|_| webhook.input.addresses);
        if self.repo.news_is_open(&news)? {
            return Ok(Told::This(news));
        }
        if news.event != EventKind::MethodSuspended {
            return Ok(Told::Never);
        }
        // That a method is not used any more says nothing of what was written.
        (news.delivery, news.address) = (None, None);
        Ok(Told::This(news))
    }

    async fn attempt(&self, webhook: &Webhook, of: &Notification, told: &News) -> Tried {
        let began = self.clock.monotonic();
        let at = self.clock.wall();
        let sent = match Target::parse(webhook.input.url.reveal()) {
            Ok(target) => {
                let post = post(webhook, of, told, at);
                self.client.post(&target, post).await
            }
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
        tracing::debug!(webhook = %webhook.id, news = %of.message_id(), outcome = outcome.code(), "news sent to a program");
        (one, asked)
    }
}

/// The request: id, time and signature as Standard Webhooks has them.
fn post(webhook: &Webhook, of: &Notification, told: &News, at: Timestamp) -> Post {
    let body = Bytes::from(payload::of(of, told));
    let id = of.message_id();
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
