//! The record of who did what.

use std::collections::BTreeMap;

use super::super::audit_rows::AuditBatch;
use super::super::engine::{Batch, CHAIN, ChainEntry, KeyRange, StoreError, chain_key};
use super::super::records::Record;
use super::{Order, Repo, Result};
use crate::domain::AuditEntry;
use crate::domain::chain::{self, Head, Link};

/// An entry of the record with what binds it to those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// As it stands in the chain.
    pub stored: ChainEntry,
    /// What it says.
    pub entry: AuditEntry,
}

impl Repo {
    /// Up to `limit` entries below a number, the newest first: all, or those about an id.
    ///
    /// # Errors
    /// When the chain cannot be read.
    pub fn audited(
        &self,
        about: Option<&[u8; 16]>,
        below: u64,
        limit: usize,
    ) -> Result<Vec<Audited>> {
        self.audited_in(Order::Usual, about, below, limit)
    }

    /// The same in either order: below a number, or turned round above it.
    ///
    /// # Errors
    /// When the chain cannot be read.
    pub fn audited_in(
        &self,
        order: Order,
        about: Option<&[u8; 16]>,
        place: u64,
        limit: usize,
    ) -> Result<Vec<Audited>> {
        let found = match about {
            Some(id) => {
                let numbers = match order {
                    Order::Usual => self.store.chain_about(id, place, limit)?,
                    Order::Turned => self.store.chain_about_above(id, place, limit)?,
                };
                let keys: Vec<_> = numbers.into_iter().map(chain_key).collect();
                let values = self.store.get_many(&keys)?;
                let mut found = Vec::with_capacity(keys.len());
                for (key, value) in keys.iter().zip(values) {
                    let entry = value.and_then(|value| ChainEntry::read(key, &value));
                    found.push(entry.ok_or(StoreError::BrokenChain)?);
                }
                found
            }
            None => {
                // Newest first: against the order of the keys.
                let range = order.of(KeyRange::prefix(CHAIN).reverse());
                self.store
                    .chain_entries(range.after(chain_key(place)), limit)?
            }
        };
        found.into_iter().map(read).collect()
    }

    /// The numbers of the path from a head down to an entry; `None` where the chain does not lead
    /// there. Links are read once and put to those that are known.
    ///
    /// # Errors
    /// When the chain cannot be read.
    pub fn audit_path(
        &self,
        head: Head,
        number: u64,
        known: &mut BTreeMap<u64, Link>,
    ) -> Result<Option<Vec<u64>>> {
        let path = chain::path(head.number, number, |number| -> Result<_> {
            if let Some(link) = known.get(&number) {
                return Ok(Some(*link));
            }
            let link = self.store.chain_entry(number)?.map(|entry| entry.link());
            known.extend(link.map(|link| (number, link)));
            Ok(link)
        })?;
        Ok(path.map(|path| path.iter().map(|link| link.number).collect()))
    }

    /// Records an act that changes nothing else. Resolves once it is durable.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record(&self, entry: &AuditEntry) -> std::result::Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.audit(entry);
        self.store.commit(batch).await?;
        Ok(())
    }

    /// The head, and whether the last `compared` entries lead up to it. What is written meanwhile
    /// is not looked at.
    ///
    /// # Errors
    /// When the chain cannot be read.
    pub fn audit_standing(&self, compared: usize) -> Result<(Head, bool)> {
        let head = self.store.chain_head()?;
        let below = chain_key(head.number.saturating_add(1));
        let range = KeyRange::prefix(CHAIN).reverse().after(below);
        let last = self.store.chain_entries(range, compared)?;
        let mut expected = head;
        for entry in &last {
            if entry.number != expected.number || entry.link().hash() != expected.hash {
                return Ok((head, false));
            }
            expected = Head {
                number: entry.number.saturating_sub(1),
                hash: entry.previous,
            };
        }
        let whole = head.number == 0 || !last.is_empty();
        Ok((head, whole))
    }
}

fn read(stored: ChainEntry) -> Result<Audited> {
    let entry = AuditEntry::from_bytes(&stored.payload)?;
    Ok(Audited { stored, entry })
}
