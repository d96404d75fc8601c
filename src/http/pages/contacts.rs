//! The list of contacts: found by what they are, put on lists, filters kept.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;

use super::super::App;
use super::super::cursor::Cursors;
use super::super::data::{self, Areas, PAGE_ROWS, people};
use super::super::fields::Fields;
use super::super::session::Signed;
use super::super::view::{Badge, Chrome, kind_icon};
use super::contact_edit::{Choice, area_choices};
use super::filter_form::{self, REACH, STATES, query, read};
use super::sorting::{SortHead, by_name};
use super::{Answer, show};
use crate::domain::comms_issue::{Reachability, reachability};
use crate::domain::group::{FILTERS_MAX, GROUPS_MAX};
use crate::domain::{
    Contact, ContactFilter, ContactId, ContactKind, MethodKind, MethodState, UserId,
};
use crate::store::{Loaded, Order};

/// Saved filters offered above the list.
const FILTERS_SHOWN: usize = 12;

pub(super) struct MethodView {
    pub(super) icon: &'static str,
    pub(super) label: String,
    pub(super) failing: bool,
}

/// A contact in a list.
pub(super) struct Row {
    pub(super) id: ContactId,
    pub(super) name: String,
    pub(super) area: String,
    pub(super) methods: Vec<MethodView>,
    pub(super) standing: Option<Badge>,
    /// On the visitor's recipient list.
    pub(super) listed: bool,
}

struct FilterLink {
    name: String,
    href: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "contacts.html")]
struct Page {
    c: Chrome,
    f: ContactFilter,
    field: (String, String),
    more: bool,
    areas: Vec<Choice>,
    kinds: Vec<Choice>,
    groups: Vec<Choice>,
    has: Vec<Choice>,
    states: Vec<Choice>,
    reach: Vec<Choice>,
    saved: Vec<FilterLink>,
    query: String,
    back: String,
    rows: Vec<Row>,
    sort: SortHead,
    first: String,
    next: String,
    listed: u64,
}

/// `GET /contacts`; a filter stands in the address.
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let fields = Fields::of_query(&uri);
    let c = Chrome::of(&app, &signed, signed.words.t("contacts.title"), "contacts")?
        .with_done(fields.get("done"));
    let filter = read(&fields);
    let areas = Areas::within(app.repo(), &signed.access)?;
    let cursors = Cursors::of(&app, signed.user.id, "/contacts");
    let after = cursors.place(fields.get("after"));
    let wanted = query(&filter);
    let unsorted = format!("/contacts?{wanted}");
    let unsorted = unsorted.trim_end_matches('?');
    let (sort, order) = by_name(unsorted, &fields);
    let here = match order {
        Order::Usual => unsorted.to_owned(),
        Order::Turned => filter_form::with(unsorted, "order=desc"),
    };
    let reader = Arc::clone(&app);
    let (looked_for, from) = (filter.clone(), after.clone());
    let access = Arc::clone(&signed.access);
    let part = data::apart(move || {
        let repo = reader.repo();
        let region = &reader.console.settings.default_region;
        let tree = repo.areas()?;
        let after = from.as_deref();
        let from = people::Place { order, after };
        people::found(repo, &tree, &looked_for, &access, region, from, PAGE_ROWS)
    })
    .await?;
    let next = part
        .next
        .map(|place| filter_form::with(&here, &format!("after={}", cursors.text(&place))));
    let back = match &after {
        Some(place) => filter_form::with(&here, &format!("after={}", cursors.text(place))),
        None => here.clone(),
    };
    let chosen_area = filter.areas.first().map(ToString::to_string);
    show(&Page {
        areas: area_choices(&areas, &chosen_area.unwrap_or_default()),
        kinds: kinds(&c, &filter),
        groups: groups(&app, &filter)?,
        has: has(&c, &filter),
        states: states(&c, &filter),
        reach: reach(&c, &filter),
        saved: saved(&app, &wanted)?,
        rows: rows(&app, &c, &areas, &part.rows, signed.user.id)?,
        sort,
        first: if after.is_some() { here } else { String::new() },
        next: next.unwrap_or_default(),
        listed: app.repo().recipient_count(signed.user.id)?,
        more: is_fine(&filter),
        field: filter.field.clone().unwrap_or_default(),
        f: filter,
        query: wanted,
        back,
        c,
    })
}

