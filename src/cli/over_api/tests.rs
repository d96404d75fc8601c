//! The commands against the console, served on a port of its own.

mod afterwards;
mod files;

use std::net::SocketAddr;

use clap::Parser;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::super::{Arguments, Command};
use super::*;
use crate::domain::{Channel, ContactId, Status, TextStatus};
use crate::http::tests::api::program;
use crate::http::tests::world::{World, patient_world};
use crate::http::{Limits, serve};

/// A console that is asked by the commands.
struct Served {
    world: World,
    address: SocketAddr,
    token: String,
    stop: CancellationToken,
}

/// What a command came to: its exit code, what it printed, and what it said of a failure.
struct Said {
    code: u8,
    out: String,
    failure: String,
}

async fn served() -> Served {
    let world = patient_world().await;
    let token = program(&world, "otto").await.token;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let limits = Limits {
        connections_max: 10,
    };
    let router = world.router.clone();
    tokio::spawn(serve(listener, router, limits, None, stop.clone()));
    Served {
        world,
        address,
        token,
        stop,
    }
}

async fn run_with(words: &[&str], token: &str) -> Said {
    let words = std::iter::once(&"tocsin").chain(words);
    let command = Arguments::try_parse_from(words).unwrap().command;
    let mut out = Vec::new();
    let gateway = |connection| Gateway::of(connection, Some(token.to_owned()));
    let (json, done) = match &command {
        Command::Send(asked) => match gateway(&asked.connection) {
            Ok(gateway) => (gateway.json, send::run(asked, &gateway, &mut out).await),
            Err(failure) => (false, Err(failure)),
        },
        Command::Status(asked) => match gateway(&asked.connection) {
            Ok(gateway) => (gateway.json, status::run(asked, &gateway, &mut out).await),
            Err(failure) => (false, Err(failure)),
        },
        Command::Contacts(asked) => match gateway(&asked.connection) {
            Ok(gateway) => (gateway.json, contacts::run(asked, &gateway, &mut out).await),
            Err(failure) => (false, Err(failure)),
        },
        other => panic!("{other:?} does not ask over the API"),
    };
    let (code, failure) = match done {
        Ok(code) => (code, String::new()),
        Err(failure) => (failure.exit_code(), failure.told(json)),
    };
    Said {
        code,
        out: String::from_utf8(out).unwrap(),
        failure,
    }
}

impl Served {
    async fn run(&self, words: &[&str]) -> Said {
        let url = format!("http://{}/", self.address);
        let mut all = words.to_vec();
        all.extend(["--url", &url]);
        run_with(&all, &self.token).await
    }

    /// Runs what has to be done.
    async fn done(&self, words: &[&str]) -> String {
        let said = self.run(words).await;
        assert_eq!(said.code, 0, "{words:?}: {}", said.failure);
        said.out
    }

    /// Those who have a mobile number.
    fn two_with_mobiles(&self) -> [ContactId; 2] {
        let mut found = self.world.contacts.iter().copied().filter(|id| {
            let contact = self.world.repo.contact(*id).unwrap().unwrap();
            contact
                .methods
                .iter()
                .any(|one| one.kind.as_str() == "mobile")
        });
        [found.next().unwrap(), found.next().unwrap()]
    }

    /// A text to these two, sent and turned into messages; its id.
    async fn text_to(&self, people: &[ContactId]) -> String {
        let people: Vec<String> = people.iter().map(ToString::to_string).collect();
        let mut words = vec![
            "send",
            "--category",
            "general",
            "--sms-text",
            "The river rises.",
            "--yes",
            "--json",
        ];
        for one in &people {
            words.extend(["--to", one]);
        }
        let text = self.done(&words).await;
        let sent: Value = serde_json::from_str(&text).unwrap();
        self.world.expand().await;
        sent["id"].as_str().unwrap().to_owned()
    }

    /// Lets the text to a person fail.
    async fn fail(&self, contact: ContactId) {
        for delivery in self.world.deliveries(contact) {
            assert_eq!(delivery.channel, Channel::Text);
            self.world
                .walk(&delivery, &[Status::Text(TextStatus::Queued)])
                .await;
            self.world.fail_text(&delivery).await;
        }
    }

