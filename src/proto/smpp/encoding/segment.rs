//! Choosing an encoding and cutting a text into messages.

use super::cluster::clusters;
use super::national::{NationalTables, Shift};
use super::{DataCodings, DefaultAlphabet, Encoding, gsm7, udh};
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
    /// National tables that may be used for such text. They need a header of
    /// their own, which no `message_payload` carries here.
    pub national: NationalTables,
    /// What announces each encoding.
    pub codings: DataCodings,
}

impl SegmentOptions {
    /// The ways to use national tables.
    pub(super) fn shifts(self) -> impl Iterator<Item = Shift> {
        let is_apt = self.alphabet.is_gsm7() && self.concatenation != Concatenation::MessagePayload;
        let tables = if is_apt {
            self.national
        } else {
            NationalTables::NONE
        };
        tables.shifts()
    }
}

/// What a text will take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// How its characters are carried.
    pub encoding: Encoding,
    /// National tables in force.
    pub shift: Shift,
    /// Characters, as a person counts code points.
    pub characters: usize,
    /// Septets, octets or UTF-16 units, whatever the encoding counts.
    pub units: usize,
    /// Messages that the recipient's network counts.
    pub segments: usize,
    /// Units that fit into the last of them.
    pub units_max: usize,
    /// Units that still fit into the last of them.
    pub units_left: usize,
}

/// One `submit_sm`'s worth of text.
#[derive(Clone, PartialEq, Eq)]
pub struct Segment {
    /// `esm_class` needs the UDHI bit.
    pub has_header: bool,
    /// How its characters are carried.
    pub encoding: Encoding,
    /// National tables in force; the header names them.
    pub shift: Shift,
    /// For `data_coding`.
    pub data_coding: u8,
    /// For `short_message`.
    pub user_data: Vec<u8>,
    /// `sar_*` or `message_payload`.
    pub tlvs: Vec<Tlv>,
}

/// The text needs more than [`SEGMENTS_MAX`] parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text is longer than {SEGMENTS_MAX} messages")]
pub struct SplitError;

/// How the characters of one text are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    encoding: Encoding,
    shift: Shift,
}

impl Plan {
    const fn of(encoding: Encoding) -> Self {
        let shift = Shift {
            locking: None,
            single: None,
        };
        Self { encoding, shift }
    }

    const fn gsm7(shift: Shift) -> Self {
        Self {
            encoding: Encoding::Gsm7,
            shift,
        }
    }

    fn weight(self, character: char) -> usize {
        match self.encoding {
            Encoding::Gsm7 => gsm7::septets_with(character, self.shift).unwrap_or(1),
            Encoding::Latin1 => 1,
            Encoding::Ucs2 => character.len_utf16(),
        }
    }

    fn units(self, text: &str) -> usize {
        text.chars().map(|c| self.weight(c)).sum()
    }

    /// Units that fit into a message less the header that the network carries.
    fn capacity(self, parts: Option<Concatenation>) -> usize {
        let octets = gsm7::MESSAGE_OCTETS_MAX - udh::header_octets(self.shift, parts);
        match self.encoding {
            Encoding::Gsm7 => octets * 8 / 7,
            Encoding::Latin1 => octets,
            Encoding::Ucs2 => octets / 2,
        }
    }

    /// The text in as many parts as it takes; one of them if it is empty.
    fn cut(self, text: &str, concatenation: Concatenation) -> Vec<&str> {
        if self.units(text) <= self.capacity(None) {
            return vec![text];
        }
        let limit = self.capacity(Some(concatenation));
        let mut parts = Vec::new();
        let (mut start, mut at, mut used) = (0, 0, 0);
        let mut take = |piece: &str, width: usize| {
            if used + width > limit {
                parts.push(&text[start..at]);
                (start, used) = (at, 0);
            }
            used += width;
            at += piece.len();
        };
        for cluster in clusters(text) {
            let width = self.units(cluster);
            if width <= limit {
                take(cluster, width);
                continue;
            }
            // It fits nowhere whole.
            for character in cluster.chars() {
                let mut octets = [0; 4];
                take(character.encode_utf8(&mut octets), self.weight(character));
            }
        }
        parts.push(&text[start..]);
        parts
    }
}

