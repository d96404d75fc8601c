//! What people write by text: wishes that are no keyword, new addresses, parts that did not come.

use super::super::journey::drafted;
use super::notices::{notify, wants_to_know};
use super::*;
use crate::domain::repair::Repair;
use crate::domain::{Reason, Status, TextStatus, Verdict};
use crate::tracker::{Event, ReplySettings};

/// Ada writes this by text.
async fn writes(world: &World, seed: u8, text: &str) -> ThreadId {
    // The same within ten minutes would be the same text once more.
    world.clock.advance(std::time::Duration::from_secs(11 * 60));
    let contact = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let mut methods = contact.methods.iter();
    let mobile = methods.find(|one| one.kind == MethodKind::Mobile).unwrap();
    let taken = comes_in(world, seed, |incoming| {
        incoming.channel = Channel::Text;
        incoming.from = mobile.destination.lookup_key();
        incoming.preview = text.to_owned();
        incoming.body = None;
        incoming.subject = String::new();
        incoming.message_id = String::new();
    });
    match taken.await {
        Taken::In(thread) => thread,
        other => panic!("{other:?}"),
    }
}

fn asked(world: &World, address: &str) -> usize {
    world.repo.tickets_to(address, 9).unwrap().len()
}

#[tokio::test]
async fn a_new_address_in_a_text_is_taken_over_with_one_click_and_proof_asked_of_it() {
    let world = asking_world().await;
    let browser = world.browser("ida").await;
    let old = email_of(&world, world.contacts[0]);
    let id = writes(&world, 3, "Please stop, write to ada@new.example").await;
    let place = format!("/inbox/{id}");
    let contact = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let correct = format!("{place}/methods/{}/correct", contact.methods[0].id);
    let page = browser.get(&place).await;
    page.assert_has(&[
        "They write of ada@new.example",
        &format!("Put it in the place of {old}"),
        &format!("action=\"{correct}\""),
        "May ask for no more texts",
    ]);
    let done = browser
        .post(&correct, &[("to", "ada@new.example".to_owned())])
        .await;
    assert_eq!(done.location(), format!("{place}?done=corrected"));
    assert_eq!(asked(&world, "ada@new.example"), 1);
    let page = browser.get(&place).await;
    assert!(!page.body.contains("They write of"), "it is theirs now");
    is_sound(&world);
}

#[tokio::test]
async fn where_it_is_wanted_proof_is_asked_by_itself_and_nothing_changes_before() {
    let world = asking_world().await;
    let old = email_of(&world, world.contacts[0]);
    let texts = ["I am at ada@new.example", "a@new.example or b@new.example"];
    for (seed, text) in (1..).zip(texts) {
        writes(&world, seed, text).await;
    }
    notify(&world).await;
    assert_eq!(asked(&world, "ada@new.example"), 0, "an operator decides");
    world.tracker.replace_replies(ReplySettings {
        repair: Repair::Automatic,
        ..ReplySettings::default()
    });
    for (seed, text) in (3..).zip(texts) {
        writes(&world, seed, &format!("{text}!")).await;
    }
    notify(&world).await;
    assert_eq!(asked(&world, "ada@new.example"), 1);
    assert_eq!(asked(&world, "a@new.example"), 0, "which one is meant?");
    assert_eq!(email_of(&world, world.contacts[0]), old);
    is_sound(&world);
}

#[tokio::test]
async fn of_a_mail_proof_is_asked_only_where_its_sender_is_certain() {
    let world = asking_world().await;
    world.tracker.replace_replies(ReplySettings {
        repair: Repair::Automatic,
        ..ReplySettings::default()
    });
    let found = [
        None,
        Some(found_out(AuthResult::None)),
        Some(found_out(AuthResult::Pass)),
    ];
    for (seed, found) in (1..).zip(found) {
        let taken = comes_in(&world, seed, |incoming| {
            incoming.preview = format!("I am at ada{seed}@new.example");
            incoming.body = None;
            incoming.authentication = found;
        });
        taken.await;
    }
    notify(&world).await;
    let asked = [1, 2, 3].map(|seed| asked(&world, &format!("ada{seed}@new.example")));
    assert_eq!(asked, [0, 0, 1]);
    is_sound(&world);
}

#[tokio::test]
async fn what_cannot_be_looked_through_is_told_all_the_same() {
    let world = asking_world().await;
    wants_to_know(&world, "ida", "ida@gw.example").await;
    world.tracker.replace_replies(ReplySettings {
        repair: Repair::Automatic,
        ..ReplySettings::default()
    });
    let before = world.repo.deliveries(None, 50).unwrap().rows.len();
    let taken = comes_in(&world, 1, |incoming| {
        incoming.authentication = Some(found_out(AuthResult::Pass));
        incoming.body = Some(BlobId::of(b"a text that is nowhere"));
    });
    taken.await;
    notify(&world).await;
    let after = world.repo.deliveries(None, 50).unwrap().rows;
    assert_eq!(after.len(), before + 1);
}

#[tokio::test]
async fn those_who_want_to_know_are_told_of_texts_too() {
    let world = world().await;
    wants_to_know(&world, "ida", "ida@gw.example").await;
    let before = world.repo.deliveries(None, 50).unwrap().rows.len();
    writes(&world, 1, "We are safe").await;
    notify(&world).await;
    let after = world.repo.deliveries(None, 50).unwrap().rows;
    assert!(after.len() > before);
    let told = world.repo.communication(after[0].communication).unwrap();
    assert_eq!(told.unwrap().origin, Origin::Notice);
}

#[tokio::test]
async fn the_page_says_which_part_of_a_text_did_not_arrive() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let draft = drafted(&browser).await;
    browser.post(&format!("{draft}/send"), &[]).await;
    world.expand().await;
    let mut all = world.contacts.iter().flat_map(|one| world.deliveries(*one));
    let text = all.find(|one| one.channel == Channel::Text).unwrap();
    let gone = || Verdict::failure(Reason::Undefined, crate::domain::Permanence::Temporary);
    for event in [
        Event::AttemptBegun {
            status: Some(Status::Text(TextStatus::Sending)),
        },
        Event::Accepted {
            status: Status::Text(TextStatus::Sent),
            verdict: Verdict::success(Reason::Accepted),
            remote_ids: ["a", "b", "c"].map(str::to_owned).to_vec(),
        },
        Event::SegmentDelivered {
            remote_id: "a".to_owned(),
            verdict: Verdict::success(Reason::Delivered),
        },
    ] {
        world.tracker.record(text.id, event).await.unwrap();
    }
    let page = format!(
        "/communications/{}/people/{}",
        text.communication, text.contact
    );
    browser
        .get(&page)
        .await
        .assert_has(&["1 of 3 parts arrived."]);
    let failed = Event::SegmentFailed {
        remote_id: "b".to_owned(),
        verdict: gone().with_diagnostic("stat:UNDELIV err:027"),
    };
    world.tracker.record(text.id, failed).await.unwrap();
    browser.get(&page).await.assert_has(&[
        "Part 2 of 3 did not arrive, so the telephone shows none of it. 1 of 3 arrived.",
        "stat:UNDELIV err:027",
    ]);
}
