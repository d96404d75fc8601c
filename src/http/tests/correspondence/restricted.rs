//! What belongs to a restricted case is not told by any other way in.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::super::api::program;
use super::super::inbox::comes_in;
use super::{Firm, case, firm, note};
use crate::domain::{Actor, CaseId, Contact, ContactKind, Role};
use crate::store::{Batch, RowBatch};
use crate::tracker::CaseInput;

/// A restricted case in which Otto alone is named.
pub(super) async fn secret(firm: &Firm) -> CaseId {
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
    let bank = firm.bank;
    for path in [
        "/".to_owned(),
        "/communications".to_owned(),
        "/log".to_owned(),
        format!("/log?communication={sent}"),
        "/inbox".to_owned(),
        "/search?q=privileged".to_owned(),
        format!("/contacts/{bank}"),
        format!("/contacts/{bank}/log"),
    ] {
        let page = ida.get(&path).await;
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
    assert_eq!(found["total"], 0, "a number tells that it is there");
    ida.get("/search?q=privileged")
        .await
        .assert_has(&["0 found"]);
    let log = program.get("/api/v1/log").await;
    assert!(!log.to_string().contains("Privileged"), "{log}");
    let log = program.get(&format!("/api/v1/contacts/{bank}/log")).await;
    assert!(!log.to_string().contains(&sent.to_string()), "{log}");
    let of = program
        .refused(
            Method::GET,
            &format!("/api/v1/log?communication={sent}"),
            None,
        )
        .await;
    assert_eq!(of.1, StatusCode::UNPROCESSABLE_ENTITY.as_u16());
    world.submit.install_templates().await.unwrap();
    let template = world.repo.templates().unwrap()[0].id;
    let render = format!("/api/v1/templates/{template}/render");
    let body = json!({ "communication": sent.to_string(), "values": {} });
    let refused = program.refused(Method::POST, &render, Some(&body)).await;
    assert_eq!(refused.1, StatusCode::NOT_FOUND.as_u16());
}

#[tokio::test]
async fn what_is_filed_to_a_restricted_case_is_for_those_named_in_it_from_then_on() {
    let firm = firm().await;
    let secret = secret(&firm).await;
    let world = &firm.world;
    let (otto, ida) = (world.browser("otto").await, world.browser("ida").await);
    for (seed, who) in [(1, firm.client), (2, firm.shop)] {
        let contact = world.repo.contact(who).unwrap().unwrap();
        let address = contact.methods[0].destination.lookup_key();
        comes_in(world, seed, |incoming| {
            incoming.contact = Some(who);
            incoming.from = address.clone();
            incoming.subject = format!("Privileged news {seed}");
        })
        .await;
    }
    let thread = |who| world.repo.threads_of(who, 1).unwrap().remove(0).id;
    let page = format!("/inbox/{}", thread(firm.client));
    assert_eq!(ida.get(&page).await.status, StatusCode::OK, "not filed yet");
    let entry = crate::domain::EntryId::from_bytes([1; 16]);
    let fields = [("case", secret.to_string())];
    let filed = otto
        .post(&format!("/correspondence/{entry}/file"), &fields)
        .await;
    assert_eq!(filed.status, StatusCode::SEE_OTHER, "{}", filed.body);
    assert_eq!(otto.get(&page).await.status, StatusCode::OK);
    assert_eq!(ida.get(&page).await.status, StatusCode::NOT_FOUND);
    let inbox = ida.get("/inbox").await;
    inbox.assert_has(&["Privileged news 2"]);
    assert!(!inbox.body.contains("Privileged news 1"), "{}", inbox.body);
    // Nor by a place in another thread that one may see.
    let program = program(world, "ida").await;
    let other = format!("/api/v1/inbox/{}/messages", thread(firm.shop));
    let mut aside = b"im".to_vec();
    aside.extend(thread(firm.client).as_bytes());
    aside.push(0xff);
    for place in [b"in".to_vec(), aside, Vec::new(), vec![0], vec![0xff]] {
        let cursor = data_encoding::BASE64URL_NOPAD.encode(&place);
        let answer = program
            .ask(Method::GET, &format!("{other}?cursor={cursor}"), None, None)
            .await;
        assert!(
            !answer.body.contains("Privileged news 1"),
            "{}",
            answer.body
        );
    }
    // Somebody who is no client any more was one then.
    let old = world.repo.contact(firm.client).unwrap().unwrap();
    let mut batch = Batch::new();
    let citizen = Contact {
        kind: ContactKind::Citizen,
        ..old.value.clone()
    };
    batch.replace(&old, &citizen);
    world.repo.store().commit(batch).await.unwrap();
    assert_eq!(ida.get(&page).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_restricted_case_is_for_those_named_in_it() {
    let firm = firm().await;
    let secret = case(&firm.world, "DC-2026-00008", firm.client, firm.bank, true).await;
    let users = firm.world.repo.users(9).unwrap();
    let named = users.iter().find(|user| user.login == "otto").unwrap();
    let input = CaseInput {
        reference: "DC-2026-00008".into(),
        title: "Privileged".into(),
        client: firm.client,
        creditors: Vec::new(),
        responsible: Some(named.id),
        team: Vec::new(),
        restricted: true,
    };
    let tracker = &firm.world.tracker;
    let changed = tracker.change_case(secret, None, &input, Actor::Gateway);
    changed.await.unwrap();
    let (otto, ida) = (
        firm.world.browser("otto").await,
        firm.world.browser("ida").await,
    );
    let form = otto.get(&format!("/notes/new?case={secret}")).await;
    let (id, case, with) = (
        form.hidden("id"),
        secret.to_string(),
        firm.client.to_string(),
    );
    let fields = [
        ("id", id.as_str()),
        ("case", case.as_str()),
        ("with", with.as_str()),
        ("at", "2026-09-20T10:00"),
        ("text", "Privileged advice."),
    ];
    let kept = firm.world.send(note(&otto, &fields, None)).await;
    assert_eq!(kept.status, StatusCode::SEE_OTHER, "{}", kept.body);
    let client = format!("/contacts/{}/correspondence", firm.client);
    otto.get(&client).await.assert_has(&["Privileged advice."]);
    let whole = format!("/cases/{secret}");
    let entry = format!("/correspondence/{id}");
    for path in [&client, "/correspondence", "/cases"] {
        let page = ida.get(path).await;
        assert_eq!(page.status, StatusCode::OK);
        for secret in ["Privileged advice.", "DC-2026-00008"] {
            assert!(!page.body.contains(secret), "{path} tells {secret}");
        }
    }
    for path in [whole.clone(), entry, format!("{whole}/log")] {
        assert_eq!(ida.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(otto.get(&path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(named.role, Role::Operator);
}
