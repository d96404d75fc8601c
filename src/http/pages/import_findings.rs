//! What was found in the rows of a file: a page of it, and all of it as a file.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::sync::Arc;

use axum::extract::{Path, State};

use super::super::App;
use super::super::data::imports::{self, letter};
use super::super::fault::Fault;
use super::super::session::Signed;
use super::super::sheet::SheetError;
use super::super::view::Chrome;
use super::super::words::Words;
use super::import_columns::key_of;
use super::import_job::job_of;
use super::{Answer, exports};
use crate::contacts_file::{csv_begin, csv_row};
use crate::domain::import::FINDINGS_CHUNK;
use crate::domain::sentence::fill;
use crate::domain::{ColumnUse, ContactId, Finding, ImportJob};
use crate::store::Repo;

/// Findings on one page.
const FINDINGS_SHOWN: usize = 6 * FINDINGS_CHUNK;
/// Findings read at a time for a file.
const FINDINGS_READ: usize = 64 * FINDINGS_CHUNK;

/// A finding as a page shows it.
pub(super) struct FindingRow {
    pub(super) row: u32,
    pub(super) column: String,
    pub(super) value: String,
    pub(super) bad: bool,
    pub(super) why: String,
    /// Whom it is about: id and name, if that contact is still there.
    pub(super) contact: Option<(ContactId, String)>,
}

/// Findings of one page.
pub(super) struct Part {
    pub(super) rows: Vec<FindingRow>,
    pub(super) more: bool,
}

/// Why, in the language of the page.
fn why(words: &Words, finding: &Finding) -> String {
    let parts: Vec<&str> = finding.parts.iter().map(|part| words.say(part)).collect();
    fill(words.say(&finding.why), &parts)
}

/// Letter and meaning of the column.
fn column(words: &Words, job: &ImportJob, finding: &Finding) -> String {
    let Some(index) = finding.column.map(usize::from) else {
        return String::new();
    };
    let name = match job.mapping.columns.get(index) {
        Some(ColumnUse::Field(name)) => name.clone(),
        Some(means) => words.t(key_of(means)).to_owned(),
        None => String::new(),
    };
    words.fill("import.column_named", &[&letter(index), &name])
}

pub(super) fn part(app: &App, c: &Chrome, job: &ImportJob, part: u32) -> Result<Part, Fault> {
    let pass = job.state.pass();
    let from = part.saturating_mul(FINDINGS_SHOWN as u32);
    let found = imports::findings(app.repo(), job, pass, from, FINDINGS_SHOWN)?;
    let more = job.findings_of(pass) as usize > from as usize + found.len();
    let mut rows = Vec::with_capacity(found.len());
    for finding in found {
        let contact = match finding.contact {
            Some(id) => app
                .repo()
                .contact(id)?
                .map(|contact| (id, contact.full_name())),
            None => None,
        };
        rows.push(FindingRow {
            row: finding.row,
            column: column(c.words, job, &finding),
            bad: finding.bad,
            why: why(c.words, &finding),
            value: finding.value.into_inner(),
            contact,
        });
    }
    Ok(Part { rows, more })
}

/// `GET /contacts/imports/{id}/findings.csv`
pub(super) async fn file(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let job = job_of(&app, &text)?;
    let (repo, words) = (app.repo().clone(), signed.words);
    exports::download(&app, "findings.csv", move |stop| {
        let mut file = tempfile::tempfile()?;
        write(&repo, words, &job, &mut file, &|| stop.is_cancelled())?;
        let size = file.seek(SeekFrom::End(0))?;
        file.rewind()?;
        Ok((file, size))
    })
    .await
}

fn write(
    repo: &Repo,
    words: &Words,
    job: &ImportJob,
    file: &mut File,
    stopped: &dyn Fn() -> bool,
) -> Result<(), SheetError> {
    let mut out = BufWriter::new(file);
    let titles = [
        "import.row",
        "import.column",
        "import.value",
        "import.weight",
        "import.why",
    ];
    out.write_all(&csv_begin(&titles.map(|key| words.t(key).to_owned()), true))?;
    let pass = job.state.pass();
    let mut from = 0;
    loop {
        if stopped() {
            return Err(SheetError::Stopped);
        }
        let found = imports::findings(repo, job, pass, from, FINDINGS_READ)?;
        if found.is_empty() {
            break;
        }
        from += found.len() as u32;
        for finding in found {
            let weight = if finding.bad {
                "import.bad"
            } else {
                "import.warning"
            };
            let cells = [
                finding.row.to_string(),
                column(words, job, &finding),
                finding.value.reveal().clone(),
                words.t(weight).to_owned(),
                why(words, &finding),
            ];
            out.write_all(&csv_row(&cells))?;
        }
    }
    out.flush()?;
    Ok(())
}
