//! Entity tags, conditions and what a token may ask in a minute.

use axum::body::Body;
use axum::http::{HeaderName, Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::super::ConsoleSettings;
use super::api::{Program, program};
use super::world::{Fetched, World, world, world_with};

impl Program<'_> {
    async fn with(
        &self,
        method: Method,
        path: &str,
        (name, value): (HeaderName, &str),
        body: Option<&Value>,
    ) -> Fetched {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "tocsin.example.org")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, "application/json")
            .header(name, value);
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.world.fetch(request.body(body).unwrap()).await
    }
}

async fn tag(program: &Program<'_>, path: &str) -> String {
    let shown = program.fetch(path).await;
    assert_eq!(shown.status, StatusCode::OK, "{path}");
    shown.headers[header::ETAG].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_head_tells_is_what_get_would() {
    let world = world().await;
    let program = program(&world, "app").await;
    let path = "/api/v1/contacts";
    let shown = program.fetch(path).await;
    let any = (header::ACCEPT, "*/*");
    let told = program.with(Method::HEAD, path, any, None).await;
    assert_eq!(told.status, StatusCode::OK);
    assert!(told.bytes.is_empty());
    assert_eq!(
        told.headers.get(header::ETAG),
        shown.headers.get(header::ETAG)
    );
    let length = told.headers[header::CONTENT_LENGTH].to_str().unwrap();
    assert_eq!(length, shown.bytes.len().to_string());
    let tag = tag(&program, path).await;
    let known = (header::IF_NONE_MATCH, tag.as_str());
    let same = program.with(Method::HEAD, path, known, None).await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
}

fn draft(subject: &str) -> Value {
    json!({ "category": "general", "channels": ["email"], "subject": subject, "text": "Hello." })
}

#[tokio::test]
async fn what_a_program_has_is_not_sent_again() {
    let world = world().await;
    let program = program(&world, "app").await;
    let path = "/api/v1/contacts";
    let known = tag(&program, path).await;
    for (list, status) in [
        (known.clone(), StatusCode::NOT_MODIFIED),
        (format!("\"x\", W/{known}"), StatusCode::NOT_MODIFIED),
        ("*".to_owned(), StatusCode::NOT_MODIFIED),
        ("\"x\"".to_owned(), StatusCode::OK),
    ] {
        let asked = (header::IF_NONE_MATCH, list.as_str());
        let shown = program.with(Method::GET, path, asked, None).await;
        assert_eq!(shown.status, status, "{list}");
        assert_eq!(shown.bytes.is_empty(), status != StatusCode::OK);
        assert_eq!(shown.headers[header::ETAG], known.as_str());
    }
}

async fn changed_twice(program: &Program<'_>, path: &str, [first, second]: [Value; 2]) {
    let seen = tag(program, path).await;
    let under = |condition: String, body: Value| async move {
        let condition = (header::IF_MATCH, condition.as_str());
        let done = program
            .with(Method::PUT, path, condition, Some(&body))
            .await;
        done.status
    };
    let done = under(seen.clone(), first).await;
    assert!(done.is_success(), "{path}: {done}");
    for condition in [seen.clone(), format!("W/{seen}"), "nonsense".to_owned()] {
        let refused = under(condition, second.clone()).await;
        assert_eq!(refused, StatusCode::PRECONDITION_FAILED, "{path}");
    }
    assert_ne!(tag(program, path).await, seen, "{path}");
    let both = format!("{seen}, {}", tag(program, path).await);
    assert!(under(both, second).await.is_success(), "{path}");
}

#[tokio::test]
async fn nobody_writes_over_what_somebody_else_has_changed() {
    let world = world().await;
    let program = program(&world, "ida").await;
    let made = program.post("/api/v1/communications", &draft("One")).await;
    let path = format!("/api/v1/communications/{}", made["id"].as_str().unwrap());
    changed_twice(&program, &path, [draft("Two"), draft("Three")]).await;
    let path = format!("/api/v1/contacts/{}", world.contacts[0]);
    let contact = |name: &str| json!({ "first_name": name, "kind": "client", "language": "en" });
    changed_twice(&program, &path, [contact("Ada"), contact("Adam")]).await;
    let case = |title: &str| json!({ "reference": "DC-1", "title": title, "client": world.contacts[0].to_string() });
    let made = program.post("/api/v1/cases", &case("One")).await;
    let path = format!("/api/v1/cases/{}", made["id"].as_str().unwrap());
    changed_twice(&program, &path, [case("Two"), case("Three")]).await;
    world.submit.install_templates().await.unwrap();
    let templates = program.get("/api/v1/templates").await;
    let path = format!("/api/v1/templates/{}", templates[0]["id"].as_str().unwrap());
    let whole = program.get(&path).await;
    let renamed = |name: &str| {
        let fields = ["category", "variables", "texts", "files"];
        let kept = fields.map(|field| (field.to_owned(), whole[field].clone()));
        let mut body = serde_json::Map::from_iter(kept);
        body.insert("name".to_owned(), json!(name));
        Value::Object(body)
    };
    changed_twice(&program, &path, [renamed("Two"), renamed("Three")]).await;
    let condition = (header::IF_MATCH, "\"x\"");
    let refused = program.with(Method::DELETE, &path, condition, None).await;
    assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED);
    let condition = (header::IF_MATCH, "\"x\"");
    let refused = program
        .with(Method::PATCH, "/api/v1/me", condition, Some(&json!({})))
        .await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_token_asks_so_often_in_a_minute_and_is_told_what_is_left() {
    let world: World = world_with(ConsoleSettings {
        api_requests_per_minute: 2,
        ..ConsoleSettings::default()
    })
    .await;
    let (one, other) = (program(&world, "app").await, program(&world, "ida").await);
    let left = |shown: &Fetched| {
        assert_eq!(shown.headers["ratelimit-policy"], "\"minute\";q=2;w=60");
        shown.headers["ratelimit"].to_str().unwrap().to_owned()
    };
    let path = "/api/v1/contacts";
    assert_eq!(left(&one.fetch(path).await), "\"minute\";r=1;t=60");
    world.clock.advance(std::time::Duration::from_millis(1500));
    assert_eq!(left(&one.fetch(path).await), "\"minute\";r=0;t=59");
    let refused = one.fetch(path).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers[header::RETRY_AFTER], "59");
    assert_eq!(left(&refused), "\"minute\";r=0;t=59");
    assert_eq!(other.fetch(path).await.status, StatusCode::OK);
    world.clock.advance(std::time::Duration::from_secs(59));
    assert_eq!(one.fetch(path).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_user_is_changed_as_it_was_seen_and_only_where_asked() {
    let world = world().await;
    let ida = program(&world, "ida").await;
    let path = format!("/api/v1/users/{}", world.user("otto"));
    let seen = tag(&ida, &path).await;
    let bounds = json!({"cases": "own"});
    let seen = (header::IF_MATCH, seen.as_str());
    let done = ida
        .with(Method::PATCH, &path, seen.clone(), Some(&bounds))
        .await;
    assert_eq!(done.status, StatusCode::NO_CONTENT);
    let late = json!({"name": "Otto Brand"});
    let refused = ida.with(Method::PATCH, &path, seen, Some(&late)).await;
    assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED);
    ida.ask(Method::PATCH, &path, None, Some(&late)).await;
    let user = world.repo.user_by_login("otto").unwrap().unwrap();
    assert_eq!(user.name, "Otto Brand");
    assert_eq!(user.case_scope, crate::domain::CaseScope::Own);
}
