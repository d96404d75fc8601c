//! Who gets in, and what is refused.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use super::super::ConsoleSettings;
use super::super::guard::Peer;
use super::world::{PASSWORD, World, cookie_of, post, world, world_with};

async fn try_login(world: &World, login: &str, password: &str) -> StatusCode {
    let form = world.get("/login").await;
    let fields = [
        ("form_token", form.hidden("form_token")),
        ("login", login.to_owned()),
        ("password", password.to_owned()),
    ];
    world
        .send(post("/login", &cookie_of(&form), &fields))
        .await
        .status
}

#[tokio::test]
async fn pages_lead_to_the_login_and_back() {
    let world = world().await;
    let answer = world.get("/contacts?q=a%20b").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.location(), "/login?next=/contacts%3Fq%3Da%2520b");
    let form = world.get(answer.location()).await;
    assert_eq!(form.hidden("next"), "/contacts?q=a%20b");
    let fields = [
        ("form_token", form.hidden("form_token")),
        ("next", form.hidden("next")),
        ("login", " Ida ".to_owned()),
        ("password", PASSWORD.to_owned()),
    ];
    let entered = world.send(post("/login", &cookie_of(&form), &fields)).await;
    assert_eq!(
        (entered.status, entered.location()),
        (StatusCode::SEE_OTHER, "/contacts?q=a%20b")
    );
    let cookie = cookie_of(&entered);
    assert!(cookie.starts_with("tocsin="), "{cookie}");
}

#[tokio::test]
async fn unknown_wrong_and_application_get_the_same_answer() {
    let world = world().await;
    for (login, password) in [
        ("ida", "wrong"),
        ("nobody", PASSWORD),
        ("app", PASSWORD),
        ("", ""),
    ] {
        assert_eq!(
            try_login(&world, login, password).await,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{login}"
        );
    }
}

