//! What must hold of every history, whatever happened in it.

use std::collections::BTreeMap;
use std::time::Duration;

use tocsin::domain::reminder::ReminderPlan;
use tocsin::domain::status::Reach;
use tocsin::domain::transitions::may_change;
use tocsin::domain::{
    BounceClass, CallStatus, Category, Channel, ClosedReason, Communication, CommunicationId,
    Contact, Delivery, EmailStatus, MethodState, PersonState, Status, TextStatus, Timestamp,
};
use tocsin::queue::outcome::UNKNOWN_ATTEMPTS_MAX;
use tocsin::store::check::check;
use tocsin::tracker::PROMPT_CATEGORY;

use super::world::World;

/// What holds at every moment, also right after a crash.
pub(crate) fn at_any_time(world: &World) {
    let report = check(world.repo.store()).unwrap();
    assert!(report.is_sound(), "{:#?}", report.problems);
    let deliveries = world.deliveries();
    deliveries.iter().for_each(replays);
    for communication in communications(world) {
        recounts(world, &communication, &deliveries);
    }
    seen_only_what_was_written(world, &deliveries);
    nothing_after_a_confirmation(world, &deliveries);
    nothing_to_a_suspended_method(world, &deliveries);
}

/// What holds once nothing is left to do: also everything that holds at any time.
pub(crate) fn at_the_end(world: &World) {
    at_any_time(world);
    for delivery in world.deliveries() {
        let script = world
            .carrier
            .script_of(delivery.channel, delivery.destination.reveal());
        let end = script.fate.end(delivery.channel);
        assert_eq!(delivery.due, None, "{delivery:#?}");
        match delivery.closed {
            None if is_left_unknown(&delivery) => {
                assert_eq!(delivery.status(), Status::Text(TextStatus::Sent));
                assert!(delivery.remote_ids.is_empty(), "{delivery:#?}");
            }
            None => {
                assert_eq!(delivery.status(), end, "{delivery:#?}");
                assert!(end.is_settled() && delivery.attempts >= 1, "{delivery:#?}");
            }
            // Given up before, or while, an attempt was made.
            Some(closed) => {
                let status = delivery.status();
                assert!(status == end || !status.is_settled(), "{delivery:#?}");
                why_closed(world, &delivery, closed.reason);
            }
        }
    }
}

/// We died over each of so many attempts that no more are made: what became of it nobody knows.
fn is_left_unknown(delivery: &Delivery) -> bool {
    let times = delivery.timeline.iter();
    let begun = times.filter(|change| change.status == Status::Text(TextStatus::Sending));
    let verdict = delivery.last_verdict();
    begun.count() >= UNKNOWN_ATTEMPTS_MAX
        && verdict.is_some_and(|verdict| verdict.class == BounceClass::Unknown)
}

fn communications(world: &World) -> Vec<Communication> {
    let page = world.repo.communications(None, 5000).unwrap();
    page.rows.into_iter().map(|row| row.value).collect()
}

/// The timeline, read through the table of transitions, gives the status.
fn replays(delivery: &Delivery) {
    let mut status = delivery.channel.first_status();
    let mut at = Timestamp::default();
    assert_eq!(delivery.timeline[0].status, status, "{delivery:#?}");
    for change in &delivery.timeline {
        let allowed = change.status == status || may_change(status, change.status);
        assert!(allowed, "{status:?} to {:?}: {delivery:#?}", change.status);
        assert!(at <= change.at, "goes back in time: {delivery:#?}");
        (status, at) = (change.status, change.at);
    }
    assert_eq!(delivery.status(), status);
    let open = !status.is_settled() && delivery.closed.is_none();
    assert_eq!(delivery.due.is_some(), open, "{delivery:#?}");
}

