//! How much strangers may ask for: costly requests (links and codes asked for, codes tried, files
//! of their data) in a window of time, from one network and from all together. Pure but for
//! [`level`].

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use crate::domain::Timestamp;

/// The window.
pub(super) const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Most networks remembered; when there are more within one window, newcomers wait.
const NETWORKS_MAX: usize = 20_000;
/// What an answer takes that must not tell by its time whether an address is known: longer than
/// any of the ways to it.
const ANSWER_TIME: Duration = Duration::from_millis(400);

#[derive(Clone, Copy, Debug)]
struct Count {
    tries: u32,
    began: Timestamp,
}

impl Count {
    const fn new(now: Timestamp) -> Self {
        Self {
            tries: 0,
            began: now,
        }
    }

    /// Counts one; how long to wait where it is one too many.
    fn add(&mut self, max: u32, now: Timestamp) -> Option<Duration> {
        let over = self.began.plus(WINDOW);
        if over <= now {
            *self = Self::new(now);
        }
        if self.tries >= max {
            return Some(self.began.plus(WINDOW).since(now));
        }
        self.tries += 1;
        None
    }
}

/// The table.
#[derive(Debug)]
pub(super) struct Limits {
    per_network_max: u32,
    all_max: u32,
    all: Option<Count>,
    networks: HashMap<IpAddr, Count>,
}

impl Limits {
    pub(super) fn new(per_network_max: u32, all_max: u32) -> Self {
        Self {
            per_network_max,
            all_max,
            all: None,
            networks: HashMap::new(),
        }
    }

    /// Counts a costly request; how long to wait where it is one too many.
    pub(super) fn count(&mut self, address: IpAddr, now: Timestamp) -> Option<Duration> {
        let network = network(address);
        if self.networks.len() >= NETWORKS_MAX && !self.networks.contains_key(&network) {
            self.networks
                .retain(|_, count| count.began.plus(WINDOW) > now);
            if self.networks.len() >= NETWORKS_MAX {
                return Some(WINDOW);
            }
        }
        let own = self.networks.entry(network).or_insert(Count::new(now));
        own.add(self.per_network_max, now).or_else(|| {
            let all = self.all.get_or_insert(Count::new(now));
            all.add(self.all_max, now)
        })
    }
}

/// One subscriber of IPv6 has a /64 at least, and may use any address of it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let bits = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(bits.into())
        }
    }
}

/// Does the work and answers when [`ANSWER_TIME`] is over, whatever the work was.
pub(super) async fn level<T>(work: impl Future<Output = T>) -> T {
    let (done, ()) = tokio::join!(work, tokio::time::sleep(ANSWER_TIME));
    done
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + seconds * 1000)
    }

    #[test]
    fn one_network_and_all_together_have_their_limits() {
        let mut limits = Limits::new(2, 3);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let other: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8::ffff:1".parse().unwrap();
        assert_eq!(limits.count(one, at(0)), None);
        assert_eq!(limits.count(one, at(1)), None);
        assert_eq!(limits.count(one, at(2)), Some(Duration::from_secs(898)));
        assert_eq!(limits.count(other, at(3)), None);
        // All together have had three; nobody gets a fourth.
        assert!(limits.count(neighbour, at(4)).is_some());
        assert!(
            limits
                .count("198.51.100.1".parse().unwrap(), at(5))
                .is_some()
        );
        // The window is over for all.
        assert_eq!(limits.count(one, at(901)), None);
    }

    #[test]
    fn the_table_does_not_grow_without_end() {
        let mut limits = Limits::new(1, u32::MAX);
        for index in 0..u32::try_from(NETWORKS_MAX).unwrap() {
            assert_eq!(limits.count(IpAddr::V4(index.into()), at(0)), None);
        }
        let late: IpAddr = "203.0.113.1".parse().unwrap();
        assert_eq!(limits.count(late, at(1)), Some(WINDOW));
        assert_eq!(limits.count(late, at(900)), None);
        assert_eq!(limits.networks.len(), 1);
    }
}
