//! DATA and BDAT: taking in a message and handing it over.

use std::time::Instant;

use super::super::body::{BodyFault, BodyWriter};
use super::super::data::{DataDecoder, DataProgress};
use super::super::event::{CloseReason, Event, MessageId};
use super::super::reply::{Enhanced, Reply};
use super::{Question, Session, State};

/// One BDAT chunk (RFC 3030). Its octets are read to the last one, wanted or not.
#[derive(Debug)]
pub(super) struct Chunk {
    left_bytes: u64,
    last: bool,
    /// Set when the chunk is only read to be thrown away.
    refusal: Option<Reply>,
}

impl Session {
    pub(super) fn begin_data(&mut self, now: Instant) {
        if self.chunked.is_some() {
            return self.error(&bad_sequence("DATA cannot follow BDAT"));
        }
        if let Some(reply) = self.not_ready_for_data() {
            return self.error(&reply);
        }
        let decoder = DataDecoder::new(self.body_writer(), self.config.discard_max_bytes());
        self.state = State::Data(Box::new(decoder));
        self.begin_transfer(now);
        self.reply(&Reply::plain(354, "End data with <CR><LF>.<CR><LF>"));
    }

    pub(super) fn begin_chunk(&mut self, size_bytes: u64, last: bool, now: Instant) {
        if size_bytes > self.config.discard_max_bytes() {
            self.reply(&BodyFault::TooBig.reply());
            return self.close(CloseReason::LimitReached);
        }
        let refusal = self.not_ready_for_data();
        if refusal.is_none() && self.chunked.is_none() {
            self.chunked = Some(self.body_writer());
        }
        self.state = State::Chunk(Chunk {
            left_bytes: size_bytes,
            last,
            refusal,
        });
        self.begin_transfer(now);
        if size_bytes == 0 {
            self.end_chunk(now);
        }
    }

    pub(super) fn take_data(&mut self, bytes: &[u8], now: Instant) -> usize {
        let State::Data(decoder) = &mut self.state else {
            return 0;
        };
        let (used, progress) = decoder.push(bytes);
        match progress {
            DataProgress::More => self.timers.set_idle(self.config.timeouts.data_block, now),
            DataProgress::Flood => {
                self.reply(&BodyFault::TooBig.reply());
                self.close(CloseReason::LimitReached);
            }
            DataProgress::End => {
                if let State::Data(decoder) = std::mem::replace(&mut self.state, State::Command) {
                    self.hand_over(decoder.finish(), now);
                }
            }
        }
        used
    }

    pub(super) fn take_chunk(&mut self, bytes: &[u8], now: Instant) -> usize {
        let State::Chunk(chunk) = &mut self.state else {
            return 0;
        };
        let wanted = usize::try_from(chunk.left_bytes).unwrap_or(usize::MAX);
        let taken = &bytes[..bytes.len().min(wanted)];
        chunk.left_bytes -= taken.len() as u64;
        let complete = chunk.left_bytes == 0;
        if chunk.refusal.is_none()
            && let Some(body) = &mut self.chunked
        {
            body.push(taken);
        }
        self.timers.set_idle(self.config.timeouts.data_block, now);
        if complete {
            self.end_chunk(now);
        }
        taken.len()
    }

    fn end_chunk(&mut self, now: Instant) {
        let State::Chunk(chunk) = std::mem::replace(&mut self.state, State::Command) else {
            return;
        };
        self.timers.set_idle(self.config.timeouts.command, now);
        if let Some(reply) = chunk.refusal {
            self.reset_transaction();
            return self.error(&reply);
        }
        match self.chunked.take() {
            Some(body) if chunk.last => self.hand_over(body.finish(), now),
            Some(body) => match body.fault() {
                // Refused at once: RFC 3030 has the client send RSET next, and the chunks that it
                // had pipelined already are read and refused one by one.
                Some(fault) => self.fail_message(fault, now),
                None => {
                    self.chunked = Some(body);
                    self.reply(&Reply::new(250, Enhanced(2, 0, 0), "Chunk received"));
                }
            },
            None => self.error(&bad_sequence("No transaction")),
        }
    }

    /// Passes a complete message to the owner, who alone may acknowledge it.
    fn hand_over(&mut self, body: Result<Vec<u8>, BodyFault>, now: Instant) {
        let envelope = self.envelope.take();
        match (body, envelope) {
            (Ok(body), Some(envelope)) => {
                self.reset_transaction();
                self.counters.messages += 1;
                let id = MessageId(self.next_message);
                self.next_message += 1;
                self.ask(
                    Question::Message(id),
                    Event::MessageReceived { id, envelope, body },
                    now,
                );
            }
            (Err(fault), _) => self.fail_message(fault, now),
            (Ok(_), None) => self.error(&bad_sequence("No transaction")),
        }
    }

    fn fail_message(&mut self, fault: BodyFault, now: Instant) {
        self.reset_transaction();
        self.error(&fault.reply());
        if !matches!(self.state, State::Closed) {
            self.enter_command(now);
        }
    }

    fn begin_transfer(&mut self, now: Instant) {
        let timeouts = &self.config.timeouts;
        self.timers.begin_message(timeouts.message, now);
        self.timers.set_idle(timeouts.data_block, now);
    }

    fn body_writer(&self) -> BodyWriter {
        BodyWriter::new(
            self.config.message_size_max_bytes,
            self.config.data_line_max_bytes,
        )
    }

    fn not_ready_for_data(&self) -> Option<Reply> {
        match &self.envelope {
            None => Some(bad_sequence("Need MAIL first")),
            Some(envelope) if envelope.recipients.is_empty() => {
                Some(Reply::new(554, Enhanced(5, 5, 1), "No valid recipients"))
            }
            Some(_) => None,
        }
    }
}

pub(super) fn bad_sequence(text: &str) -> Reply {
    Reply::new(503, Enhanced(5, 5, 1), text)
}
