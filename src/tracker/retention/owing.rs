//! What is due, what will be, what is held.

use std::collections::BTreeSet;

use super::{Owing, OwingList, Scope, Tracker, TrackerError};
use crate::domain::retention::{Due, Kept, RetentionRules};
use crate::domain::{
    Case, CaseId, CaseStatus, Communication, CommunicationState, Contact, ContactId, Entry,
    EntryId, Party, Timestamp,
};
use crate::store::engine::{Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};
use crate::store::{CASES_OF_ONE_MAX, CaseList, EntryList, Loaded, Order};

/// Most things that each list names; the others are counted.
pub const OWING_LISTED_MAX: usize = 200;
/// Cases, communications or people read at a time.
const PAGE_ROWS: usize = 200;

/// How what belongs to a contact and to no case is kept.
pub(super) struct Standing {
    /// When all of it may go, as far as cases say.
    pub(super) due: Due,
    /// Whether it is correspondence.
    pub(super) is_party: bool,
    rules: RetentionRules,
}

impl Standing {
    /// Whether something of theirs that happened then may go now.
    pub(super) fn lets_go(&self, at: Timestamp, now: Timestamp) -> bool {
        self.of(at).is_at(now)
    }

    fn of(&self, at: Timestamp) -> Due {
        match self.due {
            Due::Never(kept) => Due::Never(kept),
            Due::From(_) if !self.is_party => self.rules.other(at),
            Due::From(from) => Due::From(from.max(self.rules.correspondence_ends(at))),
        }
    }
}

/// A list being put together.
struct Listing<'a> {
    list: OwingList,
    now: Timestamp,
    until: Timestamp,
    skip: &'a BTreeSet<Scope>,
}

impl Listing<'_> {
    fn take(&mut self, owing: Owing) {
        if self.skip.contains(&owing.scope) {
            return;
        }
        let list = &mut self.list;
        let (place, rows) = match owing.due {
            due if due.is_at(self.now) => (0, &mut list.due),
            due if due.is_at(self.until) => (1, &mut list.soon),
            Due::Never(Kept::LegalHold) => (2, &mut list.held),
            Due::Never(_) | Due::From(_) => return,
        };
        list.counts[place] += 1;
        if rows.len() < OWING_LISTED_MAX {
            rows.push(owing);
        }
    }

    fn is_wanted(&self, due: Due) -> bool {
        due.is_at(self.until) || due == Due::Never(Kept::LegalHold)
    }
}

impl Tracker {
    /// What may go by `until`, without `skip`. Reads all cases and looks at every contact with
    /// correspondence or a log: not for a thread that answers requests.
    ///
    /// # Errors
    /// When the store fails.
    pub fn owing(
        &self,
        until: Timestamp,
        skip: &BTreeSet<Scope>,
    ) -> Result<OwingList, TrackerError> {
        let rules = self.retention_rules();
        let mut listing = Listing {
            list: OwingList::default(),
            now: self.clock.wall(),
            until,
            skip,
        };
        self.owing_cases(&rules, &mut listing)?;
        self.owing_contacts(&rules, &mut listing)?;
        self.owing_communications(&rules, &mut listing)?;
        Ok(listing.list)
    }

    fn owing_cases(
        &self,
        rules: &RetentionRules,
        listing: &mut Listing<'_>,
    ) -> Result<(), TrackerError> {
        let mut after = None;
        loop {
            let page = self.repo.cases(&CaseList::All, after, PAGE_ROWS)?;
            for (_, case) in &page.rows {
                if case.status == CaseStatus::Closed || case.legal_hold {
                    let (at, due) = self.case_due(rules, case)?;
                    let scope = Scope::Case(case.id);
                    listing.take(Owing { scope, at, due });
                }
            }
            if page.next.is_none() {
                return Ok(());
            }
            after = page.next;
        }
    }

    /// When the last of a case happened or was written down, and when it may go.
    pub(super) fn case_due(
        &self,
        rules: &RetentionRules,
        case: &Case,
    ) -> Result<(Timestamp, Due), TrackerError> {
        let (at, due) = self.case_due_by(rules, case, None)?;
        if !due.is_at(self.clock.wall()) {
            return Ok((at, due));
        }
        // What happened long ago may have been written down only yesterday.
        let noted = self.last_noted(EntryList::Case(case.id))?;
        self.case_due_by(rules, case, noted)
    }

    fn case_due_by(
        &self,
        rules: &RetentionRules,
        case: &Case,
        noted: Option<Timestamp>,
    ) -> Result<(Timestamp, Due), TrackerError> {
        let last = self.last_entry(EntryList::Case(case.id))?.max(noted);
        let client = self.repo.current_id(case.client)?;
        let cases = self.repo.cases_of_client(client, CASES_OF_ONE_MAX)?;
        let held = cases.iter().any(|case| case.legal_hold);
        let at = last.max(case.closed_at).unwrap_or(case.modified_at);
        Ok((at, rules.case(case, last, held)))
    }

