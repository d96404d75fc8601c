//! Areas and what they hold.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::data::Areas;
use super::auth::Caller;
use super::body::{Asked, Ids, Json, field_id, id};
use super::shape::Made;
use super::{Answer, apart, created};
use crate::domain::{Actor, Area, AreaId};

/// An area.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AreaShape {
    id: String,
    /// The area it lies in; null for the largest.
    parent: Option<String>,
    name: String,
    /// How deep it lies; 0 for the largest.
    depth: usize,
    /// People in it and in what lies in it; null for whoever does not see all of them.
    people: Option<u64>,
    /// Those of them with a communication issue.
    issues: Option<u64>,
}

impl AreaShape {
    pub(super) fn of(areas: &Areas, depth: usize, area: &Area) -> Self {
        let numbers = areas.numbers(area.id);
        Self {
            id: area.id.to_string(),
            parent: area.parent.map(|parent| parent.to_string()),
            name: area.name.clone(),
            depth,
            people: numbers.map(|numbers| numbers.people),
            issues: numbers.map(|numbers| numbers.issues),
        }
    }
}

/// All areas, each before what lies in it, with their people and issues.
#[utoipa::path(get, path = "/api/v1/areas", tag = "areas", operation_id = "listAreas",
    responses((status = 200, body = Vec<AreaShape>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Answer<axum::Json<Vec<AreaShape>>> {
    apart(&app, move |app| {
        let areas = Areas::within(app.repo(), &caller.access)?;
        let shape = |(depth, area): (usize, &Area)| AreaShape::of(&areas, depth, area);
        Ok(axum::Json(
            areas.tree.walk().into_iter().map(shape).collect(),
        ))
    })
    .await
}

/// A new area.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AreaAsked {
    name: String,
    /// The area it lies in; null or left out for a largest one.
    parent: Option<String>,
}

impl AreaAsked {
    fn parent(&self) -> Answer<Option<AreaId>> {
        let parent = self.parent.as_deref();
        parent.map(|text| field_id("parent", text)).transpose()
    }
}

/// Makes an area. Only for the token of an administrator.
#[utoipa::path(post, path = "/api/v1/areas", tag = "areas", operation_id = "createArea",
    request_body = AreaAsked, responses((status = 201, body = Made)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Json(asked): Json<AreaAsked>,
) -> Answer<Response> {
    let parent = asked.parent()?;
    let made = app.console.tracker.add_area(&asked.name, parent).await?;
    Ok(created(made, "/api/v1/areas"))
}

/// Gives an area another name or place. Only for the token of an administrator.
#[utoipa::path(put, path = "/api/v1/areas/{id}", tag = "areas", operation_id = "changeArea",
    params(("id" = String, Path)), request_body = AreaAsked, responses((status = 204)))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
    Json(asked): Json<AreaAsked>,
) -> Answer<StatusCode> {
    let of: AreaId = id(&text, "area")?;
    let parent = asked.parent()?;
    let tracker = &app.console.tracker;
    tracker.change_area(of, &asked.name, parent).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where the people of an area go when it is taken away.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct IntoAsked {
    /// Another area; to none when it is not given.
    into: Option<String>,
}

/// Takes an area away in which no others lie. What is scheduled and leaves it out is a draft
/// again. Only for the token of an administrator.
#[utoipa::path(delete, path = "/api/v1/areas/{id}", tag = "areas", operation_id = "deleteArea",
    params(("id" = String, Path), IntoAsked), responses((status = 204)))]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Asked(asked): Asked<IntoAsked>,
) -> Answer<StatusCode> {
    let of: AreaId = id(&text, "area")?;
    let into = asked.into.as_deref();
    let into = into.map(|text| field_id("into", text)).transpose()?;
    if app.repo().area(of)?.is_none() {
        return Err(super::problem::Problem::not_found("area"));
    }
    let by = Actor::Program(caller.user.id);
    app.console.submit.delete_area(of, into, by).await?;
    Ok(StatusCode::NO_CONTENT)
}
