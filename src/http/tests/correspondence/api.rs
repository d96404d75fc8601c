//! Cases, correspondence and notes for programs.

use axum::http::Method;
use serde_json::{Value, json};

use super::super::api::program;
use super::*;

#[tokio::test]
async fn programs_keep_cases_and_notes_and_read_correspondence() {
    let firm = firm().await;
    let app = program(&firm.world, "app").await;
    let body = json!({
        "reference": "DC-2026-00050", "title": "A loan", "client": firm.client.to_string(),
        "creditors": [{ "contact": firm.shop.to_string(), "account": "77" }],
    });
    let made = app.post("/api/v1/cases", &body).await;
    let path = format!("/api/v1/cases/{}", made["id"].as_str().unwrap());
    let (name, status, _) = app
        .refused(Method::POST, "/api/v1/cases", Some(&body))
        .await;
    assert_eq!((name.as_str(), status), ("validation", 422), "taken");
    let closed = json!({ "status": "closed", "reason": "Settled" });
    app.post(&format!("{path}/status"), &closed).await;
    assert_eq!(app.get(&path).await["status"], "closed");
    let listed = app.get("/api/v1/cases?status=closed").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);

    let note = json!({
        "case": made["id"], "with": firm.shop.to_string(), "type": "call", "direction": "received",
        "text": "They called.", "at": "2026-09-20T10:00:00Z",
        "files": [{ "name": "notes.txt", "content": "aGVsbG8=" }],
    });
    let noted = app.post("/api/v1/notes", &note).await;
    let entry = format!("/api/v1/correspondence/{}", noted["id"].as_str().unwrap());
    let read = app.get(&entry).await;
    assert_eq!(read["text"], "They called.");
    assert_eq!(read["party"], "creditor");
    assert_eq!(read["at"], "2026-09-20T10:00:00.000Z");
    let right = json!({
        "corrects": noted["id"], "type": "call", "direction": "received", "text": "They wrote.",
    });
    let right = app.post("/api/v1/notes", &right).await;
    for of in [
        "/api/v1/correspondence?status=noted&direction=received".to_owned(),
        format!("{path}/correspondence"),
        format!("/api/v1/contacts/{}/correspondence", firm.client),
        format!("/api/v1/contacts/{}/correspondence", firm.shop),
    ] {
        let items = app.get(&of).await["items"].clone();
        let ids: Vec<_> = items
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].clone())
            .collect();
        assert_eq!(ids, [right["id"].clone(), noted["id"].clone()], "{of}");
    }
    let none = app.get("/api/v1/correspondence?recipient=client").await;
    assert!(none["items"].as_array().unwrap().is_empty());
    let (_, status, _) = app
        .refused(
            Method::POST,
            &format!("{entry}/file"),
            Some(&json!({ "case": firm.case.to_string() })),
        )
        .await;
    assert_eq!(status, 422, "a note is not filed");
}

#[tokio::test]
async fn cases_opened_at_once_have_references_of_their_own() {
    let firm = firm().await;
    let otto = program(&firm.world, "otto").await;
    let asked = json!({"client": firm.client.to_string(), "title": "Two cards"});
    let open = || otto.ask(Method::POST, "/api/v1/cases", None, Some(&asked));
    let (one, two, three) = tokio::join!(open(), open(), open());
    let mut references = Vec::new();
    for answer in [one, two, three] {
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        let made: Value = serde_json::from_str(&answer.body).unwrap();
        let id = made["id"].as_str().unwrap();
        let case = firm.world.repo.case(id.parse().unwrap()).unwrap().unwrap();
        references.push(case.reference.clone());
    }
    references.sort();
    references.dedup();
    assert_eq!(references.len(), 3, "{references:?}");
}

#[tokio::test]
async fn a_log_goes_on_behind_what_is_gone() {
    let firm = firm().await;
    let world = &firm.world;
    let browser = world.browser("otto").await;
    let second = Duration::from_secs(1);
    world.clock.advance(second);
    let letter = firm.case_letter(&browser, "Please send all data").await;
    world.clock.advance(second);
    firm.case_letter(&browser, "A reminder").await;
    let otto = program(world, "otto").await;
    for list in [
        format!("/api/v1/cases/{}/log", firm.case),
        format!("/api/v1/contacts/{}/timeline", firm.client),
    ] {
        let whole = otto.get(&format!("{list}?order=oldest")).await;
        assert_eq!(whole["items"].as_array().unwrap().len(), 3);
        assert_eq!(whole["items"][1]["id"], letter.id.to_string());
    }
    // Its row goes away behind the back of the index, as between two reads of one page.
    let entry = crate::domain::EntryId::from_bytes(*letter.id.as_bytes());
    let mut batch = Batch::new();
    batch.delete(crate::store::keys::entry(entry));
    world.repo.store().commit(batch).await.unwrap();
    for list in [
        format!("/api/v1/cases/{}/log?order=oldest", firm.case),
        format!("/api/v1/contacts/{}/timeline?order=oldest", firm.client),
    ] {
        let first = otto.get(&format!("{list}&limit=2")).await;
        assert_eq!(first["items"].as_array().unwrap().len(), 1);
        let next = first["next"].as_str().unwrap();
        let last = otto.get(&format!("{list}&limit=2&cursor={next}")).await;
        let items = last["items"].as_array().unwrap();
        assert_eq!(items[0]["entry"]["title"], "A reminder", "{last}");
    }
}
