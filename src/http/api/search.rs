//! Finding what was written and answered by its words.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::data::search::{Line, look};
use super::super::listing::FileFormat;
use super::super::pages::search_export;
use super::super::view::zone_of_user;
use super::auth::Caller;
use super::body::{Asked, Pages, no_cursor};
use super::exports::words;
use super::log::moment;
use super::problem::Problem;
use super::shape::time;
use super::{Answer, apart};
use crate::search::{Order, Piece, Question};
use crate::store::Searched;

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchAsked {
    /// Words that must all occur; "in quotes" one behind the other; -not; start*; subject:, to:
    /// and text: for one field alone.
    #[param(max_length = 400)]
    q: String,
    /// newest (usual) or relevant, which has one page.
    order: Option<String>,
    /// Sent or received at this time or later (RFC 3339).
    from: Option<String>,
    /// Sent or received before this time (RFC 3339).
    to: Option<String>,
    /// Rows of the page, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A piece of a text.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PieceShape {
    text: String,
    /// Whether it is what was looked for.
    marked: bool,
}

/// Something that was found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FoundShape {
    /// communication, message or note.
    kind: &'static str,
    /// Its id.
    id: String,
    /// The thread of a message.
    thread: Option<String>,
    /// When it was sent or received.
    at: String,
    subject: Vec<PieceShape>,
    /// Some of those it went to or came from.
    recipients: Vec<Vec<PieceShape>>,
    /// The part of the text that has most of what was looked for.
    text: Vec<PieceShape>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FoundPage {
    items: Vec<FoundShape>,
    /// How many there are in all; null for whoever does not see everybody, and for more than can
    /// be looked at.
    total: Option<usize>,
    /// Give this as `cursor` to get what follows; null at the end.
    next: Option<String>,
    /// The index is being made: a part is missing.
    building: bool,
}

/// Looks through subjects, recipients and texts of everything written and answered.
#[utoipa::path(get, path = "/api/v1/search", tag = "search", operation_id = "search",
    params(SearchAsked), responses((status = 200, body = FoundPage)))]
pub(super) async fn search(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<SearchAsked>,
    pages: Pages,
) -> Answer<Json<FoundPage>> {
    let page = pages.wanted(asked.limit, asked.cursor.as_deref())?;
    let before = page
        .after
        .map(|bytes| bytes.as_slice().try_into().map(u64::from_be_bytes));
    let before = before.transpose().map_err(|_| no_cursor())?;
    let order = match asked.order.as_deref() {
        None | Some("newest") => Order::Newest,
        Some("relevant") => Order::Relevant,
        Some(_) => return Err(Problem::field("order", "An order is newest or relevant.")),
    };
    let question = Question {
        text: asked.q,
        order,
        from: moment("from", asked.from.as_deref())?,
        until: moment("to", asked.to.as_deref())?,
        before,
        limit: page.limit,
        ..Question::default()
    };
    apart(&app, move |app| {
        let found = look(app, &caller.access, &question)?;
        Ok(Json(FoundPage {
            items: found.lines.into_iter().map(shape).collect(),
            total: found.total,
            next: found.next.map(|place| pages.next(&place.to_be_bytes())),
            building: app.console.search.is_building(),
        }))
    })
    .await
}

/// What is looked for, and as what it is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchFileAsked {
    /// csv, xlsx or pdf.
    format: String,
    /// As a search takes it.
    #[param(max_length = 400)]
    q: String,
    /// Sent or received at this time or later (RFC 3339).
    from: Option<String>,
    /// Sent or received before this time (RFC 3339).
    to: Option<String>,
}

/// What a search finds as a file, newest first.
#[utoipa::path(get, path = "/api/v1/search/export", tag = "search", operation_id = "exportSearch",
    params(SearchFileAsked),
    responses((status = 200, body = Vec<u8>, content_type = "text/csv")))]
pub(super) async fn export(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<SearchFileAsked>,
) -> Answer<Response> {
    let format = FileFormat::named(&asked.format);
    let format = format.ok_or_else(|| Problem::field("format", "csv, xlsx or pdf."))?;
    let question = Question {
        text: asked.q.trim().to_owned(),
        from: moment("from", asked.from.as_deref())?,
        until: moment("to", asked.to.as_deref())?,
        ..Question::default()
    };
    if question.is_empty() {
        return Err(Problem::field("q", "Say what is looked for."));
    }
    let reader = (words(&app, &caller.user), zone_of_user(&app, &caller.user));
    Ok(search_export::file(&app, reader, &caller.access, format, question).await?)
}

fn shape(line: Line) -> FoundShape {
    let (kind, id, thread) = match &line.what {
        Searched::Communication(sent) => ("communication", sent.id.to_string(), None),
        Searched::Note(entry) => ("note", entry.id.to_string(), None),
        Searched::Message(message) => (
            "message",
            message.id.to_string(),
            Some(message.thread.to_string()),
        ),
    };
    FoundShape {
        kind,
        id,
        thread,
        at: time(line.at),
        subject: pieces(line.subject),
        recipients: line.who.into_iter().map(pieces).collect(),
        text: pieces(line.body),
    }
}

fn pieces(found: Vec<Piece>) -> Vec<PieceShape> {
    let shape = |piece: Piece| PieceShape {
        text: piece.text,
        marked: piece.marked,
    };
    found.into_iter().map(shape).collect()
}
