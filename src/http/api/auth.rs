//! Who is asking: the bearer token (RFC 6750) and its user. Cookies count for nothing here, so
//! that no page elsewhere can make a browser ask.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::super::access::access_now;
use super::super::fault::Fault;
use super::super::guard::client_address;
use super::super::session;
use super::super::{App, throttle};
use super::problem::Problem;
use super::rate::TokenKey;
use crate::domain::{Access, ApiToken, AuditActor, User, Via};
use crate::store::{Loaded, acting};

/// What every token begins with: leaked ones are found by it.
pub(crate) const TOKEN_PREFIX: &str = "tocsin_";
/// Longest token looked at, in octets.
const TOKEN_SIZE_MAX: usize = 128;

/// A new token for a program: 256 random bits.
#[must_use]
pub fn new_token(random: &crate::clock::Randomness) -> String {
    let bytes = random.bytes::<32>();
    format!(
        "{TOKEN_PREFIX}{}",
        data_encoding::BASE64URL_NOPAD.encode(&bytes)
    )
}

/// The program that asks, by its user.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(super) user: User,
    /// What the token may do and see.
    pub(super) access: Arc<Access>,
    /// The token, by its digest.
    pub(super) token: TokenKey,
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(Problem::unauthorized)
    }
}

/// Looks once for each request whose token it is; its handler takes them from the extensions.
pub(in super::super) async fn authenticate(
    app: &App,
    request: &mut Request,
) -> Result<Arc<Access>, Response> {
    let address = client_address(app, request.headers(), request.extensions());
    let checked = check(app, address, request.headers()).await;
    let (token, caller) = checked.map_err(IntoResponse::into_response)?;
    acting::identify(AuditActor::User(caller.user.id, Via::Program));
    app.users().touch_token(&token).await;
    let access = Arc::clone(&caller.access);
    request.extensions_mut().insert(caller);
    Ok(access)
}

/// Guesses are slowed down per network, like those of passwords. Whoever has a valid token goes
/// on: nobody guesses 256 bits, and a program with an old token beside must not shut it out.
async fn check(
    app: &App,
    address: IpAddr,
    headers: &HeaderMap,
) -> Result<(Loaded<ApiToken>, Caller), Problem> {
    let token = bearer(headers);
    if let Some(token) = token
        && let Some(found) = known(app, token).await?
    {
        return Ok(found);
    }
    let network = throttle::network(address);
    let now = app.now();
    if let Some(wait) = app.tokens().wait(&network, now) {
        tracing::warn!(%address, "request refused: too many wrong tokens");
        return Err(Fault::TooMany(wait).into());
    }
    if token.is_some() {
        app.tokens().count(&network, now);
        tracing::info!(%address, "a token was refused");
    }
    Err(Problem::unauthorized())
}

/// The one token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(header::AUTHORIZATION).into_iter();
    let (line, more) = (lines.next()?, lines.next());
    let (scheme, token) = line.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let fits = more.is_none() && scheme.eq_ignore_ascii_case("bearer");
    fits.then_some(token)
}

async fn known(app: &App, token: &str) -> Result<Option<(Loaded<ApiToken>, Caller)>, Problem> {
    if token.len() > TOKEN_SIZE_MAX || !token.starts_with(TOKEN_PREFIX) {
        return Ok(None);
    }
    let hash = session::hash(token);
    let Some(found) = app.repo().api_token(&hash)? else {
        return Ok(None);
    };
    let same = bool::from(found.token_hash.ct_eq(&hash));
    if !same || !found.is_valid(app.now()) {
        return Ok(None);
    }
    let user = app.repo().user(found.user)?;
    let Some(user) = user.filter(|user| !user.disabled) else {
        return Ok(None);
    };
    let access = access_now(app, &user, found.scopes).await?;
    let user = user.value;
    let caller = Caller {
        user,
        access,
        token: found.token_hash,
    };
    Ok(Some((found, caller)))
}
