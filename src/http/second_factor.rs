//! The second step of a login: a code after the password.
//!
//! Between the two steps nothing is kept here. A cookie says who gave the right password, until
//! when it counts, and that nothing of the user has changed since; it is signed with a key that
//! each start makes anew, and lets nobody in. Wrong codes are counted by user: whoever gets here
//! knows the password, so that strangers lock nobody out.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use subtle::ConstantTimeEq;

use super::App;
use super::dress::wants_json;
use super::fault::Fault;
use super::fields::Fields;
use super::guard::is_safe;
use super::language;
use super::login::{safe_next, welcome};
use super::session::{Signed, cookie, keyed, percent, set_cookie};
use super::view::Chrome;
use super::visitor::Visitor;
use crate::domain::second_factor::TakenCode;
use crate::domain::{AuditActor, Role, Timestamp, User, UserId, Via};
use crate::store::{Loaded, acting};

/// Where the code is asked for.
pub(crate) const CODE_PATH: &str = "/login/code";
/// Where it is set up.
const SET_UP_PATH: &str = "/me/second-factor";
/// What somebody may ask for who has to set it up first.
const OPEN_PATHS: [&str; 3] = [SET_UP_PATH, "/me/second-factor/confirm", "/logout"];
/// How long the right password counts while the code is asked for.
const AGE: Duration = Duration::from_secs(5 * 60);

/// The cookie between the two steps.
const fn cookie_name(secure: bool) -> &'static str {
    if secure {
        "__Host-tocsin-code"
    } else {
        "tocsin-code"
    }
}

#[derive(Template)]
#[template(path = "login_code.html")]
struct CodePage {
    c: Chrome,
    form_token: String,
    next: String,
    problem: Option<&'static str>,
}

/// Leads whoever gave the right password on to the code.
pub(crate) fn ask(app: &App, user: &User, next: &str) -> Response {
    let end = app.now().plus(AGE);
    let value = format!("{}.{}.{}", user.id, end.as_millis(), seal(app, user, end));
    let secure = app.console.settings.secure_cookie;
    let cookie = set_cookie(cookie_name(secure), &value, secure, Some(AGE.as_secs()));
    let next: String = safe_next(next).bytes().map(percent).collect();
    let to = Redirect::to(&format!("{CODE_PATH}?next={next}"));
    ([(header::SET_COOKIE, cookie)], to).into_response()
}

/// Signs that a user gave the right password; of use until the password, the second factor or
/// the last code taken is another.
fn seal(app: &App, user: &User, end: Timestamp) -> String {
    let factor = user.second_factor.as_ref();
    let (since, step) = factor.map_or((0, 0), |one| (one.since.as_millis(), one.last_step));
    let message = format!(
        "second step {} {} {since} {step} {}",
        user.id,
        end.as_millis(),
        user.password_hash.reveal()
    );
    keyed(&app.login_key, message.as_bytes())
}

/// Who gave the right password in this browser a moment ago.
fn half_in(app: &App, headers: &HeaderMap) -> Result<Option<Loaded<User>>, Fault> {
    let name = cookie_name(app.console.settings.secure_cookie);
    let Some((id, rest)) = cookie(headers, name).and_then(|value| value.split_once('.')) else {
        return Ok(None);
    };
    let (Ok(id), Some((end, given))) = (id.parse::<UserId>(), rest.split_once('.')) else {
        return Ok(None);
    };
    let Ok(end) = end.parse().map(Timestamp::from_millis) else {
        return Ok(None);
    };
    let Some(user) = app.repo().user(id)? else {
        return Ok(None);
    };
    let sealed = seal(app, &user, end);
    let same = bool::from(sealed.as_bytes().ct_eq(given.as_bytes()));
    let may = user.second_factor.is_some() && user.role != Role::Application && !user.disabled;
    Ok((same && may && app.now() < end).then_some(user))
}

/// The token of the form, which belongs to this browser's cookie.
fn form_token(app: &App, headers: &HeaderMap) -> String {
    let name = cookie_name(app.console.settings.secure_cookie);
    let value = cookie(headers, name).unwrap_or_default();
    keyed(&app.login_key, format!("code form {value}").as_bytes())
}

/// `GET /login/code`
pub(crate) async fn page(State(app): State<Arc<App>>, request: Request) -> Result<Response, Fault> {
    let query = Fields::of_query(request.uri());
    let headers = request.headers();
    if half_in(&app, headers)?.is_none() {
        return Ok(Redirect::to("/login").into_response());
    }
    show(&app, headers, query.get("next"), None, StatusCode::OK)
}

fn show(
    app: &App,
    headers: &HeaderMap,
    next: &str,
    problem: Option<&'static str>,
    status: StatusCode,
) -> Result<Response, Fault> {
    let words = language::of_visitor(app, headers);
    let page = CodePage {
        c: Chrome::bare(app, words, words.t("second.code_title")),
        form_token: form_token(app, headers),
        next: next.to_owned(),
        problem: problem.map(|key| words.t(key)),
    };
    Ok((status, Html(page.render()?)).into_response())
}

/// `POST /login/code`
pub(crate) async fn enter(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Fault> {
    let headers = request.headers().clone();
    let visitor = Visitor::of(&app, &headers, request.extensions());
    let fields = Fields::of_form(request).await?;
    let Some(user) = half_in(&app, &headers)? else {
        return Ok(Redirect::to("/login").into_response());
    };
    let expected = form_token(&app, &headers);
    let given = fields.get("form_token");
    let next = fields.get("next");
    if !bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        let status = StatusCode::FORBIDDEN;
        return show(&app, &headers, next, Some("login.stale"), status);
    }
    acting::identify(AuditActor::User(user.id, Via::Console));
    let Some(taken) = take(&app, &user, fields.get("code"))? else {
        tracing::info!(user = %user.id, "login failed: wrong code");
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show(&app, &headers, next, Some("second.wrong"), status);
    };
    let entered = welcome(&app, &user, Some(taken), next, visitor).await?;
    let secure = app.console.settings.secure_cookie;
    let gone = set_cookie(cookie_name(secure), "", secure, Some(0));
    Ok((AppendHeaders([(header::SET_COOKIE, gone)]), entered).into_response())
}

/// Takes a code of a user, if it is one; guessing has to wait.
pub(crate) fn take(app: &App, user: &User, code: &str) -> Result<Option<TakenCode>, Fault> {
    let Some(factor) = &user.second_factor else {
        return Ok(None);
    };
    let key = user.id.to_string();
    let now = app.now();
    let mut codes = app.codes();
    if let Some(wait) = codes.wait(&key, now) {
        tracing::warn!(user = %user.id, "code refused: too many wrong ones");
        return Err(Fault::TooMany(wait));
    }
    codes.count(&key, now);
    let taken = factor.take(code, now);
    if taken.is_some() {
        codes.clear(&key);
    }
    Ok(taken)
}

/// Whether somebody who is logged in has to set up a second factor before anything else.
pub(crate) fn is_owed(app: &App, signed: &Signed) -> bool {
    app.console.settings.second_factor_required && signed.user.second_factor.is_none()
}

/// The answer to whoever has to set up a second factor first: the way there, and nowhere else.
pub(crate) fn detour(app: &App, request: &Request, path: &str) -> Option<Response> {
    let signed = request.extensions().get::<Signed>();
    if OPEN_PATHS.contains(&path) || !signed.is_some_and(|signed| is_owed(app, signed)) {
        return None;
    }
    if wants_json(request.headers()) || !is_safe(request.method()) {
        return Some(Fault::Forbidden.into_response());
    }
    Some(Redirect::to(SET_UP_PATH).into_response())
}
