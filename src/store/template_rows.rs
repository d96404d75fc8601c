//! Rows of templates.

use super::engine::Key;
use super::keys;
use super::rows::Row;
use crate::domain::{PastTemplate, Template};

impl Row for Template {
    fn key(&self) -> Key {
        keys::template(self.id)
    }
}

impl Row for PastTemplate {
    fn key(&self) -> Key {
        keys::past_template(self.0.id, self.0.version)
    }
}
