//! Checks before a page is asked.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, request::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::super::fault::Fault;
use super::super::guard::{address_of, is_from_here, is_host_allowed, is_safe};
use super::Site;

/// Under this path mail programs post without a page of ours (RFC 8058); the handler sees to it
/// that nothing else is done there for other sites.
const UNSUBSCRIBE: &str = "/u/";

/// Refuses requests for other hosts and forms from other sites.
pub(super) async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let hosts = &site.settings().allowed_hosts;
    if !hosts.is_empty() && !is_host_allowed(request.headers(), hosts) {
        return Fault::BadRequest.into_response();
    }
    let one_click = request.uri().path().starts_with(UNSUBSCRIBE);
    if !is_safe(request.method()) && !one_click && !is_from_here(request.headers()) {
        return Fault::Forged.into_response();
    }
    next.run(request).await
}

/// Whether a form was sent from a page of ours.
pub(super) fn from_here(headers: &HeaderMap) -> bool {
    is_from_here(headers)
}

/// The address of the visitor.
pub(super) fn visitor(site: &Site, parts: &Parts) -> IpAddr {
    address_of(
        &site.settings().trusted_proxies,
        &parts.headers,
        &parts.extensions,
    )
}

/// Counts a costly request of this visitor.
pub(super) fn costly(site: &Site, parts: &Parts) -> Result<(), Fault> {
    let address = visitor(site, parts);
    match site.limits().count(address, site.now()) {
        None => Ok(()),
        Some(wait) => {
            tracing::info!(%address, "too many costly requests: links and codes asked for or tried, files of data");
            Err(Fault::TooMany(wait))
        }
    }
}
