//! Files that came with replies, and whose a thread is that nobody knows.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::App;
use super::super::fault::Fault;
use super::super::pages::{as_download, attach_to, file_of_message};
use super::Answer;
use super::auth::Caller;
use super::body::{Ids, Json, field_id, id};
use super::inbox::thread;
use super::problem::Problem;
use crate::domain::{Actor, ContactId, MessageId, ThreadId};
use crate::tracker::Attached;

/// Whose a thread is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AttachAsked {
    contact: String,
    /// Gives the contact the address or number too, as one that nobody has proved.
    #[serde(default)]
    add_method: bool,
}

/// Gives a thread with somebody unknown to a contact, with the other threads of the same address.
#[utoipa::path(post, path = "/api/v1/inbox/{id}/attach", tag = "inbox",
    operation_id = "attachThread", params(("id" = String, Path)), request_body = AttachAsked,
    responses((status = 204)))]
pub(super) async fn attach(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<AttachAsked>,
) -> Answer<StatusCode> {
    let thread = thread(&app, &text)?;
    let contact: ContactId = field_id("contact", &asked.contact)?;
    if app.contact_for(&caller.access, contact)?.is_none() {
        return Err(Problem::field("contact", "There is no such contact."));
    }
    let by = Actor::Program(caller.user.id);
    match attach_to(&app, &thread, contact, asked.add_method, by).await? {
        Attached::Done => Ok(StatusCode::NO_CONTENT),
        Attached::Before(known) if known == contact => Ok(StatusCode::NO_CONTENT),
        Attached::Before(_) => Err(Problem::conflict(
            "attached",
            "The thread belongs to another contact.",
        )),
    }
}

/// A thread, a message in it, and a file's place in that.
pub(super) struct Place(ThreadId, MessageId, usize);

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = Path::<(String, String, usize)>::from_request_parts(parts, state).await;
        let Path((thread, message, index)) = found.map_err(|_| Fault::NotFound)?;
        Ok(Self(
            id(&thread, "thread")?,
            id(&message, "message")?,
            index,
        ))
    }
}

/// A file that came with a message, by its place among the message's files, from 0. Anybody can
/// have sent it: it is called nothing that a browser would open. Where there is a virus scanner, it
/// is handed out once that has looked through it (503 while it does not answer), and not if a virus
/// was found in it or it is too large for that (409).
#[utoipa::path(get, path = "/api/v1/inbox/{id}/messages/{message}/files/{index}", tag = "inbox",
    operation_id = "getMessageFile",
    params(("id" = String, Path), ("message" = String, Path), ("index" = usize, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
pub(super) async fn file(State(app): State<Arc<App>>, place: Place) -> Answer<Response> {
    let Place(thread, message, index) = place;
    let found = file_of_message(&app, thread, message, index).await;
    let file = found.map_err(|fault| match fault {
        Fault::NotFound => Problem::not_found("file"),
        fault => fault.into(),
    })?;
    let kind = "application/octet-stream";
    Ok(as_download(&file.name, kind, file.bytes)?)
}
