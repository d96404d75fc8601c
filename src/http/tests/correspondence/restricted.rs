//! What belongs to a restricted case is not told by any other way in.

use axum::http::StatusCode;

use super::super::api::program;
use super::super::inbox::comes_in;
use super::{Firm, case, firm};
use crate::domain::{Actor, CaseId};
use crate::tracker::CaseInput;

/// A restricted case in which Otto alone is named.
async fn secret(firm: &Firm) -> CaseId {
    let secret = case(&firm.world, "DC-2026-00008", firm.client, firm.bank, true).await;
    let otto = firm.world.repo.user_by_login("otto").unwrap().unwrap();
    let known = firm.world.repo.case(secret).unwrap().unwrap();
    let input = CaseInput {
        reference: known.reference.clone(),
        title: known.title.clone(),
        client: firm.client,
        creditors: known.creditors.clone(),
        responsible: Some(otto.id),
        team: Vec::new(),
        restricted: true,
    };
    let changed = firm
        .world
        .tracker
        .change_case(secret, None, &input, Actor::Gateway);
    changed.await.unwrap();
    secret
}

#[tokio::test]
async fn letters_and_replies_of_a_restricted_case_are_nowhere_to_be_found() {
    let firm = firm().await;
    let secret = secret(&firm).await;
    let world = &firm.world;
    let (otto, ida) = (world.browser("otto").await, world.browser("ida").await);
    let about = ("case", secret.to_string());
    let letter = firm
        .letter(&otto, about, firm.bank, "Privileged offer")
        .await;
    let address = letter.destination.lookup_key();
    comes_in(world, 1, |incoming| {
        incoming.contact = Some(firm.bank);
        incoming.from = address.clone();
        incoming.answers = Some(letter.id);
        incoming.subject = "Re: Privileged offer".into();
    })
    .await;
    let stop = tokio_util::sync::CancellationToken::new();
    world.app.console.search.catch_up(&stop).await.unwrap();
    let thread = world.repo.threads_of(firm.bank, 1).unwrap().remove(0).id;
    let (sent, delivery) = (letter.communication, letter.id);
    for path in [
        format!("/communications/{sent}"),
        format!("/communications/{sent}/preview"),
        format!("/communications/{sent}/people/{}", firm.bank),
        format!("/deliveries/{delivery}"),
        format!("/inbox/{thread}"),
    ] {
        assert_eq!(ida.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
        assert_ne!(
            otto.get(&path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    for path in [
        "/",
        "/communications",
        "/log",
        "/inbox",
        "/search?q=privileged",
    ] {
        let page = ida.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let told = page.body.replace("value=\"privileged\"", "");
        assert!(
            !told.to_lowercase().contains("privileged"),
            "{path} tells:\n{told}"
        );
    }
    let found = otto.get("/search?q=privileged").await.body;
    assert!(found.contains("<mark>Privileged</mark>"), "{found}");
    let program = program(world, "ida").await;
    let found = program.get("/api/v1/search?q=privileged").await;
    assert_eq!(found["items"].as_array().map(Vec::len), Some(0), "{found}");
    let log = program.get("/api/v1/log").await;
    assert!(!log.to_string().contains("Privileged"), "{log}");
}
