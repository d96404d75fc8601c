//! Taking away what is due, in bounded steps.

use std::collections::BTreeSet;

use super::owing::{Standing, is_of, list_of};
use super::take::{Counts, Stop, Taking};
use super::{Scope, Tracker, TrackerError, apart};
use crate::domain::inbox::THREAD_MESSAGES_MAX;
use crate::domain::{
    AuditActor, AuditEntry, Case, CaseId, CommunicationId, CommunicationState, Contact, ContactId,
    Entry, EntryId, InboundMail, MessageId, Subject, Timestamp,
};
use crate::store::engine::Key;
use crate::store::{
    AuditBatch, Batch, EntryList, Loaded, Order, RowBatch, StoreError, acting, keys,
};
use crate::tracker::{CONFLICTS_MAX, is_conflict};

/// Lines of correspondence in one step.
const STEP_ENTRIES: usize = 25;
/// Into so many parts a step is cut that would be too large for one batch.
const STEP_PARTS: usize = 25;
/// Lines of correspondence looked at in one step.
const STEP_SEEN_MAX: usize = 2_000;
/// Things done with a case, and lines of a log, in one step.
const STEP_LINES: usize = 1_000;
/// People of a communication in one step.
const STEP_PEOPLE: usize = 100;
/// Messages in one step.
const STEP_MESSAGES: usize = 50;
/// Threads of one contact.
const THREADS_MAX: usize = 1_000;
/// What the record calls it.
const ACT: &str = "retention.deleted";
/// Where the steps of a contact are: at its correspondence, behind a line of it, or past it.
const AT_LINES: u8 = b'l';
const PAST_LINES: u8 = b'p';

/// What became of something that was due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expiry {
    /// What was taken away.
    pub counts: Counts,
    /// Whether something stayed: it is not due any more, or something is still under way.
    pub stays: bool,
}

/// One step, ready to be committed.
pub(super) struct Step {
    pub(super) batch: Batch,
    pub(super) counts: Counts,
    /// Where the next one begins; none at the end.
    pub(super) next: Option<Option<Key>>,
}

impl Tracker {
    /// Takes away what is due of something. What is not due any more, or under way, stays.
    ///
    /// # Errors
    /// When the store fails; each step is done wholly or not at all.
    pub async fn expire(&self, scope: Scope) -> Result<Expiry, TrackerError> {
        let expiry = self.expire_steps(scope).await?;
        tracing::info!(?scope, counts = %expiry.counts, stays = expiry.stays, "kept long enough");
        Ok(expiry)
    }

    async fn expire_steps(&self, scope: Scope) -> Result<Expiry, TrackerError> {
        let mut expiry = Expiry::default();
        let (mut after, mut conflicts, mut parts) = (None, 0, 1);
        loop {
            let (tracker, from) = (self.clone(), after.clone());
            let step = match apart(move || tracker.step(scope, from, parts)).await? {
                Ok(Some(step)) => step,
                Ok(None) => {
                    expiry.stays = expiry.counts.is_nothing();
                    return Ok(expiry);
                }
                Err(Stop::UnderWay) => {
                    expiry.stays = true;
                    return Ok(expiry);
                }
                Err(Stop::Failed(error)) => return Err(error),
            };
            match self.commit_taken(&step, ACT, &[scope.subject()]).await {
                Ok(()) => (conflicts, parts) = (0, 1),
                Err(TrackerError::Store(StoreError::TooLarge { .. })) if parts == 1 => {
                    parts = STEP_PARTS;
                    continue;
                }
                Err(TrackerError::Store(error)) if is_conflict(&error) => {
                    conflicts += 1;
                    if conflicts > CONFLICTS_MAX {
                        return Err(TrackerError::Contention);
                    }
                    tokio::task::yield_now().await;
                    continue;
                }
                Err(error) => return Err(error),
            }
            expiry.counts.add(step.counts);
            match step.next {
                Some(next) => after = next,
                None => {
                    expiry.stays = expiry.counts.is_nothing();
                    return Ok(expiry);
                }
            }
        }
    }

    /// Commits a step with its entry in the record: what it was about and how much went, never
    /// what it said.
    pub(super) async fn commit_taken(
        &self,
        step: &Step,
        act: &str,
        about: &[Subject],
    ) -> Result<(), TrackerError> {
        if step.batch.is_empty() {
            return Ok(());
        }
        let mut batch = step.batch.clone();
        batch.audit(&self.entry_of(act, about, &step.counts.to_string()));
        self.repo.store().commit(batch).await?;
        Ok(())
    }

    /// An entry in the name of whoever acts; without anybody, of the product itself.
    pub(super) fn entry_of(&self, act: &str, about: &[Subject], detail: &str) -> AuditEntry {
        let now = self.clock.wall();
        let who = acting::current();
        let actor = who
            .as_ref()
            .map_or(AuditActor::Gateway, acting::Acting::actor);
        let mut entry = AuditEntry::new(now, actor, act);
        entry.network = who.and_then(|who| who.entry().network);
        entry.about(about.iter().copied()).saying(detail)
    }

