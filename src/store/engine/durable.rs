//! The default engine: sled behind a redo journal.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use tokio::runtime;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::blobs::{BlobFiles, Unsynced};
use super::clean::CleanMark;
use super::committer::{Ask, Committer, Request, UnderWay, Waiting};
use super::files::Layout;
use super::history::History;
use super::index::{self, Index};
use super::journal::{Journal, Sealed};
use super::options::OpenOptions;
use super::recover::recover;
use super::segment::End;
use super::sweep::{Sweep, SweepWatch};
use super::writer::Writer;
use super::{
    Batch, BlobId, CloseFuture, CommitFuture, Engine, Key, KeyRange, Result, Sequence, StoreError,
    SweepFuture, SweptFuture, Value,
};

/// Most batches that wait for the committer; more wait in their tasks.
const REQUESTS_MAX: usize = 1024;
/// Most bytes of batches that wait, in KiB; at least one largest batch.
const WAITING_KIB_MAX: u32 = 128 * 1024;

/// An index below this size is never built again for its size, in bytes.
const INDEX_BLOAT_BYTES_MIN: u64 = 256 * 1024 * 1024;
/// How much larger than snapshot and journal together the index may be.
const INDEX_BLOAT_FACTOR: u64 = 6;

/// The handle's side: reads go straight to the index, batches to the committer.
pub(crate) struct DurableEngine {
    identity: [u8; 16],
    index: Arc<Index>,
    blobs: BlobFiles,
    requests: Option<mpsc::Sender<Request>>,
    waiting: Arc<Semaphore>,
    commits: watch::Sender<Sequence>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl DurableEngine {
    /// Opens a state folder, creating what is missing, recovering what the
    /// last process left. Blocks for as long as that takes.
    pub(crate) fn open(root: &Path, options: &OpenOptions) -> Result<Self> {
        let layout = Layout::create(root)?;
        let lock = layout.lock()?;
        let mark = CleanMark::take(&layout)?;
        let blobs = BlobFiles::open(layout.blobs())?;
        let history = History::find(&layout)?;
        drop_bloated_index(&layout, &history)?;
        let mut unsynced = Unsynced::Few(Vec::new());
        let (db, sealed, end) = match open_clean(&layout, &history, mark, options)? {
            Some(opened) => opened,
            None => {
                let found = recover(&layout, &history, &blobs, options.cache_bytes)?;
                if found.replay.holds_blobs {
                    unsynced = Unsynced::Many;
                }
                (found.db, found.replay.sealed, found.replay.end)
            }
        };
        let current = history.current().cloned().ok_or(StoreError::Closed)?;
        let journal = Journal::resume(
            layout.journal(),
            history.id,
            sealed,
            current,
            end,
            options.segment_size_bytes,
            options.fault_hook.clone(),
        )?;
        let index = Arc::new(Index::new(db));
        let (requests, inbox) = mpsc::channel(REQUESTS_MAX);
        let commits = watch::Sender::new(Sequence::new(end.last));
        let writer = Writer::start(journal, layout.clone(), options.reserve_bytes)?;
        let waits = runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let committer = Committer {
            identity: history.id.0,
            layout,
            options: options.clone(),
            writer,
            last: end.last,
            snapshot: history.snapshot,
            index: Arc::clone(&index),
            blobs: blobs.clone(),
            unsynced,
            commits: commits.clone(),
            requests: inbox,
            lock,
            under_way: UnderWay::default(),
            sweep: SweepWatch::default(),
        };
        let thread = thread::Builder::new()
            .name("store-commit".into())
            .spawn(move || committer.run(&waits))?;
        Ok(Self {
            identity: history.id.0,
            index,
            blobs,
            requests: Some(requests),
            waiting: Arc::new(Semaphore::new(WAITING_KIB_MAX as usize)),
            commits,
            thread: Mutex::new(Some(thread)),
        })
    }

    async fn submit(&self, batch: Batch) -> Result<Sequence> {
        let requests = self.requests.as_ref().ok_or(StoreError::Closed)?;
        let kib = u32::try_from(batch.size_bytes() / 1024 + 1).unwrap_or(WAITING_KIB_MAX);
        let permit = Arc::clone(&self.waiting)
            .acquire_many_owned(kib.min(WAITING_KIB_MAX))
            .await
            .map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting {
            batch,
            reply,
            permit,
        };
        requests
            .send(Request::Commit(waiting))
            .await
            .map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    async fn ask_to_sweep<T>(
        &self,
        ask: impl FnOnce(oneshot::Sender<Result<T>>) -> Ask,
    ) -> Result<T> {
        let requests = self.requests.as_ref().ok_or(StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let sent = requests.send(Request::Sweep(ask(reply))).await;
        sent.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    async fn ask_to_close(&self) -> Result<()> {
        let requests = self.requests.as_ref().ok_or(StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        requests
            .send(Request::Close(reply))
            .await
            .map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

/// Sled does not give space back: an index far larger than what it indexes is
/// built again from nothing.
fn drop_bloated_index(layout: &Layout, history: &History) -> Result<()> {
    let index_bytes = index::fingerprint(&layout.index()).map_or(0, |(bytes, _)| bytes);
    let sound_bytes = history.size_bytes()?.saturating_mul(INDEX_BLOAT_FACTOR);
    if index_bytes <= sound_bytes.max(INDEX_BLOAT_BYTES_MIN) {
        return Ok(());
    }
    tracing::info!(
        index_bytes,
        sound_bytes,
        "index has grown too large: building it again"
    );
    Ok(std::fs::remove_dir_all(layout.index())?)
}

type Opened = (sled::Db, Vec<Sealed>, End);

/// Opens the index without comparing it, if all signs say that it is the one
/// that was closed cleanly at the journal's end.
fn open_clean(
    layout: &Layout,
    history: &History,
    mark: Option<CleanMark>,
    options: &OpenOptions,
) -> Result<Option<Opened>> {
    let Some(mark) = mark else {
        return Ok(None);
    };
    let (sealed, end) = history.read_end()?;
    if end.torn_bytes > 0 || CleanMark::of(layout, end.last).ok() != Some(mark) {
        return Ok(None);
    }
    let Ok(db) = index::open(&layout.index(), options.cache_bytes) else {
        return Ok(None);
    };
    if index::applied(&db).ok().flatten() != Some(end.last) {
        return Ok(None);
    }
    Ok(Some((db, sealed, end)))
}

impl Engine for DurableEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Value>> {
        if is_index_own(key) {
            return Ok(None);
        }
        self.index.get(key)
    }

    fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Value>>> {
        if keys.iter().any(|key| is_index_own(key)) {
            return keys.iter().map(|key| self.get(key)).collect();
        }
        self.index.get_many(keys)
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<(Key, Value)>> {
        self.index.scan(range, limit)
    }

    fn count(&self, range: &KeyRange, limit: usize) -> Result<usize> {
        self.index.count(range, limit)
    }

    fn blobs(&self, limit: usize) -> Result<Vec<BlobId>> {
        let mut found = Vec::new();
        self.blobs.each(|_, id| {
            if found.len() < limit {
                found.extend(id);
            }
        })?;
        Ok(found)
    }

    fn get_blob(&self, id: BlobId) -> Result<Option<Bytes>> {
        self.blobs.get(id)
    }

    fn blob_start(&self, id: BlobId, size_bytes: usize) -> Result<Option<Bytes>> {
        self.blobs.start(id, size_bytes)
    }

    fn commit(&self, batch: Batch) -> CommitFuture<'_> {
        Box::pin(self.submit(batch))
    }

    fn begin_sweep(&self, candidates: Vec<BlobId>) -> SweepFuture<'_> {
        Box::pin(self.ask_to_sweep(|reply| Ask::Begin(candidates, reply)))
    }

    fn end_sweep(&self, sweep: Sweep, unnamed: Vec<BlobId>) -> SweptFuture<'_> {
        Box::pin(self.ask_to_sweep(|reply| Ask::End(sweep, unnamed, reply)))
    }

    fn identity(&self) -> &[u8; 16] {
        &self.identity
    }

    fn watch_commits(&self) -> watch::Receiver<Sequence> {
        self.commits.subscribe()
    }

    fn close(&self) -> CloseFuture<'_> {
        Box::pin(self.ask_to_close())
    }
}

/// Key 0 is the index's own.
fn is_index_own(key: &[u8]) -> bool {
    key.first().is_none_or(|byte| *byte == 0)
}

impl Drop for DurableEngine {
    /// Ends the committer cleanly and waits for it, so that the folder is free.
    fn drop(&mut self) {
        self.requests = None;
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}
