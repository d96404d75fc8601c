//! Members with communication issues: area by area, then by first name.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;

use super::super::App;
use super::super::cursor::Cursors;
use super::super::data::{self, Areas, PAGE_ROWS, Part, people};
use super::super::fields::Fields;
use super::super::session::Signed;
use super::super::times::When;
use super::super::view::{Badge, Chrome, failing, kind_icon};
use super::filter_form::{query, with};
use super::{Answer, apart, show};
use crate::domain::comms_issue::Reachability;
use crate::domain::{Access, AreaId, Contact, ContactFilter, ContactId};
use crate::store::{Loaded, NO_AREA};

struct AreaRow {
    id: AreaId,
    name: String,
    issues: Option<u64>,
    people: Option<u64>,
    has_children: bool,
}

struct Member {
    id: ContactId,
    name: String,
    area: String,
    failing: Vec<Badge>,
    /// "suspended 3 times", for those who keep bouncing.
    often: String,
    since: Option<When>,
    /// On the visitor's recipient list.
    listed: bool,
}

/// One of the two lists of an area.
struct List {
    title: String,
    rows: Vec<Member>,
    /// The filter that finds them all.
    query: String,
    first: String,
    next: String,
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
    areas: Vec<AreaRow>,
    issues: Option<List>,
    unreachable: Option<List>,
    back: String,
}

/// `GET /issues`: the largest areas that the user covers; `?area=` what lies in one; `&list=1` its people.
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || {
        let fields = Fields::of_query(&uri);
        let c = Chrome::of(&app, &signed, signed.words.t("issues.title"), "issues")?
            .with_done(fields.get("done"));
        let areas = Areas::within(app.repo(), &signed.access)?;
        let chosen: Option<AreaId> = fields.get("area").parse().ok();
        let covers = |id: &AreaId| {
            areas.tree.get(*id).is_some() || (*id == NO_AREA && signed.access.covers(None))
        };
        let chosen = chosen.filter(covers);
        let own = chosen.is_none() && signed.access.areas.is_some();
        let name = name(&c, &areas, chosen);
        let lister = Lister {
            app: &app,
            c: &c,
            areas: &areas,
            access: &signed.access,
            fields: &fields,
        };
        let (mut issues, mut unreachable) = (None, None);
        let mut back = "/issues".to_owned();
        if let Some(area) = chosen.filter(|_| fields.has("list")) {
            back = format!("/issues?area={area}&list=1#members");
            let title = c.f1("issues.list_title", &name);
            issues = Some(lister.list(area, Reachability::Issue, "after", title)?);
            let title = c.f1("issues.unreachable_title", &name);
            let list = lister.list(area, Reachability::Unreachable, "beyond", title)?;
            unreachable = Some(list).filter(|list| !list.rows.is_empty());
        }
        let above = chosen.map(|id| areas.tree.path(id)).unwrap_or_default();
        let above = above.iter().filter(|area| Some(area.id) != chosen);
        show(&Page {
            path: above
                .map(|area| (format!("/issues?area={}", area.id), area.name.clone()))
                .collect(),
            here: name.clone(),
            areas: area_rows(&c, &areas, &signed.access, chosen),
            own,
            issues,
            unreachable,
            back,
            c,
        })
    })
    .await
}

fn name(c: &Chrome, areas: &Areas, id: Option<AreaId>) -> String {
    if id == Some(NO_AREA) {
        return c.t("issues.no_area").to_owned();
    }
    areas.name(id).to_owned()
}

/// What lies in the chosen area, or the largest.
fn area_rows(c: &Chrome, areas: &Areas, access: &Access, chosen: Option<AreaId>) -> Vec<AreaRow> {
    let children = areas.tree.children(chosen).to_vec();
    let mut shown = if children.is_empty() {
        chosen.into_iter().collect()
    } else {
        children
    };
    let nowhere = areas.numbers(NO_AREA);
    let nowhere = nowhere.map_or_else(|| access.covers(None), |numbers| numbers.people > 0);
    if chosen.is_none() && nowhere {
        shown.push(NO_AREA);
    }
    let row = |id: AreaId| AreaRow {
        id,
        name: name(c, areas, Some(id)),
        issues: areas.numbers(id).map(|numbers| numbers.issues),
        people: areas.numbers(id).map(|numbers| numbers.people),
        has_children: chosen != Some(id) && !areas.tree.children(Some(id)).is_empty(),
    };
    shown.into_iter().map(row).collect()
}

/// Reads and words the lists of an area.
struct Lister<'a> {
    app: &'a App,
    c: &'a Chrome,
    areas: &'a Areas,
    access: &'a Access,
    fields: &'a Fields,
}

impl Lister<'_> {
    /// `place` names the part of the address that says where this list goes on.
    fn list(
        &self,
        area: AreaId,
        reachability: Reachability,
        place: &str,
        title: String,
    ) -> data::Result<List> {
        let filter = ContactFilter {
            areas: vec![area],
            reachability: Some(reachability),
            ..ContactFilter::default()
        };
        let cursors = Cursors::of(self.app, self.access.user, place);
        let after = cursors.place(self.fields.get(place));
        let repo = self.app.repo();
        let region = &self.app.console.settings.default_region;
        let tree = &self.areas.tree;
        let Part { rows, next } = people::found(
            repo,
            tree,
            &filter,
            self.access,
            region,
            after.as_deref(),
            PAGE_ROWS,
        )?;
        let here = format!("/issues?area={area}&list=1#members");
        let next = next.map(|key| with(&here, &format!("{place}={}", cursors.text(&key))));
        let members = rows.iter().map(|contact| self.member(contact));
        Ok(List {
            title,
            rows: members.collect::<data::Result<_>>()?,
            query: query(&filter),
            first: if after.is_some() { here } else { String::new() },
            next: next.unwrap_or_default(),
        })
    }

    fn member(&self, contact: &Loaded<Contact>) -> data::Result<Member> {
        let c = self.c;
        let badge = |method: &crate::domain::Method| Badge {
            tone: "bad",
            icon: kind_icon(method.kind),
            text: c.kind(&method.kind),
        };
        let methods = failing(contact);
        let often = methods.iter().map(|method| method.suspensions).max();
        let listed = self.app.repo().recipient(self.access.user, contact.id)?;
        Ok(Member {
            id: contact.id,
            name: contact.full_name(),
            area: self.areas.name(contact.area).to_owned(),
            often: often
                .filter(|often| *often > 1)
                .map(|often| c.f1("contact.often", often))
                .unwrap_or_default(),
            failing: methods.into_iter().map(badge).collect(),
            since: contact.issue_since.map(|at| c.when(&at)),
            listed: listed.is_some(),
        })
    }
}
