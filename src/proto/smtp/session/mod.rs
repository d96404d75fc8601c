//! The session: what may be said when, and what is answered.

mod answers;
mod auth;
mod commands;
mod timers;
mod transfer;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use super::config::{Config, PENDING_INPUT_MAX_BYTES};
use super::data::DataDecoder;
use super::envelope::{Envelope, MailParams, Recipient};
use super::event::{CloseReason, Event, MessageId};
use super::line::LineReader;
use super::path::ReversePath;
use super::reply::{Enhanced, Reply};
use super::scram;
use auth::AuthStep;
use timers::Timers;
use transfer::Chunk;

/// Who is on the other end.
#[derive(Debug, Clone)]
pub struct PeerInfo {
    /// Address and port.
    pub addr: SocketAddr,
    /// Set when TLS was there before the first byte (port 465).
    pub tls: Option<TlsInfo>,
}

/// What was negotiated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsInfo {
    /// Such as `TLSv1.3`.
    pub protocol: String,
    /// Such as `TLS_AES_128_GCM_SHA256`.
    pub cipher: String,
}

/// What the client called itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The argument of EHLO or HELO; printable ASCII, otherwise unchecked.
    pub name: String,
    /// EHLO rather than HELO.
    pub extended: bool,
}

#[derive(Debug)]
enum State {
    Command,
    Auth(AuthStep),
    Data(Box<DataDecoder>),
    Chunk(Chunk),
    Asked(Question),
    AwaitingTls,
    Closed,
}

/// What the owner has been asked and has not answered yet.
#[derive(Debug)]
enum Question {
    Credentials {
        username: String,
    },
    Challenge(scram::First),
    Proof {
        username: String,
    },
    Sender {
        from: ReversePath,
        params: MailParams,
    },
    Recipient(Recipient),
    Message(MessageId),
}

#[derive(Debug, Default)]
struct Counters {
    errors: u32,
    junk_commands: u32,
    messages: u32,
    auth_failures: u32,
    rejected_recipients: u32,
    recipients_overshoot: u32,
}

/// One server session, without IO.
#[derive(Debug)]
pub struct Session {
    config: Config,
    peer: PeerInfo,
    state: State,
    line: LineReader,
    pending: Vec<u8>,
    pending_at: usize,
    output: Vec<u8>,
    events: VecDeque<Event>,
    hello: Option<Hello>,
    user: Option<String>,
    envelope: Option<Envelope>,
    /// The message that BDAT chunks have begun.
    chunked: Option<super::body::BodyWriter>,
    counters: Counters,
    timers: Timers,
    next_message: u64,
    draining: bool,
}

impl Session {
    /// Begins a session and queues the greeting. For port 465, call it after the handshake.
    pub fn new(config: Config, peer: PeerInfo, now: Instant) -> Self {
        let mut session = Session {
            timers: Timers::new(&config.timeouts, now),
            peer,
            state: State::Command,
            line: LineReader::default(),
            pending: Vec::new(),
            pending_at: 0,
            output: Vec::new(),
            events: VecDeque::new(),
            hello: None,
            user: None,
            envelope: None,
            chunked: None,
            counters: Counters::default(),
            next_message: 1,
            draining: false,
            config,
        };
        let greeting = format!("{} ESMTP", session.config.hostname);
        session.reply(&Reply::plain(220, greeting));
        session
    }

    /// Takes bytes from the client. While a question is open they wait, up to a limit that ends
    /// the session; see [`Session::wants_input`].
    pub fn handle_input(&mut self, bytes: &[u8], now: Instant) {
        if self.pending_at < self.pending.len() {
            self.keep_pending(bytes);
            self.run_pending(now);
            return;
        }
        let used = self.advance(bytes, now);
        self.keep_pending(&bytes[used..]);
    }

    /// Whether reading from the client makes sense now. A driver that respects it never makes the
    /// session hold more than one read of waiting input.
    pub fn wants_input(&self) -> bool {
        !matches!(
            self.state,
            State::Asked(_) | State::AwaitingTls | State::Closed
        )
    }

    /// Bytes to write, everything that has gathered.
    pub fn poll_output(&mut self) -> Option<Vec<u8>> {
        (!self.output.is_empty()).then(|| std::mem::take(&mut self.output))
    }

