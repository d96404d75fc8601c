//! What is particular to one carrier and its binds.

use std::time::Duration;

use crate::config::{self, CarrierSettings, SmsBind};
use crate::domain::{DeliveryId, PhoneNumber};
use crate::net::smpp::{SmppSettings, TlsSettings};
use crate::proto::smpp::encoding::{
    Concatenation, DataCodings, DefaultAlphabet, National, NationalTables, Segment, SegmentOptions,
};
use crate::proto::smpp::receipt::MessageIdForm;
use crate::proto::smpp::{
    Address, BindMode, BindRequest, Config, SubmitSm, Tlv, Tolerance, Tolerances, esm_class,
    tlv_tag,
};

/// First pause when the centre throttles.
const THROTTLE_DELAY: Duration = Duration::from_secs(1);

/// Ask for a receipt on success and failure (SMPP 3.4 section 5.2.17).
const RECEIPT_WANTED: u8 = 0x01;

/// How texts go over a bind, and how what comes back is read.
#[derive(Debug, Clone)]
pub struct RouteSettings {
    /// The bind's name.
    pub name: String,
    /// Whose it is: its binds share texts and ids.
    pub carrier: String,
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
    /// Texts bear a number by which the carrier may know one that is sent again.
    pub user_message_reference: bool,
    /// Receipts may come before the answer to their submission.
    pub early_receipts: bool,
}

impl RouteSettings {
    /// From `[[sms.bind]]`.
    pub fn from_config(bind: &SmsBind) -> Self {
        let carrier = &bind.settings;
        let source = carrier.source.trim_start_matches('+').to_owned();
        Self {
            name: bind.name.clone(),
            carrier: bind.carrier.clone(),
            source: Address {
                ton: carrier.source_ton,
                npi: carrier.source_npi,
                value: source,
            },
            destination_ton: carrier.destination_ton,
            destination_npi: carrier.destination_npi,
            prefixes: carrier.prefixes.clone(),
            segments: segment_options(carrier),
            id_form: match carrier.receipt_id_format {
                config::ReceiptIdFormat::Same => MessageIdForm::Same,
                config::ReceiptIdFormat::HexThenDecimal => MessageIdForm::HexThenDecimal,
                config::ReceiptIdFormat::DecimalThenHex => MessageIdForm::DecimalThenHex,
                config::ReceiptIdFormat::Any => MessageIdForm::Any,
            },
            concurrency: usize::from(bind.window),
            sends: bind.mode != config::BindMode::Receiver,
            user_message_reference: carrier.user_message_reference,
            early_receipts: carrier.tolerate.contains(&config::Tolerance::EarlyReceipts),
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

    /// The key under which a submission's receipt is found, `carrier/id`: ids of
    /// different carriers may be equal, and the receipt may come over another
    /// bind. `None` if the centre gave no id.
    pub(super) fn remote_id(&self, message_id: &str) -> Option<String> {
        let key = self.id_form.response_key(message_id);
        (!key.is_empty()).then(|| self.key(&key))
    }

    pub(super) fn key(&self, id: &str) -> String {
        format!("{}/{id}", self.carrier)
    }

    /// The `submit_sm` for one segment; `reference` is the same for each time that it is sent.
    pub(super) fn message(
        &self,
        number: &PhoneNumber,
        segment: &Segment,
        validity: Duration,
        reference: u16,
    ) -> SubmitSm {
        let mut tlvs = segment.tlvs.clone();
        if self.user_message_reference {
            tlvs.push(Tlv {
                tag: tlv_tag::USER_MESSAGE_REFERENCE,
                value: reference.to_be_bytes().to_vec(),
            });
        }
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
            data_coding: segment.data_coding,
            user_data: segment.user_data.clone(),
            tlvs,
            ..SubmitSm::default()
        }
    }
}

/// How texts are cut and written for a carrier.
pub fn segment_options(carrier: &CarrierSettings) -> SegmentOptions {
    let national = carrier.national_tables.iter().map(|table| match table {
        config::NationalTable::Turkish => National::Turkish,
        config::NationalTable::Spanish => National::Spanish,
        config::NationalTable::Portuguese => National::Portuguese,
    });
    SegmentOptions {
        concatenation: match carrier.segmentation {
            config::Segmentation::Udh => Concatenation::Udh8,
            config::Segmentation::Udh16 => Concatenation::Udh16,
            config::Segmentation::Sar => Concatenation::Sar,
            config::Segmentation::Payload => Concatenation::MessagePayload,
        },
        alphabet: match carrier.default_alphabet {
            config::DefaultAlphabet::Gsm7 => DefaultAlphabet::Gsm7,
            config::DefaultAlphabet::Gsm7Packed => DefaultAlphabet::Gsm7Packed,
            config::DefaultAlphabet::Latin1 => DefaultAlphabet::Latin1,
            config::DefaultAlphabet::Ascii => DefaultAlphabet::Ascii,
        },
        latin1_allowed: carrier.latin1_allowed,
        national: NationalTables::of(national),
        codings: DataCodings {
            gsm7: carrier.data_coding_gsm7,
            latin1: carrier.data_coding_latin1,
            ucs2: carrier.data_coding_ucs2,
        },
    }
}

/// A number for the texts of a delivery: the same for each attempt at it, whenever and by whichever
/// process, so that the carrier and the telephone can drop what they have already. FNV-1a, 32 bits,
/// folded.
pub(super) fn reference_of(delivery: DeliveryId) -> u16 {
    let fold = |hash: u32, octet: &u8| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193);
    let hash = delivery.as_bytes().iter().fold(0x811c_9dc5, fold);
    let [a, b, c, d] = hash.to_be_bytes();
    u16::from_be_bytes([a ^ c, b ^ d])
}

