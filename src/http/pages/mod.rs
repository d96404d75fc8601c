//! The pages and their addresses.

mod answers;
mod areas;
mod attachments;
mod audit;
mod audit_shown;
mod bundle;
mod campaigns;
pub(crate) mod cases;
mod comms_log;
mod communication;
mod communications;
mod compose;
mod confirm;
mod consents;
mod contact;
mod contact_edit;
mod contact_form;
mod contact_seen;
mod contact_status;
mod contact_steps;
mod contacts;
mod contacts_export;
mod content;
pub(crate) mod correspondence;
mod decide;
mod draft_delete;
mod evidence;
pub(crate) mod exports;
mod filter_form;
mod grid;
mod groups;
mod health;
mod hear;
mod import_columns;
mod import_findings;
mod import_job;
mod imports;
mod inbox;
mod issues;
mod live;
mod log;
mod me;
mod merge;
mod message;
mod named;
mod overview;
mod person;
mod problems;
mod programs;
mod recipients;
mod recontact;
mod related;
mod remove_method;
pub(crate) mod retention;
mod review;
mod review_notes;
mod search;
pub(crate) mod search_export;
mod second_factor;
pub(crate) mod sessions;
mod sorting;
mod templates;
mod thread;
mod thread_answer;
mod thread_file;
mod thread_message;
mod thread_person;
mod tokens;
mod trial;
mod user;
mod users;
mod webhooks;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

pub(super) use attachments::UPLOADS_AT_ONCE;
pub use content::HtmlReader;
pub(super) use hear::SPEAKING_AT_ONCE;
pub use hear::{Speaker, Spoken};
pub use thread_file::FileReader;
pub(super) use thread_file::READING_AT_ONCE;

use super::data::duplicates;
use super::fault::Fault;
use super::{App, Console, access, acts, api, assets, dress, gather, guard, login, making};

/// The console as a service. Goes on with what its last run left half done; to be called within a
/// runtime.
pub fn router(console: Console) -> Router {
    let app = App::new(console);
    gather::resume_all(&app);
    duplicates::look_ahead(&app);
    router_of(app)
}

/// The same, for whoever keeps a hand on what it remembers.
pub(super) fn router_of(app: Arc<App>) -> Router {
    let body_size_max = app.console.settings.body_size_max;
    let request_timeout = app.console.settings.request_timeout;
    // The last layer is the outermost.
    routes(&app)
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(body_size_max))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            request_timeout,
        ))
        .layer(from_fn_with_state(Arc::clone(&app), acts::record))
        .layer(from_fn_with_state(Arc::clone(&app), guard::guard))
        .layer(CatchPanicLayer::custom(|_| Fault::Internal.into_response()))
        .layer(from_fn_with_state(Arc::clone(&app), dress::dress))
        .with_state(app)
}

/// What is done to one communication, from its draft on.
fn communication_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/edit", get(compose::edit))
        .route("/count", post(compose::count_kept))
        .route("/review", get(review::page))
        .route("/preview", get(content::preview))
        .route("/hear", get(hear::hear))
        .route("/template", get(templates::pick).post(templates::fill))
        .route(
            "/attachments",
            get(attachments::page).post(attachments::add),
        )
        .route("/attachments/remove", post(attachments::remove))
        .route("/attachments/{index}", get(attachments::download))
        .route("/trial", post(trial::send))
        .route("/send", post(review::send))
        .route("/ask", post(decide::ask))
        .route("/decide", post(decide::decide))
        .route("/withdraw", post(decide::withdraw))
        .route("/delete", get(draft_delete::ask).post(draft_delete::delete))
        .route("/follow", get(related::page).post(related::begin))
        .route("/events", get(live::events))
}

