//! The recipient list of the token's user.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::data::Areas;
use super::super::gather::{self, Gathered};
use super::auth::Caller;
use super::body::{self, Asked, Ids, Json, PageOf, Pages};
use super::contact_shape::ContactShape;
use super::contacts::{FilterAsked, contact};
use super::problem::Problem;
use super::{Answer, apart};
use crate::domain::GatherInto;

/// Which part of the recipient list, in which order.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RecipientsAsked {
    /// oldest (first, when it is not given) or newest.
    order: Option<String>,
    /// Rows of the page, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before, asked for in the same order.
    cursor: Option<String>,
}

/// Part of the recipient list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListShape {
    #[serde(flatten)]
    page: PageOf<ContactShape>,
    /// More are being put on it just now.
    gathering: bool,
}

/// The recipient list, by when contacts came to be: the oldest first, as it is read without an
/// order, or the newest.
#[utoipa::path(get, path = "/api/v1/recipients", tag = "recipients",
    operation_id = "listRecipients", params(RecipientsAsked),
    responses((status = 200, body = ListShape)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<RecipientsAsked>,
    pages: Pages,
) -> Answer<axum::Json<ListShape>> {
    let page = pages.wanted(asked.limit, asked.cursor.as_deref())?;
    let order = body::from_oldest(asked.order.as_deref())?;
    apart(&app, move |app| {
        let areas = Areas::read(app.repo())?;
        let user = caller.user.id;
        let found = app
            .repo()
            .recipients_in(order, user, page.after, page.limit)?;
        let mut rows = Vec::with_capacity(found.rows.len());
        for entry in &found.rows {
            let contact = app.contact_for(&caller.access, entry.contact)?;
            rows.extend(contact.map(|contact| ContactShape::of(&areas, &contact)));
        }
        Ok(axum::Json(ListShape {
            page: pages.page(rows, found.next),
            gathering: gather::is_under_way(app, user)?,
        }))
    })
    .await
}

/// Puts one contact on the list; nothing happens when it is there.
#[utoipa::path(put, path = "/api/v1/recipients/{id}", tag = "recipients",
    operation_id = "addRecipient", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of = contact(&app, &text)?.id;
    let tracker = &app.console.tracker;
    let gathered = tracker.add_recipients(caller.user.id, &[of]).await?;
    if gathered.full {
        let detail = "The list is full.";
        return Err(Problem::conflict("list-full", detail));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Takes one contact off the list.
#[utoipa::path(delete, path = "/api/v1/recipients/{id}", tag = "recipients",
    operation_id = "removeRecipient", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of = contact(&app, &text)?.id;
    let tracker = &app.console.tracker;
    tracker.remove_recipient(caller.user.id, of).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What adding many came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GatheredShape {
    /// done, full (others had no room) or under-way: it goes on by itself, and `gathering` of the
    /// group or list says until when.
    state: &'static str,
    /// How many are new there so far.
    added: u64,
}

impl GatheredShape {
    pub(super) fn of(gathered: Gathered) -> Answer<Self> {
        let (state, added) = match gathered {
            Gathered::Done(added) => ("done", added),
            Gathered::Full(added) => ("full", added),
            Gathered::UnderWay => ("under-way", 0),
            Gathered::Busy => {
                let detail = "Others are being put on a list for you just now; try again.";
                return Err(Problem::conflict("busy", detail));
            }
        };
        Ok(Self { state, added })
    }
}

/// Puts everybody whom a filter finds on the list: all of an area, all with an issue.
#[utoipa::path(post, path = "/api/v1/recipients/add-all", tag = "recipients",
    operation_id = "addAllRecipients", request_body = FilterAsked,
    responses((status = 200, body = GatheredShape)))]
pub(super) async fn add_all(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(asked): Json<FilterAsked>,
) -> Answer<axum::Json<GatheredShape>> {
    let filter = apart(&app, move |app| asked.read(&Areas::read(app.repo())?)).await?;
    let into = GatherInto::Recipients;
    let gathered = gather::gather(&app, caller.user.id, into, filter).await?;
    Ok(axum::Json(GatheredShape::of(gathered)?))
}

/// Empties the list.
#[utoipa::path(delete, path = "/api/v1/recipients", tag = "recipients",
    operation_id = "clearRecipients", responses((status = 204)))]
pub(super) async fn clear(State(app): State<Arc<App>>, caller: Caller) -> Answer<StatusCode> {
    app.console.tracker.clear_recipients(caller.user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
