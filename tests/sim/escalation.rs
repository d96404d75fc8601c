//! One channel after the other; emergencies; quiet hours; what people do not want.

use std::time::Duration;

use tocsin::domain::{
    CallStatus, Channel, Channels, ClosedReason, Communication, CommunicationId, ConfirmedBy,
    Consent, Contact, EscalationStep, MethodKind, PersonState, ProofKind, PublicLinks, QuietHours,
    Redacted, SendingPlan, Timestamp,
};
use tocsin::store::{Batch, RowBatch};

use super::laws;
use super::scripts::Fate;
use super::world::{HOUR, Life, MINUTE, World};

const EMAIL: MethodKind = MethodKind::Email;
const MOBILE: MethodKind = MethodKind::Mobile;

const LOST: Fate = Fate::Receipts {
    segments: 1,
    delivered: false,
};
const ARRIVES: Fate = Fate::Receipts {
    segments: 1,
    delivered: true,
};

fn ladder(calls: &[u64]) -> SendingPlan {
    let step = |channel, minutes: u64| EscalationStep {
        channel,
        after: Duration::from_secs(60 * minutes),
    };
    let mut escalation = vec![step(Channel::Email, 0), step(Channel::Text, 10)];
    escalation.extend(calls.iter().map(|minutes| step(Channel::Call, *minutes)));
    SendingPlan {
        escalation,
        ..SendingPlan::default()
    }
}

async fn send(life: &Life, plan: SendingPlan, people: &[Contact]) -> CommunicationId {
    life.tracker.add_contacts(people).await.unwrap();
    let draft = life.draft_to(Channels::ALL, people).await;
    let old = life.repo.communication(draft).unwrap().unwrap();
    let mut batch = Batch::new();
    let new = Communication {
        plan,
        ..old.value.clone()
    };
    batch.replace(&old, &new);
    life.repo.store().commit(batch).await.unwrap();
    life.send_draft(draft).await;
    draft
}

/// After how many minutes which channel had its turn.
fn turns(world: &World, person: &Contact, sent_at: Timestamp) -> Vec<(Channel, u64)> {
    let mut all = world.deliveries();
    all.retain(|delivery| delivery.contact == person.id);
    let minute = |at: Timestamp| at.since(sent_at).as_secs() / 60;
    all.iter()
        .map(|delivery| (delivery.channel, minute(delivery.timeline[0].at)))
        .collect()
}

fn script(world: &World, name: &str, fates: [Fate; 3]) -> Contact {
    let address = format!("{name}@example.org");
    let number = format!(
        "+4477009{:05}",
        name.len() * 1000 + usize::from(name.as_bytes()[0])
    );
    world.carrier.script(Channel::Email, &address, fates[0]);
    world.script(
        &number,
        &[
            (Channel::Text, fates[1].into()),
            (Channel::Call, fates[2].into()),
        ],
    );
    world.person(&[(EMAIL, &address), (MOBILE, &number)])
}

#[test]
fn the_next_channel_has_its_turn_only_for_those_not_reached() {
    let mut world = World::new(3);
    world.reminders.after.clear();
    let no_answer = Fate::Ends(CallStatus::NoAnswer);
    let completed = Fate::Ends(CallStatus::Completed);
    let by_email = script(&world, "by-email", [Fate::Taken, ARRIVES, completed]);
    let by_text = script(&world, "text", [Fate::Relayed, ARRIVES, completed]);
    let by_call = script(&world, "voice-call", [Fate::Relayed, LOST, completed]);
    let nobody = script(&world, "none", [Fate::Relayed, LOST, no_answer]);
    let mut likes_text = script(&world, "likes-texts", [Fate::Taken, ARRIVES, completed]);
    likes_text.wishes.preferred = Some(Channel::Text);
    let people = [by_email, by_text, by_call, nobody, likes_text];
    let id = world.live(async |life| {
        let id = send(life, ladder(&[20, 25]), &people).await;
        life.until_quiet(2 * HOUR).await;
        id
    });
    laws::at_the_end(&world);
    let sent_at = world
        .repo
        .communication(id)
        .unwrap()
        .unwrap()
        .sent_at
        .unwrap();
    let turns = |index: usize| turns(&world, &people[index], sent_at);
    use Channel::{Call, Email, Text};
    assert_eq!(turns(0), [(Email, 0)]);
    assert_eq!(turns(1), [(Email, 0), (Text, 10)]);
    assert_eq!(turns(2), [(Email, 0), (Text, 10), (Call, 20)]);
    assert_eq!(turns(3), [(Email, 0), (Text, 10), (Call, 20), (Call, 25)]);
    assert_eq!(turns(4), [(Text, 0)]);
}

