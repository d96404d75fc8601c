//! What is known of the places that news goes to. It lies in memory alone: behind a restart each
//! of them is spoken to as if nothing had been.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::domain::webhook::{NEWS_WAITING_MAX, TryOutcome, pause_after};
use crate::domain::{Redacted, Webhook, WebhookId};

/// Most tries at once to one place. Each place has its own, so that none waits for another.
const TRIES_TO_ONE: usize = 4;
/// Longest time that a place is left alone because it asked for it.
const ASKED_MAX: Duration = Duration::from_secs(3600);

#[derive(Debug, Default)]
pub(super) struct Places {
    known: Mutex<HashMap<WebhookId, Place>>,
    /// A try has ended.
    pub(super) landed: Notify,
}

#[derive(Debug, Default)]
struct Place {
    /// Where it is; another address is another place.
    url: Redacted<String>,
    /// What is on its way.
    flying: HashSet<[u8; 16]>,
    /// Failed tries, one behind the other.
    failures: u32,
    /// It is left alone until then.
    paused_until: Option<Instant>,
    /// As much waits for it as may.
    full: bool,
}

/// Whether news may go to a place now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// So many tries more, beside those that are on their way.
    For { tries: usize, flying: usize },
    /// Not before this time has passed.
    In(Duration),
}

/// A piece of news on its way; dropped, it has landed.
pub(super) struct Flight {
    places: Arc<Places>,
    webhook: WebhookId,
    id: [u8; 16],
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(place) = self.places.lock().get_mut(&self.webhook) {
            place.flying.remove(&self.id);
        }
        self.places.landed.notify_one();
    }
}

impl Places {
    /// Forgets all but these, and what is still on its way.
    pub(super) fn keep(&self, webhooks: &[WebhookId]) {
        self.lock()
            .retain(|id, place| webhooks.contains(id) || !place.flying.is_empty());
    }

    /// Whether news may go to this webhook.
    pub(super) fn room(&self, webhook: &Webhook, now: Instant) -> Room {
        let mut known = self.lock();
        let place = known.entry(webhook.id).or_default();
        place.be_at(&webhook.input.url);
        if let Some(rest) = place.pause(now) {
            return Room::In(rest);
        }
        // One goes ahead to a place that fails.
        let most = pause_after(place.failures).map_or(TRIES_TO_ONE, |_| 1);
        let flying = place.flying.len();
        Room::For {
            tries: most.saturating_sub(flying),
            flying,
        }
    }

    /// Sends a piece of news on its way, unless it is.
    pub(super) fn take_off(self: &Arc<Self>, webhook: WebhookId, id: [u8; 16]) -> Option<Flight> {
        let mut known = self.lock();
        let is_new = known.entry(webhook).or_default().flying.insert(id);
        is_new.then(|| Flight {
            places: Arc::clone(self),
            webhook,
            id,
        })
    }

    /// What a try came to at the address that the webhook had.
    pub(super) fn landed(
        &self,
        webhook: &Webhook,
        outcome: TryOutcome,
        asked: Option<Duration>,
        now: Instant,
    ) {
        let mut known = self.lock();
        let Some(place) = known.get_mut(&webhook.id) else {
            return;
        };
        if place.url != webhook.input.url {
            return;
        }
        if outcome.is_taken() {
            place.failures = 0;
            place.paused_until = None;
            return;
        }
        place.failures = place.failures.saturating_add(1);
        let asked = asked.map(|asked| asked.min(ASKED_MAX));
        if let Some(pause) = pause_after(place.failures).max(asked) {
            place.paused_until = place.paused_until.max(now.checked_add(pause));
        }
    }

    /// Whether this is the moment in which too much waits for a webhook.
    pub(super) fn becomes_full(&self, webhook: WebhookId, waiting: u64) -> bool {
        let mut known = self.lock();
        let place = known.entry(webhook).or_default();
        let was = place.full;
        // It has become full anew only when some of it has gone meanwhile.
        place.full = waiting >= NEWS_WAITING_MAX || (was && waiting >= NEWS_WAITING_MAX / 10 * 9);
        place.full && !was
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<WebhookId, Place>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn be_at(&mut self, url: &Redacted<String>) {
        if self.url != *url {
            self.url = url.clone();
            self.failures = 0;
            self.paused_until = None;
        }
    }

    /// How long it is still to be left alone.
    fn pause(&mut self, now: Instant) -> Option<Duration> {
        let rest = self.paused_until?.checked_duration_since(now);
        let rest = rest.filter(|rest| !rest.is_zero());
        if rest.is_none() {
            self.paused_until = None;
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_a_place_is_full_is_said_once_until_some_of_it_has_gone() {
        let (places, of) = (Places::default(), WebhookId::from_bytes([1; 16]));
        let said = [99_999, 100_000, 99_990, 100_000, 89_000, 100_000]
            .map(|waiting| places.becomes_full(of, waiting));
        assert_eq!(said, [false, true, false, false, false, true]);
    }
}
