//! One atomic change.

use std::fmt;

use bytes::Bytes;

use super::chain::{
    CHAIN_ENTRIES_MAX, CHAIN_PAYLOAD_SIZE_MAX, CHAIN_SUBJECTS_MAX, Chained, is_chained,
};
use super::limits::{BATCH_OPS_MAX, BATCH_SIZE_MAX, BLOB_SIZE_MAX, KEY_SIZE_MAX, VALUE_SIZE_MAX};
use super::{BlobId, Key, Result, StoreError, Value};
use crate::domain::chain::Hash;

/// Everything that belongs to one change; written wholly or not at all.
#[derive(Clone, Default)]
pub struct Batch {
    /// What must hold for the batch to be written.
    pub asserts: Vec<Assert>,
    /// What to write, in order; a later operation on a key sees the earlier.
    pub ops: Vec<Op>,
    /// Large bytes that the values refer to by id.
    pub blobs: Vec<Blob>,
    /// What the engine puts behind the head of the chain.
    pub chained: Vec<Chained>,
    /// What it is about, for the entry of whoever [acts](crate::store::acting).
    pub noted: Noted,
}

/// What a batch says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// SHA-256 of the content that it is about.
    pub digest: Option<Hash>,
    /// It is no act of anybody's: it only keeps the books.
    pub upkeep: bool,
}

/// A condition on one key.
#[derive(Clone)]
pub struct Assert {
    /// The key.
    pub key: Key,
    /// What it must hold.
    pub expect: Expect,
}

/// What an assert wants to find.
#[derive(Clone)]
pub enum Expect {
    /// No such key.
    Absent,
    /// The key, with whatever value.
    Present,
    /// The key with exactly this value.
    Value(Value),
}

/// One write.
#[derive(Clone)]
pub enum Op {
    /// Sets a key.
    Put {
        /// The key.
        key: Key,
        /// Its new value.
        value: Value,
    },
    /// Removes a key; removing what is not there is no error.
    Delete {
        /// The key.
        key: Key,
    },
    /// Adds to a counter (8 bytes, big-endian, signed; absent counts as 0;
    /// it stops at the ends of its range). Needs no assert and never conflicts.
    Add {
        /// The counter's key.
        key: Key,
        /// How much.
        delta: i64,
    },
}

/// Large bytes, stored once under the SHA-256 of their content.
#[derive(Clone)]
pub struct Blob {
    /// SHA-256 of `bytes`.
    pub id: BlobId,
    /// The content.
    pub bytes: Bytes,
}

