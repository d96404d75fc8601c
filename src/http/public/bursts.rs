//! Whether a person follows links, one and then perhaps another, or a program asks for all that a
//! mail has at once; and how many requests for the links of one mail are looked up. Pure: what was
//! asked for within the last seconds, kept in memory alone.

use std::collections::HashMap;
use std::time::Duration;

use crate::domain::tracking::LINKS_MAX;
use crate::domain::{DeliveryId, Timestamp};

/// So far apart are requests at most that belong to one burst; whoever follows a link is counted
/// so much later.
pub(super) const SPAN: Duration = Duration::from_secs(2);
/// Nobody follows so many links of one mail within that time.
const LINKS_AT_ONCE: usize = 3;
/// Most deliveries remembered; beyond, nothing is counted.
const DELIVERIES_MAX: usize = 4096;
/// Most requests for the links of one mail that are looked up within [`WINDOW`]: a program that asks
/// for all of them three times is led on.
pub(in crate::http) const REQUESTS_MAX: u32 = 3 * LINKS_MAX as u32;
/// The time in which they are counted.
const WINDOW: Duration = Duration::from_secs(60);

/// A link that was asked for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    link: u16,
    at: Timestamp,
    /// It is to be counted if no burst comes of it.
    waits: bool,
}

/// Requests since the window began.
#[derive(Clone, Copy, Debug)]
struct Requests {
    began: Timestamp,
    number: u32,
}

impl Requests {
    fn is_over(&self, now: Timestamp) -> bool {
        self.began.plus(WINDOW) <= now
    }
}

/// What was asked for lately.
#[derive(Debug, Default)]
pub(super) struct Bursts {
    deliveries: HashMap<DeliveryId, Vec<Asked>>,
    requests: HashMap<DeliveryId, Requests>,
}

impl Bursts {
    /// Counts a request for a link of this mail, which we signed; how long to wait where it is one
    /// too many. Beyond [`DELIVERIES_MAX`] mails at a time nobody is refused: each is one of ours,
    /// and an alert has many readers.
    pub(super) fn admit(&mut self, delivery: DeliveryId, now: Timestamp) -> Option<Duration> {
        if self.requests.len() >= DELIVERIES_MAX && !self.requests.contains_key(&delivery) {
            self.requests.retain(|_, requests| !requests.is_over(now));
            if self.requests.len() >= DELIVERIES_MAX {
                return None;
            }
        }
        let fresh = Requests {
            began: now,
            number: 0,
        };
        let requests = self.requests.entry(delivery).or_insert(fresh);
        if requests.is_over(now) {
            *requests = fresh;
        }
        if requests.number >= REQUESTS_MAX {
            return Some(requests.began.plus(WINDOW).since(now));
        }
        requests.number += 1;
        None
    }

    /// Notes that a link was asked for. `counts` says whether by somebody who might be a person.
    /// True: [`settle`](Self::settle) it when [`SPAN`] is over.
    pub(super) fn note(
        &mut self,
        delivery: DeliveryId,
        link: u16,
        at: Timestamp,
        counts: bool,
    ) -> bool {
        if self.deliveries.len() >= DELIVERIES_MAX && !self.deliveries.contains_key(&delivery) {
            let is_fresh = |asked: &Asked| is_kept(asked, at);
            self.deliveries
                .retain(|_, asked| asked.iter().any(is_fresh));
            if self.deliveries.len() >= DELIVERIES_MAX {
                return false;
            }
        }
        let asked = self.deliveries.entry(delivery).or_default();
        asked.retain(|one| is_kept(one, at));
        let lately = |one: &&mut Asked| one.link == link && at.since(one.at) < SPAN;
        // A burst is one whatever else comes: it takes no places from others.
        let counts = counts && distinct_near(asked, at) < LINKS_AT_ONCE;
        match asked.iter_mut().find(lately) {
            Some(before) if before.waits => false,
            Some(before) => {
                before.waits = counts;
                counts
            }
            None => {
                let waits = counts;
                asked.push(Asked { link, at, waits });
                counts
            }
        }
    }

    /// Whether what was noted then is to be counted: it was no part of a burst.
    pub(super) fn settle(&mut self, delivery: DeliveryId, link: u16, at: Timestamp) -> bool {
        let Some(asked) = self.deliveries.get_mut(&delivery) else {
            return false;
        };
        for one in asked.iter_mut().filter(|one| one.link == link) {
            one.waits = false;
        }
        distinct_near(asked, at) < LINKS_AT_ONCE
    }
}

