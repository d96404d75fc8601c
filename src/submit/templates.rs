//! Templates: made, changed version by version, retired and restored.

use super::decision::Decision;
use super::{FieldError, SubmitError, Submitter};
use crate::domain::template::{
    TEMPLATE_VERSIONS_MAX, TEMPLATES_MAX, TemplateCategory, TemplateState, TemplateText, Variable,
};
use crate::domain::{PastTemplate, Sentence, Template, TemplateId, Timestamp, UserId};
use crate::store::{Batch, Loaded, RowBatch};
use crate::templates;

/// What somebody writes of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateInput {
    /// What it is for.
    pub category: TemplateCategory,
    /// Its name.
    pub name: String,
    /// Its gaps.
    pub variables: Vec<Variable>,
    /// What it says.
    pub texts: Vec<TemplateText>,
    /// Files that must go with it.
    pub files: Vec<String>,
}

impl TemplateInput {
    /// A template as it would be kept.
    #[must_use]
    pub fn template(&self, id: TemplateId, by: UserId, now: Timestamp) -> Template {
        Template {
            id,
            category: self.category,
            name: self.name.trim().to_owned(),
            version: 1,
            state: TemplateState::Active,
            variables: self.variables.clone(),
            texts: self.texts.clone(),
            files: self.files.clone(),
            ready_made: None,
            created_by: Some(by),
            created_at: now,
            changed_by: Some(by),
            changed_at: now,
        }
    }
}

impl From<&Template> for TemplateInput {
    fn from(template: &Template) -> Self {
        Self {
            category: template.category,
            name: template.name.clone(),
            variables: template.variables.clone(),
            texts: template.texts.clone(),
            files: template.files.clone(),
        }
    }
}

impl Submitter {
    /// Makes a template.
    ///
    /// # Errors
    /// When something in it is wrong, its name is taken, there are too many, or the store fails.
    pub async fn make_template(
        &self,
        input: &TemplateInput,
        by: UserId,
    ) -> Result<TemplateId, SubmitError> {
        let input = input.clone();
        let id = TemplateId::new(self.random.uuid_v7(self.clock.wall()));
        self.decided(move |this| {
            let template = input.template(id, by, this.clock.wall());
            this.check_template(&template)?;
            let mut batch = Batch::new();
            batch.insert(&template);
            Ok(Decision { batch, outcome: id })
        })
        .await
    }

    /// Changes a template as somebody saw it: another version, and the one before it is kept.
    ///
    /// # Errors
    /// As [`Submitter::make_template`], when there is no such template, and
    /// [`SubmitError::Changed`] when `seen` is not its version any more.
    pub async fn change_template(
        &self,
        id: TemplateId,
        seen: u32,
        input: &TemplateInput,
        by: UserId,
    ) -> Result<u32, SubmitError> {
        let input = input.clone();
        self.decided(move |this| {
            let old = this.template_seen(id, Some(seen))?;
            let new = Template {
                category: input.category,
                name: input.name.trim().to_owned(),
                variables: input.variables.clone(),
                texts: input.texts.clone(),
                files: input.files.clone(),
                ..old.value.clone()
            };
            this.check_template(&new)?;
            this.next_version(&old, new, by)
        })
        .await
    }

    /// Takes a template out of use, or back into it.
    ///
    /// # Errors
    /// When there is no such template, or the store fails.
    pub async fn put_template(
        &self,
        id: TemplateId,
        state: TemplateState,
        by: UserId,
    ) -> Result<u32, SubmitError> {
        self.decided(move |this| {
            let old = this.template_seen(id, None)?;
            let new = Template {
                state,
                ..old.value.clone()
            };
            this.next_version(&old, new, by)
        })
        .await
    }

    /// Adds what is missing of the set that comes with the program; what is there, changed or
    /// retired, stays as it is. How many were added.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn install_templates(&self) -> Result<usize, SubmitError> {
        self.decided(move |this| {
            let there = this.repo.templates()?;
            let now = this.clock.wall();
            let is_there = |new: &Template| {
                there
                    .iter()
                    .any(|one| one.ready_made == new.ready_made || same_name(&one.name, &new.name))
            };
            let mut batch = Batch::new();
            let mut added = 0;
            for new in templates::builtin::all(now) {
                if !is_there(&new) && there.len() + added < TEMPLATES_MAX {
                    let id = TemplateId::new(this.random.uuid_v7(now));
                    batch.insert(&Template { id, ..new });
                    added += 1;
                }
            }
            Ok(Decision {
                batch,
                outcome: added,
            })
        })
        .await
    }

    fn template_seen(
        &self,
        id: TemplateId,
        seen: Option<u32>,
    ) -> Result<Loaded<Template>, SubmitError> {
        let old = self.repo.template(id)?.ok_or(SubmitError::NotFound)?;
        if seen.is_some_and(|seen| seen != old.version) {
            return Err(SubmitError::Changed);
        }
        Ok(old)
    }

    fn next_version(
        &self,
        old: &Loaded<Template>,
        new: Template,
        by: UserId,
    ) -> Result<Decision<u32>, SubmitError> {
        if new == old.value {
            return Ok(Decision::nothing(old.version));
        }
        if old.version >= TEMPLATE_VERSIONS_MAX {
            return Err(wrong(
                "name",
                "This template has too many versions: make a new one.",
            ));
        }
        let version = old.version + 1;
        let mut batch = Batch::new();
        batch.insert(&PastTemplate(old.value.clone()));
        batch.replace(
            old,
            &Template {
                version,
                changed_by: Some(by),
                changed_at: self.clock.wall().max(old.changed_at),
                ..new
            },
        );
        Ok(Decision {
            batch,
            outcome: version,
        })
    }

    fn check_template(&self, template: &Template) -> Result<(), SubmitError> {
        let problems = templates::problems(template);
        if !problems.is_empty() {
            let errors = problems
                .into_iter()
                .map(|one| FieldError::new(one.field, one.problem));
            return Err(SubmitError::Invalid(errors.collect()));
        }
        let all = self.repo.templates()?;
        let is_new = !all.iter().any(|one| one.id == template.id);
        if is_new && all.len() >= TEMPLATES_MAX {
            let problem = "There are {0} templates; there cannot be more.";
            return Err(wrong("name", Sentence::with(problem, &[&TEMPLATES_MAX])));
        }
        let taken =
            |one: &Loaded<Template>| one.id != template.id && same_name(&one.name, &template.name);
        if all.iter().any(taken) {
            return Err(wrong("name", "There is a template of this name already."));
        }
        Ok(())
    }
}

fn same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn wrong(field: &'static str, problem: impl Into<Sentence>) -> SubmitError {
    SubmitError::Invalid(vec![FieldError::new(field, problem)])
}
