//! One SMPP connection, seen from either end, without IO.
//!
//! Octets go in by [`Session::handle_input`], time by
//! [`Session::handle_timeout`]; octets come out of [`Session::poll_output`],
//! what happened out of [`Session::poll_event`]. Time is a [`Duration`] since
//! any instant that stays the same for the session's life.
//!
//! A `deliver_sm` is answered only when the owner says
//! [`Session::confirm_stored`] or [`Session::refuse`]; a bind or `submit_sm`
//! that a message centre receives, only by [`Session::answer_bind`] and
//! [`Session::answer_submit`].

mod config;
mod input;
mod outstanding;
mod types;
mod unanswered;

#[cfg(test)]
mod pair;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::BytesMut;

use super::encode::{EncodeError, append_tlv, encode};
use super::frame::FrameReader;
use super::pdu::{BindMode, BindResponse, Body, DeliverSm, Pdu, SubmitSm, tlv_tag};
use super::status::CommandStatus;
use outstanding::{Awaited, Outstanding};
use unanswered::{PeerRequest, Unanswered};

pub use config::{Config, Role};
pub use types::{CloseReason, Event, SequenceNumber, State, SubmitError};

/// Octets that may wait to be written; a peer that lets more pile up while it
/// keeps talking is cut off.
const OUTPUT_MAX_BYTES: usize = 1024 * 1024;

/// A session. See the module's text.
#[derive(Debug)]
pub struct Session {
    config: Config,
    is_esme: bool,
    state: State,
    reader: FrameReader,
    output: BytesMut,
    events: VecDeque<Event>,
    outstanding: Outstanding,
    /// Requests of the peer that the owner has not answered yet.
    unanswered: Unanswered,
    /// When a half-open connection is given up.
    bind_deadline: Option<Duration>,
    /// When something last came in.
    heard_at: Duration,
    is_probing: bool,
    /// Message centre: goes along with answers to submissions.
    congestion: Option<u8>,
}

impl Session {
    /// Begins a session on a connection that has just been made. An ESME's
    /// bind request is ready in [`Session::poll_output`] at once.
    ///
    /// Errors if a field of the bind request does not fit (section 4.1).
    pub fn new(role: Role, config: Config, now: Duration) -> Result<Self, EncodeError> {
        let mut session = Self {
            is_esme: matches!(role, Role::Esme { .. }),
            state: State::Open,
            reader: FrameReader::default(),
            output: BytesMut::new(),
            events: VecDeque::new(),
            outstanding: Outstanding::new(config.first_sequence),
            unanswered: Unanswered::default(),
            bind_deadline: Some(now + config.bind_timeout),
            heard_at: now,
            is_probing: false,
            congestion: None,
            config,
        };
        if let Role::Esme { mode, request } = role {
            let body = Body::Bind(mode, request);
            session.request(body, Awaited::Bind(mode), now)?;
            session.state = State::Binding;
        }
        Ok(session)
    }

    /// Where the session stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Requests of the window that are still unanswered.
    pub fn in_flight(&self) -> usize {
        self.outstanding.in_window()
    }

    /// How many more requests the window takes now.
    pub fn window_left(&self) -> usize {
        self.config.window.saturating_sub(self.in_flight())
    }

    /// Sends a message (ESME). The answer comes as [`Event::SubmitResult`],
    /// [`Event::SubmitTimedOut`] or in [`Event::Closed`].
    pub fn submit(
        &mut self,
        message: SubmitSm,
        now: Duration,
    ) -> Result<SequenceNumber, SubmitError> {
        let may = self.is_esme && self.bound().is_some_and(BindMode::transmits);
        self.send_in_window(may, Body::SubmitSm(message), Awaited::Submit, now)
    }

    /// Sends a message or receipt (message centre). The answer comes as
    /// [`Event::DeliverResult`], [`Event::DeliverTimedOut`] or in [`Event::Closed`].
    pub fn deliver(
        &mut self,
        message: DeliverSm,
        now: Duration,
    ) -> Result<SequenceNumber, SubmitError> {
        let may = !self.is_esme && self.bound().is_some_and(BindMode::receives);
        self.send_in_window(may, Body::DeliverSm(message), Awaited::Deliver, now)
    }

    /// Acknowledges a delivered message: it is on disk. `false` if there is
    /// no such message waiting (answered already, or the session is over).
    pub fn confirm_stored(&mut self, sequence: SequenceNumber) -> bool {
        self.answer_delivery(sequence, CommandStatus::ROK)
    }

    /// Refuses a delivered message; the message centre will offer it again or
    /// not, by `status`.
    pub fn refuse(&mut self, sequence: SequenceNumber, status: CommandStatus) -> bool {
        self.answer_delivery(sequence, status)
    }

    /// Answers [`Event::BindRequested`]: the centre's name, or a refusal.
    pub fn answer_bind(
        &mut self,
        sequence: SequenceNumber,
        answer: Result<&str, CommandStatus>,
    ) -> bool {
        let Some(PeerRequest::Bind(mode)) = self.unanswered.first(sequence) else {
            return false;
        };
        self.unanswered.take_first(sequence);
        let status = answer.err().unwrap_or(CommandStatus::ROK);
        let system_id = answer.unwrap_or_default().to_owned();
        if status.is_ok() {
            self.state = State::Bound(mode);
            self.bind_deadline = None;
        }
        let response = BindResponse {
            system_id,
            interface_version: Some(self.config.interface_version),
        };
        self.send(Pdu {
            status,
            sequence,
            body: Body::BindResp(mode, response),
        });
        true
    }

