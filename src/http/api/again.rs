//! Requests that may be sent again: with an `Idempotency-Key` a POST is done once, and whoever
//! asks again within a day gets the same answer. What was asked is written down before it is
//! done, and what was answered before it is told.
//!
//! A request goes on when its connection breaks off, so that its answer is there to be fetched.
//! Only one that a restart cut off has none: it is refused, since nobody knows how far it came.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::http::response::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ring::digest;
use tokio::sync::OwnedSemaphorePermit;

use super::super::App;
use super::super::fault::Fault;
use super::auth::Caller;
use super::problem::Problem;
use super::{attachments, body};
use crate::domain::token::API_ANSWER_SIZE_MAX;
use crate::domain::{ApiAnswer, ApiRequest, Redacted};
use crate::store::{Loaded, StoreError, acting};
use crate::tracker::{Begun, Users};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Where a request holds a password, or its answer a secret that is told once.
const SECRET: [&str; 2] = ["/api/v1/users", "/api/v1/webhooks"];
/// Longest key, in characters.
const KEY_MAX: usize = 200;
/// Time between two tries to keep an answer that the store refused.
const KEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Does a request once.
pub(super) async fn once(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    // Files stand in memory as a whole: no more of them at a time than the console takes.
    let files = attachments::body_max(request.uri().path()).is_some();
    let turn = if files && *request.method() == Method::POST {
        Arc::clone(&app.uploads).acquire_owned().await.ok()
    } else {
        None
    };
    let key = match key(request.headers()) {
        // What only shows is shown anew: whoever asks again may have lost the right to see it.
        Ok(Some(key)) if *request.method() == Method::POST && is_kept(request.uri().path()) => key,
        Ok(_) => return next.run(request).await,
        Err(problem) => return problem.into_response(),
    };
    let done = done_once(&app, &caller, &key, request, next, turn).await;
    done.unwrap_or_else(IntoResponse::into_response)
}

/// Whether what is asked and answered may be written down: neither what only shows something, nor
/// what holds a password or a secret.
pub(super) fn is_kept(path: &str) -> bool {
    !path.ends_with("/render") && !SECRET.contains(&path) && !path.ends_with("/secret")
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut lines = headers.get_all(KEY).into_iter();
    let Some(line) = lines.next() else {
        return Ok(None);
    };
    let text = line.to_str().unwrap_or_default();
    let fits = !text.is_empty() && text.len() <= KEY_MAX && lines.next().is_none();
    if fits {
        return Ok(Some(text.to_owned()));
    }
    Err(Problem::new(
        StatusCode::BAD_REQUEST,
        "idempotency-key",
        "Not an idempotency key",
        format!("Send one Idempotency-Key of 1 to {KEY_MAX} visible ASCII characters."),
    ))
}

fn digest_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

async fn done_once(
    app: &Arc<App>,
    caller: &Caller,
    key: &str,
    request: Request,
    next: Next,
    turn: Option<OwnedSemaphorePermit>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let most = attachments::body_max(parts.uri.path()).unwrap_or(body::BODY_MAX);
    let body = to_bytes(body, most).await.map_err(|_| Fault::TooLarge)?;
    let uri = parts.uri.to_string();
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let kind = kind.map_or(&b""[..], HeaderValue::as_bytes);
    let wish = ApiRequest {
        key: digest_of(&[caller.user.id.as_bytes(), key.as_bytes()]),
        request: digest_of(&[
            parts.method.as_str().as_bytes(),
            uri.as_bytes(),
            kind,
            &body,
        ]),
        run: app.run,
        at: app.now(),
        answer: None,
    };
    let begun = match app.users().begin_request(&wish).await? {
        Begun::New(begun) => begun,
        Begun::Known(known) => return known_before(app, &wish, &known),
        Begun::Full => return Err(Fault::TooMany(Duration::from_secs(3600)).into()),
    };
    let request = Request::from_parts(parts, Body::from(body));
    let app = Arc::clone(app);
    // Whoever asked may go away meanwhile: the answer is kept for them all the same, and a file
    // stands in memory until then.
    let doing = tokio::spawn(acting::carried(async move {
        let handled = tokio::spawn(acting::carried(next.run(request))).await;
        drop(turn);
        match handled {
            Ok(response) => keep(&app, begun, response).await,
            Err(_) => {
                write(&app, begun, End::InDoubt).await?;
                Err(Fault::Internal.into())
            }
        }
    }));
    doing.await.map_err(|_| Fault::Internal)?
}

fn known_before(app: &App, wish: &ApiRequest, known: &ApiRequest) -> Result<Response, Problem> {
    if known.request != wish.request {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency-key-reused",
            "Another request had this key",
            "Use a new Idempotency-Key for each request; nothing was done.",
        ));
    }
    if let Some(answer) = &known.answer {
        return Ok(replay(answer));
    }
    Err(if known.run == app.run {
        let detail = "The same request is still being done. Ask again in a moment.";
        Problem::conflict("idempotency-in-progress", detail)
    } else {
        let detail = "A restart or a mistake of ours cut this request off. Look whether it was done before you send it under another key.";
        Problem::conflict("idempotency-in-doubt", detail)
    })
}

/// How a request ended.
enum End {
    /// With this answer; with none it may be sent again.
    Answered(Option<ApiAnswer>),
    /// By a mistake of ours: nobody knows how far it came.
    InDoubt,
}

