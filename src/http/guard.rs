//! Checks before a page is asked: which host, which site the form came from, which address.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Extensions, HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::api::PREFIX;
use super::fault::Fault;

/// The address a connection came from; the accept loop puts it into each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Paths that machines ask by address rather than by name.
const BY_ADDRESS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Refuses requests for other hosts (DNS rebinding) and forms from other sites.
pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let hosts = &app.console.settings.allowed_hosts;
    let by_address = BY_ADDRESS.contains(&request.uri().path());
    if !hosts.is_empty() && !by_address && !is_host_allowed(request.headers(), hosts) {
        return Fault::BadRequest.into_response();
    }
    // Browsers send no token by themselves: pages elsewhere cannot ask in anybody's name.
    let by_token = request.uri().path().starts_with(PREFIX);
    if !by_token && !is_safe(request.method()) && !is_from_here(request.headers()) {
        return Fault::Forged.into_response();
    }
    next.run(request).await
}

pub(crate) fn is_safe(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD || *method == Method::OPTIONS
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

pub(crate) fn is_host_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let host = text(headers, header::HOST.as_str())
        .map(host_of)
        .unwrap_or_default();
    allowed.iter().any(|one| one.eq_ignore_ascii_case(host))
}

/// The host without its port; the brackets of IPv6 removed.
fn host_of(authority: &str) -> &str {
    if let Some((host, _)) = authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        return host;
    }
    authority.split(':').next().unwrap_or(authority)
}

/// Whether a form was sent from a page of ours. Browsers say so in `Sec-Fetch-Site`, older
/// ones in `Origin`; programs say neither, and then the form's token decides alone.
pub(crate) fn is_from_here(headers: &HeaderMap) -> bool {
    if let Some(site) = text(headers, "sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = text(headers, header::ORIGIN.as_str()) else {
        return true;
    };
    let host = text(headers, header::HOST.as_str()).unwrap_or_default();
    let authority = origin
        .split_once("://")
        .map_or("", |(_, authority)| authority);
    !authority.is_empty() && authority.eq_ignore_ascii_case(host)
}

/// The address of the visitor: of the connection, or what a trusted proxy says.
pub(crate) fn client_address(app: &App, headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
    address_of(&app.console.settings.trusted_proxies, headers, extensions)
}

/// The address of the connection, or what one of these proxies says.
pub(crate) fn address_of(
    trusted: &[IpAddr],
    headers: &HeaderMap,
    extensions: &Extensions,
) -> IpAddr {
    let peer = extensions
        .get::<Peer>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
    if !trusted.contains(&peer) {
        return peer;
    }
    let forwarded = text(headers, "x-forwarded-for");
    let last = forwarded.and_then(|list| list.rsplit(',').next());
    last.and_then(|address| address.trim().parse().ok())
        .unwrap_or(peer)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        let here = |pairs: &[(&'static str, &str)]| is_from_here(&headers(pairs));
        assert!(here(&[("host", "a:1"), ("origin", "http://a:1")]));
        assert!(here(&[("host", "a:1")]));
        assert!(here(&[("sec-fetch-site", "same-origin"), ("host", "a")]));
        assert!(!here(&[("sec-fetch-site", "same-site"), ("host", "a")]));
        assert!(!here(&[
            ("sec-fetch-site", "cross-site"),
            ("host", "a"),
            ("origin", "http://a")
        ]));
        assert!(!here(&[("host", "a:1"), ("origin", "http://a:2")]));
        assert!(!here(&[("host", "a"), ("origin", "null")]));
    }

    #[test]
    fn hosts_are_compared_without_port() {
        let allowed = ["tocsin.example.org".to_owned(), "::1".to_owned()];
        assert!(is_host_allowed(
            &headers(&[("host", "Tocsin.Example.org:8025")]),
            &allowed
        ));
        assert!(is_host_allowed(
            &headers(&[("host", "[::1]:8025")]),
            &allowed
        ));
        assert!(!is_host_allowed(
            &headers(&[("host", "evil.example")]),
            &allowed
        ));
        assert!(!is_host_allowed(&HeaderMap::new(), &allowed));
    }
}
