//! What is asked of communication issues, from a program's point of view.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::api::{Program, program};
use super::api_contacts::made;
use super::inbox::notices::notify;
use super::inbox::thread;
use super::world::{DIAGNOSTIC, asking_world, patient_world, prompting_world, world};
use crate::domain::{
    Channel, ContactChange, ContactId, Delivery, MethodKind, MethodState, Status, TextStatus,
};

const MINUTE: Duration = Duration::from_secs(61);

/// Makes somebody with these methods: kind and address or number.
async fn somebody(program: &Program<'_>, methods: &[(&str, &str)]) -> ContactId {
    let methods: Vec<Value> = methods
        .iter()
        .map(|(kind, to)| json!({"kind": kind, "to": to}))
        .collect();
    let area = program.world.areas[0].to_string();
    let body = json!({"first_name": "Nia", "area": area, "methods": methods});
    made(program, "/api/v1/contacts", &body)
        .await
        .parse()
        .unwrap()
}

/// Sends something to one person by these channels; where it is read.
async fn send(program: &Program<'_>, to: ContactId, channels: &[&str]) -> String {
    let draft = json!({
        "category": "general", "channels": channels, "subject": "Road closed",
        "text": "Until Monday.", "sms_text": "Road closed until Monday.",
        "audience": {"contacts": [to.to_string()]},
    });
    let id = made(program, "/api/v1/communications", &draft).await;
    let path = format!("/api/v1/communications/{id}");
    let send = format!("{path}/send");
    let sent = program.ask(Method::POST, &send, None, None).await;
    assert_eq!(sent.status, StatusCode::OK, "{}", sent.body);
    program.world.expand().await;
    path
}

fn by(program: &Program<'_>, to: ContactId, channel: Channel) -> Vec<Delivery> {
    let all = program.world.deliveries(to).into_iter();
    all.filter(|one| one.channel == channel).collect()
}

/// Lets the last mail to somebody come back.
async fn bounce(program: &Program<'_>, to: ContactId) {
    let mails = by(program, to, Channel::Email);
    program.world.bounce(&mails[0]).await;
}

