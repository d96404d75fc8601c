//! Logging in and out.
//!
//! A wrong password, an unknown login and an application's account get the same answer after
//! the same work, and so does a disabled user. Tries are counted before their outcome is known:
//! per login name and address together, so that strangers cannot lock somebody out from elsewhere,
//! and per address alone.

use std::net::IpAddr;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use data_encoding::BASE64URL_NOPAD;
use subtle::ConstantTimeEq;

use super::fault::Fault;
use super::fields::Fields;
use super::guard::client_address;
use super::language;
use super::session::{
    self, SignedForm, cookie, cookie_name, csrf_of, keyed, new_token, set_cookie,
};
use super::view::Chrome;
use super::visitor::Visitor;
use super::{App, data, second_factor, throttle};
use crate::domain::second_factor::TakenCode;
use crate::domain::user::PASSWORD_SIZE_MAX;
use crate::domain::{AuditActor, Role, Session, User, Via};
use crate::store::{Loaded, acting};

/// Cookie that ties the login form to this browser.
const FORM_COOKIE: &str = "tocsin-login";
/// How long a login form may lie open, in seconds.
const FORM_AGE: u64 = 12 * 3600;
/// Longest login name looked at, in bytes.
const LOGIN_SIZE_MAX: usize = 200;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    c: Chrome,
    form_token: String,
    next: String,
    login: String,
    problem: Option<&'static str>,
    logged_out: bool,
}

/// `GET /login`
pub(crate) async fn page(State(app): State<Arc<App>>, request: Request) -> Result<Response, Fault> {
    if session::signed(&app, request.headers()).await?.is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    let query = Fields::of_query(request.uri());
    let entered = Entered {
        next: query.get("next").to_owned(),
        ..Entered::default()
    };
    show(
        &app,
        request.headers(),
        entered,
        None,
        StatusCode::OK,
        query.has("bye"),
    )
}

#[derive(Default)]
struct Entered {
    login: String,
    password: String,
    next: String,
}

fn show(
    app: &App,
    headers: &HeaderMap,
    entered: Entered,
    problem: Option<&'static str>,
    status: StatusCode,
    logged_out: bool,
) -> Result<Response, Fault> {
    let known = cookie(headers, FORM_COOKIE).map(str::to_owned);
    let words = language::of_visitor(app, headers);
    let nonce = known.unwrap_or_else(|| BASE64URL_NOPAD.encode(&app.console.random.bytes::<16>()));
    let page = LoginPage {
        c: Chrome::bare(app, words, words.t("login.title")),
        form_token: keyed(&app.login_key, nonce.as_bytes()),
        next: entered.next,
        login: entered.login,
        problem: problem.map(|key| words.t(key)),
        logged_out,
    };
    let secure = app.console.settings.secure_cookie;
    let cookie = set_cookie(FORM_COOKIE, &nonce, secure, Some(FORM_AGE));
    Ok((status, [(header::SET_COOKIE, cookie)], Html(page.render()?)).into_response())
}

