//! Cutting the stream into PDUs by `command_length` (section 3.2).

use bytes::{Buf, BytesMut};

/// Length of a PDU header.
pub const HEADER_SIZE_BYTES: usize = 16;

/// The longest PDU that is read. A `message_payload` of 255 segments does not
/// fit; nothing that a telephone network carries comes near.
pub const FRAME_SIZE_MAX_BYTES: usize = 16 * 1024;

/// The longest PDU that is passed over unread. A longer one is taken for
/// octets that are no header: `message_payload` takes 64 KiB, and there are at
/// most a few such parameters (section 5.3.2.32).
pub const FRAME_SKIPPED_MAX_BYTES: usize = 256 * 1024;

/// A PDU that is not given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Too long to be held: it is passed over, and the next one is given out.
    #[error("command length {} is over {FRAME_SIZE_MAX_BYTES}", .header.length())]
    TooLong {
        /// Its header.
        header: Header,
    },
    /// A `command_length` that cannot be true: what follows cannot be found again.
    #[error(
        "command length {declared} is not between {HEADER_SIZE_BYTES} and {FRAME_SKIPPED_MAX_BYTES}"
    )]
    Lost {
        /// The length as it stood on the wire.
        declared: u32,
        /// The frame's sequence number, if that much of it has come in.
        sequence: Option<u32>,
    },
}

/// The header of a PDU (section 3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header([u8; HEADER_SIZE_BYTES]);

impl Header {
    /// The first octets of a frame; `None` where there are fewer.
    pub fn of(frame: &[u8]) -> Option<Self> {
        frame.first_chunk().copied().map(Self)
    }

    /// `command_length`.
    pub fn length(self) -> u32 {
        self.field(0)
    }

    /// `command_id`.
    pub fn command_id(self) -> u32 {
        self.field(1)
    }

    /// `command_status`.
    pub fn status(self) -> u32 {
        self.field(2)
    }

    /// `sequence_number`.
    pub fn sequence(self) -> u32 {
        self.field(3)
    }

    fn field(self, at: usize) -> u32 {
        let (words, _) = self.0.as_chunks::<4>();
        words.get(at).map_or(0, |word| u32::from_be_bytes(*word))
    }
}

/// The octets in hexadecimal, length first. Where the command id is like none there is, what was
/// taken for a header may be the middle of a text or a number: then nothing but its length is shown.
impl std::fmt::Display for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        /// All command ids of 3.4 and 5.0 are below it, but for the bit of responses.
        const COMMAND_ID_MAX: u32 = 0xffff;
        if self.command_id() & 0x7fff_ffff > COMMAND_ID_MAX {
            return write!(f, "{:08x} (no command id)", self.length());
        }
        let (words, _) = self.0.as_chunks::<4>();
        for (index, word) in words.iter().enumerate() {
            let gap = if index == 0 { "" } else { " " };
            write!(f, "{gap}{:08x}", u32::from_be_bytes(*word))?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// Collects octets and gives out whole frames.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: BytesMut,
    /// Octets of a frame that is passed over and that have still to come.
    skip: usize,
}

impl FrameReader {
    /// Adds what came in. Call [`FrameReader::next`] until it gives `None`
    /// before adding more: then less than one frame is held.
    pub fn push(&mut self, bytes: &[u8]) {
        let passed_over = self.skip.min(bytes.len());
        self.skip -= passed_over;
        self.buffer
            .extend_from_slice(bytes.get(passed_over..).unwrap_or_default());
    }

    /// The next whole frame, header included; `None` when more octets are needed.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Result<BytesMut, FrameError>> {
        let declared = word(&self.buffer, 0)?;
        let length = declared as usize;
        if !(HEADER_SIZE_BYTES..=FRAME_SKIPPED_MAX_BYTES).contains(&length) {
            let sequence = word(&self.buffer, 12);
            return Some(Err(FrameError::Lost { declared, sequence }));
        }
        if length > FRAME_SIZE_MAX_BYTES {
            let header = Header::of(&self.buffer)?;
            let here = length.min(self.buffer.len());
            self.buffer.advance(here);
            self.skip = length - here;
            return Some(Err(FrameError::TooLong { header }));
        }
        (self.buffer.len() >= length).then(|| Ok(self.buffer.split_to(length)))
    }

    /// Forgets everything, after an error.
    pub fn clear(&mut self) {
        self.skip = 0;
        self.buffer.advance(self.buffer.len());
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let chunk = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(chunk.try_into().ok()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn header(words: [u32; 4]) -> Header {
        let octets: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        Header::of(&octets).unwrap()
    }

    #[test]
    fn a_header_is_shown_and_what_may_be_text_is_not() {
        let real = header([0x21, 0x8000_0103, 0xff, 7]);
        assert_eq!(real.to_string(), "00000021 80000103 000000ff 00000007");
        let text = Header::of(b"\x00\x00\x00\x30447700900001").unwrap();
        assert_eq!(text.to_string(), "00000030 (no command id)");
        assert_eq!(format!("{text:?}"), "00000030 (no command id)");
    }

    #[test]
    fn a_frame_too_long_is_passed_over_wherever_it_is_cut() {
        let mut octets = Vec::new();
        let long = FRAME_SIZE_MAX_BYTES + 1;
        octets.extend((long as u32).to_be_bytes());
        octets.extend([0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 9]);
        octets.resize(long, b'7');
        let next = [0_u8, 0, 0, 16, 0, 0, 0, 0x15, 0, 0, 0, 0, 0, 0, 0, 10];
        octets.extend(next);
        for piece_bytes in [1, 7, 16, 1000, long, long + 3, long + 16] {
            let mut reader = FrameReader::default();
            let mut seen = Vec::new();
            for piece in octets.chunks(piece_bytes) {
                reader.push(piece);
                seen.extend(std::iter::from_fn(|| reader.next()));
                assert!(reader.buffer.len() <= FRAME_SIZE_MAX_BYTES);
            }
            let [Err(FrameError::TooLong { header }), Ok(frame)] = &seen[..] else {
                panic!("{piece_bytes}: {seen:?}")
            };
            assert_eq!((header.length() as usize, header.sequence()), (long, 9));
            assert_eq!(frame[..], next);
        }
    }
}
