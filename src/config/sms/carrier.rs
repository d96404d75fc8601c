//! What belongs to a carrier, whichever of its binds carries a text: `[[sms.carrier]]`, or the
//! same keys in `[[sms.bind]]`.

use serde::Serialize;

use super::{ADDRESS_LEN_MAX, octets};
use crate::config::names::label;
use crate::config::reader::Section;
use crate::config::value::choose;

/// Digits behind the point of a price.
const PRICE_DIGITS_MAX: usize = 6;
const MILLION: u64 = 1_000_000;

/// How the id in a receipt relates to the one in `submit_sm_resp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReceiptIdFormat {
    /// The same text.
    Same,
    /// Hexadecimal in the response, decimal in the receipt.
    HexThenDecimal,
    /// Decimal in the response, hexadecimal in the receipt.
    DecimalThenHex,
    /// Any of these.
    Any,
}

/// What `data_coding` 0 means to this message centre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultAlphabet {
    /// GSM 7-bit default alphabet, one character an octet.
    Gsm7,
    /// GSM 7-bit default alphabet, packed.
    Gsm7Packed,
    /// ISO 8859-1.
    Latin1,
    /// ASCII.
    Ascii,
}

/// A language with national tables in the GSM 7-bit alphabet (3GPP TS 23.038, annex A).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NationalTable {
    /// Single and locking shift.
    Turkish,
    /// Single shift.
    Spanish,
    /// Single and locking shift.
    Portuguese,
}

/// What one segment costs, in millionths of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price(pub u64);

impl Serialize for Price {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (whole, rest) = (self.0 / MILLION, self.0 % MILLION);
        let text = format!("{whole}.{rest:06}");
        to.serialize_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// How a text of several segments is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Segmentation {
    /// User data header (3GPP TS 23.040 §9.2.3.24.1).
    Udh,
    /// User data header with a 16-bit reference (§9.2.3.24.8).
    Udh16,
    /// The optional parameters sar_msg_ref_num, sar_total_segments, sar_segment_seqnum.
    Sar,
    /// One message_payload; the message centre divides it.
    Payload,
}

/// Something that the specification does not allow and message centres do all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tolerance {
    /// The last string of a body, or the id in a receipt's parameter, has no final NUL (§3.1).
    UnterminatedStrings,
    /// Ids of more than 64 octets (§5.2.23), addresses of more than 20 (§5.2.8).
    LongStrings,
    /// Octets beyond ASCII in addresses (§5.2.8); they are read as ISO 8859-1.
    NonAsciiSenders,
    /// Responses that say an error and have a body all the same (§4.4.2).
    ErrorBodies,
    /// Octets after a body that are no optional parameter (§3.2.4).
    TrailingOctets,
    /// `sm_length` goes beyond the end of the PDU (§5.2.21); what is there counts.
    CutTexts,
    /// Requests numbered 0 or beyond 0x7FFFFFFF (§5.1.4).
    ReservedSequenceNumbers,
    /// Receipts that come before the answer to their submission.
    EarlyReceipts,
}

/// What all binds of a carrier have in common.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CarrierSettings {
    /// Sender of our texts: a number, short code or name.
    pub source: String,
    /// Type of number of `source` (SMPP 3.4 §5.2.5). Default: 1 for `+…`, 5 for a name, 3 for a
    /// short code, else 0.
    pub source_ton: u8,
    /// Numbering plan of `source` (§5.2.6). Default 0 for a name, else 1.
    pub source_npi: u8,
    /// Type of number of recipients. Default 1 (international).
    pub destination_ton: u8,
    /// Numbering plan of recipients. Default 1 (E.164).
    pub destination_npi: u8,
    /// Numbers that go this way, by what they begin with; empty for all. Default `[]`.
    pub prefixes: Vec<String>,
    /// Default `"any"`.
    pub receipt_id_format: ReceiptIdFormat,
    /// Default `"gsm7"`.
    pub default_alphabet: DefaultAlphabet,
    /// Default `"udh"`.
    pub segmentation: Segmentation,
    /// National tables that this carrier passes on. Default: none.
    pub national_tables: Vec<NationalTable>,
    /// ISO 8859-1 is used for what GSM 7-bit lacks. Default `false`.
    pub latin1_allowed: bool,
    /// `data_coding` of texts in the default alphabet, message class included (3GPP TS 23.038 §4).
    /// Default 0.
    pub data_coding_gsm7: u8,
    /// The same for ISO 8859-1. Default 3.
    pub data_coding_latin1: u8,
    /// The same for UCS-2. Default 8.
    pub data_coding_ucs2: u8,
    /// What a segment costs, shown to whoever writes. Default 0: not known.
    pub price_per_segment: Price,
    /// Currency of the price, three letters (ISO 4217). Default `""`.
    pub currency: String,
    /// Texts bear a number that stays the same when they are sent again (user_message_reference,
    /// §5.3.2.17). Default `true`.
    pub user_message_reference: bool,
    /// What this carrier may do against the specification. Default: all there is.
    pub tolerate: Vec<Tolerance>,
}

