//! How messages look and sound: HTML that runs nothing and fetches nothing, and what a call says.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::super::App;
use super::super::fault::Fault;
use super::super::pages::{hear_of, message_html, preview_of};
use super::Answer;
use super::auth::Caller;
use super::body::{Ids, id};
use super::exports::words;
use super::problem::Problem;

fn found(answer: Result<Response, Fault>, what: &'static str) -> Answer<Response> {
    answer.map_err(|fault| match fault {
        Fault::NotFound => Problem::not_found(what),
        fault => fault.into(),
    })
}

/// The HTML of a communication with what is put beneath it, or of the mail as it was handed in.
/// Scripts, styles, forms and remote pictures are taken out.
#[utoipa::path(get, path = "/api/v1/communications/{id}/preview", tag = "communications",
    operation_id = "previewCommunication", params(("id" = String, Path)),
    responses((status = 200, body = String, content_type = "text/html")))]
pub(super) async fn preview(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<Response> {
    let of = id(&text, "communication")?;
    let page = preview_of(&app, words(&app, &caller.user), of).await;
    found(page, "communication")
}

/// What the call of a communication says, spoken, as a WAV file; where the installation can speak.
#[utoipa::path(get, path = "/api/v1/communications/{id}/hear", tag = "communications",
    operation_id = "hearCommunication", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "audio/wav")))]
pub(super) async fn hear(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<Response> {
    let of = id(&text, "communication")?;
    let spoken = hear_of(&app, words(&app, &caller.user).language, of).await;
    found(spoken, "call to hear")
}

/// The HTML of a mail that came in. Scripts, styles, forms and remote pictures are taken out.
#[utoipa::path(get, path = "/api/v1/inbox/{id}/messages/{message}/html", tag = "inbox",
    operation_id = "getMessageHtml", params(("id" = String, Path), ("message" = String, Path)),
    responses((status = 200, body = String, content_type = "text/html")))]
pub(super) async fn message(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids((thread, message)): Ids<(String, String)>,
) -> Answer<Response> {
    let (thread, message) = (id(&thread, "thread")?, id(&message, "message")?);
    let page = message_html(&app, words(&app, &caller.user), thread, message).await;
    found(page, "mail")
}
