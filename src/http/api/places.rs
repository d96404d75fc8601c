//! Where areas lie, so that alerts of the Common Alerting Protocol find them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::super::webhooks::place_of;
use super::Answer;
use super::body::{Ids, Json, id};
use super::problem::{Problem, wrong_fields};
use crate::domain::outline::Outline;
use crate::domain::{AreaId, AreaPlace};

/// Where an area lies.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceShape {
    /// Polygons as CAP writes them: "latitude,longitude latitude,longitude …" in degrees.
    #[serde(default)]
    outlines: Vec<String>,
    /// Codes with their system: "EMMA_ID=NL001".
    #[serde(default)]
    geocodes: Vec<String>,
}

fn area(app: &App, text: &str) -> Answer<AreaId> {
    let of: AreaId = id(text, "area")?;
    match app.repo().area(of)? {
        Some(_) => Ok(of),
        None => Err(Problem::not_found("area")),
    }
}

/// Where an area lies; empty where nobody has said.
#[utoipa::path(get, path = "/api/v1/areas/{id}/place", tag = "areas",
    operation_id = "getAreaPlace", params(("id" = String, Path)),
    responses((status = 200, body = PlaceShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<PlaceShape>> {
    let place = app.repo().area_place(area(&app, &text)?)?;
    let outlines = place.as_ref().map_or(&[][..], |place| place.outlines());
    Ok(axum::Json(PlaceShape {
        outlines: outlines.iter().map(Outline::text).collect(),
        geocodes: place
            .as_ref()
            .map_or_else(Vec::new, |place| place.geocodes().to_vec()),
    }))
}

/// Says where an area lies. Only for the token of an administrator.
#[utoipa::path(put, path = "/api/v1/areas/{id}/place", tag = "areas",
    operation_id = "putAreaPlace", params(("id" = String, Path)), request_body = PlaceShape,
    responses((status = 204)))]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
    Json(asked): Json<PlaceShape>,
) -> Answer<StatusCode> {
    let of = area(&app, &text)?;
    let outlines = asked.outlines.iter().map(String::as_str);
    let place: AreaPlace = place_of(of, outlines, asked.geocodes)
        .map_err(|problem| Problem::validation(wrong_fields(&[problem])))?;
    app.console.tracker.place_area(&place).await?;
    Ok(StatusCode::NO_CONTENT)
}
