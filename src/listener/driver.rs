//! One session: moves bytes, keeps time, and carries questions to the sink and answers back.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::conn::Conn;
use super::limits::{MessageMemory, Share};
use super::received;
use super::server::TlsHandle;
use super::{Decision, MessageSink, ReceivedMessage, Service, SessionInfo, StoreRefusal, StoredId};
use crate::clock::SharedClock;
use crate::proto::smtp::{
    AuthRequest, AuthResult, CloseReason, Config, Enhanced, Envelope, Event, MessageId, PeerInfo,
    Reply, Session,
};

/// One read from the socket.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// How often a message is held while it is stored: as it came, with what we write on top of it, and
/// as it is written to the disk.
const HELD_WHILE_STORED: usize = 3;

/// What all sessions of a listener share.
pub(super) struct Context<S> {
    pub(super) service: Service,
    pub(super) session: Config,
    pub(super) tls: Option<TlsHandle>,
    pub(super) sink: Arc<S>,
    pub(super) clock: SharedClock,
    pub(super) memory: Arc<MessageMemory>,
}

struct Driver<'a, S> {
    context: Arc<Context<S>>,
    session: Session,
    id: &'a str,
    share: Share,
    /// A challenge is out, and no proof has come.
    is_challenged: bool,
}

/// Runs a session to its end.
pub(super) async fn drive<S: MessageSink>(
    context: Arc<Context<S>>,
    stream: TcpStream,
    addr: SocketAddr,
    id: &str,
    cancel: &CancellationToken,
) -> io::Result<CloseReason> {
    stream.set_nodelay(true)?;
    let mut conn = Conn::Plain(stream);
    let mut tls = None;
    if context.service == Service::Submissions {
        let handshake = conn.start_tls(certificate(&context)?);
        let (encrypted, info) = match cancel.run_until_cancelled(handshake).await {
            Some(done) => done?,
            None => return Ok(CloseReason::Draining),
        };
        (conn, tls) = (encrypted, Some(info));
    }
    let mut config = context.session.clone();
    config.scram = config.auth && context.sink.knows_scram();
    let session = Session::new(config, PeerInfo { addr, tls }, context.clock.monotonic());
    let share = context.memory.share();
    let mut driver = Driver {
        context,
        session,
        id,
        share,
        is_challenged: false,
    };
    let ended = driver.run(conn, cancel).await;
    driver.end_challenge(false);
    ended
}

fn certificate<S>(context: &Context<S>) -> io::Result<Arc<rustls::ServerConfig>> {
    let tls = context
        .tls
        .as_ref()
        .ok_or_else(|| io::Error::other("no certificate"))?;
    Ok(Arc::clone(&tls.borrow()))
}

