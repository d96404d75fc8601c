//! Webhooks in the console and over the API, and what they are told of.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::api::{Program, draft, program};
use super::languages::assert_french;
use super::world::{Browser, World, world};
use crate::domain::{EventKind, Notification, WebhookId};
use crate::store::check::check;

const URL: &str = "https://control.example.org/in?key=1";

fn form(url: &str, events: &[&str]) -> Vec<(&'static str, String)> {
    let mut fields = vec![("name", "Control room".to_owned()), ("url", url.to_owned())];
    fields.extend(events.iter().map(|event| ("events", (*event).to_owned())));
    fields
}

fn only(world: &World) -> WebhookId {
    let all = world.repo.webhooks().unwrap();
    assert_eq!(all.len(), 1);
    all[0].id
}

fn told(world: &World, webhook: WebhookId) -> Vec<Notification> {
    let page = world.repo.notifications(webhook, None, 100).unwrap();
    page.rows.into_iter().rev().map(|row| row.value).collect()
}

async fn make(program: &Program<'_>, events: &[&str], addresses: bool) -> WebhookId {
    let asked =
        json!({ "name": "Control room", "url": URL, "events": events, "addresses": addresses });
    let made = program.post("/api/v1/webhooks", &asked).await;
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    made["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn administrators_make_change_try_and_switch_webhooks() {
    let world = world().await;
    let browser = world.browser("ida").await;
    browser
        .get("/webhooks")
        .await
        .assert_has(&["No webhooks yet", "href=\"/webhooks/new\""]);
    let refused = browser
        .post("/webhooks", &form("http://10.0.0.1/", &["delivery.status"]))
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&["Write an address that begins with https://."]);
    for wrong in ["https://a.example:84430/", "https://:443/", "https://[::1"] {
        let refused = browser
            .post("/webhooks", &form(wrong, &["delivery.status"]))
            .await;
        refused.assert_has(&["no address of a machine with a port from 1 to 65535."]);
    }
    let refused = browser.post("/webhooks", &form(URL, &[])).await;
    refused.assert_has(&["Choose at least one."]);
    let made = browser
        .post("/webhooks", &form(URL, &["delivery.status"]))
        .await;
    made.assert_has(&["whsec_", "cannot be shown again", "Works"]);
    let id = only(&world);
    let place = format!("/webhooks/{id}");
    let page = browser.get(&place).await;
    assert!(!page.body.contains("whsec_"), "the secret is shown once");
    let saved = browser
        .post(
            &place,
            &form(URL, &["reply.received", "confirmation.received"]),
        )
        .await;
    assert_eq!(saved.location(), format!("{place}?done=webhook_changed"));
    let renewed = browser.post(&format!("{place}/secret"), &[]).await;
    renewed.assert_has(&["whsec_", "2 secrets sign now"]);
    browser.post(&format!("{place}/one-secret"), &[]).await;
    let tried = browser.post(&format!("{place}/test"), &[]).await;
    assert_eq!(tried.location(), format!("{place}?done=webhook_tried"));
    let page = browser.get(&place).await;
    page.assert_has(&["<code>webhook.test</code>", "Waits", "1 wait to be sent."]);
    let news = [(
        "news",
        data_encoding::HEXLOWER.encode(&told(&world, id)[0].id),
    )];
    let again = browser.post(&format!("{place}/resend"), &news).await;
    assert!(again.location().ends_with("webhook_resent"));
    browser.post(&format!("{place}/disable"), &[]).await;
    let page = browser.get(&place).await;
    page.assert_has(&["Switched off", "Switch on"]);
    let tried = browser.post(&format!("{place}/test"), &[]).await;
    assert!(tried.location().ends_with("webhook_not_tried"));
    let again = browser.post(&format!("{place}/resend"), &news).await;
    assert!(again.location().ends_with("webhook_not_resent"));
    let page = browser.get(again.location()).await;
    page.assert_has(&["does not hear of that any more: nothing was sent."]);
    let record = browser.get("/audit").await;
    record.assert_has(&["webhook.create", "webhook.secret", "webhook.disable"]);
    browser
        .get(&format!("{place}/delete"))
        .await
        .assert_has(&["Take Control room away?"]);
    browser.post(&format!("{place}/delete"), &[]).await;
    assert!(world.repo.webhooks().unwrap().is_empty());
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn others_have_no_business_with_webhooks() {
    let world = world().await;
    let browser: Browser<'_> = world.browser("otto").await;
    for path in ["/webhooks", "/webhooks/new"] {
        assert_eq!(browser.get(path).await.status, StatusCode::FORBIDDEN);
    }
    assert!(!browser.get("/").await.body.contains("/webhooks"));
}

#[tokio::test]
async fn the_pages_of_webhooks_are_there_in_french() {
    let world = world().await;
    let browser = world.browser("ida").await;
    world
        .change_user("ida", |user| user.language = Some("fr".to_owned()))
        .await;
    browser
        .post("/webhooks", &form(URL, &["delivery.status"]))
        .await;
    let id = only(&world);
    browser.post(&format!("/webhooks/{id}/test"), &[]).await;
    for path in [
        "/webhooks".to_owned(),
        "/webhooks/new".to_owned(),
        format!("/webhooks/{id}"),
    ] {
        assert_french(&browser.get(&path).await);
    }
}

#[tokio::test]
async fn a_program_manages_webhooks() {
    let world = world().await;
    let program = program(&world, "ida").await;
    let wrong = json!({ "name": "x", "url": "https://a.example", "events": ["nothing"] });
    let (name, status, document) = program
        .refused(Method::POST, "/api/v1/webhooks", Some(&wrong))
        .await;
    assert_eq!((name.as_str(), status), ("validation", 422));
    assert_eq!(document["errors"][0]["field"], "events");
    let id = make(&program, &["delivery.status"], false).await;
    let place = format!("/api/v1/webhooks/{id}");
    let found = program.get(&place).await;
    assert_eq!(
        (&found["enabled"], &found["secrets"]),
        (&json!(true), &json!(1))
    );
    program.post(&format!("{place}/secret"), &Value::Null).await;
    assert_eq!(program.get(&place).await["secrets"], 2);
    program
        .ask(Method::DELETE, &format!("{place}/secret"), None, None)
        .await;
    assert_eq!(program.get(&place).await["secrets"], 1);
    program.post(&format!("{place}/test"), &Value::Null).await;
    let news = program.get(&format!("{place}/news")).await;
    assert_eq!(
        (&news[0]["event"], &news[0]["state"]),
        (&json!("webhook.test"), &json!("waiting"))
    );
    let resend = format!("{place}/news/{}/resend", news[0]["id"].as_str().unwrap());
    program.post(&resend, &Value::Null).await;
    let off = json!({ "enabled": false });
    program
        .ask(Method::PUT, &format!("{place}/state"), None, Some(&off))
        .await;
    assert_eq!(program.get(&place).await["disabled"], "by-hand");
    let (name, status, _) = program
        .refused(Method::POST, &format!("{place}/test"), None)
        .await;
    assert_eq!((name.as_str(), status), ("switched-off", 409));
    let (name, status, _) = program.refused(Method::POST, &resend, None).await;
    assert_eq!((name.as_str(), status), ("switched-off", 409));
    assert_eq!(program.get(&place).await["left_out"], 0);
    for secrets in 2..=4 {
        program.post(&format!("{place}/secret"), &Value::Null).await;
        assert_eq!(program.get(&place).await["secrets"], secrets);
    }
    let (name, status, _) = program
        .refused(Method::POST, &format!("{place}/secret"), None)
        .await;
    assert_eq!((name.as_str(), status), ("too-many", 409));
    program.ask(Method::DELETE, &place, None, None).await;
    assert_eq!(program.get("/api/v1/webhooks").await, json!([]));
}

#[tokio::test]
async fn what_happens_is_told_with_ids_alone_unless_addresses_are_asked_for() {
    let world = world().await;
    let program = program(&world, "ida").await;
    let all: Vec<&str> = EventKind::CHOICES
        .iter()
        .map(|kind| kind.as_str())
        .collect();
    let plain = make(&program, &all, false).await;
    let full = make(&program, &["delivery.status"], true).await;
    let made = program.post("/api/v1/communications", &draft(&world)).await;
    let id = made["id"].as_str().unwrap();
    program
        .post(&format!("/api/v1/communications/{id}/send"), &json!({}))
        .await;
    let sent = &told(&world, plain)[0].news;
    assert_eq!(sent.event, EventKind::CommunicationSent);
    assert_eq!(sent.communication.unwrap().to_string(), id);
    assert!(sent.people.unwrap() > 0);
    world.expand().await;
    let delivery = world
        .contacts
        .iter()
        .flat_map(|contact| world.deliveries(*contact))
        .find(|one| one.channel == crate::domain::Channel::Email)
        .unwrap();
    world.bounce(&delivery).await;
    let kinds: Vec<EventKind> = told(&world, plain)
        .iter()
        .map(|one| one.news.event)
        .collect();
    for kind in [
        EventKind::DeliveryStatus,
        EventKind::MethodSuspended,
        EventKind::IssueOpened,
    ] {
        assert!(kinds.contains(&kind), "{kind:?} in {kinds:?}");
    }
    assert!(
        told(&world, plain)
            .iter()
            .all(|one| one.news.address.is_none())
    );
    let said = told(&world, full);
    assert!(!said.is_empty());
    for one in said {
        assert_eq!(one.news.event, EventKind::DeliveryStatus);
        assert!(one.news.address.is_some());
    }
    assert!(check(world.repo.store()).unwrap().is_sound());
}
