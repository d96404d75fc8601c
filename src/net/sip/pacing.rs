//! How many calls at a time, and how fast they may begin.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Lets calls begin, evenly spaced.
#[derive(Debug)]
pub(crate) struct Pacing {
    calls: Semaphore,
    interval: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pacing {
    /// At most `calls_max` at a time and `calls_per_second` new ones a second.
    pub(crate) fn new(calls_max: u32, calls_per_second: u32) -> Self {
        Self {
            calls: Semaphore::new(usize::try_from(calls_max).unwrap_or(usize::MAX >> 4)),
            interval: Duration::from_secs(1) / calls_per_second.max(1),
            next: Mutex::new(None),
        }
    }

    /// Waits for a line to be free and for this call's turn. `None` when the trunk has closed.
    pub(crate) async fn begin(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.calls.acquire().await.ok()?;
        let turn = self.turn(tokio::time::Instant::now().into_std());
        tokio::time::sleep_until(turn.into()).await;
        Some(permit)
    }

    /// Lets no further call begin.
    pub(crate) fn close(&self) {
        self.calls.close();
    }

    fn turn(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(|held| held.into_inner());
        let turn = next.map_or(now, |next| next.max(now));
        *next = Some(turn + self.interval);
        turn
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_evenly_spaced_and_rest_is_not_saved_up() {
        let pacing = Pacing::new(1, 10);
        let now = Instant::now();
        let step = Duration::from_millis(100);
        assert_eq!(pacing.turn(now), now);
        assert_eq!(pacing.turn(now), now + step);
        assert_eq!(pacing.turn(now), now + step * 2);
        let later = now + Duration::from_secs(60);
        assert_eq!(pacing.turn(later), later);
        assert_eq!(pacing.turn(later), later + step);
    }

    #[tokio::test]
    async fn only_so_many_calls_at_a_time() {
        let pacing = Pacing::new(1, 1_000);
        let first = pacing.begin().await.unwrap();
        let second = tokio::time::timeout(Duration::from_millis(30), pacing.begin()).await;
        assert!(second.is_err());
        drop(first);
        assert!(pacing.begin().await.is_some());
        pacing.close();
        assert!(pacing.begin().await.is_none());
    }
}