/// Counts without sending, cutting as [`split`] does: for a text field's
/// "characters, messages".
pub fn estimate(text: &str, options: SegmentOptions) -> Estimate {
    let plan = choose(text, options);
    let cut = plan.cut(text, options.concatenation);
    let of_several = (cut.len() > 1).then_some(options.concatenation);
    let units_max = plan.capacity(of_several);
    let last = cut.last().map_or(0, |part| plan.units(part));
    Estimate {
        encoding: plan.encoding,
        shift: plan.shift,
        characters: text.chars().count(),
        units: plan.units(text),
        segments: cut.len(),
        units_max,
        units_left: units_max - last,
    }
}

/// The text as it is cut into messages; one part if it is empty.
pub fn parts(text: &str, options: SegmentOptions) -> Vec<&str> {
    choose(text, options).cut(text, options.concatenation)
}

/// Cuts a text into messages. Escape pairs and surrogate pairs stay whole, and
/// what is one character to a reader as long as a message holds it.
/// `reference` ties the parts together; its low octet is used with an 8-bit header.
pub fn split(
    text: &str,
    options: SegmentOptions,
    reference: u16,
) -> Result<Vec<Segment>, SplitError> {
    let plan = choose(text, options);
    let kind = options.concatenation;
    let parts = plan.cut(text, kind);
    if parts.len() > SEGMENTS_MAX {
        return Err(SplitError);
    }
    if parts.len() == 1 {
        return Ok(vec![segment(text, plan, options, None)]);
    }
    if kind == Concatenation::MessagePayload {
        let whole = segment(text, plan, options, None);
        return Ok(vec![Segment {
            user_data: Vec::new(),
            tlvs: vec![Tlv {
                tag: tlv_tag::MESSAGE_PAYLOAD,
                value: whole.user_data,
            }],
            ..whole
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
        segment(part, plan, options, Some(sar))
    });
    Ok(segments.collect())
}

fn segment(text: &str, plan: Plan, options: SegmentOptions, sar: Option<Sar>) -> Segment {
    let place = sar.map(|sar| (options.concatenation, sar));
    let mut user_data = udh::header_with(plan.shift, place);
    let has_header = !user_data.is_empty();
    let header_octets = user_data.len();
    user_data.extend(octets(text, plan, options.alphabet, header_octets));
    let of_network = sar.filter(|_| options.concatenation == Concatenation::Sar);
    Segment {
        has_header,
        encoding: plan.encoding,
        shift: plan.shift,
        data_coding: options.codings.of(plan.encoding),
        user_data,
        tlvs: of_network.map(sar_tlvs).unwrap_or_default(),
    }
}

/// GSM 7-bit where it has all characters; else whatever takes the fewest
/// messages, and of equals national tables, Latin-1, UCS-2, in this order.
fn choose(text: &str, options: SegmentOptions) -> Plan {
    let is_plain = |c: char| gsm7::septets(c).is_some() && options.alphabet.has(c);
    if text.chars().all(is_plain) {
        return Plan::of(Encoding::Gsm7);
    }
    let is_latin1 = options.latin1_allowed && text.chars().all(|c| u8::try_from(c).is_ok());
    let wide = Plan::of(if is_latin1 {
        Encoding::Latin1
    } else {
        Encoding::Ucs2
    });
    let has_all = |shift: &Shift| {
        let mut letters = text.chars();
        letters.all(|c| gsm7::septets_with(c, *shift).is_some())
    };
    let national = options.shifts().filter(has_all).map(Plan::gsm7);
    let cost = |plan: &Plan| plan.cut(text, options.concatenation).len();
    let plans = national.chain([wide]);
    plans.min_by_key(cost).unwrap_or(wide)
}

/// The octets after a header of `header_octets`, for `short_message`.
fn octets(text: &str, plan: Plan, alphabet: DefaultAlphabet, header_octets: usize) -> Vec<u8> {
    let latin1 = || {
        text.chars()
            .map(|c| u8::try_from(c).unwrap_or(b'?'))
            .collect()
    };
    match (plan.encoding, alphabet) {
        (Encoding::Gsm7, DefaultAlphabet::Gsm7) => septets(text, plan.shift),
        (Encoding::Gsm7, DefaultAlphabet::Gsm7Packed) => {
            gsm7::pack_after(&septets(text, plan.shift), header_octets)
        }
        (Encoding::Gsm7, DefaultAlphabet::Latin1 | DefaultAlphabet::Ascii) => latin1(),
        (Encoding::Latin1, _) => latin1(),
        (Encoding::Ucs2, _) => super::ucs2::encode(text),
    }
}

fn septets(text: &str, shift: Shift) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for character in text.chars() {
        gsm7::push(&mut out, character, shift);
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
