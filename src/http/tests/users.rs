//! What users set for themselves, and what administrators do about users.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::super::ConsoleSettings;
use super::api::program;
use super::languages::assert_french;
use super::world::{Answer, Browser, PASSWORD, World, cookie_of, post, world, world_with};
use crate::domain::{AuditActor, Role, Subject, SubjectKind, User, Via};

const OTHER: &str = "another good password";

fn stored(world: &World, login: &str) -> User {
    world.repo.user_by_login(login).unwrap().unwrap().value
}

fn settings(fields: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut all: Vec<(&'static str, String)> = ["language", "time_zone", "email", "mobile"]
        .map(|name| (name, String::new()))
        .into();
    all.push(("name", "Ida Bell".to_owned()));
    for (name, value) in fields {
        all.retain(|(known, _)| known != name);
        all.push((*name, (*value).to_owned()));
    }
    all
}

async fn try_login(world: &World, login: &str, password: &str) -> Answer {
    let form = world.get("/login").await;
    let fields = [
        ("form_token", form.hidden("form_token")),
        ("login", login.to_owned()),
        ("password", password.to_owned()),
    ];
    world.send(post("/login", &cookie_of(&form), &fields)).await
}

async fn set_password(browser: &Browser<'_>, old: &str, new: &str, again: &str) -> Answer {
    let fields = [
        ("old_password", old.to_owned()),
        ("password", new.to_owned()),
        ("again", again.to_owned()),
    ];
    browser.post("/me/password", &fields).await
}

#[tokio::test]
async fn the_pages_follow_what_a_user_chose() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let form = browser.get("/me").await;
    form.assert_has(&[
        "<option value=\"Europe/Paris\">",
        "As the installation: English",
        "<option value=\"fr\" lang=\"fr\">Français</option>",
    ]);
    let fields = settings(&[
        ("language", "fr"),
        ("time_zone", "Asia/Tokyo"),
        ("email", "ida@example.org"),
        ("mobile", "07700 900123"),
        ("notify_replies", "1"),
    ]);
    let saved = browser.post("/me", &fields).await;
    assert_eq!(saved.location(), "/me?done=settings", "{}", saved.body);
    let page = browser.get("/me?done=settings").await;
    assert_french(&page);
    page.assert_has(&[
        "Vos réglages sont enregistrés.",
        "Asia/Tokyo",
        "ida@example.org",
        "+447700900123",
    ]);
    assert_french(&browser.get("/nowhere").await);
    assert!(stored(&world, "ida").notify_replies);
    world
        .browser("otto")
        .await
        .get("/")
        .await
        .assert_has(&["<html lang=\"en\">"]);
}