/// People's states and the numbers follow from the deliveries.
fn recounts(world: &World, communication: &Communication, deliveries: &[Delivery]) {
    let category = if communication.category == PROMPT_CATEGORY {
        Category {
            name: PROMPT_CATEGORY.into(),
            confirmation_required: false,
            voicemail_counts: false,
        }
    } else {
        world.category.clone()
    };
    let mut states = BTreeMap::new();
    let people = world.repo.people(communication.id, None, 10_000).unwrap();
    for person in &people.rows {
        assert_eq!(person.state, person.derive_state(&category), "{person:?}");
        *states.entry(person.state).or_insert(0) += 1;
    }
    let mut statuses = BTreeMap::new();
    for delivery in deliveries {
        if delivery.communication == communication.id {
            *statuses.entry(delivery.status()).or_insert(0) += 1;
        }
    }
    let statistics = world.repo.statistics(communication).unwrap();
    let of = |state| states.get(&state).copied().unwrap_or(0);
    assert_eq!(statistics.people, communication.people);
    assert_eq!(statistics.contacted, of(PersonState::Contacted));
    assert_eq!(statistics.not_contacted, of(PersonState::NotContacted));
    let found: BTreeMap<_, _> = statistics.by_status.into_iter().collect();
    let found: BTreeMap<_, _> = found.into_iter().filter(|(_, n)| *n > 0).collect();
    assert_eq!(found, statuses);
}

/// No attempt is on the wire before it is written down.
fn seen_only_what_was_written(world: &World, deliveries: &[Delivery]) {
    let mut seen = BTreeMap::new();
    for attempt in world.carrier.seen() {
        *seen.entry(attempt.delivery).or_insert(0_u16) += 1;
    }
    for delivery in deliveries {
        let seen = seen.remove(&delivery.id).unwrap_or(0);
        assert!(seen <= delivery.attempts, "seen {seen} of {delivery:#?}");
    }
    assert!(
        seen.is_empty(),
        "attempts at deliveries that do not exist: {seen:?}"
    );
}

const CONFIRMED: Status = Status::Call(CallStatus::Confirmed);

fn confirmed_at(delivery: &Delivery) -> Option<Timestamp> {
    let confirmed = delivery.timeline.iter().find(|c| c.status == CONFIRMED);
    confirmed.map(|change| change.at)
}

fn nothing_after_a_confirmation(world: &World, deliveries: &[Delivery]) {
    let mut confirmed = BTreeMap::new();
    let mut whose = BTreeMap::new();
    for delivery in deliveries {
        let person = (delivery.communication, delivery.contact);
        whose.insert(delivery.id, person);
        if let Some(at) = confirmed_at(delivery) {
            confirmed.insert(person, at);
        }
    }
    for attempt in world.carrier.seen() {
        if let Some(at) = confirmed.get(&whose[&attempt.delivery]) {
            assert!(
                attempt.begun <= *at,
                "begun after a confirmation: {attempt:?}"
            );
        }
    }
}

fn nothing_to_a_suspended_method(world: &World, deliveries: &[Delivery]) {
    let mut suspended = BTreeMap::new();
    for delivery in deliveries {
        let contact = world.contact(delivery.contact);
        let suspension = contact.method(delivery.method).unwrap().suspension.clone();
        if let Some(suspension) = suspension {
            suspended.insert(delivery.id, suspension.at);
        }
    }
    for attempt in world.carrier.seen() {
        if let Some(at) = suspended.get(&attempt.delivery) {
            assert!(
                attempt.begun <= *at,
                "begun after a suspension: {attempt:?}"
            );
        }
    }
}

fn why_closed(world: &World, delivery: &Delivery, reason: ClosedReason) {
    match reason {
        ClosedReason::ReachedOtherwise => {
            let calls = world.deliveries_of(delivery.contact, Channel::Call);
            let confirmed = calls.iter().any(|call| {
                call.communication == delivery.communication && call.status() == CONFIRMED
            });
            assert!(confirmed, "{delivery:#?}");
        }
        ClosedReason::NotWanted => {
            let contact = world.contact(delivery.contact);
            assert!(!contact.wishes.allow(delivery.channel, &world.category.name));
        }
        ClosedReason::MethodNotUsable => {
            let contact = world.contact(delivery.contact);
            let state = contact.method(delivery.method).unwrap().state;
            assert_eq!(state, MethodState::Suspended, "{delivery:#?}");
        }
        ClosedReason::CalledOff => {
            // Nobody calls anything off here: what it says was over by then.
            let of = world.repo.communication(delivery.communication).unwrap();
            let until = of.and_then(|of| of.value.plan.until);
            let closed = delivery.closed.map(|closed| closed.at);
            assert!(until.is_some() && closed >= until, "{delivery:#?}");
        }
    }
}

