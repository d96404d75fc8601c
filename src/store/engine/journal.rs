//! The redo journal: what is in it is durable, everything else follows it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::files::{remove_if_there, sync_dir};
use super::frame::StoreId;
use super::options::{FaultHook, FaultPoint};
use super::segment::{self, End, Segment};
use super::{Result, StoreError};

/// A full segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) segment: Segment,
    pub(crate) last: u64,
    pub(crate) size_bytes: u64,
}

/// Why a record is not in the journal.
#[derive(Debug)]
pub(crate) enum AppendError {
    /// No space; the journal is as it was and goes on when there is some.
    Full,
    /// The disk failed; what is on it past the last record is unknown, so
    /// nothing more may be written before the journal is read again.
    Fatal(io::Error),
}

/// The open end of the journal.
pub(crate) struct Journal {
    folder: PathBuf,
    id: StoreId,
    hook: FaultHook,
    segment_size_bytes: u64,
    sealed: Vec<Sealed>,
    current: Segment,
    file: File,
    /// Where the next record goes.
    end: u64,
    /// How long the file is; zeros lie behind `end`.
    allocated: u64,
    last: u64,
}

/// How far the file is filled with zeros ahead of its records, in bytes: a
/// sync of a record that lies within the file need not also write the file's
/// new length and place, and takes a third of the time.
const AHEAD_BYTES: u64 = 1024 * 1024;

impl Journal {
    /// Goes on behind the end of the last segment, cutting what is torn.
    pub(crate) fn resume(
        folder: PathBuf,
        id: StoreId,
        sealed: Vec<Sealed>,
        current: Segment,
        end: End,
        segment_size_bytes: u64,
        hook: FaultHook,
    ) -> Result<Self> {
        let file = File::options().write(true).open(&current.path)?;
        if file.metadata()?.len() != end.offset {
            file.set_len(end.offset)?;
            file.sync_all()?;
        }
        Ok(Self {
            folder,
            id,
            hook,
            segment_size_bytes,
            sealed,
            current,
            file,
            end: end.offset,
            allocated: end.offset,
            last: end.last,
        })
    }

    /// Creates a segment that nothing was written to yet.
    pub(crate) fn create_segment(
        folder: &std::path::Path,
        id: StoreId,
        first: u64,
    ) -> Result<Segment> {
        let path = segment::path_of(folder, first);
        let written = write_new_segment(&path, id, first).and_then(|()| sync_dir(folder));
        if let Err(error) = written {
            // One that stays would look like the place where the journal goes on.
            remove_if_there(&path).map_err(|left| StoreError::Io(Arc::new(left)))?;
            return Err(error.into());
        }
        Ok(Segment { path, first })
    }

    /// The last sequence that is durable.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn id(&self) -> StoreId {
        self.id
    }

    /// The full segments, oldest first.
    pub(crate) fn sealed(&self) -> &[Sealed] {
        &self.sealed
    }

    /// Forgets segments that a snapshot up to this sequence has replaced.
    pub(crate) fn forget_through(&mut self, sequence: u64) {
        self.sealed.retain(|sealed| sealed.last > sequence);
    }

    /// True when the next append begins a new segment.
    pub(crate) fn is_full(&self) -> bool {
        self.end >= self.segment_size_bytes
    }

    /// Begins a new segment.
    pub(crate) fn rotate(&mut self) -> Result<()> {
        self.hook.at(FaultPoint::SegmentCreate)?;
        self.trim()?;
        let next = Self::create_segment(&self.folder, self.id, self.last + 1)?;
        let file = File::options().write(true).open(&next.path)?;
        self.sealed.push(Sealed {
            segment: std::mem::replace(&mut self.current, next),
            last: self.last,
            size_bytes: self.end,
        });
        self.file = file;
        self.end = segment::HEADER_SIZE as u64;
        self.allocated = self.end;
        Ok(())
    }

    /// Cuts the zeros off behind the last record.
    pub(crate) fn trim(&mut self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.allocated = self.end;
        self.file.sync_all()
    }

    /// Writes a frame that ends with sequence `last`, and makes it durable.
    pub(crate) fn append(
        &mut self,
        frame: &[u8],
        last: u64,
    ) -> std::result::Result<(), AppendError> {
        let frame_end = self.end + frame.len() as u64;
        if frame_end > self.allocated {
            self.fill_ahead(frame_end);
        }
        let written = self
            .hook
            .at(FaultPoint::JournalWrite)
            .and_then(|()| self.file.write_all_at(frame, self.end));
        let synced = written.and_then(|()| {
            self.hook.at(FaultPoint::JournalSync)?;
            self.file.sync_data()
        });
        match synced {
            Ok(()) => {
                self.end = frame_end;
                self.allocated = self.allocated.max(frame_end);
                self.last = last;
                Ok(())
            }
            Err(error) => Err(self.take_back(error)),
        }
    }

    /// Zeros behind the frame that comes next; it can do without them.
    fn fill_ahead(&mut self, frame_end: u64) {
        let wanted = self.segment_size_bytes.saturating_sub(frame_end);
        let zeros = vec![0; usize::try_from(wanted.min(AHEAD_BYTES)).unwrap_or(0)];
        if self.file.write_all_at(&zeros, frame_end).is_ok() {
            self.allocated = frame_end + zeros.len() as u64;
        }
    }

    /// Cuts a half-written frame off again, and the zeros behind it.
    fn take_back(&mut self, error: io::Error) -> AppendError {
        match (self.trim(), StoreError::from(io::Error::from(error.kind()))) {
            (Ok(()), StoreError::DiskFull) => AppendError::Full,
            _ => AppendError::Fatal(error),
        }
    }
}

fn write_new_segment(path: &std::path::Path, id: StoreId, first: u64) -> io::Result<()> {
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)?;
    file.write_all_at(&segment::header(id, first), 0)?;
    file.sync_all()
}
