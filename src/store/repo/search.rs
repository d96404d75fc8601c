//! What the full-text index has to hear of, and all that it is built from.

use super::{Page, Repo, Result};
use crate::domain::{Communication, CommunicationId, Entry, Message};
use crate::store::engine::{Batch, Key, KeyRange, StoreError, Value};
use crate::store::keys;
use crate::store::rows::Loaded;

/// Length of a tag.
const TAG_SIZE: usize = 2;

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

    /// All communications, in order of making.
    pub fn communications_made(
        &self,
        after: Option<CommunicationId>,
        limit: usize,
    ) -> Result<Page<Loaded<Communication>>> {
        let mut range = KeyRange::prefix(keys::COMMUNICATION);
        if let Some(after) = after {
            range = range.after(keys::communication(after));
        }
        self.rows(range, limit)
    }

    /// The whole record of correspondence, in order of ids.
    pub fn entries_kept(&self, after: Option<Key>, limit: usize) -> Result<Page<Loaded<Entry>>> {
        let mut range = KeyRange::prefix(keys::ENTRY);
        if let Some(after) = after {
            range = range.after(after);
        }
        self.rows(range, limit)
    }

    /// All messages of the inbox, thread by thread.
    pub fn messages_kept(&self, after: Option<Key>, limit: usize) -> Result<Page<Loaded<Message>>> {
        let mut range = KeyRange::prefix(keys::MESSAGE);
        if let Some(after) = after {
            range = range.after(after);
        }
        self.rows(range, limit)
    }
}