/// What became of what was sent.
fn outcome_routes() -> Router<Arc<App>> {
    Router::new()
        .route(
            "/communications/{id}/recontact",
            get(recontact::page).post(recontact::start),
        )
        .route(
            "/communications/{id}/statisticsAlert.xlsx",
            get(exports::statistics),
        )
        .route("/deliveries/{id}", get(message::page))
        .route("/deliveries/{id}/evidence.zip", get(bundle::download))
        .route("/log", get(comms_log::page))
        .route("/log/export", get(exports::log))
}

/// Where news is sent to programs.
fn webhook_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/webhooks/new", get(webhooks::new))
        .route("/webhooks/{id}", get(webhooks::page).post(webhooks::save))
        .route("/webhooks/{id}/test", post(webhooks::test))
        .route("/webhooks/{id}/enable", post(webhooks::enable))
        .route("/webhooks/{id}/disable", post(webhooks::disable))
        .route("/webhooks/{id}/secret", post(webhooks::renew))
        .route("/webhooks/{id}/one-secret", post(webhooks::end))
        .route("/webhooks/{id}/resend", post(webhooks::resend))
        .route(
            "/webhooks/{id}/delete",
            get(webhooks::ask).post(webhooks::delete),
        )
}

/// Answers that no rule knows.
fn answer_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/unknown-answers", get(answers::page))
        .route("/unknown-answers/{id}/name", post(answers::name))
        .route("/unknown-answers/{id}/unname", post(answers::unname))
        .route("/unknown-answers/{id}/forget", post(answers::forget))
}

/// Users and the tokens of their programs, and who did what.
fn user_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/audit", get(audit::page))
        .route("/audit/export", get(audit::export))
        .route("/api", get(programs::page))
        .route("/users", get(users::page).post(user::create))
        .route("/users/new", get(user::new))
        .route("/users/{id}", get(user::page).post(user::save))
        .route("/users/{id}/tokens", get(tokens::page).post(tokens::make))
        .route(
            "/users/{id}/tokens/{token}/revoke",
            get(tokens::ask).post(tokens::revoke),
        )
        .route("/users/{id}/password", post(user::password))
        .route("/users/{id}/disable", get(user::ask).post(user::disable))
        .route("/users/{id}/enable", post(user::enable))
        .route("/users/{id}/sessions/end", post(sessions::end_all))
        .route(
            "/users/{id}/second-factor/reset",
            post(second_factor::reset),
        )
}

fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .merge(outcome_routes())
        .merge(templates::routes())
        .merge(user_routes())
        .merge(webhook_routes())
        .merge(answer_routes())
        .merge(own_routes())
        .nest("/communications/{id}", communication_routes())
        .route("/campaigns", get(campaigns::list).post(campaigns::make))
        .route(
            "/campaigns/{id}",
            get(campaigns::page).post(campaigns::rename),
        )
        .route("/", get(overview::page))
        .route("/login", get(login::page).post(login::enter))
        .route(
            "/login/code",
            get(super::second_factor::page).post(super::second_factor::enter),
        )
        .route("/logout", post(login::leave))
        .route(
            "/communications",
            get(communications::page).post(compose::create),
        )
        .route("/communications/new", get(compose::new))
        .route("/communications/count", post(compose::count_new))
        .route(
            "/communications/{id}",
            get(communication::page).post(compose::update),
        )
        .route("/communications/{id}/people/{contact}", get(person::page))
        .merge(replies())
        .merge(people())
        .merge(matters())
        .merge(files())
        .route("/search", get(search::page))
        .route("/search/export", get(search_export::page))
        .route("/issues", get(issues::page))
        .route("/assets/{name}", get(assets::serve))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .merge(api::router(app))
        .route_layer(from_fn_with_state(Arc::clone(app), access::enforce))
        .fallback(|| async { Fault::NotFound })
        .method_not_allowed_fallback(|| async { Fault::MethodNotAllowed })
}

