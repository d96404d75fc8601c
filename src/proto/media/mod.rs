//! Telephone media without IO: RTP both ways, G.711, DTMF, tones, answering-machine detection.
//!
//! Everything here is narrowband telephony: 8,000 samples a second, one channel, 16-bit linear
//! inside, G.711 on the wire, 20 ms a packet. Time, sequence numbers, timestamps and SSRCs are
//! handed in; nothing reads a clock or a random source.

pub mod amd;
pub mod codec;
pub mod dtmf;
pub mod goertzel;
pub mod inband;
pub mod jitter;
pub mod playout;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod session;
pub mod tones;

pub use codec::Codec;
pub use session::{MediaConfig, MediaEvent, MediaSession};

use std::time::Duration;

/// Samples in a second of telephone audio.
pub const SAMPLE_RATE_HZ: u32 = 8_000;
/// Samples in one packet (20 ms).
pub const FRAME_SAMPLES: usize = 160;
/// The time that one packet covers.
pub const FRAME: Duration = Duration::from_millis(20);
/// The largest datagram we read as RTP; 20 ms of G.711 with header is 172 bytes.
pub const RTP_PACKET_BYTES_MAX: usize = 1_500;

/// The sixteen keys that a telephone can send, as RFC 4733 section 3.2 numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digit(u8);

const DIGITS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '#', 'A', 'B', 'C', 'D',
];

impl Digit {
    /// The key for an RFC 4733 event code, if it is a key (0 to 15).
    pub fn from_event(code: u8) -> Option<Self> {
        (code < 16).then_some(Self(code))
    }

    /// The key for its character (`0`-`9`, `*`, `#`, `A`-`D`).
    pub fn from_char(key: char) -> Option<Self> {
        let position = DIGITS
            .iter()
            .position(|&digit| digit == key.to_ascii_uppercase())?;
        u8::try_from(position).ok().map(Self)
    }

    /// RFC 4733 event code, 0 to 15.
    pub fn event(self) -> u8 {
        self.0
    }

    /// The character on the key.
    pub fn as_char(self) -> char {
        DIGITS[usize::from(self.0 & 0x0f)]
    }
}
