//! Whom a conversation can be given to, and what is put right beside it.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::super::api::program;
use super::super::inbox_people::from_stranger;
use super::super::issues::cover;
use super::super::world::world;
use super::thread;
use crate::domain::{CaseScope, Contact, ContactId, ContactKind, MethodKind, Role};
use crate::store::{Batch, RowBatch};

#[tokio::test]
async fn a_conversation_is_given_only_to_those_who_log_in_and_may_see_it() {
    let world = world().await;
    let id = thread(&world, 1).await;
    for login in ["gone", "far"] {
        world.add_somebody(login, Role::Operator).await;
    }
    world.change_user("gone", |user| user.disabled = true).await;
    cover(&world, "far", vec![world.areas[1]]).await;
    let ada = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    assert_eq!(ada.area, Some(world.areas[0]));
    let user = |login| world.repo.user_by_login(login).unwrap().unwrap().id;
    let ida = world.browser("ida").await;
    let page = ida.get(&format!("/inbox/{id}")).await;
    let offered = |login| format!("<option value=\"{}\"", user(login));
    page.assert_has(&[&offered("otto")]);
    let program = program(&world, "ida").await;
    for login in ["gone", "far", "app"] {
        assert!(!page.body.contains(&offered(login)), "{login} is offered");
        let to = [("to", user(login).to_string())];
        let refused = ida.post(&format!("/inbox/{id}/assign"), &to).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{login}");
        let body = json!({ "to": user(login).to_string() });
        let path = format!("/api/v1/inbox/{id}/assign");
        let refused = program.refused(Method::POST, &path, Some(&body)).await;
        assert_eq!(refused.1, 422, "{login}: {refused:?}");
    }
    assert_eq!(world.repo.thread(id).unwrap().unwrap().assigned, None);
    cover(&world, "far", vec![world.areas[0]]).await;
    let to = [("to", user("far").to_string())];
    let given = ida.post(&format!("/inbox/{id}/assign"), &to).await;
    assert_eq!(given.location(), format!("/inbox/{id}?done=assigned"));
}

#[tokio::test]
async fn a_doubtful_address_is_asked_about_beside_a_conversation_too() {
    let world = world().await;
    let id = thread(&world, 1).await;
    let ada = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let mut methods = ada.methods.iter();
    let email = methods
        .find(|one| one.kind == MethodKind::Email)
        .unwrap()
        .id;
    let ida = world.browser("ida").await;
    let path = format!("/inbox/{id}/methods/{email}/correct");
    let to = "ada@gmial.com".to_owned();
    let asked = ida.post(&path, &[("to", to.clone())]).await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    let sure = format!("name=\"sure\" value=\"{to}\"");
    asked.assert_has(&["Did you mean gmail.com?", &sure]);
    let now = || {
        let ada = world.repo.contact(world.contacts[0]).unwrap().unwrap();
        ada.method(email).unwrap().destination.reveal().to_owned()
    };
    assert_ne!(now(), to);
    let taken = ida
        .post(&path, &[("to", to.clone()), ("sure", to.clone())])
        .await;
    assert_eq!(taken.location(), format!("/inbox/{id}?done=corrected"));
    assert_eq!(now(), to);
}

#[tokio::test]
async fn a_conversation_is_given_to_no_contact_whom_one_does_not_see() {
    let world = world().await;
    let id = from_stranger(&world, 1, |_| {}).await;
    let old = world.repo.contact(world.contacts[0]).unwrap().unwrap();
    let mut batch = Batch::new();
    let client = Contact {
        kind: ContactKind::Client,
        ..old.value.clone()
    };
    batch.replace(&old, &client);
    world.repo.store().commit(batch).await.unwrap();
    world
        .change_user("otto", |user| user.case_scope = CaseScope::None)
        .await;
    let (otto, program) = (world.browser("otto").await, program(&world, "otto").await);
    let (page, api) = (
        format!("/inbox/{id}/attach"),
        format!("/api/v1/inbox/{id}/attach"),
    );
    let mut answers = Vec::new();
    for contact in [world.contacts[0], ContactId::from_bytes([7; 16])] {
        let to = [("contact", contact.to_string())];
        let refused = otto.post(&page, &to).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        refused.assert_has(&["This contact is not there any more"]);
        let body = json!({ "contact": contact.to_string() });
        answers.push(program.refused(Method::POST, &api, Some(&body)).await);
    }
    assert_eq!(answers[0].1, 422, "{answers:?}");
    assert_eq!(answers[0].2["errors"], answers[1].2["errors"]);
    assert_eq!(world.repo.thread(id).unwrap().unwrap().contact, None);
}
