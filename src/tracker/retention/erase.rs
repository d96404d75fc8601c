//! Erasing a person who asks for it (GDPR, Article 17): all that says who they are goes, what was
//! sent stays counted without them. What the law asks to be kept is kept until it may go.

use std::collections::BTreeSet;

use super::expire::Step;
use super::take::{Counts, Stop, Taking};
use super::{Scope, Tracker, TrackerError, apart};
use crate::domain::communication::NO_SUBJECT;
use crate::domain::inbox::THREAD_MESSAGES_MAX;
use crate::domain::retention::{Due, Kept};
use crate::domain::{
    Actor, Body, Closed, ClosedReason, Communication, CommunicationId, CommunicationState, Contact,
    ContactChange, ContactId, Content, Delivery, DeliveryId, Destination, Diagnostic, EmailAddress,
    ImportFindings, ImportImage, InboundMail, LogEvent, Party, PhoneNumber, ProofKind, Redacted,
    SignUp, Subject, SubjectKind, Ticket, Timestamp, UserId, Visit,
};
use crate::store::engine::Key;
use crate::store::keys;
use crate::store::records::Record;
use crate::store::{DeliveryBatch, Loaded, Row, RowBatch};
use crate::tracker::{CONFLICTS_MAX, is_conflict, write_log};

