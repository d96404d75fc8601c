//! What is read of a file of contacts before and while it is read in.

use std::sync::Arc;

use super::Result;
use crate::contacts_file::{Table, read_beginning};
use crate::domain::import::FINDINGS_CHUNK;
use crate::domain::{Finding, ImportJob, ImportPass};
use crate::http::App;
use crate::http::fault::Fault;
use crate::store::{Repo, RepoError};

/// Rows shown, the one that names the columns included.
const ROWS_SHOWN: usize = 4;
/// Longest value shown, in characters.
const VALUE_SHOWN: usize = 40;

/// The first rows of a file, when its turn has come: reading it takes a multiple of its size, so
/// that only a few are read at once.
///
/// # Errors
/// [`Fault::NotFound`] when the file has been forgotten.
pub(crate) async fn beginning(app: &App, job: &ImportJob) -> Result<Table> {
    let place = Arc::clone(&app.glimpses).acquire_owned().await;
    let place = place.map_err(|_| Fault::Unavailable)?;
    let (repo, job) = (app.repo().clone(), job.clone());
    super::apart(move || {
        let _place = place;
        first_rows(&repo, &job)
    })
    .await
}

fn first_rows(repo: &Repo, job: &ImportJob) -> Result<Table> {
    let file = job.file.ok_or(Fault::NotFound)?;
    let bytes = repo.store().get_blob(file)?.ok_or(Fault::NotFound)?;
    let read = read_beginning(&bytes, ROWS_SHOWN).map_err(|_| Fault::NotFound)?;
    Ok(read.0)
}

/// What stands in a column, cut short.
pub(crate) struct Glimpse {
    /// What the first row calls it; empty when that row is a person.
    pub(crate) title: String,
    /// What stands in it in the first rows.
    pub(crate) examples: Vec<String>,
}

impl Glimpse {
    pub(crate) fn of(table: &Table, header: bool, index: usize) -> Self {
        let short = |text: &str| -> String { text.chars().take(VALUE_SHOWN).collect() };
        let first = usize::from(header);
        let rows = first..table.len().min(first + ROWS_SHOWN - 1);
        let examples = rows
            .map(|row| short(table.cell(row, index).text))
            .filter(|text| !text.is_empty());
        Self {
            title: if header {
                short(table.cell(0, index).text)
            } else {
                String::new()
            },
            examples: examples.collect(),
        }
    }
}

/// Findings of a pass from the one with this position, at most so many.
pub(crate) fn findings(
    repo: &Repo,
    job: &ImportJob,
    pass: ImportPass,
    from: u32,
    most: usize,
) -> std::result::Result<Vec<Finding>, RepoError> {
    let before = from as usize % FINDINGS_CHUNK;
    let chunk = from / FINDINGS_CHUNK as u32;
    let chunks = (before + most).div_ceil(FINDINGS_CHUNK);
    let mut found = repo.import_findings(job.id, pass, chunk, chunks)?;
    // Chunks of an earlier dry run may stand behind those that count.
    let left = job.findings_of(pass).saturating_sub(from) as usize;
    found.drain(..before.min(found.len()));
    found.truncate(most.min(left));
    Ok(found)
}

/// What a spreadsheet calls a column: A, B, …, Z, AA.
pub(crate) fn letter(index: usize) -> String {
    let last = char::from(b'A' + u8::try_from(index % 26).unwrap_or(0));
    match index / 26 {
        0 => last.to_string(),
        more => format!("{}{last}", letter(more - 1)),
    }
}
