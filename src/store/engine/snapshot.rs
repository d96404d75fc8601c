//! All live rows up to one sequence, in one file, in key order.
//!
//! ```text
//! header (36): "TOCSINS1" 8 | store id 16 | sequence 8 | checksum 4
//! block:       length 4 | checksum 4 | rows: key length 2, value length 2, key, value
//! end:         0 4 | checksum of the next field 4 | count of rows 8
//! ```
//! With the journal behind it, it is enough to rebuild the index from nothing.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Buf;

use super::files::{remove_if_there, sync_dir};
use super::frame::StoreId;
use super::options::{FaultHook, FaultPoint};
use super::{Key, Result, StoreError, Value};

const MAGIC: &[u8; 8] = b"TOCSINS1";
const HEADER_SIZE: usize = 36;
/// A block is written once it holds this much, in bytes.
const BLOCK_SIZE: usize = 64 * 1024;
/// Largest block that a reader takes: a full one and a last largest row.
const BLOCK_SIZE_MAX: usize = BLOCK_SIZE + super::KEY_SIZE_MAX + super::VALUE_SIZE_MAX + 4;
const SUFFIX: &str = "snap";

/// A snapshot on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) path: PathBuf,
    /// Everything up to this sequence is in it.
    pub(crate) sequence: u64,
}

impl Snapshot {
    pub(crate) fn size_bytes(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }
}

/// The newest snapshot of a folder; unfinished and older ones are removed.
pub(crate) fn find(folder: &Path) -> Result<Option<Snapshot>> {
    let mut newest: Option<Snapshot> = None;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let sequence = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .and_then(|stem| stem.parse().ok());
        match (sequence, path.extension().and_then(|e| e.to_str())) {
            (Some(sequence), Some(SUFFIX)) => {
                let found = Snapshot { path, sequence };
                let older = match newest.take() {
                    Some(known) if known.sequence > sequence => {
                        newest = Some(known);
                        Some(found)
                    }
                    known => {
                        newest = Some(found);
                        known
                    }
                };
                if let Some(older) = older {
                    remove_if_there(&older.path)?;
                }
            }
            (_, Some("unfinished")) => remove_if_there(&path)?,
            _ => {}
        }
    }
    Ok(newest)
}

/// The store that a snapshot belongs to.
pub(crate) fn read_id(snapshot: &Snapshot) -> Result<StoreId> {
    let mut header = Vec::new();
    File::open(&snapshot.path)?
        .take(HEADER_SIZE as u64)
        .read_to_end(&mut header)?;
    parse_header(&header)
        .filter(|(_, sequence)| *sequence == snapshot.sequence)
        .map(|(id, _)| id)
        .ok_or_else(|| damaged(snapshot, 0, "the snapshot's header is damaged"))
}

/// Writes all rows, reads them back, and only then gives the file its name.
pub(crate) fn write(
    folder: &Path,
    id: StoreId,
    sequence: u64,
    hook: &FaultHook,
    rows: impl Iterator<Item = Result<(Key, Value)>>,
) -> Result<Snapshot> {
    hook.at(FaultPoint::SnapshotWrite)?;
    let path = folder.join(format!("{sequence:020}.{SUFFIX}"));
    let unfinished = Snapshot {
        path: path.with_extension("unfinished"),
        sequence,
    };
    let written = write_rows(&unfinished.path, id, sequence, rows)
        .and_then(|count| check(&unfinished, id, count))
        .and_then(|()| Ok(hook.at(FaultPoint::SnapshotRename)?))
        .and_then(|()| Ok(fs::rename(&unfinished.path, &path)?))
        .and_then(|()| Ok(sync_dir(folder)?));
    match written {
        Ok(()) => Ok(Snapshot { path, sequence }),
        Err(error) => {
            let _ = remove_if_there(&unfinished.path);
            Err(error)
        }
    }
}

