//! Our certificate: loaded from PEM files or made for development, and replaced
//! while connections go on.
//!
//! Listeners hold a `watch::Receiver` and take the newest configuration for each
//! handshake; a certificate that cannot be loaded leaves the one in force.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

use crate::clock::SharedClock;

/// A chain or key file larger than this is not one.
const PEM_SIZE_MAX: u64 = 256 << 10;
/// Certificates in one chain.
const CHAIN_LEN_MAX: usize = 10;
/// How long a certificate made for development is valid.
const SELF_SIGNED_DAYS: i64 = 365;
/// One that has less than this left is made again.
const SELF_SIGNED_RENEW_DAYS: i64 = 30;
const DAY_SECS: i64 = 24 * 3600;
/// Not valid before yesterday, for clients whose clocks are behind.
const BACKDATE_SECS: i64 = DAY_SECS;

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// PEM files of somebody who knows what a CA is.
    Files {
        /// Our certificate, then its issuers.
        certificate: PathBuf,
        /// The private key.
        key: PathBuf,
    },
    /// A self-signed one, kept in `folder` as `certificate.pem` and `key.pem`.
    SelfSigned {
        /// Where it is kept; made if missing.
        folder: PathBuf,
        /// Host names and IP addresses that it is for; the first is the subject.
        names: Vec<String>,
    },
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The self-signed certificate could not be made.
    #[error("cannot make a self-signed certificate: {0}")]
    Generate(String),
    /// The certificate and key do not go together, or TLS cannot use them.
    #[error("cannot use the certificate: {0}")]
    Unusable(#[from] rustls::Error),
}

/// The certificate in force.
#[derive(Debug)]
pub struct ServerTls {
    source: CertificateSource,
    clock: SharedClock,
    loaded: Mutex<Loaded>,
    configs: watch::Sender<Arc<ServerConfig>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Loaded {
    chain: Vec<CertificateDer<'static>>,
    /// SHA-256 of the key, to notice a new one.
    key_digest: Vec<u8>,
    not_after_secs: i64,
}

impl ServerTls {
    /// Loads the certificate, making a self-signed one if that is asked for.
    /// Reads files: call it before the listeners run, or from a blocking thread.
    ///
    /// # Errors
    /// When there is no certificate that TLS can use.
    pub fn load(source: CertificateSource, clock: SharedClock) -> Result<ServerTls, TlsError> {
        let (loaded, config) = read(&source, &clock)?;
        let (configs, _) = watch::channel(config);
        Ok(ServerTls {
            source,
            clock,
            loaded: Mutex::new(loaded),
            configs,
        })
    }

    /// What listeners take the newest configuration from.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<ServerConfig>> {
        self.configs.subscribe()
    }

    /// Reads the files again; `true` when the certificate or key is another one.
    /// Reads files: call it from a blocking thread.
    ///
    /// # Errors
    /// As [`ServerTls::load`]; the certificate in force then stays in force.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let (loaded, config) = read(&self.source, &self.clock)?;
        let mut current = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if *current == loaded {
            return Ok(false);
        }
        *current = loaded;
        self.configs.send_replace(config);
        Ok(true)
    }

    /// Whole days until the certificate ends; negative when it has ended.
    #[must_use]
    pub fn days_left(&self) -> i64 {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        days_until(loaded.not_after_secs, &self.clock)
    }
}

fn read(
    source: &CertificateSource,
    clock: &SharedClock,
) -> Result<(Loaded, Arc<ServerConfig>), TlsError> {
    match source {
        CertificateSource::Files { certificate, key } => read_files(certificate, key),
        CertificateSource::SelfSigned { folder, names } => {
            let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
            if !self_signed_serves(&certificate, &key, names, clock) {
                make_self_signed(folder, &certificate, &key, names, clock)?;
            }
            read_files(&certificate, &key)
        }
    }
}

fn read_files(certificate: &Path, key: &Path) -> Result<(Loaded, Arc<ServerConfig>), TlsError> {
    let content = |path: &Path, reason: String| TlsError::Content {
        path: path.to_owned(),
        reason,
    };
    let chain = CertificateDer::pem_slice_iter(&read_pem(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| content(certificate, format!("is not PEM: {error}")))?;
    if chain.is_empty() || chain.len() > CHAIN_LEN_MAX {
        let reason = format!(
            "has {} certificates; 1 to {CHAIN_LEN_MAX} are needed",
            chain.len()
        );
        return Err(content(certificate, reason));
    }
    let not_after_secs = not_after(&chain[0]).map_err(|reason| content(certificate, reason))?;
    let private = PrivateKeyDer::from_pem_slice(&read_pem(key)?)
        .map_err(|error| content(key, format!("has no private key: {error}")))?;
    let key_digest = ring::digest::digest(&ring::digest::SHA256, private.secret_der());
    let loaded = Loaded {
        chain: chain.clone(),
        key_digest: key_digest.as_ref().to_vec(),
        not_after_secs,
    };

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    CertifiedKey::from_der(chain.clone(), private.clone_key(), &provider)?.keys_match()?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)?;
    Ok((loaded, Arc::new(config)))
}

