//! The trunk as others see it: start, place a call, close.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::call::{self, CallOrder};
use super::pacing::Pacing;
use super::ports::PortRange;
use super::stack::Stack;
use crate::clock::Randomness;
use crate::proto::call::{CallEnd, CallFailure, CallResult, Progress};
use crate::proto::media::Codec;
use crate::proto::media::session::Listen;

/// How long a closing trunk waits for its last BYEs and acknowledgements.
pub(crate) const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// How long a closing trunk lets acknowledgements on their way pass the guard.
const LAST_DATAGRAMS_WAIT: Duration = Duration::from_millis(100);

/// What SIP travels over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SipTransport {
    /// UDP.
    Udp,
    /// One TCP connection, opened again when it breaks.
    Tcp,
}

/// User and password of the trunk's digest challenge.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// User.
    pub user: String,
    /// Password.
    pub password: SecretString,
}

/// All that a trunk needs to know.
#[derive(Debug, Clone)]
pub struct TrunkConfig {
    /// The provider's host name or IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What SIP travels over.
    pub transport: SipTransport,
    /// Where SIP is spoken from (the port counts for UDP only).
    pub bind: SocketAddr,
    /// Address that the trunk reaches us under, where it differs from the local one.
    pub public_address: Option<IpAddr>,
    /// For a digest challenge.
    pub credentials: Option<Credentials>,
    /// Domain of our From address.
    pub domain: String,
    /// Number shown to the called, E.164 with `+`.
    pub caller_id: String,
    /// First and last UDP port of media.
    pub rtp_ports: (u16, u16),
    /// Codecs offered, in order.
    pub codecs: Vec<Codec>,
    /// Calls at a time.
    pub calls_max: u32,
    /// New calls a second.
    pub calls_per_second: u32,
    /// What to listen for in the audio of a call.
    pub listen: Listen,
    /// Tolerance: take media from addresses that the peer did not name (a telephone behind an
    /// address translator, a PBX that does not pass media on). Whoever guesses the port may then
    /// press keys.
    pub media_from_anywhere: bool,
}

/// Why a trunk could not start.
#[derive(Debug, thiserror::Error)]
pub enum SipError {
    /// The host name has no address.
    #[error("the trunk's host has no address")]
    NoAddress,
    /// A number, domain or host that SIP cannot carry.
    #[error("{0} cannot be written as a SIP address")]
    BadAddress(&'static str),
    /// The system refused.
    #[error("socket")]
    Io(#[from] io::Error),
}

/// A running trunk. Clones share it.
#[derive(Clone)]
pub struct SipTrunk {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: TrunkConfig,
    pub(crate) stack: Stack,
    pub(crate) pacing: Pacing,
    pub(crate) ports: PortRange,
    /// The address that goes into Contact and SDP.
    pub(crate) own_ip: IpAddr,
    pub(crate) server_ips: Vec<IpAddr>,
    pub(crate) random: Randomness,
    pub(crate) tasks: TaskTracker,
    stop: CancellationToken,
}

impl SipTrunk {
    /// Binds the sockets and gets ready to call. Nothing is sent yet.
    ///
    /// # Errors
    /// [`SipError`] when the host has no address or a socket cannot be had.
    pub async fn start(config: TrunkConfig, random: Randomness) -> Result<Self, SipError> {
        let servers = resolve(&config).await?;
        let server = *servers.first().ok_or(SipError::NoAddress)?;
        let local_ip = local_ip_towards(config.bind.ip(), server).await?;
        let own_ip = config.public_address.unwrap_or(local_ip);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let server_ips: Vec<IpAddr> = servers.iter().map(SocketAddr::ip).collect();
        let stack =
            Stack::start(&config, own_ip, server, server_ips.clone(), &stop, &tasks).await?;
        let pacing = Pacing::new(config.calls_max, config.calls_per_second);
        let (first, last) = config.rtp_ports;
        let media_ip = if config.bind.ip().is_unspecified() {
            config.bind.ip()
        } else {
            local_ip
        };
        let ports = PortRange {
            ip: media_ip,
            first,
            last,
        };
        Ok(Self {
            shared: Arc::new(Shared {
                config,
                stack,
                pacing,
                ports,
                own_ip,
                server_ips,
                random,
                tasks,
                stop,
            }),
        })
    }

    /// The most calls at a time.
    pub fn calls_max(&self) -> usize {
        usize::try_from(self.shared.config.calls_max).unwrap_or(usize::MAX)
    }

    /// The address that SIP is spoken from.
    pub fn local_addr(&self) -> SocketAddr {
        self.shared.stack.own_addr()
    }

    /// Places one call and sees it through. `cancel` withdraws it or hangs up; the result says
    /// what is true then.
    pub async fn call(
        &self,
        order: CallOrder,
        progress: mpsc::Sender<Progress>,
        cancel: CancellationToken,
    ) -> CallResult {
        let turn = tokio::select! {
            turn = self.shared.pacing.begin() => turn,
            () = cancel.cancelled() => None,
        };
        let Some(_turn) = turn else {
            return aborted();
        };
        match call::run(&self.shared, order, progress, cancel).await {
            Ok(result) => result,
            Err(error) => {
                tracing::warn!(%error, "call could not begin");
                CallResult {
                    failure: Some(CallFailure::TransportFailed),
                    end: CallEnd::Failed,
                    ..aborted()
                }
            }
        }
    }

    /// Lets no call begin, waits for the last BYEs (at most five seconds), gives the sockets
    /// back. Calls that still run are the caller's to cancel first.
    pub async fn close(&self) {
        self.shared.pacing.close();
        self.shared.tasks.close();
        let _ = tokio::time::timeout(CLOSE_WAIT, self.shared.stack.quiet()).await;
        tokio::time::sleep(LAST_DATAGRAMS_WAIT).await;
        self.shared.stop.cancel();
    }
}

fn aborted() -> CallResult {
    CallResult {
        end: CallEnd::Aborted,
        answer: None,
        failure: None,
        plays: 0,
        keys: Vec::new(),
    }
}

async fn resolve(config: &TrunkConfig) -> Result<Vec<SocketAddr>, SipError> {
    let host = config.host.trim_matches(['[', ']']);
    let found = tokio::net::lookup_host((host, config.port)).await?;
    let wants_v4 = config.bind.is_ipv4();
    Ok(found.filter(|addr| addr.is_ipv4() == wants_v4).collect())
}

/// The local address that packets to `server` leave from.
async fn local_ip_towards(bind: IpAddr, server: SocketAddr) -> io::Result<IpAddr> {
    if !bind.is_unspecified() {
        return Ok(bind);
    }
    let probe = UdpSocket::bind(SocketAddr::new(bind, 0)).await?;
    probe.connect(server).await?;
    Ok(probe.local_addr()?.ip())
}
