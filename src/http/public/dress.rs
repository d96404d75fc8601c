//! What every public answer wears: security headers, and for every refusal a page.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::super::dress::{HEADERS, HSTS, bare_fault};
use super::super::fault::Fault;
use super::Site;
use super::frame::{Asked, Frame, remember};

/// Nothing from elsewhere, nothing inline, no scripts at all.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);
/// Addresses here hold tokens: they go nowhere.
const REFERRER_POLICY: HeaderValue = HeaderValue::from_static("no-referrer");
/// Links with tokens are nothing for search engines.
const ROBOTS: HeaderValue = HeaderValue::from_static("noindex, nofollow");

#[derive(Template)]
#[template(path = "public_fault.html")]
struct FaultPage {
    c: Frame,
    text: &'static str,
    status: u16,
}

/// Puts headers on, and makes bare refusals into pages.
pub(super) async fn dress(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(asked) = Asked::from_request_parts(&mut parts, &site).await;
    let uri = parts.uri.clone();
    let response = next.run(Request::from_parts(parts, body)).await;
    let mut response = match bare_fault(&response) {
        Some(fault) => explain(&site, &asked, &fault, response),
        None => response,
    };
    remember(&site, &uri, &mut response);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    headers.insert(header::REFERRER_POLICY, REFERRER_POLICY);
    headers.insert("x-robots-tag", ROBOTS);
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(value);
    }
    if site.settings().secure_cookie {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

fn explain(site: &Site, asked: &Asked, fault: &Fault, bare: Response) -> Response {
    let [title, text, _] = fault.words();
    let status = fault.status();
    let page = FaultPage {
        c: Frame::bare(site, asked, title),
        text: asked.words.t(text),
        status: status.as_u16(),
    };
    let mut response = match page.render() {
        Ok(page) => (status, Html(page)).into_response(),
        Err(_) => (status, asked.words.t(title)).into_response(),
    };
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = bare.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}
