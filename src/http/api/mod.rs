//! The JSON API: what a person does in the console, a program does here. Described by
//! `/api/v1/openapi.json`, which is made of the handlers themselves.
//!
//! A request passes, from the outside in, what every request to the console passes, then the
//! token ([`auth`]) and what it may do ([`super::access`]), how much it asks ([`rate`]), what it has
//! seen before ([`etag`]), then the idempotency key ([`again`]), and then its handler.

mod again;
mod alertmanager;
mod answers;
mod approvals;
mod areas;
mod attachments;
mod audit;
pub(crate) mod auth;
mod body;
mod bundle;
mod campaigns;
mod cap;
mod cases;
mod communication_shape;
mod communications;
mod contact_details;
mod contact_edit;
pub(super) mod contact_shape;
mod contact_wishes;
mod contacts;
mod correspondence;
mod document;
mod draft;
mod entry_filters;
mod etag;
mod exports;
mod filters;
mod follow;
mod groups;
mod happened;
mod import_mapping;
mod import_shape;
mod imports;
mod inbox;
mod inbox_people;
mod letters;
mod log;
mod me;
mod merge;
mod people;
mod places;
pub(crate) mod problem;
pub(super) mod rate;
pub(super) mod reading;
mod recipients;
mod retention;
mod search;
mod seen;
mod sending;
mod sessions;
mod shape;
mod templates;
mod user_edit;
mod users;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use super::fault::Fault;
use crate::store::acting;
use document::finished;
use problem::Problem;

/// What every address of the API begins with.
pub(crate) const PREFIX: &str = "/api/";

/// What a handler answers with.
type Answer<T> = Result<T, Problem>;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tocsin",
        description = "What a person does in the console, a program does here. Errors are problem documents (RFC 9457) whose `type` stays the same. Every POST takes an `Idempotency-Key`: sent again within 24 hours with the same key, it is done once and answered the same; but not one that holds a password, or whose answer holds a secret (users and webhooks), nor one that only shows something (`/render`); operations that take one name it. A page of a list may hold fewer rows than asked for, or none, though `next` is there: go on until it is null. A cursor holds for the list, the order and the user it was given to. Every JSON answer to a GET has an `ETag`; cases, communications, contacts, templates and users are changed under `If-Match`. What a token may still ask is told in `RateLimit`. Times are RFC 3339 in UTC, ids are 32 hexadecimal digits."
    ),
    components(schemas(Problem)),
    security(("token" = []))
)]
struct Document;

fn contact_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(contacts::list, contact_edit::create))
        .routes(routes!(
            contacts::get,
            contact_edit::change,
            contact_edit::amend
        ))
        .routes(routes!(merge::duplicates))
        .routes(routes!(merge::merge))
        .routes(routes!(contacts::log))
        .routes(routes!(contact_wishes::decide))
        .routes(routes!(contacts::reinstate))
        .routes(routes!(contacts::correct))
        .routes(routes!(contacts::remove))
        .routes(routes!(contacts::verify))
        .routes(routes!(contact_wishes::opt_out))
        .routes(routes!(contact_wishes::purposes))
        .routes(routes!(contact_wishes::opt_in))
}

fn import_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(imports::list, imports::create))
        .routes(routes!(imports::get, imports::discard))
        .routes(routes!(imports::columns))
        .routes(routes!(imports::check))
        .routes(routes!(imports::findings))
        .routes(routes!(imports::start))
        .routes(routes!(imports::cancel))
        .routes(routes!(imports::undo))
        .routes(routes!(exports::contacts))
}

fn recipient_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(recipients::list, recipients::clear))
        .routes(routes!(recipients::add, recipients::remove))
        .routes(routes!(recipients::add_all))
}

fn group_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::get, groups::rename, groups::delete))
        .routes(routes!(groups::add, groups::remove))
        .routes(routes!(groups::add_all))
        .routes(routes!(filters::list, filters::create))
        .routes(routes!(filters::get, filters::rename, filters::delete))
}

/// What is done with a communication until it is sent.
fn draft_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(communications::list, communications::create))
        .routes(routes!(
            communications::get,
            communications::change,
            follow::delete
        ))
        .routes(routes!(attachments::add))
        .routes(routes!(attachments::get, attachments::remove))
        .routes(routes!(seen::preview))
        .routes(routes!(seen::hear))
        .routes(routes!(follow::trial))
        .routes(routes!(follow::follow))
        .routes(routes!(approvals::list))
        .routes(routes!(approvals::ask))
        .routes(routes!(approvals::decide))
        .routes(routes!(approvals::withdraw))
        .routes(routes!(templates::fill))
        .routes(routes!(sending::review))
        .routes(routes!(sending::send))
}

fn inbox_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(inbox::list))
        .routes(routes!(inbox::get))
        .routes(routes!(inbox::messages))
        .routes(routes!(inbox::answer))
        .routes(routes!(inbox::assign))
        .routes(routes!(inbox::mark))
        .routes(routes!(inbox::finish))
        .routes(routes!(inbox_people::attach))
        .routes(routes!(inbox_people::file))
        .routes(routes!(seen::message))
}

