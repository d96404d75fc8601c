//! The ZIP around a bundle: stored members, one behind the other, and nothing else.

use std::collections::BTreeSet;
use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{BUNDLE_SIZE_MAX_BYTES, MEMBERS_MAX, NAME_SIZE_MAX};

/// Bytes of the end of a ZIP without a comment (APPNOTE 4.3.16).
const END_SIZE: u64 = 22;
/// What the end of a ZIP begins with.
const END_MARK: &[u8] = b"PK\x05\x06";

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its path in the bundle.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Member {
    /// A file.
    #[must_use]
    pub fn new(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        let name = name.into();
        Self { name, bytes }
    }
}

/// Why something is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It is no ZIP, or a damaged one.
    #[error("it is not a whole ZIP")]
    Broken,
    /// More than is taken.
    #[error("it has more than {0}")]
    TooMuch(&'static str),
    /// A member stands in it twice.
    #[error("a member stands in it twice")]
    Twice,
    /// A member is packed in another way than bundles are.
    #[error("a member is compressed, encrypted or no file")]
    Packed,
    /// Its members are more than it is: they lie over one another.
    #[error("its members lie over one another")]
    Overlap,
    /// There is something that belongs to no member, or not where [`pack`] puts it.
    #[error("there is something in it that is in none of its members")]
    Hidden,
}

/// Packs files in their order. The same files make the same bytes.
///
/// # Errors
/// [`ArchiveError::TooMuch`] over the limits, [`ArchiveError::Twice`] when a name is taken.
pub fn pack(members: &[Member]) -> Result<Vec<u8>, ArchiveError> {
    if members.len() > MEMBERS_MAX {
        return Err(ArchiveError::TooMuch("64 members"));
    }
    let size: usize = members.iter().map(|member| member.bytes.len()).sum();
    if size > BUNDLE_SIZE_MAX_BYTES {
        return Err(ArchiveError::TooMuch("128 MiB"));
    }
    let mut names = BTreeSet::new();
    if !members.iter().all(|member| names.insert(&member.name)) {
        return Err(ArchiveError::Twice);
    }
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    let mut writer = ZipWriter::new(Cursor::new(Vec::with_capacity(size)));
    for member in members {
        let started = writer.start_file(member.name.as_str(), options);
        started.map_err(|_| ArchiveError::Broken)?;
        let written = writer.write_all(&member.bytes);
        written.map_err(|_| ArchiveError::Broken)?;
    }
    let written = writer.finish().map_err(|_| ArchiveError::Broken)?;
    let bytes = written.into_inner();
    if bytes.len() > BUNDLE_SIZE_MAX_BYTES {
        return Err(ArchiveError::TooMuch("128 MiB"));
    }
    Ok(bytes)
}

/// The members of a bundle, in their order.
///
/// # Errors
/// [`ArchiveError`] says what is wrong with it as a ZIP.
pub fn unpack(bytes: &[u8]) -> Result<Vec<Member>, ArchiveError> {
    if bytes.len() > BUNDLE_SIZE_MAX_BYTES {
        return Err(ArchiveError::TooMuch("128 MiB"));
    }
    let told = told_members(bytes)?;
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| ArchiveError::Broken)?;
    if archive.has_duplicate_names() {
        return Err(ArchiveError::Twice);
    }
    if archive.len() != told {
        return Err(ArchiveError::Hidden);
    }
    let mut members = Vec::with_capacity(told);
    // Members that overlap would be more than the file, each time anew.
    let mut left = bytes.len() as u64;
    for index in 0..told {
        let member = read(&mut archive, index, left)?;
        left = left.saturating_sub(member.bytes.len() as u64);
        members.push(member);
    }
    // Whatever else a ZIP may hold (extra fields, comments, other names in the headers of members,
    // gaps) is not written by `pack`.
    if pack(&members)? != bytes {
        return Err(ArchiveError::Hidden);
    }
    Ok(members)
}

/// How many members the end of the ZIP tells of; it has to be its last bytes.
fn told_members(bytes: &[u8]) -> Result<usize, ArchiveError> {
    let (_, end) = bytes
        .split_last_chunk::<{ END_SIZE as usize }>()
        .ok_or(ArchiveError::Broken)?;
    if !end.starts_with(END_MARK) {
        return Err(ArchiveError::Broken);
    }
    let told = usize::from(u16::from_le_bytes([end[10], end[11]]));
    if told > MEMBERS_MAX {
        return Err(ArchiveError::TooMuch("64 members"));
    }
    Ok(told)
}

/// One member, of at most `left` octets.
fn read(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    index: usize,
    left: u64,
) -> Result<Member, ArchiveError> {
    let mut file = archive.by_index(index).map_err(|_| ArchiveError::Broken)?;
    let plain = file.compression() == CompressionMethod::Stored && !file.encrypted();
    if !plain || !file.is_file() || file.compressed_size() != file.size() {
        return Err(ArchiveError::Packed);
    }
    if file.name_raw().len() > NAME_SIZE_MAX {
        return Err(ArchiveError::TooMuch("512 bytes in a name"));
    }
    let name = std::str::from_utf8(file.name_raw()).map_err(|_| ArchiveError::Broken)?;
    let name = name.to_owned();
    let size = file.size();
    if size > left {
        return Err(ArchiveError::Overlap);
    }
    let mut bytes = Vec::new();
    file.by_ref()
        .take(size)
        .read_to_end(&mut bytes)
        .map_err(|_| ArchiveError::Broken)?;
    Ok(Member { name, bytes })
}