/// Keeps the answer before it is told. What failed for the moment may be sent again.
async fn keep(
    app: &Arc<App>,
    begun: Loaded<ApiRequest>,
    response: Response,
) -> Result<Response, Problem> {
    let (parts, body) = response.into_parts();
    // It stands in memory already: what a POST is answered with is never a stream.
    let body = to_bytes(body, usize::MAX).await;
    let body = body.map_err(|_| Fault::Internal)?;
    let answer = answer_of(&parts, &body);
    write(app, begun, End::Answered(answer)).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// What is kept of an answer. None where the request may be sent again: it failed for the moment,
/// or nothing was done and it takes too much room to say why.
fn answer_of(parts: &Parts, body: &Bytes) -> Option<ApiAnswer> {
    let status = parts.status.as_u16();
    let fits = body.len() <= API_ANSWER_SIZE_MAX;
    if Problem::is_transient(status) || (!fits && !parts.status.is_success()) {
        return None;
    }
    let text = |name| {
        let value = parts.headers.get(name);
        let value = value.and_then(|value| HeaderValue::to_str(value).ok());
        value.unwrap_or_default().to_owned()
    };
    // Of what was done and takes too much room it is kept that it was done, and where.
    let (media_type, body) = if fits {
        let body = String::from_utf8_lossy(body).into_owned();
        (text(header::CONTENT_TYPE), body)
    } else {
        (String::new(), String::new())
    };
    Some(ApiAnswer {
        status,
        media_type,
        location: text(header::LOCATION),
        body: Redacted::new(body),
    })
}

/// Writes down how a request ended. What was done was done: it is tried however long the store
/// refuses, so that whoever asks again is told.
async fn write(app: &App, begun: Loaded<ApiRequest>, end: End) -> Result<(), StoreError> {
    let users = app.users();
    let written = write_once(&users, &begun, &end).await;
    if let Err(error) = &written {
        tracing::error!(%error, "how a program's request ended cannot be kept; trying again");
        tokio::spawn(write_later(users, begun, end));
    }
    written
}

async fn write_once(
    users: &Users,
    begun: &Loaded<ApiRequest>,
    end: &End,
) -> Result<(), StoreError> {
    match end {
        End::Answered(answer) => users.end_request(begun, answer.clone()).await,
        End::InDoubt => users.doubt_request(begun).await,
    }
}

async fn write_later(users: Users, begun: Loaded<ApiRequest>, end: End) {
    loop {
        tokio::time::sleep(KEEP_INTERVAL).await;
        match write_once(&users, &begun, &end).await {
            Ok(()) | Err(StoreError::Closed | StoreError::Conflict { .. }) => return,
            Err(error) => tracing::debug!(%error, "how a request ended is not kept yet"),
        }
    }
}

fn replay(answer: &ApiAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body.reveal().clone()).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in [
        (header::CONTENT_TYPE, &answer.media_type),
        (header::LOCATION, &answer.location),
    ] {
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use tower::ServiceExt;

    use super::super::super::access::access_of;
    use super::super::super::tests::world::world;
    use super::*;

    fn kept(status: StatusCode, size: usize) -> Option<ApiAnswer> {
        let place = [(header::LOCATION, "/api/v1/things/1")];
        let response = (status, place, "x".repeat(size)).into_response();
        let (parts, _) = response.into_parts();
        answer_of(&parts, &Bytes::from("x".repeat(size)))
    }

    async fn broken() {
        panic!("a mistake of ours");
    }

    #[tokio::test]
    async fn what_a_mistake_of_ours_cut_off_is_in_doubt_at_once() {
        let world = world().await;
        let user = world.repo.user_by_login("otto").unwrap().unwrap().value;
        let access = access_of(&world.repo, &user, None).unwrap();
        let router: Router = Router::new()
            .route("/", post(broken))
            .layer(from_fn_with_state(Arc::clone(&world.app), once))
            .layer(Extension(Caller {
                user,
                access,
                token: [1; 32],
            }));
        let ask = async || {
            let request = Request::post("/").header(KEY, "one");
            let request = request.body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap().status()
        };
        assert_eq!(ask().await, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(ask().await, StatusCode::CONFLICT);
        let kept = world.repo.oldest_api_requests(2).unwrap();
        let [kept] = kept.as_slice() else {
            panic!("{kept:?}");
        };
        assert!(kept.answer.is_none() && kept.run != world.app.run);
    }

    #[test]
    fn an_answer_that_takes_too_much_room_is_kept_without_its_body_or_asked_for_again() {
        let small = kept(StatusCode::CREATED, API_ANSWER_SIZE_MAX).unwrap();
        assert_eq!(small.body.reveal().len(), API_ANSWER_SIZE_MAX);
        let large = kept(StatusCode::CREATED, API_ANSWER_SIZE_MAX + 1).unwrap();
        assert_eq!((large.status, large.body.reveal().as_str()), (201, ""));
        assert_eq!(large.location, "/api/v1/things/1");
        assert_eq!(large.media_type, "");
        let refused = StatusCode::UNPROCESSABLE_ENTITY;
        assert!(kept(refused, API_ANSWER_SIZE_MAX).is_some());
        assert!(kept(refused, API_ANSWER_SIZE_MAX + 1).is_none());
        assert!(kept(StatusCode::SERVICE_UNAVAILABLE, 1).is_none());
    }
}
