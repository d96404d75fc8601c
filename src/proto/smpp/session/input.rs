//! What the peer sends.

use std::time::Duration;

use super::outstanding::Awaited;
use super::types::{CloseReason, Event, State};
use super::{PeerRequest, Session};
use crate::proto::smpp::decode::{DecodeError, congestion_state, decode_of};
use crate::proto::smpp::frame::{FrameError, Header};
use crate::proto::smpp::pdu::{
    BindMode, BindRequest, BindResponse, Body, Pdu, ShortMessage, command_id as id,
};
use crate::proto::smpp::status::CommandStatus;

impl Session {
    /// Takes in octets as they were read, cut anywhere. Hand in what one read
    /// gives (a few kilobytes): events are bounded by it.
    pub fn handle_input(&mut self, bytes: &[u8], now: Duration) {
        if self.state == State::Closed {
            return;
        }
        self.reader.push(bytes);
        while self.state != State::Closed {
            match self.reader.next() {
                None => return,
                Some(Ok(frame)) => self.handle_frame(&frame, now),
                Some(Err(FrameError::TooLong { header })) => {
                    self.heard_at = now;
                    self.refuse_frame(header, Body::GenericNack, CommandStatus::RINVCMDLEN);
                }
                Some(Err(FrameError::Lost { declared, sequence })) => {
                    self.handle_lost_framing(declared, sequence);
                }
            }
        }
        self.reader.clear();
    }

    /// Nothing after an impossible length can be trusted.
    fn handle_lost_framing(&mut self, declared: u32, sequence: Option<u32>) {
        let status = CommandStatus::RINVCMDLEN;
        let sequence = sequence.unwrap_or_default();
        self.send(Pdu {
            status,
            sequence,
            body: Body::GenericNack,
        });
        self.close(CloseReason::LostFraming { declared });
    }

    fn handle_frame(&mut self, frame: &[u8], now: Duration) {
        self.heard_at = now;
        match decode_of(frame, self.config.tolerances) {
            Ok(pdu) => {
                if let Some(state) = congestion_state(frame) {
                    self.events.push_back(Event::Congestion { state });
                }
                self.handle_pdu(pdu, Header::of(frame));
            }
            Err(error) => self.handle_garbled(frame, error),
        }
    }

    fn handle_garbled(&mut self, frame: &[u8], error: DecodeError) {
        // A frame is never shorter than its header.
        let Some(header) = Header::of(frame) else {
            return;
        };
        let body = match error {
            // It was read, and what is wrong with it is not its form.
            DecodeError::NotTolerated(id::SUBMIT_SM, _) => Body::SubmitSmResp(None),
            DecodeError::NotTolerated(id::DELIVER_SM, _) => Body::DeliverSmResp,
            DecodeError::NotTolerated(id::DATA_SM, _) => Body::DataSmResp(None),
            DecodeError::NoHeader
            | DecodeError::UnknownCommand(_)
            | DecodeError::Truncated(_)
            | DecodeError::NotTolerated(..) => Body::GenericNack,
        };
        self.refuse_frame(header, body, error.nack_status());
    }

    /// Answers a request that is not taken. A response is never answered: that could go on for
    /// ever. One that says an error says so in its header, whatever is wrong behind it: what was
    /// refused must not be taken for what nobody answered, and be tried again at once.
    fn refuse_frame(&mut self, header: Header, body: Body, status: CommandStatus) {
        let sequence = header.sequence();
        self.events.push_back(Event::Garbled { header, status });
        if header.command_id() & id::RESPONSE_BIT == 0 {
            return self.send(Pdu {
                status,
                sequence,
                body,
            });
        }
        let said = CommandStatus(header.status());
        let awaited = self.outstanding.get(sequence);
        let is_answer = |awaited: &Awaited| awaited.response_id() == header.command_id();
        if let Some(awaited) = awaited.filter(is_answer).filter(|_| !said.is_ok()) {
            self.settle(awaited, sequence, said, None);
        }
    }

    fn handle_pdu(&mut self, pdu: Pdu, header: Option<Header>) {
        let Pdu {
            status,
            sequence,
            body,
        } = pdu;
        let answer = |body| Pdu {
            status: CommandStatus::ROK,
            sequence,
            body,
        };
        match body {
            Body::Bind(mode, request) => self.handle_bind(sequence, mode, request),
            Body::SubmitSm(message) => self.handle_message(sequence, PeerRequest::Submit, message),
            Body::DeliverSm(message) => {
                self.handle_message(sequence, PeerRequest::Deliver, message)
            }
            Body::DataSm(message) => self.handle_message(sequence, PeerRequest::Data, message),
            Body::EnquireLink => self.send(answer(Body::EnquireLinkResp)),
            Body::Unbind => {
                self.events.push_back(Event::Unbound);
                self.send(answer(Body::UnbindResp));
                self.close(CloseReason::PeerUnbound);
            }
            Body::Notification(command) => {
                // An outbind asks a listener to bind (section 2.2.1). We made this connection, and
                // have bound on it or are about to: it is out of place.
                if let Some(header) = header.filter(|_| command == id::OUTBIND) {
                    self.refuse_frame(header, Body::GenericNack, CommandStatus::RINVBNDSTS);
                }
            }
            Body::BindResp(mode, response) => {
                self.handle_bind_resp(sequence, status, mode, response)
            }
            Body::SubmitSmResp(message_id) => {
                self.handle_result(id::SUBMIT_SM, Awaited::Submit, sequence, status, message_id);
            }
            Body::DeliverSmResp => {
                self.handle_result(id::DELIVER_SM, Awaited::Deliver, sequence, status, None);
            }
            Body::EnquireLinkResp => {
                self.handle_result(
                    id::ENQUIRE_LINK,
                    Awaited::EnquireLink,
                    sequence,
                    status,
                    None,
                );
            }
            Body::UnbindResp => {
                self.handle_result(id::UNBIND, Awaited::Unbind, sequence, status, None);
            }
            Body::DataSmResp(message_id) => {
                self.unexpected(id::DATA_SM, sequence, status, message_id);
            }
            Body::OtherResponse(command) => self.unexpected(command, sequence, status, None),
            Body::GenericNack => self.handle_nack(sequence, status),
        }
    }

