//! The parts of a long inbound message. Whoever takes them in keeps them until the whole is
//! there: a message centre whose window is one sends the next part only when the one before is
//! acknowledged.

use super::encoding::{Concatenation, DefaultAlphabet};
use super::pdu::{Sar, ShortMessage};

/// One part of a longer text.
#[derive(Clone, PartialEq, Eq)]
pub struct Piece {
    /// Kind of reference: 8-bit, 16-bit and `sar_*` numbers are not mixed.
    pub kind: Concatenation,
    /// Place of the part.
    pub sar: Sar,
    /// Its text.
    pub text: String,
}

impl Piece {
    /// The part that a message is, or `None` if it stands alone.
    pub fn of(message: &ShortMessage, default: DefaultAlphabet) -> Option<Self> {
        let (kind, sar) = message.concatenation()?;
        if sar.total <= 1 {
            return None;
        }
        Some(Self {
            kind,
            sar,
            text: message.text(default),
        })
    }
}
