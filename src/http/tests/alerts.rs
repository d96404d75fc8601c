//! Alerts that other programs hand in.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::ConsoleSettings;
use super::api::program;
use super::api_sending::another;
use super::issues::cover;
use super::world::{World, world_with};
use crate::domain::{
    AlertReceiver, Channel, Channels, CommunicationId, EmailStatus, Relation, Status,
};
use crate::store::check::check;

const PATH: &str = "/api/v1/alerts/alertmanager";

async fn alerted() -> World {
    let receiver = |name: &str, areas: &[&str]| AlertReceiver {
        name: name.to_owned(),
        category: "alert".to_owned(),
        channels: Channels {
            email: true,
            text: true,
            call: true,
        },
        groups: Vec::new(),
        areas: areas.iter().map(|&area| area.to_owned()).collect(),
        emergency: true,
    };
    let settings = ConsoleSettings {
        alert_receivers: Vec::new(),
        ..ConsoleSettings::default()
    };
    let first = world_with(settings).await;
    let county = first.repo.area(first.county).unwrap().unwrap().name.clone();
    let settings = ConsoleSettings {
        alert_receivers: vec![receiver("ops", &[&county]), receiver("lost", &["Nowhere"])],
        ..ConsoleSettings::default()
    };
    world_with(settings).await
}

/// As an Alertmanager 0.25 sends it.
fn notification(status: &str, since: &str) -> Value {
    json!({
        "receiver": "ops",
        "status": status,
        "alerts": [{
            "status": status,
            "labels": { "alertname": "PumpDown", "instance": "pump-3", "severity": "critical" },
            "annotations": { "summary": "Pump 3 stands still", "description": "No flow for five minutes." },
            "startsAt": since,
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example/graph?g0.expr=up",
            "fingerprint": "5a2f1c0e9b8d7f66"
        }],
        "groupLabels": { "alertname": "PumpDown" },
        "commonLabels": { "alertname": "PumpDown", "instance": "pump-3", "severity": "critical" },
        "commonAnnotations": { "summary": "Pump 3 stands still", "description": "No flow for five minutes." },
        "externalURL": "http://alertmanager.example:9093",
        "version": "4",
        "groupKey": "{}:{alertname=\"PumpDown\"}",
        "truncatedAlerts": 0
    })
}

const SINCE: &str = "2026-11-20T10:00:00.000Z";

#[tokio::test]
async fn alerts_are_sent_once_and_what_is_over_is_told() {
    let world = alerted().await;
    let program = program(&world, "ida").await;
    // Nothing was told that could be over.
    let early = program.post(PATH, &notification("resolved", SINCE)).await;
    assert_eq!(early, json!({ "communication": null, "new": false }));
    let first = program.post(PATH, &notification("firing", SINCE)).await;
    assert_eq!(first["new"], true);
    let id = first["communication"].as_str().unwrap().to_owned();
    let sent = world
        .repo
        .communication(id.parse().unwrap())
        .unwrap()
        .unwrap();
    assert!(sent.is_sent() && sent.people > 0 && sent.plan.emergency);
    let content = world.repo.content(sent.content).unwrap();
    assert_eq!(content.subject, "Pump 3 stands still");
    assert!(content.text.contains("instance: pump-3") && content.text.contains("No flow"));
    let again = program.post(PATH, &notification("firing", SINCE)).await;
    assert_eq!(again, json!({ "communication": id, "new": false }));
    got_by_somebody(&world, &id).await;
    let over = program.post(PATH, &notification("resolved", SINCE)).await;
    assert_eq!(over["new"], true);
    let stopped = id.parse().unwrap();
    assert!(
        world.repo.rounds(stopped).unwrap().is_empty(),
        "reminders of what is over"
    );
    let follow = over["communication"].as_str().unwrap();
    let follow = world
        .repo
        .communication(follow.parse().unwrap())
        .unwrap()
        .unwrap();
    let related = follow.related.unwrap();
    assert_eq!(
        (related.to.to_string(), related.relation),
        (id.clone(), Relation::FollowUp)
    );
    let over = program.post(PATH, &notification("resolved", SINCE)).await;
    assert_eq!(over["new"], false);
    let later = "2026-11-21T10:00:00.000Z";
    let anew = program.post(PATH, &notification("firing", later)).await;
    assert_eq!(anew["new"], true, "it fires again");
    let page = world
        .browser("ida")
        .await
        .get(&format!("/communications/{id}"))
        .await;
    page.assert_has(&["Alertmanager: ops"]);
    let record = world.browser("ida").await.get("/audit").await;
    record.assert_has(&["alert.alertmanager"]);
    assert!(check(world.repo.store()).unwrap().is_sound());
}

