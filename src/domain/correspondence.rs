//! The record of correspondence: one line for everything said to or by clients and creditors.

use super::communication::{Attachment, Communication};
use super::contact::{Contact, ContactKind};
use super::ids::{
    BlobId, CaseId, CommunicationId, ContactId, DeliveryId, EntryId, MessageId, ThreadId, UserId,
};
use super::redacted::Redacted;
use super::status::Channel;
use super::timestamp::Timestamp;

/// Longest title of an entry, in characters.
pub const ENTRY_TITLE_MAX: usize = 200;
/// Longest text of a note, in characters.
pub const NOTE_TEXT_MAX: usize = 20_000;
/// Most notes shown with one entry.
pub const NOTES_SHOWN_MAX: usize = 100;

/// On which side the other one stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// Whom the firm works for.
    Client,
    /// Against whom, or with whom.
    Creditor,
}

impl Party {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Client, Self::Creditor];

    /// Its name in pages and addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Creditor => "creditor",
        }
    }

    /// The one that a contact of this kind is; others have no correspondence.
    #[must_use]
    pub const fn of(kind: ContactKind) -> Option<Self> {
        match kind {
            ContactKind::Client => Some(Self::Client),
            ContactKind::Creditor => Some(Self::Creditor),
            ContactKind::Citizen | ContactKind::Staff | ContactKind::Correspondent => None,
        }
    }
}

/// Which way something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryDirection {
    /// From us to them.
    Sent,
    /// From them to us.
    Received,
    /// A note among ourselves.
    Internal,
}

impl EntryDirection {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sent, Self::Received, Self::Internal];

    /// Its name in pages and addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Received => "received",
            Self::Internal => "internal",
        }
    }
}

/// By which means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// An email.
    Email,
    /// A text message.
    Text,
    /// A telephone call.
    Call,
    /// A letter on paper.
    Letter,
    /// A meeting.
    Meeting,
    /// Anything else.
    Other,
}

impl EntryKind {
    /// All of them, in the order in which pages show them.
    pub const ALL: [Self; 6] = [
        Self::Email,
        Self::Text,
        Self::Call,
        Self::Letter,
        Self::Meeting,
        Self::Other,
    ];

    /// Its name in pages and addresses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Text => "text",
            Self::Call => "call",
            Self::Letter => "letter",
            Self::Meeting => "meeting",
            Self::Other => "other",
        }
    }
}

impl From<Channel> for EntryKind {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Email => Self::Email,
            Channel::Text => Self::Text,
            Channel::Call => Self::Call,
        }
    }
}

/// How a note belongs to an earlier entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteLink {
    /// It says something about it.
    About(EntryId),
    /// It puts that note right; notes are never changed.
    Corrects(EntryId),
}

impl NoteLink {
    /// The earlier entry.
    #[must_use]
    pub const fn entry(self) -> EntryId {
        match self {
            Self::About(entry) | Self::Corrects(entry) => entry,
        }
    }
}

/// What somebody wrote down by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it says.
    pub text: BlobId,
    /// Documents that belong to it.
    pub files: Vec<Attachment>,
    /// When it was written down; the entry's own time says when it happened.
    pub noted_at: Timestamp,
    /// The earlier entry that it belongs to.
    pub link: Option<NoteLink>,
}

/// What an entry stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryWhat {
    /// Something that is not sent yet.
    Draft(CommunicationId),
    /// Something that was sent; its status is the delivery's.
    Delivery(DeliveryId),
    /// Something that came in.
    Message {
        /// Where it stands.
        thread: ThreadId,
        /// Which.
        message: MessageId,
    },
    /// Something that somebody wrote down.
    Note(Note),
}

/// One line of the record of correspondence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id: that of what it stands for, or its own for a note.
    pub id: EntryId,
    /// When it happened.
    pub at: Timestamp,
    /// The client concerned; none for what a creditor said and nobody has filed.
    pub client: Option<ContactId>,
    /// The case; none for what concerns the client as such.
    pub case: Option<CaseId>,
    /// On which side the other one stands.
    pub party: Party,
    /// With whom.
    pub with: ContactId,
    /// Which way.
    pub direction: EntryDirection,
    /// By which means.
    pub kind: EntryKind,
    /// Subject, or the start of the text; at most [`ENTRY_TITLE_MAX`] characters.
    pub title: Redacted<String>,
    /// What it stands for.
    pub what: EntryWhat,
    /// Who on our side.
    pub by: Option<UserId>,
}

