//! `[sms]`: SMPP binds.

use std::time::Duration;

use serde::Serialize;

use super::email::Retry;
use super::names::{host, label, one_line};
use super::reader::Section;
use super::secret::Secret;
use super::units;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Octets of `system_id`, `password`, `system_type` without the final NUL (SMPP 3.4 §4.1.1).
const SYSTEM_ID_LEN_MAX: usize = 15;
const PASSWORD_LEN_MAX: usize = 8;
const SYSTEM_TYPE_LEN_MAX: usize = 12;
/// Octets of an address (§5.2.8) and of an address range (§5.2.7).
const ADDRESS_LEN_MAX: usize = 20;
const ADDRESS_RANGE_LEN_MAX: usize = 40;

/// `[sms]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sms {
    /// Segments of one text; a longer one is refused. Default 6.
    pub segments_max: u8,
    /// How long the message centre may try. Default `"24h"`.
    #[serde(serialize_with = "units::duration")]
    pub validity: Duration,
    /// `[sms.retry]`; default 30s, 2m, 10m, 30m, for 24 hours.
    pub retry: Retry,
    /// `[[sms.bind]]`. Default: none, and no texts.
    #[serde(rename = "bind")]
    pub binds: Vec<SmsBind>,
}

/// Which way a bind carries messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BindMode {
    /// Both ways.
    Transceiver,
    /// Ours out.
    Transmitter,
    /// Receipts and replies in.
    Receiver,
}

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

/// How a text of several segments is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Segmentation {
    /// User data header (3GPP TS 23.040 §9.2.3.24.1).
    Udh,
    /// The optional parameters sar_msg_ref_num, sar_total_segments, sar_segment_seqnum.
    Sar,
    /// One message_payload; the message centre divides it.
    Payload,
}

/// `[[sms.bind]]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SmsBind {
    /// Its name in logs and metrics.
    pub name: String,
    /// The message centre: host name or IP address.
    pub host: String,
    /// Port. Default 2775.
    pub port: u16,
    /// TLS from the first byte, with a certificate that verifies. Default `false`.
    pub tls: bool,
    /// At most 15 octets.
    pub system_id: String,
    /// At most 8 octets (`password_file` or `password_credential`).
    #[serde(flatten)]
    pub password: Option<Secret>,
    /// At most 12 octets. Default `""`.
    pub system_type: String,
    /// `"transceiver"`, `"transmitter"` or `"receiver"`. Default `"transceiver"`.
    pub mode: BindMode,
    /// Addresses this bind receives for. Default `""`.
    pub address_range: String,
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
    /// Messages sent and not yet answered. Default 10.
    pub window: u16,
    /// Messages a second. Default 10.
    pub rate_per_second: u32,
    /// Default `"any"`.
    pub receipt_id_format: ReceiptIdFormat,
    /// Default `"gsm7"`.
    pub default_alphabet: DefaultAlphabet,
    /// Default `"udh"`.
    pub segmentation: Segmentation,
    /// `enquire_link` after this much silence. Default `"30s"`.
    #[serde(serialize_with = "units::duration")]
    pub enquire_interval: Duration,
    /// Wait for a connection and the bind. Default `"10s"`.
    #[serde(serialize_with = "units::duration")]
    pub bind_timeout: Duration,
    /// Wait for a response. Default `"30s"`.
    #[serde(serialize_with = "units::duration")]
    pub response_timeout: Duration,
    /// First wait before binding again; it doubles. Default `"1s"`.
    #[serde(serialize_with = "units::duration")]
    pub reconnect_delay: Duration,
    /// Longest such wait. Default `"1m"`.
    #[serde(serialize_with = "units::duration")]
    pub reconnect_delay_max: Duration,
}

impl Sms {
    pub(super) fn read(section: &Section<'_, '_>) -> Sms {
        let binds: Vec<SmsBind> = section
            .sections("bind")
            .unwrap_or_default()
            .iter()
            .filter_map(SmsBind::read)
            .collect();
        for (index, bind) in binds.iter().enumerate() {
            if binds[..index]
                .iter()
                .any(|earlier| earlier.name == bind.name)
            {
                section.mistake("bind", format!("\"{}\" is there twice", bind.name));
            }
        }
        let delays = [30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE];
        Sms {
            segments_max: section.integer("segments_max", 6, 1..=255),
            validity: section.duration("validity", 24 * HOUR, MINUTE..=30 * 24 * HOUR),
            retry: Retry::read(&section.section("retry"), &delays, 24 * HOUR),
            binds,
        }
    }
}

