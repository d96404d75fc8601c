//! One SMTP session, of submission or of the MX, with its client and its owner.
//!
//! The first octet is the settings ([`settings`]). The octets that follow are what the client sends,
//! but for those that no UTF-8 text has: 0xf1 to 0xfb are what else happens ([`Owner::step`]), and
//! 0xf0 stands before an octet that is sent whatever it is.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use tocsin::proto::smtp::{
    AuthRequest, AuthResult, Config, Enhanced, Event, MessageId, PeerInfo, Reply, Role,
    ScramChallenge, Session, TlsInfo,
};

use super::script::{Chop, Script};

/// Largest message, in octets.
const SIZE_MAX: usize = 300;
/// Longest line of a message, in octets.
const LINE_MAX: usize = 120;
/// Most that a session may hold: input waits up to 256 KiB, in a vector that grows by doubling, and
/// so does a message.
const HELD_MAX: usize = 2 * 256 * 1024 + 4 * SIZE_MAX + 4096;
/// Octets sent at once by a step, for each that is asked for.
const FLOOD: usize = 8192;
/// Most of those steps in one input: enough for more than may wait.
const FLOODS_MAX: usize = 40;
/// Longest reply line, in octets (RFC 5321, 4.5.3.1.5).
const REPLY_MAX: usize = 512;
/// A timer that is due is gone after so many calls.
const CALLS_MAX: usize = 4;
/// Every session ends by itself after so many timers.
const TIMERS_MAX: usize = 500;

/// Any octets.
pub(crate) fn target(data: &[u8]) {
    let whole = run(data, Chop::Whole);
    for size in [1, 7] {
        assert_eq!(run(data, Chop::Pieces(size)), whole, "in pieces of {size}");
    }
}

/// The same, with the client's octets cut once, at every place.
pub(crate) fn at_every_cut(data: &[u8]) {
    let whole = run(data, Chop::Whole);
    for at in 1..data.len() {
        assert_eq!(run(data, Chop::Once(at)), whole, "cut at {at}");
    }
}

/// What happens to the owner with this input.
pub(crate) fn events(data: &[u8]) -> Vec<String> {
    run(data, Chop::Whole).events
}

/// What was said and what happened.
#[derive(Debug, PartialEq, Eq)]
struct Transcript {
    output: String,
    events: Vec<String>,
}

fn run(data: &[u8], chop: Chop) -> Transcript {
    let mut script = Script::new(data);
    let mut owner = Owner::new(script.octet().unwrap_or_default(), chop);
    let mut said = Vec::new();
    while let Some(octet) = script.octet() {
        match octet {
            0xf0 => said.extend(script.octet()),
            0xf1..=0xfb => {
                owner.feed(&std::mem::take(&mut said));
                owner.step(octet, &mut script);
            }
            _ => said.push(octet),
        }
    }
    owner.feed(&said);
    owner.finish()
}

/// A bit each: submission, TLS from the start, SCRAM, AUTH in the clear, DSN, narrow limits.
fn settings(bits: u8) -> (Config, bool) {
    let has = |bit: u8| bits & bit != 0;
    let mut config = if has(1) {
        Config::submission("mx.test")
    } else {
        Config::mx("mx.test")
    };
    config.message_size_max_bytes = SIZE_MAX;
    config.data_line_max_bytes = LINE_MAX;
    config.scram = has(1) && has(4);
    config.auth_requires_tls = !has(8);
    config.dsn = has(16);
    if has(32) {
        config.recipients_max = 2;
        config.messages_max = 2;
        config.errors_max = 3;
        config.junk_commands_max = 3;
        config.rejected_recipients_max = 2;
        config.auth_failures_max = 2;
    }
    (config, has(2))
}

/// The owner answers at once, by what stands in the question.
const PROMPT: u8 = 64;

/// What the owner has been asked.
#[derive(Debug)]
enum Asked {
    Credentials(String),
    Challenge,
    Proof(String),
    Sender(String),
    Recipient(String),
    Message(MessageId),
    Tls,
}

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    /// Not now: refused with a reply that says yes.
    Later,
    /// Something else than was asked.
    Nonsense,
}

struct Owner {
    session: Session,
    now: Instant,
    chop: Chop,
    role: Role,
    needs_tls: bool,
    recipients_max: usize,
    is_prompt: bool,
    sent: usize,
    floods: usize,
    asked: Option<Asked>,
    /// Who has proved to be somebody.
    proven: Vec<String>,
    /// The sender and the recipients that were accepted.
    sender: String,
    recipients: Vec<String>,
    last: Option<MessageId>,
    /// Messages that were confirmed, as replies name them.
    confirmed: Vec<String>,
    is_closed: bool,
    output: String,
    events: Vec<String>,
}

