//! The words of contacts' names, by which they are found.

use super::engine::{Key, Value};
use super::keys::{self, KeyBuilder};
use super::rows::NO_AREA;
use crate::domain::fold::fold;
use crate::domain::{AreaId, Contact};

/// Most words of one name by which a contact is found.
const NAME_WORDS_MAX: usize = 8;

/// A contact's entries in the index of words. Each holds area and folded name, so that a search
/// looks at entries alone until it knows whom to show.
pub(super) fn entries(contact: &Contact) -> Vec<(Key, Value)> {
    let name = format!(
        "{} {}",
        contact.first_name.reveal(),
        contact.last_name.reveal()
    );
    let name = fold(&name);
    let area = contact.area.unwrap_or(NO_AREA);
    let mut words: Vec<&str> = name.split_whitespace().take(NAME_WORDS_MAX).collect();
    words.sort_unstable();
    words.dedup();
    let value: Value = [area.as_bytes().as_slice(), name.as_bytes()].concat();
    let entry = |word: &&str| {
        let key = KeyBuilder::new(keys::CONTACT_BY_WORD)
            .text(word)
            .bytes(contact.id.as_bytes())
            .build();
        (key, value.clone())
    };
    words.iter().map(entry).collect()
}

/// Area and folded name of an entry's value.
pub(super) fn parts(value: &[u8]) -> Option<(AreaId, &str)> {
    let (area, name) = value.split_first_chunk::<16>()?;
    Some((AreaId::from_bytes(*area), std::str::from_utf8(name).ok()?))
}
