//! The engine without a disk, for tests and simulation.

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::watch;

use super::plan::Plan;
use super::sweep::{Sweep, SweepWatch, Swept};
use super::{
    Batch, BlobId, CloseFuture, CommitFuture, Engine, Key, KeyRange, Result, Sequence, StoreError,
    SweepFuture, SweptFuture, Value,
};

/// A state in memory is like every other.
const IDENTITY: [u8; 16] = [0; 16];

#[derive(Default)]
struct State {
    rows: BTreeMap<Key, Value>,
    blobs: HashMap<BlobId, Bytes>,
    sequence: Sequence,
    sweep: SweepWatch,
    closed: bool,
}

/// Keeps everything in one ordered map.
pub(crate) struct MemoryEngine {
    state: RwLock<State>,
    commits: watch::Sender<Sequence>,
}

impl MemoryEngine {
    pub(crate) fn new() -> Self {
        Self {
            state: RwLock::default(),
            commits: watch::Sender::new(Sequence::default()),
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, batch: Batch) -> Result<Sequence> {
        let mut state = self.write();
        state.check_open()?;
        state.sweep.notice(&batch);
        let mut plan = Plan::default();
        plan.accept(batch, &IDENTITY, |key| Ok(state.rows.get(key).cloned()))?;
        for (key, effect) in plan.effects {
            match effect {
                Some(value) => state.rows.insert(key, value),
                None => state.rows.remove(&key),
            };
        }
        state.blobs.extend(plan.blobs);
        state.sequence = state.sequence.next();
        let sequence = state.sequence;
        self.commits.send_replace(sequence);
        Ok(sequence)
    }
}

impl State {
    fn check_open(&self) -> Result<()> {
        if self.closed {
            return Err(StoreError::Closed);
        }
        Ok(())
    }
}

impl Engine for MemoryEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Value>> {
        let state = self.read();
        state.check_open()?;
        Ok(state.rows.get(key).cloned())
    }

    fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Value>>> {
        let state = self.read();
        state.check_open()?;
        Ok(keys
            .iter()
            .map(|key| state.rows.get(key).cloned())
            .collect())
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<(Key, Value)>> {
        let state = self.read();
        state.check_open()?;
        let rows = state
            .rows
            .range((range.start.clone(), range.end.clone()))
            .map(|(key, value)| (key.clone(), value.clone()));
        Ok(if range.reverse {
            rows.rev().take(limit).collect()
        } else {
            rows.take(limit).collect()
        })
    }

    fn count(&self, range: &KeyRange, limit: usize) -> Result<usize> {
        let state = self.read();
        state.check_open()?;
        let rows = state.rows.range((range.start.clone(), range.end.clone()));
        Ok(rows.take(limit).count())
    }

    fn blobs(&self, limit: usize) -> Result<Vec<BlobId>> {
        let state = self.read();
        state.check_open()?;
        Ok(state.blobs.keys().take(limit).copied().collect())
    }

    fn get_blob(&self, id: BlobId) -> Result<Option<Bytes>> {
        let state = self.read();
        state.check_open()?;
        Ok(state.blobs.get(&id).cloned())
    }

    fn blob_start(&self, id: BlobId, size_bytes: usize) -> Result<Option<Bytes>> {
        let bytes = self.get_blob(id)?;
        Ok(bytes.map(|bytes| bytes.slice(..bytes.len().min(size_bytes))))
    }

    fn commit(&self, batch: Batch) -> CommitFuture<'_> {
        Box::pin(async move { self.apply(batch) })
    }

    fn begin_sweep(&self, candidates: Vec<BlobId>) -> SweepFuture<'_> {
        Box::pin(async move {
            let mut state = self.write();
            state.check_open()?;
            Ok(state.sweep.begin(candidates))
        })
    }

    fn end_sweep(&self, sweep: Sweep, unnamed: Vec<BlobId>) -> SweptFuture<'_> {
        Box::pin(async move {
            let mut state = self.write();
            state.check_open()?;
            let removed = state.sweep.end(&sweep, unnamed);
            for id in &removed {
                state.blobs.remove(id);
            }
            Ok(Swept {
                removed,
                compacted_through: state.sequence,
            })
        })
    }

    fn identity(&self) -> &[u8; 16] {
        &IDENTITY
    }

    fn watch_commits(&self) -> watch::Receiver<Sequence> {
        self.commits.subscribe()
    }

    fn close(&self) -> CloseFuture<'_> {
        Box::pin(async move {
            self.write().closed = true;
            Ok(())
        })
    }
}
