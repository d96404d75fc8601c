//! Large audiences become deliveries bit by bit.

use std::collections::HashSet;
use std::time::Duration;

use tocsin::domain::{
    Area, AreaId, Audience, CallStatus, Channel, Channels, ClosedReason, Contact, Lane, MethodId,
    MethodKind, MethodState, Permanence, Reason, Status, Suspension, Verdict, comms_issue,
};
use tocsin::queue::rounds::WAITING_MAX;
use tocsin::store::{Batch, Repo, RowBatch};
use tocsin::tracker::ROUND_STEP_PEOPLE_MAX;

use super::carrier::Pace;
use super::laws;
use super::scripts::{Fate, Script};
use super::world::{HOUR, Life, MINUTE, World};

const AREA: AreaId = AreaId::from_bytes([5; 16]);

/// Adds people to the area and sends an alert to it.
async fn send_to_area(life: &Life, channels: Channels, people: &[Contact]) {
    let area = Area {
        id: AREA,
        parent: None,
        name: "Vale".into(),
    };
    life.tracker.add_areas(&[area]).await.unwrap();
    for some in people.chunks(500) {
        life.tracker.add_contacts(some).await.unwrap();
    }
    let audience = Audience {
        areas: vec![AREA],
        contacts: vec![people[0].id],
        ..Audience::default()
    };
    life.send(channels, audience).await;
}

