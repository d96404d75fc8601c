//! People who are to be forgotten: what is remembered so that it is done to the end, and that
//! nobody writes to them again.

use ring::hmac;

use super::ids::{ContactId, UserId};
use super::redacted::Redacted;
use super::timestamp::Timestamp;

/// Somebody who is being erased. It goes with the last step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Who.
    pub contact: ContactId,
    /// Theirs, and those of the contacts that they took over.
    pub ids: Vec<ContactId>,
    /// Their addresses and numbers, as they are looked up.
    pub addresses: Vec<Redacted<String>>,
    /// Who said so.
    pub by: UserId,
    /// When.
    pub begun_at: Timestamp,
}

impl Erasure {
    /// Whether it is about this contact, under any of its ids.
    #[must_use]
    pub fn is_of(&self, contact: ContactId) -> bool {
        self.ids.contains(&contact)
    }

    /// Whether an address or number is theirs, as it is looked up.
    #[must_use]
    pub fn has(&self, lookup_key: &str) -> bool {
        self.addresses.iter().any(|one| one.reveal() == lookup_key)
    }
}

/// An address or number of somebody who has left or was erased: whoever comes to have it from a
/// file or another program gets nothing there. It goes when a person proves that it is theirs, or
/// an operator writes down that they want messages again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// What the address or number is known by: [`Suppression::digest_of`].
    pub digest: [u8; 32],
    /// Since when.
    pub since: Timestamp,
}

impl Suppression {
    /// HMAC-SHA256 (RFC 2104) of an address or number as it is looked up, with a key of the
    /// installation: it can be recognised, but not read.
    #[must_use]
    pub fn digest_of(key: &[u8; 32], lookup_key: &str) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let mut digest = [0; 32];
        digest.copy_from_slice(hmac::sign(&key, lookup_key.as_bytes()).as_ref());
        digest
    }
}
