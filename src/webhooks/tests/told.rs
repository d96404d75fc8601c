//! What is told as things stand when it is sent, and what is kept of it.

use super::*;
use crate::domain::webhook::{NEWS_KEPT_FOR, NEWS_WAITING_MAX};
use crate::domain::{CommunicationId, ContactId, DeliveryId, MethodId, News};
use crate::store::keys;
use crate::tracker::tell_programs;

const ADDRESS: &str = "ada@mail.example";
const ID: [u8; 16] = [7; 16];

impl World {
    /// Lets the webhook hear of these.
    async fn hear(&self, events: &[EventKind], addresses: bool) {
        let changed = WebhookInput {
            events: events.to_vec(),
            addresses,
            ..self.webhook().input
        };
        let tracker = &self.tracker;
        tracker
            .change_webhook(self.webhook, &changed)
            .await
            .unwrap();
    }

    /// Keeps news for the webhook.
    async fn keep(&self, news: News) {
        let mut batch = Batch::new();
        batch.insert(&Notification {
            id: ID,
            webhook: self.webhook,
            at: START,
            news,
            tries: Vec::new(),
            tried: 0,
            due: Some(START),
        });
        self.repo.store().commit(batch).await.unwrap();
    }
}

fn with_address(event: EventKind) -> News {
    News {
        contact: Some(ContactId::from_bytes([3; 16])),
        address: Some(Redacted::new(ADDRESS.to_owned())),
        ..News::of(event)
    }
}

#[tokio::test]
async fn addresses_are_told_only_where_they_are_asked_for_now() {
    for (asked, is_told) in [(true, true), (false, false)] {
        let receiver = Receiver::start(&["204 Taken"]).await;
        let world = World::new(&receiver.url, &["127.0.0.1"]).await;
        world.hear(&[EventKind::DeliveryStatus], true).await;
        world.keep(with_address(EventKind::DeliveryStatus)).await;
        world.hear(&[EventKind::DeliveryStatus], asked).await;
        world.courier.deliver(&ID).await.unwrap();
        let body = receiver.got().remove(0).body;
        assert_eq!(body.contains(ADDRESS), is_told, "{body}");
    }
}

#[tokio::test]
async fn what_a_webhook_does_not_hear_of_any_more_is_given_up() {
    let receiver = Receiver::start(&["204 Taken"]).await;
    let world = World::new(&receiver.url, &["127.0.0.1"]).await;
    world.keep(with_address(EventKind::DeliveryStatus)).await;
    world.hear(&[EventKind::IssueOpened], false).await;
    world.courier.deliver(&ID).await.unwrap();
    assert!(receiver.got().is_empty());
    assert_eq!(world.news(&ID).due, None);
    let again = world.tracker.resend_news(world.webhook, ID).await;
    assert!(!again.unwrap());
}

#[tokio::test]
async fn what_was_taken_keeps_no_address_and_what_was_not_does() {
    let receiver = Receiver::start(&["500 No", "204 Taken"]).await;
    let world = World::new(&receiver.url, &["127.0.0.1"]).await;
    world.hear(&[EventKind::DeliveryStatus], true).await;
    world.keep(with_address(EventKind::DeliveryStatus)).await;
    world.courier.deliver(&ID).await.unwrap();
    assert!(world.news(&ID).news.address.is_some());
    world.courier.deliver(&ID).await.unwrap();
    assert_eq!(world.news(&ID).news.address, None);
    // Sent again, ids say who it was.
    assert!(world.tracker.resend_news(world.webhook, ID).await.unwrap());
    world.courier.deliver(&ID).await.unwrap();
    let bodies: Vec<String> = receiver.got().into_iter().map(|got| got.body).collect();
    let with: Vec<bool> = bodies.iter().map(|body| body.contains(ADDRESS)).collect();
    assert_eq!(with, [true, true, false]);
    assert!(bodies[2].contains("contact"), "{}", bodies[2]);
}

