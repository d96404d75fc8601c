//! A token does what its scopes say, and never more than its user.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::super::api::{draft, program, program_scoped};
use super::super::languages::assert_french;
use super::super::world::world;
use crate::domain::{ApiToken, Permission, Permissions, Role};

#[tokio::test]
async fn a_token_does_what_its_scopes_say_and_no_more_than_its_user() {
    let world = world().await;
    let scopes = Permissions::of(&[Permission::See, Permission::Administer]);
    let program = program_scoped(&world, "otto", scopes).await;
    program.get("/api/v1/contacts").await;
    let body = draft(&world);
    let write = "/api/v1/communications";
    let refused = program.refused(Method::POST, write, Some(&body)).await;
    assert_eq!(refused.1, 403, "it may read alone");
    let refused = program.refused(Method::GET, "/api/v1/users", None).await;
    assert_eq!(refused.1, 403, "an operator administers nothing");
    let me = program.get("/api/v1/me").await;
    assert_eq!(me["may"], json!(["see"]));
    world.give_role("otto", Role::Administrator).await;
    let refused = program.refused(Method::GET, "/api/v1/users", None).await;
    assert_eq!(refused.1, 403, "a token does not grow with its user");
}

#[tokio::test]
async fn a_token_from_before_there_were_scopes_does_what_its_user_may() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let me = program.get("/api/v1/me").await;
    let all: Vec<&str> = Role::Operator
        .permissions()
        .iter()
        .map(Permission::as_str)
        .collect();
    assert_eq!(me["may"], json!(all));
    world.give_role("otto", Role::Viewer).await;
    let body = draft(&world);
    let write = "/api/v1/communications";
    let refused = program.refused(Method::POST, write, Some(&body)).await;
    assert_eq!(refused.1, 403);
}

#[tokio::test]
async fn scopes_are_asked_for_when_a_token_is_made_and_shown_in_the_list() {
    let world = world().await;
    let otto = world.repo.user_by_login("otto").unwrap().unwrap().id;
    let path = format!("/users/{otto}/tokens");
    let ida = world.browser("ida").await;
    let page = ida.get(&path).await;
    page.assert_has(&["value=\"see\" checked", "Send and answer"]);
    assert!(
        !page.body.contains("value=\"administer\""),
        "more than he may"
    );
    let fields = |scopes: &[&str]| {
        let named = scopes.iter().map(|one| ("scope", (*one).to_owned()));
        let rest = [("name", "Rota".to_owned()), ("days", "30".to_owned())];
        rest.into_iter().chain(named).collect::<Vec<_>>()
    };
    for none in [&[][..], &["administer"], &["everything"]] {
        let refused = ida.post(&path, &fields(none)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{none:?}");
        refused.assert_has(&["Tick what the program may do."]);
    }
    let made = ida
        .post(&path, &fields(&["write", "see", "administer"]))
        .await;
    assert_eq!(made.status, StatusCode::OK);
    let tokens = world.repo.tokens_of(otto, 9).unwrap();
    let [token] = tokens.as_slice() else {
        panic!("{tokens:?}");
    };
    let wanted = Permissions::of(&[Permission::See, Permission::Write]);
    assert_eq!(ApiToken::clone(token).scopes, Some(wanted));
    ida.get(&path).await.assert_has(&["Read, Write drafts"]);
    let program = program(&world, "ida").await;
    let listed = program.get(&format!("/api/v1{path}")).await;
    assert_eq!(listed[0]["scopes"], json!(["see", "write"]));
    let id = listed[0]["id"].as_str().unwrap();
    let of_token = format!("/api/v1{path}/{id}");
    let gone = program.ask(Method::DELETE, &of_token, None, None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let listed = program.get(&format!("/api/v1{path}")).await;
    assert!(listed[0]["revoked_at"].is_string(), "{listed}");
    world
        .change_user("ida", |user| user.language = Some("fr".to_owned()))
        .await;
    let page = ida.get(&path).await;
    assert_french(&page);
    page.assert_has(&["Lire, Écrire des brouillons"]);
    let refused = world.browser("otto").await.get(&path).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}
