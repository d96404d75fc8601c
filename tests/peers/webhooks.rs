//! What programs are told, checked by the library of Standard Webhooks for another language (npm's
//! `standardwebhooks`).

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tocsin::clock::{Randomness, SharedClock, SystemClock};
use tocsin::domain::suspension::SuspensionPolicy;
use tocsin::domain::webhook::secret_text;
use tocsin::domain::{EventKind, Redacted, UserId, WebhookInput};
use tocsin::net::https::{Guard, HttpsClient};
use tocsin::net::tls_client::client_config;
use tocsin::store::{Repo, Store};
use tocsin::tracker::{PromptSettings, Tracker, TrackerSettings};
use tocsin::webhooks::{ANSWER_TIMEOUT, Courier};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::skip::skip;

/// Longest wait for a line of the receiver.
const LINE_TIMEOUT: Duration = Duration::from_secs(30);

struct Receiver {
    _process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: u64,
}

impl Receiver {
    async fn start(secrets: &[String]) -> Option<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers/webhooks");
        if !folder.join("node_modules").is_dir() {
            skip(&format!("npm ci --prefix {}", folder.display()));
            return None;
        }
        let process = Command::new("node")
            .arg(folder.join("receiver.mjs"))
            .args(secrets)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let Ok(mut process) = process else {
            skip("node is not installed");
            return None;
        };
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut receiver = Self {
            _process: process,
            lines,
            port: 0,
        };
        receiver.port = receiver.line().await["port"].as_u64().unwrap();
        Some(receiver)
    }

    async fn line(&mut self) -> Value {
        let line = timeout(LINE_TIMEOUT, self.lines.next_line()).await;
        let line = line.expect("the receiver says nothing").unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

struct House {
    repo: Repo,
    tracker: Tracker,
    courier: Courier,
}

impl House {
    fn new() -> Self {
        let clock: SharedClock = SystemClock::shared();
        let repo = Repo::new(Store::memory());
        let random = Randomness::from_os().unwrap();
        let settings = TrackerSettings {
            categories: Vec::new(),
            suspension: SuspensionPolicy::default(),
            prompts: PromptSettings::default(),
        };
        let tracker = Tracker::new(repo.clone(), clock.clone(), random.fork(), settings);
        let guard = Guard::with(&["127.0.0.0/8".to_owned()]).unwrap();
        let client = HttpsClient::new(client_config(true).unwrap(), guard, ANSWER_TIMEOUT);
        let courier = Courier::new(repo.clone(), clock, random, client);
        Self {
            repo,
            tracker,
            courier,
        }
    }
}

fn input(port: u64) -> WebhookInput {
    WebhookInput {
        name: "npm".to_owned(),
        url: Redacted::new(format!("http://127.0.0.1:{port}/in")),
        events: vec![EventKind::DeliveryStatus],
        addresses: false,
    }
}

#[tokio::test]
async fn the_library_of_standard_webhooks_takes_our_signatures_and_no_changed_byte() {
    let house = House::new();
    let tracker = &house.tracker;
    let by = UserId::from_bytes([1; 16]);
    let (id, old) = tracker.add_webhook(&input(1), by).await.unwrap();
    let new = tracker.renew_webhook_secret(id).await.unwrap();
    let secrets = [old, new].map(|secret| secret_text(secret.reveal()));
    let Some(mut receiver) = Receiver::start(&secrets).await else {
        return;
    };
    let place = input(receiver.port);
    tracker.change_webhook(id, &place).await.unwrap();
    for good in [[true, true], [false, true]] {
        assert!(tracker.try_webhook(id).await.unwrap());
        let news = house.repo.notifications(id, None, 1).unwrap().rows[0].id;
        house.courier.deliver(&news).await.unwrap();
        let line = receiver.line().await;
        assert_eq!(line["type"], "webhook.test");
        assert_eq!(line["good"], serde_json::json!(good));
        assert_eq!(line["changed"], false, "a changed byte was taken");
        assert_eq!(line["other"], false, "another id was taken");
        let news = house.repo.notification(&news).unwrap().unwrap();
        assert!(news.is_taken());
        tracker.end_webhook_secret(id).await.unwrap();
    }
}
