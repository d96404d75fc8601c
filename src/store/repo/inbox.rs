//! Reading the inbox: threads and their messages.

use super::{Order, Page, Repo, RepoError, Result};
use crate::domain::inbox::THREAD_MESSAGES_MAX;
use crate::domain::{
    BlobId, ContactId, DeliveryId, Message, MessageId, ReplyNotice, TextPart, Thread, ThreadId,
    ThreadState, UserId,
};
use crate::store::Loaded;
use crate::store::engine::{Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};

/// Messages read at a time to find one.
const MESSAGES_SCANNED: usize = 50;

/// Which threads of the inbox a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadList {
    /// Those in a state.
    In(ThreadState),
    /// Those with unread messages.
    Unread,
    /// Open ones that somebody, or nobody, looks after.
    Assigned(Option<UserId>),
}

impl Repo {
    /// A part of a text that came in.
    pub fn text_part(&self, set: &[u8; 32], number: u8) -> Result<Option<Loaded<TextPart>>> {
        self.load(&keys::text_part(set, number))
    }

    /// The parts of one text, in the order of their numbers.
    pub fn text_parts(&self, set: &[u8; 32]) -> Result<Vec<Loaded<TextPart>>> {
        let range = KeyRange::prefix(keys::text_parts(set));
        Ok(self.rows(range, usize::from(u8::MAX) + 1)?.rows)
    }

    /// How many parts of texts are kept.
    pub fn text_parts_kept(&self) -> Result<u64> {
        self.count(keys::TEXT_PARTS.to_vec())
    }

    /// A thread of the inbox.
    pub fn thread(&self, id: ThreadId) -> Result<Option<Loaded<Thread>>> {
        self.load(&keys::thread(id))
    }

    /// Threads under the beginning of an index, last changed first.
    fn threads_under(
        &self,
        prefix: Key,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Thread>>> {
        self.threads_within(KeyRange::prefix(prefix), after, limit)
    }

    fn threads_within(
        &self,
        range: KeyRange,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Thread>>> {
        let page = self.ids_in(range, after, limit, 0)?;
        let mut rows = Vec::with_capacity(page.rows.len());
        for id in page.rows {
            rows.extend(self.thread(ThreadId::from_bytes(id))?);
        }
        Ok(Page {
            rows,
            next: page.next,
        })
    }

    /// Threads of the inbox that a list shows, last changed first.
    pub fn threads(
        &self,
        listed: ThreadList,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Thread>>> {
        self.threads_in(Order::Usual, listed, after, limit)
    }

    /// The same in either order.
    pub fn threads_in(
        &self,
        order: Order,
        listed: ThreadList,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Thread>>> {
        let prefix = match listed {
            ThreadList::In(state) => keys::threads_in_state(state),
            ThreadList::Unread => keys::THREAD_UNREAD.to_vec(),
            ThreadList::Assigned(to) => keys::threads_assigned(to, ThreadState::Open),
        };
        let range = order.of(KeyRange::prefix(prefix));
        self.threads_within(range, after, limit)
    }

    /// Threads of a contact, and of those that it took over, last changed first.
    pub fn threads_of(&self, contact: ContactId, limit: usize) -> Result<Vec<Loaded<Thread>>> {
        let mut threads = Vec::new();
        for id in self.ids_of(contact)? {
            let prefix = KeyBuilder::new(keys::THREAD_BY_CONTACT).bytes(id.as_bytes());
            threads.extend(self.threads_under(prefix.build(), None, limit)?.rows);
        }
        threads.sort_by_key(|thread| std::cmp::Reverse(thread.changed_at));
        threads.truncate(limit);
        Ok(threads)
    }

    /// Threads with somebody whom we know by this address or number only, last changed first.
    pub fn threads_at(&self, lookup_key: &str, limit: usize) -> Result<Vec<Loaded<Thread>>> {
        let prefix = KeyBuilder::new(keys::THREAD_BY_ADDRESS).text(lookup_key);
        Ok(self.threads_under(prefix.build(), None, limit)?.rows)
    }

    /// How many threads have unread messages.
    pub fn unread_threads(&self) -> Result<u64> {
        self.count(keys::UNREAD_THREADS.to_vec())
    }

    /// How many threads that somebody, or nobody, looks after have unread messages.
    pub fn unread_threads_of(&self, user: Option<UserId>) -> Result<u64> {
        self.count(keys::unread_of(user))
    }

    /// Messages of a thread, newest first.
    pub fn messages(
        &self,
        thread: ThreadId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Message>>> {
        self.messages_in(Order::Usual, thread, after, limit)
    }

    /// The same in either order.
    pub fn messages_in(
        &self,
        order: Order,
        thread: ThreadId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Message>>> {
        let prefix = KeyBuilder::new(keys::MESSAGE).bytes(thread.as_bytes());
        let mut range = order.of(KeyRange::prefix(prefix.build()).reverse());
        if let Some(after) = after {
            range = range.after(after);
        }
        self.rows(range, limit)
    }

    /// A message of a thread. A thread has at most [`THREAD_MESSAGES_MAX`] of them: they are
    /// looked through.
    pub fn message(&self, thread: ThreadId, id: MessageId) -> Result<Option<Loaded<Message>>> {
        let prefix = KeyBuilder::new(keys::MESSAGE).bytes(thread.as_bytes());
        let mut range = KeyRange::prefix(prefix.build()).reverse();
        let mut left = THREAD_MESSAGES_MAX as usize;
        while left > 0 {
            let page = self.store.scan(range.clone(), left.min(MESSAGES_SCANNED))?;
            let ends = |key: &[u8]| key.ends_with(id.as_bytes());
            if let Some((key, _)) = page.iter().find(|(key, _)| ends(key)) {
                return self.message_at(key);
            }
            let Some((last, _)) = page.last() else { break };
            left -= page.len();
            range = range.after(last.clone());
        }
        Ok(None)
    }

    /// The message under a key, as an entry of the queue names it.
    pub fn message_at(&self, key: &[u8]) -> Result<Option<Loaded<Message>>> {
        self.load(key)
    }

    /// Messages that answer a delivery or were taken by it.
    pub fn messages_by_delivery(
        &self,
        delivery: DeliveryId,
        limit: usize,
    ) -> Result<Vec<Loaded<Message>>> {
        self.messages_under(keys::messages_by_delivery(delivery), limit)
    }

    /// Messages with this `Message-ID`.
    pub fn messages_by_reference(
        &self,
        message_id: &str,
        limit: usize,
    ) -> Result<Vec<Loaded<Message>>> {
        self.messages_under(keys::messages_by_reference(message_id), limit)
    }

    fn messages_under(&self, prefix: Key, limit: usize) -> Result<Vec<Loaded<Message>>> {
        let found = self.store.scan(KeyRange::prefix(prefix), limit)?;
        let mut rows = Vec::with_capacity(found.len());
        for (_, key) in found {
            rows.extend(self.message_at(&key)?);
        }
        Ok(rows)
    }

    /// A body of a message.
    pub fn text(&self, id: BlobId) -> Result<String> {
        let bytes = self
            .store
            .get_blob(id)?
            .ok_or(RepoError::Missing("a message's text"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What an administrator has to be told of.
    pub fn reply_notice(&self, user: UserId) -> Result<Option<Loaded<ReplyNotice>>> {
        self.load(&keys::reply_notice(user))
    }
}
