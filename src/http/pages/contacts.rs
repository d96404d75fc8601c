//! The list of contacts: by name, found by name or address, or of one area.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;

use super::super::App;
use super::super::data::{self, Areas, PAGE_ROWS};
use super::super::fields::Fields;
use super::super::session::Signed;
use super::super::view::{Badge, Chrome, cursor, cursor_text, kind_icon};
use super::{Answer, show};
use crate::domain::comms_issue::{Reachability, reachability};
use crate::domain::{AreaId, Contact, ContactId, MethodState};

/// Contacts shown for a search or an area.
const FOUND_MAX: usize = 200;

struct MethodView {
    icon: &'static str,
    label: String,
    failing: bool,
}

struct Row {
    id: ContactId,
    name: String,
    area: String,
    methods: Vec<MethodView>,
    standing: Option<Badge>,
}

struct AreaOption {
    id: AreaId,
    indented: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "contacts.html")]
struct Page {
    c: Chrome,
    q: String,
    /// The user covers some areas, and whether they are what is shown.
    mine: Option<bool>,
    areas: Vec<AreaOption>,
    rows: Vec<Row>,
    first: String,
    next: String,
}

/// `GET /contacts`; `?q=` searches, `?area=` shows one area with what lies in it.
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let c = Chrome::of(&app, &signed, signed.words.t("contacts.title"), "contacts")?;
    let query = Fields::of_query(&uri);
    let q = query.get("q").trim().to_owned();
    let area: Option<AreaId> = query.get("area").parse().ok();
    let areas = Areas::read(app.repo())?;
    let after = cursor(query.get("after"));
    let covered = areas.covered(&signed.user);
    // Whoever covers some areas sees them first; "all areas" is an empty choice of one.
    let untouched = !query.has("area") && q.is_empty() && after.is_none();
    let mine = !covered.is_empty() && (untouched || query.get("area") == "mine");
    let first = if after.is_some() {
        "/contacts".to_owned()
    } else {
        String::new()
    };
    let mut next = String::new();
    let region = &app.console.settings.default_region;
    let chosen = if mine {
        covered.as_slice()
    } else {
        area.as_slice()
    };
    let found = if !chosen.is_empty() {
        data::contacts_in(app.repo(), &areas.tree, chosen, &q, region, FOUND_MAX)?
    } else if !q.is_empty() {
        data::search(app.repo(), &q, region, FOUND_MAX)?
    } else {
        let page = app.repo().contacts_by_name("", after, PAGE_ROWS)?;
        next = page
            .next
            .map(|key| format!("/contacts?after={}", cursor_text(&key)))
            .unwrap_or_default();
        page.rows
    };
    let rows = found
        .iter()
        .map(|contact| row(&c, &areas, contact))
        .collect();
    let options = areas
        .tree
        .walk()
        .into_iter()
        .map(|(depth, known)| AreaOption {
            id: known.id,
            indented: format!("{}{}", "\u{2003}".repeat(depth), known.name),
            chosen: area == Some(known.id),
        });
    show(&Page {
        mine: (!covered.is_empty()).then_some(mine),
        areas: options.collect(),
        c,
        q,
        rows,
        first,
        next,
    })
}

fn row(c: &Chrome, areas: &Areas, contact: &Contact) -> Row {
    let shown = contact
        .methods
        .iter()
        .filter(|method| method.state != MethodState::Removed);
    let mut methods: Vec<_> = shown.collect();
    methods.sort_by_key(|method| method.kind);
    Row {
        id: contact.id,
        name: contact.full_name(),
        area: areas.name(contact.area).to_owned(),
        methods: methods
            .iter()
            .map(|method| MethodView {
                icon: kind_icon(method.kind),
                label: c.kind(&method.kind),
                failing: method.state == MethodState::Suspended,
            })
            .collect(),
        standing: standing(c, contact),
    }
}

/// What is wrong with reaching a contact, if anything.
pub(super) fn standing(c: &Chrome, contact: &Contact) -> Option<Badge> {
    let (icon, key) = match reachability(contact) {
        Reachability::Fine => return None,
        Reachability::Issue => ("alert", "issue.short"),
        Reachability::Unreachable => ("stop", "issue.unreachable"),
    };
    Some(Badge {
        tone: "bad",
        icon,
        text: c.t(key).to_owned(),
    })
}
