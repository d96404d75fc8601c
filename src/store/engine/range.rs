//! Which keys a scan walks, and in what direction.

use std::ops::{Bound, Range, RangeBounds, RangeFrom, RangeInclusive};

use super::Key;

/// A range of keys and a direction.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRange {
    pub(crate) start: Bound<Key>,
    pub(crate) end: Bound<Key>,
    pub(crate) reverse: bool,
}

impl KeyRange {
    /// Every key.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            start: Bound::Unbounded,
            end: Bound::Unbounded,
            reverse: false,
        }
    }

    /// Every key that begins with these bytes.
    #[must_use]
    pub fn prefix(prefix: impl Into<Key>) -> Self {
        let start = prefix.into();
        Self {
            end: prefix_end(&start).map_or(Bound::Unbounded, Bound::Excluded),
            start: Bound::Included(start),
            reverse: false,
        }
    }

    /// Any range of keys, forward.
    #[must_use]
    pub fn of(range: impl RangeBounds<Key>) -> Self {
        Self {
            start: range.start_bound().cloned(),
            end: range.end_bound().cloned(),
            reverse: false,
        }
    }

    /// The same keys, last first.
    #[must_use]
    pub fn reverse(mut self) -> Self {
        self.reverse = !self.reverse;
        self
    }

    /// What is left of the range behind this key, in its direction: for the
    /// next page after a row. A key outside the range never widens it: cursors come from outside.
    #[must_use]
    pub fn after(mut self, key: impl Into<Key>) -> Self {
        let key = key.into();
        if self.reverse {
            let narrows = match &self.end {
                Bound::Unbounded => true,
                Bound::Included(end) => key <= *end,
                Bound::Excluded(end) => key < *end,
            };
            if narrows {
                self.end = Bound::Excluded(key);
            }
        } else {
            let narrows = match &self.start {
                Bound::Unbounded => true,
                Bound::Included(start) | Bound::Excluded(start) => key >= *start,
            };
            if narrows {
                self.start = Bound::Excluded(key);
            }
        }
        self
    }

    /// True when no key can lie in it (also where the ends are crossed).
    pub(crate) fn is_empty(&self) -> bool {
        match (&self.start, &self.end) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (
                Bound::Included(start) | Bound::Excluded(start),
                Bound::Included(end) | Bound::Excluded(end),
            ) => start >= end,
        }
    }
}

/// The first key behind all keys with this prefix; `None` when there is none.
fn prefix_end(prefix: &[u8]) -> Option<Key> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix.get(..=last)?.to_vec();
    if let Some(byte) = end.last_mut() {
        *byte += 1;
    }
    Some(end)
}

impl From<Range<Key>> for KeyRange {
    fn from(range: Range<Key>) -> Self {
        Self::of(range)
    }
}

impl From<RangeInclusive<Key>> for KeyRange {
    fn from(range: RangeInclusive<Key>) -> Self {
        Self::of(range)
    }
}

impl From<RangeFrom<Key>> for KeyRange {
    fn from(range: RangeFrom<Key>) -> Self {
        Self::of(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_byte() {
        assert_eq!(prefix_end(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(prefix_end(&[b'a', 0xff]), Some(b"b".to_vec()));
        assert_eq!(prefix_end(&[0xff, 0xff]), None);
        assert_eq!(prefix_end(b""), None);
    }

    #[test]
    fn a_key_outside_never_widens_a_range() {
        let all: Vec<Key> = (0..=u8::MAX).map(|byte| vec![byte]).collect();
        let inside = |range: &KeyRange| -> Vec<Key> {
            let mut keys = all.clone();
            keys.retain(|key| (range.start.clone(), range.end.clone()).contains(key));
            keys
        };
        for first in 98..=101 {
            let whole = KeyRange::of(vec![99]..vec![101]);
            let forward = inside(&whole.clone().after(vec![first]));
            let back = inside(&whole.clone().reverse().after(vec![first]));
            let left: Vec<Key> = (99..101).filter(|k| *k > first).map(|k| vec![k]).collect();
            let right: Vec<Key> = (99..101).filter(|k| *k < first).map(|k| vec![k]).collect();
            assert_eq!((forward, back), (left, right), "{first}");
        }
        let twice = KeyRange::prefix(b"a".to_vec()).after(b"ac".to_vec());
        assert_eq!(
            twice.after(b"ab".to_vec()).start,
            Bound::Excluded(b"ac".to_vec())
        );
    }

    #[test]
    fn crossed_ends_are_empty() {
        let crossed = KeyRange {
            start: Bound::Included(b"b".to_vec()),
            end: Bound::Excluded(b"a".to_vec()),
            reverse: false,
        };
        assert!(crossed.is_empty());
        assert!(KeyRange::from(b"a".to_vec()..b"a".to_vec()).is_empty());
        assert!(!KeyRange::from(b"a".to_vec()..=b"a".to_vec()).is_empty());
        assert!(!KeyRange::prefix(b"a".to_vec()).is_empty());
    }
}
