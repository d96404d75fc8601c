//! The steps by which all that names a person goes. Each can be done again.

use super::erase::{STEP, subject};
use super::expire::Step;
use super::take::{Counts, Stop, Taking};
use super::{Tracker, TrackerError, apart};
use crate::domain::communication::NO_SUBJECT;
use crate::domain::inbox::THREAD_MESSAGES_MAX;
use crate::domain::{
    Audience, Closed, ClosedReason, Communication, CommunicationState, ContactId, Delivery,
    DeliveryId, Destination, Diagnostic, Erasure, ImportFindings, ImportImage, InboundMail,
    LogEvent, Notification, Redacted, ReportRequest, ReportsWanted, SignUp, Ticket, Timestamp,
    Visit,
};
use crate::store::engine::Key;
use crate::store::keys;
use crate::store::{DeliveryBatch, Loaded, Row, RowBatch};
use crate::tracker::{CONFLICTS_MAX, is_conflict};

/// Messages in one step.
const STEP_MESSAGES: usize = 50;
/// People of communications in one step.
const STEP_PEOPLE: usize = 20;
/// Deliveries of which somebody is not told any more in one step: many of them are under way, and
/// a step fails when one of its rows changes.
const STEP_REPORTS: usize = 20;
/// Other rows in one step.
const STEP_ROWS: usize = 1_000;
/// Threads of one person.
const THREADS_MAX: usize = 1_000;
/// Users whose recipient lists are looked through.
const USERS_MAX: usize = 2_000;

/// One pass over all that may name them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    /// The first looks everywhere; later ones where something can still have come in.
    is_first: bool,
}

impl Pass {
    pub(super) const fn new(number: usize) -> Self {
        Self {
            is_first: number == 0,
        }
    }
}

type Prepare = fn(&Tracker, &Erasure, Option<Key>) -> Result<Step, Stop>;

impl Tracker {
    /// All steps of one pass. Returns what was found.
    pub(super) async fn forget_all(
        &self,
        erasure: &Erasure,
        pass: Pass,
    ) -> Result<Counts, TrackerError> {
        let mut counts = Counts::default();
        let always: [Prepare; 3] = [messages, log, inbound];
        let once: [Prepare; 7] = [
            communications,
            |tracker, erasure, after| {
                tracker.rows_of::<Ticket>(keys::TICKET, after, |row| erasure.is_of(row.contact))
            },
            |tracker, erasure, after| {
                tracker.rows_of::<Visit>(keys::VISIT, after, |row| erasure.is_of(row.contact))
            },
            |tracker, erasure, after| {
                tracker.rows_of::<SignUp>(keys::SIGN_UP, after, |row| signed_up(erasure, row))
            },
            |tracker, erasure, after| {
                let is_theirs = |row: &ImportImage| erasure.is_of(row.before.id);
                tracker.rows_of(keys::IMPORT_IMAGE, after, is_theirs)
            },
            findings,
            notifications,
        ];
        let mut steps: Vec<Prepare> = Vec::new();
        if pass.is_first {
            steps.extend(once);
        }
        steps.extend(always);
        if pass.is_first {
            // Behind all that names them: it walks over mail that is under way.
            steps.push(reports_to);
        }
        for prepare in steps {
            counts.add(self.forget_steps(erasure, prepare).await?);
        }
        counts.add(self.forget_steps(erasure, places).await?);
        Ok(counts)
    }

