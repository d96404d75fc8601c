//! What is particular to one message centre.

use std::time::Duration;

use crate::config::{self, SmsBind};
use crate::domain::PhoneNumber;
use crate::net::smpp::{SmppSettings, TlsSettings};
use crate::proto::smpp::encoding::{Concatenation, DefaultAlphabet, Segment, SegmentOptions};
use crate::proto::smpp::receipt::MessageIdForm;
use crate::proto::smpp::{Address, BindMode, BindRequest, Config, SubmitSm, esm_class};

/// SMPP 3.4.
const INTERFACE_VERSION: u8 = 0x34;

/// First pause when the centre throttles.
const THROTTLE_DELAY: Duration = Duration::from_secs(1);

/// Ask for a receipt on success and failure (SMPP 3.4 section 5.2.17).
const RECEIPT_WANTED: u8 = 0x01;

/// How texts go over a bind, and how what comes back is read.
#[derive(Debug, Clone)]
pub struct RouteSettings {
    /// The bind's name.
    pub name: String,
    /// Sender of texts.
    pub source: Address,
    /// Type of number of recipients.
    pub destination_ton: u8,
    /// Numbering plan of recipients.
    pub destination_npi: u8,
    /// What numbers must begin with; none: all numbers.
    pub prefixes: Vec<String>,
    /// How texts are cut and written.
    pub segments: SegmentOptions,
    /// How ids in receipts relate to those in responses.
    pub id_form: MessageIdForm,
    /// Attempts that make sense at a time.
    pub concurrency: usize,
    /// The bind may submit.
    pub sends: bool,
}

impl RouteSettings {
    /// From `[[sms.bind]]`.
    pub fn from_config(bind: &SmsBind) -> Self {
        let source = bind.source.trim_start_matches('+').to_owned();
        Self {
            name: bind.name.clone(),
            source: Address {
                ton: bind.source_ton,
                npi: bind.source_npi,
                value: source,
            },
            destination_ton: bind.destination_ton,
            destination_npi: bind.destination_npi,
            prefixes: bind.prefixes.clone(),
            segments: SegmentOptions {
                concatenation: match bind.segmentation {
                    config::Segmentation::Udh => Concatenation::Udh8,
                    config::Segmentation::Sar => Concatenation::Sar,
                    config::Segmentation::Payload => Concatenation::MessagePayload,
                },
                alphabet: match bind.default_alphabet {
                    config::DefaultAlphabet::Gsm7 => DefaultAlphabet::Gsm7,
                    config::DefaultAlphabet::Gsm7Packed => DefaultAlphabet::Gsm7Packed,
                    config::DefaultAlphabet::Latin1 => DefaultAlphabet::Latin1,
                    config::DefaultAlphabet::Ascii => DefaultAlphabet::Ascii,
                },
                latin1_allowed: false,
            },
            id_form: match bind.receipt_id_format {
                config::ReceiptIdFormat::Same => MessageIdForm::Same,
                config::ReceiptIdFormat::HexThenDecimal => MessageIdForm::HexThenDecimal,
                config::ReceiptIdFormat::DecimalThenHex => MessageIdForm::DecimalThenHex,
                config::ReceiptIdFormat::Any => MessageIdForm::Any,
            },
            concurrency: usize::from(bind.window),
            sends: bind.mode != config::BindMode::Receiver,
        }
    }

    /// How well a number fits: the length of the longest prefix; `None`: not at all.
    pub(super) fn prefix_fit(&self, number: &str) -> Option<usize> {
        if self.prefixes.is_empty() {
            return Some(0);
        }
        let fitting = self
            .prefixes
            .iter()
            .filter(|prefix| number.starts_with(prefix.as_str()));
        fitting.map(String::len).max()
    }

    /// The key under which a submission's receipt is found, `bind/id`: ids of
    /// different centres may be equal. `None` if the centre gave no id.
    pub(super) fn remote_id(&self, message_id: &str) -> Option<String> {
        let key = self.id_form.response_key(message_id);
        (!key.is_empty()).then(|| self.key(&key))
    }

    pub(super) fn key(&self, id: &str) -> String {
        format!("{}/{id}", self.name)
    }

    /// The `submit_sm` for one segment.
    pub(super) fn message(
        &self,
        number: &PhoneNumber,
        segment: &Segment,
        validity: Duration,
    ) -> SubmitSm {
        SubmitSm {
            source: self.source.clone(),
            destination: Address {
                ton: self.destination_ton,
                npi: self.destination_npi,
                value: number.digits().to_owned(),
            },
            esm_class: if segment.has_header {
                esm_class::UDHI
            } else {
                0
            },
            validity_period: relative_time(validity),
            registered_delivery: RECEIPT_WANTED,
            data_coding: segment.encoding.data_coding(),
            user_data: segment.user_data.clone(),
            tlvs: segment.tlvs.clone(),
            ..SubmitSm::default()
        }
    }
}

/// The driver's settings from `[[sms.bind]]`. `tls` must be given if the bind wants it.
pub fn smpp_settings(bind: &SmsBind, tls: Option<TlsSettings>, jitter_seed: u64) -> SmppSettings {
    let password = bind.password.as_ref().map(|p| p.reveal().to_owned());
    let request = BindRequest {
        system_id: bind.system_id.clone(),
        password: password.unwrap_or_default(),
        system_type: bind.system_type.clone(),
        interface_version: INTERFACE_VERSION,
        address_range: Address {
            ton: 0,
            npi: 0,
            value: bind.address_range.clone(),
        },
    };
    SmppSettings {
        name: bind.name.clone(),
        host: bind.host.clone(),
        port: bind.port,
        tls,
        mode: match bind.mode {
            config::BindMode::Transceiver => BindMode::Transceiver,
            config::BindMode::Transmitter => BindMode::Transmitter,
            config::BindMode::Receiver => BindMode::Receiver,
        },
        request,
        session: Config {
            bind_timeout: bind.bind_timeout,
            enquire_interval: bind.enquire_interval,
            response_timeout: bind.response_timeout,
            window: usize::from(bind.window),
            ..Config::default()
        },
        rate_per_second: bind.rate_per_second,
        reconnect_delay: bind.reconnect_delay,
        reconnect_delay_max: bind.reconnect_delay_max,
        throttle_delay: THROTTLE_DELAY,
        jitter_seed,
    }
}

/// `YYMMDDhhmmss000R` (SMPP 3.4 section 7.1.1), at most 99 days.
fn relative_time(span: Duration) -> String {
    const DAY: u64 = 24 * 3600;
    let seconds = span.as_secs().min(100 * DAY - 1);
    let (days, seconds) = (seconds / DAY, seconds % DAY);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("0000{days:02}{hours:02}{minutes:02}{:02}000R", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validity_has_sixteen_characters() {
        let hour = Duration::from_secs(3600);
        assert_eq!(relative_time(24 * hour), "000001000000000R");
        assert_eq!(
            relative_time(hour + Duration::from_secs(62)),
            "000000010102000R"
        );
        assert_eq!(relative_time(10_000 * hour), "000099235959000R");
    }
}
