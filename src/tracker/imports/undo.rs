//! Taking an import back: people who were changed are as they were, people who are new are
//! gone; unless something has happened to them since.

use super::reader::ImportWork;
use super::{ImportStep, enter};
use crate::contacts_file::{Note, why};
use crate::domain::{
    Actor, BlobId, Contact, ContactId, Finding, ImportId, ImportImage, ImportJob, ImportPass,
    ImportState, LogEvent, comms_issue,
};
use crate::store::engine::{Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};
use crate::store::records::Record;
use crate::store::{Batch, Loaded, RowBatch};
use crate::tracker::write::write_log;
use crate::tracker::{CONFLICTS_MAX, Tracker, TrackerError, is_conflict};

/// People in one step.
const STEP_PEOPLE: usize = 200;
/// Lines of a log that are looked at, and removed with their contact.
const LOG_LINES_MAX: usize = 20;

impl Tracker {
    pub(super) async fn step_undo(
        &self,
        mut work: ImportWork,
    ) -> Result<(ImportWork, ImportStep), TrackerError> {
        for _ in 0..CONFLICTS_MAX {
            let (batch, findings, ends) = self.prepare_undo(&work)?;
            match self.repo.store().commit(batch).await {
                Ok(_) => {
                    work.findings = findings;
                    work.job = self.load_import(work.job.id)?;
                    let step = if ends {
                        ImportStep::Done
                    } else {
                        ImportStep::More
                    };
                    return Ok((work, step));
                }
                Err(error) if is_conflict(&error) => {
                    let now = self.load_import(work.job.id)?;
                    if now.state != work.job.state || now.undo_after != work.job.undo_after {
                        return Ok((work, ImportStep::Done));
                    }
                    work.job = now;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(TrackerError::Contention)
    }

    fn prepare_undo(
        &self,
        work: &ImportWork,
    ) -> Result<(Batch, super::findings::Findings, bool), TrackerError> {
        let mut job = work.job.value.clone();
        let mut batch = Batch::new();
        let mut notes: Vec<Finding> = Vec::new();
        let images = self.repo.import_images(job.id, STEP_PEOPLE)?;
        let mut ends = false;
        if images.is_empty() {
            let ids = self.next_made(&job)?;
            ends = ids.len() < STEP_PEOPLE;
            for id in &ids {
                self.remove_made(&mut batch, &mut job, *id, &mut notes)?;
            }
            job.undo_after = ids.last().copied().or(job.undo_after);
        }
        for image in &images {
            self.restore(&mut batch, &mut job, image, &mut notes)?;
        }
        let mut findings = work.findings.clone();
        findings.write(&mut batch, job.id, ImportPass::Undo, notes);
        job.findings[ImportPass::Undo as usize - 1] = findings.count();
        if ends {
            job.state = ImportState::Undone;
            enter(&mut job, work.job.due, self.clock.wall());
            let undone = job.undone;
            tracing::info!(import = %job.id, removed = undone.removed, restored = undone.restored, kept = undone.kept, "an import was taken back");
        }
        batch.replace(&work.job, &job);
        Ok((batch, findings, ends))
    }

    /// People who came with the file, from the last one looked at.
    fn next_made(&self, job: &ImportJob) -> Result<Vec<ContactId>, TrackerError> {
        let after = job.undo_after.map(|id| import_index(job.id, id));
        let page = self
            .repo
            .contact_ids_of_import(job.id, after, STEP_PEOPLE)?;
        Ok(page.rows)
    }

    fn restore(
        &self,
        batch: &mut Batch,
        job: &mut ImportJob,
        image: &Loaded<ImportImage>,
        notes: &mut Vec<Finding>,
    ) -> Result<(), TrackerError> {
        batch.remove(image);
        let id = image.before.id;
        let Some(contact) = self.repo.contact(id)? else {
            job.undone.kept += 1;
            notes.push(Note::warning(why::GONE).about(id).finding(0));
            return Ok(());
        };
        if BlobId::of(&contact.to_bytes()) != image.after {
            job.undone.kept += 1;
            notes.push(Note::warning(why::CHANGED_SINCE).about(id).finding(0));
            return Ok(());
        }
        let now = self.clock.wall();
        let mut before = image.before.clone();
        before.area = self.area_if_there(before.area)?;
        let mut groups = Vec::with_capacity(before.groups.len());
        for group in before.groups {
            groups.extend(self.repo.group(group)?.map(|group| group.id));
        }
        before.groups = groups;
        comms_issue::refresh(&mut before, now);
        batch.replace(&contact, &before);
        let event = LogEvent::changed(
            crate::domain::ContactChange::Edited,
            None,
            Actor::Import(job.id),
        );
        write_log(batch, id, now, vec![event], self.random.next_u64());
        job.undone.restored += 1;
        Ok(())
    }

    fn remove_made(
        &self,
        batch: &mut Batch,
        job: &mut ImportJob,
        id: ContactId,
        notes: &mut Vec<Finding>,
    ) -> Result<(), TrackerError> {
        let Some(contact) = self.repo.contact(id)? else {
            return Ok(());
        };
        let log = self.log_keys(id)?;
        if let Some(why) = self.why_it_stays(&contact, job.id)? {
            job.undone.kept += 1;
            notes.push(Note::warning(why).about(id).finding(0));
            return Ok(());
        }
        batch.remove(&contact);
        for key in log {
            batch.delete(key);
        }
        job.undone.removed += 1;
        Ok(())
    }

    /// Whatever happens to somebody writes a line into their log; what is sent, a delivery.
    fn why_it_stays(
        &self,
        contact: &Contact,
        import: ImportId,
    ) -> Result<Option<&'static str>, TrackerError> {
        if !self
            .repo
            .deliveries_of(contact.id, None, 1)?
            .rows
            .is_empty()
        {
            return Ok(Some(why::WRITTEN_TO));
        }
        let log = self.repo.log(contact.id, None, LOG_LINES_MAX)?;
        let only_ours = log.rows.len() < LOG_LINES_MAX
            && log.rows.iter().all(|line| {
                matches!(line.event, LogEvent::Changed { by, .. } if by == Actor::Import(import))
            });
        Ok((!only_ours).then_some(why::CHANGED_SINCE))
    }

    fn log_keys(&self, contact: ContactId) -> Result<Vec<Key>, TrackerError> {
        let prefix = KeyBuilder::new(keys::LOG).bytes(contact.as_bytes()).build();
        let rows = self
            .repo
            .store()
            .scan(KeyRange::prefix(prefix), LOG_LINES_MAX)?;
        Ok(rows.into_iter().map(|(key, _)| key).collect())
    }
}

/// Where somebody stands among those who came with a file.
fn import_index(import: ImportId, contact: ContactId) -> Key {
    KeyBuilder::new(keys::CONTACT_BY_IMPORT)
        .bytes(import.as_bytes())
        .bytes(contact.as_bytes())
        .build()
}
