//! What people amend by themselves, as a program sees it.

use serde_json::json;

use super::super::api::program;
use super::*;

#[tokio::test(start_paused = true)]
async fn a_program_sees_what_people_amend_by_themselves() {
    let public = public().await;
    let program = program(&public.world, "otto").await;
    let (contact, to) = public.somebody();
    let path = format!("/api/v1/contacts/{}", contact.id);
    let before = program.get(&path).await;
    assert_eq!(before["quiet_hours"], json!(null));
    let (cookie, csrf) = public.log_in(&to).await;
    let details = [
        ("csrf", csrf.as_str()),
        ("first_name", "Ada"),
        ("last_name", "Amended"),
        ("language", "fr"),
    ];
    let saved = public.post("/me/details", &cookie, &details).await;
    assert_eq!(saved.location(), "/me?done=saved", "{}", saved.body);
    let wishes = [
        ("csrf", csrf.as_str()),
        ("want-0-email", "yes"),
        ("quiet_from", "22:00"),
        ("quiet_to", "07:00"),
        ("preferred", "text"),
    ];
    let saved = public.post("/me/wishes", &cookie, &wishes).await;
    assert!(saved.status.is_redirection(), "{}", saved.body);
    let now = program.get(&path).await;
    assert_eq!(now["last_name"], "Amended");
    assert_eq!(now["language"], "fr");
    assert_eq!(now["quiet_hours"], json!({"from": "22:00", "to": "07:00"}));
    assert_eq!(now["preferred"], "text");
    let consents = now["consents"].as_array().unwrap();
    assert!(!consents.is_empty());
    assert!(consents.iter().all(|one| one["proof"] == "person"));
    let said = |channel: serde_json::Value, given: bool| {
        let mut all = consents.iter();
        let about = |one: &&serde_json::Value| {
            one["category"] == "alert" && one["channel"] == channel && one["given"] == given
        };
        all.any(|one| about(&one))
    };
    assert!(said(json!("email"), true), "{now}");
    assert!(said(json!(null), false), "by no other channel: {now}");
    let log = program.get(&format!("{path}/log")).await;
    let lines = log["items"].as_array().unwrap().iter();
    let by_person = lines.filter(|one| one["event"] == "changed" && one["by"] == "person");
    assert!(by_person.count() >= 2, "{log}");
    let stored = public.contact(contact.id);
    assert_eq!(stored.last_name.reveal(), "Amended");
    assert_eq!(stored.wishes.preferred, Some(Channel::Text));
}
