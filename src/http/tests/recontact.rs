//! Recontact: when it is offered, what it says, whom it goes to.

use std::time::Duration;

use axum::http::StatusCode;

use super::journey::drafted;
use super::world::{Browser, World, patient_world};
use crate::domain::{
    CallStatus, CommunicationId, ContactId, Delivery, EmailStatus, Status, TextStatus,
};
use crate::store::check;

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

/// What is still open comes to nothing; a text whose id is in `hanging` waits for its receipt.
async fn settle(world: &World, hanging: ContactId) {
    for contact in &world.contacts {
        for delivery in world.deliveries(*contact) {
            let waits = *contact == hanging;
            if !delivery.status().is_settled() {
                world.walk(&delivery, failing(&delivery, waits)).await;
            }
        }
    }
}

fn failing(delivery: &Delivery, waits: bool) -> &'static [Status] {
    match delivery.status() {
        Status::Email(_) => &[Status::Email(EmailStatus::NotSent)],
        Status::Text(_) if waits => &[
            Status::Text(TextStatus::Sending),
            Status::Text(TextStatus::Sent),
        ],
        Status::Text(_) => &[
            Status::Text(TextStatus::Sending),
            Status::Text(TextStatus::Failed),
        ],
        Status::Call(_) => &[
            Status::Call(CallStatus::Started),
            Status::Call(CallStatus::NoAnswer),
        ],
    }
}

/// An alert whose reminders have gone out: the first of 14 people was reached, a text to the
/// second waits for its receipt, nothing else arrived.
pub(super) async fn reminded(browser: &Browser<'_>) -> String {
    let world = browser.world;
    let path = drafted(browser).await;
    browser.post(&format!("{path}/send"), &[]).await;
    world.expand().await;
    for delivery in world.deliveries(world.contacts[0]) {
        world.arrive(&delivery).await;
    }
    for _ in 0..2 {
        settle(world, world.contacts[3]).await;
        world.clock.advance(HALF_AN_HOUR);
        world.expand().await;
    }
    settle(world, world.contacts[3]).await;
    path
}

fn rounds(world: &World, contact: ContactId) -> Vec<u8> {
    let mut rounds: Vec<u8> = world
        .deliveries(contact)
        .iter()
        .map(|one| one.round)
        .collect();
    rounds.sort_unstable();
    rounds.dedup();
    rounds
}

#[tokio::test]
async fn before_the_reminders_are_out_the_page_says_when_they_will_be() {
    let world = patient_world().await;
    let browser = world.browser("ida").await;
    let path = drafted(&browser).await;
    browser.post(&format!("{path}/send"), &[]).await;
    browser
        .get(&path)
        .await
        .assert_has(&["Messages are being made just now."]);
    world.expand().await;
    let page = browser.get(&path).await;
    page.assert_has(&["The next automatic reminder goes out today, 14:43; 2 are to come."]);
    assert!(!page.body.contains("Recontact uncontacted citizens"));
    let asked = browser.get(&format!("{path}/recontact")).await;
    asked.assert_has(&["This is not possible now", "today, 14:43"]);
    assert!(!asked.body.contains("name=\"round\""));
    let early = browser
        .post(&format!("{path}/recontact"), &[("round", "4".to_owned())])
        .await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    world.clock.advance(HALF_AN_HOUR);
    world.expand().await;
    browser
        .get(&path)
        .await
        .assert_has(&["The last automatic reminder goes out today, 15:13."]);
    assert_eq!(rounds(&world, world.contacts[0]), [1]);
}

