//! What machines ask, and what they are told.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use super::super::Part;
use super::super::assets::ASSETS;
use super::super::guard::Peer;
use super::world::world;

#[tokio::test]
async fn readiness_names_its_reasons() {
    let world = world().await;
    assert_eq!(world.get("/healthz").await.body, "ok\n");
    let ready = world.get("/readyz").await;
    assert_eq!(ready.status, StatusCode::OK);
    ready.assert_has(&["\"ready\":true"]);
    world.readiness.send_modify(|readiness| {
        readiness.lanes.push(Part {
            name: "email".to_owned(),
            up: false,
        });
        readiness.draining = true;
    });
    let not_ready = world.get("/readyz").await;
    assert_eq!(not_ready.status, StatusCode::SERVICE_UNAVAILABLE);
    not_ready.assert_has(&["lane email is down", "draining"]);
    let page = world.browser("ida").await.get("/").await;
    page.assert_has(&["Something is not running", "lane email is down"]);
}

#[tokio::test]
async fn metrics_are_for_this_machine_and_for_users() {
    let world = world().await;
    let ask = |address: &str, forwarded: bool| {
        let mut request = Request::get("/metrics").body(Body::empty()).unwrap();
        request
            .extensions_mut()
            .insert(Peer(address.parse().unwrap()));
        if forwarded {
            request
                .headers_mut()
                .insert("x-forwarded-for", "192.0.2.1".parse().unwrap());
        }
        request
    };
    let here = world.send(ask("127.0.0.1", false)).await;
    assert_eq!(here.status, StatusCode::OK);
    here.assert_has(&["tocsin_queue_depth{lane=\"email\"} 0"]);
    assert_eq!(
        world.send(ask("192.0.2.1", false)).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        world.send(ask("127.0.0.1", true)).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        world.browser("otto").await.get("/metrics").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn programs_get_problem_documents() {
    let world = world().await;
    let ask = |path: &str| {
        Request::get(path)
            .header(header::ACCEPT, "application/json")
            .body(Body::empty())
            .unwrap()
    };
    let nowhere = world.send(ask("/nowhere")).await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    assert_eq!(
        nowhere.headers.get(header::CONTENT_TYPE).unwrap(),
        "application/problem+json"
    );
    nowhere.assert_has(&["\"status\":404", "\"title\""]);
    assert_eq!(
        world.send(ask("/contacts")).await.status,
        StatusCode::UNAUTHORIZED
    );
    let wrong_method = Request::delete("/healthz").body(Body::empty()).unwrap();
    let refused = world.send(wrong_method).await;
    assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED);
    refused.assert_has(&["This cannot be asked that way"]);
}

#[tokio::test]
async fn files_may_be_kept_and_are_asked_for_once() {
    let world = world().await;
    let css = world.get(&ASSETS.css).await;
    assert_eq!(css.status, StatusCode::OK);
    assert!(
        css.headers
            .get(header::CACHE_CONTROL)
            .unwrap()
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    let tag = css.headers.get(header::ETAG).unwrap().clone();
    let again = Request::get(&ASSETS.css)
        .header(header::IF_NONE_MATCH, tag)
        .body(Body::empty())
        .unwrap();
    assert_eq!(world.send(again).await.status, StatusCode::NOT_MODIFIED);
    assert_eq!(
        world.get("/assets/console-0000.css").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused() {
    let settings = super::super::ConsoleSettings {
        body_size_max: 1000,
        ..Default::default()
    };
    let world = super::world::world_with(settings).await;
    let browser = world.browser("ida").await;
    let answer = browser
        .post("/communications", &[("text", "x".repeat(2000))])
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    answer.assert_has(&["This is too large"]);
}