    /// The next event. Write all output first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When `handle_timeout` should be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Closed => None,
            _ => Some(self.timers.next()),
        }
    }

    /// TLS is up: the session begins again as RFC 3207 section 4.2 asks, except for the greeting.
    pub fn tls_established(&mut self, tls: TlsInfo, now: Instant) {
        if matches!(self.state, State::AwaitingTls) {
            self.peer.tls = Some(tls);
            self.hello = None;
            self.user = None;
            self.reset_transaction();
            self.enter_command(now);
        }
    }

    /// Stop taking new messages: a running one is finished, then 421 4.3.2.
    pub fn begin_drain(&mut self) {
        self.draining = true;
        self.leave_if_draining();
    }

    /// Ends the session now with a 421.
    pub fn abort(&mut self, text: &str) {
        if !matches!(self.state, State::Closed) {
            self.reply(&Reply::new(421, Enhanced(4, 3, 2), text));
            self.close(CloseReason::Local);
        }
    }

    /// Who is on the other end.
    pub fn peer(&self) -> &PeerInfo {
        &self.peer
    }

    /// What the client called itself, if it has.
    pub fn hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
    }

    /// The authenticated user.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Octets of message and waiting input held in memory.
    pub fn held_bytes(&self) -> usize {
        let body = match &self.state {
            State::Data(decoder) => decoder.held_bytes(),
            _ => self.chunked.as_ref().map_or(0, |body| body.held_bytes()),
        };
        body + self.pending.capacity() + self.output.capacity()
    }

    /// Consumes bytes until they run out or the owner has to speak.
    fn advance(&mut self, bytes: &[u8], now: Instant) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            at += match &mut self.state {
                State::Command | State::Auth(_) => match self.line.feed(rest) {
                    (used, None) => used,
                    (used, Some(line)) => {
                        self.handle_line(line, now);
                        used
                    }
                },
                State::Data(_) => self.take_data(rest, now),
                State::Chunk(_) => self.take_chunk(rest, now),
                State::Asked(_) => break,
                State::AwaitingTls | State::Closed => {
                    self.note_discarded(rest.len());
                    rest.len()
                }
            };
        }
        at
    }

    fn keep_pending(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.pending.len() - self.pending_at + bytes.len() > PENDING_INPUT_MAX_BYTES {
            self.pending = Vec::new();
            self.pending_at = 0;
            return self.give_up("Too much input before an answer");
        }
        self.pending.drain(..self.pending_at);
        self.pending_at = 0;
        self.pending.extend_from_slice(bytes);
    }

    fn run_pending(&mut self, now: Instant) {
        let pending = std::mem::take(&mut self.pending);
        let used = self.advance(&pending[self.pending_at..], now);
        self.pending_at += used;
        if self.pending_at < pending.len() && !matches!(self.state, State::Closed) {
            self.pending = pending;
        } else {
            self.pending_at = 0;
        }
    }

    fn enter_command(&mut self, now: Instant) {
        self.state = State::Command;
        self.timers.set_idle(self.config.timeouts.command, now);
        self.leave_if_draining();
    }

    fn leave_if_draining(&mut self) {
        let idle = matches!(self.state, State::Command) && self.envelope.is_none();
        if self.draining && idle {
            self.reply(&Reply::new(
                421,
                Enhanced(4, 3, 2),
                "Service is shutting down",
            ));
            self.close(CloseReason::Draining);
        }
    }

    fn reset_transaction(&mut self) {
        self.envelope = None;
        self.chunked = None;
        self.timers.clear_message();
    }

    fn reply(&mut self, reply: &Reply) {
        reply.write_to(&mut self.output);
    }

    /// Answers a protocol error and counts it.
    fn error(&mut self, reply: &Reply) {
        self.reply(reply);
        self.counters.errors += 1;
        if self.counters.errors >= self.config.errors_max {
            self.give_up("Too many errors");
        }
    }

    fn give_up(&mut self, text: &str) {
        self.reply(&Reply::new(421, Enhanced(4, 7, 0), text));
        self.close(CloseReason::LimitReached);
    }

    fn close(&mut self, reason: CloseReason) {
        self.state = State::Closed;
        self.line.reset();
        self.reset_transaction();
        self.events.push_back(Event::Close(reason));
    }
}