    /// The next step, or the first of so many parts of it.
    fn step(&self, scope: Scope, after: Option<Key>, parts: usize) -> Result<Option<Step>, Stop> {
        match scope {
            Scope::Case(id) => self.step_case(id, STEP_ENTRIES / parts),
            Scope::Contact(id) => self.step_contact(id, after, STEP_ENTRIES / parts),
            Scope::Communication(id) => self.step_communication(id, after, STEP_PEOPLE / parts),
        }
    }

    fn step_case(&self, id: CaseId, limit: usize) -> Result<Option<Step>, Stop> {
        let mut taking = Taking::new(&self.repo);
        let (now, rules) = (self.clock.wall(), self.retention_rules());
        let Some(case) = self.repo.case(id)? else {
            return Ok(None);
        };
        if !self.case_due(&rules, &case)?.1.is_at(now) {
            return Ok(None);
        }
        self.expect_cases_of(&mut taking.batch, case.client)?;
        let list = EntryList::Case(id);
        let (entries, _) = self.entries_to_take(list, None, limit, |_| true)?;
        let mut is_last = false;
        if entries.is_empty() {
            is_last = self.take_case(&mut taking, &case)?;
        }
        take_entries(&mut taking, &entries)?;
        finish(taking, now, (!is_last).then_some(None)).map(Some)
    }

    /// The last of a case: what was done with it, then itself. True when it went.
    fn take_case(&self, taking: &mut Taking<'_>, case: &Loaded<Case>) -> Result<bool, Stop> {
        let events = self.repo.case_events(case.id, None, STEP_LINES)?.rows;
        for event in &events {
            taking.batch.remove(event);
            taking.counts.events += 1;
        }
        if events.len() == STEP_LINES {
            return Ok(false);
        }
        taking.batch.remove(case);
        taking.counts.cases += 1;
        Ok(true)
    }

    /// No case of this client changes meanwhile: none is opened again or put under a hold.
    fn expect_cases_of(&self, batch: &mut Batch, client: ContactId) -> Result<(), TrackerError> {
        if let Some(contact) = self.repo.current_contact(client)? {
            for case in self.cases_with(&contact)? {
                batch.expect(&case);
            }
        }
        Ok(())
    }

    /// The next lines of a list that go, the oldest first, and where to go on; none at the end.
    fn entries_to_take(
        &self,
        list: EntryList,
        after: Option<&[u8]>,
        limit: usize,
        goes: impl Fn(&Entry) -> bool,
    ) -> Result<(Vec<Loaded<Entry>>, Option<Key>), TrackerError> {
        let (mut found, mut last) = (Vec::new(), None);
        let mut walk = self.repo.entries_in(Order::Turned, list, after)?;
        for _ in 0..STEP_SEEN_MAX {
            if found.len() >= limit {
                break;
            }
            let Some((place, id)) = walk.step_id()? else {
                return Ok((found, None));
            };
            last = Some(place);
            let entry = self.repo.entry(EntryId::from_bytes(id))?;
            found.extend(entry.filter(|entry| goes(entry)));
        }
        Ok((found, last))
    }

