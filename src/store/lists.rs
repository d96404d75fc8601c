//! Lists that are paged through in both directions, at the same cost on every page.

use super::engine::{Key, KeyRange};
use super::keys;
use super::repo::{Repo, Result};
use super::rows::Loaded;
use crate::domain::{CommunicationId, ContactId, Person, PersonState};

/// Where in a list to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seek<T> {
    /// At the beginning.
    Start,
    /// Behind this place, onwards.
    After(T),
    /// Before this place, backwards. What is found still comes in the list's order.
    Before(T),
}

/// A person of a communication, and the place in the list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Who.
    pub person: Loaded<Person>,
    /// For [`Seek`].
    pub place: Key,
}

impl Repo {
    /// People of a communication by first name, those in one state if asked. Costs the same for
    /// ten people as for a million, wherever in the list.
    pub fn people_by_name(
        &self,
        communication: CommunicationId,
        state: Option<PersonState>,
        seek: &Seek<Key>,
        limit: usize,
    ) -> Result<Vec<Listed>> {
        let states = PersonState::ALL.into_iter();
        let mut places = Vec::new();
        for state in states.filter(|one| state.is_none_or(|wanted| *one == wanted)) {
            let prefix = keys::people_in_state(communication, state);
            let range = KeyRange::prefix(prefix.clone());
            let at = |place: &Key| [prefix.as_slice(), place].concat();
            let range = match seek {
                Seek::Start => range,
                Seek::After(place) => range.after(at(place)),
                Seek::Before(place) => range.reverse().after(at(place)),
            };
            for (key, _) in self.store().scan(range, limit)? {
                places.push(key[prefix.len()..].to_vec());
            }
        }
        places.sort_unstable();
        // Somebody whose state changed between two scans stands in both.
        places.dedup();
        if matches!(seek, Seek::Before(_)) {
            places.drain(..places.len().saturating_sub(limit));
        }
        places.truncate(limit);
        let mut people = Vec::with_capacity(places.len());
        for place in places {
            let Some(contact) = place.last_chunk::<16>() else {
                continue;
            };
            let person = self.person(communication, ContactId::from_bytes(*contact))?;
            people.extend(person.map(|person| Listed { person, place }));
        }
        Ok(people)
    }
}