#[tokio::test]
async fn guessing_has_to_wait() {
    let settings = ConsoleSettings {
        login_failures_max: 3,
        ..ConsoleSettings::default()
    };
    let world = world_with(settings).await;
    for _ in 0..3 {
        assert_eq!(
            try_login(&world, "ida", "guess").await,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
    assert_eq!(
        try_login(&world, "ida", PASSWORD).await,
        StatusCode::TOO_MANY_REQUESTS
    );
    world.clock.advance(std::time::Duration::from_secs(15 * 60));
    assert_eq!(
        try_login(&world, "ida", PASSWORD).await,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn strangers_elsewhere_lock_nobody_out() {
    let settings = ConsoleSettings {
        login_failures_max: 3,
        ..ConsoleSettings::default()
    };
    let world = world_with(settings).await;
    for n in 0..3 {
        let guess = login_from(&world, "2001:db8:1::1", "ida", &format!("guess {n}")).await;
        assert_eq!(guess, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let neighbour = login_from(&world, "2001:db8:1::2", "ida", PASSWORD).await;
    assert_eq!(neighbour, StatusCode::TOO_MANY_REQUESTS, "the same network");
    let elsewhere = login_from(&world, "2001:db8:2::1", "ida", PASSWORD).await;
    assert_eq!(elsewhere, StatusCode::SEE_OTHER);
    let colleague = login_from(&world, "2001:db8:1::3", "otto", PASSWORD).await;
    assert_eq!(colleague, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn one_good_account_gives_no_new_guesses_at_others() {
    let settings = ConsoleSettings {
        login_failures_max: 2,
        ..ConsoleSettings::default()
    };
    let world = world_with(settings).await;
    for n in 0..8 {
        let own = login_from(&world, "192.0.2.1", "otto", PASSWORD).await;
        assert_eq!(own, StatusCode::SEE_OTHER, "{n}: a good login is no guess");
        let guess = login_from(&world, "192.0.2.1", &format!("user{n}"), "guess").await;
        assert_eq!(guess, StatusCode::UNPROCESSABLE_ENTITY, "{n}");
    }
    let ninth = login_from(&world, "192.0.2.1", "user9", "guess").await;
    assert_eq!(ninth, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn an_address_that_tries_many_names_has_to_wait() {
    let settings = ConsoleSettings {
        login_failures_max: 2,
        ..ConsoleSettings::default()
    };
    let world = world_with(settings).await;
    for n in 0..8 {
        let guess = login_from(&world, "192.0.2.1", &format!("user{n}"), "guess").await;
        assert_eq!(guess, StatusCode::UNPROCESSABLE_ENTITY, "{n}");
    }
    let next = login_from(&world, "192.0.2.1", "ida", PASSWORD).await;
    assert_eq!(next, StatusCode::TOO_MANY_REQUESTS);
    let other = login_from(&world, "192.0.2.2", "ida", PASSWORD).await;
    assert_eq!(other, StatusCode::SEE_OTHER);
}

async fn login_from(world: &World, address: &str, login: &str, password: &str) -> StatusCode {
    let form = world.get("/login").await;
    let fields = [
        ("form_token", form.hidden("form_token")),
        ("login", login.to_owned()),
        ("password", password.to_owned()),
    ];
    let mut request = post("/login", &cookie_of(&form), &fields);
    let peer = Peer(address.parse().unwrap());
    request.extensions_mut().insert(peer);
    world.send(request).await.status
}

#[tokio::test]
async fn a_login_form_of_another_browser_is_refused() {
    let world = world().await;
    let mine = world.get("/login").await;
    let theirs = world.get("/login").await;
    let fields = [
        ("form_token", mine.hidden("form_token")),
        ("login", "ida".to_owned()),
        ("password", PASSWORD.to_owned()),
    ];
    let answer = world
        .send(post("/login", &cookie_of(&theirs), &fields))
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn forms_without_the_token_or_from_elsewhere_change_nothing() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let no_token = world
        .send(post(
            "/logout",
            &browser.cookie,
            &[("csrf", "x".to_owned())],
        ))
        .await;
    assert_eq!(no_token.status, StatusCode::FORBIDDEN);
    no_token.assert_has(&["This form was not accepted"]);
    let mut foreign = post(
        "/logout",
        &browser.cookie,
        &[("csrf", browser.csrf.clone())],
    );
    foreign
        .headers_mut()
        .insert(header::ORIGIN, "https://evil.example".parse().unwrap());
    assert_eq!(world.send(foreign).await.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn sessions_end() {
    let world = world().await;
    let idle = world.browser("ida").await;
    world.clock.advance(std::time::Duration::from_secs(59 * 60));
    assert_eq!(idle.get("/").await.status, StatusCode::OK);
    world.clock.advance(std::time::Duration::from_secs(60 * 60));
    assert_eq!(idle.get("/").await.status, StatusCode::SEE_OTHER);
    let leaving = world.browser("otto").await;
    assert_eq!(
        leaving.post("/logout", &[]).await.location(),
        "/login?bye=1"
    );
    assert_eq!(leaving.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn users_are_for_administrators() {
    let world = world().await;
    let operator = world.browser("otto").await.get("/users").await;
    assert_eq!(operator.status, StatusCode::FORBIDDEN);
    operator.assert_has(&["You may not see this"]);
    let page = world.browser("ida").await.get("/users").await;
    page.assert_has(&["Otto Bell", "Operator", "Application"]);
}

#[tokio::test]
async fn every_answer_wears_its_headers() {
    let world = world().await;
    for path in ["/login", "/nowhere", "/", "/healthz"] {
        let answer = world.get(path).await;
        let policy = answer
            .headers
            .get(header::CONTENT_SECURITY_POLICY)
            .unwrap()
            .to_str()
            .unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(
            answer.headers.get(header::CACHE_CONTROL).unwrap(),
            "no-store"
        );
        assert_eq!(
            answer.headers.get(header::X_CONTENT_TYPE_OPTIONS).unwrap(),
            "nosniff"
        );
    }
}

#[tokio::test]
async fn other_hosts_are_not_answered() {
    let settings = ConsoleSettings {
        allowed_hosts: vec!["tocsin.example.org".to_owned()],
        ..ConsoleSettings::default()
    };
    let world = world_with(settings).await;
    assert_eq!(world.get("/login").await.status, StatusCode::OK);
    let rebound = Request::get("/login")
        .header(header::HOST, "evil.example")
        .body(Body::empty())
        .unwrap();
    assert_eq!(world.send(rebound).await.status, StatusCode::BAD_REQUEST);
}