/// `[[sms.carrier]]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SmsCarrier {
    /// What its binds call it.
    pub name: String,
    /// What they have in common.
    #[serde(flatten)]
    pub settings: CarrierSettings,
}

impl SmsCarrier {
    pub(super) fn read(section: &Section<'_, '_>) -> Option<Self> {
        let name = section.required("name", label);
        let settings = CarrierSettings::read(section, None);
        Some(Self {
            name: name?,
            settings: settings?,
        })
    }
}

impl CarrierSettings {
    /// From a section; what is not written there is as in `base`, or has its default.
    pub(super) fn read(section: &Section<'_, '_>, base: Option<&Self>) -> Option<Self> {
        let read = |text: &str| octets(text, 1, ADDRESS_LEN_MAX);
        let written = match base {
            Some(_) => section.parsed("source", read),
            None => section.required("source", read),
        };
        let usual = match (base, &written) {
            (Some(base), None) => base.clone(),
            (Some(base), Some(source)) if *source == base.source => base.clone(),
            (base, Some(source)) => {
                let (source_ton, source_npi) = source_type(source);
                Self {
                    source: source.clone(),
                    source_ton,
                    source_npi,
                    ..base.cloned().unwrap_or_else(Self::usual)
                }
            }
            (None, None) => Self::usual(),
        };
        let coding = |key, usual| section.integer(key, usual, 0..=u8::MAX);
        let settings = Self {
            source_ton: section.integer("source_ton", usual.source_ton, 0..=6),
            source_npi: section.integer("source_npi", usual.source_npi, 0..=18),
            destination_ton: section.integer("destination_ton", usual.destination_ton, 0..=6),
            destination_npi: section.integer("destination_npi", usual.destination_npi, 0..=18),
            prefixes: section.list("prefixes", usual.prefixes, prefix),
            receipt_id_format: section.choice(
                "receipt_id_format",
                usual.receipt_id_format,
                RECEIPT_IDS,
            ),
            default_alphabet: section.choice("default_alphabet", usual.default_alphabet, ALPHABETS),
            segmentation: section.choice("segmentation", usual.segmentation, SEGMENTATIONS),
            national_tables: section.list("national_tables", usual.national_tables, |name| {
                choose(name, NATIONAL)
            }),
            latin1_allowed: section.bool("latin1_allowed", usual.latin1_allowed),
            data_coding_gsm7: coding("data_coding_gsm7", usual.data_coding_gsm7),
            data_coding_latin1: coding("data_coding_latin1", usual.data_coding_latin1),
            data_coding_ucs2: coding("data_coding_ucs2", usual.data_coding_ucs2),
            price_per_segment: section
                .parsed("price_per_segment", price)
                .unwrap_or(usual.price_per_segment),
            currency: section
                .parsed("currency", currency)
                .unwrap_or(usual.currency),
            user_message_reference: section
                .bool("user_message_reference", usual.user_message_reference),
            tolerate: section.list("tolerate", usual.tolerate, |name| choose(name, TOLERANCES)),
            source: usual.source,
        };
        // What the carrier's own section says has been looked at there.
        if base.is_none_or(|base| *base != settings) {
            settings.check(section);
        }
        (written.is_some() || base.is_some()).then_some(settings)
    }

