//! Lists of contacts: found by what they are, in order of first name, a part at a time.

use std::collections::HashSet;

use super::{Part, Result, address_key};
use crate::domain::comms_issue::Reachability;
use crate::domain::{Access, AreaId, AreaTree, Contact, ContactFilter, GroupId};
use crate::store::engine::Key;
use crate::store::keys::{self, KeyBuilder};
use crate::store::{Loaded, NO_AREA, Order, Repo};

/// Most contacts looked at for one part of a list.
const LOOKED_AT_MAX: usize = 4_000;
/// Contacts that a text finds by its words; beyond that everybody is gone through.
const FOUND_MAX: usize = 200;
/// Most ranges of an index that are merged; a filter with more is looked for by name.
const SOURCES_MAX: usize = 300;
/// Most contacts with one address that are looked at.
const SAME_ADDRESS_MAX: usize = 50;

/// The areas that a filter means, with what lies in them, as far as somebody covers them; empty
/// for everywhere, nothing where none of them is theirs.
fn areas_of(tree: &AreaTree, filter: &ContactFilter, access: &Access) -> Option<HashSet<AreaId>> {
    let below = |area: &AreaId| tree.subtree(*area);
    let asked: HashSet<AreaId> = filter.areas.iter().flat_map(below).collect();
    let Some(covered) = &access.areas else {
        return Some(asked);
    };
    let theirs: HashSet<AreaId> = if filter.areas.is_empty() {
        covered.clone()
    } else {
        asked.intersection(covered).copied().collect()
    };
    (!theirs.is_empty()).then_some(theirs)
}

fn under(tag: &[u8], id: &[u8; 16]) -> Key {
    KeyBuilder::new(tag).bytes(id).build()
}

/// The ranges in which everybody stands whom a filter can find: the narrowest there are.
fn prefixes(
    repo: &Repo,
    tree: &AreaTree,
    filter: &ContactFilter,
    areas: &HashSet<AreaId>,
) -> Result<Vec<Key>> {
    let everywhere = || {
        let known = tree.walk().into_iter().map(|(_, area)| area.id);
        known.chain([NO_AREA]).collect::<Vec<_>>()
    };
    let chosen = |areas: &HashSet<AreaId>| {
        if areas.is_empty() {
            everywhere()
        } else {
            areas.iter().copied().collect()
        }
    };
    let by_area = |tag: &[u8], areas: &[AreaId]| -> Vec<Key> {
        areas.iter().map(|id| under(tag, id.as_bytes())).collect()
    };
    let narrow = match filter.reachability {
        Some(Reachability::Issue) => {
            let mut with = Vec::new();
            for area in chosen(areas) {
                if repo.issue_count(area)? > 0 {
                    with.push(area);
                }
            }
            by_area(keys::ISSUE_BY_AREA, &with)
        }
        Some(Reachability::Unreachable) => by_area(keys::UNREACHABLE_BY_AREA, &chosen(areas)),
        Some(Reachability::Fine) | None if !filter.groups.is_empty() => {
            let group = |id: &GroupId| under(keys::CONTACT_BY_GROUP, id.as_bytes());
            filter.groups.iter().map(group).collect()
        }
        Some(Reachability::Fine) | None if !areas.is_empty() => {
            by_area(keys::CONTACT_BY_AREA, &chosen(areas))
        }
        Some(Reachability::Fine) | None => vec![keys::CONTACT_BY_NAME.to_vec()],
    };
    if narrow.len() > SOURCES_MAX {
        return Ok(vec![keys::CONTACT_BY_NAME.to_vec()]);
    }
    Ok(narrow)
}

/// Where a list of contacts goes on, and in which order.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place<'a> {
    pub(crate) order: Order,
    pub(crate) after: Option<&'a [u8]>,
}

impl<'a> From<Option<&'a [u8]>> for Place<'a> {
    fn from(after: Option<&'a [u8]>) -> Self {
        let order = Order::Usual;
        Self { order, after }
    }
}

