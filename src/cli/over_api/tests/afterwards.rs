//! What is said when it has been sent, or cannot be known to be: nobody may be called twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Json;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::json;

use super::*;

const ID: &str = "0123456789abcdef0123456789abcdef";

/// A gateway that sends, and says nothing more behind that.
async fn fails_behind_sending() -> String {
    let sent = Arc::new(AtomicBool::new(false));
    let (seen, done) = (Arc::clone(&sent), sent);
    let look = move || {
        let gone = seen.load(Ordering::SeqCst);
        async move {
            let draft = json!({ "id": ID, "title": "", "state": "draft", "modified_at": "1",
                "sent_at": null, "statistics": null });
            let busy = json!({ "type": "x", "title": "Unavailable", "status": 503, "detail": "" });
            if gone {
                (StatusCode::SERVICE_UNAVAILABLE, Json(busy))
            } else {
                (StatusCode::OK, Json(draft))
            }
        }
    };
    let review = json!({ "people": 1, "channels": [], "cannot_reach_count": 0,
        "needs_approval": false, "errors": [], "warnings": [] });
    let send = move || {
        done.store(true, Ordering::SeqCst);
        async { Json(json!({})) }
    };
    let made = || async { (StatusCode::CREATED, Json(json!({ "id": ID }))) };
    let one = format!("/api/v1/communications/{ID}");
    let router = axum::Router::new()
        .route("/api/v1/communications", post(made))
        .route(&one, get(look))
        .route(&format!("{one}/review"), get(|| async { Json(review) }))
        .route(&format!("{one}/send"), post(send));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn sending<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let words = ["send", "--category", "alert", "--sms-text", "x", "--yes"];
    [&words[..], &["--key", "k-1", "--url", url], more].concat()
}

#[tokio::test]
async fn what_was_sent_is_not_reported_as_if_it_was_not() {
    let url = fails_behind_sending().await;
    let said = run_with(&sending(&url, &[]), "tocsin_x").await;
    assert_eq!(said.code, 0, "{}", said.failure);
    assert_eq!(said.out.trim(), ID);
    for part in [ID, "sent as", "--key k-1", "not to be sent again"] {
        assert!(said.failure.contains(part), "{part}: {}", said.failure);
    }
    let url = fails_behind_sending().await;
    let waiting = ["--wait", "--timeout", "0"];
    let said = run_with(&sending(&url, &waiting), "tocsin_x").await;
    assert_eq!(said.code, 13, "{}", said.failure);
    assert!(said.out.starts_with(ID), "{}", said.out);
    let url = fails_behind_sending().await;
    let said = run_with(&sending(&url, &["--json"]), "tocsin_x").await;
    assert_eq!(said.code, 0);
    let out: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(out["id"], ID);
}

/// Nobody reads what is written.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
}

#[tokio::test]
async fn a_reader_who_has_gone_is_no_reason_to_send_it_twice() {
    let served = served().await;
    let [one, _] = served.two_with_mobiles();
    let url = format!("http://{}", served.address);
    let one = one.to_string();
    let words = sending(&url, &["--to", &one]);
    let words = words
        .into_iter()
        .map(|word| if word == "alert" { "general" } else { word });
    let command = Arguments::try_parse_from(std::iter::once("tocsin").chain(words));
    let Command::Send(asked) = command.unwrap().command else {
        panic!("it sends");
    };
    let gateway = Gateway::of(&asked.connection, Some(served.token.clone())).unwrap();
    let failure = send::run(&asked, &gateway, &mut Closed).await.unwrap_err();
    assert_eq!(failure.exit_code(), 0);
    assert!(!failure.is_end_of_reader(), "its id is still to be said");
    served.world.expand().await;
    let sent = served.world.deliveries(one.parse().unwrap()).remove(0);
    let id = sent.communication.to_string();
    assert!(failure.told(false).contains(&id), "{}", failure.told(false));
    let Command::Status(asked) = Arguments::try_parse_from(["tocsin", "status", "--url", &url])
        .unwrap()
        .command
    else {
        panic!("it asks");
    };
    let failure = status::run(&asked, &gateway, &mut Closed)
        .await
        .unwrap_err();
    assert!(failure.is_end_of_reader(), "there is nothing to be said");
}

