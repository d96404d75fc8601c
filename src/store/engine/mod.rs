//! The key/value face of the store and the engines behind it.
//!
//! Everything that belongs to one change is one [`Batch`]; [`Store::commit`]
//! answers only once the batch is durable. Two engines keep the same promise:
//! the default one (sled behind a redo journal) and one in memory for tests
//! and simulation.

mod batch;
mod blobs;
mod chain;
mod clean;
mod committer;
mod compact;
mod durable;
mod error;
mod files;
mod frame;
mod history;
mod index;
mod journal;
mod limits;
mod memory;
mod options;
mod plan;
mod queue;
mod range;
mod recover;
mod segment;
mod slices;
mod snapshot;
mod sweep;
#[cfg(test)]
mod sweep_tests;
mod verify;
mod writer;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::acting::{ANONYMOUS_PER_DAY_MAX, ANONYMOUS_PER_MINUTE_MAX};
use super::quota::Quota;
use crate::domain::Timestamp;
use crate::domain::chain::Head;

pub use crate::domain::BlobId;

pub use batch::{Assert, Batch, Blob, Expect, HiddenKey, Op, counter_value};
pub use chain::{
    CHAIN, CHAIN_BY_SUBJECT, CHAIN_ENTRIES_MAX, CHAIN_HEAD, CHAIN_PAYLOAD_SIZE_MAX,
    CHAIN_SUBJECTS_MAX, ChainEntry, Chained, chain_key, subject_key, subject_prefix,
};
pub use error::{Result, StoreError};
pub use files::has_state;
pub use limits::{
    BATCH_OPS_MAX, BLOB_SIZE_MAX, CLAIMS_MAX, KEY_SIZE_MAX, SCAN_LIMIT_MAX, VALUE_SIZE_MAX,
};
pub use options::{FaultHook, FaultPoint, OpenOptions};
pub use queue::{Claim, queue_key, queue_key_parts};
pub use range::KeyRange;
pub use sweep::{Needles, SWEEP_BLOBS_MAX, Sweep, Swept};
pub use verify::{Report, verify};

/// A key: ordered as bytes, 1 to [`KEY_SIZE_MAX`] bytes, the first not zero.
pub type Key = Vec<u8>;
/// A value: up to [`VALUE_SIZE_MAX`] bytes.
pub type Value = Vec<u8>;

/// The place of a committed batch in the one order of all commits; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(u64);

impl Sequence {
    /// From its number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number; 0 means that nothing was committed yet.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sequence after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A commit under way: resolves once the batch is durable and visible.
pub(crate) type CommitFuture<'a> = Pin<Box<dyn Future<Output = Result<Sequence>> + Send + 'a>>;
/// The beginning of a sweep under way.
pub(crate) type SweepFuture<'a> = Pin<Box<dyn Future<Output = Result<Sweep>> + Send + 'a>>;
/// The end of a sweep under way.
pub(crate) type SweptFuture<'a> = Pin<Box<dyn Future<Output = Result<Swept>> + Send + 'a>>;
/// A close under way.
pub(crate) type CloseFuture<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// What an engine must do. Reads never show what is not yet durable.
pub(crate) trait Engine: Send + Sync {
    fn get(&self, key: &[u8]) -> Result<Option<Value>>;
    fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Value>>>;
    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<(Key, Value)>>;
    fn count(&self, range: &KeyRange, limit: usize) -> Result<usize>;
    fn get_blob(&self, id: BlobId) -> Result<Option<Bytes>>;
    fn blob_start(&self, id: BlobId, size_bytes: usize) -> Result<Option<Bytes>>;
    fn blobs(&self, limit: usize) -> Result<Vec<BlobId>>;
    fn commit(&self, batch: Batch) -> CommitFuture<'_>;
    fn begin_sweep(&self, candidates: Vec<BlobId>) -> SweepFuture<'_>;
    fn end_sweep(&self, sweep: Sweep, unnamed: Vec<BlobId>) -> SweptFuture<'_>;
    fn identity(&self) -> &[u8; 16];
    fn watch_commits(&self) -> watch::Receiver<Sequence>;
    fn close(&self) -> CloseFuture<'_>;
}

/// A handle on the state; clones share it.
#[derive(Clone)]
pub struct Store {
    engine: Arc<dyn Engine>,
    leases: Arc<queue::Leases>,
    /// Entries of acts of nobody who is known.
    anonymous: Arc<Quota>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// A store that lives in memory, with the semantics of the durable one.
    #[must_use]
    pub fn memory() -> Self {
        Self::over(Arc::new(memory::MemoryEngine::new()))
    }

