//! The index: one sled tree behind the journal. It answers reads; it is never
//! the only place where anything is kept.

use std::fs::{self, File};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::plan::Effects;
use super::{Key, KeyRange, Result, StoreError, Value};

/// The key under which the index keeps the last sequence applied to it. No
/// key of a batch begins with this byte.
const APPLIED_KEY: &[u8] = &[0];
/// How many rows one batch of a reconciliation mends.
const MEND_ROWS_MAX: usize = 500;
/// How often sled writes out and cleans its segments, in milliseconds.
const SLED_TICK_MS: u64 = 1000;

/// A handle that readers share with the committer.
pub(crate) struct Index {
    /// `None` while it is rebuilt, and after closing. The lock also makes a
    /// scan see each group wholly or not at all.
    db: RwLock<Option<sled::Db>>,
    suspect: AtomicBool,
    closed: AtomicBool,
}

/// What a reconciliation changed, in rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mended {
    pub(crate) written: u64,
    pub(crate) removed: u64,
}

impl Index {
    pub(crate) fn new(db: sled::Db) -> Self {
        Self {
            db: RwLock::new(Some(db)),
            suspect: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Value>> {
        self.with(|db| Ok(db.get(key)?.map(|value| value.to_vec())))
    }

    pub(crate) fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Value>>> {
        let value = |found: Option<sled::IVec>| found.map(|value| value.to_vec());
        self.with(|db| keys.iter().map(|key| Ok(db.get(key).map(value)?)).collect())
    }

    pub(crate) fn count(&self, range: &KeyRange, limit: usize) -> Result<usize> {
        self.with(|db| {
            let rows = db.range((start_of(range), range.end.clone()));
            let mut count = 0;
            for row in rows.take(limit) {
                row?;
                count += 1;
            }
            Ok(count)
        })
    }

    pub(crate) fn scan(&self, range: &KeyRange, limit: usize) -> Result<Vec<(Key, Value)>> {
        self.with(|db| {
            let rows = db.range((start_of(range), range.end.clone()));
            let row = |row: sled::Result<(sled::IVec, sled::IVec)>| {
                let (key, value) = row?;
                Ok((key.to_vec(), value.to_vec()))
            };
            if range.reverse {
                rows.rev().take(limit).map(row).collect()
            } else {
                rows.take(limit).map(row).collect()
            }
        })
    }

    /// Applies a group that is durable in the journal, in the order of its keys: neighbours
    /// share a page. A crash in the middle leaves part of it, as [`Index::applied`] of a group
    /// before it tells; nobody reads that part, for an index that was not closed is compared with
    /// the journal first.
    pub(crate) fn apply(&self, effects: &Effects, last: u64) -> Result<()> {
        let guard = self.db.write().unwrap_or_else(PoisonError::into_inner);
        let db = guard.as_ref().ok_or_else(|| self.gone())?;
        self.watched(|| {
            for (key, effect) in effects {
                match effect {
                    Some(value) => db.insert(key, value.as_slice())?,
                    None => db.remove(key)?,
                };
            }
            db.insert(APPLIED_KEY, &last.to_be_bytes())?;
            Ok(())
        })
    }

    /// Writes out what sled holds in memory.
    pub(crate) fn flush(&self) -> Result<()> {
        // Not under the lock: a group to be applied would wait, and every reader behind it.
        let db = self.with(|db| Ok(db.clone()))?;
        self.watched(|| Ok(db.flush().map(drop)?))
    }

    /// True once the index has failed in this process: it is then checked
    /// against snapshot and journal before it is trusted again.
    pub(crate) fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Acquire)
    }

    /// Takes the index away from its readers, for good.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.drop_db();
    }

    /// Takes the index away from its readers until it is replaced.
    pub(crate) fn take_down(&self) {
        self.suspect.store(true, Ordering::Release);
        self.drop_db();
    }

    fn drop_db(&self) {
        let db = self
            .db
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if catch_unwind(AssertUnwindSafe(|| drop(db))).is_err() {
            self.suspect.store(true, Ordering::Release);
        }
    }

    /// Gives readers a sound index in place of the one that failed.
    pub(crate) fn replace(&self, db: sled::Db) {
        *self.db.write().unwrap_or_else(PoisonError::into_inner) = Some(db);
        self.suspect.store(false, Ordering::Release);
    }

    fn with<T>(&self, read: impl FnOnce(&sled::Db) -> Result<T>) -> Result<T> {
        let guard = self.db.read().unwrap_or_else(PoisonError::into_inner);
        let db = guard.as_ref().ok_or_else(|| self.gone())?;
        self.watched(|| read(db))
    }

    fn gone(&self) -> StoreError {
        if self.closed.load(Ordering::Acquire) {
            return StoreError::Closed;
        }
        StoreError::Index(Arc::from("it is being rebuilt"))
    }

    fn watched<T>(&self, call: impl FnOnce() -> Result<T>) -> Result<T> {
        let result = no_panic(call);
        if result.is_err() {
            self.suspect.store(true, Ordering::Release);
        }
        result
    }
}

/// Where a range begins: behind the index's own key.
fn start_of(range: &KeyRange) -> Bound<Key> {
    match &range.start {
        Bound::Unbounded => Bound::Excluded(APPLIED_KEY.to_vec()),
        bound => bound.clone(),
    }
}

