//! Reading webhooks, news on its way to them, and alerts that other programs handed in.

use super::{Page, Repo, Result};
use crate::domain::webhook::WEBHOOKS_MAX;
use crate::domain::{
    AlertTaken, AreaId, AreaPlace, CommunicationId, Notification, Webhook, WebhookId,
};
use crate::store::engine::{Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};
use crate::store::rows::Loaded;

/// Most alerts of one communication that are read.
const ALERTS_OF_ONE_MAX: usize = 10;

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

    /// An alert that was taken under this key.
    pub fn alert(&self, key: &[u8; 32]) -> Result<Option<Loaded<AlertTaken>>> {
        self.load(&keys::alert(key))
    }

    /// The alerts that a communication was sent for; one, or one and the group that it is of.
    pub fn alerts_of(&self, communication: CommunicationId) -> Result<Vec<Loaded<AlertTaken>>> {
        let prefix = KeyBuilder::new(keys::ALERT_BY_COMMUNICATION).bytes(communication.as_bytes());
        self.rows_named(prefix.build(), ALERTS_OF_ONE_MAX)
    }

    /// The alerts taken longest ago.
    pub fn oldest_alerts(&self, limit: usize) -> Result<Vec<Loaded<AlertTaken>>> {
        self.rows_named(keys::ALERT_BY_TIME.to_vec(), limit)
    }

    /// How many alerts are remembered.
    pub fn alert_count(&self) -> Result<u64> {
        self.count(keys::ALERTS.to_vec())
    }

    /// Where an area lies, if that is known.
    pub fn area_place(&self, area: AreaId) -> Result<Option<Loaded<AreaPlace>>> {
        self.load(&keys::area_place(area))
    }

    /// Where all areas lie of which that is known.
    pub fn area_places(&self) -> Result<Vec<Loaded<AreaPlace>>> {
        let all = KeyRange::prefix(keys::AREA_PLACE);
        Ok(self.rows(all, super::AREAS_MAX)?.rows)
    }
}