/// What people wrote back.
fn replies() -> Router<Arc<App>> {
    Router::new()
        .route("/inbox", get(inbox::page))
        .route("/inbox/{id}", get(thread::page))
        .route("/inbox/{id}/attach", post(thread_person::attach))
        .route(
            "/inbox/{id}/messages/{message}/files/{index}",
            get(thread_file::download),
        )
        .route(
            "/inbox/{id}/messages/{message}/files/{index}/scan",
            post(thread_file::scan_again),
        )
        .route("/inbox/{id}/messages/{message}/html", get(content::message))
        .route("/inbox/{id}/answer", post(thread_answer::answer))
        .route("/inbox/{id}/read", post(thread_answer::read))
        .route("/inbox/{id}/assign", post(thread_answer::assign))
        .route("/inbox/{id}/finish", post(thread_answer::finish))
        .route(
            "/inbox/{id}/methods/{method}/reinstate",
            post(thread_answer::reinstate),
        )
        .route(
            "/inbox/{id}/methods/{method}/correct",
            post(thread_answer::correct),
        )
}

/// What users set for themselves.
fn own_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/exports/{watch}", get(making::progress))
        .route("/me", get(me::page).post(me::save))
        .route("/me/password", post(me::password))
        .route("/me/sessions/end", post(sessions::end))
        .route("/me/sessions/end-others", post(sessions::end_others))
        .route(
            "/me/second-factor",
            get(second_factor::page).post(second_factor::begin),
        )
        .route("/me/second-factor/confirm", post(second_factor::confirm))
        .route("/me/second-factor/off", post(second_factor::off))
}

/// Cases, and correspondence with clients and creditors.
fn matters() -> Router<Arc<App>> {
    Router::new()
        .route("/cases", get(cases::page).post(cases::make))
        .route("/cases/new", get(cases::new))
        .route("/cases/{id}", get(cases::one).post(cases::change))
        .route("/cases/{id}/edit", get(cases::edit))
        .route("/cases/{id}/log", get(cases::log))
        .route(
            "/cases/{id}/status",
            get(cases::ask).post(cases::set_status),
        )
        .route("/cases/{id}/hold", post(cases::hold))
        .route("/retention", get(retention::page))
        .route(
            "/retention/delete",
            get(retention::ask).post(retention::delete),
        )
        .route(
            "/contacts/{id}/erase",
            get(retention::ask_erase).post(retention::erase),
        )
        .route("/correspondence", get(correspondence::all))
        .route("/correspondence/export", get(correspondence::export::all))
        .route(
            "/contacts/{id}/correspondence/export",
            get(correspondence::export::of_contact),
        )
        .route("/cases/{id}/export", get(correspondence::export::of_case))
        .route("/correspondence/{id}", get(correspondence::entry_page))
        .route("/correspondence/{id}/again", get(correspondence::again))
        .route("/correspondence/{id}/file", post(correspondence::file))
        .route(
            "/correspondence/{id}/files/{index}",
            get(correspondence::download),
        )
        .route(
            "/contacts/{id}/correspondence",
            get(correspondence::of_contact),
        )
        .route("/contacts/{id}/timeline", get(correspondence::timeline))
        .route("/letters/new", get(correspondence::new_letter))
        .route("/letters", post(correspondence::begin))
        .route("/notes/new", get(correspondence::note_form))
        .route("/notes", post(correspondence::add_note))
}

