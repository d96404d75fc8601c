//! Throwing a draft away, asked about first.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect};

use super::super::App;
use super::super::fault::Fault;
use super::super::session::{Signed, SignedForm};
use super::super::view::Chrome;
use super::compose::see;
use super::{Answer, id, show};
use crate::domain::CommunicationId;
use crate::submit::SubmitError;

#[derive(Template)]
#[template(path = "draft_delete.html")]
struct Page {
    c: Chrome,
    id: CommunicationId,
    title: String,
}

/// `GET /communications/{id}/delete`
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    let of = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    if !of.is_draft() {
        return Ok(Redirect::to(&format!("/communications/{id}")).into_response());
    }
    let c = Chrome::of(
        &app,
        &signed,
        signed.words.t("draft.delete"),
        "communications",
    )?;
    let title = c.title_of(&of);
    show(&Page { c, id, title })
}

/// `POST /communications/{id}/delete`
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    match app.console.submit.delete_draft(id).await {
        Ok(()) => {
            tracing::info!(communication = %id, user = %form.signed.user.id, "draft deleted");
            Ok(see("/communications?done=deleted"))
        }
        // Deleted before, by a second click.
        Err(SubmitError::NotFound) => Ok(see("/communications")),
        Err(SubmitError::AlreadySent | SubmitError::NotADraft) => {
            Ok(see(&format!("/communications/{id}")))
        }
        Err(error) => Err(error.into()),
    }
}
