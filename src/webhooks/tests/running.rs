//! The courier as it runs: places that are slow, fail, or are switched off.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::domain::News;
use crate::store::engine::KeyRange;
use crate::store::keys;

/// Longest wait for something that happens by itself.
const SOON: Duration = Duration::from_secs(10);
/// Long enough for what must not happen.
const A_WHILE: Duration = Duration::from_millis(400);

async fn until(mut holds: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(SOON, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    waited.await.expect("it does not happen");
}

impl World {
    fn run(&self) -> JoinHandle<()> {
        tokio::spawn(Arc::clone(&self.courier).run(CancellationToken::new()))
    }

    /// Puts news of no communication there.
    async fn put(&self, webhook: WebhookId, ids: std::ops::Range<u64>) {
        let mut batch = Batch::new();
        for number in ids {
            let mut id = [0; 16];
            id[8..].copy_from_slice(&number.to_be_bytes());
            batch.insert(&Notification {
                id,
                webhook,
                at: START,
                news: News::of(EventKind::DeliveryStatus),
                tries: Vec::new(),
                tried: 0,
                due: Some(START),
            });
        }
        self.repo.store().commit(batch).await.unwrap();
    }

    /// News that was put there, and has neither been tried nor changed since.
    fn untouched(&self) -> usize {
        let all = self.repo.notifications(self.webhook, None, 1000).unwrap();
        let all = all.rows.iter();
        all.filter(|one| one.due == Some(START) && one.tries.is_empty())
            .count()
    }

    fn commits(&self) -> String {
        format!("{:?}", *self.repo.store().watch_commits().borrow())
    }
}

#[tokio::test]
async fn a_slow_place_holds_up_no_other() {
    let slow = Receiver::silent().await;
    let quick = Receiver::start(&["204 Taken"]).await;
    let world = World::new(&slow.url, &["127.0.0.0/8"]).await;
    world.put(world.webhook, 0..200).await;
    let running = world.run();
    until(|| slow.got().len() == 4).await;
    let other = world.tracker.add_webhook(&input(&quick.url), BY).await;
    let (other, _) = other.unwrap();
    world.put(other, 200..220).await;
    until(|| quick.got().len() == 20).await;
    assert_eq!(slow.got().len(), 4, "no more at once than that");
    running.abort();
}

#[tokio::test]
async fn a_place_that_fails_is_left_alone_and_nothing_is_written_meanwhile() {
    let dead = Receiver::start(&["500 No"]).await;
    let world = World::new(&dead.url, &["127.0.0.0/8"]).await;
    world.put(world.webhook, 0..100).await;
    let running = world.run();
    until(|| dead.got().len() >= 4).await;
    tokio::time::sleep(A_WHILE).await;
    let (tried, commits) = (dead.got().len(), world.commits());
    assert!(tried < 8, "{tried} tries");
    assert_eq!(world.untouched(), 100 - tried);
    tokio::time::sleep(A_WHILE).await;
    assert_eq!((dead.got().len(), world.commits()), (tried, commits));
    // One goes ahead once the pause is over; another commit lets it be looked at.
    world.clock.advance(Duration::from_secs(61));
    let quick = Receiver::start(&["204 Taken"]).await;
    let other = world.tracker.add_webhook(&input(&quick.url), BY).await;
    other.unwrap();
    until(|| dead.got().len() > tried).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(dead.got().len(), tried + 1);
    running.abort();
}

#[tokio::test]
async fn a_place_that_works_again_gets_all_that_waited() {
    let ill = Receiver::start(&["500 No", "500 No", "500 No", "500 No", "204 Taken"]).await;
    let world = World::new(&ill.url, &["127.0.0.0/8"]).await;
    world.put(world.webhook, 0..60).await;
    let running = world.run();
    until(|| {
        world.clock.advance(Duration::from_secs(10));
        world.repo.notification_counts(world.webhook).unwrap() == (0, 60)
    })
    .await;
    assert_eq!(world.webhook().failing_since, None);
    running.abort();
}

#[tokio::test]
async fn whoever_asks_to_be_left_alone_gets_no_other_news_either() {
    let busy = Receiver::start(&["503 Busy\r\nretry-after: 600"]).await;
    let world = World::new(&busy.url, &["127.0.0.0/8"]).await;
    world.put(world.webhook, 0..50).await;
    let running = world.run();
    until(|| !busy.got().is_empty()).await;
    tokio::time::sleep(A_WHILE).await;
    let tried = busy.got().len();
    assert!(tried <= 4, "{tried} tries");
    running.abort();
}

#[tokio::test]
async fn another_address_is_spoken_to_at_once() {
    let dead = Receiver::start(&["500 No"]).await;
    let quick = Receiver::start(&["204 Taken"]).await;
    let world = World::new(&dead.url, &["127.0.0.0/8"]).await;
    world.put(world.webhook, 0..20).await;
    let running = world.run();
    until(|| dead.got().len() >= 4).await;
    tokio::time::sleep(A_WHILE).await;
    let (tracker, place) = (&world.tracker, input(&quick.url));
    tracker.change_webhook(world.webhook, &place).await.unwrap();
    assert_eq!(world.webhook().failing_since, None);
    until(|| !quick.got().is_empty()).await;
    running.abort();
}

#[tokio::test]
async fn what_waits_for_a_place_that_is_off_is_given_up_and_swept() {
    let quick = Receiver::start(&["204 Taken"]).await;
    let world = World::new(&quick.url, &["127.0.0.0/8"]).await;
    world.put(world.webhook, 0..NEWS_KEPT_MAX + 300).await;
    let off = world.tracker.switch_webhook(world.webhook, false);
    off.await.unwrap();
    let running = world.run();
    let counts = || world.repo.notification_counts(world.webhook).unwrap();
    until(|| counts().0 == 0 && counts().1 <= NEWS_KEPT_MAX).await;
    assert!(quick.got().is_empty());
    running.abort();
    let report = crate::store::check::check(world.repo.store()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
}

#[tokio::test]
async fn what_the_old_address_answered_says_nothing_of_the_new_one() {
    let world = World::new("http://127.0.0.1:9/old", &["127.0.0.0/8"]).await;
    let id = world.try_it().await;
    let old = world.webhook().input.url;
    let new = input("http://127.0.0.1:9/new");
    let changed = world.tracker.change_webhook(world.webhook, &new);
    changed.await.unwrap();
    let gone = Try {
        at: START,
        took_ms: 20_000,
        outcome: TryOutcome::Answered(410),
    };
    let written = world.courier.record(&id, &old, (gone, None)).await;
    written.unwrap();
    assert_eq!(world.webhook().disabled, None);
    assert_eq!(world.webhook().failing_since, None);
    assert!(world.news(&id).due.is_some(), "it is tried at the new one");
}

#[tokio::test]
async fn the_same_address_goes_on_failing_whatever_else_changes() {
    let world = World::new("http://127.0.0.1:9/in", &[]).await;
    let id = world.try_it().await;
    world.courier.deliver(&id).await.unwrap();
    assert_eq!(world.webhook().failing_since, Some(START));
    let mut same = world.webhook().input;
    same.name = "Other".to_owned();
    let tracker = &world.tracker;
    tracker.change_webhook(world.webhook, &same).await.unwrap();
    assert_eq!(world.webhook().failing_since, Some(START));
}

#[tokio::test]
async fn no_more_webhooks_are_made_at_once_than_there_may_be() {
    use crate::domain::webhook::WEBHOOKS_MAX;
    let world = World::new("https://a.example", &[]).await;
    let one = input("https://a.example");
    for _ in 2..WEBHOOKS_MAX {
        world.tracker.add_webhook(&one, BY).await.unwrap();
    }
    let add = || world.tracker.add_webhook(&one, BY);
    let made = tokio::join!(add(), add(), add());
    let made = [made.0.is_ok(), made.1.is_ok(), made.2.is_ok()];
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
    let all = KeyRange::prefix(keys::WEBHOOK);
    let rows = world.repo.store().scan(all, 100).unwrap();
    assert_eq!(rows.len(), WEBHOOKS_MAX);
}
