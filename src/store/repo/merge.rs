//! One list out of the sorted lists of many areas, read no further than it is shown.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::{Page, Repo, Result, area_prefix, id_before};
use crate::domain::{AreaId, Contact, ContactId};
use crate::store::engine::{Key, KeyRange};
use crate::store::keys;
use crate::store::rows::Loaded;

/// Entries first read of each area; each further reading takes twice as many as the one before.
const FIRST_STEP: usize = 4;
/// Most entries read of one area at a time.
const STEP_MAX: usize = 512;

/// Which of the lists that every area has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AreaIndex {
    /// Everybody.
    Contacts,
    /// Those with a communication issue.
    Issues,
    /// Those whom no method reaches.
    Unreachable,
}

impl AreaIndex {
    const fn tag(self) -> &'static [u8] {
        match self {
            Self::Contacts => keys::CONTACT_BY_AREA,
            Self::Issues => keys::ISSUE_BY_AREA,
            Self::Unreachable => keys::UNREACHABLE_BY_AREA,
        }
    }
}

/// The rest of one area's list. What stands behind the area in a key sorts by first name.
struct Stream {
    prefix: Key,
    range: KeyRange,
    read: VecDeque<Key>,
    step: usize,
    ended: bool,
}

impl Stream {
    fn new(tag: &[u8], area: AreaId, after: Option<&[u8]>) -> Self {
        let prefix = area_prefix(tag, area);
        let mut range = KeyRange::prefix(prefix.clone());
        if let Some(after) = after {
            range = range.after([prefix.as_slice(), after].concat());
        }
        Self {
            prefix,
            range,
            read: VecDeque::new(),
            step: FIRST_STEP,
            ended: false,
        }
    }

    fn next(&mut self, repo: &Repo) -> Result<Option<Key>> {
        if self.read.is_empty() && !self.ended {
            let found = repo.store.scan(self.range.clone(), self.step)?;
            self.ended = found.len() < self.step;
            self.step = (self.step * 2).min(STEP_MAX);
            if let Some((last, _)) = found.last() {
                self.range = KeyRange::prefix(self.prefix.clone()).after(last.clone());
            }
            let rest = found
                .into_iter()
                .map(|(key, _)| key[self.prefix.len()..].to_vec());
            self.read.extend(rest);
        }
        Ok(self.read.pop_front())
    }
}

impl Repo {
    /// Contacts of all these areas by first name, `limit` at a time.
    pub fn contacts_of_areas(
        &self,
        index: AreaIndex,
        areas: &[AreaId],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Page<Loaded<Contact>>> {
        let mut streams: Vec<Stream> = areas
            .iter()
            .map(|area| Stream::new(index.tag(), *area, after))
            .collect();
        let mut heads = BinaryHeap::new();
        for (at, stream) in streams.iter_mut().enumerate() {
            heads.extend(stream.next(self)?.map(|key| Reverse((key, at))));
        }
        let mut ids = Vec::new();
        let mut last = None;
        while ids.len() < limit {
            let Some(Reverse((key, at))) = heads.pop() else {
                break;
            };
            if let Some(stream) = streams.get_mut(at) {
                heads.extend(stream.next(self)?.map(|key| Reverse((key, at))));
            }
            ids.extend(id_before(&key, 0).map(ContactId::from_bytes));
            last = Some(key);
        }
        let next = last.filter(|_| !heads.is_empty());
        let rows = self.each(ids.into_iter())?;
        Ok(Page { rows, next })
    }
}
