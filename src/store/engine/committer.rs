//! The one thread that decides: gathers what many tasks want to commit, has it made durable with
//! one sync, applies it, and only then answers.
//!
//! While one group is on its way to the disk, the group before is applied and the next is decided,
//! on top of what is being written. Groups become durable, visible and answered in one order; when
//! one cannot be written, what was decided on top of it is refused with it.

mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use super::blobs::{BlobFiles, Unsynced};
use super::clean::CleanMark;
use super::compact::Running;
use super::files::{FolderLock, Layout, sync_dir};
use super::index::{self, Index};
use super::options::{FaultPoint, OpenOptions};
use super::plan::Plan;
use super::snapshot::Snapshot;
use super::sweep::{Sweep, SweepWatch, Swept};
use super::writer::{Done, Write, WriteError, Writer};
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
/// Nothing has been asked for so long: a good moment for what can wait.
const CALM_INTERVAL: Duration = Duration::from_millis(500);

/// What the committer is asked.
pub(crate) enum Request {
    Commit(Waiting),
    Sweep(Ask),
    Close(oneshot::Sender<Result<()>>),
}

/// What is asked about blobs that may go.
pub(crate) enum Ask {
    Begin(Vec<BlobId>, oneshot::Sender<Result<Sweep>>),
    End(Sweep, Vec<BlobId>, oneshot::Sender<Result<Swept>>),
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

/// Batches decided together.
#[derive(Default)]
struct Group {
    plan: Plan,
    decided: Vec<Decided>,
    size_bytes: usize,
}

/// A group on its way to the disk.
struct Writing {
    plan: Arc<Plan>,
    decided: Vec<Decided>,
}

/// What the committer waits for.
enum Event {
    Asked(Request),
    Written(Done),
    /// Nothing is under way, and nobody has asked for anything for a while.
    Calm,
    /// Nobody can ask any more.
    Gone,
}

/// How an attempt to bring the index back ended.
enum Healed {
    Back,
    Not(StoreError),
    Closing(oneshot::Sender<Result<()>>),
}

/// Who asked to close, if somebody has.
type Closing = Option<oneshot::Sender<Result<()>>>;

pub(crate) struct Committer {
    pub(crate) identity: [u8; 16],
    pub(crate) layout: Layout,
    pub(crate) options: OpenOptions,
    pub(crate) writer: Writer,
    /// The last sequence that is durable.
    pub(crate) last: u64,
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) index: Arc<Index>,
    pub(crate) blobs: BlobFiles,
    pub(crate) unsynced: Unsynced,
    pub(crate) commits: watch::Sender<Sequence>,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) lock: FolderLock,
    pub(crate) under_way: UnderWay,
    pub(crate) sweep: SweepWatch,
}

/// What the committer has begun.
#[derive(Default)]
pub(crate) struct UnderWay {
    writing: Option<Writing>,
    /// Decided on top of what is being written.
    next: Group,
    compaction: Option<Running>,
    /// A compaction is due, and waits for calm.
    compaction_waits: bool,
    /// Rows written to the index since it was opened.
    rows_applied: usize,
    /// Set once a sync has failed: nothing more is written by this process.
    failed: bool,
    disk_full: bool,
}

impl Committer {
    /// Works until it is asked to close, or nobody is left who could ask. `waits` is only used to
    /// wait for requests and the disk at once.
    pub(crate) fn run(mut self, waits: &Runtime) {
        let mut closing = None;
        while closing.is_none() {
            closing = match waits.block_on(self.event()) {
                Event::Asked(Request::Commit(first)) => self.gather(first),
                Event::Asked(Request::Sweep(ask)) => {
                    self.sweep(ask);
                    None
                }
                Event::Asked(Request::Close(reply)) => Some(reply),
                Event::Written(done) => self.end_write(done, waits),
                Event::Calm => {
                    self.start_compaction(0);
                    None
                }
                Event::Gone => break,
            };
            self.begin_write();
            // It takes the journal, which a write holds until it is synced.
            if self.under_way.writing.is_none() {
                self.end_compaction();
            }
        }
        while self.under_way.writing.is_some() {
            let done = waits.block_on(self.writer.ended());
            closing = self.end_write(done, waits).or(closing);
            self.begin_write();
        }
        self.requests.close();
        let result = self.shut();
        if let Some(reply) = closing {
            let _ = reply.send(result);
        }
    }

