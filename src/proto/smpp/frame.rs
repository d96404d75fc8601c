//! Cutting the stream into PDUs by `command_length` (section 3.2).

use bytes::{Buf, BytesMut};

/// Length of a PDU header.
pub const HEADER_SIZE_BYTES: usize = 16;

/// The longest PDU that is read. A `message_payload` of 255 segments does not
/// fit; nothing that a telephone network carries comes near.
pub const FRAME_SIZE_MAX_BYTES: usize = 16 * 1024;

/// A `command_length` that cannot be true: what follows cannot be found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("command length {declared} is not between {HEADER_SIZE_BYTES} and {FRAME_SIZE_MAX_BYTES}")]
pub struct FrameError {
    /// The length as it stood on the wire.
    pub declared: u32,
    /// The frame's sequence number, if that much of it has come in.
    pub sequence: Option<u32>,
}

/// Collects octets and gives out whole frames.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: BytesMut,
}

impl FrameReader {
    /// Adds what came in. Call [`FrameReader::next`] until it gives `None`
    /// before adding more: then less than one frame is held.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, header included; `None` when more octets are needed.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Result<BytesMut, FrameError>> {
        let declared = word(&self.buffer, 0)?;
        let length = declared as usize;
        if !(HEADER_SIZE_BYTES..=FRAME_SIZE_MAX_BYTES).contains(&length) {
            let sequence = word(&self.buffer, 12);
            return Some(Err(FrameError { declared, sequence }));
        }
        (self.buffer.len() >= length).then(|| Ok(self.buffer.split_to(length)))
    }

    /// Forgets everything, after an error.
    pub fn clear(&mut self) {
        self.buffer.advance(self.buffer.len());
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let chunk = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(chunk.try_into().ok()?))
}
