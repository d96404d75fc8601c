//! An alert from a program's point of view, from the draft to the recontact.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::api::{Program, draft, program};
use super::statistics;
use super::world::{DIAGNOSTIC, World, patient_world};
use crate::domain::{CallStatus, Delivery, EmailStatus, Status, TextStatus};

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

fn failing(delivery: &Delivery) -> &'static [Status] {
    match delivery.status() {
        Status::Email(_) => &[Status::Email(EmailStatus::NotSent)],
        Status::Text(_) => &[
            Status::Text(TextStatus::Queued),
            Status::Text(TextStatus::Sending),
            Status::Text(TextStatus::Failed),
        ],
        Status::Call(_) => &[
            Status::Call(CallStatus::Started),
            Status::Call(CallStatus::NoAnswer),
        ],
    }
}

async fn settle(world: &World) {
    for contact in &world.contacts {
        for delivery in world.deliveries(*contact) {
            if !delivery.status().is_settled() {
                world.walk(&delivery, failing(&delivery)).await;
            }
        }
    }
}

/// An alert to everybody that was sent; its address.
pub(super) async fn sent(program: &Program<'_>) -> String {
    let made = program
        .post("/api/v1/communications", &draft(program.world))
        .await;
    let path = format!("/api/v1/communications/{}", made["id"].as_str().unwrap());
    let review = program.get(&format!("{path}/review")).await;
    assert_eq!(review["people"], program.world.contacts.len());
    assert_eq!(review["errors"], json!([]));
    assert!(review["channels"][0]["deliveries"].as_u64().unwrap() > 0);
    let send = format!("{path}/send");
    let answer = program.ask(Method::POST, &send, Some("send"), None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let said: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        said,
        json!({"sent": true, "people": program.world.contacts.len(), "scheduled_at": null})
    );
    let again = program.ask(Method::POST, &send, None, None).await;
    let said: Value = serde_json::from_str(&again.body).unwrap();
    assert_eq!(said["sent"], false);
    program.world.expand().await;
    path
}