fn in_order(order: Order, mut rows: Vec<Loaded<Contact>>) -> Vec<Loaded<Contact>> {
    if order == Order::Turned {
        rows.reverse();
    }
    rows
}

/// Contacts of theirs whom a filter finds, by first name, from a place on. A part may hold fewer than
/// `limit`, even nobody, though more follow: then very many were looked at.
pub(crate) fn found<'a>(
    repo: &Repo,
    tree: &AreaTree,
    filter: &ContactFilter,
    access: &Access,
    region: &str,
    after: impl Into<Place<'a>>,
    limit: usize,
) -> Result<Part<Loaded<Contact>>> {
    let Place { order, after } = after.into();
    let Some(areas) = areas_of(tree, filter, access) else {
        let rows = Vec::new();
        return Ok(Part { rows, next: None });
    };
    let in_areas = |area: Option<AreaId>| areas.contains(&area.unwrap_or(NO_AREA));
    if after.is_none()
        && let Some(mut rows) = by_address(repo, filter, region, &in_areas)?
    {
        rows.retain(|contact| access.sees_contact(contact));
        let rows = in_order(order, rows);
        return Ok(Part { rows, next: None });
    }
    if after.is_none()
        && let Some(mut rows) = by_text(repo, filter, region, &areas)?
    {
        rows.retain(|contact| access.sees_contact(contact));
        let rows = in_order(order, rows);
        return Ok(Part { rows, next: None });
    }
    let prefixes = prefixes(repo, tree, filter, &areas)?;
    let mut walk = repo.walk_in(order, prefixes, after)?;
    let mut rows = Vec::new();
    let mut place = after.map(<[u8]>::to_vec);
    for _ in 0..LOOKED_AT_MAX {
        if rows.len() >= limit {
            return Ok(Part { rows, next: place });
        }
        let Some((tail, id)) = walk.step()? else {
            return Ok(Part { rows, next: None });
        };
        place = Some(tail);
        let contact = repo.contact(id)?;
        let wanted =
            |one: &Loaded<Contact>| filter.matches(one, in_areas) && access.sees_contact(one);
        rows.extend(contact.filter(wanted));
    }
    Ok(Part { rows, next: place })
}

/// Whoever the indexes of words and addresses find; none when the filter names no text, or when
/// it finds so many that they are better gone through.
fn by_text(
    repo: &Repo,
    filter: &ContactFilter,
    region: &str,
    areas: &HashSet<AreaId>,
) -> Result<Option<Vec<Loaded<Contact>>>> {
    if filter.text.trim().is_empty() {
        return Ok(None);
    }
    let within = (!areas.is_empty()).then_some(areas);
    let mut rows = super::search_within(repo, &filter.text, region, within, FOUND_MAX)?;
    if rows.len() >= FOUND_MAX {
        return Ok(None);
    }
    let rest = ContactFilter {
        text: String::new(),
        ..filter.clone()
    };
    rows.retain(|contact| rest.matches(contact, |_| true));
    Ok(Some(rows))
}

/// Whoever has the address or number that is looked for; none when the text is neither, or
/// nobody has exactly that.
fn by_address(
    repo: &Repo,
    filter: &ContactFilter,
    region: &str,
    in_areas: &impl Fn(Option<AreaId>) -> bool,
) -> Result<Option<Vec<Loaded<Contact>>>> {
    let Some(key) = address_key(&filter.text.to_lowercase(), region) else {
        return Ok(None);
    };
    let rest = ContactFilter {
        text: String::new(),
        ..filter.clone()
    };
    let mut rows = repo.contacts_by_address(&key, SAME_ADDRESS_MAX)?;
    rows.retain(|contact| rest.matches(contact, in_areas));
    rows.sort_by_cached_key(|contact| super::name_key(contact));
    Ok((!rows.is_empty()).then_some(rows))
}
