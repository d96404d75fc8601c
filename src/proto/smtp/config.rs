//! What a session is allowed to do: identity, limits and timers, all of it data.

use std::time::Duration;

/// Longest ordinary command line in octets, CRLF included (RFC 5321 section 4.5.3.1.4).
pub(super) const COMMAND_LINE_MAX_BYTES: usize = 512;
/// Longest MAIL or RCPT line: 512 and what SIZE, DSN, AUTH and SMTPUTF8 add (RFC 1870, 3461, 4954).
pub(super) const ENVELOPE_LINE_MAX_BYTES: usize = 2048;
/// Longest line of an AUTH exchange (RFC 4954 section 4), and so the longest line ever kept.
pub(super) const AUTH_LINE_MAX_BYTES: usize = 12_288;
/// How much of one over-long line is thrown away before the session is ended.
pub(super) const LINE_DISCARD_MAX_BYTES: usize = 1 << 20;
/// How much input may wait behind an unanswered question.
pub(super) const PENDING_INPUT_MAX_BYTES: usize = 256 * 1024;
/// How many refused RCPT beyond `recipients_max` are answered before the session is ended.
pub(super) const RECIPIENTS_OVERSHOOT_MAX: u32 = 1000;

/// Which service the session belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// RFC 6409: MAIL is refused until the client has authenticated.
    Submission,
    /// RFC 5321 relay and delivery: anybody may speak, the recipients decide.
    Mx,
}

/// Idle and total timers; the defaults follow RFC 5321 section 4.5.3.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// Between two commands (RFC: at least 5 minutes).
    pub command: Duration,
    /// Between two lines of an AUTH exchange.
    pub auth: Duration,
    /// Between two blocks of message data (RFC: 3 minutes for the sender's side).
    pub data_block: Duration,
    /// From DATA or the first BDAT to the end of the message.
    pub message: Duration,
    /// How long a question to the owner may stay open before the client gets a 4xx.
    pub answer: Duration,
    /// The whole session.
    pub session: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            command: Duration::from_secs(300),
            auth: Duration::from_secs(120),
            data_block: Duration::from_secs(180),
            message: Duration::from_secs(1800),
            answer: Duration::from_secs(240),
            session: Duration::from_secs(4 * 3600),
        }
    }
}

/// Identity and limits of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Name in the greeting, in EHLO and in replies; printable ASCII.
    pub hostname: String,
    /// Submission or MX.
    pub role: Role,
    /// Whether STARTTLS is offered while the connection is in the clear.
    pub starttls: bool,
    /// Whether DSN is announced (RFC 3461): for who does what NOTIFY and RET ask. The parameters
    /// are read and checked in any case.
    pub dsn: bool,
    /// Whether AUTH is offered at all.
    pub auth: bool,
    /// Whether SCRAM-SHA-256 is among what AUTH offers: clients take it before others and try
    /// nothing else behind it, so everybody must have what it is checked with.
    pub scram: bool,
    /// Whether AUTH needs TLS first. False only for tests and closed networks.
    pub auth_requires_tls: bool,
    /// Largest message in octets after dot-unstuffing; announced as SIZE.
    pub message_size_max_bytes: usize,
    /// Longest line of message data in octets, CRLF included.
    pub data_line_max_bytes: usize,
    /// Most recipients of one message.
    pub recipients_max: usize,
    /// Most recipients of a message from the null sender; over it, 452.
    pub null_sender_recipients_max: usize,
    /// Most messages of one session.
    pub messages_max: u32,
    /// Protocol errors before the session is ended with 421.
    pub errors_max: u32,
    /// Commands that lead nowhere (NOOP, RSET, VRFY, repeated EHLO, ...) between two messages.
    pub junk_commands_max: u32,
    /// Recipients refused by policy before the session is ended with 421.
    pub rejected_recipients_max: u32,
    /// Failed AUTH exchanges before the session is ended with 421.
    pub auth_failures_max: u32,
    /// Timers.
    pub timeouts: Timeouts,
}

impl Config {
    /// Defaults for the submission service: AUTH behind TLS, strict line length.
    pub fn submission(hostname: impl Into<String>) -> Self {
        Config {
            hostname: hostname.into(),
            role: Role::Submission,
            starttls: true,
            dsn: false,
            auth: true,
            scram: false,
            auth_requires_tls: true,
            message_size_max_bytes: 25 * 1024 * 1024,
            data_line_max_bytes: 1000,
            recipients_max: 1000,
            null_sender_recipients_max: usize::MAX,
            messages_max: 10_000,
            errors_max: 20,
            junk_commands_max: 100,
            rejected_recipients_max: 1000,
            auth_failures_max: 3,
            timeouts: Timeouts::default(),
        }
    }

    /// Defaults for the mail exchanger. Lines longer than RFC 5321 allows are tolerated, because a
    /// refused bounce is a bounce nobody ever sees.
    pub fn mx(hostname: impl Into<String>) -> Self {
        Config {
            role: Role::Mx,
            auth: false,
            scram: false,
            data_line_max_bytes: 64 * 1024,
            recipients_max: 100,
            // Reports go to the address that one delivery came from.
            null_sender_recipients_max: 1,
            messages_max: 1000,
            rejected_recipients_max: 100,
            ..Config::submission(hostname)
        }
    }

    /// How much of one refused transfer is read and thrown away before the connection is closed.
    pub(super) fn discard_max_bytes(&self) -> u64 {
        (self.message_size_max_bytes as u64)
            .saturating_mul(4)
            .saturating_add(1 << 20)
    }
}
