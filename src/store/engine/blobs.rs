//! Blobs as content-addressed files: `blobs/ab/cdef…`.
//!
//! A blob is durable because the journal holds it; the file is written behind
//! the journal without a sync of its own, and made durable before the journal
//! lets the blob go.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::files::{remove_if_there, sync_dir, sync_file_system};
use super::{BlobId, Result, StoreError};

/// Up to this many files are synced one by one; more by syncing the whole file
/// system, which also waits for what others write.
const SYNC_ONE_BY_ONE_MAX: usize = 256;

/// The blobs whose files were written since the last checkpoint.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Unsynced {
    Few(Vec<BlobId>),
    Many,
}

impl Unsynced {
    pub(crate) fn add(&mut self, id: BlobId) {
        match self {
            Self::Few(ids) if ids.len() < SYNC_ONE_BY_ONE_MAX => ids.push(id),
            Self::Few(_) | Self::Many => *self = Self::Many,
        }
    }

    /// Its file is about to go.
    pub(crate) fn forget(&mut self, id: BlobId) {
        match self {
            Self::Few(ids) => ids.retain(|known| *known != id),
            Self::Many => {}
        }
    }
}

/// The blobs' folder.
#[derive(Clone)]
pub(crate) struct BlobFiles {
    folder: PathBuf,
}

impl BlobFiles {
    /// Over the folder. What an earlier process left half written goes.
    pub(crate) fn open(folder: PathBuf) -> Result<Self> {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "unfinished") {
                remove_if_there(&path)?;
            }
        }
        Ok(Self { folder })
    }

    pub(crate) fn get(&self, id: BlobId) -> Result<Option<Bytes>> {
        let path = self.path(id);
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => Bytes::from(other?),
        };
        if BlobId::of(&bytes) != id {
            return Err(not_its_name(path));
        }
        Ok(Some(bytes))
    }

    /// The first bytes, checked against the id where they are all there are.
    pub(crate) fn start(&self, id: BlobId, size_bytes: usize) -> Result<Option<Bytes>> {
        let path = self.path(id);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let size = u64::try_from(size_bytes).unwrap_or(u64::MAX);
        let is_whole = file.metadata()?.len() <= size;
        let mut bytes = Vec::new();
        file.take(size).read_to_end(&mut bytes)?;
        if is_whole && BlobId::of(&bytes) != id {
            return Err(not_its_name(path));
        }
        Ok(Some(bytes.into()))
    }

    pub(crate) fn is_there(&self, id: BlobId) -> bool {
        self.path(id).exists()
    }

    /// Writes the file; a reader sees all of it or nothing.
    pub(crate) fn put(&self, id: BlobId, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(id);
        let unfinished = self.folder.join(format!("{id}.unfinished"));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let written = fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, &path));
        if written.is_err() {
            let _ = remove_if_there(&unfinished);
        }
        written
    }

    /// Writes the file unless it is there and right. True when it was written.
    pub(crate) fn restore(&self, id: BlobId, bytes: &[u8]) -> io::Result<bool> {
        if fs::read(self.path(id)).is_ok_and(|found| found == bytes) {
            return Ok(false);
        }
        self.put(id, bytes)?;
        Ok(true)
    }

    /// Removes the file for good; one that is not there is no error.
    pub(crate) fn remove(&self, id: BlobId) -> io::Result<()> {
        let path = self.path(id);
        remove_if_there(&path)?;
        match path.parent().filter(|shelf| shelf.is_dir()) {
            Some(shelf) => sync_dir(shelf),
            None => Ok(()),
        }
    }

    /// Makes these files durable.
    pub(crate) fn sync(&self, unsynced: &Unsynced) -> io::Result<()> {
        let ids = match unsynced {
            Unsynced::Many => return sync_file_system(&self.folder),
            Unsynced::Few(ids) => ids,
        };
        let mut shelves = BTreeSet::new();
        for id in ids {
            let path = self.path(*id);
            File::open(&path)?.sync_all()?;
            shelves.extend(path.parent().map(Path::to_owned));
        }
        for shelf in shelves {
            sync_dir(&shelf)?;
        }
        sync_dir(&self.folder)
    }

    /// Hands the path of each blob's file to `visit`, with the id its name says.
    pub(crate) fn each(&self, mut visit: impl FnMut(&Path, Option<BlobId>)) -> Result<()> {
        for folder in fs::read_dir(&self.folder)? {
            let folder = folder?.path();
            if !folder.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder)? {
                let path = file?.path();
                visit(&path, id_of(&path));
            }
        }
        Ok(())
    }

    fn path(&self, id: BlobId) -> PathBuf {
        let name = id.to_string();
        let (folder, file) = name.split_at(2);
        self.folder.join(folder).join(file)
    }
}

fn not_its_name(file: PathBuf) -> StoreError {
    StoreError::Corrupt {
        file,
        offset: 0,
        what: "the blob is not what its name says",
    }
}

fn id_of(path: &Path) -> Option<BlobId> {
    let folder = path.parent()?.file_name()?.to_str()?;
    let name = format!("{folder}{}", path.file_name()?.to_str()?);
    let mut id = [0; 32];
    if name.len() != 2 * id.len() || !name.is_ascii() {
        return None;
    }
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(name.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(BlobId::from_bytes(id))
}