    /// Some centres send a nack with status 0: it accepts nothing all the same.
    fn handle_nack(&mut self, sequence: u32, status: CommandStatus) {
        let status = if status.is_ok() {
            CommandStatus::RUNKNOWNERR
        } else {
            status
        };
        match self.outstanding.get(sequence) {
            Some(awaited) => self.settle(awaited, sequence, status, None),
            None => self.unexpected(id::GENERIC_NACK, sequence, status, None),
        }
    }

    fn handle_bind(&mut self, sequence: u32, mode: BindMode, request: BindRequest) {
        let is_asked_already = self.unanswered.has_bind();
        let status = match self.state {
            State::Open if !self.is_esme && !is_asked_already => {
                self.unanswered.add_bind(sequence, mode);
                self.events.push_back(Event::BindRequested {
                    sequence,
                    mode,
                    request,
                });
                return;
            }
            State::Bound(_) | State::Open => CommandStatus::RALYBND,
            State::Binding | State::Unbinding | State::Closed => CommandStatus::RINVBNDSTS,
        };
        let body = Body::BindResp(mode, BindResponse::default());
        self.send(Pdu {
            status,
            sequence,
            body,
        });
    }

    fn handle_message(&mut self, sequence: u32, kind: PeerRequest, message: ShortMessage) {
        if let Err(status) = self.admit(kind) {
            let body = match kind {
                PeerRequest::Submit => Body::SubmitSmResp(None),
                PeerRequest::Data => Body::DataSmResp(None),
                PeerRequest::Deliver | PeerRequest::Bind(_) => Body::DeliverSmResp,
            };
            return self.send(Pdu {
                status,
                sequence,
                body,
            });
        }
        if !self.unanswered.add(sequence, kind, &message) {
            return self.events.push_back(Event::RepeatedRequest { sequence });
        }
        self.events.push_back(if self.is_esme {
            Event::Delivered { sequence, message }
        } else {
            Event::Submitted { sequence, message }
        });
    }

    /// Whether this end takes this kind of message now.
    fn admit(&self, kind: PeerRequest) -> Result<(), CommandStatus> {
        let may = |mode: BindMode| match kind {
            PeerRequest::Submit => !self.is_esme && mode.transmits(),
            PeerRequest::Deliver => self.is_esme && mode.receives(),
            PeerRequest::Data if self.is_esme => mode.receives(),
            PeerRequest::Data => mode.transmits(),
            PeerRequest::Bind(_) => false,
        };
        if self.state == State::Unbinding {
            // Sent before the peer saw our unbind: it may come again.
            return Err(CommandStatus::RX_T_APPN);
        }
        if !self.bound().is_some_and(may) {
            return Err(CommandStatus::RINVBNDSTS);
        }
        if self.unanswered.len() >= self.config.unanswered_max {
            return Err(CommandStatus::RMSGQFUL);
        }
        Ok(())
    }

    fn handle_bind_resp(
        &mut self,
        sequence: u32,
        status: CommandStatus,
        mode: BindMode,
        response: BindResponse,
    ) {
        let Some(awaited @ Awaited::Bind(asked)) = self.outstanding.get(sequence) else {
            return self.unexpected(mode.command_id(), sequence, status, None);
        };
        if !status.is_ok() {
            return self.settle(awaited, sequence, status, None);
        }
        self.outstanding.remove(sequence);
        self.bind_deadline = None;
        self.state = State::Bound(asked);
        self.events.push_back(Event::Bound {
            mode: asked,
            system_id: response.system_id,
            interface_version: response.interface_version,
        });
    }

    fn handle_result(
        &mut self,
        command: u32,
        expected: Awaited,
        sequence: u32,
        status: CommandStatus,
        message_id: Option<String>,
    ) {
        if self.outstanding.get(sequence) == Some(expected) {
            self.settle(expected, sequence, status, message_id);
        } else {
            self.unexpected(command, sequence, status, message_id);
        }
    }

    /// An answer, or a `generic_nack` in its place, has come.
    fn settle(
        &mut self,
        awaited: Awaited,
        sequence: u32,
        status: CommandStatus,
        message_id: Option<String>,
    ) {
        self.outstanding.remove(sequence);
        match awaited {
            Awaited::Bind(_) => {
                self.events.push_back(Event::BindFailed(status));
                self.close(CloseReason::BindRefused(status));
            }
            Awaited::Submit => {
                self.events.push_back(Event::SubmitResult {
                    sequence,
                    status,
                    // In an error nothing stands there that is an id.
                    message_id: message_id.filter(|_| status.is_ok()),
                });
            }
            Awaited::Deliver => self
                .events
                .push_back(Event::DeliverResult { sequence, status }),
            Awaited::EnquireLink => self.is_probing = false,
            Awaited::Unbind => self.close(CloseReason::Unbound),
        }
    }

    fn unexpected(
        &mut self,
        command: u32,
        sequence: u32,
        status: CommandStatus,
        message_id: Option<String>,
    ) {
        let command_id = command | id::RESPONSE_BIT;
        self.events.push_back(Event::UnexpectedResponse {
            command_id,
            sequence,
            status,
            message_id,
        });
    }
}