/// `POST /login`
pub(crate) async fn enter(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Fault> {
    let headers = request.headers().clone();
    let address = client_address(&app, &headers, request.extensions());
    let visitor = Visitor::of(&app, &headers, request.extensions());
    let fields = Fields::of_form(request).await?;
    let entered = Entered {
        login: fields.get("login").trim().to_lowercase(),
        password: fields.get("password").to_owned(),
        next: fields.get("next").to_owned(),
    };
    if !is_our_form(&app, &headers, fields.get("form_token")) {
        return show(
            &app,
            &headers,
            entered,
            Some("login.stale"),
            StatusCode::FORBIDDEN,
            false,
        );
    }
    match check(&app, address, &entered).await? {
        Some(user) if user.second_factor.is_some() => {
            Ok(second_factor::ask(&app, &user, &entered.next))
        }
        Some(user) => welcome(&app, &user, None, &entered.next, visitor).await,
        None => show(
            &app,
            &headers,
            entered,
            Some("login.wrong"),
            StatusCode::UNPROCESSABLE_ENTITY,
            false,
        ),
    }
}

fn is_our_form(app: &App, headers: &HeaderMap, given: &str) -> bool {
    cookie(headers, FORM_COOKIE).is_some_and(|nonce| {
        let expected = keyed(&app.login_key, nonce.as_bytes());
        bool::from(expected.as_bytes().ct_eq(given.as_bytes()))
    })
}

async fn check(
    app: &App,
    address: IpAddr,
    entered: &Entered,
) -> Result<Option<Loaded<User>>, Fault> {
    if entered.login.is_empty()
        || entered.login.len() > LOGIN_SIZE_MAX
        || entered.password.len() > PASSWORD_SIZE_MAX
    {
        return Ok(None);
    }
    let network = throttle::network(address);
    let key = format!("{network} {}", entered.login);
    let now = app.now();
    let counted = {
        let (mut addresses, mut logins) = (app.addresses(), app.logins());
        let wait = addresses.wait(&network, now).max(logins.wait(&key, now));
        if let Some(wait) = wait {
            tracing::warn!(%address, "login refused: too many failures");
            return Err(Fault::TooMany(wait));
        }
        logins.count(&key, now);
        addresses.count(&network, now)
    };
    let user = app.repo().user_by_login(&entered.login)?;
    let user = user.filter(|user| user.role != Role::Application && !user.disabled);
    let hash = user
        .as_ref()
        .map(|user| user.password_hash.reveal().clone());
    let checked = app.gate.check(entered.password.clone(), hash).await;
    if !checked.map_err(|_| Fault::Unavailable)? {
        if let Some(user) = user {
            // Whose password was wrong is known; a name that nobody has is not kept.
            acting::identify(AuditActor::User(user.id, Via::Console));
        }
        tracing::info!(%address, "login failed");
        return Ok(None);
    }
    app.addresses().take_back(&network, counted);
    app.logins().clear(&key);
    Ok(user)
}

/// Lets somebody in who has proved who they are.
pub(crate) async fn welcome(
    app: &App,
    user: &Loaded<User>,
    taken: Option<TakenCode>,
    next: &str,
    visitor: Visitor,
) -> Result<Response, Fault> {
    let settings = &app.console.settings;
    let token = new_token(app);
    let now = app.now();
    let session = Session {
        token_hash: session::hash(&token),
        user: user.id,
        csrf_hash: session::hash(&csrf_of(&token)),
        created_at: now,
        used_at: now,
        expires_at: now.plus(settings.session_lifetime),
        browser: visitor.browser,
        network: Some(visitor.network),
    };
    acting::identify(AuditActor::User(user.id, Via::Console));
    data::begin_session(app.repo(), user, taken, &session).await?;
    data::sweep_sessions(app.repo(), settings.session_idle, now).await?;
    tracing::info!(user = %user.id, "logged in");
    let secure = settings.secure_cookie;
    let cookies = AppendHeaders([
        (
            header::SET_COOKIE,
            set_cookie(cookie_name(secure), &token, secure, None),
        ),
        (
            header::SET_COOKIE,
            set_cookie(FORM_COOKIE, "", secure, Some(0)),
        ),
    ]);
    Ok((cookies, Redirect::to(safe_next(next))).into_response())
}

/// Where to go after the login: a path of ours, never another site.
pub(crate) fn safe_next(next: &str) -> &str {
    let ours = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && next.chars().all(|c| c.is_ascii_graphic());
    if ours { next } else { "/" }
}

/// `POST /logout`
pub(crate) async fn leave(
    State(app): State<Arc<App>>,
    form: SignedForm,
) -> Result<Response, Fault> {
    data::end_session(app.repo(), &form.signed.session).await?;
    tracing::info!(user = %form.signed.user.id, "logged out");
    let secure = app.console.settings.secure_cookie;
    let gone = set_cookie(cookie_name(secure), "", secure, Some(0));
    Ok(([(header::SET_COOKIE, gone)], Redirect::to("/login?bye=1")).into_response())
}

#[cfg(test)]
mod tests {
    use super::safe_next;

    #[test]
    fn leads_nowhere_else() {
        assert_eq!(safe_next("/contacts?q=a"), "/contacts?q=a");
        for next in [
            "",
            "contacts",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nb: c",
        ] {
            assert_eq!(safe_next(next), "/", "{next:?}");
        }
    }
}
