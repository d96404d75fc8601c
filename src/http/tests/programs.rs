//! The page on which people read the API and try it.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::Value;

use super::super::api::reading::OPERATIONS;
use super::super::assets::ASSETS;
use super::languages::{assert_french, in_french};
use super::world::{world, world_with};

#[tokio::test]
async fn every_operation_stands_under_its_tag_with_what_it_takes() {
    let world = world().await;
    assert_ne!(world.get("/api").await.status, StatusCode::OK, "no session");
    let otto = world.browser("otto").await;
    let document = world.get("/api/v1/openapi.json").await;
    let document: Value = serde_json::from_str(&document.body).unwrap();
    let mut described = BTreeSet::new();
    for operations in document["paths"].as_object().unwrap().values() {
        for operation in operations.as_object().unwrap().values() {
            described.insert(operation["operationId"].as_str().unwrap().to_owned());
        }
    }
    let mut shown = BTreeSet::new();
    let tags: BTreeSet<&str> = OPERATIONS.iter().map(|one| one.tag.as_str()).collect();
    for tag in &tags {
        let page = otto.get(&format!("/api?tag={tag}")).await;
        assert_eq!(page.status, StatusCode::OK);
        let known = OPERATIONS.iter().filter(|one| one.tag == *tag);
        for operation in known {
            page.assert_has(&[
                &format!("<h2 id=\"{}\"", operation.id),
                &format!("data-method=\"{}\"", operation.method),
            ]);
            let again = !shown.insert(operation.id.clone());
            assert!(!again, "{} stands twice", operation.id);
        }
        assert!(!page.body.contains("<script>"), "scripts are files");
    }
    assert_eq!(shown, described);
    let first = otto.get("/api").await;
    let current = format!(
        "href=\"/api?tag={}\" lang=\"en\" aria-current",
        tags.first().unwrap()
    );
    first.assert_has(&[&current, "type=\"submit\" disabled", &ASSETS.programs]);
    let script = world.get(&ASSETS.programs).await;
    assert_eq!(script.status, StatusCode::OK);
}

#[test]
fn examples_hold_what_has_to_be_there() {
    let named = |id: &str| OPERATIONS.iter().find(|one| one.id == id).unwrap();
    let draft = named("createCommunication").body.as_ref().unwrap();
    let example: Value = serde_json::from_str(&draft.example).unwrap();
    assert_eq!(example["category"], "alert");
    assert_eq!(example["channels"], serde_json::json!(["email"]));
    assert!(example.get("html").is_none(), "what may be left out is");
    let field = |name: &str| draft.fields.iter().find(|one| one.name == name).unwrap();
    assert!(field("category").required && !field("html").required);
    assert_eq!(field("audience").kind, "AudienceAsked");
    assert_eq!(field("channels").kind, "list of string");
    let list = named("listCases");
    let limit = list.parameters.iter().find(|one| one.name == "limit");
    assert_eq!(limit.unwrap().place, "query");
    assert!(
        named("addAttachment")
            .body
            .as_ref()
            .unwrap()
            .example
            .is_empty()
    );
    for operation in OPERATIONS.iter() {
        let body = operation.body.iter().filter(|body| body.is_json());
        for body in body {
            let read: Result<Value, _> = serde_json::from_str(&body.example);
            assert!(read.is_ok(), "{}: {}", operation.id, body.example);
        }
    }
}

#[tokio::test]
async fn the_page_speaks_french() {
    let world = world_with(in_french()).await;
    let page = world.browser("otto").await.get("/api?tag=cases").await;
    assert_french(&page);
    page.assert_has(&["API pour programmes"]);
}

#[test]
fn operations_name_the_headers_that_they_take_and_whose_accounts_they_are_for() {
    let named = |id: &str| OPERATIONS.iter().find(|one| one.id == id).unwrap();
    let headers = |id: &str| -> Vec<&str> {
        let all = named(id).parameters.iter();
        let headers = all.filter(|one| one.place == "header");
        headers.map(|one| one.name.as_str()).collect()
    };
    for (id, taken) in [
        ("createCase", &["Idempotency-Key"][..]),
        ("changeCase", &["If-Match"]),
        ("amendUser", &["If-Match"]),
        ("changeContact", &["If-Match"]),
        ("renderTemplate", &[]),
        ("createUser", &[]),
        ("listCases", &[]),
        ("setPassword", &[]),
    ] {
        assert_eq!(headers(id), taken, "{id}");
    }
    let everybody = |id: &str| named(id).says.contains("For accounts that see everybody.");
    assert!(everybody("listUsers") && everybody("createWebhook"));
    assert!(!everybody("listCases") && !everybody("getMe"));
}
