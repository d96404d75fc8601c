//! Choosing an encoding and cutting a text into messages.

use super::{DefaultAlphabet, Encoding, gsm7, udh};
use crate::proto::smpp::pdu::{Sar, Tlv, tlv_tag};

/// Parts of one text; the number is one octet on the wire.
pub const SEGMENTS_MAX: usize = 255;

/// How the parts of a long text are tied together. A setting of the bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Concatenation {
    /// User data header with an 8-bit reference: understood everywhere.
    #[default]
    Udh8,
    /// User data header with a 16-bit reference; one septet more a part.
    Udh16,
    /// `sar_*` parameters; the message centre makes the header.
    Sar,
    /// One `message_payload`; the message centre cuts it.
    MessagePayload,
}

/// How to send text on a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SegmentOptions {
    /// How long texts are sent.
    pub concatenation: Concatenation,
    /// What `data_coding` 0 means to this message centre.
    pub alphabet: DefaultAlphabet,
    /// Latin-1 may be used for text that GSM 7-bit lacks characters for.
    pub latin1_allowed: bool,
}

/// What a text will take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// How its characters are carried.
    pub encoding: Encoding,
    /// Characters, as a person counts code points.
    pub characters: usize,
    /// Septets, octets or UTF-16 units, whatever the encoding counts.
    pub units: usize,
    /// Messages that the recipient's network counts.
    pub segments: usize,
    /// Units that still fit into the last of them.
    pub units_left: usize,
}

/// One `submit_sm`'s worth of text.
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// `esm_class` needs the UDHI bit.
    pub has_header: bool,
    /// For `data_coding`.
    pub encoding: Encoding,
    /// For `short_message`.
    pub user_data: Vec<u8>,
    /// `sar_*` or `message_payload`.
    pub tlvs: Vec<Tlv>,
}

/// The text needs more than [`SEGMENTS_MAX`] parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is longer than {SEGMENTS_MAX} messages")]
pub struct SplitError;

/// Counts without sending: for a text field's "characters, messages".
pub fn estimate(text: &str, options: SegmentOptions) -> Estimate {
    let encoding = choose(text, options);
    let weights = || text.chars().map(|c| weight(c, encoding));
    let units = weights().sum();
    let single = capacity(encoding, None);
    let (segments, last, limit) = if units <= single {
        (1, units, single)
    } else {
        let limit = capacity(encoding, Some(options.concatenation));
        let (full, last) = weights().fold((1, 0), |(segments, used), w| {
            if used + w > limit {
                (segments + 1, w)
            } else {
                (segments, used + w)
            }
        });
        (full, last, limit)
    };
    let characters = text.chars().count();
    Estimate {
        encoding,
        characters,
        units,
        segments,
        units_left: limit - last,
    }
}

/// Cuts a text into messages. Escape pairs and surrogate pairs stay whole.
/// `reference` ties the parts together; its low octet is used with an 8-bit header.
pub fn split(
    text: &str,
    options: SegmentOptions,
    reference: u16,
) -> Result<Vec<Segment>, SplitError> {
    let encoding = choose(text, options);
    let units: usize = text.chars().map(|c| weight(c, encoding)).sum();
    if units <= capacity(encoding, None) {
        let user_data = octets(text, encoding, options.alphabet, 0);
        return Ok(vec![Segment {
            has_header: false,
            encoding,
            user_data,
            tlvs: Vec::new(),
        }]);
    }
    let kind = options.concatenation;
    let parts = cut(text, encoding, capacity(encoding, Some(kind)));
    if parts.len() > SEGMENTS_MAX {
        return Err(SplitError);
    }
    if kind == Concatenation::MessagePayload {
        let value = octets(text, encoding, options.alphabet, 0);
        let tlvs = vec![Tlv {
            tag: tlv_tag::MESSAGE_PAYLOAD,
            value,
        }];
        return Ok(vec![Segment {
            has_header: false,
            encoding,
            user_data: Vec::new(),
            tlvs,
        }]);
    }
    let total = parts.len() as u8;
    let numbered = (1..=total).zip(parts);
    let segments = numbered.map(|(number, part)| {
        let sar = Sar {
            reference,
            total,
            number,
        };
        let mut user_data = udh::header(kind, sar);
        let has_header = !user_data.is_empty();
        user_data.extend(octets(part, encoding, options.alphabet, user_data.len()));
        let tlvs = if kind == Concatenation::Sar {
            sar_tlvs(sar)
        } else {
            Vec::new()
        };
        Segment {
            has_header,
            encoding,
            user_data,
            tlvs,
        }
    });
    Ok(segments.collect())
}

