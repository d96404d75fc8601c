//! Users and the tokens of their programs, for administrators. Tokens are made in the console or
//! on the command line alone: an answer with one would be kept for whoever asks twice.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::auth::Caller;
use super::body::{Ids, Json, field_id, id};
use super::contact_details::{given, value};
use super::etag::{IfMatch, changed};
use super::me::{UserShape, address};
use super::problem::Problem;
use super::shape::time;
use super::{Answer, apart};
use crate::domain::user::{USER_AREAS_MAX, display_name};
use crate::domain::{ApiToken, AreaId, CaseScope, Permission, Role, User, UserId};
use crate::store::Loaded;
use crate::tracker::{RightsChanges, TOKENS_READ_MAX, UserError};

/// Most users listed.
const USERS_MAX: usize = 1_000;

/// The user of an address.
pub(super) fn user(app: &App, text: &str) -> Answer<Loaded<User>> {
    let of: UserId = id(text, "user")?;
    let found = app.repo().user(of)?;
    found.ok_or_else(|| Problem::not_found("user"))
}

fn shape(user: &Loaded<User>) -> UserShape {
    UserShape::of(user, user.role.permissions())
}

/// Who may log in, and which applications may send; the first 1000.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", operation_id = "listUsers",
    responses((status = 200, body = Vec<UserShape>)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<axum::Json<Vec<UserShape>>> {
    apart(&app, move |app| {
        let users = app.repo().users(USERS_MAX)?;
        Ok(axum::Json(users.iter().map(shape).collect()))
    })
    .await
}

/// One user.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", operation_id = "getUser",
    params(("id" = String, Path)), responses((status = 200, body = UserShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<UserShape>> {
    apart(&app, move |app| Ok(axum::Json(shape(&user(app, &text)?)))).await
}

/// What an administrator decides about a user. Whatever is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RightsAsked {
    #[serde(default, deserialize_with = "value")]
    #[schema(value_type = String)]
    name: Option<String>,
    /// administrator, approver, operator, auditor or viewer; applications keep theirs.
    #[serde(default, deserialize_with = "value")]
    #[schema(value_type = String)]
    role: Option<String>,
    /// Areas this user covers; empty for all.
    #[serde(default, deserialize_with = "value")]
    #[schema(value_type = Vec<String>)]
    areas: Option<Vec<String>>,
    /// Which cases this user sees: all, own (those that name the user) or none.
    #[serde(default, deserialize_with = "value")]
    #[schema(value_type = String)]
    cases: Option<String>,
    /// Where trials and notices go; null for nowhere.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
}

impl RightsAsked {
    fn changes(&self, old: &User) -> Answer<RightsChanges> {
        let mut changes = RightsChanges::default();
        if let Some(name) = &self.name {
            let read = display_name(name);
            changes.name = Some(read.map_err(|why| Problem::field("name", why.to_string()))?);
        }
        if let Some(role) = &self.role {
            let mut all = Role::ALL.into_iter();
            let role = all.find(|one| one.as_str() == role);
            let fits = role.filter(|role| role.is_staff() == old.role.is_staff());
            let wrong = || Problem::field("role", "There is no such role for this user.");
            changes.role = Some(fits.ok_or_else(wrong)?);
        }
        if let Some(named) = &self.areas {
            changes.areas = Some(areas(named)?);
        }
        if let Some(email) = &self.email {
            changes.email = Some(address(email.as_deref())?);
        }
        if let Some(named) = &self.cases {
            changes.case_scope = Some(cases(named)?);
        }
        Ok(changes)
    }
}

/// The areas that a user covers, each once.
pub(super) fn areas(named: &[String]) -> Answer<Vec<AreaId>> {
    if named.len() > USER_AREAS_MAX {
        let detail = format!("Choose at most {USER_AREAS_MAX} areas.");
        return Err(Problem::field("areas", detail));
    }
    let areas = named.iter().map(|area| field_id("areas", area));
    let mut areas = areas.collect::<Answer<Vec<AreaId>>>()?;
    areas.sort();
    areas.dedup();
    Ok(areas)
}

/// Which cases a user sees.
pub(super) fn cases(named: &str) -> Answer<CaseScope> {
    let wrong = || Problem::field("cases", "Cases are all, own or none.");
    CaseScope::named(named).ok_or_else(wrong)
}

/// Changes what a user may do and see; with `If-Match`, of what was seen. Another role ends the
/// user's sessions.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users", operation_id = "amendUser",
    params(("id" = String, Path)), request_body = RightsAsked, responses((status = 204)))]
