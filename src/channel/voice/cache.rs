//! Spoken scripts, kept in a folder under the hash of everything that they depend on.
//!
//! A file is a magic word, the number of samples and the samples (16 bit, little endian). It is
//! written beside and renamed; what a crash left half written fails its length and is spoken
//! again. The folder is kept under a size; what was written longest ago goes first.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, io};

use data_encoding::HEXLOWER;
use ring::digest::{Context, SHA256};

const MAGIC: &[u8; 8] = b"tcspcm01";
const EXTENSION: &str = "pcm";
/// Scripts kept in memory: an alert has one for each language.
const IN_MEMORY_MAX: usize = 8;
/// Files looked at when room is made.
const FILES_MAX: usize = 100_000;

/// The folder and what was last used of it.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    size_bytes_max: u64,
    recent: Mutex<VecDeque<(Key, Arc<[i16]>)>>,
}

/// The name of a spoken script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key(String);

impl Key {
    /// Over all that the sound depends on; parts are delimited, so none runs into the next.
    pub(super) fn of<'a>(parts: impl Iterator<Item = &'a str>) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        Self(HEXLOWER.encode(context.finish().as_ref()))
    }
}

impl Cache {
    pub(super) fn new(folder: PathBuf, size_bytes_max: u64) -> Self {
        Self {
            folder,
            size_bytes_max,
            recent: Mutex::new(VecDeque::new()),
        }
    }

    /// The script if it has been spoken before. Reads a file: call it where that may block.
    pub(super) fn get(&self, key: &Key) -> Option<Arc<[i16]>> {
        if let Some(kept) = self.in_memory(key) {
            return Some(kept);
        }
        let bytes = fs::read(self.path(key)).ok()?;
        let samples: Arc<[i16]> = decode(&bytes)?.into();
        self.remember(key, &samples);
        Some(samples)
    }

    /// The script if it is in memory.
    pub(super) fn in_memory(&self, key: &Key) -> Option<Arc<[i16]>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let found = recent.iter().find(|(known, _)| known == key);
        found.map(|(_, samples)| Arc::clone(samples))
    }

    /// Keeps a script. Writes a file: call it where that may block.
    pub(super) fn put(&self, key: &Key, samples: &Arc<[i16]>) -> io::Result<()> {
        self.remember(key, samples);
        fs::create_dir_all(&self.folder)?;
        let beside = self.folder.join(format!("{}.new", key.0));
        fs::write(&beside, encode(samples))?;
        fs::rename(&beside, self.path(key))?;
        self.make_room()
    }

    fn remember(&self, key: &Key, samples: &Arc<[i16]>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|(known, _)| known != key);
        recent.push_front((key.clone(), Arc::clone(samples)));
        recent.truncate(IN_MEMORY_MAX);
    }

    fn make_room(&self) -> io::Result<()> {
        let mut files = vec![];
        for entry in fs::read_dir(&self.folder)?.take(FILES_MAX) {
            let entry = entry?;
            let meta = entry.metadata()?;
            if meta.is_file() && is_ours(&entry.path()) {
                files.push((meta.modified()?, meta.len(), entry.path()));
            }
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if total <= self.size_bytes_max {
                break;
            }
            fs::remove_file(path)?;
            total = total.saturating_sub(size);
        }
        Ok(())
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{}.{EXTENSION}", key.0))
    }
}

fn is_ours(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == EXTENSION || extension == "new")
}

fn encode(samples: &[i16]) -> Vec<u8> {
    let count = u64::try_from(samples.len()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(16 + samples.len() * 2);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

fn decode(bytes: &[u8]) -> Option<Vec<i16>> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (count, samples) = rest.split_first_chunk::<8>()?;
    let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
    if count == 0 || samples.len() != count.checked_mul(2)? {
        return None;
    }
    let pairs = samples.chunks_exact(2);
    Some(
        pairs
            .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
            .collect(),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::of([name].into_iter())
    }

    #[test]
    fn a_script_outlives_the_process_and_a_torn_file_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let samples: Arc<[i16]> = vec![1, -2, 300].into();
        let cache = Cache::new(folder.path().join("speech"), 1 << 20);
        assert_eq!(cache.get(&key("a")), None);
        cache.put(&key("a"), &samples).unwrap();
        let again = Cache::new(folder.path().join("speech"), 1 << 20);
        assert_eq!(again.get(&key("a")).as_deref(), Some(&samples[..]));

        let path = again.path(&key("a"));
        let whole = fs::read(&path).unwrap();
        for length in [0, 7, 15, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            let fresh = Cache::new(folder.path().join("speech"), 1 << 20);
            assert_eq!(fresh.get(&key("a")), None, "{length} bytes");
        }
    }

    #[test]
    fn the_folder_stays_under_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().to_owned(), 5_000);
        let samples: Arc<[i16]> = vec![7; 1_000].into();
        for name in ["a", "b", "c", "d"] {
            cache.put(&key(name), &samples).unwrap();
        }
        let kept = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(kept, 2);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let one = Key::of(["ab", "c"].into_iter());
        assert_ne!(one, Key::of(["a", "bc"].into_iter()));
    }
}
