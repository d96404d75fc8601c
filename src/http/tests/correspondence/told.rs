//! What programs are told of correspondence, and what not.

use super::super::inbox::comes_in;
use super::restricted::secret;
use super::{Firm, firm};
use crate::domain::{
    Actor, ContactId, EntryId, EventKind, News, Redacted, ThreadId, UserId, WebhookId, WebhookInput,
};
use crate::tracker::{CaseInput, Taken};

async fn hearing(firm: &Firm, events: &[EventKind]) -> WebhookId {
    let input = WebhookInput {
        name: "Control room".to_owned(),
        url: Redacted::new("https://control.example.org".to_owned()),
        events: events.to_vec(),
        addresses: true,
    };
    let by = UserId::from_bytes([8; 16]);
    let made = firm.world.tracker.add_webhook(&input, by).await;
    made.unwrap().0
}

fn told(firm: &Firm, webhook: WebhookId) -> Vec<News> {
    let page = firm.world.repo.notifications(webhook, None, 100).unwrap();
    page.rows.into_iter().map(|row| row.value.news).collect()
}

/// Somebody writes without saying what it answers; in which thread it stands.
async fn writes(firm: &Firm, seed: u8, who: ContactId, before: Option<u8>) -> ThreadId {
    let contact = firm.world.repo.contact(who).unwrap().unwrap();
    let address = contact.methods[0].destination.lookup_key();
    let taken = comes_in(&firm.world, seed, |incoming| {
        incoming.contact = Some(who);
        incoming.from = address;
        incoming.references = before
            .map(|seed| format!("{seed}@mail.example"))
            .into_iter()
            .collect();
    });
    match taken.await {
        Taken::In(thread) => thread,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_reply_in_a_thread_about_a_restricted_case_is_told_to_no_program() {
    let firm = firm().await;
    let secret = secret(&firm).await;
    let webhook = hearing(&firm, &[EventKind::ReplyReceived]).await;
    let thread = writes(&firm, 1, firm.client, None).await;
    let first = told(&firm, webhook);
    assert_eq!(first.len(), 1, "nobody knows yet what it is about");
    assert_eq!(first[0].contact, Some(firm.client), "who wrote is told");
    let repo = &firm.world.repo;
    assert!(repo.news_is_open(&first[0]).unwrap());
    let entry = EntryId::from_bytes([1; 16]);
    let filed = firm.world.tracker.file_entry(entry, secret, Actor::Gateway);
    filed.await.unwrap();
    assert_eq!(writes(&firm, 2, firm.client, Some(1)).await, thread);
    assert_eq!(told(&firm, webhook).len(), 1, "it is about the case");
    assert!(
        !repo.news_is_open(&first[0]).unwrap(),
        "what waits is not told either"
    );
    let other = writes(&firm, 3, firm.shop, None).await;
    assert_ne!(other, thread);
    assert_eq!(told(&firm, webhook).len(), 2);
}

#[tokio::test]
async fn a_bounce_in_a_restricted_case_says_that_a_method_is_suspended_and_no_more() {
    let firm = firm().await;
    let secret = secret(&firm).await;
    let webhook = hearing(&firm, &[EventKind::MethodSuspended]).await;
    let otto = firm.world.browser("otto").await;
    let about = ("case", secret.to_string());
    let letter = firm
        .letter(&otto, about, firm.bank, "Privileged offer")
        .await;
    firm.world.bounce(&letter).await;
    let said = told(&firm, webhook);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].contact, Some(firm.bank));
    assert!(said[0].method.is_some());
    assert_eq!((said[0].delivery, &said[0].address), (None, &None));
}

#[tokio::test]
async fn what_waits_is_not_told_of_a_case_that_is_restricted_meanwhile() {
    let firm = firm().await;
    let events = [EventKind::DeliveryStatus, EventKind::MethodSuspended];
    let webhook = hearing(&firm, &events).await;
    let otto = firm.world.browser("otto").await;
    let letter = firm.case_letter(&otto, "An offer").await;
    firm.world.bounce(&letter).await;
    let said = told(&firm, webhook);
    assert_eq!(said.len(), 2);
    let repo = &firm.world.repo;
    for news in &said {
        assert_eq!(news.delivery, Some(letter.id));
        assert!(repo.news_is_open(news).unwrap());
    }
    let known = repo.case(firm.case).unwrap().unwrap();
    let input = CaseInput {
        reference: known.reference.clone(),
        title: known.title.clone(),
        client: known.client,
        creditors: known.creditors.clone(),
        responsible: None,
        team: Vec::new(),
        restricted: true,
    };
    let tracker = &firm.world.tracker;
    let changed = tracker.change_case(firm.case, None, &input, Actor::Gateway);
    changed.await.unwrap();
    for news in &said {
        assert!(!repo.news_is_open(news).unwrap(), "{:?}", news.event);
    }
}
