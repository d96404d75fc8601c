//! Accepting connections, within limits, until told to stop.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::driver::{self, Context};
use super::limits::{Full, MessageMemory, Sessions, Slot};
use super::proxy;
use super::{MessageSink, Service};
use crate::clock::SharedClock;
use crate::proto::smtp::Config;

/// The certificate in use. The sender replaces it; new handshakes take the new one.
pub type TlsHandle = watch::Receiver<Arc<rustls::ServerConfig>>;

/// Pause after an `accept` that failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The only line that a client over the limits gets.
const TURNED_AWAY: &[u8] = b"421 4.7.0 Too many sessions, try again later\r\n";

/// Limits over all sessions of one listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at a time; over it, 421 4.7.0.
    pub sessions_max: usize,
    /// Sessions at a time from one IPv4 address or one IPv6 /64.
    pub sessions_per_ip_max: usize,
    /// How long running messages may take to finish once the listener is stopped.
    pub drain_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            sessions_max: 1000,
            sessions_per_ip_max: 100,
            drain_max: Duration::from_secs(30),
        }
    }
}

/// What a listener is.
#[derive(Debug, Clone)]
pub struct ListenerConfig {
    /// Which door.
    pub service: Service,
    /// Rules of its sessions. STARTTLS is offered only if there is a certificate too.
    pub session: Config,
    /// Limits over all of them.
    pub limits: Limits,
    /// What their messages share with those of other listeners.
    pub memory: Arc<MessageMemory>,
    /// Addresses of proxies. Connections from there begin with a header of the PROXY protocol,
    /// which says who the client is.
    pub proxies: Vec<IpAddr>,
}

/// One door; it may stand on several addresses, which share its limits.
pub struct Listener<S> {
    service: Service,
    limits: Limits,
    proxies: Vec<IpAddr>,
    sessions: Arc<Sessions>,
    context: Arc<Context<S>>,
    next_session: AtomicU64,
    started_ms: u64,
}

impl<S: MessageSink> Listener<S> {
    /// Puts a listener together; nothing is opened yet.
    ///
    /// # Errors
    /// [`Service::Submissions`] without a certificate.
    pub fn new(
        config: ListenerConfig,
        tls: Option<TlsHandle>,
        sink: Arc<S>,
        clock: SharedClock,
    ) -> io::Result<Arc<Self>> {
        let ListenerConfig {
            service,
            mut session,
            limits,
            memory,
            proxies,
        } = config;
        if service == Service::Submissions && tls.is_none() {
            return Err(io::Error::other("submissions needs a certificate"));
        }
        session.starttls &= tls.is_some();
        Ok(Arc::new(Listener {
            service,
            sessions: Sessions::new(limits.sessions_max, limits.sessions_per_ip_max),
            started_ms: clock.wall().as_millis(),
            next_session: AtomicU64::new(1),
            context: Arc::new(Context {
                service,
                session,
                tls,
                sink,
                clock,
                memory,
            }),
            limits,
            proxies,
        }))
    }

    /// Sessions that are open now.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.sessions.count()
    }

    /// Serves `socket` until `cancel`; then takes no new connections, lets running messages
    /// finish, and returns once all sessions are gone or `drain_max` is over.
    pub async fn serve(self: Arc<Self>, socket: TcpListener, cancel: CancellationToken) {
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                Some(done) = tasks.join_next(), if !tasks.is_empty() => note_end(done),
                accepted = socket.accept() => match accepted {
                    Ok((stream, peer)) => self.admit(stream, peer, &cancel, &mut tasks),
                    Err(failure) => {
                        warn!(service = self.service.name(), %failure, "accepting failed");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(socket);
        let drained = tokio::time::timeout(self.limits.drain_max, async {
            while let Some(done) = tasks.join_next().await {
                note_end(done);
            }
        });
        if drained.await.is_err() {
            warn!(
                service = self.service.name(),
                left = tasks.len(),
                "sessions cut off"
            );
            tasks.shutdown().await;
        }
        info!(service = self.service.name(), "listener stopped");
    }

    fn admit(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        cancel: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) {
        let mut slot = match self.sessions.enter() {
            Ok(slot) => slot,
            Err(full) => return turn_away(self.service, stream, peer, full),
        };
        let is_proxy = self.proxies.contains(&peer.ip().to_canonical());
        if !is_proxy && let Err(full) = slot.claim(peer.ip()) {
            return turn_away(self.service, stream, peer, full);
        }
        let number = self.next_session.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:x}.{number:x}", self.started_ms);
        let (context, cancel) = (Arc::clone(&self.context), cancel.clone());
        if is_proxy {
            tasks.spawn(run_behind_proxy(context, stream, peer, id, cancel, slot));
        } else {
            tasks.spawn(run(context, stream, peer, id, cancel, slot));
        }
    }
}

fn turn_away(service: Service, stream: TcpStream, peer: SocketAddr, full: Full) {
    warn!(service = service.name(), ip = %peer.ip(), limit = ?full, "session turned away");
    // A fresh socket has room for one line; if not, closing says it too. The write bypasses
    // the runtime, which does not know yet that the socket is writable.
    if service != Service::Submissions
        && let Ok(mut stream) = stream.into_std()
    {
        let _ = stream.write(TURNED_AWAY);
    }
}

/// A session whose client the proxy has to name first.
async fn run_behind_proxy<S: MessageSink>(
    context: Arc<Context<S>>,
    mut stream: TcpStream,
    proxy: SocketAddr,
    id: String,
    cancel: CancellationToken,
    mut slot: Slot,
) {
    let named = tokio::time::timeout(proxy::HEADER_TIMEOUT, proxy::client(&mut stream, proxy));
    let named = cancel.run_until_cancelled(named).await;
    let peer = match named {
        Some(Ok(Ok(peer))) => peer,
        // A balancer that looks whether we are here says nothing at all.
        Some(Ok(Err(failure))) if failure.kind() == io::ErrorKind::ConnectionAborted => {
            debug!(session = %id, proxy = %proxy.ip(), "a proxy looked in");
            return;
        }
        Some(Ok(Err(failure))) => {
            warn!(session = %id, proxy = %proxy.ip(), %failure, "a proxy did not say who the client is");
            return;
        }
        Some(Err(_)) => {
            warn!(session = %id, proxy = %proxy.ip(), "a proxy did not say in time who the client is");
            return;
        }
        None => return,
    };
    if let Err(full) = slot.claim(peer.ip()) {
        return turn_away(context.service, stream, peer, full);
    }
    run(context, stream, peer, id, cancel, slot).await;
}

async fn run<S: MessageSink>(
    context: Arc<Context<S>>,
    stream: TcpStream,
    peer: SocketAddr,
    id: String,
    cancel: CancellationToken,
    slot: Slot,
) {
    let service = context.service.name();
    debug!(session = %id, service, "session opened");
    match driver::drive(context, stream, peer, &id, &cancel).await {
        Ok(reason) => debug!(session = %id, service, ?reason, "session closed"),
        Err(failure) => debug!(session = %id, service, %failure, "session lost"),
    }
    drop(slot);
}

fn note_end(done: Result<(), tokio::task::JoinError>) {
    if let Err(failure) = done
        && failure.is_panic()
    {
        error!(%failure, "a session panicked; the others go on");
    }
}
