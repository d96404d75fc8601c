//! The queue's keys, and leases on what is due.
//!
//! An entry is an ordinary key, written by the batch that makes work due and
//! deleted by the batch that records its outcome. That batch asserts that the
//! key is still present: this is the fence against a second runner. Leases
//! live in memory only: after a crash everything that is due is due again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::limits::CLAIMS_MAX;
use super::{Batch, Engine, Key, KeyRange, Op, Result, SCAN_LIMIT_MAX, Value};
use crate::domain::Timestamp;

const PREFIX: &[u8; 2] = b"q/";
const KEY_SIZE: usize = 2 + 1 + 8 + 16;

/// A leased queue entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    /// The entry's key: assert it present and delete it in the batch that
    /// completes the work.
    pub key: Key,
    /// What the entry carries.
    pub value: Value,
    /// Its lane.
    pub lane: u8,
    /// When it became due.
    pub due: Timestamp,
    /// What is due.
    pub id: [u8; 16],
    /// When the lease ends by itself.
    pub expires: Timestamp,
    token: u64,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim")
            .field("lane", &self.lane)
            .field("due", &self.due)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// The key of a queue entry: entries of a lane sort by when they are due,
/// then by id.
#[must_use]
pub fn queue_key(lane: u8, due: Timestamp, id: &[u8; 16]) -> Key {
    let mut key = lane_prefix(lane);
    key.extend_from_slice(&due.as_millis().to_be_bytes());
    key.extend_from_slice(id);
    key
}

/// Lane, due time and id of a queue entry's key; `None` for any other key.
#[must_use]
pub fn queue_key_parts(key: &[u8]) -> Option<(u8, Timestamp, [u8; 16])> {
    let (lane, rest) = key.strip_prefix(PREFIX)?.split_first()?;
    let (due, id) = rest.split_first_chunk::<8>()?;
    let id = id.try_into().ok()?;
    Some((*lane, Timestamp::from_millis(u64::from_be_bytes(*due)), id))
}

/// The queue entries that a batch removes.
pub(crate) fn deleted_entries(batch: &Batch) -> Vec<Key> {
    batch
        .ops
        .iter()
        .filter_map(|op| match op {
            Op::Delete { key } if key.len() == KEY_SIZE && key.starts_with(PREFIX) => {
                Some(key.clone())
            }
            Op::Delete { .. } | Op::Put { .. } | Op::Add { .. } => None,
        })
        .collect()
}

fn lane_prefix(lane: u8) -> Key {
    let mut key = Vec::with_capacity(KEY_SIZE);
    key.extend_from_slice(PREFIX);
    key.push(lane);
    key
}

struct Lease {
    expires: Timestamp,
    token: u64,
}

#[derive(Default)]
struct Held {
    by_key: HashMap<Key, Lease>,
    last_token: u64,
}

/// Who works on what, in this process.
#[derive(Default)]
pub(crate) struct Leases {
    held: Mutex<Held>,
}

impl Leases {
    pub(crate) fn claim_due(
        &self,
        engine: &dyn Engine,
        lane: u8,
        now: Timestamp,
        lease: Duration,
        n: usize,
    ) -> Result<Vec<Claim>> {
        // Held over the scan, so that an entry cannot be claimed twice.
        let mut held = self.lock();
        held.by_key.retain(|_, lease| lease.expires > now);
        let n = n.min(CLAIMS_MAX.saturating_sub(held.by_key.len()));
        if n == 0 {
            return Ok(Vec::new());
        }
        let mut due_end = lane_prefix(lane);
        due_end.extend_from_slice(&now.as_millis().to_be_bytes());
        due_end.extend_from_slice(&[0xff; 17]);
        let range = KeyRange::from(lane_prefix(lane)..due_end);
        let expires = now.plus(lease);
        let mut claims = Vec::new();
        for (key, value) in engine.scan(&range, n + held.by_key.len())? {
            if claims.len() == n {
                break;
            }
            let Some((lane, due, id)) = queue_key_parts(&key) else {
                continue;
            };
            if held.by_key.contains_key(&key) {
                continue;
            }
            held.last_token += 1;
            let token = held.last_token;
            held.by_key.insert(key.clone(), Lease { expires, token });
            claims.push(Claim {
                key,
                value,
                lane,
                due,
                id,
                expires,
                token,
            });
        }
        Ok(claims)
    }

    pub(crate) fn release(&self, claim: &Claim) -> bool {
        let mut held = self.lock();
        let lease = held.by_key.get(&claim.key);
        let ours = lease.is_some_and(|lease| lease.token == claim.token);
        if ours {
            held.by_key.remove(&claim.key);
        }
        ours
    }

    /// Ends the leases of entries that no longer exist.
    pub(crate) fn forget(&self, keys: &[Key]) {
        if keys.is_empty() {
            return;
        }
        let mut held = self.lock();
        for key in keys {
            held.by_key.remove(key);
        }
    }

    pub(crate) fn next_due(&self, engine: &dyn Engine, lane: u8) -> Result<Option<Timestamp>> {
        let held = self.lock();
        let prefix = lane_prefix(lane);
        let lease_end = held
            .by_key
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix))
            .map(|(_, lease)| lease.expires)
            .min();
        let limit = (held.by_key.len() + 1).min(SCAN_LIMIT_MAX);
        let entry = engine
            .scan(&KeyRange::prefix(prefix), limit)?
            .into_iter()
            .filter(|(key, _)| !held.by_key.contains_key(key))
            .find_map(|(key, _)| queue_key_parts(&key).map(|(_, due, _)| due));
        Ok(entry.into_iter().chain(lease_end).min())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_its_parts_back() {
        let due = Timestamp::from_millis(0x0102_0304_0506_0708);
        let key = queue_key(3, due, &[9; 16]);
        assert_eq!(key.len(), KEY_SIZE);
        assert_eq!(queue_key_parts(&key).unwrap(), (3, due, [9; 16]));
        assert_eq!(queue_key_parts(b"q/short"), None);
    }

    #[test]
    fn earlier_sorts_first_within_a_lane() {
        let early = queue_key(1, Timestamp::from_millis(255), &[0xff; 16]);
        let late = queue_key(1, Timestamp::from_millis(256), &[0; 16]);
        assert!(early < late);
        assert!(late < queue_key(2, Timestamp::from_millis(0), &[0; 16]));
    }
}
