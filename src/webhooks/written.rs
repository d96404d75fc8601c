//! What is written down of news that was tried, or is not to be.

use super::{Courier, CourierError, Tried};
use crate::domain::webhook::{DisabledWhy, NEWS_KEPT_MAX};
use crate::domain::{
    AuditActor, AuditEntry, Notification, Redacted, Subject, SubjectKind, Timestamp, Webhook,
    WebhookId,
};
use crate::store::{AuditBatch, Batch, Loaded, RowBatch, StoreError};

/// How often a change is tried anew because somebody else changed the same rows.
pub(super) const CONFLICTS_MAX: u32 = 50;
/// Old news taken away in one batch.
const SWEPT_MAX: u64 = 200;
/// News of a place that is switched off given up in one batch.
const GIVEN_UP_MAX: usize = 100;

impl Courier {
    /// Writes down what a try at this address came to, and what follows for the webhook.
    pub(super) async fn record(
        &self,
        id: &[u8; 16],
        url: &Redacted<String>,
        (one, asked): Tried,
    ) -> Result<(), CourierError> {
        let spread = self.random.next_u64();
        self.commit_anew(|| {
            let mut batch = Batch::new();
            let Some(old) = self.repo.notification(id)? else {
                return Ok(batch);
            };
            let mut new = old.value.clone();
            new.record(one);
            if one.outcome.is_taken() {
                // It has been told: sent again, ids say who it was.
                new.news.address = None;
            }
            if let Some(webhook) = self.repo.webhook(old.webhook)? {
                let mut changed = webhook.value.clone();
                // What another address answered says nothing of this one.
                if webhook.input.url == *url {
                    changed.judge(one);
                }
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

    /// It was meant for a place that does not want it now.
    pub(super) async fn give_up(&self, id: &[u8; 16]) -> Result<(), CourierError> {
        self.commit_anew(|| {
            let mut batch = Batch::new();
            if let Some(old) = self.repo.notification(id)? {
                put_down(&mut batch, &old);
            }
            Ok(batch)
        })
        .await
    }

    /// Gives up what is due for a place that is switched off.
    pub(super) async fn give_up_due(&self, webhook: WebhookId) -> Result<(), CourierError> {
        self.commit_anew(|| {
            let mut batch = Batch::new();
            let known = self.repo.webhook(webhook)?;
            if known.is_some_and(|known| known.disabled.is_none()) {
                return Ok(batch);
            }
            let now = self.clock.wall();
            for (due, id) in self.repo.notifications_due(webhook, GIVEN_UP_MAX)? {
                if due > now {
                    break;
                }
                if let Some(old) = self.repo.notification(&id)? {
                    put_down(&mut batch, &old);
                }
            }
            Ok(batch)
        })
        .await?;
        self.sweep(webhook).await
    }

    pub(super) async fn forget(&self, news: &Loaded<Notification>) -> Result<(), CourierError> {
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
    pub(super) async fn sweep(&self, webhook: WebhookId) -> Result<(), CourierError> {
        let (_, done) = self.repo.notification_counts(webhook)?;
        let over = done.saturating_sub(NEWS_KEPT_MAX).min(SWEPT_MAX);
        let over = usize::try_from(over).unwrap_or(usize::MAX);
        if over == 0 {
            return Ok(());
        }
        let mut batch = Batch::new();
        batch.upkeep();
        for old in self.repo.notifications_done(webhook, over)? {
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

fn put_down(batch: &mut Batch, old: &Loaded<Notification>) {
    let mut new = old.value.clone();
    new.due = None;
    batch.replace(old, &new);
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
