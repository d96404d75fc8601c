//! Looking at everything in a state folder without changing what it says.

use std::path::Path;

use super::blobs::BlobFiles;
use super::files::Layout;
use super::history::History;
use super::index;
use super::{BlobId, Result, StoreError};

/// Memory that the index may use while it is compared, in bytes.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;

/// What [`verify`] found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The last sequence that is durable.
    pub last_sequence: u64,
    /// Journal segments.
    pub segments: usize,
    /// Records in them.
    pub records: u64,
    /// Bytes behind the last whole record, which the next start cuts off.
    pub torn_bytes: u64,
    /// Live rows, from snapshot and journal.
    pub rows: u64,
    /// Blobs whose file is right.
    pub blobs: u64,
    /// Rows in which the index differs; the next start mends them. `None`
    /// when it could not be read, and will be built again.
    pub index_differences: Option<u64>,
    /// What is damaged and cannot be mended from what is here.
    pub damage: Vec<StoreError>,
}

impl Report {
    /// True when nothing is lost.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty()
    }
}

/// Checks journal, snapshot, blobs and index of a state folder that no
/// process has open. Damage is in the report; an error means that it could not
/// look.
pub fn verify(root: &Path) -> Result<Report> {
    let layout = Layout::of(root);
    let _lock = layout.lock()?;
    let mut report = Report::default();
    verify_blobs(&layout, &mut report)?;
    match verify_history(&layout, &mut report) {
        Err(damage @ StoreError::Corrupt { .. }) => {
            report.damage.push(damage);
            Ok(report)
        }
        other => other.map(|()| report),
    }
}

fn verify_history(layout: &Layout, report: &mut Report) -> Result<()> {
    let history = History::find(layout)?;
    report.segments = history.segment_count();
    let replay = history.replay(None)?;
    report.records = replay.records;
    report.last_sequence = replay.end.last;
    report.torn_bytes = replay.end.torn_bytes;
    for row in history.rows()? {
        row?;
        report.rows += 1;
    }
    let rows = history.rows()?;
    report.index_differences = index::open(&layout.index(), CACHE_BYTES)
        .and_then(|db| index::reconcile(&db, rows, replay.end.last, false))
        .ok()
        .map(|found| found.written + found.removed);
    Ok(())
}

fn verify_blobs(layout: &Layout, report: &mut Report) -> Result<()> {
    BlobFiles::open(layout.blobs())?.each(|path, id| {
        let found = std::fs::read(path);
        if id.is_some() && found.is_ok_and(|bytes| Some(BlobId::of(&bytes)) == id) {
            report.blobs += 1;
        } else {
            report.damage.push(StoreError::Corrupt {
                file: path.to_owned(),
                offset: 0,
                what: "the blob is not what its name says",
            });
        }
    })
}
