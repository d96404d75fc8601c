//! How many recipients each application may write to in an hour and in a day.
//!
//! What it has used is kept in memory: a restart begins anew.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::domain::UserId;

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

/// Recipients that were counted together.
#[derive(Debug)]
struct Span {
    begin: Instant,
    last: Instant,
    count: u64,
}

/// What has been used.
#[derive(Debug, Default)]
pub(super) struct Quota {
    used: HashMap<UserId, VecDeque<Span>>,
}

impl Quota {
    /// Counts so many recipients, if there is room for all of them.
    pub(super) fn take(
        &mut self,
        user: UserId,
        recipients: u64,
        limits: Limits,
        now: Instant,
    ) -> Result<(), OverQuota> {
        if limits == Limits::default() {
            return Ok(());
        }
        let age = |span: &Span| now.saturating_duration_since(span.last);
        if self.used.len() >= APPLICATIONS_MAX {
            self.used
                .retain(|_, spans| spans.back().is_some_and(|span| age(span) < DAY));
        }
        let spans = self.used.entry(user).or_default();
        while spans.front().is_some_and(|span| age(span) >= DAY) {
            spans.pop_front();
        }
        for (most, within) in [(limits.per_hour, HOUR), (limits.per_day, DAY)] {
            let Some(most) = most else { continue };
            if recipients > most {
                return Err(OverQuota::Ever);
            }
            let recent = || spans.iter().filter(|span| age(span) < within);
            let used: u64 = recent().map(|span| span.count).sum();
            let mut over = (used + recipients).saturating_sub(most);
            if over == 0 {
                continue;
            }
            // Until enough of what was used is as old as that.
            for span in recent() {
                over = over.saturating_sub(span.count);
                if over == 0 {
                    return Err(OverQuota::For(within.saturating_sub(age(span))));
                }
            }
        }
        match spans.back_mut() {
            Some(span) if now.saturating_duration_since(span.begin) < SPAN => {
                span.count += recipients;
                span.last = now;
            }
            _ => spans.push_back(Span {
                begin: now,
                last: now,
                count: recipients,
            }),
        }
        Ok(())
    }

    /// Counts no longer what was refused after all.
    pub(super) fn give_back(&mut self, user: UserId, mut recipients: u64) {
        let spans = self.used.get_mut(&user).into_iter().flatten();
        for span in spans.rev() {
            let less = span.count.min(recipients);
            span.count -= less;
            recipients -= less;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        per_hour: Some(10),
        per_day: Some(25),
    };

    const ANN: UserId = UserId::from_bytes([1; 16]);
    const BOB: UserId = UserId::from_bytes([2; 16]);

    /// Instants so many minutes from the first use.
    fn clock() -> impl Fn(u64) -> Instant {
        let start = Instant::now();
        move |minutes| start + Duration::from_secs(minutes * 60)
    }

    #[test]
    fn an_hour_and_a_day_have_room_for_so_many() {
        let mut quota = Quota::default();
        let at = clock();
        let mut take = |count, minutes| quota.take(ANN, count, LIMITS, at(minutes));
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
        let (mut quota, at) = (Quota::default(), clock());
        assert_eq!(quota.take(ANN, 10, LIMITS, at(0)), Ok(()));
        assert!(quota.take(ANN, 1, LIMITS, at(0)).is_err());
        assert_eq!(quota.take(BOB, 10, LIMITS, at(0)), Ok(()));
        let nobody = UserId::from_bytes([3; 16]);
        for _ in 0..3 {
            assert_eq!(quota.take(nobody, 1_000, Limits::default(), at(0)), Ok(()));
        }
        assert_eq!(quota.used.len(), 2);
    }

    #[test]
    fn what_is_refused_is_given_back_and_what_comes_late_in_a_span_ages_late() {
        let (mut quota, at) = (Quota::default(), clock());
        assert_eq!(quota.take(ANN, 1, LIMITS, at(0)), Ok(()));
        assert_eq!(quota.take(ANN, 9, LIMITS, at(4)), Ok(()));
        let wait = Err(OverQuota::For(Duration::from_secs(4 * 60)));
        assert_eq!(quota.take(ANN, 10, LIMITS, at(60)), wait);
        quota.give_back(ANN, 9);
        assert_eq!(quota.take(ANN, 9, LIMITS, at(60)), Ok(()));
        quota.give_back(ANN, 1_000);
        quota.give_back(BOB, 1);
        assert_eq!(quota.take(ANN, 10, LIMITS, at(61)), Ok(()));
    }

    #[test]
    fn many_messages_take_little_memory() {
        let (mut quota, at) = (Quota::default(), clock());
        let limits = Limits {
            per_hour: None,
            per_day: Some(u64::MAX),
        };
        for minutes in 0..3 * 24 * 60 {
            assert_eq!(quota.take(ANN, 1, limits, at(minutes)), Ok(()));
        }
        assert!(quota.used[&ANN].len() <= 24 * 12 + 1);
    }
}