    /// Opens the state folder, creating it if it is missing; one process at a
    /// time may. Blocks while it recovers what the last process left, and
    /// refuses with [`StoreError::Corrupt`] what cannot be recovered.
    pub fn open(folder: &Path, options: &OpenOptions) -> Result<Self> {
        Ok(Self::over(Arc::new(durable::DurableEngine::open(
            folder, options,
        )?)))
    }

    fn over(engine: Arc<dyn Engine>) -> Self {
        Self {
            engine,
            leases: Arc::default(),
            anonymous: Arc::new(Quota::new(ANONYMOUS_PER_MINUTE_MAX, ANONYMOUS_PER_DAY_MAX)),
        }
    }

    /// The same state as a process would find it that starts now: nobody holds
    /// a lease. For simulations of a crash over the engine in memory.
    #[doc(hidden)]
    #[must_use]
    pub fn restarted(&self) -> Self {
        Self::over(Arc::clone(&self.engine))
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Value>> {
        self.engine.get(key)
    }

    /// The values of many keys, in their order. One call sees each batch wholly or not at all, and
    /// waits for a group that is being applied once, not for each key.
    pub fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Value>>> {
        self.engine.get_many(keys)
    }

    /// A counter written with [`Op::Add`]; 0 when it was never written.
    pub fn get_counter(&self, key: &[u8]) -> Result<i64> {
        self.get(key)?.map_or(Ok(0), |value| {
            counter_value(&value).ok_or(StoreError::NotACounter)
        })
    }

    /// Up to `limit` rows (at most [`SCAN_LIMIT_MAX`]) in the range's order.
    /// One call sees each batch wholly or not at all; go on after the last
    /// row with [`KeyRange::after`].
    pub fn scan(&self, range: impl Into<KeyRange>, limit: usize) -> Result<Vec<(Key, Value)>> {
        let range = range.into();
        if range.is_empty() {
            return Ok(Vec::new());
        }
        self.engine.scan(&range, limit.min(SCAN_LIMIT_MAX))
    }

    /// How many rows the range holds, counted up to `limit` (at most [`SCAN_LIMIT_MAX`]).
    pub fn count(&self, range: impl Into<KeyRange>, limit: usize) -> Result<usize> {
        let range = range.into();
        if range.is_empty() {
            return Ok(0);
        }
        self.engine.count(&range, limit.min(SCAN_LIMIT_MAX))
    }

    /// Commits a batch: all of it or nothing. Resolves once it is durable and
    /// visible to reads. Dropping the future does not take the batch back.
    ///
    /// Asserts see every batch committed before this one.
    ///
    /// [`StoreError::Closed`], [`StoreError::Index`] and [`StoreError::Io`]
    /// leave open whether the batch was written; with any other error it was
    /// not.
    ///
    /// What is committed while somebody [acts](super::acting) carries the entry that says so.
    pub async fn commit(&self, mut batch: Batch) -> Result<Sequence> {
        let stamp = super::acting::stamp(&mut batch, &self.anonymous);
        batch.check_limits()?;
        let finished = queue::deleted_entries(&batch);
        let sequence = self.engine.commit(batch).await?;
        if let Some(stamp) = stamp {
            stamp.written();
        }
        self.leases.forget(&finished);
        Ok(sequence)
    }

    /// Writes what no batch may, as a hand at work from outside would.
    #[cfg(test)]
    pub(crate) async fn tamper(&self, key: Key, value: Option<Value>) {
        let mut batch = Batch::new();
        match value {
            Some(value) => batch.put(key, value),
            None => batch.delete(key),
        };
        assert!(self.engine.commit(batch).await.is_ok());
    }

    /// What tells this state from every other; it never changes.
    #[must_use]
    pub fn identity(&self) -> &[u8; 16] {
        self.engine.identity()
    }

    /// The last entry of the chain.
    pub fn chain_head(&self) -> Result<Head> {
        let first = chain::first_head(self.identity());
        self.get(CHAIN_HEAD)?.map_or(Ok(first), |value| {
            chain::read_head(&value).ok_or(StoreError::BrokenChain)
        })
    }

    /// An entry of the chain.
    pub fn chain_entry(&self, number: u64) -> Result<Option<ChainEntry>> {
        let key = chain_key(number);
        self.get(&key)?
            .map(|value| ChainEntry::read(&key, &value).ok_or(StoreError::BrokenChain))
            .transpose()
    }

    /// Numbers of up to `limit` entries that are about an id, the newest first, below a number.
    pub fn chain_about(&self, id: &[u8; 16], below: u64, limit: usize) -> Result<Vec<u64>> {
        let range = KeyRange::prefix(subject_prefix(id)).reverse();
        self.numbers_in(range.after(subject_key(id, below)), limit)
    }

    /// The same above a number, the oldest first.
    pub fn chain_about_above(&self, id: &[u8; 16], above: u64, limit: usize) -> Result<Vec<u64>> {
        let range = KeyRange::prefix(subject_prefix(id));
        self.numbers_in(range.after(subject_key(id, above)), limit)
    }

    fn numbers_in(&self, range: KeyRange, limit: usize) -> Result<Vec<u64>> {
        let found = self.scan(range, limit)?;
        let numbers = found.iter().map(|(key, _)| chain::number_of(key));
        numbers
            .collect::<Option<_>>()
            .ok_or(StoreError::BrokenChain)
    }

    /// Up to `limit` entries (at most [`SCAN_LIMIT_MAX`]), in the range's order. The range is of
    /// their [keys](chain_key).
    pub fn chain_entries(&self, range: KeyRange, limit: usize) -> Result<Vec<ChainEntry>> {
        let rows = self.scan(range, limit)?.into_iter();
        rows.map(|(key, value)| ChainEntry::read(&key, &value).ok_or(StoreError::BrokenChain))
            .collect()
    }

    /// The bytes of a blob, checked against its id.
    pub fn get_blob(&self, id: BlobId) -> Result<Option<Bytes>> {
        self.engine.get_blob(id)
    }

    /// The first `size_bytes` of a blob, or all of it where it has no more; then, and only then,
    /// they are checked against its id.
    pub fn blob_start(&self, id: BlobId, size_bytes: usize) -> Result<Option<Bytes>> {
        self.engine.blob_start(id, size_bytes)
    }

    /// The blobs that lie in the state, whether a row names them or not, in no order; at most
    /// `limit`.
    pub fn blobs(&self, limit: usize) -> Result<Vec<BlobId>> {
        self.engine.blobs(limit)
    }

    /// Begins to let go of blobs: of these, at most [`SWEEP_BLOBS_MAX`], those that no row names
    /// are deleted when [`Store::end_sweep`] is told of them. What is committed meanwhile and
    /// names or carries one keeps it. Whoever reads rows after this sees all that was committed
    /// before it.
    pub async fn begin_sweep(&self, mut candidates: Vec<BlobId>) -> Result<Sweep> {
        candidates.truncate(SWEEP_BLOBS_MAX);
        let sweep = self.engine.begin_sweep(candidates).await?;
        // What was decided before is visible once this is.
        self.engine.commit(Batch::new()).await?;
        Ok(sweep)
    }

    /// Deletes those of a sweep's blobs that are said to be named by no row, unless one of them
    /// has been named since it began. While the journal is being compacted none is.
    pub async fn end_sweep(&self, sweep: Sweep, unnamed: Vec<BlobId>) -> Result<Swept> {
        self.engine.end_sweep(sweep, unnamed).await
    }

    /// Leases up to `n` entries of a lane that are due at `now` and not
    /// leased, earliest first. A lease ends with the batch that deletes the
    /// entry's key, with [`Store::release`], at `now + lease`, or with the
    /// process.
    pub fn claim_due(
        &self,
        lane: u8,
        now: Timestamp,
        lease: Duration,
        n: usize,
    ) -> Result<Vec<Claim>> {
        self.leases
            .claim_due(self.engine.as_ref(), lane, now, lease, n)
    }

    /// Gives a claim back: its entry is due again at once. Nothing happens, and the answer is
    /// false, when the entry is gone or the lease has passed to another claim meanwhile.
    pub fn release(&self, claim: &Claim) -> bool {
        self.leases.release(claim)
    }

    /// When the lane next has something to claim: the earliest due time of an
    /// entry that is not leased, or the earliest end of a lease.
    pub fn next_due(&self, lane: u8) -> Result<Option<Timestamp>> {
        self.leases.next_due(self.engine.as_ref(), lane)
    }

    /// Changes with every commit; carries the last committed sequence.
    #[must_use]
    pub fn watch_commits(&self) -> watch::Receiver<Sequence> {
        self.engine.watch_commits()
    }

    /// Finishes what was handed in, then closes the store for all handles.
    pub async fn close(self) -> Result<()> {
        self.engine.close().await
    }
}
