//! The communications log: every message, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::journal::{self, Filter, Standing};
use super::auth::Caller;
use super::body::{Asked, PageOf, Pages, field_id, order};
use super::draft::channel;
use super::people::cursor_id;
use super::problem::Problem;
use super::shape::{DeliveryShape, read_time};
use super::{Answer, apart};
use crate::domain::{Access, CommunicationId, Delivery, DeliveryId, Timestamp};
use crate::store::{Order, Seek};

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LogAsked {
    /// Made at this time or later (RFC 3339).
    from: Option<String>,
    /// Made before this time (RFC 3339).
    to: Option<String>,
    /// email, text or call.
    channel: Option<String>,
    /// queued, sent, delivered, opened, failed or closed (given up before its turn).
    status: Option<String>,
    /// Only of this communication.
    communication: Option<String>,
    /// newest (first, when it is not given) or oldest.
    order: Option<String>,
    /// Rows of the page, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A line of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoggedShape {
    #[serde(flatten)]
    delivery: DeliveryShape,
    /// Name of the recipient; null when the contact is gone.
    recipient: Option<String>,
    /// Title of the communication.
    title: String,
}

/// The communications log, newest first or oldest first. A page may hold fewer rows than asked for, though `next` is there,
/// when very many had to be looked through.
#[utoipa::path(get, path = "/api/v1/log", tag = "log", operation_id = "listLog",
    params(LogAsked), responses((status = 200, body = PageOf<LoggedShape>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<LogAsked>,
    pages: Pages,
) -> Answer<Json<PageOf<LoggedShape>>> {
    let page = pages.wanted(asked.limit, asked.cursor.as_deref())?;
    let order = order(asked.order.as_deref())?;
    let after = page.after.map(|bytes| cursor_id(&bytes)).transpose()?;
    let after = after.map(DeliveryId::from_bytes);
    let seek = match (order, after) {
        (Order::Usual, None) => Seek::Start,
        (Order::Usual, Some(id)) => Seek::After(id),
        (Order::Turned, after) => Seek::Before(after.unwrap_or(DeliveryId::from_bytes([0; 16]))),
    };
    apart(&app, move |app| {
        let filter = filter(app, &asked, &caller.access)?;
        let mut found = journal::page(app.repo(), &filter, &seek, page.limit)?;
        let further = match order {
            Order::Usual => found.older,
            Order::Turned => {
                found.rows.reverse();
                found.newer
            }
        };
        let shape = |delivery: &Delivery| line(app, delivery);
        let rows = found.rows.iter().map(shape).collect::<Answer<_>>()?;
        let next = further.map(|last| last.as_bytes().to_vec());
        Ok(Json(pages.page(rows, next)))
    })
    .await
}

fn filter(app: &App, asked: &LogAsked, access: &Arc<Access>) -> Answer<Filter> {
    let by = asked.channel.as_deref();
    let by = by.map(|name| channel("channel", name)).transpose()?;
    let standing = match asked.status.as_deref() {
        None => None,
        Some(name) => {
            let mut all = Standing::ALL.into_iter();
            let detail = "A status is queued, sent, delivered, opened, failed or closed.";
            let found = all.find(|one| one.slug() == name);
            Some(found.ok_or_else(|| Problem::field("status", detail))?)
        }
    };
    let of = match asked.communication.as_deref() {
        None => None,
        Some(text) => {
            let of: CommunicationId = field_id("communication", text)?;
            let found = app.communication_for(access, of)?;
            let detail = "There is no such communication.";
            Some(found.ok_or_else(|| Problem::field("communication", detail))?)
        }
    };
    let from = moment("from", asked.from.as_deref())?.unwrap_or_default();
    let to = moment("to", asked.to.as_deref())?.unwrap_or(Timestamp::from_millis(u64::MAX));
    Ok(Filter::new((from, to), by, standing, of.as_deref(), access))
}

pub(super) fn moment(field: &str, text: Option<&str>) -> Answer<Option<Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    let detail = "Give a time as RFC 3339 writes it, like 2026-05-01T00:00:00Z.";
    let at = read_time(text).ok_or_else(|| Problem::field(field, detail))?;
    Ok(Some(at))
}

fn line(app: &App, delivery: &Delivery) -> Answer<LoggedShape> {
    let contact = app.repo().current_contact(delivery.contact)?;
    let communication = app.repo().communication(delivery.communication)?;
    Ok(LoggedShape {
        delivery: DeliveryShape::brief(delivery, app.now()),
        recipient: contact.map(|contact| contact.full_name()),
        title: communication.map_or_else(String::new, |one| one.title.clone()),
    })
}
