//! TLSA records (RFC 6698, RFC 7671): which of them count for mail (RFC 7672 section 3.1), and
//! which certificates they stand for. Pure.

use ring::digest::{SHA256, SHA512, digest};
use x509_parser::{parse_x509_certificate, prelude::FromDer, x509::SubjectPublicKeyInfo};

/// Most records of one answer that are looked at.
pub const TLSA_RECORDS_MAX: usize = 32;
/// Most octets of a record's data; a certificate has fewer.
const DATA_SIZE_MAX_BYTES: usize = 16 * 1024;
/// Octets of digests.
const SHA256_BYTES: usize = 32;
const SHA512_BYTES: usize = 64;

/// One record as the DNS has it (RFC 6698 section 2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsaRecord {
    /// The certificate usage field.
    pub usage: u8,
    /// The selector field.
    pub selector: u8,
    /// The matching type field.
    pub matching_type: u8,
    /// The certificate association data field.
    pub data: Vec<u8>,
}

/// Which certificate is meant (RFC 6698 section 2.1.1, in the words of RFC 7218).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CertificateUsage {
    /// DANE-TA(2): one that the server's own goes back to.
    DaneTa,
    /// DANE-EE(3): the server's own.
    DaneEe,
}

/// What of it is meant (RFC 6698 section 2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Selector {
    /// Cert(0).
    Cert,
    /// SPKI(1): its key.
    Spki,
}

/// How it is put (RFC 6698 section 2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum MatchingType {
    /// Full(0).
    Full,
    /// SHA2-256(1).
    Sha256,
    /// SHA2-512(2).
    Sha512,
}

/// Why a record does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlsaFault {
    /// PKIX-TA(0) and PKIX-EE(1) are not for mail (RFC 7672 section 3.1.3), others are unknown.
    #[error("certificate usage {0} does not count for mail")]
    Usage(u8),
    /// Not known.
    #[error("unknown selector {0}")]
    Selector(u8),
    /// Not known.
    #[error("unknown matching type {0}")]
    MatchingType(u8),
    /// No digest of the right length, no certificate, no key.
    #[error("malformed data")]
    Data,
}

/// A record that counts: "usable" in the words of RFC 7671 section 1.1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Association {
    usage: CertificateUsage,
    selector: Selector,
    matching_type: MatchingType,
    data: Vec<u8>,
}

impl Association {
    /// Reads a record.
    ///
    /// # Errors
    /// [`TlsaFault`] says why it does not count.
    pub fn parse(record: &TlsaRecord) -> Result<Self, TlsaFault> {
        let usage = match record.usage {
            2 => CertificateUsage::DaneTa,
            3 => CertificateUsage::DaneEe,
            other => return Err(TlsaFault::Usage(other)),
        };
        let selector = match record.selector {
            0 => Selector::Cert,
            1 => Selector::Spki,
            other => return Err(TlsaFault::Selector(other)),
        };
        let matching_type = match record.matching_type {
            0 => MatchingType::Full,
            1 => MatchingType::Sha256,
            2 => MatchingType::Sha512,
            other => return Err(TlsaFault::MatchingType(other)),
        };
        let data = record.data.as_slice();
        let is_sound = match (matching_type, selector) {
            (MatchingType::Sha256, _) => data.len() == SHA256_BYTES,
            (MatchingType::Sha512, _) => data.len() == SHA512_BYTES,
            (MatchingType::Full, _) if data.len() > DATA_SIZE_MAX_BYTES => false,
            (MatchingType::Full, Selector::Cert) => {
                parse_x509_certificate(data).is_ok_and(|(rest, _)| rest.is_empty())
            }
            (MatchingType::Full, Selector::Spki) => {
                SubjectPublicKeyInfo::from_der(data).is_ok_and(|(rest, _)| rest.is_empty())
            }
        };
        if !is_sound {
            return Err(TlsaFault::Data);
        }
        Ok(Self {
            usage,
            selector,
            matching_type,
            data: data.to_vec(),
        })
    }

    /// Which certificate is meant.
    #[must_use]
    pub const fn usage(&self) -> CertificateUsage {
        self.usage
    }

    /// Whether it stands for this certificate (DER).
    #[must_use]
    pub fn matches(&self, certificate: &[u8]) -> bool {
        match self.selector {
            Selector::Cert => self.matches_selected(certificate),
            Selector::Spki => parse_x509_certificate(certificate)
                .is_ok_and(|(_, parsed)| self.matches_selected(parsed.public_key().raw)),
        }
    }

    fn matches_selected(&self, selected: &[u8]) -> bool {
        match self.matching_type {
            MatchingType::Full => selected == self.data,
            MatchingType::Sha256 => digest(&SHA256, selected).as_ref() == self.data,
            MatchingType::Sha512 => digest(&SHA512, selected).as_ref() == self.data,
        }
    }