async fn ids(program: &Program<'_>, path: &str) -> Vec<String> {
    let page = program.get(path).await;
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn some_methods_failing_is_an_issue_and_all_of_them_is_none() {
    let world = patient_world().await;
    let program = program(&world, "otto").await;
    let two = [("email", "nia@mail.example"), ("mobile", "07700 900123")];
    let (some, all) = (
        somebody(&program, &two).await,
        somebody(&program, &[("email", "only@mail.example")]).await,
    );
    for who in [some, all] {
        send(&program, who, &["email"]).await;
        let read = program.get(&format!("/api/v1/contacts/{who}")).await;
        assert_eq!(read["reachability"], "fine");
        bounce(&program, who).await;
    }
    for (who, reachability) in [(some, "issue"), (all, "unreachable")] {
        let read = program.get(&format!("/api/v1/contacts/{who}")).await;
        assert_eq!(read["reachability"], reachability);
        assert_eq!(read["methods"][0]["state"], "suspended");
        let diagnostic = &read["methods"][0]["suspension"]["verdict"]["diagnostic"];
        assert_eq!(diagnostic, DIAGNOSTIC);
        let list = format!("/api/v1/contacts?reachability={reachability}");
        assert_eq!(ids(&program, &list).await, [who.to_string()]);
    }
    let stored = world.repo.contact(some).unwrap().unwrap();
    assert!(stored.issue_since.is_some());
    assert_ne!(stored.methods[1].state, MethodState::Suspended);
}

#[tokio::test]
async fn a_suspended_method_gets_nothing_until_it_is_put_to_use_again() {
    let world = patient_world().await;
    let program = program(&world, "otto").await;
    let two = [("email", "nia@mail.example"), ("mobile", "07700 900123")];
    let who = somebody(&program, &two).await;
    let both = ["email", "text"];
    let channels = async |path: String| -> Vec<String> {
        let person = program.get(&format!("{path}/people/{who}")).await;
        let deliveries = person["deliveries"].as_array().unwrap().iter();
        deliveries
            .map(|one| one["channel"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(channels(send(&program, who, &both).await).await.len(), 2);
    bounce(&program, who).await;
    assert_eq!(channels(send(&program, who, &both).await).await, ["text"]);
    assert_eq!(by(&program, who, Channel::Email).len(), 1, "no second mail");
    let email = world.repo.contact(who).unwrap().unwrap().methods[0].id;
    let step = format!("/api/v1/contacts/{who}/methods/{email}/reinstate");
    let done = program.ask(Method::POST, &step, None, None).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT);
    assert_eq!(channels(send(&program, who, &both).await).await.len(), 2);
    assert_eq!(by(&program, who, Channel::Email).len(), 2);
}

#[tokio::test]
async fn the_numbers_of_areas_lead_to_the_people_with_issues() {
    let world = patient_world().await;
    let program = program(&world, "otto").await;
    let issues = async || -> Vec<(String, u64)> {
        let areas = program.get("/api/v1/areas").await;
        let areas = areas.as_array().unwrap().iter();
        let number = |one: &Value| {
            let id = one["id"].as_str().unwrap().to_owned();
            (id, one["issues"].as_u64().unwrap())
        };
        areas
            .map(number)
            .filter(|(_, issues)| *issues > 0)
            .collect()
    };
    assert!(issues().await.is_empty());
    let two = [("email", "nia@mail.example"), ("mobile", "07700 900123")];
    let who = somebody(&program, &two).await;
    send(&program, who, &["email"]).await;
    bounce(&program, who).await;
    let (county, area) = (world.county.to_string(), world.areas[0].to_string());
    let mut found = issues().await;
    found.sort_by_key(|(id, _)| *id != county);
    assert_eq!(
        found,
        [(county, 1), (area, 1)],
        "the area and what it lies in"
    );
    for (id, _) in found {
        let list = format!("/api/v1/contacts?area={id}&reachability=issue");
        assert_eq!(ids(&program, &list).await, [who.to_string()]);
    }
    let elsewhere = world.areas[1];
    let list = format!("/api/v1/contacts?area={elsewhere}&reachability=issue");
    assert!(ids(&program, &list).await.is_empty());
}

/// What somebody was asked by itself: by which channel, in which words, about which method.
async fn prompt(program: &Program<'_>, who: ContactId) -> (Value, Value, Value) {
    let log = program.get(&format!("/api/v1/contacts/{who}/log")).await;
    let lines = log["items"].as_array().unwrap();
    let line = lines.iter().find(|one| one["event"] == "prompted").unwrap();
    let asked = line["communication"].as_str().unwrap();
    let asked = program
        .get(&format!("/api/v1/communications/{asked}"))
        .await;
    assert_eq!(asked["origin"], "prompt");
    let words = [&asked["sms_text"], &asked["text"]];
    let words = words
        .into_iter()
        .find(|text| text.as_str().is_some_and(|text| !text.is_empty()));
    (
        asked["channels"].clone(),
        words.unwrap().clone(),
        line["method"].clone(),
    )
}

#[tokio::test]
async fn a_failing_method_is_asked_about_by_another_one() {
    let world = prompting_world().await;
    let program = program(&world, "otto").await;
    let two = [("email", "nia@mail.example"), ("mobile", "07700 900123")];
    let who = somebody(&program, &two).await;
    send(&program, who, &["email"]).await;
    bounce(&program, who).await;
    let stored = world.repo.contact(who).unwrap().unwrap();
    let (channels, words, about) = prompt(&program, who).await;
    assert_eq!(channels, json!(["text"]));
    assert!(
        words
            .as_str()
            .unwrap()
            .contains("log in and check the email address")
    );
    assert_eq!(about, stored.methods[0].id.to_string());
    let texts = by(&program, who, Channel::Text);
    assert_eq!(texts.len(), 1);
    assert_eq!(texts[0].destination.reveal(), "+447700900123");

    let mirror = [("email", "max@mail.example"), ("mobile", "07700 900124")];
    let who = somebody(&program, &mirror).await;
    send(&program, who, &["text"]).await;
    let text = by(&program, who, Channel::Text).remove(0);
    world.walk(&text, &[Status::Text(TextStatus::Queued)]).await;
    world.fail_text(&text).await;
    let (channels, words, _) = prompt(&program, who).await;
    assert_eq!(channels, json!(["email"]));
    assert!(
        words
            .as_str()
            .unwrap()
            .contains("log in and check the number")
    );
    let mails = by(&program, who, Channel::Email);
    assert_eq!(mails[0].destination.reveal(), "max@mail.example");
}

/// What a program is still sending undoes nothing that was changed since it began.
async fn changed_by_two_at_once(program: &Program<'_>) {
    let (sent, rest) = tokio::sync::oneshot::channel::<()>();
    let body = futures_util::stream::once(async move {
        rest.await.unwrap();
        Ok::<_, std::convert::Infallible>(r#"{"notify_replies": true}"#)
    });
    let slow = Request::patch("/api/v1/me")
        .header(header::HOST, "tocsin.example.org")
        .header(header::AUTHORIZATION, format!("Bearer {}", program.token))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from_stream(body));
    let quick = async {
        let wish = json!({"email": "ida@gw.example", "notify_replies": false});
        program
            .ask(Method::PATCH, "/api/v1/me", None, Some(&wish))
            .await;
        sent.send(()).unwrap();
    };
    let slow = program.world.send(slow.unwrap());
    let (answer, ()) = tokio::join!(slow, quick);
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
    let read = program.get("/api/v1/me").await;
    assert_eq!(
        (&read["email"], &read["notify_replies"]),
        (&json!("ida@gw.example"), &json!(true))
    );
}

#[tokio::test]
async fn whoever_wants_to_know_is_told_of_replies_with_a_link() {
    let world = world().await;
    let program = program(&world, "ida").await;
    let me = "/api/v1/me";
    let read = program.get(me).await;
    assert_eq!(
        (&read["login"], &read["role"]),
        (&json!("ida"), &json!("administrator"))
    );
    assert_eq!(
        (&read["email"], &read["notify_replies"]),
        (&Value::Null, &json!(false))
    );
    let wrong = json!({"email": "ida at work", "notify_replies": true});
    let (_, _, document) = program.refused(Method::PATCH, me, Some(&wrong)).await;
    assert_eq!(document["errors"][0]["field"], "email");
    let wish = json!({"email": "ida@home.example", "notify_replies": true});
    let done = program.ask(Method::PATCH, me, None, Some(&wish)).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.body);
    let stored = world.repo.user_by_login("ida").unwrap().unwrap();
    assert!(stored.notify_replies);
    assert_eq!(stored.name, "Ida Bell", "the rest stays");
    changed_by_two_at_once(&program).await;

    let thread = thread(&world, 1).await;
    notify(&world).await;
    let log = program.get("/api/v1/log").await;
    let line = &log["items"][0];
    assert_eq!(
        (&line["to"], &line["channel"]),
        (&json!("ida@gw.example"), &json!("email"))
    );
    let notice = line["communication"].as_str().unwrap();
    let notice = program
        .get(&format!("/api/v1/communications/{notice}"))
        .await;
    assert_eq!(notice["origin"], "notice");
    let text = notice["text"].as_str().unwrap();
    assert!(text.contains(&format!("/inbox/{thread}")), "{text}");
    let reply = program
        .get(&format!("/api/v1/inbox/{thread}/messages"))
        .await;
    assert!(
        reply["items"][0]["text"]
            .as_str()
            .unwrap()
            .starts_with("We are <b>safe</b>.")
    );
}

#[tokio::test]
async fn proofs_are_asked_for_again_by_mail_text_and_call() {
    let world = asking_world().await;
    let program = program(&world, "otto").await;
    let three = [
        ("email", "nia@mail.example"),
        ("mobile", "07700 900123"),
        ("landline", "01632 960001"),
    ];
    let who = somebody(&program, &three).await;
    let methods = world.repo.contact(who).unwrap().unwrap().value.methods;
    assert!(
        methods
            .iter()
            .all(|one| one.state == MethodState::Unverified)
    );
    let ask = async |kind: MethodKind, body: Value| {
        let method = methods.iter().find(|one| one.kind == kind).unwrap().id;
        let path = format!("/api/v1/contacts/{who}/methods/{method}/verify");
        program.ask(Method::POST, &path, None, Some(&body)).await
    };
    let early = ask(MethodKind::Email, json!({})).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "asked a moment ago");
    for (kind, body, channel) in [
        (MethodKind::Email, json!({}), Channel::Email),
        (
            MethodKind::Mobile,
            json!({"channel": "text"}),
            Channel::Text,
        ),
        (
            MethodKind::Mobile,
            json!({"channel": "call"}),
            Channel::Call,
        ),
        (MethodKind::Landline, json!({}), Channel::Call),
    ] {
        world.clock.advance(MINUTE);
        let before = by(&program, who, channel).len();
        let done = ask(kind, body).await;
        assert_eq!(
            done.status,
            StatusCode::NO_CONTENT,
            "{kind:?}: {}",
            done.body
        );
        let after = by(&program, who, channel);
        assert_eq!(after.len(), before + 1, "{kind:?} by {channel:?}");
        let to = methods.iter().find(|one| one.kind == kind).unwrap();
        assert_eq!(after[0].destination, to.destination);
    }
    let log = program.get(&format!("/api/v1/contacts/{who}/log")).await;
    let line = &log["items"][0];
    assert_eq!(line["change"], ContactChange::VerificationSent.explain());
    assert_eq!(line["kind"], "landline");
    // Nothing is asked of what has been proved.
    let proved = world.contacts[0];
    let method = world.repo.contact(proved).unwrap().unwrap().methods[0].id;
    let path = format!("/api/v1/contacts/{proved}/methods/{method}/verify");
    let refused = program.refused(Method::POST, &path, Some(&json!({}))).await;
    assert_eq!((refused.0.as_str(), refused.1), ("not-verified", 409));
    assert!(world.deliveries(proved).is_empty());
}
