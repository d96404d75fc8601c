//! Lists of correspondence: of everybody, a client, a creditor or a case, newest first, within
//! filters that combine. What somebody may not see is left out. A filter that finds little stops
//! after [`SCAN_MAX`] entries and goes on from there.

use std::collections::HashMap;
use std::time::Duration;

use super::App;
use super::data::Result;
use super::session::Signed;
use crate::domain::{
    Access, Case, CaseId, CommunicationState, Contact, ContactId, Delivery, Entry, EntryDirection,
    EntryId, EntryKind, EntryWhat, ListStatus, Party, Timestamp,
};
use crate::store::engine::Key;
use crate::store::keys::KeyBuilder;
use crate::store::{EntryList, Loaded, Order};

/// Most entries looked through for one page.
pub(crate) const SCAN_MAX: usize = 3_000;

/// How an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryStatus {
    /// As in mixed lists.
    List(ListStatus),
    /// It came in.
    Received,
    /// Somebody wrote it down.
    Noted,
}

impl EntryStatus {
    pub(crate) const ALL: [Self; 8] = [
        Self::List(ListStatus::Draft),
        Self::List(ListStatus::Queued),
        Self::List(ListStatus::Sent),
        Self::List(ListStatus::Delivered),
        Self::List(ListStatus::Opened),
        Self::List(ListStatus::Failed),
        Self::Received,
        Self::Noted,
    ];

    /// Its name in an address.
    pub(crate) const fn slug(self) -> &'static str {
        match self {
            Self::List(ListStatus::Draft) => "draft",
            Self::List(ListStatus::Queued) => "queued",
            Self::List(ListStatus::Sent) => "sent",
            Self::List(ListStatus::Delivered) => "delivered",
            Self::List(ListStatus::Opened) => "opened",
            Self::List(ListStatus::Failed) => "failed",
            Self::Received => "received",
            Self::Noted => "noted",
        }
    }
}

/// Which case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OfCase {
    /// Any, or none.
    #[default]
    All,
    /// What concerns the client as such.
    ClientOnly,
    /// This one.
    One(CaseId),
}

/// Which entries.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) recipient: Option<Party>,
    pub(crate) case: OfCase,
    pub(crate) direction: Option<EntryDirection>,
    pub(crate) status: Option<EntryStatus>,
    pub(crate) kind: Option<EntryKind>,
    /// From the first moment, and before the second.
    pub(crate) times: (Timestamp, Timestamp),
}

impl Filter {
    /// Where a list begins in an order: what lies before the times is not read at all.
    fn begin(&self, order: Order, after: Option<Key>) -> Option<Key> {
        let (from, to) = self.times;
        let place = |at| KeyBuilder::new(&[]).newest_first(at).build();
        match order {
            Order::Usual => {
                let start = place(to);
                Some(after.map_or(start.clone(), |after| after.max(start)))
            }
            Order::Turned => {
                let before = from.as_millis().checked_sub(1);
                let start = before.map(|before| place(Timestamp::from_millis(before)));
                match (start, after) {
                    (Some(start), Some(after)) => Some(after.min(start)),
                    (start, after) => start.or(after),
                }
            }
        }
    }

    /// Whether the times lie behind, read in an order.
    fn is_past(&self, order: Order, at: Timestamp) -> bool {
        match order {
            Order::Usual => at < self.times.0,
            Order::Turned => at >= self.times.1,
        }
    }

    /// All that can be said without reading more than the entry.
    fn takes(&self, entry: &Entry) -> bool {
        let case = match self.case {
            OfCase::All => true,
            OfCase::ClientOnly => entry.case.is_none(),
            OfCase::One(case) => entry.case == Some(case),
        };
        case && self.recipient.is_none_or(|one| entry.party == one)
            && self.direction.is_none_or(|one| entry.direction == one)
            && self.kind.is_none_or(|one| entry.kind == one)
            && entry.at < self.times.1
    }
}

/// An entry, with what lists show of it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) entry: Entry,
    pub(crate) status: EntryStatus,
    /// What was sent.
    pub(crate) delivery: Option<Delivery>,
    /// The reference of the case.
    pub(crate) case: Option<String>,
    /// With whom.
    pub(crate) contact: Option<Contact>,
    /// Sent, and nobody has confirmed it for too long.
    pub(crate) overdue: bool,
}

/// A part of a list, and where the next one begins.
#[derive(Debug, Default)]
pub(crate) struct Part {
    pub(crate) lines: Vec<Line>,
    pub(crate) next: Option<Key>,
    /// How many were looked at, when it stopped before it was full.
    pub(crate) looked: Option<usize>,
}

/// What the one who is logged in may see.
pub(crate) fn access_of(signed: &Signed) -> Access {
    (*signed.access).clone()
}

