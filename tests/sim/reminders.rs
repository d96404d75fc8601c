//! The unreached are tried again, and nobody else.

use std::time::Duration;

use tocsin::domain::{
    CallStatus, Channel, Channels, Contact, Delivery, MethodKind, PersonState, Reason, Timestamp,
};

use super::laws;
use super::scripts::{Fate, crowd};
use super::world::{HOUR, MINUTE, World, each_seed};

const SILENT: Fate = Fate::Silent;
const LOST: Fate = Fate::Receipts {
    segments: 2,
    delivered: false,
};

/// After how many minutes each delivery was made.
fn minutes(deliveries: &[Delivery], sent_at: Timestamp) -> Vec<u64> {
    let minute = |d: &Delivery| d.timeline[0].at.since(sent_at).as_secs() / 60;
    deliveries.iter().map(minute).collect()
}

fn numbers(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|d| d.destination.reveal()).collect()
}

#[test]
fn the_unreached_are_reminded_after_half_an_hour_and_an_hour_and_nobody_else() {
    let mut world = World::new(1);
    let (email, mobile, landline) = (MethodKind::Email, MethodKind::Mobile, MethodKind::Landline);
    let people: Vec<Contact> = [
        vec![(email, "read@example.org"), (landline, "+441632960001")],
        vec![(mobile, "+447700900002"), (landline, "+441632960002")],
        vec![(mobile, "+447700900003"), (landline, "+441632960003")],
        vec![(mobile, "+447700900004")],
        vec![(email, "relay@example.org")],
        vec![(email, "nobody@example.org")],
        vec![],
    ]
    .iter()
    .map(|methods| world.person(methods))
    .collect();
    let call = |status| Fate::Ends(status).into();
    let script = |destination, kind, fate: Fate| world.carrier.script(kind, destination, fate);
    script("read@example.org", Channel::Email, Fate::Taken);
    script("relay@example.org", Channel::Email, Fate::Relayed);
    let unknown = Fate::Refused(Reason::UserUnknown);
    script("nobody@example.org", Channel::Email, unknown);
    for (number, text, status) in [
        ("+441632960001", SILENT, CallStatus::NoAnswer),
        ("+441632960002", SILENT, CallStatus::Busy),
        ("+447700900002", LOST, CallStatus::Completed),
        ("+441632960003", SILENT, CallStatus::NoAnswer),
        ("+447700900003", LOST, CallStatus::Voicemail),
        ("+447700900004", SILENT, CallStatus::Busy),
    ] {
        let scripts = [(Channel::Text, text.into()), (Channel::Call, call(status))];
        world.script(number, &scripts);
    }

    let id = world.live(async |life| {
        let id = life.send_to(Channels::ALL, &people).await;
        life.until_quiet(2 * HOUR).await;
        id
    });
    laws::at_the_end(&world);
    laws::reminded_rightly(&world, id, &world.reminders);

    let communication = world.repo.communication(id).unwrap().unwrap();
    let sent_at = communication.sent_at.unwrap();
    let made = |person: usize, channel| {
        let deliveries = world.deliveries_of(people[person].id, channel);
        minutes(&deliveries, sent_at)
    };
    // Reached by email: no reminder by any way.
    assert_eq!(made(0, Channel::Email), [0]);
    assert_eq!(made(0, Channel::Call), [0]);
    // Busy at home, reached on the mobile half an hour later: then no more.
    assert_eq!(made(1, Channel::Call), [0, 30]);
    assert_eq!(made(1, Channel::Text), [0, 30]);
    // Never reached: one number after the other, and both times a text.
    assert_eq!(made(2, Channel::Call), [0, 30, 60]);
    let calls = world.deliveries_of(people[2].id, Channel::Call);
    let turns = ["+441632960003", "+447700900003", "+441632960003"];
    assert_eq!(numbers(&calls), turns);
    assert_eq!(made(2, Channel::Text), [0, 30, 60]);
    // A text without a receipt is tried again.
    assert_eq!(made(3, Channel::Text), [0, 30, 60]);
    // A relay may still deliver; a suspended method is not written to; nobody is nobody.
    assert_eq!(made(4, Channel::Email), [0]);
    assert_eq!(made(5, Channel::Email), [0]);

    let statistics = world.repo.statistics(&communication).unwrap();
    assert_eq!((statistics.people, statistics.contacted), (7, 2));
    // On the way: the silent text and the relayed email.
    assert_eq!(statistics.in_progress, 2);
    assert_eq!(statistics.not_contacted, 3);
    let state = |n: usize| world.repo.person(id, people[n].id).unwrap().unwrap().state;
    assert_eq!(state(1), PersonState::Contacted);
    assert_eq!(state(2), PersonState::NotContacted);
    assert_eq!(state(6), PersonState::NotContacted);
}

#[test]
fn reminders_are_right_for_any_crowd() {
    each_seed(40, |seed| {
        let mut world = World::new(seed);
        world.category.confirmation_required = seed % 2 == 0;
        world.category.voicemail_counts = seed % 3 == 0;
        world.carrier_mut().later_max = Duration::from_secs(1 + seed % 4 * 600);
        let people = crowd(&world, 12);
        let id = world.live(async |life| {
            let id = life.send_to(Channels::ALL, &people).await;
            life.until_quiet(3 * HOUR).await;
            id
        });
        laws::at_the_end(&world);
        laws::reminded_rightly(&world, id, &world.reminders);
        for delivery in world.deliveries() {
            let seen = world.carrier.seen();
            let seen = seen.iter().filter(|seen| seen.delivery == delivery.id);
            assert_eq!(seen.count(), usize::from(delivery.attempts));
        }
        assert!(world.wall.since(Timestamp::from_millis(1_800_000_000_000)) >= 60 * MINUTE);
    });
}