#[test]
fn where_confirmation_is_asked_for_only_a_confirmation_ends_it() {
    let mut world = World::new(4);
    world.reminders.after.clear();
    world.category.confirmation_required = true;
    let confirmed = Fate::Ends(CallStatus::Confirmed);
    let by_key = script(&world, "key", [Fate::Taken, ARRIVES, confirmed]);
    let by_link = script(&world, "link-reader", [Fate::Taken, ARRIVES, confirmed]);
    let people = [by_key, by_link];
    let id = world.live(async |life| {
        let id = send(life, ladder(&[20, 25, 30]), &people).await;
        tokio::time::sleep(5 * MINUTE).await;
        life.tracker
            .confirm(id, people[1].id, ConfirmedBy::EmailLink)
            .await
            .unwrap();
        life.until_quiet(2 * HOUR).await;
        id
    });
    let sent_at = world
        .repo
        .communication(id)
        .unwrap()
        .unwrap()
        .sent_at
        .unwrap();
    use Channel::{Call, Email, Text};
    assert_eq!(
        turns(&world, &people[0], sent_at),
        [(Email, 0), (Text, 10), (Call, 20)]
    );
    assert_eq!(turns(&world, &people[1], sent_at), [(Email, 0)]);
    let person = world.repo.person(id, people[1].id).unwrap().unwrap();
    assert_eq!(person.state, PersonState::Contacted);
    assert!(person.confirmed.is_some());
}

/// What was said to this person by this channel.
fn said(world: &World, person: &Contact, channel: Channel) -> Vec<String> {
    let deliveries = world.deliveries_of(person.id, channel);
    let seen = world.carrier.seen().into_iter();
    seen.filter(|seen| deliveries.iter().any(|one| one.id == seen.delivery))
        .map(|seen| seen.said)
        .collect()
}

#[test]
fn emails_and_texts_carry_the_link_that_ends_the_escalation() {
    let mut world = World::new(9);
    world.reminders.after.clear();
    world.category.confirmation_required = true;
    let links = PublicLinks::new("https://me.example.org", &[5; 32]);
    world.public = Some(links.clone());
    let confirmed = Fate::Ends(CallStatus::Confirmed);
    let mut reader = script(&world, "reader", [Fate::Taken, ARRIVES, confirmed]);
    reader.language = "fr".into();
    let other = script(&world, "other-reader", [Fate::Taken, ARRIVES, confirmed]);
    let people = [reader, other];
    let id = world.live(async |life| {
        let id = send(life, ladder(&[20]), &people).await;
        tokio::time::sleep(15 * MINUTE).await;
        // The link in the text, as the person's telephone shows it.
        let deliveries = life
            .repo
            .deliveries_of(people[0].id, None, 10)
            .unwrap()
            .rows;
        let text = deliveries
            .iter()
            .find(|one| one.channel == Channel::Text)
            .unwrap();
        let link = links.confirm(text.id);
        let token = PublicLinks::read_confirm(link.rsplit('/').next().unwrap()).unwrap();
        let found = life
            .repo
            .deliveries_beginning(&token.beginning, 10)
            .unwrap();
        let found: Vec<_> = found
            .iter()
            .filter(|one| links.confirms(token, one.id))
            .collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, text.id);
        life.tracker
            .confirm(id, found[0].contact, ConfirmedBy::TextLink)
            .await
            .unwrap();
        life.until_quiet(2 * HOUR).await;
        id
    });
    laws::at_the_end(&world);
    for (person, asked) in people.iter().zip(["Confirmez :", "Confirm:"]) {
        let text = world.deliveries_of(person.id, Channel::Text).remove(0);
        let link = links.confirm(text.id);
        let texts = said(&world, person, Channel::Text);
        assert!(
            texts[0].ends_with(&format!("\n{asked} {link}")),
            "{texts:?}"
        );
        let mail = world.deliveries_of(person.id, Channel::Email).remove(0);
        let mails = said(&world, person, Channel::Email);
        assert!(mails[0].contains(&links.confirm(mail.id)), "{mails:?}");
    }
    let calls = |index: usize| said(&world, &people[index], Channel::Call);
    assert!(calls(0).is_empty(), "confirmed before its turn");
    assert!(!calls(1)[0].contains("http"), "{:?}", calls(1));
    let person = world.repo.person(id, people[0].id).unwrap().unwrap();
    assert_eq!(person.confirmed_by, Some(ConfirmedBy::TextLink));
    let communication = world.repo.communication(id).unwrap().unwrap();
    let numbers = world.repo.statistics(&communication).unwrap();
    assert_eq!(numbers.confirmed, [(ConfirmedBy::TextLink, 1)]);
}

