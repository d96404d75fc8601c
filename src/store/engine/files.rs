//! The folder's layout, its lock, and the few calls that make files last.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::{Result, StoreError};

/// Whether a gateway has ever kept its state in a folder.
#[must_use]
pub fn has_state(root: &Path) -> bool {
    Layout::of(root).journal().is_dir()
}

/// Where things lie in the state folder.
#[derive(Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Creates what is missing of the folder tree.
    pub(crate) fn create(root: &Path) -> Result<Self> {
        let layout = Self::of(root);
        fs::create_dir_all(root)?;
        for folder in [layout.journal(), layout.snapshots(), layout.blobs()] {
            fs::create_dir_all(folder)?;
        }
        sync_dir(root)?;
        Ok(layout)
    }

    pub(crate) fn of(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub(crate) fn snapshots(&self) -> PathBuf {
        self.root.join("snapshot")
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(crate) fn index(&self) -> PathBuf {
        self.root.join("sled")
    }

    pub(crate) fn clean_mark(&self) -> PathBuf {
        self.root.join("clean")
    }

    /// Takes the folder for this process until the lock is dropped.
    pub(crate) fn lock(&self) -> Result<FolderLock> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.root.join("lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse(self.root.clone())),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Moves the index folder aside as `sled.damaged-<sequence>`, keeping only
    /// the newest such folder.
    pub(crate) fn set_index_aside(&self, sequence: u64) -> Result<PathBuf> {
        let aside = self.root.join(format!("sled.damaged-{sequence}"));
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with("sled.damaged-")
            {
                fs::remove_dir_all(entry.path())?;
            }
        }
        fs::rename(self.index(), &aside)?;
        sync_dir(&self.root)?;
        Ok(aside)
    }

    /// Bytes that this process may still write to the file system.
    pub(crate) fn free_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.root)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// Holds the folder; the system frees it when the process ends in any way.
pub(crate) struct FolderLock {
    _file: File,
}

/// Makes creations, renames and removals in a folder durable.
pub(crate) fn sync_dir(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes everything on a folder's file system durable.
pub(crate) fn sync_file_system(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(folder)?)?)
}

/// Removes a file; one that is already gone is no error.
pub(crate) fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a small file so that after a crash it is there wholly or not at all.
pub(crate) fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = file.with_extension("unfinished");
    fs::write(&unfinished, bytes)?;
    File::open(&unfinished)?.sync_all()?;
    fs::rename(&unfinished, file)?;
    file.parent().map_or(Ok(()), sync_dir)
}
