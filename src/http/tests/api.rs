//! The API: who gets in, what is refused, what is done once.

mod rules;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::super::guard::Peer;
use super::super::{new_token, token_hash};
use super::world::{Answer, Fetched, World, world};
use crate::domain::{Permissions, ThreadId, Timestamp};
use crate::tracker::NewToken;

/// A program with its token.
pub(crate) struct Program<'a> {
    pub(crate) world: &'a World,
    pub(crate) token: String,
}

/// One with a token of this user.
pub(crate) async fn program<'a>(world: &'a World, login: &str) -> Program<'a> {
    program_until(world, login, None).await
}

/// One with a token that may do this much.
pub(super) async fn program_scoped<'a>(
    world: &'a World,
    login: &str,
    scopes: Permissions,
) -> Program<'a> {
    program_with(world, login, None, Some(scopes)).await
}

async fn program_until<'a>(world: &'a World, login: &str, end: Option<Timestamp>) -> Program<'a> {
    program_with(world, login, end, None).await
}

async fn program_with<'a>(
    world: &'a World,
    login: &str,
    end: Option<Timestamp>,
    scopes: Option<Permissions>,
) -> Program<'a> {
    let user = world.repo.user_by_login(login).unwrap().unwrap();
    let seed = login.bytes().map(u64::from).sum();
    let token = new_token(&crate::clock::Randomness::seeded(seed));
    let new = NewToken {
        user: user.id,
        hash: token_hash(&token),
        name: "a test".to_owned(),
        scopes,
        expires_at: end,
    };
    users(world).add_token(new).await.unwrap();
    Program { world, token }
}

fn users(world: &World) -> crate::tracker::Users {
    let clock: crate::clock::SharedClock = world.clock.clone();
    crate::tracker::Users::new(
        world.repo.clone(),
        clock,
        crate::clock::Randomness::seeded(3),
    )
}

impl Program<'_> {
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "tocsin.example.org")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.world.send(request.body(body).unwrap()).await
    }

    /// A file.
    pub(super) async fn fetch(&self, path: &str) -> Fetched {
        let request = Request::get(path)
            .header(header::HOST, "tocsin.example.org")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        self.world.fetch(request.body(Body::empty()).unwrap()).await
    }

    #[track_caller]
    fn read(answer: &Answer, status: StatusCode) -> Value {
        assert_eq!(answer.status, status, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap_or(Value::Null)
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path, None, None).await;
        Self::read(&answer, StatusCode::OK)
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask(Method::POST, path, None, Some(body)).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap_or(Value::Null)
    }

    /// The problem that a request meets: its name, its status and its document.
    pub(super) async fn refused(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (String, u16, Value) {
        problem(&self.ask(method, path, None, body).await)
    }
}

#[track_caller]
pub(super) fn problem(answer: &Answer) -> (String, u16, Value) {
    let kind = answer.headers.get(header::CONTENT_TYPE);
    let kind = kind.map_or("", |kind| kind.to_str().unwrap());
    assert_eq!(kind, "application/problem+json", "{}", answer.body);
    let document: Value = serde_json::from_str(&answer.body).unwrap();
    let status = answer.status.as_u16();
    assert_eq!(document["status"], status);
    let name = document["type"].as_str().unwrap();
    let name = name.strip_prefix("urn:tocsin:problem:").unwrap();
    (name.to_owned(), status, document.clone())
}

pub(super) fn draft(world: &World) -> Value {
    json!({
        "category": "alert",
        "channels": ["email", "text", "call"],
        "subject": "Flood warning",
        "text": "The river is rising.",
        "sms_text": "The river is rising.",
        "voice_script": "The river is rising.",
        "audience": { "areas": [world.county.to_string()] },
    })
}

async fn get_with(world: &World, authorization: Option<&str>, cookie: &str) -> Answer {
    let mut request = Request::get("/api/v1/areas")
        .header(header::HOST, "tocsin.example.org")
        .header(header::COOKIE, cookie);
    if let Some(value) = authorization {
        request = request.header(header::AUTHORIZATION, value);
    }
    world.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn only_a_valid_token_gets_in() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let cookie = world.browser("ida").await.cookie;
    let good = format!("Bearer {}", program.token);
    let lower = format!("bearer {}", program.token);
    for value in [&good, &lower] {
        let answer = get_with(&world, Some(value), "").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }
    let basic = format!("Basic {}", program.token);
    let other = format!("Bearer {}", new_token(&crate::clock::Randomness::seeded(5)));
    for value in [
        None,
        Some("Bearer"),
        Some("Bearer x"),
        Some(&*basic),
        Some(&*other),
    ] {
        let answer = get_with(&world, value, &cookie).await;
        let (name, status, _) = problem(&answer);
        assert_eq!((name.as_str(), status), ("unauthorized", 401), "{value:?}");
        let challenge = answer.headers.get(header::WWW_AUTHENTICATE).unwrap();
        assert!(challenge.to_str().unwrap().starts_with("Bearer "));
    }
}

