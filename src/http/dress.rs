//! What every answer wears: security headers; and for every refusal a page for people or a
//! problem document (RFC 9457) for programs.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use super::App;
use super::api::{PREFIX, problem::Problem};
use super::fault::Fault;
use super::language;
use super::view::Chrome;
use super::words::Words;

/// Nothing from elsewhere, nothing inline; frames only for the preview of an email.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; media-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'";
/// A file for the reader's disk: nothing of it runs or loads, also where a browser shows it.
pub(crate) const DOWNLOAD_POLICY: &str =
    "sandbox; default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=()"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];
/// Two years of HTTPS only, where HTTPS is configured.
pub(crate) const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Whether a program asks rather than a person.
pub(crate) fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    !accept.contains("text/html")
        && (accept.contains("application/json") || accept.contains("application/problem+json"))
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage {
    c: Chrome,
    title: &'static str,
    text: &'static str,
    status: u16,
}

/// Puts headers on, and makes bare refusals into pages or problem documents.
pub(crate) async fn dress(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let asked = request.headers().clone();
    let of_api = request.uri().path().starts_with(PREFIX);
    let response = next.run(request).await;
    let mut response = match bare_fault(&response) {
        Some(fault) if of_api => {
            let mut dressed = Problem::of_fault(&fault).into_response();
            carry(&response, &mut dressed);
            dressed
        }
        Some(fault) => {
            let words = language::of_anybody(&app, &asked).await;
            explain(&app, words, &fault, response, wants_json(&asked))
        }
        None => response,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(value);
    }
    if app.console.settings.secure_cookie {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

/// The fault of an answer that has no page yet.
pub(crate) fn bare_fault(response: &Response) -> Option<Fault> {
    if let Some(fault) = response.extensions().get::<Fault>() {
        return Some(fault.clone());
    }
    let status = response.status();
    let content = response.headers().get(header::CONTENT_TYPE);
    let has_page = content.is_some_and(|kind| !kind.as_bytes().starts_with(b"text/plain"));
    let failed = status.is_client_error() || status.is_server_error();
    (failed && !has_page).then(|| Fault::of_status(status))
}

fn explain(
    app: &App,
    words: &'static Words,
    fault: &Fault,
    bare: Response,
    json: bool,
) -> Response {
    let [title, text, name] = fault.words();
    let (title, text) = (words.t(title), words.t(text));
    let status = fault.status();
    let mut response = if json {
        let problem = serde_json::json!({
            "type": format!("about:blank#{name}"),
            "title": title,
            "status": status.as_u16(),
            "detail": text,
        });
        let kind = HeaderValue::from_static("application/problem+json");
        (status, [(header::CONTENT_TYPE, kind)], problem.to_string()).into_response()
    } else {
        let page = FaultPage {
            c: Chrome::bare(app, words, title),
            title,
            text,
            status: status.as_u16(),
        };
        match page.render() {
            Ok(page) => (status, Html(page)).into_response(),
            Err(_) => (status, title).into_response(),
        }
    };
    carry(&bare, &mut response);
    response
}

/// What a refusal says in its headers stays.
fn carry(bare: &Response, dressed: &mut Response) {
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = bare.headers().get(&name) {
            dressed.headers_mut().insert(name, value.clone());
        }
    }
}