#[tokio::test]
async fn a_draft_is_changed_until_it_is_sent() {
    let world = patient_world().await;
    let program = program(&world, "otto").await;
    let empty = json!({"category": "alert", "channels": ["email"]});
    let made = program.post("/api/v1/communications", &empty).await;
    let path = format!("/api/v1/communications/{}", made["id"].as_str().unwrap());
    let review = program.get(&format!("{path}/review")).await;
    let errors = review["errors"].as_array().unwrap();
    let fields: Vec<_> = errors
        .iter()
        .map(|one| one["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["subject", "text", "audience"]);
    let refused = program
        .refused(Method::POST, &format!("{path}/send"), None)
        .await;
    assert_eq!((refused.0.as_str(), refused.1), ("validation", 422));
    let statistics = program
        .refused(Method::GET, &format!("{path}/statistics"), None)
        .await;
    assert_eq!((statistics.0.as_str(), statistics.1), ("not-sent", 409));
    let whole = draft(&world);
    let changed = program.ask(Method::PUT, &path, None, Some(&whole)).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{}", changed.body);
    let read = program.get(&path).await;
    assert_eq!(read["subject"], "Flood warning");
    assert_eq!(read["state"], "draft");
    assert_eq!(read["statistics"], Value::Null);
    assert_eq!(read["audience"]["areas"], json!([world.county.to_string()]));
    let send = program
        .ask(Method::POST, &format!("{path}/send"), None, None)
        .await;
    assert_eq!(send.status, StatusCode::OK, "{}", send.body);
    let late = program.refused(Method::PUT, &path, Some(&whole)).await;
    assert_eq!((late.0.as_str(), late.1), ("already-sent", 409));
}

#[tokio::test]
async fn who_was_reached_is_read_in_numbers_and_person_by_person() {
    let world = patient_world().await;
    let program = program(&world, "otto").await;
    let path = sent(&program).await;
    for delivery in world.deliveries(world.contacts[0]) {
        world.arrive(&delivery).await;
    }
    let numbers = program.get(&format!("{path}/statistics")).await;
    assert_eq!(numbers["people"], world.contacts.len());
    assert_eq!(numbers["contacted"], 1);
    let listed = program.get("/api/v1/communications").await;
    assert_eq!(listed["items"][0]["statistics"], numbers);
    let people = program.get(&format!("{path}/people?state=contacted")).await;
    let only = people["items"].as_array().unwrap();
    assert_eq!(only.len(), 1);
    assert_eq!(only[0]["contact"], world.contacts[0].to_string());
    let mut names = Vec::new();
    let mut next = format!("{path}/people?limit=3");
    loop {
        let page = program.get(&next).await;
        let items = page["items"].as_array().unwrap();
        names.extend(
            items
                .iter()
                .map(|one| one["name"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next"].as_str() else {
            break;
        };
        next = format!("{path}/people?limit=3&cursor={cursor}");
    }
    assert_eq!(names.len(), world.contacts.len());
    let mut sorted = names.clone();
    sorted.sort_by_key(|name| name.to_lowercase());
    assert_eq!(names, sorted, "by first name");
    let one = format!("{path}/people/{}", world.contacts[0]);
    let person = program.get(&one).await;
    assert_eq!(person["state"], "contacted");
    let deliveries = person["deliveries"].as_array().unwrap();
    assert!(
        deliveries
            .iter()
            .all(|one| !one["timeline"].as_array().unwrap().is_empty())
    );
    let delivery = deliveries[0]["id"].as_str().unwrap();
    let alone = program.get(&format!("/api/v1/deliveries/{delivery}")).await;
    assert_eq!(alone, deliveries[0]);
    let wrong = program
        .refused(Method::GET, &format!("{path}/people?state=gone"), None)
        .await;
    assert_eq!(wrong.2["errors"][0]["field"], "state");
}

#[tokio::test]
async fn every_status_is_told_by_its_name_with_what_it_means() {
    for path in statistics::paths() {
        let world = patient_world().await;
        let program = program(&world, "otto").await;
        let alert = sent(&program).await;
        let ada = world.contacts[0];
        let status = *path.last().unwrap();
        let channel = status.channel();
        let mut deliveries = world.deliveries(ada).into_iter();
        let delivery = deliveries.find(|one| one.channel == channel).unwrap();
        world.walk(&delivery, &path).await;
        let one = format!("/api/v1/deliveries/{}", delivery.id);
        let told = program.get(&one).await;
        assert_eq!(told["channel"], channel.as_str());
        assert_eq!(told["status"], status.as_str());
        let timeline = told["timeline"].as_array().unwrap();
        assert_eq!(timeline.last().unwrap()["status"], status.as_str());
        for status in &path {
            let mut lines = timeline.iter();
            let line = lines.find(|line| line["status"] == status.as_str());
            assert_eq!(line.unwrap()["explanation"], status.explain());
        }
        let numbers = program.get(&format!("{alert}/statistics")).await;
        let counts = numbers["by_status"].as_array().unwrap();
        let stands = world.deliveries(ada).into_iter();
        let stands = stands.filter(|one| one.status() == status).count();
        let count = counts.iter().find(|count| {
            count["channel"] == channel.as_str() && count["status"] == status.as_str()
        });
        let count = count.unwrap()["count"].as_u64().unwrap();
        assert!(
            stands > 0 && count >= stands as u64,
            "{status:?}: {counts:?}"
        );
    }
}

#[tokio::test]
async fn a_bounce_is_read_with_its_diagnostic() {
    let world = patient_world().await;
    let program = program(&world, "otto").await;
    let path = sent(&program).await;
    let contact = world.contacts[0];
    let deliveries = world.deliveries(contact);
    let mail = deliveries
        .iter()
        .find(|one| matches!(one.status(), Status::Email(_)));
    world.bounce(mail.unwrap()).await;
    let person = program.get(&format!("{path}/people/{contact}")).await;
    let found = person["deliveries"].as_array().unwrap().iter();
    let found = found
        .clone()
        .find(|one| one["status"] == "rebound")
        .unwrap();
    let verdict = &found["timeline"].as_array().unwrap().last().unwrap()["verdict"];
    assert_eq!(verdict["diagnostic"], DIAGNOSTIC);
    assert_eq!(verdict["status_code"], "5.1.1");
    assert_eq!(verdict["permanence"], "permanent");
    let areas = program.get("/api/v1/areas").await;
    assert_eq!(areas[0]["id"], world.county.to_string());
    assert_eq!(areas[0]["issues"], 1, "counted up to the largest area");
}

#[tokio::test]
async fn those_not_reached_are_tried_again_after_the_reminders() {
    let world = patient_world().await;
    let program = program(&world, "otto").await;
    let path = sent(&program).await;
    let again = format!("{path}/recontact");
    let early = program.refused(Method::GET, &again, None).await;
    assert_eq!((early.0.as_str(), early.1), ("recontact-refused", 409));
    assert!(
        early.2["detail"].as_str().unwrap().contains("2 reminders"),
        "{}",
        early.2
    );
    for delivery in world.deliveries(world.contacts[0]) {
        world.arrive(&delivery).await;
    }
    for _ in 0..2 {
        settle(&world).await;
        world.clock.advance(HALF_AN_HOUR);
        world.expand().await;
    }
    settle(&world).await;
    let plan = program.get(&again).await;
    assert!(plan["people"].as_u64().unwrap() > 0, "{plan}");
    let wish = json!({"round": plan["round"]});
    assert_eq!(program.post(&again, &wish).await["started"], true);
    assert_eq!(program.post(&again, &wish).await["started"], false);
    let before = world.deliveries(world.contacts[0]).len();
    world.expand().await;
    assert_eq!(
        world.deliveries(world.contacts[0]).len(),
        before,
        "reached people are left alone"
    );
    let round = plan["round"].as_u64().unwrap();
    assert_eq!(program.get(&path).await["rounds"], round);
}

#[tokio::test]
async fn the_log_is_read_by_time_channel_and_status() {
    let world = patient_world().await;
    let program = program(&world, "otto").await;
    let path = sent(&program).await;
    let id = path.rsplit('/').next().unwrap();
    let all = program.get("/api/v1/log?limit=500").await;
    let lines = all["items"].as_array().unwrap();
    assert!(lines.len() > world.contacts.len());
    assert_eq!(lines[0]["communication"], id);
    assert_eq!(lines[0]["title"], "Flood warning");
    assert!(lines[0]["recipient"].is_string());
    let texts = program
        .get("/api/v1/log?limit=500&channel=text&status=queued")
        .await;
    let texts = texts["items"].as_array().unwrap();
    assert!(!texts.is_empty() && texts.iter().all(|one| one["channel"] == "text"));
    let none = program.get("/api/v1/log?to=2020-01-01T00:00:00Z").await;
    assert_eq!(none["items"], json!([]));
    let of = format!("/api/v1/log?limit=500&communication={id}&from=2020-01-01T00:00:00Z");
    assert_eq!(
        program.get(&of).await["items"].as_array().unwrap().len(),
        lines.len()
    );
    let (mut seen, mut next) = (0, "/api/v1/log?limit=7".to_owned());
    loop {
        let page = program.get(&next).await;
        seen += page["items"].as_array().unwrap().len();
        let Some(cursor) = page["next"].as_str() else {
            break;
        };
        next = format!("/api/v1/log?limit=7&cursor={cursor}");
    }
    assert_eq!(seen, lines.len());
    for (query, field) in [
        ("from=yesterday", "from"),
        ("channel=fax", "channel"),
        ("status=lost", "status"),
        (
            "communication=0123456789abcdef0123456789abcdef",
            "communication",
        ),
    ] {
        let path = format!("/api/v1/log?{query}");
        let (_, status, document) = program.refused(Method::GET, &path, None).await;
        assert_eq!(
            (status, &document["errors"][0]["field"]),
            (422, &json!(field))
        );
    }
}

#[tokio::test]
async fn the_excel_files_are_those_of_the_console() {
    let world = patient_world().await;
    let program = program(&world, "otto").await;
    let path = sent(&program).await;
    let browser = world.browser("otto").await;
    let file = program.fetch(&format!("{path}/statisticsAlert.xlsx")).await;
    assert_eq!(
        (file.status, file.name()),
        (StatusCode::OK, "statisticsAlert.xlsx")
    );
    let id = path.rsplit('/').next().unwrap();
    let page = format!("/communications/{id}/statisticsAlert.xlsx");
    assert_eq!(file.rows(), browser.fetch(&page).await.rows());
    let log = program.fetch("/api/v1/log/export?when=all").await;
    assert!(
        log.name().starts_with("CommunicationsLog20"),
        "{}",
        log.name()
    );
    assert_eq!(
        log.rows(),
        browser.fetch("/log/export?when=all").await.rows()
    );
    let none = format!("{path}0/statisticsAlert.xlsx");
    assert_eq!(program.refused(Method::GET, &none, None).await.1, 404);
}

#[tokio::test]
async fn reminders_go_after_half_an_hour_and_an_hour_to_those_not_reached() {
    let world = patient_world().await;
    let program = program(&world, "otto").await;
    let path = sent(&program).await;
    for delivery in world.deliveries(world.contacts[0]) {
        world.arrive(&delivery).await;
    }
    settle(&world).await;
    let rounds_at = async |wait: Duration| {
        world.clock.advance(wait);
        world.expand().await;
        let rounds = program.get(&path).await["rounds"].as_u64().unwrap();
        let person = format!("{path}/people/{}", world.contacts[1]);
        let person = program.get(&person).await;
        let last = person["deliveries"].as_array().unwrap().iter();
        let last = last
            .map(|one| one["round"].as_u64().unwrap())
            .max()
            .unwrap();
        settle(&world).await;
        (rounds, last)
    };
    let second = Duration::from_secs(1);
    assert_eq!(rounds_at(HALF_AN_HOUR - second).await, (1, 1), "not yet");
    assert_eq!(rounds_at(second).await, (2, 2), "after half an hour");
    assert_eq!(rounds_at(HALF_AN_HOUR - second).await, (2, 2), "not yet");
    assert_eq!(rounds_at(second).await, (3, 3), "after an hour");
    assert_eq!(rounds_at(4 * HALF_AN_HOUR).await, (3, 3), "and never again");
    let reached = format!("{path}/people/{}", world.contacts[0]);
    let reached = program.get(&reached).await;
    assert_eq!(reached["state"], "contacted");
    let mut once = reached["deliveries"].as_array().unwrap().iter();
    assert!(once.all(|one| one["round"] == 1), "{reached}");
    let rounds = world.deliveries(world.contacts[1]);
    assert_eq!(rounds.iter().map(|one| one.round).max(), Some(3));
}

#[tokio::test]
async fn the_excel_file_says_who_was_reached() {
    let world = patient_world().await;
    let program = program(&world, "otto").await;
    let path = sent(&program).await;
    for delivery in world.deliveries(world.contacts[0]) {
        world.arrive(&delivery).await;
    }
    let file = program.fetch(&format!("{path}/statisticsAlert.xlsx")).await;
    assert_eq!(file.name(), "statisticsAlert.xlsx");
    let mut rows = file.rows();
    assert_eq!(
        rows.remove(0),
        ["First name", "Last name", "Email", "Telephone", "Status"]
    );
    assert_eq!(rows.len(), world.contacts.len());
    for row in &rows {
        let found = world.contacts.iter().find_map(|id| {
            let contact = world.repo.contact(*id).unwrap().unwrap().value;
            let same =
                contact.first_name.reveal() == &row[0] && contact.last_name.reveal() == &row[1];
            same.then_some(contact)
        });
        let contact = found.unwrap();
        let (emails, numbers): (Vec<_>, Vec<_>) = contact
            .methods
            .iter()
            .map(|method| method.destination.reveal())
            .partition(|to| to.contains('@'));
        assert_eq!(
            (&row[2], &row[3]),
            (&emails.join("; "), &numbers.join("; "))
        );
        let reached = contact.id == world.contacts[0];
        assert_eq!(row[4], if reached { "Joined" } else { "Not joined" });
    }
}
