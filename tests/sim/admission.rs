//! What the other side cannot take now is put off without an attempt, and holds up nobody else.

use std::time::Duration;

use tocsin::domain::{
    Channel as Kind, Channels, Contact, Delivery, EmailStatus, MethodKind, Reason, Status, UserId,
};

use super::carrier::{ASK_AGAIN, Pace};
use super::laws;
use super::scripts::Fate;
use super::world::{HOUR, Life, MINUTE, World};

const FULL: &str = "full@example.org";
/// A lane looks again at least this soon after something is due.
const LATE_MAX: Duration = Duration::from_secs(1);

impl World {
    fn recipient(&self, address: &str) -> Contact {
        self.script(address, &[(Kind::Email, Fate::Taken.into())]);
        self.person(&[(MethodKind::Email, address)])
    }
}

/// The only delivery to a person.
fn delivery_to(life: &Life, person: &Contact) -> Delivery {
    let made = life.repo.deliveries_of(person.id, None, 10).unwrap().rows;
    assert_eq!(made.len(), 1);
    made.into_iter().next().unwrap().value
}

#[test]
fn what_its_destination_cannot_take_waits_without_an_attempt_and_others_go_on() {
    let mut world = World::new(21);
    world.reminders.after.clear();
    // Whoever waited in the only place there is would hold up everybody.
    let pace = Pace {
        at_once: 1,
        ..world.carrier.paces[&Kind::Email]
    };
    world.carrier_mut().paces.insert(Kind::Email, pace);
    let full_until = world.wall.plus(10 * MINUTE);
    world.carrier.fill_until(FULL, full_until);
    let people = [
        world.recipient(FULL),
        world.recipient("first@example.org"),
        world.recipient("second@example.org"),
    ];
    let carrier = world.carrier.clone();
    world.live(async |life| {
        life.send_to(Channels::only(Kind::Email), &people).await;
        tokio::time::sleep(MINUTE).await;
        let waiting = delivery_to(life, &people[0]);
        assert_eq!(waiting.attempts, 0);
        assert_eq!(waiting.status(), Status::Email(EmailStatus::Queued));
        assert_eq!(waiting.timeline.len(), 1, "nothing has happened to it");
        let turned_away = carrier.turned_away(FULL);
        assert_eq!(turned_away.len(), 2);
        assert_eq!(turned_away[1].since(turned_away[0]).as_secs(), 45);
        assert_eq!(waiting.due, Some(turned_away[1].plus(ASK_AGAIN)));
        for person in &people[1..] {
            let gone = delivery_to(life, person);
            assert_eq!(gone.status(), Status::Email(EmailStatus::Received));
        }
        life.until_quiet(HOUR).await;
    });
    laws::at_the_end(&world);
    let made = world.deliveries_of(people[0].id, Kind::Email);
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].attempts, 1);
    let mut seen = carrier.seen();
    seen.retain(|seen| seen.destination == FULL);
    assert_eq!(seen.len(), 1);
    let late_max = ASK_AGAIN + LATE_MAX;
    assert!(seen[0].begun >= full_until && seen[0].begun.since(full_until) <= late_max);
}

#[test]
fn what_is_never_admitted_is_given_up_at_its_end_without_an_attempt() {
    let mut world = World::new(22);
    world.reminders.after.clear();
    world.carrier.fill_until(FULL, world.wall.plus(1000 * HOUR));
    let people = [world.recipient(FULL)];
    world.live(async |life| {
        life.send_to(Channels::only(Kind::Email), &people).await;
        life.until_quiet(2 * HOUR).await;
    });
    laws::at_any_time(&world);
    let made = world.deliveries_of(people[0].id, Kind::Email);
    let [delivery] = made.as_slice() else {
        panic!("{made:#?}");
    };
    assert_eq!(delivery.attempts, 0);
    assert!(world.carrier.seen().is_empty());
    assert_eq!(delivery.status(), Status::Email(EmailStatus::NotSent));
    let verdict = delivery.last_verdict().unwrap();
    assert_eq!(verdict.reason, Reason::Expired);
    let end = delivery.timeline[0].at.plus(world.schedule.give_up_after);
    let given_up = delivery.timeline.last().unwrap().at;
    assert!(given_up >= end, "{delivery:#?}");
    assert!(given_up.since(end) <= LATE_MAX, "{delivery:#?}");
}

/// Sends an email that must not wait.
async fn send_emergency(life: &Life, to: &Contact) {
    let people = std::slice::from_ref(to);
    life.tracker.add_contacts(people).await.unwrap();
    let id = life.draft_to(Channels::only(Kind::Email), people).await;
    let mut draft = life.submitter.draft(id).unwrap();
    draft.plan.emergency = true;
    let by = UserId::from_bytes([1; 16]);
    let kept = life.submitter.save_draft(Some(id), &draft, by).await;
    assert_eq!(kept.unwrap(), id);
    life.send_draft(id).await;
}

#[test]
fn a_fifth_of_the_places_is_for_emergencies_alone() {
    let mut world = World::new(23);
    world.reminders.after.clear();
    let pace = Pace {
        at_once: 5,
        least: HOUR,
        most: HOUR,
    };
    world.carrier_mut().paces.insert(Kind::Email, pace);
    let many: Vec<Contact> = (0..8)
        .map(|n| world.recipient(&format!("p{n}@example.org")))
        .collect();
    let urgent = world.recipient("urgent@example.org");
    let carrier = world.carrier.clone();
    world.live(async |life| {
        life.send_to(Channels::only(Kind::Email), &many).await;
        tokio::time::sleep(MINUTE).await;
        assert_eq!(carrier.seen().len(), 4, "ordinary mail leaves a place");
        send_emergency(life, &urgent).await;
        tokio::time::sleep(MINUTE).await;
    });
    laws::at_any_time(&world);
    let seen = carrier.seen();
    assert_eq!(seen.len(), 5);
    assert_eq!(seen[4].destination, "urgent@example.org");
}
