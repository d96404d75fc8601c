//! The areas there are.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;

use super::super::App;
use super::super::data::Areas;
use super::super::session::Signed;
use super::super::view::Chrome;
use super::{Answer, show};
use crate::domain::AreaId;

struct AreaRow {
    id: AreaId,
    name: String,
    depth: usize,
    people: u64,
    issues: u64,
}

#[derive(Template)]
#[template(path = "areas.html")]
struct AreasPage {
    c: Chrome,
    areas: Vec<AreaRow>,
}

/// `GET /areas`
pub(super) async fn areas(State(app): State<Arc<App>>, signed: Signed) -> Answer {
    let c = Chrome::of(&app, &signed, signed.words.t("areas.title"), "areas")?;
    let areas = Areas::read(app.repo())?;
    let row = |(depth, area): (usize, &crate::domain::Area)| AreaRow {
        id: area.id,
        name: area.name.clone(),
        depth: depth.min(4),
        people: areas.numbers(area.id).people,
        issues: areas.numbers(area.id).issues,
    };
    let areas = areas.tree.walk().into_iter().map(row).collect();
    show(&AreasPage { c, areas })
}
