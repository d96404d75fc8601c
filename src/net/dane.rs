//! What a server shows, held against its TLSA records (RFC 7671 section 5, RFC 7672 section 3).

use std::sync::Arc;

use rustls::{
    CertificateError, Error, OtherError, RootCertStore,
    client::{verify_server_cert_signed_by_trust_anchor, verify_server_name},
    crypto::WebPkiSupportedAlgorithms,
    pki_types::{CertificateDer, Der, ServerName, TrustAnchor, UnixTime},
    server::ParsedCertificate,
};

use crate::proto::tlsa::{Association, CertificateUsage};

/// Most certificates behind the server's own that are looked at.
const CHAIN_CERTIFICATES_MAX: usize = 10;

/// What a server has to prove.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Dane {
    associations: Vec<Association>,
    names: Vec<String>,
}

/// Nothing that was shown is what a record stands for.
#[derive(Debug, thiserror::Error)]
#[error("no TLSA record stands for what the server shows")]
struct NoMatch;

impl Dane {
    /// One of `associations` must stand for what the server shows. `names` are those that a
    /// certificate below a trust anchor may be for (RFC 7672 section 3.2.2), the TLSA base domain
    /// first.
    #[must_use]
    pub const fn new(associations: Vec<Association>, names: Vec<String>) -> Self {
        Self {
            associations,
            names,
        }
    }

    /// The name that the server is asked for (SNI, RFC 7672 section 8.1).
    #[must_use]
    pub fn base_domain(&self) -> Option<&str> {
        self.names.first().map(String::as_str)
    }

