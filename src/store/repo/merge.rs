//! One list out of many sorted ones, read no further than it is shown.

use std::collections::{BTreeSet, VecDeque};

use super::{Order, Repo, Result, id_before};
use crate::domain::ContactId;
use crate::store::engine::{Key, KeyRange};

/// Entries first read of each list; each further reading takes twice as many as the one before.
const FIRST_STEP: usize = 4;
/// Most entries read of one list at a time.
const STEP_MAX: usize = 512;

/// The rest of one range of an index, ordered by what stands behind its prefix.
struct Stream {
    prefix: Key,
    range: KeyRange,
    read: VecDeque<Key>,
    step: usize,
    ended: bool,
}

impl Stream {
    fn new(prefix: Key, after: Option<&[u8]>, order: Order) -> Self {
        let mut range = order.of(KeyRange::prefix(prefix.clone()));
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
                self.range = self.range.clone().after(last.clone());
            }
            let rest = found
                .into_iter()
                .map(|(key, _)| key[self.prefix.len()..].to_vec());
            self.read.extend(rest);
        }
        Ok(self.read.pop_front())
    }
}

/// Several ranges of an index as one list, in the order of what stands behind their prefixes;
/// what stands in more than one of them comes once.
pub struct Walk<'a> {
    repo: &'a Repo,
    streams: Vec<Stream>,
    heads: BTreeSet<(Key, usize)>,
    order: Order,
}

impl Walk<'_> {
    fn advance(&mut self, at: usize) -> Result<()> {
        if let Some(stream) = self.streams.get_mut(at) {
            let next = stream.next(self.repo)?;
            self.heads.extend(next.map(|key| (key, at)));
        }
        Ok(())
    }

    fn pop(&mut self) -> Option<(Key, usize)> {
        match self.order {
            Order::Usual => self.heads.pop_first(),
            Order::Turned => self.heads.pop_last(),
        }
    }

    /// Takes what comes next when it is this one, too.
    fn pop_same(&mut self, place: &Key) -> Option<usize> {
        let next = match self.order {
            Order::Usual => self.heads.first(),
            Order::Turned => self.heads.last(),
        };
        let same = next.is_some_and(|(next, _)| next == place);
        same.then(|| self.pop()).flatten().map(|(_, at)| at)
    }

    /// The next entry: its place, to go on behind, and whose it is. None at the end.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn step(&mut self) -> Result<Option<(Key, ContactId)>> {
        let found = self.step_id()?;
        Ok(found.map(|(place, id)| (place, ContactId::from_bytes(id))))
    }

    /// The next entry of lists that are not of contacts: its place, and the id at its end.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn step_id(&mut self) -> Result<Option<(Key, [u8; 16])>> {
        while let Some((place, at)) = self.pop() {
            self.advance(at)?;
            while let Some(at) = self.pop_same(&place) {
                self.advance(at)?;
            }
            if let Some(id) = id_before(&place, 0) {
                return Ok(Some((place, id)));
            }
        }
        Ok(None)
    }
}

impl Repo {
    /// Goes through the ids under these beginnings of index keys, from a place on.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn walk(&self, prefixes: Vec<Key>, after: Option<&[u8]>) -> Result<Walk<'_>> {
        self.walk_in(Order::Usual, prefixes, after)
    }

    /// The same in either order.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn walk_in(
        &self,
        order: Order,
        prefixes: Vec<Key>,
        after: Option<&[u8]>,
    ) -> Result<Walk<'_>> {
        let streams = prefixes.into_iter();
        let streams = streams.map(|prefix| Stream::new(prefix, after, order));
        let mut walk = Walk {
            repo: self,
            heads: BTreeSet::new(),
            streams: streams.collect(),
            order,
        };
        for at in 0..walk.streams.len() {
            walk.advance(at)?;
        }
        Ok(walk)
    }
}