#[test]
fn without_public_pages_a_text_asks_for_an_answer() {
    for required in [true, false] {
        let mut world = World::new(10);
        world.public = None;
        world.reminders.after.clear();
        world.category.confirmation_required = required;
        let confirmed = Fate::Ends(CallStatus::Confirmed);
        let people = [script(&world, "reader", [Fate::Relayed, LOST, confirmed])];
        world.live(async |life| {
            send(life, ladder(&[20]), &people).await;
            life.until_quiet(2 * HOUR).await;
        });
        let text = said(&world, &people[0], Channel::Text).remove(0);
        assert_eq!(
            text.ends_with("\nReply YES to confirm."),
            required,
            "{text}"
        );
        let mail = said(&world, &people[0], Channel::Email).remove(0);
        assert!(!mail.contains("onfirm"), "{mail}");
    }
}

#[test]
fn a_confirmation_by_link_stops_what_is_still_queued() {
    let mut world = World::new(6);
    world.reminders.after.clear();
    let put_off = Fate::Never(tocsin::domain::Reason::Network);
    let person = script(&world, "slow", [put_off, ARRIVES, LOST]);
    let people = [person];
    let id = world.live(async |life| {
        let id = send(life, ladder(&[20]), &people).await;
        tokio::time::sleep(MINUTE).await;
        let first = life
            .tracker
            .confirm(id, people[0].id, ConfirmedBy::EmailLink)
            .await
            .unwrap();
        assert_eq!(first, tocsin::tracker::Confirmation::Recorded);
        let again = life
            .tracker
            .confirm(id, people[0].id, ConfirmedBy::EmailLink)
            .await
            .unwrap();
        assert_eq!(again, tocsin::tracker::Confirmation::Before);
        life.until_quiet(2 * HOUR).await;
        id
    });
    let mail = world.deliveries_of(people[0].id, Channel::Email).remove(0);
    let closed = mail.closed.map(|closed| closed.reason);
    assert_eq!(closed, Some(ClosedReason::ReachedOtherwise));
    assert!(world.deliveries_of(people[0].id, Channel::Text).is_empty());
    assert!(world.repo.person(id, people[0].id).unwrap().is_some());
}

/// The world begins at eight in the morning.
fn quiet_until_ten(person: &mut Contact) {
    person.wishes.quiet_hours = QuietHours::new(7 * 60, 10 * 60);
}

#[test]
fn quiet_hours_hold_texts_and_calls_and_lose_none() {
    let mut world = World::new(7);
    world.reminders.after.clear();
    let completed = Fate::Ends(CallStatus::Completed);
    let mut person = script(&world, "sleeper", [Fate::Taken, ARRIVES, completed]);
    quiet_until_ten(&mut person);
    let people = [person];
    let start = world.wall;
    world.live(async |life| {
        send(life, SendingPlan::default(), &people).await;
        life.until_quiet(4 * HOUR).await;
    });
    laws::at_the_end(&world);
    let begun = |channel| {
        let seen = world.carrier.seen().into_iter();
        let one = seen.filter(|seen| seen.channel == channel);
        one.map(|seen| seen.begun.since(start).as_secs() / 60)
            .collect::<Vec<_>>()
    };
    assert_eq!(begun(Channel::Email), [0]);
    // Longer than anything is tried for in this world: being held is not being given up.
    assert_eq!(begun(Channel::Text), [120]);
    assert_eq!(begun(Channel::Call), [120]);
}

