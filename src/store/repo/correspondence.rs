//! Reading the record of correspondence, and what else happened in a case beside it.

use super::{Order, Page, Repo, Result, Walk};
use crate::domain::{CaseEvent, CaseId, ContactId, Entry, EntryId};
use crate::store::Loaded;
use crate::store::engine::{Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};

/// Whose correspondence a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryList {
    /// Everybody's.
    All,
    /// A client's across all cases, mail to creditors among it.
    Client(ContactId),
    /// A case's.
    Case(CaseId),
    /// What was said to and by a creditor, across all cases.
    Creditor(ContactId),
}

/// What happened in a case or with a client.
#[derive(Clone, Debug)]
pub enum Happened {
    /// Something was said or noted.
    Entry(Loaded<Entry>),
    /// Something was done with a case.
    Event(Loaded<CaseEvent>),
}

impl Repo {
    /// A line of correspondence.
    pub fn entry(&self, id: EntryId) -> Result<Option<Loaded<Entry>>> {
        self.load(&keys::entry(id))
    }

    /// Goes through a list of correspondence from a place on, newest first. Each step is the
    /// place and the id of an entry.
    pub fn entries(&self, list: EntryList, after: Option<&[u8]>) -> Result<Walk<'_>> {
        self.entries_in(Order::Usual, list, after)
    }

    /// The same in either order.
    pub fn entries_in(
        &self,
        order: Order,
        list: EntryList,
        after: Option<&[u8]>,
    ) -> Result<Walk<'_>> {
        let prefixes = match list {
            EntryList::All => vec![keys::ENTRY_BY_TIME.to_vec()],
            EntryList::Client(id) => self.prefixes_of(keys::ENTRY_BY_CLIENT, id)?,
            EntryList::Creditor(id) => self.prefixes_of(keys::ENTRY_BY_CREDITOR, id)?,
            EntryList::Case(id) => {
                vec![
                    KeyBuilder::new(keys::ENTRY_BY_CASE)
                        .bytes(id.as_bytes())
                        .build(),
                ]
            }
        };
        self.walk_in(order, prefixes, after)
    }

    /// Notes that belong to an entry, oldest first.
    pub fn notes_of(&self, entry: EntryId, limit: usize) -> Result<Vec<Loaded<Entry>>> {
        let prefix = KeyBuilder::new(keys::NOTE_BY_ENTRY).bytes(entry.as_bytes());
        let page = self.ids(prefix.build(), None, limit, 0)?;
        let mut notes = Vec::with_capacity(page.rows.len());
        for id in page.rows {
            notes.extend(self.entry(EntryId::from_bytes(id))?);
        }
        Ok(notes)
    }

    /// What happened in a case: newest first, or oldest first when `reverse`. The page looks at
    /// `limit` places and goes on behind the last of them, whether or not all are still there.
    pub fn happened_in_case(
        &self,
        case: CaseId,
        after: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Page<Happened>> {
        let said = KeyBuilder::new(keys::ENTRY_BY_CASE).bytes(case.as_bytes());
        let prefixes = (vec![said.build()], vec![keys::events_of_case(case)]);
        self.happened(prefixes, after, limit, reverse)
    }

    /// What happened with a client, in the same way.
    pub fn happened_with_client(
        &self,
        client: ContactId,
        after: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Page<Happened>> {
        let said = self.prefixes_of(keys::ENTRY_BY_CLIENT, client)?;
        let done = self.prefixes_of(keys::CASE_EVENT_BY_CLIENT, client)?;
        self.happened((said, done), after, limit, reverse)
    }

    /// Both kinds in one order: their places are made alike, of time and id.
    fn happened(
        &self,
        (said, done): (Vec<Key>, Vec<Key>),
        after: Option<&[u8]>,
        limit: usize,
        reverse: bool,
    ) -> Result<Page<Happened>> {
        let mut found: Vec<(Key, Option<Key>)> = Vec::new();
        for (prefix, is_event) in said
            .iter()
            .map(|prefix| (prefix, false))
            .chain(done.iter().map(|prefix| (prefix, true)))
        {
            let mut range = KeyRange::prefix(prefix.clone());
            if reverse {
                range = range.reverse();
            }
            if let Some(after) = after {
                range = range.after([prefix.as_slice(), after].concat());
            }
            for (key, value) in self.store.scan(range, limit)? {
                let place = key[prefix.len()..].to_vec();
                let by_case = prefix.starts_with(keys::CASE_EVENT);
                let row = is_event.then(|| if by_case { key.clone() } else { value });
                found.push((place, row));
            }
        }
        found.sort_unstable();
        if reverse {
            found.reverse();
        }
        found.truncate(limit);
        let last = found.last().filter(|_| found.len() == limit);
        let next = last.map(|(place, _)| place.clone());
        let mut rows = Vec::with_capacity(found.len());
        for (place, event) in found {
            let row = match event {
                Some(key) => self.load(&key)?.map(Happened::Event),
                None => match place.last_chunk::<16>() {
                    Some(id) => self.entry(EntryId::from_bytes(*id))?.map(Happened::Entry),
                    None => None,
                },
            };
            rows.extend(row);
        }
        Ok(Page { rows, next })
    }
}
