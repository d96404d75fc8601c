//! Who is asking: the session behind the cookie, and the token that every form carries.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use ring::{digest, hmac};
use subtle::ConstantTimeEq;

use super::App;
use super::access::access_now;
use super::data;
use super::dress::wants_json;
use super::fault::Fault;
use super::fields::Fields;
use super::words::Words;
use crate::domain::{Access, AuditActor, Role, Session, Timestamp, User, Via};
use crate::store::{Loaded, acting};

/// How exact `used_at` is: writing it at every request would write a lot.
const TOUCH_EVERY: Duration = Duration::from_secs(60);
/// Longest cookie value looked at, in bytes.
const TOKEN_SIZE_MAX: usize = 128;

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) user: User,
    pub(crate) session: Loaded<Session>,
    /// What this session's forms carry.
    pub(crate) csrf: String,
    /// In which language they read.
    pub(crate) words: &'static Words,
    /// What they may do and see.
    pub(crate) access: Arc<Access>,
}

impl Signed {
    /// Whether a form's token is this session's.
    pub(crate) fn owns(&self, token: &str) -> bool {
        hash(token).ct_eq(&self.session.csrf_hash).into()
    }
}

/// A form of somebody who is logged in, its token checked.
pub(crate) struct SignedForm {
    pub(crate) signed: Signed,
    pub(crate) fields: Fields,
}

/// A new session's cookie token: 256 random bits.
pub(crate) fn new_token(app: &App) -> String {
    BASE64URL_NOPAD.encode(&app.console.random.bytes::<32>())
}

/// What the store keeps of a token.
#[must_use]
pub fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

/// The form token of a session: it follows from the cookie's token and tells nothing about it.
pub(crate) fn csrf_of(token: &str) -> String {
    keyed(token.as_bytes(), b"tocsin form token")
}

/// HMAC-SHA256 in hexadecimal.
pub(crate) fn keyed(key: &[u8], message: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    HEXLOWER.encode(hmac::sign(&key, message).as_ref())
}

/// Name of the session cookie. Browsers take `__Host-` only from HTTPS, for this host alone.
pub(crate) const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-tocsin" } else { "tocsin" }
}

/// A `Set-Cookie` value; no age makes it last as long as the browser runs, 0 removes it.
pub(crate) fn set_cookie(name: &str, value: &str, secure: bool, age: Option<u64>) -> String {
    let secure = if secure { "; Secure" } else { "" };
    let age = age
        .map(|seconds| format!("; Max-Age={seconds}"))
        .unwrap_or_default();
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{age}")
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && value.len() <= TOKEN_SIZE_MAX)
        .map(|(_, value)| value)
}

/// Whether a session is over.
pub(crate) fn is_over(session: &Session, idle: Duration, now: Timestamp) -> bool {
    now >= session.expires_at || session.used_at.plus(idle) <= now
}

/// Who is behind the cookie, if anybody.
pub(crate) async fn signed(app: &App, headers: &HeaderMap) -> Result<Option<Signed>, Fault> {
    let settings = &app.console.settings;
    let Some(token) = cookie(headers, cookie_name(settings.secure_cookie)) else {
        return Ok(None);
    };
    let csrf = csrf_of(token);
    let Some(session) = app.repo().session(&hash(token))? else {
        return Ok(None);
    };
    let now = app.now();
    if is_over(&session, settings.session_idle, now) {
        return Ok(None);
    }
    let Some(user) = app.repo().user(session.user)? else {
        return Ok(None);
    };
    if user.role == Role::Application || user.disabled {
        return Ok(None);
    }
    if session.used_at.plus(TOUCH_EVERY) <= now {
        data::touch_session(app.repo(), &session, now).await;
    }
    acting::identify(AuditActor::User(user.id, Via::Console));
    let chosen = user.language.as_deref().and_then(Words::known);
    Ok(Some(Signed {
        words: chosen.unwrap_or(app.default_words),
        access: access_now(app, &user, None).await?,
        user: user.value,
        session,
        csrf,
    }))
}

/// Looks once for each request who is behind the cookie; its page takes them from the extensions.
pub(crate) async fn authenticate(
    app: &App,
    request: &mut Request,
) -> Result<Arc<Access>, Response> {
    let found = signed(app, request.headers()).await;
    let signed = found
        .map_err(IntoResponse::into_response)?
        .ok_or_else(|| refuse(request.method(), request.uri(), request.headers()))?;
    let access = Arc::clone(&signed.access);
    request.extensions_mut().insert(signed);
    Ok(access)
}

/// Leads people to the login and back; tells programs.
fn refuse(method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
    if wants_json(headers) {
        return Fault::NotLoggedIn.into_response();
    }
    let next = uri.path_and_query().map_or("/", |path| path.as_str());
    if *method != Method::GET || next == "/" {
        return Redirect::to("/login").into_response();
    }
    let next: String = next.bytes().map(percent).collect();
    Redirect::to(&format!("/login?next={next}")).into_response()
}

/// One byte of a query value (RFC 3986, 2.1).
pub(crate) fn percent(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

impl FromRequestParts<Arc<App>> for Signed {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Response> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| refuse(&parts.method, &parts.uri, &parts.headers))
    }
}

impl FromRequest<Arc<App>> for SignedForm {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let signed = Signed::from_request_parts(&mut parts, app).await?;
        let request = Request::from_parts(parts, body);
        let fields = Fields::of_form(request)
            .await
            .map_err(IntoResponse::into_response)?;
        if signed.owns(fields.get("csrf")) {
            Ok(Self { signed, fields })
        } else {
            Err(Fault::Forged.into_response())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn finds_its_cookie_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            "a=1; tocsin=abc; tocsin2=x".parse().unwrap(),
        );
        assert_eq!(cookie(&headers, "tocsin"), Some("abc"));
        assert_eq!(cookie(&headers, "tocs"), None);
        let long = format!("tocsin={}", "x".repeat(TOKEN_SIZE_MAX + 1));
        headers.insert(header::COOKIE, long.parse().unwrap());
        assert_eq!(cookie(&headers, "tocsin"), None);
    }

    #[test]
    fn cookies_stay_with_this_site() {
        let cookie = set_cookie(cookie_name(true), "t", true, Some(0));
        assert_eq!(
            cookie,
            "__Host-tocsin=t; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0"
        );
        assert!(!set_cookie(cookie_name(false), "t", false, None).contains("Secure"));
    }

    #[test]
    fn the_form_token_does_not_give_the_cookie_away() {
        assert_ne!(csrf_of("a"), csrf_of("b"));
        assert_ne!(hash(&csrf_of("a")), hash("a"));
    }
}