/// Somebody's mail is on its way out.
async fn got_by_somebody(world: &World, id: &str) {
    world.expand().await;
    let id: CommunicationId = id.parse().unwrap();
    let made = world.contacts.iter();
    let mut made = made.flat_map(|contact| world.deliveries(*contact));
    let mail = made.find(|one| one.communication == id && one.channel == Channel::Email);
    let sent = [Status::Email(EmailStatus::Sent)];
    world.walk(&mail.unwrap(), &sent).await;
}

/// Alerts of one group, by their fingerprints; those that are over say so.
fn group(firing: &[&str], over: &[&str]) -> Value {
    let mut all = notification("firing", SINCE);
    let one = all["alerts"][0].clone();
    let with = |name: &&str, status: &str| {
        let mut one = one.clone();
        one["fingerprint"] = json!(name);
        one["status"] = json!(status);
        one["labels"]["format"] = json!("{{.Names}}");
        one
    };
    let mut alerts: Vec<Value> = firing.iter().map(|name| with(name, "firing")).collect();
    alerts.extend(over.iter().map(|name| with(name, "resolved")));
    if firing.is_empty() {
        all["status"] = json!("resolved");
    }
    all["alerts"] = json!(alerts);
    all
}

#[tokio::test]
async fn what_is_left_of_a_group_is_not_told_anew() {
    let world = alerted().await;
    let program = program(&world, "ida").await;
    let first = program.post(PATH, &group(&["a", "b"], &[])).await;
    assert_eq!(first["new"], true);
    let left = program.post(PATH, &group(&["b"], &["a"])).await;
    let same = json!({ "communication": first["communication"], "new": false });
    assert_eq!(left, same);
    // One more is told, and takes the place of what was sent before.
    let more = program.post(PATH, &group(&["b", "c"], &[])).await;
    assert_eq!(more["new"], true);
    let id =
        |of: &Value| -> CommunicationId { of["communication"].as_str().unwrap().parse().unwrap() };
    assert!(world.repo.rounds(id(&first)).unwrap().is_empty());
    assert!(!world.repo.rounds(id(&more)).unwrap().is_empty());
    // Nobody has got any of it: nobody is told that it is over.
    let over = program.post(PATH, &group(&[], &["b", "c"])).await;
    assert_eq!(over, json!({ "communication": null, "new": false }));
    assert!(world.repo.rounds(id(&more)).unwrap().is_empty());
    // The same since the same time, after it was said to be over, is news.
    let again = program.post(PATH, &group(&["b", "c"], &[])).await;
    assert_eq!(again["new"], true);
    let again = program.post(PATH, &group(&["b", "c"], &[])).await;
    assert_eq!(again["new"], false);
    assert!(check(world.repo.store()).unwrap().is_sound());
}

#[tokio::test]
async fn a_very_large_group_is_taken() {
    let world = alerted().await;
    let program = program(&world, "ida").await;
    let names: Vec<String> = (0..1_500).map(|number| format!("{number:016x}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let many = program.post(PATH, &group(&names, &[])).await;
    assert_eq!(many["new"], true);
    let left = program.post(PATH, &group(&names[7..], &[])).await;
    assert_eq!(left["new"], false);
}

#[tokio::test]
async fn what_is_no_notification_is_refused_with_its_field() {
    let world = alerted().await;
    let program = program(&world, "ida").await;
    let good = notification("firing", SINCE);
    let with = |field: &str, value: Value| {
        let mut changed = good.clone();
        changed[field] = value;
        changed
    };
    for (body, field) in [
        (with("version", json!("3")), "version"),
        (with("status", json!("broken")), "status"),
        (with("alerts", json!([])), "alerts"),
        (with("receiver", json!("nobody")), "receiver"),
        (with("groupKey", json!(7)), "groupKey"),
    ] {
        let (name, status, document) = program.refused(Method::POST, PATH, Some(&body)).await;
        assert_eq!((name.as_str(), status), ("validation", 422), "{field}");
        assert_eq!(document["errors"][0]["field"], field);
    }
    let lost = with("receiver", json!("lost"));
    let (name, status, _) = program.refused(Method::POST, PATH, Some(&lost)).await;
    assert_eq!((name.as_str(), status), ("nobody-to-tell", 409));
    // What it says may be for anybody.
    cover(&world, "otto", vec![world.areas[0]]).await;
    let other = another(&world, "otto", 5).await;
    let refused = other.ask(Method::POST, PATH, None, Some(&good)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(program.post(PATH, &good).await["new"], true);
}
