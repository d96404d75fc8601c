//! Pictures within the HTML of an email: attached, named where they stand, seen before it goes.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::json;

use super::api::{Program, draft, program};
use super::api_contacts::made;
use super::world::{Answer, world};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

async fn attach(program: &Program<'_>, place: &str, kind: &str) -> Answer {
    let request = Request::post(format!("{place}?name=the%20quay.png"))
        .header(header::HOST, "tocsin.example.org")
        .header(header::AUTHORIZATION, format!("Bearer {}", program.token))
        .header(header::CONTENT_TYPE, kind);
    let request = request.body(Body::from(PNG.to_vec())).unwrap();
    program.world.send(request).await
}

#[tokio::test]
async fn a_picture_is_shown_where_the_html_names_it() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let mut asked = draft(&world);
    asked["html"] = json!("<p>Go <img src=\"cid:the%20quay.png\" alt=\"Quay\"></p>");
    let id = made(&program, "/api/v1/communications", &asked).await;
    let path = format!("/api/v1/communications/{id}");
    let (send, place) = (format!("{path}/send"), format!("{path}/attachments"));
    for kind in ["", "application/pdf"] {
        if !kind.is_empty() {
            let attached = attach(&program, &place, kind).await;
            assert_eq!(attached.status, StatusCode::OK, "{}", attached.body);
        }
        let refused = program.refused(Method::POST, &send, None).await;
        assert_eq!((refused.0.as_str(), refused.1), ("validation", 422));
        let errors = refused.2["errors"].as_array().unwrap();
        assert_eq!((errors.len(), &errors[0]["field"]), (1, &json!("html")));
        let detail = errors[0]["detail"].as_str().unwrap();
        assert!(detail.contains("the quay.png"), "{detail}");
    }
    let attached = attach(&program, &place, "image/png").await;
    assert_eq!(attached.status, StatusCode::OK, "{}", attached.body);

    let preview = program.fetch(&format!("{path}/preview")).await;
    assert_eq!(preview.status, StatusCode::OK);
    let page = String::from_utf8(preview.bytes).unwrap();
    assert!(
        page.contains("data:image/png;base64,iVBORw0KGgo="),
        "{page}"
    );
    let sent = program.ask(Method::POST, &send, None, None).await;
    assert!(sent.status.is_success(), "{}", sent.body);
    // What was written stays as it was written.
    let whole = program.get(&path).await;
    assert_eq!(whole["html"], asked["html"]);
}
