//! Taking an import back: people who were changed are as they were, people who are new are
//! gone; unless something has happened to them since.
//!
//! Whoever is to go is closed first, in a step of its own: nothing new can be sent to them then,
//! nobody puts them on a recipient list, and whatever was on its way into the store at that moment
//! is seen by the step that removes. A mail that is submitted to their address meanwhile, or comes
//! from it, belongs to somebody new.

use super::reader::ImportWork;
use super::run::{Standing, apart};
use super::{ImportStep, enter};
use crate::contacts_file::{Note, why};
use crate::domain::{
    Actor, BlobId, Contact, ContactId, Finding, ImportId, ImportImage, ImportJob, ImportPass,
    ImportState, LogEvent, MethodState, UserId, comms_issue,
};
use crate::store::engine::{BATCH_OPS_MAX, Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};
use crate::store::records::Record;
use crate::store::{Batch, Loaded, RowBatch};
use crate::tracker::write::write_log;
use crate::tracker::{CONFLICTS_MAX, Tracker, TrackerError, is_conflict};

/// People in one step.
const STEP_PEOPLE: usize = 200;
/// Lines of a log that are looked at, and removed with their contact.
const LOG_LINES_MAX: usize = 20;
/// Users whose recipient lists are looked through.
const USERS_MAX: usize = 2_000;
/// A step takes no further person once it has this many operations. The last one may add the entry
/// and the counter of each user's recipient list, and what they are and are found by.
const STEP_OPS: usize = BATCH_OPS_MAX - 2 * USERS_MAX - 2_000;

/// A step that is ready to be committed.
struct Undone {
    batch: Batch,
    findings: super::findings::Findings,
    ends: bool,
}

/// A step being put together.
struct Undoing {
    job: ImportJob,
    batch: Batch,
    notes: Vec<Finding>,
    standing: Standing,
    users: Vec<UserId>,
}

impl Undoing {
    fn keep(&mut self, id: ContactId, why: &'static str) {
        self.job.undone.kept += 1;
        self.notes.push(Note::warning(why).about(id).finding(0));
    }
}

