//! One communication to one contact by one method, and everything that happened to it.

use super::dsn::ReportRequest;
use super::ids::{CommunicationId, ContactId, DeliveryId, MethodId, UserId};
use super::method::Destination;
use super::status::{CallStatus, Channel, EmailStatus, ListStatus, Status, TextStatus};
use super::timestamp::Timestamp;
use super::tracking::TIMELINE_CLICKS_MAX;
use super::transitions::may_change;
use super::verdict::Verdict;

/// Most segments of one text, and so most remote ids.
pub const SEGMENTS_MAX: usize = 64;
/// Most entries of one timeline; repeated facts beyond it are dropped.
pub const TIMELINE_MAX: usize = 64;

/// Longest remote id, in octets (SMPP 3.4, 5.2.23: 65 with its end).
pub const REMOTE_ID_SIZE_MAX: usize = 64;

/// What a mail is once a link of it was followed.
const FOLLOWED: Status = Status::Email(EmailStatus::Opened);

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
    /// The person, by following the link with this number: the first one of the mail is 1.
    Link(u16),
}

impl Source {
    /// Its name in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Peer => "peer",
            Self::Report => "report",
            Self::Person | Self::Link(_) => "person",
            Self::Operator(_) => "operator",
        }
    }

    /// The number of the link that was followed.
    #[must_use]
    pub const fn link(self) -> Option<u16> {
        match self {
            Self::Link(link) => Some(link),
            Self::Gateway | Self::Peer | Self::Report | Self::Person | Self::Operator(_) => None,
        }
    }
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

impl StatusChange {
    /// What happened, as it is digested for the record of who did what: one line for each thing
    /// that is known. The other side's own words are left out, since old ones may be shortened.
    #[must_use]
    pub fn statement(&self, of: DeliveryId) -> String {
        let (at, status) = (self.at.as_millis(), self.status);
        let (channel, status) = (status.channel().as_str(), status.as_str());
        let source = self.source.as_str();
        let mut said = format!("delivery {of}\nat {at} ms\n{channel} {status}\nsource {source}\n");
        if let Some(link) = self.source.link() {
            said.extend(["link ", &link.to_string(), "\n"]);
        }
        if let Some(verdict) = &self.verdict {
            let code = verdict.status_code.map(|code| code.to_string());
            for (name, value) in [
                ("class", verdict.class.as_str()),
                ("reason", verdict.reason.as_str()),
                ("permanence", verdict.permanence.as_str()),
                ("fault", verdict.fault.as_str()),
                ("code", code.as_deref().unwrap_or("none")),
            ] {
                said.extend([name, " ", value, "\n"]);
            }
        }
        said
    }
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
    /// What it says was called off.
    CalledOff,
}

impl ClosedReason {
    /// One plain sentence.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::ReachedOtherwise => "Not needed any more: the person confirmed by other means.",
            Self::NotWanted => "Not sent: the person wants no such messages.",
            Self::CalledOff => "Not sent: it was called off.",
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
    /// Which of them have been reported as never coming: bit n is segment n.
    pub segments_failed: u64,
    /// It belongs to an emergency: it overtakes, and quiet hours do not hold it.
    pub express: bool,
    /// The end of what held it last: quiet hours, or a full lane. Giving up counts from here.
    pub held_until: Option<Timestamp>,
    /// It waits until there is room in its lane; its round puts it there.
    pub awaits_turn: bool,
    /// What whoever handed it in asked to be told of it.
    pub report: Option<ReportRequest>,
}

/// What was made for one person in one go, kept together. Their ids are of one
/// [set](DeliveryId::set), in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliverySet {
    deliveries: Vec<Delivery>,
}

impl DeliverySet {
    /// Puts deliveries together. None when there are none, or their ids are not of one set, each
    /// its own.
    #[must_use]
    pub fn new(mut deliveries: Vec<Delivery>) -> Option<Self> {
        deliveries.sort_by_key(|delivery| delivery.id);
        let set = deliveries.first()?.id.set();
        let of_one_set = deliveries.iter().all(|one| one.id.set() == set);
        let differ = deliveries.windows(2).all(|two| two[0].id != two[1].id);
        (of_one_set && differ).then_some(Self { deliveries })
    }

