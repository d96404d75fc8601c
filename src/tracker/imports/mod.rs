//! Files of contacts: looked at, read in, taken back. Each pass goes over the rows in small
//! steps; a step is one atomic batch that also moves the cursor, so that a crash repeats
//! nothing and leaves nobody out, and whoever stops it stops it between two steps.

mod findings;
mod meet;
mod reader;
mod run;
mod undo;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{CONFLICTS_MAX, Tracker, TrackerError, is_conflict};
use crate::domain::import::{IMPORT_FILE_NAME_MAX, ImportState};
use crate::domain::{
    AuditActor, ImportId, ImportJob, ImportMapping, ImportPass, ImportTotals, Timestamp,
    UndoTotals, UserId, Via,
};
use crate::store::acting::{self, Acting};
use crate::store::engine::Blob;
use crate::store::{Batch, Loaded, LooseBatch, RowBatch};

pub use reader::ImportWork;

/// Rows that are forgotten in one batch.
const FORGOTTEN_AT_ONCE: usize = 2_000;

/// A file that has just come.
#[derive(Clone, Debug)]
pub struct NewImport {
    /// Who brought it.
    pub by: UserId,
    /// What it is called.
    pub file_name: String,
    /// The file.
    pub file: Bytes,
    /// How it was read, in few words.
    pub read_as: String,
    /// How many rows it has.
    pub rows: u32,
    /// What its columns probably mean.
    pub mapping: ImportMapping,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportStep {
    /// There is more to do.
    More,
    /// The pass is done, was stopped, or there was nothing to do.
    Done,
}

impl Tracker {
    /// Keeps a file; nothing else happens to it yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_import(&self, new: NewImport) -> Result<ImportId, TrackerError> {
        let now = self.clock.wall();
        let file = Blob::new(new.file);
        let mut job = ImportJob {
            id: ImportId::new(self.random.uuid_v7(now)),
            by: new.by,
            created_at: now,
            changed_at: now,
            file_name: new.file_name.chars().take(IMPORT_FILE_NAME_MAX).collect(),
            file: Some(file.id),
            size_bytes: file.bytes.len() as u64,
            read_as: new.read_as,
            rows: new.rows,
            state: ImportState::Uploaded,
            mapping: new.mapping,
            cursor: 0,
            undo_after: None,
            checked: ImportTotals::default(),
            done: ImportTotals::default(),
            undone: UndoTotals::default(),
            findings: [0; 3],
            due: None,
            failure: String::new(),
        };
        job.due = Some(job.forgotten_at());
        let mut batch = Batch::new();
        batch.blobs.push(file);
        batch.insert(&job);
        self.repo.store().commit(batch).await?;
        tracing::info!(import = %job.id, by = %job.by, rows = job.rows, "a file of contacts came");
        Ok(job.id)
    }

    /// Says what the columns mean and has every row looked at. False when it is too late.
    ///
    /// # Errors
    /// When there is no such import, or the store fails.
    pub async fn check_import(
        &self,
        id: ImportId,
        mapping: ImportMapping,
    ) -> Result<bool, TrackerError> {
        self.change_import(id, |job| {
            let may = matches!(job.state, ImportState::Uploaded | ImportState::Checked);
            if may {
                job.mapping = mapping.clone();
                job.checked = ImportTotals::default();
                job.findings[ImportPass::Check as usize - 1] = 0;
                job.state = ImportState::Checking;
            }
            may
        })
        .await
    }

    /// Has the contacts written. False unless every row has been looked at.
    ///
    /// # Errors
    /// When there is no such import, or the store fails.
    pub async fn start_import(&self, id: ImportId) -> Result<bool, TrackerError> {
        self.change_import(id, |job| {
            let may = job.state == ImportState::Checked;
            if may {
                job.state = ImportState::Running;
            }
            may
        })
        .await
    }

    /// Stops what is under way; what was written stays. False when nothing is.
    ///
    /// # Errors
    /// When there is no such import, or the store fails.
    pub async fn cancel_import(&self, id: ImportId) -> Result<bool, TrackerError> {
        self.change_import(id, |job| {
            job.state = match job.state {
                ImportState::Checking => ImportState::Uploaded,
                ImportState::Running => ImportState::Cancelled,
                ImportState::Uploaded
                | ImportState::Checked
                | ImportState::Done
                | ImportState::Cancelled
                | ImportState::Failed
                | ImportState::Undoing
                | ImportState::Undone => return false,
            };
            true
        })
        .await
    }

    /// Has it taken back. False when there is nothing to take back, or not any more.
    ///
    /// # Errors
    /// When there is no such import, or the store fails.
    pub async fn undo_import(&self, id: ImportId) -> Result<bool, TrackerError> {
        self.change_import(id, |job| {
            let may = job.can_be_undone();
            if may {
                job.state = ImportState::Undoing;
            }
            may
        })
        .await
    }

