//! How many entries there may be of what anybody can make happen: so many a minute and a day, the
//! others counted. Nobody fills the disk, or hides what somebody known does, by trying often.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::Timestamp;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// Counts, and says when there were enough. One lasts as long as the process.
#[derive(Debug)]
pub struct Quota {
    per_minute: u32,
    per_day: u32,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    minute: u64,
    in_minute: u32,
    day: u64,
    in_day: u32,
    left_out: u32,
}

impl Quota {
    /// So many in each minute and day of UTC.
    #[must_use]
    pub fn new(per_minute: u32, per_day: u32) -> Self {
        Self {
            per_minute,
            per_day,
            counted: Mutex::default(),
        }
    }

    /// Whether there is room for another one, and how many were left out before it. Whoever does
    /// not make use of it gives it back.
    #[must_use]
    pub fn admit(&self, now: Timestamp) -> Option<u32> {
        let mut counted = self.at(now);
        if counted.in_minute >= self.per_minute || counted.in_day >= self.per_day {
            counted.left_out = counted.left_out.saturating_add(1);
            return None;
        }
        counted.in_minute += 1;
        counted.in_day += 1;
        Some(std::mem::take(&mut counted.left_out))
    }

    /// It was not written after all, nor that so many had been left out.
    pub fn give_back(&self, left_out: u32) {
        let mut counted = self.lock();
        counted.in_minute = counted.in_minute.saturating_sub(1);
        counted.in_day = counted.in_day.saturating_sub(1);
        counted.left_out = counted.left_out.saturating_add(left_out);
    }

    fn at(&self, now: Timestamp) -> MutexGuard<'_, Counted> {
        let mut counted = self.lock();
        let (minute, day) = (now.as_millis() / MINUTE_MS, now.as_millis() / DAY_MS);
        if counted.minute != minute {
            (counted.minute, counted.in_minute) = (minute, 0);
        }
        if counted.day != day {
            (counted.day, counted.in_day) = (day, 0);
        }
        counted
    }

    /// Whole between any two statements.
    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_minute_and_a_day_and_the_others_counted() {
        let quota = Quota::new(2, 3);
        let at = |millis| quota.admit(Timestamp::from_millis(millis));
        assert_eq!([at(0), at(1), at(2), at(3)], [Some(0), Some(0), None, None]);
        assert_eq!([at(MINUTE_MS), at(MINUTE_MS)], [Some(2), None]);
        assert_eq!(at(2 * MINUTE_MS), None);
        assert_eq!([at(DAY_MS), at(DAY_MS)], [Some(2), Some(0)]);
    }

    #[test]
    fn what_is_given_back_is_there_again() {
        let quota = Quota::new(1, 1);
        let at = Timestamp::from_millis;
        assert_eq!(quota.admit(at(DAY_MS)), Some(0));
        assert_eq!(quota.admit(at(DAY_MS)), None);
        assert_eq!(quota.admit(at(2 * DAY_MS)), Some(1));
        quota.give_back(1);
        assert_eq!(quota.admit(at(2 * DAY_MS)), Some(1));
        assert_eq!(quota.admit(at(2 * DAY_MS)), None);
    }
}
