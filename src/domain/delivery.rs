//! One communication to one contact by one method, and everything that happened to it.

use super::ids::{CommunicationId, ContactId, DeliveryId, MethodId, UserId};
use super::method::Destination;
use super::status::{Channel, Status};
use super::timestamp::Timestamp;
use super::transitions::may_change;
use super::verdict::Verdict;

/// Most segments of one text, and so most remote ids.
pub const SEGMENTS_MAX: usize = 64;
/// Most entries of one timeline; repeated facts beyond it are dropped.
pub const TIMELINE_MAX: usize = 64;

/// Longest remote id, in octets (SMPP 3.4, 5.2.23: 65 with its end).
pub const REMOTE_ID_SIZE_MAX: usize = 64;

/// Who or what says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// We ourselves.
    Gateway,
    /// The next hop's answer while we were talking to it.
    Peer,
    /// A bounce or delivery report that came later.
    Report,
    /// The person, by key, reply or link.
    Person,
    /// Somebody at the console.
    Operator(UserId),
}

/// One entry of a timeline: a change of status, or a fact that changed nothing (then `status`
/// is what it was).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// When.
    pub at: Timestamp,
    /// The status from then on.
    pub status: Status,
    /// What the answer meant, with the diagnostic text as it was received.
    pub verdict: Option<Verdict>,
    /// Who says so.
    pub source: Source,
}

/// Why nothing more will be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedReason {
    /// Confirmed or reached by another delivery.
    ReachedOtherwise,
    /// The method was suspended, removed or opted out of before its turn came.
    MethodNotUsable,
    /// The person wants no such messages.
    NotWanted,
}

impl ClosedReason {
    /// One plain sentence.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::ReachedOtherwise => "Not needed any more: the person confirmed by other means.",
            Self::NotWanted => "Not sent: the person wants no such messages.",
            Self::MethodNotUsable => "Not sent: the method was suspended, removed or opted out of.",
        }
    }
}

/// We have given it up, its status notwithstanding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: ClosedReason,
}

/// One communication to one contact by one method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// What is said.
    pub communication: CommunicationId,
    /// To whom.
    pub contact: ContactId,
    /// By which of the contact's methods.
    pub method: MethodId,
    /// By which channel.
    pub channel: Channel,
    /// The address or number it goes to, as it was when the delivery was made.
    pub destination: Destination,
    /// 1 for the initial sending, then reminders and recontacts.
    pub round: u8,
    /// Everything that happened, oldest first. Only ever grows.
    pub timeline: Vec<StatusChange>,
    /// Attempts begun.
    pub attempts: u16,
    /// When it is due in its lane; none when it is in no queue.
    pub due: Option<Timestamp>,
    /// Why nothing more will be done, if so.
    pub closed: Option<Closed>,
    /// The carrier's ids of what was handed over (one per SMS segment).
    pub remote_ids: Vec<String>,
    /// Which of them have been reported as delivered: bit n is segment n.
    pub segments_delivered: u64,
    /// It belongs to an emergency: it overtakes, and quiet hours do not hold it.
    pub express: bool,
    /// The end of the quiet hours that held it last. Giving up counts from here.
    pub held_until: Option<Timestamp>,
}

impl Delivery {
    /// Where it stands: the last status of its timeline.
    #[must_use]
    pub fn status(&self) -> Status {
        self.timeline
            .last()
            .map_or(self.channel.first_status(), |change| change.status)
    }

    /// When trying began: when it was made, or when quiet hours let it go.
    #[must_use]
    pub fn began_at(&self) -> Option<Timestamp> {
        let made = self.timeline.first().map(|change| change.at);
        made.max(self.held_until)
    }

    /// When its status last changed or it was made.
    #[must_use]
    pub fn changed_at(&self) -> Option<Timestamp> {
        self.timeline.last().map(|change| change.at)
    }

    /// Records what happened. A change that the table does not know is kept as a fact: the
    /// status stays. Returns whether the status changed.
    pub fn record(&mut self, mut change: StatusChange) -> bool {
        let from = self.status();
        let begins = self.timeline.is_empty();
        let changes = begins || may_change(from, change.status);
        if !changes {
            change.status = from;
            if self.timeline.len() >= TIMELINE_MAX {
                return false;
            }
        }
        self.timeline.push(change);
        changes
    }

    /// The last verdict of the timeline: why it stands where it stands.
    #[must_use]
    pub fn last_verdict(&self) -> Option<&Verdict> {
        self.timeline
            .iter()
            .rev()
            .find_map(|change| change.verdict.as_ref())
    }
}
