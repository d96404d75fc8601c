//! AUTH (RFC 4954): SCRAM-SHA-256, PLAIN and LOGIN, behind TLS.

use std::time::Instant;

use super::super::config::Role;
use super::super::event::{AuthMechanism, AuthRequest, AuthResult, Event};
use super::super::reply::{Enhanced, Reply};
use super::super::sasl::{self, SaslError};
use super::super::scram::{self, Challenged, First};
use super::transfer::bad_sequence;
use super::{Question, Session, State};

/// What the next line of the exchange should hold.
#[derive(Debug)]
pub(super) enum AuthStep {
    Plain,
    LoginUsername,
    LoginPassword {
        username: String,
    },
    ScramFirst,
    ScramProof(Challenged),
    /// The proof was right; the client still says that ours is.
    ScramDone {
        username: String,
    },
}

impl Session {
    /// The answer to [`Event::Authenticate`].
    pub fn auth_result(&mut self, result: AuthResult, now: Instant) {
        let question = match self.take_question() {
            Some(
                question @ (Question::Credentials { .. }
                | Question::Challenge(_)
                | Question::Proof { .. }),
            ) => question,
            other => return self.put_back(other),
        };
        match (result, question) {
            (AuthResult::Accepted, Question::Credentials { username }) => {
                self.authenticated(username);
                self.enter_command(now);
                self.run_pending(now);
            }
            (AuthResult::Challenge(asked), Question::Challenge(first)) => {
                let (text, challenged) = first.challenge(&asked);
                self.go_on(AuthStep::ScramProof(challenged), &text, now);
            }
            // SMTP has no room for it beside the 235 (RFC 4954 section 4).
            (AuthResult::Proven { signature }, Question::Proof { username }) => {
                let text = scram::last(&signature);
                self.go_on(AuthStep::ScramDone { username }, &text, now);
            }
            (AuthResult::Refused, _) => {
                self.fail_auth(&refused());
                if !matches!(self.state, State::Closed) {
                    self.enter_command(now);
                    self.run_pending(now);
                }
            }
            _ => {
                self.counters.junk_commands += 1;
                self.answer(
                    &Reply::new(454, Enhanced(4, 7, 0), "Cannot authenticate now"),
                    now,
                );
            }
        }
    }

    fn authenticated(&mut self, username: String) {
        self.user = Some(username);
        self.counters.junk_commands = 0;
        self.reply(&Reply::new(235, Enhanced(2, 7, 0), "Authenticated"));
    }

    /// Sends a challenge that the owner had to give, and goes on with what has come meanwhile.
    fn go_on(&mut self, step: AuthStep, text: &str, now: Instant) {
        self.send_challenge(step, text, now);
        self.run_pending(now);
    }

    /// Whether AUTH is offered and may be used on this connection as it is.
    pub(super) fn auth_is_offered(&self) -> bool {
        self.config.auth && (self.peer.tls.is_some() || !self.config.auth_requires_tls)
    }

    /// What MAIL still lacks on the submission service (RFC 6409 section 4.3).
    pub(super) fn missing_credentials(&self) -> Option<Reply> {
        if self.config.role == Role::Mx || self.user.is_some() {
            return None;
        }
        let in_the_clear = self.config.auth_requires_tls && self.peer.tls.is_none();
        let text = if in_the_clear {
            "Must issue STARTTLS first"
        } else {
            "Authentication required"
        };
        Some(Reply::new(530, Enhanced(5, 7, 0), text))
    }

    pub(super) fn begin_auth(
        &mut self,
        mechanism: Option<AuthMechanism>,
        initial: Option<String>,
        now: Instant,
    ) {
        if let Some(refusal) = self.auth_refusal() {
            return self.error(&refusal);
        }
        let step = match mechanism {
            Some(AuthMechanism::Plain) => AuthStep::Plain,
            Some(AuthMechanism::Login) => AuthStep::LoginUsername,
            Some(AuthMechanism::ScramSha256) if self.config.scram => AuthStep::ScramFirst,
            Some(AuthMechanism::ScramSha256) | None => {
                return self.error(&Reply::new(
                    504,
                    Enhanced(5, 5, 4),
                    "Mechanism is not supported",
                ));
            }
        };
        match initial.as_deref() {
            None => self.challenge(step, now),
            // A single "=" is an empty response (RFC 4954 section 4).
            Some("=") => self.take_response(step, b"", now),
            Some(response) => self.take_response(step, response.as_bytes(), now),
        }
    }

