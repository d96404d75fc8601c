//! The one thread that writes: gathers what many tasks want to commit, decides
//! it, makes it durable with one sync, applies it, and only then answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use super::blobs::{BlobFiles, Unsynced};
use super::clean::CleanMark;
use super::compact::{Compaction, Running};
use super::files::{FolderLock, Layout, sync_dir};
use super::frame;
use super::history::History;
use super::index::{self, Index};
use super::journal::{AppendError, Journal};
use super::options::{FaultPoint, OpenOptions};
use super::plan::Plan;
use super::recover::recover;
use super::snapshot::Snapshot;
use super::{Batch, BlobId, Result, Sequence, StoreError};

/// Most batches that share one sync.
const GROUP_BATCHES_MAX: usize = 256;
/// A group takes no further batch once it holds this much, in bytes.
const GROUP_SIZE_BYTES: usize = 4 * 1024 * 1024;
/// How long to wait before trying again to bring a failed index back.
const HEAL_INTERVAL: Duration = Duration::from_secs(1);
/// How often that is tried while the tasks of a durable group wait. Then they
/// are told that the outcome is open, and each later group is one more try.
const HEAL_TRIES_MAX: u32 = 20;

/// What the committer is asked.
pub(crate) enum Request {
    Commit(Waiting),
    Close(oneshot::Sender<Result<()>>),
}

/// A batch and the task that waits for it.
pub(crate) struct Waiting {
    pub(crate) batch: Batch,
    pub(crate) reply: oneshot::Sender<Result<Sequence>>,
    /// Its share of the bytes that may wait.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// A decided batch: its task, and what to answer if the group becomes durable.
struct Decided {
    reply: oneshot::Sender<Result<Sequence>>,
    answer: Result<Sequence>,
    _permit: OwnedSemaphorePermit,
}

/// How an attempt to bring the index back ended.
enum Healed {
    Back,
    Not(StoreError),
    Closing(oneshot::Sender<Result<()>>),
}

pub(crate) struct Committer {
    pub(crate) layout: Layout,
    pub(crate) options: OpenOptions,
    pub(crate) journal: Journal,
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) index: Arc<Index>,
    pub(crate) blobs: BlobFiles,
    pub(crate) unsynced: Unsynced,
    pub(crate) commits: watch::Sender<Sequence>,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) lock: FolderLock,
    pub(crate) compaction: Option<Running>,
    /// Set once a sync has failed: nothing more is written by this process.
    pub(crate) failed: bool,
    pub(crate) disk_full: bool,
}

impl Committer {
    pub(crate) fn run(mut self) {
        let mut closing = None;
        while let Some(first) = self.requests.blocking_recv() {
            let (group, close) = self.gather(first);
            closing = close.or(self.process(group));
            self.end_compaction();
            if closing.is_some() {
                break;
            }
        }
        self.requests.close();
        let result = self.shut();
        if let Some(reply) = closing {
            let _ = reply.send(result);
        }
    }