/// How many different links were asked for around this time.
fn distinct_near(asked: &[Asked], at: Timestamp) -> usize {
    let near = |one: &&Asked| one.at.since(at).max(at.since(one.at)) <= SPAN;
    let mut links: Vec<u16> = asked.iter().filter(near).map(|one| one.link).collect();
    links.sort_unstable();
    links.dedup();
    links.len()
}

/// Whether it still says something: it waits, or one that waits may be near it.
fn is_kept(asked: &Asked, now: Timestamp) -> bool {
    now.since(asked.at) <= 2 * SPAN
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: DeliveryId = DeliveryId::from_bytes([1; 16]);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + millis)
    }

    #[test]
    fn one_link_and_then_another_are_a_persons() {
        let mut bursts = Bursts::default();
        assert!(bursts.note(MAIL, 1, at(0), true));
        // Twice is once.
        assert!(!bursts.note(MAIL, 1, at(500), true));
        assert!(bursts.note(MAIL, 2, at(1500), true));
        assert!(bursts.settle(MAIL, 1, at(0)));
        assert!(bursts.settle(MAIL, 2, at(1500)));
        assert!(bursts.note(MAIL, 3, at(4000), true));
        assert!(bursts.settle(MAIL, 3, at(4000)));
    }

    #[test]
    fn three_at_once_are_a_programs_and_none_counts() {
        let mut bursts = Bursts::default();
        for (link, millis) in [(1, 0), (2, 900), (3, 1800)] {
            assert!(bursts.note(MAIL, link, at(millis), true));
        }
        for (link, millis) in [(1, 0), (2, 900), (3, 1800)] {
            assert!(!bursts.settle(MAIL, link, at(millis)), "{link}");
        }
        // Another mail is another matter, and so is the same one later.
        let other = DeliveryId::from_bytes([2; 16]);
        assert!(bursts.note(other, 1, at(1000), true));
        assert!(bursts.settle(other, 1, at(1000)));
        assert!(bursts.note(MAIL, 1, at(60_000), true));
        assert!(bursts.settle(MAIL, 1, at(60_000)));
    }

    #[test]
    fn what_machines_ask_for_makes_a_burst_and_is_not_counted() {
        let mut bursts = Bursts::default();
        assert!(!bursts.note(MAIL, 1, at(0), false));
        assert!(!bursts.note(MAIL, 2, at(10), false));
        assert!(bursts.note(MAIL, 3, at(20), true));
        assert!(!bursts.settle(MAIL, 3, at(20)));
        // A look ahead, then the person.
        assert!(!bursts.note(MAIL, 4, at(10_000), false));
        assert!(bursts.note(MAIL, 4, at(10_500), true));
        assert!(bursts.settle(MAIL, 4, at(10_500)));
    }

    fn delivery(number: usize) -> DeliveryId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        DeliveryId::from_bytes(id)
    }

    #[test]
    fn one_mail_is_looked_into_so_often_and_others_are_another_matter() {
        let mut bursts = Bursts::default();
        for _ in 0..REQUESTS_MAX {
            assert_eq!(bursts.admit(MAIL, at(0)), None);
        }
        assert_eq!(bursts.admit(MAIL, at(1000)), Some(Duration::from_secs(59)));
        assert_eq!(bursts.admit(delivery(2), at(1000)), None);
        assert_eq!(bursts.admit(MAIL, at(60_000)), None);
        // The table is full: those who come are let in and not remembered.
        for number in 0..2 * DELIVERIES_MAX {
            assert_eq!(bursts.admit(delivery(number), at(60_000)), None);
        }
        assert_eq!(bursts.requests.len(), DELIVERIES_MAX);
        assert_eq!(bursts.admit(delivery(0), at(120_000)), None);
        assert_eq!(bursts.admit(delivery(DELIVERIES_MAX), at(120_000)), None);
        assert!(bursts.requests.len() <= DELIVERIES_MAX);
    }

    #[test]
    fn the_table_does_not_grow_without_end() {
        let mut bursts = Bursts::default();
        for number in 0..DELIVERIES_MAX {
            assert!(bursts.note(delivery(number), 1, at(0), true));
        }
        assert!(!bursts.note(delivery(DELIVERIES_MAX), 1, at(1), true));
        assert!(bursts.note(delivery(DELIVERIES_MAX), 1, at(60_000), true));
        assert_eq!(bursts.deliveries.len(), 1);
    }
}
