//! The rows of an import: its job, what was found in its file, how contacts were before.

use super::engine::{Key, Value, queue_key};
use super::keys;
use super::rows::Row;
use crate::domain::{ImportFindings, ImportImage, ImportJob, Lane};

impl Row for ImportJob {
    fn key(&self) -> Key {
        keys::import(self.id)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let queued = |due| queue_key(Lane::Import as u8, due, self.id.as_bytes());
        let entry = self.due.map(|due| (queued(due), Vec::new()));
        entry.into_iter().collect()
    }
}

impl Row for ImportFindings {
    fn key(&self) -> Key {
        keys::import_findings(self.import, self.pass, self.index)
    }
}

impl Row for ImportImage {
    fn key(&self) -> Key {
        keys::import_image(self.import, self.before.id)
    }
}