    /// Has the file and what was found in it forgotten now. False while it is worked on, and
    /// once contacts were written: then they could not be taken back any more.
    ///
    /// # Errors
    /// When there is no such import, or the store fails.
    pub async fn discard_import(&self, id: ImportId) -> Result<bool, TrackerError> {
        let now = self.clock.wall();
        self.change_import(id, |job| {
            let may = matches!(job.state, ImportState::Uploaded | ImportState::Checked);
            if may {
                job.state = ImportState::Cancelled;
                job.due = Some(now);
            }
            may
        })
        .await
    }

    async fn change_import(
        &self,
        id: ImportId,
        change: impl Fn(&mut ImportJob) -> bool + Send,
    ) -> Result<bool, TrackerError> {
        for _ in 0..CONFLICTS_MAX {
            let old = self.repo.import(id)?;
            let old = old.ok_or(TrackerError::NotFound("import"))?;
            let mut new = old.value.clone();
            if !change(&mut new) {
                return Ok(false);
            }
            enter(&mut new, old.due, self.clock.wall());
            let mut batch = Batch::new();
            batch.replace(&old, &new);
            match self.repo.store().commit(batch).await {
                Ok(_) => return Ok(true),
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(TrackerError::Contention)
    }

    /// Takes one step of whatever the import waits for. Nothing when there is no work left.
    ///
    /// # Errors
    /// When the store fails; then nothing of this step was written, and the work is to be
    /// opened again.
    pub async fn step_import(
        &self,
        work: ImportWork,
    ) -> Result<(ImportWork, ImportStep), TrackerError> {
        let act = match work.job.state {
            ImportState::Running => "import.run",
            ImportState::Undoing => "import.undo",
            ImportState::Uploaded
            | ImportState::Checking
            | ImportState::Checked
            | ImportState::Done
            | ImportState::Cancelled
            | ImportState::Failed
            | ImportState::Undone => "",
        };
        let actor = AuditActor::User(work.job.by, Via::Console);
        let acting = Acting::new(self.clock.wall(), actor, act, None);
        acting::scope(acting, self.step_as_stands(work)).await
    }

    async fn step_as_stands(
        &self,
        work: ImportWork,
    ) -> Result<(ImportWork, ImportStep), TrackerError> {
        match work.job.state {
            ImportState::Checking | ImportState::Running => self.step_rows(work).await,
            ImportState::Undoing => self.step_undo(work).await,
            ImportState::Uploaded
            | ImportState::Checked
            | ImportState::Done
            | ImportState::Cancelled
            | ImportState::Failed
            | ImportState::Undone => self.forget(work).await,
        }
    }

    /// Removes what is kept beside the totals once its time has come.
    async fn forget(&self, mut work: ImportWork) -> Result<(ImportWork, ImportStep), TrackerError> {
        let now = self.clock.wall();
        if work.job.due.is_none_or(|due| due > now) {
            return Ok((work, ImportStep::Done));
        }
        let seen = *self.repo.store().watch_commits().borrow();
        let mut batch = Batch::new();
        let left = self.repo.import_leftovers(work.job.id, FORGOTTEN_AT_ONCE)?;
        let done = left.len() < FORGOTTEN_AT_ONCE;
        for key in left {
            batch.delete(key);
        }
        let mut new = work.job.value.clone();
        if done {
            let file: BTreeSet<_> = new.file.take().into_iter().collect();
            batch.loosen(&file, now, seen);
            new.due = None;
            new.findings = [0; 3];
        }
        batch.replace(&work.job, &new);
        self.commit_step(batch, &mut work).await?;
        let step = if done {
            ImportStep::Done
        } else {
            ImportStep::More
        };
        Ok((work, step))
    }

    /// Commits a step and reads the job again. A conflict when somebody has stopped it meanwhile;
    /// then nothing was written.
    async fn commit_step(&self, batch: Batch, work: &mut ImportWork) -> Result<(), TrackerError> {
        self.repo.store().commit(batch).await?;
        work.job = self.load_import(work.job.id)?;
        Ok(())
    }

    fn load_import(&self, id: ImportId) -> Result<Loaded<ImportJob>, TrackerError> {
        let job = self.repo.import(id)?;
        job.ok_or(TrackerError::NotFound("import"))
    }
}

/// What follows from a new state: when there is something to do, and from which row.
fn enter(job: &mut ImportJob, was_due: Option<Timestamp>, now: Timestamp) {
    job.changed_at = now;
    if job.state.is_working() {
        job.cursor = 0;
        job.due = Some(now);
    } else if job.due == was_due {
        job.due = Some(job.forgotten_at().max(now));
    }
}
