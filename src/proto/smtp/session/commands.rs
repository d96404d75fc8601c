//! Lines in command state: which command may be given when.

use std::time::Instant;

use super::super::command::{self, Command};
use super::super::config::RECIPIENTS_OVERSHOOT_MAX;
use super::super::envelope::{MailParams, Recipient};
use super::super::event::{CloseReason, Event};
use super::super::line::LineEvent;
use super::super::path::{ForwardPath, ReversePath};
use super::super::reply::{Enhanced, Reply};
use super::transfer::bad_sequence;
use super::{Hello, Question, Session, State};

impl Session {
    pub(super) fn handle_line(&mut self, event: LineEvent, now: Instant) {
        let state = std::mem::replace(&mut self.state, State::Command);
        self.timers.set_idle(self.config.timeouts.command, now);
        match (event, state) {
            (LineEvent::Line(line), State::Auth(step)) => self.handle_auth_line(step, &line, now),
            (LineEvent::Line(line), _) => self.handle_command(&line, now),
            (LineEvent::TooLong, State::Auth(_)) => {
                self.error(&Reply::new(
                    500,
                    Enhanced(5, 5, 6),
                    "Authentication line too long",
                ));
            }
            (LineEvent::TooLong, _) => {
                self.error(&Reply::new(500, Enhanced(5, 5, 2), "Line too long"))
            }
            (LineEvent::BareLf, _) => {
                self.reply(&Reply::new(
                    500,
                    Enhanced(5, 5, 2),
                    "Bare LF: lines must end with CRLF",
                ));
                self.close(CloseReason::Desync);
            }
            (LineEvent::Flood, _) => self.give_up("Line without end"),
        }
    }

    /// Counts octets that came where none may come.
    pub(super) fn note_discarded(&mut self, bytes: usize) {
        if let (State::AwaitingTls, Some(Event::StartTls { discarded_bytes })) =
            (&self.state, self.events.back_mut())
        {
            *discarded_bytes = discarded_bytes.saturating_add(bytes);
        }
    }

    fn handle_command(&mut self, line: &[u8], now: Instant) {
        let command = match command::parse(line) {
            Ok(command) => command,
            Err(bad) => {
                self.error(&bad.reply);
                if bad.desync && !matches!(self.state, State::Closed) {
                    self.close(CloseReason::Desync);
                }
                return;
            }
        };
        if self.is_junk(&command) {
            self.counters.junk_commands += 1;
            if self.counters.junk_commands > self.config.junk_commands_max {
                return self.give_up("Too many commands without a message");
            }
        }
        match command {
            Command::Ehlo(name) => self.greet(name, true),
            Command::Helo(name) => self.greet(name, false),
            Command::Mail { from, params } => self.handle_mail(from, params, now),
            Command::Rcpt(recipient) => self.handle_rcpt(recipient, now),
            Command::Data => self.begin_data(now),
            Command::Bdat { size_bytes, last } => self.begin_chunk(size_bytes, last, now),
            Command::Auth { mechanism, initial } => self.begin_auth(mechanism, initial, now),
            Command::StartTls => self.handle_starttls(now),
            Command::Rset => {
                self.reset_transaction();
                self.reply(&Reply::new(250, Enhanced(2, 0, 0), "Reset"));
                self.leave_if_draining();
            }
            Command::Noop => self.reply(&Reply::new(250, Enhanced(2, 0, 0), "Ok")),
            Command::Help => self.reply(&Reply::new(214, Enhanced(2, 0, 0), "See RFC 5321")),
            Command::Vrfy => {
                self.reply(&Reply::new(
                    252,
                    Enhanced(2, 5, 0),
                    "Cannot verify; send mail and see",
                ));
            }
            Command::Quit => {
                self.reply(&Reply::new(221, Enhanced(2, 0, 0), "Bye"));
                self.close(CloseReason::Quit);
            }
        }
    }

    fn is_junk(&self, command: &Command) -> bool {
        match command {
            Command::Ehlo(_) | Command::Helo(_) => self.hello.is_some(),
            Command::Rset | Command::Noop | Command::Help | Command::Vrfy => true,
            Command::Mail { .. }
            | Command::Rcpt(_)
            | Command::Data
            | Command::Bdat { .. }
            | Command::Auth { .. }
            | Command::StartTls
            | Command::Quit => false,
        }
    }

