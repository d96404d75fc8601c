//! Rows of webhooks, and of news on its way to them.

use super::engine::{Key, Value};
use super::keys::{self, KeyBuilder};
use super::rows::Row;
use crate::domain::{Notification, Webhook};

impl Row for Webhook {
    fn key(&self) -> Key {
        keys::webhook(self.id)
    }
}

impl Row for Notification {
    fn key(&self) -> Key {
        keys::notification(&self.id)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let of_webhook = |tag| KeyBuilder::new(tag).bytes(self.webhook.as_bytes());
        let newest = of_webhook(keys::NOTIFICATION_BY_WEBHOOK)
            .newest_first(self.at)
            .bytes(&self.id);
        let other = match self.due {
            Some(due) => of_webhook(keys::NOTIFICATION_DUE).bytes(&due.as_millis().to_be_bytes()),
            None => of_webhook(keys::NOTIFICATION_DONE).bytes(&self.at.as_millis().to_be_bytes()),
        };
        let other = other.bytes(&self.id);
        vec![(newest.build(), Vec::new()), (other.build(), Vec::new())]
    }

    fn counters(&self) -> Vec<(Key, i64)> {
        let tag = match self.due {
            Some(_) => keys::NOTIFICATIONS_WAITING,
            None => keys::NOTIFICATIONS_DONE,
        };
        vec![(keys::of_webhook(tag, self.webhook), 1)]
    }
}
