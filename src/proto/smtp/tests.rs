//! Dialogues from `fixtures/smtp`, replayed whole, in lockstep, byte by byte and cut at every
//! place; and random bytes.
//!
//! A dialogue has `C:` (a client line, CRLF added), `c:` (raw client bytes), `S:` (a reply line),
//! `E:` (an event), `TLS` (the handshake) and `set:` (a setting). `\r \n \0 \\ \xNN` are escapes,
//! `{A*600}` repeats.
#![allow(clippy::unwrap_used)]

mod session;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Client(Vec<u8>),
    Server(String),
    Event(String),
    Tls,
}

struct Dialogue {
    config: Config,
    tls: bool,
    steps: Vec<Step>,
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        match b {
            b'\\' => match bytes.next().unwrap() {
                b'r' => out.push(b'\r'),
                b'n' => out.push(b'\n'),
                b'0' => out.push(0),
                b'x' => {
                    let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
                    out.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
                }
                other => out.push(other),
            },
            b'{' => {
                let inside: Vec<u8> = bytes.by_ref().take_while(|&b| b != b'}').collect();
                let inside = String::from_utf8(inside).unwrap();
                let (what, times) = inside.rsplit_once('*').unwrap();
                out.extend(unescape(what).repeat(times.parse().unwrap()));
            }
            b => out.push(b),
        }
    }
    out
}

fn parse_dialogue(text: &str) -> Dialogue {
    let mut dialogue = Dialogue {
        config: Config::mx("mx.test"),
        tls: false,
        steps: Vec::new(),
    };
    for line in text
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
    {
        let (kind, rest) = line.split_once(':').unwrap_or((line, ""));
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        match kind {
            "C" => dialogue
                .steps
                .push(Step::Client([unescape(rest), b"\r\n".to_vec()].concat())),
            "c" => dialogue.steps.push(Step::Client(unescape(rest))),
            "S" => dialogue.steps.push(Step::Server(rest.to_owned())),
            "E" => dialogue.steps.push(Step::Event(rest.to_owned())),
            "TLS" => dialogue.steps.push(Step::Tls),
            "set" => set(&mut dialogue, rest),
            other => panic!("unknown line {other:?}"),
        }
    }
    dialogue
}

fn set(dialogue: &mut Dialogue, setting: &str) {
    let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
    let config = &mut dialogue.config;
    match key {
        "submission" => *config = Config::submission("mx.test"),
        "tls" => dialogue.tls = true,
        "dsn" => config.dsn = true,
        "scram" => config.scram = true,
        "auth_in_the_clear" => config.auth_requires_tls = false,
        "size" => config.message_size_max_bytes = value.parse().unwrap(),
        "line" => config.data_line_max_bytes = value.parse().unwrap(),
        "recipients_max" => config.recipients_max = value.parse().unwrap(),
        "messages_max" => config.messages_max = value.parse().unwrap(),
        "errors_max" => config.errors_max = value.parse().unwrap(),
        "junk_commands_max" => config.junk_commands_max = value.parse().unwrap(),
        other => panic!("unknown setting {other:?}"),
    }
}

/// `tim` has a password; `user` is the one of RFC 7677, section 3.
fn checked(request: &AuthRequest) -> AuthResult {
    const PROOF: [u8; 4] = [0x74, 0x7c, 0xdb, 0x65];
    const SIGNATURE: &str = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    match request {
        AuthRequest::Password {
            username, password, ..
        } => match (username.as_str(), password.expose_secret()) {
            ("later", _) => AuthResult::Unavailable,
            ("tim", "tanstaaftanstaaf") => AuthResult::Accepted,
            _ => AuthResult::Refused,
        },
        AuthRequest::Challenge { username } if username == "later" => AuthResult::Unavailable,
        AuthRequest::Challenge { username } if username == "eve" => AuthResult::Refused,
        AuthRequest::Challenge { .. } => AuthResult::Challenge(ScramChallenge {
            nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".to_owned(),
            salt: STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap(),
            iterations: NonZeroU32::new(4096).unwrap(),
        }),
        AuthRequest::Proof { proof, .. } if proof[..4] == PROOF => {
            let signature = STANDARD.decode(SIGNATURE).unwrap();
            AuthResult::Proven {
                signature: signature.try_into().unwrap(),
            }
        }
        AuthRequest::Proof { .. } => AuthResult::Refused,
    }
}

