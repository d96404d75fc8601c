//! What programs do with cases and letters, as staff do on the pages.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::api::{Program, program};
use super::*;
use crate::domain::{EntryKind, MethodKind};

/// What of each item of a list a field says.
fn each(list: &Value, field: &str) -> Vec<Value> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|one| one[field].clone()).collect()
}

#[tokio::test]
async fn programs_hold_cases_and_read_what_happened() {
    let firm = firm().await;
    firm.world.clock.advance(Duration::from_secs(1));
    let browser = firm.world.browser("otto").await;
    let letter = firm.case_letter(&browser, "Please send all data").await;
    firm.world.clock.advance(Duration::from_secs(60));
    firm.status(letter.id, EmailStatus::Sent).await;
    let about = ("client", firm.client.to_string());
    firm.letter(&browser, about, firm.client, "Small talk")
        .await;
    firm.world.clock.advance(Duration::from_secs(60));
    let ida = program(&firm.world, "ida").await;
    let path = format!("/api/v1/cases/{}", firm.case);
    let hold = json!({ "hold": true, "reason": "Litigation." });
    ida.post(&format!("{path}/hold"), &hold).await;
    assert_eq!(ida.get(&path).await["legal_hold"], true);

    let log = ida.get(&format!("{path}/log")).await;
    assert_eq!(
        each(&log, "change"),
        [json!("legal hold set"), Value::Null, json!("case opened")]
    );
    assert_eq!(log["items"][0]["detail"], "Litigation.");
    assert!(log["items"][0]["by"].is_string());
    let said = &log["items"][1];
    assert_eq!(said["entry"]["title"], "Please send all data");
    let steps = said["steps"].as_array().unwrap();
    assert_eq!(steps.last().unwrap()["status"], "sent", "{steps:?}");
    let oldest = format!("{path}/log?order=oldest&limit=1");
    let mut turned = Vec::new();
    let mut next = String::new();
    loop {
        let part = ida.get(&format!("{oldest}{next}")).await;
        turned.extend(each(&part, "id"));
        let Some(cursor) = part["next"].as_str() else {
            break;
        };
        next = format!("&cursor={cursor}");
    }
    turned.reverse();
    assert_eq!(turned, each(&log, "id"));
    let upwards = format!("{path}/log?order=up");
    let wrong = ida.refused(Method::GET, &upwards, None).await;
    assert_eq!(wrong.2["errors"][0]["field"], "order");

    let timeline = format!("/api/v1/contacts/{}/timeline", firm.client);
    let told = ida.get(&timeline).await;
    assert_eq!(
        each(&told, "change"),
        [Value::Null, json!("case opened")],
        "no small talk, no holds"
    );
    let lift = json!({ "hold": false });
    let holding = format!("{path}/hold");
    ida.post(&holding, &lift).await;
    assert_eq!(ida.get(&path).await["legal_hold"], false);
    let otto = super::super::api_sending::another(&firm.world, "otto", 7).await;
    let refused = otto.refused(Method::POST, &holding, Some(&lift)).await;
    assert_eq!(refused.1, 403);
    let creditor = format!("/api/v1/contacts/{}/timeline", firm.bank);
    assert_eq!(otto.refused(Method::GET, &creditor, None).await.1, 404);
}

/// The files of an entry, fetched.
async fn fetched(program: &Program<'_>, entry: &str) -> Vec<(String, Vec<u8>)> {
    let path = format!("/api/v1/correspondence/{entry}/files");
    let mut files = Vec::new();
    for file in program.get(&path).await.as_array().unwrap() {
        let got = program.fetch(&format!("{path}/{}", file["index"])).await;
        assert_eq!(got.status, StatusCode::OK);
        assert_eq!(file["size_bytes"], got.bytes.len());
        let disposition = got.headers[header::CONTENT_DISPOSITION].to_str().unwrap();
        assert!(disposition.starts_with("attachment"), "{disposition}");
        files.push((
            file["name"].as_str().unwrap().to_owned(),
            got.bytes.to_vec(),
        ));
    }
    let beyond = format!("{path}/{}", files.len());
    let none = program.refused(Method::GET, &beyond, None).await;
    assert_eq!(none.1, 404);
    files
}