#[test]
fn an_emergency_wakes_people_and_overtakes() {
    let mut world = World::new(8);
    world.reminders.after.clear();
    let pace = world.carrier_mut().paces.get_mut(&Channel::Text).unwrap();
    pace.at_once = 1;
    let completed = Fate::Ends(CallStatus::Completed);
    let crowd: Vec<Contact> = (0..60)
        .map(|index| {
            let number = format!("+447701{index:06}");
            world.script(&number, &[(Channel::Text, ARRIVES.into())]);
            world.person(&[(MOBILE, &number)])
        })
        .collect();
    let mut sleeper = script(&world, "sleeper", [Fate::Taken, ARRIVES, completed]);
    quiet_until_ten(&mut sleeper);
    let people = [sleeper];
    world.live(async |life| {
        life.send_to(Channels::only(Channel::Text), &crowd).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let plan = SendingPlan {
            emergency: true,
            ..SendingPlan::default()
        };
        send(life, plan, &people).await;
        life.until_quiet(4 * HOUR).await;
    });
    laws::at_the_end(&world);
    let texts: Vec<_> = world
        .carrier
        .seen()
        .into_iter()
        .filter(|seen| seen.channel == Channel::Text)
        .collect();
    assert_eq!(texts.len(), 61);
    let own = people[0].methods[1].destination.reveal();
    let place = texts.iter().position(|seen| seen.destination == own);
    let before = texts
        .iter()
        .filter(|seen| seen.begun.since(texts[0].begun) <= Duration::from_secs(10))
        .count();
    // One text may have been on the wire, one more claimed.
    assert!(place.unwrap() <= before + 2, "{place:?} of {before}");
}

#[test]
fn what_a_person_does_not_want_is_not_sent() {
    let mut world = World::new(9);
    world.reminders.after.clear();
    let refusal = |channel| Consent {
        channel,
        category: Some("Alert".into()),
        given: false,
        at: world.wall,
        proof: ProofKind::SelfService,
        note: Redacted::new(String::new()),
    };
    let completed = Fate::Ends(CallStatus::Completed);
    let mut no_texts = script(&world, "no-texts", [Fate::Taken, ARRIVES, completed]);
    no_texts.wishes.decide(refusal(Some(Channel::Text)));
    let mut nothing = script(&world, "nothing", [Fate::Taken, ARRIVES, completed]);
    nothing.wishes.decide(refusal(None));
    let mut late = script(&world, "late-refusal", [Fate::Taken, ARRIVES, completed]);
    quiet_until_ten(&mut late);
    let late_refusal = refusal(None);
    let people = [no_texts, nothing, late];
    let id = world.live(async |life| {
        let id = send(life, SendingPlan::default(), &people).await;
        tokio::time::sleep(MINUTE).await;
        life.tracker
            .change_contact(people[2].id, |contact| {
                contact.wishes.decide(late_refusal.clone());
                Some(Vec::new())
            })
            .await
            .unwrap();
        life.until_quiet(4 * HOUR).await;
        id
    });
    assert!(world.deliveries_of(people[0].id, Channel::Text).is_empty());
    assert_eq!(world.deliveries_of(people[0].id, Channel::Call).len(), 1);
    let person = world.repo.person(id, people[1].id).unwrap().unwrap();
    assert_eq!(person.state, PersonState::NotContacted);
    assert!(person.deliveries.is_empty());
    let text = world.deliveries_of(people[2].id, Channel::Text).remove(0);
    let closed = text.closed.map(|closed| closed.reason);
    assert_eq!(closed, Some(ClosedReason::NotWanted));
}
