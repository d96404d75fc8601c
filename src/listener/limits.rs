//! How many sessions there may be, and how much memory their messages may take.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the sessions that are open, in all and for each client network.
#[derive(Debug)]
pub(super) struct Sessions {
    max: usize,
    per_ip_max: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// One open session; gives its place back when dropped, in a panic too.
#[derive(Debug)]
pub(super) struct Slot {
    sessions: Arc<Sessions>,
    /// Nobody yet behind a proxy that has not said whom it brings.
    ip: Option<IpAddr>,
}

/// Which limit was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    All,
    PerIp,
}

impl Sessions {
    pub(super) fn new(max: usize, per_ip_max: usize) -> Arc<Self> {
        Arc::new(Sessions {
            max,
            per_ip_max,
            open: Mutex::default(),
        })
    }

    /// A session of somebody who is not known yet.
    pub(super) fn enter(self: &Arc<Self>) -> Result<Slot, Full> {
        let mut open = self.lock();
        if open.all >= self.max {
            return Err(Full::All);
        }
        open.all += 1;
        Ok(Slot {
            sessions: Arc::clone(self),
            ip: None,
        })
    }

    pub(super) fn count(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// It is the session of this client.
    pub(super) fn claim(&mut self, ip: IpAddr) -> Result<(), Full> {
        let ip = network(ip);
        let mut open = self.sessions.lock();
        let here = open.by_ip.entry(ip).or_default();
        if *here >= self.sessions.per_ip_max {
            return Err(Full::PerIp);
        }
        *here += 1;
        self.ip = Some(ip);
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.sessions.lock();
        open.all -= 1;
        let Some(ip) = self.ip else { return };
        if let Some(here) = open.by_ip.get_mut(&ip) {
            *here -= 1;
            if *here == 0 {
                open.by_ip.remove(&ip);
            }
        }
    }
}

/// A client of IPv6 owns a /64; mapped addresses count as the IPv4 that they are.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => {
            let bits = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(bits))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Memory that all messages under way share, through whatever door they come.
#[derive(Debug)]
pub struct MessageMemory {
    used_bytes: AtomicUsize,
    max_bytes: usize,
}

/// What one session takes of it.
#[derive(Debug)]
pub(super) struct Share {
    memory: Arc<MessageMemory>,
    bytes: usize,
}

impl MessageMemory {
    /// So many octets; over it, 452 4.3.1.
    #[must_use]
    pub fn new(max_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            used_bytes: AtomicUsize::new(0),
            max_bytes,
        })
    }

    pub(super) fn share(self: &Arc<Self>) -> Share {
        Share {
            memory: Arc::clone(self),
            bytes: 0,
        }
    }
}

impl Share {
    /// Notes that the session now holds `bytes`. False if that is growth and all together hold too
    /// much: the session should let go of its message.
    pub(super) fn set(&mut self, bytes: usize) -> bool {
        let before = std::mem::replace(&mut self.bytes, bytes);
        let used = &self.memory.used_bytes;
        if bytes <= before {
            used.fetch_sub(before - bytes, Ordering::Relaxed);
            return true;
        }
        let grown = bytes - before;
        used.fetch_add(grown, Ordering::Relaxed) + grown <= self.memory.max_bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_counted_by_network_and_given_back() {
        let sessions = Sessions::new(3, 2);
        let enter = |text: &str| {
            let mut slot = sessions.enter()?;
            slot.claim(text.parse().unwrap()).map(|()| slot)
        };
        let one = enter("2001:db8::1").unwrap();
        let _two = enter("2001:db8::ffff:2").unwrap();
        assert_eq!(enter("2001:db8::3").unwrap_err(), Full::PerIp);
        let _three = enter("::ffff:192.0.2.1").unwrap();
        assert_eq!(enter("192.0.2.9").unwrap_err(), Full::All);
        assert_eq!(sessions.count(), 3);
        drop(one);
        assert!(enter("2001:db8::3").is_ok());
        assert_eq!(sessions.count(), 2);
    }

    #[test]
    fn memory_is_shared_and_given_back() {
        let memory = MessageMemory::new(100);
        let (mut one, mut two) = (memory.share(), memory.share());
        assert!(one.set(60) && two.set(40));
        assert!(!two.set(41));
        assert!(one.set(59), "letting go is always right");
        drop(one);
        assert!(two.set(100));
    }
}
