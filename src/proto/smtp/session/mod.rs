//! The session: what may be said when, and what is answered.

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

    /// Accepts the sender that [`Event::MailFrom`] asked about.
    pub fn accept_sender(&mut self, now: Instant) {
        match self.take_question() {
            Some(Question::Sender { from, params }) => {
                self.envelope = Some(Envelope {
                    from,
                    params,
                    recipients: Vec::new(),
                });
                self.answer(&Reply::new(250, Enhanced(2, 1, 0), "Sender ok"), now);
            }
            other => self.put_back(other),
        }
    }

    /// Accepts the recipient that [`Event::RcptTo`] asked about.
    pub fn accept_rcpt(&mut self, now: Instant) {
        match self.take_question() {
            Some(Question::Recipient(recipient)) => {
                if let Some(envelope) = &mut self.envelope {
                    envelope.recipients.push(recipient);
                }
                self.answer(&Reply::new(250, Enhanced(2, 1, 5), "Recipient ok"), now);
            }
            other => self.put_back(other),
        }
    }

    /// Refuses the sender or recipient that was asked about. A positive reply becomes 451.
    pub fn reject(&mut self, reply: &Reply, now: Instant) {
        match self.take_question() {
            Some(Question::Sender { .. } | Question::Recipient(_)) => {
                self.counters.rejected_recipients += 1;
                if self.counters.rejected_recipients > self.config.rejected_recipients_max {
                    self.reply(&negative(reply));
                    return self.give_up("Too many refused recipients");
                }
                self.answer(&negative(reply), now);
            }
            other => self.put_back(other),
        }
    }

    /// The message is durable: releases its 250. `queued_as` is shown to the client. False if the
    /// session no longer waits for this message; nothing was acknowledged then.
    pub fn confirm_stored(&mut self, id: MessageId, queued_as: &str, now: Instant) -> bool {
        let text = format!("Ok, queued as {queued_as}");
        self.end_message(id, &Reply::new(250, Enhanced(2, 0, 0), text), now)
    }

    /// The message was not taken: 451, 452 or 5xx. A positive reply becomes 451. False if the
    /// session no longer waits for this message.
    pub fn reject_message(&mut self, id: MessageId, reply: &Reply, now: Instant) -> bool {
        self.end_message(id, &negative(reply), now)
    }

    /// Gives up on the message that is arriving, to save memory: what has come is freed, the rest
    /// is read and dropped, and `reply` is sent at its end. False if no message is arriving.
    pub fn refuse_transfer(&mut self, reply: &Reply) -> bool {
        let fault = super::body::BodyFault::Refused(negative(reply));
        match (&mut self.state, &mut self.chunked) {
            (State::Data(decoder), _) => decoder.fail(fault),
            (_, Some(body)) => body.fail(fault),
            _ => return false,
        }
        true
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

    fn take_question(&mut self) -> Option<Question> {
        match std::mem::replace(&mut self.state, State::Command) {
            State::Asked(question) => Some(question),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// An answer to a question that was not asked changes nothing.
    fn put_back(&mut self, question: Option<Question>) {
        if let Some(question) = question {
            self.state = State::Asked(question);
        }
    }

    fn ask(&mut self, question: Question, event: Event, now: Instant) {
        self.timers.set_idle(self.config.timeouts.answer, now);
        self.state = State::Asked(question);
        self.events.push_back(event);
    }

    /// Sends the reply that ends a question and goes on with what the client has pipelined.
    fn answer(&mut self, reply: &Reply, now: Instant) {
        self.reply(reply);
        self.enter_command(now);
        self.run_pending(now);
    }

    fn end_message(&mut self, id: MessageId, reply: &Reply, now: Instant) -> bool {
        match self.take_question() {
            Some(Question::Message(asked)) if asked == id => {
                self.counters.junk_commands = 0;
                self.answer(reply, now);
                true
            }
            other => {
                self.put_back(other);
                false
            }
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

fn negative(reply: &Reply) -> Reply {
    if reply.is_positive() {
        return Reply::new(451, Enhanced(4, 3, 0), "Try again later");
    }
    reply.clone()
}
