//! How fast messages go out: the contract's rate, and slower when asked.

use std::time::Duration;

/// Longest pause that throttling doubles to.
const THROTTLE_PAUSE_MAX: Duration = Duration::from_secs(60);

/// How much time a late timer may make up for.
const CATCH_UP: Duration = Duration::from_millis(50);

/// From this `congestion_state` on a centre has too much (SMPP 5.0, 4.8.4.18: 80 to 89 is meant to
/// be best, 90 to 99 nears congestion, 100 is congested).
const CONGESTED_FROM: u8 = 90;

/// What a centre said of congestion counts for so long: some say nothing once it is over.
const CONGESTION_TOLD_FOR: Duration = Duration::from_secs(60);

/// Time is a [`Duration`] since any fixed instant.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// So many times longer the interval is, for congestion.
    slower: u32,
    slower_until: Duration,
    next_at: Duration,
    first_pause: Duration,
    pause: Duration,
}

impl Pace {
    pub(super) fn new(rate_per_second: u32, first_pause: Duration) -> Self {
        Self {
            interval: Duration::from_secs(1) / rate_per_second.max(1),
            slower: 1,
            slower_until: Duration::ZERO,
            next_at: Duration::ZERO,
            first_pause,
            pause: first_pause,
        }
    }

    /// When the next message may go.
    pub(super) fn ready_at(&self) -> Duration {
        self.next_at
    }

    /// A message goes.
    pub(super) fn sent(&mut self, now: Duration) {
        self.next_at = self.next_at.max(now.saturating_sub(CATCH_UP)) + self.interval(now);
    }

    /// The centre asks to slow down. Answers to a whole window of messages
    /// count once: only a message sent after the pause doubles it.
    pub(super) fn throttled(&mut self, now: Duration) {
        if self.next_at > now + self.interval(now) {
            return;
        }
        self.next_at = now + self.pause;
        self.pause = (self.pause * 2).min(THROTTLE_PAUSE_MAX);
    }

    /// The centre says how busy it is, 0 to 100. Nearing congestion, one message goes in the time
    /// of 2 to 11; congested, it is as if it asked to slow down.
    pub(super) fn congested(&mut self, state: u8, now: Duration) {
        let above = state.min(99).saturating_sub(CONGESTED_FROM - 1);
        self.slower = 1 + u32::from(above);
        self.slower_until = now + CONGESTION_TOLD_FOR;
        if state >= 100 {
            self.throttled(now);
        }
    }

    fn interval(&self, now: Duration) -> Duration {
        match now < self.slower_until {
            true => self.interval * self.slower,
            false => self.interval,
        }
    }

    /// The centre takes messages again.
    pub(super) fn accepted(&mut self) {
        self.pause = self.first_pause;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Messages sent in `span` from `start` by one who is always ready.
    fn sent_in(pace: &mut Pace, start: Duration, span: Duration) -> u32 {
        let (mut now, mut count) = (start, 0);
        while now < start + span {
            if pace.ready_at() <= now {
                pace.sent(now);
                count += 1;
            }
            now += Duration::from_millis(1);
        }
        count
    }

    #[test]
    fn the_rate_is_kept_even_above_the_timers_resolution() {
        for rate in [1, 10, 700] {
            let mut pace = Pace::new(rate, SECOND);
            assert!(
                sent_in(&mut pace, 5 * SECOND, 10 * SECOND).abs_diff(rate * 10) <= rate / 20 + 1
            );
        }
    }

    #[test]
    fn a_centre_that_nears_congestion_gets_less_and_all_again_afterwards() {
        for (state, rate) in [(0, 100), (89, 100), (90, 50), (94, 16), (99, 9), (50, 100)] {
            let mut pace = Pace::new(100, SECOND);
            pace.congested(99, 5 * SECOND);
            pace.congested(state, 5 * SECOND);
            let sent = sent_in(&mut pace, 5 * SECOND, 10 * SECOND);
            assert!(sent.abs_diff(rate * 10) <= 10, "{state}: {sent}");
        }
        let mut pace = Pace::new(100, SECOND);
        pace.congested(100, 5 * SECOND);
        assert_eq!(pace.ready_at(), 6 * SECOND);
    }

    #[test]
    fn congestion_of_which_nothing_more_is_said_is_over_in_time() {
        let mut pace = Pace::new(100, SECOND);
        pace.congested(99, 5 * SECOND);
        let begun = sent_in(&mut pace, 5 * SECOND, CONGESTION_TOLD_FOR);
        assert!(begun.abs_diff(9 * 60) <= 10, "{begun}");
        let after = sent_in(&mut pace, 5 * SECOND + CONGESTION_TOLD_FOR, 10 * SECOND);
        assert!(after.abs_diff(1000) <= 20, "{after}");
    }

    #[test]
    fn throttling_pauses_longer_and_longer_until_a_message_is_taken() {
        let mut pace = Pace::new(100, SECOND);
        let mut now = 10 * SECOND;
        for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
            pace.sent(now);
            pace.throttled(now);
            pace.throttled(now);
            assert_eq!(pace.ready_at(), now + Duration::from_secs(pause));
            now = pace.ready_at();
        }
        pace.accepted();
        pace.sent(now);
        pace.throttled(now);
        assert_eq!(pace.ready_at(), now + SECOND);
    }
}
