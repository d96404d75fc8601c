//! What follows from an event. Pure.

use super::event::Event;
use crate::domain::comms_issue;
use crate::domain::suspension::{self, SuspensionPolicy};
use crate::domain::transitions::may_change;
use crate::domain::{
    CallStatus, Category, Channel, Closed, ClosedReason, Contact, Delivery, DeliveryId,
    EmailStatus, Fault, LogEvent, MethodId, Person, PersonDelivery, Source, Status, StatusChange,
    TextStatus, Timestamp, Verdict,
};

/// What is known when an event comes in.
#[derive(Clone, Debug)]
pub struct Known {
    /// The delivery it is about.
    pub delivery: Delivery,
    /// The person in the communication; none only for a damaged state.
    pub person: Person,
    /// The contact; none when it has been removed since.
    pub contact: Option<Contact>,
    /// What counts as reached.
    pub category: Category,
}

/// What follows.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The delivery as it stands now.
    pub delivery: Delivery,
    /// The person as it stands now.
    pub person: Person,
    /// The contact, if anything about it changed.
    pub contact: Option<Contact>,
    /// New lines of the contact's log.
    pub log: Vec<LogEvent>,
    /// The method that has just been suspended.
    pub suspended: Option<MethodId>,
    /// Other deliveries to this person that are not needed any more.
    pub close: Vec<DeliveryId>,
    /// Our own side is at fault.
    pub sender_fault: bool,
}

impl Decision {
    /// Lets what was decided next follow; `next` was decided on the outcome of this one.
    pub fn and_then(&mut self, next: Self) {
        self.delivery = next.delivery;
        self.person = next.person;
        self.contact = next.contact.or(self.contact.take());
        self.log.extend(next.log);
        self.suspended = next.suspended.or(self.suspended);
        self.close.extend(next.close);
        self.sender_fault |= next.sender_fault;
    }
}

/// Decides.
#[must_use]
pub fn decide(known: Known, event: Event, now: Timestamp, policy: SuspensionPolicy) -> Decision {
    let before = known.delivery.status();
    let mut decision = Decision {
        delivery: known.delivery,
        person: known.person,
        contact: None,
        log: Vec::new(),
        suspended: None,
        close: Vec::new(),
        sender_fault: false,
    };
    decision.sender_fault =
        verdict_of(&event).is_some_and(|verdict| verdict.fault == Fault::Sender);
    // Whom it went to was erased.
    let is_erased = decision.delivery.destination.is_nowhere();
    if is_erased && matches!(event, Event::Clicked { .. }) {
        return decision;
    }
    let event = if is_erased {
        // Answers name them.
        event.without_diagnostic()
    } else {
        event
    };
    if let Event::Clicked { link } = event
        && decision.delivery.sent_at().is_some()
    {
        // Of the person, whether or not the timeline has room for it.
        decision.person.follow(link);
    }
    let failure = apply_to_delivery(&mut decision.delivery, event, now);
    if let Some(verdict) = failure {
        decision.log.push(LogEvent::Returned {
            delivery: decision.delivery.id,
            verdict: verdict.clone(),
        });
        if let Some(contact) = known.contact {
            suspend(&mut decision, contact, &verdict, now, policy);
        }
    }
    refresh_person(&mut decision, &known.category);
    let after = decision.delivery.status();
    if before != after && after == Status::Call(CallStatus::Confirmed) {
        decision.close = still_open(&decision.person, Some(decision.delivery.id));
    }
    decision
}

const fn verdict_of(event: &Event) -> Option<&Verdict> {
    match event {
        Event::Changed { verdict, .. } | Event::Retry { verdict, .. } => verdict.as_ref(),
        Event::SegmentFailed { verdict, .. } => Some(verdict),
        Event::AttemptBegun { .. }
        | Event::Accepted { .. }
        | Event::Fact { .. }
        | Event::SegmentDelivered { .. }
        | Event::Held { .. }
        | Event::PutOff { .. }
        | Event::Clicked { .. }
        | Event::Closed(_) => None,
    }
}

