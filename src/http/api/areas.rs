//! Areas and what they hold.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::App;
use super::super::data::Areas;
use super::{Answer, apart};
use crate::domain::Area;

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
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<Json<Vec<AreaShape>>> {
    apart(&app, |app| {
        let areas = Areas::read(app.repo())?;
        let shape = |(depth, area): (usize, &Area)| AreaShape::of(&areas, depth, area);
        Ok(Json(areas.tree.walk().into_iter().map(shape).collect()))
    })
    .await
}
