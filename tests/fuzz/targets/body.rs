//! What DATA and BDAT make of any octets, against a model that looks at all of them at once
//! (RFC 5321, 4.1.1.4 and 4.5.2; RFC 3030).
//!
//! The first octet: BDAT rather than DATA, and narrower limits. For BDAT each chunk begins with an
//! octet: 0x80 for the last one, and its size.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use tocsin::proto::smtp::{Config, Event, PeerInfo, Session};

use super::script::{Chop, Script};

const BEFORE: &[u8] = b"EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@b.example>\r\n";
const TOO_BIG: &str = "552 5.3.4 Message is too big";
const BARE_CR: &str = "554 5.6.0 Message contains a bare CR";
const BARE_LF: &str = "554 5.6.0 Message contains a bare LF";
const NUL: &str = "554 5.6.0 Message contains a NUL";
const LONG_LINE: &str = "554 5.6.0 Message contains a line that is too long";
const CHUNK: &str = "250 2.0.0 Chunk received";
/// Octets of the largest chunk.
const CHUNK_MAX: u8 = 0x3f;
const LAST: u8 = 0x80;
/// Most chunks of one message.
const CHUNKS_MAX: usize = 64;

#[derive(Clone, Copy)]
struct Limits {
    size: usize,
    line: usize,
}

/// A message, or how the reply begins that came instead.
type Told = Result<Vec<u8>, &'static str>;

/// Any octets.
pub(crate) fn target(data: &[u8]) {
    let mut script = Script::new(data);
    let bits = script.octet().unwrap_or_default();
    let limits = Limits {
        size: if bits & 2 == 0 { 8192 } else { 24 },
        line: if bits & 4 == 0 { 1000 } else { 9 },
    };
    let chops = [1, 2, 3, 5].map(Chop::Pieces);
    for chop in [Chop::Whole].into_iter().chain(chops) {
        if bits & 1 == 0 {
            data_transfer(data.get(1..).unwrap_or_default(), limits, chop);
        } else {
            chunks(data.get(1..).unwrap_or_default(), limits, chop);
        }
    }
}

fn data_transfer(data: &[u8], limits: Limits, chop: Chop) {
    let input = Script::new(data).rest();
    let expected = end_of_data(input).map(|body| match first_fault(&body, limits) {
        Some(fault) => Err(fault),
        None => Ok(body),
    });
    let mut client = Client::new(limits, chop);
    assert!(
        client
            .say(b"DATA\r\n")
            .is_some_and(|heard| heard.is("354 "))
    );
    check(client.say(input), expected);
}

fn chunks(data: &[u8], limits: Limits, chop: Chop) {
    let mut script = Script::new(data);
    let mut client = Client::new(limits, chop);
    let mut body = Vec::new();
    for _ in 0..CHUNKS_MAX {
        let Some(octet) = script.octet() else {
            return;
        };
        let (is_last, chunk) = (octet & LAST != 0, script.take((octet & CHUNK_MAX).into()));
        body.extend_from_slice(chunk);
        let last = if is_last { " LAST" } else { "" };
        let command = format!("BDAT {}{last}\r\n", chunk.len());
        let heard = client.say(&[command.as_bytes(), chunk].concat());
        let ends_in_cr = is_last && body.last() == Some(&b'\r');
        let fault = first_fault(&body, limits).or(ends_in_cr.then_some(BARE_CR));
        let expected = match fault {
            Some(fault) => Err(fault),
            None if is_last => Ok(with_last_line_ended(&body)),
            None => Err(CHUNK),
        };
        check(heard, Some(expected));
        if is_last || fault.is_some() {
            return;
        }
    }
}

#[track_caller]
fn check(heard: Option<Heard>, expected: Option<Told>) {
    match (heard, expected) {
        (None, None) => {}
        (Some(Heard::Message(body)), Some(Ok(expected))) => assert_eq!(body, expected),
        (Some(heard), Some(Err(reply))) => assert!(heard.is(reply), "{heard:?} for {reply:?}"),
        (heard, expected) => panic!("{heard:?} for {expected:?}"),
    }
}

/// What stands before the first CRLF.CRLF, the line end of DATA counted in, without the dots that
/// were put before others; none while there is no end.
fn end_of_data(input: &[u8]) -> Option<Vec<u8>> {
    let whole = [b"\r\n", input].concat();
    let end = whole.windows(5).position(|five| five == b"\r\n.\r\n")?;
    let text = &whole[..end + 2];
    let is_stuffed = |at: usize| text[at] == b'.' && text[..at].ends_with(b"\r\n");
    let kept = (2..text.len()).filter(|at| !is_stuffed(*at));
    Some(kept.map(|at| text[at]).collect())
}

/// The fault of the first octet that has one.
fn first_fault(body: &[u8], limits: Limits) -> Option<&'static str> {
    let mut line = 0;
    (0..body.len()).find_map(|at| {
        let is_after_cr = body[..at].ends_with(b"\r");
        line += 1;
        match body[at] {
            _ if at >= limits.size => Some(TOO_BIG),
            octet if is_after_cr && octet != b'\n' => Some(BARE_CR),
            b'\n' if !is_after_cr => Some(BARE_LF),
            0 => Some(NUL),
            _ if line > limits.line => Some(LONG_LINE),
            b'\n' => {
                line = 0;
                None
            }
            _ => None,
        }
    })
}

fn with_last_line_ended(body: &[u8]) -> Vec<u8> {
    let is_ended = body.is_empty() || body.ends_with(b"\n");
    let end: &[u8] = if is_ended { b"" } else { b"\r\n" };
    [body, end].concat()
}

/// What came first.
#[derive(Debug)]
enum Heard {
    Message(Vec<u8>),
    Reply(String),
}

impl Heard {
    /// Whether it is a reply that begins like this.
    fn is(&self, beginning: &str) -> bool {
        match self {
            Self::Reply(line) => line.starts_with(beginning),
            Self::Message(_) => false,
        }
    }
}

/// A client of the MX that has named sender and recipient.
struct Client {
    session: Session,
    now: Instant,
    chop: Chop,
}

impl Client {
    fn new(limits: Limits, chop: Chop) -> Self {
        let config = Config {
            message_size_max_bytes: limits.size,
            data_line_max_bytes: limits.line,
            ..Config::mx("mx.test")
        };
        let peer = PeerInfo {
            addr: SocketAddr::from((Ipv4Addr::new(192, 0, 2, 7), 4242)),
            tls: None,
        };
        let now = Instant::now();
        let mut session = Session::new(config, peer, now);
        session.handle_input(BEFORE, now);
        assert!(matches!(session.poll_event(), Some(Event::MailFrom { .. })));
        session.accept_sender(now);
        assert!(matches!(session.poll_event(), Some(Event::RcptTo { .. })));
        session.accept_rcpt(now);
        session.poll_output();
        Self { session, now, chop }
    }

    /// Says this as far as there is no answer; the first one.
    fn say(&mut self, bytes: &[u8]) -> Option<Heard> {
        for piece in self.chop.pieces(bytes, 0) {
            self.session.handle_input(piece, self.now);
            if let Some(output) = self.session.poll_output() {
                let output = String::from_utf8(output).unwrap();
                let line = output.lines().next().unwrap_or_default();
                return Some(Heard::Reply(line.to_owned()));
            }
            if let Some(Event::MessageReceived { body, .. }) = self.session.poll_event() {
                return Some(Heard::Message(body));
            }
        }
        None
    }
}
