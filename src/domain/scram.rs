//! What is kept of a password so that a program can prove by SCRAM-SHA-256 that it knows it
//! (RFC 5802, RFC 7677). The password cannot be read from it, and whoever reads it cannot log in
//! with it as the program does.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};
use subtle::ConstantTimeEq;

/// Octets of SHA-256 (RFC 7677).
pub const SCRAM_KEY_BYTES: usize = digest::SHA256_OUTPUT_LEN;
/// Octets of the salts that are drawn.
pub const SCRAM_SALT_BYTES: usize = 16;
/// Rounds of PBKDF2 for new passwords: the most that clients with the library of Cyrus compute.
pub const SCRAM_ITERATIONS: NonZeroU32 = NonZeroU32::new(65_536).unwrap();
/// Fewest rounds (RFC 7677 section 4).
const ITERATIONS_MIN: u32 = 4_096;
/// Most rounds; a password in the clear costs them here.
const ITERATIONS_MAX: u32 = 1_000_000;
/// Longest salt, in octets.
const SALT_MAX_BYTES: usize = 64;
/// How its text begins (RFC 5803).
const SCHEME: &str = "SCRAM-SHA-256$";

/// A salted password, as its two keys.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramVerifier {
    iterations: NonZeroU32,
    salt: Vec<u8>,
    stored_key: [u8; SCRAM_KEY_BYTES],
    server_key: [u8; SCRAM_KEY_BYTES],
}

impl std::fmt::Debug for ScramVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScramVerifier")
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

impl ScramVerifier {
    /// Of this password; takes some hundredths of a second at [`SCRAM_ITERATIONS`].
    #[must_use]
    pub fn derive(password: &str, salt: &[u8], iterations: NonZeroU32) -> Self {
        let salted = salted(password, salt, iterations);
        let client_key = hmac::sign(&salted, b"Client Key");
        let server_key = hmac::sign(&salted, b"Server Key");
        Self {
            iterations,
            salt: salt.to_vec(),
            stored_key: sha256(client_key.as_ref()),
            server_key: key_of(server_key.as_ref()),
        }
    }

    /// One that no password goes with, to be asked in place of one that is not there. By the same
    /// secret the same name always has the same salt, as that of somebody would be.
    #[must_use]
    pub fn of_nobody(secret: &[u8; 32], name: &str, iterations: NonZeroU32) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = |label: &str| hmac::sign(&key, format!("{label} {name}").as_bytes());
        Self {
            iterations,
            salt: tag("salt").as_ref()[..SCRAM_SALT_BYTES].to_vec(),
            stored_key: key_of(tag("stored").as_ref()),
            server_key: key_of(tag("server").as_ref()),
        }
    }

    /// Reads what [`Display`](std::fmt::Display) writes: iterations, salt and keys (RFC 5803).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (info, value) = text.strip_prefix(SCHEME)?.split_once('$')?;
        let (iterations, salt) = info.split_once(':')?;
        let (stored, server) = value.split_once(':')?;
        let iterations: u32 = iterations.parse().ok()?;
        let is_fit = (ITERATIONS_MIN..=ITERATIONS_MAX).contains(&iterations);
        let iterations = NonZeroU32::new(iterations).filter(|_| is_fit)?;
        let salt = STANDARD.decode(salt).ok()?;
        let key = |text: &str| STANDARD.decode(text).ok()?.try_into().ok();
        (1..=SALT_MAX_BYTES).contains(&salt.len()).then_some(())?;
        Some(Self {
            iterations,
            salt,
            stored_key: key(stored)?,
            server_key: key(server)?,
        })
    }

    /// Rounds of PBKDF2.
    #[must_use]
    pub const fn iterations(&self) -> NonZeroU32 {
        self.iterations
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// Whether it is of this password, which came in the clear.
    #[must_use]
    pub fn is_of(&self, password: &str) -> bool {
        let asked = Self::derive(password, &self.salt, self.iterations);
        same(&asked.stored_key, &self.stored_key)
    }

    /// Whether a `ClientProof` over this `AuthMessage` comes from whoever knows the password
    /// (RFC 5802 section 3).
    #[must_use]
    pub fn is_proven(&self, auth_message: &str, proof: &[u8; SCRAM_KEY_BYTES]) -> bool {
        let signature = sign(&self.stored_key, auth_message);
        let mut client_key = *proof;
        for (octet, mask) in client_key.iter_mut().zip(signature) {
            *octet ^= mask;
        }
        same(&sha256(&client_key), &self.stored_key)
    }

    /// What whoever knows the password proves it with.
    #[cfg(test)]
    pub(crate) fn client_proof(&self, password: &str, auth_message: &str) -> [u8; SCRAM_KEY_BYTES] {
        let salted = salted(password, &self.salt, self.iterations);
        let mut proof = key_of(hmac::sign(&salted, b"Client Key").as_ref());
        let signature = sign(&self.stored_key, auth_message);
        proof
            .iter_mut()
            .zip(signature)
            .for_each(|(octet, mask)| *octet ^= mask);
        proof
    }

    /// The `ServerSignature` over this `AuthMessage`, by which the client knows us.
    #[must_use]
    pub fn server_signature(&self, auth_message: &str) -> [u8; SCRAM_KEY_BYTES] {
        sign(&self.server_key, auth_message)
    }
}