impl Tracker {
    pub(super) async fn step_undo(
        &self,
        mut work: ImportWork,
    ) -> Result<(ImportWork, ImportStep), TrackerError> {
        for _ in 0..CONFLICTS_MAX {
            let tracker = self.clone();
            let (back, prepared) = apart(move || {
                let prepared = tracker.prepare_undo(&work);
                (work, prepared)
            })
            .await?;
            work = back;
            let prepared = prepared?;
            match self.repo.store().commit(prepared.batch).await {
                Ok(_) => {
                    work.findings = prepared.findings;
                    work.job = self.load_import(work.job.id)?;
                    let step = if prepared.ends {
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

    fn prepare_undo(&self, work: &ImportWork) -> Result<Undone, TrackerError> {
        let id = work.job.id;
        let mut undoing = Undoing {
            job: work.job.value.clone(),
            batch: Batch::new(),
            notes: Vec::new(),
            standing: Standing::default(),
            users: Vec::new(),
        };
        let images = self.repo.import_images(id, STEP_PEOPLE)?;
        let mut ends = false;
        if images.is_empty() {
            let ids = self.next_made(&undoing.job)?;
            let mut closed = 0;
            for id in &ids {
                closed += usize::from(self.close_made(&mut undoing, *id)?);
            }
            ends = closed == 0 && ids.len() < STEP_PEOPLE;
            undoing.job.undo_after = ids.last().copied().or(undoing.job.undo_after);
        } else {
            let users = self.repo.users(USERS_MAX)?;
            undoing.users = users.iter().map(|user| user.id).collect();
        }
        for image in &images {
            undoing.batch.remove(image);
            if is_closing(image) {
                self.remove_made(&mut undoing, image)?;
            } else {
                self.restore(&mut undoing, image)?;
            }
            if undoing.batch.ops.len() >= STEP_OPS {
                break;
            }
        }
        let Undoing {
            mut job,
            mut batch,
            notes,
            ..
        } = undoing;
        let mut findings = work.findings.clone();
        findings.write(&mut batch, id, ImportPass::Undo, notes);
        job.findings[ImportPass::Undo as usize - 1] = findings.count();
        if ends {
            job.state = ImportState::Undone;
            enter(&mut job, work.job.due, self.clock.wall());
            let undone = job.undone;
            tracing::info!(import = %job.id, removed = undone.removed, restored = undone.restored, kept = undone.kept, "an import was taken back");
        }
        batch.replace(&work.job, &job);
        Ok(Undone {
            batch,
            findings,
            ends,
        })
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
        undoing: &mut Undoing,
        image: &Loaded<ImportImage>,
    ) -> Result<(), TrackerError> {
        let id = image.before.id;
        let Some(contact) = self.repo.contact(id)? else {
            undoing.keep(id, why::GONE);
            return Ok(());
        };
        if BlobId::of(&contact.to_bytes()) != image.after {
            undoing.keep(id, why::CHANGED_SINCE);
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
        undoing.standing.expect(&mut undoing.batch, &before);
        undoing.batch.replace(&contact, &before);
        let event = LogEvent::changed(
            crate::domain::ContactChange::Edited,
            None,
            Actor::Import(undoing.job.id),
        );
        let salt = self.random.next_u64();
        write_log(&mut undoing.batch, id, now, vec![event], salt);
        undoing.job.undone.restored += 1;
        Ok(())
    }

    /// Lets nothing more be sent to somebody who came with the file. False when they stay.
    fn close_made(&self, undoing: &mut Undoing, id: ContactId) -> Result<bool, TrackerError> {
        let Some(contact) = self.repo.contact(id)? else {
            return Ok(false);
        };
        if let Some(why) = self.why_it_stays(&contact, undoing.job.id)? {
            undoing.keep(id, why);
            return Ok(false);
        }
        let closed = closed(&contact);
        undoing.batch.insert(&ImportImage {
            import: undoing.job.id,
            before: contact.value.clone(),
            after: BlobId::of(&closed.to_bytes()),
        });
        undoing.batch.replace(&contact, &closed);
        Ok(true)
    }

    /// Removes somebody who was closed; opens them again if anything came in between.
    fn remove_made(
        &self,
        undoing: &mut Undoing,
        image: &Loaded<ImportImage>,
    ) -> Result<(), TrackerError> {
        let id = image.before.id;
        let Some(contact) = self.repo.contact(id)? else {
            return Ok(());
        };
        let mut stays = self.why_it_stays(&contact, undoing.job.id)?;
        if BlobId::of(&contact.to_bytes()) != image.after {
            stays = stays.or(Some(why::CHANGED_SINCE));
        }
        if let Some(why) = stays {
            let mut opened = opened(&contact, &image.before);
            comms_issue::refresh(&mut opened, self.clock.wall());
            undoing.batch.replace(&contact, &opened);
            undoing.keep(id, why);
            return Ok(());
        }
        undoing.batch.remove(&contact);
        for key in self.log_keys(id)? {
            undoing.batch.delete(key);
        }
        for user in &undoing.users {
            if let Some(entry) = self.repo.recipient(*user, id)? {
                undoing.batch.remove(&entry);
            }
        }
        undoing.job.undone.removed += 1;
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
        if self.repo.has_cases(contact.id)? {
            return Ok(Some(why::CHANGED_SINCE));
        }
        let log = self.repo.log(contact.id, None, LOG_LINES_MAX)?;
        let only_ours = log.rows.len() < LOG_LINES_MAX
            && log.rows.iter().all(|line| {
                matches!(line.event, LogEvent::Changed { by, .. } if by == Actor::Import(import))
            });
        Ok((!only_ours).then_some(why::CHANGED_SINCE))
    }

    /// Whether somebody is closed, and about to be removed.
    pub(in crate::tracker) fn is_going(&self, contact: &Contact) -> Result<bool, TrackerError> {
        let Some(import) = contact.import else {
            return Ok(false);
        };
        let image = self.repo.import_image(import, contact.id)?;
        Ok(image.is_some_and(|image| is_closing(&image)))
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

/// Somebody to whom nothing can be sent.
fn closed(contact: &Contact) -> Contact {
    let mut closed = contact.clone();
    for method in &mut closed.methods {
        method.state = MethodState::Removed;
    }
    closed
}

/// Somebody as they are, with the methods that were closed.
fn opened(contact: &Contact, before: &Contact) -> Contact {
    let mut opened = contact.clone();
    for method in &mut opened.methods {
        let known = before.methods.iter().find(|known| known.id == method.id);
        if let Some(known) = known.filter(|_| method.state == MethodState::Removed) {
            method.state = known.state;
        }
    }
    opened
}

/// Whether it was kept of somebody who was closed, and not of somebody whom the file changed.
fn is_closing(image: &ImportImage) -> bool {
    image.before.import == Some(image.import)
        && BlobId::of(&closed(&image.before).to_bytes()) == image.after
}

/// Where somebody stands among those who came with a file.
fn import_index(import: ImportId, contact: ContactId) -> Key {
    KeyBuilder::new(keys::CONTACT_BY_IMPORT)
        .bytes(import.as_bytes())
        .bytes(contact.as_bytes())
        .build()
}