/// Whether more is asked than text and area.
fn is_fine(filter: &ContactFilter) -> bool {
    let plain = ContactFilter {
        text: filter.text.clone(),
        areas: filter.areas.clone(),
        ..ContactFilter::default()
    };
    *filter != plain
}

fn choice(value: &str, text: String, chosen: bool) -> Choice {
    Choice {
        value: value.to_owned(),
        text,
        chosen,
    }
}

fn kinds(c: &Chrome, filter: &ContactFilter) -> Vec<Choice> {
    let one = |kind: ContactKind| {
        let text = c.words.label(kind.as_str());
        choice(kind.as_str(), text, filter.kind == Some(kind))
    };
    ContactKind::ALL.into_iter().map(one).collect()
}

pub(super) fn groups(app: &App, filter: &ContactFilter) -> data::Result<Vec<Choice>> {
    let mut groups = app.repo().groups(GROUPS_MAX)?;
    groups.sort_by_cached_key(|group| group.name.to_lowercase());
    let one = |group: &crate::domain::Group| {
        let chosen = filter.groups.contains(&group.id);
        choice(&group.id.to_string(), group.name.clone(), chosen)
    };
    Ok(groups.iter().map(|group| one(group)).collect())
}

fn has(c: &Chrome, filter: &ContactFilter) -> Vec<Choice> {
    let one = |kind: MethodKind| choice(kind.as_str(), c.kind(&kind), filter.has == Some(kind));
    MethodKind::ALL.into_iter().map(one).collect()
}

fn states(c: &Chrome, filter: &ContactFilter) -> Vec<Choice> {
    let one = |(name, state): (&str, MethodState)| {
        let text = c.words.label(state.as_str());
        choice(name, text, filter.method_state == Some(state))
    };
    STATES.into_iter().map(one).collect()
}

fn reach(c: &Chrome, filter: &ContactFilter) -> Vec<Choice> {
    let one = |(name, reach): (&str, Reachability)| {
        let key = match reach {
            Reachability::Fine => "issue.fine",
            Reachability::Issue => "issue.short",
            Reachability::Unreachable => "issue.unreachable",
        };
        choice(
            name,
            c.t(key).to_owned(),
            filter.reachability == Some(reach),
        )
    };
    REACH.into_iter().map(one).collect()
}

fn saved(app: &App, wanted: &str) -> data::Result<Vec<FilterLink>> {
    let mut filters = app.repo().filters(FILTERS_MAX)?;
    filters.sort_by_cached_key(|filter| filter.name.to_lowercase());
    let link = |filter: &crate::domain::SavedFilter| {
        let query = query(&filter.filter);
        FilterLink {
            name: filter.name.clone(),
            chosen: query == wanted,
            href: format!("/contacts?{query}"),
        }
    };
    let shown = filters.iter().take(FILTERS_SHOWN);
    Ok(shown.map(|filter| link(filter)).collect())
}

/// Contacts for a list.
pub(super) fn rows(
    app: &App,
    c: &Chrome,
    areas: &Areas,
    contacts: &[Loaded<Contact>],
    user: UserId,
) -> data::Result<Vec<Row>> {
    let mut rows = Vec::with_capacity(contacts.len());
    for contact in contacts {
        let listed = app.repo().recipient(user, contact.id)?.is_some();
        rows.push(row(c, areas, contact, listed));
    }
    Ok(rows)
}

fn row(c: &Chrome, areas: &Areas, contact: &Contact, listed: bool) -> Row {
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
        listed,
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
