//! Files of contacts as answers hold them.

use serde::Serialize;
use utoipa::ToSchema;

use super::super::data::imports::{Glimpse, letter};
use super::shape::time;
use crate::contacts_file::Table;
use crate::domain::sentence::fill;
use crate::domain::{
    Channel, ColumnUse, Finding, ImportJob, ImportMapping, ImportTotals, UndoTotals,
};

/// What a column holds.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ColumnShape {
    /// As a spreadsheet calls it: A, B, …, AA.
    letter: String,
    /// ignore, id, first_name, last_name, full_name, kind, language, area, groups, email, mobile,
    /// landline, field, consent or consent_date.
    means: &'static str,
    /// Name of the field, of a column that holds one of the installation's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// By which channel, of a column that holds decisions; without it by all.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'static str>,
    /// About which category, of a column that holds decisions; without it about all.
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
}

impl ColumnShape {
    fn of((index, means): (usize, &ColumnUse)) -> Self {
        let (channel, category) = match means {
            ColumnUse::Consent(channel, category) => (*channel, category.clone()),
            _ => (None, None),
        };
        Self {
            letter: letter(index),
            means: means.as_str(),
            field: match means {
                ColumnUse::Field(name) => Some(name.clone()),
                _ => None,
            },
            channel: channel.map(Channel::as_str),
            category,
        }
    }
}

/// What a file is taken for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MappingShape {
    columns: Vec<ColumnShape>,
    /// Whether the first row names the columns.
    header: bool,
    /// Region in which national numbers are read (ISO 3166-1 alpha-2).
    region: String,
    /// Kind of people whose row says none.
    kind: &'static str,
    /// Language of people whose row says none (ISO 639-1).
    language: String,
    /// Area of people whose row says none.
    area: Option<String>,
    /// A group for everybody.
    group: Option<String>,
    /// What becomes of people who are known: update, skip, or add once more.
    known: &'static str,
    /// The field by which people are known; null for their addresses and numbers.
    by_field: Option<String>,
    /// Whether areas and groups that are missing are made.
    make_places: bool,
}

impl MappingShape {
    fn of(mapping: &ImportMapping) -> Self {
        let columns = mapping.columns.iter().enumerate();
        Self {
            columns: columns.map(ColumnShape::of).collect(),
            header: mapping.header,
            region: mapping.region.clone(),
            kind: mapping.kind.as_str(),
            language: mapping.language.clone(),
            area: mapping.area.map(|area| area.to_string()),
            group: mapping.group.map(|group| group.to_string()),
            known: mapping.known.as_str(),
            by_field: mapping.by_field.clone(),
            make_places: mapping.make_places,
        }
    }
}

/// What comes, or came, of the rows.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TotalsShape {
    /// People who are new.
    added: u32,
    /// People who change.
    updated: u32,
    /// People about whom the file says nothing new.
    unchanged: u32,
    /// People who are known and left alone.
    skipped: u32,
    /// Rows that cannot be taken.
    bad: u32,
    /// Remarks on rows that can be taken.
    warnings: u32,
    /// Areas that were missing.
    areas: u32,
    /// Groups that were missing.
    groups: u32,
}

impl TotalsShape {
    const fn of(totals: &ImportTotals) -> Self {
        Self {
            added: totals.added,
            updated: totals.updated,
            unchanged: totals.unchanged,
            skipped: totals.skipped,
            bad: totals.bad,
            warnings: totals.warnings,
            areas: totals.areas,
            groups: totals.groups,
        }
    }
}

/// What came of taking it back.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UndoneShape {
    /// People who were removed.
    removed: u32,
    /// People who are again as they were.
    restored: u32,
    /// People who stay, because something has happened to them since.
    kept: u32,
}

impl UndoneShape {
    const fn of(undone: &UndoTotals) -> Self {
        Self {
            removed: undone.removed,
            restored: undone.restored,
            kept: undone.kept,
        }
    }
}

/// A file of contacts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ImportShape {
    id: String,
    file_name: String,
    /// The user who brought it.
    by: String,
    created_at: String,
    /// When its state last changed.
    changed_at: String,
    size_bytes: u64,
    /// How it was read: format, encoding, separator or sheet.
    read_as: String,
    /// Rows, a row with names of columns included.
    rows: u32,
    /// uploaded, checking (the dry run), checked, running, done, cancelled, failed, undoing or
    /// undone.
    state: &'static str,
    /// How far it is, in whole per cent, while it is worked on.
    percent: Option<u64>,
    mapping: MappingShape,
    /// What the dry run says would come of the rows.
    checked: TotalsShape,
    /// What was written.
    done: TotalsShape,
    undone: UndoneShape,
    /// How many findings are written down for the pass that the state belongs to.
    findings: u32,
    can_be_undone: bool,
    /// When file and findings are forgotten; null once they are.
    kept_until: Option<String>,
    /// Why it failed.
    failure: Option<String>,
}

impl ImportShape {
    pub(super) fn of(job: &ImportJob) -> Self {
        let working = job.state.is_working();
        Self {
            id: job.id.to_string(),
            file_name: job.file_name.clone(),
            by: job.by.to_string(),
            created_at: time(job.created_at),
            changed_at: time(job.changed_at),
            size_bytes: job.size_bytes,
            read_as: job.read_as.clone(),
            rows: job.rows,
            state: job.state.as_str(),
            percent: working.then(|| job.percent()),
            mapping: MappingShape::of(&job.mapping),
            checked: TotalsShape::of(&job.checked),
            done: TotalsShape::of(&job.done),
            undone: UndoneShape::of(&job.undone),
            findings: job.findings_of(job.state.pass()),
            can_be_undone: job.can_be_undone(),
            kept_until: job.due.map(|_| time(job.forgotten_at())),
            failure: Some(job.failure.clone()).filter(|why| !why.is_empty()),
        }
    }
}

/// A column, with what stands in it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SeenColumnShape {
    #[serde(flatten)]
    column: ColumnShape,
    /// What the first row calls it; empty when that row is a person.
    title: String,
    /// What stands in the first rows, cut short.
    examples: Vec<String>,
}

impl SeenColumnShape {
    pub(super) fn all(table: &Table, mapping: &ImportMapping) -> Vec<Self> {
        let columns = mapping.columns.iter().enumerate();
        let shape = |(index, means): (usize, &ColumnUse)| {
            let Glimpse { title, examples } = Glimpse::of(table, mapping.header, index);
            Self {
                column: ColumnShape::of((index, means)),
                title,
                examples,
            }
        };
        columns.map(shape).collect()
    }
}

/// Something about one row.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FindingShape {
    /// Number of the row, as a spreadsheet counts: the first is 1. 0 for none.
    row: u32,
    /// Letter of the column.
    column: Option<String>,
    /// The beginning of what stands there.
    value: String,
    /// Whether the row cannot be taken for it.
    bad: bool,
    /// Why, in a sentence.
    why: String,
    /// Whom it is about, where it is about somebody who is known.
    contact: Option<String>,
}

impl FindingShape {
    pub(super) fn of(finding: &Finding) -> Self {
        let parts: Vec<&str> = finding.parts.iter().map(String::as_str).collect();
        Self {
            row: finding.row,
            column: finding.column.map(|index| letter(usize::from(index))),
            value: finding.value.reveal().clone(),
            bad: finding.bad,
            why: fill(&finding.why, &parts),
            contact: finding.contact.map(|contact| contact.to_string()),
        }
    }
}
