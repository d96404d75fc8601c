//! Cases, correspondence and notes for programs.

use axum::http::Method;
use serde_json::json;

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
