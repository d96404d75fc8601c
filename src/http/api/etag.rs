//! Which representation a program has seen (RFC 9110, sections 8.8.3 and 13.1): every JSON answer
//! to a GET or HEAD carries an entity tag. Sent back in `If-None-Match`, it saves the transfer; sent in
//! `If-Match`, it keeps a program from writing over what somebody else has changed.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ring::digest;
use serde::Serialize;

use super::Answer;
use super::problem::Problem;
use crate::http::fault::Fault;

/// Largest JSON answer that is tagged; answers stand in memory as a whole.
const ANSWER_SIZE_MAX: usize = 64 * 1024 * 1024;
/// Octets of the digest in a tag.
const TAG_SIZE: usize = 16;

/// What is changed only if it is as it was seen, where a program says so.
const TAKE_IF_MATCH: [&str; 5] = [
    "/api/v1/cases/{id}",
    "/api/v1/communications/{id}",
    "/api/v1/contacts/{id}",
    "/api/v1/templates/{id}",
    "/api/v1/users/{id}",
];

/// Whether a change is made only if it is of what was seen, where a program says so.
pub(super) fn takes_if_match(method: &Method, path: &str) -> bool {
    matches!(*method, Method::PUT | Method::PATCH) && TAKE_IF_MATCH.contains(&path)
}

fn tag_of(bytes: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, bytes);
    let short = digest.as_ref().get(..TAG_SIZE).unwrap_or_default();
    format!("\"{}\"", data_encoding::BASE64URL_NOPAD.encode(short))
}

/// Whether a list of tags has this one. Tags of ours have no commas.
fn has(lists: &HeaderMap, name: &HeaderName, tag: &str, weak: bool) -> bool {
    let lines = lists.get_all(name).into_iter();
    let texts = lines.filter_map(|line| line.to_str().ok());
    texts.flat_map(|text| text.split(',')).any(|one| {
        let one = one.trim();
        let one = if weak {
            one.strip_prefix("W/").unwrap_or(one)
        } else {
            one
        };
        one == "*" || one == tag
    })
}

/// Tags what is shown, says when it is what the program has, and refuses conditions that would
/// not be looked at.
pub(super) async fn tagged(mut request: Request, next: Next) -> Response {
    let method = request.method().clone();
    // What HEAD tells is what GET would (RFC 9110, 9.3.2): the answer is made, and its text left
    // out.
    let head = method == Method::HEAD;
    if head {
        *request.method_mut() = Method::GET;
    } else if method != Method::GET {
        let path = request.extensions().get::<MatchedPath>();
        let looked_at = path.is_some_and(|path| takes_if_match(&method, path.as_str()));
        if request.headers().contains_key(header::IF_MATCH) && !looked_at {
            let detail = "If-Match is looked at where a case, a communication, a contact, a template or a user is changed.";
            let title = "No condition is looked at here";
            let refused = Problem::new(
                StatusCode::BAD_REQUEST,
                "if-match",
                title,
                detail.to_owned(),
            );
            return refused.into_response();
        }
        return next.run(request).await;
    }
    let asked = request.headers().clone();
    let (mut parts, body) = next.run(request).await.into_parts();
    let kind = parts.headers.get(header::CONTENT_TYPE);
    if parts.status != StatusCode::OK || kind.is_none_or(|kind| kind != "application/json") {
        return Response::from_parts(parts, body);
    }
    let Ok(bytes) = to_bytes(body, ANSWER_SIZE_MAX).await else {
        return Problem::from(Fault::Internal).into_response();
    };
    let tag = tag_of(&bytes);
    if let Ok(value) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, value);
    }
    if has(&asked, &header::IF_NONE_MATCH, &tag, true) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    if head {
        let length = HeaderValue::from(bytes.len());
        parts.headers.insert(header::CONTENT_LENGTH, length);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// What a program says it has seen of what it changes.
pub(super) struct IfMatch(HeaderMap);

impl IfMatch {
    /// Whether a program says what it has seen.
    pub(super) fn is_asked(&self) -> bool {
        self.0.contains_key(header::IF_MATCH)
    }

    /// Refuses when what is there, as a GET would show it, is not what the program has seen.
    pub(super) fn check<T: Serialize>(&self, now: impl FnOnce() -> Answer<T>) -> Answer<()> {
        if !self.is_asked() {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&now()?).map_err(|_| Fault::Internal)?;
        if has(&self.0, &header::IF_MATCH, &tag_of(&bytes), false) {
            return Ok(());
        }
        Err(changed())
    }
}

/// What is said when it is not what a program has seen.
pub(super) fn changed() -> Problem {
    Problem::new(
        StatusCode::PRECONDITION_FAILED,
        "precondition-failed",
        "It has changed",
        "It is not what If-Match names any more: read it again.",
    )
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        Ok(Self(parts.headers.clone()))
    }
}
