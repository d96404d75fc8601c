//! The dry run and the import itself: the same rows, the same decisions; only one of them
//! writes contacts.

use std::collections::{HashSet, VecDeque};

use super::findings::Findings;
use super::meet::{Meeting, Recognise, meet};
use super::reader::{ImportWork, Ready};
use super::{ImportStep, enter};
use crate::contacts_file::{Author, Note, Person, Spot, apply, make, why};
use crate::domain::{
    Area, BlobId, Contact, ContactId, Finding, Group, ImportImage, ImportJob, ImportState,
    ImportTotals, KnownPeople, LogEvent, Timestamp,
};
use crate::store::engine::{Key, VALUE_SIZE_MAX};
use crate::store::records::Record;
use crate::store::{Batch, Loaded, Row, RowBatch, keys};
use crate::tracker::write::write_log;
use crate::tracker::{CONFLICTS_MAX, Tracker, TrackerError, is_conflict};

/// Rows in one step.
const STEP_ROWS: usize = 500;
/// Rows read before those before them are written.
const AHEAD_ROWS: usize = STEP_ROWS;
/// A step takes no further row once its batch has so many operations; one contact with all
/// that it can have adds less than is left.
const STEP_OPS: usize = 6_000;

/// A step that is ready to be committed.
struct Prepared {
    batch: Batch,
    /// Rows that it covers.
    rows: usize,
    findings: Findings,
    ends: bool,
}

/// What becomes of a row.
enum Outcome {
    Bad,
    Skipped,
    Unchanged,
    New(Box<Contact>),
    Changed {
        old: Box<Loaded<Contact>>,
        new: Box<Contact>,
        log: Vec<LogEvent>,
    },
}

