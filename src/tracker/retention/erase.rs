//! Erasing a person who asks for it (GDPR, Article 17): all that says who they are goes, what was
//! sent stays counted without them. What the law asks to be kept is kept until it may go.
//!
//! It is done in steps, and a row remembers it until the last one: cut short, it goes on with the
//! next start. The first step takes the contact's names and addresses, so that nothing more goes
//! out; their addresses stay in that row alone until the end, to find their traces by.

use super::forget::Pass;
use super::take::Counts;
use super::{Scope, Tracker, TrackerError};
use crate::domain::retention::{Due, Kept};
use crate::domain::{
    Actor, Contact, ContactChange, ContactId, Erasure, LogEvent, Party, ProofKind, Redacted,
    Subject, SubjectKind, Timestamp, UserId,
};
use crate::store::{AuditBatch, Batch, Loaded, RowBatch};
use crate::tracker::write_log;

/// Passes over everything: what came in during one is found by the next.
const PASSES_MAX: usize = 3;
/// What the record calls it when it begins, at each step, at its end, and when it may not be.
const BEGUN: &str = "contact.erasure_begun";
pub(super) const STEP: &str = "contact.erasing";
const DONE: &str = "contact.erased";
const REFUSED: &str = "contact.erasure_refused";

/// What became of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erased {
    /// They are erased; this went, or was changed.
    Done(Counts),
    /// The law asks for what is kept of them; from when on it can be done, where that is known.
    Refused(Due),
}

