//! The rows of the inbox.

use super::engine::{Key, Value, queue_key};
use super::keys::{self, KeyBuilder};
use super::rows::Row;
use crate::domain::{Lane, Message, ReplyNotice, TextPart, Thread};

impl Row for Thread {
    fn key(&self) -> Key {
        keys::thread(self.id)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let newest_first = |key: KeyBuilder| {
            key.newest_first(self.changed_at)
                .bytes(self.id.as_bytes())
                .build()
        };
        let by_whom = match self.contact {
            Some(contact) => KeyBuilder::new(keys::THREAD_BY_CONTACT).bytes(contact.as_bytes()),
            None => KeyBuilder::new(keys::THREAD_BY_ADDRESS).text(self.address.reveal()),
        };
        let mut entries = vec![
            keys::threads_in_state(self.state).into(),
            keys::threads_assigned(self.assigned, self.state).into(),
            by_whom,
        ];
        if self.unread > 0 {
            entries.push(KeyBuilder::new(keys::THREAD_UNREAD));
        }
        let entries = entries.into_iter().map(newest_first);
        entries.map(|key| (key, Vec::new())).collect()
    }

    fn counters(&self) -> Vec<(Key, i64)> {
        if self.unread == 0 {
            return Vec::new();
        }
        vec![
            (keys::UNREAD_THREADS.to_vec(), 1),
            (keys::unread_of(self.assigned), 1),
        ]
    }
}

impl Row for Message {
    const SEARCHED: bool = true;

    fn key(&self) -> Key {
        keys::message(self.thread, self.at, self.id)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let mut entries = Vec::new();
        let own = |start: Key| KeyBuilder::from(start).bytes(self.id.as_bytes()).build();
        if !self.message_id.reveal().is_empty() {
            let start = keys::messages_by_reference(self.message_id.reveal());
            entries.push((own(start), self.key()));
        }
        if let Some(delivery) = self.delivery {
            entries.push((own(keys::messages_by_delivery(delivery)), self.key()));
        }
        if let Some(at) = self.notify_at {
            let queued = queue_key(Lane::Notify as u8, at, self.id.as_bytes());
            entries.push((queued, self.key()));
        }
        entries
    }
}

impl Row for TextPart {
    fn key(&self) -> Key {
        keys::text_part(&self.set, self.number)
    }

    fn counters(&self) -> Vec<(Key, i64)> {
        vec![(keys::TEXT_PARTS.to_vec(), 1)]
    }
}

impl Row for ReplyNotice {
    fn key(&self) -> Key {
        keys::reply_notice(self.user)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let queued = |due| queue_key(Lane::Notify as u8, due, self.user.as_bytes());
        let entry = self.due.map(|due| (queued(due), self.key()));
        entry.into_iter().collect()
    }
}
