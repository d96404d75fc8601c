//! Webhooks made, changed, switched, tried and taken away.

use super::news::enqueue;
use super::{Refusal, Tracker, TrackerError};
use crate::domain::webhook::{
    Disabled, DisabledWhy, NEWS_KEPT_FOR, SECRET_SIZE, SECRETS_MAX, WEBHOOKS_MAX,
};
use crate::domain::{
    EventKind, News, Notification, Redacted, UserId, Webhook, WebhookId, WebhookInput,
};
use crate::store::{Batch, Loaded, RowBatch, keys};

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
        // No row says how many there are: they are made one by one.
        let _one_by_one = self.webhooks_made.lock().await;
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
                    failed_at: None,
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
        self.alter(id, |webhook| {
            if webhook.input.url != input.url {
                // Whether that address works is not known yet.
                webhook.works();
            }
            webhook.input = input.clone();
            Ok(())
        })
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
                webhook.works();
            }
            Ok(())
        })
        .await
    }

    /// Makes a new secret; those before go on signing beside it until they are ended. None of
    /// them ends by itself: nobody knows which of them the receiver has.
    ///
    /// # Errors
    /// When there is no such webhook, as many secrets sign as may, or the store fails.
    pub async fn renew_webhook_secret(&self, id: WebhookId) -> Result<NewSecret, TrackerError> {
        let secret: NewSecret = Redacted::new(self.random.bytes());
        self.alter(id, |webhook| {
            if webhook.secrets.len() >= SECRETS_MAX {
                return Err(TrackerError::Refused(Refusal::TooMany));
            }
            webhook.secrets.insert(0, secret.clone());
            Ok(())
        })
        .await?;
        Ok(secret)
    }

    /// Lets the newest secret alone sign from now on.
    ///
    /// # Errors
    /// When there is no such webhook, or the store fails.
    pub async fn end_webhook_secret(&self, id: WebhookId) -> Result<(), TrackerError> {
        self.alter(id, |webhook| {
            webhook.secrets.truncate(1);
            Ok(())
        })
        .await
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

    /// Sends a piece of news again, at once. False when the webhook is switched off, or does not
    /// want such news any more.
    ///
    /// # Errors
    /// When there is none of this id for this webhook, or the store fails.
    pub async fn resend_news(
        &self,
        webhook: WebhookId,
        id: [u8; 16],
    ) -> Result<bool, TrackerError> {
        self.commit_anew(|| {
            let old = self.repo.notification(&id)?;
            let old = old.filter(|old| old.webhook == webhook);
            let old = old.ok_or(TrackerError::NotFound("notification"))?;
            let mut batch = Batch::new();
            if !self.known_webhook(webhook)?.hears(old.news.event) {
                return Ok((batch, false));
            }
            let again = Notification {
                tried: 0,
                due: Some(self.clock.wall()),
                ..old.value.clone()
            };
            batch.replace(&old, &again);
            Ok((batch, true))
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
                        batch.delete(keys::of_webhook(keys::NEWS_LEFT_OUT, id));
                    }
                    Ok((batch, news.is_empty()))
                })
                .await?;
            if gone {
                return Ok(());
            }
        }
    }

    /// Removes news that was taken or given up and is old, and all news of webhooks that are gone:
    /// what happened while one was taken away may have been told to it. How much it was.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep_news(&self) -> Result<usize, TrackerError> {
        let mut removed = 0;
        for id in self.repo.webhooks_with_news()? {
            loop {
                let step = self.sweep_step(id).await?;
                removed += step;
                if step < STEP_NEWS_MAX {
                    break;
                }
            }
        }
        Ok(removed)
    }

    async fn sweep_step(&self, id: WebhookId) -> Result<usize, TrackerError> {
        self.commit_anew(|| {
            let now = self.clock.wall();
            let old = if self.repo.webhook(id)?.is_some() {
                let mut done = self.repo.notifications_done(id, STEP_NEWS_MAX)?;
                done.retain(|news| now.since(news.at) >= NEWS_KEPT_FOR);
                done
            } else {
                self.repo.notifications(id, None, STEP_NEWS_MAX)?.rows
            };
            let mut batch = Batch::new();
            old.iter().for_each(|news| batch.remove(news));
            Ok((batch, old.len()))
        })
        .await
    }

    fn known_webhook(&self, id: WebhookId) -> Result<Loaded<Webhook>, TrackerError> {
        let webhook = self.repo.webhook(id)?;
        webhook.ok_or(TrackerError::NotFound("webhook"))
    }

    async fn alter(
        &self,
        id: WebhookId,
        change: impl Fn(&mut Webhook) -> Result<(), TrackerError> + Send + Sync,
    ) -> Result<(), TrackerError> {
        self.commit_anew(|| {
            let old = self.known_webhook(id)?;
            let mut new = old.value.clone();
            change(&mut new)?;
            let mut batch = Batch::new();
            batch.replace(&old, &new);
            Ok((batch, ()))
        })
        .await
    }
}
