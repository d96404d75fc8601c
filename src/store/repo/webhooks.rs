//! Reading webhooks, news on its way to them, and alerts that other programs handed in.

use std::collections::BTreeSet;

use super::{Page, Repo, Result};
use crate::domain::inbox::THREAD_MESSAGES_MAX;
use crate::domain::webhook::WEBHOOKS_MAX;
use crate::domain::{
    AlertTaken, AreaId, AreaPlace, CaseId, CommunicationId, Entry, News, Notification, ThreadId,
    Timestamp, Webhook, WebhookId,
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

    /// When news of a webhook is tried next, and its id: what is due first comes first.
    pub fn notifications_due(
        &self,
        webhook: WebhookId,
        limit: usize,
    ) -> Result<Vec<(Timestamp, [u8; 16])>> {
        let prefix = keys::of_webhook(keys::NOTIFICATION_DUE, webhook);
        let start = prefix.len();
        let found = self.store.scan(KeyRange::prefix(prefix), limit)?;
        let parts = |(key, _): &(Key, _)| {
            let (due, id) = key.get(start..)?.split_first_chunk::<8>()?;
            let due = Timestamp::from_millis(u64::from_be_bytes(*due));
            Some((due, id.try_into().ok()?))
        };
        Ok(found.iter().filter_map(parts).collect())
    }

    /// All webhooks that there is news of, those that are gone, too.
    pub fn webhooks_with_news(&self) -> Result<Vec<WebhookId>> {
        let tag = keys::NOTIFICATION_BY_WEBHOOK;
        let (mut found, mut range) = (Vec::new(), KeyRange::prefix(tag));
        while let Some((key, _)) = self.store.scan(range, 1)?.pop() {
            let id = key.get(tag.len()..).and_then(|rest| rest.first_chunk());
            let Some(id) = id else { break };
            let webhook = WebhookId::from_bytes(*id);
            found.push(webhook);
            // On behind everything of this one.
            let mut last = keys::of_webhook(tag, webhook);
            last.extend_from_slice(&[0xff; 25]);
            range = KeyRange::prefix(tag).after(last);
        }
        Ok(found)
    }

    /// How much was not told to a webhook because too much waited there.
    pub fn news_left_out(&self, webhook: WebhookId) -> Result<u64> {
        self.count(keys::of_webhook(keys::NEWS_LEFT_OUT, webhook))
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

    /// Whether a case is for everybody. Of one that is gone nobody knows: it is not.
    pub fn case_is_open(&self, case: CaseId) -> Result<bool> {
        Ok(self.case(case)?.is_some_and(|case| !case.restricted))
    }

    /// Whether no case that a thread speaks of is for those named in it alone: by what it answers,
    /// and where it was filed.
    pub fn thread_is_open(&self, thread: ThreadId) -> Result<bool> {
        let messages = self.messages(thread, None, THREAD_MESSAGES_MAX as usize)?;
        let (mut cases, mut known) = (BTreeSet::new(), BTreeSet::new());
        for message in &messages.rows {
            let filed = self.entry(Entry::id_of_message(message.id))?;
            cases.extend(filed.and_then(|entry| entry.case));
            let Some(id) = message.communication.filter(|id| known.insert(*id)) else {
                continue;
            };
            let of = self.communication(id)?;
            cases.extend(of.and_then(|of| of.matter?.case));
        }
        for case in cases {
            if !self.case_is_open(case)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether nothing that news is about belongs to a case for those named in it.
    pub fn news_is_open(&self, news: &News) -> Result<bool> {
        let delivery = match (news.communication, news.delivery) {
            (None, Some(id)) => match self.delivery(id)? {
                Some(delivery) => Some(delivery.communication),
                None => return Ok(false),
            },
            _ => None,
        };
        if let Some(id) = news.communication.or(delivery) {
            let Some(of) = self.communication(id)? else {
                return Ok(false);
            };
            let case = of.matter.and_then(|matter| matter.case);
            if let Some(case) = case
                && !self.case_is_open(case)?
            {
                return Ok(false);
            }
        }
        match news.thread {
            Some(thread) => self.thread_is_open(thread),
            None => Ok(true),
        }
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
