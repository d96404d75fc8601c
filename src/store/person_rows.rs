//! The row of a person in a communication: how lists and numbers find it.

use super::engine::{Key, Value};
use super::keys;
use super::rows::Row;
use crate::domain::Person;

impl Row for Person {
    fn key(&self) -> Key {
        keys::person(self.communication, self.contact)
    }

    /// One entry, with the state in front: a list of one state reads only that, a list of all
    /// merges the three. An entry moves when the state changes, and for nothing else.
    fn indexes(&self) -> Vec<(Key, Value)> {
        let mut key = keys::people_in_state(self.communication, self.state);
        key.extend(keys::person_position(self.sort_name.reveal(), self.contact));
        vec![(key, Vec::new())]
    }

    fn counters(&self) -> Vec<(Key, i64)> {
        let mut counters = vec![(keys::people_by_state(self.communication, self.state), 1)];
        for delivery in &self.deliveries {
            counters.push((
                keys::deliveries_by_status(self.communication, delivery.status),
                1,
            ));
        }
        counters.extend(
            self.confirmed_by
                .map(|by| (keys::confirmed_by(self.communication, by), 1)),
        );
        if !self.links.is_empty() {
            counters.push((keys::clicked(self.communication), 1));
        }
        let links = self.links.iter();
        counters.extend(links.map(|link| (keys::followed(self.communication, *link), 1)));
        counters
    }
}
