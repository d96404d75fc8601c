//! Who is asking: the session behind the cookie, and the token that every form carries.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

use super::super::data;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{cookie, csrf_of, hash, set_cookie};
use super::Site;
use crate::domain::{AuditActor, Contact, ContactId, Timestamp, Visit};
use crate::store::{Loaded, acting};

/// How exact `used_at` is: writing it at every request would write a lot.
const TOUCH_EVERY: Duration = Duration::from_secs(60);

/// Somebody who is logged in.
pub(super) struct Visitor {
    pub(super) contact: Contact,
    pub(super) visit: Loaded<Visit>,
    /// What this session's forms carry.
    pub(super) csrf: String,
}

/// A form of somebody who is logged in, its token checked.
pub(super) struct VisitorForm {
    pub(super) visitor: Visitor,
    pub(super) fields: Fields,
    pub(super) parts: Parts,
}

/// Name of the cookie; another than the console's, which may live on the same host.
const fn cookie_name(secure: bool) -> &'static str {
    if secure {
        "__Host-tocsin-me"
    } else {
        "tocsin-me"
    }
}

/// Who is behind the cookie, if anybody.
pub(super) async fn known(site: &Site, headers: &HeaderMap) -> Result<Option<Visitor>, Fault> {
    let settings = site.settings();
    let Some(token) = cookie(headers, cookie_name(settings.secure_cookie)) else {
        return Ok(None);
    };
    let Some(visit) = site.repo().visit(&hash(token))? else {
        return Ok(None);
    };
    let now = site.now();
    if is_over(&visit, settings.session_idle, now) {
        return Ok(None);
    }
    // Whoever has left has no methods any more, and nothing to see.
    let contact = site.repo().contact(visit.contact)?;
    let Some(contact) = contact.filter(|contact| !contact.methods.is_empty()) else {
        return Ok(None);
    };
    acting::identify(AuditActor::Person(contact.id));
    if visit.used_at.plus(TOUCH_EVERY) <= now {
        data::touch_visit(site.repo(), &visit, now).await;
    }
    Ok(Some(Visitor {
        contact: contact.value,
        visit,
        csrf: csrf_of(token),
    }))
}

fn is_over(visit: &Visit, idle: Duration, now: Timestamp) -> bool {
    now >= visit.expires_at || visit.used_at.plus(idle) <= now
}

/// Begins a session for somebody who has proved to have this address or number.
pub(super) async fn begin(
    site: &Site,
    contact: ContactId,
    via: String,
    then: &str,
) -> Result<Response, Fault> {
    let settings = site.settings();
    let token = BASE64URL_NOPAD.encode(&site.site.random.bytes::<32>());
    let now = site.now();
    let visit = Visit {
        token_hash: hash(&token),
        contact,
        via: via.into(),
        csrf_hash: hash(&csrf_of(&token)),
        created_at: now,
        used_at: now,
        expires_at: now.plus(settings.session_lifetime),
    };
    acting::identify(AuditActor::Person(contact));
    data::begin_visit(site.repo(), &visit).await?;
    tracing::info!(contact = %contact, "logged in to the public pages");
    let secure = settings.secure_cookie;
    let cookie = set_cookie(cookie_name(secure), &token, secure, None);
    with_cookie(&cookie, then)
}

/// Ends a session.
pub(super) async fn end(site: &Site, visitor: &Visitor, then: &str) -> Result<Response, Fault> {
    data::end_visit(site.repo(), &visitor.visit.token_hash).await?;
    let secure = site.settings().secure_cookie;
    let gone = set_cookie(cookie_name(secure), "", secure, Some(0));
    with_cookie(&gone, then)
}

fn with_cookie(cookie: &str, then: &str) -> Result<Response, Fault> {
    let mut response = Redirect::to(then).into_response();
    let cookie = HeaderValue::from_str(cookie).map_err(|_| Fault::Internal)?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

impl FromRequestParts<Arc<Site>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Response> {
        let found = known(site, &parts.headers)
            .await
            .map_err(IntoResponse::into_response)?;
        found.ok_or_else(|| Redirect::to("/").into_response())
    }
}

impl FromRequest<Arc<Site>> for VisitorForm {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, site).await?;
        let request = Request::from_parts(parts.clone(), body);
        let fields = Fields::of_form(request)
            .await
            .map_err(IntoResponse::into_response)?;
        let given = hash(fields.get("csrf"));
        if bool::from(given.ct_eq(&visitor.visit.csrf_hash)) {
            Ok(Self {
                visitor,
                fields,
                parts,
            })
        } else {
            Err(Fault::Forged.into_response())
        }
    }
}
