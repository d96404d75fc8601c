//! Getting a connection, in clear or encrypted, and what can go wrong with it.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{CertificateError, ClientConfig, pki_types::ServerName};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::{reply::RawReply, route::TlsPolicy, stream::Transport};
use crate::{
    classify::smtp_reply::Phase,
    config::TlsMode,
    domain::{EnhancedStatus, Fault, Permanence, Reason, Verdict},
    observe::Metrics,
};

/// How long each phase may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    pub(super) connect: Duration,
    pub(super) greeting: Duration,
    pub(super) command: Duration,
    pub(super) data: Duration,
}

/// How to begin.
#[derive(Clone)]
pub(super) struct Opening {
    pub(super) address: SocketAddr,
    /// Name for diagnostics.
    pub(super) host: String,
    /// Name for certificates.
    pub(super) tls_name: String,
    pub(super) source: Option<std::net::IpAddr>,
    pub(super) helo: String,
    pub(super) tls: TlsMode,
    pub(super) tls_config: Arc<ClientConfig>,
    /// What asks for it.
    pub(super) policy: TlsPolicy,
    pub(super) metrics: Arc<Metrics>,
    /// User and password for AUTH.
    pub(super) login: Option<(String, String)>,
    pub(super) timeouts: Timeouts,
}

/// Why a mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No connection, a lost one, a late reply, no TLS: another host may do.
    Link(Verdict),
    /// The whole mail was handed over, and nothing came that says what became of it.
    Unanswered(Verdict),
    /// The connection as a whole was refused.
    Closed { reply: RawReply },
    /// Sender, recipient or message was refused.
    Refused { reply: RawReply, phase: Phase },
    /// The server cannot take such a mail at all.
    Unfit(Verdict),
    /// We were told to stop, and nothing was handed over.
    Cancelled,
}

pub(super) async fn connect(opening: &Opening) -> Result<TcpStream, Trouble> {
    let attempt = async {
        let Some(source) = opening
            .source
            .filter(|source| source.is_ipv4() == opening.address.is_ipv4())
        else {
            return TcpStream::connect(opening.address).await;
        };
        let socket = if source.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.bind(SocketAddr::new(source, 0))?;
        socket.connect(opening.address).await
    };
    let failed = |why: String| {
        Trouble::Link(link_verdict(
            &opening.host,
            &format!("connect to {}: {why}", opening.address),
        ))
    };
    let stream = timeout(opening.timeouts.connect, attempt)
        .await
        .map_err(|_| failed("timed out".to_owned()))?;
    let stream = stream.map_err(|error| failed(error.to_string()))?;
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

pub(super) async fn encrypt(opening: &Opening, tcp: TcpStream) -> Result<Transport, Trouble> {
    let failed = |why: &str| Trouble::Link(opening.tls_verdict(why));
    let name = ServerName::try_from(opening.tls_name.clone())
        .map_err(|_| failed("no name that a certificate could have"))?;
    let handshake = TlsConnector::from(Arc::clone(&opening.tls_config)).connect(name, tcp);
    let Ok(done) = timeout(opening.timeouts.command, handshake).await else {
        opening.count_tls("validation-failure");
        return Err(failed("handshake timed out"));
    };
    opening.count_tls(
        done.as_ref()
            .map_or_else(result_type, |_| opening.policy.success()),
    );
    done.map(|stream| Transport::Tls(Box::new(stream)))
        .map_err(|error| failed(&told(&error)))
}

impl Opening {
    /// Counts a session by how its TLS ended, in the words of RFC 8460 section 4.3.
    pub(super) fn count_tls(&self, result: &str) {
        let labels = [self.policy.as_str(), result];
        self.metrics.email_tls_sessions.with(&labels).increment();
    }

    /// There is no TLS as it is asked for. Where the recipient's side asks for it nobody has refused
    /// us anything: it does not keep to its own word, or somebody is in the way.
    pub(super) fn tls_verdict(&self, what: &str) -> Verdict {
        let verdict = Verdict::failure(Reason::Tls, Permanence::Temporary);
        let fault = match self.policy {
            TlsPolicy::Sts | TlsPolicy::Tlsa | TlsPolicy::TlsaUnusable => Fault::Network,
            TlsPolicy::Configured | TlsPolicy::NotFound => verdict.fault,
        };
        Verdict { fault, ..verdict }
            .with_status(Some(EnhancedStatus::new(4, 7, 5)))
            .with_diagnostic(format!("{}: {what}", self.host))
    }
}

/// What is wrong with the certificate, if that was why a handshake failed.
fn certificate_fault(error: &std::io::Error) -> Option<&CertificateError> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(fault) => Some(fault),
        _ => None,
    }
}

/// Why a handshake failed, in words.
fn told(error: &std::io::Error) -> String {
    match certificate_fault(error) {
        // rustls shows the name of the type where it does not know what is wrong.
        Some(CertificateError::Other(fault)) => fault.to_string(),
        Some(_) | None => error.to_string(),
    }
}

/// What RFC 8460 section 4.3 calls a handshake that failed so.
fn result_type(error: &std::io::Error) -> &'static str {
    match certificate_fault(error) {
        Some(fault) => match fault {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "certificate-expired"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "certificate-host-mismatch"
            }
            _ => "certificate-not-trusted",
        },
        None => "validation-failure",
    }
}

/// Waits, unless we are told to stop.
pub(super) async fn guarded<T>(
    cancel: &CancellationToken,
    step: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Trouble::Cancelled),
        result = step => result,
    }
}

pub(super) fn link_verdict(host: &str, what: &str) -> Verdict {
    Verdict::failure(Reason::Network, Permanence::Temporary)
        .with_status(Some(EnhancedStatus::new(4, 4, 2)))
        .with_diagnostic(format!("{host}: {what}"))
}