#[tokio::test]
async fn recontact_goes_once_and_only_to_those_not_reached() {
    let world = patient_world().await;
    let browser = world.browser("ida").await;
    let path = reminded(&browser).await;
    browser.get(&path).await.assert_has(&[
        "class=\"button primary\" id=\"recontact\"",
        "Recontact uncontacted citizens",
    ]);
    let asked = browser.get(&format!("{path}/recontact")).await;
    asked.assert_has(&[
        "This starts at once and cannot be undone",
        "It goes only to those who have not been reached yet.",
        "of 13 who have not been reached",
        "Recontact 13 people now",
    ]);
    let round = [("round", asked.hidden("round"))];
    let recontact = format!("{path}/recontact");
    let (one, other) = tokio::join!(
        browser.post(&recontact, &round),
        browser.post(&recontact, &round)
    );
    let mut went = [one.location().to_owned(), other.location().to_owned()];
    went.sort();
    let expected = ["recontacted", "recontacted-before"];
    assert_eq!(went, expected.map(|done| format!("{path}?done={done}")));
    let id: CommunicationId = path.rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(world.repo.rounds(id).unwrap().len(), 1);
    // Somebody is reached between the click and the sending.
    let benedict = world.contacts[3];
    let text = world.deliveries(benedict).into_iter();
    for delivery in text.filter(|one| one.status() == Status::Text(TextStatus::Sent)) {
        world
            .walk(&delivery, &[Status::Text(TextStatus::Received)])
            .await;
    }
    world.expand().await;
    assert_eq!(
        rounds(&world, world.contacts[0]),
        [1],
        "was reached at first"
    );
    assert_eq!(rounds(&world, benedict), [1, 2, 3], "was reached meanwhile");
    assert_eq!(rounds(&world, world.contacts[6]), [1, 2, 3, 4]);
    let page = browser.get(&path).await;
    page.assert_has(&["Reminder 2", "Recontact 1", "12 in progress"]);
    let late = browser.post(&recontact, &round).await;
    assert_eq!(late.location(), format!("{path}?done=recontacted-before"));
    let report = check::check(world.repo.store()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
}

#[tokio::test]
async fn a_recontacted_communication_is_the_last_changed() {
    let world = patient_world().await;
    let browser = world.browser("ida").await;
    let path = reminded(&browser).await;
    let later = drafted(&browser).await;
    let titles = |body: &str| (body.find(&path), body.find(&later));
    let list = browser.get("/communications").await;
    let (sent, draft) = titles(&list.body);
    assert!(draft < sent, "the draft is newer");
    world.clock.advance(Duration::from_secs(60));
    let asked = browser.get(&format!("{path}/recontact")).await;
    let round = [("round", asked.hidden("round"))];
    browser.post(&format!("{path}/recontact"), &round).await;
    let list = browser.get("/communications").await;
    let (sent, draft) = titles(&list.body);
    assert!(sent < draft, "the recontact changed it");
}

#[tokio::test]
async fn what_is_on_its_way_is_not_sent_again() {
    let world = patient_world().await;
    let browser = world.browser("ida").await;
    let path = reminded(&browser).await;
    let asked = browser.get(&format!("{path}/recontact")).await;
    let round = [("round", asked.hidden("round"))];
    browser.post(&format!("{path}/recontact"), &round).await;
    world.expand().await;
    // Everything of the recontact is queued: there is nothing to repeat.
    browser
        .get(&format!("{path}/recontact"))
        .await
        .assert_has(&["Messages to everybody who is left are still on their way."]);
    let next = [("round", "5".to_owned())];
    let refused = browser.post(&format!("{path}/recontact"), &next).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_draft_and_one_that_reached_everybody_have_nobody_to_recontact() {
    let world = patient_world().await;
    let browser = world.browser("ida").await;
    let path = drafted(&browser).await;
    let draft = browser.get(&format!("{path}/recontact")).await;
    assert_eq!(draft.location(), format!("{path}/review"));
    browser.post(&format!("{path}/send"), &[]).await;
    world.expand().await;
    for contact in &world.contacts {
        for delivery in world.deliveries(*contact) {
            world.arrive(&delivery).await;
        }
    }
    for _ in 0..2 {
        world.clock.advance(HALF_AN_HOUR);
        world.expand().await;
    }
    browser
        .get(&path)
        .await
        .assert_has(&["Nobody is left to recontact"]);
    let nobody = browser
        .post(&format!("{path}/recontact"), &[("round", "4".to_owned())])
        .await;
    assert_eq!(nobody.status, StatusCode::CONFLICT);
}