/// A session with an owner who decides by what stands in the addresses.
struct Owned {
    session: Session,
    now: Instant,
    output: String,
    events: Vec<String>,
    tls_wanted: bool,
}

impl Owned {
    fn new(config: Config, tls: bool) -> Self {
        let now = Instant::now();
        let addr: SocketAddr = "192.0.2.7:4242".parse().unwrap();
        let tls = tls.then(tls_info);
        let mut owned = Owned {
            session: Session::new(config, PeerInfo { addr, tls }, now),
            now,
            output: String::new(),
            events: Vec::new(),
            tls_wanted: false,
        };
        owned.settle();
        owned
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.session.handle_input(bytes, self.now);
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            if let Some(bytes) = self.session.poll_output() {
                self.output.push_str(&String::from_utf8(bytes).unwrap());
            } else if let Some(event) = self.session.poll_event() {
                self.act(event);
            } else {
                return;
            }
        }
    }

    fn act(&mut self, event: Event) {
        let now = self.now;
        let session = &mut self.session;
        let mut shown = String::new();
        match event {
            Event::Authenticate(request) => {
                let (mechanism, name) = (request.mechanism(), request.username());
                write!(shown, "auth {mechanism:?} {name}").unwrap();
                session.auth_result(checked(&request), now);
            }
            Event::MailFrom { from, params } => {
                write!(shown, "from <{from}>").unwrap();
                if let Some(envid) = params.envid {
                    write!(shown, " envid={envid} ret={:?}", params.ret).unwrap();
                }
                session.accept_sender(now);
            }
            Event::RcptTo { recipient, .. } => {
                write!(shown, "rcpt <{}>", recipient.path).unwrap();
                if let Some(notify) = recipient.notify {
                    write!(shown, " {notify:?} {:?}", recipient.orcpt).unwrap();
                }
                match recipient.path.to_string().split('@').next() {
                    Some("unknown") => {
                        session.reject(&Reply::new(550, Enhanced(5, 1, 1), "No such user"), now)
                    }
                    Some("full") => {
                        session.reject(&Reply::new(452, Enhanced(4, 2, 2), "Mailbox full"), now)
                    }
                    _ => session.accept_rcpt(now),
                }
            }
            Event::MessageReceived { id, envelope, body } => {
                let body = String::from_utf8_lossy(&body).into_owned();
                let recipients = envelope.recipients.len();
                write!(
                    shown,
                    "message <{}> to {recipients}: {:?}",
                    envelope.from, body
                )
                .unwrap();
                if body.contains("disk-full") {
                    assert!(session.reject_message(
                        id,
                        &Reply::new(452, Enhanced(4, 3, 1), "Disk full"),
                        now
                    ));
                } else {
                    assert!(session.confirm_stored(id, "q1", now));
                }
            }
            Event::StartTls { .. } => {
                shown.push_str("starttls");
                self.tls_wanted = true;
            }
            Event::Close(reason) => write!(shown, "close {reason:?}").unwrap(),
        }
        self.events.push(shown);
    }

    fn handshake(&mut self) {
        assert!(
            self.tls_wanted,
            "TLS in a dialogue needs a STARTTLS before it"
        );
        self.tls_wanted = false;
        self.session.tls_established(tls_info(), self.now);
        self.settle();
    }
}

fn tls_info() -> TlsInfo {
    TlsInfo {
        protocol: "TLSv1.3".to_owned(),
        cipher: "TLS_AES_128_GCM_SHA256".to_owned(),
    }
}

impl Dialogue {
    fn expected_output(&self) -> String {
        let mut output = String::new();
        for step in &self.steps {
            if let Step::Server(line) = step {
                write!(output, "{line}\r\n").unwrap();
            }
        }
        output
    }