    /// The certificate (DER), if the record has all of it.
    #[must_use]
    pub fn full_certificate(&self) -> Option<&[u8]> {
        let is_full = self.matching_type == MatchingType::Full && self.selector == Selector::Cert;
        is_full.then_some(self.data.as_slice())
    }

    /// The key (SubjectPublicKeyInfo, DER), if the record has all of it and no certificate.
    #[must_use]
    pub fn full_key(&self) -> Option<&[u8]> {
        let is_full = self.matching_type == MatchingType::Full && self.selector == Selector::Spki;
        is_full.then_some(self.data.as_slice())
    }
}

/// The records that count, each once, in an order that does not depend on the answer's.
#[must_use]
pub fn usable(records: &[TlsaRecord]) -> Vec<Association> {
    let records = records.iter().take(TLSA_RECORDS_MAX);
    let mut usable: Vec<Association> = records
        .filter_map(|record| Association::parse(record).ok())
        .collect();
    usable.sort_unstable();
    usable.dedup();
    usable
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn record(usage: u8, selector: u8, matching_type: u8, data: &[u8]) -> TlsaRecord {
        TlsaRecord {
            usage,
            selector,
            matching_type,
            data: data.to_vec(),
        }
    }

    /// A certificate and its key, both DER.
    fn certificate() -> (Vec<u8>, Vec<u8>) {
        use rcgen::PublicKeyData;
        let made = rcgen::generate_simple_self_signed(["mx.example".to_owned()]).unwrap();
        let key = made.signing_key.subject_public_key_info();
        (made.cert.der().to_vec(), key)
    }

    #[test]
    fn a_record_stands_for_its_certificate_alone() {
        let ((cert, key), (other, _)) = (certificate(), certificate());
        for (selector, selected) in [(0, &cert), (1, &key)] {
            for (matching_type, data) in [
                (0, selected.clone()),
                (1, digest(&SHA256, selected).as_ref().to_vec()),
                (2, digest(&SHA512, selected).as_ref().to_vec()),
            ] {
                for usage in [2, 3] {
                    let record = record(usage, selector, matching_type, &data);
                    let read = Association::parse(&record).unwrap();
                    assert!(read.matches(&cert), "{usage} {selector} {matching_type}");
                    assert!(!read.matches(&other), "{usage} {selector} {matching_type}");
                    assert!(!read.matches(&cert[1..]) && !read.matches(b""));
                    let is_cert = (selector, matching_type) == (0, 0);
                    let is_key = (selector, matching_type) == (1, 0);
                    assert_eq!(read.full_certificate().is_some(), is_cert);
                    assert_eq!(read.full_key().is_some(), is_key);
                }
            }
        }
    }

    #[test]
    fn what_does_not_count_says_why() {
        let (cert, key) = certificate();
        let longer = [cert.as_slice(), b"x"].concat();
        let huge = vec![0x30; DATA_SIZE_MAX_BYTES + 1];
        let digest = [7; 32];
        for (record, fault) in [
            (record(0, 1, 1, &digest), TlsaFault::Usage(0)),
            (record(1, 1, 1, &digest), TlsaFault::Usage(1)),
            (record(4, 1, 1, &digest), TlsaFault::Usage(4)),
            (record(255, 1, 1, &digest), TlsaFault::Usage(255)),
            (record(3, 2, 1, &digest), TlsaFault::Selector(2)),
            (record(3, 1, 3, &digest), TlsaFault::MatchingType(3)),
            (record(3, 1, 1, &digest[1..]), TlsaFault::Data),
            (record(3, 1, 2, &digest), TlsaFault::Data),
            (record(3, 1, 1, b""), TlsaFault::Data),
            (record(3, 0, 0, b""), TlsaFault::Data),
            (record(3, 0, 0, &key), TlsaFault::Data),
            (record(3, 0, 0, &cert[..cert.len() - 1]), TlsaFault::Data),
            (record(3, 0, 0, &longer), TlsaFault::Data),
            (record(3, 0, 0, &huge), TlsaFault::Data),
            (record(2, 1, 0, &key[..key.len() - 1]), TlsaFault::Data),
            (record(2, 1, 0, b"\x30\x80"), TlsaFault::Data),
        ] {
            assert_eq!(Association::parse(&record), Err(fault), "{record:?}");
        }
    }

    #[test]
    fn those_that_count_are_kept_once_and_in_order() {
        assert_eq!(usable(&[]), []);
        let (one, two) = (record(3, 1, 1, &[1; 32]), record(2, 0, 2, &[2; 64]));
        let pkix = record(1, 1, 1, &[3; 32]);
        let kept = usable(&[one.clone(), pkix.clone(), two.clone(), one.clone()]);
        assert_eq!(kept, usable(&[two, one]));
        assert_eq!(kept.len(), 2);
        assert_eq!(usable(&[pkix]), []);
        let many: Vec<TlsaRecord> = (0..=255).map(|n| record(3, 1, 1, &[n; 32])).collect();
        assert_eq!(usable(&many).len(), TLSA_RECORDS_MAX);
    }
}