fn write_rows(
    path: &Path,
    id: StoreId,
    sequence: u64,
    rows: impl Iterator<Item = Result<(Key, Value)>>,
) -> Result<u64> {
    let mut out = BufWriter::new(File::create(path)?);
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&id.0);
    header.extend_from_slice(&sequence.to_be_bytes());
    header.extend_from_slice(&id.checksum(&header).to_be_bytes());
    out.write_all(&header)?;
    let mut count = 0_u64;
    let mut block = Vec::with_capacity(BLOCK_SIZE_MAX);
    for row in rows {
        let (key, value) = row?;
        // The limits of keys and values lie far below 65,536.
        block.extend_from_slice(&(key.len() as u16).to_be_bytes());
        block.extend_from_slice(&(value.len() as u16).to_be_bytes());
        block.extend_from_slice(&key);
        block.extend_from_slice(&value);
        count += 1;
        if block.len() >= BLOCK_SIZE {
            write_block(&mut out, id, &block)?;
            block.clear();
        }
    }
    if !block.is_empty() {
        write_block(&mut out, id, &block)?;
    }
    let count_bytes = count.to_be_bytes();
    out.write_all(&0_u32.to_be_bytes())?;
    out.write_all(&id.checksum(&count_bytes).to_be_bytes())?;
    out.write_all(&count_bytes)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(count)
}

fn write_block(out: &mut impl Write, id: StoreId, block: &[u8]) -> io::Result<()> {
    out.write_all(&(block.len() as u32).to_be_bytes())?;
    out.write_all(&id.checksum(block).to_be_bytes())?;
    out.write_all(block)
}

fn check(snapshot: &Snapshot, id: StoreId, expected: u64) -> Result<()> {
    let mut count = 0;
    for row in Rows::open(snapshot, id)? {
        row?;
        count += 1;
    }
    if count != expected {
        return Err(damaged(snapshot, 0, "rows are missing after writing"));
    }
    Ok(())
}

/// The rows of a snapshot, in key order; an error ends them.
pub(crate) struct Rows {
    snapshot: Snapshot,
    id: StoreId,
    input: BufReader<File>,
    offset: u64,
    block: bytes::Bytes,
    last_key: Option<Key>,
    count: u64,
    ended: bool,
}

impl Rows {
    pub(crate) fn open(snapshot: &Snapshot, id: StoreId) -> Result<Self> {
        if read_id(snapshot)? != id {
            return Err(damaged(snapshot, 0, "the snapshot is another store's"));
        }
        let mut input = BufReader::new(File::open(&snapshot.path)?);
        input.seek_relative(HEADER_SIZE as i64)?;
        Ok(Self {
            snapshot: snapshot.clone(),
            id,
            input,
            offset: HEADER_SIZE as u64,
            block: bytes::Bytes::new(),
            last_key: None,
            count: 0,
            ended: false,
        })
    }

    fn read_row(&mut self) -> Result<Option<(Key, Value)>> {
        if self.block.is_empty() && !self.read_block()? {
            return Ok(None);
        }
        let row = self
            .take_row()
            .ok_or_else(|| self.damaged("a row is not whole"))?;
        if self.last_key.as_ref().is_some_and(|last| *last >= row.0) {
            return Err(self.damaged("the rows are out of order"));
        }
        self.last_key = Some(row.0.clone());
        self.count += 1;
        Ok(Some(row))
    }

    fn take_row(&mut self) -> Option<(Key, Value)> {
        let key_size = usize::from(self.block.try_get_u16().ok()?);
        let value_size = usize::from(self.block.try_get_u16().ok()?);
        if self.block.len() < key_size + value_size {
            return None;
        }
        let key = self.block.split_to(key_size).to_vec();
        Some((key, self.block.split_to(value_size).to_vec()))
    }