    /// One line of the exchange.
    pub(super) fn handle_auth_line(&mut self, step: AuthStep, line: &[u8], now: Instant) {
        if line == b"*" {
            return self.error(&Reply::new(
                501,
                Enhanced(5, 7, 0),
                "Authentication cancelled",
            ));
        }
        self.take_response(step, line, now);
    }

    fn auth_refusal(&self) -> Option<Reply> {
        if !self.config.auth {
            return Some(Reply::new(
                502,
                Enhanced(5, 5, 1),
                "AUTH is not offered here",
            ));
        }
        if !self.auth_is_offered() {
            return Some(Reply::new(
                538,
                Enhanced(5, 7, 11),
                "Encryption required: issue STARTTLS first",
            ));
        }
        if !self.hello.as_ref().is_some_and(|hello| hello.extended) {
            return Some(bad_sequence("Send EHLO first"));
        }
        if self.user.is_some() {
            return Some(bad_sequence("Already authenticated"));
        }
        self.envelope
            .is_some()
            .then(|| bad_sequence("AUTH is not allowed during a transaction"))
    }

    fn challenge(&mut self, step: AuthStep, now: Instant) {
        let text = match step {
            AuthStep::LoginUsername => "VXNlcm5hbWU6",
            AuthStep::LoginPassword { .. } => "UGFzc3dvcmQ6",
            _ => "",
        };
        self.send_challenge(step, text, now);
    }

    fn send_challenge(&mut self, step: AuthStep, text: &str, now: Instant) {
        self.reply(&Reply::plain(334, text));
        self.state = State::Auth(step);
        self.timers.set_idle(self.config.timeouts.auth, now);
    }

    fn take_response(&mut self, step: AuthStep, response: &[u8], now: Instant) {
        let password = |mechanism, username, password| AuthRequest::Password {
            mechanism,
            username,
            password,
        };
        let read = match step {
            AuthStep::LoginUsername => match sasl::login(response) {
                Ok(username) => return self.challenge(AuthStep::LoginPassword { username }, now),
                Err(error) => Err(error),
            },
            AuthStep::ScramDone { username } if response.is_empty() => {
                return self.authenticated(username);
            }
            AuthStep::ScramDone { .. } => Err(SaslError::Malformed),
            AuthStep::Plain => sasl::plain(response)
                .map(|(name, secret)| password(AuthMechanism::Plain, name, secret)),
            AuthStep::LoginPassword { username } => sasl::login(response)
                .map(|secret| password(AuthMechanism::Login, username, secret.into())),
            AuthStep::ScramFirst => match First::read(response) {
                Ok(first) => {
                    let username = first.username.clone();
                    let event = Event::Authenticate(AuthRequest::Challenge { username });
                    return self.ask(Question::Challenge(first), event, now);
                }
                Err(error) => Err(error),
            },
            AuthStep::ScramProof(challenged) => {
                challenged.read(response).map(|proven| AuthRequest::Proof {
                    username: proven.username,
                    auth_message: proven.auth_message,
                    proof: proven.proof,
                })
            }
        };
        match read {
            Ok(request) => {
                let username = request.username().to_owned();
                let question = match &request {
                    AuthRequest::Proof { .. } => Question::Proof { username },
                    _ => Question::Credentials { username },
                };
                self.ask(question, Event::Authenticate(request), now);
            }
            Err(SaslError::Malformed) => {
                self.fail_auth(&Reply::new(
                    501,
                    Enhanced(5, 5, 2),
                    "Cannot decode the response",
                ));
            }
            Err(SaslError::ForeignIdentity) => self.fail_auth(&refused()),
        }
    }

    fn fail_auth(&mut self, reply: &Reply) {
        self.reply(reply);
        self.counters.auth_failures += 1;
        if self.counters.auth_failures >= self.config.auth_failures_max {
            self.give_up("Too many failed logins");
        }
    }
}

fn refused() -> Reply {
    Reply::new(535, Enhanced(5, 7, 8), "Credentials are not valid")
}
