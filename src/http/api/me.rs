//! The user whose token it is, and what users set for themselves.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::super::pages::{hashed, is_mine, is_zone};
use super::super::words::Words;
use super::Answer;
use super::auth::Caller;
use super::body::Json;
use super::contact_details::{given, value};
use super::problem::Problem;
use crate::domain::user::{display_name, password_problem};
use crate::domain::{EmailAddress, Permission, Permissions, PhoneNumber, Redacted, Sentence, User};
use crate::tracker::SettingsChanges;

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
    /// Language of pages (ISO 639-1); null for the installation's.
    language: Option<String>,
    /// Zone of times, as "Europe/Paris"; null for the installation's.
    time_zone: Option<String>,
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
            language: user.language.clone(),
            time_zone: user.time_zone.clone(),
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
    /// Name that others see.
    #[serde(default, deserialize_with = "value")]
    #[schema(value_type = String)]
    name: Option<String>,
    /// Language of pages (ISO 639-1); null for the installation's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    language: Option<Option<String>>,
    /// Zone of times, as "Europe/Paris"; null for the installation's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    time_zone: Option<Option<String>>,
    /// Where trials and notices go; null for nowhere.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    /// Where trials of texts and calls go; null for nowhere.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    mobile: Option<Option<String>>,
    /// Told by mail when a reply has come in.
    #[serde(default, deserialize_with = "value")]
    #[schema(value_type = bool)]
    notify_replies: Option<bool>,
}

impl UserChanges {
    fn read(self, app: &App) -> Answer<SettingsChanges> {
        let name = self.name.as_deref().map(display_name).transpose();
        let language = self.language.as_ref().and_then(Option::as_deref);
        if language.is_some_and(|code| Words::known(code).is_none()) {
            return Err(Problem::field("language", "There is no such language."));
        }
        let zone = self.time_zone.as_ref().and_then(Option::as_deref);
        if zone.is_some_and(|zone| !is_zone(zone)) {
            return Err(Problem::field("time_zone", "There is no such zone."));
        }
        let email = self.email.as_ref();
        let mobile = self.mobile.as_ref();
        Ok(SettingsChanges {
            name: name.map_err(|why| Problem::field("name", why.to_string()))?,
            email: email.map(|text| address(text.as_deref())).transpose()?,
            mobile: mobile
                .map(|text| number(app, text.as_deref()))
                .transpose()?,
            language: self.language,
            time_zone: self.time_zone,
            notify_replies: self.notify_replies,
        })
    }
}

/// Changes what the user of the token has set: name, language, zone, where notices and trials go,
/// and whether replies are told.
#[utoipa::path(patch, path = "/api/v1/me", tag = "me", operation_id = "amendMe",
    request_body = UserChanges, responses((status = 204)))]
pub(super) async fn amend(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(changes): Json<UserChanges>,
) -> Answer<StatusCode> {
    let changes = changes.read(&app)?;
    app.users().amend_settings(caller.user.id, &changes).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn address(text: Option<&str>) -> Answer<Option<EmailAddress>> {
    let read = text
        .map(|text| EmailAddress::parse(text.trim()))
        .transpose();
    read.map_err(|error| Problem::field("email", Sentence::from(&error).to_string()))
}

fn number(app: &App, text: Option<&str>) -> Answer<Option<PhoneNumber>> {
    let region = &app.console.settings.default_region;
    let read = text.map(|text| PhoneNumber::parse(text, region));
    let read = read.transpose();
    read.map_err(|error| Problem::field("mobile", Sentence::from(&error).to_string()))
}

/// A password in the place of another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnPasswordAsked {
    /// The one that holds now.
    old: String,
    /// The one that is to hold.
    new: String,
}

/// Changes the password of the token's user, who says the one that holds now; trying many has to
/// wait. All of the user's sessions end; tokens go on.
#[utoipa::path(put, path = "/api/v1/me/password", tag = "me", operation_id = "changeMyPassword",
    request_body = OwnPasswordAsked, responses((status = 204)))]
pub(super) async fn password(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(asked): Json<OwnPasswordAsked>,
) -> Answer<StatusCode> {
    if let Some(problem) = password_problem(&asked.new) {
        return Err(Problem::field("new", problem.to_string()));
    }
    if !is_mine(&app, &caller.user, &asked.old).await? {
        return Err(Problem::field("old", "This is not your password."));
    }
    let hash = hashed(&app, &asked.new, caller.user.role).await?;
    app.users()
        .set_password(caller.user.id, &hash, None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