/// sled gives its lock back when its own threads have ended, some time after it was dropped: how
/// long to wait between two looks, and how often.
const LOCK_POLL: Duration = Duration::from_millis(10);
const LOCK_POLLS_MAX: u32 = 300;

/// Opens the sled folder, or creates an empty one.
pub(crate) fn open(folder: &Path, cache_bytes: u64) -> Result<sled::Db> {
    remove_generating(folder)?;
    let mut polls = 0;
    loop {
        let opened = no_panic(|| {
            Ok(sled::Config::new()
                .path(folder)
                .cache_capacity(cache_bytes)
                .flush_every_ms(Some(SLED_TICK_MS))
                .open()?)
        });
        match opened {
            // Nobody else has the folder: it was we who closed it a moment ago.
            Err(error) if is_locked(&error) && polls < LOCK_POLLS_MAX => {
                polls += 1;
                std::thread::sleep(LOCK_POLL);
            }
            opened => return opened,
        }
    }
}

fn is_locked(error: &StoreError) -> bool {
    matches!(error, StoreError::Index(why) if why.contains("could not acquire lock"))
}

/// Opens a closed index and closes it again. sled notes what its pages are only while it opens, and
/// then reads everything that was written since it did so before: better at the end, when nobody
/// waits, than at the next start.
pub(crate) fn settle(folder: &Path, cache_bytes: u64) -> Result<()> {
    open(folder, cache_bytes).map(drop)
}

/// The last sequence that was applied to it.
pub(crate) fn applied(db: &sled::Db) -> Result<Option<u64>> {
    no_panic(|| {
        let value = db.get(APPLIED_KEY)?;
        Ok(value.and_then(|value| Some(u64::from_be_bytes(value.as_ref().try_into().ok()?))))
    })
}

/// Makes the index hold exactly these rows, which come in key order; with
/// `mend` false it only counts what differs.
pub(crate) fn reconcile(
    db: &sled::Db,
    rows: impl Iterator<Item = Result<(Key, Value)>>,
    sequence: u64,
    mend: bool,
) -> Result<Mended> {
    no_panic(|| {
        let mut mender = Mender {
            db,
            mend,
            batch: sled::Batch::default(),
            pending: 0,
            mended: Mended::default(),
        };
        compare(db, rows, &mut mender)?;
        if mend {
            mender.batch.insert(APPLIED_KEY, &sequence.to_be_bytes());
            mender.write_out()?;
        }
        Ok(mender.mended)
    })
}

fn compare(
    db: &sled::Db,
    mut rows: impl Iterator<Item = Result<(Key, Value)>>,
    mender: &mut Mender<'_>,
) -> Result<()> {
    let mut found_rows = db.range::<&[u8], _>((Bound::Excluded(APPLIED_KEY), Bound::Unbounded));
    let mut wanted = rows.next().transpose()?;
    let mut found = found_rows.next().transpose()?;
    loop {
        match (wanted.take(), found.take()) {
            (None, None) => return Ok(()),
            (Some((key, value)), Some((found_key, found_value))) if *key == *found_key => {
                if *value != *found_value {
                    mender.put(key, value)?;
                }
                wanted = rows.next().transpose()?;
                found = found_rows.next().transpose()?;
            }
            (Some((key, value)), Some(there)) if *key < *there.0 => {
                mender.put(key, value)?;
                wanted = rows.next().transpose()?;
                found = Some(there);
            }
            (Some((key, value)), None) => {
                mender.put(key, value)?;
                wanted = rows.next().transpose()?;
            }
            (row, Some((found_key, _))) => {
                mender.remove(found_key)?;
                wanted = row;
                found = found_rows.next().transpose()?;
            }
        }
    }
}

struct Mender<'a> {
    db: &'a sled::Db,
    mend: bool,
    batch: sled::Batch,
    pending: usize,
    mended: Mended,
}

impl Mender<'_> {
    fn put(&mut self, key: Key, value: Value) -> Result<()> {
        self.mended.written += 1;
        if self.mend {
            self.batch.insert(key, value);
        }
        self.step()
    }

    fn remove(&mut self, key: sled::IVec) -> Result<()> {
        self.mended.removed += 1;
        if self.mend {
            self.batch.remove(key);
        }
        self.step()
    }

    fn step(&mut self) -> Result<()> {
        self.pending += 1;
        if self.pending < MEND_ROWS_MAX {
            return Ok(());
        }
        self.write_out()
    }

    fn write_out(&mut self) -> Result<()> {
        self.pending = 0;
        if self.mend {
            self.db.apply_batch(std::mem::take(&mut self.batch))?;
        }
        Ok(())
    }
}

/// What a kill during sled's start leaves behind, and sled then stumbles over.
fn remove_generating(folder: &Path) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "generating") {
            tracing::warn!(file = %path.display(), "unfinished index snapshot removed");
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Makes what sled wrote to its file durable; its own flush does not.
pub(crate) fn sync_file(folder: &Path) -> std::io::Result<()> {
    File::open(folder.join("db"))?.sync_data()
}

/// Length and change time of sled's file: another one is not the one that was
/// closed cleanly.
pub(crate) fn fingerprint(folder: &Path) -> std::io::Result<(u64, u128)> {
    let metadata = fs::metadata(folder.join("db"))?;
    let changed = metadata
        .modified()?
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos());
    Ok((metadata.len(), changed))
}

fn no_panic<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(StoreError::Index(Arc::from("the index panicked"))))
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        Self::Index(Arc::from(error.to_string()))
    }
}
