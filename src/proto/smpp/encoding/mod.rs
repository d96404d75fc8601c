//! Text on SMPP: alphabets, segments, user data headers.
//!
//! Sources: 3GPP TS 23.038 (alphabets), TS 23.040 section 9.2.3.24 (user data
//! header), SMPP 3.4 section 5.2.19 (`data_coding`). Whoever counts what a text
//! takes counts with [`estimate`], which cuts as [`split`] does.

mod alphabet;
mod cluster;
pub mod gsm7;
mod national;
mod segment;
mod transliterate;
pub mod ucs2;
pub mod udh;

#[cfg(test)]
mod tests;

use super::pdu::latin1;

pub use national::{National, NationalTables, Shift};
pub use segment::{
    Concatenation, Estimate, SEGMENTS_MAX, Segment, SegmentOptions, SplitError, estimate, parts,
    split,
};
pub use transliterate::{ODD_MAX, Odd, odd_characters, replaced};

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
    /// The `data_coding` that announces it where the bind says nothing else.
    pub fn data_coding(self) -> u8 {
        DataCodings::default().of(self)
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

/// The `data_coding` that announces each encoding on a bind, message class bits
/// (TS 23.038 section 4) included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DataCodings {
    /// Of GSM 7-bit, or whatever the default alphabet is.
    pub gsm7: u8,
    /// Of ISO 8859-1.
    pub latin1: u8,
    /// Of UCS-2.
    pub ucs2: u8,
}

impl DataCodings {
    /// The value for one encoding.
    pub const fn of(self, encoding: Encoding) -> u8 {
        match encoding {
            Encoding::Gsm7 => self.gsm7,
            Encoding::Latin1 => self.latin1,
            Encoding::Ucs2 => self.ucs2,
        }
    }
}

impl Default for DataCodings {
    fn default() -> Self {
        Self {
            gsm7: DATA_CODING_DEFAULT,
            latin1: DATA_CODING_LATIN1,
            ucs2: DATA_CODING_UCS2,
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

    /// National tables go with the GSM alphabet alone.
    fn is_gsm7(self) -> bool {
        match self {
            Self::Gsm7 | Self::Gsm7Packed => true,
            Self::Latin1 | Self::Ascii => false,
        }
    }

    /// Octets after a header of `header_octets` as text.
    fn decode(self, bytes: &[u8], header_octets: usize, shift: Shift) -> String {
        match self {
            Self::Gsm7 => gsm7::decode_with(bytes, shift),
            Self::Gsm7Packed => gsm7::decode_with(&gsm7::unpack_after(bytes, header_octets), shift),
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
    decode_shifted(data_coding, bytes, header_octets, default, Shift::default())
}

/// Reads a whole payload: as [`decode_text`] reads the octets behind the user
/// data header, if there is one, by the national tables that it names. A header
/// that is longer than the payload is none.
pub fn decode_payload(
    data_coding: u8,
    payload: &[u8],
    has_header: bool,
    default: DefaultAlphabet,
) -> String {
    let cut = has_header.then(|| udh::split(payload)).flatten();
    let Some((header, body)) = cut else {
        return decode_text(data_coding, payload, 0, default);
    };
    let shift = udh::shift(header);
    decode_shifted(data_coding, body, header.len() + 1, default, shift)
}

/// Whether text with this `data_coding` is UTF-16.
pub fn is_utf16(data_coding: u8) -> bool {
    matches!(data_coding, 0x08 | 0x18..=0x1b | 0xe0..=0xef)
}

fn decode_shifted(
    data_coding: u8,
    bytes: &[u8],
    header_octets: usize,
    default: DefaultAlphabet,
    shift: Shift,
) -> String {
    match data_coding {
        // IA5, octets and Latin-1: as Latin-1, so that nothing is lost.
        0x01..=0x04 | 0xf4..=0xf7 | 0xfc..=0xff => latin1(bytes),
        coding if is_utf16(coding) => ucs2::decode(bytes),
        _ => default.decode(bytes, header_octets, shift),
    }
}