    /// What their ids have in common.
    #[must_use]
    pub fn set(&self) -> [u8; 16] {
        self.deliveries.first().map_or([0; 16], |one| one.id.set())
    }

    /// Them, in ascending order of id.
    #[must_use]
    pub fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }

    /// Them, in ascending order of id.
    #[must_use]
    pub fn into_deliveries(self) -> Vec<Delivery> {
        self.deliveries
    }

    /// Puts a delivery in the place of the one with its id. False when there is none.
    #[must_use]
    pub fn replace(&mut self, delivery: &Delivery) -> bool {
        let mut known = self.deliveries.iter_mut();
        let old = known.find(|known| known.id == delivery.id);
        old.map(|old| delivery.clone_into(old)).is_some()
    }
}

impl Delivery {
    /// One of the first round, with what has happened so far: in no queue, nothing attempted,
    /// nothing more known of it.
    #[must_use]
    pub fn new(
        id: DeliveryId,
        communication: CommunicationId,
        contact: ContactId,
        method: MethodId,
        channel: Channel,
        destination: Destination,
        timeline: Vec<StatusChange>,
    ) -> Self {
        Self {
            id,
            communication,
            contact,
            method,
            channel,
            destination,
            round: 1,
            timeline,
            attempts: 0,
            due: None,
            closed: None,
            remote_ids: Vec::new(),
            segments_delivered: 0,
            segments_failed: 0,
            express: false,
            held_until: None,
            awaits_turn: false,
            report: None,
        }
    }

    /// Where it stands: the last status of its timeline.
    #[must_use]
    pub fn status(&self) -> Status {
        self.timeline
            .last()
            .map_or(self.channel.first_status(), |change| change.status)
    }

    /// When it was made. Its id may say later: ids only ever rise, also when a clock is set back.
    #[must_use]
    pub fn made_at(&self) -> Option<Timestamp> {
        self.timeline.first().map(|change| change.at)
    }

    /// When trying began: when it was made, or when what held it let it go.
    #[must_use]
    pub fn began_at(&self) -> Option<Timestamp> {
        self.made_at().max(self.held_until)
    }

    /// Its round puts it into its lane; nothing happens when it does not wait for that.
    pub fn enter(&mut self, now: Timestamp) {
        if !std::mem::take(&mut self.awaits_turn) || self.closed.is_some() {
            return;
        }
        self.due = Some(now);
        self.held_until = Some(now);
    }

    /// Until when quiet hours hold it back; none once it may go, or where it waits for anything
    /// else.
    #[must_use]
    pub fn held(&self, now: Timestamp) -> Option<Timestamp> {
        self.held_until
            .filter(|until| self.due == Some(*until) && *until > now)
    }

    /// When its status last changed or it was made.
    #[must_use]
    pub fn changed_at(&self) -> Option<Timestamp> {
        self.timeline.last().map(|change| change.at)
    }

    /// When the last attempt was answered, or came to nothing; what is reported of it later is no
    /// attempt (RFC 3464 section 2.3.7). None before that.
    #[must_use]
    pub fn tried_at(&self) -> Option<Timestamp> {
        let mut newest = self.timeline.iter().rev();
        let answered = newest.find(|change| change.source == Source::Peer);
        answered.map(|change| change.at)
    }

    /// When it was handed on: to a mail server, a carrier, the telephone network. None while it
    /// waits, and when it never left.
    #[must_use]
    pub fn sent_at(&self) -> Option<Timestamp> {
        let mut left = self
            .timeline
            .iter()
            .filter(|change| has_left(change.status));
        left.next().map(|change| change.at)
    }

