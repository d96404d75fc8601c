//! Contacts that may be the same person: the same address or number, or the same name in the
//! same area.

use std::collections::{BTreeSet, HashMap};

use super::Result;
use crate::domain::fold::{fold, name_key};
use crate::domain::{Contact, ContactId, Details, Method, MethodKind, MethodState};
use crate::store::engine::{Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};
use crate::store::{Loaded, Repo};

/// Most contacts pointed out for one.
const ALIKE_MAX: usize = 10;
/// Most entries of one index that are looked through for the whole list.
const ENTRIES_MAX: usize = 500_000;
/// Entries read at a time.
const STEP: usize = 5_000;
/// Most pairs on the list.
pub(crate) const PAIRS_MAX: usize = 200;
/// Id of a contact and id of a method, at the end of an entry by address.
const ADDRESS_TAIL: usize = 32;

/// In what two contacts are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Likeness {
    /// The same address or number, of this kind.
    Address(MethodKind),
    /// The same name in the same area.
    Name,
}

/// Somebody who may be the same person, and why.
#[derive(Debug)]
pub(crate) struct Alike {
    pub(crate) contact: Loaded<Contact>,
    pub(crate) why: Likeness,
}

/// Who may be the same person as somebody with these details; `own` is left out.
pub(crate) fn alike(repo: &Repo, details: &Details, own: Option<ContactId>) -> Result<Vec<Alike>> {
    let mut found: Vec<Alike> = Vec::new();
    let mut add = |contact: Loaded<Contact>, why| {
        let known = found.iter().any(|one| one.contact.id == contact.id);
        if !known && Some(contact.id) != own && found.len() < ALIKE_MAX {
            found.push(Alike { contact, why });
        }
    };
    for method in &details.methods {
        let key = method.destination.lookup_key();
        for contact in repo.contacts_by_address(&key, ALIKE_MAX)? {
            add(contact, Likeness::Address(method.kind));
        }
    }
    let name = name_key(details.first_name.reveal(), details.last_name.reveal());
    if name.is_empty() {
        return Ok(found);
    }
    for id in same_name(repo, details)? {
        let Some(contact) = repo.contact(id)? else {
            continue;
        };
        if contact.area == details.area && name_of(&contact) == name {
            add(contact, Likeness::Name);
        }
    }
    Ok(found)
}

fn name_of(contact: &Contact) -> String {
    name_key(contact.first_name.reveal(), contact.last_name.reveal())
}

/// Contacts whose name stands in the index as it is written here, without its accents, or the
/// other way round.
fn same_name(repo: &Repo, details: &Details) -> Result<BTreeSet<ContactId>> {
    let (first, last) = (details.first_name.reveal(), details.last_name.reveal());
    let plain = (fold(first), fold(last));
    let written = (first.to_lowercase(), last.to_lowercase());
    let mut names = BTreeSet::new();
    for (first, last) in [written, plain] {
        names.insert((last.clone(), first.clone()));
        names.insert((first, last));
    }
    let mut ids = BTreeSet::new();
    for (first, last) in names {
        let prefix = KeyBuilder::new(keys::CONTACT_BY_NAME)
            .text(&first)
            .text(&last)
            .build();
        let entries = repo.store().scan(KeyRange::prefix(prefix), ALIKE_MAX * 2)?;
        ids.extend(entries.iter().filter_map(|(key, _)| id_at_end(key, 0)));
    }
    Ok(ids)
}

/// Two contacts that may be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) one: ContactId,
    pub(crate) other: ContactId,
    /// Whether it is an address or number; the name otherwise.
    pub(crate) by_address: bool,
}

/// All pairs, those with the same address first, at most [`PAIRS_MAX`]; and whether there are
/// more. Reads two whole indexes: not for a thread that serves others.
pub(crate) fn all(repo: &Repo) -> Result<(Vec<Pair>, bool)> {
    let mut pairs = by_address(repo)?;
    for pair in by_name(repo)? {
        let known = pairs
            .iter()
            .any(|known| known.one == pair.one && known.other == pair.other);
        if !known {
            pairs.push(pair);
        }
    }
    let more = pairs.len() > PAIRS_MAX;
    pairs.truncate(PAIRS_MAX);
    Ok((pairs, more))
}