/// Writes the event into the delivery. Returns the verdict that counts as a failure, if it is one.
fn apply_to_delivery(delivery: &mut Delivery, event: Event, now: Timestamp) -> Option<Verdict> {
    let change = |status, verdict, source| StatusChange {
        at: now,
        status,
        verdict,
        source,
    };
    match event {
        Event::AttemptBegun { status } => {
            delivery.attempts = delivery.attempts.saturating_add(1);
            if let Some(status) = status {
                begin(delivery, status, now);
            }
            None
        }
        Event::Changed {
            status,
            verdict,
            source,
        } => {
            let changed = delivery.record(change(status, verdict.clone(), source));
            if delivery.status().is_settled() {
                delivery.due = None;
            }
            verdict.filter(|_| changed && is_failure(status))
        }
        Event::Retry {
            status,
            verdict,
            due,
        } => {
            delivery.record(change(status, verdict, Source::Peer));
            if !delivery.status().is_settled() && delivery.closed.is_none() {
                delivery.due = Some(due);
            }
            // Counted once for a delivery, when it is given up: not for each attempt.
            None
        }
        Event::Accepted {
            status,
            verdict,
            remote_ids,
        } => {
            delivery.record(change(status, Some(verdict), Source::Peer));
            delivery.remote_ids = remote_ids;
            delivery.due = None;
            None
        }
        Event::Fact { verdict, source } => {
            delivery.record(change(delivery.status(), Some(verdict), source));
            None
        }
        Event::SegmentDelivered { remote_id, verdict } => {
            segment_delivered(delivery, &remote_id, verdict, now);
            None
        }
        Event::SegmentFailed { remote_id, verdict } => {
            segment_failed(delivery, &remote_id, verdict, now)
        }
        event @ (Event::Held { .. }
        | Event::PutOff { .. }
        | Event::Clicked { .. }
        | Event::Closed(_)) => {
            apply_without_verdict(delivery, &event, now);
            None
        }
    }
}

/// What tells of no attempt.
fn apply_without_verdict(delivery: &mut Delivery, event: &Event, now: Timestamp) {
    match event {
        Event::Held { until, .. } => hold(delivery, *until),
        Event::PutOff { until } => delivery.due = delivery.due.map(|_| *until),
        Event::Clicked { link } => delivery.follow(*link, now),
        Event::Closed(reason) => close(delivery, *reason, now),
        Event::AttemptBegun { .. }
        | Event::Changed { .. }
        | Event::Retry { .. }
        | Event::Accepted { .. }
        | Event::Fact { .. }
        | Event::SegmentDelivered { .. }
        | Event::SegmentFailed { .. } => {}
    }
}

fn hold(delivery: &mut Delivery, until: Timestamp) {
    if delivery.due.is_some() {
        delivery.due = Some(until);
        delivery.held_until = Some(until);
    }
}

/// An attempt that finds the traces of one that died goes back to the queue first.
fn begin(delivery: &mut Delivery, status: Status, now: Timestamp) {
    let entry = |status| StatusChange {
        at: now,
        status,
        verdict: None,
        source: Source::Gateway,
    };
    let queued = match status.channel() {
        Channel::Email => Status::Email(EmailStatus::Queued),
        Channel::Text => Status::Text(TextStatus::Queued),
        Channel::Call => Status::Call(CallStatus::Queued),
    };
    if !may_change(delivery.status(), status) && may_change(delivery.status(), queued) {
        delivery.record(entry(queued));
    }
    delivery.record(entry(status));
}

/// Counts each segment once: a receipt that comes twice, or behind one that says otherwise, is a
/// fact, not progress.
fn segment_delivered(delivery: &mut Delivery, remote_id: &str, verdict: Verdict, now: Timestamp) {
    let Some(bit) = delivery.segment_bit(remote_id) else {
        return;
    };
    // The first final receipt of a segment counts.
    if delivery.segments_failed & bit == 0 {
        delivery.segments_delivered |= bit;
    }
    let all = delivery.segments_failed == 0
        && delivery.segments_delivered.count_ones() as usize == delivery.remote_ids.len();
    let status = if all {
        Status::Text(TextStatus::Received)
    } else {
        delivery.status()
    };
    delivery.record(StatusChange {
        at: now,
        status,
        verdict: Some(verdict),
        source: Source::Report,
    });
    if delivery.status().is_settled() && all {
        // Nothing more is waited for.
        delivery.due = None;
    }
}