#[tokio::test]
async fn what_may_not_be_told_any_more_goes_untold() {
    let receiver = Receiver::start(&["204 Taken"]).await;
    let world = World::new(&receiver.url, &["127.0.0.1"]).await;
    world
        .keep(News {
            communication: Some(CommunicationId::from_bytes([4; 16])),
            ..with_address(EventKind::DeliveryStatus)
        })
        .await;
    world.courier.deliver(&ID).await.unwrap();
    assert!(receiver.got().is_empty());
    assert!(world.repo.notification(&ID).unwrap().is_none());

    world.hear(&[EventKind::MethodSuspended], true).await;
    world
        .keep(News {
            delivery: Some(DeliveryId::from_bytes([5; 16])),
            method: Some(MethodId::from_bytes([6; 16])),
            ..with_address(EventKind::MethodSuspended)
        })
        .await;
    world.courier.deliver(&ID).await.unwrap();
    let body = receiver.got().remove(0).body;
    let said: serde_json::Value = serde_json::from_str(&body).unwrap();
    let said = said["data"].as_object().unwrap();
    assert!(
        said.contains_key("method") && said.contains_key("contact"),
        "{body}"
    );
    assert!(
        !said.contains_key("delivery") && !said.contains_key("address"),
        "{body}"
    );
}

#[tokio::test]
async fn done_news_is_kept_for_a_month_and_what_waits_stays() {
    let receiver = Receiver::start(&["204 Taken"]).await;
    let world = World::new(&receiver.url, &["127.0.0.1"]).await;
    let done = world.try_it().await;
    world.courier.deliver(&done).await.unwrap();
    world.keep(with_address(EventKind::DeliveryStatus)).await;
    let just_before = NEWS_KEPT_FOR.checked_sub(Duration::from_secs(1)).unwrap();
    world.clock.advance(just_before);
    assert_eq!(world.tracker.sweep_news().await.unwrap(), 0);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(world.tracker.sweep_news().await.unwrap(), 1);
    assert!(world.repo.notification(&done).unwrap().is_none());
    assert!(world.repo.notification(&ID).unwrap().is_some());
}

#[tokio::test]
async fn news_of_a_webhook_that_is_gone_is_swept() {
    let world = World::new("https://a.example", &[]).await;
    world.tracker.delete_webhook(world.webhook).await.unwrap();
    world.keep(with_address(EventKind::DeliveryStatus)).await;
    let (kept, _) = world
        .tracker
        .add_webhook(&input("https://b.example"), BY)
        .await
        .unwrap();
    assert!(world.tracker.try_webhook(kept).await.unwrap());
    assert_eq!(world.tracker.sweep_news().await.unwrap(), 1);
    assert!(world.repo.notification(&ID).unwrap().is_none());
    assert_eq!(world.repo.notification_counts(kept).unwrap(), (1, 0));
}

#[tokio::test]
async fn what_is_left_out_because_too_much_waits_is_counted() {
    let world = World::new("https://a.example", &[]).await;
    let mut batch = Batch::new();
    let waiting = keys::of_webhook(keys::NOTIFICATIONS_WAITING, world.webhook);
    batch.add(waiting, i64::try_from(NEWS_WAITING_MAX).unwrap());
    world.repo.store().commit(batch).await.unwrap();
    let tell = || {
        let (mut batch, random) = (Batch::new(), Randomness::seeded(3));
        let news = with_address(EventKind::DeliveryStatus);
        tell_programs(&mut batch, &world.repo, &random, START, &news).unwrap();
        world.repo.store().commit(batch)
    };
    tell().await.unwrap();
    tell().await.unwrap();
    assert_eq!(world.repo.news_left_out(world.webhook).unwrap(), 2);
    let kept = world.repo.notifications(world.webhook, None, 10).unwrap();
    assert!(kept.rows.is_empty());
    world.tracker.delete_webhook(world.webhook).await.unwrap();
    assert_eq!(world.repo.news_left_out(world.webhook).unwrap(), 0);
}