    fn greet(&mut self, name: String, extended: bool) {
        self.reset_transaction();
        self.hello = Some(Hello { name, extended });
        let mut lines = vec![self.config.hostname.clone()];
        if extended {
            lines.extend(self.extensions());
        }
        let last = lines.len() - 1;
        for (at, line) in lines.iter().enumerate() {
            let separator = if at == last { ' ' } else { '-' };
            self.output
                .extend_from_slice(format!("250{separator}{line}\r\n").as_bytes());
        }
        self.leave_if_draining();
    }

    fn extensions(&self) -> Vec<String> {
        let mut offered = vec![
            "PIPELINING".to_owned(),
            format!("SIZE {}", self.config.message_size_max_bytes),
            "8BITMIME".to_owned(),
            "SMTPUTF8".to_owned(),
            "ENHANCEDSTATUSCODES".to_owned(),
            "CHUNKING".to_owned(),
            format!(
                "LIMITS MAILMAX={} RCPTMAX={}",
                self.config.messages_max, self.config.recipients_max
            ),
        ];
        if self.config.dsn {
            offered.push("DSN".to_owned());
        }
        if self.config.starttls && self.peer.tls.is_none() {
            offered.push("STARTTLS".to_owned());
        }
        if self.auth_is_offered() && self.user.is_none() {
            let scram = if self.config.scram {
                "SCRAM-SHA-256 "
            } else {
                ""
            };
            offered.push(format!("AUTH {scram}PLAIN LOGIN"));
        }
        offered.push("HELP".to_owned());
        offered
    }

    fn handle_mail(&mut self, from: ReversePath, params: MailParams, now: Instant) {
        if self.hello.is_none() {
            return self.error(&bad_sequence("Send EHLO first"));
        }
        if self.envelope.is_some() {
            return self.error(&bad_sequence("Sender already given"));
        }
        if let Some(reply) = self.missing_credentials() {
            return self.error(&reply);
        }
        if self.counters.messages >= self.config.messages_max {
            return self.give_up("Too many messages in this session");
        }
        if params
            .size_bytes
            .is_some_and(|size| size > self.config.message_size_max_bytes as u64)
        {
            return self.error(&Reply::new(552, Enhanced(5, 3, 4), "Message is too big"));
        }
        let international =
            matches!(&from, ReversePath::Mailbox(mailbox) if mailbox.is_international());
        if international && !params.smtputf8 {
            return self.error(&Reply::new(
                550,
                Enhanced(5, 6, 7),
                "This sender needs SMTPUTF8",
            ));
        }
        let question = Question::Sender {
            from: from.clone(),
            params: params.clone(),
        };
        self.ask(question, Event::MailFrom { from, params }, now);
    }

    fn handle_rcpt(&mut self, recipient: Recipient, now: Instant) {
        let Some(envelope) = &self.envelope else {
            return self.error(&bad_sequence("Need MAIL first"));
        };
        if self.chunked.is_some() {
            return self.error(&bad_sequence("RCPT cannot follow BDAT"));
        }
        let international =
            matches!(&recipient.path, ForwardPath::Mailbox(mailbox) if mailbox.is_international());
        if international && !envelope.params.smtputf8 {
            return self.error(&Reply::new(
                553,
                Enhanced(5, 6, 7),
                "This recipient needs SMTPUTF8",
            ));
        }
        let most = match envelope.from {
            ReversePath::Null => self.config.null_sender_recipients_max,
            ReversePath::Mailbox(_) => usize::MAX,
        };
        if envelope.recipients.len() >= most.min(self.config.recipients_max) {
            self.reply(&Reply::new(452, Enhanced(4, 5, 3), "Too many recipients"));
            self.counters.recipients_overshoot += 1;
            if self.counters.recipients_overshoot > RECIPIENTS_OVERSHOOT_MAX {
                self.give_up("Too many recipients");
            }
            return;
        }
        let from = envelope.from.clone();
        let question = Question::Recipient(recipient.clone());
        self.ask(question, Event::RcptTo { from, recipient }, now);
    }

    fn handle_starttls(&mut self, now: Instant) {
        if self.peer.tls.is_some() {
            return self.error(&bad_sequence("TLS is already in use"));
        }
        if !self.config.starttls {
            return self.error(&Reply::new(
                502,
                Enhanced(5, 5, 1),
                "STARTTLS is not offered here",
            ));
        }
        if self.hello.is_none() {
            return self.error(&bad_sequence("Send EHLO first"));
        }
        self.reply(&Reply::new(220, Enhanced(2, 0, 0), "Ready to start TLS"));
        self.timers.set_idle(self.config.timeouts.command, now);
        self.state = State::AwaitingTls;
        self.events
            .push_back(Event::StartTls { discarded_bytes: 0 });
    }
}
