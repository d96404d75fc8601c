//! Reading people: contacts, their areas and groups, filters, recipient lists, logs.

use std::collections::HashMap;

use super::{Order, Page, Repo, Result, area_prefix, counter};
use crate::domain::merger::MERGED_MAX;
use crate::domain::{
    Area, AreaId, AreaTree, Contact, ContactId, FilterId, Gathering, Group, GroupId, ImportId,
    LogEntry, Merger, Recipient, SavedFilter, UserId,
};
use crate::store::engine::{Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};
use crate::store::rows::Loaded;

use super::AREAS_MAX;

impl Repo {
    /// A contact.
    pub fn contact(&self, id: ContactId) -> Result<Option<Loaded<Contact>>> {
        self.load(&keys::contact(id))
    }

    /// A contact, or the one that took it over: old deliveries, lists and links name contacts
    /// that are no more.
    pub fn current_contact(&self, id: ContactId) -> Result<Option<Loaded<Contact>>> {
        if let Some(contact) = self.contact(id)? {
            return Ok(Some(contact));
        }
        match self.merger(id)? {
            Some(merger) => self.contact(merger.into),
            None => Ok(None),
        }
    }

    /// [`Repo::current_contact`] of many, in their order.
    pub fn current_contacts(&self, ids: &[ContactId]) -> Result<Vec<Option<Loaded<Contact>>>> {
        let keys: Vec<_> = ids.iter().map(|id| keys::contact(*id)).collect();
        let found = self.load_many(&keys)?.into_iter().zip(ids);
        found
            .map(|(contact, id)| match contact {
                Some(contact) => Ok(Some(contact)),
                None => self.current_contact(*id),
            })
            .collect()
    }

    /// Whom an id means now: the contact itself, or the one that took it over.
    pub fn current_id(&self, id: ContactId) -> Result<ContactId> {
        Ok(self.merger(id)?.map_or(id, |merger| merger.into))
    }

    /// A contact's own id and those of the contacts that it took over.
    pub fn ids_of(&self, contact: ContactId) -> Result<Vec<ContactId>> {
        let mut all = vec![contact];
        all.extend(self.merged_into(contact)?);
        Ok(all)
    }

    /// What is left of a contact that another one took over.
    pub fn merger(&self, from: ContactId) -> Result<Option<Loaded<Merger>>> {
        self.load(&keys::merger(from))
    }

    /// The contacts that this one took over, at most [`MERGED_MAX`].
    pub fn merged_into(&self, kept: ContactId) -> Result<Vec<ContactId>> {
        let prefix = KeyBuilder::new(keys::MERGER_BY_KEPT)
            .bytes(kept.as_bytes())
            .build();
        Ok(self.contact_ids(prefix, None, MERGED_MAX)?.rows)
    }

    /// What is being gathered for a user.
    pub fn gathering(&self, user: UserId) -> Result<Option<Loaded<Gathering>>> {
        self.load(&keys::gathering(user))
    }

    fn contacts(&self, page: Page<[u8; 16]>) -> Result<Page<Loaded<Contact>>> {
        let mut rows = Vec::with_capacity(page.rows.len());
        for id in page.rows {
            rows.extend(self.contact(ContactId::from_bytes(id))?);
        }
        Ok(Page {
            rows,
            next: page.next,
        })
    }

    /// Every contact, in order of id.
    pub fn all_contacts(&self, after: Option<Key>, limit: usize) -> Result<Page<Loaded<Contact>>> {
        let mut range = KeyRange::prefix(keys::CONTACT);
        if let Some(after) = after {
            range = range.after(after);
        }
        self.rows(range, limit)
    }

