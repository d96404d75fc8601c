//! The thread that the committer hands a decided group to: it writes the journal and waits for the
//! disk, while the committer applies the group before and decides the one behind.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use tokio::sync::mpsc as done;

use super::files::Layout;
use super::journal::{AppendError, Journal};
use super::plan::Plan;
use super::{BlobId, StoreError, frame};

/// A group to be written.
pub(crate) struct Write {
    pub(crate) plan: Arc<Plan>,
    /// Its blobs that have no file yet.
    pub(crate) new_blobs: Vec<(BlobId, Bytes)>,
    /// The sequence of its last batch.
    pub(crate) last: u64,
}

/// Why a group is not durable.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The journal is as it was, and goes on.
    Refused(StoreError),
    /// Nothing more may be written before the journal is read again.
    Fatal(StoreError),
}

/// The committer's side. At most one group is being written at a time: each is synced before the
/// next is written.
pub(crate) struct Writer {
    journal: Arc<Mutex<Journal>>,
    work: Option<mpsc::SyncSender<Write>>,
    done: done::Receiver<Done>,
    thread: Option<JoinHandle<()>>,
}

/// What became of a group.
pub(crate) type Done = Result<Write, WriteError>;

impl Writer {
    pub(crate) fn start(journal: Journal, layout: Layout, reserve_bytes: u64) -> io::Result<Self> {
        let journal = Arc::new(Mutex::new(journal));
        let (work, works) = mpsc::sync_channel::<Write>(1);
        let (ended, done) = done::channel(1);
        let mut hand = Hand {
            journal: Arc::clone(&journal),
            layout,
            reserve_bytes,
            before_bytes: 0,
        };
        let run = move || {
            for group in works {
                let written = hand.write(&group).map(|()| group);
                if ended.blocking_send(written).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("store-write".into());
        Ok(Self {
            journal,
            work: Some(work),
            done,
            thread: Some(thread.spawn(run)?),
        })
    }

    /// The journal, once nothing is being written to it.
    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        lock(&self.journal)
    }

    /// Begins to write a group; the one before must have ended.
    pub(crate) fn begin(&self, group: Write) {
        // A thread that is gone is noticed by whoever waits for the end.
        let _ = self.work.as_ref().map(|work| work.send(group));
    }

    /// How the group ended that was begun.
    pub(crate) async fn ended(&mut self) -> Done {
        let gone = || Err(WriteError::Fatal(StoreError::Closed));
        self.done.recv().await.unwrap_or_else(gone)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's side.
struct Hand {
    journal: Arc<Mutex<Journal>>,
    layout: Layout,
    reserve_bytes: u64,
    /// Of the group before: it may be about to be applied. Once something was refused, it is.
    before_bytes: u64,
}

impl Hand {
    fn write(&mut self, group: &Write) -> Result<(), WriteError> {
        let mut journal = lock(&self.journal);
        let first = journal.last() + 1;
        let (effects, blobs) = (&group.plan.effects, &group.new_blobs);
        let frame = frame::encode(journal.id(), first, group.last, effects, blobs).ok_or(
            WriteError::Refused(StoreError::TooLarge {
                what: "a group of batches",
                size: usize::MAX,
                limit: u32::MAX as usize,
            }),
        )?;
        // Once for the journal, once for blob files and index.
        let own_bytes = frame.len() as u64;
        let needed = own_bytes.saturating_mul(2) + std::mem::take(&mut self.before_bytes);
        let free = self.layout.free_bytes();
        let free = free.map_err(|error| WriteError::Refused(error.into()))?;
        if free < self.reserve_bytes.saturating_add(needed) {
            return Err(WriteError::Refused(StoreError::DiskFull));
        }
        let appended = journal.append(&frame, group.last);
        appended.map_err(|error| match error {
            AppendError::Full => WriteError::Refused(StoreError::DiskFull),
            AppendError::Fatal(error) => WriteError::Fatal(error.into()),
        })?;
        self.before_bytes = own_bytes;
        Ok(())
    }
}

fn lock(journal: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    journal.lock().unwrap_or_else(PoisonError::into_inner)
}
