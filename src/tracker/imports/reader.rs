//! An import being worked on: the file in memory, and how far it has been read.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::findings::Findings;
use crate::contacts_file::{Checker, Note, Person, Places, Table, fold, read};
use crate::domain::group::GROUPS_MAX;
use crate::domain::{
    AreaId, ContactId, ImportId, ImportJob, ImportMapping, ImportPass, ImportState, Sentence,
};
use crate::store::{Loaded, Repo, keys};
use crate::tracker::{Tracker, TrackerError};

/// Contacts read at a time when they are looked through for a field.
const SCAN_ROWS: usize = 1_000;
/// Most things said of one row.
const NOTES_MAX: usize = 20;

/// A row that was read.
#[derive(Debug)]
pub(super) struct Ready {
    /// Its position in the table.
    pub(super) at: usize,
    /// What a spreadsheet calls it.
    pub(super) number: u32,
    /// Whom it is about, if it can be taken so far.
    pub(super) person: Option<Person>,
    pub(super) notes: Vec<Note>,
}

/// Reads ahead.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) table: Arc<Table>,
    checker: Checker,
    next: usize,
}

impl Reader {
    /// The next rows that hold something, at most so many; the position behind the last.
    pub(super) fn ahead(&mut self, rows: usize) -> Vec<Ready> {
        let mut ready = Vec::with_capacity(rows);
        while ready.len() < rows && self.next < self.table.len() {
            let at = self.next;
            self.next += 1;
            if let Some((person, mut notes)) = self.checker.check(&self.table, at) {
                notes.truncate(NOTES_MAX);
                ready.push(Ready {
                    at,
                    number: self.table.number(at),
                    person,
                    notes,
                });
            }
        }
        ready
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.next >= self.table.len()
    }
}

/// An import being worked on.
#[derive(Debug)]
pub struct ImportWork {
    pub(super) job: Loaded<ImportJob>,
    pub(super) reader: Option<Reader>,
    /// The mapping, without places that are gone.
    pub(super) mapping: ImportMapping,
    pub(super) places: Places,
    /// Who is known by the field that was chosen, by its folded value.
    pub(super) by_field: HashMap<String, Vec<ContactId>>,
    /// Rows read and not yet written.
    pub(super) ready: VecDeque<Ready>,
    pub(super) findings: Findings,
}

impl ImportWork {
    /// Which import it is.
    #[must_use]
    pub fn id(&self) -> ImportId {
        self.job.id
    }

    pub(super) fn pass(&self) -> ImportPass {
        match self.job.state {
            ImportState::Running => ImportPass::Run,
            ImportState::Undoing => ImportPass::Undo,
            ImportState::Uploaded
            | ImportState::Checking
            | ImportState::Checked
            | ImportState::Done
            | ImportState::Cancelled
            | ImportState::Failed
            | ImportState::Undone => ImportPass::Check,
        }
    }
}

impl Tracker {
    /// Opens an import to work on it: reads its file and looks again at the rows before the
    /// cursor, for those behind are compared with them. Takes seconds for a large file; call it
    /// where nothing waits. None when there is no such import.
    ///
    /// # Errors
    /// When the store fails.
    pub fn open_import(&self, id: ImportId) -> Result<Option<ImportWork>, TrackerError> {
        let Some(job) = self.repo.import(id)? else {
            return Ok(None);
        };
        let mut work = ImportWork {
            mapping: job.mapping.clone(),
            job,
            reader: None,
            places: Places::default(),
            by_field: HashMap::new(),
            ready: VecDeque::new(),
            findings: Findings::default(),
        };
        if !work.job.state.is_working() {
            return Ok(Some(work));
        }
        let pass = work.pass();
        work.findings = Findings::read(&self.repo, id, pass, work.job.findings_of(pass))?;
        if work.job.state == ImportState::Undoing {
            return Ok(Some(work));
        }
        work.mapping = self.mapping_now(&work.job.mapping)?;
        work.places = self.places(&work.mapping)?;
        if let Some(field) = &work.mapping.by_field {
            work.by_field = known_by(&self.repo, field)?;
        }
        // No date in the file can be later than the file.
        let mut checker = Checker::new(work.mapping.clone(), work.job.created_at);
        if let Some(table) = self.table_of(&work.job)? {
            let cursor = work.job.cursor as usize;
            let first = usize::from(work.job.mapping.header).max(cursor);
            for row in usize::from(work.job.mapping.header)..cursor {
                let seen = checker.check(&table, row);
                self.place_again(&mut work, seen.and_then(|(person, _)| person));
            }
            work.reader = Some(Reader {
                table: Arc::new(table),
                checker,
                next: first,
            });
        }
        Ok(Some(work))
    }

    /// The dry run counts an area that is missing once, however often it is opened.
    fn place_again(&self, work: &mut ImportWork, person: Option<Person>) {
        if work.job.state == ImportState::Checking
            && let Some(person) = person
        {
            let now = work.job.created_at;
            let mut new_id = || self.random.uuid_v7(now).into_bytes();
            let group = work.mapping.group;
            let _ = work
                .places
                .find(&person, group, now, &mut new_id, &mut Vec::new());
            let _ = work.places.take_new();
        }
    }

    fn table_of(&self, job: &ImportJob) -> Result<Option<Table>, TrackerError> {
        let Some(file) = job.file else {
            return Ok(None);
        };
        let bytes = self.repo.store().get_blob(file)?;
        Ok(bytes.and_then(|bytes| match read(&bytes) {
            Ok((table, _)) => Some(table),
            Err(error) => {
                let why = Sentence::from(&error);
                tracing::warn!(import = %job.id, why = why.english, "a file of contacts does not read back");
                None
            }
        }))
    }

    /// The mapping without places that are gone.
    pub(super) fn mapping_now(
        &self,
        mapping: &ImportMapping,
    ) -> Result<ImportMapping, TrackerError> {
        let mut mapping = mapping.clone();
        mapping.area = self.area_if_there(mapping.area)?;
        if let Some(group) = mapping.group
            && self.repo.group(group)?.is_none()
        {
            mapping.group = None;
        }
        Ok(mapping)
    }

    pub(super) fn area_if_there(
        &self,
        area: Option<AreaId>,
    ) -> Result<Option<AreaId>, TrackerError> {
        Ok(match area {
            Some(id) if self.repo.store().get(&keys::area(id))?.is_none() => None,
            other => other,
        })
    }

    pub(super) fn places(&self, mapping: &ImportMapping) -> Result<Places, TrackerError> {
        let groups = self.repo.groups(GROUPS_MAX)?;
        let groups: Vec<_> = groups.into_iter().map(|group| group.value).collect();
        Ok(Places::new(
            &self.repo.areas()?,
            &groups,
            mapping.make_places,
        ))
    }
}

/// Everybody who has a field, by what it says.
fn known_by(repo: &Repo, field: &str) -> Result<HashMap<String, Vec<ContactId>>, TrackerError> {
    let mut known: HashMap<String, Vec<ContactId>> = HashMap::new();
    let mut after = None;
    loop {
        let page = repo.contacts_by_name("", after, SCAN_ROWS)?;
        for contact in &page.rows {
            for own in &contact.custom {
                if fold(&own.name) == fold(field) {
                    known
                        .entry(fold(own.value.reveal()))
                        .or_default()
                        .push(contact.id);
                }
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(known);
        }
    }
}