    fn expected_events(&self) -> Vec<String> {
        let events = self.steps.iter().filter_map(|step| match step {
            Step::Event(event) => Some(event.clone()),
            Step::Client(_) | Step::Server(_) | Step::Tls => None,
        });
        events.collect()
    }

    /// The client's bytes, cut where the handshakes are.
    fn input(&self) -> Vec<Vec<u8>> {
        let mut flights = vec![Vec::new()];
        for step in &self.steps {
            match step {
                Step::Client(bytes) => flights.last_mut().unwrap().extend_from_slice(bytes),
                Step::Tls => flights.push(Vec::new()),
                Step::Server(_) | Step::Event(_) => {}
            }
        }
        flights
    }

    fn replay(&self, mut feed: impl FnMut(&mut Owned, &[u8])) -> (String, Vec<String>) {
        let mut owned = Owned::new(self.config.clone(), self.tls);
        for (at, flight) in self.input().iter().enumerate() {
            if at > 0 {
                owned.handshake();
            }
            feed(&mut owned, flight);
        }
        (owned.output, owned.events)
    }

    /// Every run of client lines must give the replies that stand right behind it.
    fn replay_in_lockstep(&self) {
        let mut owned = Owned::new(self.config.clone(), self.tls);
        let mut steps = self.steps.iter().peekable();
        while let Some(step) = steps.next() {
            match step {
                Step::Client(bytes) => {
                    assert_eq!(
                        owned.output,
                        "",
                        "unexpected reply before {:?}",
                        String::from_utf8_lossy(bytes)
                    );
                    owned.feed(bytes);
                    while let Some(Step::Client(bytes)) = steps.peek() {
                        owned.feed(bytes);
                        steps.next();
                    }
                }
                Step::Server(line) => {
                    let line = format!("{line}\r\n");
                    let rest = owned.output.strip_prefix(&line);
                    let rest =
                        rest.unwrap_or_else(|| panic!("expected {line:?}, got {:?}", owned.output));
                    owned.output = rest.to_owned();
                }
                Step::Tls => owned.handshake(),
                Step::Event(_) => {}
            }
        }
        assert_eq!(owned.output, "", "unexpected reply at the end");
    }
}

#[track_caller]
fn check(name: &str) {
    let path = format!(
        "{}/fixtures/smtp/{name}.dialogue",
        env!("CARGO_MANIFEST_DIR")
    );
    let dialogue = parse_dialogue(&std::fs::read_to_string(path).unwrap());
    let expected = (dialogue.expected_output(), dialogue.expected_events());
    assert_eq!(dialogue.replay(Owned::feed), expected, "whole");
    dialogue.replay_in_lockstep();
    let bytewise =
        dialogue.replay(|owned, flight| flight.chunks(1).for_each(|byte| owned.feed(byte)));
    assert_eq!(bytewise, expected, "byte by byte");
    let longest = dialogue.input().iter().map(Vec::len).max().unwrap();
    // Every place, except in the few dialogues with very long lines.
    let stride = if longest <= 4096 { 1 } else { 13 };
    for cut in (1..longest).step_by(stride) {
        let cut_once = dialogue.replay(|owned, flight| {
            let (head, tail) = flight.split_at(cut.min(flight.len()));
            owned.feed(head);
            owned.feed(tail);
        });
        assert_eq!(cut_once, expected, "cut at {cut}");
    }
}

macro_rules! dialogues {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() { check(stringify!($name)); })*

        #[test]
        fn every_dialogue_is_replayed() {
            let listed = [$(stringify!($name)),*];
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/smtp");
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|e| e == "dialogue") {
                    let name = path.file_stem().unwrap().to_str().unwrap();
                    assert!(listed.contains(&name), "{name} is not listed");
                }
            }
        }
    };
}

dialogues! {
    mx_delivery,
    mx_recipients,
    null_sender,
    submission_starttls,
    submission_auth,
    submission_scram,
    submission_scram_refused,
    starttls_injection,
    size,
    data_smuggling,
    data_lines,
    chunking,
    chunking_refused,
    chunking_unreadable,
    bad_commands,
    bare_lf_command,
    overlong_lines,
    sequence,
    too_many_errors,
    too_many_messages,
    junk,
    addresses,
    dsn,
}
