//! What a bind is told when it starts.

use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::{ClientConfig, pki_types::ServerName};

use crate::proto::smpp::{BindMode, BindRequest, Config};

/// A bind's peer, account, limits and times.
#[derive(Clone)]
pub struct SmppSettings {
    /// Its name in logs and metrics.
    pub name: String,
    /// Host name or address of the message centre.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// TLS from the first octet.
    pub tls: Option<TlsSettings>,
    /// What the bind is for.
    pub mode: BindMode,
    /// Account.
    pub request: BindRequest,
    /// Window and timers. `bind_timeout` also bounds the connection's setup.
    pub session: Config,
    /// `submit_sm` a second.
    pub rate_per_second: u32,
    /// First wait before another try; doubles with each failure. A refused login waits longer
    /// ([`super::REFUSED_DELAY_MIN`]).
    pub reconnect_delay: Duration,
    /// Longest such wait.
    pub reconnect_delay_max: Duration,
    /// First pause when the centre says that it is too much; doubles while it goes on.
    pub throttle_delay: Duration,
    /// Seed of the reconnect jitter.
    pub jitter_seed: u64,
}

/// How TLS is made.
#[derive(Clone)]
pub struct TlsSettings {
    /// Trust and client certificate.
    pub config: Arc<ClientConfig>,
    /// The name in the centre's certificate.
    pub server_name: ServerName<'static>,
}

impl std::fmt::Debug for SmppSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmppSettings")
            .field("name", &self.name)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("is_tls", &self.tls.is_some())
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl SmppSettings {
    /// Settings for a plain transceiver with usual limits, to change from.
    pub fn new(name: &str, host: &str, port: u16, request: BindRequest) -> Self {
        Self {
            name: name.to_owned(),
            host: host.to_owned(),
            port,
            tls: None,
            mode: BindMode::Transceiver,
            request,
            session: Config::default(),
            rate_per_second: 10,
            reconnect_delay: Duration::from_secs(1),
            reconnect_delay_max: Duration::from_secs(60),
            throttle_delay: Duration::from_secs(1),
            jitter_seed: 0,
        }
    }
}
