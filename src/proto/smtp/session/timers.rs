//! The timer table: three deadlines, of which the nearest counts.

use std::time::{Duration, Instant};

use super::super::config::Timeouts;
use super::super::event::CloseReason;
use super::super::reply::{Enhanced, Reply};
use super::{Question, Session, State};

#[derive(Debug)]
pub(super) struct Timers {
    idle: Instant,
    message: Option<Instant>,
    session: Instant,
}

impl Timers {
    pub(super) fn new(timeouts: &Timeouts, now: Instant) -> Self {
        Timers {
            idle: now + timeouts.command,
            message: None,
            session: now + timeouts.session,
        }
    }

    pub(super) fn set_idle(&mut self, after: Duration, now: Instant) {
        self.idle = now + after;
    }

    pub(super) fn begin_message(&mut self, within: Duration, now: Instant) {
        self.message.get_or_insert(now + within);
    }

    pub(super) fn clear_message(&mut self) {
        self.message = None;
    }

    pub(super) fn next(&self) -> Instant {
        let nearest = self.idle.min(self.session);
        self.message.map_or(nearest, |message| message.min(nearest))
    }
}

impl Session {
    /// Acts on whatever timer has run out at `now`; does nothing if none has.
    pub fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.state, State::Closed) || now < self.timers.next() {
            return;
        }
        let answer_is_late = now >= self.timers.idle;
        match self.take_question() {
            Some(question) if answer_is_late => self.answer_for_owner(question, now),
            question => {
                self.put_back(question);
                self.reply(&Reply::new(421, Enhanced(4, 4, 2), "Timed out"));
                self.close(CloseReason::Timeout);
            }
        }
    }

    /// The owner took too long. The client may try again; a late `confirm_stored` is void.
    fn answer_for_owner(&mut self, question: Question, now: Instant) {
        let reply = match question {
            Question::Credentials { .. } | Question::Challenge(_) | Question::Proof { .. } => {
                Reply::new(454, Enhanced(4, 7, 0), "Cannot authenticate now")
            }
            Question::Sender { .. } | Question::Recipient(_) | Question::Message(_) => {
                Reply::new(451, Enhanced(4, 3, 0), "Try again later")
            }
        };
        self.answer(&reply, now);
    }
}
