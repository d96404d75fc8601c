//! Saved filters: whoever they find at the moment of sending can be an audience.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::super::data::Areas;
use super::auth::Caller;
use super::body::{Ids, Json, id};
use super::contacts::{FilterAsked, FilterShape};
use super::groups::NameAsked;
use super::problem::Problem;
use super::shape::{Made, time};
use super::{Answer, apart, created};
use crate::domain::group::FILTERS_MAX;
use crate::domain::{FilterId, SavedFilter};
use crate::store::Loaded;

/// A filter that somebody gave a name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SavedShape {
    id: String,
    name: String,
    /// What contacts must be like.
    filter: FilterShape,
    /// The user who made it.
    by: String,
    created_at: String,
}

impl SavedShape {
    fn of(saved: &SavedFilter) -> Self {
        Self {
            id: saved.id.to_string(),
            name: saved.name.clone(),
            filter: FilterShape::of(&saved.filter),
            by: saved.by.to_string(),
            created_at: time(saved.created_at),
        }
    }
}

fn saved(app: &App, text: &str) -> Answer<Loaded<SavedFilter>> {
    let of: FilterId = id(text, "filter")?;
    let found = app.repo().filter(of)?;
    found.ok_or_else(|| Problem::not_found("filter"))
}

/// All saved filters, by name.
#[utoipa::path(get, path = "/api/v1/filters", tag = "filters", operation_id = "listFilters",
    responses((status = 200, body = Vec<SavedShape>)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<axum::Json<Vec<SavedShape>>> {
    apart(&app, |app| {
        let mut all = app.repo().filters(FILTERS_MAX)?;
        all.sort_by_cached_key(|one| one.name.to_lowercase());
        Ok(axum::Json(
            all.iter().map(|one| SavedShape::of(one)).collect(),
        ))
    })
    .await
}

/// A filter with its name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SaveAsked {
    name: String,
    filter: FilterAsked,
}

/// Keeps a filter.
#[utoipa::path(post, path = "/api/v1/filters", tag = "filters", operation_id = "saveFilter",
    request_body = SaveAsked, responses((status = 201, body = Made)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(asked): Json<SaveAsked>,
) -> Answer<Response> {
    let filter = asked.filter;
    let filter = apart(&app, move |app| filter.read(&Areas::read(app.repo())?)).await?;
    let tracker = &app.console.tracker;
    let made = tracker
        .save_filter(&asked.name, &filter, caller.user.id)
        .await?;
    Ok(created(made, "/api/v1/filters"))
}

/// One saved filter.
#[utoipa::path(get, path = "/api/v1/filters/{id}", tag = "filters", operation_id = "getFilter",
    params(("id" = String, Path)), responses((status = 200, body = SavedShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<SavedShape>> {
    Ok(axum::Json(SavedShape::of(&saved(&app, &text)?.value)))
}

/// Gives a filter another name.
#[utoipa::path(put, path = "/api/v1/filters/{id}", tag = "filters",
    operation_id = "renameFilter", params(("id" = String, Path)), request_body = NameAsked,
    responses((status = 204)))]
pub(super) async fn rename(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
    Json(asked): Json<NameAsked>,
) -> Answer<StatusCode> {
    let of = saved(&app, &text)?.id;
    app.console.tracker.rename_filter(of, &asked.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a filter away. Drafts that use it can be sent once another audience has been chosen;
/// what is scheduled goes out without the people it finds.
#[utoipa::path(delete, path = "/api/v1/filters/{id}", tag = "filters",
    operation_id = "deleteFilter", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of = saved(&app, &text)?.id;
    app.console.tracker.delete_filter(of).await?;
    Ok(StatusCode::NO_CONTENT)
}
