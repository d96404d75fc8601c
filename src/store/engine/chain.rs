//! The entries that no batch can write, change or take away: the engine numbers them and binds
//! each to those before it, while it decides the batch that they came with.
//!
//! ```text
//! "h." | number 8 -> hash of the entry before 32 | hash of the entry skipped to 32 | payload
//! "hh"            -> number of the last entry 8 | its hash 32
//! "hs" | id 16 | number 8 -> nothing: the entry is about what has this id
//! ```
//! The hash of an entry stands in the one behind it, that of the last in the head.

use super::plan::Effects;
use super::{Key, Result, StoreError, Value};
use crate::domain::chain::{Hash, Head, Link, origin, payload_digest, skip};

/// Where entries lie, by number.
pub const CHAIN: &[u8] = b"h.";
/// What entries are about: an id, and the number of an entry that names it.
pub const CHAIN_BY_SUBJECT: &[u8] = b"hs";
/// Where the head lies.
pub const CHAIN_HEAD: &[u8] = b"hh";

/// Largest payload of an entry, in bytes.
pub const CHAIN_PAYLOAD_SIZE_MAX: usize = 16 * 1024;
/// Most entries of one batch.
pub const CHAIN_ENTRIES_MAX: usize = 256;

/// Most ids that an entry is found by.
pub const CHAIN_SUBJECTS_MAX: usize = 128;

/// Bytes before the payload of an entry.
const HASHES_SIZE: usize = 64;
/// Bytes of the head.
const HEAD_SIZE: usize = 40;

/// An entry on its way into the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chained {
    /// What it says.
    pub payload: Value,
    /// What it is found by.
    pub about: Vec<[u8; 16]>,
}

/// An entry of the chain, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainEntry {
    /// Its number, from 1.
    pub number: u64,
    /// Hash of the entry just before.
    pub previous: Hash,
    /// Hash of the entry skipped to.
    pub skipped: Hash,
    /// What it says.
    pub payload: Vec<u8>,
}

impl ChainEntry {
    /// The stored form of an entry, read. `None` when key or value are of none.
    #[must_use]
    pub fn read(key: &[u8], value: &[u8]) -> Option<Self> {
        let number = key.strip_prefix(CHAIN)?.try_into().ok()?;
        let (previous, rest) = value.split_first_chunk()?;
        let (skipped, payload) = rest.split_first_chunk()?;
        Some(Self {
            number: u64::from_be_bytes(number),
            previous: *previous,
            skipped: *skipped,
            payload: payload.to_vec(),
        })
    }

    /// What binds it to those before it.
    #[must_use]
    pub fn link(&self) -> Link {
        Link {
            number: self.number,
            payload: payload_digest(&self.payload),
            previous: self.previous,
            skipped: self.skipped,
        }
    }
}

/// The key of an entry.
#[must_use]
pub fn chain_key(number: u64) -> Key {
    [CHAIN, &number.to_be_bytes()].concat()
}

/// Where the numbers of the entries about an id lie.
#[must_use]
pub fn subject_prefix(id: &[u8; 16]) -> Key {
    [CHAIN_BY_SUBJECT, id].concat()
}

/// The key that says that an entry is about an id.
#[must_use]
pub fn subject_key(id: &[u8; 16], number: u64) -> Key {
    [CHAIN_BY_SUBJECT, id, &number.to_be_bytes()].concat()
}

/// The number of the entry that such a key leads to.
pub(super) fn number_of(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|number| u64::from_be_bytes(*number))
}

/// Whether only the engine writes this key.
pub(crate) fn is_chained(key: &[u8]) -> bool {
    let own = [CHAIN, CHAIN_HEAD, CHAIN_BY_SUBJECT];
    own.iter().any(|tag| key.starts_with(tag))
}

/// The head, read. `None` when the value is none.
pub(crate) fn read_head(value: &[u8]) -> Option<Head> {
    let (number, hash) = value.split_first_chunk()?;
    Some(Head {
        number: u64::from_be_bytes(*number),
        hash: hash.try_into().ok()?,
    })
}

/// The head that a store without entries has.
pub(crate) fn first_head(identity: &[u8; 16]) -> Head {
    Head {
        number: 0,
        hash: origin(identity),
    }
}

/// Puts payloads behind the head, each with the next number. `read` sees what is decided so far.
pub(crate) fn append(
    payloads: Vec<Chained>,
    identity: &[u8; 16],
    own: &mut Effects,
    read: impl Fn(&Effects, &[u8]) -> Result<Option<Value>>,
) -> Result<()> {
    if payloads.is_empty() {
        return Ok(());
    }
    let mut head = match read(own, CHAIN_HEAD)? {
        Some(value) => read_head(&value).ok_or(StoreError::BrokenChain)?,
        None => first_head(identity),
    };
    for Chained { payload, about } in payloads {
        let number = head.number.saturating_add(1);
        for id in &about {
            own.insert(subject_key(id, number), Some(Vec::new()));
        }
        let skipped = hash_of(skip(number), &head, identity, |key| read(own, key))?;
        let entry = ChainEntry {
            number,
            previous: head.hash,
            skipped,
            payload,
        };
        let hash = entry.link().hash();
        let mut value = Vec::with_capacity(HASHES_SIZE + entry.payload.len());
        value.extend_from_slice(&entry.previous);
        value.extend_from_slice(&entry.skipped);
        value.extend_from_slice(&entry.payload);
        own.insert(chain_key(number), Some(value));
        head = Head { number, hash };
    }
    let mut value = Vec::with_capacity(HEAD_SIZE);
    value.extend_from_slice(&head.number.to_be_bytes());
    value.extend_from_slice(&head.hash);
    own.insert(CHAIN_HEAD.to_vec(), Some(value));
    Ok(())
}

/// The hash of an entry up to the head.
fn hash_of(
    number: u64,
    head: &Head,
    identity: &[u8; 16],
    read: impl Fn(&[u8]) -> Result<Option<Value>>,
) -> Result<Hash> {
    if number == head.number {
        return Ok(head.hash);
    }
    if number == 0 {
        return Ok(origin(identity));
    }
    let key = chain_key(number.saturating_add(1));
    let behind = read(&key)?.and_then(|value| ChainEntry::read(&key, &value));
    Ok(behind.ok_or(StoreError::BrokenChain)?.previous)
}
