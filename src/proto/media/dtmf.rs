//! DTMF as RTP telephone events (RFC 4733): reading key presses, writing them.

use std::time::Duration;

use super::{Digit, FRAME, FRAME_SAMPLES};

/// Slack, in samples, within which an event that follows another unended one of the same key is
/// still the same press (a segment of a long one, or a peer that moves the timestamp along).
const CONTINUATION_SLACK_SAMPLES: u32 = 320;
/// The end of a press is sent this often (RFC 4733 section 2.5.1.4).
pub const END_PACKETS: u8 = 3;
/// The longest duration that one event can carry, in samples.
const DURATION_SAMPLES_MAX: u16 = u16::MAX;
/// Power of the tone in -dBm0 that we state.
const VOLUME: u8 = 10;

/// One telephone-event payload (RFC 4733 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// Event code; 0 to 15 are keys.
    pub event: u8,
    /// The E bit: the event is over.
    pub end: bool,
    /// Samples since the packet's timestamp.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Reads a payload. `None` if it is shorter than four bytes.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let &[event, flags, high, low, ..] = payload else {
            return None;
        };
        Some(Self {
            event,
            end: flags & 0x80 != 0,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    /// The four payload bytes.
    pub fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        let flags = if self.end { 0x80 | VOLUME } else { VOLUME };
        [self.event, flags, high, low]
    }
}

/// Turns telephone-event packets into key presses: each press once, at its first packet seen,
/// whatever is repeated, reordered or lost afterwards.
#[derive(Debug, Default)]
pub struct DtmfReceiver {
    last: Option<LastEvent>,
}

#[derive(Debug, Clone, Copy)]
struct LastEvent {
    event: u8,
    timestamp: u32,
    duration: u16,
    ended: bool,
}

impl DtmfReceiver {
    /// Takes the packet in; returns the key if a press begins with it.
    pub fn handle(&mut self, timestamp: u32, marker: bool, payload: &[u8]) -> Option<Digit> {
        let event = TelephoneEvent::parse(payload)?;
        let digit = Digit::from_event(event.event)?;
        let fresh = match self.last {
            None => true,
            Some(last) if last.timestamp == timestamp => {
                self.update(event);
                return None;
            }
            Some(last) if is_older(timestamp, last.timestamp) => return None,
            Some(last) => !continues(last, event, timestamp, marker),
        };
        self.last = Some(LastEvent {
            event: event.event,
            timestamp,
            duration: event.duration,
            ended: event.end,
        });
        fresh.then_some(digit)
    }

    fn update(&mut self, event: TelephoneEvent) {
        if let Some(last) = &mut self.last {
            last.duration = last.duration.max(event.duration);
            last.ended |= event.end;
        }
    }
}

fn is_older(timestamp: u32, than: u32) -> bool {
    timestamp.wrapping_sub(than) > u32::MAX / 2
}

fn continues(last: LastEvent, event: TelephoneEvent, timestamp: u32, marker: bool) -> bool {
    if marker || last.ended || last.event != event.event {
        return false;
    }
    let moved = timestamp.wrapping_sub(last.timestamp);
    moved <= u32::from(last.duration) + CONTINUATION_SLACK_SAMPLES
}

/// Writes one key press, a packet for every 20 ms.
#[derive(Debug)]
pub struct DtmfPress {
    digit: Digit,
    samples: u16,
    total: u16,
    ends_sent: u8,
}

/// One packet of a press; all of a press share the timestamp of its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PressPacket {
    /// RTP marker bit: first packet of the press.
    pub marker: bool,
    /// RTP payload.
    pub payload: [u8; 4],
}

impl DtmfPress {
    /// A press of `digit` that lasts `duration` (at least one frame, at most 8 seconds).
    pub fn new(digit: Digit, duration: Duration) -> Self {
        let frame = u16::try_from(FRAME_SAMPLES).unwrap_or(160);
        let frames = (duration.as_millis() / FRAME.as_millis()).max(1);
        let frames_max = u128::from(DURATION_SAMPLES_MAX / frame);
        let frames = u16::try_from(frames.min(frames_max)).unwrap_or(1);
        Self {
            digit,
            samples: 0,
            total: frames * frame,
            ends_sent: 0,
        }
    }