#[tokio::test]
async fn wrong_settings_name_their_fields_and_change_nothing() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let before = stored(&world, "ida");
    let fields = settings(&[
        ("name", " "),
        ("language", "xx"),
        ("time_zone", "Europe/Atlantis"),
        ("email", "ida"),
        ("mobile", "12"),
    ]);
    let answer = browser.post("/me", &fields).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.assert_has(&[
        "<a href=\"#name\">Name: Enter a name.</a>",
        "<a href=\"#language\">Language: Choose one of the languages.</a>",
        "<a href=\"#time_zone\">Time zone: Choose a zone of the list",
        "This is not an email address: it has no @.",
        "This is not a telephone number: it has too many or too few digits",
        "value=\"Europe/Atlantis\"",
        "value=\"12\"",
    ]);
    assert_eq!(stored(&world, "ida"), before);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let world = world().await;
    let (here, elsewhere) = (world.browser("ida").await, world.browser("ida").await);
    for (old, new, again, says) in [
        ("guess", OTHER, OTHER, "This is not your password."),
        (PASSWORD, "short", "short", "at least 10 characters"),
        (PASSWORD, OTHER, "another", "The two passwords differ."),
    ] {
        let answer = set_password(&here, old, new, again).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        answer.assert_has(&[says]);
        assert!(!answer.body.contains(OTHER), "a password came back");
    }
    let done = set_password(&here, PASSWORD, OTHER, OTHER).await;
    assert_eq!(done.location(), "/me?done=password");
    assert_eq!(here.get("/").await.status, StatusCode::OK);
    assert_eq!(elsewhere.get("/").await.status, StatusCode::SEE_OTHER);
    let old = try_login(&world, "ida", PASSWORD).await;
    assert_eq!(old.status, StatusCode::UNPROCESSABLE_ENTITY);
    let new = try_login(&world, "ida", OTHER).await;
    assert_eq!(new.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn guessing_the_present_password_has_to_wait() {
    let world = world_with(ConsoleSettings {
        login_failures_max: 2,
        ..ConsoleSettings::default()
    })
    .await;
    let browser = world.browser("ida").await;
    for _ in 0..2 {
        let answer = set_password(&browser, "guess", OTHER, OTHER).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let answer = set_password(&browser, PASSWORD, OTHER, OTHER).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn an_administrator_adds_and_changes_users() {
    let world = world().await;
    let ida = world.browser("ida").await;
    let fields = [
        ("login", " Zoe ".to_owned()),
        ("name", "Zoë Quill".to_owned()),
        ("role", "operator".to_owned()),
        ("email", "zoe@example.org".to_owned()),
        ("area", world.areas[0].to_string()),
        ("password", OTHER.to_owned()),
    ];
    let added = ida.post("/users", &fields).await;
    assert_eq!(added.location(), "/users?done=user_added", "{}", added.body);
    let zoe = stored(&world, "zoe");
    assert_eq!(
        (zoe.role, zoe.areas.as_slice()),
        (Role::Operator, &world.areas[..1])
    );
    let entered = try_login(&world, "zoe", OTHER).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER);
    let again = ida.post("/users", &fields).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    again.assert_has(&["Somebody has this login name.", "Zoë Quill"]);
    ida.get("/users")
        .await
        .assert_has(&["Zoë Quill", "May log in"]);
    let path = format!("/users/{}", zoe.id);
    let fields = [
        ("name", "Zoë Q.".to_owned()),
        ("role", "administrator".to_owned()),
        ("email", String::new()),
    ];
    let changed = ida.post(&path, &fields).await;
    assert_eq!(changed.location(), format!("{path}?done=user_changed"));
    let zoe = stored(&world, "zoe");
    assert_eq!(
        (zoe.name.as_str(), zoe.role),
        ("Zoë Q.", Role::Administrator)
    );
    assert!(zoe.areas.is_empty() && zoe.email.is_none());
}

#[tokio::test]
async fn disabling_ends_sessions_and_keeps_out() {
    let world = world().await;
    let (ida, otto) = (world.browser("ida").await, world.browser("otto").await);
    let path = format!("/users/{}", stored(&world, "otto").id);
    let ask = ida.get(&format!("{path}/disable")).await;
    ask.assert_has(&["Disable Otto Bell?"]);
    assert_eq!(
        otto.get("/").await.status,
        StatusCode::OK,
        "asking changes nothing"
    );
    let done = ida.post(&format!("{path}/disable"), &[]).await;
    assert_eq!(done.location(), format!("{path}?done=user_disabled"));
    assert_eq!(otto.get("/").await.status, StatusCode::SEE_OTHER);
    let refused = try_login(&world, "otto", PASSWORD).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&["Login name or password is wrong."]);
    ida.post(&format!("{path}/enable"), &[]).await;
    let entered = try_login(&world, "otto", PASSWORD).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_administrator_keeps_their_own_rights_and_resets_others_passwords() {
    let world = world().await;
    let (ida, otto) = (world.browser("ida").await, world.browser("otto").await);
    let own = format!("/users/{}", stored(&world, "ida").id);
    let disabled = ida.post(&format!("{own}/disable"), &[]).await;
    assert_eq!(disabled.status, StatusCode::UNPROCESSABLE_ENTITY);
    disabled.assert_has(&["nobody takes their own rights away"]);
    let fields = [("name", "Ida".to_owned()), ("role", "operator".to_owned())];
    let demoted = ida.post(&own, &fields).await;
    assert_eq!(demoted.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(stored(&world, "ida").administers());
    let path = format!("/users/{}/password", stored(&world, "otto").id);
    ida.post(&path, &[("password", OTHER.to_owned())]).await;
    assert_eq!(otto.get("/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        try_login(&world, "otto", OTHER).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn operators_change_no_users() {
    let world = world().await;
    let otto = world.browser("otto").await;
    let before = world.repo.users(10).unwrap().len();
    let ida = stored(&world, "ida");
    for path in ["/users", "/users/new", &format!("/users/{}", ida.id)] {
        assert_eq!(otto.get(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    for path in ["", "/password", "/disable", "/enable"] {
        let path = format!("/users/{}{path}", ida.id);
        let fields = [
            ("password", OTHER.to_owned()),
            ("role", "operator".to_owned()),
        ];
        let answer = otto.post(&path, &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    let added = otto.post("/users", &[("login", "x".to_owned())]).await;
    assert_eq!(added.status, StatusCode::FORBIDDEN);
    assert_eq!(world.repo.users(10).unwrap().len(), before);
    assert_eq!(stored(&world, "ida"), ida);
}

#[tokio::test]
async fn programs_add_users_keep_them_out_and_set_passwords() {
    let world = world().await;
    let ida = program(&world, "ida").await;
    let zoe = json!({
        "login": " Zoe ", "name": "Zoë Quill", "role": "operator", "password": OTHER,
        "areas": [world.areas[0].to_string()], "cases": "own", "email": "zoe@example.org",
    });
    let made = ida.post("/api/v1/users", &zoe).await;
    let path = format!("/api/v1/users/{}", made["id"].as_str().unwrap());
    let read = ida.get(&path).await;
    assert_eq!(
        (&read["login"], &read["cases"]),
        (&json!("zoe"), &json!("own"))
    );
    assert_eq!(read["areas"], zoe["areas"]);
    let entered = try_login(&world, "zoe", OTHER).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER);
    for (field, value) in [
        ("login", "zoe"),
        ("role", "application"),
        ("password", "short"),
        ("email", "nothing"),
    ] {
        let mut wrong = zoe.clone();
        wrong["login"] = json!("yann");
        wrong[field] = json!(value);
        let refused = ida.refused(Method::POST, "/api/v1/users", Some(&wrong));
        assert_eq!(refused.await.2["errors"][0]["field"], field);
    }
    let none = json!({ "email": null });
    ida.ask(Method::PATCH, &path, None, Some(&none)).await;
    assert_eq!(stored(&world, "zoe").email, None);
    for (step, status) in [
        ("disable", StatusCode::UNPROCESSABLE_ENTITY),
        ("enable", StatusCode::SEE_OTHER),
    ] {
        let place = format!("{path}/{step}");
        let done = ida.ask(Method::POST, &place, None, None).await;
        assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.body);
        assert_eq!(try_login(&world, "zoe", OTHER).await.status, status);
    }
    let new = json!({ "password": "a third good password" });
    let place = format!("{path}/password");
    let done = ida.ask(Method::PUT, &place, None, Some(&new)).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.body);
    let entered = try_login(&world, "zoe", "a third good password").await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER);
    let own = format!("/api/v1/users/{}", stored(&world, "ida").id);
    let disable = format!("{own}/disable");
    assert_eq!(ida.refused(Method::POST, &disable, None).await.1, 409);
    let password = format!("{own}/password");
    let refused = ida.refused(Method::PUT, &password, Some(&new)).await;
    assert_eq!(refused.1, 409, "the old one is not asked for here");
}

#[tokio::test]
async fn what_holds_a_password_is_not_kept_for_whoever_asks_twice() {
    let world = world().await;
    let ida = program(&world, "ida").await;
    let zoe = json!({ "login": "zoe", "name": "Zoe", "role": "operator", "password": OTHER });
    for status in [StatusCode::CREATED, StatusCode::UNPROCESSABLE_ENTITY] {
        let done = ida.ask(Method::POST, "/api/v1/users", Some("zoe-1"), Some(&zoe));
        let done = done.await;
        assert_eq!(done.status, status, "{}", done.body);
        assert!(!done.headers.contains_key("idempotency-replayed"));
    }
}

#[tokio::test]
async fn programs_change_the_settings_and_the_password_of_their_user() {
    let world = world().await;
    let otto = program(&world, "otto").await;
    let browser = world.browser("otto").await;
    let settings = json!({
        "name": "Otto B.", "language": "fr", "time_zone": "Asia/Tokyo", "mobile": "07400 123456",
    });
    let done = otto
        .ask(Method::PATCH, "/api/v1/me", None, Some(&settings))
        .await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.body);
    let me = otto.get("/api/v1/me").await;
    for field in ["name", "language", "time_zone"] {
        assert_eq!(me[field], settings[field]);
    }
    assert_eq!(me["mobile"], "+447400123456");
    for (field, value) in [
        ("name", ""),
        ("language", "xx"),
        ("time_zone", "Nowhere/At_all"),
        ("mobile", "12"),
    ] {
        let wrong = json!({ field: value });
        let refused = otto
            .refused(Method::PATCH, "/api/v1/me", Some(&wrong))
            .await;
        assert_eq!(refused.2["errors"][0]["field"], field);
    }
    let path = "/api/v1/me/password";
    let wrong = json!({ "old": "not this one", "new": OTHER });
    let refused = otto.refused(Method::PUT, path, Some(&wrong)).await;
    assert_eq!(refused.2["errors"][0]["field"], "old");
    let right = json!({ "old": PASSWORD, "new": OTHER });
    let done = otto.ask(Method::PUT, path, None, Some(&right)).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.body);
    assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER);
    let entered = try_login(&world, "otto", OTHER).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn guesses_of_ones_own_password_are_recorded_and_have_to_wait() {
    let world = world().await;
    let otto = program(&world, "otto").await;
    let browser = world.browser("otto").await;
    let refused = |world: &World| {
        let all = world.audited();
        let of = |one: &&crate::domain::AuditEntry| one.act == "password.refused";
        all.iter().filter(of).cloned().collect::<Vec<_>>()
    };
    let wrong = json!({ "old": "not this one", "new": OTHER });
    let path = "/api/v1/me/password";
    otto.refused(Method::PUT, path, Some(&wrong)).await;
    set_password(&browser, "nor this one", OTHER, OTHER).await;
    let left = refused(&world);
    let user = world.user("otto");
    for (entry, via) in left.iter().zip([Via::Program, Via::Console]) {
        assert_eq!(entry.actor, AuditActor::User(user, via));
        assert_eq!(
            entry.subjects,
            [Subject::new(SubjectKind::User, *user.as_bytes())]
        );
        assert!(!format!("{entry:?}").contains("this one"));
    }
    assert_eq!(left.len(), 2);
    for _ in 2..10 {
        otto.refused(Method::PUT, path, Some(&wrong)).await;
    }
    let (_, status, _) = otto.refused(Method::PUT, path, Some(&wrong)).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused(&world).len(), 10);
}

#[tokio::test]
async fn nobody_changes_their_own_password_without_the_old_one() {
    let world = world().await;
    let ida = world.browser("ida").await;
    let own = format!("/users/{}", stored(&world, "ida").id);
    let page = ida.get(&own).await;
    page.assert_has(&["where the old one is asked for", "href=\"/me\""]);
    assert!(!page.body.contains(&format!("{own}/password")));
    let fields = [("password", OTHER.to_owned())];
    let refused = ida.post(&format!("{own}/password"), &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&["Your own password is changed at My settings"]);
    let entered = try_login(&world, "ida", OTHER).await;
    assert_eq!(entered.status, StatusCode::UNPROCESSABLE_ENTITY);
}
