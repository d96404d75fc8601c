//! The public pages: people sign up, prove their addresses, amend their details, choose what they
//! get, and unsubscribe. A listener and a router of their own: nothing of the console is reached
//! here, and nothing of this there.
//!
//! Nothing tells whether an address is known: the answer is the same, and so is its time
//! ([`limits::level`]). Only a form changes anything: whoever merely opens a link (a mail
//! scanner) uses nothing up. The picture that tells of opening and the links that are counted are
//! the exceptions.

mod acts;
mod bursts;
mod confirm;
mod dress;
mod enter;
mod frame;
mod guard;
mod home;
mod leave;
mod limits;
mod link;
mod me;
mod methods;
mod pixel;
mod prefetch;
mod sign_up;
mod ticket;
mod unsubscribe;
mod visit;
mod wishes;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use super::assets;
use super::fault::Fault;
use super::words::Words;
use crate::clock::{Randomness, SharedClock};
use crate::domain::{PublicLinks, Timestamp};
use crate::store::Repo;
use crate::submit::Submitter;
use crate::tracker::Tracker;
use limits::Limits;

#[cfg(test)]
pub(super) use bursts::REQUESTS_MAX;

/// What the public pages are told of the configuration.
#[derive(Clone, Debug)]
pub struct PublicSettings {
    /// Who we are.
    pub organisation: String,
    /// Language where the visitor asks for none that we have (ISO 639-1).
    pub language: String,
    /// Region in which national telephone numbers are read (ISO 3166-1 alpha-2).
    pub default_region: String,
    /// Names of the categories for people, by their stable names.
    pub category_titles: HashMap<String, String>,
    /// People may sign up by themselves.
    pub sign_up: bool,
    /// Where people read what becomes of their details.
    pub privacy_url: Option<String>,
    /// Hosts that requests may ask for; empty for any.
    pub allowed_hosts: Vec<String>,
    /// Send the session cookie over HTTPS only.
    pub secure_cookie: bool,
    /// A session ends after this long without a request.
    pub session_idle: Duration,
    /// A session ends after this long in any case.
    pub session_lifetime: Duration,
    /// Costly requests from one address in a quarter of an hour.
    pub tries_per_ip_max: u32,
    /// The same from all together.
    pub tries_max: u32,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Largest form, in bytes.
    pub body_size_max: usize,
    /// Longest time for one request.
    pub request_timeout: Duration,
}

impl Default for PublicSettings {
    fn default() -> Self {
        Self {
            organisation: "Tocsin".to_owned(),
            language: "en".to_owned(),
            default_region: "GB".to_owned(),
            category_titles: HashMap::new(),
            sign_up: true,
            privacy_url: None,
            allowed_hosts: Vec::new(),
            secure_cookie: false,
            session_idle: Duration::from_secs(30 * 60),
            session_lifetime: Duration::from_secs(4 * 3600),
            tries_per_ip_max: 20,
            tries_max: 500,
            trusted_proxies: Vec::new(),
            body_size_max: 64 * 1024,
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// Everything the public pages stand on.
#[derive(Clone, Debug)]
pub struct PublicSite {
    /// What they read.
    pub repo: Repo,
    /// What time it is.
    pub clock: SharedClock,
    /// Where tokens come from.
    pub random: Randomness,
    /// Where links and codes are asked for.
    pub submit: Submitter,
    /// Where contacts are changed.
    pub tracker: Tracker,
    /// Reads the links in messages.
    pub links: PublicLinks,
    /// What is configured.
    pub settings: PublicSettings,
}

/// The site with what it remembers between requests.
struct Site {
    site: PublicSite,
    default_words: &'static Words,
    limits: Mutex<Limits>,
    pixels: tokio::sync::Semaphore,
    clicks: Arc<tokio::sync::Semaphore>,
    links: tokio::sync::Semaphore,
    bursts: Mutex<bursts::Bursts>,
}

impl Site {
    fn now(&self) -> Timestamp {
        self.site.clock.wall()
    }

    fn repo(&self) -> &Repo {
        &self.site.repo
    }

    fn settings(&self) -> &PublicSettings {
        &self.site.settings
    }

    /// The table of costly requests. It is whole between any two statements.
    fn limits(&self) -> MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The links asked for lately. They are whole between any two statements.
    fn bursts(&self) -> MutexGuard<'_, bursts::Bursts> {
        self.bursts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The public pages as a service.
pub fn public_router(site: PublicSite) -> Router {
    let body_size_max = site.settings.body_size_max;
    let request_timeout = site.settings.request_timeout;
    let limits = Limits::new(site.settings.tries_per_ip_max, site.settings.tries_max);
    let site = Arc::new(Site {
        default_words: Words::of(&site.settings.language),
        limits: Mutex::new(limits),
        pixels: tokio::sync::Semaphore::new(pixel::AT_ONCE_MAX),
        clicks: Arc::new(tokio::sync::Semaphore::new(link::AT_ONCE_MAX)),
        links: tokio::sync::Semaphore::new(link::LOOKED_UP_MAX),
        bursts: Mutex::default(),
        site,
    });
    // The last layer is the outermost.
    routes()
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(body_size_max))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            request_timeout,
        ))
        .layer(from_fn_with_state(Arc::clone(&site), acts::record))
        .layer(from_fn_with_state(Arc::clone(&site), guard::guard))
        .layer(CatchPanicLayer::custom(|_| Fault::Internal.into_response()))
        .layer(from_fn_with_state(Arc::clone(&site), dress::dress))
        .with_state(site)
}

fn routes() -> Router<Arc<Site>> {
    Router::new()
        .route("/", get(home::page))
        .route("/log-in", post(enter::ask))
        .route("/code", get(enter::code_page).post(enter::code))
        .route("/sign-up", get(sign_up::page).post(sign_up::enter))
        .route("/v/{token}", get(ticket::page).post(ticket::use_it))
        .route(
            "/u/{token}",
            get(unsubscribe::page).post(unsubscribe::do_it),
        )
        .route("/c/{token}", get(confirm::page).post(confirm::do_it))
        .route("/o/{name}", get(pixel::serve))
        .route("/l/{token}", get(link::follow))
        .route("/me", get(me::page))
        .route("/me/details", post(me::details))
        .route("/me/switch", post(me::switch))
        .route("/me/wishes", post(wishes::change))
        .route("/me/methods/add", post(methods::add))
        .route("/me/methods/{id}/verify", post(methods::verify))
        .route("/me/methods/{id}/replace", post(methods::replace))
        .route("/me/methods/{id}/pause", post(methods::pause))
        .route("/me/methods/{id}/resume", post(methods::resume))
        .route("/me/methods/{id}/remove", post(methods::remove))
        .route("/me/data.json", get(leave::data))
        .route("/me/delete", get(leave::page).post(leave::delete))
        .route("/log-out", post(enter::log_out))
        .route("/assets/{name}", get(assets::serve))
        .fallback(|| async { Fault::NotFound })
        .method_not_allowed_fallback(|| async { Fault::MethodNotAllowed })
}

/// What a page's handler answers with.
type Answer = Result<Response, Fault>;

fn show(page: &impl Template) -> Answer {
    show_as(StatusCode::OK, page)
}

fn show_as(status: StatusCode, page: &impl Template) -> Answer {
    Ok((status, Html(page.render()?)).into_response())
}

fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}