impl Owner {
    fn new(bits: u8, chop: Chop) -> Self {
        let now = Instant::now();
        let (config, tls) = settings(bits);
        let peer = PeerInfo {
            addr: SocketAddr::from((Ipv4Addr::new(192, 0, 2, 7), 4242)),
            tls: tls.then(tls_info),
        };
        let mut owner = Self {
            now,
            chop,
            role: config.role,
            needs_tls: config.auth_requires_tls,
            recipients_max: config.recipients_max,
            is_prompt: bits & PROMPT != 0,
            session: Session::new(config, peer, now),
            sent: 0,
            floods: 0,
            asked: None,
            proven: Vec::new(),
            sender: String::new(),
            recipients: Vec::new(),
            last: None,
            confirmed: Vec::new(),
            is_closed: false,
            output: String::new(),
            events: Vec::new(),
        };
        owner.settle();
        owner
    }

    /// What happens besides the client's speaking.
    fn step(&mut self, octet: u8, script: &mut Script<'_>) {
        match octet {
            0xf1 => self.answer(Answer::Yes),
            0xf2 => self.answer(Answer::No),
            0xf3 => self.answer(Answer::Later),
            0xf4 => self.answer(Answer::Nonsense),
            0xf5 => {
                if let Some(at) = self.session.poll_timeout() {
                    self.pass(at);
                }
            }
            0xf6 => {
                let seconds = script.octet().unwrap_or_default();
                self.pass(self.now + Duration::from_secs(seconds.into()));
            }
            0xf7 => {
                let busy = Reply::new(452, Enhanced(4, 3, 1), "Busy");
                self.session.refuse_transfer(&busy);
            }
            0xf8 => self.session.begin_drain(),
            0xf9 => self.session.abort("Stopped"),
            0xfa => self.answer_what_nobody_asked(),
            _ => {
                let what = script.octet().unwrap_or_default();
                if self.floods < FLOODS_MAX {
                    self.floods += 1;
                    self.feed(&[what; FLOOD]);
                }
            }
        }
        self.settle();
    }

    fn feed(&mut self, bytes: &[u8]) {
        for piece in self.chop.pieces(bytes, self.sent) {
            let (waits, before) = (self.asked.is_some(), self.output.len());
            self.session.handle_input(piece, self.now);
            self.settle();
            // While the owner is asked nothing is said, nor executed behind STARTTLS.
            assert!(!waits || self.is_closed || self.output.len() == before);
        }
        self.sent += bytes.len();
    }

    /// Takes what the session says and asks.
    fn settle(&mut self) {
        loop {
            if let Some(bytes) = self.session.poll_output() {
                assert!(!self.is_closed, "something was said behind the end");
                self.output.push_str(&String::from_utf8(bytes).unwrap());
            } else if let Some(event) = self.session.poll_event() {
                assert!(!self.is_closed, "something happened behind the end");
                self.hear(event);
            } else {
                break;
            }
        }
        assert!(self.session.held_bytes() <= HELD_MAX);
        assert_eq!(self.session.poll_timeout().is_none(), self.is_closed);
        if let Some(user) = self.session.user() {
            assert!(self.proven.iter().any(|name| name == user));
        }
    }

