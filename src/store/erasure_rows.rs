//! Rows of people who are being erased, and of where nothing is to go any more.

use super::engine::Key;
use super::keys;
use super::rows::Row;
use crate::domain::{Erasure, Suppression};

impl Row for Erasure {
    fn key(&self) -> Key {
        keys::erasure(self.contact)
    }
}

impl Row for Suppression {
    fn key(&self) -> Key {
        keys::suppression(&self.digest)
    }
}
