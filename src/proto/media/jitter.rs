//! Puts received packets back in order, waiting a little for the missing ones.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::rtp::RtpReceived;

/// Packets held back at most.
pub const JITTER_DEPTH_MAX: usize = 16;
/// How long a gap is waited for.
pub const JITTER_WAIT: Duration = Duration::from_millis(60);
/// A sequence jump larger than this is taken as a restarted stream.
pub const SEQUENCE_JUMP_MAX: i64 = 3_000;

/// Reorders one stream.
#[derive(Debug, Default)]
pub struct JitterBuffer {
    next: Option<i64>,
    held: BTreeMap<i64, (Instant, RtpReceived)>,
    ssrc: Option<u32>,
    received_count: u64,
    lost_count: u64,
}

impl JitterBuffer {
    /// Takes a packet in. Duplicates and packets that come too late are dropped.
    pub fn insert(&mut self, packet: RtpReceived, now: Instant) {
        if self.ssrc.is_some_and(|ssrc| ssrc != packet.ssrc) {
            self.restart();
        }
        self.ssrc = Some(packet.ssrc);
        let mut position = self.extend(packet.sequence);
        if let Some(next) = self.next
            && (position - next).abs() > SEQUENCE_JUMP_MAX
        {
            self.restart();
            position = self.extend(packet.sequence);
        }
        let next = *self.next.get_or_insert(position);
        if position < next || self.held.contains_key(&position) {
            return;
        }
        self.received_count += 1;
        self.held.insert(position, (now, packet));
    }

    /// The next packet in order, if it is here or if its turn has been waited for long enough.
    pub fn pop(&mut self, now: Instant) -> Option<RtpReceived> {
        let next = self.next?;
        let (&position, (arrived, _)) = self.held.first_key_value()?;
        let full = self.held.len() >= JITTER_DEPTH_MAX;
        let waited = now.saturating_duration_since(*arrived) >= JITTER_WAIT;
        if position != next && !full && !waited {
            return None;
        }
        self.lost_count += u64::try_from(position - next).unwrap_or(0);
        self.next = Some(position + 1);
        self.held.remove(&position).map(|(_, packet)| packet)
    }

    /// When a held packet must be given up waiting for, if any is held.
    pub fn next_due(&self) -> Option<Instant> {
        let (_, (arrived, _)) = self.held.first_key_value()?;
        Some(*arrived + JITTER_WAIT)
    }

    /// Packets taken in so far.
    pub fn received_count(&self) -> u64 {
        self.received_count
    }

    /// Packets that never came.
    pub fn lost_count(&self) -> u64 {
        self.lost_count
    }

    fn restart(&mut self) {
        self.held.clear();
        self.next = None;
    }

    /// The 16-bit sequence number as the 64-bit one nearest to what we expect.
    fn extend(&self, sequence: u16) -> i64 {
        let Some(next) = self.next else {
            // Room below, so that a packet overtaken at the start still has a positive number.
            return i64::from(sequence) + 65_536;
        };
        let expected = u16::try_from(next.rem_euclid(65_536)).unwrap_or(0);
        let step = i64::from(sequence.wrapping_sub(expected).cast_signed());
        next + step
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(sequence: u16) -> RtpReceived {
        RtpReceived {
            payload_type: 0,
            sequence,
            timestamp: 0,
            ssrc: 1,
            marker: false,
            payload: vec![],
        }
    }

    fn drain(buffer: &mut JitterBuffer, now: Instant) -> Vec<u16> {
        std::iter::from_fn(|| buffer.pop(now))
            .map(|p| p.sequence)
            .collect()
    }

    #[test]
    fn swapped_packets_come_out_in_order_over_the_wrap() {
        let now = Instant::now();
        let mut buffer = JitterBuffer::default();
        for sequence in [65_534, 0, 65_535, 65_535, 1] {
            buffer.insert(packet(sequence), now);
        }
        assert_eq!(drain(&mut buffer, now), vec![65_534, 65_535, 0, 1]);
        assert_eq!(buffer.lost_count(), 0);
    }

    #[test]
    fn a_lost_packet_is_waited_for_then_passed_over() {
        let now = Instant::now();
        let mut buffer = JitterBuffer::default();
        for sequence in [10, 12] {
            buffer.insert(packet(sequence), now);
        }
        assert_eq!(drain(&mut buffer, now), vec![10]);
        assert_eq!(buffer.next_due(), Some(now + JITTER_WAIT));
        assert_eq!(drain(&mut buffer, now + JITTER_WAIT), vec![12]);
        assert_eq!(buffer.lost_count(), 1);
        buffer.insert(packet(11), now + JITTER_WAIT);
        assert_eq!(
            drain(&mut buffer, now + JITTER_WAIT * 2),
            Vec::<u16>::new(),
            "too late"
        );
    }

    #[test]
    fn another_source_starts_afresh() {
        let now = Instant::now();
        let mut buffer = JitterBuffer::default();
        buffer.insert(packet(10), now);
        assert_eq!(drain(&mut buffer, now), vec![10]);
        let mut other = packet(5);
        other.ssrc = 2;
        buffer.insert(other, now);
        assert_eq!(drain(&mut buffer, now), vec![5]);
    }

    proptest! {
        #[test]
        fn never_more_than_the_depth_is_held(sequences in proptest::collection::vec(any::<u16>(), 0..300)) {
            let now = Instant::now();
            let mut buffer = JitterBuffer::default();
            for sequence in sequences {
                buffer.insert(packet(sequence), now);
                while buffer.pop(now).is_some() {}
                prop_assert!(buffer.held.len() < JITTER_DEPTH_MAX);
            }
        }
    }
}
