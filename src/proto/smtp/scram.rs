//! The messages of SCRAM-SHA-256 from the side of the server (RFC 5802 section 7, RFC 7677), without
//! channel binding. Keys stay with the owner of the session, who is asked.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::sasl::{self, SaslError};

/// Longest nonce of a client, in octets.
const NONCE_MAX_BYTES: usize = 256;
/// Octets of a proof and of a signature.
pub(super) const PROOF_BYTES: usize = 32;

/// What the client is asked to prove with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScramChallenge {
    /// Drawn for this exchange alone: printable ASCII without commas.
    pub nonce: String,
    /// The salt of the account's password.
    pub salt: Vec<u8>,
    /// Rounds of PBKDF2.
    pub iterations: NonZeroU32,
}

/// The client's first message.
#[derive(Debug)]
pub(super) struct First {
    pub(super) username: String,
    gs2_header: String,
    bare: String,
    nonce: String,
}

/// An exchange whose proof is awaited.
#[derive(Debug)]
pub(super) struct Challenged {
    pub(super) username: String,
    gs2_header: String,
    nonce: String,
    said: String,
}

/// What the client proves.
pub(super) struct Proven {
    pub(super) username: String,
    pub(super) auth_message: String,
    pub(super) proof: [u8; PROOF_BYTES],
}

impl First {
    /// Reads `client-first-message`.
    pub(super) fn read(response: &[u8]) -> Result<Self, SaslError> {
        let text = sasl::decoded(response)?;
        let mut parts = text.splitn(3, ',');
        let (Some(binding), Some(authzid), Some(bare)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(SaslError::Malformed);
        };
        // "p=" binds to a channel, which is not offered.
        if !matches!(binding, "n" | "y") {
            return Err(SaslError::Malformed);
        }
        let gs2_header = format!("{binding},{authzid},");
        // What comes first must be the name: "m=" is of an extension that nobody knows.
        let mut attributes = bare.split(',');
        let name = attributes.next().and_then(|text| text.strip_prefix("n="));
        let nonce = attributes.next().and_then(|text| text.strip_prefix("r="));
        let (Some(name), Some(nonce)) = (name, nonce) else {
            return Err(SaslError::Malformed);
        };
        let is_printable = nonce.bytes().all(|octet| octet.is_ascii_graphic());
        if nonce.is_empty() || nonce.len() > NONCE_MAX_BYTES || !is_printable {
            return Err(SaslError::Malformed);
        }
        if !authzid.is_empty() && authzid.strip_prefix("a=") != Some(name) {
            return Err(SaslError::ForeignIdentity);
        }
        Ok(Self {
            username: sasl::credential(&sasl_name(name)?)?,
            gs2_header,
            nonce: nonce.to_owned(),
            bare: bare.to_owned(),
        })
    }

    /// `server-first-message`, and what waits for the answer to it.
    pub(super) fn challenge(self, asked: &ScramChallenge) -> (String, Challenged) {
        let nonce = format!("{}{}", self.nonce, asked.nonce);
        let salt = STANDARD.encode(&asked.salt);
        let first = format!("r={nonce},s={salt},i={}", asked.iterations);
        let challenged = Challenged {
            username: self.username,
            gs2_header: self.gs2_header,
            said: format!("{},{first}", self.bare),
            nonce,
        };
        (STANDARD.encode(first), challenged)
    }
}

impl Challenged {
    /// Reads `client-final-message`.
    pub(super) fn read(self, response: &[u8]) -> Result<Proven, SaslError> {
        let text = sasl::decoded(response)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(SaslError::Malformed)?;
        let mut attributes = without_proof.split(',');
        let binding = attributes.next().and_then(|text| text.strip_prefix("c="));
        let nonce = attributes.next().and_then(|text| text.strip_prefix("r="));
        let (Some(binding), Some(nonce)) = (binding, nonce) else {
            return Err(SaslError::Malformed);
        };
        // Whoever changed the first message on its way, or plays back another exchange, knows no
        // password.
        if binding != STANDARD.encode(&self.gs2_header) || nonce != self.nonce {
            return Err(SaslError::ForeignIdentity);
        }
        let proof = STANDARD.decode(proof).map_err(|_| SaslError::Malformed)?;
        Ok(Proven {
            username: self.username,
            auth_message: format!("{},{without_proof}", self.said),
            proof: proof.try_into().map_err(|_| SaslError::Malformed)?,
        })
    }
}