impl std::fmt::Display for ScramVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes: &[u8]| STANDARD.encode(bytes);
        let (iterations, salt) = (self.iterations, text(&self.salt));
        let (stored, server) = (text(&self.stored_key), text(&self.server_key));
        write!(f, "{SCHEME}{iterations}:{salt}${stored}:{server}")
    }
}

/// `Hi(Normalize(password), salt, i)` as a key. What SASLprep (RFC 4013) forbids is taken as it is,
/// as other servers do: the client would have refused it.
fn salted(password: &str, salt: &[u8], iterations: NonZeroU32) -> hmac::Key {
    let prepared = stringprep::saslprep(password);
    let password = prepared.as_deref().unwrap_or(password);
    let mut key = [0; SCRAM_KEY_BYTES];
    let password = password.as_bytes();
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations,
        salt,
        password,
        &mut key,
    );
    hmac::Key::new(hmac::HMAC_SHA256, &key)
}

fn sign(key: &[u8; SCRAM_KEY_BYTES], text: &str) -> [u8; SCRAM_KEY_BYTES] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    key_of(hmac::sign(&key, text.as_bytes()).as_ref())
}

fn sha256(bytes: &[u8]) -> [u8; SCRAM_KEY_BYTES] {
    key_of(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Octets of SHA-256, which are always as many.
fn key_of(bytes: &[u8]) -> [u8; SCRAM_KEY_BYTES] {
    bytes.try_into().unwrap_or_default()
}

fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// RFC 7677 section 3.
    const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
    const SAID: &str = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const PROOF: &str = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const SIGNATURE: &str = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn pencil() -> ScramVerifier {
        let salt = STANDARD.decode(SALT).unwrap();
        ScramVerifier::derive("pencil", &salt, NonZeroU32::new(4096).unwrap())
    }

    #[test]
    fn the_exchange_of_rfc_7677_holds() {
        let proof: [u8; 32] = STANDARD.decode(PROOF).unwrap().try_into().unwrap();
        let verifier = pencil();
        assert!(verifier.is_proven(SAID, &proof));
        assert_eq!(STANDARD.encode(verifier.server_signature(SAID)), SIGNATURE);
        for place in 0..proof.len() {
            let mut wrong = proof;
            wrong[place] ^= 1;
            assert!(!verifier.is_proven(SAID, &wrong), "octet {place}");
        }
        assert!(!verifier.is_proven(&SAID[1..], &proof));
        // Who has read what is kept cannot prove anything with it.
        assert!(!verifier.is_proven(SAID, &verifier.stored_key));
    }

    #[test]
    fn what_is_written_is_read_again_and_nothing_else() {
        let verifier = pencil();
        let text = verifier.to_string();
        assert!(text.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
        assert_eq!(ScramVerifier::parse(&text), Some(verifier));
        for (from, to) in [
            ("SHA-256", "SHA-1"),
            ("$4096", "$4095"),
            ("$4096", "$1000001"),
            ("$4096", "$-1"),
            ("W22ZaJ0SNY7soEsUEjb6gQ==", ""),
            ("W22ZaJ0SNY7soEsUEjb6gQ==", "!"),
            ("==$", "==$AA"),
            (":W", "W"),
        ] {
            let bad = text.replacen(from, to, 1);
            assert_eq!(ScramVerifier::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_password_in_the_clear_is_recognised_in_any_of_its_spellings() {
        let (salt, rounds) = ([7; SCRAM_SALT_BYTES], NonZeroU32::new(4096).unwrap());
        // RFC 4013 section 3: a soft hyphen is nothing, and NFKC makes IX of one character.
        let verifier = ScramVerifier::derive("I\u{ad}X", &salt, rounds);
        assert!(verifier.is_of("IX") && verifier.is_of("\u{2168}"));
        assert!(!verifier.is_of("ix") && !verifier.is_of(""));
        let forbidden = ScramVerifier::derive("a\u{7}b", &salt, rounds);
        assert!(forbidden.is_of("a\u{7}b") && !forbidden.is_of("ab"));
    }

    #[test]
    fn nobody_is_asked_the_same_each_time() {
        let by = |secret: u8, name: &str| {
            ScramVerifier::of_nobody(&[secret; 32], name, SCRAM_ITERATIONS)
        };
        let of = |name: &str| by(1, name);
        assert_eq!(of("eve"), of("eve"));
        assert_ne!(of("eve").salt(), of("ann").salt());
        assert_ne!(of("eve").salt(), by(2, "eve").salt());
        assert!(!of("eve").is_of(""));
    }
}
