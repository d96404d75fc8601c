//! Bringing the index back to what snapshot and journal say.

use std::fs;

use super::blobs::BlobFiles;
use super::files::Layout;
use super::history::{History, Replay};
use super::index::{self, Mended};
use super::{Result, StoreError};

/// A sound index, and where the journal ends.
pub(crate) struct Recovered {
    pub(crate) db: sled::Db,
    pub(crate) replay: Replay,
}

/// Reads the whole history and makes the index equal to it. An index that
/// does not open or cannot be read is set aside and built again from nothing.
pub(crate) fn recover(
    layout: &Layout,
    history: &History,
    blobs: &BlobFiles,
    cache_bytes: u64,
) -> Result<Recovered> {
    let replay = history.replay(Some(blobs))?;
    let last = replay.end.last;
    let mend = || -> Result<(sled::Db, Mended)> {
        let db = index::open(&layout.index(), cache_bytes)?;
        let mended = index::reconcile(&db, history.rows()?, last, true)?;
        Ok((db, mended))
    };
    let (db, mended) = match mend() {
        Err(StoreError::Index(why)) => {
            set_aside(layout, last, &why)?;
            mend()?
        }
        other => other?,
    };
    tracing::info!(
        sequence = last,
        records = replay.records,
        rows_written = mended.written,
        rows_removed = mended.removed,
        blobs_restored = replay.blobs_restored,
        torn_bytes = replay.end.torn_bytes,
        "state recovered from snapshot and journal"
    );
    Ok(Recovered { db, replay })
}

fn set_aside(layout: &Layout, sequence: u64, why: &str) -> Result<()> {
    match layout.set_index_aside(sequence) {
        Ok(aside) => {
            tracing::error!(
                sequence,
                why,
                aside = %aside.display(),
                "index is damaged: set aside, rebuilding from snapshot and journal"
            );
            Ok(())
        }
        Err(error) => {
            tracing::error!(
                sequence,
                why,
                %error,
                "index is damaged and cannot be set aside: removed, rebuilding from snapshot and journal"
            );
            Ok(fs::remove_dir_all(layout.index())?)
        }
    }
}
