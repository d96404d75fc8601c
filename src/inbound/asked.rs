//! Receipts of texts that nobody knows, where the carrier promises that none comes early.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::Timestamp;

/// How long such a receipt is asked for again: a text may be under way for so long.
const ASKED_FOR: Duration = Duration::from_secs(10 * 60);
/// How long it is known that it was.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// Receipts that are asked for again at one time; more are not.
const ASKED_MAX: usize = 4096;

/// What is to be done with a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTime {
    /// Its text is known.
    Known,
    /// It is not, and may be soon: the carrier is to deliver it again.
    Again,
    /// It was asked for again, and its text is still not known: it is none of ours.
    Unknown,
}

/// Since when receipts are asked for again, by their first id.
#[derive(Debug, Default)]
pub(super) struct AskedAgain {
    since: BTreeMap<String, Timestamp>,
}

impl AskedAgain {
    /// Whether a receipt under these ids is to come again.
    pub(super) fn ask(&mut self, ids: &[String], now: Timestamp) -> bool {
        let Some(id) = ids.first() else {
            return false;
        };
        if let Some(since) = self.since.get(id) {
            return now.since(*since) < ASKED_FOR;
        }
        if self.since.len() >= ASKED_MAX {
            self.since.retain(|_, since| now.since(*since) < REMEMBERED);
        }
        let has_room = self.since.len() < ASKED_MAX;
        if has_room {
            self.since.insert(id.clone(), now);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    #[test]
    fn a_receipt_is_asked_for_again_for_some_time_and_not_without_end() {
        let mut asked = AskedAgain::default();
        let ids = ["main/7".to_owned(), "main/07".to_owned()];
        assert!(asked.ask(&ids, START));
        let second = Duration::from_secs(1);
        assert!(asked.ask(&ids, START.plus(ASKED_FOR).minus(second)));
        assert!(!asked.ask(&ids, START.plus(ASKED_FOR)));
        assert!(!asked.ask(&[], START));
        for n in 1..ASKED_MAX {
            assert!(asked.ask(&[n.to_string()], START));
        }
        let more = ["more".to_owned()];
        assert!(!asked.ask(&more, START.plus(REMEMBERED).minus(second)));
        assert!(asked.ask(&more, START.plus(REMEMBERED)));
        assert_eq!(asked.since.len(), 1);
    }
}
