//! Both ends of an SMPP connection, what anybody puts on the wire, and their owners.
//!
//! The first octet is the settings; each that follows is something that happens ([`Pair::step`]),
//! with the octets that it asks for.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use tocsin::proto::smpp::{
    Address, BindMode, BindRequest, Body, CloseReason, CommandStatus, Config, Event,
    FRAME_SIZE_MAX_BYTES, HEADER_SIZE_BYTES, Role, SequenceNumber, Session, ShortMessage,
    SubmitError, command_id as id, decode,
};

use super::script::{Chop, Script};

/// Most requests of ours without an answer.
const WINDOW: usize = 3;
/// Most requests of the peer without an answer.
const UNANSWERED_MAX: usize = 4;
/// A timer that is due is gone after so many calls.
const CALLS_MAX: usize = 4;
/// Every session without a peer is over after this long.
const PATIENCE: Duration = Duration::from_secs(600);
/// Commands that are put on the wire by an octet each.
const COMMANDS: [u32; 14] = [
    id::GENERIC_NACK,
    id::BIND_RECEIVER,
    id::BIND_TRANSMITTER,
    id::BIND_TRANSCEIVER,
    id::SUBMIT_SM,
    id::DELIVER_SM,
    id::DATA_SM,
    id::UNBIND,
    id::ENQUIRE_LINK,
    id::OUTBIND,
    id::ALERT_NOTIFICATION,
    0x0000_0003,
    0x0000_0110,
    0x0000_0021,
];

/// Any octets.
pub(crate) fn target(data: &[u8]) {
    let whole = run(data, Chop::Whole);
    for size in [1, 7] {
        assert_eq!(run(data, Chop::Pieces(size)), whole, "in pieces of {size}");
    }
}

/// The same, with what is on the wire cut once, at every place.
pub(crate) fn at_every_cut(data: &[u8]) {
    let whole = run(data, Chop::Whole);
    for at in 1..data.len() {
        assert_eq!(run(data, Chop::Once(at)), whole, "cut at {at}");
    }
}

/// What happens to both ends with this input.
pub(crate) fn events(data: &[u8]) -> Vec<String> {
    let ends = run(data, Chop::Whole);
    let events = ends.into_iter().flat_map(|(_, events)| events);
    events.map(|event| format!("{event:?}")).collect()
}

/// What each end said and what happened to it.
type Transcript = [(Vec<u8>, Vec<Event>); 2];

fn run(data: &[u8], chop: Chop) -> Transcript {
    let mut script = Script::new(data);
    let mut pair = Pair::new(script.octet().unwrap_or_default(), chop);
    while let Some(octet) = script.octet() {
        pair.step(octet, &mut script);
    }
    pair.pass(pair.now + PATIENCE);
    pair.ends.map(End::finish)
}

/// The message centre comes second.
const ESME: usize = 0;
const CENTRE: usize = 1;

struct Pair {
    ends: [End; 2],
    now: Duration,
    chop: Chop,
    sent: usize,
}

impl Pair {
    fn new(bits: u8, chop: Chop) -> Self {
        let mode = match bits % 3 {
            0 => BindMode::Transceiver,
            1 => BindMode::Receiver,
            _ => BindMode::Transmitter,
        };
        let request = BindRequest {
            system_id: "tocsin".to_owned(),
            password: "secret".to_owned(),
            interface_version: 0x34,
            ..BindRequest::default()
        };
        let now = Duration::from_secs(1000);
        Self {
            ends: [
                End::new(Role::Esme { mode, request }, now),
                End::new(Role::Smsc, now),
            ],
            now,
            chop,
            sent: 0,
        }
    }

    /// Something happens.
    fn step(&mut self, octet: u8, script: &mut Script<'_>) {
        let now = self.now;
        let which = usize::from(octet >> 4 & 1);
        let mut more = || script.octet().unwrap_or_default();
        match octet & 0x0f {
            0 | 1 => {
                let length = more();
                let bytes = script.take(length.into());
                self.feed(which, bytes);
            }
            2 | 3 => {
                let (command, status, sequence) = (more(), more(), more());
                let length = more() & 0x3f;
                let body = script.take(length.into());
                self.feed(which, &frame(command, status, sequence, body));
            }
            4 | 5 => {
                let length = more() & 0x1f;
                let text = script.take(length.into());
                self.ends[which].send(text, now);
            }
            6 | 7 => self.ends[which].answer(true),
            8 => self.ends[which].answer(false),
            9 => {
                let sequence = more();
                self.ends[which].answer_what_nobody_asked(sequence.into());
            }
            10 | 11 => self.carry(),
            12 => {
                if let Some(at) = self.next_timer() {
                    self.pass(at);
                }
            }
            13 => {
                let seconds = more();
                self.pass(now + Duration::from_secs(seconds.into()));
            }
            14 => self.ends[which].session.unbind(now),
            _ => self.ends[which].session.connection_lost(),
        }
        self.ends.iter_mut().for_each(End::settle);
    }

