//! People: found, looked at, and their methods put right.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::data::{self, Areas};
use super::super::pages::read_destination;
use super::auth::Caller;
use super::body::{Asked, Ids, Json, PageAsked, PageOf, field_id, id, wanted};
use super::contact_shape::{ContactShape, LineShape};
use super::problem::Problem;
use super::{Answer, apart};
use crate::domain::{AreaId, Contact, ContactId, MethodId};
use crate::store::{Loaded, NO_AREA};

/// Which contacts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ContactsAsked {
    /// Words of the name, an address or a number; such a list has one page.
    q: Option<String>,
    /// Only those in this area and what lies in it; such a list has one page.
    area: Option<String>,
    /// Rows of the page, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Contacts, by first name.
#[utoipa::path(get, path = "/api/v1/contacts", tag = "contacts", operation_id = "listContacts",
    params(ContactsAsked), responses((status = 200, body = PageOf<ContactShape>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Asked(asked): Asked<ContactsAsked>,
) -> Answer<axum::Json<PageOf<ContactShape>>> {
    let page = wanted(asked.limit, asked.cursor.as_deref())?;
    let q = asked.q.unwrap_or_default();
    if page.after.is_some() && (!q.is_empty() || asked.area.is_some()) {
        return Err(Problem::field("cursor", "This list has one page."));
    }
    apart(&app, move |app| {
        let areas = Areas::read(app.repo())?;
        let (rows, next) = if let Some(text) = asked.area.as_deref() {
            let area = area(&areas, text)?;
            let rows = data::contacts_in(app.repo(), &areas.tree, area, &q, page.limit)?;
            (rows, None)
        } else if q.trim().is_empty() {
            let found = app.repo().contacts_by_name("", page.after, page.limit)?;
            (found.rows, found.next)
        } else {
            let region = &app.console.settings.default_region;
            (data::search(app.repo(), &q, region, page.limit)?, None)
        };
        Ok(axum::Json(PageOf::new(shapes(&areas, &rows), next)))
    })
    .await
}

fn shapes(areas: &Areas, rows: &[Loaded<Contact>]) -> Vec<ContactShape> {
    rows.iter()
        .map(|contact| ContactShape::of(areas, contact))
        .collect()
}

/// The area of a query; "none" is for those without one.
fn area(areas: &Areas, text: &str) -> Answer<AreaId> {
    if text == "none" {
        return Ok(NO_AREA);
    }
    let area: AreaId = field_id("area", text)?;
    if areas.tree.get(area).is_none() {
        return Err(Problem::field("area", "There is no such area."));
    }
    Ok(area)
}

/// Whose communication issues.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct IssuesAsked {
    /// The area, with what lies in it; "none" for people without one.
    area: String,
    /// True for those whom no method reaches any more, instead of those whom some reach.
    #[serde(default)]
    unreachable: bool,
    /// Most rows, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// People with a communication issue in an area, by first name. How many there are in each area
/// stands in the list of areas.
#[utoipa::path(get, path = "/api/v1/issues", tag = "issues", operation_id = "listIssues",
    params(IssuesAsked), responses((status = 200, body = PageOf<ContactShape>)))]
pub(super) async fn issues(
    State(app): State<Arc<App>>,
    Asked(asked): Asked<IssuesAsked>,
) -> Answer<axum::Json<PageOf<ContactShape>>> {
    let page = wanted(asked.limit, None)?;
    apart(&app, move |app| {
        let areas = Areas::read(app.repo())?;
        let area = area(&areas, &asked.area)?;
        let read = if asked.unreachable {
            data::unreachable_in
        } else {
            data::issues_in
        };
        let rows = read(app.repo(), &areas.tree, area, page.limit)?;
        Ok(axum::Json(PageOf::new(shapes(&areas, &rows), None)))
    })
    .await
}

fn contact(app: &App, text: &str) -> Answer<Loaded<Contact>> {
    let of: ContactId = id(text, "contact")?;
    let found = app.repo().contact(of)?;
    found.ok_or_else(|| Problem::not_found("contact"))
}

/// A contact with its methods, and what is wrong with them.
#[utoipa::path(get, path = "/api/v1/contacts/{id}", tag = "contacts", operation_id = "getContact",
    params(("id" = String, Path)), responses((status = 200, body = ContactShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<ContactShape>> {
    apart(&app, move |app| {
        let found = contact(app, &text)?;
        let areas = Areas::read(app.repo())?;
        Ok(axum::Json(ContactShape::of(&areas, &found)))
    })
    .await
}

/// A contact's log, newest first: what was sent, what came back with the code exactly as it was
/// sent, what was suspended, and what was done about it.
#[utoipa::path(get, path = "/api/v1/contacts/{id}/log", tag = "contacts",
    operation_id = "listContactLog", params(("id" = String, Path), PageAsked),
    responses((status = 200, body = PageOf<LineShape>)))]
pub(super) async fn log(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
    Asked(asked): Asked<PageAsked>,
) -> Answer<axum::Json<PageOf<LineShape>>> {
    let page = asked.wanted()?;
    apart(&app, move |app| {
        let of = contact(app, &text)?.id;
        let found = app.repo().log(of, page.after, page.limit)?;
        let rows = found.rows.iter().map(|entry| LineShape::of(entry));
        Ok(axum::Json(PageOf::new(rows.collect(), found.next)))
    })
    .await
}

fn both(contact: &str, method: &str) -> Answer<(ContactId, MethodId)> {
    Ok((id(contact, "contact")?, id(method, "method")?))
}

/// Puts a suspended method to use again; nothing happens when it is not suspended.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/methods/{method}/reinstate", tag = "contacts",
    operation_id = "reinstateMethod", params(("id" = String, Path), ("method" = String, Path)),
    responses((status = 204)))]
pub(super) async fn reinstate(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids((text, method)): Ids<(String, String)>,
) -> Answer<StatusCode> {
    let (of, method) = both(&text, &method)?;
    let tracker = &app.console.tracker;
    tracker.reinstate(of, method, caller.user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The right address or number.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CorrectAsked {
    /// An email address, or a number; national ones are read in the configured region.
    to: String,
}

/// Corrects an address or number: it is unverified from then on, and no longer suspended.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/methods/{method}/correct", tag = "contacts",
    operation_id = "correctMethod", params(("id" = String, Path), ("method" = String, Path)),
    request_body = CorrectAsked, responses((status = 204)))]
pub(super) async fn correct(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids((text, method)): Ids<(String, String)>,
    Json(asked): Json<CorrectAsked>,
) -> Answer<StatusCode> {
    let (of, method) = both(&text, &method)?;
    let known = contact(&app, &text)?;
    let known = known.method(method);
    let kind = known.ok_or_else(|| Problem::not_found("method"))?.kind;
    let destination = read_destination(&app, kind, asked.to.trim())
        .map_err(|problem| Problem::field("to", problem.to_string()))?;
    let tracker = &app.console.tracker;
    tracker
        .correct(of, method, destination, caller.user.id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a method away: nothing goes there any more, its history stays.
#[utoipa::path(delete, path = "/api/v1/contacts/{id}/methods/{method}", tag = "contacts",
    operation_id = "removeMethod", params(("id" = String, Path), ("method" = String, Path)),
    responses((status = 204)))]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids((text, method)): Ids<(String, String)>,
) -> Answer<StatusCode> {
    let (of, method) = both(&text, &method)?;
    let tracker = &app.console.tracker;
    tracker.remove_method(of, method, caller.user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