/// Reads entries for somebody, and remembers what it has seen of cases and contacts.
pub(crate) struct Reader<'a> {
    app: &'a App,
    access: &'a Access,
    cases: HashMap<CaseId, Option<Loaded<Case>>>,
    contacts: HashMap<ContactId, Option<Loaded<Contact>>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(app: &'a App, access: &'a Access) -> Self {
        Self {
            app,
            access,
            cases: HashMap::new(),
            contacts: HashMap::new(),
        }
    }

    fn case(&mut self, id: CaseId) -> Result<Option<&Loaded<Case>>> {
        if !self.cases.contains_key(&id) {
            let case = self.app.repo().case(id)?;
            self.cases.insert(id, case);
        }
        Ok(self.cases.get(&id).and_then(Option::as_ref))
    }

    fn contact(&mut self, id: ContactId) -> Result<Option<&Loaded<Contact>>> {
        if !self.contacts.contains_key(&id) {
            let contact = self.app.repo().current_contact(id)?;
            self.contacts.insert(id, contact);
        }
        Ok(self.contacts.get(&id).and_then(Option::as_ref))
    }

    /// Whether an entry is theirs to see: by its case, else by its client and by whom it went to.
    pub(crate) fn sees(&mut self, entry: &Entry) -> Result<bool> {
        let access = self.access;
        if let Some(case) = entry.case {
            return Ok(self.case(case)?.is_some_and(|case| access.sees_case(case)));
        }
        for id in entry.client.into_iter().chain([entry.with]) {
            // One that is gone is whose who sees everybody, as everywhere.
            let contact = self.contact(id)?;
            if !contact.map_or(access.sees_everybody(), |one| access.sees_contact(one)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// An entry, when it is theirs to see.
    pub(crate) fn entry(&mut self, id: EntryId) -> Result<Option<Line>> {
        match self.app.repo().entry(id)? {
            Some(entry) if self.sees(&entry)? => Ok(Some(self.line(entry.value)?)),
            Some(_) | None => Ok(None),
        }
    }

    /// What lists show of an entry.
    pub(crate) fn line(&mut self, entry: Entry) -> Result<Line> {
        let (status, delivery) = self.status(&entry)?;
        let now = self.app.now();
        let waited = delivery.as_ref().and_then(Delivery::sent_at);
        let limit = self.app.console.settings.overdue;
        let case = match entry.case {
            Some(case) => self.case(case)?.map(|case| case.reference.clone()),
            None => None,
        };
        Ok(Line {
            overdue: status == EntryStatus::List(ListStatus::Sent)
                && waited.is_some_and(|at| now.since(at) > limit),
            status,
            case,
            contact: self.contact(entry.with)?.map(|one| one.value.clone()),
            delivery,
            entry,
        })
    }

    fn status(&self, entry: &Entry) -> Result<(EntryStatus, Option<Delivery>)> {
        let repo = self.app.repo();
        Ok(match &entry.what {
            EntryWhat::Draft(communication) => {
                let state = repo.communication(*communication)?.map(|one| one.state);
                let status = match state {
                    Some(CommunicationState::Draft) | None => ListStatus::Draft,
                    Some(
                        CommunicationState::AwaitingApproval
                        | CommunicationState::Scheduled
                        | CommunicationState::Expanding,
                    ) => ListStatus::Queued,
                    // No delivery could be made when it was sent.
                    Some(CommunicationState::Sent) => ListStatus::Failed,
                };
                (EntryStatus::List(status), None)
            }
            EntryWhat::Delivery(delivery) => {
                let delivery = repo.delivery(*delivery)?.map(|one| one.value);
                let status = delivery.as_ref().map_or(ListStatus::Failed, |delivery| {
                    match delivery.status().in_lists() {
                        // Given up before its turn.
                        ListStatus::Queued if delivery.closed.is_some() => ListStatus::Failed,
                        status => status,
                    }
                });
                (EntryStatus::List(status), delivery)
            }
            EntryWhat::Message { .. } => (EntryStatus::Received, None),
            EntryWhat::Note(_) => (EntryStatus::Noted, None),
        })
    }

    /// Reads a part of a list from a place on.
    pub(crate) fn part(
        &mut self,
        (list, order): (EntryList, Order),
        filter: &Filter,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Part> {
        let after = filter.begin(order, after);
        let mut walk = self.app.repo().entries_in(order, list, after.as_deref())?;
        let mut part = Part::default();
        let mut seen = 0;
        while let Some((place, id)) = walk.step_id()? {
            seen += 1;
            let Some(entry) = self.app.repo().entry(EntryId::from_bytes(id))? else {
                continue;
            };
            if filter.is_past(order, entry.at) {
                return Ok(part);
            }
            if filter.takes(&entry) && self.sees(&entry)? {
                let line = self.line(entry.value)?;
                if filter.status.is_none_or(|one| one == line.status) {
                    part.lines.push(line);
                }
            }
            if part.lines.len() >= limit || seen >= SCAN_MAX {
                part.looked = (part.lines.len() < limit).then_some(seen);
                part.next = Some(place);
                return Ok(part);
            }
        }
        Ok(part)
    }
}

/// After how long without a confirmation something sent is pointed out, where the configuration
/// says nothing else.
pub(crate) const OVERDUE: Duration = Duration::from_secs(4 * 3600);