    async fn event(&mut self) -> Event {
        let asked = |request: Option<Request>| request.map_or(Event::Gone, Event::Asked);
        if self.under_way.writing.is_none() {
            let request = self.requests.recv();
            if !self.under_way.compaction_waits {
                return asked(request.await);
            }
            let request = tokio::time::timeout(CALM_INTERVAL, request).await;
            return request.map_or(Event::Calm, asked);
        }
        // What cannot be read cannot be decided: it is healed when nothing is being written.
        if self.under_way.next.is_full() || self.index.is_suspect() {
            return Event::Written(self.writer.ended().await);
        }
        tokio::select! {
            biased;
            done = self.writer.ended() => Event::Written(done),
            request = self.requests.recv() => asked(request),
        }
    }

    /// Decides what waits, as far as one group holds it.
    fn gather(&mut self, first: Waiting) -> Closing {
        if self.under_way.writing.is_none() && self.index.is_suspect() {
            match self.heal(1) {
                Healed::Back => {}
                Healed::Not(error) => {
                    turn_away(vec![first], &error);
                    return None;
                }
                Healed::Closing(close) => return Some(close),
            }
        }
        self.decide(first);
        while !self.under_way.next.is_full() {
            match self.requests.try_recv() {
                Ok(Request::Commit(waiting)) => self.decide(waiting),
                Ok(Request::Sweep(ask)) => self.sweep(ask),
                Ok(Request::Close(reply)) => return Some(reply),
                Err(_) => break,
            }
        }
        None
    }

    /// Takes a batch into the next group, or finds what it did not expect. It sees what is being
    /// written as if it were there.
    fn decide(&mut self, waiting: Waiting) {
        let UnderWay { writing, next, .. } = &mut self.under_way;
        let ahead = writing.as_ref().map(|writing| &writing.plan.effects);
        let read = |key: &[u8]| match ahead.and_then(|effects| effects.get(key)) {
            Some(effect) => Ok(effect.clone()),
            None => self.index.get(key),
        };
        next.size_bytes += waiting.batch.size_bytes();
        self.sweep.notice(&waiting.batch);
        let accepted = next.plan.accept(waiting.batch, &self.identity, read);
        let before = writing.as_ref().map_or(0, |writing| writing.plan.accepted);
        let sequence = Sequence::new(self.last + before + next.plan.accepted);
        next.decided.push(Decided {
            reply: waiting.reply,
            answer: accepted.map(|()| sequence),
            _permit: waiting.permit,
        });
    }

    /// Hands the next group to the writer, once nothing is being written.
    fn begin_write(&mut self) {
        if self.under_way.writing.is_some() || self.under_way.next.decided.is_empty() {
            return;
        }
        let Group { plan, decided, .. } = std::mem::take(&mut self.under_way.next);
        if plan.accepted == 0 {
            answer(decided);
            return;
        }
        if let Err(error) = self.make_room() {
            self.note_refusal(&error);
            refuse(decided, &error);
            return;
        }
        let new_blobs = plan.blobs.iter();
        let new_blobs = new_blobs.filter(|(id, _)| !self.blobs.is_there(**id));
        let new_blobs = new_blobs.map(|(id, bytes)| (*id, bytes.clone())).collect();
        let plan = Arc::new(plan);
        self.writer.begin(Write {
            plan: Arc::clone(&plan),
            new_blobs,
            last: self.last + plan.accepted,
        });
        self.under_way.writing = Some(Writing { plan, decided });
    }

    /// Begins a new segment where the last one is full. Everything durable is applied by then, as
    /// a compaction of what is full supposes.
    fn make_room(&mut self) -> Result<()> {
        if self.under_way.failed {
            return Err(StoreError::Closed);
        }
        if !self.writer.journal().is_full() {
            return Ok(());
        }
        self.end_compaction();
        let rotated = self.writer.journal().rotate();
        match rotated {
            Ok(()) => self.start_compaction(self.options.compact_busy_bytes),
            Err(StoreError::DiskFull) => return Err(StoreError::DiskFull),
            Err(error) => return Err(self.fail(error)),
        }
        Ok(())
    }

    fn fail(&mut self, error: StoreError) -> StoreError {
        tracing::error!(%error, "journal failed: nothing more is committed before a restart");
        self.under_way.failed = true;
        error
    }

