//! What was said, to whom, by which channels.

use super::ids::{AreaId, BlobId, CommunicationId, ContactId, UserId};
use super::status::Channel;
use super::timestamp::Timestamp;

/// Longest subject, in characters (RFC 5322 asks for lines of at most 998 octets).
pub const SUBJECT_MAX: usize = 200;
/// Longest text or HTML body written in the console, in octets.
pub const BODY_MAX: usize = 1024 * 1024;
/// Longest text message, in characters: ten segments.
pub const SMS_TEXT_MAX: usize = 1530;
/// Longest voice script, in characters: some three minutes of speech.
pub const VOICE_SCRIPT_MAX: usize = 3000;

/// Most areas and contacts, together, that an author picks one by one for a communication.
pub const AUDIENCE_PICKS_MAX: usize = 800;

/// A set of channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    /// By email.
    pub email: bool,
    /// By text.
    pub text: bool,
    /// By call.
    pub call: bool,
}

impl Channels {
    /// All three.
    pub const ALL: Self = Self {
        email: true,
        text: true,
        call: true,
    };

    /// Whether the channel is in the set.
    #[must_use]
    pub const fn has(self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.email,
            Channel::Text => self.text,
            Channel::Call => self.call,
        }
    }

    /// The channels of the set, in the usual order.
    pub fn iter(self) -> impl Iterator<Item = Channel> {
        Channel::ALL
            .into_iter()
            .filter(move |channel| self.has(*channel))
    }

    /// Only this one.
    #[must_use]
    pub const fn only(channel: Channel) -> Self {
        Self {
            email: matches!(channel, Channel::Email),
            text: matches!(channel, Channel::Text),
            call: matches!(channel, Channel::Call),
        }
    }
}

/// Where an email's body comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Written here: `Content` holds its parts.
    Composed,
    /// Handed in by an application as a whole message (RFC 5322), kept as it is.
    Submitted(BlobId),
}

/// What is said, channel by channel. Stored once per communication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Subject of the email, and title in lists.
    pub subject: String,
    /// Plain text of the email.
    pub text: String,
    /// HTML of the email; empty for none.
    pub html: String,
    /// Text message; empty for none.
    pub sms_text: String,
    /// What a call speaks; empty for none.
    pub voice_script: String,
}

/// Who or what it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Written in the console.
    Console(UserId),
    /// Handed in over SMTP.
    Submission(UserId),
    /// A prompt that the product sends by itself ("check your email address").
    Prompt,
}

/// Whom it is for, as the author chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Everybody in these areas and what lies in them.
    pub areas: Vec<AreaId>,
    /// These people.
    pub contacts: Vec<ContactId>,
}

/// Where the communication as a whole stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommunicationState {
    /// Its author still works on it.
    Draft,
    /// Sent; its audience is being turned into deliveries.
    Expanding,
    /// Every delivery exists.
    Sent,
}

/// What was said, to whom, by which channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Communication {
    /// Its id.
    pub id: CommunicationId,
    /// Name of its category.
    pub category: String,
    /// Who or what it comes from.
    pub origin: Origin,
    /// By which channels.
    pub channels: Channels,
    /// Title in lists: the subject, or the start of the text.
    pub title: String,
    /// Where the content lies.
    pub content: BlobId,
    /// Where the email's body comes from.
    pub body: Body,
    /// Whom it is for.
    pub audience: Audience,
    /// Where it stands.
    pub state: CommunicationState,
    /// People addressed; known from the moment of sending.
    pub people: u64,
    /// Rounds sent: 0 before sending, 1 the initial one, then reminders and recontacts.
    pub rounds: u8,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Timestamp,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
}
