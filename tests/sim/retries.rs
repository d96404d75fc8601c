//! What is put off is tried again as the schedule says, and given up when it says.

use std::time::Duration;

use tocsin::domain::{
    Channel, Channels, EmailStatus, MethodKind, MethodState, Reason, Status, Timestamp,
};
use tocsin::queue::schedule::RetrySchedule;

use super::laws;
use super::scripts::Fate;
use super::world::{HOUR, MINUTE, World, each_seed};

/// A lane looks again at least this soon after something is due.
const LATE_MAX: Duration = Duration::from_secs(1);

#[test]
fn mail_that_is_put_off_follows_the_schedule_to_its_end_and_no_further() {
    each_seed(15, |seed| {
        let mut world = World::new(seed);
        world.reminders.after.clear();
        world.schedule = RetrySchedule {
            delays: vec![MINUTE, 5 * MINUTE, 30 * MINUTE],
            jitter_percent: 20,
            give_up_after: 6 * HOUR,
        };
        let reasons = [Reason::MailboxFull, Reason::Network, Reason::Rate];
        let people: Vec<_> = reasons
            .iter()
            .map(|reason| {
                let address = format!("{}@example.org", reason.as_str());
                world
                    .carrier
                    .script(Channel::Email, &address, Fate::Never(*reason));
                world.person(&[(MethodKind::Email, &address)])
            })
            .collect();
        world.live(async |life| {
            life.send_to(Channels::only(Channel::Email), &people).await;
            life.until_quiet(7 * HOUR).await;
        });
        laws::at_the_end(&world);
        for (person, reason) in people.iter().zip(reasons) {
            follows_the_schedule(&world, person);
            let method = world.contact(person.id).methods.remove(0);
            // Given up is one failure, however often it was tried; and only the mailbox's own.
            let counted = usize::from(reason == Reason::MailboxFull);
            assert_eq!(method.soft_failures.len(), counted, "{reason:?}");
            assert_eq!(method.state, MethodState::Active);
        }
    });
}

fn follows_the_schedule(world: &World, person: &tocsin::domain::Contact) {
    let schedule = &world.schedule;
    let delivery = world.deliveries_of(person.id, Channel::Email).remove(0);
    let made_at = delivery.timeline[0].at;
    let end = made_at.plus(schedule.give_up_after);
    let seen: Vec<_> = world
        .carrier
        .seen()
        .into_iter()
        .filter(|seen| seen.delivery == delivery.id)
        .collect();
    assert_eq!(seen.len(), usize::from(delivery.attempts));
    assert!(seen.len() > 10, "{} attempts in six hours", seen.len());
    for (n, pair) in seen.windows(2).enumerate() {
        let delay = schedule.delays[n.min(schedule.delays.len() - 1)];
        let span = pair[1].begun.since(pair[0].ended.unwrap());
        let is_last = n + 2 == seen.len();
        assert!(
            span >= delay * 8 / 10 || is_last,
            "attempt {} after {span:?}",
            n + 2
        );
        assert!(
            span <= delay * 12 / 10 + LATE_MAX,
            "attempt {} after {span:?}",
            n + 2
        );
    }
    let last = seen.last().unwrap();
    assert!(
        last.begun >= end && last.begun <= end.plus(LATE_MAX),
        "the last is at the end"
    );
    let not_sent = Status::Email(EmailStatus::NotSent);
    let given_up: Vec<Timestamp> = delivery
        .timeline
        .iter()
        .filter(|change| change.status == not_sent)
        .map(|change| change.at)
        .collect();
    assert!(given_up.len() == 1 && given_up[0] >= end, "{delivery:#?}");
}

#[test]
fn what_is_over_is_not_tried_again() {
    let mut world = World::new(6);
    let fate = Fate::Never(Reason::Network);
    world
        .carrier
        .script(Channel::Email, "slow@example.org", fate);
    let person = world.person(&[(MethodKind::Email, "slow@example.org")]);
    let until = world.live(async |life| {
        let people = std::slice::from_ref(&person);
        life.tracker.add_contacts(people).await.unwrap();
        let id = life.draft_to(Channels::only(Channel::Email), people).await;
        let until = life.clock.wall().plus(20 * MINUTE);
        let mut draft = life.submitter.draft(id).unwrap();
        draft.plan.until = Some(until);
        let by = tocsin::domain::UserId::from_bytes([1; 16]);
        let kept = life.submitter.save_draft(Some(id), &draft, by).await;
        assert_eq!(kept.unwrap(), id);
        life.send_draft(id).await;
        life.until_quiet(7 * HOUR).await;
        until
    });
    laws::at_the_end(&world);
    let made = world.deliveries_of(person.id, Channel::Email);
    let [delivery] = made.as_slice() else {
        panic!("reminders of what is over: {made:#?}");
    };
    assert!(delivery.attempts > 1);
    assert_eq!(
        delivery.closed.map(|closed| closed.reason),
        Some(tocsin::domain::ClosedReason::CalledOff)
    );
    let seen = world.carrier.seen();
    assert!(seen.iter().all(|seen| seen.begun < until), "{seen:#?}");
}

#[test]
fn a_mailbox_that_stays_full_is_suspended_after_five_mails() {
    let mut world = World::new(5);
    world.reminders.after.clear();
    world.schedule.give_up_after = 3 * MINUTE;
    let full = Fate::Never(Reason::MailboxFull);
    world
        .carrier
        .script(Channel::Email, "full@example.org", full);
    let person = world.person(&[(MethodKind::Email, "full@example.org")]);
    let audience = tocsin::domain::Audience {
        contacts: vec![person.id],
        ..tocsin::domain::Audience::default()
    };
    world.live(async |life| {
        life.tracker
            .add_contacts(std::slice::from_ref(&person))
            .await
            .unwrap();
        for mail in 1..=6 {
            life.send(Channels::only(Channel::Email), audience.clone())
                .await;
            life.until_quiet(HOUR).await;
            let contact = life.repo.contact(person.id).unwrap().unwrap();
            let method = &contact.methods[0];
            assert_eq!(method.soft_failures.len(), mail.min(5));
            let suspended = method.state == MethodState::Suspended;
            assert_eq!(suspended, mail >= 5, "after mail {mail}");
        }
    });
    laws::at_the_end(&world);
    assert_eq!(world.deliveries_of(person.id, Channel::Email).len(), 5);
}
