//! Compaction: the full segments become a snapshot, and may then go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::blobs::{BlobFiles, Unsynced};
use super::files::{Layout, remove_if_there, sync_dir};
use super::frame::StoreId;
use super::history::Merged;
use super::index::{self, Index};
use super::journal::Sealed;
use super::options::{FaultHook, FaultPoint};
use super::slices::{SLICE_BYTES_MAX, Slices};
use super::snapshot::{self, Snapshot};
use super::{Key, KeyRange, Result, SCAN_LIMIT_MAX, StoreError, Value};

/// What a compaction works on; the journal goes on meanwhile.
pub(crate) struct Compaction {
    pub(crate) layout: Layout,
    pub(crate) id: StoreId,
    pub(crate) index: Arc<Index>,
    pub(crate) blobs: BlobFiles,
    /// The blobs that only the journal keeps until now.
    pub(crate) unsynced: Unsynced,
    pub(crate) base: Option<Snapshot>,
    /// The full segments behind the base, oldest first.
    pub(crate) sealed: Vec<Sealed>,
    pub(crate) hook: FaultHook,
}

/// A compaction in its own thread.
pub(crate) struct Running {
    thread: JoinHandle<Result<Snapshot>>,
    stop: Arc<AtomicBool>,
}

impl Running {
    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for it.
    pub(crate) fn finish(self) -> Result<Snapshot> {
        self.thread
            .join()
            .unwrap_or_else(|_| Err(StoreError::Io(Arc::new(std::io::Error::other("panicked")))))
    }

    /// Stops it where it can be stopped, and waits for it.
    pub(crate) fn stop(self) -> Result<Snapshot> {
        self.stop.store(true, Ordering::Release);
        self.finish()
    }
}

impl Compaction {
    pub(crate) fn start(self) -> std::io::Result<Running> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("store-compact".into())
            .spawn(move || self.run(&stopped))?;
        Ok(Running { thread, stop })
    }

    fn run(self, stopped: &AtomicBool) -> Result<Snapshot> {
        let last = self.sealed.last().map_or(0, |sealed| sealed.last);
        self.checkpoint()?;
        let written = match self.write_from_history(last, stopped) {
            Err(StoreError::Corrupt { file, offset, what }) if self.is_base(&file) => {
                tracing::error!(
                    file = %file.display(), offset, what,
                    "snapshot is damaged: writing a new one from the index"
                );
                self.write_from_index(last, stopped)
            }
            other => other,
        }?;
        // What stays is removed by the next start.
        if let Err(error) = self.remove_replaced() {
            tracing::warn!(%error, "what the snapshot replaces could not be removed");
        }
        tracing::info!(
            sequence = last,
            bytes = written.size_bytes(),
            segments = self.sealed.len(),
            "journal compacted into a snapshot"
        );
        Ok(written)
    }

    /// Makes durable what until now only the journal kept: the blobs' files.
    fn checkpoint(&self) -> Result<()> {
        self.index.flush()?;
        index::sync_file(&self.layout.index())?;
        Ok(self.blobs.sync(&self.unsynced)?)
    }

    fn is_base(&self, file: &std::path::Path) -> bool {
        self.base.as_ref().is_some_and(|base| base.path == file)
    }

    fn write_from_history(&self, last: u64, stopped: &AtomicBool) -> Result<Snapshot> {
        let base = self.base.as_ref().map_or(0, |base| base.sequence);
        let sealed = self.sealed.iter();
        let segments = sealed.map(|sealed| (sealed.segment.clone(), Some(sealed.last)));
        let slices = Slices::new(segments.collect(), self.id, base, SLICE_BYTES_MAX);
        let rows = Merged::new(self.base.as_ref(), self.id, slices)?;
        self.write(last, rows, stopped)
    }

    /// Rows may be newer than `last`: what the journal says after it is
    /// absolute and is laid over them.
    fn write_from_index(&self, last: u64, stopped: &AtomicBool) -> Result<Snapshot> {
        self.write(last, IndexRows::new(&self.index), stopped)
    }

    fn write(
        &self,
        last: u64,
        rows: impl Iterator<Item = Result<(Key, Value)>>,
        stopped: &AtomicBool,
    ) -> Result<Snapshot> {
        let rows = rows.map(|row| {
            if stopped.load(Ordering::Acquire) {
                return Err(StoreError::Closed);
            }
            row
        });
        snapshot::write(&self.layout.snapshots(), self.id, last, &self.hook, rows)
    }

    fn remove_replaced(&self) -> Result<()> {
        for sealed in &self.sealed {
            self.hook.at(FaultPoint::SegmentRemove)?;
            remove_if_there(&sealed.segment.path)?;
        }
        sync_dir(&self.layout.journal())?;
        if let Some(base) = &self.base {
            remove_if_there(&base.path)?;
            sync_dir(&self.layout.snapshots())?;
        }
        Ok(())
    }
}

struct IndexRows<'a> {
    index: &'a Index,
    page: std::vec::IntoIter<(Key, Value)>,
    rest: Option<KeyRange>,
}

impl<'a> IndexRows<'a> {
    fn new(index: &'a Index) -> Self {
        Self {
            index,
            page: Vec::new().into_iter(),
            rest: Some(KeyRange::all()),
        }
    }
}

impl Iterator for IndexRows<'_> {
    type Item = Result<(Key, Value)>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(row) = self.page.next() {
            return Some(Ok(row));
        }
        let range = self.rest.take()?;
        let page = match self.index.scan(&range, SCAN_LIMIT_MAX) {
            Ok(page) => page,
            Err(error) => return Some(Err(error)),
        };
        self.rest = page.last().map(|(key, _)| range.after(key.clone()));
        self.page = page.into_iter();
        self.page.next().map(Ok)
    }
}
