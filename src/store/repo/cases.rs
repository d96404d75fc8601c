//! Reading cases and what was done with them.

use std::collections::HashSet;

use super::{Order, Page, Repo, Result};
use crate::domain::{Case, CaseEvent, CaseId, CaseStatus, ContactId, UserId};
use crate::store::Loaded;
use crate::store::engine::{Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};

/// Most cases read at once where all of somebody's are wanted.
pub const CASES_OF_ONE_MAX: usize = 10_000;

/// Which cases a list shows, last changed first but for [`CaseList::Reference`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseList {
    /// All.
    All,
    /// Those that stand so.
    In(CaseStatus),
    /// Those of a client, and of whom that contact took over.
    Client(ContactId),
    /// Those with a creditor, and with whom that contact took over.
    Creditor(ContactId),
    /// Those that name somebody on our side.
    Naming(UserId),
    /// Those whose reference begins so, by reference.
    Reference(String),
}

impl Repo {
    /// A case.
    pub fn case(&self, id: CaseId) -> Result<Option<Loaded<Case>>> {
        self.load(&keys::case(id))
    }

    /// The case with this reference, without regard to case.
    pub fn case_by_reference(&self, reference: &str) -> Result<Option<Loaded<Case>>> {
        match self.store.get(&keys::case_by_reference(reference))? {
            Some(id) => match id.as_slice().try_into() {
                Ok(id) => self.case(CaseId::from_bytes(id)),
                Err(_) => Ok(None),
            },
            None => Ok(None),
        }
    }

    /// Cases of a list, each with its place in it.
    pub fn cases(
        &self,
        list: &CaseList,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<(Key, Loaded<Case>)>> {
        self.cases_in(Order::Usual, list, after, limit)
    }

    /// The same in either order.
    pub fn cases_in(
        &self,
        order: Order,
        list: &CaseList,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<(Key, Loaded<Case>)>> {
        let of = |tag, id: &[u8]| KeyBuilder::new(tag).bytes(id).build();
        let prefixes = match list {
            CaseList::All => vec![keys::CASE_BY_CHANGE.to_vec()],
            CaseList::In(status) => vec![of(keys::CASE_BY_STATUS, &[*status as u8])],
            CaseList::Client(id) => self.prefixes_of(keys::CASE_BY_CLIENT, *id)?,
            CaseList::Creditor(id) => self.prefixes_of(keys::CASE_BY_CREDITOR, *id)?,
            CaseList::Naming(user) => vec![of(keys::CASE_BY_USER, user.as_bytes())],
            CaseList::Reference(begin) => {
                return self.cases_by_reference(order, begin, after, limit);
            }
        };
        let mut walk = self.walk_in(order, prefixes, after.as_deref())?;
        let mut rows = Vec::new();
        let mut next = None;
        while rows.len() < limit {
            let Some((place, id)) = walk.step_id()? else {
                return Ok(Page { rows, next: None });
            };
            next = Some(place.clone());
            let case = self.case(CaseId::from_bytes(id))?;
            rows.extend(case.map(|case| (place, case)));
        }
        Ok(Page { rows, next })
    }

    fn cases_by_reference(
        &self,
        order: Order,
        begin: &str,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<(Key, Loaded<Case>)>> {
        let mut prefix = keys::case_by_reference(begin);
        prefix.pop();
        let mut range = order.of(KeyRange::prefix(prefix));
        if let Some(after) = after {
            range = range.after([keys::CASE_BY_REFERENCE, after.as_slice()].concat());
        }
        let found = self.store.scan(range, limit)?;
        let place = |key: &Key| key[keys::CASE_BY_REFERENCE.len()..].to_vec();
        let next = (found.len() == limit).then(|| found.last().map(|(key, _)| place(key)));
        let mut rows = Vec::with_capacity(found.len());
        for (key, id) in &found {
            if let Ok(id) = id.as_slice().try_into() {
                let case = self.case(CaseId::from_bytes(id))?;
                rows.extend(case.map(|case| (place(key), case)));
            }
        }
        Ok(Page {
            rows,
            next: next.flatten(),
        })
    }

    /// The last references that begin so, the highest first.
    pub fn last_case_references(&self, begin: &str, limit: usize) -> Result<Vec<String>> {
        let mut prefix = keys::case_by_reference(begin);
        prefix.pop();
        let found = self.store.scan(KeyRange::prefix(prefix).reverse(), limit)?;
        let mut references = Vec::with_capacity(found.len());
        for (_, id) in found {
            if let Ok(id) = id.as_slice().try_into() {
                let case = self.case(CaseId::from_bytes(id))?;
                references.extend(case.map(|case| case.value.reference));
            }
        }
        Ok(references)
    }

    /// Cases of a client, last changed first.
    pub fn cases_of_client(&self, client: ContactId, limit: usize) -> Result<Vec<Loaded<Case>>> {
        self.first_cases(&CaseList::Client(client), limit)
    }

    /// Cases with a creditor, last changed first.
    pub fn cases_of_creditor(
        &self,
        creditor: ContactId,
        limit: usize,
    ) -> Result<Vec<Loaded<Case>>> {
        self.first_cases(&CaseList::Creditor(creditor), limit)
    }

    /// Cases that name somebody on our side, at most [`CASES_OF_ONE_MAX`], last changed first.
    pub fn cases_naming(&self, user: UserId) -> Result<Vec<Loaded<Case>>> {
        self.first_cases(&CaseList::Naming(user), CASES_OF_ONE_MAX)
    }

    /// The clients and creditors of the cases that name somebody on our side, as they are called
    /// now.
    pub fn parties_of_cases_naming(&self, user: UserId) -> Result<HashSet<ContactId>> {
        let mut parties = HashSet::new();
        for case in self.cases_naming(user)? {
            parties.insert(case.client);
            parties.extend(case.creditors.iter().map(|one| one.contact));
        }
        parties.into_iter().map(|id| self.current_id(id)).collect()
    }

    fn first_cases(&self, list: &CaseList, limit: usize) -> Result<Vec<Loaded<Case>>> {
        let page = self.cases(list, None, limit)?;
        Ok(page.rows.into_iter().map(|(_, case)| case).collect())
    }

    /// Whether a contact is the client or a creditor of any case.
    pub fn has_cases(&self, contact: ContactId) -> Result<bool> {
        let client = self.first_cases(&CaseList::Client(contact), 1)?;
        Ok(!client.is_empty() || !self.cases_of_creditor(contact, 1)?.is_empty())
    }

    /// What was done with a case, newest first.
    pub fn case_events(
        &self,
        case: CaseId,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Page<Loaded<CaseEvent>>> {
        let mut range = KeyRange::prefix(keys::events_of_case(case));
        if let Some(after) = after {
            range = range.after(after);
        }
        self.rows(range, limit)
    }

    /// The beginnings of an index for a contact and for those that it took over.
    pub(super) fn prefixes_of(&self, tag: &[u8], contact: ContactId) -> Result<Vec<Key>> {
        let ids = self.ids_of(contact)?.into_iter();
        let prefix = |id: ContactId| KeyBuilder::new(tag).bytes(id.as_bytes()).build();
        Ok(ids.map(prefix).collect())
    }
}