    /// Tells with each answer to a submission how busy we are (message centre; SMPP 5.0,
    /// `congestion_state`): 0 to 100.
    pub fn tell_congestion(&mut self, state: Option<u8>) {
        self.congestion = state;
    }

    /// Answers [`Event::Submitted`]: the message's id, or a refusal.
    pub fn answer_submit(
        &mut self,
        sequence: SequenceNumber,
        answer: Result<String, CommandStatus>,
    ) -> bool {
        let body: fn(Option<String>) -> Body = match self.unanswered.first(sequence) {
            Some(PeerRequest::Submit) => Body::SubmitSmResp,
            Some(PeerRequest::Data) if !self.is_esme => Body::DataSmResp,
            _ => return false,
        };
        self.unanswered.take_first(sequence);
        let status = answer.as_ref().err().copied().unwrap_or(CommandStatus::ROK);
        let begin = self.output.len();
        self.send(Pdu {
            status,
            sequence,
            body: body(answer.ok()),
        });
        if let Some(state) = self.congestion {
            append_tlv(&mut self.output, begin, tlv_tag::CONGESTION_STATE, &[state]);
        }
        true
    }

    /// Ends the session politely. [`Event::Closed`] follows when the peer
    /// agrees or the response time is over.
    pub fn unbind(&mut self, now: Duration) {
        match self.state {
            State::Bound(_) => {
                // The body is empty: nothing in it can be refused.
                if self.request(Body::Unbind, Awaited::Unbind, now).is_ok() {
                    self.state = State::Unbinding;
                }
            }
            State::Open | State::Binding => self.close(CloseReason::Unbound),
            State::Unbinding | State::Closed => {}
        }
    }

    /// The connection has ended underneath.
    pub fn connection_lost(&mut self) {
        self.close(CloseReason::ConnectionLost);
    }

    /// Octets to write; empty when there are none. After
    /// [`Event::Closed`] write what is left, then close.
    pub fn poll_output(&mut self) -> BytesMut {
        self.output.split()
    }

    /// The next thing that happened. Drain before every other call.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Session::handle_timeout`] wants to be called; `None` when closed.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.state == State::Closed {
            return None;
        }
        let probe = (!self.is_probing && self.bound().is_some())
            .then(|| self.heard_at + self.config.enquire_interval);
        [self.bind_deadline, probe, self.outstanding.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due at `now`; harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.state == State::Closed {
            return;
        }
        if self.bind_deadline.is_some_and(|at| at <= now) {
            return self.close(CloseReason::BindTimeout);
        }
        while let Some((sequence, awaited)) = self.outstanding.take_due(now) {
            match awaited {
                Awaited::Submit => self.events.push_back(Event::SubmitTimedOut { sequence }),
                Awaited::Deliver => self.events.push_back(Event::DeliverTimedOut { sequence }),
                Awaited::Bind(_) => return self.close(CloseReason::BindTimeout),
                Awaited::EnquireLink => return self.close(CloseReason::PeerSilent),
                Awaited::Unbind => return self.close(CloseReason::Unbound),
            }
        }
        let is_idle = self.heard_at + self.config.enquire_interval <= now;
        if is_idle && !self.is_probing && self.bound().is_some() {
            self.is_probing = self
                .request(Body::EnquireLink, Awaited::EnquireLink, now)
                .is_ok();
        }
    }

    fn bound(&self) -> Option<BindMode> {
        match self.state {
            State::Bound(mode) => Some(mode),
            State::Open | State::Binding | State::Unbinding | State::Closed => None,
        }
    }

    fn send_in_window(
        &mut self,
        may: bool,
        body: Body,
        awaited: Awaited,
        now: Duration,
    ) -> Result<SequenceNumber, SubmitError> {
        if !may {
            return Err(SubmitError::NotBound);
        }
        if self.window_left() == 0 {
            return Err(SubmitError::WindowFull);
        }
        Ok(self.request(body, awaited, now)?)
    }

    fn request(
        &mut self,
        body: Body,
        awaited: Awaited,
        now: Duration,
    ) -> Result<SequenceNumber, EncodeError> {
        let sequence = self.outstanding.next_sequence();
        let pdu = Pdu {
            status: CommandStatus::ROK,
            sequence,
            body,
        };
        encode(&pdu, &mut self.output)?;
        self.outstanding
            .insert(sequence, awaited, now + self.config.response_timeout);
        Ok(sequence)
    }

    fn answer_delivery(&mut self, sequence: SequenceNumber, status: CommandStatus) -> bool {
        let body = match self.unanswered.first(sequence) {
            Some(PeerRequest::Deliver) => Body::DeliverSmResp,
            Some(PeerRequest::Data) if self.is_esme => Body::DataSmResp(None),
            _ => return false,
        };
        self.unanswered.take_first(sequence);
        self.send(Pdu {
            status,
            sequence,
            body,
        });
        true
    }

    /// Sends an answer. Answers are made here and fit their fields, but for a
    /// message id or name that the owner chose too long: that becomes a
    /// system error.
    fn send(&mut self, pdu: Pdu) {
        if encode(&pdu, &mut self.output).is_err() {
            let nack = Pdu {
                status: CommandStatus::RSYSERR,
                body: Body::GenericNack,
                ..pdu
            };
            // A generic_nack has no fields that could not fit.
            let _ = encode(&nack, &mut self.output);
        }
        if self.output.len() > OUTPUT_MAX_BYTES {
            self.close(CloseReason::PeerDoesNotRead);
        }
    }

    fn close(&mut self, reason: CloseReason) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        self.bind_deadline = None;
        self.unanswered.clear();
        let unanswered = self.outstanding.drain_window();
        self.events.push_back(Event::Closed { reason, unanswered });
    }
}