impl Tracker {
    /// From when on somebody can be erased. Nobody can while there is a case of theirs, a legal
    /// hold, or correspondence that is still to be kept, whatever kind of contact they are by now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn erasable(&self, contact: &Contact) -> Result<Due, TrackerError> {
        let (cases, last) = (self.cases_with(contact)?, self.last_of(contact)?);
        let is_party = Party::of(contact.kind).is_some();
        if !is_party && cases.is_empty() && last.is_none() {
            return Ok(Due::From(Timestamp::default()));
        }
        let rules = self.retention_rules();
        Ok(rules.contact(cases.iter().map(|case| &case.value), last))
    }

    /// Erases somebody, or says why not; either is recorded. Correspondence that need not be
    /// kept any longer goes with them. One that was begun before goes on.
    ///
    /// # Errors
    /// When there is no such contact, or the store fails: what was begun goes on when it is asked
    /// for again, or with [`Tracker::resume_erasures`].
    pub async fn erase_contact(&self, id: ContactId, by: UserId) -> Result<Erased, TrackerError> {
        let missing = || TrackerError::NotFound("contact");
        let contact = self.repo.contact(id)?.ok_or_else(missing)?;
        let mut counts = Counts::default();
        if self.repo.erasure(id)?.is_none() {
            let due = self.erasable(&contact)?;
            if !due.is_at(self.clock.wall()) {
                return self.refuse(id, due).await;
            }
            let cases = self.cases_with(&contact)?;
            for case in cases.iter().filter(|case| case.client == id) {
                counts.add(self.expire(Scope::Case(case.id)).await?.counts);
            }
            if Party::of(contact.kind).is_some() || self.is_party_still(&contact)? {
                counts.add(self.expire(Scope::Contact(id)).await?.counts);
            }
            self.begin(id, by).await?;
            // What is filed under somebody else's case stays with it. Looked at when nothing new
            // can be filed to this contact any more.
            if self.is_party_still(&contact)? {
                return self.refuse(id, Due::Never(Kept::OpenCase)).await;
            }
        }
        counts.add(self.finish_erasure(id).await?);
        Ok(Erased::Done(counts))
    }

    /// Goes on with every erasure that was cut short. Returns how many were finished.
    ///
    /// # Errors
    /// When the store fails. One that fails does not hold up the others.
    pub async fn resume_erasures(&self) -> Result<usize, TrackerError> {
        let mut finished = 0;
        for erasure in self.repo.erasures()? {
            match self.finish_erasure(erasure.contact).await {
                Ok(_) => finished += 1,
                Err(error) => {
                    tracing::warn!(contact = %erasure.contact, %error, "a person is not erased yet");
                }
            }
        }
        Ok(finished)
    }

    fn is_party_still(&self, contact: &Contact) -> Result<bool, TrackerError> {
        Ok(!self.cases_with(contact)?.is_empty() || self.last_of(contact)?.is_some())
    }

    /// Says no. What was begun is not to go on.
    async fn refuse(&self, id: ContactId, due: Due) -> Result<Erased, TrackerError> {
        let why = match due {
            Due::Never(Kept::OpenCase) => "open case",
            Due::Never(Kept::LegalHold) => "legal hold",
            Due::Never(Kept::ForEver) | Due::From(_) => "kept",
        };
        let mut batch = Batch::new();
        if let Some(begun) = self.repo.erasure(id)? {
            batch.remove(&begun);
        }
        batch.audit(&self.entry_of(REFUSED, &[subject(id)], why));
        self.repo.store().commit(batch).await?;
        Ok(Erased::Refused(due))
    }

    /// From here on it is remembered, and nothing can be filed to the contact.
    async fn begin(&self, id: ContactId, by: UserId) -> Result<(), TrackerError> {
        self.commit_anew(|| {
            let mut batch = Batch::new();
            let contact = self.repo.contact(id)?;
            let contact = contact.ok_or(TrackerError::NotFound("contact"))?;
            let erasure = Erasure {
                contact: id,
                ids: self.repo.ids_of(id)?,
                addresses: addresses(&contact),
                by,
                begun_at: self.clock.wall(),
            };
            if self.repo.erasure(id)?.is_none() {
                batch.expect(&contact);
                batch.insert(&erasure);
                batch.audit(&self.entry_of(BEGUN, &[subject(id)], ""));
            }
            Ok((batch, ()))
        })
        .await
    }

    /// All steps of an erasure that was begun, to the last.
    async fn finish_erasure(&self, id: ContactId) -> Result<Counts, TrackerError> {
        let mut counts = Counts::default();
        let Some(erasure) = self.empty_contact_row(id).await? else {
            return Ok(counts);
        };
        for pass in 0..PASSES_MAX {
            let found = self.forget_all(&erasure, Pass::new(pass)).await?;
            counts.add(found);
            if pass > 0 && found.is_nothing() {
                break;
            }
        }
        let ended = self.commit_anew(|| {
            let mut batch = Batch::new();
            if let Some(begun) = self.repo.erasure(id)? {
                batch.remove(&begun);
                batch.audit(&self.entry_of(DONE, &[subject(id)], &counts.to_string()));
            }
            Ok((batch, ()))
        });
        ended.await?;
        tracing::info!(contact = %id, by = %erasure.by, %counts, "a person was erased");
        Ok(counts)
    }

    /// Takes all that the contact says, and lets nothing go to its addresses any more. Returns
    /// the erasure with all addresses; none when it is done already.
    async fn empty_contact_row(&self, id: ContactId) -> Result<Option<Erasure>, TrackerError> {
        self.commit_anew(|| {
            let mut batch = Batch::new();
            let Some(begun) = self.repo.erasure(id)? else {
                return Ok((batch, None));
            };
            let mut erasure = begun.value.clone();
            if let Some(old) = self.repo.contact(id)?.filter(|old| !is_empty(old)) {
                let now = self.clock.wall();
                let known = addresses(&old);
                let new = known.into_iter().filter(|one| !erasure.has(one.reveal()));
                let new: Vec<_> = new.collect();
                erasure.addresses.extend(new);
                self.suppress_of(&mut batch, &old, now)?;
                let mut emptied = old.value.clone();
                emptied.forget(now, ProofKind::Operator(erasure.by));
                emptied.prompted_at = None;
                batch.replace(&old, &emptied);
                batch.replace(&begun, &erasure);
                let by = Actor::User(erasure.by);
                let line = LogEvent::changed(ContactChange::Edited, None, by);
                let salt = self.random.next_u64();
                write_log(&mut batch, id, now, vec![line], salt);
                batch.audit(&self.entry_of(STEP, &[subject(id)], "contacts=1"));
            }
            Ok((batch, Some(erasure)))
        })
        .await
    }
}

/// Whether nothing says any more who it is.
fn is_empty(contact: &Loaded<Contact>) -> bool {
    contact.methods.is_empty()
        && contact.first_name.reveal().is_empty()
        && contact.last_name.reveal().is_empty()
        && contact.custom.is_empty()
        && contact.area.is_none()
        && contact.groups.is_empty()
}

fn addresses(contact: &Contact) -> Vec<Redacted<String>> {
    let methods = contact.methods.iter();
    methods
        .map(|method| Redacted::new(method.destination.lookup_key()))
        .collect()
}

pub(super) fn subject(id: ContactId) -> Subject {
    Subject::new(SubjectKind::Contact, *id.as_bytes())
}