    /// The packet for the next frame; `None` when the press is over.
    pub fn next_packet(&mut self) -> Option<PressPacket> {
        let marker = self.samples == 0;
        if self.samples < self.total {
            self.samples += u16::try_from(FRAME_SAMPLES).unwrap_or(160);
        } else if self.ends_sent >= END_PACKETS {
            return None;
        }
        let end = self.samples >= self.total;
        if end {
            self.ends_sent += 1;
        }
        let event = TelephoneEvent {
            event: self.digit.event(),
            end,
            duration: self.samples,
        };
        Some(PressPacket {
            marker,
            payload: event.to_bytes(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn press(digit: char, millis: u64, timestamp: u32) -> Vec<(u32, PressPacket)> {
        let digit = Digit::from_char(digit).unwrap();
        let mut press = DtmfPress::new(digit, Duration::from_millis(millis));
        std::iter::from_fn(|| press.next_packet())
            .map(|packet| (timestamp, packet))
            .collect()
    }

    fn heard(packets: &[(u32, PressPacket)]) -> String {
        let mut receiver = DtmfReceiver::default();
        packets
            .iter()
            .filter_map(|(timestamp, packet)| {
                receiver.handle(*timestamp, packet.marker, &packet.payload)
            })
            .map(Digit::as_char)
            .collect()
    }

    #[test]
    fn a_press_ends_with_three_end_packets_and_is_heard_once() {
        let packets = press('1', 100, 5_000);
        let ends = packets.iter().filter(|(_, p)| p.payload[1] & 0x80 != 0);
        assert_eq!(ends.count(), 3);
        assert_eq!(packets.len(), 7);
        assert!(packets[0].1.marker && !packets[1].1.marker);
        assert_eq!(heard(&packets), "1");
    }

    #[test]
    fn a_lost_end_does_not_swallow_the_next_press() {
        let mut packets = press('1', 100, 5_000);
        packets.truncate(3);
        packets.extend(press('1', 100, 9_000));
        packets.extend(press('2', 100, 13_000));
        assert_eq!(heard(&packets), "112");
    }

    #[test]
    fn only_an_end_packet_arrives_and_counts() {
        let packets = press('#', 100, 5_000);
        assert_eq!(heard(&packets[6..]), "#");
    }

    #[test]
    fn a_press_of_twelve_seconds_in_two_segments_is_one() {
        let part = |timestamp, duration, marker, end| {
            let event = TelephoneEvent {
                event: 5,
                end,
                duration,
            };
            let payload = event.to_bytes();
            (timestamp, PressPacket { marker, payload })
        };
        let packets = [
            part(1_000, 160, true, false),
            part(1_000, u16::MAX, false, false),
            part(1_000 + 65_535, 160, false, false),
            part(1_000 + 65_535, 30_000, false, true),
        ];
        assert_eq!(heard(&packets), "5");
    }

    #[test]
    fn a_peer_that_moves_the_timestamp_along_presses_once() {
        let packets: Vec<_> = (0u16..10)
            .map(|n| {
                let event = TelephoneEvent {
                    event: 1,
                    end: n == 9,
                    duration: (n + 1) * 160,
                };
                let payload = event.to_bytes();
                let marker = n == 0;
                (1_000 + u32::from(n) * 160, PressPacket { marker, payload })
            })
            .collect();
        assert_eq!(heard(&packets), "1");
    }

    #[test]
    fn late_repetitions_of_an_older_press_are_ignored_over_the_wrap() {
        let first = press('1', 60, u32::MAX - 500);
        let second = press('2', 60, 4_000);
        let mut packets = first.clone();
        packets.push(second[0]);
        packets.push(first[4]);
        packets.extend_from_slice(&second[1..]);
        assert_eq!(heard(&packets), "12");
    }

    #[test]
    fn what_is_no_key_is_no_press() {
        let mut receiver = DtmfReceiver::default();
        assert_eq!(receiver.handle(0, true, &[16, 0, 0, 160]), None);
        assert_eq!(receiver.handle(0, true, &[1, 0, 0]), None);
    }

    proptest! {
        /// Whatever is lost or repeated, presses apart from each other are heard as often as any
        /// packet of theirs arrived.
        #[test]
        fn loss_and_repetition_change_nothing(
            keys in proptest::collection::vec(0u8..16, 1..8),
            keep in proptest::collection::vec(0u8..4, 100),
        ) {
            let mut packets = vec![];
            let mut expected = String::new();
            let mut dice = keep.iter().cycle();
            for (n, key) in keys.iter().enumerate() {
                let digit = Digit::from_event(*key).unwrap();
                let passed = u32::try_from(n).unwrap() * 4_000;
                let all = press(digit.as_char(), 100, (u32::MAX - 9_000).wrapping_add(passed));
                let kept: Vec<_> = all
                    .into_iter()
                    .flat_map(|p| std::iter::repeat_n(p, usize::from(*dice.next().unwrap())))
                    .collect();
                if !kept.is_empty() {
                    expected.push(digit.as_char());
                }
                packets.extend(kept);
            }
            prop_assert_eq!(heard(&packets), expected);
        }
    }
}
