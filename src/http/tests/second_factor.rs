//! The second factor: set up, asked for at the login, taken once, reset; and insisted upon.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use data_encoding::BASE32_NOPAD;

use super::super::ConsoleSettings;
use super::api::program;
use super::languages::assert_french;
use super::world::{Answer, Browser, PASSWORD, World, cookie_of, post, world, world_with};
use crate::domain::second_factor::code_now;

/// Everything of one form, with something else in it.
fn with(
    page: &Answer,
    names: &[&'static str],
    more: (&'static str, &str),
) -> Vec<(&'static str, String)> {
    let hidden = names.iter().map(|name| (*name, page.hidden(name)));
    hidden.chain([(more.0, more.1.to_owned())]).collect()
}

const SET_UP: [&str; 3] = ["secret", "end", "seal"];

async fn begin(browser: &Browser<'_>) -> Answer {
    let password = [("old_password", PASSWORD.to_owned())];
    browser.post("/me/second-factor", &password).await
}

fn secret_of(page: &Answer) -> Vec<u8> {
    let text = page.hidden("secret");
    BASE32_NOPAD.decode(text.as_bytes()).unwrap()
}

/// Turns it on; the secret and the recovery codes.
async fn turn_on(browser: &Browser<'_>) -> (Vec<u8>, Vec<String>) {
    let page = begin(browser).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let secret = secret_of(&page);
    let code = code_now(&secret, browser.world.now());
    let form = with(&page, &SET_UP, ("code", &code));
    let on = browser.post("/me/second-factor/confirm", &form).await;
    assert_eq!(on.status, StatusCode::OK, "{}", on.body);
    let codes = on.body.split("<li><code>").skip(1);
    let codes = codes.map(|rest| rest.split('<').next().unwrap().to_owned());
    (secret, codes.collect())
}

/// A visitor who has given the right password: where the answer leads, and the cookie.
async fn give_password(world: &World, login: &str) -> Answer {
    let form = world.get("/login").await;
    let fields = [
        ("form_token", form.hidden("form_token")),
        ("login", login.to_owned()),
        ("password", PASSWORD.to_owned()),
        ("next", "/contacts".to_owned()),
    ];
    world.send(post("/login", &cookie_of(&form), &fields)).await
}

fn visitor<'a>(world: &'a World, answer: &Answer) -> Browser<'a> {
    Browser {
        world,
        cookie: cookie_of(answer),
        csrf: String::new(),
    }
}

async fn give_code(half: &Browser<'_>, code: &str) -> Answer {
    let page = half.get("/login/code?next=/contacts").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let fields = [
        ("form_token", page.hidden("form_token")),
        ("next", page.hidden("next")),
        ("code", code.to_owned()),
    ];
    let request = post("/login/code", &half.cookie, &fields);
    half.world.send(request).await
}

fn later(world: &World) {
    world.clock.advance(Duration::from_secs(30));
}

#[tokio::test]
async fn a_second_factor_is_on_once_a_code_has_come_back() {
    let world = world().await;
    let (ida, elsewhere) = (world.browser("ida").await, world.browser("ida").await);
    let wrong = [("old_password", "guess".to_owned())];
    let refused = ida.post("/me/second-factor", &wrong).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&["This is not your password."]);
    assert!(
        !refused.body.contains("otpauth"),
        "nothing without the password"
    );
    let page = begin(&ida).await;
    page.assert_has(&["<svg class=\"qr\"", "otpauth://totp/Tocsin:ida?secret="]);
    let user = || world.repo.user_by_login("ida").unwrap().unwrap().value;
    assert!(user().second_factor.is_none(), "not before a code");
    let form = with(&page, &SET_UP, ("code", "000000"));
    let refused = ida.post("/me/second-factor/confirm", &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.assert_has(&["This code is wrong", &page.hidden("secret")]);
    // A secret of one's own choice is not taken, nor one of another session.
    let mut foreign = with(
        &page,
        &SET_UP[1..],
        ("code", &code_now(&[7; 20], world.now())),
    );
    foreign.push(("secret", BASE32_NOPAD.encode(&[7; 20])));
    ida.post("/me/second-factor/confirm", &foreign).await;
    let code = code_now(&secret_of(&page), world.now());
    let form = with(&page, &SET_UP, ("code", &code));
    elsewhere.post("/me/second-factor/confirm", &form).await;
    assert!(user().second_factor.is_none());
    let (secret, codes) = turn_on(&ida).await;
    assert_eq!(codes.len(), 10);
    let kept = user().second_factor.unwrap();
    assert_eq!(kept.secret.reveal().as_slice(), secret);
    assert_eq!(elsewhere.get("/").await.status, StatusCode::SEE_OTHER);
    let page = ida.get("/me/second-factor").await;
    page.assert_has(&["It is on", "Recovery codes left: 10."]);
    assert!(!page.body.contains(&codes[0]), "they are shown once");
    let told: String = world
        .audited()
        .iter()
        .map(|entry| format!("{entry:?}"))
        .collect();
    assert!(told.contains("second_factor.on"));
    assert!(!told.contains(&BASE32_NOPAD.encode(&secret)));
}

