//! What can go wrong in the store.

use std::path::PathBuf;
use std::sync::Arc;

/// The store's result.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why the store did not do what was asked. Never shows keys or values.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// An assert did not hold; nothing of the batch was written.
    #[error("assert {assert_index} of the batch does not hold")]
    Conflict {
        /// Which of the batch's asserts.
        assert_index: usize,
        /// The key it looked at; may hold personal data, keep it out of logs.
        key: super::batch::HiddenKey,
    },
    /// No space to make the batch durable; nothing of it was written.
    #[error("no space left for the state")]
    DiskFull,
    /// Something in the batch is over its limit.
    #[error("{what} of {size} exceeds the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size, in bytes or items.
        size: usize,
        /// The limit, in the same unit.
        limit: usize,
    },
    /// A key is empty, or begins as only the engine's own do.
    #[error("a key is empty or begins as only the engine's own do")]
    BadKey,
    /// A blob's bytes do not match its id.
    #[error("a blob's bytes do not match its id")]
    BadBlob,
    /// A counter operation met a value that is no counter.
    #[error("the value is not a counter")]
    NotACounter,
    /// The chain of entries cannot be continued: its head is none, or an entry is missing.
    #[error("the chain of entries is broken")]
    BrokenChain,
    /// The store is closed, or closed itself after a failed sync.
    #[error("the store is closed")]
    Closed,
    /// Another process holds the folder.
    #[error("the state folder {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// Data on disk is not what was written.
    #[error("{} is damaged at byte {offset}: {what}", .file.display())]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The index could not be read; the journal behind it is not touched.
    #[error("the index failed: {0}")]
    Index(Arc<str>),
    /// The operating system refused.
    #[error("the state could not be read or written: {0}")]
    Io(Arc<std::io::Error>),
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Io(Arc::new(error)),
        }
    }
}
