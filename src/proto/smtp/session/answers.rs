//! What the owner may answer, and what an answer sets going.

use std::time::Instant;

use super::super::body::BodyFault;
use super::super::envelope::Envelope;
use super::super::event::{Event, MessageId};
use super::super::reply::{Enhanced, Reply};
use super::{Question, Session, State};

impl Session {
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
        let fault = BodyFault::Refused(negative(reply));
        match (&mut self.state, &mut self.chunked) {
            (State::Data(decoder), _) => decoder.fail(fault),
            (_, Some(body)) => body.fail(fault),
            _ => return false,
        }
        true
    }

    pub(super) fn take_question(&mut self) -> Option<Question> {
        match std::mem::replace(&mut self.state, State::Command) {
            State::Asked(question) => Some(question),
            other => {
                self.state = other;
                None
            }
        }
    }

    /// An answer to a question that was not asked changes nothing.
    pub(super) fn put_back(&mut self, question: Option<Question>) {
        if let Some(question) = question {
            self.state = State::Asked(question);
        }
    }

    pub(super) fn ask(&mut self, question: Question, event: Event, now: Instant) {
        self.timers.set_idle(self.config.timeouts.answer, now);
        self.state = State::Asked(question);
        self.events.push_back(event);
    }

    /// Sends the reply that ends a question and goes on with what the client has pipelined.
    pub(super) fn answer(&mut self, reply: &Reply, now: Instant) {
        self.reply(reply);
        self.enter_command(now);
        self.run_pending(now);
    }

    pub(super) fn end_message(&mut self, id: MessageId, reply: &Reply, now: Instant) -> bool {
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
}

fn negative(reply: &Reply) -> Reply {
    if reply.is_positive() {
        return Reply::new(451, Enhanced(4, 3, 0), "Try again later");
    }
    reply.clone()
}
