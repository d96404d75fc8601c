//! Members with communication issues: area by area, then by first name.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;

use super::super::App;
use super::super::data::{self, Areas};
use super::super::fields::Fields;
use super::super::session::Signed;
use super::super::times::When;
use super::super::view::{Badge, Chrome, failing, kind_icon};
use super::{Answer, show};
use crate::domain::{AreaId, Contact, ContactId};
use crate::store::{Loaded, NO_AREA};

/// People listed at a time.
const LISTED_MAX: usize = 500;

struct AreaRow {
    id: AreaId,
    name: String,
    issues: u64,
    people: u64,
    has_children: bool,
}

struct Member {
    id: ContactId,
    name: String,
    area: String,
    failing: Vec<Badge>,
    since: Option<When>,
}

#[derive(Template)]
#[template(path = "issues.html")]
struct Page {
    c: Chrome,
    /// The areas above this one, with their addresses.
    path: Vec<(String, String)>,
    here: String,
    /// Only what the user covers is shown.
    own: bool,
    /// The user covers some areas, and all are shown.
    all: bool,
    areas: Vec<AreaRow>,
    listed: bool,
    list_title: String,
    rows: Vec<Member>,
    unreachable_title: String,
    unreachable: Vec<Member>,
}

/// `GET /issues`: the areas the user covers, or the largest (`?all=1`); `?area=` what lies in one; `&list=1` its people.
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let c = Chrome::of(&app, &signed, signed.words.t("issues.title"), "issues")?;
    let query = Fields::of_query(&uri);
    let areas = Areas::read(app.repo())?;
    let chosen: Option<AreaId> = query.get("area").parse().ok();
    let chosen = chosen.filter(|id| *id == NO_AREA || areas.tree.get(*id).is_some());
    let covered = areas.covered(&signed.user);
    let all = chosen.is_none() && !covered.is_empty() && query.has("all");
    let own = chosen.is_none() && !covered.is_empty() && !all;
    let listed = chosen.is_some() && query.has("list");
    let (issues, unreachable) = match chosen.filter(|_| listed) {
        Some(area) => (
            data::issues_in(app.repo(), &areas.tree, area, LISTED_MAX)?,
            data::unreachable_in(app.repo(), &areas.tree, area, LISTED_MAX)?,
        ),
        None => (Vec::new(), Vec::new()),
    };
    let name = name(&c, &areas, chosen);
    let above = chosen.map(|id| areas.tree.path(id)).unwrap_or_default();
    let above = above.iter().filter(|area| Some(area.id) != chosen);
    show(&Page {
        path: above
            .map(|area| (format!("/issues?area={}", area.id), area.name.clone()))
            .collect(),
        here: name.clone(),
        areas: area_rows(&c, &areas, chosen, if own { &covered } else { &[] }),
        own,
        all,
        listed,
        list_title: c.f1("issues.list_title", &name),
        rows: members(&c, &areas, &issues),
        unreachable_title: c.f1("issues.unreachable_title", &name),
        unreachable: members(&c, &areas, &unreachable),
        c,
    })
}

fn name(c: &Chrome, areas: &Areas, id: Option<AreaId>) -> String {
    if id == Some(NO_AREA) {
        return c.t("issues.no_area").to_owned();
    }
    areas.name(id).to_owned()
}

/// What lies in the chosen area, or the user's own areas.
fn area_rows(c: &Chrome, areas: &Areas, chosen: Option<AreaId>, own: &[AreaId]) -> Vec<AreaRow> {
    let children = if own.is_empty() {
        areas.tree.children(chosen).to_vec()
    } else {
        own.to_vec()
    };
    let mut shown = if children.is_empty() {
        chosen.into_iter().collect()
    } else {
        children
    };
    if chosen.is_none() && own.is_empty() && areas.numbers(NO_AREA).people > 0 {
        shown.push(NO_AREA);
    }
    let row = |id: AreaId| AreaRow {
        id,
        name: name(c, areas, Some(id)),
        issues: areas.numbers(id).issues,
        people: areas.numbers(id).people,
        has_children: chosen != Some(id) && !areas.tree.children(Some(id)).is_empty(),
    };
    shown.into_iter().map(row).collect()
}

fn members(c: &Chrome, areas: &Areas, contacts: &[Loaded<Contact>]) -> Vec<Member> {
    let members = contacts.iter().map(|contact| member(c, areas, contact));
    members.collect()
}

fn member(c: &Chrome, areas: &Areas, contact: &Contact) -> Member {
    let badge = |method: &crate::domain::Method| Badge {
        tone: "bad",
        icon: kind_icon(method.kind),
        text: c.kind(&method.kind),
    };
    Member {
        id: contact.id,
        name: contact.full_name(),
        area: areas.name(contact.area).to_owned(),
        failing: failing(contact).into_iter().map(badge).collect(),
        since: contact.issue_since.map(|at| c.when(&at)),
    }
}