fn read_pem(path: &Path) -> Result<Vec<u8>, TlsError> {
    let file = |source| TlsError::File {
        path: path.to_owned(),
        source,
    };
    if std::fs::metadata(path).map_err(file)?.len() > PEM_SIZE_MAX {
        let reason = format!("is larger than {PEM_SIZE_MAX} bytes");
        return Err(TlsError::Content {
            path: path.to_owned(),
            reason,
        });
    }
    std::fs::read(path).map_err(file)
}

/// Seconds since the Unix epoch at which a certificate ends.
fn not_after(certificate: &CertificateDer<'_>) -> Result<i64, String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|error| format!("has a certificate that cannot be parsed: {error}"))?;
    Ok(parsed.validity().not_after.timestamp())
}

fn now_secs(clock: &SharedClock) -> i64 {
    i64::try_from(clock.wall().as_secs()).unwrap_or(i64::MAX)
}

fn days_until(secs: i64, clock: &SharedClock) -> i64 {
    secs.saturating_sub(now_secs(clock)).div_euclid(DAY_SECS)
}

/// Whether the kept certificate is for these names and lasts a while.
fn self_signed_serves(
    certificate: &Path,
    key: &Path,
    names: &[String],
    clock: &SharedClock,
) -> bool {
    let Ok((loaded, _)) = read_files(certificate, key) else {
        return false;
    };
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(&loaded.chain[0]) else {
        return false;
    };
    let Ok(Some(alternatives)) = parsed.subject_alternative_name() else {
        return false;
    };
    let has = |name: &String| {
        alternatives
            .value
            .general_names
            .iter()
            .any(|entry| match entry {
                x509_parser::extensions::GeneralName::DNSName(dns) => *dns == name.as_str(),
                x509_parser::extensions::GeneralName::IPAddress(bytes) => match name.parse() {
                    Ok(std::net::IpAddr::V4(v4)) => v4.octets() == *bytes,
                    Ok(std::net::IpAddr::V6(v6)) => v6.octets() == *bytes,
                    Err(_) => false,
                },
                _ => false,
            })
    };
    names.iter().all(has) && days_until(loaded.not_after_secs, clock) >= SELF_SIGNED_RENEW_DAYS
}

fn make_self_signed(
    folder: &Path,
    certificate: &Path,
    key: &Path,
    names: &[String],
    clock: &SharedClock,
) -> Result<(), TlsError> {
    let failed = |error: rcgen::Error| TlsError::Generate(error.to_string());
    let mut params = rcgen::CertificateParams::new(names.to_vec()).map_err(failed)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    let subject = names.first().map_or("localhost", String::as_str);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, subject);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let (year, month, day) = civil_date(now_secs(clock).saturating_sub(BACKDATE_SECS))?;
    params.not_before = rcgen::date_time_ymd(year, month, day);
    let (year, month, day) =
        civil_date(now_secs(clock).saturating_add(SELF_SIGNED_DAYS * DAY_SECS))?;
    params.not_after = rcgen::date_time_ymd(year, month, day);
    let pair = rcgen::KeyPair::generate().map_err(failed)?;
    let made = params.self_signed(&pair).map_err(failed)?;

    std::fs::create_dir_all(folder).map_err(|source| TlsError::File {
        path: folder.to_owned(),
        source,
    })?;
    write_private(key, pair.serialize_pem().as_bytes())?;
    write_private(certificate, made.pem().as_bytes())
}

/// Year, month and day (UTC) of a second since the Unix epoch.
fn civil_date(secs: i64) -> Result<(i32, u8, u8), TlsError> {
    let generate = |error: &dyn std::fmt::Display| TlsError::Generate(error.to_string());
    let moment = jiff::Timestamp::from_second(secs).map_err(|error| generate(&error))?;
    let date = moment.to_zoned(jiff::tz::TimeZone::UTC).date();
    let part = |part: i8| u8::try_from(part).map_err(|error| generate(&error));
    Ok((
        i32::from(date.year()),
        part(date.month())?,
        part(date.day())?,
    ))
}

