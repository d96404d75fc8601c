//! What is kept, what may go, and erasing a person: in the console and over the API.

use std::time::Duration;

use axum::http::{Method, StatusCode};

use super::api::program;
use super::correspondence::firm;
use super::inbox::is_sound;
use super::world::patient_world;
use crate::domain::{Actor, CaseStatus, Role, UserId};

const BY: Actor = Actor::User(UserId::from_bytes([1; 16]));
const SEVEN_YEARS: Duration = Duration::from_secs(7 * 366 * 24 * 3600);

#[tokio::test]
async fn what_is_due_is_shown_and_deleted_by_those_who_may() {
    let firm = firm().await;
    let tracker = &firm.world.tracker;
    let closed = tracker.set_case_status(firm.case, CaseStatus::Closed, "Settled.", BY);
    closed.await.unwrap();
    firm.world.clock.advance(SEVEN_YEARS);
    let ida = firm.world.browser("ida").await;
    let page = ida.get("/retention").await;
    page.assert_has(&[
        "kept for 6 years after the last of it",
        "kept for ever",
        "once somebody confirms it here",
        "DC-2026-00001",
        "Delete what is due",
    ]);
    let question = ida.get("/retention/delete").await;
    question.assert_has(&["Due now: 1.", "cannot be undone"]);
    let answer = ida.post("/retention/delete", &[]).await;
    assert_eq!(answer.location(), "/retention");
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let page = ida.get("/retention").await;
    page.assert_has(&["The last run is over. Dealt with: 1."]);
    assert!(!page.body.contains("DC-2026-00001"));
    assert!(firm.world.repo.case(firm.case).unwrap().is_none());
    is_sound(&firm.world);

    let french = |user: &mut crate::domain::User| user.language = Some("fr".into());
    firm.world.change_user("ida", french).await;
    let page = ida.get("/retention").await;
    page.assert_has(&["Conservation", "conservée 6 ans après le dernier échange"]);
    let otto = firm.world.browser("otto").await;
    for path in ["/retention", "/retention/delete"] {
        assert_eq!(otto.get(path).await.status, StatusCode::FORBIDDEN);
    }
    let refused = otto.post("/retention/delete", &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(!otto.get("/").await.body.contains("\"/retention\""));
}

#[tokio::test]
async fn a_person_is_erased_on_their_page_and_a_client_not_before_time() {
    let firm = firm().await;
    let ida = firm.world.browser("ida").await;
    let citizen = firm.world.contacts[3];
    let name = firm
        .world
        .repo
        .contact(citizen)
        .unwrap()
        .unwrap()
        .full_name();
    let path = format!("/contacts/{citizen}/erase");
    let page = ida.get(&format!("/contacts/{citizen}")).await;
    page.assert_has(&["Erase this person", &path]);
    let question = ida.get(&path).await;
    question.assert_has(&[&name, "cannot be undone", "stays counted"]);
    let done = ida.post(&path, &[]).await;
    done.assert_has(&["This person has been erased.", "keeps this request"]);
    let page = ida.get(&format!("/contacts/{citizen}")).await;
    assert!(!page.body.contains(&name));

    let client = format!("/contacts/{}/erase", firm.client);
    let question = ida.get(&client).await;
    question.assert_has(&["is not closed", "Record the request", "is deleted now"]);
    assert!(!question.body.contains("cannot be undone"));
    let refused = ida.post(&client, &[]).await;
    refused.assert_has(&["cannot be erased now", "is not closed"]);
    let acts = firm.world.audited();
    let count = |end: &str| acts.iter().filter(|entry| entry.act.ends_with(end)).count();
    assert!(count(".erased") > 0);
    assert_eq!(count(".erasure_refused"), 1);
    assert!(acts.iter().all(|entry| !entry.detail.contains(&name)));

    let otto = firm.world.browser("otto").await;
    let page = otto.get(&format!("/contacts/{}", firm.client)).await;
    assert!(!page.body.contains("/erase"));
    assert_eq!(otto.get(&client).await.status, StatusCode::FORBIDDEN);
    assert_eq!(otto.post(&client, &[]).await.status, StatusCode::FORBIDDEN);
    is_sound(&firm.world);
}

#[tokio::test]
async fn programs_read_the_rules_and_erase_people() {
    let firm = firm().await;
    let ida = program(&firm.world, "ida").await;
    let read = ida.get("/api/v1/retention").await;
    assert_eq!(read["correspondence_years"], 6);
    assert_eq!(read["everything_else_years"], serde_json::Value::Null);
    assert_eq!(read["due_count"], 0);
    let path = format!("/api/v1/contacts/{}/erase", firm.bank);
    let (name, status, _) = ida.refused(Method::POST, &path, None).await;
    assert_eq!((name.as_str(), status), ("kept", 409));
    let path = format!("/api/v1/contacts/{}/erase", firm.world.contacts[3]);
    let done = ida.ask(Method::POST, &path, None, None).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let started = ida
        .ask(Method::POST, "/api/v1/retention/delete", None, None)
        .await;
    assert_eq!(started.status, StatusCode::ACCEPTED);
    firm.world.give_role("ida", Role::Operator).await;
    let (_, status, _) = ida.refused(Method::GET, "/api/v1/retention", None).await;
    assert_eq!(status, 403);
    is_sound(&firm.world);
}

#[tokio::test]
async fn nothing_is_due_in_a_new_installation() {
    let world = patient_world().await;
    let ida = world.browser("ida").await;
    let page = ida.get("/retention").await;
    page.assert_has(&["Nothing."]);
    assert!(!page.body.contains("Delete what is due"));
}
