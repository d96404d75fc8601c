//! A contact's communications log: what came back, and what was done about it. What was sent
//! stands in it too; its deliveries say so themselves.

use super::confirmation::ConfirmedBy;
use super::ids::{CommunicationId, ContactId, DeliveryId, ImportId, MethodId, ThreadId, UserId};
use super::method::{Method, MethodKind};
use super::timestamp::Timestamp;
use super::verdict::Verdict;

impl LogEvent {
    /// A change that is about the whole contact, or about `method`.
    #[must_use]
    pub fn changed(change: ContactChange, method: Option<&Method>, by: Actor) -> Self {
        Self::Changed {
            change,
            method: method.map(|method| method.id),
            kind: method.map(|method| method.kind),
            detail: String::new(),
            by,
        }
    }
}

/// One line of a contact's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Whose log.
    pub contact: ContactId,
    /// When.
    pub at: Timestamp,
    /// Orders entries of the same millisecond.
    pub sequence: u32,
    /// What happened.
    pub event: LogEvent,
}

/// Who changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody at the console.
    User(UserId),
    /// The person.
    Person,
    /// A program, over HTTP.
    Program(UserId),
    /// A file that was read in.
    Import(ImportId),
    /// The product by itself.
    Gateway,
}

/// What was changed about a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContactChange {
    /// The contact was made.
    Created,
    /// Name, language, kind, area or fields were changed.
    Edited,
    /// A method was added.
    MethodAdded,
    /// An address or number was changed.
    MethodCorrected,
    /// A method was removed.
    MethodRemoved,
    /// A suspended method was put to use again.
    MethodReinstated,
    /// The person proved that a method is theirs.
    MethodVerified,
    /// A link or code went out to prove it.
    VerificationSent,
    /// The person wants no messages by a method.
    MethodOptedOut,
    /// The person wants them again.
    MethodOptedIn,
    /// Yes to a channel or category.
    ConsentGiven,
    /// No to a channel or category.
    ConsentWithdrawn,
    /// Quiet hours or the preferred channel were changed.
    WishesChanged,
    /// Groups were changed.
    GroupsChanged,
    /// The contact took another one over.
    Merged,
    /// What letters an address is kept for was changed.
    PurposesChanged,
}

impl ContactChange {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Created,
        Self::Edited,
        Self::MethodAdded,
        Self::MethodCorrected,
        Self::MethodRemoved,
        Self::MethodReinstated,
        Self::MethodVerified,
        Self::VerificationSent,
        Self::MethodOptedOut,
        Self::MethodOptedIn,
        Self::ConsentGiven,
        Self::ConsentWithdrawn,
        Self::WishesChanged,
        Self::GroupsChanged,
        Self::Merged,
        Self::PurposesChanged,
    ];

    /// One plain phrase.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::Created => "contact made",
            Self::Edited => "details changed",
            Self::MethodAdded => "method added",
            Self::MethodCorrected => "address or number changed",
            Self::MethodRemoved => "method removed",
            Self::MethodReinstated => "method put to use again",
            Self::MethodVerified => "method proved by the person",
            Self::VerificationSent => "verification sent",
            Self::MethodOptedOut => "opted out of a method",
            Self::MethodOptedIn => "opted in to a method again",
            Self::PurposesChanged => "what letters an address is kept for was changed",
            Self::ConsentGiven => "consent given",
            Self::ConsentWithdrawn => "consent withdrawn",
            Self::WishesChanged => "quiet hours or preferred channel changed",
            Self::GroupsChanged => "groups changed",
            Self::Merged => "another contact taken over",
        }
    }
}

/// What can happen to a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEvent {
    /// A message failed or came back.
    Returned {
        /// Its delivery.
        delivery: DeliveryId,
        /// What the answer meant, with its text as it was received.
        verdict: Verdict,
    },
    /// A method was suspended.
    Suspended {
        /// Which.
        method: MethodId,
        /// What it is.
        kind: MethodKind,
        /// The delivery that failed.
        delivery: DeliveryId,
        /// The evidence.
        verdict: Verdict,
    },
    /// An operator put a method to use again.
    Reinstated {
        /// Which.
        method: MethodId,
        /// What it is.
        kind: MethodKind,
        /// Who.
        by: UserId,
    },
    /// An operator changed an address or number.
    Corrected {
        /// Which.
        method: MethodId,
        /// What it is.
        kind: MethodKind,
        /// Who.
        by: UserId,
    },
    /// The product asked the person by itself to check a method.
    Prompted {
        /// About which method.
        about: MethodId,
        /// With which communication.
        communication: CommunicationId,
    },
    /// Something about the contact was changed.
    Changed {
        /// What.
        change: ContactChange,
        /// Of which method, where it is about one.
        method: Option<MethodId>,
        /// What that method is.
        kind: Option<MethodKind>,
        /// What the change was about: a category, a group; never an address, number or name.
        detail: String,
        /// Who.
        by: Actor,
    },
    /// The person confirmed a message by link or reply.
    Confirmed {
        /// Which message.
        communication: CommunicationId,
        /// By which way.
        by: Option<ConfirmedBy>,
    },
    /// The person answered.
    Replied {
        /// The message that came in.
        blob: super::ids::BlobId,
        /// To which delivery, where known.
        delivery: Option<DeliveryId>,
        /// Where it stands in the inbox; none for what was kept before there was one.
        thread: Option<ThreadId>,
    },
    /// A machine answered for the person.
    RepliedByItself {
        /// The message that came in.
        blob: super::ids::BlobId,
        /// To which delivery, where known.
        delivery: Option<DeliveryId>,
    },
}