    pub(super) fn last_entry(&self, list: EntryList) -> Result<Option<Timestamp>, TrackerError> {
        let first = self.repo.entries(list, None)?.step_id()?;
        Ok(first.and_then(|(place, _)| time_of(&place)))
    }

    /// The latest moment from which a line of a list is kept; reads all of it.
    fn last_noted(&self, list: EntryList) -> Result<Option<Timestamp>, TrackerError> {
        let (mut last, mut walk) = (None, self.repo.entries(list, None)?);
        while let Some((_, id)) = walk.step_id()? {
            let entry = self.repo.entry(EntryId::from_bytes(id))?;
            last = last.max(entry.map(|entry| entry.kept_from()));
        }
        Ok(last)
    }

    /// Cases in which somebody is the client or a creditor, whatever their kind says by now: it can
    /// be edited, and a merger keeps that of one of two.
    pub(super) fn cases_with(&self, contact: &Contact) -> Result<Vec<Loaded<Case>>, TrackerError> {
        let mut cases = self.repo.cases_of_client(contact.id, CASES_OF_ONE_MAX)?;
        let own: BTreeSet<CaseId> = cases.iter().map(|case| case.id).collect();
        let others = self.repo.cases_of_creditor(contact.id, CASES_OF_ONE_MAX)?;
        cases.extend(others.into_iter().filter(|case| !own.contains(&case.id)));
        Ok(cases)
    }

    /// When the last of somebody's correspondence happened, on whichever side they stood.
    pub(super) fn last_of(&self, contact: &Contact) -> Result<Option<Timestamp>, TrackerError> {
        let as_client = self.last_entry(EntryList::Client(contact.id))?;
        Ok(as_client.max(self.last_entry(EntryList::Creditor(contact.id))?))
    }

    /// How what belongs to a contact and to no case is kept.
    pub(super) fn standing(
        &self,
        rules: &RetentionRules,
        contact: &Contact,
    ) -> Result<Standing, TrackerError> {
        let party = Party::of(contact.kind);
        let (cases, last) = (self.cases_with(contact)?, self.last_of(contact)?);
        let is_party = party.is_some() || !cases.is_empty() || last.is_some();
        let cases = cases.iter().map(|case| &case.value);
        let due = match party {
            _ if !is_party => Due::From(Timestamp::default()),
            // Piece by piece: there may be no end of letters to a creditor.
            Some(Party::Creditor) => rules.contact(cases, None),
            Some(Party::Client) | None => rules.contact(cases, last),
        };
        Ok(Standing {
            due,
            is_party,
            rules: rules.clone(),
        })
    }

    fn owing_contacts(
        &self,
        rules: &RetentionRules,
        listing: &mut Listing<'_>,
    ) -> Result<(), TrackerError> {
        let mut seen = BTreeSet::new();
        // Logs of everybody are looked through only if the rules let them go.
        let logs = rules.everything_else_years.map(|_| keys::LOG);
        let said = [keys::ENTRY_BY_CLIENT, keys::ENTRY_BY_CREDITOR];
        for tag in said.into_iter().chain(logs) {
            let mut after: Option<Key> = None;
            while let Some(id) = self.next_contact(tag, after.as_ref())? {
                after = Some(behind(tag, id));
                let current = self.repo.current_id(id)?;
                if !seen.insert(current) {
                    continue;
                }
                let Some(contact) = self.repo.contact(current)? else {
                    continue;
                };
                let standing = self.standing(rules, &contact)?;
                if !listing.is_wanted(standing.due) {
                    continue;
                }
                if let Some(at) = self.oldest_of(&contact, listing.until, &standing)? {
                    let due = standing.of(at);
                    let scope = Scope::Contact(current);
                    listing.take(Owing { scope, at, due });
                }
            }
        }
        Ok(())
    }

    fn next_contact(
        &self,
        tag: &[u8],
        after: Option<&Key>,
    ) -> Result<Option<ContactId>, TrackerError> {
        let mut range = KeyRange::prefix(tag);
        if let Some(after) = after {
            range = range.after(after.clone());
        }
        let found = self.repo.store().scan(range, 1)?;
        let id = found.first().and_then(|(key, _)| key.get(tag.len()..));
        let id = id.and_then(|id| id.first_chunk::<16>());
        Ok(id.map(|id| ContactId::from_bytes(*id)))
    }

    /// When the oldest of what belongs to a contact and to no case happened: the oldest line of
    /// the log, or of correspondence.
    fn oldest_of(
        &self,
        contact: &Contact,
        until: Timestamp,
        standing: &Standing,
    ) -> Result<Option<Timestamp>, TrackerError> {
        let mut oldest: Option<Timestamp> = None;
        for id in self.repo.ids_of(contact.id)? {
            let prefix = KeyBuilder::new(keys::LOG).bytes(id.as_bytes()).build();
            let range = KeyRange::prefix(prefix.clone()).reverse();
            let last = self.repo.store().scan(range, 1)?;
            let at = last
                .first()
                .and_then(|(key, _)| time_of(&key[prefix.len()..]));
            oldest = [oldest, at].into_iter().flatten().min();
        }
        if standing.is_party && oldest.is_none_or(|at| !standing.of(at).is_at(until)) {
            let at = self.oldest_unfiled(contact, until)?;
            oldest = [oldest, at].into_iter().flatten().min();
        }
        Ok(oldest)
    }