/// Messages in one step.
const STEP_MESSAGES: usize = 50;
/// Deliveries looked at for the communications that they are of, in one step.
const STEP_DELIVERIES: usize = 20;
/// Other rows in one step.
const STEP_ROWS: usize = 1_000;
/// Threads of one person.
const THREADS_MAX: usize = 1_000;
/// Users whose recipient lists are looked through.
const USERS_MAX: usize = 2_000;
/// What the record calls it.
const ACT: &str = "contact.erased";
/// And a request that was refused.
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
    /// kept any longer goes with them.
    ///
    /// # Errors
    /// When there is no such contact, or the store fails: then it is to be asked for again, and
    /// goes on where it was.
    pub async fn erase_contact(&self, id: ContactId, by: UserId) -> Result<Erased, TrackerError> {
        let missing = || TrackerError::NotFound("contact");
        let contact = self.repo.contact(id)?.ok_or_else(missing)?;
        let due = self.erasable(&contact)?;
        if !due.is_at(self.clock.wall()) {
            return self.refuse(id, due).await;
        }
        let mut counts = Counts::default();
        for case in self.cases_with(&contact)? {
            counts.add(self.expire(Scope::Case(case.id)).await?.counts);
        }
        let is_left = || -> Result<bool, TrackerError> {
            Ok(!self.cases_with(&contact)?.is_empty() || self.last_of(&contact)?.is_some())
        };
        if Party::of(contact.kind).is_some() || is_left()? {
            counts.add(self.expire(Scope::Contact(id)).await?.counts);
            // What is filed under somebody else's case stays with it.
            if is_left()? {
                return self.refuse(id, Due::Never(Kept::OpenCase)).await;
            }
        }
        let erasing = Erasing::of(self, &contact)?;
        counts.add(self.erase_messages(&erasing).await?);
        counts.add(self.erase_sent(&erasing).await?);
        self.erase_traces(&erasing).await?;
        counts.add(self.erase_rest(&erasing, by).await?);
        tracing::info!(contact = %id, %by, %counts, "a person was erased");
        Ok(Erased::Done(counts))
    }

    async fn refuse(&self, id: ContactId, due: Due) -> Result<Erased, TrackerError> {
        let why = match due {
            Due::Never(Kept::OpenCase) => "open case",
            Due::Never(Kept::LegalHold) => "legal hold",
            Due::Never(Kept::ForEver) | Due::From(_) => "kept",
        };
        let mut batch = crate::store::Batch::new();
        let entry = self.entry_of(REFUSED, &[subject(id)], why);
        crate::store::AuditBatch::audit(&mut batch, &entry);
        self.repo.store().commit(batch).await?;
        Ok(Erased::Refused(due))
    }

    /// Commits steps until there is none left; each is prepared anew when rows have changed.
    async fn erase_steps(
        &self,
        id: ContactId,
        prepare: impl Fn(&Self, Option<Key>) -> Result<Step, Stop> + Send,
    ) -> Result<Counts, TrackerError> {
        let (mut counts, mut after, mut conflicts) = (Counts::default(), None, 0);
        loop {
            let step = match prepare(self, after.clone()) {
                Ok(step) => step,
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::UnderWay) => return Err(TrackerError::Contention),
            };
            match self.commit_taken(&step, ACT, &[subject(id)]).await {
                Ok(()) => conflicts = 0,
                Err(TrackerError::Store(error))
                    if is_conflict(&error) && conflicts < CONFLICTS_MAX =>
                {
                    conflicts += 1;
                    tokio::task::yield_now().await;
                    continue;
                }
                Err(error) => return Err(error),
            }
            counts.add(step.counts);
            match step.next {
                Some(next) => after = next,
                None => return Ok(counts),
            }
        }
    }

    /// What they wrote, and what was written to them in threads.
    async fn erase_messages(&self, erasing: &Erasing) -> Result<Counts, TrackerError> {
        let step = |tracker: &Self, _: Option<Key>| -> Result<Step, Stop> {
            let repo = &tracker.repo;
            let mut taking = Taking::new(repo);
            let mut threads = repo.threads_of(erasing.id, THREADS_MAX)?;
            for address in &erasing.addresses {
                threads.extend(repo.threads_at(address, THREADS_MAX)?);
            }
            for thread in threads {
                let left = STEP_MESSAGES.saturating_sub(taking.counts.messages as usize);
                let limit = left.min(THREAD_MESSAGES_MAX as usize);
                if limit == 0 {
                    break;
                }
                for message in repo.messages(thread.id, None, limit)?.rows {
                    taking.message(&message)?;
                }
            }
            let more = taking.counts.messages > 0;
            finish(taking, tracker.clock.wall(), more.then_some(None))
        };
        self.erase_steps(erasing.id, step).await
    }

    /// What was sent to them: addresses, names and answers go, statuses stay.
    async fn erase_sent(&self, erasing: &Erasing) -> Result<Counts, TrackerError> {
        let mut counts = Counts::default();
        for id in &erasing.ids {
            let step = |tracker: &Self, after: Option<Key>| -> Result<Step, Stop> {
                let repo = &tracker.repo;
                let mut taking = Taking::new(repo);
                let page = repo.deliveries_of(*id, after, STEP_DELIVERIES)?;
                let of: BTreeSet<CommunicationId> = page
                    .rows
                    .iter()
                    .map(|delivery| delivery.communication)
                    .collect();
                for communication in of {
                    tracker.erase_person(&mut taking, communication, *id)?;
                }
                finish(taking, tracker.clock.wall(), page.next.map(Some))
            };
            counts.add(self.erase_steps(erasing.id, step).await?);
        }
        Ok(counts)
    }

    fn erase_person(
        &self,
        taking: &mut Taking<'_>,
        communication: CommunicationId,
        contact: ContactId,
    ) -> Result<(), TrackerError> {
        let Some(of) = self.repo.communication(communication)? else {
            return Ok(());
        };
        let Some(person) = self.repo.person(communication, contact)? else {
            return Ok(());
        };
        let mut new = person.value.clone();
        new.sort_name = Redacted::default();
        for known in &mut new.deliveries {
            if let Some(old) = self.repo.delivery(known.delivery)? {
                let erased = erased(&old, self.clock.wall());
                known.closed = erased.closed.is_some();
                taking.batch.replace_delivery(&old, &erased);
                taking.counts.deliveries += 1;
            }
        }
        new.state = new.derive_state(&self.category(&of.category));
        taking.batch.replace(&person, &new);
        if of.people == 1 && of.state == CommunicationState::Sent && !has_matter(&of) {
            taking.loosen_content(&of)?;
            let content = Content {
                subject: NO_SUBJECT.to_owned(),
                ..Content::default()
            };
            let content = taking.batch.blob(content.to_bytes());
            let emptied = Communication {
                title: NO_SUBJECT.to_owned(),
                content,
                body: Body::Composed,
                ..of.value.clone()
            };
            taking.batch.replace(&of, &emptied);
        }
        Ok(())
    }

    /// Links, sessions, sign-ups, rows of imports and reports from mail servers that name them.
    async fn erase_traces(&self, erasing: &Erasing) -> Result<(), TrackerError> {
        let deliveries = {
            let (tracker, ids) = (self.clone(), erasing.ids.clone());
            apart(move || tracker.deliveries_to(&ids)).await??
        };
        let is = |id: ContactId| erasing.ids.contains(&id);
        self.erase_rows::<Ticket>(erasing, keys::TICKET, |row| is(row.contact))
            .await?;
        self.erase_rows::<Visit>(erasing, keys::VISIT, |row| is(row.contact))
            .await?;
        self.erase_rows::<SignUp>(erasing, keys::SIGN_UP, |row| {
            row.became.is_some_and(is) || erasing.has_method_of(&row.contact)
        })
        .await?;
        self.erase_rows::<ImportImage>(erasing, keys::IMPORT_IMAGE, |row| is(row.before.id))
            .await?;
        self.erase_findings(erasing).await?;
        let reports = |tracker: &Self, after: Option<Key>| -> Result<Step, Stop> {
            let mut taking = Taking::new(&tracker.repo);
            let page = tracker
                .repo
                .every::<InboundMail>(keys::INBOUND, after, STEP_ROWS)?;
            for mail in &page.rows {
                let about = mail.delivery.is_some_and(|id| deliveries.contains(&id));
                let from = erasing.addresses.contains(&mail.mail_from.to_lowercase());
                if mail.due.is_none() && (about || from) {
                    taking.loosen(mail.message);
                    taking.batch.remove(mail);
                }
            }
            finish(taking, tracker.clock.wall(), page.next.map(Some))
        };
        self.erase_steps(erasing.id, reports).await.map(|_| ())
    }

    fn deliveries_to(&self, ids: &[ContactId]) -> Result<BTreeSet<DeliveryId>, TrackerError> {
        let mut found = BTreeSet::new();
        for id in ids {
            let mut after = None;
            loop {
                let page = self.repo.deliveries_of(*id, after, STEP_ROWS)?;
                found.extend(page.rows.iter().map(|delivery| delivery.id));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }

    async fn erase_rows<T: Row>(
        &self,
        erasing: &Erasing,
        tag: &'static [u8],
        is_theirs: impl Fn(&T) -> bool + Send + Sync,
    ) -> Result<(), TrackerError> {
        let step = |tracker: &Self, after: Option<Key>| -> Result<Step, Stop> {
            let mut taking = Taking::new(&tracker.repo);
            let page = tracker.repo.every::<T>(tag, after, STEP_ROWS)?;
            for row in page.rows.iter().filter(|row| is_theirs(row)) {
                taking.batch.remove(row);
            }
            finish(taking, tracker.clock.wall(), page.next.map(Some))
        };
        self.erase_steps(erasing.id, step).await.map(|_| ())
    }

    /// What was found in rows of files that became them: that there was a row stays.
    async fn erase_findings(&self, erasing: &Erasing) -> Result<(), TrackerError> {
        let step = |tracker: &Self, after: Option<Key>| -> Result<Step, Stop> {
            let mut taking = Taking::new(&tracker.repo);
            let page =
                tracker
                    .repo
                    .every::<ImportFindings>(keys::IMPORT_FINDINGS, after, STEP_ROWS)?;
            for chunk in &page.rows {
                let mut new = chunk.value.clone();
                let of = |id: ContactId| erasing.ids.contains(&id);
                let theirs = new.findings.iter_mut();
                for finding in theirs.filter(|finding| finding.contact.is_some_and(of)) {
                    finding.value = Redacted::default();
                    finding.contact = None;
                }
                if new != chunk.value {
                    taking.batch.replace(chunk, &new);
                }
            }
            finish(taking, tracker.clock.wall(), page.next.map(Some))
        };
        self.erase_steps(erasing.id, step).await.map(|_| ())
    }

    /// The log, places on recipient lists, and what the contact says. One line says that it was
    /// done.
    async fn erase_rest(&self, erasing: &Erasing, by: UserId) -> Result<Counts, TrackerError> {
        let step = |tracker: &Self, _: Option<Key>| -> Result<Step, Stop> {
            let (repo, now) = (&tracker.repo, tracker.clock.wall());
            let mut taking = Taking::new(repo);
            for id in &erasing.ids {
                for line in repo.log(*id, None, STEP_ROWS)?.rows {
                    taking.line(&line);
                }
            }
            if taking.counts.log_lines > 0 {
                return finish(taking, now, Some(None));
            }
            for user in repo.users(USERS_MAX)? {
                if let Some(place) = repo.recipient(user.id, erasing.id)? {
                    taking.batch.remove(&place);
                }
            }
            if let Some(old) = repo.contact(erasing.id)? {
                let mut new = old.value.clone();
                new.forget(now, ProofKind::Operator(by));
                new.prompted_at = None;
                taking.batch.replace(&old, &new);
                let line = LogEvent::changed(ContactChange::Edited, None, Actor::User(by));
                let salt = tracker.random.next_u64();
                write_log(&mut taking.batch, erasing.id, now, vec![line], salt);
            }
            finish(taking, now, None)
        };
        self.erase_steps(erasing.id, step).await
    }
}

/// Who is being erased.
struct Erasing {
    id: ContactId,
    /// Theirs, and those of the contacts that they took over.
    ids: Vec<ContactId>,
    /// Their addresses and numbers, as they are looked up.
    addresses: BTreeSet<String>,
}

impl Erasing {
    fn of(tracker: &Tracker, contact: &Loaded<Contact>) -> Result<Self, TrackerError> {
        let methods = contact.methods.iter();
        Ok(Self {
            id: contact.id,
            ids: tracker.repo.ids_of(contact.id)?,
            addresses: methods.map(|one| one.destination.lookup_key()).collect(),
        })
    }

    fn has_method_of(&self, other: &Contact) -> bool {
        let mut methods = other.methods.iter();
        methods.any(|method| self.addresses.contains(&method.destination.lookup_key()))
    }
}

fn subject(id: ContactId) -> Subject {
    Subject::new(SubjectKind::Contact, *id.as_bytes())
}

/// Whether it is about a client: then it is part of their correspondence.
const fn has_matter(of: &Communication) -> bool {
    of.matter.is_some()
}

fn finish(taking: Taking<'_>, now: Timestamp, next: Option<Option<Key>>) -> Result<Step, Stop> {
    let (batch, counts) = taking.finish(now)?;
    Ok(Step {
        batch,
        counts,
        next,
    })
}

/// A delivery without where it went and what the other side said; given up if it was still to go.
fn erased(old: &Delivery, now: Timestamp) -> Delivery {
    let mut new = old.clone();
    new.destination = nowhere(&old.destination);
    for change in &mut new.timeline {
        if let Some(verdict) = &mut change.verdict {
            verdict.diagnostic = Diagnostic::new("");
        }
    }
    if !new.status().is_settled() && new.closed.is_none() {
        new.closed = Some(Closed {
            at: now,
            reason: ClosedReason::MethodNotUsable,
        });
    }
    if new.closed.is_some() {
        new.due = None;
        new.awaits_turn = false;
    }
    new
}

/// A place that nobody has: RFC 2606, section 2, and a number too short for any.
fn nowhere(of: &Destination) -> Destination {
    match of {
        Destination::Email(address) => match EmailAddress::parse("erased@erased.invalid") {
            Ok(nowhere) => Destination::Email(Redacted::new(nowhere)),
            Err(_) => Destination::Email(address.clone()),
        },
        Destination::Phone(number) => match PhoneNumber::from_e164("+9990") {
            Ok(nowhere) => Destination::Phone(Redacted::new(nowhere)),
            Err(_) => Destination::Phone(number.clone()),
        },
    }
}
