//! The key that bundles are signed with: Ed25519 (RFC 8032), its public half as RFC 8410 writes it.

use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// What stands before the 32 bytes of a public key (RFC 8410 section 4, in DER).
const DER_HEAD: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----\n";
const PEM_END: &str = "\n-----END PUBLIC KEY-----\n";

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not an Ed25519 key")]
pub struct KeyError;

/// Signs manifests.
#[derive(Clone, Debug)]
pub struct Signer {
    pair: Arc<Ed25519KeyPair>,
}

impl Signer {
    /// From the private key's 32 secret bytes (RFC 8032 section 5.1.5).
    ///
    /// # Errors
    /// When no key can be made of them.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError)?;
        Ok(Self {
            pair: Arc::new(pair),
        })
    }

    /// The half that everybody may know.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        PublicKey(bytes)
    }

    /// The signature, 64 bytes.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

/// What signatures are checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    fn to_der(self) -> Vec<u8> {
        [DER_HEAD.as_slice(), &self.0].concat()
    }

    /// As a PEM file.
    #[must_use]
    pub fn to_pem(self) -> String {
        [PEM_BEGIN, &BASE64.encode(&self.to_der()), PEM_END].concat()
    }

    /// From a PEM file written by [`PublicKey::to_pem`], to the last byte.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let text = std::str::from_utf8(pem).map_err(|_| KeyError)?;
        let text = text.strip_prefix(PEM_BEGIN).ok_or(KeyError)?;
        let text = text.strip_suffix(PEM_END).ok_or(KeyError)?;
        let der = BASE64.decode(text.as_bytes()).map_err(|_| KeyError)?;
        let key = der.strip_prefix(&DER_HEAD).ok_or(KeyError)?;
        key.try_into().map(Self).map_err(|_| KeyError)
    }

    /// SHA-256 of the key in DER, in hexadecimal: what people compare.
    #[must_use]
    pub fn fingerprint(self) -> String {
        HEXLOWER.encode(digest(&SHA256, &self.to_der()).as_ref())
    }

    /// Whether the holder of the key signed this.
    #[must_use]
    pub fn has_signed(self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        key.verify(message, signature).is_ok()
    }
}
