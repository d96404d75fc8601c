//! The envelope of one message: who sent it, to whom, and what the client asked for.

use super::path::{ForwardPath, ReversePath};

/// BODY of MAIL FROM (RFC 6152).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyKind {
    /// Not said, or `7BIT`.
    #[default]
    SevenBit,
    /// `8BITMIME`.
    EightBitMime,
}

/// RET of MAIL FROM: how much a DSN should return (RFC 3461 section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its headers.
    Headers,
}

/// NOTIFY of RCPT TO: which DSNs the client wants (RFC 3461 section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notify {
    /// None at all.
    Never,
    /// Any of these.
    On {
        /// On delivery.
        success: bool,
        /// On final failure.
        failure: bool,
        /// On delay.
        delay: bool,
    },
}

/// Parameters of MAIL FROM.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailParams {
    /// Announced size in octets.
    pub size_bytes: Option<u64>,
    /// Announced kind of body.
    pub body: BodyKind,
    /// Whether SMTPUTF8 was asked for.
    pub smtputf8: bool,
    /// How much a DSN should return.
    pub ret: Option<Ret>,
    /// Envelope id, still as xtext and so safe in a header (RFC 3461 section 4.4).
    pub envid: Option<String>,
}

/// One recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Where to.
    pub path: ForwardPath,
    /// Which DSNs are wanted, if the client said so.
    pub notify: Option<Notify>,
    /// Original recipient as `type;xtext`, as received (RFC 3461 section 4.2).
    pub orcpt: Option<String>,
}

/// Everything that travelled outside the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The reverse path.
    pub from: ReversePath,
    /// What MAIL FROM asked for.
    pub params: MailParams,
    /// Recipients that were accepted, in order; at most `recipients_max`.
    pub recipients: Vec<Recipient>,
}
