//! `[sms]`: carriers and their SMPP binds.

mod carrier;
mod values;

use std::time::Duration;

use serde::Serialize;

use super::email::Retry;
use super::names::{host, label, one_line};
use super::reader::Section;
use super::secret::Secret;
use super::units;

pub use carrier::{
    CarrierSettings, DefaultAlphabet, NationalTable, ReceiptIdFormat, Segmentation, SmsCarrier,
    Tolerance,
};
pub use values::Price;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Most segments of one text: of so many the state keeps what became of each.
pub const SEGMENTS_MAX: u8 = 64;
/// Longest wait for a receipt beyond the validity.
const GRACE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

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
    /// Segments of one text, [`SEGMENTS_MAX`] at most; a longer one is refused. Default 6.
    pub segments_max: u8,
    /// How long the message centre may try. Default `"24h"`.
    #[serde(serialize_with = "units::duration")]
    pub validity: Duration,
    /// A text is undelivered when no receipt has come this long after the end of its validity;
    /// `"0s"` for carriers that send none. Default `"1h"`.
    #[serde(serialize_with = "units::duration")]
    pub receipt_grace: Duration,
    /// `[sms.retry]`; default 30s, 2m, 10m, 30m, for 24 hours.
    pub retry: Retry,
    /// `[[sms.carrier]]`. Default: none; a carrier is then what its binds say.
    #[serde(rename = "carrier")]
    pub carriers: Vec<SmsCarrier>,
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

/// The version of the protocol that a bind asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum InterfaceVersion {
    /// SMPP 3.4.
    #[serde(rename = "3.4")]
    V34,
    /// SMPP 5.0.
    #[serde(rename = "5.0")]
    V50,
}

/// `[[sms.bind]]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SmsBind {
    /// Its name in logs and metrics.
    pub name: String,
    /// Whose it is: ids of texts are one carrier's, and its binds share the work. Default: its own
    /// name.
    pub carrier: String,
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
    /// `"3.4"` or `"5.0"`. Default `"3.4"`.
    pub interface_version: InterfaceVersion,
    /// Addresses this bind receives for. Default `""`.
    pub address_range: String,
    /// Type of number of `address_range` (§5.2.5). Default 0.
    pub address_range_ton: u8,
    /// Numbering plan of `address_range` (§5.2.6). Default 0.
    pub address_range_npi: u8,
    /// Messages sent and not yet answered. Default 10.
    pub window: u16,
    /// Messages a second. Default 10.
    pub rate_per_second: u32,
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
    /// What it has in common with the other binds of its carrier, and with its section.
    #[serde(flatten)]
    pub settings: CarrierSettings,
}

impl Sms {
    pub(super) fn read(section: &Section<'_, '_>) -> Sms {
        let grace = section.duration("receipt_grace", HOUR, Duration::ZERO..=GRACE_MAX);
        let sections = section.sections("carrier").unwrap_or_default();
        let read = sections.iter();
        let read = read.filter_map(|section| SmsCarrier::read(section, grace));
        let carriers: Vec<SmsCarrier> = read.collect();
        for (index, carrier) in carriers.iter().enumerate() {
            let mut earlier = carriers.iter().take(index);
            if earlier.any(|earlier| earlier.name == carrier.name) {
                section.mistake("carrier", format!("\"{}\" is there twice", carrier.name));
            }
        }
        let sections = section.sections("bind").unwrap_or_default();
        let read = sections
            .iter()
            .filter_map(|section| SmsBind::read(section, &carriers, grace));
        let binds: Vec<SmsBind> = read.collect();
        for (index, bind) in binds.iter().enumerate() {
            let mut earlier = binds.iter().take(index);
            if earlier.any(|earlier| earlier.name == bind.name) {
                section.mistake("bind", format!("\"{}\" is there twice", bind.name));
            }
            // With a section of its own, each has been compared with that.
            if carriers.iter().any(|known| known.name == bind.carrier) {
                continue;
            }
            let of_carrier = |other: &&SmsBind| other.carrier == bind.carrier;
            let first = binds.iter().take(index).find(of_carrier);
            if let Some(key) = first.and_then(|first| first.settings.differs_in(&bind.settings)) {
                let (carrier, name) = (&bind.carrier, &bind.name);
                let message = format!("binds of \"{carrier}\" do not agree on {key}: \"{name}\"");
                section.mistake("bind", message);
            }
        }
        // One that could not be read may be the one.
        if !binds.is_empty() && binds.len() == sections.len() {
            let has_bind = |known: &&SmsCarrier| binds.iter().any(|b| b.carrier == known.name);
            for idle in carriers.iter().filter(|known| !has_bind(known)) {
                section.mistake("carrier", format!("\"{}\" has no [[sms.bind]]", idle.name));
            }
        }
        let delays = [30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE];
        Sms {
            segments_max: section.integer("segments_max", 6, 1..=SEGMENTS_MAX),
            validity: section.duration("validity", 24 * HOUR, MINUTE..=30 * 24 * HOUR),
            receipt_grace: grace,
            retry: Retry::read(&section.section("retry"), &delays, 24 * HOUR),
            carriers,
            binds,
        }
    }
}

impl SmsBind {
    fn read(
        section: &Section<'_, '_>,
        carriers: &[SmsCarrier],
        grace: Duration,
    ) -> Option<SmsBind> {
        let name = section.required("name", label);
        let host = section.required("host", host);
        let system_id = section.required("system_id", |t| octets(t, 1, SYSTEM_ID_LEN_MAX));
        let mode = section.choice("mode", BindMode::Transceiver, BIND_MODES);
        let carrier = section.parsed("carrier", label).or_else(|| name.clone());
        let of_name = |known: &&SmsCarrier| Some(&known.name) == carrier.as_ref();
        let known = carriers.iter().find(of_name);
        if known.is_none() && !carriers.is_empty() && section.has("carrier") {
            section.mistake("carrier", "is the name of no [[sms.carrier]]");
        }
        let base = known.map(|known| &known.settings);
        let settings = CarrierSettings::read(section, base, grace);
        let both = base.zip(settings.as_ref());
        if let Some(key) = both.and_then(|(base, settings)| base.differs_in(settings)) {
            section.mistake(key, "is not what its [[sms.carrier]] says");
        }
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
            address_range_ton: section.integer("address_range_ton", 0, 0..=6),
            address_range_npi: section.integer("address_range_npi", 0, 0..=18),
            interface_version: section.choice(
                "interface_version",
                InterfaceVersion::V34,
                INTERFACE_VERSIONS,
            ),
            window: section.integer("window", 10, 1..=1000),
            rate_per_second: section.integer("rate_per_second", 10, 1..=10_000),
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
            carrier: carrier?,
            host: host?,
            system_id: system_id?,
            mode,
            settings: settings?,
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

const INTERFACE_VERSIONS: &[(&str, InterfaceVersion)] = &[
    ("3.4", InterfaceVersion::V34),
    ("5.0", InterfaceVersion::V50),
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