    fn step_contact(
        &self,
        id: ContactId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Option<Step>, Stop> {
        let mut taking = Taking::new(&self.repo);
        let (now, rules) = (self.clock.wall(), self.retention_rules());
        let Some(contact) = self.repo.contact(id)? else {
            return Ok(None);
        };
        let standing = self.standing(&rules, &contact)?;
        if !standing.due.is_at(now) {
            return Ok(None);
        }
        self.expect_cases_of(&mut taking.batch, id)?;
        let past_lines = Some(vec![PAST_LINES]);
        if standing.is_party && after != past_lines {
            let goes =
                |entry: &Entry| is_of(&contact, entry) && standing.lets_go(entry.kept_from(), now);
            let behind = after.as_deref().map(|place| &place[1..]);
            let list = list_of(&contact);
            let (entries, last) = self.entries_to_take(list, behind, limit, goes)?;
            take_entries(&mut taking, &entries)?;
            let next = last.map_or(past_lines, |last| Some([vec![AT_LINES], last].concat()));
            return finish(taking, now, Some(next)).map(Some);
        }
        let mut messages = 0;
        self.take_messages(&mut taking, &contact, &standing, now, &mut messages)?;
        let more =
            messages >= STEP_MESSAGES || self.take_log(&mut taking, &contact, &standing, now)?;
        finish(taking, now, more.then_some(past_lines)).map(Some)
    }

    /// Messages of a contact's threads that no line of correspondence stands for.
    fn take_messages(
        &self,
        taking: &mut Taking<'_>,
        contact: &Contact,
        standing: &Standing,
        now: Timestamp,
        taken: &mut usize,
    ) -> Result<(), TrackerError> {
        for thread in self.repo.threads_of(contact.id, THREADS_MAX)? {
            let all = self
                .repo
                .messages(thread.id, None, THREAD_MESSAGES_MAX as usize)?;
            for message in all.rows {
                if *taken >= STEP_MESSAGES {
                    return Ok(());
                }
                let entered = self.is_entered(message.id, message.delivery)?;
                if !entered && standing.lets_go(message.at, now) {
                    taking.message(&message)?;
                    *taken += 1;
                }
            }
        }
        Ok(())
    }

    fn is_entered(
        &self,
        message: MessageId,
        delivery: Option<crate::domain::DeliveryId>,
    ) -> Result<bool, TrackerError> {
        let mut entered = self.repo.entry(Entry::id_of_message(message))?.is_some();
        if let Some(delivery) = delivery {
            entered |= self.repo.entry(Entry::id_of_delivery(delivery))?.is_some();
        }
        Ok(entered)
    }

    /// Lines of a contact's log. True when there may be more.
    fn take_log(
        &self,
        taking: &mut Taking<'_>,
        contact: &Contact,
        standing: &Standing,
        now: Timestamp,
    ) -> Result<bool, TrackerError> {
        for id in self.repo.ids_of(contact.id)? {
            let mut after = None;
            loop {
                let page = self.repo.log(id, after, STEP_LINES)?;
                let old = page
                    .rows
                    .iter()
                    .filter(|line| standing.lets_go(line.at, now));
                let before = taking.counts.log_lines;
                for line in old {
                    taking.line(line);
                }
                if taking.counts.log_lines > before {
                    return Ok(page.next.is_some());
                }
                if page.next.is_none() {
                    break;
                }
                after = page.next;
            }
        }
        Ok(false)
    }

    fn step_communication(
        &self,
        id: CommunicationId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Option<Step>, Stop> {
        let mut taking = Taking::new(&self.repo);
        let (now, rules) = (self.clock.wall(), self.retention_rules());
        let Some(of) = self.repo.communication(id)? else {
            return Ok(None);
        };
        let is_due = rules.other(of.modified_at).is_at(now);
        if of.state != CommunicationState::Sent || !is_due || self.is_letter_kept(&of)? {
            return Ok(None);
        }
        let page = self.repo.people(id, after, limit)?;
        for person in &page.rows {
            if !taking.has_entry(person, &BTreeSet::new())? {
                taking.person(person)?;
            }
        }
        let mut new = of.value.clone();
        new.people = new.people.saturating_sub(u64::from(taking.counts.people));
        if new.people == 0 {
            taking.communication(&of)?;
            return finish(taking, now, None).map(Some);
        }
        taking.batch.replace(&of, &new);
        finish(taking, now, page.next.map(Some)).map(Some)
    }
}

impl Tracker {
    /// Mails as they came in, once what they were about is gone; those that were about nothing, as
    /// the rule for everything else says.
    pub(super) async fn expire_inbound(&self) -> Result<(), TrackerError> {
        let mut after = None;
        loop {
            let (tracker, from) = (self.clone(), after.clone());
            let step = apart(move || tracker.step_inbound(from)).await?;
            let step = match step {
                Ok(step) => step,
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::UnderWay) => return Ok(()),
            };
            match self.commit_taken(&step, ACT, &[]).await {
                Ok(()) => {}
                Err(TrackerError::Store(error)) if is_conflict(&error) => continue,
                Err(error) => return Err(error),
            }
            match step.next {
                Some(next) => after = next,
                None => return Ok(()),
            }
        }
    }

    fn step_inbound(&self, after: Option<Key>) -> Result<Step, Stop> {
        let mut taking = Taking::new(&self.repo);
        let (now, rules) = (self.clock.wall(), self.retention_rules());
        let page = self
            .repo
            .every::<InboundMail>(keys::INBOUND, after, STEP_LINES)?;
        for mail in page.rows.iter().filter(|mail| mail.due.is_none()) {
            let goes = match mail.delivery {
                Some(delivery) => self.repo.delivery(delivery)?.is_none(),
                None => rules.other(mail.received_at).is_at(now),
            };
            if goes {
                taking.loosen(mail.message);
                taking.batch.remove(mail);
                taking.counts.inbound += 1;
            }
        }
        finish(taking, now, page.next.map(Some))
    }
}

/// Takes these lines away, as a whole.
fn take_entries(taking: &mut Taking<'_>, entries: &[Loaded<Entry>]) -> Result<(), Stop> {
    let going: BTreeSet<EntryId> = entries.iter().map(|entry| entry.id).collect();
    for entry in entries {
        taking.entry(entry, &going)?;
    }
    Ok(())
}

fn finish(taking: Taking<'_>, now: Timestamp, next: Option<Option<Key>>) -> Result<Step, Stop> {
    let (batch, counts) = taking.finish(now)?;
    Ok(Step {
        batch,
        counts,
        next,
    })
}
