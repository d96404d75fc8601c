//! Which of our areas an alert is for: by name, by code, or by where they lie.

use std::collections::{HashMap, HashSet};

use super::super::super::App;
use super::super::Answer;
use super::super::problem::Problem;
use crate::domain::communication::AUDIENCE_PICKS_MAX;
use crate::domain::fold::fold;
use crate::domain::outline::{Outline, Outlines, point};
use crate::domain::{Area, AreaId, AreaTree, ContactId};
use crate::proto::cap::CapArea;

/// Contacts read at a time.
const PAGE: usize = 1_000;

/// Whom an alert is for.
#[derive(Debug, Default)]
pub(super) struct Whom {
    /// Everybody in these areas and what lies in them.
    pub(super) areas: Vec<AreaId>,
    /// These people, beside them.
    pub(super) people: Vec<ContactId>,
    /// Elements that could not be understood, where others could.
    pub(super) passed_over: Vec<&'static str>,
}

/// The people that it is for; nobody is a problem.
///
/// A name or a code means an area with all that lies in it. A shape means the smallest areas of
/// which we know where they lie: a county around a street is not told because of the street, but
/// those of its people who are in no smaller area that lies somewhere are.
pub(super) fn whom(app: &App, asked: &[CapArea]) -> Answer<Whom> {
    let tree = app.repo().areas()?;
    let places = app.repo().area_places()?;
    let known: Vec<&Area> = tree.walk().into_iter().map(|(_, area)| area).collect();
    let mut named: HashSet<AreaId> = HashSet::new();
    for area in asked {
        named.extend(by_name(&known, area));
        for code in &area.geocodes {
            let code = format!("{}={}", code.name, code.value);
            let holds = places
                .iter()
                .filter(|place| place.geocodes().contains(&code));
            named.extend(holds.map(|place| place.area()));
        }
    }
    let mut passed_over = Vec::new();
    let shapes = shapes(asked, &mut passed_over);
    let placed = places.iter().filter(|place| !place.outlines().is_empty());
    let meets: HashMap<AreaId, bool> = placed
        .map(|place| {
            let meets = place.outlines().iter().any(|outline| shapes.meet(outline));
            (place.area(), meets)
        })
        .collect();
    let mut whom = reached(app, &tree, &named, &meets)?;
    if whom.areas.is_empty() && whom.people.is_empty() {
        return Err(nobody(&passed_over));
    }
    whom.passed_over = passed_over;
    Ok(whom)
}

fn nobody(passed_over: &[&'static str]) -> Problem {
    match passed_over.first().copied() {
        Some("circle") => Problem::field("circle", "This is no circle around a point."),
        Some(shape) => Problem::field(shape, "This is no outline of three points or more."),
        None => {
            let why = "None of our areas has this name or code, or lies there.";
            Problem::field("area", why)
        }
    }
}

/// Every area is for itself: named, or below one that is; or, by the shapes, met, or below one
/// that is met and nothing smaller says otherwise. Where all below an area are told it stands for
/// them, and of the others the people are taken one by one.
fn reached(
    app: &App,
    tree: &AreaTree,
    named: &HashSet<AreaId>,
    meets: &HashMap<AreaId, bool>,
) -> Answer<Whom> {
    let walk = tree.walk();
    let mut above: Vec<(bool, bool)> = Vec::new();
    let mut told: HashSet<AreaId> = HashSet::new();
    for (depth, area) in &walk {
        above.truncate(*depth);
        let (by_name, met) = above.last().copied().unwrap_or_default();
        let by_name = by_name || named.contains(&area.id);
        let met = meets.get(&area.id).copied().unwrap_or(met);
        above.push((by_name, met));
        if by_name || met {
            told.insert(area.id);
        }
    }
    let mut whole: HashSet<AreaId> = HashSet::new();
    for (_, area) in walk.iter().rev() {
        let mut below = tree.children(Some(area.id)).iter();
        if told.contains(&area.id) && below.all(|area| whole.contains(area)) {
            whole.insert(area.id);
        }
    }
    let is_top = |area: &Area| area.parent.is_none_or(|above| !whole.contains(&above));
    let all = walk.iter().map(|(_, area)| *area);
    let mut areas: Vec<AreaId> = all
        .clone()
        .filter(|area| whole.contains(&area.id) && is_top(area))
        .map(|area| area.id)
        .collect();
    // More than an audience can name: everybody by name.
    if areas.len() > AUDIENCE_PICKS_MAX {
        areas.clear();
        whole.clear();
    }
    let mut people = Vec::new();
    for area in all.filter(|area| told.contains(&area.id) && !whole.contains(&area.id)) {
        own_people(app, area.id, &mut people)?;
    }
    people.sort_unstable();
    people.dedup();
    Ok(Whom {
        areas,
        people,
        passed_over: Vec::new(),
    })
}

/// Those of an area itself.
fn own_people(app: &App, area: AreaId, into: &mut Vec<ContactId>) -> Answer<()> {
    let mut after = None;
    loop {
        let page = app.repo().contact_ids_in_area(area, after, PAGE)?;
        into.extend(page.rows);
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
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

/// The shapes that can be understood; the others are named. Too many points are made fewer by
/// drawing around them.
fn shapes(asked: &[CapArea], passed_over: &mut Vec<&'static str>) -> Outlines {
    let mut shapes = Outlines::default();
    let mut add = |outline: Option<Outline>, element| {
        let added = outline.is_some_and(|outline| {
            let simpler = outline.simpler();
            shapes.add(outline) || simpler.is_some_and(|simpler| shapes.add(simpler))
        });
        if !added && !passed_over.contains(&element) {
            passed_over.push(element);
        }
    };
    for area in asked {
        for text in &area.polygons {
            add(Outline::parse_around(text), "polygon");
        }
        for text in &area.circles {
            add(circle(text), "circle");
        }
    }
    shapes
}

fn circle(text: &str) -> Option<Outline> {
    let (centre, km) = text.trim().rsplit_once(char::is_whitespace)?;
    Outline::circle(point(centre)?, km.parse().ok()?)
}
