//! ezk's endpoint, set up for one trunk, and how requests get to it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ezk_sip_core::transport::{TargetTransportInfo, TpHandle};
use ezk_sip_core::{Endpoint, EndpointBuilder};
use ezk_sip_types::host::HostPort;
use ezk_sip_types::uri::SipUri;
use ezk_sip_types::uri::params::Param;
use ezk_sip_ua::dialog::DialogLayer;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::ResolverConfig;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::guard::Guard;
use super::layer::TrunkLayer;
use super::trunk::{SipTransport, TrunkConfig};

/// ezk's endpoint and the way to the trunk.
pub(crate) struct Stack {
    pub(crate) endpoint: Endpoint,
    way: Way,
    /// Requests that must still be finished when the trunk closes.
    pub(crate) last_words: TaskTracker,
    pub(crate) stop: CancellationToken,
}

enum Way {
    Udp {
        own: SocketAddr,
        transport: TpHandle,
        guard: SocketAddr,
    },
    Tcp {
        own_ip: IpAddr,
        server: SocketAddr,
    },
}

impl Stack {
    /// Builds the endpoint; for UDP binds the public socket.
    pub(crate) async fn start(
        config: &TrunkConfig,
        own_ip: IpAddr,
        server: SocketAddr,
        server_ips: Vec<IpAddr>,
        stop: &CancellationToken,
        tasks: &TaskTracker,
    ) -> io::Result<Self> {
        let mut builder = Endpoint::builder();
        builder.user_agent("Tocsin");
        builder.set_dns_resolver(no_resolver()?);
        builder.add_layer(DialogLayer::default());
        builder.add_layer(TrunkLayer);
        let way = match config.transport {
            SipTransport::Udp => {
                let guarded = GuardedUdp {
                    bind: config.bind,
                    own_ip,
                    server,
                    server_ips,
                };
                guarded.start(&mut builder, stop, tasks).await?
            }
            SipTransport::Tcp => {
                if !config.bind.ip().is_unspecified() {
                    builder.set_tcp_connect_bind_address(SocketAddr::new(config.bind.ip(), 0));
                }
                Way::Tcp { own_ip, server }
            }
        };
        Ok(Self {
            endpoint: builder.build(),
            way,
            last_words: TaskTracker::new(),
            stop: stop.clone(),
        })
    }

    /// The way to the trunk for the next request, and the address we are reached at on it. Over
    /// TCP this opens the connection if there is none.
    pub(crate) async fn target(
        &self,
    ) -> Result<(TargetTransportInfo, SocketAddr), ezk_sip_core::Error> {
        let (transport, destination, own) = match &self.way {
            Way::Udp {
                own,
                transport,
                guard,
            } => (transport.clone(), *guard, *own),
            Way::Tcp { own_ip, server } => {
                let uri = SipUri::new(HostPort::from(*server));
                let uri = SipUri {
                    uri_params: uri.uri_params.with(Param::value("transport", "tcp")),
                    ..uri
                };
                let (transport, destination) = self.endpoint.select_transport(&uri).await?;
                let own = SocketAddr::new(*own_ip, transport.bound().port());
                (transport, destination, own)
            }
        };
        let target = TargetTransportInfo {
            via_host_port: Some(own.into()),
            transport: Some((transport, destination)),
        };
        Ok((target, own))
    }

    /// The address that SIP is spoken from; port 0 for TCP.
    pub(crate) fn own_addr(&self) -> SocketAddr {
        match &self.way {
            Way::Udp { own, .. } => *own,
            Way::Tcp { own_ip, .. } => SocketAddr::new(*own_ip, 0),
        }
    }

    /// True if answers must be expected to be repeated.
    pub(crate) fn is_udp(&self) -> bool {
        matches!(self.way, Way::Udp { .. })
    }

    /// Waits until all last words are said.
    pub(crate) async fn quiet(&self) {
        self.last_words.close();
        self.last_words.wait().await;
    }
}

struct GuardedUdp {
    bind: SocketAddr,
    own_ip: IpAddr,
    server: SocketAddr,
    server_ips: Vec<IpAddr>,
}

impl GuardedUdp {
    async fn start(
        self,
        builder: &mut EndpointBuilder,
        stop: &CancellationToken,
        tasks: &TaskTracker,
    ) -> io::Result<Way> {
        let inner = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let transport = builder.bind_udp(inner).await?;
        let guard = Guard::bind(self.bind, transport.bound(), self.server, self.server_ips).await?;
        let own = SocketAddr::new(self.own_ip, guard.public_addr()?.port());
        let way = Way::Udp {
            own,
            transport,
            guard: guard.inner_addr()?,
        };
        tasks.spawn(guard.run(stop.clone()));
        Ok(way)
    }
}

/// ezk insists on a resolver and panics without `/etc/resolv.conf`; we give it addresses only,
/// so this one asks nobody.
fn no_resolver() -> io::Result<TokioResolver> {
    TokioResolver::builder_with_config(ResolverConfig::default(), TokioRuntimeProvider::default())
        .build()
        .map_err(io::Error::other)
}
