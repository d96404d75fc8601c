//! What holds of every answer: problems, pages, repeated requests, the document that says so.

use super::*;

#[tokio::test]
async fn every_refusal_is_a_problem_document_in_english() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let draft = draft(&world);
    let nobody = "/api/v1/communications/0123456789abcdef0123456789abcdef";
    for (method, path, body, name, status) in [
        (Method::GET, "/api/v1/nothing", None, "not-found", 404),
        (Method::GET, nobody, None, "not-found", 404),
        (
            Method::GET,
            "/api/v1/communications/x",
            None,
            "not-found",
            404,
        ),
        (
            Method::DELETE,
            "/api/v1/areas",
            None,
            "method-not-allowed",
            405,
        ),
        (
            Method::POST,
            "/api/v1/communications",
            None,
            "unsupported-media-type",
            415,
        ),
        (
            Method::POST,
            &format!("{nobody}/send"),
            Some(&draft),
            "not-found",
            404,
        ),
    ] {
        let (found, code, _) = program.refused(method, path, body).await;
        assert_eq!((found.as_str(), code), (name, status), "{path}");
    }
    let malformed = Request::post("/api/v1/communications")
        .header(header::HOST, "tocsin.example.org")
        .header(header::AUTHORIZATION, format!("Bearer {}", program.token))
        .header(header::CONTENT_TYPE, "application/json; charset=utf-8");
    let answer = world
        .send(malformed.body(Body::from("{\"category\":")).unwrap())
        .await;
    assert_eq!(problem(&answer).0, "malformed-json");
    let mut large = draft.clone();
    large["html"] = Value::String("x".repeat(9 * 1024 * 1024));
    let path = "/api/v1/communications";
    let (name, status, _) = program.refused(Method::POST, path, Some(&large)).await;
    assert_eq!((name.as_str(), status), ("too-large", 413));
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let wrong = async |change: Value| {
        let mut body = draft(&world);
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let path = "/api/v1/communications";
        let (name, status, document) = program.refused(Method::POST, path, Some(&body)).await;
        assert_eq!((name.as_str(), status), ("validation", 422));
        let field = &document["errors"][0]["field"];
        assert!(!document["errors"][0]["detail"].as_str().unwrap().is_empty());
        field.as_str().unwrap().to_owned()
    };
    assert_eq!(wrong(json!({"colour": "red"})).await, "colour");
    let audience = json!({"audience": {"towns": []}});
    assert_eq!(wrong(audience).await, "audience.towns");
    assert_eq!(wrong(json!({"subject": 7})).await, "subject");
    assert_eq!(
        wrong(json!({"channels": ["email", "fax"]})).await,
        "channels[1]"
    );
    assert_eq!(wrong(json!({"category": "party"})).await, "category");
    let nobody = json!({"audience": {"contacts": ["0123456789abcdef0123456789abcdef"]}});
    assert_eq!(wrong(nobody).await, "audience.contacts[0]");
    assert_eq!(
        wrong(json!({"sms_text": "x".repeat(2000)})).await,
        "sms_text"
    );
}

