//! Emails with files: few at once, and nobody else waits for them.

use std::time::Duration;

use tocsin::domain::{
    Audience, Channel as Kind, Channels, CommunicationId, Consent, Contact, MethodKind, ProofKind,
    Redacted, SendingPlan,
};
use tocsin::submit::{DraftInput, NewFile};

use super::carrier::{Pace, Seen};
use super::scripts::Fate;
use super::world::{HOUR, Life, World};

/// Slots of the lane, more than emails with files may be on the wire.
const AT_ONCE: usize = 16;
const SLOW: Duration = Duration::from_secs(60);

impl World {
    fn reader(&self, address: &str) -> Contact {
        self.script(address, &[(Kind::Email, Fate::Taken.into())]);
        self.person(&[(MethodKind::Email, address)])
    }
}

/// Sends an email, with a file or without.
async fn mail(life: &Life, to: &[Contact], emergency: bool, with_file: bool) -> CommunicationId {
    let id = life.draft_to(Channels::only(Kind::Email), to).await;
    let mut input = DraftInput {
        audience: Audience {
            contacts: to.iter().map(|contact| contact.id).collect(),
            ..Audience::default()
        },
        ..life.submitter.draft(id).unwrap()
    };
    input.plan = SendingPlan {
        emergency,
        ..input.plan
    };
    life.submitter
        .save_draft(
            Some(id),
            &input,
            tocsin::domain::UserId::from_bytes([1; 16]),
        )
        .await
        .unwrap();
    if with_file {
        let file = NewFile {
            name: "plan.pdf".into(),
            media_type: "application/pdf".into(),
            bytes: vec![7; 64].into(),
        };
        life.submitter.attach(id, vec![file]).await.unwrap();
    }
    life.send_draft(id).await;
    id
}

/// Most attempts that were under way at one time.
fn most_at_once(seen: &[&Seen]) -> usize {
    let under_way = |at| {
        let at_it = |one: &&&Seen| one.begun <= at && one.ended.is_none_or(|ended| ended > at);
        seen.iter().filter(at_it).count()
    };
    seen.iter().map(|one| under_way(one.begun)).max().unwrap()
}

#[test]
fn emails_with_files_wait_for_each_other_and_hold_up_nobody_else() {
    let mut world = World::new(1);
    let pace = Pace {
        at_once: AT_ONCE,
        least: SLOW,
        most: SLOW,
    };
    world.carrier_mut().paces.insert(Kind::Email, pace);
    let many: Vec<Contact> = (0..40)
        .map(|n| world.reader(&format!("p{n:02}@example.org")))
        .collect();
    let urgent = [world.reader("urgent@example.org")];
    let plain = [world.reader("plain@example.org")];
    let urgent_with_file = [world.reader("urgent.file@example.org")];
    let (carrier, last) = (world.carrier.clone(), many[39].clone());
    let began = world.live(async |life| {
        for people in [&many[..], &urgent, &urgent_with_file, &plain] {
            life.tracker.add_contacts(people).await.unwrap();
        }
        mail(life, &many, false, true).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let began = life.clock.wall();
        mail(life, &plain, false, false).await;
        mail(life, &urgent, true, false).await;
        mail(life, &urgent_with_file, true, true).await;
        // While it waits, somebody changes their mind.
        let no = Consent {
            channel: Some(Kind::Email),
            category: None,
            given: false,
            at: began,
            proof: ProofKind::SelfService,
            note: Redacted::new(String::new()),
        };
        let decided = life.tracker.change_contact(last.id, |contact| {
            contact.wishes.decide(no.clone());
            Some(Vec::new())
        });
        decided.await.unwrap();
        life.until_quiet(3 * HOUR).await;
        began
    });
    let seen = carrier.seen();
    let at_once = [
        "plain@example.org",
        "urgent@example.org",
        "urgent.file@example.org",
    ];
    for address in at_once {
        let one = seen.iter().find(|one| one.destination == address).unwrap();
        let waited = one.begun.since(began);
        assert!(waited < Duration::from_secs(5), "{address}: {waited:?}");
    }
    let many: Vec<_> = many
        .iter()
        .map(|one| one.methods[0].destination.reveal())
        .collect();
    let (ordinary, _): (Vec<&Seen>, Vec<&Seen>) = seen
        .iter()
        .partition(|one| many.contains(&one.destination.as_str()));
    assert_eq!(ordinary.len(), 39);
    assert_eq!(most_at_once(&ordinary), 8);
    assert!(
        ordinary
            .iter()
            .all(|one| one.destination != "p39@example.org")
    );
    // Nobody's attempt was counted but those that were made.
    assert!(
        world
            .deliveries()
            .iter()
            .all(|delivery| delivery.attempts <= 1)
    );
}

#[test]
fn more_mails_with_files_than_stand_in_line_all_go_and_emergencies_pass_them_by() {
    const MANY: usize = 1_200;
    let mut world = World::new(2);
    world.reminders.after.clear();
    let second = Duration::from_secs(1);
    let pace = Pace {
        at_once: AT_ONCE,
        least: second,
        most: second,
    };
    world.carrier_mut().paces.insert(Kind::Email, pace);
    let many: Vec<Contact> = (0..MANY)
        .map(|n| world.reader(&format!("p{n:04}@example.org")))
        .collect();
    let urgent: Vec<Contact> = (0..12)
        .map(|n| world.reader(&format!("urgent{n:02}@example.org")))
        .collect();
    let carrier = world.carrier.clone();
    let (began, urgent_began) = world.live(async |life| {
        for people in many.chunks(MANY / 2).chain([&urgent[..]]) {
            life.tracker.add_contacts(people).await.unwrap();
        }
        let began = life.clock.wall();
        for people in many.chunks(MANY / 2) {
            mail(life, people, false, true).await;
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
        let urgent_began = life.clock.wall();
        mail(life, &urgent, true, true).await;
        life.until_quiet(HOUR).await;
        (began, urgent_began)
    });
    let seen = carrier.seen();
    let (first, others): (Vec<&Seen>, Vec<&Seen>) = seen
        .iter()
        .partition(|one| one.destination.starts_with("urgent"));
    assert_eq!((first.len(), others.len()), (12, MANY));
    let last = |of: &[&Seen]| of.iter().map(|one| one.begun).max().unwrap();
    let waited = last(&first).since(urgent_began);
    assert!(waited < Duration::from_secs(15), "{waited:?}");
    // Eight a second, and half a minute for those who were put off.
    let took = last(&others).since(began);
    assert!(took < Duration::from_secs(210), "{took:?}");
    assert!(most_at_once(&others) <= 8);
    let held = world
        .deliveries()
        .iter()
        .filter_map(|one| one.held_until)
        .count();
    assert_eq!(held, 0, "nobody's wish holds them");
}
