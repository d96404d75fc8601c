//! Decoding what clients say in AUTH (RFC 4954, RFC 4616).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

/// Longest user name or password in octets.
const CREDENTIAL_MAX_BYTES: usize = 1024;

/// Why a response was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SaslError {
    /// Not base64, or not what the mechanism says.
    Malformed,
    /// Acting for somebody else is not offered.
    ForeignIdentity,
}

/// Decodes a PLAIN response: `authzid NUL authcid NUL password`.
pub(super) fn plain(response: &[u8]) -> Result<(String, SecretString), SaslError> {
    let text = decoded(response)?;
    let mut parts = text.split('\0');
    let (Some(authzid), Some(authcid), Some(password), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(SaslError::Malformed);
    };
    if !authzid.is_empty() && authzid != authcid {
        return Err(SaslError::ForeignIdentity);
    }
    Ok((
        credential(authcid)?,
        SecretString::from(credential(password)?),
    ))
}

/// Decodes one response of LOGIN.
pub(super) fn login(response: &[u8]) -> Result<String, SaslError> {
    credential(&decoded(response)?)
}

/// The text that a response is in base64.
pub(super) fn decoded(response: &[u8]) -> Result<String, SaslError> {
    let decoded = STANDARD.decode(response);
    let decoded = decoded.map_err(|_| SaslError::Malformed)?;
    String::from_utf8(decoded).map_err(|_| SaslError::Malformed)
}

/// A user name or password that may be one.
pub(super) fn credential(text: &str) -> Result<String, SaslError> {
    let fits = !text.is_empty() && text.len() <= CREDENTIAL_MAX_BYTES;
    if !fits || text.chars().any(char::is_control) {
        return Err(SaslError::Malformed);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn plain_needs_exactly_three_parts_and_no_foreign_identity() {
        let encode = |s: &str| STANDARD.encode(s).into_bytes();
        let (user, password) = plain(&encode("\0tim\0tanstaaftanstaaf")).unwrap();
        assert_eq!(
            (user.as_str(), password.expose_secret()),
            ("tim", "tanstaaftanstaaf")
        );
        assert!(plain(&encode("tim\0tim\0x")).is_ok());
        assert_eq!(
            plain(&encode("eve\0tim\0x")).err(),
            Some(SaslError::ForeignIdentity)
        );
        for bad in [
            "",
            "tim",
            "\0tim",
            "\0tim\0",
            "\0tim\0x\0",
            "\0\0x",
            "\0t\nim\0x",
        ] {
            assert_eq!(
                plain(&encode(bad)).err(),
                Some(SaslError::Malformed),
                "{bad:?}"
            );
        }
        assert_eq!(plain(b"!!!").err(), Some(SaslError::Malformed));
    }
}
