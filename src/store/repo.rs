//! Reading in the domain's words. Nothing here writes.

use super::engine::{BlobId, Key, KeyRange, Store, StoreError};
use super::keys::{self, KeyBuilder};
use super::records::{Record, RecordError};
use super::rows::{Loaded, Row};
use crate::domain::{
    Area, AreaId, AreaTree, AudienceChunk, Communication, CommunicationId, Contact, ContactId,
    Content, Delivery, DeliveryId, EarlyReceipt, InboundMail, LogEntry, Person, PersonState,
    RoundJob, Session, Statistics, Status, User, UserId,
};

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

    fn rows<T: Row>(&self, range: KeyRange, limit: usize) -> Result<Page<Loaded<T>>> {
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
        let mut range = KeyRange::prefix(prefix);
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

    /// A contact.
    pub fn contact(&self, id: ContactId) -> Result<Option<Loaded<Contact>>> {
        self.load(&keys::contact(id))
    }

    fn contacts(&self, page: Page<[u8; 16]>) -> Result<Page<Loaded<Contact>>> {
        let mut rows = Vec::with_capacity(page.rows.len());
        for id in page.rows {
            rows.extend(self.contact(ContactId::from_bytes(id))?);
        }
        Ok(Page {
            rows,
            next: page.next,
        })
    }

    /// Contacts in order of first name, then last; those whose first name begins with `prefix`.
    pub fn contacts_by_name(
        &self,
        prefix: &str,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Contact>>> {
        let mut start = KeyBuilder::new(keys::CONTACT_BY_NAME).text(prefix).build();
        start.pop();
        let page = self.ids(start, after, limit, 0)?;
        self.contacts(page)
    }

    /// Contacts directly in an area ([`super::rows::NO_AREA`] for those without), by first name.
    pub fn contacts_in_area(
        &self,
        area: AreaId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Contact>>> {
        let page = self.contact_ids_in_area(area, after, limit)?;
        self.contacts(Page {
            rows: page.rows.iter().map(|id| *id.as_bytes()).collect(),
            next: page.next,
        })
    }

    /// Ids of the contacts directly in an area, by first name.
    pub fn contact_ids_in_area(
        &self,
        area: AreaId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<ContactId>> {
        let page = self.ids(area_prefix(keys::CONTACT_BY_AREA, area), after, limit, 0)?;
        Ok(Page {
            rows: page.rows.into_iter().map(ContactId::from_bytes).collect(),
            next: page.next,
        })
    }

    /// Contacts that have this address or number (in its lookup form).
    pub fn contacts_by_address(
        &self,
        lookup_key: &str,
        limit: usize,
    ) -> Result<Vec<Loaded<Contact>>> {
        let prefix = KeyBuilder::new(keys::CONTACT_BY_ADDRESS)
            .text(lookup_key)
            .build();
        let mut page = self.ids(prefix, None, limit, 16)?;
        page.rows.dedup();
        Ok(self.contacts(page)?.rows)
    }

    /// Contacts with a communication issue directly in an area, by first name.
    pub fn issues_in_area(
        &self,
        area: AreaId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Contact>>> {
        let page = self.ids(area_prefix(keys::ISSUE_BY_AREA, area), after, limit, 0)?;
        self.contacts(page)
    }

    /// Contacts directly in an area whom no method reaches, by first name.
    pub fn unreachable_in_area(
        &self,
        area: AreaId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Contact>>> {
        let page = self.ids(
            area_prefix(keys::UNREACHABLE_BY_AREA, area),
            after,
            limit,
            0,
        )?;
        self.contacts(page)
    }

    /// How many contacts are directly in an area.
    pub fn contact_count(&self, area: AreaId) -> Result<u64> {
        self.count(area_prefix(keys::CONTACTS_IN_AREA, area))
    }

    /// How many contacts directly in an area have a communication issue.
    pub fn issue_count(&self, area: AreaId) -> Result<u64> {
        self.count(area_prefix(keys::ISSUES_IN_AREA, area))
    }

    /// How many contacts have a communication issue, in all areas and none.
    pub fn issue_count_all(&self) -> Result<u64> {
        let counters = self
            .store
            .scan(KeyRange::prefix(keys::ISSUES_IN_AREA), AREAS_MAX)?;
        Ok(counters.iter().map(|(_, value)| counter(value)).sum())
    }

    fn count(&self, key: Key) -> Result<u64> {
        Ok(u64::try_from(self.store.get_counter(&key)?).unwrap_or(0))
    }

    /// All areas.
    pub fn areas(&self) -> Result<AreaTree> {
        let page: Page<Loaded<Area>> = self.rows(KeyRange::prefix(keys::AREA), AREAS_MAX)?;
        Ok(AreaTree::new(
            page.rows.into_iter().map(|area| area.value).collect(),
        ))
    }

    /// A communication.
    pub fn communication(&self, id: CommunicationId) -> Result<Option<Loaded<Communication>>> {
        self.load(&keys::communication(id))
    }

    /// Communications, last modified first.
    pub fn communications(
        &self,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Communication>>> {
        let page = self.ids(keys::COMMUNICATION_BY_CHANGE.to_vec(), after, limit, 0)?;
        let mut rows = Vec::with_capacity(page.rows.len());
        for id in page.rows {
            rows.extend(self.communication(CommunicationId::from_bytes(id))?);
        }
        Ok(Page {
            rows,
            next: page.next,
        })
    }

    /// What a communication says.
    pub fn content(&self, id: BlobId) -> Result<Content> {
        let bytes = self
            .store
            .get_blob(id)?
            .ok_or(RepoError::Missing("a content"))?;
        Ok(Content::from_bytes(&bytes)?)
    }

    /// Part of a communication's audience.
    pub fn audience_chunk(
        &self,
        id: CommunicationId,
        index: u32,
    ) -> Result<Option<Loaded<AudienceChunk>>> {
        self.load(&keys::audience(id, index))
    }

    /// A round still to be worked off.
    pub fn round(&self, id: CommunicationId, round: u8) -> Result<Option<Loaded<RoundJob>>> {
        self.load(&keys::round(id, round))
    }

    /// The round to which a queue entry points.
    pub fn round_at(&self, key: &[u8]) -> Result<Option<Loaded<RoundJob>>> {
        self.load(key)
    }

    /// Rounds of a communication still to come.
    pub fn rounds(&self, id: CommunicationId) -> Result<Vec<Loaded<RoundJob>>> {
        let prefix = KeyBuilder::new(keys::ROUND).bytes(id.as_bytes()).build();
        Ok(self.rows(KeyRange::prefix(prefix), 256)?.rows)
    }

    /// A delivery.
    pub fn delivery(&self, id: DeliveryId) -> Result<Option<Loaded<Delivery>>> {
        self.load(&keys::delivery(id))
    }

    /// A contact's deliveries, newest first.
    pub fn deliveries_of(
        &self,
        contact: ContactId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Delivery>>> {
        let prefix = KeyBuilder::new(keys::DELIVERY_BY_CONTACT)
            .bytes(contact.as_bytes())
            .build();
        let page = self.ids(prefix, after, limit, 0)?;
        let mut rows = Vec::with_capacity(page.rows.len());
        for id in page.rows {
            let id = DeliveryId::from_bytes(id.map(|byte| !byte));
            rows.extend(self.delivery(id)?);
        }
        Ok(Page {
            rows,
            next: page.next,
        })
    }

    /// All deliveries, newest first.
    pub fn deliveries(&self, after: Option<Key>, limit: usize) -> Result<Page<Loaded<Delivery>>> {
        let mut range = KeyRange::prefix(keys::DELIVERY).reverse();
        if let Some(after) = after {
            range = range.after(after);
        }
        self.rows(range, limit)
    }

    /// The delivery that a carrier knows under this id.
    pub fn delivery_by_remote_id(&self, remote_id: &str) -> Result<Option<Loaded<Delivery>>> {
        match self.store.get(&keys::remote_id(remote_id))? {
            Some(id) => match id.as_slice().try_into() {
                Ok(id) => self.delivery(DeliveryId::from_bytes(id)),
                Err(_) => Ok(None),
            },
            None => Ok(None),
        }
    }

    /// A receipt that came before the answer to its submission.
    pub fn early_receipt(&self, remote_id: &str) -> Result<Option<Loaded<EarlyReceipt>>> {
        self.load(&keys::early_receipt(remote_id))
    }

    /// One person in a communication.
    pub fn person(
        &self,
        communication: CommunicationId,
        contact: ContactId,
    ) -> Result<Option<Loaded<Person>>> {
        self.load(&keys::person(communication, contact))
    }

    /// People of a communication.
    pub fn people(
        &self,
        communication: CommunicationId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Person>>> {
        let prefix = KeyBuilder::new(keys::PERSON)
            .bytes(communication.as_bytes())
            .build();
        let mut range = KeyRange::prefix(prefix);
        if let Some(after) = after {
            range = range.after(after);
        }
        self.rows(range, limit)
    }

    /// Numbers of a communication. The same work for ten people as for a million.
    pub fn statistics(&self, communication: &Communication) -> Result<Statistics> {
        let id = communication.id;
        let contacted = self.count(keys::people_by_state(id, PersonState::Contacted))?;
        let not_contacted = self.count(keys::people_by_state(id, PersonState::NotContacted))?;
        let mut by_status = Vec::new();
        let prefix = KeyBuilder::new(keys::DELIVERIES_BY_STATUS)
            .bytes(id.as_bytes())
            .build();
        for (key, value) in self.store.scan(KeyRange::prefix(prefix), 256)? {
            let status = key.last().and_then(|code| Status::from_code(*code));
            let count = counter(&value);
            by_status.extend(status.filter(|_| count > 0).map(|status| (status, count)));
        }
        Ok(Statistics {
            people: communication.people,
            contacted,
            in_progress: communication
                .people
                .saturating_sub(contacted + not_contacted),
            not_contacted,
            by_status,
        })
    }

    /// A contact's log, newest first.
    pub fn log(
        &self,
        contact: ContactId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<LogEntry>>> {
        let prefix = KeyBuilder::new(keys::LOG).bytes(contact.as_bytes()).build();
        let mut range = KeyRange::prefix(prefix);
        if let Some(after) = after {
            range = range.after(after);
        }
        self.rows(range, limit)
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
        let key = KeyBuilder::new(keys::USER_BY_LOGIN).text(login).build();
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

    /// How many entries of a lane are due at `now` (those being worked on too), counted up to
    /// `limit`.
    pub fn due_depth(
        &self,
        lane: crate::domain::Lane,
        now: crate::domain::Timestamp,
        limit: usize,
    ) -> Result<usize> {
        let start = [b"q/".as_slice(), &[lane as u8]].concat();
        let end = now.as_millis().saturating_add(1).to_be_bytes();
        let end = [start.as_slice(), &end].concat();
        Ok(self.store.scan(KeyRange::from(start..end), limit)?.len())
    }

    /// How many entries wait in a lane, counted up to `limit`.
    pub fn lane_depth(&self, lane: crate::domain::Lane, limit: usize) -> Result<usize> {
        let prefix = [b"q/".as_slice(), &[lane as u8]].concat();
        Ok(self.store.scan(KeyRange::prefix(prefix), limit)?.len())
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