    /// Reads the next block; false at the end.
    fn read_block(&mut self) -> Result<bool> {
        let mut head = [0; 8];
        self.fill(&mut head)?;
        let mut fields = head.as_slice();
        let size = fields.get_u32() as usize;
        let checksum = fields.get_u32();
        if size > BLOCK_SIZE_MAX {
            return Err(self.damaged("a block is too large"));
        }
        let mut block = vec![0; if size == 0 { 8 } else { size }];
        self.fill(&mut block)?;
        if self.id.checksum(&block) != checksum {
            return Err(self.damaged("a block's checksum is wrong"));
        }
        self.offset += 8 + block.len() as u64;
        if size == 0 {
            if block.as_slice().get_u64() != self.count {
                return Err(self.damaged("rows are missing"));
            }
            return Ok(false);
        }
        self.block = block.into();
        Ok(true)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        match self.input.read_exact(buffer) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("the snapshot ends too early"))
            }
            other => Ok(other?),
        }
    }

    fn damaged(&self, what: &'static str) -> StoreError {
        damaged(&self.snapshot, self.offset, what)
    }
}

impl Iterator for Rows {
    type Item = Result<(Key, Value)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = self.read_row().transpose();
        self.ended = !matches!(row, Some(Ok(_)));
        row
    }
}

fn parse_header(bytes: &[u8]) -> Option<(StoreId, u64)> {
    let mut rest = bytes.get(..HEADER_SIZE)?.strip_prefix(MAGIC)?;
    let id = StoreId(rest.get(..16)?.try_into().ok()?);
    rest.advance(16);
    let sequence = rest.get_u64();
    let checked = bytes.get(..HEADER_SIZE - 4)?;
    (rest.get_u32() == id.checksum(checked)).then_some((id, sequence))
}

fn damaged(snapshot: &Snapshot, offset: u64, what: &'static str) -> StoreError {
    StoreError::Corrupt {
        file: snapshot.path.clone(),
        offset,
        what,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ID: StoreId = StoreId([7; 16]);

    fn rows() -> Vec<(Key, Value)> {
        (0..300_u16)
            .map(|n| (n.to_be_bytes().to_vec(), vec![b'v'; usize::from(n) * 3]))
            .collect()
    }

    fn written(folder: &Path) -> Snapshot {
        write(
            folder,
            ID,
            9,
            &FaultHook::default(),
            rows().into_iter().map(Ok),
        )
        .unwrap()
    }

    #[test]
    fn a_snapshot_gives_its_rows_back() {
        let folder = tempfile::tempdir().unwrap();
        let snapshot = written(folder.path());
        let found: Result<Vec<_>> = Rows::open(&snapshot, ID).unwrap().collect();
        assert_eq!(found.unwrap(), rows());
        assert_eq!(find(folder.path()).unwrap(), Some(snapshot.clone()));
        assert!(Rows::open(&snapshot, StoreId([8; 16])).is_err());
    }

    #[test]
    fn a_changed_or_missing_byte_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let snapshot = written(folder.path());
        let whole = fs::read(&snapshot.path).unwrap();
        let read = || -> Result<usize> {
            let rows: Result<Vec<_>> = Rows::open(&snapshot, ID)?.collect();
            rows.map(|rows| rows.len())
        };
        for at in (0..whole.len())
            .step_by(997)
            .chain(whole.len() - 16..whole.len())
        {
            fs::write(&snapshot.path, &whole[..at]).unwrap();
            assert!(read().is_err(), "cut at {at}");
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&snapshot.path, changed).unwrap();
            assert!(read().is_err(), "byte {at}");
        }
        fs::write(&snapshot.path, &whole).unwrap();
        assert_eq!(read().unwrap(), 300);
    }

    #[test]
    fn rows_out_of_order_never_get_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let wrong = rows().into_iter().rev().map(Ok);
        assert!(write(folder.path(), ID, 9, &FaultHook::default(), wrong).is_err());
        assert_eq!(find(folder.path()).unwrap(), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