/// Whether two contacts are alike: by an address or number, or else by name and area.
pub(crate) fn are_alike(one: &Contact, other: &Contact, by_address: bool) -> bool {
    if !by_address {
        return one.area == other.area && name_of(one) == name_of(other);
    }
    let is_used = |method: &&Method| method.state != MethodState::Removed;
    let keys: BTreeSet<String> = one
        .methods
        .iter()
        .filter(is_used)
        .map(|method| method.destination.lookup_key())
        .collect();
    let mut theirs = other.methods.iter().filter(is_used);
    theirs.any(|method| keys.contains(&method.destination.lookup_key()))
}

fn pair(one: ContactId, other: ContactId, by_address: bool) -> Pair {
    Pair {
        one: one.min(other),
        other: one.max(other),
        by_address,
    }
}

fn by_address(repo: &Repo) -> Result<Vec<Pair>> {
    let mut pairs = Vec::new();
    let mut before: Option<(Vec<u8>, ContactId)> = None;
    each_entry(repo, keys::CONTACT_BY_ADDRESS, |key| {
        let Some(id) = id_at_end(key, 16) else {
            return true;
        };
        let address = &key[..key.len() - ADDRESS_TAIL];
        if let Some((known, other)) = &before
            && known == address
        {
            if *other != id {
                pairs.push(pair(*other, id, true));
            }
        } else {
            before = Some((address.to_vec(), id));
        }
        pairs.len() <= PAIRS_MAX
    })?;
    pairs.sort_unstable();
    pairs.dedup();
    Ok(pairs)
}

fn by_name(repo: &Repo) -> Result<Vec<Pair>> {
    let mut seen: HashMap<String, Vec<ContactId>> = HashMap::new();
    each_entry(repo, keys::CONTACT_BY_NAME, |key| {
        let text = key.get(2..key.len().saturating_sub(16)).unwrap_or_default();
        let name = String::from_utf8_lossy(text).replace('\0', " ");
        let name = name_key(&name, "");
        if let Some(id) = id_at_end(key, 0)
            && !name.is_empty()
        {
            seen.entry(name).or_default().push(id);
        }
        true
    })?;
    let mut pairs = Vec::new();
    for ids in seen.into_values().filter(|ids| ids.len() > 1) {
        let mut by_area: HashMap<_, ContactId> = HashMap::new();
        for id in ids.into_iter().take(PAIRS_MAX) {
            let Some(contact) = repo.contact(id)? else {
                continue;
            };
            match by_area.get(&contact.area) {
                Some(other) => pairs.push(pair(*other, id, false)),
                None => {
                    by_area.insert(contact.area, id);
                }
            }
        }
        if pairs.len() > PAIRS_MAX {
            break;
        }
    }
    pairs.sort_unstable();
    Ok(pairs)
}

/// Calls for every entry of an index until it has had enough.
fn each_entry(repo: &Repo, tag: &[u8], mut each: impl FnMut(&Key) -> bool) -> Result<()> {
    let mut range = KeyRange::prefix(tag);
    let mut seen = 0;
    loop {
        let entries = repo.store().scan(range, STEP)?;
        let Some((last, _)) = entries.last() else {
            return Ok(());
        };
        range = KeyRange::prefix(tag).after(last.clone());
        seen += entries.len();
        for (key, _) in &entries {
            if !each(key) {
                return Ok(());
            }
        }
        if seen >= ENTRIES_MAX {
            return Ok(());
        }
    }
}

/// The id that ends `tail` bytes before the end of a key.
fn id_at_end(key: &[u8], tail: usize) -> Option<ContactId> {
    let end = key.len().checked_sub(tail)?;
    let id = key.get(end.checked_sub(16)?..end)?.try_into().ok()?;
    Some(ContactId::from_bytes(id))
}
