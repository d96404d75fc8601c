//! What the full-text index has to hear of, and all that it is built from.

use std::collections::BTreeSet;

use super::{EntryList, Repo, Result};
use crate::domain::{CaseId, Communication, ContactId, Entry, EntryId, EntryWhat, Message};
use crate::store::engine::{Batch, Key, KeyRange, StoreError, Value};
use crate::store::keys;
use crate::store::rows::{Loaded, Row};

/// Length of a tag.
const TAG_SIZE: usize = 2;
/// Tags of rows that may be found by what they say.
const SEARCHABLE: [&[u8]; 3] = [keys::COMMUNICATION, keys::MESSAGE, keys::ENTRY];

/// Word that a row has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchTodo {
    /// The key of the row.
    pub row: Key,
    mark: Value,
}

/// A row that can be found by what it says.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)]
pub enum Searched {
    /// Something that went out, or is to.
    Communication(Loaded<Communication>),
    /// Something that came in, or was answered.
    Message(Loaded<Message>),
    /// Something that somebody wrote down by hand.
    Note(Loaded<Entry>),
}

impl Repo {
    /// What the full-text index has to hear of, in the order of keys.
    pub fn search_todo(&self, limit: usize) -> Result<Vec<SearchTodo>> {
        let found = self
            .store
            .scan(KeyRange::prefix(keys::SEARCH_TODO), limit)?;
        let todo = found.into_iter().map(|(key, mark)| SearchTodo {
            row: key.get(TAG_SIZE..).unwrap_or_default().to_vec(),
            mark,
        });
        Ok(todo.collect())
    }

    /// How much the full-text index has to hear of, counted up to `limit`.
    pub fn search_backlog(&self, limit: usize) -> Result<usize> {
        let range = KeyRange::prefix(keys::SEARCH_TODO);
        Ok(self.store.count(range, limit)?)
    }

    /// Forgets what the index has heard of. What has changed meanwhile stays.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn search_heard(&self, mut todo: Vec<SearchTodo>) -> Result<()> {
        while !todo.is_empty() {
            let mut batch = Batch::new();
            for one in &todo {
                let key = keys::search_todo(&one.row);
                batch.assert_value(key.clone(), one.mark.clone());
                batch.delete(key);
            }
            match self.store.commit(batch).await {
                Ok(_) => break,
                Err(StoreError::Conflict { assert_index, .. }) if assert_index < todo.len() => {
                    todo.swap_remove(assert_index);
                    let rows = todo.iter().map(|one| keys::search_todo(&one.row));
                    let now = self.store.get_many(&rows.collect::<Vec<_>>())?;
                    let mut now = now.into_iter();
                    todo.retain(|one| now.next().flatten().as_ref() == Some(&one.mark));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The row under a key, if it is one that can be found by what it says.
    pub fn searched(&self, row: &[u8]) -> Result<Option<Searched>> {
        Ok(match row.get(..TAG_SIZE) {
            Some(keys::COMMUNICATION) => self.load(row)?.map(Searched::Communication),
            Some(keys::MESSAGE) => self.message_at(row)?.map(Searched::Message),
            // The others stand for what is found by itself.
            Some(keys::ENTRY) => {
                let entry = self.load::<Entry>(row)?;
                entry
                    .filter(|entry| entry.note().is_some())
                    .map(Searched::Note)
            }
            Some(_) | None => None,
        })
    }

    /// Keys of rows that may be found by what they say, behind one of them.
    ///
    /// # Errors
    /// When the store fails.
    pub fn searchable(&self, after: Option<&[u8]>, limit: usize) -> Result<Vec<Key>> {
        let is_of = |tag: &&[u8]| after.is_none_or(|after| after.starts_with(tag));
        let begin = SEARCHABLE.iter().position(is_of);
        let mut after = after;
        let mut found = Vec::new();
        for tag in &SEARCHABLE[begin.unwrap_or(SEARCHABLE.len())..] {
            let mut range = KeyRange::prefix(*tag);
            if let Some(after) = after.take() {
                range = range.after(after);
            }
            let rows = self.store.scan(range, limit - found.len())?;
            found.extend(rows.into_iter().map(|(key, _)| key));
            if found.len() == limit {
                break;
            }
        }
        Ok(found)
    }

    /// What has to be read again when the row under a key has changed: itself, or, of a contact or
    /// a case, up to `limit` of those that are found by its name, the newest first.
    ///
    /// # Errors
    /// When the store fails or a row does not read back.
    pub fn searched_through(&self, row: &[u8], limit: usize) -> Result<Vec<Key>> {
        let Some(id) = row.get(TAG_SIZE..).and_then(|id| id.try_into().ok()) else {
            return Ok(vec![row.to_vec()]);
        };
        let mut found = BTreeSet::new();
        if row.starts_with(keys::CONTACT) {
            let contact = ContactId::from_bytes(id);
            // What was sent to one that was taken over stays under its name.
            for id in self.ids_of(contact)? {
                for delivery in self.deliveries_of(id, None, limit)?.rows {
                    found.insert(keys::communication(delivery.communication));
                }
            }
            for thread in self.threads_of(contact, limit)? {
                let left = limit.saturating_sub(found.len()).max(1);
                let messages = self.messages(thread.id, None, left)?.rows;
                found.extend(messages.iter().map(|message| message.key()));
                if found.len() >= limit {
                    break;
                }
            }
            for list in [EntryList::Client(contact), EntryList::Creditor(contact)] {
                self.searched_in(list, limit, &mut found)?;
            }
        } else if row.starts_with(keys::CASE) {
            let list = EntryList::Case(CaseId::from_bytes(id));
            self.searched_in(list, limit, &mut found)?;
        } else {
            found.insert(row.to_vec());
        }
        Ok(found.into_iter().take(limit).collect())
    }

    /// What the entries of a list stand for.
    fn searched_in(&self, list: EntryList, limit: usize, found: &mut BTreeSet<Key>) -> Result<()> {
        let mut walk = self.entries(list, None)?;
        for _ in 0..limit {
            let Some((_, id)) = walk.step_id()? else {
                break;
            };
            let Some(entry) = self.entry(EntryId::from_bytes(id))? else {
                continue;
            };
            match &entry.what {
                EntryWhat::Draft(id) => found.extend([keys::communication(*id)]),
                EntryWhat::Delivery(id) => {
                    let sent = self.delivery(*id)?.map(|delivery| delivery.communication);
                    found.extend(sent.map(keys::communication));
                }
                EntryWhat::Message { thread, message } => {
                    let message = self.message(*thread, *message)?;
                    found.extend(message.map(|message| message.key()));
                }
                EntryWhat::Note(_) => found.extend([entry.key()]),
            }
        }
        Ok(())
    }
}