/// Contacts, and the lists and places they are in.
fn people() -> Router<Arc<App>> {
    Router::new()
        .route("/contacts", get(contacts::page).post(contact_edit::create))
        .route("/contacts/new", get(contact_edit::new))
        .route("/contacts/check", post(contact_steps::check))
        .route("/contacts/duplicates", get(merge::list))
        .route(
            "/contacts/{id}",
            get(contact::page).post(contact_edit::update),
        )
        .route("/contacts/{id}/edit", get(contact_edit::edit))
        .route("/contacts/{id}/merge", get(merge::ask).post(merge::merge))
        .route("/contacts/{id}/consents", post(consents::decide))
        .route("/contacts/{id}/log", get(log::page))
        .nest("/contacts/{id}/methods/{method}", methods())
        .route("/groups", get(groups::page).post(groups::create))
        .route("/groups/add-all", post(groups::add_all))
        .route("/groups/{id}", get(groups::group).post(groups::rename))
        .route("/groups/{id}/members", post(groups::member))
        .route(
            "/groups/{id}/delete",
            get(groups::ask_delete).post(groups::delete),
        )
        .route("/filters", get(groups::filters).post(groups::save_filter))
        .route("/filters/{id}", post(groups::change_filter))
        .route(
            "/filters/{id}/delete",
            get(groups::ask_delete_filter).post(groups::delete_filter),
        )
        .route("/areas", get(areas::areas).post(areas::create))
        .route("/areas/{id}", get(areas::area).post(areas::change))
        .route("/areas/{id}/place", post(areas::place))
        .route(
            "/areas/{id}/delete",
            get(areas::ask_delete).post(areas::delete),
        )
        .route("/recipients", get(recipients::page))
        .route("/recipients/add", post(recipients::add))
        .route("/recipients/add-all", post(recipients::add_all))
        .route("/recipients/remove", post(recipients::remove))
        .route(
            "/recipients/clear",
            get(recipients::ask_clear).post(recipients::clear),
        )
        .route("/recipients/communicate", post(recipients::communicate))
}

/// Contacts from and to files.
fn files() -> Router<Arc<App>> {
    Router::new()
        .route("/contacts/import", get(imports::page).post(imports::upload))
        .route("/contacts/imports/{id}", get(import_job::page))
        .route(
            "/contacts/imports/{id}/columns",
            get(import_columns::page).post(import_columns::check),
        )
        .route("/contacts/imports/{id}/start", post(import_job::start))
        .route("/contacts/imports/{id}/cancel", post(import_job::cancel))
        .route("/contacts/imports/{id}/discard", post(import_job::discard))
        .route(
            "/contacts/imports/{id}/undo",
            get(import_job::ask_undo).post(import_job::undo),
        )
        .route("/contacts/imports/{id}/events", get(import_job::events))
        .route(
            "/contacts/imports/{id}/findings.csv",
            get(import_findings::file),
        )
        .route("/contacts/export", get(contacts_export::page))
        .route("/contacts/export/file", get(contacts_export::file))
}

/// Steps on one of a contact's methods.
fn methods() -> Router<Arc<App>> {
    Router::new()
        .route("/reinstate", post(contact_steps::reinstate))
        .route("/correct", post(contact_steps::correct))
        .route(
            "/remove",
            get(remove_method::ask).post(remove_method::remove),
        )
        .route("/opt-out", post(contact_steps::opt_out))
        .route("/opt-in", post(contact_steps::opt_in))
        .route("/purposes", post(contact_steps::purposes))
        .route("/verify", post(contact_steps::prove))
}
pub(crate) use attachments::as_download;
pub(crate) use audit::{file as audit_file, id_of};
pub(crate) use contacts_export::{Wanted as ContactsWanted, contacts_file};
pub(crate) use content::{message_html, preview_of};
pub(crate) use hear::hear_of;
pub(crate) use imports::{Brought, Upload as ContactsUpload, bring};
pub(crate) use me::{hashed, is_mine, is_zone};
pub(crate) use thread_file::file as file_of_message;
pub(crate) use thread_person::attach_to;

/// What a page's handler answers with.
type Answer = Result<Response, Fault>;

/// Makes a page off the threads that answer requests: a list may look through thousands of rows.
async fn apart(make: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    super::data::apart(make).await
}

fn show(page: &impl Template) -> Answer {
    show_as(StatusCode::OK, page)
}

fn show_as(status: StatusCode, page: &impl Template) -> Answer {
    Ok((status, Html(page.render()?)).into_response())
}

/// An id from an address; one that is none leads to nothing.
fn id<T: std::str::FromStr>(text: &str) -> Result<T, Fault> {
    text.parse().map_err(|_| Fault::NotFound)
}
