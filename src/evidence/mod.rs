//! The bundle of evidence for one message to one recipient: a ZIP whose manifest names every file
//! with its SHA-256, is signed with Ed25519 (RFC 8032), and leads, by the paths in `audit.json`,
//! to the head of the record of who did what. Data in, bytes out; it is checked offline.
//!
//! **Invariant.** Every byte of every file is stored as it is, without compression, so that no
//! byte can be changed without a digest or the signature saying so.

mod archive;
mod key;
mod manifest;
mod proof;
mod verify;

#[cfg(test)]
mod tests;

pub use archive::{ArchiveError, Member, pack, unpack};
pub use key::{KeyError, PublicKey, Signer};
pub use manifest::{FileDigest, Made, Manifest, MessageFile};
pub use proof::{AuditProof, ProofEntry, ProofError, ProofLink, instant};
pub use verify::{Report, verify};

/// Most members of a bundle.
pub const MEMBERS_MAX: usize = 64;
/// Longest name of a member, in bytes.
pub const NAME_SIZE_MAX: usize = 512;
/// Largest bundle, in bytes.
pub const BUNDLE_SIZE_MAX_BYTES: usize = 128 * 1024 * 1024;
/// Most entries of the record in one bundle, the newest.
pub const PROOF_ENTRIES_MAX: usize = 500;

/// The file that names the others.
pub const MANIFEST: &str = "manifest.json";
/// The signature over the manifest, 64 bytes.
pub const SIGNATURE: &str = "manifest.sig";
/// The key that it is checked with (RFC 8410).
pub const KEY: &str = "key.pem";
/// A mail as an application handed it in.
pub const WHOLE: &str = "message.eml";
/// A message put together from what is stored.
pub const REBUILT: &str = "message.txt";
/// The HTML of a mail written in the console.
pub const HTML: &str = "message.html";
/// What happened to the message.
pub const DELIVERY: &str = "delivery.json";
/// What the record of who did what says of it.
pub const AUDIT: &str = "audit.json";
/// All of it to print.
pub const SUMMARY: &str = "summary.pdf";

/// A finished bundle.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// The ZIP.
    pub bytes: Vec<u8>,
    /// SHA-256 of its manifest.
    pub digest: [u8; 32],
}

/// Puts a bundle together from its files: names them in the manifest, signs it and packs it all.
///
/// # Errors
/// When there is more than [`MEMBERS_MAX`] or [`BUNDLE_SIZE_MAX_BYTES`] allow, or a name is taken
/// twice.
pub fn seal(
    mut files: Vec<Member>,
    made: Made,
    message: MessageFile,
    signer: &Signer,
) -> Result<Bundle, ArchiveError> {
    let public = signer.public();
    let manifest = Manifest::new(&files, made, message, &public);
    let manifest = manifest.to_bytes().map_err(|_| ArchiveError::Broken)?;
    let digest = manifest::digest(&manifest);
    let signature = signer.sign(&manifest);
    files.push(Member::new(MANIFEST, manifest));
    files.push(Member::new(SIGNATURE, signature));
    files.push(Member::new(KEY, public.to_pem().into_bytes()));
    let bytes = pack(&files)?;
    Ok(Bundle { bytes, digest })
}