    /// Contacts in order of first name, then last; those whose first name begins with `prefix`.
    pub fn contacts_by_name(
        &self,
        prefix: &str,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Contact>>> {
        let mut start = KeyBuilder::new(keys::CONTACT_BY_NAME).text(prefix).build();
        start.pop();
        let page = self.ids(start, after, limit, 0)?;
        self.contacts(page)
    }

    /// Contacts directly in an area ([`super::rows::NO_AREA`] for those without), by first name.
    pub fn contacts_in_area(
        &self,
        area: AreaId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Contact>>> {
        let page = self.contact_ids_in_area(area, after, limit)?;
        self.contacts(Page {
            rows: page.rows.iter().map(|id| *id.as_bytes()).collect(),
            next: page.next,
        })
    }

    /// Ids of the contacts directly in an area, by first name.
    pub fn contact_ids_in_area(
        &self,
        area: AreaId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<ContactId>> {
        let page = self.ids(area_prefix(keys::CONTACT_BY_AREA, area), after, limit, 0)?;
        Ok(Page {
            rows: page.rows.into_iter().map(ContactId::from_bytes).collect(),
            next: page.next,
        })
    }

    /// Contacts that have this address or number (in its lookup form).
    pub fn contacts_by_address(
        &self,
        lookup_key: &str,
        limit: usize,
    ) -> Result<Vec<Loaded<Contact>>> {
        Ok(self.contacts_at(lookup_key, None, limit)?.rows)
    }

    /// The same, a part at a time. A part may begin with whom the one before ended with, who
    /// has it twice.
    pub fn contacts_at(
        &self,
        lookup_key: &str,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Contact>>> {
        let prefix = KeyBuilder::new(keys::CONTACT_BY_ADDRESS)
            .text(lookup_key)
            .build();
        let mut page = self.ids(prefix, after, limit, 16)?;
        page.rows.dedup();
        self.contacts(page)
    }

    /// Contacts with a communication issue directly in an area, by first name.
    pub fn issues_in_area(
        &self,
        area: AreaId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Contact>>> {
        let page = self.ids(area_prefix(keys::ISSUE_BY_AREA, area), after, limit, 0)?;
        self.contacts(page)
    }

    /// Contacts directly in an area whom no method reaches, by first name.
    pub fn unreachable_in_area(
        &self,
        area: AreaId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Contact>>> {
        let page = self.ids(
            area_prefix(keys::UNREACHABLE_BY_AREA, area),
            after,
            limit,
            0,
        )?;
        self.contacts(page)
    }

    /// How many contacts are directly in an area.
    pub fn contact_count(&self, area: AreaId) -> Result<u64> {
        self.count(area_prefix(keys::CONTACTS_IN_AREA, area))
    }

    /// How many contacts directly in an area have a communication issue.
    pub fn issue_count(&self, area: AreaId) -> Result<u64> {
        self.count(area_prefix(keys::ISSUES_IN_AREA, area))
    }

    /// How many contacts are directly in each area, and in none ([`super::super::NO_AREA`]).
    pub fn contact_counts(&self) -> Result<HashMap<AreaId, u64>> {
        self.area_counts(keys::CONTACTS_IN_AREA)
    }

    /// How many contacts directly in each area, and in none, have a communication issue.
    pub fn issue_counts(&self) -> Result<HashMap<AreaId, u64>> {
        self.area_counts(keys::ISSUES_IN_AREA)
    }

    fn area_counts(&self, tag: &[u8]) -> Result<HashMap<AreaId, u64>> {
        let counters = self.store.scan(KeyRange::prefix(tag), AREAS_MAX + 1)?;
        let counts = counters.iter().filter_map(|(key, value)| {
            let id = super::id_before(key, 0)?;
            Some((AreaId::from_bytes(id), counter(value)))
        });
        Ok(counts.collect())
    }

    /// How many contacts have a communication issue, in all areas and none.
    pub fn issue_count_all(&self) -> Result<u64> {
        let counters = self
            .store
            .scan(KeyRange::prefix(keys::ISSUES_IN_AREA), AREAS_MAX)?;
        Ok(counters.iter().map(|(_, value)| counter(value)).sum())
    }

    /// An area, to change it.
    pub fn area(&self, id: AreaId) -> Result<Option<Loaded<Area>>> {
        self.load(&keys::area(id))
    }

    /// All areas.
    pub fn areas(&self) -> Result<AreaTree> {
        let page: Page<Loaded<Area>> = self.rows(KeyRange::prefix(keys::AREA), AREAS_MAX)?;
        Ok(AreaTree::new(
            page.rows.into_iter().map(|area| area.value).collect(),
        ))
    }

    /// A group.
    pub fn group(&self, id: GroupId) -> Result<Option<Loaded<Group>>> {
        self.load(&keys::group(id))
    }

    /// All groups, in order of making.
    pub fn groups(&self, limit: usize) -> Result<Vec<Loaded<Group>>> {
        Ok(self.rows(KeyRange::prefix(keys::GROUP), limit)?.rows)
    }

    /// How many contacts are in a group.
    pub fn group_count(&self, id: GroupId) -> Result<u64> {
        let key = KeyBuilder::new(keys::CONTACTS_IN_GROUP)
            .bytes(id.as_bytes())
            .build();
        self.count(key)
    }

    /// Ids of the contacts in a group, by first name.
    pub fn contact_ids_in_group(
        &self,
        id: GroupId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<ContactId>> {
        let prefix = KeyBuilder::new(keys::CONTACT_BY_GROUP)
            .bytes(id.as_bytes())
            .build();
        self.contact_ids(prefix, after, limit)
    }

    /// Ids of the contacts that came with a file.
    pub fn contact_ids_of_import(
        &self,
        id: ImportId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<ContactId>> {
        let prefix = KeyBuilder::new(keys::CONTACT_BY_IMPORT)
            .bytes(id.as_bytes())
            .build();
        self.contact_ids(prefix, after, limit)
    }

    fn contact_ids(
        &self,
        prefix: Key,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<ContactId>> {
        let page = self.ids(prefix, after, limit, 0)?;
        Ok(Page {
            rows: page.rows.into_iter().map(ContactId::from_bytes).collect(),
            next: page.next,
        })
    }

    /// A saved filter.
    pub fn filter(&self, id: FilterId) -> Result<Option<Loaded<SavedFilter>>> {
        self.load(&keys::filter(id))
    }

    /// All saved filters, in order of making.
    pub fn filters(&self, limit: usize) -> Result<Vec<Loaded<SavedFilter>>> {
        Ok(self.rows(KeyRange::prefix(keys::FILTER), limit)?.rows)
    }

    /// One entry of a user's recipient list.
    pub fn recipient(&self, user: UserId, contact: ContactId) -> Result<Option<Loaded<Recipient>>> {
        self.load(&keys::recipient(user, contact))
    }

    /// A user's recipient list, those first whom Tocsin has known longest.
    pub fn recipients(
        &self,
        user: UserId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Recipient>>> {
        self.recipients_in(Order::Usual, user, after, limit)
    }

    /// The same in either order.
    pub fn recipients_in(
        &self,
        order: Order,
        user: UserId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<Recipient>>> {
        let prefix = KeyBuilder::new(keys::RECIPIENT)
            .bytes(user.as_bytes())
            .build();
        let mut range = order.of(KeyRange::prefix(prefix));
        if let Some(after) = after {
            range = range.after(after);
        }
        self.rows(range, limit)
    }

    /// How many are on a user's recipient list.
    pub fn recipient_count(&self, user: UserId) -> Result<u64> {
        self.count(keys::recipients_of_user(user))
    }

    /// A contact's log, newest first.
    pub fn log(
        &self,
        contact: ContactId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<LogEntry>>> {
        let prefix = KeyBuilder::new(keys::LOG).bytes(contact.as_bytes()).build();
        let mut range = KeyRange::prefix(prefix);
        if let Some(after) = after {
            range = range.after(after);
        }
        self.rows(range, limit)
    }
}