    /// Commits steps until there is none left; each is prepared anew when rows have changed.
    async fn forget_steps(
        &self,
        erasure: &Erasure,
        prepare: Prepare,
    ) -> Result<Counts, TrackerError> {
        let (mut counts, mut after, mut conflicts) = (Counts::default(), None, 0);
        loop {
            let (tracker, whose, from) = (self.clone(), erasure.clone(), after.clone());
            let step = match apart(move || prepare(&tracker, &whose, from)).await? {
                Ok(step) => step,
                Err(Stop::Failed(error)) => return Err(error),
                Err(Stop::UnderWay) => return Err(TrackerError::Contention),
            };
            let about = [subject(erasure.contact)];
            match self.commit_taken(&step, STEP, &about).await {
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

    /// Rows of a kind that are theirs and name nothing else.
    fn rows_of<T: Row>(
        &self,
        tag: &[u8],
        after: Option<Key>,
        is_theirs: impl Fn(&T) -> bool,
    ) -> Result<Step, Stop> {
        let mut taking = Taking::new(&self.repo);
        let page = self.repo.every::<T>(tag, after, STEP_ROWS)?;
        for row in page.rows.iter().filter(|row| is_theirs(row)) {
            taking.batch.remove(row);
        }
        finish(taking, self, page.next.map(Some))
    }

    /// What was sent to them with one communication: addresses, names and answers go, statuses
    /// stay. What went to them alone says nothing any more.
    fn erase_person(
        &self,
        taking: &mut Taking<'_>,
        of: &Loaded<Communication>,
        contact: ContactId,
    ) -> Result<(), TrackerError> {
        let Some(person) = self.repo.person(of.id, contact)? else {
            return Ok(());
        };
        let mut new = person.value.clone();
        new.sort_name = Redacted::default();
        for known in &mut new.deliveries {
            if let Some(old) = self.repo.delivery(known.delivery)? {
                let erased = erased(&old, self.clock.wall());
                known.closed = erased.closed.is_some();
                // What went to themselves is emptied as that.
                taking.reports_about(&old, Some(contact))?;
                if erased != old.value {
                    taking.batch.replace_delivery(&old, &erased);
                    taking.counts.deliveries += 1;
                }
            }
        }
        new.state = new.derive_state(&self.category(&of.category));
        if new != person.value {
            taking.batch.replace(&person, &new);
            taking.batch.read_again(of);
        }
        let is_theirs = of.people == 1 && of.state == CommunicationState::Sent;
        if is_theirs && of.matter.is_none() && of.title != NO_SUBJECT {
            taking.empty(of)?;
        }
        Ok(())
    }
}

/// Takes away that somebody who is erased is told of what they handed in, unless somebody else has
/// the address, too.
fn reports_to(tracker: &Tracker, erasure: &Erasure, after: Option<Key>) -> Result<Step, Stop> {
    let mut taking = Taking::new(&tracker.repo);
    let page = tracker.repo.deliveries(after, STEP_ROWS)?;
    let mut changed = 0;
    for old in &page.rows {
        let Some(asked) = &old.report else {
            continue;
        };
        let address = asked.to.reveal().lookup_key();
        if !erasure.has(&address) || is_had(tracker, &address)? {
            continue;
        }
        let mut new = old.value.clone();
        new.report = without_asker(asked);
        taking.batch.replace_delivery(old, &new);
        changed += 1;
        if changed >= STEP_REPORTS {
            let here = keys::delivery(old.id);
            return finish(taking, tracker, Some(Some(here)));
        }
    }
    finish(taking, tracker, page.next.map(Some))
}

/// Whether somebody who is not erased has this address.
fn is_had(tracker: &Tracker, address: &str) -> Result<bool, TrackerError> {
    Ok(!tracker.repo.contacts_by_address(address, 1)?.is_empty())
}

/// What was asked without who asked: which reports were written stays known, as they are about
/// somebody else, who may be erased as well.
fn without_asker(asked: &ReportRequest) -> Option<ReportRequest> {
    if asked.told.is_empty() {
        return None;
    }
    let Destination::Email(to) = Destination::Email(asked.to.clone()).nowhere() else {
        return None;
    };
    Some(ReportRequest {
        to,
        on: ReportsWanted::default(),
        envelope_id: String::new(),
        ..asked.clone()
    })
}

/// Communications to them, and what was written to them alone and is not sent.
fn communications(tracker: &Tracker, erasure: &Erasure, after: Option<Key>) -> Result<Step, Stop> {
    let mut taking = Taking::new(&tracker.repo);
    let page = tracker
        .repo
        .every::<Communication>(keys::COMMUNICATION, after, STEP_ROWS)?;
    let mut people = 0;
    for of in &page.rows {
        if people >= STEP_PEOPLE {
            let here = keys::communication(of.id);
            // Those behind the last one that was dealt with are the next step's.
            return finish(taking, tracker, Some(Some(before(here))));
        }
        if is_only_for(&of.audience, erasure) && unsent(&mut taking, of)? {
            continue;
        }
        for id in &erasure.ids {
            let person = keys::person(of.id, *id);
            if tracker.repo.store().get(&person)?.is_some() {
                tracker.erase_person(&mut taking, of, *id)?;
                people += 1;
            }
        }
    }
    finish(taking, tracker, page.next.map(Some))
}

/// The key right before another one of the same length.
fn before(mut key: Key) -> Key {
    for byte in key.iter_mut().rev() {
        if *byte > 0 {
            *byte -= 1;
            break;
        }
        *byte = 0xff;
    }
    key
}

fn is_only_for(audience: &Audience, erasure: &Erasure) -> bool {
    let named = &audience.contacts;
    !named.is_empty()
        && named.iter().all(|id| erasure.is_of(*id))
        && audience.areas.is_empty()
        && audience.groups.is_empty()
        && audience.filters.is_empty()
        && audience.list.is_none()
}

/// Takes what is not sent yet; there is nobody to send it to. True when it was.
fn unsent(taking: &mut Taking<'_>, of: &Loaded<Communication>) -> Result<bool, Stop> {
    match of.state {
        CommunicationState::Draft
        | CommunicationState::AwaitingApproval
        | CommunicationState::Scheduled => {}
        CommunicationState::Expanding | CommunicationState::Sent => return Ok(false),
    }
    taking.planned(of)?;
    Ok(true)
}

/// What they wrote, and what was written to them in threads.
fn messages(tracker: &Tracker, erasure: &Erasure, _: Option<Key>) -> Result<Step, Stop> {
    let repo = &tracker.repo;
    let mut taking = Taking::new(repo);
    let mut threads = repo.threads_of(erasure.contact, THREADS_MAX)?;
    for address in &erasure.addresses {
        threads.extend(repo.threads_at(address.reveal(), THREADS_MAX)?);
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
    finish(taking, tracker, more.then_some(None))
}

/// Mails that came in from them, and reports of mail servers that name them.
fn inbound(tracker: &Tracker, erasure: &Erasure, after: Option<Key>) -> Result<Step, Stop> {
    let mut taking = Taking::new(&tracker.repo);
    let page = tracker
        .repo
        .every::<InboundMail>(keys::INBOUND, after, STEP_ROWS)?;
    for mail in &page.rows {
        let from = erasure.has(&mail.mail_from.to_lowercase());
        if mail.due.is_none() && (from || is_about(tracker, erasure, mail.delivery)?) {
            taking.loosen(mail.message);
            taking.batch.remove(mail);
            taking.counts.inbound += 1;
        }
    }
    finish(taking, tracker, page.next.map(Some))
}

/// Whether a delivery was to them.
fn is_about(
    tracker: &Tracker,
    erasure: &Erasure,
    delivery: Option<DeliveryId>,
) -> Result<bool, TrackerError> {
    let delivery = delivery.map(|id| tracker.repo.delivery(id)).transpose()?;
    Ok(delivery
        .flatten()
        .is_some_and(|delivery| erasure.is_of(delivery.contact)))
}

fn signed_up(erasure: &Erasure, row: &SignUp) -> bool {
    let methods = &row.contact.methods;
    row.became.is_some_and(|id| erasure.is_of(id))
        || methods
            .iter()
            .any(|method| erasure.has(&method.destination.lookup_key()))
}

/// What was found in rows of files that became them: that there was a row stays.
fn findings(tracker: &Tracker, erasure: &Erasure, after: Option<Key>) -> Result<Step, Stop> {
    let mut taking = Taking::new(&tracker.repo);
    let page = tracker
        .repo
        .every::<ImportFindings>(keys::IMPORT_FINDINGS, after, STEP_ROWS)?;
    for chunk in &page.rows {
        let mut new = chunk.value.clone();
        for finding in &mut new.findings {
            let theirs = finding.contact.is_some_and(|id| erasure.is_of(id))
                || erasure.has(&finding.value.reveal().to_lowercase());
            if theirs {
                finding.value = Redacted::default();
                finding.contact = None;
            }
        }
        if new != chunk.value {
            taking.batch.replace(chunk, &new);
        }
    }
    finish(taking, tracker, page.next.map(Some))
}

/// News for other programs: the address in it goes.
fn notifications(tracker: &Tracker, erasure: &Erasure, after: Option<Key>) -> Result<Step, Stop> {
    let mut taking = Taking::new(&tracker.repo);
    let page = tracker
        .repo
        .every::<Notification>(keys::NOTIFICATION, after, STEP_ROWS)?;
    for told in &page.rows {
        let Some(address) = &told.news.address else {
            continue;
        };
        let theirs = told.news.contact.is_some_and(|id| erasure.is_of(id));
        if theirs || erasure.has(&address.reveal().to_lowercase()) {
            let mut new = told.value.clone();
            new.news.address = None;
            taking.batch.replace(told, &new);
        }
    }
    finish(taking, tracker, page.next.map(Some))
}

/// The log, but for the line that says that it is being done.
fn log(tracker: &Tracker, erasure: &Erasure, _: Option<Key>) -> Result<Step, Stop> {
    let mut taking = Taking::new(&tracker.repo);
    for id in &erasure.ids {
        for line in tracker.repo.log(*id, None, STEP_ROWS)?.rows {
            if *id != erasure.contact || line.at < erasure.begun_at || quotes(&line.event) {
                taking.line(&line);
            }
        }
    }
    let more = taking.counts.log_lines > 0;
    finish(taking, tracker, more.then_some(None))
}

/// Places on recipient lists.
fn places(tracker: &Tracker, erasure: &Erasure, _: Option<Key>) -> Result<Step, Stop> {
    let mut taking = Taking::new(&tracker.repo);
    for user in tracker.repo.users(USERS_MAX)? {
        if let Some(place) = tracker.repo.recipient(user.id, erasure.contact)? {
            taking.batch.remove(&place);
        }
    }
    finish(taking, tracker, None)
}

/// Whether a line repeats what somebody else said.
const fn quotes(line: &LogEvent) -> bool {
    match line {
        LogEvent::Returned { .. }
        | LogEvent::Suspended { .. }
        | LogEvent::Replied { .. }
        | LogEvent::RepliedByItself { .. } => true,
        LogEvent::Reinstated { .. }
        | LogEvent::Corrected { .. }
        | LogEvent::Prompted { .. }
        | LogEvent::Changed { .. }
        | LogEvent::Confirmed { .. } => false,
    }
}

fn finish(taking: Taking<'_>, tracker: &Tracker, next: Option<Option<Key>>) -> Result<Step, Stop> {
    let (batch, counts) = taking.finish(tracker.clock.wall())?;
    Ok(Step {
        batch,
        counts,
        next,
    })
}

/// A delivery without where it went and what the other side said; given up if it was still to go.
fn erased(old: &Delivery, now: Timestamp) -> Delivery {
    let mut new = old.clone();
    new.destination = old.destination.nowhere();
    new.report = None;
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
