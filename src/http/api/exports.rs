//! The Excel files of the console, for programs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;

use super::super::App;
use super::super::fields::Fields;
use super::super::pages::exports;
use super::super::view::zone_of_user;
use super::super::words::Words;
use super::Answer;
use super::auth::Caller;
use super::body::Ids;
use super::communications::sent;
use crate::domain::User;

fn words(app: &App, user: &User) -> &'static Words {
    let chosen = user.language.as_deref().and_then(Words::known);
    chosen.unwrap_or(app.default_words)
}

/// Every person of a communication, by first name, as `statisticsAlert.xlsx`: first name, last
/// name, email, telephone, and whether they were reached ("joined").
#[utoipa::path(get, path = "/api/v1/communications/{id}/statisticsAlert.xlsx", tag = "statistics",
    operation_id = "exportStatistics", params(("id" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type =
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))]
pub(super) async fn statistics(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<Response> {
    sent(&app, &text)?;
    let zone = zone_of_user(&app, &caller.user);
    Ok(exports::statistics_file(&app, words(&app, &caller.user), zone, &text).await?)
}

/// The communications log as `CommunicationsLog` followed by the date. Takes what the console's
/// log takes: `when` (this-week, last-week, this-month, custom, all), `from` and `to` as days
/// for custom, `type`, `status` and `communication`.
#[utoipa::path(get, path = "/api/v1/log/export", tag = "log", operation_id = "exportLog",
    params(
        ("when" = Option<String>, Query), ("from" = Option<String>, Query),
        ("to" = Option<String>, Query), ("type" = Option<String>, Query),
        ("status" = Option<String>, Query), ("communication" = Option<String>, Query)
    ),
    responses((status = 200, body = Vec<u8>, content_type =
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))]
pub(super) async fn log(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Answer<Response> {
    let zone = zone_of_user(&app, &caller.user);
    let fields = Fields::of_query(&uri);
    Ok(exports::log_file(&app, words(&app, &caller.user), zone, &fields).await?)
}
