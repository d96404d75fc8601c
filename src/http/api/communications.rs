//! Communications: listed, written, changed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::App;
use super::super::data;
use super::auth::Caller;
use super::body::{Asked, Ids, Json, PageOf, Pages, id, order};
use super::communication_shape::{CommunicationShape, WholeShape};
use super::draft::DraftAsked;
use super::etag::IfMatch;
use super::problem::Problem;
use super::shape::Made;
use super::{Answer, apart, created};
use crate::domain::{Communication, CommunicationId};
use crate::store::{CommunicationList, Loaded};
use crate::submit::DraftInput;

const PLACE: &str = "/api/v1/communications";

/// Which communications.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListAsked {
    /// Those too that the product sent by itself.
    #[serde(default)]
    all: bool,
    /// Last modified: newest (first, when it is not given) or oldest.
    order: Option<String>,
    /// Rows of the page, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Communications, last modified first or in the other order.
#[utoipa::path(get, path = "/api/v1/communications", tag = "communications",
    operation_id = "listCommunications", params(ListAsked),
    responses((status = 200, body = PageOf<CommunicationShape>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<ListAsked>,
    pages: Pages,
) -> Answer<axum::Json<PageOf<CommunicationShape>>> {
    let page = pages.wanted(asked.limit, asked.cursor.as_deref())?;
    let order = order(asked.order.as_deref())?;
    let list = if asked.all {
        (CommunicationList::All, order)
    } else {
        (CommunicationList::Written, order)
    };
    apart(&app, move |app| {
        let part = data::communications(app, &caller.access, list, page.after, page.limit)?;
        let shape = |one: &Communication| CommunicationShape::of(app, &caller.access, one);
        let rows = part.rows.iter().map(shape).collect::<Answer<_>>()?;
        Ok(axum::Json(pages.page(rows, part.next)))
    })
    .await
}

/// Keeps a new draft. It may be incomplete; the review says what is missing.
#[utoipa::path(post, path = "/api/v1/communications", tag = "communications",
    operation_id = "createCommunication", request_body = DraftAsked,
    responses((status = 201, body = Made)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(asked): Json<DraftAsked>,
) -> Answer<Response> {
    let draft = read(&app, &caller, asked).await?;
    let submit = &app.console.submit;
    let made = submit.save_draft(None, &draft, caller.user.id).await?;
    Ok(created(made, PLACE))
}

async fn read(app: &Arc<App>, caller: &Caller, asked: DraftAsked) -> Answer<DraftInput> {
    let takes_list = asked.takes_list();
    let access = Arc::clone(&caller.access);
    let mut draft = apart(app, move |app| asked.read(app, &access)).await?;
    if takes_list {
        let list = app.console.submit.take_list(caller.user.id).await?;
        let detail = "Nobody is on your recipient list.";
        let none = || Problem::field("audience.recipient_list", detail);
        let (list, people) = list.ok_or_else(none)?;
        draft.audience.list = Some(list);
        draft.audience.list_people = people;
    }
    Ok(draft)
}

/// A communication with what it says.
#[utoipa::path(get, path = "/api/v1/communications/{id}", tag = "communications",
    operation_id = "getCommunication", params(("id" = String, Path)),
    responses((status = 200, body = WholeShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<WholeShape>> {
    apart(&app, move |app| {
        let found = communication(app, &text)?;
        Ok(axum::Json(WholeShape::of(app, &caller.access, &found)?))
    })
    .await
}

/// Puts another draft in the place of a draft; with `If-Match`, of the one that was seen.
#[utoipa::path(put, path = "/api/v1/communications/{id}", tag = "communications",
    operation_id = "changeCommunication", params(("id" = String, Path)),
    request_body = DraftAsked, responses((status = 204)))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    seen: IfMatch,
    Json(asked): Json<DraftAsked>,
) -> Answer<StatusCode> {
    let old = communication(&app, &text)?;
    seen.check(|| WholeShape::of(&app, &caller.access, &old))?;
    let seen = seen.is_asked().then_some(old.modified_at);
    let draft = read(&app, &caller, asked).await?;
    let submit = &app.console.submit;
    let by = caller.user.id;
    submit.keep_draft(Some(old.id), seen, &draft, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The communication of an address.
pub(super) fn communication(app: &App, text: &str) -> Answer<Loaded<Communication>> {
    let of: CommunicationId = id(text, "communication")?;
    let found = app.repo().communication(of)?;
    found.ok_or_else(|| Problem::not_found("communication"))
}

/// One that has been sent: only those have statistics.
pub(super) fn sent(app: &App, text: &str) -> Answer<Loaded<Communication>> {
    let found = communication(app, text)?;
    if found.is_sent() {
        return Ok(found);
    }
    Err(Problem::conflict("not-sent", "It has not been sent."))
}
