//! What a bundle says of itself.

use data_encoding::HEXLOWER;
use ring::digest::SHA256;
use serde::{Deserialize, Serialize};

use super::archive::Member;
use super::key::PublicKey;

/// What the format is called.
pub(super) const FORMAT: &str = "tocsin evidence 1";

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDigest {
    /// Its path in the bundle.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// In hexadecimal.
    pub sha256: String,
}

/// Where, when, by whom, of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// Name of the installation.
    pub installation: String,
    /// RFC 3339.
    pub at: String,
    /// Who, as the record of who did what names them.
    pub by: String,
    /// The delivery.
    pub delivery: String,
    /// The communication that it belongs to.
    pub communication: String,
    /// Number of the last entry of the record at that time.
    pub head_number: u64,
    /// Its hash, in hexadecimal.
    pub head_hash: String,
}

/// The message in the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageFile {
    /// Which file it is.
    pub file: String,
    /// Whether it is kept byte for byte, or put together again from what is stored.
    pub whole: bool,
    /// What that means, in words.
    pub note: String,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Name and version of the format.
    pub format: String,
    /// Where, when, by whom, of what.
    pub made: Made,
    /// The message.
    pub message: MessageFile,
    /// Fingerprint of the key that signs.
    pub key: String,
    /// Every file but the manifest, its signature and the key.
    pub files: Vec<FileDigest>,
}

impl Manifest {
    pub(super) fn new(files: &[Member], made: Made, message: MessageFile, key: &PublicKey) -> Self {
        Self {
            format: FORMAT.to_owned(),
            made,
            message,
            key: key.fingerprint(),
            files: files.iter().map(FileDigest::of).collect(),
        }
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

impl FileDigest {
    /// Of a file.
    #[must_use]
    pub fn of(member: &Member) -> Self {
        Self {
            name: member.name.clone(),
            size: member.bytes.len() as u64,
            sha256: HEXLOWER.encode(&digest(&member.bytes)),
        }
    }
}

/// SHA-256.
pub(super) fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(ring::digest::digest(&SHA256, bytes).as_ref());
    hash
}