    async fn arrive(&self, contact: ContactId) {
        for delivery in self.world.deliveries(contact) {
            self.world.arrive(&delivery).await;
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn an_alert_to_an_area_is_sent_by_the_channels_for_which_something_is_said() {
    let served = served().await;
    let out = served
        .done(&[
            "send",
            "--category",
            "alert",
            "--subject",
            "Flood warning",
            "--text",
            "The river is rising.",
            "--voice-script",
            "The river is rising.",
            "--area",
            crate::sim::people::COUNTY,
            "--emergency",
            "--yes",
        ])
        .await;
    let people = served.world.contacts.len();
    assert!(out.contains("Flood warning"), "{out}");
    assert!(out.contains(&format!("people       {people}\n")), "{out}");
    let id = out.split_whitespace().next().unwrap();
    let json = served.done(&["status", id, "--json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["channels"], serde_json::json!(["email", "call"]));
    assert_eq!(
        json["audience"]["areas"],
        serde_json::json!([served.world.county.to_string()])
    );
    let listed = served.done(&["status"]).await;
    assert!(listed.starts_with("ID ") && listed.contains(id), "{listed}");
}

#[tokio::test]
async fn the_exit_code_says_who_was_reached() {
    let served = served().await;
    let two = served.two_with_mobiles();
    let id = served.text_to(&two).await;
    assert_eq!(served.run(&["status", &id, "--check"]).await.code, 12);
    let waited = served
        .run(&["status", &id, "--wait", "--timeout", "0"])
        .await;
    assert_eq!(waited.code, 12, "{}", waited.out);
    served.arrive(two[0]).await;
    served.fail(two[1]).await;
    let said = served.run(&["status", &id, "--check"]).await;
    assert_eq!(said.code, 10, "{}", said.out);
    assert!(
        said.out.contains("reached      1\n") && said.out.contains("not reached  1\n"),
        "{}",
        said.out
    );
    assert_eq!(served.run(&["status", &id]).await.code, 0, "nobody asked");
}

#[tokio::test]
async fn it_is_waited_for_until_nothing_is_under_way() {
    let served = served().await;
    let [one, _] = served.two_with_mobiles();
    let id = served.text_to(&[one]).await;
    let waiting = ["status", &id, "--wait"];
    let (said, ()) = tokio::join!(served.run(&waiting), served.arrive(one));
    assert_eq!(said.code, 0, "{}", said.out);
    let id = served.text_to(&[one]).await;
    let first = served.world.deliveries(one);
    let newest = first.iter().find(|one| one.communication.to_string() == id);
    let newest = newest.unwrap();
    served
        .world
        .walk(newest, &[Status::Text(TextStatus::Queued)])
        .await;
    served.world.fail_text(newest).await;
    assert_eq!(served.run(&["status", &id, "--check"]).await.code, 11);
}

#[tokio::test]
async fn asked_again_with_its_key_it_is_sent_once() {
    let served = served().await;
    let [one, _] = served.two_with_mobiles();
    let one = one.to_string();
    let words = [
        "send",
        "--category",
        "general",
        "--sms-text",
        "Once.",
        "--to",
        &one,
        "--key",
        "k-1",
        "--json",
    ];
    let unconfirmed = served.run(&words).await;
    assert_eq!(unconfirmed.code, 9, "{}", unconfirmed.failure);
    assert!(
        unconfirmed.failure.contains("--key k-1"),
        "{}",
        unconfirmed.failure
    );
    let review: Value = serde_json::from_str(&unconfirmed.out).unwrap();
    assert_eq!(review["people"], 1);
    let confirmed = [&words[..], &["--yes"]].concat();
    let first: Value = serde_json::from_str(&served.done(&confirmed).await).unwrap();
    let second: Value = serde_json::from_str(&served.done(&confirmed).await).unwrap();
    assert_eq!(first["id"], second["id"]);
    served.world.expand().await;
    let contact = one.parse().unwrap();
    assert_eq!(served.world.deliveries(contact).len(), 1);
}

#[tokio::test]
async fn what_was_refused_is_said_with_its_fields_and_a_code_of_its_own() {
    let served = served().await;
    let [one, _] = served.two_with_mobiles();
    let one = one.to_string();
    let wrong = served
        .run(&[
            "send",
            "--category",
            "none",
            "--sms-text",
            "x",
            "--to",
            &one,
            "--yes",
            "--key",
            "k-2",
        ])
        .await;
    assert_eq!(wrong.code, 5);
    assert!(
        wrong.failure.contains("  category: The categories are"),
        "{}",
        wrong.failure
    );
    let hint = wrong.failure.contains("--key");
    assert!(!hint, "the same is refused again: {}", wrong.failure);
    let empty = served
        .run(&["send", "--category", "general", "--to", &one, "--yes"])
        .await;
    assert_eq!(empty.code, 5, "{}", empty.failure);
    let none = "0".repeat(32);
    let missing = served.run(&["status", &none, "--json"]).await;
    assert_eq!(missing.code, 6);
    let problem: Value = serde_json::from_str(&missing.failure).unwrap();
    assert_eq!(problem["type"], "urn:tocsin:problem:not-found");
    let unknown = served
        .run(&[
            "send",
            "--category",
            "general",
            "--sms-text",
            "x",
            "--group",
            "Nobody",
            "--yes",
        ])
        .await;
    assert_eq!(unknown.code, 6, "{}", unknown.failure);
    let url = format!("http://{}", served.address);
    let stranger = run_with(&["status", "--url", &url], "tocsin_other").await;
    assert_eq!(stranger.code, 4);
    assert!(
        stranger.failure.contains("No valid token"),
        "{}",
        stranger.failure
    );
    assert!(!stranger.failure.contains("tocsin_other"));
}

#[tokio::test]
async fn what_may_not_be_counted_is_refused() {
    let served = served().await;
    let [one, _] = served.two_with_mobiles();
    let one = one.to_string();
    for (flag, said) in [
        ("--track-opens", "  tracking.opens: Openings may not"),
        ("--track-clicks", "  tracking.clicks: Links may not"),
    ] {
        let words = [
            "send",
            "--category",
            "general",
            "--sms-text",
            "x",
            "--to",
            &one,
        ];
        let mut words = words.to_vec();
        words.extend([flag, "--yes"]);
        let refused = served.run(&words).await;
        assert_eq!(refused.code, 5, "{}", refused.failure);
        assert!(refused.failure.contains(said), "{}", refused.failure);
    }
}

#[tokio::test]
async fn no_answer_is_told_apart_and_no_token_goes_to_other_machines_unencrypted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let silent = run_with(&["status", "--url", &url], "tocsin_x").await;
    assert_eq!(silent.code, 3, "{}", silent.failure);
    let away = run_with(&["status", "--url", "http://192.0.2.1:9"], "tocsin_x").await;
    assert_eq!(away.code, 3);
    assert!(
        away.failure.contains("may be spoken to"),
        "{}",
        away.failure
    );
    let wrong = run_with(&["status", "--url", "ftp://localhost"], "tocsin_x").await;
    assert_eq!(wrong.code, 1, "{}", wrong.failure);
}

#[tokio::test]
async fn contacts_are_added_found_shown_and_exported() {
    let served = served().await;
    let id = served
        .done(&[
            "contacts",
            "add",
            "--first-name",
            "Zadie",
            "--last-name",
            "Quillfeather",
            "--email",
            "zadie@mail.example",
            "--area",
            crate::sim::people::AREAS[0],
        ])
        .await;
    let id = id.trim();
    let shown = served.done(&["contacts", "show", id]).await;
    for part in [
        "Zadie Quillfeather",
        crate::sim::people::AREAS[0],
        "zadie@mail.example",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    let found = served.done(&["contacts", "search", "Quillfeather"]).await;
    assert!(found.lines().count() == 2 && found.contains(id), "{found}");
    let page = served.done(&["contacts", "list", "--limit", "2"]).await;
    let cursor = page.split("--cursor ").nth(1).unwrap().trim();
    let next = served
        .done(&["contacts", "list", "--limit", "2", "--cursor", cursor])
        .await;
    assert!(
        next.starts_with("ID ") && next.lines().nth(1) != page.lines().nth(1),
        "{next}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("contacts.csv");
    let export = ["contacts", "export", "--search", "Quillfeather"];
    let text = served.done(&export).await;
    let path = file.to_str().unwrap();
    served.done(&[&export[..], &["--out", path]].concat()).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    assert!(
        text.contains("zadie@mail.example") && text.lines().count() == 2,
        "{text}"
    );
    let json = served.done(&["contacts", "show", id, "--json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["first_name"], "Zadie");
}