pub(super) async fn amend(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    seen: IfMatch,
    Json(asked): Json<RightsAsked>,
) -> Answer<StatusCode> {
    let old = apart(&app, move |app| user(app, &text)).await?;
    seen.check(|| Ok(shape(&old)))?;
    let changes = asked.changes(&old)?;
    let seen = seen.is_asked().then_some(&old.value);
    let (users, by) = (app.users(), caller.user.id);
    match users.amend_rights(old.id, &changes, seen, by).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(UserError::Changed) => Err(changed()),
        Err(error @ (UserError::LastAdministrator | UserError::Yourself)) => {
            Err(Problem::conflict("role", error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes a user's second factor away, whose device is lost, and ends the user's sessions. Nobody
/// does this to themselves.
#[utoipa::path(delete, path = "/api/v1/users/{id}/second-factor", tag = "users",
    operation_id = "resetSecondFactor", params(("id" = String, Path)),
    responses((status = 204)))]
pub(super) async fn reset_second_factor(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of = apart(&app, move |app| user(app, &text)).await?.id;
    if of == caller.user.id {
        let error = UserError::Yourself;
        return Err(Problem::conflict("yourself", error.to_string()));
    }
    app.users().set_second_factor(of, None, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A token of a user's programs; the token itself is never told.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenShape {
    /// Names the token and lets nobody in.
    id: String,
    /// What it is for.
    name: String,
    /// What it may do of what its user may; null for all of it.
    scopes: Option<Vec<&'static str>>,
    created_at: String,
    used_at: Option<String>,
    expires_at: Option<String>,
    revoked_at: Option<String>,
}

impl TokenShape {
    fn of(token: &ApiToken) -> Self {
        let names = |scopes: crate::domain::Permissions| {
            scopes.iter().map(Permission::as_str).collect::<Vec<_>>()
        };
        Self {
            id: HEXLOWER.encode(&token.token_hash),
            name: token.name.clone(),
            scopes: token.scopes.map(names),
            created_at: time(token.created_at),
            used_at: token.used_at.map(time),
            expires_at: token.expires_at.map(time),
            revoked_at: token.revoked_at.map(time),
        }
    }
}

/// The tokens of a user's programs, revoked ones among them.
#[utoipa::path(get, path = "/api/v1/users/{id}/tokens", tag = "users",
    operation_id = "listTokens", params(("id" = String, Path)),
    responses((status = 200, body = Vec<TokenShape>)))]
pub(super) async fn tokens(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<Vec<TokenShape>>> {
    apart(&app, move |app| {
        let of = user(app, &text)?.id;
        let mut tokens = app.repo().tokens_of(of, TOKENS_READ_MAX)?;
        tokens.sort_by_key(|token| std::cmp::Reverse(token.created_at));
        let shapes = tokens.iter().map(|token| TokenShape::of(token));
        Ok(axum::Json(shapes.collect()))
    })
    .await
}

/// Revokes a token: from then on it lets nobody in.
#[utoipa::path(delete, path = "/api/v1/users/{id}/tokens/{token}", tag = "users",
    operation_id = "revokeToken", params(("id" = String, Path), ("token" = String, Path)),
    responses((status = 204)))]
pub(super) async fn revoke(
    State(app): State<Arc<App>>,
    Ids((text, token)): Ids<(String, String)>,
) -> Answer<StatusCode> {
    let of = apart(&app, move |app| user(app, &text)).await?.id;
    let hash = HEXLOWER.decode(token.as_bytes());
    let hash = hash.ok().and_then(|bytes| bytes.try_into().ok());
    let hash: [u8; 32] = hash.ok_or_else(|| Problem::not_found("token"))?;
    app.users().revoke_token(of, &hash).await?;
    Ok(StatusCode::NO_CONTENT)
}
