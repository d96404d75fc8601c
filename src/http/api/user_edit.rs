//! Users added, kept out and let in again, with new passwords, by administrators.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::App;
use super::super::pages::hashed;
use super::auth::Caller;
use super::body::{Ids, Json};
use super::me::address;
use super::problem::Problem;
use super::shape::Made;
use super::users::{areas, cases, user};
use super::{Answer, apart, created};
use crate::domain::user::{display_name, login_name, password_problem};
use crate::domain::{CaseScope, Role};
use crate::tracker::{NewUser, UserError};

/// Somebody who is to log in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUserAsked {
    /// Name to log in by.
    login: String,
    /// Name that others see.
    name: String,
    /// administrator, approver, operator, auditor or viewer.
    role: String,
    /// The first password.
    password: String,
    /// Areas this user covers; empty for all.
    #[serde(default)]
    areas: Vec<String>,
    /// Which cases this user sees: all (when it is not given), own or none.
    #[serde(default)]
    cases: Option<String>,
    /// Where trials and notices go.
    #[serde(default)]
    email: Option<String>,
}

fn checked(field: &str, password: &str) -> Answer<()> {
    match password_problem(password) {
        Some(problem) => Err(Problem::field(field, problem.to_string())),
        None => Ok(()),
    }
}

/// Adds somebody who may log in. Accounts of applications are made on the command line.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", operation_id = "createUser",
    request_body = NewUserAsked, responses((status = 201, body = Made)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Json(asked): Json<NewUserAsked>,
) -> Answer<Response> {
    let login = login_name(&asked.login);
    let login = login.map_err(|why| Problem::field("login", why.to_string()))?;
    let name = display_name(&asked.name);
    let name = name.map_err(|why| Problem::field("name", why.to_string()))?;
    let mut staff = Role::ALL.into_iter().filter(|role| role.is_staff());
    let role = staff.find(|role| role.as_str() == asked.role);
    let role = role.ok_or_else(|| Problem::field("role", "There is no such role."))?;
    checked("password", &asked.password)?;
    let new = NewUser {
        login,
        name,
        role,
        areas: areas(&asked.areas)?,
        case_scope: asked.cases.as_deref().map_or(Ok(CaseScope::All), cases)?,
        email: address(asked.email.as_deref())?,
        password_hash: hashed(&app, &asked.password, role).await?,
    };
    match app.users().add(new).await {
        Ok(made) => Ok(created(made, "/api/v1/users")),
        Err(UserError::Taken) => {
            let detail = "Somebody has this login name.";
            Err(Problem::field("login", detail))
        }
        Err(error) => Err(error.into()),
    }
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordAsked {
    password: String,
}

/// Gives another user a new password. All of the user's sessions end; tokens go on. One's own is
/// changed at `/me/password`, which asks for the old one.
#[utoipa::path(put, path = "/api/v1/users/{id}/password", tag = "users",
    operation_id = "setPassword", params(("id" = String, Path)), request_body = PasswordAsked,
    responses((status = 204)))]
pub(super) async fn password(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<PasswordAsked>,
) -> Answer<StatusCode> {
    let of = apart(&app, move |app| user(app, &text)).await?;
    let (of, role) = (of.id, of.role);
    if of == caller.user.id {
        let detail = "Your own password is changed at /me/password.";
        return Err(Problem::conflict("yourself", detail));
    }
    checked("password", &asked.password)?;
    let hash = hashed(&app, &asked.password, role).await?;
    app.users().set_password(of, &hash, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn switched(
    app: &Arc<App>,
    caller: &Caller,
    text: String,
    disabled: bool,
) -> Answer<StatusCode> {
    let of = apart(app, move |app| user(app, &text)).await?.id;
    let by = Some(caller.user.id);
    match app.users().set_disabled(of, disabled, by).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error @ (UserError::LastAdministrator | UserError::Yourself)) => {
            Err(Problem::conflict("role", error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Keeps a user from logging in, and the user's programs out. The sessions end.
#[utoipa::path(post, path = "/api/v1/users/{id}/disable", tag = "users",
    operation_id = "disableUser", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn disable(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    switched(&app, &caller, text, true).await
}

/// Lets a user log in again.
#[utoipa::path(post, path = "/api/v1/users/{id}/enable", tag = "users",
    operation_id = "enableUser", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn enable(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    switched(&app, &caller, text, false).await
}
