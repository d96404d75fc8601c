//! Blobs that rows which are gone have named: each is remembered, in the batch that removes the
//! row, until somebody has looked whether another row names it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::engine::{
    Batch, BlobId, CHAIN, KEY_SIZE_MAX, Key, KeyRange, Needles, SWEEP_BLOBS_MAX, Sequence, Value,
};
use super::keys;
use super::records::Record;
use super::repo::{Repo, Result};
use crate::domain::{Communication, Timestamp};

/// How long a blob stays after its row has gone: whoever read that row before has long committed
/// whatever they made of it.
const GRACE: Duration = Duration::from_secs(24 * 3600);
/// Rows read at a time.
const PAGE_ROWS: usize = 1000;
/// Blobs looked at for strays at a time: 64 MiB of ids.
const STRAYS_MAX: usize = 2_000_000;
/// What names no blob, or only says that it once was.
const PASSED_OVER: [&[u8]; 5] = [
    CHAIN,
    keys::LOOSE_BLOB,
    keys::DELIVERY,
    keys::DELIVERY_BY_CONTACT,
    keys::PERSON,
];

/// A blob that may go.
#[derive(Clone, Debug)]
pub struct LooseBlob {
    /// Which.
    pub id: BlobId,
    /// A commit behind which its bytes were not written for the row that has gone.
    pub written_before: Sequence,
    value: Value,
}

/// Remembers blobs that may go.
pub trait LooseBatch {
    /// Rows that named these go with this batch. `seen` is the last commit that whoever removes
    /// them has seen.
    fn loosen(&mut self, ids: &BTreeSet<BlobId>, at: Timestamp, seen: Sequence);
    /// It is dealt with, unless another row that named it has gone meanwhile.
    fn settle(&mut self, blob: &LooseBlob);
}

impl LooseBatch for Batch {
    fn loosen(&mut self, ids: &BTreeSet<BlobId>, at: Timestamp, seen: Sequence) {
        let value = [at.as_millis().to_be_bytes(), seen.get().to_be_bytes()].concat();
        for id in ids {
            self.put(keys::loose_blob(*id), value.clone());
        }
    }

    fn settle(&mut self, blob: &LooseBlob) {
        let key = keys::loose_blob(blob.id);
        self.assert_value(key.clone(), blob.value.clone());
        self.delete(key);
    }
}

impl Repo {
    /// Blobs that have been loose for a day at `now`, at most [`SWEEP_BLOBS_MAX`], those behind
    /// `after`.
    pub fn loose_blobs(&self, now: Timestamp, after: Option<BlobId>) -> Result<Vec<LooseBlob>> {
        let mut found = Vec::new();
        let mut range = KeyRange::prefix(keys::LOOSE_BLOB);
        if let Some(after) = after {
            range = range.after(keys::loose_blob(after));
        }
        while found.len() < SWEEP_BLOBS_MAX {
            let page = self.store().scan(range.clone(), PAGE_ROWS)?;
            let Some((last, _)) = page.last() else { break };
            range = range.after(last.clone());
            let loose = page
                .into_iter()
                .filter_map(|(key, value)| read(&key, value));
            found.extend(loose.filter_map(|(at, blob)| (at.plus(GRACE) <= now).then_some(blob)));
        }
        found.truncate(SWEEP_BLOBS_MAX);
        Ok(found)
    }

    /// Blobs that no row names and that nobody has let go of: what an earlier version of a row
    /// named. At most [`STRAYS_MAX`] blobs are looked at.
    pub fn stray_blobs(&self) -> Result<Vec<BlobId>> {
        let unnamed = self.unnamed_blobs(self.store().blobs(STRAYS_MAX)?)?;
        let mut strays = Vec::new();
        for id in unnamed {
            if self.store().get(&keys::loose_blob(id))?.is_none() {
                strays.push(id);
            }
        }
        Ok(strays)
    }

    /// Those of some blobs that no row names: all rows are read, and what communications say, as
    /// that names their attachments.
    pub fn unnamed_blobs(&self, ids: impl IntoIterator<Item = BlobId>) -> Result<Vec<BlobId>> {
        let mut needles = Needles::new(ids);
        let mut range = KeyRange::all();
        while !needles.is_empty() {
            let page = self.store().scan(range, PAGE_ROWS)?;
            let Some((last, _)) = page.last() else { break };
            let mut on = last.clone();
            for (key, value) in &page {
                if let Some(tag) = PASSED_OVER.iter().find(|tag| key.starts_with(tag)) {
                    on = behind(tag);
                    break;
                }
                needles.find(value);
                if key.starts_with(keys::COMMUNICATION) {
                    self.find_in_content(&mut needles, value)?;
                }
            }
            range = KeyRange::all().after(on);
        }
        Ok(needles.left().collect())
    }

    fn find_in_content(&self, needles: &mut Needles, row: &[u8]) -> Result<()> {
        let communication = Communication::from_bytes(row)?;
        if let Some(content) = self.store().get_blob(communication.content)? {
            needles.find(&content);
        }
        Ok(())
    }
}

fn read(key: &[u8], value: Value) -> Option<(Timestamp, LooseBlob)> {
    let id: [u8; 32] = key.get(keys::LOOSE_BLOB.len()..)?.try_into().ok()?;
    let (at, seen) = value.split_first_chunk::<8>()?;
    let seen = Sequence::new(u64::from_be_bytes(seen.try_into().ok()?));
    let at = Timestamp::from_millis(u64::from_be_bytes(*at));
    let blob = LooseBlob {
        id: BlobId::from_bytes(id),
        written_before: seen,
        value,
    };
    Some((at, blob))
}

/// A key behind everything with this tag.
fn behind(tag: &[u8]) -> Key {
    let mut key = tag.to_vec();
    key.resize(KEY_SIZE_MAX, 0xff);
    key
}