#[test]
fn thousands_of_people_get_their_mail_once_each_and_never_flood_the_queue() {
    let mut world = World::new(11);
    world.reminders.after.clear();
    world.schedule.delays = vec![HOUR];
    world.schedule.give_up_after = 24 * HOUR;
    let pace = Pace {
        at_once: 60,
        least: Duration::from_millis(200),
        most: Duration::from_millis(800),
    };
    world.carrier_mut().paces.insert(Channel::Email, pace);
    // Everybody's server puts the first attempt off; every eighth person has two addresses.
    let greylisted = Script {
        put_off: 1,
        fate: Fate::Taken,
    };
    let mut addresses = 0;
    let people: Vec<_> = (0..6_000)
        .map(|n| {
            let all = [format!("p{n}@example.org"), format!("p{n}@example.net")];
            let own = &all[..1 + usize::from(n % 8 == 0)];
            addresses += own.len();
            for address in own {
                world.carrier.script(Channel::Email, address, greylisted);
            }
            let methods: Vec<_> = own
                .iter()
                .map(|a| (MethodKind::Email, a.as_str()))
                .collect();
            Contact {
                area: Some(AREA),
                ..world.person(&methods)
            }
        })
        .collect();
    let late = world.person(&[(MethodKind::Email, "late@example.org")]);
    world
        .carrier
        .script(Channel::Email, "late@example.org", Fate::Taken);

    world.live(async |life| {
        let only_email = Channels::only(Channel::Email);
        send_to_area(life, only_email, &people).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        // What has no room in the lane is there already, and waits for its turn.
        let made = life.repo.deliveries(None, 10_000).unwrap().rows;
        assert_eq!(made.len(), addresses);
        let waiting = made.iter().filter(|one| one.awaits_turn);
        assert!(waiting.clone().count() > 500);
        assert!(
            waiting
                .clone()
                .all(|one| one.due.is_none() && one.attempts == 0)
        );
        let report = tocsin::store::check::check(life.repo.store()).unwrap();
        assert!(report.is_sound(), "{:#?}", report.problems);
        let mut most = 0;
        // Until everything is made and has been tried once.
        loop {
            let now = life.clock.wall();
            let due = life.repo.due_depth(Lane::Email as u8, now, 10_000).unwrap();
            most = most.max(due);
            if due == 0 && life.repo.lane_depth(Lane::Expand, 1).unwrap() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        assert!(most >= WAITING_MAX - 60, "the queue fills: {most}");
        assert!(
            most <= WAITING_MAX + 3 * ROUND_STEP_PEOPLE_MAX,
            "and no further: {most}"
        );
        // So much mail that waits for its second attempt holds nobody up.
        let waiting = life.repo.lane_depth(Lane::Email, 10_000).unwrap();
        assert!(waiting > WAITING_MAX, "{waiting} wait");
        life.send_to(only_email, std::slice::from_ref(&late)).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let received = life.repo.deliveries_of(late.id, None, 10).unwrap().rows;
        assert!(received.len() == 1 && received[0].status().is_settled());
        life.until_quiet(3 * HOUR).await;
    });
    laws::at_the_end(&world);
    let deliveries = world.deliveries();
    assert_eq!(deliveries.len(), addresses + 1);
    let methods: HashSet<MethodId> = deliveries.iter().map(|d| d.method).collect();
    assert_eq!(methods.len(), addresses + 1, "each once");
}

#[test]
fn a_trunk_that_is_busy_for_hours_holds_up_no_text() {
    let mut world = World::new(12);
    world.reminders.after.clear();
    let trunk = Pace {
        at_once: 2,
        least: HOUR,
        most: HOUR,
    };
    let carrier = world.carrier_mut();
    carrier.paces.insert(Channel::Call, trunk);
    carrier.paces.get_mut(&Channel::Text).unwrap().at_once = 100;
    let total = WAITING_MAX + 300;
    let people: Vec<_> = (0..total)
        .map(|n| {
            let mobile = format!("+4477009{n:05}");
            world.carrier.script(Channel::Text, &mobile, Fate::Silent);
            let completed = Fate::Ends(CallStatus::Completed);
            world.carrier.script(Channel::Call, &mobile, completed);
            Contact {
                area: Some(AREA),
                ..world.person(&[(MethodKind::Mobile, &mobile)])
            }
        })
        .collect();
    world.live(async |life| {
        let channels = Channels {
            email: false,
            text: true,
            call: true,
        };
        send_to_area(life, channels, &people).await;
        tokio::time::sleep(10 * MINUTE).await;
    });
    laws::at_any_time(&world);
    let seen = world.carrier.seen();
    let texts = seen.iter().filter(|seen| seen.channel == Channel::Text);
    let reached: HashSet<_> = texts.map(|seen| seen.destination.as_str()).collect();
    assert_eq!(reached.len(), total, "everybody has a text in ten minutes");
    let mut calls = world.deliveries();
    calls.retain(|delivery| delivery.channel == Channel::Call);
    assert_eq!(calls.len(), total);
    calls.retain(|call| call.attempts == 0);
    assert!(calls.len() >= total - trunk.at_once, "{} wait", calls.len());
    let queued = Status::Call(CallStatus::Queued);
    assert!(calls.iter().all(|call| call.status() == queued));
    assert!(calls.iter().all(|call| call.closed.is_none()));
}

/// As a bounce of another alert would.
async fn suspend(repo: &Repo, person: &Contact, at: tocsin::domain::Timestamp) {
    let old = repo.contact(person.id).unwrap().unwrap();
    let mut new = old.value.clone();
    new.methods[0].state = MethodState::Suspended;
    new.methods[0].suspension = Some(Suspension {
        at,
        delivery: tocsin::domain::DeliveryId::from_bytes([9; 16]),
        verdict: Verdict::failure(Reason::UserUnknown, Permanence::Permanent),
    });
    comms_issue::refresh(&mut new, at);
    let mut batch = Batch::new();
    batch.replace(&old, &new);
    repo.store().commit(batch).await.unwrap();
}

#[test]
fn what_is_suspended_between_sending_and_its_turn_gets_nothing() {
    let mut world = World::new(13);
    world.reminders.after.clear();
    let slow = Pace {
        at_once: 1,
        least: MINUTE,
        most: MINUTE,
    };
    world.carrier_mut().paces.insert(Channel::Email, slow);
    let people: Vec<_> = (0..4)
        .map(|n| {
            let address = format!("p{n}@example.org");
            world.carrier.script(Channel::Email, &address, Fate::Taken);
            world.person(&[(MethodKind::Email, &address)])
        })
        .collect();
    world.live(async |life| {
        life.send_to(Channels::only(Channel::Email), &people).await;
        // Nothing has been made yet: this task has not paused since.
        suspend(&life.repo, &people[1], life.clock.wall()).await;
        tokio::time::sleep(MINUTE / 2).await;
        // Now it has been, and waits behind the first.
        suspend(&life.repo, &people[3], life.clock.wall()).await;
        life.until_quiet(HOUR).await;
    });
    laws::at_the_end(&world);
    let of = |n: usize| world.deliveries_of(people[n].id, Channel::Email);
    assert_eq!(of(1).len(), 0, "was never made");
    let made = of(3).remove(0);
    let reason = made.closed.map(|closed| closed.reason);
    assert_eq!(reason, Some(ClosedReason::MethodNotUsable));
    assert_eq!(made.attempts, 0);
    assert_eq!((of(0).len(), of(2).len()), (1, 1));
    assert_eq!(world.carrier.seen().len(), 2);
}

#[test]
fn a_step_of_people_with_every_method_there_can_be_is_one_batch() {
    let mut world = World::new(14);
    world.reminders.after.clear();
    let people: Vec<_> = (0..ROUND_STEP_PEOPLE_MAX)
        .map(|n| {
            let addresses: Vec<_> = (0..tocsin::domain::contact::METHODS_MAX)
                .map(|m| format!("p{n}.{m}@example.org"))
                .collect();
            for address in &addresses {
                world.carrier.script(Channel::Email, address, Fate::Taken);
            }
            let methods: Vec<_> = addresses
                .iter()
                .map(|address| (MethodKind::Email, address.as_str()))
                .collect();
            world.person(&methods)
        })
        .collect();
    world
        .carrier_mut()
        .paces
        .get_mut(&Channel::Email)
        .unwrap()
        .at_once = 100;
    world.live(async |life| {
        life.send_to(Channels::only(Channel::Email), &people).await;
        life.until_quiet(HOUR).await;
    });
    laws::at_the_end(&world);
}
