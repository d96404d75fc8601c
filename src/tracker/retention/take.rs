//! Taking rows away with all that belongs to them, in one batch.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    Body, Communication, CommunicationId, CommunicationState, ContactId, Content, Delivery,
    Direction, Entry, EntryId, EntryWhat, LogEntry, LogEvent, Message, MessageKind, Party, Person,
    Thread, ThreadId, Timestamp, communication::NO_SUBJECT, inbox::THREAD_MESSAGES_MAX,
};
use crate::store::engine::{BlobId, Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};
use crate::store::records::Record;
use crate::store::{Batch, Loaded, LooseBatch, Repo, Row, RowBatch};
use crate::tracker::TrackerError;

/// A letter to more people than this goes with the alerts, not with the correspondence.
pub(super) const LETTER_PEOPLE_MAX: usize = 50;
/// Messages taken by one delivery.
const TAKEN_MAX: usize = 20;
/// Audience chunks, rounds and counters of one communication.
const PARTS_MAX: usize = 4_000;
/// Lines of one contact's log that are looked through for what they name.
const LOG_LINES_MAX: usize = 10_000;

/// What was taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines of correspondence.
    pub entries: u32,
    /// Communications.
    pub communications: u32,
    /// People of communications.
    pub people: u32,
    /// Deliveries.
    pub deliveries: u32,
    /// Messages of threads.
    pub messages: u32,
    /// Things done with cases.
    pub events: u32,
    /// Cases.
    pub cases: u32,
    /// Lines of logs.
    pub log_lines: u32,
    /// Mails as they came in: reports of other mail servers, above all.
    pub inbound: u32,
}

impl Counts {
    /// Adds others.
    pub const fn add(&mut self, other: Self) {
        self.entries = self.entries.saturating_add(other.entries);
        self.communications = self.communications.saturating_add(other.communications);
        self.people = self.people.saturating_add(other.people);
        self.deliveries = self.deliveries.saturating_add(other.deliveries);
        self.messages = self.messages.saturating_add(other.messages);
        self.events = self.events.saturating_add(other.events);
        self.cases = self.cases.saturating_add(other.cases);
        self.log_lines = self.log_lines.saturating_add(other.log_lines);
        self.inbound = self.inbound.saturating_add(other.inbound);
    }

    /// Each with its name, none left out.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, u32); 9] {
        [
            ("entries", self.entries),
            ("communications", self.communications),
            ("people", self.people),
            ("deliveries", self.deliveries),
            ("messages", self.messages),
            ("events", self.events),
            ("cases", self.cases),
            ("log_lines", self.log_lines),
            ("inbound", self.inbound),
        ]
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// As the record of who did what says it: those that are not zero.
impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut first = true;
        for (name, count) in self.named().into_iter().filter(|(_, count)| *count > 0) {
            write!(f, "{}{name}={count}", if first { "" } else { " " })?;
            first = false;
        }
        Ok(())
    }
}

/// Something is still under way: it does not go yet.
#[derive(Debug)]
pub(super) enum Stop {
    UnderWay,
    Failed(TrackerError),
}

impl<E: Into<TrackerError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// A thread that loses messages.
struct Losing {
    old: Loaded<Thread>,
    lost: BTreeSet<Key>,
}

/// Rows on their way out, in one batch.
pub(super) struct Taking<'a> {
    repo: &'a Repo,
    pub(super) batch: Batch,
    pub(super) counts: Counts,
    seen: crate::store::engine::Sequence,
    blobs: BTreeSet<BlobId>,
    threads: BTreeMap<ThreadId, Losing>,
    communications: BTreeSet<CommunicationId>,
    log_lines: BTreeSet<Key>,
}

impl<'a> Taking<'a> {
    pub(super) fn new(repo: &'a Repo) -> Self {
        // Before anything is read: what was written for it was written by then.
        let seen = *repo.store().watch_commits().borrow();
        Self {
            repo,
            batch: Batch::new(),
            counts: Counts::default(),
            seen,
            blobs: BTreeSet::new(),
            threads: BTreeMap::new(),
            communications: BTreeSet::new(),
            log_lines: BTreeSet::new(),
        }
    }

