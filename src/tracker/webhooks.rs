//! Webhooks made, changed, switched, tried and taken away.

use super::news::enqueue;
use super::{Refusal, Tracker, TrackerError};
use crate::domain::webhook::{Disabled, DisabledWhy, SECRET_SIZE, SECRETS_MAX, WEBHOOKS_MAX};
use crate::domain::{
    EventKind, News, Notification, Redacted, UserId, Webhook, WebhookId, WebhookInput,
};
use crate::store::{Batch, Loaded, RowBatch};

/// News taken away in one batch with a webhook.
const STEP_NEWS_MAX: usize = 200;

/// A secret, to be shown once.
pub type NewSecret = Redacted<[u8; SECRET_SIZE]>;

impl Tracker {
    /// Makes a webhook; what is said of it has been checked.
    ///
    /// # Errors
    /// When there are too many, or the store fails.
    pub async fn add_webhook(
        &self,
        input: &WebhookInput,
        by: UserId,
    ) -> Result<(WebhookId, NewSecret), TrackerError> {
        let secret: NewSecret = Redacted::new(self.random.bytes());
        let id = self
            .commit_anew(|| {
                if self.repo.webhooks()?.len() >= WEBHOOKS_MAX {
                    return Err(TrackerError::Refused(Refusal::TooMany));
                }
                let now = self.clock.wall();
                let webhook = Webhook {
                    id: WebhookId::new(self.random.uuid_v7(now)),
                    input: input.clone(),
                    secrets: vec![secret.clone()],
                    by,
                    created_at: now,
                    failing_since: None,
                    disabled: None,
                };
                let mut batch = Batch::new();
                batch.insert(&webhook);
                Ok((batch, webhook.id))
            })
            .await?;
        Ok((id, secret))
    }

    /// Says something else of a webhook.
    ///
    /// # Errors
    /// When there is no such webhook, or the store fails.
    pub async fn change_webhook(
        &self,
        id: WebhookId,
        input: &WebhookInput,
    ) -> Result<(), TrackerError> {
        self.alter(id, |webhook| webhook.input = input.clone())
            .await
    }

    /// Switches a webhook on or off.
    ///
    /// # Errors
    /// When there is no such webhook, or the store fails.
    pub async fn switch_webhook(&self, id: WebhookId, on: bool) -> Result<(), TrackerError> {
        self.alter(id, |webhook| {
            let off = Disabled {
                at: self.clock.wall(),
                why: DisabledWhy::ByHand,
            };
            webhook.disabled = if on {
                None
            } else {
                webhook.disabled.or(Some(off))
            };
            if on {
                webhook.failing_since = None;
            }
        })
        .await
    }

    /// Makes a new secret; the one before goes on signing beside it until it is ended.
    ///
    /// # Errors
    /// When there is no such webhook, or the store fails.
    pub async fn renew_webhook_secret(&self, id: WebhookId) -> Result<NewSecret, TrackerError> {
        let secret: NewSecret = Redacted::new(self.random.bytes());
        self.alter(id, |webhook| {
            webhook.secrets.insert(0, secret.clone());
            webhook.secrets.truncate(SECRETS_MAX);
        })
        .await?;
        Ok(secret)
    }

    /// Lets the newest secret alone sign from now on.
    ///
    /// # Errors
    /// When there is no such webhook, or the store fails.
    pub async fn end_webhook_secret(&self, id: WebhookId) -> Result<(), TrackerError> {
        self.alter(id, |webhook| webhook.secrets.truncate(1)).await
    }

    /// Sends a webhook a word, to try it. False when it is switched off, or full.
    ///
    /// # Errors
    /// When there is no such webhook, or the store fails.
    pub async fn try_webhook(&self, id: WebhookId) -> Result<bool, TrackerError> {
        self.commit_anew(|| {
            let webhook = self.known_webhook(id)?;
            let mut batch = Batch::new();
            if webhook.disabled.is_some() {
                return Ok((batch, false));
            }
            let (now, news) = (self.clock.wall(), News::of(EventKind::Test));
            let made = enqueue(&mut batch, &self.repo, &self.random, now, &webhook, &news)?;
            Ok((batch, made.is_some()))
        })
        .await
    }

    /// Sends a piece of news again, at once.
    ///
    /// # Errors
    /// When there is none of this id for this webhook, or the store fails.
    pub async fn resend_news(&self, webhook: WebhookId, id: [u8; 16]) -> Result<(), TrackerError> {
        self.commit_anew(|| {
            let old = self.repo.notification(&id)?;
            let old = old.filter(|old| old.webhook == webhook);
            let old = old.ok_or(TrackerError::NotFound("notification"))?;
            let mut batch = Batch::new();
            let again = Notification {
                tried: 0,
                due: Some(self.clock.wall()),
                ..old.value.clone()
            };
            batch.replace(&old, &again);
            Ok((batch, ()))
        })
        .await
    }

    /// Takes a webhook away, with its news: it is switched off first, so that a crash on the way
    /// leaves one that can be taken away again.
    ///
    /// # Errors
    /// When there is no such webhook, or the store fails.
    pub async fn delete_webhook(&self, id: WebhookId) -> Result<(), TrackerError> {
        self.switch_webhook(id, false).await?;
        loop {
            let gone = self
                .commit_anew(|| {
                    let news = self.repo.notifications(id, None, STEP_NEWS_MAX)?.rows;
                    let webhook = self.known_webhook(id)?;
                    let mut batch = Batch::new();
                    news.iter().for_each(|one| batch.remove(one));
                    if news.is_empty() {
                        batch.remove(&webhook);
                    }
                    Ok((batch, news.is_empty()))
                })
                .await?;
            if gone {
                return Ok(());
            }
        }
    }

    fn known_webhook(&self, id: WebhookId) -> Result<Loaded<Webhook>, TrackerError> {
        let webhook = self.repo.webhook(id)?;
        webhook.ok_or(TrackerError::NotFound("webhook"))
    }

    async fn alter(
        &self,
        id: WebhookId,
        change: impl Fn(&mut Webhook) + Send + Sync,
    ) -> Result<(), TrackerError> {
        self.commit_anew(|| {
            let old = self.known_webhook(id)?;
            let mut new = old.value.clone();
            change(&mut new);
            let mut batch = Batch::new();
            batch.replace(&old, &new);
            Ok((batch, ()))
        })
        .await
    }
}
