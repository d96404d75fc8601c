//! What a program says about a file of contacts before it is looked at.

use serde::Deserialize;
use utoipa::ToSchema;

use super::super::App;
use super::Answer;
use super::body::field_id;
use super::contact_details::{given, kind};
use super::draft::channel;
use super::problem::{Problem, WrongField};
use crate::contacts_file::{MappingProblem, labels, settle};
use crate::domain::contact::CUSTOM_NAME_SIZE_MAX;
use crate::domain::{AreaId, ColumnUse, GroupId, ImportJob, ImportMapping, KnownPeople};

/// What a column holds.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnAsked {
    /// ignore, id, first_name, last_name, full_name, kind, language, area, groups, email, mobile,
    /// landline, field, consent or consent_date.
    means: String,
    /// Name of the field, for `field`.
    field: Option<String>,
    /// email, text or call, for `consent`; all when it is not given.
    channel: Option<String>,
    /// Name of the category, for `consent`; all when it is not given.
    category: Option<String>,
}

/// What a file is to be taken for. Whatever is left out stays as it was guessed, or said before.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MappingAsked {
    /// One for each column of the file, in its order.
    columns: Option<Vec<ColumnAsked>>,
    /// Whether the first row names the columns.
    header: Option<bool>,
    /// Region in which national numbers are read (ISO 3166-1 alpha-2).
    region: Option<String>,
    /// Kind of people whose row says none.
    kind: Option<String>,
    /// Language of people whose row says none (ISO 639-1).
    language: Option<String>,
    /// Area of people whose row says none; null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    area: Option<Option<String>>,
    /// A group for everybody; null for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    group: Option<Option<String>>,
    /// What becomes of people who are known: update, skip, or add once more.
    known: Option<String>,
    /// The field by which people are known; null for their addresses and numbers.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    by_field: Option<Option<String>>,
    /// Whether areas and groups that are missing are made.
    make_places: Option<bool>,
}

impl MappingAsked {
    /// What was said, over what is known of the file.
    pub(super) fn over(&self, app: &App, job: &ImportJob) -> Answer<ImportMapping> {
        let mut mapping = job.mapping.clone();
        if let Some(columns) = &self.columns {
            mapping.columns = all_columns(app, columns, &job.mapping.columns)?;
        }
        if let Some(name) = &self.kind {
            mapping.kind = kind(name)?;
        }
        if let Some(name) = &self.known {
            let found = KnownPeople::ALL
                .into_iter()
                .find(|one| one.as_str() == *name);
            let detail = "It is update, skip or add.";
            mapping.known = found.ok_or_else(|| Problem::field("known", detail))?;
        }
        if let Some(text) = &self.area {
            mapping.area = area(app, text.as_deref())?;
        }
        if let Some(text) = &self.group {
            mapping.group = group(app, text.as_deref())?;
        }
        for (old, new) in [
            (&mut mapping.region, &self.region),
            (&mut mapping.language, &self.language),
        ] {
            if let Some(new) = new {
                old.clone_from(new);
            }
        }
        if let Some(name) = &self.by_field {
            mapping.by_field.clone_from(name);
        }
        mapping.header = self.header.unwrap_or(mapping.header);
        mapping.make_places = self.make_places.unwrap_or(mapping.make_places);
        let problems = settle(&mut mapping);
        if problems.is_empty() {
            return Ok(mapping);
        }
        Err(Problem::validation(problems.iter().map(wrong).collect()))
    }
}

fn area(app: &App, text: Option<&str>) -> Answer<Option<AreaId>> {
    let Some(text) = text else { return Ok(None) };
    let area: AreaId = field_id("area", text)?;
    let found = app.repo().area(area)?;
    let gone = || Problem::field("area", "There is no such area.");
    found.map(|_| Some(area)).ok_or_else(gone)
}

fn group(app: &App, text: Option<&str>) -> Answer<Option<GroupId>> {
    let Some(text) = text else { return Ok(None) };
    let group: GroupId = field_id("group", text)?;
    let found = app.repo().group(group)?;
    let gone = || Problem::field("group", "There is no such group.");
    found.map(|_| Some(group)).ok_or_else(gone)
}

fn all_columns(app: &App, asked: &[ColumnAsked], before: &[ColumnUse]) -> Answer<Vec<ColumnUse>> {
    if asked.len() != before.len() {
        let detail = format!("The file has {} columns.", before.len());
        return Err(Problem::field("columns", detail));
    }
    let known = app.console.submit.categories();
    let categories: Vec<&str> = known.iter().map(|one| one.name.as_str()).collect();
    let columns = asked.iter().zip(before).enumerate();
    let read = |(index, (column, before)): (usize, (&ColumnAsked, &ColumnUse))| {
        column.read(index, &categories, before)
    };
    columns.map(read).collect()
}

impl ColumnAsked {
    /// `before` may name a category that this installation does not have: an exported file did.
    fn read(&self, index: usize, categories: &[&str], before: &ColumnUse) -> Answer<ColumnUse> {
        let field = |name: &str| format!("columns[{index}].{name}");
        let means = match self.means.as_str() {
            "ignore" => ColumnUse::Ignore,
            "field" => {
                let name = self.field.as_deref().unwrap_or_default();
                ColumnUse::Field(name.trim().to_owned())
            }
            "consent" => {
                let by = self.channel.as_deref();
                let by = by
                    .map(|name| channel(&field("channel"), name))
                    .transpose()?;
                ColumnUse::Consent(by, self.category.clone())
            }
            name => {
                let found = labels().find(|one| one.as_str() == name).cloned();
                let detail = "A column means none of these things.";
                found.ok_or_else(|| Problem::field(field("means"), detail))?
            }
        };
        if let ColumnUse::Consent(_, Some(name)) = &means
            && !categories.contains(&name.as_str())
            && means != *before
        {
            return Err(Problem::field(
                field("category"),
                "There is no such category.",
            ));
        }
        Ok(means)
    }
}

fn wrong(problem: &MappingProblem) -> WrongField {
    match problem {
        MappingProblem::FieldName(index) => WrongField::new(
            format!("columns[{index}].field"),
            format!("Give the field a name of at most {CUSTOM_NAME_SIZE_MAX} octets."),
        ),
        MappingProblem::Twice(index) => WrongField::new(
            format!("columns[{index}].means"),
            "Another column means this already.",
        ),
        MappingProblem::Nobody => WrongField::new(
            "columns",
            "At least one column must hold a name, an address, a number or an id.",
        ),
        MappingProblem::Region => WrongField::new(
            "region",
            "Give the two letters of a country, such as GB or FR.",
        ),
        MappingProblem::Language => {
            WrongField::new("language", "Give the two letters of a language.")
        }
        MappingProblem::ByField => WrongField::new("by_field", "No column holds this field."),
    }
}
