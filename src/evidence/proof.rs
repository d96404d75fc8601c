//! That entries belong to the record of who did what: each with its path to the head. Links that
//! several paths have in common are written once.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::PROOF_ENTRIES_MAX;
use crate::domain::chain::{self, Hash, Head, Link, PATH_MAX};
use crate::domain::{AuditEntry, Timestamp};
use crate::store::records::Record;

/// `audit.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditProof {
    /// Number of the last entry of the record.
    pub head_number: u64,
    /// Its hash.
    pub head_hash: String,
    /// Whether there may be older ones about the message that are not here.
    pub cut: bool,
    /// What is about the message, newest first.
    pub entries: Vec<ProofEntry>,
    /// What binds entries to those before them, for all paths.
    pub links: Vec<ProofLink>,
}

/// An entry of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofEntry {
    /// Its number, from 1.
    pub number: u64,
    /// RFC 3339.
    pub at: String,
    /// Who.
    pub actor: String,
    /// What.
    pub act: String,
    /// What else there is to say.
    pub detail: String,
    /// SHA-256 of what it is about.
    pub digest: Option<String>,
    /// Its bytes as they are in the chain, in hexadecimal.
    pub payload: String,
    /// The numbers of the links from the head down to it.
    pub path: Vec<u64>,
}

/// A link of the chain, hashes in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofLink {
    /// Of its entry.
    pub number: u64,
    /// SHA-256 of what the entry says.
    pub payload: String,
    /// Hash of the entry just before.
    pub previous: String,
    /// Hash of the entry skipped to.
    pub skipped: String,
}

impl ProofEntry {
    /// An entry as it is shown, with its bytes in the chain.
    #[must_use]
    pub fn new(number: u64, payload: &[u8], entry: &AuditEntry, path: Vec<u64>) -> Self {
        Self {
            number,
            at: instant(entry.at),
            actor: entry.actor.to_string(),
            act: entry.act.clone(),
            detail: entry.detail.clone(),
            digest: entry.digest.map(|digest| HEXLOWER.encode(&digest)),
            payload: HEXLOWER.encode(payload),
            path,
        }
    }

    /// What its bytes say, when it shows that and nothing else.
    fn read(&self) -> Result<AuditEntry, String> {
        let payload = HEXLOWER.decode(self.payload.as_bytes());
        let payload = payload.map_err(|_| "its bytes cannot be read".to_owned())?;
        let entry = AuditEntry::from_bytes(&payload);
        let entry = entry.map_err(|_| "its bytes are no entry".to_owned())?;
        let shown = Self::new(self.number, &payload, &entry, self.path.clone());
        if shown != *self {
            return Err("it shows something else than its bytes say".to_owned());
        }
        Ok(entry)
    }
}

/// A moment as programs read it (RFC 3339, in UTC), to the millisecond.
#[must_use]
pub fn instant(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).ok();
    let instant = millis.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    format!("{:.3}", instant.unwrap_or(jiff::Timestamp::MAX))
}

impl From<&Link> for ProofLink {
    fn from(link: &Link) -> Self {
        Self {
            number: link.number,
            payload: HEXLOWER.encode(&link.payload),
            previous: HEXLOWER.encode(&link.previous),
            skipped: HEXLOWER.encode(&link.skipped),
        }
    }
}

impl ProofLink {
    fn read(&self) -> Option<Link> {
        Some(Link {
            number: self.number,
            payload: hash(&self.payload)?,
            previous: hash(&self.previous)?,
            skipped: hash(&self.skipped)?,
        })
    }
}

/// Why it does not show what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It does not read.
    #[error("it cannot be read")]
    Unreadable,
    /// More entries or links than are taken.
    #[error("it has more entries or links than a bundle may have")]
    TooMany,
    /// A path does not lead from the head to its entry.
    #[error("entry {number}: {why}")]
    Path {
        /// Which entry.
        number: u64,
        /// Why.
        why: String,
    },
}

impl AuditProof {
    /// The head that its paths begin at.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        Some(Head {
            number: self.head_number,
            hash: hash(&self.head_hash)?,
        })
    }

    /// As it stands in the bundle.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Reads `audit.json`.
    ///
    /// # Errors
    /// [`ProofError::Unreadable`] or [`ProofError::TooMany`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        let proof: Self = serde_json::from_slice(bytes).map_err(|_| ProofError::Unreadable)?;
        let links_max = PROOF_ENTRIES_MAX * PATH_MAX;
        if proof.entries.len() > PROOF_ENTRIES_MAX || proof.links.len() > links_max {
            return Err(ProofError::TooMany);
        }
        Ok(proof)
    }

    /// Checks every path from the head to its entry, and that each shows what its bytes say.
    /// Returns what they say.
    ///
    /// # Errors
    /// [`ProofError`] names the first entry that is not shown.
    pub fn check(&self) -> Result<Vec<AuditEntry>, ProofError> {
        let head = self.head().ok_or(ProofError::Unreadable)?;
        let mut links = BTreeMap::new();
        for link in &self.links {
            let link = link.read().ok_or(ProofError::Unreadable)?;
            if links.insert(link.number, link).is_some() {
                return Err(ProofError::Unreadable);
            }
        }
        let mut read = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let said = check_entry(head, &links, entry).map_err(|why| ProofError::Path {
                number: entry.number,
                why,
            })?;
            read.push(said);
        }
        Ok(read)
    }
}

fn check_entry(
    head: Head,
    links: &BTreeMap<u64, Link>,
    entry: &ProofEntry,
) -> Result<AuditEntry, String> {
    if entry.path.len() > PATH_MAX {
        return Err("its path is too long".to_owned());
    }
    let said = entry.read()?;
    let found = entry.path.iter().map(|number| links.get(number).copied());
    let path: Option<Vec<Link>> = found.collect();
    let path = path.ok_or_else(|| "a link of its path is missing".to_owned())?;
    let payload = HEXLOWER.decode(entry.payload.as_bytes());
    let digest = chain::payload_digest(&payload.unwrap_or_default());
    let shown = chain::verify_path(head, entry.number, &digest, &path);
    shown.map_err(|why| why.to_string())?;
    Ok(said)
}

fn hash(text: &str) -> Option<Hash> {
    HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
}
