//! Reading in the domain's words. Nothing here writes.

mod answers;
mod audit;
mod cases;
mod communications;
mod contacts;
mod correspondence;
mod deliveries;
mod erasures;
mod find;
mod imports;
mod inbox;
mod merge;
mod order;
mod search;
mod sessions;
mod templates;
mod tickets;
mod tokens;
mod webhooks;

pub use tickets::Ended;

use super::engine::{Key, KeyRange, Store, StoreError};
use super::keys::{self, KeyBuilder};
use super::records::RecordError;
use super::rows::{Loaded, Row};
use crate::domain::{AreaId, EarlyReceipt, InboundMail, Session, User, UserId};

pub use answers::HeardPool;
pub use audit::Audited;
pub use cases::{CASES_OF_ONE_MAX, CaseList};
pub use communications::CommunicationList;
pub use correspondence::{EntryList, Happened};
pub use find::{FIND_LIMIT_MAX, Find};
pub use inbox::ThreadList;
pub use merge::Walk;
pub use order::Order;
pub use search::{SearchTodo, Searched};

/// Most areas there may be.
pub const AREAS_MAX: usize = 10_000;

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// The engine failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record does not read back.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A row points to something that is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
}

/// The result of reading.
pub type Result<T> = std::result::Result<T, RepoError>;

/// One page of a list, with where the next begins.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Give this to get what follows; none at the end.
    pub next: Option<Key>,
}

/// Typed reads over the store.
#[derive(Clone, Debug)]
pub struct Repo {
    store: Store,
}

impl Repo {
    /// Over this store.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// The store itself, to commit to.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    fn load<T: Row>(&self, key: &[u8]) -> Result<Option<Loaded<T>>> {
        self.store.get(key)?.map(|bytes| loaded(bytes)).transpose()
    }

    /// Rows by their keys, in their order.
    fn load_many<T: Row>(&self, keys: &[Key]) -> Result<Vec<Option<Loaded<T>>>> {
        let found = self.store.get_many(keys)?.into_iter();
        found.map(|bytes| bytes.map(loaded).transpose()).collect()
    }

    pub(super) fn rows<T: Row>(&self, range: KeyRange, limit: usize) -> Result<Page<Loaded<T>>> {
        let found = self.store.scan(range, limit)?;
        let next = (found.len() == limit).then(|| found.last().map(|(key, _)| key.clone()));
        let rows = found
            .into_iter()
            .map(|(_, bytes)| loaded(bytes))
            .collect::<Result<Vec<_>>>()?;
        Ok(Page {
            rows,
            next: next.flatten(),
        })
    }

    /// Keys of an index whose last bytes are ids.
    fn ids(
        &self,
        prefix: Key,
        after: Option<Key>,
        limit: usize,
        tail: usize,
    ) -> Result<Page<[u8; 16]>> {
        self.ids_in(KeyRange::prefix(prefix), after, limit, tail)
    }

    fn ids_in(
        &self,
        mut range: KeyRange,
        after: Option<Key>,
        limit: usize,
        tail: usize,
    ) -> Result<Page<[u8; 16]>> {
        if let Some(after) = after {
            range = range.after(after);
        }
        let found = self.store.scan(range, limit)?;
        let next = (found.len() == limit).then(|| found.last().map(|(key, _)| key.clone()));
        let rows = found
            .iter()
            .filter_map(|(key, _)| id_before(key, tail))
            .collect();
        Ok(Page {
            rows,
            next: next.flatten(),
        })
    }

    /// Every row of a kind, by its tag, in the order of keys.
    pub fn every<T: Row>(
        &self,
        tag: &[u8],
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<T>>> {
        let mut range = KeyRange::prefix(tag);
        if let Some(after) = after {
            range = range.after(after);
        }
        self.rows(range, limit)
    }

    fn count(&self, key: Key) -> Result<u64> {
        Ok(u64::try_from(self.store.get_counter(&key)?).unwrap_or(0))
    }

    /// A receipt that came before the answer to its submission.
    pub fn early_receipt(&self, remote_id: &str) -> Result<Option<Loaded<EarlyReceipt>>> {
        self.load(&keys::early_receipt(remote_id))
    }

    /// Receipts that belong to no text yet, or to none of ours, by their ids.
    pub fn early_receipts(
        &self,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<EarlyReceipt>>> {
        self.every(keys::EARLY_RECEIPT, after, limit)
    }

    /// A mail that came in.
    pub fn inbound(&self, id: &[u8; 16]) -> Result<Option<Loaded<InboundMail>>> {
        self.load(&keys::inbound(id))
    }

    /// A user.
    pub fn user(&self, id: UserId) -> Result<Option<Loaded<User>>> {
        self.load(&keys::user(id))
    }

    /// The user with this login name.
    pub fn user_by_login(&self, login: &str) -> Result<Option<Loaded<User>>> {
        let key = keys::user_by_login(login);
        match self.store.get(&key)? {
            Some(id) => match id.as_slice().try_into() {
                Ok(id) => self.user(UserId::from_bytes(id)),
                Err(_) => Ok(None),
            },
            None => Ok(None),
        }
    }

    /// Users in order of making.
    pub fn users(&self, limit: usize) -> Result<Vec<Loaded<User>>> {
        Ok(self.rows(KeyRange::prefix(keys::USER), limit)?.rows)
    }

    /// A session of the console.
    pub fn session(&self, token_hash: &[u8; 32]) -> Result<Option<Loaded<Session>>> {
        self.load(&keys::session(token_hash))
    }

    /// A fact about the installation.
    pub fn setting(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.store.get(&keys::setting(name))?)
    }

    /// How many entries of a lane, by its number, are due at `now` (those being worked on too),
    /// counted up to `limit`.
    pub fn due_depth(
        &self,
        lane: u8,
        now: crate::domain::Timestamp,
        limit: usize,
    ) -> Result<usize> {
        let start = [b"q/".as_slice(), &[lane]].concat();
        let end = now.as_millis().saturating_add(1).to_be_bytes();
        let end = [start.as_slice(), &end].concat();
        Ok(self.store.count(KeyRange::from(start..end), limit)?)
    }

    /// How many entries wait in a lane, counted up to `limit`.
    pub fn lane_depth(&self, lane: crate::domain::Lane, limit: usize) -> Result<usize> {
        if lane == crate::domain::Lane::Webhook {
            let waits = KeyRange::prefix(keys::NOTIFICATION_DUE);
            return Ok(self.store.count(waits, limit)?);
        }
        let depth = |express| -> Result<usize> {
            let prefix = [b"q/".as_slice(), &[lane.number(express)]].concat();
            Ok(self.store.count(KeyRange::prefix(prefix), limit)?)
        };
        Ok((depth(false)? + depth(true)?).min(limit))
    }
}

fn loaded<T: Row>(bytes: Vec<u8>) -> Result<Loaded<T>> {
    let value = T::from_bytes(&bytes)?;
    Ok(Loaded { value, bytes })
}

fn area_prefix(tag: &[u8], area: AreaId) -> Key {
    KeyBuilder::new(tag).bytes(area.as_bytes()).build()
}

/// The sixteen bytes that end `tail` bytes before the end of the key.
fn id_before(key: &[u8], tail: usize) -> Option<[u8; 16]> {
    let end = key.len().checked_sub(tail)?;
    key.get(end.checked_sub(16)?..end)?.try_into().ok()
}

fn counter(value: &[u8]) -> u64 {
    super::engine::counter_value(value)
        .and_then(|value| u64::try_from(value).ok())
        .unwrap_or(0)
}
