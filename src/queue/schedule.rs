//! When to try again. Pure.

use std::time::Duration;

use crate::domain::Timestamp;

/// Attempts by the schedule at one delivery, each of which leaves up to two entries in its
/// timeline; after them there is one more, at the end.
pub const RETRIES_MAX: usize = 30;

/// Delays between attempts, and how long to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySchedule {
    /// Delay after the first attempt, the second, …; the last one repeats.
    pub delays: Vec<Duration>,
    /// How far a delay is moved at random, in percent either way, so that not everything that
    /// failed together is tried together.
    pub jitter_percent: u8,
    /// No attempt is scheduled for later than this after the delivery was made, and the last
    /// one not for earlier: it is never given up before.
    pub give_up_after: Duration,
}

impl RetrySchedule {
    /// When the next attempt is due after `attempts` of them; none when it is to be given up.
    /// `random` is a number from the whole range of `u64`.
    #[must_use]
    pub fn next(
        &self,
        attempts: u16,
        made_at: Timestamp,
        now: Timestamp,
        random: u64,
    ) -> Option<Timestamp> {
        let last = made_at.plus(self.give_up_after);
        if now >= last {
            return None;
        }
        let attempts = usize::from(attempts);
        let index = attempts
            .saturating_sub(1)
            .min(self.delays.len().checked_sub(1)?);
        if attempts >= RETRIES_MAX {
            return Some(last);
        }
        let due = now.plus(jittered(self.delays[index], self.jitter_percent, random));
        Some(due.min(last))
    }
}

fn jittered(delay: Duration, percent: u8, random: u64) -> Duration {
    let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    let spread = millis / 100 * u64::from(percent.min(100));
    if spread == 0 {
        return delay;
    }
    Duration::from_millis(millis - spread + random % (2 * spread + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schedule() -> RetrySchedule {
        RetrySchedule {
            delays: [60, 300, 3600].map(Duration::from_secs).to_vec(),
            jitter_percent: 20,
            give_up_after: Duration::from_secs(5 * 24 * 3600),
        }
    }

    #[test]
    fn the_last_delay_repeats_until_it_is_given_up() {
        let plain = RetrySchedule {
            jitter_percent: 0,
            ..schedule()
        };
        let made = Timestamp::from_millis(0);
        let due = |attempts, now| plain.next(attempts, made, Timestamp::from_millis(now), 0);
        assert_eq!(due(1, 0), Some(Timestamp::from_millis(60_000)));
        assert_eq!(due(2, 0), Some(Timestamp::from_millis(300_000)));
        assert_eq!(due(9, 0), Some(Timestamp::from_millis(3_600_000)));
        let end = 5 * 24 * 3_600_000;
        assert_eq!(due(9, end - 1000), Some(Timestamp::from_millis(end)));
        assert_eq!(due(9, end), None);
        assert_eq!(due(30, 0), Some(Timestamp::from_millis(end)));
        assert_eq!(due(40, end), None);
    }

    proptest! {
        #[test]
        fn jitter_stays_within_its_bounds(attempts in 1_u16..29, random: u64) {
            let due = schedule().next(attempts, Timestamp::from_millis(0), Timestamp::from_millis(0), random);
            let millis = due.map_or(0, Timestamp::as_millis);
            let base = match attempts { 1 => 60_000, 2 => 300_000, _ => 3_600_000 };
            prop_assert!(millis >= base * 8 / 10 && millis <= base * 12 / 10);
        }
    }
}