impl Tracker {
    pub(super) async fn step_rows(
        &self,
        mut work: ImportWork,
    ) -> Result<(ImportWork, ImportStep), TrackerError> {
        if work.reader.is_none() {
            return self.fail(work).await;
        }
        for _ in 0..CONFLICTS_MAX {
            let tracker = self.clone();
            let (back, prepared) = apart(move || {
                tracker.read_ahead(&mut work, STEP_ROWS);
                let prepared = tracker.prepare_rows(&mut work);
                (work, prepared)
            })
            .await?;
            work = back;
            let prepared = prepared?;
            let (back, committed) = self.commit_and_read(work, prepared.batch).await?;
            work = back;
            match committed {
                Ok(()) => {
                    work.ready.drain(..prepared.rows);
                    work.findings = prepared.findings;
                    work.job = self.load_import(work.job.id)?;
                    if prepared.ends {
                        log_end(&work.job);
                        return Ok((work, ImportStep::Done));
                    }
                    return Ok((work, ImportStep::More));
                }
                Err(error) if is_conflict(&error) => {
                    let now = self.load_import(work.job.id)?;
                    if now.state != work.job.state || now.cursor != work.job.cursor {
                        return Ok((work, ImportStep::Done));
                    }
                    work.job = now;
                    let (tracker, said) = (self.clone(), work.job.mapping.clone());
                    let again = move || {
                        let mapping = tracker.mapping_now(&said)?;
                        let places = tracker.places(&mapping)?;
                        Ok::<_, TrackerError>((mapping, places))
                    };
                    (work.mapping, work.places) = apart(again).await??;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(TrackerError::Contention)
    }

    /// Commits, and meanwhile reads the rows of the next step.
    async fn commit_and_read(
        &self,
        mut work: ImportWork,
        batch: Batch,
    ) -> Result<(ImportWork, Result<(), crate::store::StoreError>), TrackerError> {
        let tracker = self.clone();
        let reading = apart(move || {
            tracker.read_ahead(&mut work, STEP_ROWS + AHEAD_ROWS);
            work
        });
        let (committed, work) = tokio::join!(self.repo.store().commit(batch), reading);
        Ok((work?, committed.map(|_| ())))
    }

    fn read_ahead(&self, work: &mut ImportWork, rows: usize) {
        if let Some(reader) = &mut work.reader {
            let missing = rows.saturating_sub(work.ready.len());
            work.ready.extend(reader.ahead(missing));
        }
    }

    fn prepare_rows(&self, work: &mut ImportWork) -> Result<Prepared, TrackerError> {
        let now = self.clock.wall();
        let mut job = work.job.value.clone();
        let writes = job.state == ImportState::Running;
        let mut batch = Batch::new();
        let mut totals = if writes { job.done } else { job.checked };
        let mut findings: Vec<Finding> = Vec::new();
        let mut touched: HashSet<ContactId> = HashSet::new();
        let mut standing = Standing::default();
        let mut rows = 0;
        let ready = std::mem::take(&mut work.ready);
        for row in ready.iter().take(STEP_ROWS) {
            let mut notes = row.notes.clone();
            let outcome = match &row.person {
                Some(person) => self.decide_row(work, person, &mut notes)?,
                None => Outcome::Bad,
            };
            // Two rows about one person are two steps: the second sees what the first wrote.
            if let Outcome::Changed { old, .. } = &outcome
                && !touched.insert(old.id)
            {
                break;
            }
            count(&mut totals, &outcome, &notes);
            findings.extend(notes.into_iter().map(|note| note.finding(row.number)));
            let (areas, groups) = work.places.take_new();
            totals.areas += u32::try_from(areas.len()).unwrap_or(u32::MAX);
            totals.groups += u32::try_from(groups.len()).unwrap_or(u32::MAX);
            if writes {
                standing.make(&mut batch, &areas, &groups);
                if let Outcome::New(new) | Outcome::Changed { new, .. } = &outcome {
                    standing.expect(&mut batch, new);
                }
                self.write_row(&mut batch, &job, outcome, now)?;
            }
            rows += 1;
            if batch.ops.len() >= STEP_OPS {
                break;
            }
        }
        let reader_done = work.reader.as_ref().is_none_or(|reader| reader.is_at_end());
        let ends = reader_done && rows == ready.len();
        job.cursor = cursor_behind(&ready, rows);
        work.ready = ready;
        let pass = work.pass();
        let mut kept = work.findings.clone();
        kept.write(&mut batch, job.id, pass, findings);
        job.findings[pass as usize - 1] = kept.count();
        if writes {
            job.done = totals;
        } else {
            job.checked = totals;
        }
        if ends {
            finish(&mut job, writes, work.job.due, now);
        }
        batch.replace(&work.job, &job);
        Ok(Prepared {
            batch,
            rows,
            findings: kept,
            ends,
        })
    }

    fn decide_row(
        &self,
        work: &mut ImportWork,
        person: &Person,
        notes: &mut Vec<Note>,
    ) -> Result<Outcome, TrackerError> {
        let job = &work.job;
        let now = self.clock.wall();
        let mapping = &work.mapping;
        let mut new_id = || self.random.uuid_v7(now).into_bytes();
        let how = Recognise {
            known: mapping.known,
            by_field: mapping.by_field.as_deref(),
            fields: &work.by_field,
            import: job.id,
        };
        let meeting = match meet(&self.repo, &how, person)? {
            Meeting::Unclear(note) => {
                notes.push(note);
                return Ok(Outcome::Bad);
            }
            Meeting::Known(_) if mapping.known == KnownPeople::Skip => return Ok(Outcome::Skipped),
            other => other,
        };
        let group = mapping.group;
        let spot = work.places.find(person, group, now, &mut new_id, notes);
        let Some(spot) = spot else {
            return Ok(Outcome::Bad);
        };
        let author = Author {
            import: job.id,
            now,
        };
        match meeting {
            Meeting::Known(old) => self.change(person, &spot, author, old, notes),
            Meeting::New | Meeting::Unclear(_) => {
                if person.methods.is_empty() {
                    notes.push(Note::warning(why::NO_METHOD));
                }
                let mut contact = make(person, &spot, mapping, author, &mut new_id);
                if !self.heed_suppressions(&mut contact, None)?.is_empty() {
                    notes.push(Note::warning(why::SUPPRESSED));
                }
                Ok(Outcome::New(Box::new(contact)))
            }
        }
    }

    fn change(
        &self,
        person: &Person,
        spot: &Spot,
        author: Author,
        old: Box<Loaded<Contact>>,
        notes: &mut Vec<Note>,
    ) -> Result<Outcome, TrackerError> {
        let mut new_id = || self.random.uuid_v7(author.now).into_bytes();
        let mut new = old.value.clone();
        let mut log = match apply(person, spot, author, &mut new, &mut new_id, notes) {
            Ok(log) => log,
            Err(note) => {
                notes.push(note.about(old.id));
                return Ok(Outcome::Bad);
            }
        };
        if log.is_empty() {
            return Ok(Outcome::Unchanged);
        }
        let suppressed = self.heed_suppressions(&mut new, Some(&old))?;
        if !suppressed.is_empty() {
            notes.push(Note::warning(why::SUPPRESSED).about(old.id));
            log.extend(suppressed);
        }
        if image(author, &old.value, &new).to_bytes().len() > VALUE_SIZE_MAX {
            notes.push(Note::bad(why::TOO_LARGE).about(old.id));
            return Ok(Outcome::Bad);
        }
        let new = Box::new(new);
        Ok(Outcome::Changed { old, new, log })
    }

    fn write_row(
        &self,
        batch: &mut Batch,
        job: &ImportJob,
        outcome: Outcome,
        now: crate::domain::Timestamp,
    ) -> Result<(), TrackerError> {
        match outcome {
            Outcome::Bad | Outcome::Skipped | Outcome::Unchanged => {}
            Outcome::New(contact) => batch.insert(&*contact),
            Outcome::Changed { old, new, log } => {
                batch.replace(&old, &new);
                write_log(batch, new.id, now, log, self.random.next_u64());
                let author = Author {
                    import: job.id,
                    now,
                };
                match self.repo.import_image(job.id, new.id)? {
                    // Changed twice by this file: as it was before the first time.
                    Some(first) => {
                        let image = image(author, &first.before, &new);
                        batch.replace(&first, &image);
                    }
                    None => batch.insert(&image(author, &old.value, &new)),
                }
            }
        }
        Ok(())
    }

    /// The file is gone or does not read back.
    async fn fail(&self, mut work: ImportWork) -> Result<(ImportWork, ImportStep), TrackerError> {
        let mut job = work.job.value.clone();
        job.state = ImportState::Failed;
        why::MISREAD.clone_into(&mut job.failure);
        enter(&mut job, work.job.due, self.clock.wall());
        let mut batch = Batch::new();
        batch.replace(&work.job, &job);
        self.commit_step(batch, &mut work).await?;
        tracing::error!(import = %job.id, "an import cannot go on: its file does not read back");
        Ok((work, ImportStep::Done))
    }
}

/// Runs what computes and reads for long where nothing waits for it.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, TrackerError> {
    let done = crate::clock::apart(work).await;
    done.map_err(|_| TrackerError::Store(crate::store::StoreError::Closed))
}

fn image(author: Author, before: &Contact, after: &Contact) -> ImportImage {
    ImportImage {
        import: author.import,
        before: before.clone(),
        after: BlobId::of(&after.to_bytes()),
    }
}

/// The places that people are put into are still there; those made by the same batch are not
/// there yet.
#[derive(Default)]
pub(super) struct Standing {
    made: HashSet<Key>,
    expected: HashSet<Key>,
}

impl Standing {
    fn make(&mut self, batch: &mut Batch, areas: &[Area], groups: &[Group]) {
        for area in areas {
            if let Some(parent) = area.parent {
                self.insist(batch, keys::area(parent));
            }
            self.made.insert(area.key());
            batch.insert(area);
        }
        for group in groups {
            self.made.insert(group.key());
            batch.insert(group);
        }
    }

    pub(super) fn expect(&mut self, batch: &mut Batch, contact: &Contact) {
        let area = contact.area.map(keys::area);
        let groups = contact.groups.iter().map(|id| keys::group(*id));
        for key in area.into_iter().chain(groups) {
            self.insist(batch, key);
        }
    }

    fn insist(&mut self, batch: &mut Batch, key: Key) {
        if !self.made.contains(&key) && self.expected.insert(key.clone()) {
            batch.assert_present(key);
        }
    }
}

fn count(totals: &mut ImportTotals, outcome: &Outcome, notes: &[Note]) {
    let bad = matches!(outcome, Outcome::Bad);
    match outcome {
        Outcome::Bad => totals.bad += 1,
        Outcome::Skipped => totals.skipped += 1,
        Outcome::Unchanged => totals.unchanged += 1,
        Outcome::New(_) => totals.added += 1,
        Outcome::Changed { .. } => totals.updated += 1,
    }
    if !bad {
        let warnings = notes.iter().filter(|note| !note.bad).count();
        totals.warnings += u32::try_from(warnings).unwrap_or(u32::MAX);
    }
}

/// Where the next step begins: at the first row that this one left.
fn cursor_behind(ready: &VecDeque<Ready>, rows: usize) -> u32 {
    let next = ready.get(rows).map(|row| row.at);
    let behind = || {
        let last = ready.get(rows.saturating_sub(1));
        last.map_or(0, |row| row.at + 1)
    };
    u32::try_from(next.unwrap_or_else(behind)).unwrap_or(u32::MAX)
}

fn finish(job: &mut ImportJob, writes: bool, was_due: Option<Timestamp>, now: Timestamp) {
    job.cursor = job.rows;
    job.state = if writes {
        ImportState::Done
    } else {
        ImportState::Checked
    };
    enter(job, was_due, now);
}

fn log_end(job: &ImportJob) {
    let totals = if job.state == ImportState::Done {
        &job.done
    } else {
        &job.checked
    };
    tracing::info!(import = %job.id, state = ?job.state, added = totals.added, updated = totals.updated, bad = totals.bad, "a file of contacts was gone through");
}