fn choose(text: &str, options: SegmentOptions) -> Encoding {
    let is_plain = |c: char| gsm7::septets(c).is_some() && options.alphabet.has(c);
    if text.chars().all(is_plain) {
        return Encoding::Gsm7;
    }
    if options.latin1_allowed && text.chars().all(|c| u8::try_from(c).is_ok()) {
        return Encoding::Latin1;
    }
    Encoding::Ucs2
}

fn weight(character: char, encoding: Encoding) -> usize {
    match encoding {
        Encoding::Gsm7 => gsm7::septets(character).unwrap_or(1),
        Encoding::Latin1 => 1,
        Encoding::Ucs2 => character.len_utf16(),
    }
}

/// Units that fit into 140 octets less the header that the network carries.
fn capacity(encoding: Encoding, parts: Option<Concatenation>) -> usize {
    let header_octets = match parts {
        None => 0,
        Some(Concatenation::Udh16) => 7,
        // Where the message centre makes the header, expect the short one.
        Some(Concatenation::Udh8 | Concatenation::Sar | Concatenation::MessagePayload) => 6,
    };
    let octets = 140 - header_octets;
    match encoding {
        Encoding::Gsm7 => octets * 8 / 7,
        Encoding::Latin1 => octets,
        Encoding::Ucs2 => octets / 2,
    }
}

fn cut(text: &str, encoding: Encoding, limit: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, character) in text.char_indices() {
        let weight = weight(character, encoding);
        if used + weight > limit {
            parts.push(&text[start..at]);
            (start, used) = (at, 0);
        }
        used += weight;
    }
    parts.push(&text[start..]);
    parts
}

/// The octets after a header of `header_octets`, for `short_message`.
fn octets(
    text: &str,
    encoding: Encoding,
    alphabet: DefaultAlphabet,
    header_octets: usize,
) -> Vec<u8> {
    let latin1 = || {
        text.chars()
            .map(|c| u8::try_from(c).unwrap_or(b'?'))
            .collect()
    };
    match (encoding, alphabet) {
        (Encoding::Gsm7, DefaultAlphabet::Gsm7) => septets(text),
        (Encoding::Gsm7, DefaultAlphabet::Gsm7Packed) => {
            gsm7::pack_after(&septets(text), header_octets)
        }
        (Encoding::Gsm7, DefaultAlphabet::Latin1 | DefaultAlphabet::Ascii) => latin1(),
        (Encoding::Latin1, _) => latin1(),
        (Encoding::Ucs2, _) => super::ucs2::encode(text),
    }
}

fn septets(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for character in text.chars() {
        gsm7::push(&mut out, character);
    }
    out
}

fn sar_tlvs(sar: Sar) -> Vec<Tlv> {
    let reference = sar.reference.to_be_bytes().to_vec();
    vec![
        Tlv {
            tag: tlv_tag::SAR_MSG_REF_NUM,
            value: reference,
        },
        Tlv {
            tag: tlv_tag::SAR_TOTAL_SEGMENTS,
            value: vec![sar.total],
        },
        Tlv {
            tag: tlv_tag::SAR_SEGMENT_SEQNUM,
            value: vec![sar.number],
        },
    ]
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Segment({}, {} octets)",
            self.encoding.name(),
            self.user_data.len()
        )
    }
}