/// How long after a reminder is due its deliveries are surely made, in a world without crashes.
const MAKING_MAX: Duration = Duration::from_secs(3);

/// Reminders went to the unreached when they were due, and to nobody else. Told from the
/// timelines alone.
pub(crate) fn reminded_rightly(world: &World, id: CommunicationId, plan: &ReminderPlan) {
    let deliveries: Vec<_> = world
        .deliveries()
        .into_iter()
        .filter(|delivery| delivery.communication == id)
        .collect();
    let communication = world.repo.communication(id).unwrap().unwrap();
    let sent_at = communication.sent_at.unwrap();
    for person in world.repo.people(id, None, 10_000).unwrap().rows {
        let contact = world.contact(person.contact);
        let theirs: Vec<_> = deliveries
            .iter()
            .filter(|delivery| delivery.contact == person.contact)
            .collect();
        for (round, after) in (2_u8..).zip(&plan.after) {
            let due = sent_at.plus(*after);
            for channel in Channel::ALL {
                let new =
                    |delivery: &&&Delivery| delivery.round == round && delivery.channel == channel;
                let made: Vec<_> = theirs.iter().filter(new).collect();
                for delivery in &made {
                    let late = delivery.timeline[0].at.since(due);
                    assert!(delivery.timeline[0].at >= due && late < MAKING_MAX);
                }
                if let Some(expected) = expected(world, &contact, &theirs, channel, round, due) {
                    assert_eq!(
                        made.len(),
                        expected,
                        "{channel:?} in round {round}: {theirs:#?}"
                    );
                }
            }
        }
    }
}

/// How many deliveries a reminder makes for a person by a channel; none when something changed
/// at that very moment, so that it cannot be told.
fn expected(
    world: &World,
    contact: &Contact,
    theirs: &[&Delivery],
    channel: Channel,
    round: u8,
    due: Timestamp,
) -> Option<usize> {
    let window = due..due.plus(MAKING_MAX);
    let earlier: Vec<_> = theirs.iter().filter(|d| d.round < round).collect();
    let changes_now = earlier.iter().any(|delivery| {
        let mut times: Vec<_> = delivery.timeline.iter().map(|change| change.at).collect();
        times.extend(delivery.closed.map(|closed| closed.at));
        times.iter().any(|at| window.contains(at))
    });
    let suspended_at = |method: &tocsin::domain::Method| method.suspension.as_ref().map(|s| s.at);
    let mut methods = contact.methods.iter();
    if changes_now || methods.any(|m| suspended_at(m).is_some_and(|at| window.contains(&at))) {
        return None;
    }
    let then = |delivery: &Delivery| {
        let before = delivery.timeline.iter().rev().find(|c| c.at < due);
        before.map_or(channel.first_status(), |change| change.status)
    };
    let is_reached = |d: &&&Delivery| then(d).reach(&world.category) == Reach::Reached;
    if earlier.iter().any(is_reached) {
        return Some(0);
    }
    let is_over = |delivery: &&&&Delivery| {
        let status = then(delivery);
        delivery.closed.is_some_and(|closed| closed.at < due)
            || status == Status::Text(TextStatus::Sent)
            || (status.is_settled() && status != Status::Email(EmailStatus::Sent))
    };
    let mut same = earlier.iter().filter(|d| d.channel == channel);
    if !same.all(|d| is_over(&d)) {
        return Some(0);
    }
    let usable = contact.methods.iter().filter(|method| {
        method.kind.takes(channel) && suspended_at(method).is_none_or(|at| at >= due)
    });
    let usable = usable.count();
    Some(if channel == Channel::Call {
        usable.min(1)
    } else {
        usable
    })
}
