//! The parts of a long inbound message. Whoever takes them in keeps them until the whole is
//! there: a message centre whose window is one sends the next part only when the one before is
//! acknowledged.

use super::encoding::{Concatenation, DefaultAlphabet, is_utf16};
use super::pdu::{Sar, ShortMessage};

/// One part of a longer text.
#[derive(Clone, PartialEq, Eq)]
pub struct Piece {
    /// Kind of reference: 8-bit, 16-bit and `sar_*` numbers are not mixed.
    pub kind: Concatenation,
    /// Place of the part.
    pub sar: Sar,
    /// Its text; empty where `utf16` has it.
    pub text: String,
    /// Its octets where it is written in UTF-16: telephones cut between the two halves of a
    /// character, which can be read only when the parts are together.
    pub utf16: Vec<u8>,
}

impl Piece {
    /// The part that a message is, or `None` if it stands alone.
    pub fn of(message: &ShortMessage, default: DefaultAlphabet) -> Option<Self> {
        let (kind, sar) = message.concatenation()?;
        if sar.total <= 1 {
            return None;
        }
        let (text, utf16) = if is_utf16(message.data_coding) {
            (String::new(), message.body().to_vec())
        } else {
            (message.text(default), Vec::new())
        };
        Some(Self {
            kind,
            sar,
            text,
            utf16,
        })
    }
}