#[tokio::test]
async fn programs_fetch_the_files_of_entries() {
    let firm = firm().await;
    let app = program(&firm.world, "otto").await;
    let note = json!({
        "client": firm.client.to_string(), "type": "letter", "direction": "received",
        "text": "A letter came.",
        "files": [{ "name": "page.txt", "content": "aGVsbG8=" }],
    });
    let noted = app.post("/api/v1/notes", &note).await;
    let files = fetched(&app, noted["id"].as_str().unwrap()).await;
    assert_eq!(files, [("page.txt".to_owned(), b"hello".to_vec())]);
    let otto = firm.world.browser("otto").await;
    let letter = firm.case_letter(&otto, "A question").await;
    let entry = crate::domain::Entry::id_of_delivery(letter.id);
    assert!(fetched(&app, &entry.to_string()).await.is_empty());
}

#[tokio::test]
async fn programs_begin_letters_compose_again_and_correct() {
    let firm = firm().await;
    let app = program(&firm.world, "otto").await;
    let bank = firm.world.repo.contact(firm.bank).unwrap().unwrap();
    let email = bank
        .methods
        .iter()
        .find(|one| one.kind == MethodKind::Email);
    let to = json!({
        "case": firm.case.to_string(), "contact": firm.bank.to_string(),
        "method": email.unwrap().id.to_string(),
    });
    let begun = app.post("/api/v1/letters", &to).await;
    let path = format!("/api/v1/communications/{}", begun["id"].as_str().unwrap());
    let said = json!({
        "category": "general", "channels": ["email"], "subject": "A question", "text": "Why?",
    });
    let put = app.ask(Method::PUT, &path, None, Some(&said)).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT, "{}", put.body);
    app.post(
        &format!("{path}/send"),
        &json!({ "confirm_warnings": true }),
    )
    .await;
    firm.world.expand().await;
    let sent = firm.world.deliveries(firm.bank).remove(0);
    let entry = crate::domain::Entry::id_of_delivery(sent.id);
    let kept = firm.world.repo.entry(entry).unwrap().unwrap();
    assert_eq!((kept.case, kept.kind), (Some(firm.case), EntryKind::Email));

    for (how, relation) in [("again", "again"), ("correct", "correction")] {
        let next = json!({
            how: entry.to_string(), "contact": firm.bank.to_string(), "method": to["method"],
        });
        let made = app.post("/api/v1/letters", &next).await;
        let made = format!("/api/v1/communications/{}", made["id"].as_str().unwrap());
        let draft = app.get(&made).await;
        assert_eq!(draft["subject"], "A question", "{draft}");
        assert!(draft.to_string().contains(relation), "{draft}");
    }
    let mut wrong = to.clone();
    wrong["contact"] = json!(firm.shop.to_string());
    let refused = app
        .refused(Method::POST, "/api/v1/letters", Some(&wrong))
        .await;
    assert_eq!(
        refused.2["errors"][0]["field"], "method",
        "no party of the case"
    );
    wrong["client"] = json!(firm.client.to_string());
    let refused = app
        .refused(Method::POST, "/api/v1/letters", Some(&wrong))
        .await;
    assert_eq!(refused.2["errors"][0]["field"], "client", "two beginnings");
}

#[tokio::test]
async fn a_case_that_is_opened_without_a_reference_gets_the_next_one() {
    let firm = firm().await;
    let app = program(&firm.world, "otto").await;
    let body = json!({ "client": firm.client.to_string() });
    let made = app.post("/api/v1/cases", &body).await;
    let path = format!("/api/v1/cases/{}", made["id"].as_str().unwrap());
    let given = app.get(&path).await["reference"].clone();
    assert!(given.as_str().unwrap().starts_with("DC-2026-"), "{given}");
    assert_ne!(given, "DC-2026-00001");
}
