//! Keys that sign our mail (RFC 6376, RFC 8463), and what the DNS has to say of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{Context, SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use crate::config::Dkim;
use crate::proto::mime::dkim::{Header, NotSigned, Signer, body};

/// AlgorithmIdentifier of RSA keys (RFC 3279 section 2.3.1), DER.
const RSA_ENCRYPTION: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
const DER_BIT_STRING: u8 = 0x03;
const DER_SEQUENCE: u8 = 0x30;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the DKIM key {} cannot be used: {why}", path.display())]
pub struct DkimError {
    path: PathBuf,
    why: String,
}

/// A key, and where the DNS speaks of it.
struct Key {
    domain: String,
    selector: String,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

/// All our keys.
#[derive(Clone, Default)]
pub struct DkimKeys {
    keys: Arc<[Key]>,
}

/// Keys are secret.
impl std::fmt::Debug for DkimKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = self.keys.iter().map(|key| (&key.domain, &key.selector));
        f.debug_list().entries(named).finish()
    }
}

impl DkimKeys {
    /// Reads the keys of `[[email.dkim]]`.
    ///
    /// # Errors
    /// When one cannot be read, or is no key of RSA (2048 to 4096 bits) or Ed25519.
    pub fn read(configured: &[Dkim]) -> Result<Self, DkimError> {
        let keys = configured.iter().map(|one| {
            let pair = read_pair(&one.key).map_err(|why| DkimError {
                path: one.key.clone(),
                why,
            })?;
            Ok(Key {
                domain: one.domain.clone(),
                selector: one.selector.clone(),
                pair,
            })
        });
        Ok(Self {
            keys: keys.collect::<Result<_, DkimError>>()?,
        })
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// What the DNS has to say: names of TXT records, and their texts.
    #[must_use]
    pub fn records(&self) -> Vec<(String, String)> {
        let of = |key: &Key| {
            let name = format!("{}._domainkey.{}", key.selector, key.domain);
            let (kind, public) = key.pair.public();
            let public = STANDARD.encode(public);
            (name, format!("v=DKIM1; k={kind}; p={public}"))
        };
        self.keys.iter().map(of).collect()
    }

    /// The signatures of a mail whose author is of this domain, as fields to stand in front of it:
    /// by every key of that domain, or of the nearest above it that has one.
    pub(super) fn sign(
        &self,
        raw: &[u8],
        author: &str,
        signed_at: u64,
    ) -> Result<String, NotSigned> {
        let covers = |key: &&Key| {
            let below = author.strip_suffix(key.domain.as_str());
            below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
        };
        let nearest = self.keys.iter().filter(covers).map(|key| key.domain.len());
        let Some(nearest) = nearest.max() else {
            return Ok(String::new());
        };
        let header = Header::of(raw)?;
        let mut hashed = Context::new(&SHA256);
        body(raw, |piece| hashed.update(piece));
        let body_hash = STANDARD.encode(hashed.finish());
        let ours = self.keys.iter().filter(covers);
        let ours = ours.filter(|key| key.domain.len() == nearest);
        ours.map(|key| key.sign(&header, &body_hash, signed_at))
            .collect()
    }
}

impl Key {
    fn sign(
        &self,
        header: &Header<'_>,
        body_hash: &str,
        signed_at: u64,
    ) -> Result<String, NotSigned> {
        let signer = Signer {
            domain: &self.domain,
            selector: &self.selector,
            algorithm: self.pair.algorithm(),
            signed_at,
        };
        let unsigned = header.unsigned(&signer, body_hash);
        let Some(signature) = self.pair.sign(&unsigned.input) else {
            tracing::error!(domain = %self.domain, selector = %self.selector, "a mail could not be signed; it waits");
            return Err(NotSigned::Failed);
        };
        Ok(unsigned.signed(&STANDARD.encode(signature)))
    }
}

impl Pair {
    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    fn sign(&self, input: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                // The signature is the same whatever is drawn: it hides how long the work takes.
                let random = SystemRandom::new();
                pair.sign(&RSA_PKCS1_SHA256, &random, input, &mut signature)
                    .ok()?;
                Some(signature)
            }
            // RFC 8463 section 3: the hash is what is signed.
            Self::Ed25519(pair) => {
                let hash = digest(&SHA256, input);
                Some(pair.sign(hash.as_ref()).as_ref().to_vec())
            }
        }
    }

    /// What `k=` and `p=` say of it (RFC 6376 section 3.6.1, RFC 8463 section 4).
    fn public(&self) -> (&'static str, Vec<u8>) {
        match self {
            Self::Rsa(pair) => {
                let mut bits = vec![0];
                bits.extend_from_slice(pair.public().as_ref());
                let mut info = RSA_ENCRYPTION.to_vec();
                info.extend(der(DER_BIT_STRING, &bits));
                ("rsa", der(DER_SEQUENCE, &info))
            }
            Self::Ed25519(pair) => ("ed25519", pair.public_key().as_ref().to_vec()),
        }
    }
}