    /// What lies on the wire comes to the other end.
    fn carry(&mut self) {
        let waiting = [ESME, CENTRE].map(|which| std::mem::take(&mut self.ends[which].wire));
        self.feed(CENTRE, &waiting[ESME]);
        self.feed(ESME, &waiting[CENTRE]);
    }

    fn feed(&mut self, which: usize, bytes: &[u8]) {
        for piece in self.chop.pieces(bytes, self.sent) {
            self.ends[which].session.handle_input(piece, self.now);
            self.ends[which].settle();
        }
        self.sent += bytes.len();
    }

    fn next_timer(&self) -> Option<Duration> {
        let timers = self
            .ends
            .iter()
            .filter_map(|end| end.session.poll_timeout());
        timers.min()
    }

    /// Time passes until then; what is due by then happens.
    fn pass(&mut self, until: Duration) {
        while let Some(at) = self.next_timer().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            for _ in 0..CALLS_MAX {
                for end in &mut self.ends {
                    end.session.handle_timeout(self.now);
                    end.settle();
                }
            }
            let next = self.next_timer();
            assert!(next.is_none_or(|next| next > self.now), "a timer stays");
        }
        self.now = self.now.max(until);
    }
}

/// What an owner has been asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Bind(BindMode),
    Submit,
    Delivery,
}

/// One end with its owner.
struct End {
    session: Session,
    is_esme: bool,
    bound: Option<BindMode>,
    asked: VecDeque<(Asked, SequenceNumber)>,
    /// Requests that the owner took: each may be answered with "no error" once.
    taken: Vec<SequenceNumber>,
    /// Messages that wait for the peer's answer.
    waiting: BTreeSet<SequenceNumber>,
    is_closed: bool,
    /// What was said and has not been carried.
    wire: Vec<u8>,
    output: Vec<u8>,
    events: Vec<Event>,
}

impl End {
    fn new(role: Role, now: Duration) -> Self {
        let config = Config {
            window: WINDOW,
            unanswered_max: UNANSWERED_MAX,
            ..Config::default()
        };
        let is_esme = matches!(role, Role::Esme { .. });
        let mut end = Self {
            session: Session::new(role, config, now).unwrap(),
            is_esme,
            bound: None,
            asked: VecDeque::new(),
            taken: Vec::new(),
            waiting: BTreeSet::new(),
            is_closed: false,
            wire: Vec::new(),
            output: Vec::new(),
            events: Vec::new(),
        };
        end.settle();
        end
    }

    fn send(&mut self, text: &[u8], now: Duration) {
        let message = ShortMessage {
            source: Address::alphanumeric("Town"),
            destination: Address::international("+447700900001"),
            user_data: text.to_vec(),
            ..ShortMessage::default()
        };
        let sent = if self.is_esme {
            self.session.submit(message, now)
        } else {
            self.session.deliver(message, now)
        };
        match sent {
            Ok(sequence) => {
                let way = if self.is_esme {
                    BindMode::transmits
                } else {
                    BindMode::receives
                };
                assert!(self.bound.is_some_and(way));
                assert!(self.waiting.insert(sequence));
            }
            Err(SubmitError::NotBound) => {}
            Err(SubmitError::WindowFull) => assert_eq!(self.waiting.len(), WINDOW),
            Err(error @ SubmitError::Unencodable(_)) => panic!("{error}"),
        }
    }

    /// Answers the oldest question, if there is one.
    fn answer(&mut self, takes: bool) {
        let Some((asked, sequence)) = self.asked.pop_front() else {
            return;
        };
        if takes {
            self.taken.push(sequence);
        }
        let refusal = CommandStatus::RX_T_APPN;
        let was_open = match asked {
            Asked::Bind(mode) => {
                self.bound = takes.then_some(mode);
                let answer = takes.then_some("centre").ok_or(refusal);
                self.session.answer_bind(sequence, answer)
            }
            Asked::Submit => {
                let name = || format!("m{sequence}");
                let answer = takes.then(name).ok_or(refusal);
                self.session.answer_submit(sequence, answer)
            }
            Asked::Delivery if takes => self.session.confirm_stored(sequence),
            Asked::Delivery => self.session.refuse(sequence, refusal),
        };
        assert!(was_open);
    }