    /// When it came to its end: when it was closed, or when it first stood where nothing more
    /// is awaited, with the outcome that it has now (an email that is opened later was complete
    /// when it was received; one that bounces later was not). None before that.
    #[must_use]
    pub fn completed_at(&self) -> Option<Timestamp> {
        if let Some(closed) = self.closed {
            return Some(closed.at);
        }
        let outcome = outcome(self.status())?;
        let mut at = None;
        for change in self.timeline.iter().rev() {
            if self::outcome(change.status) != Some(outcome) {
                break;
            }
            at = Some(change.at);
        }
        at
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

    /// The numbers of the links of it that were followed, in that order.
    pub fn links(&self) -> impl Iterator<Item = u16> {
        let changes = self.timeline.iter();
        changes.filter_map(|change| change.source.link())
    }

    /// Whether the timeline would say that the link with this number was followed: it says so of
    /// each once, of [`TIMELINE_CLICKS_MAX`] at most, and of none before it was sent.
    #[must_use]
    pub fn notes_link(&self, link: u16) -> bool {
        let has_room = self.timeline.len() < TIMELINE_MAX || may_change(self.status(), FOLLOWED);
        has_room
            && self.sent_at().is_some()
            && self.links().count() < TIMELINE_CLICKS_MAX
            && self.links().all(|known| known != link)
    }

    /// Records that the link with this number was followed, which whoever opened it alone can do,
    /// where [the timeline says so](Self::notes_link).
    pub fn follow(&mut self, link: u16, now: Timestamp) {
        if self.notes_link(link) {
            self.record(StatusChange {
                at: now,
                status: FOLLOWED,
                verdict: None,
                source: Source::Link(link),
            });
        }
    }

    /// The bit of the segment with this id of the carrier's, in
    /// [`segments_delivered`](Self::segments_delivered); none for an id that is not among its own.
    #[must_use]
    pub fn segment_bit(&self, remote_id: &str) -> Option<u64> {
        let mut known = self.remote_ids.iter();
        let index = known.position(|known| known.eq_ignore_ascii_case(remote_id))?;
        1_u64.checked_shl(u32::try_from(index).ok()?)
    }

    /// The numbers of the parts of a text of several that were reported as never coming, from 1
    /// on.
    #[must_use]
    pub fn failed_parts(&self) -> Vec<usize> {
        parts(self.segments_failed, self.remote_ids.len())
    }

    /// The same of those that were reported as delivered.
    #[must_use]
    pub fn delivered_parts(&self) -> Vec<usize> {
        parts(self.segments_delivered, self.remote_ids.len())
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

/// The numbers of the parts whose bits are set, of so many.
fn parts(bits: u64, of: usize) -> Vec<usize> {
    let is_set = |number: &usize| (bits >> (number - 1)) & 1 == 1;
    (1..=of.min(SEGMENTS_MAX)).filter(is_set).collect()
}

/// Whether a delivery in this status has been handed on.
const fn has_left(status: Status) -> bool {
    match status {
        Status::Email(EmailStatus::Rejected | EmailStatus::NotSent)
        | Status::Text(TextStatus::Failed)
        | Status::Call(CallStatus::Failed) => false,
        Status::Email(_) | Status::Text(_) | Status::Call(_) => match status.in_lists() {
            ListStatus::Draft | ListStatus::Queued => false,
            ListStatus::Sent | ListStatus::Delivered | ListStatus::Opened | ListStatus::Failed => {
                true
            }
        },
    }
}

/// Whether it arrived; none while that is open.
const fn outcome(status: Status) -> Option<bool> {
    match status.in_lists() {
        ListStatus::Draft | ListStatus::Queued | ListStatus::Sent => None,
        ListStatus::Delivered | ListStatus::Opened => Some(true),
        ListStatus::Failed => Some(false),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::{EmailAddress, Redacted};

    fn delivery(statuses: &[Status]) -> Delivery {
        let change = |(at, status): (u64, &Status)| StatusChange {
            at: Timestamp::from_millis(at),
            status: *status,
            verdict: None,
            source: Source::Peer,
        };
        let address = EmailAddress::parse("a@example.org").unwrap();
        Delivery {
            attempts: 1,
            ..Delivery::new(
                DeliveryId::from_bytes([1; 16]),
                CommunicationId::from_bytes([1; 16]),
                ContactId::from_bytes([1; 16]),
                MethodId::from_bytes([1; 16]),
                statuses[0].channel(),
                Destination::Email(Redacted::new(address)),
                (0..).zip(statuses).map(change).collect(),
            )
        }
    }

    fn times(statuses: &[Status]) -> (Option<u64>, Option<u64>) {
        let delivery = delivery(statuses);
        let millis = |at: Option<Timestamp>| at.map(Timestamp::as_millis);
        (millis(delivery.sent_at()), millis(delivery.completed_at()))
    }

    #[test]
    fn sent_and_completed_follow_the_timeline() {
        use EmailStatus as E;
        let mail = |statuses: &[EmailStatus]| {
            times(
                &statuses
                    .iter()
                    .map(|one| Status::Email(*one))
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(mail(&[E::Queued]), (None, None));
        assert_eq!(mail(&[E::Queued, E::Deferred, E::Sent]), (Some(2), None));
        assert_eq!(
            mail(&[E::Queued, E::Received, E::Opened]),
            (Some(1), Some(1))
        );
        assert_eq!(
            mail(&[E::Queued, E::Received, E::Rebound]),
            (Some(1), Some(2))
        );
        assert_eq!(mail(&[E::Queued, E::NotSent]), (None, Some(1)));
        assert_eq!(mail(&[E::Queued, E::Rejected]), (None, Some(1)));
        use CallStatus as C;
        let call: Vec<Status> = [
            C::Queued,
            C::Started,
            C::Queued,
            C::Started,
            C::Ringing,
            C::Busy,
        ]
        .map(Status::Call)
        .to_vec();
        assert_eq!(times(&call), (Some(1), Some(5)));
        use TextStatus as T;
        let text: Vec<Status> = [T::Accepted, T::Queued, T::Sending, T::Sent]
            .map(Status::Text)
            .to_vec();
        assert_eq!(times(&text), (Some(2), None));
    }

    #[test]
    fn a_link_counts_once_and_only_of_what_was_sent() {
        use EmailStatus as E;
        let now = Timestamp::from_millis(9);
        let mail = |statuses: &[E]| {
            delivery(
                &statuses
                    .iter()
                    .map(|one| Status::Email(*one))
                    .collect::<Vec<_>>(),
            )
        };
        let mut queued = mail(&[E::Queued]);
        queued.follow(1, now);
        assert_eq!(queued.links().count(), 0);
        let mut read = mail(&[E::Queued, E::Received]);
        for link in [2, 2, 1, 2] {
            read.follow(link, now);
        }
        assert_eq!(read.links().collect::<Vec<_>>(), [2, 1]);
        assert_eq!(read.status(), Status::Email(E::Opened));
        let statement = read.timeline[2].statement(read.id);
        assert!(
            statement.ends_with("source person\nlink 2\n"),
            "{statement}"
        );
        // What came back stays where it is.
        let mut back = mail(&[E::Queued, E::Received, E::Rebound]);
        back.follow(1, now);
        assert_eq!(back.status(), Status::Email(E::Rebound));
        assert_eq!(back.links().collect::<Vec<_>>(), [1]);
        for link in 1..200 {
            read.follow(link, now);
        }
        assert_eq!(read.links().count(), TIMELINE_CLICKS_MAX);
        assert_eq!(read.timeline.len(), 2 + TIMELINE_CLICKS_MAX);
        assert!(!read.notes_link(1) && !read.notes_link(200));
        // Where facts have filled the timeline, it says no more.
        let mut full = mail(&[E::Queued, E::Received, E::Opened]);
        full.timeline.resize(TIMELINE_MAX, full.timeline[2].clone());
        assert!(!full.notes_link(1));
        full.follow(1, now);
        assert_eq!(full.timeline.len(), TIMELINE_MAX);
    }

    #[test]
    fn parts_are_numbered_from_one() {
        let mut text = delivery(&[Status::Text(TextStatus::Sent)]);
        text.remote_ids = ["a", "B", "c"].map(str::to_owned).to_vec();
        assert_eq!(text.segment_bit("b"), Some(0b10));
        assert_eq!(text.segment_bit("d"), None);
        text.segments_failed = 0b10;
        text.segments_delivered = 0b1001;
        assert_eq!(text.failed_parts(), [2]);
        assert_eq!(text.delivered_parts(), [1], "there is no fourth");
    }

    #[test]
    fn closing_completes() {
        let mut closed = delivery(&[Status::Call(CallStatus::Queued)]);
        closed.closed = Some(Closed {
            at: Timestamp::from_millis(9),
            reason: ClosedReason::ReachedOtherwise,
        });
        assert_eq!(closed.completed_at().map(Timestamp::as_millis), Some(9));
        assert_eq!(closed.sent_at(), None);
    }
}
