//! Reading webhooks, and news on its way to them.

use super::{Page, Repo, Result};
use crate::domain::webhook::WEBHOOKS_MAX;
use crate::domain::{Notification, Webhook, WebhookId};
use crate::store::engine::{Key, KeyRange};
use crate::store::keys;
use crate::store::rows::Loaded;

impl Repo {
    /// A webhook.
    pub fn webhook(&self, id: WebhookId) -> Result<Option<Loaded<Webhook>>> {
        self.load(&keys::webhook(id))
    }

    /// All webhooks, in order of making.
    pub fn webhooks(&self) -> Result<Vec<Loaded<Webhook>>> {
        Ok(self
            .rows(KeyRange::prefix(keys::WEBHOOK), WEBHOOKS_MAX)?
            .rows)
    }

    /// A piece of news for one webhook.
    pub fn notification(&self, id: &[u8; 16]) -> Result<Option<Loaded<Notification>>> {
        self.load(&keys::notification(id))
    }

    /// The news of a webhook, newest first.
    pub fn notifications(
        &self,
        webhook: WebhookId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Notification>>> {
        let prefix = keys::of_webhook(keys::NOTIFICATION_BY_WEBHOOK, webhook);
        let found = self.ids(prefix, after, limit, 0)?;
        Ok(Page {
            rows: self.known_notifications(&found.rows)?,
            next: found.next,
        })
    }

    /// The oldest news of a webhook that was taken or given up.
    pub fn notifications_done(
        &self,
        webhook: WebhookId,
        limit: usize,
    ) -> Result<Vec<Loaded<Notification>>> {
        let prefix = keys::of_webhook(keys::NOTIFICATION_DONE, webhook);
        self.known_notifications(&self.ids(prefix, None, limit, 0)?.rows)
    }

    fn known_notifications(&self, ids: &[[u8; 16]]) -> Result<Vec<Loaded<Notification>>> {
        let keys: Vec<Key> = ids.iter().map(keys::notification).collect();
        Ok(self.load_many(&keys)?.into_iter().flatten().collect())
    }

    /// How much news waits for a webhook, and how much was taken or given up.
    pub fn notification_counts(&self, webhook: WebhookId) -> Result<(u64, u64)> {
        let count = |tag| self.count(keys::of_webhook(tag, webhook));
        Ok((
            count(keys::NOTIFICATIONS_WAITING)?,
            count(keys::NOTIFICATIONS_DONE)?,
        ))
    }
}