    /// A blob that a row which goes has named.
    pub(super) fn loosen(&mut self, blob: BlobId) {
        self.blobs.insert(blob);
    }

    /// A line of correspondence with what it stands for. `going` are all lines that go with this
    /// batch.
    pub(super) fn entry(
        &mut self,
        entry: &Loaded<Entry>,
        going: &BTreeSet<EntryId>,
    ) -> Result<(), Stop> {
        match &entry.what {
            EntryWhat::Note(note) => {
                self.loosen(note.text);
                self.blobs.extend(note.files.iter().map(|file| file.blob));
            }
            EntryWhat::Draft(id) => {
                if let Some(draft) = self.repo.communication(*id)? {
                    match draft.state {
                        CommunicationState::Draft => self.communication(&draft)?,
                        // One that could not be made for anybody.
                        CommunicationState::Sent => self.letter(*id, going)?,
                        CommunicationState::AwaitingApproval
                        | CommunicationState::Scheduled
                        | CommunicationState::Expanding => return Err(Stop::UnderWay),
                    }
                }
            }
            EntryWhat::Message { thread, message } => {
                if let Some(message) = self.repo.message(*thread, *message)? {
                    self.message(&message)?;
                }
            }
            EntryWhat::Delivery(id) => {
                for message in self.repo.messages_by_delivery(*id, TAKEN_MAX)? {
                    if message.direction == Direction::Out {
                        self.message(&message)?;
                    }
                }
                if let Some(delivery) = self.repo.delivery(*id)? {
                    self.letter(delivery.communication, going)?;
                }
            }
        }
        self.batch.remove(entry);
        self.counts.entries += 1;
        Ok(())
    }

    /// A communication of which a delivery's line goes: with its last line it goes too, if it
    /// went to nobody but clients and creditors.
    fn letter(&mut self, id: CommunicationId, going: &BTreeSet<EntryId>) -> Result<(), Stop> {
        if self.communications.contains(&id) {
            return Ok(());
        }
        let Some(communication) = self.repo.communication(id)? else {
            return Ok(());
        };
        let draft = Entry::id_of_draft(id);
        if !going.contains(&draft) && self.repo.entry(draft)?.is_some() {
            return Ok(());
        }
        let people = self.repo.people(id, None, LETTER_PEOPLE_MAX + 1)?.rows;
        if people.len() > LETTER_PEOPLE_MAX {
            return Ok(());
        }
        for person in &people {
            if !self.is_party(person.contact)? || self.has_entry(person, going)? {
                return Ok(());
            }
        }
        for person in &people {
            self.person(person)?;
        }
        self.communication(&communication)
    }

    fn is_party(&self, contact: ContactId) -> Result<bool, TrackerError> {
        let contact = self.repo.current_contact(contact)?;
        Ok(contact.is_none_or(|contact| Party::of(contact.kind).is_some()))
    }