/// `server-final-message` of an exchange that succeeded.
pub(super) fn last(signature: &[u8; PROOF_BYTES]) -> String {
    STANDARD.encode(format!("v={}", STANDARD.encode(signature)))
}

/// Undoes the escapes of a `saslname`.
fn sasl_name(text: &str) -> Result<String, SaslError> {
    let mut parts = text.split('=');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (sign, rest) = match part.split_at_checked(2) {
            Some(("2C", rest)) => (',', rest),
            Some(("3D", rest)) => ('=', rest),
            _ => return Err(SaslError::Malformed),
        };
        name.push(sign);
        name.push_str(rest);
    }
    Ok(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn first(text: &str) -> Result<First, SaslError> {
        First::read(STANDARD.encode(text).as_bytes())
    }

    fn challenged() -> Challenged {
        let asked = ScramChallenge {
            nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".to_owned(),
            salt: STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap(),
            iterations: NonZeroU32::new(4096).unwrap(),
        };
        let (said, challenged) = first("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
            .unwrap()
            .challenge(&asked);
        assert_eq!(
            STANDARD.decode(said).unwrap(),
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        challenged
    }

    /// RFC 7677 section 3.
    #[test]
    fn the_exchange_of_the_rfc_is_read_and_written() {
        let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let proven = challenged().read(STANDARD.encode(last).as_bytes()).unwrap();
        assert_eq!(proven.username, "user");
        assert_eq!(
            proven.auth_message,
            "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
        );
        assert_eq!(proven.proof[..2], [0x74, 0x7c]);
    }

    #[test]
    fn what_is_no_first_message_is_refused() {
        assert_eq!(
            first("y,a=u=2Cs=3D,n=u=2Cs=3D,r=x").unwrap().username,
            "u,s="
        );
        for bad in [
            "",
            "n",
            "n,",
            "n,,",
            "n,,n=user",
            "n,,n=user,r=",
            "n,,r=x,n=user",
            "n,,n=,r=x",
            "n,,m=1,n=user,r=x",
            "p=tls-unique,,n=user,r=x",
            "x,,n=user,r=x",
            "n,,n=us=er,r=x",
            "n,,n=user=,r=x",
            "n,,n=user=2c,r=x",
            "n,,n=us\0er,r=x",
            "n,,n=user,r=a b",
        ] {
            assert_eq!(first(bad).err(), Some(SaslError::Malformed), "{bad:?}");
        }
        let long = format!("n,,n=user,r={}", "x".repeat(NONCE_MAX_BYTES + 1));
        assert!(first(&long).is_err());
        assert_eq!(
            first("n,a=eve,n=user,r=x").err(),
            Some(SaslError::ForeignIdentity)
        );
        assert_eq!(First::read(b"!").err(), Some(SaslError::Malformed));
        assert_eq!(First::read(&[0xff; 40]).err(), Some(SaslError::Malformed));
    }

    #[test]
    fn what_is_no_proof_of_this_exchange_is_refused() {
        let whole = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        for (from, to, expected) in [
            ("biws", "eSws", SaslError::ForeignIdentity),
            ("k0,", "k1,", SaslError::ForeignIdentity),
            ("rOpr", "", SaslError::ForeignIdentity),
            (",p=", ",q=", SaslError::Malformed),
            ("p=dHzb", "p=", SaslError::Malformed),
            ("c=", "", SaslError::Malformed),
            ("VQ=", "!", SaslError::Malformed),
        ] {
            let changed = whole.replacen(from, to, 1);
            let read = challenged().read(STANDARD.encode(&changed).as_bytes());
            assert_eq!(read.err(), Some(expected), "{changed}");
        }
    }
}
