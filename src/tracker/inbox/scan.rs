//! What a virus scanner finds in files that came in, and where it is kept.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use super::super::{Tracker, TrackerError};
use crate::domain::{FileScan, MessageId, ScanFound, ThreadId};
use crate::store::{Batch, RowBatch};

/// Nothing is known of a file: the scanner is away, or did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotScanned(
    /// Why.
    pub String,
);

/// What was found in a file.
pub type Scanning<'a> = Pin<Box<dyn Future<Output = Result<ScanFound, NotScanned>> + Send + 'a>>;

/// Whoever looks through files for viruses.
pub trait FileScanner: Send + Sync + Debug {
    /// Looks through a file, within a time of its own; says at once when it is known to be away.
    fn scan<'a>(&'a self, file: &'a Bytes) -> Scanning<'a>;
}

impl Tracker {
    /// Keeps what was found in a file of a message. A virus that was found stays found until
    /// somebody asks anew, and nothing happens when the message is not there any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record_scan(
        &self,
        thread: ThreadId,
        message: MessageId,
        index: usize,
        scan: &FileScan,
    ) -> Result<(), TrackerError> {
        self.keep_scan(thread, message, index, scan, Wish::Fetched)
            .await
    }

    /// Keeps what was found in a file of a message that somebody had looked through anew: it
    /// counts, whatever was found before. What cannot be looked through takes back no virus.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record_scan_again(
        &self,
        thread: ThreadId,
        message: MessageId,
        index: usize,
        scan: &FileScan,
    ) -> Result<(), TrackerError> {
        self.keep_scan(thread, message, index, scan, Wish::Anew)
            .await
    }

    async fn keep_scan(
        &self,
        thread: ThreadId,
        message: MessageId,
        index: usize,
        scan: &FileScan,
        wish: Wish,
    ) -> Result<(), TrackerError> {
        self.commit_anew(|| {
            let mut batch = Batch::new();
            let Some(old) = self.repo.message(thread, message)? else {
                return Ok((batch, ()));
            };
            let mut new = old.value.clone();
            if let Some(file) = new.files.get_mut(index)
                && (file.virus().is_none() || wish.may_take_back(scan))
                && file.scan.as_ref() != Some(scan)
            {
                file.scan = Some(scan.clone());
                batch.replace(&old, &new);
                if wish == Wish::Fetched {
                    // Whoever fetched the file acts; that it was looked through is no act of theirs.
                    batch.upkeep();
                }
            }
            Ok((batch, ()))
        })
        .await
    }
}

/// Why a file was looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// To hand it out, or to show it.
    Fetched,
    /// Somebody doubts what was found.
    Anew,
}

impl Wish {
    /// Whether this takes back a virus that was found.
    fn may_take_back(self, scan: &FileScan) -> bool {
        self == Self::Anew && scan.found != ScanFound::TooLarge
    }
}
