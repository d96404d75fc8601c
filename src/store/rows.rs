//! Rows with their indexes and counters. A row says what it derives; writing it writes exactly
//! the difference, in one batch, so that an index can never disagree with its row.

use std::collections::BTreeMap;

use super::engine::{Batch, Key, Value, queue_key};
use super::keys::{self, KeyBuilder};
use super::records::Record;
use crate::domain::chain::Hash;
use crate::domain::comms_issue::{Reachability, reachability};
use crate::domain::{
    Area, AreaId, AudienceChunk, Campaign, Communication, CommunicationState, Contact,
    EarlyReceipt, Group, InboundMail, Lane, LogEntry, MethodState, Recipient, RoundJob,
    SavedFilter, Session, SignUp, Ticket, User, Visit,
};

/// Something stored under a key, with what it derives.
pub trait Row: Record {
    /// Its key; never changes for one row.
    fn key(&self) -> Key;

    /// Index entries that follow from it.
    fn indexes(&self) -> Vec<(Key, Value)> {
        Vec::new()
    }

    /// Whether the full-text index has to hear of each change of it.
    const SEARCHED: bool = false;

    /// What other rows are found by through this one, as a message by the name of whom it went to:
    /// when it changes, the full-text index has to hear of it.
    fn finds_others_by(&self) -> Option<String> {
        None
    }

    /// What it adds to counters.
    fn counters(&self) -> Vec<(Key, i64)> {
        Vec::new()
    }

    /// SHA-256 of the content that it carries, for the entry of whoever writes it.
    fn digest(&self) -> Option<Hash> {
        None
    }
}

/// A row as it was read: what the store held is kept, so that a change can insist that nobody
/// else changed it meanwhile.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// The row.
    pub value: T,
    pub(super) bytes: Value,
}

impl<T: Row> Loaded<T> {
    /// A row as it will be once the batch that writes it is committed: what follows may be
    /// prepared before that, and meets a conflict if it was not written.
    #[must_use]
    pub fn written(value: T) -> Self {
        let bytes = value.to_bytes();
        Self { value, bytes }
    }
}

impl<T> std::ops::Deref for Loaded<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// Writes rows into a batch.
pub trait RowBatch {
    /// Writes a new row; the batch fails if there is one under its key.
    fn insert<T: Row>(&mut self, row: &T);
    /// Writes a row over the one that was read; the batch fails if that has changed meanwhile.
    fn replace<T: Row>(&mut self, old: &Loaded<T>, new: &T);
    /// Removes a row that was read; the batch fails if it has changed meanwhile.
    fn remove<T: Row>(&mut self, old: &Loaded<T>);
    /// Lets the full-text index read a row again: what it finds it by has changed elsewhere.
    fn read_again<T: Row>(&mut self, row: &Loaded<T>);
    /// Insists that a row is as it was read, without writing it.
    fn expect<T: Row>(&mut self, row: &Loaded<T>);
}

impl RowBatch for Batch {
    fn insert<T: Row>(&mut self, row: &T) {
        self.assert_absent(row.key());
        let bytes = row.to_bytes();
        tell_search::<T>(self, row.key(), &bytes);
        self.put(row.key(), bytes);
        write_difference(self, Vec::new(), row.indexes());
        add_difference(self, Vec::new(), row.counters());
        self.note_digest(row.digest());
    }

    fn replace<T: Row>(&mut self, old: &Loaded<T>, new: &T) {
        debug_assert!(old.value.key() == new.key(), "a row keeps its key");
        self.expect(old);
        let bytes = new.to_bytes();
        if bytes != old.bytes {
            tell_search::<T>(self, new.key(), &bytes);
            tell_of_name(
                self,
                new,
                &bytes,
                old.finds_others_by() != new.finds_others_by(),
            );
        }
        self.put(new.key(), bytes);
        write_difference(self, old.value.indexes(), new.indexes());
        add_difference(self, old.value.counters(), new.counters());
        self.note_digest(new.digest());
    }

    fn remove<T: Row>(&mut self, old: &Loaded<T>) {
        self.expect(old);
        tell_search::<T>(self, old.value.key(), &[]);
        tell_of_name(self, &old.value, &[], old.finds_others_by().is_some());
        self.delete(old.value.key());
        write_difference(self, old.value.indexes(), Vec::new());
        add_difference(self, old.value.counters(), Vec::new());
    }

    fn read_again<T: Row>(&mut self, row: &Loaded<T>) {
        tell_search::<T>(self, row.value.key(), &row.bytes);
    }

    fn expect<T: Row>(&mut self, row: &Loaded<T>) {
        self.assert_value(row.value.key(), row.bytes.clone());
    }
}

