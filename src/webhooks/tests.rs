//! The courier against small receivers on loopback.

#![allow(clippy::unwrap_used)]

mod running;
mod told;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::clock::VirtualClock;
use crate::domain::suspension::SuspensionPolicy;
use crate::domain::webhook::{
    DisabledWhy, FAILING_MAX, NEWS_KEPT_MAX, RETRY_AFTER, SECRETS_MAX, check_url,
};
use crate::domain::{EventKind, Redacted, UserId, WebhookId, WebhookInput};
use crate::net::https::Guard;
use crate::net::tls_client::client_config;
use crate::store::{Batch, RowBatch, Store};
use crate::tracker::{PromptSettings, Refusal, Tracker, TrackerError, TrackerSettings};

const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// What a receiver got.
#[derive(Clone, Debug)]
struct Got {
    head: String,
    body: String,
}

impl Got {
    async fn read(stream: &mut TcpStream) -> Self {
        let mut text = String::new();
        loop {
            let mut more = [0; 4096];
            let count = stream.read(&mut more).await.unwrap();
            assert!(count > 0, "it broke off: {text}");
            text.push_str(std::str::from_utf8(&more[..count]).unwrap());
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let got = Self {
                head: head.to_owned(),
                body: body.to_owned(),
            };
            if got.header("content-length") == body.len().to_string() {
                return got;
            }
        }
    }

    fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} in {}", self.head))
            .trim_start_matches(": ")
    }
}

/// Answers with one status after the other, the last one for ever.
struct Receiver {
    url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    async fn start(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let kept = Arc::clone(&got);
        let count = AtomicUsize::new(0);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let got = Got::read(&mut stream).await;
                kept.lock().unwrap().push(got);
                let index = count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
                let answer = format!("HTTP/1.1 {}\r\ncontent-length: 0\r\n\r\n", answers[index]);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, got }
    }

    /// Takes what comes, and says nothing.
    async fn silent() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let kept = Arc::clone(&got);
        tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let got = Got::read(&mut stream).await;
                kept.lock().unwrap().push(got);
                open.push(stream);
            }
        });
        Self { url, got }
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

struct World {
    clock: Arc<VirtualClock>,
    repo: Repo,
    tracker: Tracker,
    courier: Arc<Courier>,
    webhook: WebhookId,
}

fn input(url: &str) -> WebhookInput {
    WebhookInput {
        name: "Control room".to_owned(),
        url: Redacted::new(url.to_owned()),
        events: vec![EventKind::DeliveryStatus],
        addresses: false,
    }
}

const BY: UserId = UserId::from_bytes([8; 16]);

impl World {
    async fn new(url: &str, networks: &[&str]) -> Self {
        let clock = VirtualClock::standing(START);
        let repo = Repo::new(Store::memory());
        let random = Randomness::seeded(7);
        let settings = TrackerSettings {
            categories: Vec::new(),
            suspension: SuspensionPolicy::default(),
            prompts: PromptSettings::default(),
        };
        let tracker = Tracker::new(repo.clone(), clock.clone(), random.fork(), settings);
        let networks: Vec<String> = networks.iter().map(|&one| one.to_owned()).collect();
        let guard = Guard::with(&networks).unwrap();
        let client = HttpsClient::new(client_config(true).unwrap(), guard, ANSWER_TIMEOUT);
        let courier = Arc::new(Courier::new(repo.clone(), clock.clone(), random, client));
        let (webhook, _) = tracker.add_webhook(&input(url), BY).await.unwrap();
        Self {
            clock,
            repo,
            tracker,
            courier,
            webhook,
        }
    }

    /// Sends a word; its id.
    async fn try_it(&self) -> [u8; 16] {
        assert!(self.tracker.try_webhook(self.webhook).await.unwrap());
        let newest = self.repo.notifications(self.webhook, None, 1).unwrap();
        newest.rows[0].id
    }

    fn news(&self, id: &[u8; 16]) -> Notification {
        self.repo.notification(id).unwrap().unwrap().value
    }

    fn webhook(&self) -> Webhook {
        self.repo.webhook(self.webhook).unwrap().unwrap().value
    }
}

