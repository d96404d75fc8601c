//! The preview of an email's HTML, for the sandboxed frame.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse};

use super::super::App;
use super::super::dress::PREVIEW_POLICY;
use super::super::fault::Fault;
use super::super::session::Signed;
use super::{Answer, id};
use crate::domain::Body;

/// `GET /communications/{id}/preview`: the HTML as written, with what is put beneath it. Its own policy keeps it from
/// running anything, loading anything and reaching anything of ours, also when it is opened
/// outside the frame.
pub(super) async fn preview(
    State(app): State<Arc<App>>,
    _signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let communication = app
        .repo()
        .communication(id(&text)?)?
        .ok_or(Fault::NotFound)?;
    let content = app.repo().content(communication.content)?;
    let content = match communication.body {
        Body::Composed => app
            .console
            .submit
            .as_sent(&communication.category, &content),
        Body::Submitted(_) => content,
    };
    let headers = [
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(PREVIEW_POLICY),
        ),
        (
            header::X_FRAME_OPTIONS,
            HeaderValue::from_static("SAMEORIGIN"),
        ),
    ];
    Ok((headers, Html(content.html)).into_response())
}