/// One segment that never comes is the whole text: telephones show it whole or not at all.
/// Returns the verdict if that is news.
fn segment_failed(
    delivery: &mut Delivery,
    remote_id: &str,
    verdict: Verdict,
    now: Timestamp,
) -> Option<Verdict> {
    let undelivered = Status::Text(TextStatus::Undelivered);
    let bit = delivery.segment_bit(remote_id).unwrap_or(0);
    // The first final receipt of a segment counts.
    let has_arrived = delivery.segments_delivered & bit != 0;
    // That no receipt came was no more than a guess; this is the carrier's word.
    let was_guess = delivery.status() == undelivered && delivery.segments_failed == 0 && bit != 0;
    let status = if has_arrived {
        delivery.status()
    } else {
        delivery.segments_failed |= bit;
        undelivered
    };
    let changed = delivery.record(StatusChange {
        at: now,
        status,
        verdict: Some(verdict.clone()),
        source: Source::Report,
    });
    if !has_arrived && delivery.status().is_settled() {
        delivery.due = None;
    }
    (changed || (was_guess && !has_arrived)).then_some(verdict)
}

fn is_failure(status: Status) -> bool {
    use crate::domain::ListStatus;
    match status {
        // Nobody at home is no failure of the number.
        Status::Call(CallStatus::Busy | CallStatus::NoAnswer) => false,
        Status::Text(TextStatus::Undelivered) | Status::Email(EmailStatus::MarkedAsSpam) => true,
        Status::Call(_) | Status::Text(_) | Status::Email(_) => {
            status.in_lists() == ListStatus::Failed
        }
    }
}

fn close(delivery: &mut Delivery, reason: ClosedReason, now: Timestamp) {
    if delivery.closed.is_none() && !delivery.status().is_settled() {
        delivery.closed = Some(Closed { at: now, reason });
        delivery.due = None;
    }
}

fn suspend(
    decision: &mut Decision,
    mut contact: Contact,
    verdict: &Verdict,
    now: Timestamp,
    policy: SuspensionPolicy,
) {
    let delivery = &decision.delivery;
    let known = contact.method_of(delivery).map(|method| method.id);
    let Some(method) = known.and_then(|id| contact.method_mut(id)) else {
        return;
    };
    // The address may have been corrected since this was sent: then the failure is the old one's.
    if method.destination != delivery.destination {
        return;
    }
    let before = method.clone();
    if suspension::count_failure(method, delivery.id, verdict, now, policy) {
        decision.suspended = Some(method.id);
        decision.log.push(LogEvent::Suspended {
            method: method.id,
            kind: method.kind,
            delivery: delivery.id,
            verdict: verdict.clone(),
        });
    }
    if *method != before {
        comms_issue::refresh(&mut contact, now);
        decision.contact = Some(contact);
    }
}

fn refresh_person(decision: &mut Decision, category: &Category) {
    let delivery = &decision.delivery;
    let summary = PersonDelivery {
        delivery: delivery.id,
        method: delivery.method,
        status: delivery.status(),
        closed: delivery.closed.is_some(),
    };
    let person = &mut decision.person;
    match person
        .deliveries
        .iter_mut()
        .find(|known| known.delivery == delivery.id)
    {
        Some(known) => *known = summary,
        None => person.deliveries.push(summary),
    }
    for link in delivery.links() {
        person.follow(link);
    }
    person.state = person.derive_state(category);
}

pub(super) fn still_open(person: &Person, except: Option<DeliveryId>) -> Vec<DeliveryId> {
    person
        .deliveries
        .iter()
        .filter(|known| {
            Some(known.delivery) != except && !known.closed && !known.status.is_settled()
        })
        .map(|known| known.delivery)
        .collect()
}