#[tokio::test]
async fn tokens_end_with_their_time_their_user_and_their_revocation() {
    let world = world().await;
    let hour = std::time::Duration::from_secs(3600);
    let brief = program_until(&world, "otto", Some(world.now().plus(hour))).await;
    assert!(
        !brief
            .get("/api/v1/areas")
            .await
            .as_array()
            .unwrap()
            .is_empty()
    );
    world.clock.advance(hour);
    let (name, _, _) = brief.refused(Method::GET, "/api/v1/areas", None).await;
    assert_eq!(name, "unauthorized");

    let other = world.repo.user_by_login("app").unwrap().unwrap();
    let token = "tocsin_another".to_owned();
    let new = NewToken {
        user: other.id,
        hash: token_hash(&token),
        name: "app".to_owned(),
        scopes: None,
        expires_at: None,
    };
    users(&world).add_token(new).await.unwrap();
    let app = Program {
        world: &world,
        token,
    };
    app.get("/api/v1/areas").await;
    let users = users(&world);
    users.set_disabled(other.id, true, None).await.unwrap();
    assert_eq!(app.refused(Method::GET, "/api/v1/areas", None).await.1, 401);
    users.set_disabled(other.id, false, None).await.unwrap();
    app.get("/api/v1/areas").await;
    let hash = token_hash(&app.token);
    users.revoke_token(other.id, &hash).await.unwrap();
    assert_eq!(app.refused(Method::GET, "/api/v1/areas", None).await.1, 401);
}

#[tokio::test]
async fn the_last_use_is_written_once_a_minute() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let used = || {
        let token = world.repo.api_token(&token_hash(&program.token)).unwrap();
        token.unwrap().used_at
    };
    assert_eq!(used(), None);
    program.get("/api/v1/areas").await;
    let first = used();
    assert_eq!(first, Some(world.now()));
    world.clock.advance(std::time::Duration::from_secs(59));
    program.get("/api/v1/areas").await;
    assert_eq!(used(), first);
    world.clock.advance(std::time::Duration::from_secs(1));
    program.get("/api/v1/areas").await;
    assert_eq!(used(), Some(world.now()));
}

#[tokio::test]
async fn guesses_have_to_wait_only_where_they_come_from_and_a_valid_token_passes() {
    let world = world().await;
    let program = program(&world, "otto").await;
    let from = |token: &str, address: [u8; 4]| {
        let request = Request::get("/api/v1/areas")
            .header(header::HOST, "tocsin.example.org")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .extension(Peer(address.into()));
        request.body(Body::empty()).unwrap()
    };
    for guess in 0..40 {
        let answer = world
            .send(from(&format!("tocsin_{guess}"), [192, 0, 2, 1]))
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "guess {guess}");
    }
    let answer = world.send(from("tocsin_more", [192, 0, 2, 1])).await;
    assert_eq!(problem(&answer).0, "too-many-requests");
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    let elsewhere = world.send(from("tocsin_more", [192, 0, 2, 2])).await;
    assert_eq!(elsewhere.status, StatusCode::UNAUTHORIZED);
    // A program with an old token beside it shuts it out nowhere.
    let valid = world.send(from(&program.token, [192, 0, 2, 1])).await;
    assert_eq!(valid.status, StatusCode::OK);
}

#[tokio::test]
async fn administrators_make_and_revoke_tokens() {
    let world = world().await;
    let browser = world.browser("ida").await;
    let otto = world.repo.user_by_login("otto").unwrap().unwrap().id;
    let place = format!("/users/{otto}/tokens");
    browser
        .get(&format!("/users/{otto}"))
        .await
        .assert_has(&[&place]);
    browser.get(&place).await.assert_has(&["No tokens yet."]);
    let wrong = [("name", String::new()), ("days", "5".to_owned())];
    let answer = browser.post(&place, &wrong).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.assert_has(&["Enter a name.", "Choose one of the list."]);
    let fields = [
        ("name", "Rota import".to_owned()),
        ("days", "90".to_owned()),
        ("scope", "see".to_owned()),
    ];
    let made = browser.post(&place, &fields).await;
    let start = made.body.find("tocsin_").unwrap();
    let token: String = made.body[start..]
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c))
        .collect();
    let program = Program {
        world: &world,
        token: token.clone(),
    };
    program.get("/api/v1/areas").await;
    let list = browser.get(&place).await;
    list.assert_has(&["Rota import", "Valid", "Last used"]);
    assert!(!list.body.contains(&token), "it is shown once");
    let hash = data_encoding::HEXLOWER.encode(&token_hash(&token));
    let revoke = format!("{place}/{hash}/revoke");
    browser
        .get(&revoke)
        .await
        .assert_has(&["Revoke Rota import?"]);
    let done = browser.post(&revoke, &[]).await;
    assert_eq!(done.location(), format!("{place}?done=token_revoked"));
    assert_eq!(
        program.refused(Method::GET, "/api/v1/areas", None).await.1,
        401
    );
    let operator = world.browser("otto").await;
    assert_eq!(operator.get(&place).await.status, StatusCode::FORBIDDEN);
}