/// Leaves word for the full-text index, in the same batch. The value follows from what the row
/// holds now: who has read it can tell whether the row has changed since.
fn tell_search<T: Row>(batch: &mut Batch, key: Key, bytes: &[u8]) {
    if T::SEARCHED {
        let mark = crc32fast::hash(bytes).to_be_bytes();
        batch.put(keys::search_todo(&key), mark);
    }
}

/// Leaves word that what is found by the name of a row is to be read again.
fn tell_of_name<T: Row>(batch: &mut Batch, row: &T, bytes: &[u8], changed: bool) {
    if changed {
        let mark = crc32fast::hash(bytes).to_be_bytes();
        batch.put(keys::search_todo(&row.key()), mark);
    }
}

pub(super) fn write_difference(batch: &mut Batch, old: Vec<(Key, Value)>, new: Vec<(Key, Value)>) {
    let old: BTreeMap<Key, Value> = old.into_iter().collect();
    let new: BTreeMap<Key, Value> = new.into_iter().collect();
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        batch.delete(key.clone());
    }
    for (key, value) in new {
        if old.get(&key) != Some(&value) {
            batch.put(key, value);
        }
    }
}

fn add_difference(batch: &mut Batch, old: Vec<(Key, i64)>, new: Vec<(Key, i64)>) {
    let mut sums: BTreeMap<Key, i64> = BTreeMap::new();
    for (key, amount) in new {
        *sums.entry(key).or_default() += amount;
    }
    for (key, amount) in old {
        *sums.entry(key).or_default() -= amount;
    }
    for (key, delta) in sums.into_iter().filter(|(_, delta)| *delta != 0) {
        batch.add(key, delta);
    }
}

/// The area under which people without one are listed.
pub const NO_AREA: AreaId = AreaId::from_bytes([0; 16]);

impl Row for Contact {
    fn key(&self) -> Key {
        keys::contact(self.id)
    }

    fn finds_others_by(&self) -> Option<String> {
        Some(self.full_name())
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let id = self.id.as_bytes();
        let area = self.area.unwrap_or(NO_AREA);
        let by_area = |tag| {
            KeyBuilder::new(tag)
                .bytes(area.as_bytes())
                .text(self.first_name.reveal())
                .bytes(id)
                .build()
        };
        let by_name = KeyBuilder::new(keys::CONTACT_BY_NAME)
            .text(self.first_name.reveal())
            .text(self.last_name.reveal())
            .bytes(id)
            .build();
        let mut entries = vec![
            (by_name, Vec::new()),
            (by_area(keys::CONTACT_BY_AREA), Vec::new()),
        ];
        entries.extend(super::words::entries(self));
        for method in &self.methods {
            if method.state != MethodState::Removed {
                let key = KeyBuilder::new(keys::CONTACT_BY_ADDRESS)
                    .text(&method.destination.lookup_key())
                    .bytes(id)
                    .bytes(method.id.as_bytes())
                    .build();
                entries.push((key, Vec::new()));
            }
        }
        for group in &self.groups {
            let key = KeyBuilder::new(keys::CONTACT_BY_GROUP)
                .bytes(group.as_bytes())
                .text(self.first_name.reveal())
                .bytes(id)
                .build();
            entries.push((key, Vec::new()));
        }
        if let Some(import) = self.import {
            let key = KeyBuilder::new(keys::CONTACT_BY_IMPORT)
                .bytes(import.as_bytes())
                .bytes(id)
                .build();
            entries.push((key, Vec::new()));
        }
        match reachability(self) {
            Reachability::Fine => {}
            Reachability::Issue => entries.push((by_area(keys::ISSUE_BY_AREA), Vec::new())),
            Reachability::Unreachable => {
                entries.push((by_area(keys::UNREACHABLE_BY_AREA), Vec::new()));
            }
        }
        entries
    }

    fn counters(&self) -> Vec<(Key, i64)> {
        let area = self.area.unwrap_or(NO_AREA);
        let count = |tag| KeyBuilder::new(tag).bytes(area.as_bytes()).build();
        let mut counters = vec![(count(keys::CONTACTS_IN_AREA), 1)];
        if reachability(self) == Reachability::Issue {
            counters.push((count(keys::ISSUES_IN_AREA), 1));
        }
        for group in &self.groups {
            let key = KeyBuilder::new(keys::CONTACTS_IN_GROUP)
                .bytes(group.as_bytes())
                .build();
            counters.push((key, 1));
        }
        counters
    }
}

impl Row for Area {
    fn key(&self) -> Key {
        keys::area(self.id)
    }
}

impl Row for Communication {
    const SEARCHED: bool = true;

