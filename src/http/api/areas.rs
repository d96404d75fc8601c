//! Areas and what they hold.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::super::data::Areas;
use super::body::{Json, field_id};
use super::shape::Made;
use super::{Answer, apart, created};
use crate::domain::{Area, AreaId};

/// An area.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AreaShape {
    id: String,
    /// The area it lies in; null for the largest.
    parent: Option<String>,
    name: String,
    /// How deep it lies; 0 for the largest.
    depth: usize,
    /// People in it and in what lies in it.
    people: u64,
    /// Those of them with a communication issue.
    issues: u64,
}

impl AreaShape {
    pub(super) fn of(areas: &Areas, depth: usize, area: &Area) -> Self {
        let numbers = areas.numbers(area.id);
        Self {
            id: area.id.to_string(),
            parent: area.parent.map(|parent| parent.to_string()),
            name: area.name.clone(),
            depth,
            people: numbers.people,
            issues: numbers.issues,
        }
    }
}

/// All areas, each before what lies in it, with their people and issues.
#[utoipa::path(get, path = "/api/v1/areas", tag = "areas", operation_id = "listAreas",
    responses((status = 200, body = Vec<AreaShape>)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<axum::Json<Vec<AreaShape>>> {
    apart(&app, |app| {
        let areas = Areas::read(app.repo())?;
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

/// Makes an area.
#[utoipa::path(post, path = "/api/v1/areas", tag = "areas", operation_id = "createArea",
    request_body = AreaAsked, responses((status = 201, body = Made)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Json(asked): Json<AreaAsked>,
) -> Answer<Response> {
    let parent: Option<AreaId> = match asked.parent.as_deref() {
        None => None,
        Some(text) => Some(field_id("parent", text)?),
    };
    let made = app.console.tracker.add_area(&asked.name, parent).await?;
    Ok(created(made, "/api/v1/areas"))
}
