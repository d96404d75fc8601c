//! Finding contacts by what an operator remembers of them: words of the name, the beginning of
//! an address or number.

use std::collections::HashSet;

use super::{Repo, Result, id_before};
use crate::domain::fold::fold;
use crate::domain::{AreaId, Contact, ContactId};
use crate::store::engine::{KeyRange, SCAN_LIMIT_MAX};
use crate::store::keys::{self, KeyBuilder};
use crate::store::rows::Loaded;
use crate::store::words;

/// Most contacts that one search finds.
pub const FIND_LIMIT_MAX: usize = 1_000;
/// Most entries of the index looked at for one search. A search that meets so many is too wide
/// for its order to matter.
const ENTRIES_MAX: usize = 20_000;
/// Most words of a search; others are left out.
const WORDS_MAX: usize = 8;

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Find<'a> {
    /// As it was typed.
    pub text: &'a str,
    /// Only contacts of these areas; none for everywhere.
    pub within: Option<&'a HashSet<AreaId>>,
    /// Most contacts found.
    pub limit: usize,
}

impl Repo {
    /// Contacts whose names have, for every word, one that begins with it, whatever the case and
    /// the accents; in order of name.
    pub fn find_by_name(&self, find: Find<'_>) -> Result<Vec<Loaded<Contact>>> {
        let folded = fold(find.text);
        let words: Vec<&str> = folded.split_whitespace().take(WORDS_MAX).collect();
        // The longest word leads to the fewest.
        let Some(longest) = words.iter().max_by_key(|word| word.len()) else {
            return Ok(Vec::new());
        };
        let mut prefix = KeyBuilder::new(keys::CONTACT_BY_WORD).text(longest).build();
        prefix.pop();
        let mut found: Vec<(String, ContactId)> = Vec::new();
        let mut seen = HashSet::new();
        let mut range = KeyRange::prefix(prefix.clone());
        let mut left = ENTRIES_MAX;
        while left > 0 {
            let step = left.min(SCAN_LIMIT_MAX);
            let entries = self.store.scan(range, step)?;
            let Some((last, _)) = entries.last() else {
                break;
            };
            range = KeyRange::prefix(prefix.clone()).after(last.clone());
            left -= entries.len();
            let ended = entries.len() < step;
            for (key, value) in &entries {
                let (Some(id), Some((area, name))) = (id_before(key, 0), words::parts(value))
                else {
                    continue;
                };
                let wanted = find.within.is_none_or(|within| within.contains(&area));
                if wanted && has_all(name, &words) && seen.insert(id) {
                    found.push((name.to_owned(), ContactId::from_bytes(id)));
                }
            }
            if ended {
                break;
            }
        }
        found.sort_unstable();
        found.truncate(find.limit.min(FIND_LIMIT_MAX));
        self.each(found.into_iter().map(|(_, id)| id))
    }

    /// Contacts with an address or number that begins so (in its lookup form).
    pub fn find_by_address(&self, find: Find<'_>) -> Result<Vec<Loaded<Contact>>> {
        let mut prefix = KeyBuilder::new(keys::CONTACT_BY_ADDRESS)
            .text(find.text)
            .build();
        prefix.pop();
        // Where somebody lives stands in the row alone.
        let limit = match find.within {
            Some(_) => FIND_LIMIT_MAX,
            None => find.limit.min(FIND_LIMIT_MAX),
        };
        let entries = self.store.scan(KeyRange::prefix(prefix), limit)?;
        let mut seen = HashSet::new();
        let ids = entries
            .iter()
            .filter_map(|(key, _)| id_before(key, 16))
            .filter(|id| seen.insert(*id))
            .map(ContactId::from_bytes);
        let mut rows = self.each(ids.collect::<Vec<_>>().into_iter())?;
        if let Some(within) = find.within {
            rows.retain(|contact| contact.area.is_some_and(|area| within.contains(&area)));
            rows.truncate(find.limit);
        }
        Ok(rows)
    }

    pub(super) fn each(
        &self,
        ids: impl Iterator<Item = ContactId>,
    ) -> Result<Vec<Loaded<Contact>>> {
        let mut rows = Vec::with_capacity(ids.size_hint().0);
        for id in ids {
            rows.extend(self.contact(id)?);
        }
        Ok(rows)
    }
}

/// For every word, the name has one that begins with it.
fn has_all(name: &str, words: &[&str]) -> bool {
    words
        .iter()
        .all(|word| name.split(' ').any(|own| own.starts_with(word)))
}