/// The driver's settings from `[[sms.bind]]`. `tls` must be given if the bind wants it.
pub fn smpp_settings(bind: &SmsBind, tls: Option<TlsSettings>, jitter_seed: u64) -> SmppSettings {
    let password = bind.password.as_ref().map(|p| p.reveal().to_owned());
    let request = BindRequest {
        system_id: bind.system_id.clone(),
        password: password.unwrap_or_default(),
        system_type: bind.system_type.clone(),
        interface_version: match bind.interface_version {
            config::InterfaceVersion::V34 => 0x34,
            config::InterfaceVersion::V50 => 0x50,
        },
        address_range: Address {
            ton: bind.address_range_ton,
            npi: bind.address_range_npi,
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
            tolerances: tolerances(&bind.settings.tolerate),
            ..Config::default()
        },
        rate_per_second: bind.rate_per_second,
        reconnect_delay: bind.reconnect_delay,
        reconnect_delay_max: bind.reconnect_delay_max,
        throttle_delay: THROTTLE_DELAY,
        jitter_seed,
    }
}

/// What the session lets pass. Early receipts are no matter of a session.
fn tolerances(named: &[config::Tolerance]) -> Tolerances {
    use config::Tolerance as T;
    let known = named.iter().filter_map(|tolerance| match tolerance {
        T::UnterminatedStrings => Some(Tolerance::UnterminatedStrings),
        T::LongStrings => Some(Tolerance::LongStrings),
        T::NonAsciiSenders => Some(Tolerance::NonAsciiSenders),
        T::ErrorBodies => Some(Tolerance::ErrorBodies),
        T::TrailingOctets => Some(Tolerance::TrailingOctets),
        T::CutTexts => Some(Tolerance::CutTexts),
        T::ReservedSequenceNumbers => Some(Tolerance::ReservedSequenceNumbers),
        T::EarlyReceipts => None,
    });
    known.fold(Tolerances::NONE, Tolerances::with)
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::{Config, Surroundings};
    use crate::proto::smpp::encoding::split;

    #[test]
    fn texts_go_out_as_the_settings_of_the_carrier_say() {
        let text = r#"
            [[sms.bind]]
            name = "main"
            host = "smsc.example.net"
            system_id = "tocsin"
            password_file = "unread"
            source = "40404"
            segmentation = "udh16"
            national_tables = ["turkish"]
            data_coding_ucs2 = 25
        "#;
        let around = Surroundings {
            leave_secrets_unread: true,
            ..Surroundings::default()
        };
        let config = Config::parse(text, &around).unwrap();
        let route = RouteSettings::from_config(&config.sms.binds[0]);
        let number = PhoneNumber::from_e164("+447700900001").unwrap();
        let sent = |text: &str| {
            let segment = &split(text, route.segments, 0x1234).unwrap()[0];
            let message = route.message(&number, segment, Duration::from_secs(3600), 1);
            (message.esm_class, message.data_coding, message.user_data)
        };
        assert_eq!(sent("Flood"), (0, 0, b"Flood".to_vec()));
        let turkish = [0x03, 0x24, 0x01, 0x01, 0x1b, 0x73];
        assert_eq!(sent("ş"), (esm_class::UDHI, 0, turkish.to_vec()));
        assert_eq!(sent("ж"), (0, 25, vec![0x04, 0x36]));
        let (class, _, long) = sent(&"a".repeat(161));
        assert_eq!(class, esm_class::UDHI);
        assert_eq!(long[..7], [6, 8, 4, 0x12, 0x34, 2, 1]);
        assert_eq!(long.len(), 7 + 152);
    }

    #[test]
    fn the_number_of_a_delivery_never_changes() {
        let numbers = [1, 2, 3].map(|n| reference_of(DeliveryId::from_bytes([n; 16])));
        let again = [1, 2, 3].map(|n| reference_of(DeliveryId::from_bytes([n; 16])));
        assert_eq!(numbers, again);
        assert!(numbers[0] != numbers[1] && numbers[1] != numbers[2]);
    }

    #[test]
    fn what_a_carrier_may_do_is_what_is_named() {
        let named = [
            config::Tolerance::CutTexts,
            config::Tolerance::EarlyReceipts,
        ];
        let expected = Tolerances::NONE.with(Tolerance::CutTexts);
        assert_eq!(tolerances(&named), expected);
    }

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