/// Writes beside the file and renames, readable by us alone.
fn write_private(path: &Path, content: &[u8]) -> Result<(), TlsError> {
    let file_error = |source| TlsError::File {
        path: path.to_owned(),
        source,
    };
    let beside = path.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .map_err(file_error)?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(file_error)?;
    std::fs::rename(&beside, path).map_err(file_error)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::{Clock, SystemClock, VirtualClock};

    fn self_signed(folder: &Path, names: &[&str]) -> CertificateSource {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        CertificateSource::SelfSigned {
            folder: folder.to_owned(),
            names,
        }
    }

    fn files(folder: &Path) -> CertificateSource {
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        CertificateSource::Files { certificate, key }
    }

    #[test]
    fn a_self_signed_certificate_is_kept_and_renewed_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let source = self_signed(folder.path(), &["mail.example.org", "127.0.0.1"]);
        let clock = VirtualClock::standing(SystemClock.wall());
        let tls = ServerTls::load(source.clone(), clock.clone()).unwrap();
        assert!(
            (363..=365).contains(&tls.days_left()),
            "{}",
            tls.days_left()
        );
        let kept = std::fs::read(folder.path().join("certificate.pem")).unwrap();
        assert!(!tls.reload().unwrap());

        ServerTls::load(source.clone(), clock.clone()).unwrap();
        assert_eq!(
            std::fs::read(folder.path().join("certificate.pem")).unwrap(),
            kept
        );

        clock.advance(Duration::from_secs(350 * 24 * 3600));
        assert!((13..=15).contains(&tls.days_left()));
        assert!(tls.reload().unwrap());
        assert!(tls.days_left() >= 363);

        let others = self_signed(folder.path(), &["other.example.org"]);
        ServerTls::load(others, clock).unwrap();
        let text = std::fs::read(folder.path().join("certificate.pem")).unwrap();
        let der = CertificateDer::from_pem_slice(&text).unwrap();
        assert!(String::from_utf8_lossy(&der).contains("other.example.org"));
    }

    #[test]
    fn only_we_can_read_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        ServerTls::load(
            self_signed(folder.path(), &["localhost"]),
            SystemClock::shared(),
        )
        .unwrap();
        let mode = std::fs::metadata(folder.path().join("key.pem"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_new_certificate_reaches_the_listeners_and_a_bad_one_does_not() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&first, &second] {
            let source = self_signed(folder.path(), &["localhost"]);
            ServerTls::load(source, SystemClock::shared()).unwrap();
        }
        let tls = ServerTls::load(files(first.path()), SystemClock::shared()).unwrap();
        let mut configs = tls.subscribe();
        let before = configs.borrow_and_update().clone();

        // The certificate is replaced, its key not yet: they do not go together.
        let copy = |name: &str| {
            std::fs::copy(second.path().join(name), first.path().join(name)).unwrap();
        };
        copy("certificate.pem");
        assert!(matches!(tls.reload(), Err(TlsError::Unusable(_))));
        assert!(!configs.has_changed().unwrap());

        copy("key.pem");
        assert!(tls.reload().unwrap());
        assert!(configs.has_changed().unwrap());
        assert!(!Arc::ptr_eq(&before, &configs.borrow_and_update()));
        assert!(!tls.reload().unwrap());
    }

    #[tokio::test]
    async fn a_client_that_trusts_it_gets_through_and_another_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let source = self_signed(folder.path(), &["mail.example.org"]);
        let tls = ServerTls::load(source, SystemClock::shared()).unwrap();
        let pem = std::fs::read(folder.path().join("certificate.pem")).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(&pem).unwrap())
            .unwrap();
        for (name, expected) in [("mail.example.org", true), ("other.example.org", false)] {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let client = rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
            let acceptor = tokio_rustls::TlsAcceptor::from(tls.subscribe().borrow().clone());
            let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
            let (near, far) = tokio::io::duplex(16 << 10);
            let server_name = name.try_into().unwrap();
            let (here, there) =
                tokio::join!(connector.connect(server_name, near), acceptor.accept(far));
            assert_eq!(
                (here.is_ok(), there.is_ok()),
                (expected, expected),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_not_a_certificate_is_named() {
        let folder = tempfile::tempdir().unwrap();
        ServerTls::load(
            self_signed(folder.path(), &["localhost"]),
            SystemClock::shared(),
        )
        .unwrap();
        let load = || {
            ServerTls::load(files(folder.path()), SystemClock::shared())
                .unwrap_err()
                .to_string()
        };
        let key = folder.path().join("key.pem");
        let good = std::fs::read(&key).unwrap();
        std::fs::write(&key, "nonsense").unwrap();
        assert!(load().contains("key.pem: has no private key"), "{}", load());
        std::fs::write(&key, good).unwrap();
        let certificate = folder.path().join("certificate.pem");
        std::fs::write(&certificate, "").unwrap();
        assert!(
            load().contains("certificate.pem: has 0 certificates"),
            "{}",
            load()
        );
        std::fs::write(&certificate, vec![b'x'; 300 << 10]).unwrap();
        assert!(load().contains("larger"), "{}", load());
        std::fs::remove_file(&certificate).unwrap();
        assert!(
            load().contains("certificate.pem: No such file"),
            "{}",
            load()
        );
    }
}