    /// Whether a line of correspondence stands for something that went to this person.
    pub(super) fn has_entry(
        &self,
        person: &Person,
        going: &BTreeSet<EntryId>,
    ) -> Result<bool, TrackerError> {
        for known in &person.deliveries {
            let id = Entry::id_of_delivery(known.delivery);
            if !going.contains(&id) && self.repo.entry(id)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Somebody in a communication, with what went to them.
    pub(super) fn person(&mut self, person: &Loaded<Person>) -> Result<(), Stop> {
        let mut sets = BTreeMap::new();
        for known in &person.deliveries {
            let set = self.repo.delivery_set(known.delivery)?;
            sets.extend(set.map(|set| (set.set(), set)));
        }
        for set in sets.values() {
            let deliveries = set.deliveries();
            if deliveries.iter().any(|one| one.due.is_some()) {
                return Err(Stop::UnderWay);
            }
            // Nothing but the delivery says which reports are about it.
            for delivery in deliveries {
                self.reports_about(delivery, None)?;
            }
            self.batch.expect(set);
            self.batch.delete(set.key());
            for (key, value) in set.indexes() {
                // A carrier may have given the same id to another delivery since.
                if self.repo.store().get(&key)?.as_ref() == Some(&value) {
                    self.batch.delete(key);
                }
            }
            self.counts.deliveries += u32::try_from(deliveries.len()).unwrap_or(u32::MAX);
        }
        self.batch.remove(person);
        self.counts.people += 1;
        Ok(())
    }

    /// What whoever handed a mail in was told of it says nothing any more: it names whom the mail
    /// was to, and may hold the mail. What went to `but_to` themselves is left as it is.
    pub(super) fn reports_about(
        &mut self,
        delivery: &Delivery,
        but_to: Option<ContactId>,
    ) -> Result<(), TrackerError> {
        for id in delivery.report.iter().flat_map(|report| &report.told) {
            if let Some(contact) = but_to
                && self.repo.person(*id, contact)?.is_some()
            {
                continue;
            }
            let report = self.repo.communication(*id)?;
            if let Some(report) = report.filter(|report| report.is_delivery_report()) {
                self.empty(&report)?;
            }
        }
        Ok(())
    }

    /// Lets a communication say nothing any more.
    pub(super) fn empty(&mut self, of: &Loaded<Communication>) -> Result<(), TrackerError> {
        self.loosen_content(of)?;
        let content = Content {
            subject: NO_SUBJECT.to_owned(),
            ..Content::default()
        };
        let content = self.batch.blob(content.to_bytes());
        let emptied = Communication {
            title: NO_SUBJECT.to_owned(),
            content,
            body: Body::Composed,
            ..of.value.clone()
        };
        self.batch.replace(of, &emptied);
        Ok(())
    }

    /// A communication whose people are gone, or go with this batch.
    pub(super) fn communication(&mut self, of: &Loaded<Communication>) -> Result<(), Stop> {
        if !self.communications.insert(of.id) {
            return Ok(());
        }
        let prefix = |tag| KeyBuilder::new(tag).bytes(of.id.as_bytes()).build();
        let parts = |tag| {
            let range = KeyRange::prefix(prefix(tag));
            self.repo.store().scan(range, PARTS_MAX)
        };
        if !parts(keys::ROUND)?.is_empty() {
            return Err(Stop::UnderWay);
        }
        let gone = [
            keys::AUDIENCE,
            keys::PEOPLE_BY_STATE,
            keys::DELIVERIES_BY_STATUS,
            keys::CONFIRMED_BY,
            keys::LINKS_FOLLOWED,
        ];
        for tag in gone {
            for (key, _) in parts(tag)? {
                self.batch.delete(key);
            }
        }
        self.loosen_content(of)?;
        let approved = of.approval.as_ref().and_then(|approval| approval.people);
        self.blobs
            .extend(of.audience.list.into_iter().chain(approved));
        self.batch.remove(of);
        self.counts.communications += 1;
        Ok(())
    }

    /// A communication that is not sent yet, with what was planned of it.
    pub(super) fn planned(&mut self, of: &Loaded<Communication>) -> Result<(), Stop> {
        for round in self.repo.rounds(of.id)? {
            self.batch.remove(&round);
        }
        if let Some(entry) = self.repo.entry(Entry::id_of_draft(of.id))? {
            self.batch.remove(&entry);
            self.counts.entries += 1;
        }
        self.loosen_content(of)?;
        self.batch.remove(of);
        self.counts.communications += 1;
        Ok(())
    }

    /// What a communication says, with its attachments.
    pub(super) fn loosen_content(&mut self, of: &Communication) -> Result<(), TrackerError> {
        self.loosen(of.content);
        // One that does not read has no attachments to let go of.
        if let Ok(content) = self.repo.content(of.content) {
            let files = content.attachments.iter();
            self.blobs.extend(files.map(|file| file.blob));
        }
        if let Body::Submitted(message) = of.body {
            self.loosen(message);
        }
        Ok(())
    }

    /// A message of a thread, and the mail as which it came in.
    pub(super) fn message(&mut self, message: &Loaded<Message>) -> Result<(), TrackerError> {
        let Some(thread) = self.repo.thread(message.thread)? else {
            return Ok(());
        };
        let contact = thread.contact;
        let losing = self.threads.entry(message.thread);
        let losing = losing.or_insert_with(|| Losing {
            old: thread,
            lost: BTreeSet::new(),
        });
        if !losing.lost.insert(message.key()) {
            return Ok(());
        }
        let mut named: BTreeSet<BlobId> = [message.body, message.original]
            .into_iter()
            .flatten()
            .collect();
        if let Some(mail) = self.repo.inbound(message.id.as_bytes())? {
            named.insert(mail.message);
            self.batch.remove(&mail);
        }
        if let Some(contact) = contact {
            self.lines_about(contact, &named)?;
        }
        self.blobs.extend(named);
        self.batch.remove(message);
        self.counts.messages += 1;
        Ok(())
    }

    /// Lines of a log that say that one of these came in.
    fn lines_about(
        &mut self,
        contact: ContactId,
        named: &BTreeSet<BlobId>,
    ) -> Result<(), TrackerError> {
        for id in self.repo.ids_of(contact)? {
            for line in self.repo.log(id, None, LOG_LINES_MAX)?.rows {
                let blob = match &line.event {
                    LogEvent::Replied { blob, .. } | LogEvent::RepliedByItself { blob, .. } => blob,
                    LogEvent::Returned { .. }
                    | LogEvent::Suspended { .. }
                    | LogEvent::Reinstated { .. }
                    | LogEvent::Corrected { .. }
                    | LogEvent::Prompted { .. }
                    | LogEvent::Changed { .. }
                    | LogEvent::Confirmed { .. } => continue,
                };
                if named.contains(blob) {
                    self.line(&line);
                }
            }
        }
        Ok(())
    }

    /// A line of a log.
    pub(super) fn line(&mut self, line: &LogEntry) {
        if self.log_lines.insert(line.key()) {
            match &line.event {
                LogEvent::Replied { blob, .. } | LogEvent::RepliedByItself { blob, .. } => {
                    self.loosen(*blob);
                }
                LogEvent::Returned { .. }
                | LogEvent::Suspended { .. }
                | LogEvent::Reinstated { .. }
                | LogEvent::Corrected { .. }
                | LogEvent::Prompted { .. }
                | LogEvent::Changed { .. }
                | LogEvent::Confirmed { .. } => {}
            }
            self.batch.delete(line.key());
            self.counts.log_lines += 1;
        }
    }

    /// The batch: threads are as what is left in them says, and blobs may go.
    pub(super) fn finish(mut self, now: Timestamp) -> Result<(Batch, Counts), TrackerError> {
        for losing in self.threads.values() {
            let lost = u32::try_from(losing.lost.len()).unwrap_or(u32::MAX);
            if losing.old.messages <= lost {
                self.batch.remove(&losing.old);
                continue;
            }
            let mut new = losing.old.value.clone();
            new.messages -= lost;
            new.unread = new.unread.min(new.messages);
            let all = self
                .repo
                .messages(new.id, None, THREAD_MESSAGES_MAX as usize)?;
            let mut left = all
                .rows
                .iter()
                .filter(|one| !losing.lost.contains(&one.key()));
            let last = left.find(|one| one.kind != MessageKind::Automatic);
            new.preview = last.map(|last| last.preview.clone()).unwrap_or_default();
            self.batch.replace(&losing.old, &new);
        }
        self.batch.loosen(&self.blobs, now, self.seen);
        Ok((self.batch, self.counts))
    }
}