    /// Answers to questions that are not open change nothing.
    fn answer_what_nobody_asked(&mut self, sequence: SequenceNumber) {
        if self.asked.iter().any(|(_, asked)| *asked == sequence) {
            return;
        }
        let session = &mut self.session;
        assert!(!session.confirm_stored(sequence));
        assert!(!session.refuse(sequence, CommandStatus::RSYSERR));
        assert!(!session.answer_bind(sequence, Ok("centre")));
        assert!(!session.answer_submit(sequence, Ok("m".to_owned())));
        assert!(session.poll_output().is_empty() && session.poll_event().is_none());
    }

    /// Takes what the session says and tells.
    fn settle(&mut self) {
        loop {
            let said = self.session.poll_output();
            if !said.is_empty() {
                assert!(!self.is_closed, "something was said behind the end");
                self.check_frames(&said);
                self.wire.extend_from_slice(&said);
                self.output.extend_from_slice(&said);
            } else if let Some(event) = self.session.poll_event() {
                assert!(!self.is_closed, "something happened behind the end");
                self.hear(&event);
                self.events.push(event);
            } else {
                break;
            }
        }
        assert_eq!(self.session.poll_timeout().is_none(), self.is_closed);
        assert_eq!(self.session.in_flight(), self.waiting.len());
        assert!(self.waiting.len() <= WINDOW && self.asked.len() <= UNANSWERED_MAX);
    }

    /// Whole frames that can be read, and no "no error" that the owner did not give.
    fn check_frames(&mut self, mut said: &[u8]) {
        while !said.is_empty() {
            let length: [u8; 4] = said[..4].try_into().unwrap();
            let length = u32::from_be_bytes(length) as usize;
            assert!((HEADER_SIZE_BYTES..=FRAME_SIZE_MAX_BYTES).contains(&length));
            let (frame, rest) = said.split_at(length);
            said = rest;
            let pdu = decode(frame).unwrap();
            let takes = match pdu.body {
                Body::BindResp(..)
                | Body::SubmitSmResp(_)
                | Body::DeliverSmResp
                | Body::DataSmResp(_) => pdu.status.is_ok(),
                _ => false,
            };
            if takes {
                let mut taken = self.taken.iter();
                let place = taken.position(|sequence| *sequence == pdu.sequence);
                self.taken.remove(place.expect("nobody took that"));
            }
        }
    }

    fn hear(&mut self, event: &Event) {
        let asked = match event {
            Event::Bound { mode, .. } => {
                assert!(self.is_esme && self.bound.is_none());
                self.bound = Some(*mode);
                return;
            }
            Event::BindRequested { sequence, mode, .. } => (Asked::Bind(*mode), *sequence),
            Event::Submitted { sequence, .. } => {
                assert!(!self.is_esme && self.bound.is_some_and(BindMode::transmits));
                (Asked::Submit, *sequence)
            }
            Event::Delivered { sequence, .. } => {
                assert!(self.is_esme && self.bound.is_some_and(BindMode::receives));
                (Asked::Delivery, *sequence)
            }
            Event::SubmitResult { sequence, .. }
            | Event::SubmitTimedOut { sequence }
            | Event::DeliverResult { sequence, .. }
            | Event::DeliverTimedOut { sequence } => {
                assert!(self.waiting.remove(sequence), "answered twice");
                return;
            }
            Event::Closed { reason, unanswered } => {
                let all: Vec<SequenceNumber> = self.waiting.iter().copied().collect();
                assert_eq!(*unanswered, all);
                self.waiting.clear();
                self.asked.clear();
                self.is_closed = true;
                if matches!(reason, CloseReason::LostFraming { .. }) {
                    self.forget_last_sequence();
                }
                return;
            }
            Event::BindFailed(_)
            | Event::Garbled { .. }
            | Event::Congestion { .. }
            | Event::RepeatedRequest { .. }
            | Event::UnexpectedResponse { .. }
            | Event::Unbound => return,
        };
        self.asked.push_back(asked);
    }

    /// An impossible length is answered as soon as it is read: with the number of the request where
    /// that had come by then.
    fn forget_last_sequence(&mut self) {
        for said in [&mut self.wire, &mut self.output] {
            let start = said.len().saturating_sub(4);
            said[start..].fill(0);
        }
    }

    fn finish(self) -> (Vec<u8>, Vec<Event>) {
        assert!(self.is_closed, "the session does not end");
        (self.output, self.events)
    }
}

/// A frame that is well cut and holds anything.
fn frame(command: u8, status: u8, sequence: u8, body: &[u8]) -> Vec<u8> {
    let known = COMMANDS[usize::from(command & 0x7f) % COMMANDS.len()];
    let bit = if command & 0x80 == 0 {
        0
    } else {
        id::RESPONSE_BIT
    };
    let length = u32::try_from(HEADER_SIZE_BYTES + body.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::new();
    for word in [length, known | bit, status.into(), sequence.into()] {
        frame.extend_from_slice(&word.to_be_bytes());
    }
    frame.extend_from_slice(body);
    frame
}