    fn check(&self, section: &Section<'_, '_>) {
        let carries_tables = matches!(
            self.default_alphabet,
            DefaultAlphabet::Gsm7 | DefaultAlphabet::Gsm7Packed
        ) && self.segmentation != Segmentation::Payload;
        if !self.national_tables.is_empty() && !carries_tables {
            section.mistake(
                "national_tables",
                "need a GSM 7-bit default_alphabet, and a segmentation other than \"payload\"",
            );
        }
        for (key, coding) in [
            ("data_coding_gsm7", self.data_coding_gsm7),
            ("data_coding_latin1", self.data_coding_latin1),
            ("data_coding_ucs2", self.data_coding_ucs2),
        ] {
            if is_flash(coding) {
                section.mistake(
                    key,
                    format!("{coding} is shown at once and kept nowhere (message class 0)"),
                );
            }
        }
        if self.price_per_segment.0 > 0 && self.currency.is_empty() {
            section.mistake("currency", "is missing, and there is a price_per_segment");
        }
    }

    /// The defaults, without a sender.
    fn usual() -> Self {
        Self {
            source: String::new(),
            source_ton: 0,
            source_npi: 1,
            destination_ton: 1,
            destination_npi: 1,
            prefixes: Vec::new(),
            receipt_id_format: ReceiptIdFormat::Any,
            default_alphabet: DefaultAlphabet::Gsm7,
            segmentation: Segmentation::Udh,
            national_tables: Vec::new(),
            latin1_allowed: false,
            data_coding_gsm7: 0,
            data_coding_latin1: 3,
            data_coding_ucs2: 8,
            price_per_segment: Price::default(),
            currency: String::new(),
            user_message_reference: true,
            tolerate: TOLERANCES.iter().map(|(_, tolerance)| *tolerance).collect(),
        }
    }

    /// The first key in which another bind of the same carrier differs.
    pub(super) fn differs_in(&self, other: &Self) -> Option<&'static str> {
        let keys = [
            ("source", self.source != other.source),
            ("source_ton", self.source_ton != other.source_ton),
            ("source_npi", self.source_npi != other.source_npi),
            (
                "destination_ton",
                self.destination_ton != other.destination_ton,
            ),
            (
                "destination_npi",
                self.destination_npi != other.destination_npi,
            ),
            ("prefixes", self.prefixes != other.prefixes),
            (
                "receipt_id_format",
                self.receipt_id_format != other.receipt_id_format,
            ),
            (
                "default_alphabet",
                self.default_alphabet != other.default_alphabet,
            ),
            ("segmentation", self.segmentation != other.segmentation),
            (
                "national_tables",
                self.national_tables != other.national_tables,
            ),
            (
                "latin1_allowed",
                self.latin1_allowed != other.latin1_allowed,
            ),
            (
                "data_coding_gsm7",
                self.data_coding_gsm7 != other.data_coding_gsm7,
            ),
            (
                "data_coding_latin1",
                self.data_coding_latin1 != other.data_coding_latin1,
            ),
            (
                "data_coding_ucs2",
                self.data_coding_ucs2 != other.data_coding_ucs2,
            ),
            (
                "price_per_segment",
                self.price_per_segment != other.price_per_segment,
            ),
            ("currency", self.currency != other.currency),
            (
                "user_message_reference",
                self.user_message_reference != other.user_message_reference,
            ),
            ("tolerate", self.tolerate != other.tolerate),
        ];
        let first = keys.into_iter().find(|(_, differs)| *differs);
        first.map(|(key, _)| key)
    }
}

const RECEIPT_IDS: &[(&str, ReceiptIdFormat)] = &[
    ("same", ReceiptIdFormat::Same),
    ("hex-then-decimal", ReceiptIdFormat::HexThenDecimal),
    ("decimal-then-hex", ReceiptIdFormat::DecimalThenHex),
    ("any", ReceiptIdFormat::Any),
];

const ALPHABETS: &[(&str, DefaultAlphabet)] = &[
    ("gsm7", DefaultAlphabet::Gsm7),
    ("gsm7-packed", DefaultAlphabet::Gsm7Packed),
    ("latin1", DefaultAlphabet::Latin1),
    ("ascii", DefaultAlphabet::Ascii),
];