impl<S: MessageSink> Driver<'_, S> {
    async fn run(&mut self, mut conn: Conn, cancel: &CancellationToken) -> io::Result<CloseReason> {
        let mut buffer = vec![0; READ_BUFFER_BYTES];
        let mut draining = false;
        loop {
            if let Some(bytes) = self.session.poll_output() {
                conn.write(&bytes).await?;
                continue;
            }
            match self.session.poll_event() {
                Some(Event::Close(reason)) => {
                    conn.close().await;
                    return Ok(reason);
                }
                Some(Event::StartTls { discarded_bytes }) => {
                    conn = self.start_tls(conn, discarded_bytes).await?;
                    continue;
                }
                Some(event) => {
                    self.answer(event).await;
                    continue;
                }
                None => {}
            }
            let deadline = self.deadline();
            tokio::select! {
                biased;
                () = cancel.cancelled(), if !draining => {
                    draining = true;
                    self.session.begin_drain();
                }
                () = sleep_until(deadline) => self.session.handle_timeout(self.now()),
                read = conn.read(&mut buffer) => match read? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    count => self.take(&buffer[..count]),
                },
            }
        }
    }

    fn now(&self) -> std::time::Instant {
        self.context.clock.monotonic()
    }

    /// When the session next wants to be woken; `Timeouts::session` bounds it.
    fn deadline(&self) -> Instant {
        let at = self.session.poll_timeout();
        Instant::from_std(at.unwrap_or_else(|| self.now()))
    }

    fn take(&mut self, bytes: &[u8]) {
        let now = self.now();
        self.session.handle_input(bytes, now);
        if !self.share.set(self.session.held_bytes()) && self.session.refuse_transfer(&busy()) {
            self.warn_busy();
            self.share.set(self.session.held_bytes());
        }
    }

    fn warn_busy(&self) {
        warn!(
            session = self.id,
            "message refused: memory for messages is used up"
        );
    }

    async fn start_tls(&mut self, conn: Conn, discarded_bytes: usize) -> io::Result<Conn> {
        if discarded_bytes > 0 {
            warn!(
                session = self.id,
                discarded_bytes, "commands behind STARTTLS were thrown away"
            );
        }
        let (conn, info) = conn.start_tls(certificate(&self.context)?).await?;
        self.session.tls_established(info, self.now());
        Ok(conn)
    }

    /// Asks the sink, for as long as the session is willing to wait.
    async fn answer(&mut self, event: Event) {
        let deadline = self.deadline();
        let sink = Arc::clone(&self.context.sink);
        let info = self.info();
        let in_time = match event {
            Event::Authenticate(request) => {
                self.end_challenge(matches!(request, AuthRequest::Proof { .. }));
                let asked = timeout_at(deadline, sink.authenticate(&info, &request));
                asked
                    .await
                    .map(|result| self.authenticated(&request, result))
            }
            Event::MailFrom { from, params } => {
                let asked = timeout_at(deadline, sink.sender(&info, &from, &params));
                asked.await.map(|decision| match decision {
                    Decision::Accept => self.session.accept_sender(self.context.clock.monotonic()),
                    Decision::Reject(reply) => {
                        self.session.reject(&reply, self.context.clock.monotonic())
                    }
                })
            }
            Event::RcptTo { from, recipient } => {
                let asked = timeout_at(deadline, sink.recipient(&info, &from, &recipient));
                asked.await.map(|decision| match decision {
                    Decision::Accept => self.session.accept_rcpt(self.context.clock.monotonic()),
                    Decision::Reject(reply) => {
                        self.session.reject(&reply, self.context.clock.monotonic())
                    }
                })
            }
            Event::MessageReceived { id, envelope, body } => {
                let stored = timeout_at(deadline, self.store(info, id, envelope, body));
                stored.await
            }
            Event::StartTls { .. } | Event::Close(_) => Ok(()),
        };
        if in_time.is_err() {
            error!(
                session = self.id,
                "no answer in time; the client was told to try again"
            );
            self.session.handle_timeout(self.now());
        }
    }

    fn end_challenge(&mut self, is_proof: bool) {
        if std::mem::take(&mut self.is_challenged) && !is_proof {
            self.context.sink.unproven(&self.info());
        }
    }

    fn authenticated(&mut self, request: &AuthRequest, result: AuthResult) {
        let mechanism = request.mechanism();
        match result {
            AuthResult::Accepted | AuthResult::Proven { .. } => {
                info!(session = self.id, ?mechanism, "user authenticated");
            }
            AuthResult::Challenge(_) => self.is_challenged = true,
            AuthResult::Refused => {
                let ip = self.session.peer().addr.ip();
                warn!(session = self.id, ?mechanism, %ip, "authentication refused");
            }
            AuthResult::Unavailable => warn!(session = self.id, "authentication is not available"),
        }
        self.session.auth_result(result, self.now());
    }

    async fn store(
        &mut self,
        session: SessionInfo,
        id: MessageId,
        envelope: Envelope,
        body: Vec<u8>,
    ) {
        let size_bytes = body.len();
        let recipients = envelope.recipients.len();
        // Of its own: it is held until it is stored, also when nobody waits for that any more.
        let mut held = self.context.memory.share();
        self.share.set(self.session.held_bytes());
        let result = if !held.set(size_bytes.saturating_mul(HELD_WHILE_STORED)) {
            self.warn_busy();
            Err(StoreRefusal::Rejected(busy()))
        } else if received::is_looping(&body) {
            Err(StoreRefusal::Rejected(Reply::new(
                554,
                Enhanced(5, 4, 6),
                "Message is looping",
            )))
        } else {
            let message = self.trace(session, id, envelope, &body);
            drop(body);
            // A task of its own: neither a late client nor a panic may stop a commit half-way.
            let sink = Arc::clone(&self.context.sink);
            let storing = tokio::spawn(async move {
                let stored = sink.store(message).await;
                drop(held);
                stored
            });
            storing.await.unwrap_or_else(|failure| {
                error!(session = self.id, %failure, "storing a message panicked");
                Err(StoreRefusal::Temporary)
            })
        };
        match result {
            Ok(StoredId(stored)) => {
                info!(session = self.id, message = %stored, size_bytes, recipients, "message stored");
                self.session.confirm_stored(id, &stored, self.now());
            }
            Err(refusal) => {
                let reply = refusal_reply(refusal);
                warn!(
                    session = self.id,
                    size_bytes,
                    code = reply.code(),
                    "message not stored"
                );
                self.session.reject_message(id, &reply, self.now());
            }
        }
    }

    fn trace(
        &self,
        session: SessionInfo,
        id: MessageId,
        envelope: Envelope,
        body: &[u8],
    ) -> ReceivedMessage {
        let hostname = &self.context.session.hostname;
        let wall_ms = self.context.clock.wall().as_millis();
        let message_id = format!("{}.{}", self.id, id.number());
        let header = received::header(hostname, &session, &message_id, &envelope, wall_ms);
        ReceivedMessage {
            session,
            envelope,
            raw: [header.as_bytes(), body].concat(),
        }
    }

    fn info(&self) -> SessionInfo {
        let peer = self.session.peer();
        SessionInfo {
            id: self.id.to_owned(),
            service: self.context.service,
            peer: peer.addr,
            hello: self.session.hello().cloned(),
            user: self.session.user().map(str::to_owned),
            tls: peer.tls.clone(),
        }
    }
}

fn busy() -> Reply {
    let text = "Too much mail at once, try again later";
    Reply::new(452, Enhanced(4, 3, 1), text)
}

fn refusal_reply(refusal: StoreRefusal) -> Reply {
    match refusal {
        StoreRefusal::Temporary => Reply::new(451, Enhanced(4, 3, 0), "Try again later"),
        StoreRefusal::DiskFull => Reply::new(452, Enhanced(4, 3, 1), "Not enough storage"),
        StoreRefusal::Rejected(reply) => reply,
    }
}
