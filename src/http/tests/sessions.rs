//! Where somebody is logged in, and the end of it.

use axum::http::{Method, StatusCode, header};

use super::api::program;
use super::api_sending::another;
use super::languages::assert_french;
use super::world::{Browser, PASSWORD, World, cookie_of, post, world};
use crate::domain::SubjectKind;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

/// Logs in with a browser that says what it is.
async fn firefox<'a>(world: &'a World, login: &str) -> Browser<'a> {
    let form = world.get("/login").await;
    let fields = [
        ("form_token", form.hidden("form_token")),
        ("login", login.to_owned()),
        ("password", PASSWORD.to_owned()),
    ];
    let mut request = post("/login", &cookie_of(&form), &fields);
    request
        .headers_mut()
        .insert(header::USER_AGENT, FIREFOX.parse().unwrap());
    let peer = super::super::guard::Peer("192.0.2.77".parse().unwrap());
    request.extensions_mut().insert(peer);
    let answer = world.send(request).await;
    let mut browser = Browser {
        world,
        cookie: cookie_of(&answer),
        csrf: String::new(),
    };
    browser.csrf = browser.get("/").await.hidden("csrf");
    browser
}

async fn is_in(browser: &Browser<'_>) -> bool {
    browser.get("/").await.status == StatusCode::OK
}

#[tokio::test]
async fn everybody_sees_where_they_are_logged_in_and_ends_it() {
    let world = world().await;
    let (here, there) = (world.browser("otto").await, firefox(&world, "otto").await);
    let others = firefox(&world, "ida").await;
    let page = here.get("/me").await;
    page.assert_has(&["Firefox, Linux", "192.0.2.0/24", "Unknown browser", "Here"]);
    assert!(!page.body.contains("192.0.2.77"), "the network alone");
    let session = page.hidden("session");
    let foreign = [("session", session.clone())];
    let refused = others.post("/me/sessions/end", &foreign).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "another's");
    assert!(is_in(&there).await);
    let ended = here.post("/me/sessions/end", &[("session", session)]).await;
    assert_eq!(ended.location(), "/me?done=session_ended#sessions");
    assert_eq!(world.audited().pop().unwrap().act, "session.end");
    assert!(!is_in(&there).await && is_in(&here).await && is_in(&others).await);
    let (second, third) = (firefox(&world, "otto").await, world.browser("otto").await);
    let ended = here.post("/me/sessions/end-others", &[]).await;
    assert_eq!(ended.location(), "/me?done=sessions_ended#sessions");
    assert!(!is_in(&second).await && !is_in(&third).await && is_in(&here).await);
    assert_eq!(world.audited().pop().unwrap().act, "session.end_others");
    world
        .change_user("otto", |user| user.language = Some("fr".to_owned()))
        .await;
    let _there = firefox(&world, "otto").await;
    let page = here.get("/me").await;
    assert_french(&page);
    page.assert_has(&["Terminer toutes les autres"]);
}

#[tokio::test]
async fn a_login_names_no_session_of_somebody_else() {
    let world = world().await;
    let _otto = world.browser("otto").await;
    world
        .clock
        .advance(std::time::Duration::from_secs(2 * 3600));
    let _ida = world.browser("ida").await;
    let entry = world.audited().pop().unwrap();
    let sessions = entry.subjects.iter();
    let sessions = sessions.filter(|one| one.kind == SubjectKind::Session);
    assert_eq!((entry.act.as_str(), sessions.count()), ("session.begin", 1));
    let kept = world.repo.sessions_of(world.user("otto")).unwrap();
    assert!(kept.is_empty(), "it is over, and forgotten");
}

#[tokio::test]
async fn administrators_log_somebody_out_everywhere() {
    let world = world().await;
    let (ida, otto) = (world.browser("ida").await, world.browser("otto").await);
    let also = firefox(&world, "otto").await;
    let path = format!("/users/{}", world.user("otto"));
    let end = format!("{path}/sessions/end");
    assert_eq!(otto.post(&end, &[]).await.status, StatusCode::FORBIDDEN);
    ida.get(&path)
        .await
        .assert_has(&["Logged in at present: 2."]);
    let ended = ida.post(&end, &[]).await;
    assert_eq!(ended.location(), format!("{path}?done=user_sessions_ended"));
    assert!(!is_in(&otto).await && !is_in(&also).await && is_in(&ida).await);
    assert_eq!(world.audited().pop().unwrap().act, "session.end_all");
    let page = ida.get(&path).await;
    assert!(!page.body.contains("Logged in at present"));
}

#[tokio::test]
async fn programs_list_and_end_sessions() {
    let world = world().await;
    let (otto, also) = (world.browser("otto").await, firefox(&world, "otto").await);
    let (by_otto, by_ida) = (
        program(&world, "otto").await,
        another(&world, "ida", 5).await,
    );
    let own = by_otto.get("/api/v1/me/sessions").await;
    assert_eq!(own.as_array().unwrap().len(), 2, "{own}");
    let fox = own.as_array().unwrap().iter();
    let fox = fox
        .clone()
        .find(|one| one["browser"] == "Firefox, Linux")
        .unwrap();
    assert_eq!(fox["network"], "192.0.2.0/24");
    let one = format!("/api/v1/me/sessions/{}", fox["id"].as_str().unwrap());
    let foreign = by_ida.refused(Method::DELETE, &one, None).await;
    assert_eq!(foreign.1, 404);
    let ended = by_otto.ask(Method::DELETE, &one, None, None).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    assert!(!is_in(&also).await && is_in(&otto).await);
    let of_otto = format!("/api/v1/users/{}/sessions", world.user("otto"));
    assert_eq!(by_ida.get(&of_otto).await.as_array().unwrap().len(), 1);
    let refused = by_otto.refused(Method::GET, &of_otto, None).await;
    assert_eq!(refused.1, 403);
    let ended = by_ida.ask(Method::DELETE, &of_otto, None, None).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    assert!(!is_in(&otto).await);
    let again = world.browser("otto").await;
    let ended = by_otto
        .ask(Method::DELETE, "/api/v1/me/sessions", None, None)
        .await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    assert!(!is_in(&again).await);
}
