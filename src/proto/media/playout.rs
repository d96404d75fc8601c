//! The clock that paces outgoing packets: frame n is due at start + n × 20 ms, so that an error
//! never adds up.

use std::time::Instant;

use super::{FRAME, FRAME_SAMPLES};

/// How far behind the clock may fall before it skips frames instead of sending a burst.
pub const CATCH_UP_FRAMES_MAX: u32 = 5;

/// Paces one stream.
#[derive(Debug)]
pub struct PlayoutClock {
    start: Instant,
    timestamp_start: u32,
    frame: u32,
}

/// One frame that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameDue {
    /// RTP timestamp of the frame's first sample.
    pub timestamp: u32,
}

impl PlayoutClock {
    /// A clock whose first frame is due at `start` with RTP timestamp `timestamp_start`.
    pub fn new(start: Instant, timestamp_start: u32) -> Self {
        Self {
            start,
            timestamp_start,
            frame: 0,
        }
    }

    /// When the next frame is due.
    pub fn next_due(&self) -> Instant {
        self.start + FRAME * self.frame
    }

    /// Takes one frame if it is due at `now`. Frames missed by more than
    /// [`CATCH_UP_FRAMES_MAX`] are skipped: their time has passed, the timestamp shows the gap.
    pub fn take_due(&mut self, now: Instant) -> Option<FrameDue> {
        if now < self.next_due() {
            return None;
        }
        let late = now.saturating_duration_since(self.next_due());
        let late_frames = u32::try_from(late.as_millis() / FRAME.as_millis()).unwrap_or(u32::MAX);
        if late_frames > CATCH_UP_FRAMES_MAX {
            self.frame = self.frame.saturating_add(late_frames);
        }
        let timestamp = self.timestamp_at(self.frame);
        self.frame = self.frame.saturating_add(1);
        Some(FrameDue { timestamp })
    }

    fn timestamp_at(&self, frame: u32) -> u32 {
        let samples = u32::try_from(FRAME_SAMPLES).unwrap_or(u32::MAX);
        self.timestamp_start
            .wrapping_add(frame.wrapping_mul(samples))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_hour_of_late_wakeups_does_not_drift() {
        let start = Instant::now();
        let mut clock = PlayoutClock::new(start, u32::MAX - 100);
        let mut frames = 0u32;
        let mut now = start;
        let end = start + Duration::from_secs(3_600);
        while now < end {
            while clock.take_due(now).is_some() {
                frames += 1;
            }
            now = clock.next_due() + Duration::from_micros(u64::from(frames % 7) * 900);
        }
        assert_eq!(frames, 180_000);
    }

    #[test]
    fn a_long_pause_is_skipped_not_burst() {
        let start = Instant::now();
        let mut clock = PlayoutClock::new(start, 0);
        assert_eq!(clock.take_due(start).unwrap().timestamp, 0);
        let later = start + Duration::from_secs(1);
        let mut burst = vec![];
        while let Some(due) = clock.take_due(later) {
            burst.push(due.timestamp);
        }
        assert_eq!(burst, vec![8_000]);
        assert!(clock.next_due() > later);
    }
}