    fn hear(&mut self, event: Event) {
        let (asked, shown, answer) = match event {
            Event::Authenticate(request) => self.hear_login(&request),
            Event::MailFrom { from, params } => {
                let may = self.role == Role::Mx || self.session.user().is_some();
                assert!(may, "MAIL without a login");
                let shown = format!("from <{from}> {params:?}");
                (Asked::Sender(from.to_string()), shown, Answer::Yes)
            }
            Event::RcptTo { from, recipient } => {
                assert_eq!(from.to_string(), self.sender);
                let path = recipient.path.to_string();
                let answer = if path.starts_with("unknown") {
                    Answer::No
                } else {
                    Answer::Yes
                };
                (
                    Asked::Recipient(path),
                    format!("rcpt {recipient:?}"),
                    answer,
                )
            }
            Event::MessageReceived { id, envelope, body } => {
                let paths = envelope.recipients.iter();
                let paths: Vec<String> = paths.map(|one| one.path.to_string()).collect();
                assert!(!paths.is_empty() && paths.len() <= self.recipients_max);
                assert_eq!(paths, self.recipients, "nobody else was accepted");
                assert_eq!(envelope.from.to_string(), self.sender);
                let before = self.last.map_or(0, MessageId::number);
                assert_eq!(id.number(), before + 1);
                self.last = Some(id);
                check_body(&body);
                let answer = if body.starts_with(b"full") {
                    Answer::No
                } else {
                    Answer::Yes
                };
                let shown = format!(
                    "message {}: {:?}",
                    id.number(),
                    body.escape_ascii().to_string()
                );
                (Asked::Message(id), shown, answer)
            }
            Event::StartTls { .. } => {
                self.events.push("starttls".to_owned());
                self.asked = Some(Asked::Tls);
                return;
            }
            Event::Close(reason) => {
                self.events.push(format!("close {reason:?}"));
                self.asked = None;
                self.is_closed = true;
                return;
            }
        };
        self.events.push(shown);
        self.asked = Some(asked);
        if self.is_prompt {
            self.answer(answer);
        }
    }

    fn hear_login(&mut self, request: &AuthRequest) -> (Asked, String, Answer) {
        assert_eq!(self.role, Role::Submission);
        assert!(!self.needs_tls || self.session.peer().tls.is_some());
        assert!(self.session.user().is_none());
        let name = request.username().to_owned();
        let shown = format!("login {:?} {name:?}", request.mechanism());
        let answer = match name.as_str() {
            "later" => Answer::Later,
            "eve" => Answer::No,
            _ => Answer::Yes,
        };
        let asked = match request {
            AuthRequest::Password { .. } => Asked::Credentials(name),
            AuthRequest::Challenge { .. } => Asked::Challenge,
            AuthRequest::Proof { .. } => Asked::Proof(name),
        };
        (asked, shown, answer)
    }

    /// Answers what was asked, if anything was.
    fn answer(&mut self, answer: Answer) {
        let now = self.now;
        match self.asked.take() {
            None => {}
            Some(Asked::Tls) if answer == Answer::Yes => {
                self.session.tls_established(tls_info(), now);
                // RFC 3207, 4.2: nothing of before is known.
                assert!(self.session.hello().is_none() && self.session.user().is_none());
            }
            Some(Asked::Tls) => self.session.abort("No TLS"),
            Some(Asked::Sender(from)) if answer == Answer::Yes => {
                self.sender = from;
                self.recipients.clear();
                self.session.accept_sender(now);
            }
            Some(Asked::Recipient(path)) if answer == Answer::Yes => {
                self.recipients.push(path);
                self.session.accept_rcpt(now);
            }
            Some(Asked::Sender(_) | Asked::Recipient(_)) => {
                self.session.reject(&refusal(answer), now);
            }
            Some(Asked::Message(id)) if answer == Answer::Yes => {
                let name = format!("q{}", id.number());
                if self.session.confirm_stored(id, &name, now) {
                    self.confirmed.push(name);
                }
            }
            Some(Asked::Message(id)) => {
                self.session.reject_message(id, &refusal(answer), now);
                assert!(!self.session.confirm_stored(id, "q0", now));
            }
            Some(asked @ (Asked::Credentials(_) | Asked::Challenge | Asked::Proof(_))) => {
                let result = self.login_result(asked, answer);
                self.session.auth_result(result, now);
            }
        }
    }

    fn login_result(&mut self, asked: Asked, answer: Answer) -> AuthResult {
        let proven = AuthResult::Proven { signature: [7; 32] };
        match (answer, asked) {
            (Answer::No, _) => AuthResult::Refused,
            (Answer::Later, _) => AuthResult::Unavailable,
            (Answer::Yes, Asked::Challenge) => AuthResult::Challenge(ScramChallenge {
                nonce: "3rfcNHYJY1ZVvWVs7j".to_owned(),
                salt: b"salt".to_vec(),
                iterations: NonZeroU32::MIN,
            }),
            (Answer::Yes, Asked::Proof(name)) => {
                self.proven.push(name);
                proven
            }
            (Answer::Yes, Asked::Credentials(name)) => {
                self.proven.push(name);
                AuthResult::Accepted
            }
            (Answer::Nonsense, Asked::Credentials(_)) => proven,
            _ => AuthResult::Accepted,
        }
    }

