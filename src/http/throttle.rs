//! Slowing down guesses: failed logins per key (an address, a login name), in a table that
//! cannot grow without end. Pure: the time is handed in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::domain::Timestamp;

/// Most keys remembered; beyond it the one that was seen longest ago is forgotten.
const KEYS_MAX: usize = 10_000;

/// How many failures, and how long to wait after them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) failures_max: u32,
    pub(crate) wait: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    failures: u32,
    last: Timestamp,
}

/// A try that was counted before its outcome was known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Try {
    at: Timestamp,
    /// When the one before was.
    before: Timestamp,
}

/// The network of an address: whoever has one address of an IPv6 network has all of its /64.
pub(crate) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("{:x?}", &v6.segments()[..4]),
    }
}

/// The network of somebody of whom no more is kept than where about they came from: /24, or /48
/// of IPv6.
pub(crate) fn coarse_network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

/// The table.
#[derive(Debug)]
pub(crate) struct Throttle {
    limits: Limits,
    keys_max: usize,
    entries: HashMap<String, Entry>,
}

impl Throttle {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            keys_max: KEYS_MAX,
            entries: HashMap::new(),
        }
    }

    /// How long this key still has to wait; none when it may try.
    pub(crate) fn wait(&self, key: &str, now: Timestamp) -> Option<Duration> {
        let entry = self.entries.get(key)?;
        let over = entry.last.plus(self.limits.wait);
        (entry.failures >= self.limits.failures_max && over > now).then(|| over.since(now))
    }

    /// Counts a try before its outcome is known, so that many at once cannot slip through.
    pub(crate) fn count(&mut self, key: &str, now: Timestamp) -> Try {
        let wait = self.limits.wait;
        if self.entries.len() >= self.keys_max && !self.entries.contains_key(key) {
            self.make_room(now);
        }
        let entry = self.entries.entry(key.to_owned()).or_insert(Entry {
            failures: 0,
            last: now,
        });
        if entry.last.plus(wait) <= now {
            entry.failures = 0;
        }
        entry.failures = entry.failures.saturating_add(1);
        let before = std::mem::replace(&mut entry.last, now);
        Try { at: now, before }
    }

    /// The try was good: it alone is taken back. What failed from there still counts, or whoever
    /// has one good account could guess at others without end.
    pub(crate) fn take_back(&mut self, key: &str, good: Try) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        entry.failures = entry.failures.saturating_sub(1);
        if entry.failures == 0 {
            self.entries.remove(key);
        } else if entry.last == good.at {
            entry.last = good.before;
        }
    }

    /// The try was good: the key starts afresh.
    pub(crate) fn clear(&mut self, key: &str) {
        self.entries.remove(key);
    }

    fn make_room(&mut self, now: Timestamp) {
        let wait = self.limits.wait;
        self.entries.retain(|_, entry| entry.last.plus(wait) > now);
        if self.entries.len() < self.keys_max {
            return;
        }
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.last);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn throttle() -> Throttle {
        Throttle::new(Limits {
            failures_max: 3,
            wait: 15 * MINUTE,
        })
    }

    fn at(minute: u64) -> Timestamp {
        Timestamp::from_millis(minute * 60_000)
    }

    #[test]
    fn the_third_failure_makes_it_wait() {
        let mut throttle = throttle();
        for minute in 0..3 {
            assert_eq!(throttle.wait("a", at(minute)), None);
            throttle.count("a", at(minute));
        }
        assert_eq!(throttle.wait("a", at(3)), Some(14 * MINUTE));
        assert_eq!(throttle.wait("b", at(3)), None);
        assert_eq!(throttle.wait("a", at(17)), None);
        throttle.count("a", at(17));
        assert_eq!(
            throttle.wait("a", at(17)),
            None,
            "an old series is forgotten"
        );
    }

    #[test]
    fn a_good_login_starts_afresh() {
        let mut throttle = throttle();
        for _ in 0..3 {
            throttle.count("a", at(0));
        }
        throttle.clear("a");
        assert_eq!(throttle.wait("a", at(0)), None);
    }

    #[test]
    fn a_good_login_takes_back_itself_and_nothing_else() {
        let mut throttle = throttle();
        for minute in 0..2 {
            throttle.count("a", at(minute));
            let good = throttle.count("a", at(minute));
            throttle.take_back("a", good);
        }
        assert_eq!(throttle.wait("a", at(1)), None);
        throttle.count("a", at(2));
        assert_eq!(throttle.wait("a", at(2)), Some(15 * MINUTE));
        // Nor does it make what failed younger than it is.
        let good = throttle.count("b", at(0));
        throttle.take_back("b", good);
        assert!(!throttle.entries.contains_key("b"));
        throttle.count("b", at(0));
        let good = throttle.count("b", at(14));
        throttle.take_back("b", good);
        assert_eq!(throttle.entries["b"].last, at(0));
    }

    #[test]
    fn the_table_stays_small() {
        let mut throttle = throttle();
        throttle.keys_max = 4;
        for n in 0..100_u64 {
            throttle.count(&n.to_string(), at(0).plus(Duration::from_millis(n)));
        }
        assert_eq!(throttle.entries.len(), 4);
        assert!(throttle.entries.contains_key("99"));
    }
}
