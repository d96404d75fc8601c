//! Reading templates, version by version.

use super::{Repo, Result};
use crate::domain::template::{TEMPLATE_VERSIONS_MAX, TEMPLATES_MAX};
use crate::domain::{PastTemplate, Template, TemplateId};
use crate::store::engine::KeyRange;
use crate::store::keys;
use crate::store::rows::Loaded;

impl Repo {
    /// A template as it is now.
    pub fn template(&self, id: TemplateId) -> Result<Option<Loaded<Template>>> {
        self.load(&keys::template(id))
    }

    /// All templates, in order of making.
    pub fn templates(&self) -> Result<Vec<Loaded<Template>>> {
        Ok(self
            .rows(KeyRange::prefix(keys::TEMPLATE), TEMPLATES_MAX)?
            .rows)
    }

    /// One version of a template, whether it is the one of now or an earlier one.
    pub fn template_version(&self, id: TemplateId, version: u32) -> Result<Option<Template>> {
        if let Some(now) = self.template(id)?
            && now.version == version
        {
            return Ok(Some(now.value));
        }
        let past: Option<Loaded<PastTemplate>> = self.load(&keys::past_template(id, version))?;
        Ok(past.map(|past| past.value.0))
    }

    /// The versions of a template before the one of now, the oldest first.
    pub fn past_templates(&self, id: TemplateId) -> Result<Vec<Template>> {
        let range = KeyRange::prefix(keys::past_templates(id));
        let limit = usize::try_from(TEMPLATE_VERSIONS_MAX).unwrap_or(usize::MAX);
        let rows: Vec<Loaded<PastTemplate>> = self.rows(range, limit)?.rows;
        Ok(rows.into_iter().map(|row| row.value.0).collect())
    }
}
