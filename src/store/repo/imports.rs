//! Reading imports.

use super::{Order, Page, Repo, Result};
use crate::domain::import::FINDINGS_CHUNK;
use crate::domain::{
    ContactId, Finding, ImportFindings, ImportId, ImportImage, ImportJob, ImportPass,
};
use crate::store::engine::{Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};
use crate::store::rows::Loaded;

impl Repo {
    /// An import.
    pub fn import(&self, id: ImportId) -> Result<Option<Loaded<ImportJob>>> {
        self.load(&keys::import(id))
    }

    /// Imports, newest first.
    pub fn imports(&self, after: Option<Key>, limit: usize) -> Result<Page<Loaded<ImportJob>>> {
        self.imports_in(Order::Usual, after, limit)
    }

    /// The same in either order.
    pub fn imports_in(
        &self,
        order: Order,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<ImportJob>>> {
        let mut range = order.of(KeyRange::prefix(keys::IMPORT).reverse());
        if let Some(after) = after {
            range = range.after(after);
        }
        self.rows(range, limit)
    }

    /// Findings of a pass, chunk by chunk, from the one with this position.
    pub fn import_findings(
        &self,
        id: ImportId,
        pass: ImportPass,
        chunk: u32,
        chunks: usize,
    ) -> Result<Vec<Finding>> {
        let mut found = Vec::with_capacity(chunks * FINDINGS_CHUNK);
        for index in (chunk..).take(chunks) {
            let row: Option<Loaded<ImportFindings>> =
                self.load(&keys::import_findings(id, pass, index))?;
            let Some(row) = row else { break };
            found.extend(row.value.findings);
        }
        Ok(found)
    }

    /// A contact as it was before an import.
    pub fn import_image(
        &self,
        id: ImportId,
        contact: ContactId,
    ) -> Result<Option<Loaded<ImportImage>>> {
        self.load(&keys::import_image(id, contact))
    }

    /// Contacts as they were before an import.
    pub fn import_images(&self, id: ImportId, limit: usize) -> Result<Vec<Loaded<ImportImage>>> {
        let prefix = KeyBuilder::new(keys::IMPORT_IMAGE)
            .bytes(id.as_bytes())
            .build();
        Ok(self.rows(KeyRange::prefix(prefix), limit)?.rows)
    }

    /// Keys of what is kept of an import beside its row: findings and earlier contacts.
    pub fn import_leftovers(&self, id: ImportId, limit: usize) -> Result<Vec<Key>> {
        let mut found = Vec::new();
        for tag in [keys::IMPORT_FINDINGS, keys::IMPORT_IMAGE] {
            let prefix = KeyBuilder::new(tag).bytes(id.as_bytes()).build();
            let rest = limit.saturating_sub(found.len());
            let rows = self.store.scan(KeyRange::prefix(prefix), rest)?;
            found.extend(rows.into_iter().map(|(key, _)| key));
        }
        Ok(found)
    }
}
