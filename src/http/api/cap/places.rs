//! Which of our areas an alert is for: by name, by code, or by where they lie.

use std::collections::BTreeSet;

use super::super::super::App;
use super::super::Answer;
use super::super::problem::Problem;
use crate::domain::fold::fold;
use crate::domain::outline::{Outline, Outlines, point};
use crate::domain::{Area, AreaId};
use crate::proto::cap::{CapArea, Info};

/// The areas that it is for; none is a problem.
pub(super) fn areas(app: &App, info: &Info) -> Answer<Vec<AreaId>> {
    let tree = app.repo().areas()?;
    let known: Vec<&Area> = tree.walk().into_iter().map(|(_, area)| area).collect();
    let places = app.repo().area_places()?;
    let mut shapes = Outlines::default();
    let mut found = BTreeSet::new();
    for area in &info.areas {
        found.extend(by_name(&known, area));
        for code in &area.geocodes {
            let code = format!("{}={}", code.name, code.value);
            let holds = places
                .iter()
                .filter(|place| place.geocodes().contains(&code));
            found.extend(holds.map(|place| place.area()));
        }
        for outline in outlines(area)? {
            if !shapes.add(outline) {
                return Err(Problem::field("polygon", "There are too many points."));
            }
        }
    }
    for place in &places {
        if place.outlines().iter().any(|outline| shapes.meet(outline)) {
            found.insert(place.area());
        }
    }
    if found.is_empty() {
        let why = "None of our areas has this name or code, or lies there.";
        return Err(Problem::field("area", why));
    }
    Ok(found.into_iter().collect())
}

/// Descriptions often name several, with semicolons between them.
fn by_name<'a>(known: &'a [&Area], area: &'a CapArea) -> impl Iterator<Item = AreaId> + 'a {
    let names = area.description.split(';').map(fold);
    names.flat_map(move |name| {
        let name = name.trim().to_owned();
        let same = move |area: &&&Area| fold(&area.name).trim() == name;
        known
            .iter()
            .filter(same)
            .map(|area| area.id)
            .collect::<Vec<_>>()
    })
}

fn outlines(area: &CapArea) -> Answer<Vec<Outline>> {
    let polygons = area.polygons.iter().map(|text| {
        let wrong = || Problem::field("polygon", "This is no outline of three points or more.");
        Outline::parse(text).ok_or_else(wrong)
    });
    let circles = area.circles.iter().map(|text| {
        let wrong = || Problem::field("circle", "This is no circle around a point.");
        circle(text).ok_or_else(wrong)
    });
    polygons.chain(circles).collect()
}

fn circle(text: &str) -> Option<Outline> {
    let (centre, km) = text.trim().split_once(' ')?;
    Outline::circle(point(centre)?, km.trim().parse().ok()?)
}
