//! People: found, looked at, and their methods put right.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::data::{Areas, history, people};
use super::auth::Caller;
use super::body::{Asked, Ids, Json, OrderedAsked, PageOf, Pages, by_name, field_id, id, one_of};
use super::contact_details::destination;
use super::contact_shape::{ContactShape, LineShape};
use super::draft::channel;
use super::problem::Problem;
use super::{Answer, apart};
use crate::domain::comms_issue::Reachability;
use crate::domain::{
    Actor, AreaId, Contact, ContactFilter, ContactId, ContactKind, MethodId, MethodKind,
};
use crate::store::{Loaded, NO_AREA};
use crate::submit::VerificationSent;

/// Longest words looked for, in characters.
const QUERY_MAX: usize = 200;

/// Which contacts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ContactsAsked {
    /// Words of the name, an address or a number.
    q: Option<String>,
    /// Only those in this area and what lies in it; "none" for people without one.
    area: Option<String>,
    /// Only those of this group.
    group: Option<String>,
    /// fine, issue (something has failed, something works) or unreachable.
    reachability: Option<String>,
    /// asc (by first name from A on, when it is not given) or desc.
    order: Option<String>,
    /// Rows of the page, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Contacts, by first name; with `reachability=issue` those with a communication issue, of whom
/// the list of areas has the numbers. A page may hold fewer rows than asked for, though `next` is
/// there, when very many had to be looked through.
#[utoipa::path(get, path = "/api/v1/contacts", tag = "contacts", operation_id = "listContacts",
    params(ContactsAsked), responses((status = 200, body = PageOf<ContactShape>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<ContactsAsked>,
    pages: Pages,
) -> Answer<axum::Json<PageOf<ContactShape>>> {
    let page = pages.wanted(asked.limit, asked.cursor.as_deref())?;
    let order = by_name(asked.order.as_deref())?;
    apart(&app, move |app| {
        let access = &caller.access;
        let areas = Areas::within(app.repo(), access)?;
        let asked = FilterAsked {
            q: asked.q,
            area: asked.area,
            group: asked.group,
            reachability: asked.reachability,
            ..FilterAsked::default()
        };
        let filter = asked.read(&areas)?;
        let region = &app.console.settings.default_region;
        let after = page.after.as_deref();
        let after = people::Place { order, after };
        let found = people::found(
            app.repo(),
            &areas.tree,
            &filter,
            access,
            region,
            after,
            page.limit,
        )?;
        let shape = |contact: &Loaded<Contact>| ContactShape::of(&areas, contact);
        let rows = found.rows.iter().map(shape).collect();
        Ok(axum::Json(pages.page(rows, found.next)))
    })
    .await
}

/// Which people are meant.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FilterAsked {
    /// Words of the name, an address or a number.
    pub(super) q: Option<String>,
    /// Those in this area and what lies in it; "none" for people without one.
    pub(super) area: Option<String>,
    /// Those of this group.
    pub(super) group: Option<String>,
    /// fine, issue or unreachable.
    pub(super) reachability: Option<String>,
    /// citizen, client, creditor, staff or correspondent.
    pub(super) kind: Option<String>,
    /// ISO 639-1.
    pub(super) language: Option<String>,
    /// Those who have a method of this kind: email, mobile or landline.
    pub(super) has: Option<String>,
}

/// What contacts must be like. Everything that is there must hold.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FilterShape {
    /// Words of the name, an address or a number; empty for any.
    q: String,
    /// In one of these areas.
    areas: Vec<String>,
    /// In one of these groups.
    groups: Vec<String>,
    reachability: Option<&'static str>,
    kind: Option<&'static str>,
    language: Option<String>,
    has: Option<&'static str>,
}

impl FilterShape {
    pub(super) fn of(filter: &ContactFilter) -> Self {
        Self {
            q: filter.text.clone(),
            areas: filter.areas.iter().map(ToString::to_string).collect(),
            groups: filter.groups.iter().map(ToString::to_string).collect(),
            reachability: filter.reachability.map(|reachability| match reachability {
                Reachability::Fine => "fine",
                Reachability::Issue => "issue",
                Reachability::Unreachable => "unreachable",
            }),
            kind: filter.kind.map(ContactKind::as_str),
            language: filter.language.clone(),
            has: filter.has.map(MethodKind::as_str),
        }
    }
}

impl FilterAsked {
    pub(super) fn read(&self, areas: &Areas) -> Answer<ContactFilter> {
        let area = self.area.as_deref().map(|text| area(areas, text));
        let group = self.group.as_deref().map(|text| field_id("group", text));
        let reachability = match self.reachability.as_deref() {
            None => None,
            Some("fine") => Some(Reachability::Fine),
            Some("issue") => Some(Reachability::Issue),
            Some("unreachable") => Some(Reachability::Unreachable),
            Some(_) => {
                let detail = "It is fine, issue or unreachable.";
                return Err(Problem::field("reachability", detail));
            }
        };
        let text = self.q.as_deref().unwrap_or_default().trim().to_lowercase();
        Ok(ContactFilter {
            text: text.chars().take(QUERY_MAX).collect(),
            areas: area.transpose()?.into_iter().collect(),
            groups: group.transpose()?.into_iter().collect(),
            reachability,
            kind: one_of(
                "kind",
                self.kind.as_deref(),
                &ContactKind::ALL,
                ContactKind::as_str,
            )?,
            language: self.language()?,
            has: one_of(
                "has",
                self.has.as_deref(),
                &MethodKind::ALL,
                MethodKind::as_str,
            )?,
            ..ContactFilter::default()
        })
    }
}

