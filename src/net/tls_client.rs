//! TLS as a client: with certificates that verify by roots or by TLSA records (RFC 7672), or
//! opportunistically (RFC 7435).

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

use super::dane::Dane;

/// A file of roots larger than this is not one.
const ROOTS_SIZE_MAX: u64 = 4 << 20;

/// Why a file of roots cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// It could not be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{path}: {reason}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] Error),
}

/// The settings of a client. With `verify`, the server's certificate must be good for its name by
/// the system's roots; without, any will do, and only signatures are checked.
///
/// # Errors
/// Never with the built-in ring provider; kept for the day that changes.
pub fn client_config(verify: bool) -> Result<Arc<ClientConfig>, Error> {
    static VERIFYING: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    static OPPORTUNISTIC: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let known = if verify { &VERIFYING } else { &OPPORTUNISTIC };
    if let Some(config) = known.get() {
        return Ok(Arc::clone(config));
    }
    let config = if verify {
        verifying(system_roots())?
    } else {
        without_roots(Check::None)?
    };
    Ok(Arc::clone(known.get_or_init(|| Arc::new(config))))
}

/// Like `client_config(true)`, with these roots instead of the system's.
///
/// # Errors
/// As [`client_config`].
pub fn client_config_with_roots(roots: RootCertStore) -> Result<Arc<ClientConfig>, Error> {
    verifying(roots).map(Arc::new)
}

/// Like `client_config(true)`, with the roots of a PEM file besides the system's.
///
/// # Errors
/// When the file cannot be read or holds anything but certificates that can be trusted.
pub fn client_config_with_more_roots(pem: &Path) -> Result<Arc<ClientConfig>, RootsError> {
    let mut roots = system_roots();
    for root in read_roots(pem)? {
        roots.add(root).map_err(|error| RootsError::Content {
            path: pem.to_owned(),
            reason: format!("has a certificate that cannot be a root: {error}"),
        })?;
    }
    Ok(client_config_with_roots(roots)?)
}

/// The settings of a client that holds a server's certificate against its TLSA records.
///
/// # Errors
/// As [`client_config`].
pub fn client_config_with_tlsa(dane: Arc<Dane>) -> Result<Arc<ClientConfig>, Error> {
    let mut config = without_roots(Check::Tlsa(dane))?;
    // They serve one connection, and what a session was begun with may not hold any more.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let file = |source| RootsError::File {
        path: path.to_owned(),
        source,
    };
    let content = |reason| RootsError::Content {
        path: path.to_owned(),
        reason,
    };
    let mut text = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(ROOTS_SIZE_MAX + 1).read_to_end(&mut text))
        .map_err(file)?;
    if text.len() as u64 > ROOTS_SIZE_MAX {
        return Err(content(format!("is larger than {ROOTS_SIZE_MAX} bytes")));
    }
    let roots = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| content(format!("is not PEM: {error}")))?;
    if roots.is_empty() {
        return Err(content("has no certificate".to_owned()));
    }
    Ok(roots)
}

fn verifying(roots: RootCertStore) -> Result<ClientConfig, Error> {
    Ok(
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

fn without_roots(check: Check) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = WithoutRoots {
        check,
        provider: Arc::clone(&provider),
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!(ignored, "no root certificate found on this system");
    }
    roots
}

/// Looks at certificates without any roots.
#[derive(Debug)]
struct WithoutRoots {
    check: Check,
    provider: Arc<CryptoProvider>,
}

/// Which certificates will do.
#[derive(Debug)]
enum Check {
    /// Any: against a passive listener encryption without authentication is better than none.
    None,
    /// Those that the server's TLSA records stand for.
    Tlsa(Arc<Dane>),
}

impl ServerCertVerifier for WithoutRoots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.check {
            Check::None => {}
            Check::Tlsa(dane) => {
                let algorithms = &self.provider.signature_verification_algorithms;
                dane.verify(end_entity, intermediates, now, algorithms)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_made_once() {
        for verify in [true, false] {
            assert!(Arc::ptr_eq(
                &client_config(verify).unwrap(),
                &client_config(verify).unwrap()
            ));
        }
    }
}
