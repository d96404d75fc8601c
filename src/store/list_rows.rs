//! Rows of contacts that another one took over, and of contacts being gathered on a list.

use super::engine::{Key, Value};
use super::keys::{self, KeyBuilder};
use super::rows::Row;
use crate::domain::{Gathering, Merger};

impl Row for Merger {
    fn key(&self) -> Key {
        keys::merger(self.from)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let key = KeyBuilder::new(keys::MERGER_BY_KEPT)
            .bytes(self.into.as_bytes())
            .bytes(self.from.as_bytes())
            .build();
        vec![(key, Vec::new())]
    }
}

impl Row for Gathering {
    fn key(&self) -> Key {
        keys::gathering(self.user)
    }
}