impl SmsBind {
    fn read(section: &Section<'_, '_>) -> Option<SmsBind> {
        let name = section.required("name", label);
        let host = section.required("host", host);
        let system_id = section.required("system_id", |t| octets(t, 1, SYSTEM_ID_LEN_MAX));
        let mode = section.choice("mode", BindMode::Transceiver, BIND_MODES);
        let source = section.required("source", |t| octets(t, 1, ADDRESS_LEN_MAX));
        let (ton, npi) = source.as_deref().map_or((0, 1), source_type);
        let second_to_minutes = SECOND..=10 * MINUTE;
        let bind = SmsBind {
            port: section.integer("port", 2775, 1..=u16::MAX),
            tls: section.bool("tls", false),
            password: section.secret(),
            system_type: section
                .parsed("system_type", |t| octets(t, 0, SYSTEM_TYPE_LEN_MAX))
                .unwrap_or_default(),
            address_range: section
                .parsed("address_range", |t| octets(t, 0, ADDRESS_RANGE_LEN_MAX))
                .unwrap_or_default(),
            source_ton: section.integer("source_ton", ton, 0..=6),
            source_npi: section.integer("source_npi", npi, 0..=18),
            destination_ton: section.integer("destination_ton", 1, 0..=6),
            destination_npi: section.integer("destination_npi", 1, 0..=18),
            prefixes: section.list("prefixes", Vec::new(), prefix),
            window: section.integer("window", 10, 1..=1000),
            rate_per_second: section.integer("rate_per_second", 10, 1..=10_000),
            receipt_id_format: section.choice(
                "receipt_id_format",
                ReceiptIdFormat::Any,
                RECEIPT_IDS,
            ),
            default_alphabet: section.choice("default_alphabet", DefaultAlphabet::Gsm7, ALPHABETS),
            segmentation: section.choice("segmentation", Segmentation::Udh, SEGMENTATIONS),
            enquire_interval: section.duration("enquire_interval", 30 * SECOND, SECOND..=HOUR),
            bind_timeout: section.duration("bind_timeout", 10 * SECOND, second_to_minutes.clone()),
            response_timeout: section.duration("response_timeout", 30 * SECOND, second_to_minutes),
            reconnect_delay: section.duration("reconnect_delay", SECOND, SECOND / 10..=HOUR),
            reconnect_delay_max: section.duration(
                "reconnect_delay_max",
                MINUTE,
                SECOND / 10..=HOUR,
            ),
            name: name?,
            host: host?,
            system_id: system_id?,
            mode,
            source: source?,
        };
        bind.check(section);
        Some(bind)
    }

    fn check(&self, section: &Section<'_, '_>) {
        if !section.has_secret() {
            section.mistake("password_file", "is missing (or password_credential)");
        }
        if let Some(password) = &self.password
            && let Err(message) = octets(password.reveal(), 0, PASSWORD_LEN_MAX)
        {
            section.mistake("password_file", format!("the password {message}"));
        }
        if self.reconnect_delay > self.reconnect_delay_max {
            section.mistake("reconnect_delay", "is longer than reconnect_delay_max");
        }
    }
}

const BIND_MODES: &[(&str, BindMode)] = &[
    ("transceiver", BindMode::Transceiver),
    ("transmitter", BindMode::Transmitter),
    ("receiver", BindMode::Receiver),
];

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
    ("sar", Segmentation::Sar),
    ("payload", Segmentation::Payload),
];

/// A C-octet string of SMPP: ASCII without control characters.
fn octets(text: &str, least: usize, most: usize) -> Result<String, String> {
    if !text.is_ascii() {
        return Err("must be ASCII".to_owned());
    }
    if text.len() < least || text.len() > most {
        return Err(format!(
            "must have {least} to {most} characters, not {}",
            text.len()
        ));
    }
    if text.is_empty() {
        Ok(String::new())
    } else {
        one_line(text)
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