#[tokio::test]
async fn news_is_signed_and_sent_until_it_is_taken() {
    let receiver = Receiver::start(&["500 No", "503 Busy", "204 Taken"]).await;
    let world = World::new(&receiver.url, &["127.0.0.0/8"]).await;
    let id = world.try_it().await;
    world.courier.deliver(&id).await.unwrap();
    let failed = world.news(&id);
    let wait = failed.due.unwrap().since(START);
    assert!(wait >= RETRY_AFTER[0] && wait <= RETRY_AFTER[0] * 6 / 5);
    assert_eq!(world.webhook().failing_since, Some(START));
    world.clock.advance(Duration::from_secs(6));
    world.courier.deliver(&id).await.unwrap();
    world.clock.advance(Duration::from_secs(600));
    world.courier.deliver(&id).await.unwrap();
    let taken = world.news(&id);
    let outcomes: Vec<u16> = taken.tries.iter().map(|one| one.outcome.code()).collect();
    assert_eq!(outcomes, [500, 503, 204]);
    assert!(taken.is_taken() && taken.due.is_none());
    assert_eq!(world.webhook().failing_since, None);
    let got = receiver.got();
    assert_eq!(got.len(), 3);
    for one in &got {
        assert_eq!(one.header("webhook-id"), taken.message_id());
        assert_eq!(one.body, got[0].body, "each try says the same");
    }
    let secrets = world.webhook().secrets;
    let signed = signature(&secrets, &taken.message_id(), START, got[0].body.as_bytes());
    assert_eq!(got[0].header("webhook-signature"), signed);
    assert_eq!(
        got[0].header("webhook-timestamp"),
        START.as_secs().to_string()
    );
    let said: serde_json::Value = serde_json::from_str(&got[0].body).unwrap();
    assert_eq!(said["type"], "webhook.test");
    assert_eq!(said["data"]["webhook"], world.webhook.to_string());
}

#[tokio::test]
async fn whoever_asks_to_wait_is_left_alone_that_long() {
    let receiver = Receiver::start(&["429 Slow\r\nretry-after: 3600"]).await;
    let world = World::new(&receiver.url, &["127.0.0.1"]).await;
    let id = world.try_it().await;
    world.courier.deliver(&id).await.unwrap();
    let due = world.news(&id).due.unwrap();
    assert!(due.since(START) >= Duration::from_secs(3600));
}

#[tokio::test]
async fn a_place_that_is_gone_or_dead_for_days_is_switched_off() {
    let receiver = Receiver::start(&["410 Gone"]).await;
    let world = World::new(&receiver.url, &["127.0.0.1"]).await;
    let id = world.try_it().await;
    world.courier.deliver(&id).await.unwrap();
    assert_eq!(world.webhook().disabled.unwrap().why, DisabledWhy::Gone);
    assert_eq!(world.news(&id).due, None);
    assert!(!world.tracker.try_webhook(world.webhook).await.unwrap());

    let receiver = Receiver::start(&["500 No"]).await;
    let world = World::new(&receiver.url, &["127.0.0.1"]).await;
    let id = world.try_it().await;
    world.courier.deliver(&id).await.unwrap();
    let waiting = world.try_it().await;
    for _ in 0..4 {
        assert_eq!(world.webhook().disabled, None);
        world.clock.advance(FAILING_MAX / 4);
        world.courier.deliver(&id).await.unwrap();
    }
    assert_eq!(world.webhook().disabled.unwrap().why, DisabledWhy::Failing);
    world.courier.deliver(&waiting).await.unwrap();
    assert_eq!(world.news(&waiting).due, None, "nothing more is sent there");
    assert_eq!(receiver.got().len(), 5);
    let tracker = &world.tracker;
    let again = || tracker.resend_news(world.webhook, waiting);
    assert!(!again().await.unwrap(), "it is switched off");
    assert_eq!(world.news(&waiting).due, None);
    tracker.switch_webhook(world.webhook, true).await.unwrap();
    assert!(again().await.unwrap());
    world.courier.deliver(&waiting).await.unwrap();
    assert_eq!(receiver.got().len(), 6);
    let chain = world.repo.store().chain_head().unwrap();
    assert_eq!(chain.number, 1, "that it was switched off is on record");
}