impl Entry {
    /// For a delivery that is being made, if it is one to a client or creditor. Trials, notices
    /// to staff, links and codes are no correspondence.
    #[must_use]
    pub fn of_delivery(
        communication: &Communication,
        contact: &Contact,
        delivery: DeliveryId,
        channel: Channel,
        now: Timestamp,
    ) -> Option<Self> {
        use super::communication::Origin;
        let is_letter = match communication.origin {
            Origin::Console(_)
            | Origin::Submission(_)
            | Origin::Program(_)
            | Origin::Reply(_)
            | Origin::Prompt => true,
            Origin::Test(_) | Origin::Verification | Origin::Notice | Origin::Keyword => false,
        };
        let party = Party::of(contact.kind).filter(|_| is_letter)?;
        let (client, case) = concerns(communication, party, contact.id);
        Some(Self {
            id: EntryId::from_bytes(*delivery.as_bytes()),
            at: now,
            client,
            case,
            party,
            with: contact.id,
            direction: EntryDirection::Sent,
            kind: channel.into(),
            title: entry_title(&communication.title),
            what: EntryWhat::Delivery(delivery),
            by: communication.origin.user(),
        })
    }

    /// For something with a matter that is not sent yet.
    #[must_use]
    pub fn of_draft(communication: &Communication, contact: &Contact) -> Option<Self> {
        let party = Party::of(contact.kind)?;
        let matter = communication.matter?;
        let channel = communication.channels.iter().next();
        Some(Self {
            id: Self::id_of_draft(communication.id),
            at: communication.modified_at,
            client: Some(matter.client),
            case: matter.case,
            party,
            with: contact.id,
            direction: EntryDirection::Sent,
            kind: channel.map_or(EntryKind::Other, EntryKind::from),
            title: entry_title(&communication.title),
            what: EntryWhat::Draft(communication.id),
            by: communication.origin.user(),
        })
    }

    /// Under which a draft stands.
    #[must_use]
    pub const fn id_of_draft(communication: CommunicationId) -> EntryId {
        EntryId::from_bytes(*communication.as_bytes())
    }

    /// Under which a delivery stands.
    #[must_use]
    pub const fn id_of_delivery(delivery: DeliveryId) -> EntryId {
        EntryId::from_bytes(*delivery.as_bytes())
    }

    /// Under which a message that came in stands.
    #[must_use]
    pub const fn id_of_message(message: MessageId) -> EntryId {
        EntryId::from_bytes(*message.as_bytes())
    }

    /// From when on the years count for which it is kept: what happened long ago is kept from
    /// when it was written down.
    #[must_use]
    pub fn kept_from(&self) -> Timestamp {
        let noted = self.note().map(|note| note.noted_at);
        noted.map_or(self.at, |noted| noted.max(self.at))
    }

    /// The note that it is.
    #[must_use]
    pub const fn note(&self) -> Option<&Note> {
        match &self.what {
            EntryWhat::Note(note) => Some(note),
            EntryWhat::Draft(_) | EntryWhat::Delivery(_) | EntryWhat::Message { .. } => None,
        }
    }
}

/// The client and case that a communication to somebody is about: what its author said, else
/// the client themselves.
fn concerns(
    communication: &Communication,
    party: Party,
    contact: ContactId,
) -> (Option<ContactId>, Option<CaseId>) {
    match (communication.matter, party) {
        (Some(matter), _) => (Some(matter.client), matter.case),
        (None, Party::Client) => (Some(contact), None),
        (None, Party::Creditor) => (None, None),
    }
}

/// A title as it is kept: one line, not too long.
#[must_use]
pub fn entry_title(text: &str) -> Redacted<String> {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let mut line = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > 4 * ENTRY_TITLE_MAX {
            break;
        }
    }
    Redacted::new(line.chars().take(ENTRY_TITLE_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line_and_short() {
        assert_eq!(entry_title(" Your \n\t account").reveal(), "Your account");
        let long = entry_title(&"é".repeat(5000));
        assert_eq!(long.reveal().chars().count(), ENTRY_TITLE_MAX);
    }
}