const SEGMENTATIONS: &[(&str, Segmentation)] = &[
    ("udh", Segmentation::Udh),
    ("udh16", Segmentation::Udh16),
    ("sar", Segmentation::Sar),
    ("payload", Segmentation::Payload),
];

const NATIONAL: &[(&str, NationalTable)] = &[
    ("turkish", NationalTable::Turkish),
    ("spanish", NationalTable::Spanish),
    ("portuguese", NationalTable::Portuguese),
];

const TOLERANCES: &[(&str, Tolerance)] = &[
    ("unterminated-strings", Tolerance::UnterminatedStrings),
    ("long-strings", Tolerance::LongStrings),
    ("non-ascii-senders", Tolerance::NonAsciiSenders),
    ("error-bodies", Tolerance::ErrorBodies),
    ("trailing-octets", Tolerance::TrailingOctets),
    ("cut-texts", Tolerance::CutTexts),
    (
        "reserved-sequence-numbers",
        Tolerance::ReservedSequenceNumbers,
    ),
    ("early-receipts", Tolerance::EarlyReceipts),
];

/// Message class 0 (3GPP TS 23.038 §4): in the general group with bit 4, in group 1111 always.
fn is_flash(coding: u8) -> bool {
    let has_class =
        matches!(coding, 0x10..=0x1f | 0x30..=0x3f | 0x50..=0x5f | 0x70..=0x7f) || coding >= 0xf0;
    has_class && coding & 0x03 == 0
}

/// "0.045": at most six digits on either side of the point.
fn price(text: &str) -> Result<Price, String> {
    let wrong = || format!("\"{text}\" is not a price, such as \"0.045\"");
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| {
        let ok = (1..=PRICE_DIGITS_MAX).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_digit());
        ok.then(|| part.parse::<u64>().ok()).flatten()
    };
    let rest = format!("{rest:0<PRICE_DIGITS_MAX$}");
    match (digits(whole), digits(&rest)) {
        (Some(whole), Some(rest)) => Ok(Price(whole * MILLION + rest)),
        _ => Err(wrong()),
    }
}

fn currency(text: &str) -> Result<String, String> {
    let is_code = text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
    if is_code || text.is_empty() {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" is not a currency, such as \"EUR\""))
    }
}

fn prefix(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix('+').unwrap_or("");
    let ok = (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if ok {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" is not a prefix, such as \"+44\""))
    }
}

/// Type of number and numbering plan that a sender's form suggests.
fn source_type(source: &str) -> (u8, u8) {
    const SHORT_CODE_LEN_MAX: usize = 6;
    match source.strip_prefix('+') {
        Some(_) => (1, 1),
        None if !source.bytes().all(|b| b.is_ascii_digit()) => (5, 0),
        None if source.len() <= SHORT_CODE_LEN_MAX => (3, 1),
        None => (0, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact() {
        let read = |text: &str| price(text).map(|price| price.0).ok();
        for (text, millionths) in [
            ("0", Some(0)),
            ("0.045", Some(45_000)),
            ("12", Some(12_000_000)),
            ("1.000001", Some(1_000_001)),
            ("", None),
            ("0.", Some(0)),
            (".5", None),
            ("-1", None),
            ("1,5", None),
            ("0.0000001", None),
        ] {
            assert_eq!(read(text), millionths, "{text}");
        }
        for text in ["0", "0.045", "12", "10.5"] {
            let written = price(text).map(|price| serde_json::json!(price));
            assert_eq!(written, Ok(serde_json::json!(text)));
        }
    }

    #[test]
    fn flash_is_known_in_every_group() {
        let flash: Vec<u8> = (0..=u8::MAX).filter(|coding| is_flash(*coding)).collect();
        assert_eq!(flash[..4], [0x10, 0x14, 0x18, 0x1c]);
        assert_eq!(flash[flash.len() - 4..], [0xf0, 0xf4, 0xf8, 0xfc]);
        assert!(
            ![0x00, 0x03, 0x08, 0x11, 0x19, 0xc0, 0xe0, 0xf1]
                .iter()
                .any(|c| is_flash(*c))
        );
    }
}