#[tokio::test]
async fn the_password_alone_lets_nobody_in_and_a_code_works_once() {
    let world = world().await;
    let (secret, codes) = turn_on(&world.browser("ida").await).await;
    later(&world);
    let answer = give_password(&world, "ida").await;
    assert_eq!(answer.location(), "/login/code?next=/contacts");
    let half = visitor(&world, &answer);
    for path in ["/", "/contacts", "/me", "/me/second-factor", "/users"] {
        assert_eq!(half.get(path).await.status, StatusCode::SEE_OTHER, "{path}");
    }
    assert_eq!(world.repo.sessions_of(world.user("ida")).unwrap().len(), 1);
    let wrong = give_code(&half, "000000").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    wrong.assert_has(&["This code is wrong, or it was used before."]);
    let code = code_now(&secret, world.now());
    let stranger = visitor(&world, &world.get("/login").await);
    let page = half.get("/login/code").await;
    let form = [
        ("form_token", page.hidden("form_token")),
        ("code", code.clone()),
    ];
    let request = post("/login/code", &stranger.cookie, &form);
    let refused = world.send(request).await;
    assert_eq!(refused.location(), "/login", "another browser");
    let entered = give_code(&half, &code).await;
    assert_eq!(entered.location(), "/contacts", "{}", entered.body);
    let inside = visitor(&world, &entered);
    assert_eq!(inside.get("/").await.status, StatusCode::OK);
    let again = visitor(&world, &give_password(&world, "ida").await);
    let used = give_code(&again, &code).await;
    assert_eq!(used.status, StatusCode::UNPROCESSABLE_ENTITY);
    let entered = give_code(&again, &codes[3].to_lowercase()).await;
    assert_eq!(entered.location(), "/contacts");
    let last = world.audited().pop().unwrap();
    assert_eq!(
        (last.act.as_str(), last.detail.as_str()),
        ("session.begin", "recovery code")
    );
    let again = visitor(&world, &give_password(&world, "ida").await);
    let used = give_code(&again, &codes[3]).await;
    assert_eq!(used.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_right_password_counts_for_a_short_while_only() {
    let world = world().await;
    turn_on(&world.browser("ida").await).await;
    let half = visitor(&world, &give_password(&world, "ida").await);
    assert_eq!(half.get("/login/code").await.status, StatusCode::OK);
    world.clock.advance(Duration::from_secs(5 * 60));
    assert_eq!(half.get("/login/code").await.location(), "/login");
    let forged = Browser {
        world: &world,
        cookie: half.cookie.replace("tocsin-code=", "tocsin-code=0"),
        csrf: String::new(),
    };
    assert_eq!(forged.get("/login/code").await.location(), "/login");
    let half = visitor(&world, &give_password(&world, "ida").await);
    world.change_user("ida", |user| user.disabled = true).await;
    assert_eq!(half.get("/login/code").await.location(), "/login");
}

#[tokio::test]
async fn guessing_codes_has_to_wait() {
    let world = world_with(ConsoleSettings {
        login_failures_max: 3,
        ..ConsoleSettings::default()
    })
    .await;
    let (secret, _) = turn_on(&world.browser("ida").await).await;
    later(&world);
    for _ in 0..3 {
        let half = visitor(&world, &give_password(&world, "ida").await);
        let wrong = give_code(&half, "000000").await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let half = visitor(&world, &give_password(&world, "ida").await);
    let code = code_now(&secret, world.now());
    let waits = give_code(&half, &code).await;
    assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS);
    world.clock.advance(Duration::from_secs(15 * 60));
    let half = visitor(&world, &give_password(&world, "ida").await);
    let entered = give_code(&half, &code_now(&secret, world.now())).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER);
    let acts = world.audited();
    let refused = acts.iter().filter(|one| one.act == "second_factor.refused");
    assert_eq!(refused.count(), 3);
}

#[tokio::test]
async fn turning_it_off_asks_for_the_password_and_a_code() {
    let world = world().await;
    let ida = world.browser("ida").await;
    let (secret, _) = turn_on(&ida).await;
    later(&world);
    let code = code_now(&secret, world.now());
    for (password, code) in [("guess", code.as_str()), (PASSWORD, "000000")] {
        let form = [
            ("old_password", password.to_owned()),
            ("code", code.to_owned()),
        ];
        let refused = ida.post("/me/second-factor/off", &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let form = [("old_password", PASSWORD.to_owned()), ("code", code)];
    let off = ida.post("/me/second-factor/off", &form).await;
    assert_eq!(off.location(), "/me/second-factor?done=second_factor_off");
    assert_eq!(give_password(&world, "ida").await.location(), "/contacts");
}

#[tokio::test]
async fn administrators_reset_it_for_others_and_tokens_are_asked_for_none() {
    let world = world().await;
    let (ida, otto) = (world.browser("ida").await, world.browser("otto").await);
    turn_on(&otto).await;
    let is_on = || {
        let user = world.repo.user_by_login("otto").unwrap().unwrap();
        user.second_factor.is_some()
    };
    let by_otto = program(&world, "otto").await;
    assert_eq!(by_otto.get("/api/v1/me").await["second_factor"], true);
    let path = format!("/users/{}", world.user("otto"));
    let reset = format!("{path}/second-factor/reset");
    assert_eq!(otto.post(&reset, &[]).await.status, StatusCode::FORBIDDEN);
    ida.get(&path)
        .await
        .assert_has(&["Reset the second factor"]);
    let done = ida.post(&reset, &[]).await;
    assert_eq!(done.location(), format!("{path}?done=second_factor_reset"));
    assert!(!is_on());
    assert_eq!(otto.get("/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.audited().pop().unwrap().act, "second_factor.reset");
    let otto = world.browser("otto").await;
    turn_on(&otto).await;
    let by_ida = super::api_sending::another(&world, "ida", 5).await;
    let address = format!("/api/v1{path}/second-factor");
    let refused = by_otto.refused(Method::DELETE, &address, None).await;
    assert_eq!(refused.1, 403);
    let gone = by_ida.ask(Method::DELETE, &address, None, None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert!(!is_on());
    let own = format!("/api/v1/users/{}/second-factor", world.user("ida"));
    let refused = by_ida.refused(Method::DELETE, &own, None).await;
    assert_eq!((refused.0.as_str(), refused.1), ("yourself", 409));
}

#[tokio::test]
async fn where_it_is_required_nobody_does_anything_before_setting_it_up() {
    let world = world_with(ConsoleSettings {
        second_factor_required: true,
        language: "fr".to_owned(),
        ..ConsoleSettings::default()
    })
    .await;
    let mut ida = visitor(&world, &give_password(&world, "ida").await);
    for path in ["/", "/contacts", "/me", "/users", "/log"] {
        let answer = ida.get(path).await;
        assert_eq!(answer.location(), "/me/second-factor", "{path}");
    }
    let page = ida.get("/me/second-factor").await;
    assert_french(&page);
    page.assert_has(&["mettez-le en place pour continuer"]);
    ida.csrf = page.hidden("csrf");
    let refused = ida.post("/groups", &[("name", "Wardens".to_owned())]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    turn_on(&ida).await;
    assert_eq!(ida.get("/contacts").await.status, StatusCode::OK);
    let page = ida.get("/me/second-factor").await;
    assert_french(&page);
    assert!(!page.body.contains("/me/second-factor/off"));
    let off = ida.post("/me/second-factor/off", &[]).await;
    assert_eq!(off.status, StatusCode::FORBIDDEN);
}
