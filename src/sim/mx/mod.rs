//! A recipient's mail server that does what a script says: accepts, refuses, bounces later, is
//! full, greylists, defers, drags its feet, hangs up, complains, answers.

mod notices;
mod script;
mod sender;
mod serve;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SharedClock;
use crate::proto::smtp::{Envelope, Recipient};

pub use notices::Notice;
pub use script::{Behaviour, Script};
pub use sender::SendError;

/// Most messages that are remembered; the oldest go first.
const RECEIVED_MAX: usize = 20_000;
/// Most octets of them.
const RECEIVED_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most recipients whose greylisting is remembered.
const GREYLIST_MAX: usize = 100_000;
/// Most notices (bounces, complaints, replies) waiting to be sent.
const NOTICES_MAX: usize = 20_000;
/// Most notices being sent at the same time.
const NOTICE_CONNECTIONS_MAX: usize = 8;

/// What the server is and does.
#[derive(Debug, Clone)]
pub struct SimMxConfig {
    /// Its name.
    pub hostname: String,
    /// Where it listens; port 0 takes any.
    pub listen: SocketAddr,
    /// What happens to whom.
    pub script: Script,
    /// The MX that gets bounces, complaints and replies; none are sent without it.
    pub bounce_to: Option<SocketAddr>,
    /// Offers STARTTLS with this.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Time for dates and timers.
    pub clock: SharedClock,
}

impl SimMxConfig {
    /// On loopback, in the clear.
    #[must_use]
    pub fn new(script: Script, bounce_to: Option<SocketAddr>, clock: SharedClock) -> Self {
        SimMxConfig {
            hostname: "mx.recipient.example".to_owned(),
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            script,
            bounce_to,
            tls: None,
            clock,
        }
    }
}

/// One message that was accepted.
#[derive(Debug, Clone)]
pub struct ReceivedMail {
    /// Counts from 1.
    pub number: u64,
    /// Sender and accepted recipients.
    pub envelope: Envelope,
    /// The message as it came.
    pub body: Bytes,
    /// Whether it came under TLS.
    pub encrypted: bool,
}

/// A server that runs. Dropping it stops it at once.
#[derive(Debug)]
pub struct SimMx {
    addr: SocketAddr,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: SimMxConfig,
    state: Mutex<State>,
    accepted: AtomicU64,
    cancel: CancellationToken,
    tasks: TaskTracker,
    notices: Arc<Semaphore>,
    connections: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    received: VecDeque<ReceivedMail>,
    received_bytes: usize,
    greylist: HashMap<String, u32>,
}

impl SimMx {
    /// Opens the socket and begins to serve.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(config: SimMxConfig) -> io::Result<SimMx> {
        let socket = TcpListener::bind(config.listen).await?;
        let addr = socket.local_addr()?;
        let inner = Arc::new(Inner {
            config,
            state: Mutex::default(),
            accepted: AtomicU64::new(0),
            cancel: CancellationToken::new(),
            tasks: TaskTracker::new(),
            notices: Arc::new(Semaphore::new(NOTICES_MAX)),
            connections: Semaphore::new(NOTICE_CONNECTIONS_MAX),
        });
        inner.tasks.spawn(serve::accept(Arc::clone(&inner), socket));
        Ok(SimMx { addr, inner })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many messages were accepted since the start.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.inner.accepted.load(Ordering::Relaxed)
    }

    /// The messages accepted, oldest first; at most the last 20,000.
    #[must_use]
    pub fn received(&self) -> Vec<ReceivedMail> {
        self.inner.state().received.iter().cloned().collect()
    }

    /// Sends a notice about a message now, whatever the script said: a bounce that comes late, a
    /// complaint, a reply. Returns when the MX has taken it.
    ///
    /// # Errors
    /// When there is no `bounce_to`, the notice has nowhere to go, or the MX does not take it.
    pub async fn inject(
        &self,
        mail: &ReceivedMail,
        recipient: &Recipient,
        notice: &Notice,
    ) -> Result<(), SendError> {
        self.inner.send(mail, recipient, notice).await
    }

    /// Stops serving and drops notices that wait.
    pub async fn stop(&self) {
        self.inner.cancel.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}

impl Drop for SimMx {
    fn drop(&mut self) {
        self.inner.cancel.cancel();
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an accepted message and sets off what the script has in store for its recipients.
    fn take_in(self: &Arc<Self>, envelope: Envelope, body: Vec<u8>, encrypted: bool) -> u64 {
        let mail = ReceivedMail {
            number: self.accepted.fetch_add(1, Ordering::Relaxed) + 1,
            envelope,
            body: Bytes::from(body),
            encrypted,
        };
        self.state().remember(mail.clone());
        for recipient in &mail.envelope.recipients {
            let behaviour = self.config.script.behaviour(&recipient.path.to_string());
            if let Some((notice, after)) = behaviour.notice() {
                self.schedule(mail.clone(), recipient.clone(), notice, after);
            }
        }
        mail.number
    }

    fn schedule(
        self: &Arc<Self>,
        mail: ReceivedMail,
        recipient: Recipient,
        notice: Notice,
        after: std::time::Duration,
    ) {
        let Ok(place) = Arc::clone(&self.notices).try_acquire_owned() else {
            tracing::warn!("simulated MX: notice dropped, too many are waiting");
            return;
        };
        let inner = Arc::clone(self);
        self.tasks.spawn(async move {
            let sending = async {
                tokio::time::sleep(after).await;
                if let Err(failure) = inner.send(&mail, &recipient, &notice).await {
                    tracing::warn!(%failure, "simulated MX: notice not sent");
                }
            };
            inner.cancel.run_until_cancelled(sending).await;
            drop(place);
        });
    }

    async fn send(
        &self,
        mail: &ReceivedMail,
        recipient: &Recipient,
        notice: &Notice,
    ) -> Result<(), SendError> {
        let to = self.config.bounce_to.ok_or(SendError::NoMx)?;
        let wall_ms = self.config.clock.wall().as_millis();
        let letter = notices::write(notice, mail, recipient, &self.config.hostname, wall_ms)
            .ok_or(SendError::NoReturnPath)?;
        let _place = self.connections.acquire().await.ok();
        sender::send_with_retries(to, &self.config.hostname, &letter).await
    }

    /// Whether a greylisted recipient is refused once more.
    fn greylists(&self, recipient: &str, refusals: u32) -> bool {
        let mut state = self.state();
        if state.greylist.len() >= GREYLIST_MAX {
            state.greylist.clear();
        }
        let seen = state
            .greylist
            .entry(recipient.to_ascii_lowercase())
            .or_default();
        *seen = seen.saturating_add(1);
        *seen <= refusals
    }
}

impl State {
    fn remember(&mut self, mail: ReceivedMail) {
        self.received_bytes += mail.body.len();
        self.received.push_back(mail);
        while self.received.len() > RECEIVED_MAX || self.received_bytes > RECEIVED_MAX_BYTES {
            match self.received.pop_front() {
                Some(oldest) => self.received_bytes -= oldest.body.len(),
                None => return,
            }
        }
    }
}