    /// Checks what a server shows.
    ///
    /// # Errors
    /// `InvalidCertificate` says what is wrong with it.
    pub(super) fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<(), Error> {
        // RFC 7672 section 3.1.1: neither names nor dates matter.
        let mut own = self.of(CertificateUsage::DaneEe);
        if own.any(|association| association.matches(end_entity)) {
            return Ok(());
        }
        let anchors = self.anchors(end_entity, intermediates);
        if anchors.is_empty() {
            return Err(no_match());
        }
        let certificate = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &anchors,
            intermediates,
            now,
            algorithms.all,
        )?;
        self.verify_name(&certificate)
    }

    fn of(&self, usage: CertificateUsage) -> impl Iterator<Item = &Association> {
        let all = self.associations.iter();
        all.filter(move |association| association.usage() == usage)
    }

    /// What chains may end at: certificates of the chain that a record stands for, and what records
    /// have in full, which need not be shown (RFC 7671 section 5.2).
    fn anchors(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> RootCertStore {
        let shown = &intermediates[..intermediates.len().min(CHAIN_CERTIFICATES_MAX)];
        let mut anchors = RootCertStore::empty();
        for association in self.of(CertificateUsage::DaneTa) {
            let matching = shown.iter().filter(|shown| association.matches(shown));
            let in_full = association.full_certificate();
            let certificates = matching
                .map(|shown| CertificateDer::from_slice(shown))
                .chain(in_full.map(CertificateDer::from_slice));
            anchors.add_parsable_certificates(certificates);
            if let Some(key) = association.full_key().and_then(contents) {
                let signed = std::iter::once(end_entity).chain(shown);
                anchors.extend(signed.filter_map(|signed| anchor_of_key(key, signed)));
            }
        }
        anchors
    }

    fn verify_name(&self, certificate: &ParsedCertificate<'_>) -> Result<(), Error> {
        let mut wrong = None;
        for name in &self.names {
            let Ok(name) = ServerName::try_from(name.as_str()) else {
                continue;
            };
            match verify_server_name(certificate, &name) {
                Ok(()) => return Ok(()),
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        Err(wrong.unwrap_or_else(no_match))
    }
}

fn no_match() -> Error {
    CertificateError::Other(OtherError(Arc::new(NoMatch))).into()
}

/// A bare key under the name of whoever has signed this certificate: whether it was this key is
/// seen when the signature is checked.
fn anchor_of_key(key: &[u8], signed: &CertificateDer<'_>) -> Option<TrustAnchor<'static>> {
    let (_, parsed) = x509_parser::parse_x509_certificate(signed).ok()?;
    let issuer = contents(parsed.issuer().as_raw())?;
    Some(TrustAnchor {
        subject: Der::from(issuer.to_vec()),
        subject_public_key_info: Der::from(key.to_vec()),
        name_constraints: None,
    })
}

/// What stands in a DER SEQUENCE that is all there is, of less than 64 KiB.
fn contents(der: &[u8]) -> Option<&[u8]> {
    let (size, rest) = match der {
        [0x30, size @ 0..=0x7f, rest @ ..] => (usize::from(*size), rest),
        [0x30, 0x81, size, rest @ ..] => (usize::from(*size), rest),
        [0x30, 0x82, high, low, rest @ ..] => {
            (usize::from(u16::from_be_bytes([*high, *low])), rest)
        }
        _ => return None,
    };
    (rest.len() == size).then_some(rest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::proto::tlsa::{TlsaRecord, usable};
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PublicKeyData,
        date_time_ymd,
    };
    use ring::digest::{SHA256, SHA512, digest};
    use std::time::Duration;

    type Authority = CertifiedIssuer<'static, KeyPair>;

    /// The beginning of 2024.
    const NOW: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_704_067_200));

    fn authority(name: &str, above: Option<&Authority>) -> Authority {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        match above {
            Some(above) => CertifiedIssuer::signed_by(params, key, above).unwrap(),
            None => CertifiedIssuer::self_signed(params, key).unwrap(),
        }
    }

    /// A server's certificate for a name, signed by somebody or by itself, and its key; `until` is
    /// the year in which it ends.
    fn server(
        name: &str,
        by: Option<&Authority>,
        until: i32,
    ) -> (CertificateDer<'static>, Vec<u8>) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let made = match by {
            Some(by) => params.signed_by(&key, by).unwrap(),
            None => params.self_signed(&key).unwrap(),
        };
        (made.der().clone(), key.subject_public_key_info())
    }

    fn record(usage: u8, selector: u8, matching_type: u8, selected: &[u8]) -> TlsaRecord {
        TlsaRecord {
            usage,
            selector,
            matching_type,
            data: match matching_type {
                1 => digest(&SHA256, selected).as_ref().to_vec(),
                2 => digest(&SHA512, selected).as_ref().to_vec(),
                _ => selected.to_vec(),
            },
        }
    }

    /// What becomes of a chain, the server's own certificate first.
    fn checked(
        records: &[TlsaRecord],
        names: &[&str],
        chain: &[&CertificateDer<'static>],
    ) -> Result<(), Error> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        let behind: Vec<_> = chain[1..].iter().map(|one| (*one).clone()).collect();
        Dane::new(usable(records), names).verify(chain[0], &behind, NOW, &algorithms)
    }

    fn fault(result: Result<(), Error>) -> CertificateError {
        match result {
            Err(Error::InvalidCertificate(fault)) => fault,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn the_servers_own_certificate_or_key_is_enough() {
        // RFC 7672 section 3.1.1: of another name, long over, by itself or by nobody known.
        let (own, key) = server("elsewhere.example", None, 2001);
        let (other, _) = server("mx.town.example", None, 2099);
        let (of_ca, _) = server("elsewhere.example", Some(&authority("ca", None)), 2001);
        for matching_type in 0..=2 {
            let by_key = record(3, 1, matching_type, &key);
            let by_cert = record(3, 0, matching_type, &own);
            let by_signed = record(3, 0, matching_type, &of_ca);
            let names = &["mx.town.example"];
            for (record, shown) in [(&by_key, &own), (&by_cert, &own), (&by_signed, &of_ca)] {
                let records = std::slice::from_ref(record);
                assert_eq!(checked(records, names, &[shown]), Ok(()));
                let wrong = fault(checked(records, names, &[&other]));
                assert!(matches!(wrong, CertificateError::Other(_)), "{wrong:?}");
            }
            // One of several will do: keys are changed while both are in the DNS.
            assert_eq!(checked(&[by_signed, by_key], names, &[&own]), Ok(()));
        }
    }

    #[test]
    fn below_a_trust_anchor_names_and_dates_count() {
        let root = authority("root", None);
        let middle = authority("middle", Some(&root));
        let (good, _) = server("mx.town.example", Some(&middle), 2099);
        let (old, _) = server("mx.town.example", Some(&middle), 2001);
        let (stranger, _) = server("mx.town.example", Some(&authority("root", None)), 2099);
        let names = &["mx.town.example", "town.example"];
        for (anchor, key) in [
            (root.der(), root.key().subject_public_key_info()),
            (middle.der(), middle.key().subject_public_key_info()),
        ] {
            for record in [
                record(2, 0, 0, anchor),
                record(2, 0, 1, anchor),
                record(2, 0, 2, anchor),
                record(2, 1, 0, &key),
                record(2, 1, 1, &key),
                record(2, 1, 2, &key),
            ] {
                let records = std::slice::from_ref(&record);
                let check = |server, names: &[&str]| {
                    checked(records, names, &[server, middle.der(), root.der()])
                };
                assert_eq!(check(&good, names), Ok(()), "{record:?}");
                assert_eq!(check(&good, &["a.example", names[0]]), Ok(()), "{record:?}");
                assert!(matches!(
                    fault(check(&good, &["mx.evil.example"])),
                    CertificateError::NotValidForNameContext { .. }
                ));
                assert!(matches!(
                    fault(check(&good, &[])),
                    CertificateError::Other(_)
                ));
                assert!(matches!(
                    fault(check(&old, names)),
                    CertificateError::ExpiredContext { .. }
                ));
                assert!(check(&stranger, names).is_err(), "{record:?}");
            }
        }
    }

    #[test]
    fn a_trust_anchor_by_its_digest_must_be_shown() {
        let root = authority("root", None);
        let (good, _) = server("mx.town.example", Some(&root), 2099);
        let names = &["mx.town.example"];
        let key = root.key().subject_public_key_info();
        for in_full in [record(2, 0, 0, root.der()), record(2, 1, 0, &key)] {
            assert_eq!(checked(&[in_full], names, &[&good]), Ok(()));
        }
        for digest in [record(2, 0, 1, root.der()), record(2, 1, 2, &key)] {
            let wrong = fault(checked(&[digest], names, &[&good]));
            assert!(matches!(wrong, CertificateError::Other(_)), "{wrong:?}");
        }
        // The server's own certificate is no anchor, and a key that signed nothing is none either.
        let (alone, own_key) = server("mx.town.example", None, 2099);
        assert!(checked(&[record(2, 1, 1, &own_key)], names, &[&alone]).is_err());
        let (_, unknown) = server("x.example", None, 2099);
        assert!(checked(&[record(2, 1, 0, &unknown)], names, &[&good]).is_err());
    }

    #[test]
    fn nothing_that_is_shown_is_taken_without_a_record() {
        let (own, key) = server("mx.town.example", None, 2099);
        let pkix = [record(0, 1, 1, &key), record(1, 0, 0, &own)];
        for records in [&[][..], &pkix] {
            let wrong = fault(checked(records, &["mx.town.example"], &[&own]));
            assert!(matches!(wrong, CertificateError::Other(_)), "{wrong:?}");
        }
        let other = CertificateError::Other(OtherError(Arc::new(NoMatch)));
        let CertificateError::Other(other) = other else {
            return;
        };
        assert!(other.to_string().contains("no TLSA record"));
    }

    #[test]
    fn noise_from_a_server_is_refused() {
        let root = authority("root", None);
        let (good, _) = server("mx.town.example", Some(&root), 2099);
        let records = [
            record(3, 1, 1, b"a"),
            record(2, 1, 0, &root.key().subject_public_key_info()),
        ];
        let names = &["mx.town.example"];
        for cut in 0..good.len() {
            let noise = CertificateDer::from(good[..cut].to_vec());
            assert!(checked(&records, names, &[&noise]).is_err());
            assert_eq!(checked(&records, names, &[&good, &noise]), Ok(()));
        }
        for noise in [&b""[..], b"\x30", b"\x30\x05", b"\x30\x82\x01", b"\x31\x00"] {
            assert_eq!(contents(noise), None);
        }
        assert_eq!(contents(b"\x30\x81\x01x"), Some(&b"x"[..]));
        assert_eq!(contents(b"\x30\x00"), Some(&b""[..]));
    }
}
