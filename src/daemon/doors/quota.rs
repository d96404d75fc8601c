//! How many recipients each application may write to in an hour and in a day.
//!
//! What it has used is kept in memory: a restart begins anew.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::domain::Timestamp;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Recipients are counted in spans of this length.
const SPAN: Duration = Duration::from_secs(5 * 60);
/// Applications that are counted.
const APPLICATIONS_MAX: usize = 10_000;

/// What an application may use; nothing stands for as much as it likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) per_hour: Option<u64>,
    pub(super) per_day: Option<u64>,
}

/// Why no more is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OverQuota {
    /// Later, after so long, there is room.
    For(Duration),
    /// So many recipients at once are never taken.
    Ever,
}

/// What has been used.
#[derive(Debug, Default)]
pub(super) struct Quota {
    used: HashMap<String, VecDeque<(Timestamp, u64)>>,
}

impl Quota {
    /// Counts so many recipients, if there is room for all of them.
    pub(super) fn take(
        &mut self,
        user: &str,
        recipients: u64,
        limits: Limits,
        now: Timestamp,
    ) -> Result<(), OverQuota> {
        if limits == Limits::default() {
            return Ok(());
        }
        if self.used.len() >= APPLICATIONS_MAX {
            let begin = now.as_millis();
            self.used.retain(|_, spans| {
                let last = spans.back().map_or(0, |(at, _)| at.as_millis());
                begin.saturating_sub(last) < DAY.as_millis() as u64
            });
        }
        let spans = self.used.entry(user.to_ascii_lowercase()).or_default();
        while spans.front().is_some_and(|(at, _)| now.since(*at) >= DAY) {
            spans.pop_front();
        }
        for (most, within) in [(limits.per_hour, HOUR), (limits.per_day, DAY)] {
            let Some(most) = most else { continue };
            if recipients > most {
                return Err(OverQuota::Ever);
            }
            let recent = spans.iter().filter(|(at, _)| now.since(*at) < within);
            let used: u64 = recent.clone().map(|(_, count)| count).sum();
            let mut over = (used + recipients).saturating_sub(most);
            if over == 0 {
                continue;
            }
            // Until enough of what was used is as old as that.
            for (at, count) in recent {
                over = over.saturating_sub(*count);
                if over == 0 {
                    return Err(OverQuota::For(within.saturating_sub(now.since(*at))));
                }
            }
        }
        match spans.back_mut() {
            Some((at, count)) if now.since(*at) < SPAN => *count += recipients,
            _ => spans.push_back((now, recipients)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        per_hour: Some(10),
        per_day: Some(25),
    };

    fn at(minutes: u64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + minutes * 60_000)
    }

    #[test]
    fn an_hour_and_a_day_have_room_for_so_many() {
        let mut quota = Quota::default();
        let mut take = |count, minutes| quota.take("App", count, LIMITS, at(minutes));
        assert_eq!(take(6, 0), Ok(()));
        assert_eq!(take(4, 20), Ok(()));
        let wait = |minutes: u64| Err(OverQuota::For(Duration::from_secs(minutes * 60)));
        assert_eq!(take(1, 30), wait(30));
        assert_eq!(take(7, 30), wait(50));
        assert_eq!(take(6, 60), Ok(()));
        assert_eq!(take(9, 300), Ok(()));
        assert_eq!(take(1, 400), wait(24 * 60 - 400));
        assert_eq!(take(6, 24 * 60), Ok(()));
        assert_eq!(take(11, 24 * 60), Err(OverQuota::Ever));
    }

    #[test]
    fn everybody_has_their_own_and_who_has_no_limit_is_not_counted() {
        let mut quota = Quota::default();
        assert_eq!(quota.take("a", 10, LIMITS, at(0)), Ok(()));
        assert!(quota.take("A", 1, LIMITS, at(0)).is_err());
        assert_eq!(quota.take("b", 10, LIMITS, at(0)), Ok(()));
        for _ in 0..3 {
            assert_eq!(quota.take("c", 1_000, Limits::default(), at(0)), Ok(()));
        }
        assert_eq!(quota.used.len(), 2);
    }

    #[test]
    fn many_messages_take_little_memory() {
        let mut quota = Quota::default();
        let limits = Limits {
            per_hour: None,
            per_day: Some(u64::MAX),
        };
        for minutes in 0..3 * 24 * 60 {
            assert_eq!(quota.take("a", 1, limits, at(minutes)), Ok(()));
        }
        assert!(quota.used["a"].len() <= 24 * 12 + 1);
    }
}
