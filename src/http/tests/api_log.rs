//! The communications log as programs read it: what a line says and where it leads, and which days.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::api::program;
use super::api_journey::sent;
use super::world::patient_world;
use crate::domain::{Channel, Status, TextStatus};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn a_line_of_the_log_says_how_it_fared_and_leads_to_person_numbers_and_message() {
    let world = patient_world().await;
    let program = program(&world, "otto").await;
    sent(&program).await;
    let ada = world.contacts[0];
    let mut texts = world.deliveries(ada);
    texts.retain(|one| one.channel == Channel::Text);
    let id = texts[0].id.to_string();
    let line = async || {
        let listed = program.get("/api/v1/log?limit=500&channel=text").await;
        let mut lines = listed["items"].as_array().unwrap().iter();
        lines.find(|line| line["id"] == id).unwrap().clone()
    };
    let waits = line().await;
    assert_eq!(
        (&waits["sent_at"], &waits["completed_at"]),
        (&Value::Null, &Value::Null)
    );
    world.clock.advance(Duration::from_secs(120));
    let steps = [TextStatus::Sending, TextStatus::Sent].map(Status::Text);
    world.walk(&texts[0], &steps).await;
    let went = line().await;
    let sent_at = json!("2026-09-21T14:15:20.000Z");
    assert_eq!(
        (&went["status"], &went["sent_at"]),
        (&json!("sent"), &sent_at)
    );
    assert_eq!(went["completed_at"], Value::Null);
    world.clock.advance(Duration::from_secs(60));
    let received = Status::Text(TextStatus::Received);
    world.walk(&texts[0], &[received]).await;
    let came = line().await;
    assert_eq!(
        (&came["status"], &came["sent_at"]),
        (&json!("received"), &sent_at)
    );
    assert_eq!(came["completed_at"], "2026-09-21T14:16:20.000Z");
    assert_eq!(
        (&came["channel"], &came["title"]),
        (&json!("text"), &json!("Flood warning"))
    );
    let name = world.repo.contact(ada).unwrap().unwrap().full_name();
    assert_eq!(came["recipient"], name);

    let linked = |field: &str| came[field].as_str().unwrap().to_owned();
    let contact = format!("/api/v1/contacts/{}", linked("contact"));
    assert_eq!(program.get(&contact).await["first_name"], "Ada");
    let communication = format!("/api/v1/communications/{}", linked("communication"));
    let numbers = program.get(&format!("{communication}/statistics")).await;
    assert_eq!(numbers["people"], world.contacts.len());
    let said = program.get(&communication).await;
    assert_eq!(said["sms_text"], "The river is rising.");
    let message = format!("/api/v1/deliveries/{}", linked("id"));
    let message = program.get(&message).await;
    assert_eq!(message["to"], came["to"]);
    let timeline = message["timeline"].as_array().unwrap();
    assert_eq!(timeline.last().unwrap()["status"], "received");
}

#[tokio::test]
async fn the_log_is_taken_out_by_week_month_or_days_of_ones_own() {
    // The world begins on a Monday afternoon.
    let world = patient_world().await;
    let program = program(&world, "otto").await;
    sent(&program).await;
    let lines = async |query: &str| {
        let file = program.fetch(&format!("/api/v1/log/export?{query}")).await;
        assert_eq!(file.status, StatusCode::OK, "{query}");
        file.rows().len() - 1
    };
    let all = lines("when=all").await;
    assert!(all > world.contacts.len());
    for (days, what, this_week, last_week, this_month) in [
        (0, "Monday", all, 0, all),
        (6, "Sunday", all, 0, all),
        (1, "the next Monday", 0, all, all),
        (3, "October", 0, all, 0),
        (4, "the Monday after", 0, 0, 0),
    ] {
        world.clock.advance(DAY * days);
        assert_eq!(lines("when=this-week").await, this_week, "{what}");
        assert_eq!(lines("when=last-week").await, last_week, "{what}");
        assert_eq!(lines("when=this-month").await, this_month, "{what}");
    }
    let own = "when=custom&from=2026-09-21&to=2026-09-21";
    assert_eq!(lines(own).await, all);
    assert_eq!(lines("when=custom&from=2026-09-22").await, 0);
    assert_eq!(lines("when=custom&to=2026-09-20").await, 0);
}
