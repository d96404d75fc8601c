//! The user whose token it is, and what users set for themselves.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::Answer;
use super::auth::Caller;
use super::body::Json;
use super::contact_details::{given, value};
use super::problem::Problem;
use crate::domain::{EmailAddress, Permission, Permissions, Redacted, Sentence, User};

/// The user whose token it is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserShape {
    id: String,
    login: String,
    name: String,
    /// administrator, approver, operator, auditor, viewer or application.
    role: &'static str,
    /// Areas this user covers; empty for all.
    areas: Vec<String>,
    /// Which cases this user sees: all, own (those that name the user) or none.
    cases: &'static str,
    /// What may be done: of the token that asks, what it may; of others, what their role may.
    may: Vec<&'static str>,
    /// Where trials and notices go.
    email: Option<String>,
    /// Where trials of texts and calls go.
    mobile: Option<String>,
    /// Told by mail, with a link to the conversation, when a reply has come in.
    notify_replies: bool,
    /// May not log in any more.
    disabled: bool,
    /// Whether a login asks for a code, too; tokens are never asked for one.
    second_factor: bool,
}

impl UserShape {
    pub(super) fn of(user: &User, may: Permissions) -> Self {
        let email = user.email.as_ref().map(Redacted::reveal);
        let mobile = user.mobile.as_ref().map(Redacted::reveal);
        Self {
            id: user.id.to_string(),
            login: user.login.clone(),
            name: user.name.clone(),
            role: user.role.as_str(),
            areas: user.areas.iter().map(ToString::to_string).collect(),
            cases: user.case_scope.as_str(),
            may: may.iter().map(Permission::as_str).collect(),
            disabled: user.disabled,
            second_factor: user.second_factor.is_some(),
            email: email.map(|one| one.as_str().to_owned()),
            mobile: mobile.map(|one| one.as_str().to_owned()),
            notify_replies: user.notify_replies,
        }
    }
}

/// The user whose token it is.
#[utoipa::path(get, path = "/api/v1/me", tag = "me", operation_id = "getMe",
    responses((status = 200, body = UserShape)))]
pub(super) async fn get(caller: Caller) -> axum::Json<UserShape> {
    axum::Json(UserShape::of(&caller.user, caller.access.permissions))
}

/// What users set for themselves. Whatever is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserChanges {
    /// Where trials and notices go; null for nowhere.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    /// Told by mail when a reply has come in.
    #[serde(default, deserialize_with = "value")]
    #[schema(value_type = bool)]
    notify_replies: Option<bool>,
}

/// Changes what the user of the token has set: where notices go, and whether replies are told.
#[utoipa::path(patch, path = "/api/v1/me", tag = "me", operation_id = "amendMe",
    request_body = UserChanges, responses((status = 204)))]
pub(super) async fn amend(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(changes): Json<UserChanges>,
) -> Answer<StatusCode> {
    let email = changes.email.as_ref();
    let email = email.map(|text| address(text.as_deref())).transpose()?;
    let (users, user) = (app.users(), caller.user.id);
    users
        .change_notices(user, email, changes.notify_replies)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn address(text: Option<&str>) -> Answer<Option<EmailAddress>> {
    let read = text
        .map(|text| EmailAddress::parse(text.trim()))
        .transpose();
    read.map_err(|error| Problem::field("email", Sentence::from(&error).to_string()))
}