/// A key that its `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct HiddenKey(pub Key);

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key.
    pub fn put(&mut self, key: impl Into<Key>, value: impl Into<Value>) -> &mut Self {
        self.ops.push(Op::Put {
            key: key.into(),
            value: value.into(),
        });
        self
    }

    /// Removes a key.
    pub fn delete(&mut self, key: impl Into<Key>) -> &mut Self {
        self.ops.push(Op::Delete { key: key.into() });
        self
    }

    /// Adds to a counter.
    pub fn add(&mut self, key: impl Into<Key>, delta: i64) -> &mut Self {
        self.ops.push(Op::Add {
            key: key.into(),
            delta,
        });
        self
    }

    /// The key must not exist.
    pub fn assert_absent(&mut self, key: impl Into<Key>) -> &mut Self {
        self.assert(key.into(), Expect::Absent)
    }

    /// The key must exist.
    pub fn assert_present(&mut self, key: impl Into<Key>) -> &mut Self {
        self.assert(key.into(), Expect::Present)
    }

    /// The key must hold exactly this value.
    pub fn assert_value(&mut self, key: impl Into<Key>, value: impl Into<Value>) -> &mut Self {
        self.assert(key.into(), Expect::Value(value.into()))
    }

    /// The key must be as it was read: this value, or absent for `None`.
    pub fn assert_unchanged(&mut self, key: impl Into<Key>, read: Option<Value>) -> &mut Self {
        self.assert(key.into(), read.map_or(Expect::Absent, Expect::Value))
    }

    /// Adds bytes to keep and returns their id. The same bytes are kept once.
    pub fn blob(&mut self, bytes: impl Into<Bytes>) -> BlobId {
        let blob = Blob::new(bytes);
        let id = blob.id;
        if !self.blobs.iter().any(|known| known.id == id) {
            self.blobs.push(blob);
        }
        id
    }

    /// Adds an entry to the chain: it is numbered and bound to those before it as the batch is
    /// decided. It is found by the ids of what it is about.
    pub fn chain(&mut self, payload: impl Into<Value>, about: Vec<[u8; 16]>) -> &mut Self {
        let payload = payload.into();
        self.chained.push(Chained { payload, about });
        self
    }

    /// Notes the content that it is about; the first one stays.
    pub fn note_digest(&mut self, digest: Option<Hash>) -> &mut Self {
        self.noted.digest = self.noted.digest.or(digest);
        self
    }

    /// Says that it is no act of anybody's, like noting when a session was used.
    pub fn upkeep(&mut self) -> &mut Self {
        self.noted.upkeep = true;
        self
    }

    /// Appends another batch's asserts, operations, blobs and entries.
    pub fn append(&mut self, other: Self) -> &mut Self {
        // Upkeep beside an act is part of it; upkeep alone stays upkeep.
        self.noted.upkeep = match (self.is_empty(), other.is_empty()) {
            (true, _) => self.noted.upkeep || other.noted.upkeep,
            (false, true) => self.noted.upkeep,
            (false, false) => self.noted.upkeep && other.noted.upkeep,
        };
        self.asserts.extend(other.asserts);
        self.ops.extend(other.ops);
        self.blobs.extend(other.blobs);
        self.chained.extend(other.chained);
        self.note_digest(other.noted.digest)
    }

    /// True when it would write nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.blobs.is_empty() && self.chained.is_empty()
    }

    fn assert(&mut self, key: Key, expect: Expect) -> &mut Self {
        self.asserts.push(Assert { key, expect });
        self
    }

    /// Bytes of keys, values and blobs.
    pub(crate) fn size_bytes(&self) -> usize {
        let ops: usize = self.ops.iter().map(Op::size_bytes).sum();
        let asserts: usize = self.asserts.iter().map(|a| a.key.len()).sum();
        let blobs: usize = self.blobs.iter().map(|b| b.bytes.len()).sum();
        let chained = self.chained.iter();
        let chained: usize = chained
            .map(|entry| entry.payload.len() + entry.about.len() * 16)
            .sum();
        ops + asserts + blobs + chained
    }

    /// Refuses what no engine takes, before anything is written.
    pub(crate) fn check_limits(&self) -> Result<()> {
        at_most("the batch's operations", self.ops.len(), BATCH_OPS_MAX)?;
        at_most("the batch's asserts", self.asserts.len(), BATCH_OPS_MAX)?;
        for assert in &self.asserts {
            check_key(&assert.key)?;
        }
        for op in &self.ops {
            check_key(op.key())?;
            if is_chained(op.key()) {
                return Err(StoreError::BadKey);
            }
            if let Op::Put { value, .. } = op {
                at_most("a value", value.len(), VALUE_SIZE_MAX)?;
            }
        }
        for blob in &self.blobs {
            at_most("a blob", blob.bytes.len(), BLOB_SIZE_MAX)?;
            if BlobId::of(&blob.bytes) != blob.id {
                return Err(StoreError::BadBlob);
            }
        }
        at_most("the batch's entries", self.chained.len(), CHAIN_ENTRIES_MAX)?;
        for entry in &self.chained {
            at_most("an entry", entry.payload.len(), CHAIN_PAYLOAD_SIZE_MAX)?;
            at_most("an entry's ids", entry.about.len(), CHAIN_SUBJECTS_MAX)?;
        }
        at_most("the batch", self.size_bytes(), BATCH_SIZE_MAX)
    }
}

impl Op {
    /// The key it writes.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key } | Self::Add { key, .. } => key,
        }
    }

    fn size_bytes(&self) -> usize {
        match self {
            Self::Put { key, value } => key.len() + value.len(),
            Self::Delete { key } => key.len(),
            Self::Add { key, .. } => key.len() + 8,
        }
    }
}

impl Blob {
    /// A blob of these bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self {
            id: BlobId::of(&bytes),
            bytes,
        }
    }
}

impl fmt::Debug for HiddenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key of {} bytes", self.0.len())
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("asserts", &self.asserts.len())
            .field("ops", &self.ops.len())
            .field("blobs", &self.blobs.len())
            .field("chained", &self.chained.len())
            .finish()
    }
}

/// A counter's value, if these are the eight bytes of one.
#[must_use]
pub fn counter_value(value: &[u8]) -> Option<i64> {
    value.try_into().ok().map(i64::from_be_bytes)
}

fn check_key(key: &[u8]) -> Result<()> {
    at_most("a key", key.len(), KEY_SIZE_MAX)?;
    match key.first() {
        None | Some(0) => Err(StoreError::BadKey),
        Some(_) => Ok(()),
    }
}

fn at_most(what: &'static str, size: usize, limit: usize) -> Result<()> {
    if size > limit {
        return Err(StoreError::TooLarge { what, size, limit });
    }
    Ok(())
}
