//! A contact's communications log: what was sent, what came back, what was done about it.

use super::ids::{CommunicationId, ContactId, DeliveryId, MethodId, UserId};
use super::method::MethodKind;
use super::timestamp::Timestamp;
use super::verdict::Verdict;

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

/// What can happen to a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEvent {
    /// A message was made for this person.
    MessageCreated {
        /// Its delivery.
        delivery: DeliveryId,
        /// What is said.
        communication: CommunicationId,
    },
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
    /// The person answered.
    Replied {
        /// The message that came in.
        blob: super::ids::BlobId,
        /// To which delivery, where known.
        delivery: Option<DeliveryId>,
    },
}
