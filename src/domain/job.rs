//! Work that waits in a queue and is not a delivery.

use super::ids::{CommunicationId, ContactId, DeliveryId};
use super::timestamp::Timestamp;

/// Tells the lanes of emergencies.
const EXPRESS: u8 = 0x40;

/// A lane of the queue. Each is worked on by itself, so that one that stalls holds up no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Lane {
    /// Emails to send.
    Email = 1,
    /// Texts to send.
    Text = 2,
    /// Calls to place.
    Call = 3,
    /// Audiences to turn into deliveries; reminders.
    Expand = 4,
    /// Mail that came in and is to be read.
    Inbound = 5,
    /// Replies that administrators are to be told of.
    Notify = 6,
    /// Communications that go out by themselves at their time.
    Scheduled = 7,
    /// Files of contacts to read in.
    Import = 8,
    /// News for programs. It stands in an index by webhook and not in the queue, so that a place
    /// that stalls holds up no other.
    Webhook = 9,
    /// Texts that were sent and whose receipts have not come.
    Receipts = 10,
}

impl Lane {
    /// All lanes.
    pub const ALL: [Self; 10] = [
        Self::Email,
        Self::Text,
        Self::Call,
        Self::Expand,
        Self::Inbound,
        Self::Notify,
        Self::Scheduled,
        Self::Import,
        Self::Webhook,
        Self::Receipts,
    ];

    /// Its number in the queue. What belongs to an emergency stands in a lane of its own, which
    /// is looked at first; so do reports that came in.
    #[must_use]
    pub const fn number(self, express: bool) -> u8 {
        if express {
            self as u8 | EXPRESS
        } else {
            self as u8
        }
    }

    /// The lane of a number.
    #[must_use]
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|lane| number & !EXPRESS == *lane as u8)
    }

    /// Its name in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Text => "text",
            Self::Call => "call",
            Self::Expand => "expand",
            Self::Inbound => "inbound",
            Self::Notify => "notify",
            Self::Scheduled => "scheduled",
            Self::Import => "import",
            Self::Webhook => "webhook",
            Self::Receipts => "receipts",
        }
    }
}

impl From<super::status::Channel> for Lane {
    fn from(channel: super::status::Channel) -> Self {
        match channel {
            super::status::Channel::Email => Self::Email,
            super::status::Channel::Text => Self::Text,
            super::status::Channel::Call => Self::Call,
        }
    }
}

/// One round of a communication: the initial sending, a reminder, a recontact. Worked off in
/// steps: deliveries are made for one part of the audience after the other, and enter their
/// lanes as there is room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundJob {
    /// Which communication.
    pub communication: CommunicationId,
    /// 1 is the initial sending.
    pub round: u8,
    /// For how many people of the audience deliveries have been made.
    pub cursor: u32,
    /// For how many of them they have entered their lanes.
    pub entered: u32,
    /// When its next step is due.
    pub due: Timestamp,
    /// Position in the escalation plan, for its rounds; none for the initial sending to all
    /// channels at once, reminders and recontacts.
    pub step: Option<u8>,
    /// It belongs to an emergency and overtakes.
    pub express: bool,
}

/// Most people in one audience chunk.
pub const AUDIENCE_CHUNK_MAX: usize = 500;

/// Part of the people a communication is for, fixed at the moment of sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudienceChunk {
    /// Which communication.
    pub communication: CommunicationId,
    /// Position, from 0.
    pub index: u32,
    /// At most [`AUDIENCE_CHUNK_MAX`].
    pub contacts: Vec<ContactId>,
}

/// A mail that our MX took in and that is still to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundMail {
    /// UUIDv7 bytes.
    pub id: [u8; 16],
    /// Envelope sender; empty for the null sender of reports.
    pub mail_from: String,
    /// Envelope recipient.
    pub rcpt_to: String,
    /// The delivery named by the recipient address (VERP), if it names one.
    pub delivery: Option<DeliveryId>,
    /// The message.
    pub message: super::ids::BlobId,
    /// When it was taken in.
    pub received_at: Timestamp,
    /// When it is to be read; none when it has been.
    pub due: Option<Timestamp>,
    /// It is read before what people write: it has no sender, as reports have none (RFC 5321,
    /// 4.5.5), and nobody has seen yet that it is none.
    pub express: bool,
}

/// Something a carrier delivered to us by SMPP and that is still to be matched: a receipt that
/// came before the answer to its submission, or of which nothing is known at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlyReceipt {
    /// The carrier's id of the message.
    pub remote_id: String,
    /// What the receipt means.
    pub verdict: super::verdict::Verdict,
    /// Whether the telephone has it.
    pub delivered: bool,
    /// When it came.
    pub at: Timestamp,
    /// The carrier goes on trying.
    pub underway: bool,
    /// The other ids under which the same receipt is kept: carriers write one id in several ways.
    pub also: Vec<String>,
}