#[tokio::test]
async fn pages_have_their_limit_and_their_cursors() {
    let world = world().await;
    let program = program(&world, "otto").await;
    for n in 0..5 {
        let mut body = draft(&world);
        body["subject"] = Value::String(format!("Number {n}"));
        program.post("/api/v1/communications", &body).await;
        world.clock.advance(std::time::Duration::from_secs(1));
    }
    for (query, field) in [
        ("limit=501", "limit"),
        ("limit=0", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=-1", "limit"),
        ("cursor=%20", "cursor"),
        ("page=2", "page"),
    ] {
        let path = format!("/api/v1/communications?{query}");
        let (name, status, document) = program.refused(Method::GET, &path, None).await;
        assert_eq!((name.as_str(), status), ("validation", 422), "{query}");
        assert_eq!(document["errors"][0]["field"], field, "{document}");
    }
    let mut titles = Vec::new();
    let mut path = "/api/v1/communications?limit=2".to_owned();
    loop {
        let page = program.get(&path).await;
        let items = page["items"].as_array().unwrap();
        titles.extend(
            items
                .iter()
                .map(|one| one["title"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/api/v1/communications?limit=2&cursor={next}");
    }
    let newest_first: Vec<String> = (0..5).rev().map(|n| format!("Number {n}")).collect();
    assert_eq!(titles, newest_first);
    assert_eq!(
        program.get("/api/v1/communications?limit=500").await["next"],
        Value::Null
    );
}

#[tokio::test]
async fn the_same_key_does_it_once() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let path = "/api/v1/communications";
    let body = draft(&world);
    let ask = async |key: &str, body: &Value| {
        program.ask(Method::POST, path, Some(key), Some(body)).await
    };
    let first = ask("one", &body).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let again = ask("one", &body).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.location(), first.location());
    assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let mut other = body.clone();
    other["subject"] = json!("Something else");
    let (name, status, _) = problem(&ask("one", &other).await);
    assert_eq!((name.as_str(), status), ("idempotency-key-reused", 422));
    let count = async || program.get(path).await["items"].as_array().unwrap().len();
    assert_eq!(count().await, 1);
    // What was refused is refused again; another user's key is another key.
    let bad = json!({"category": "party", "channels": []});
    assert_eq!(problem(&ask("two", &bad).await).1, 422);
    let replayed = ask("two", &bad).await;
    assert_eq!(problem(&replayed).0, "validation");
    assert_eq!(replayed.headers["idempotency-replayed"], "true");
    assert_eq!(problem(&ask("", &body).await).0, "idempotency-key");
    assert_eq!(
        problem(&ask(&"k".repeat(201), &body).await).0,
        "idempotency-key"
    );
    // After a day it is another request.
    world.clock.advance(crate::domain::token::API_ANSWER_KEPT);
    assert_eq!(ask("one", &body).await.status, StatusCode::CREATED);
    assert_eq!(count().await, 2);
    assert_eq!(world.repo.api_request_count().unwrap(), 2);
    ask("three", &body).await;
    assert_eq!(
        world.repo.api_request_count().unwrap(),
        2,
        "the old one is swept"
    );
}

#[tokio::test]
async fn a_refusal_with_a_lot_to_say_is_told_and_kept() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let mut body = draft(&world);
    let nobody = |n: u32| json!(format!("{n:032x}"));
    body["audience"]["contacts"] = (1..=200).map(nobody).collect();
    for replayed in [false, true] {
        let path = "/api/v1/communications";
        let answer = program.ask(Method::POST, path, Some("one"), Some(&body));
        let answer = answer.await;
        let (name, status, document) = problem(&answer);
        assert_eq!((name.as_str(), status), ("validation", 422));
        assert_eq!(document["errors"].as_array().unwrap().len(), 50);
        assert_eq!(
            answer.headers.contains_key("idempotency-replayed"),
            replayed
        );
    }
}

#[tokio::test]
async fn what_is_being_done_or_was_cut_off_is_not_done_again() {
    use crate::tracker::Begun;
    let world = world().await;
    let program = program(&world, "otto").await;
    let path = "/api/v1/communications";
    let body = draft(&world);
    let first = program
        .ask(Method::POST, path, Some("one"), Some(&body))
        .await;
    assert_eq!(first.status, StatusCode::CREATED);
    let done = world.repo.oldest_api_requests(10).unwrap().remove(0);
    assert!(
        done.answer.is_some(),
        "the answer is kept before it is told"
    );
    let users = users(&world);
    for (run, name) in [
        (done.run, "idempotency-in-progress"),
        ([0; 16], "idempotency-in-doubt"),
    ] {
        let known = world.repo.api_request(&done.key).unwrap().unwrap();
        users.end_request(&known, None).await.unwrap();
        let mut cut = done.value.clone();
        cut.answer = None;
        cut.run = run;
        assert!(matches!(users.begin_request(&cut).await, Ok(Begun::New(_))));
        let again = program
            .ask(Method::POST, path, Some("one"), Some(&body))
            .await;
        let (found, status, _) = problem(&again);
        assert_eq!((found.as_str(), status), (name, 409));
        // Once nobody knows how far it came, it stays so.
        let known = world.repo.api_request(&done.key).unwrap().unwrap();
        users.doubt_request(&known).await.unwrap();
        let again = program
            .ask(Method::POST, path, Some("one"), Some(&body))
            .await;
        assert_eq!(problem(&again).0, "idempotency-in-doubt");
    }
}

#[tokio::test]
async fn the_document_describes_every_route() {
    let world = world().await;
    let program = program(&world, "ida").await;
    let document = world.get("/api/v1/openapi.json").await;
    assert_eq!(document.status, StatusCode::OK);
    let document: Value = serde_json::from_str(&document.body).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = document["paths"].as_object().unwrap();
    let mut names = std::collections::HashSet::new();
    let nobody = "0123456789abcdef0123456789abcdef";
    for (path, item) in paths {
        for method in ["get", "post", "put", "patch", "delete"] {
            let address = path
                .replace("{id}", nobody)
                .replace("{contact}", nobody)
                .replace("{method}", nobody)
                .replace("{message}", nobody)
                .replace("{index}", "0")
                .replace("{name}", "plan.pdf");
            // Files are not looked at here: a wrong day is refused before there is one.
            let address = match address.strip_suffix("/export") {
                Some(_) => format!("{address}?when=custom&from=x"),
                None => address,
            };
            let verb: Method = method.to_uppercase().parse().unwrap();
            let answer = program.ask(verb, &address, None, None).await;
            let Some(operation) = item.get(method) else {
                let not_there = answer.status == StatusCode::METHOD_NOT_ALLOWED;
                assert!(not_there, "{method} {path} is there and not described");
                continue;
            };
            assert_ne!(
                answer.status,
                StatusCode::METHOD_NOT_ALLOWED,
                "{method} {path}"
            );
            assert_ne!(answer.body, problem_of_no_route(), "{method} {path}");
            assert!(names.insert(operation["operationId"].as_str().unwrap().to_owned()));
            assert!(
                operation["responses"]["default"].is_object(),
                "{method} {path}"
            );
            let text = operation["summary"]
                .as_str()
                .or(operation["description"].as_str());
            assert!(text.is_some(), "{method} {path} says nothing");
        }
    }
    assert!(names.len() >= 20, "{names:?}");
    // No route of the API stands outside the described ones.
    let source = include_str!("../../api/mod.rs");
    assert_eq!(
        source.matches(".route(").count(),
        1,
        "only the document itself"
    );
    assert!(document["components"]["securitySchemes"]["token"].is_object());
}

fn problem_of_no_route() -> String {
    use super::super::super::api::problem::Problem;
    use super::super::super::fault::Fault;
    serde_json::to_string(&Problem::of_fault(&Fault::NotFound)).unwrap()
}

#[tokio::test]
async fn threads_of_nobody_are_not_found() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let nobody = ThreadId::from_bytes([9; 16]);
    let path = format!("/api/v1/inbox/{nobody}");
    assert_eq!(program.refused(Method::GET, &path, None).await.1, 404);
    let done = json!({"done": true});
    let path = format!("{path}/done");
    assert_eq!(
        program.refused(Method::POST, &path, Some(&done)).await.1,
        404
    );
    let page = program.get("/api/v1/inbox?list=unread").await;
    assert_eq!(page["items"], json!([]));
}
