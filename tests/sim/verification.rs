//! Links and codes: nobody is woken for one that they did not ask for.

use std::time::Duration;

use tocsin::domain::{
    Actor, CallStatus, Channel, ClosedReason, Consent, Contact, MethodId, MethodKind, MethodState,
    ProofKind, QuietHours, Redacted, TicketPurpose, UserId,
};
use tocsin::submit::{Proof, VerificationSent};
use tocsin::tracker::TicketUse;

use super::laws;
use super::scripts::Fate;
use super::world::{HOUR, Life, MINUTE, World, links};

const OPERATOR: Actor = Actor::User(UserId::from_bytes([1; 16]));
const NUMBER: &str = "+441632960001";

/// Somebody who is quiet from ten to seven and whose number nobody has proved; it is 23:00.
fn night(seed: u64, kind: MethodKind) -> (World, Contact, MethodId) {
    let mut world = World::new(seed);
    let completed = Fate::Ends(CallStatus::Completed);
    let arrives = Fate::Receipts {
        segments: 1,
        delivered: true,
    };
    let ways = [
        (Channel::Call, completed.into()),
        (Channel::Text, arrives.into()),
    ];
    world.script(NUMBER, &ways);
    let mut person = world.person(&[(kind, NUMBER)]);
    person.wishes.quiet_hours = QuietHours::new(22 * 60, 7 * 60);
    person.methods[0].state = MethodState::Unverified;
    // The world begins at eight in the morning.
    world.wall = world.wall.plus(15 * HOUR);
    let method = person.methods[0].id;
    (world, person, method)
}

async fn asks(life: &Life, person: &Contact, method: MethodId, by: Actor) {
    let people = std::slice::from_ref(person);
    life.tracker.add_contacts(people).await.unwrap();
    let sent = life.submitter.send_verification(person.id, method, by);
    assert!(matches!(sent.await.unwrap(), VerificationSent::Queued(_)));
}

/// How long after the start which attempts began.
fn begun(world: &World, start: tocsin::domain::Timestamp) -> Vec<Duration> {
    let seen = world.carrier.seen().into_iter();
    seen.map(|seen| seen.begun.since(start)).collect()
}

#[test]
fn a_call_that_nobody_asked_for_waits_for_the_morning_and_its_code_with_it() {
    for kind in [MethodKind::Landline, MethodKind::Mobile] {
        let (mut world, person, method) = night(61, kind);
        let start = world.wall;
        world.live(async |life| {
            asks(life, &person, method, OPERATOR).await;
            life.until_quiet(9 * HOUR).await;
        });
        laws::at_the_end(&world);
        let seen = begun(&world, start);
        assert_eq!(seen.len(), 1);
        assert!(
            seen[0] >= 8 * HOUR && seen[0] < 8 * HOUR + MINUTE,
            "{seen:?}"
        );
        // A day from the morning, not from the night.
        let destination = person.methods[0].destination.clone();
        let ticket = world.repo.tickets_to(NUMBER, 1).unwrap().remove(0);
        let secrets = links().secrets(ticket.delivery);
        let used = world.live(async |life| {
            let morning = start.plus(8 * HOUR);
            let left = morning.plus(24 * HOUR).since(life.clock.wall());
            tokio::time::sleep(left - MINUTE).await;
            let (destination, code) = (&destination, secrets.code.as_str());
            let proof = Proof::Code { destination, code };
            life.submitter.verify(proof).await.unwrap()
        });
        let purpose = TicketPurpose::Verify;
        assert!(
            matches!(used, TicketUse::Done { purpose: done, .. } if done == purpose),
            "{used:?}"
        );
    }
}

#[test]
fn whoever_asks_at_night_is_called_at_night() {
    let (mut world, person, method) = night(62, MethodKind::Landline);
    let start = world.wall;
    world.live(async |life| {
        asks(life, &person, method, Actor::Person).await;
        life.until_quiet(HOUR).await;
    });
    laws::at_the_end(&world);
    let seen = begun(&world, start);
    assert!(seen.len() == 1 && seen[0] < MINUTE, "{seen:?}");
}

#[test]
fn who_said_stop_gets_no_code_that_they_did_not_ask_for() {
    for (by, texts) in [(OPERATOR, 0), (Actor::Person, 1)] {
        let (mut world, mut person, method) = night(63, MethodKind::Mobile);
        person.wishes.quiet_hours = None;
        person.wishes.decide(Consent {
            channel: Some(Channel::Text),
            category: None,
            given: false,
            at: world.wall,
            proof: ProofKind::Keyword,
            note: Redacted::new(String::new()),
        });
        world.live(async |life| {
            asks(life, &person, method, by).await;
            life.until_quiet(HOUR).await;
        });
        laws::at_any_time(&world);
        assert_eq!(world.carrier.seen().len(), texts);
        let text = world.deliveries_of(person.id, Channel::Text).remove(0);
        let closed = text.closed.map(|closed| closed.reason);
        assert_eq!(closed, (texts == 0).then_some(ClosedReason::NotWanted));
    }
}