    /// Answers to questions that are not open change nothing.
    fn answer_what_nobody_asked(&mut self) {
        let (now, session) = (self.now, &mut self.session);
        if !matches!(self.asked, Some(Asked::Sender(_))) {
            session.accept_sender(now);
        }
        if !matches!(self.asked, Some(Asked::Recipient(_))) {
            session.accept_rcpt(now);
        }
        if !matches!(self.asked, Some(Asked::Sender(_) | Asked::Recipient(_))) {
            session.reject(&refusal(Answer::No), now);
        }
        let is_login = matches!(
            self.asked,
            Some(Asked::Credentials(_) | Asked::Challenge | Asked::Proof(_))
        );
        if !is_login {
            session.auth_result(AuthResult::Accepted, now);
        }
        if !matches!(self.asked, Some(Asked::Tls)) {
            session.tls_established(tls_info(), now);
        }
        if !matches!(self.asked, Some(Asked::Message(_)))
            && let Some(id) = self.last
        {
            assert!(!session.confirm_stored(id, "q0", now));
            assert!(!session.reject_message(id, &refusal(Answer::No), now));
        }
        assert!(session.poll_output().is_none() && session.poll_event().is_none());
    }

    /// Time passes until then; what is due by then happens.
    fn pass(&mut self, until: Instant) {
        self.now = self.now.max(until);
        for _ in 0..CALLS_MAX {
            self.session.handle_timeout(self.now);
            self.settle();
            if self.session.wants_input() {
                // The session has answered for us.
                self.asked = None;
            }
            if self.session.poll_timeout().is_none_or(|at| at > self.now) {
                return;
            }
        }
        panic!("a timer stays in the past");
    }

    fn finish(mut self) -> Transcript {
        for _ in 0..TIMERS_MAX {
            let Some(at) = self.session.poll_timeout() else {
                break;
            };
            self.pass(at);
        }
        assert!(self.is_closed, "the session does not end");
        assert!(!self.session.wants_input());
        self.feed(b"NOOP\r\n");
        let closes = self.events.iter().filter(|one| one.starts_with("close"));
        assert_eq!(closes.count(), 1);
        let queued = check_replies(&self.output);
        assert_eq!(
            queued, self.confirmed,
            "a 250 for each that is stored, no other"
        );
        Transcript {
            output: self.output,
            events: self.events,
        }
    }
}

fn tls_info() -> TlsInfo {
    TlsInfo {
        protocol: "TLSv1.3".to_owned(),
        cipher: "TLS_AES_128_GCM_SHA256".to_owned(),
    }
}

fn refusal(answer: Answer) -> Reply {
    if answer == Answer::No {
        return Reply::new(550, Enhanced(5, 1, 1), "No\r\n250 such user");
    }
    Reply::new(250, Enhanced(2, 0, 0), "Ok, queued as q0")
}

/// Lines that end by CRLF and by nothing else, of which none is too long, and no NUL (a last line
/// that was not ended gets its end).
fn check_body(body: &[u8]) {
    assert!(body.len() <= SIZE_MAX + 2);
    assert!(body.is_empty() || body.ends_with(b"\r\n"));
    assert!(!body.contains(&0));
    for (at, octet) in body.iter().enumerate() {
        let (before, behind) = (at.checked_sub(1).map(|at| body[at]), body.get(at + 1));
        assert!(*octet != b'\r' || behind == Some(&b'\n'));
        assert!(*octet != b'\n' || before == Some(b'\r'));
    }
    let lines = body.split_inclusive(|octet| *octet == b'\n');
    assert!(lines.map(<[u8]>::len).all(|length| length <= LINE_MAX + 2));
}

/// Every reply is one line, or lines, as RFC 5321, 4.2 has them; the names under which messages
/// were acknowledged.
fn check_replies(output: &str) -> Vec<String> {
    assert!(output.starts_with("220 ") && output.ends_with("\r\n"));
    let mut queued = Vec::new();
    for line in output.split_terminator("\r\n") {
        assert!(line.len() + 2 <= REPLY_MAX, "{line:?}");
        assert!(!line.contains(char::is_control), "{line:?}");
        let code = line.get(..3).and_then(|code| code.parse::<u16>().ok());
        assert!(
            code.is_some_and(|code| (200..600).contains(&code)),
            "{line:?}"
        );
        let mark = line.as_bytes().get(3);
        assert!(matches!(mark, Some(b' ' | b'-')), "{line:?}");
        if let Some((_, name)) = line.split_once("queued as ") {
            queued.push(name.to_owned());
        }
    }
    queued
}