    /// From when on the first of their lines is kept that belongs to no case, looked for among
    /// those that happened by `until`.
    fn oldest_unfiled(
        &self,
        contact: &Contact,
        until: Timestamp,
    ) -> Result<Option<Timestamp>, TrackerError> {
        let mut oldest: Option<Timestamp> = None;
        let list = list_of(contact);
        let mut walk = self.repo.entries_in(Order::Turned, list, None)?;
        while let Some((_, id)) = walk.step_id()? {
            let entry = self.repo.entry(EntryId::from_bytes(id))?;
            let Some(entry) = entry else { continue };
            // Those behind it are kept from later on.
            if entry.at > until || oldest.is_some_and(|oldest| oldest <= entry.at) {
                break;
            }
            if is_of(contact, &entry) {
                let from = entry.kept_from();
                oldest = Some(oldest.map_or(from, |oldest| oldest.min(from)));
            }
        }
        Ok(oldest)
    }

    fn owing_communications(
        &self,
        rules: &RetentionRules,
        listing: &mut Listing<'_>,
    ) -> Result<(), TrackerError> {
        if rules.everything_else_years.is_none() {
            return Ok(());
        }
        let store = self.repo.store();
        let mut range = KeyRange::prefix(keys::COMMUNICATION_BY_CHANGE).reverse();
        loop {
            let page = store.scan(range.clone(), PAGE_ROWS)?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            range = range.after(last.clone());
            for (key, _) in &page {
                let at = time_of(&key[keys::COMMUNICATION_BY_CHANGE.len()..]);
                if at.is_some_and(|at| !rules.other(at).is_at(listing.until)) {
                    return Ok(());
                }
                let Some(id) = key.last_chunk::<16>() else {
                    continue;
                };
                let id = crate::domain::CommunicationId::from_bytes(*id);
                if let Some(of) = self.repo.communication(id)?
                    && let Some(at) = self.communication_goes(&of)?
                {
                    let (scope, due) = (Scope::Communication(id), rules.other(at));
                    listing.take(Owing { scope, at, due });
                }
            }
        }
    }

    /// When a communication was sent, if it is no correspondence to somebody at least.
    fn communication_goes(&self, of: &Communication) -> Result<Option<Timestamp>, TrackerError> {
        if of.state != CommunicationState::Sent || self.is_letter_kept(of)? {
            return Ok(None);
        }
        let at = Some(of.modified_at);
        let taking = super::take::Taking::new(&self.repo);
        let mut after = None;
        let mut is_empty = true;
        loop {
            let page = self.repo.people(of.id, after, PAGE_ROWS)?;
            for person in &page.rows {
                is_empty = false;
                if !taking.has_entry(person, &BTreeSet::new())? {
                    return Ok(at);
                }
            }
            if page.next.is_none() {
                return Ok(at.filter(|_| is_empty));
            }
            after = page.next;
        }
    }
}

impl Tracker {
    /// Whether it is a letter that could not be made for anybody, or for some: its line stays in
    /// the record of correspondence, and it with that.
    pub(super) fn is_letter_kept(&self, of: &Communication) -> Result<bool, TrackerError> {
        let unmade = self.repo.entry(Entry::id_of_draft(of.id))?;
        if unmade.is_some() || of.matter.is_none() {
            return Ok(unmade.is_some());
        }
        let taking = super::take::Taking::new(&self.repo);
        for person in self.repo.people(of.id, None, PAGE_ROWS)?.rows {
            if taking.has_entry(&person, &BTreeSet::new())? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Where a contact's correspondence is found.
pub(super) const fn list_of(contact: &Contact) -> EntryList {
    match Party::of(contact.kind) {
        Some(Party::Creditor) => EntryList::Creditor(contact.id),
        Some(Party::Client) | None => EntryList::Client(contact.id),
    }
}

/// Whether a line belongs to this contact as such: to no case, and for a creditor to no client.
pub(super) fn is_of(contact: &Contact, entry: &Entry) -> bool {
    entry.case.is_none()
        && (Party::of(contact.kind) != Some(Party::Creditor) || entry.client.is_none())
}

/// The time with which a place of a list begins, newest first.
fn time_of(place: &[u8]) -> Option<Timestamp> {
    let at = u64::from_be_bytes(*place.first_chunk::<8>()?);
    Some(Timestamp::from_millis(u64::MAX - at))
}

/// Behind all that stands under a contact in an index.
fn behind(tag: &[u8], id: ContactId) -> Key {
    KeyBuilder::new(tag)
        .bytes(id.as_bytes())
        .bytes(&[0xff; 64])
        .build()
}