/// A value of DER with its tag and length.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let begin = length.iter().position(|byte| *byte != 0);
    let length = &length[begin.unwrap_or(length.len() - 1)..];
    let mut out = vec![tag];
    if value.len() >= 0x80 {
        out.push(0x80 | u8::try_from(length.len()).unwrap_or(0));
    }
    out.extend_from_slice(length);
    out.extend_from_slice(value);
    out
}

fn read_pair(path: &Path) -> Result<Pair, String> {
    let key = PrivateKeyDer::from_pem_file(path).map_err(|error| error.to_string())?;
    let rsa = match &key {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(key) => {
            let der = key.secret_pkcs8_der();
            // What OpenSSL writes has no public key in it.
            if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
                return Ok(Pair::Ed25519(pair));
            }
            RsaKeyPair::from_pkcs8(der)
        }
        _ => return Err("it is neither of RSA nor of Ed25519".to_owned()),
    };
    let wrong = |why| format!("no key of RSA (2048 to 4096 bits) or Ed25519: {why}");
    Ok(Pair::Rsa(Box::new(rsa.map_err(wrong)?)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::print_stderr)]
mod tests {
    use super::*;
    use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use std::process::Command;

    /// Keys as an administrator makes them; none where openssl is missing.
    fn keys(folder: &Path) -> Option<DkimKeys> {
        if Command::new("openssl").arg("version").output().is_err() {
            eprintln!("SKIPPED: openssl is not installed");
            assert!(std::env::var_os("CI").is_none());
            return None;
        }
        let make = |name: &str, arguments: &[&str]| {
            let path = folder.join(name);
            let mut asked = Command::new("openssl");
            asked.args(["genpkey", "-out"]).arg(&path).args(arguments);
            let made = asked.output().unwrap();
            assert!(made.status.success(), "{made:?}");
            path
        };
        let rsa = make(
            "rsa.pem",
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        );
        let ed = make("ed.pem", &["-algorithm", "ed25519"]);
        let short = make(
            "short.pem",
            &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
        );
        let curve = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
        // RFC 8301 section 3.2: of RSA no less than 1024 bits verify, and 2048 should sign.
        for unfit in [short, make("curve.pem", curve)] {
            assert!(read_pair(&unfit).is_err(), "{}", unfit.display());
        }
        let one = |domain: &str, selector: &str, key: &Path| Dkim {
            domain: domain.into(),
            selector: selector.into(),
            key: key.to_owned(),
        };
        let configured = [
            one("gw.example", "r1", &rsa),
            one("gw.example", "e1", &ed),
            one("example", "up", &ed),
        ];
        Some(DkimKeys::read(&configured).unwrap())
    }

    #[test]
    fn the_nearest_domain_signs_with_all_its_keys() {
        let folder = tempfile::tempdir().unwrap();
        let Some(keys) = keys(folder.path()) else {
            return;
        };
        let raw = b"From: a@gw.example\r\nSubject: x\r\n\r\ny\r\n";
        let sign = |author: &str| keys.sign(raw, author, 7).unwrap();
        let fields = sign("gw.example");
        assert_eq!(fields.matches("DKIM-Signature: ").count(), 2);
        assert!(fields.contains("a=rsa-sha256") && fields.contains("a=ed25519-sha256"));
        assert!(sign("a.gw.example").contains("d=gw.example"));
        assert!(sign("evilgw.example").contains("d=example;"));
        assert_eq!(sign("town.test"), "");
        assert_eq!(
            format!("{keys:?}"),
            r#"[("gw.example", "r1"), ("gw.example", "e1"), ("example", "up")]"#
        );
        let large = format!("From: a@gw.example\r\n{}\r\ny\r\n", "To:\r\n".repeat(3_000));
        let refused = keys.sign(large.as_bytes(), "gw.example", 7);
        assert_eq!(refused, Err(NotSigned::TooLarge));
    }

    #[test]
    fn what_is_signed_is_verified_with_what_the_dns_says() {
        let folder = tempfile::tempdir().unwrap();
        let Some(keys) = keys(folder.path()) else {
            return;
        };
        let records = keys.records();
        let public = |place: usize| {
            let (_, text) = &records[place];
            STANDARD.decode(text.rsplit("p=").next().unwrap()).unwrap()
        };
        assert_eq!(records[0].0, "r1._domainkey.gw.example");
        let signed = |place: usize| keys.keys[place].pair.sign(b"text").unwrap();
        // SubjectPublicKeyInfo: the key itself stands behind the algorithm.
        let info = public(0);
        assert_eq!(info.len(), 294);
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &info[24..])
            .verify(b"text", &signed(0))
            .unwrap();
        UnparsedPublicKey::new(&ED25519, public(1))
            .verify(digest(&SHA256, b"text").as_ref(), &signed(1))
            .unwrap();
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for text in [
            "",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(read_pair(&path).is_err(), "{text}");
        }
        assert!(read_pair(&folder.path().join("none")).is_err());
    }
}
