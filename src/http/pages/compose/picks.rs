//! The audience as choices: areas, groups, filters, a list, single people, and who is left out.

use super::super::super::App;
use super::super::super::data::{self, Areas, Result};
use super::super::super::session::Signed;
use super::super::super::view::Chrome;
use crate::domain::group::{FILTERS_MAX, GROUPS_MAX};
use crate::domain::{AreaId, Audience, Contact, ContactId};
use crate::submit::Lost;

/// Contacts listed for one search.
const FOUND_MAX: usize = 25;

/// Something that can be ticked.
pub(super) struct Choice {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) hint: String,
    pub(super) depth: usize,
    pub(super) chosen: bool,
    pub(super) left_out: bool,
}

/// Something that was chosen and has been deleted since. It stays chosen until a person unticks it:
/// the draft may not go to whom it was not meant for.
pub(super) struct Gone {
    /// The field of the form.
    pub(super) field: &'static str,
    pub(super) id: String,
    /// What it was.
    pub(super) what: &'static str,
}

/// The recipient list.
pub(super) struct ListChoice {
    /// People on the reader's list now.
    pub(super) mine: u64,
    /// People on the list that the draft has taken over.
    pub(super) kept: u64,
    pub(super) take_mine: bool,
}

pub(super) struct Picks {
    pub(super) areas: Vec<Choice>,
    pub(super) groups: Vec<Choice>,
    pub(super) filters: Vec<Choice>,
    pub(super) gone: Vec<Gone>,
    pub(super) list: ListChoice,
    pub(super) people: Vec<Choice>,
    pub(super) found: Vec<Choice>,
    /// Whether anybody is left out.
    pub(super) except: bool,
}

pub(super) fn picks(
    app: &App,
    signed: &Signed,
    c: &Chrome,
    audience: &Audience,
    find: &str,
    mine: bool,
) -> Result<Picks> {
    let areas = Areas::within(app.repo(), &signed.access)?;
    // Whoever took a contact over is meant by its name.
    let audience = &mut audience.clone();
    let named = audience.contacts.iter_mut();
    for id in named.chain(&mut audience.except_contacts) {
        *id = app.repo().current_id(*id)?;
    }
    let audience = &*audience;
    let picked =
        |id: &ContactId| audience.contacts.contains(id) || audience.except_contacts.contains(id);
    let mut people = Vec::new();
    let named = audience.contacts.iter().chain(&audience.except_contacts);
    for id in named {
        if people
            .iter()
            .any(|known: &Choice| known.id == id.to_string())
        {
            continue;
        }
        let contact = app.contact_for(&signed.access, *id)?;
        people.extend(contact.map(|contact| person(c, &areas, audience, &contact)));
    }
    let mut found = Vec::new();
    if !find.trim().is_empty() {
        let region = &app.console.settings.default_region;
        let contacts = data::search(app.repo(), find, region, &signed.access, FOUND_MAX)?;
        let new = contacts.iter().filter(|contact| !picked(&contact.id));
        found.extend(new.map(|contact| person(c, &areas, audience, contact)));
    }
    let lost = app.console.submit.lost(audience)?;
    let mine_count = app.repo().recipient_count(signed.user.id)?;
    Ok(Picks {
        areas: area_choices(&areas, audience),
        groups: group_choices(app, c, audience)?,
        filters: filter_choices(app, audience)?,
        gone: lost.into_iter().map(gone).collect(),
        list: ListChoice {
            mine: mine_count,
            kept: audience.list.map_or(0, |_| u64::from(audience.list_people)),
            take_mine: mine && mine_count > 0,
        },
        people,
        found,
        except: !audience.except_areas.is_empty()
            || !audience.except_groups.is_empty()
            || !audience.except_contacts.is_empty(),
    })
}

fn area_choices(areas: &Areas, audience: &Audience) -> Vec<Choice> {
    let has = |list: &[AreaId], id| list.contains(&id);
    let choice = |(depth, area): (usize, &crate::domain::Area)| Choice {
        id: area.id.to_string(),
        name: area.name.clone(),
        hint: areas
            .numbers(area.id)
            .map(|numbers| numbers.people.to_string())
            .unwrap_or_default(),
        depth: depth.min(4),
        chosen: has(&audience.areas, area.id),
        left_out: has(&audience.except_areas, area.id),
    };
    areas.tree.walk().into_iter().map(choice).collect()
}

fn group_choices(app: &App, c: &Chrome, audience: &Audience) -> Result<Vec<Choice>> {
    let mut choices = Vec::new();
    for group in app.repo().groups(GROUPS_MAX)? {
        let people = app.repo().group_count(group.id)?;
        choices.push(Choice {
            id: group.id.to_string(),
            name: group.name.clone(),
            hint: c.people(&people),
            depth: 0,
            chosen: audience.groups.contains(&group.id),
            left_out: audience.except_groups.contains(&group.id),
        });
    }
    choices.sort_by_cached_key(|choice| choice.name.to_lowercase());
    Ok(choices)
}

fn filter_choices(app: &App, audience: &Audience) -> Result<Vec<Choice>> {
    let choice = |filter: crate::store::Loaded<crate::domain::SavedFilter>| Choice {
        id: filter.id.to_string(),
        name: filter.name.clone(),
        hint: String::new(),
        depth: 0,
        chosen: audience.filters.contains(&filter.id),
        left_out: false,
    };
    let filters = app.repo().filters(FILTERS_MAX)?;
    let mut choices: Vec<Choice> = filters.into_iter().map(choice).collect();
    choices.sort_by_cached_key(|choice| choice.name.to_lowercase());
    Ok(choices)
}

fn gone(lost: Lost) -> Gone {
    let (field, what, id) = match lost {
        Lost::Area(id, false) => ("area", "gone.area", id.to_string()),
        Lost::Area(id, true) => ("x_area", "gone.area_out", id.to_string()),
        Lost::Group(id, false) => ("group", "gone.group", id.to_string()),
        Lost::Group(id, true) => ("x_group", "gone.group_out", id.to_string()),
        Lost::Filter(id) => ("filter", "gone.filter", id.to_string()),
    };
    Gone { field, id, what }
}

fn person(c: &Chrome, areas: &Areas, audience: &Audience, contact: &Contact) -> Choice {
    let mut hints: Vec<String> = Vec::new();
    let area = areas.name(contact.area);
    if !area.is_empty() {
        hints.push(area.to_owned());
    }
    let usable = contact
        .methods
        .iter()
        .filter(|method| method.state.is_usable());
    hints.extend(usable.map(|method| c.kind(&method.kind)));
    Choice {
        id: contact.id.to_string(),
        name: contact.full_name(),
        hint: hints.join(" · "),
        depth: 0,
        chosen: audience.contacts.contains(&contact.id),
        left_out: audience.except_contacts.contains(&contact.id),
    }
}