    fn gather(&mut self, first: Request) -> (Vec<Waiting>, Option<oneshot::Sender<Result<()>>>) {
        let mut group = Vec::new();
        let mut size_bytes = 0;
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Close(reply) => return (group, Some(reply)),
                Request::Commit(waiting) => {
                    size_bytes += waiting.batch.size_bytes();
                    group.push(waiting);
                }
            }
            if group.len() >= GROUP_BATCHES_MAX || size_bytes >= GROUP_SIZE_BYTES {
                break;
            }
            next = self.requests.try_recv().ok();
        }
        (group, None)
    }

    /// Commits a group. A close that came while the index was being healed is
    /// handed back.
    fn process(&mut self, group: Vec<Waiting>) -> Option<oneshot::Sender<Result<()>>> {
        if group.is_empty() {
            return None;
        }
        if self.index.is_suspect() {
            match self.heal(1) {
                Healed::Back => {}
                Healed::Not(error) => {
                    turn_away(group, &error);
                    return None;
                }
                Healed::Closing(close) => return Some(close),
            }
        }
        let (plan, decided) = self.decide(group);
        if plan.accepted == 0 {
            answer(decided);
            return None;
        }
        let last = self.journal.last() + plan.accepted;
        let new_blobs = match self.make_durable(&plan, last) {
            Ok(new_blobs) => new_blobs,
            Err(error) => {
                self.note_refusal(&error);
                refuse(decided, &error);
                return None;
            }
        };
        self.note_success();
        if let Err(error) = self.apply(&plan, &new_blobs, last) {
            tracing::error!(%error, "a durable group could not be applied");
            match self.heal(HEAL_TRIES_MAX) {
                Healed::Back => {}
                Healed::Not(error) => {
                    refuse(decided, &StoreError::Index(error.to_string().into()));
                    return None;
                }
                Healed::Closing(close) => {
                    refuse(decided, &StoreError::Closed);
                    return Some(close);
                }
            }
        }
        if self.options.fault_hook.at(FaultPoint::Answer).is_err() {
            refuse(decided, &StoreError::Closed);
            return None;
        }
        self.commits.send_replace(Sequence::new(last));
        answer(decided);
        None
    }

    fn decide(&self, group: Vec<Waiting>) -> (Plan, Vec<Decided>) {
        let mut plan = Plan::default();
        let mut decided = Vec::with_capacity(group.len());
        for waiting in group {
            let accepted = plan.accept(waiting.batch, |key| self.index.get(key));
            let sequence = Sequence::new(self.journal.last() + plan.accepted);
            decided.push(Decided {
                reply: waiting.reply,
                answer: accepted.map(|()| sequence),
                _permit: waiting.permit,
            });
        }
        (plan, decided)
    }

    /// Writes the group to the journal; returns the blobs that were new.
    fn make_durable(&mut self, plan: &Plan, last: u64) -> Result<Vec<(BlobId, Bytes)>> {
        if self.failed {
            return Err(StoreError::Closed);
        }
        let new_blobs: Vec<_> = plan
            .blobs
            .iter()
            .filter(|(id, _)| !self.blobs.is_there(**id))
            .map(|(id, bytes)| (*id, bytes.clone()))
            .collect();
        let first = self.journal.last() + 1;
        let frame = frame::encode(self.journal.id(), first, last, &plan.effects, &new_blobs)
            .ok_or(StoreError::TooLarge {
                what: "a group of batches",
                size: usize::MAX,
                limit: u32::MAX as usize,
            })?;
        // Once for the journal, once for blob files and index.
        let needed = (frame.len() as u64).saturating_mul(2);
        if self.layout.free_bytes()? < self.options.reserve_bytes.saturating_add(needed) {
            return Err(StoreError::DiskFull);
        }
        if self.journal.is_full() {
            self.rotate()?;
            self.start_compaction();
        }
        match self.journal.append(&frame, last) {
            Ok(()) => Ok(new_blobs),
            Err(AppendError::Full) => Err(StoreError::DiskFull),
            Err(AppendError::Fatal(error)) => Err(self.fail(StoreError::Io(Arc::new(error)))),
        }
    }

    fn rotate(&mut self) -> Result<()> {
        match self.journal.rotate() {
            Err(StoreError::DiskFull) => Err(StoreError::DiskFull),
            other => other.map_err(|error| self.fail(error)),
        }
    }

    fn fail(&mut self, error: StoreError) -> StoreError {
        tracing::error!(%error, "journal failed: nothing more is committed before a restart");
        self.failed = true;
        error
    }

    fn apply(&mut self, plan: &Plan, new_blobs: &[(BlobId, Bytes)], last: u64) -> Result<()> {
        for (id, bytes) in new_blobs {
            self.options.fault_hook.at(FaultPoint::BlobWrite)?;
            self.blobs.put(*id, bytes)?;
            self.unsynced.add(*id);
        }
        self.options.fault_hook.at(FaultPoint::IndexApply)?;
        self.index.apply(&plan.effects, last)
    }

    /// Brings the index back after it failed. Newcomers are refused meanwhile.
    fn heal(&mut self, tries: u32) -> Healed {
        if let Some(running) = self.compaction.take() {
            self.take_snapshot(running.stop());
        }
        self.index.take_down();
        self.unsynced = Unsynced::Many;
        let mut left = tries;
        loop {
            let Err(error) = self.recover_index() else {
                tracing::warn!("index is back");
                return Healed::Back;
            };
            tracing::error!(%error, "index failed and could not be rebuilt yet");
            left = left.saturating_sub(1);
            if left == 0 {
                return Healed::Not(error);
            }
            std::thread::sleep(HEAL_INTERVAL);
            loop {
                match self.requests.try_recv() {
                    Ok(Request::Close(reply)) => return Healed::Closing(reply),
                    Ok(Request::Commit(waiting)) => turn_away(vec![waiting], &error),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Healed::Not(error),
                }
            }
        }
    }

    fn recover_index(&self) -> Result<()> {
        let history = History::find(&self.layout)?;
        let recovered = recover(
            &self.layout,
            &history,
            &self.blobs,
            self.options.cache_bytes,
        )?;
        self.index.replace(recovered.db);
        Ok(())
    }

    fn start_compaction(&mut self) {
        let base_bytes = self.snapshot.as_ref().map_or(0, Snapshot::size_bytes);
        let threshold = (base_bytes / 2)
            .max(self.options.compact_min_bytes)
            .min(self.options.compact_max_bytes);
        let sealed = self.journal.sealed().to_vec();
        let sealed_bytes: u64 = sealed.iter().map(|sealed| sealed.size_bytes).sum();
        if self.compaction.is_some() || sealed_bytes < threshold {
            return;
        }
        let needed = base_bytes + sealed_bytes + self.options.reserve_bytes / 2;
        if self.layout.free_bytes().is_ok_and(|free| free < needed) {
            tracing::warn!(needed, "no space to compact the journal");
            return;
        }
        let compaction = Compaction {
            layout: self.layout.clone(),
            id: self.journal.id(),
            index: Arc::clone(&self.index),
            blobs: self.blobs.clone(),
            unsynced: std::mem::replace(&mut self.unsynced, Unsynced::Few(Vec::new())),
            base: self.snapshot.clone(),
            sealed,
            hook: self.options.fault_hook.clone(),
        };
        match compaction.start() {
            Ok(running) => self.compaction = Some(running),
            Err(error) => {
                self.unsynced = Unsynced::Many;
                tracing::warn!(%error, "journal is not compacted");
            }
        }
    }

    fn end_compaction(&mut self) {
        if let Some(running) = self.compaction.take_if(|running| running.is_finished()) {
            self.take_snapshot(running.finish());
        }
    }

    fn take_snapshot(&mut self, outcome: Result<Snapshot>) {
        match outcome {
            Ok(snapshot) => {
                self.journal.forget_through(snapshot.sequence);
                self.snapshot = Some(snapshot);
            }
            Err(error) => {
                // Its checkpoint may not have come to the blobs.
                self.unsynced = Unsynced::Many;
                if !matches!(error, StoreError::Closed) {
                    tracing::warn!(%error, "journal is not compacted");
                }
            }
        }
    }

    fn note_refusal(&mut self, error: &StoreError) {
        if matches!(error, StoreError::DiskFull) && !self.disk_full {
            self.disk_full = true;
            tracing::error!("disk is full: nothing is accepted until there is space");
        }
    }

    fn note_success(&mut self) {
        if self.disk_full {
            self.disk_full = false;
            tracing::warn!("disk has space again: accepting");
        }
    }

    /// Ends cleanly: the index durable on its own, and a mark that says so.
    fn shut(mut self) -> Result<()> {
        if let Some(running) = self.compaction.take() {
            self.take_snapshot(running.stop());
        }
        let flushed = self.index.flush();
        self.index.close();
        if self.failed || self.index.is_suspect() {
            return flushed;
        }
        flushed?;
        self.journal.trim()?;
        index::sync_file(&self.layout.index())?;
        sync_dir(&self.layout.index())?;
        self.blobs.sync(&self.unsynced)?;
        self.options.fault_hook.at(FaultPoint::CleanMark)?;
        CleanMark::of(&self.layout, self.journal.last())?.write(&self.layout)?;
        drop(self.lock);
        Ok(())
    }
}

fn answer(decided: Vec<Decided>) {
    for one in decided {
        let _ = one.reply.send(one.answer);
    }
}

fn turn_away(group: Vec<Waiting>, error: &StoreError) {
    for waiting in group {
        let _ = waiting.reply.send(Err(error.clone()));
    }
}

/// Nothing of the group was written: even a conflict may have been one with a
/// batch of the same group.
fn refuse(decided: Vec<Decided>, error: &StoreError) {
    for one in decided {
        let _ = one.reply.send(Err(error.clone()));
    }
}
