//! What belongs to a carrier, whichever of its binds carries a text: `[[sms.carrier]]`, or the
//! same keys in `[[sms.bind]]`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::values::{
    Price, currency, error_code, error_meaning, is_flash, prefix, price, source_type,
};
use super::{ADDRESS_LEN_MAX, GRACE_MAX, octets};
use crate::config::names::label;
use crate::config::reader::Section;
use crate::config::units;
use crate::config::value::choose;

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
    /// Receipts that come before the answer to their submission. Where they do not, one for an id
    /// that is not known is asked for again for some time.
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
    /// A text is undelivered when no receipt has come this long after the end of its validity;
    /// `"0s"` where this carrier sends none. Default: as in `[sms]`.
    #[serde(serialize_with = "units::duration")]
    pub receipt_grace: Duration,
    /// What this carrier's own error codes mean, by the code in `err:`: a reason, and whether it
    /// `lasts` or `passes`. Default: none.
    pub error_codes: BTreeMap<String, String>,
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
    pub(super) fn read(section: &Section<'_, '_>, grace: Duration) -> Option<Self> {
        let name = section.required("name", label);
        let settings = CarrierSettings::read(section, None, grace);
        Some(Self {
            name: name?,
            settings: settings?,
        })
    }
}

impl CarrierSettings {
    /// From a section; what is not written there is as in `base`, or has its default, which for
    /// `receipt_grace` is `grace`.
    pub(super) fn read(
        section: &Section<'_, '_>,
        base: Option<&Self>,
        grace: Duration,
    ) -> Option<Self> {
        let read = |text: &str| octets(text, 1, ADDRESS_LEN_MAX);
        let written = match base {
            Some(_) => section.parsed("source", read),
            None => section.required("source", read),
        };
        let usual = Self::beneath(base, written.as_deref(), grace);
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
            receipt_grace: section.duration(
                "receipt_grace",
                usual.receipt_grace,
                Duration::ZERO..=GRACE_MAX,
            ),
            error_codes: section.map("error_codes", usual.error_codes, error_code, error_meaning),
            source: usual.source,
        };
        // What the carrier's own section says has been looked at there.
        if base.is_none_or(|base| *base != settings) {
            settings.check(section);
        }
        (written.is_some() || base.is_some()).then_some(settings)
    }

    /// What counts of what the section does not say, which names this sender or none.
    fn beneath(base: Option<&Self>, sender: Option<&str>, grace: Duration) -> Self {
        let below = base.cloned().unwrap_or_else(|| Self::usual(grace));
        let Some(source) = sender.filter(|source| *source != below.source) else {
            return below;
        };
        let (source_ton, source_npi) = source_type(source);
        Self {
            source: source.to_owned(),
            source_ton,
            source_npi,
            ..below
        }
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
        let others = [self.data_coding_gsm7, self.data_coding_latin1];
        if others.contains(&self.data_coding_ucs2) {
            section.mistake(
                "data_coding_ucs2",
                "is that of another alphabet: no telephone could tell them apart",
            );
        }
        if self.price_per_segment.0 > 0 && self.currency.is_empty() {
            section.mistake("currency", "is missing, and there is a price_per_segment");
        }
    }

    /// The defaults, without a sender.
    fn usual(grace: Duration) -> Self {
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
            receipt_grace: grace,
            error_codes: BTreeMap::new(),
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
            ("receipt_grace", self.receipt_grace != other.receipt_grace),
            ("error_codes", self.error_codes != other.error_codes),
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