fn matter_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(cases::list, cases::create))
        .routes(routes!(cases::get, cases::change))
        .routes(routes!(cases::set_status))
        .routes(routes!(cases::hold))
        .routes(routes!(happened::of_case))
        .routes(routes!(happened::of_client))
        .routes(routes!(letters::begin))
        .routes(routes!(correspondence::list))
        .routes(routes!(exports::correspondence))
        .routes(routes!(exports::correspondence_of_contact))
        .routes(routes!(exports::correspondence_of_case))
        .routes(routes!(correspondence::of_contact))
        .routes(routes!(correspondence::of_case))
        .routes(routes!(correspondence::get))
        .routes(routes!(correspondence::files))
        .routes(routes!(correspondence::download))
        .routes(routes!(correspondence::file))
        .routes(routes!(correspondence::note))
        .routes(routes!(retention::get))
        .routes(routes!(retention::delete))
        .routes(routes!(retention::erase))
}

fn user_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(users::list, user_edit::create))
        .routes(routes!(user_edit::password))
        .routes(routes!(user_edit::disable))
        .routes(routes!(user_edit::enable))
        .routes(routes!(users::get, users::amend))
        .routes(routes!(users::reset_second_factor))
        .routes(routes!(sessions::mine, sessions::end_mine))
        .routes(routes!(sessions::end))
        .routes(routes!(sessions::of_user, sessions::end_of_user))
        .routes(routes!(users::tokens))
        .routes(routes!(users::revoke))
}

fn template_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(templates::list, templates::create))
        .routes(routes!(templates::get, templates::change))
        .routes(routes!(templates::versions))
        .routes(routes!(templates::put))
        .routes(routes!(templates::render))
}

fn webhook_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::get, webhooks::change, webhooks::delete))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::switch))
        .routes(routes!(webhooks::renew, webhooks::end))
        .routes(routes!(webhooks::news))
        .routes(routes!(webhooks::resend))
}

fn answer_routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(answers::list))
        .routes(routes!(answers::get, answers::forget))
        .routes(routes!(answers::name, answers::unname))
}

fn described() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(areas::list, areas::create))
        .routes(routes!(areas::change, areas::delete))
        .merge(contact_routes())
        .merge(import_routes())
        .merge(recipient_routes())
        .merge(group_routes())
        .merge(draft_routes())
        .merge(matter_routes())
        .routes(routes!(campaigns::list, campaigns::create))
        .routes(routes!(campaigns::get, campaigns::rename))
        .routes(routes!(campaigns::communications))
        .routes(routes!(sending::recontact_plan, sending::recontact))
        .routes(routes!(people::statistics))
        .routes(routes!(people::list))
        .routes(routes!(people::get))
        .routes(routes!(people::delivery))
        .routes(routes!(exports::statistics))
        .routes(routes!(me::get, me::amend))
        .routes(routes!(me::password))
        .merge(user_routes())
        .routes(routes!(log::list))
        .routes(routes!(search::search))
        .routes(routes!(search::export))
        .routes(routes!(audit::list))
        .routes(routes!(audit::export))
        .routes(routes!(audit::standing))
        .routes(routes!(bundle::evidence))
        .routes(routes!(exports::log))
        .merge(inbox_routes())
        .merge(template_routes())
        .merge(webhook_routes())
        .merge(answer_routes())
        .routes(routes!(alertmanager::take))
        .routes(routes!(cap::take))
        .routes(routes!(places::get, places::put))
}

/// The routes of the API, and its description.
pub(super) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    let (routes, document) = described().split_for_parts();
    let document = finished(document).to_json().unwrap_or_default();
    let document: Arc<str> = document.into();
    let describe = move || {
        let document = Arc::clone(&document);
        std::future::ready(json(StatusCode::OK, document.to_string()))
    };
    routes
        .route_layer(from_fn_with_state(Arc::clone(app), again::once))
        .route_layer(from_fn(etag::tagged))
        .route_layer(from_fn_with_state(Arc::clone(app), rate::limited))
        .route("/api/v1/openapi.json", get(describe))
}

fn json(status: StatusCode, text: String) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Something was made, and stands there.
fn created(id: impl std::fmt::Display, place: &str) -> Response {
    let made = shape::Made { id: id.to_string() };
    let location = HeaderValue::from_str(&format!("{place}/{id}"));
    let text = serde_json::to_string(&made).unwrap_or_default();
    let mut response = json(StatusCode::CREATED, text);
    if let Ok(location) = location {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// Reads off the threads that answer requests.
async fn apart<T: Send + 'static>(
    app: &Arc<App>,
    read: impl FnOnce(&App) -> Answer<T> + Send + 'static,
) -> Answer<T> {
    let app = Arc::clone(app);
    let done = crate::clock::apart(acting::carried_by(move || read(&app))).await;
    done.map_err(|_| Fault::Internal)?
}
