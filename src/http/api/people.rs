//! Who was reached: numbers, people, and everything that went to one person.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::data;
use super::auth::Caller;
use super::body::{Asked, Ids, PageOf, Pages, by_name, id, no_cursor};
use super::communication_shape::NumbersShape;
use super::communications::sent;
use super::problem::Problem;
use super::shape::{DeliveryShape, time};
use super::{Answer, apart};
use crate::domain::{
    ConfirmedBy, ContactId, Delivery, DeliveryId, Person, PersonDelivery, PersonState,
};
use crate::store::{Loaded, Seek};

/// Numbers of a communication that was sent. The same work for ten people as for a million.
#[utoipa::path(get, path = "/api/v1/communications/{id}/statistics", tag = "statistics",
    operation_id = "getStatistics", params(("id" = String, Path)),
    responses((status = 200, body = NumbersShape)))]
pub(super) async fn statistics(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<Json<NumbersShape>> {
    apart(&app, move |app| {
        let of = sent(app, &text)?;
        Ok(Json(NumbersShape::of(&app.repo().statistics(&of)?)))
    })
    .await
}

/// How one delivery stands.
#[derive(Debug, Serialize, ToSchema)]
struct StandingShape {
    delivery: String,
    method: String,
    channel: &'static str,
    status: &'static str,
    /// Given up, its status notwithstanding.
    closed: bool,
}

impl StandingShape {
    fn of(delivery: &PersonDelivery) -> Self {
        Self {
            delivery: delivery.delivery.to_string(),
            method: delivery.method.to_string(),
            channel: delivery.status.channel().as_str(),
            status: delivery.status.as_str(),
            closed: delivery.closed,
        }
    }
}

/// One person in one communication.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PersonShape {
    contact: String,
    /// Null when the contact is gone.
    name: Option<String>,
    /// contacted, in-progress or not-contacted.
    state: &'static str,
    /// When this person confirmed by link or reply.
    confirmed_at: Option<String>,
    /// email-link, text-link or text-reply.
    confirmed_by: Option<&'static str>,
    /// Every delivery, oldest first.
    deliveries: Vec<StandingShape>,
}

impl PersonShape {
    fn of(app: &App, person: &Person) -> Answer<Self> {
        let contact = app.repo().current_contact(person.contact)?;
        Ok(Self {
            contact: person.contact.to_string(),
            name: contact.map(|contact| contact.full_name()),
            state: slug(person.state),
            confirmed_at: person.confirmed.map(time),
            confirmed_by: person.confirmed_by.map(ConfirmedBy::as_str),
            deliveries: person.deliveries.iter().map(StandingShape::of).collect(),
        })
    }
}

const fn slug(state: PersonState) -> &'static str {
    match state {
        PersonState::Contacted => "contacted",
        PersonState::InProgress => "in-progress",
        PersonState::NotContacted => "not-contacted",
    }
}

/// Which people.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PeopleAsked {
    /// Only those in this state: contacted, in-progress or not-contacted.
    state: Option<String>,
    /// By first name: asc, when it is not given, or desc.
    order: Option<String>,
    /// Rows of the page, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// The people of a communication, by first name in either order.
#[utoipa::path(get, path = "/api/v1/communications/{id}/people", tag = "statistics",
    operation_id = "listPeople", params(("id" = String, Path), PeopleAsked),
    responses((status = 200, body = PageOf<PersonShape>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Asked(asked): Asked<PeopleAsked>,
    pages: Pages,
) -> Answer<Json<PageOf<PersonShape>>> {
    let page = pages.wanted(asked.limit, asked.cursor.as_deref())?;
    let state = match asked.state.as_deref() {
        None => None,
        Some(name) => Some(state(name)?),
    };
    let order = by_name(asked.order.as_deref())?;
    let seek = match page.after {
        None => Seek::Start,
        Some(bytes) => Seek::After(ContactId::from_bytes(cursor_id(&bytes)?)),
    };
    apart(&app, move |app| {
        let of = sent(app, &text)?;
        let found = data::people(
            app,
            &caller.access,
            of.id,
            (state, order),
            &seek,
            page.limit,
        )?;
        let shape = |person: &Person| PersonShape::of(app, person);
        let rows = found.rows.iter().map(shape).collect::<Answer<_>>()?;
        let next = found.after.map(|last| last.as_bytes().to_vec());
        Ok(Json(pages.page(rows, next)))
    })
    .await
}

fn state(name: &str) -> Answer<PersonState> {
    let found = PersonState::ALL.into_iter().find(|one| slug(*one) == name);
    let detail = "A state is contacted, in-progress or not-contacted.";
    found.ok_or_else(|| Problem::field("state", detail))
}

/// The id that a cursor holds.
pub(super) fn cursor_id(bytes: &[u8]) -> Answer<[u8; 16]> {
    bytes.try_into().map_err(|_| no_cursor())
}

/// One person in one communication, with everything that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PersonWhole {
    contact: String,
    name: Option<String>,
    /// contacted, in-progress or not-contacted.
    state: &'static str,
    confirmed_at: Option<String>,
    /// email-link, text-link or text-reply.
    confirmed_by: Option<&'static str>,
    /// Every delivery with its timeline, oldest first.
    deliveries: Vec<DeliveryShape>,
}

/// One person in one communication: every delivery, what happened to it, and what the other
/// side said.
#[utoipa::path(get, path = "/api/v1/communications/{id}/people/{contact}", tag = "statistics",
    operation_id = "getPerson", params(("id" = String, Path), ("contact" = String, Path)),
    responses((status = 200, body = PersonWhole)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Ids((text, contact)): Ids<(String, String)>,
) -> Answer<Json<PersonWhole>> {
    apart(&app, move |app| {
        let of = sent(app, &text)?;
        let contact: ContactId = id(&contact, "person")?;
        let person = app.repo().person(of.id, contact)?;
        let person = person.ok_or_else(|| Problem::not_found("person"))?;
        let mut deliveries = Vec::with_capacity(person.deliveries.len());
        for one in &person.deliveries {
            let delivery = app.repo().delivery(one.delivery)?;
            let shape = |delivery: Loaded<Delivery>| DeliveryShape::whole(&delivery, app.now());
            deliveries.extend(delivery.map(shape));
        }
        let known = app.repo().contact(contact)?;
        Ok(Json(PersonWhole {
            contact: contact.to_string(),
            name: known.map(|contact| contact.full_name()),
            state: slug(person.state),
            confirmed_at: person.confirmed.map(time),
            confirmed_by: person.confirmed_by.map(ConfirmedBy::as_str),
            deliveries,
        }))
    })
    .await
}

/// One message to one person, with everything that happened to it.
#[utoipa::path(get, path = "/api/v1/deliveries/{id}", tag = "statistics",
    operation_id = "getDelivery", params(("id" = String, Path)),
    responses((status = 200, body = DeliveryShape)))]
pub(super) async fn delivery(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<Json<DeliveryShape>> {
    let of: DeliveryId = id(&text, "delivery")?;
    let found = app.repo().delivery(of)?;
    let found = found.ok_or_else(|| Problem::not_found("delivery"))?;
    Ok(Json(DeliveryShape::whole(&found, app.now())))
}
