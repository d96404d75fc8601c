//! The envelope sender of each delivery: it names the delivery, so that a bounce says by its own
//! address what bounced (VERP), and it is signed, so that nobody can invent one.

use data_encoding::{Encoding, Specification};
use ring::hmac;
use std::sync::LazyLock;

use super::ids::DeliveryId;

/// What every such local part begins with.
const PREFIX: &str = "b-";
/// Octets of the signature that are kept.
const SIGNATURE_SIZE: usize = 8;

/// Lower-case base32 (RFC 4648 alphabet), no padding: local parts may be folded to lower case
/// on their way, and letters and digits survive everywhere.
pub(super) static BASE32: LazyLock<Option<Encoding>> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("abcdefghijklmnopqrstuvwxyz234567");
    specification
        .translate
        .from
        .push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    specification
        .translate
        .to
        .push_str("abcdefghijklmnopqrstuvwxyz");
    specification.encoding().ok()
});

/// Makes and reads bounce addresses.
#[derive(Clone)]
pub struct ReturnPaths {
    domain: String,
    key: hmac::Key,
}

impl std::fmt::Debug for ReturnPaths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReturnPaths")
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

/// What a recipient address at our bounce domain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnPath {
    /// The bounce address of this delivery.
    Of(DeliveryId),
    /// Looks like one, but we did not make it.
    Forged,
    /// Something else.
    Other,
}

impl ReturnPaths {
    /// For this bounce domain, signed with the installation's key.
    #[must_use]
    pub fn new(domain: &str, key: &[u8; 32]) -> Self {
        Self {
            domain: domain.to_ascii_lowercase(),
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// The domain that bounces go to.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The bounce address of a delivery.
    #[must_use]
    pub fn address(&self, delivery: DeliveryId) -> String {
        let mut token = delivery.as_bytes().to_vec();
        let signature = hmac::sign(&self.key, delivery.as_bytes());
        token.extend_from_slice(&signature.as_ref()[..SIGNATURE_SIZE]);
        let token = BASE32
            .as_ref()
            .map_or_else(String::new, |base32| base32.encode(&token));
        format!("{PREFIX}{token}@{}", self.domain)
    }

    /// Reads a recipient address.
    #[must_use]
    pub fn parse(&self, address: &str) -> ReturnPath {
        let Some((local, domain)) = address.rsplit_once('@') else {
            return ReturnPath::Other;
        };
        if !domain.eq_ignore_ascii_case(&self.domain) {
            return ReturnPath::Other;
        }
        let Some(token) = local
            .get(..PREFIX.len())
            .filter(|start| start.eq_ignore_ascii_case(PREFIX))
            .and_then(|_| local.get(PREFIX.len()..))
        else {
            return ReturnPath::Other;
        };
        let decoded = BASE32
            .as_ref()
            .and_then(|base32| base32.decode(token.as_bytes()).ok());
        let Some((id, signature)) = decoded
            .as_deref()
            .and_then(|token| token.split_first_chunk::<16>())
        else {
            return ReturnPath::Forged;
        };
        let expected = hmac::sign(&self.key, id);
        let same: bool =
            subtle::ConstantTimeEq::ct_eq(&expected.as_ref()[..SIGNATURE_SIZE], signature).into();
        if same {
            ReturnPath::Of(DeliveryId::from_bytes(*id))
        } else {
            ReturnPath::Forged
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounce_address_names_its_delivery_in_any_case_and_cannot_be_invented() {
        let paths = ReturnPaths::new("bounce.Example.org", &[7; 32]);
        let id = DeliveryId::from_bytes([0x5a; 16]);
        let address = paths.address(id);
        let (local, _) = address.split_once('@').unwrap_or_default();
        assert!(local.len() <= 64, "{address}");
        assert_eq!(paths.parse(&address), ReturnPath::Of(id));
        assert_eq!(paths.parse(&address.to_uppercase()), ReturnPath::Of(id));
        assert_eq!(
            ReturnPaths::new("bounce.example.org", &[8; 32]).parse(&address),
            ReturnPath::Forged
        );
        assert_eq!(
            paths.parse("postmaster@bounce.example.org"),
            ReturnPath::Other
        );
        assert_eq!(paths.parse("b-x@bounce.example.org"), ReturnPath::Forged);
        assert_eq!(
            paths.parse(&address.replace("bounce.", "other.")),
            ReturnPath::Other
        );
        assert_eq!(paths.parse("ß@bounce.example.org"), ReturnPath::Other);
    }
}
