//! What happened: the log of a case, and the timeline of a client.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::App;
use super::super::entries::{Line, Reader};
use super::super::pages::correspondence::{LOOKED_AT_MAX, matters};
use super::auth::Caller;
use super::body::{Asked, Ids, OrderedAsked, PageOf, Pages, id};
use super::cases::case;
use super::correspondence::EntryShape;
use super::problem::Problem;
use super::shape::{ChangeShape, time};
use super::{Answer, apart};
use crate::domain::{Actor, CaseEvent, ContactId, Party};
use crate::store::{Happened, Order};

/// One thing that happened: something done with a case, or something said.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HappenedShape {
    /// Of the event or the entry.
    id: String,
    at: String,
    case: Option<String>,
    /// What was done with the case, as "case closed"; null for what was said.
    change: Option<&'static str>,
    /// More about that, as the reason that was given.
    detail: Option<String>,
    /// The user, on our side; null when nobody did it by hand.
    by: Option<String>,
    /// What was said, as correspondence lists it; null for what was done.
    entry: Option<EntryShape>,
    /// How the message fared from then on, oldest first.
    steps: Vec<ChangeShape>,
}

impl HappenedShape {
    fn done(event: &CaseEvent) -> Self {
        Self {
            id: event.id.to_string(),
            at: time(event.at),
            case: Some(event.case.to_string()),
            change: Some(event.change.as_str()),
            detail: Some(event.detail.reveal().clone()),
            by: match event.by {
                Actor::User(user) | Actor::Program(user) => Some(user.to_string()),
                Actor::Person | Actor::Import(_) | Actor::Gateway => None,
            },
            entry: None,
            steps: Vec::new(),
        }
    }

    fn said(app: &App, line: &Line) -> Answer<Self> {
        let entry = &line.entry;
        let timeline = line.delivery.iter().flat_map(|one| &one.timeline);
        Ok(Self {
            id: entry.id.to_string(),
            at: time(entry.at),
            case: entry.case.map(|case| case.to_string()),
            change: None,
            detail: None,
            by: entry.by.map(|user| user.to_string()),
            entry: Some(EntryShape::of(app, line)?),
            steps: timeline.map(ChangeShape::of).collect(),
        })
    }
}

/// Everything that was done with a case and said in it, each message with its statuses.
#[utoipa::path(get, path = "/api/v1/cases/{id}/log", tag = "cases", operation_id = "listCaseLog",
    params(("id" = String, Path), OrderedAsked),
    responses((status = 200, body = PageOf<HappenedShape>)))]
pub(super) async fn of_case(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Asked(asked): Asked<OrderedAsked>,
    pages: Pages,
) -> Answer<axum::Json<PageOf<HappenedShape>>> {
    let (page, order) = asked.wanted(&pages)?;
    let oldest = order == Order::Turned;
    apart(&app, move |app| {
        let of = case(app, &caller, &text)?.id;
        let after = page.after.as_deref();
        let found = app.repo().happened_in_case(of, after, page.limit, oldest)?;
        let mut reader = Reader::new(app, &caller.access);
        let mut rows = Vec::with_capacity(found.rows.len());
        for happened in found.rows {
            rows.push(match happened {
                Happened::Event(event) => HappenedShape::done(&event),
                Happened::Entry(entry) => HappenedShape::said(app, &reader.line(entry.value)?)?,
            });
        }
        Ok(axum::Json(pages.page(rows, found.next)))
    })
    .await
}

/// What mattered with a client, newest or oldest first: what belongs to a case, went to a creditor or came
/// from one, calls, notes, and where the cases stood. A page looks at up to 200 things, and may
/// hold fewer rows than asked for though `next` is there.
#[utoipa::path(get, path = "/api/v1/contacts/{id}/timeline", tag = "contacts",
    operation_id = "listTimeline", params(("id" = String, Path), OrderedAsked),
    responses((status = 200, body = PageOf<HappenedShape>)))]
pub(super) async fn of_client(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Asked(asked): Asked<OrderedAsked>,
    pages: Pages,
) -> Answer<axum::Json<PageOf<HappenedShape>>> {
    let (page, order) = asked.wanted(&pages)?;
    let oldest = order == Order::Turned;
    apart(&app, move |app| {
        let contact: ContactId = id(&text, "client")?;
        let contact = app.contact_for(&caller.access, contact)?;
        let client = contact.filter(|one| Party::of(one.kind) == Some(Party::Client));
        let client = client.ok_or_else(|| Problem::not_found("client"))?.id;
        let most = page.limit.min(LOOKED_AT_MAX);
        let found = app
            .repo()
            .happened_with_client(client, page.after.as_deref(), most, oldest)?;
        let mut reader = Reader::new(app, &caller.access);
        let mut rows = Vec::new();
        for happened in found.rows {
            rows.extend(milestone(app, &caller, &mut reader, happened)?);
        }
        Ok(axum::Json(pages.page(rows, found.next)))
    })
    .await
}

/// What happened, when it mattered and whoever asks may know of it.
fn milestone(
    app: &App,
    caller: &Caller,
    reader: &mut Reader<'_>,
    happened: Happened,
) -> Answer<Option<HappenedShape>> {
    match happened {
        Happened::Event(event) => {
            let case = app.repo().case(event.case)?;
            let seen = case.is_some_and(|case| caller.access.sees_case(&case));
            Ok((seen && event.change.is_status()).then(|| HappenedShape::done(&event)))
        }
        Happened::Entry(entry) => {
            if !reader.sees(&entry)? {
                return Ok(None);
            }
            let line = reader.line(entry.value)?;
            let shape = || HappenedShape::said(app, &line);
            matters(app, &line)?.then(shape).transpose()
        }
    }
}