#[tokio::test]
async fn numbers_that_are_not_for_a_token_are_not_waited_for() {
    let served = served().await;
    let [one, _] = served.two_with_mobiles();
    let id = served.text_to(&[one]).await;
    let county = served.world.county;
    served
        .world
        .change_user("otto", |user| user.areas = vec![county])
        .await;
    let waiting = ["status", &id, "--wait"];
    let said = tokio::time::timeout(Duration::from_secs(20), served.run(&waiting)).await;
    let said = said.expect("there is nothing to wait for");
    assert_eq!(said.code, 13, "{} {}", said.out, said.failure);
    assert!(said.out.contains("not told to this token"), "{}", said.out);
}

#[tokio::test]
async fn a_draft_is_not_waited_for() {
    let served = served().await;
    let [one, _] = served.two_with_mobiles();
    let one = one.to_string();
    let words = [
        "send",
        "--category",
        "general",
        "--sms-text",
        "x",
        "--to",
        &one,
    ];
    let unconfirmed = served.run(&words).await;
    assert_eq!(unconfirmed.code, 9);
    let kept = unconfirmed.failure.split("as draft ").nth(1).unwrap();
    let id = kept.split('.').next().unwrap();
    let waiting = ["status", id, "--wait"];
    let said = tokio::time::timeout(Duration::from_secs(20), served.run(&waiting)).await;
    let said = said.expect("there is nothing to wait for");
    assert_eq!(said.code, 14, "{} {}", said.out, said.failure);
}

#[tokio::test]
async fn the_key_is_told_where_it_helps_and_within_the_document() {
    let busy = || async {
        let problem = json!({ "type": "x", "title": "Busy", "status": 503, "detail": "d" });
        (StatusCode::SERVICE_UNAVAILABLE, Json(problem))
    };
    let router = axum::Router::new().route("/api/v1/communications", post(busy));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let said = run_with(&sending(&url, &[]), "tocsin_x").await;
    assert_eq!(said.code, 8);
    assert!(said.failure.ends_with("--key k-1\n"), "{}", said.failure);
    let said = run_with(&sending(&url, &["--json"]), "tocsin_x").await;
    let document: Value = serde_json::from_str(&said.failure).unwrap();
    assert_eq!(
        (&document["key"], &document["title"]),
        (&json!("k-1"), &json!("Busy"))
    );
}

#[tokio::test]
async fn mistakes_on_this_side_are_not_waited_out() {
    let began = Instant::now();
    let away = ["status", ID, "--wait", "--url", "http://192.0.2.1:9"];
    let soon = Duration::from_secs(20);
    let said = tokio::time::timeout(soon, run_with(&away, "tocsin_x")).await;
    assert_eq!(said.expect("it does not pass by itself").code, 3);
    let here = ["status", ID, "--wait", "--url", "http://127.0.0.1:9"];
    let said = tokio::time::timeout(soon, run_with(&here, "tocsin_a\nb")).await;
    assert_eq!(said.expect("nor does that").code, 1, "{began:?}");
}

#[test]
fn nobody_waits_for_longer_than_can_be_waited() {
    let parse = |seconds: &str| {
        Arguments::try_parse_from(["tocsin", "status", ID, "--wait", "--timeout", seconds])
    };
    assert!(parse("31536000").is_ok());
    assert!(parse("18446744073709551615").is_err());
}

#[test]
fn whoever_does_not_listen_any_more_is_told_nothing() {
    let wrong = || Failure::Here("no token".to_owned());
    assert_eq!(end(Err(wrong()), false, &mut Closed), 1);
    let mut said = Vec::new();
    assert_eq!(end(Err(wrong()), false, &mut said), 1);
    assert_eq!(said, b"tocsin: no token\n");
    let gone = || Failure::Output(std::io::ErrorKind::BrokenPipe.into());
    said.clear();
    assert_eq!(end(Err(gone()), false, &mut said), 1);
    assert!(said.is_empty(), "the reader has left on purpose");
}