impl FilterAsked {
    fn language(&self) -> Answer<Option<String>> {
        let Some(text) = self.language.as_deref() else {
            return Ok(None);
        };
        let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase());
        let detail = "Give the two letters of a language.";
        fits.then(|| Some(text.to_owned()))
            .ok_or_else(|| Problem::field("language", detail))
    }
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

/// The contact of an id, to be changed: one that was merged into another is no more.
pub(super) fn contact(app: &App, text: &str) -> Answer<Loaded<Contact>> {
    let of: ContactId = id(text, "contact")?;
    let found = app.repo().contact(of)?;
    found.ok_or_else(|| Problem::not_found("contact"))
}

/// The contact that an id means now, to be read: its own, or the one that took it over.
fn current(app: &App, text: &str) -> Answer<Loaded<Contact>> {
    let of: ContactId = id(text, "contact")?;
    let found = app.repo().current_contact(of)?;
    found.ok_or_else(|| Problem::not_found("contact"))
}

/// A contact with its methods, and what is wrong with them. The id of one that was merged into
/// another leads to that one, which says its own id; only that one can be changed.
#[utoipa::path(get, path = "/api/v1/contacts/{id}", tag = "contacts", operation_id = "getContact",
    params(("id" = String, Path)), responses((status = 200, body = ContactShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<ContactShape>> {
    apart(&app, move |app| {
        let found = current(app, &text)?;
        let areas = Areas::read(app.repo())?;
        Ok(axum::Json(ContactShape::of(&areas, &found)))
    })
    .await
}

/// A contact's log, newest first or in the other order: what was sent, what came back with the code exactly as it was
/// sent, what was suspended, and what was done about it. The id of one that was merged into
/// another leads to that one's.
#[utoipa::path(get, path = "/api/v1/contacts/{id}/log", tag = "contacts",
    operation_id = "listContactLog", params(("id" = String, Path), OrderedAsked),
    responses((status = 200, body = PageOf<LineShape>)))]
pub(super) async fn log(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Asked(asked): Asked<OrderedAsked>,
    pages: Pages,
) -> Answer<axum::Json<PageOf<LineShape>>> {
    let (page, order) = asked.wanted(&pages)?;
    apart(&app, move |app| {
        let of = current(app, &text)?.id;
        let found = history::log_seen(app, &caller.access, (of, order), page.after, page.limit)?;
        let rows = found.rows.iter().map(LineShape::of);
        Ok(axum::Json(pages.page(rows.collect(), found.next)))
    })
    .await
}

/// The method that an address names, and whose it is.
pub(super) struct MethodOf(pub(super) ContactId, pub(super) MethodId);

impl<S: Send + Sync> FromRequestParts<S> for MethodOf {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let ids = Ids::<(String, String)>::from_request_parts(parts, state).await?;
        let Ids((contact, method)) = ids;
        Ok(Self(id(&contact, "contact")?, id(&method, "method")?))
    }
}

/// Puts a suspended method to use again; nothing happens when it is not suspended.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/methods/{method}/reinstate", tag = "contacts",
    operation_id = "reinstateMethod", params(("id" = String, Path), ("method" = String, Path)),
    responses((status = 204)))]
pub(super) async fn reinstate(
    State(app): State<Arc<App>>,
    caller: Caller,
    MethodOf(of, method): MethodOf,
) -> Answer<StatusCode> {
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

/// Corrects an address or number: it is unverified from then on, no longer suspended, and a
/// link or code goes there by which the person proves it.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/methods/{method}/correct", tag = "contacts",
    operation_id = "correctMethod", params(("id" = String, Path), ("method" = String, Path)),
    request_body = CorrectAsked, responses((status = 204)))]
pub(super) async fn correct(
    State(app): State<Arc<App>>,
    caller: Caller,
    MethodOf(of, method): MethodOf,
    Json(asked): Json<CorrectAsked>,
) -> Answer<StatusCode> {
    let known = app.repo().contact(of)?;
    let known = known.ok_or_else(|| Problem::not_found("contact"))?;
    let known = known.method(method);
    let kind = known.ok_or_else(|| Problem::not_found("method"))?.kind;
    let destination = destination(&app, kind, &asked.to, "to".to_owned())?;
    let submit = &app.console.submit;
    submit
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
    MethodOf(of, method): MethodOf,
) -> Answer<StatusCode> {
    let tracker = &app.console.tracker;
    tracker.remove_method(of, method, caller.user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// By which channel a link or code goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VerifyAsked {
    /// email, text or call; the usual one of the method when it is not given.
    channel: Option<String>,
}

/// Sends the link or code once more by which the person proves that a method is theirs: one that
/// nobody has proved yet.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/methods/{method}/verify", tag = "contacts",
    operation_id = "verifyMethod", params(("id" = String, Path), ("method" = String, Path)),
    request_body = VerifyAsked, responses((status = 204)))]
pub(super) async fn verify(
    State(app): State<Arc<App>>,
    caller: Caller,
    MethodOf(of, method): MethodOf,
    Json(asked): Json<VerifyAsked>,
) -> Answer<StatusCode> {
    let by = asked.channel.as_deref();
    let by = by.map(|name| channel("channel", name)).transpose()?;
    let refused = |detail: &str| Err(Problem::conflict("not-verified", detail));
    let submit = &app.console.submit;
    let actor = Actor::Program(caller.user.id);
    match submit.send_verification_by(of, method, by, actor).await? {
        VerificationSent::Queued(_) => Ok(StatusCode::NO_CONTENT),
        VerificationSent::TooSoon => refused("One went there less than a minute ago."),
        VerificationSent::TooMany => refused("Too many went there within a day."),
        VerificationSent::NotPossible => {
            refused("It has been proved, or is not used, or this channel does not reach it.")
        }
        VerificationSent::Off => refused("There are no public pages to prove it on."),
    }
}
