//! Who is logged in to the console, and the end of it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use data_encoding::HEXLOWER;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::App;
use super::super::pages::sessions::{live, named};
use super::auth::Caller;
use super::body::Ids;
use super::problem::Problem;
use super::shape::time;
use super::users::user;
use super::{Answer, apart};
use crate::domain::{Redacted, Session, UserId};

/// A login to the console that lasts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionShape {
    /// Names the session and lets nobody in.
    id: String,
    began_at: String,
    /// To the minute.
    seen_at: String,
    /// When it ends whatever happens.
    ends_at: String,
    /// The kind of browser, as "Firefox, Windows"; null where nothing told.
    browser: Option<String>,
    /// Where it began, as "192.0.2.0/24"; null where nothing told.
    network: Option<String>,
}

impl SessionShape {
    fn of(session: &Session) -> Self {
        Self {
            id: HEXLOWER.encode(&session.token_hash),
            began_at: time(session.created_at),
            seen_at: time(session.used_at),
            ends_at: time(session.expires_at),
            browser: session.browser.clone(),
            network: session.network.as_ref().map(Redacted::reveal).cloned(),
        }
    }
}

fn shapes(app: &App, of: UserId) -> Answer<axum::Json<Vec<SessionShape>>> {
    let sessions = live(app, of)?;
    Ok(axum::Json(sessions.iter().map(SessionShape::of).collect()))
}

/// Where the user of the token is logged in to the console, last seen first.
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "me", operation_id = "listMySessions",
    responses((status = 200, body = Vec<SessionShape>)))]
pub(super) async fn mine(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Answer<axum::Json<Vec<SessionShape>>> {
    apart(&app, move |app| shapes(app, caller.user.id)).await
}

/// Logs the user of the token out of the console everywhere. Tokens go on.
#[utoipa::path(delete, path = "/api/v1/me/sessions", tag = "me", operation_id = "endMySessions",
    responses((status = 204)))]
pub(super) async fn end_mine(State(app): State<Arc<App>>, caller: Caller) -> Answer<StatusCode> {
    app.users().end_all_sessions(caller.user.id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one session of the user of the token.
#[utoipa::path(delete, path = "/api/v1/me/sessions/{session}", tag = "me",
    operation_id = "endMySession", params(("session" = String, Path)),
    responses((status = 204)))]
pub(super) async fn end(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let hash = named(&text).ok_or_else(|| Problem::not_found("session"))?;
    app.users().end_session(caller.user.id, &hash).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where a user is logged in to the console, last seen first.
#[utoipa::path(get, path = "/api/v1/users/{id}/sessions", tag = "users",
    operation_id = "listSessions", params(("id" = String, Path)),
    responses((status = 200, body = Vec<SessionShape>)))]
pub(super) async fn of_user(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<Vec<SessionShape>>> {
    apart(&app, move |app| shapes(app, user(app, &text)?.id)).await
}

/// Logs a user out of the console everywhere. Tokens go on.
#[utoipa::path(delete, path = "/api/v1/users/{id}/sessions", tag = "users",
    operation_id = "endSessions", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn end_of_user(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of = apart(&app, move |app| user(app, &text)).await?.id;
    app.users().end_all_sessions(of, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
