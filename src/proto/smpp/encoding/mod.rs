//! Text on SMPP: alphabets, segments, user data headers.
//!
//! Sources: 3GPP TS 23.038 (alphabets), TS 23.040 section 9.2.3.24 (user data
//! header), SMPP 3.4 section 5.2.19 (`data_coding`).

mod alphabet;
pub mod gsm7;
mod segment;
pub mod ucs2;
pub mod udh;

#[cfg(test)]
mod tests;

use super::pdu::latin1;

pub use segment::{
    Concatenation, Estimate, SEGMENTS_MAX, Segment, SegmentOptions, SplitError, estimate, split,
};

/// `data_coding`: the bind's default alphabet.
pub const DATA_CODING_DEFAULT: u8 = 0x00;
/// `data_coding`: ISO 8859-1.
pub const DATA_CODING_LATIN1: u8 = 0x03;
/// `data_coding`: UCS-2, in practice UTF-16, big-endian.
pub const DATA_CODING_UCS2: u8 = 0x08;

/// How the characters of a message are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// GSM 03.38 default alphabet and extension table, one septet an octet.
    Gsm7,
    /// ISO 8859-1; only where the bind's settings allow it.
    Latin1,
    /// UTF-16, big-endian.
    Ucs2,
}

impl Encoding {
    /// The `data_coding` that announces it.
    pub fn data_coding(self) -> u8 {
        match self {
            Self::Gsm7 => DATA_CODING_DEFAULT,
            Self::Latin1 => DATA_CODING_LATIN1,
            Self::Ucs2 => DATA_CODING_UCS2,
        }
    }

    /// A short name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gsm7 => "GSM 7-bit",
            Self::Latin1 => "Latin-1",
            Self::Ucs2 => "UCS-2",
        }
    }
}

/// What `data_coding` 0 means on a bind: message centres differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DefaultAlphabet {
    /// GSM 03.38, one septet an octet: what the specification intends.
    #[default]
    Gsm7,
    /// GSM 03.38, packed.
    Gsm7Packed,
    /// ISO 8859-1 (and with it ASCII).
    Latin1,
    /// ASCII.
    Ascii,
}

impl DefaultAlphabet {
    /// The octets can carry the character.
    fn has(self, character: char) -> bool {
        match self {
            Self::Gsm7 | Self::Gsm7Packed => true,
            Self::Latin1 => u8::try_from(character).is_ok(),
            Self::Ascii => character.is_ascii(),
        }
    }

    /// Octets after a header of `header_octets` as text.
    fn decode(self, bytes: &[u8], header_octets: usize) -> String {
        match self {
            Self::Gsm7 => gsm7::decode(bytes),
            Self::Gsm7Packed => gsm7::decode(&gsm7::unpack_after(bytes, header_octets)),
            Self::Latin1 | Self::Ascii => latin1(bytes),
        }
    }
}

/// Reads text by its `data_coding`. Never fails: what cannot be read is
/// replaced by U+FFFD. Message class groups (0xF0 to 0xFF) and the general
/// group (0x00 to 0x3F with bits 2 and 3) follow TS 23.038 section 4.
/// `header_octets` is the length of the user data header before `bytes`.
pub fn decode_text(
    data_coding: u8,
    bytes: &[u8],
    header_octets: usize,
    default: DefaultAlphabet,
) -> String {
    match data_coding {
        // IA5, octets and Latin-1: as Latin-1, so that nothing is lost.
        0x01..=0x04 | 0xf4..=0xf7 | 0xfc..=0xff => latin1(bytes),
        0x08 | 0x18..=0x1b | 0xe0..=0xef => ucs2::decode(bytes),
        _ => default.decode(bytes, header_octets),
    }
}
