//! How the durable engine is opened.

use std::fmt;
use std::io;
use std::sync::Arc;

const MIB: u64 = 1024 * 1024;

/// Settings of the durable engine; the defaults suit a small machine.
#[derive(Clone)]
pub struct OpenOptions {
    /// Space that commits leave free on the file system, in bytes, so that
    /// the index behind the journal never meets a full disk. Below it commits
    /// answer `DiskFull`.
    pub reserve_bytes: u64,
    /// When a journal segment is full and the next one begins, in bytes.
    pub segment_size_bytes: u64,
    /// Least size of the journal that starts a compaction, in bytes.
    pub compact_min_bytes: u64,
    /// Size of the journal from which a compaction is due however large the last snapshot is, in
    /// bytes.
    pub compact_max_bytes: u64,
    /// While there is no calm, a compaction that is due waits until the journal is this large, in
    /// bytes: it reads and writes as much, beside commits that somebody waits for.
    pub compact_busy_bytes: u64,
    /// How much of the index is kept in memory, in bytes as on disk; in memory a page takes two to
    /// three times as many. What was read lately and the operating system's own cache make up for
    /// the rest: 24 MiB and 64 were as fast with a million deliveries.
    pub cache_bytes: u64,
    /// Rows written since the index was opened from which the end prepares the next start, which
    /// would read them all again: half a million are half a second.
    pub settled_rows_min: usize,
    /// Called before each step on disk; tests fail or copy the folder here.
    pub fault_hook: FaultHook,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            reserve_bytes: 64 * MIB,
            segment_size_bytes: 16 * MIB,
            compact_min_bytes: 64 * MIB,
            compact_max_bytes: 512 * MIB,
            compact_busy_bytes: 256 * MIB,
            cache_bytes: 24 * MIB,
            settled_rows_min: 500_000,
            fault_hook: FaultHook::default(),
        }
    }
}

/// A step on disk that a test can stand before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultPoint {
    /// A record is about to be written to the journal.
    JournalWrite,
    /// It was written and is about to be synced.
    JournalSync,
    /// It is durable; a blob is about to be moved to its file.
    BlobWrite,
    /// The file of a blob that nothing names is about to be removed.
    BlobRemove,
    /// The group is about to be applied to the index.
    IndexApply,
    /// The group is applied; the answers are about to be given.
    Answer,
    /// The next segment is about to be created.
    SegmentCreate,
    /// A snapshot is about to be written.
    SnapshotWrite,
    /// The snapshot is whole and about to get its name.
    SnapshotRename,
    /// A segment that the snapshot covers is about to be removed.
    SegmentRemove,
    /// The index is flushed; the mark of a clean end is about to be written.
    CleanMark,
}

/// What a test does at each [`FaultPoint`]; an error stands for the step's own.
#[derive(Clone, Default)]
pub struct FaultHook(Option<Arc<HookFn>>);

type HookFn = dyn Fn(FaultPoint) -> io::Result<()> + Send + Sync;

impl FaultHook {
    /// A hook.
    pub fn new(hook: impl Fn(FaultPoint) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    pub(crate) fn at(&self, point: FaultPoint) -> io::Result<()> {
        self.0.as_ref().map_or(Ok(()), |hook| hook(point))
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("reserve_bytes", &self.reserve_bytes)
            .field("segment_size_bytes", &self.segment_size_bytes)
            .field("cache_bytes", &self.cache_bytes)
            .finish_non_exhaustive()
    }
}
