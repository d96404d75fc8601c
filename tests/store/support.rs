//! A workload whose every acknowledged commit can be checked afterwards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tocsin::store::engine::{Batch, BlobId, KeyRange, OpenOptions, Result, Sequence, Store};

/// A folder in memory where there is one: what these tests say about crashes
/// they say with copies and file systems of their own, and a disk that others
/// keep busy takes seconds for a sync.
pub(crate) fn tempdir() -> TempDir {
    let memory = Path::new("/dev/shm");
    if std::env::var_os("TMPDIR").is_none() && memory.is_dir() {
        return tempfile::tempdir_in(memory).unwrap();
    }
    tempfile::tempdir().unwrap()
}

/// Small files, so that short tests see segments end and snapshots begin.
pub(crate) fn small() -> OpenOptions {
    OpenOptions {
        reserve_bytes: 0,
        segment_size_bytes: 32 * 1024,
        compact_min_bytes: 64 * 1024,
        compact_max_bytes: 64 * 1024,
        compact_busy_bytes: 0,
        settled_rows_min: 100,
        cache_bytes: 1024 * 1024,
        ..OpenOptions::default()
    }
}

/// A body of commit `n`, unlike all others.
fn body(n: u64) -> Vec<u8> {
    format!("body {n} ")
        .into_bytes()
        .into_iter()
        .cycle()
        .take(3000 + usize::try_from(n % 97).unwrap())
        .collect()
}

/// Commit `n` of the workload: a row, a moved marker, a counter and a blob.
/// The first is 1.
pub(crate) async fn commit(store: &Store, n: u64) -> Result<Sequence> {
    let mut batch = Batch::new();
    let id = batch.blob(body(n));
    batch
        .assert_absent(row_key(n))
        .put(row_key(n), id.as_bytes().to_vec())
        .put(*b"last", n.to_be_bytes().to_vec())
        .delete(format!("at/{}", n - 1).into_bytes())
        .put(format!("at/{n}").into_bytes(), vec![b'x'; 200])
        .add(*b"count", 1);
    store.commit(batch).await
}

pub(crate) async fn commit_all(store: &Store, numbers: std::ops::RangeInclusive<u64>) {
    for n in numbers {
        commit(store, n).await.unwrap();
    }
}

/// How many commits of the workload the store holds. Panics if one of them is
/// there in part, or is not the one it should be.
pub(crate) fn check(store: &Store) -> u64 {
    let count = u64::try_from(store.get_counter(b"count").unwrap()).unwrap();
    let rows = store.scan(KeyRange::prefix(*b"row/"), 10_000).unwrap();
    assert_eq!(rows.len() as u64, count, "as many rows as were counted");
    for (n, (key, value)) in (1..).zip(&rows) {
        assert_eq!(*key, row_key(n));
        assert_eq!(value.as_slice(), BlobId::of(&body(n)).as_bytes());
        let blob = store.get_blob(BlobId::of(&body(n))).unwrap();
        assert!(blob.is_some_and(|blob| blob == body(n)), "blob of {n}");
    }
    let last = store.get(b"last").unwrap();
    assert_eq!(last, (count > 0).then(|| count.to_be_bytes().to_vec()));
    let at = store.scan(KeyRange::prefix(*b"at/"), 10).unwrap();
    let keys: Vec<_> = at.into_iter().map(|(key, _)| key).collect();
    let wanted = (count > 0).then(|| format!("at/{count}").into_bytes());
    assert_eq!(keys, wanted.into_iter().collect::<Vec<_>>());
    count
}

fn row_key(n: u64) -> Vec<u8> {
    [b"row/".as_slice(), &n.to_be_bytes()].concat()
}

/// A copy of a folder as a kill would leave it: everything that was written.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let entries = fs::read_dir(from).unwrap();
    let mut entries: Vec<_> = entries.map(|entry| entry.unwrap()).collect();
    // Commits and compactions may go on meanwhile. No blob may be there that the journal does not
    // know yet; and what a compaction takes out of the journal must be in the snapshot.
    entries.sort_by_key(|entry| match entry.file_name().to_str() {
        Some("blobs") => 0,
        Some("journal") => 1,
        _ => 2,
    });
    for entry in entries {
        let target = to.join(entry.file_name());
        // A file may go away while we look: the kill came a moment later.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            copy(&entry.path(), &target);
        } else {
            let _ = fs::copy(entry.path(), target);
        }
    }
}

/// The file of the blob of commit `n`.
pub(crate) fn blob_file(folder: &Path, n: u64) -> PathBuf {
    let name = BlobId::of(&body(n)).to_string();
    folder.join("blobs").join(&name[..2]).join(&name[2..])
}

/// The journal's files, oldest first.
pub(crate) fn segments(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder.join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// Where the records of a segment end, and the zeros behind them begin.
pub(crate) fn used_size(segment: &Path) -> u64 {
    let bytes = fs::read(segment).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    last as u64 + 1
}

pub(crate) fn cut(file: &Path, size: u64) {
    let file = fs::File::options().write(true).open(file).unwrap();
    file.set_len(size).unwrap();
}

/// A small file system of its own, where we have the right to mount one.
pub(crate) struct Disk {
    root: TempDir,
}

impl Disk {
    /// One that is full soon.
    pub(crate) fn in_memory(size_mib: u32) -> Option<Self> {
        let disk = Self::unmounted();
        let size = format!("size={size_mib}m");
        disk.mount(&["-t", "tmpfs", "-o", &size, "tmpfs"])
    }

    /// An ext4 in a file, that can be cut off.
    pub(crate) fn ext4(size_mib: u64) -> Option<Self> {
        let disk = Self::unmounted();
        let image = disk.image();
        fs::File::create(&image)
            .unwrap()
            .set_len(size_mib << 20)
            .unwrap();
        if !run(Command::new("mkfs.ext4").arg("-q").arg(&image)) {
            eprintln!("SKIPPED: no mkfs.ext4 here");
            return None;
        }
        disk.mount(&["-o", "loop", image.to_str().unwrap()])
    }

    /// Mounts an ext4 again after [`Disk::unmount`].
    pub(crate) fn mount_again(self) -> Self {
        let image = self.image();
        self.mount(&["-o", "loop", image.to_str().unwrap()])
            .unwrap()
    }

    pub(crate) fn unmount(&self) {
        assert!(run(Command::new("umount").arg(self.path())), "unmounted");
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.root.path().join("disk")
    }

    fn image(&self) -> PathBuf {
        self.root.path().join("image")
    }

    fn unmounted() -> Self {
        let disk = Self { root: tempdir() };
        fs::create_dir(disk.path()).unwrap();
        disk
    }

    fn mount(self, arguments: &[&str]) -> Option<Self> {
        if run(Command::new("mount").args(arguments).arg(self.path())) {
            return Some(self);
        }
        eprintln!("SKIPPED: no right to mount a file system here");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run(Command::new("umount").arg("-l").arg(self.path()));
    }
}

/// True when the command ran and ended well.
pub(crate) fn run(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