#[tokio::test]
async fn doors_inside_the_house_stay_shut_unless_the_installation_opens_them() {
    let receiver = Receiver::start(&["204 Taken"]).await;
    let world = World::new(&receiver.url, &[]).await;
    let id = world.try_it().await;
    world.courier.deliver(&id).await.unwrap();
    let tries = world.news(&id).tries;
    assert_eq!(tries[0].outcome, TryOutcome::Refused);
    assert!(receiver.got().is_empty());
}

#[tokio::test]
async fn both_secrets_sign_while_one_takes_the_place_of_the_other() {
    let receiver = Receiver::start(&["204 Taken"]).await;
    let world = World::new(&receiver.url, &["127.0.0.1"]).await;
    world
        .tracker
        .renew_webhook_secret(world.webhook)
        .await
        .unwrap();
    let id = world.try_it().await;
    world.courier.deliver(&id).await.unwrap();
    world
        .tracker
        .end_webhook_secret(world.webhook)
        .await
        .unwrap();
    let id = world.try_it().await;
    world.courier.deliver(&id).await.unwrap();
    let signatures = |got: &Got| got.header("webhook-signature").split(' ').count();
    let counts: Vec<usize> = receiver.got().iter().map(signatures).collect();
    assert_eq!(counts, [2, 1]);
}

#[test]
fn what_is_taken_as_an_address_can_be_spoken_to() {
    for (url, good) in [
        ("https://a.example", true),
        ("https://a.example:/in", true),
        ("https://a_b.example:65535/in?key=[1]", true),
        ("https://[2001:db8::1]:8443", true),
        ("https://192.0.2.1:1/", true),
        ("https://a.example:84430/", false),
        ("https://a.example:0/", false),
        ("https://a.example:+443/", false),
        ("https://a.example:1:2/", false),
        ("https://:443/", false),
        ("https://[::1", false),
        ("https://[::1]1/", false),
        ("https://[a.example]/", false),
        ("https://a%20b.example/", false),
    ] {
        assert_eq!(check_url(url, false).is_ok(), good, "{url}");
        assert!(!good || Target::parse(url).is_ok(), "{url}");
    }
}

#[tokio::test]
async fn no_secret_ends_by_itself() {
    let receiver = Receiver::start(&["204 Taken"]).await;
    let world = World::new(&receiver.url, &["127.0.0.1"]).await;
    let first = world.webhook().secrets.remove(0);
    for _ in 1..SECRETS_MAX {
        let renewed = world.tracker.renew_webhook_secret(world.webhook).await;
        renewed.unwrap();
    }
    let refused = world.tracker.renew_webhook_secret(world.webhook).await;
    assert!(matches!(
        refused,
        Err(TrackerError::Refused(Refusal::TooMany))
    ));
    assert_eq!(world.webhook().secrets.last(), Some(&first));
    let id = world.try_it().await;
    world.courier.deliver(&id).await.unwrap();
    let got = receiver.got().remove(0);
    let of_first = signature(
        &[first],
        &world.news(&id).message_id(),
        START,
        got.body.as_bytes(),
    );
    let header = got.header("webhook-signature");
    assert!(header.split(' ').any(|one| one == of_first), "{header}");
}

#[tokio::test]
async fn old_news_goes_and_a_webhook_takes_its_news_with_it() {
    let receiver = Receiver::start(&["204 Taken"]).await;
    let world = World::new(&receiver.url, &["127.0.0.1"]).await;
    let mut batch = Batch::new();
    for number in 0..NEWS_KEPT_MAX {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        batch.insert(&Notification {
            id,
            webhook: world.webhook,
            at: Timestamp::from_millis(number),
            news: crate::domain::News::of(EventKind::Test),
            tries: Vec::new(),
            tried: 0,
            due: None,
        });
    }
    world.repo.store().commit(batch).await.unwrap();
    let id = world.try_it().await;
    world.courier.deliver(&id).await.unwrap();
    let (waiting, done) = world.repo.notification_counts(world.webhook).unwrap();
    assert!(waiting == 0 && done <= NEWS_KEPT_MAX, "{waiting} {done}");
    assert!(world.repo.notification(&[0; 16]).unwrap().is_none());
    world.tracker.delete_webhook(world.webhook).await.unwrap();
    assert!(world.repo.webhooks().unwrap().is_empty());
    assert_eq!(
        world.repo.notification_counts(world.webhook).unwrap(),
        (0, 0)
    );
    let report = crate::store::check::check(world.repo.store()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
}