    /// Applies what has become durable and answers. A close that came while the index was being
    /// healed is handed back.
    fn end_write(&mut self, done: Done, waits: &Runtime) -> Closing {
        let (written, decided) = self.settle(done)?;
        // The next group is written while this one is applied.
        let next = &self.under_way.next;
        let alone = self.index.is_suspect() || self.writer.journal().is_full();
        if next.plan.accepted > 0 && !alone {
            self.begin_write();
        }
        if let Err(error) = self.apply(&written) {
            tracing::error!(%error, "a durable group could not be applied");
            return self.heal_and_answer(decided, waits);
        }
        self.answer_durable(decided, written.last);
        None
    }

    /// What was being written, if it is durable; if not, its tasks know, and those whose batches
    /// were decided on top of it.
    fn settle(&mut self, done: Done) -> Option<(Write, Vec<Decided>)> {
        let writing = self.under_way.writing.take();
        let decided = writing.map_or_else(Vec::new, |writing| writing.decided);
        let error = match done {
            Ok(written) => {
                self.last = written.last;
                self.note_success();
                return Some((written, decided));
            }
            Err(WriteError::Refused(error)) => error,
            Err(WriteError::Fatal(error)) => self.fail(error),
        };
        self.note_refusal(&error);
        refuse(decided, &error);
        refuse(std::mem::take(&mut self.under_way.next).decided, &error);
        None
    }

    /// Brings the index back from what is durable, the group included that could not be applied.
    fn heal_and_answer(&mut self, mut decided: Vec<Decided>, waits: &Runtime) -> Closing {
        // Nobody reads half a group, and what is read for that must not be written meanwhile.
        self.index.take_down();
        if self.under_way.writing.is_some() {
            let done = waits.block_on(self.writer.ended());
            let behind = self.settle(done);
            decided.extend(behind.into_iter().flat_map(|(_, decided)| decided));
        }
        let (error, closing) = match self.heal(HEAL_TRIES_MAX) {
            Healed::Back => {
                self.answer_durable(decided, self.last);
                return None;
            }
            Healed::Not(error) => (StoreError::Index(error.to_string().into()), None),
            Healed::Closing(close) => (StoreError::Closed, Some(close)),
        };
        refuse(decided, &error);
        refuse(std::mem::take(&mut self.under_way.next).decided, &error);
        closing
    }

    fn answer_durable(&self, decided: Vec<Decided>, last: u64) {
        if self.options.fault_hook.at(FaultPoint::Answer).is_err() {
            refuse(decided, &StoreError::Closed);
            return;
        }
        self.commits.send_replace(Sequence::new(last));
        answer(decided);
    }

    fn apply(&mut self, written: &Write) -> Result<()> {
        for (id, bytes) in &written.new_blobs {
            self.options.fault_hook.at(FaultPoint::BlobWrite)?;
            self.blobs.put(*id, bytes)?;
            self.unsynced.add(*id);
        }
        self.options.fault_hook.at(FaultPoint::IndexApply)?;
        self.under_way.rows_applied += written.plan.effects.len();
        self.index.apply(&written.plan.effects, written.last)
    }

    fn note_refusal(&mut self, error: &StoreError) {
        if matches!(error, StoreError::DiskFull) && !self.under_way.disk_full {
            self.under_way.disk_full = true;
            tracing::error!("disk is full: nothing is accepted until there is space");
        }
    }

    fn note_success(&mut self) {
        if self.under_way.disk_full {
            self.under_way.disk_full = false;
            tracing::warn!("disk has space again: accepting");
        }
    }

    /// Ends cleanly: the index durable on its own, and a mark that says so.
    fn shut(mut self) -> Result<()> {
        if let Some(running) = self.under_way.compaction.take() {
            self.take_snapshot(running.stop());
        }
        let flushed = self.index.flush();
        self.index.close();
        if self.under_way.failed || self.index.is_suspect() {
            return flushed;
        }
        flushed?;
        if self.under_way.rows_applied >= self.options.settled_rows_min {
            index::settle(&self.layout.index(), self.options.cache_bytes)?;
        }
        self.writer.journal().trim()?;
        index::sync_file(&self.layout.index())?;
        sync_dir(&self.layout.index())?;
        self.blobs.sync(&self.unsynced)?;
        self.options.fault_hook.at(FaultPoint::CleanMark)?;
        CleanMark::of(&self.layout, self.last)?.write(&self.layout)?;
        drop(self.lock);
        Ok(())
    }
}

impl Group {
    fn is_full(&self) -> bool {
        self.decided.len() >= GROUP_BATCHES_MAX || self.size_bytes >= GROUP_SIZE_BYTES
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
