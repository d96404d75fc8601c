//! What people do on the public pages leaves its entry in the record of who did what, too.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::super::fault::Fault;
use super::super::guard::{address_of, is_safe};
use super::super::throttle;
use super::Site;
use crate::domain::AuditActor;
use crate::store::acting::{self, Acting};

/// Where people take their own data along.
const TAKEN_OUT: &str = "/me/data.json";

/// What somebody does, under a name that stays; empty where they only look.
fn act_of(method: &Method, path: &str) -> &'static str {
    if path == TAKEN_OUT {
        return "public.take_data";
    }
    if is_safe(method) {
        return "";
    }
    match path {
        "/log-in" => "public.ask_link",
        "/code" => "public.begin",
        "/log-out" => "public.end",
        "/sign-up" => "public.sign_up",
        "/v/{token}" => "public.prove",
        "/u/{token}" => "public.unsubscribe",
        "/c/{token}" => "public.confirm",
        "/me/delete" => "public.leave",
        "/me/wishes" => "public.wishes",
        path if path.starts_with("/me/methods") => "public.methods",
        _ => "public.details",
    }
}

/// Lets a request be an act of whoever turns out to ask.
pub(super) async fn record(
    State(site): State<Arc<Site>>,
    request: Request,
    next: Next,
) -> Response {
    let matched = request.extensions().get::<MatchedPath>();
    let act = matched.map_or("", |path| act_of(request.method(), path.as_str()));
    let trusted = &site.settings().trusted_proxies;
    let address = address_of(trusted, request.headers(), request.extensions());
    let network = Some(throttle::coarse_network(address));
    let acting = Acting::new(site.now(), AuditActor::Nobody, act, network);
    let response = acting::scope(acting.clone(), next.run(request)).await;
    if act == "public.take_data"
        && response.status().is_success()
        && let Err(error) = site.repo().record(&acting.entry()).await
    {
        return Fault::from(error).into_response();
    }
    response
}