    fn key(&self) -> Key {
        keys::communication(self.id)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let under = |begin: KeyBuilder| {
            begin
                .newest_first(self.modified_at)
                .bytes(self.id.as_bytes())
                .build()
        };
        let changed = under(KeyBuilder::new(keys::COMMUNICATION_BY_CHANGE));
        let mut entries = vec![(changed, Vec::new())];
        if !self.origin.is_by_itself() {
            let written = under(KeyBuilder::new(keys::COMMUNICATION_WRITTEN));
            entries.push((written, Vec::new()));
        }
        if let Some(campaign) = self.campaign {
            let begin = KeyBuilder::new(keys::COMMUNICATION_BY_CAMPAIGN).bytes(campaign.as_bytes());
            entries.push((under(begin), Vec::new()));
        }
        if let Some(related) = self.related {
            let key = KeyBuilder::new(keys::COMMUNICATION_BY_RELATED)
                .bytes(related.to.as_bytes())
                .bytes(self.id.as_bytes())
                .build();
            entries.push((key, Vec::new()));
        }
        if !matches!(self.state, CommunicationState::Sent) {
            let begin = KeyBuilder::new(keys::COMMUNICATION_BY_STATE).bytes(&[self.state as u8]);
            entries.push((under(begin), Vec::new()));
        }
        if let (CommunicationState::Scheduled, Some(due)) = (self.state, self.plan.scheduled_at) {
            let queued = queue_key(
                Lane::Scheduled.number(self.plan.emergency),
                due,
                self.id.as_bytes(),
            );
            entries.push((queued, Vec::new()));
        }
        entries
    }

    fn digest(&self) -> Option<Hash> {
        Some(*self.content.as_bytes())
    }
}

impl Row for Campaign {
    fn key(&self) -> Key {
        keys::campaign(self.id)
    }
}

impl Row for Group {
    fn key(&self) -> Key {
        keys::group(self.id)
    }
}

impl Row for SavedFilter {
    fn key(&self) -> Key {
        keys::filter(self.id)
    }
}

impl Row for Recipient {
    fn key(&self) -> Key {
        keys::recipient(self.user, self.contact)
    }

    fn counters(&self) -> Vec<(Key, i64)> {
        vec![(keys::recipients_of_user(self.user), 1)]
    }
}

impl Row for AudienceChunk {
    fn key(&self) -> Key {
        keys::audience(self.communication, self.index)
    }
}

impl RoundJob {
    /// The id under which it stands in the queue: the communication's, with the round in its
    /// last byte's place.
    #[must_use]
    pub fn queue_id(&self) -> [u8; 16] {
        let mut id = *self.communication.as_bytes();
        id[15] ^= self.round;
        id
    }
}

impl Row for RoundJob {
    fn key(&self) -> Key {
        keys::round(self.communication, self.round)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let queued = queue_key(
            Lane::Expand.number(self.express),
            self.due,
            &self.queue_id(),
        );
        vec![(queued, self.key())]
    }
}

impl Row for EarlyReceipt {
    fn key(&self) -> Key {
        keys::early_receipt(&self.remote_id)
    }
}

impl Row for LogEntry {
    fn key(&self) -> Key {
        KeyBuilder::new(keys::LOG)
            .bytes(self.contact.as_bytes())
            .newest_first(self.at)
            .bytes(&(u32::MAX - self.sequence).to_be_bytes())
            .build()
    }
}

impl Row for InboundMail {
    fn key(&self) -> Key {
        keys::inbound(&self.id)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let lane = Lane::Inbound.number(self.express);
        self.due
            .map(|due| (queue_key(lane, due, &self.id), Vec::new()))
            .into_iter()
            .collect()
    }
}

impl Row for User {
    fn key(&self) -> Key {
        keys::user(self.id)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let key = KeyBuilder::new(keys::USER_BY_LOGIN)
            .text(&self.login)
            .build();
        vec![(key, self.id.as_bytes().to_vec())]
    }
}

impl Row for Ticket {
    fn key(&self) -> Key {
        keys::ticket(&self.token_hash)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let to = self.destination.lookup_key();
        vec![
            (
                keys::ticket_by_destination(&to, self.slot()),
                self.token_hash.to_vec(),
            ),
            (
                keys::self_service_by_end(self.kept_until(), &self.key()),
                Vec::new(),
            ),
        ]
    }

    fn counters(&self) -> Vec<(Key, i64)> {
        vec![(keys::TICKETS.to_vec(), 1)]
    }
}

impl Row for SignUp {
    fn key(&self) -> Key {
        keys::sign_up(self.contact.id)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let end = keys::self_service_by_end(self.expires_at, &self.key());
        vec![(end, Vec::new())]
    }

    fn counters(&self) -> Vec<(Key, i64)> {
        vec![(keys::SIGN_UPS.to_vec(), 1)]
    }
}

impl Row for Visit {
    fn key(&self) -> Key {
        keys::visit(&self.token_hash)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let end = keys::self_service_by_end(self.expires_at, &self.key());
        vec![(end, Vec::new())]
    }
}

impl Row for Session {
    fn key(&self) -> Key {
        keys::session(&self.token_hash)
    }
}
