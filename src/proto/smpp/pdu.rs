//! The PDUs that a session understands, as values.

use std::fmt;

use super::encoding::{self, Concatenation, DefaultAlphabet};
use super::status::CommandStatus;

/// Command identifiers (section 5.1.2.1). A response is its request with bit 31 set.
pub mod command_id {
    #![allow(missing_docs)]
    pub const GENERIC_NACK: u32 = 0x8000_0000;
    pub const BIND_RECEIVER: u32 = 0x0000_0001;
    pub const BIND_TRANSMITTER: u32 = 0x0000_0002;
    pub const SUBMIT_SM: u32 = 0x0000_0004;
    pub const DELIVER_SM: u32 = 0x0000_0005;
    pub const UNBIND: u32 = 0x0000_0006;
    pub const BIND_TRANSCEIVER: u32 = 0x0000_0009;
    pub const OUTBIND: u32 = 0x0000_000b;
    pub const ENQUIRE_LINK: u32 = 0x0000_0015;
    pub const ALERT_NOTIFICATION: u32 = 0x0000_0102;
    pub const DATA_SM: u32 = 0x0000_0103;
    pub const RESPONSE_BIT: u32 = 0x8000_0000;
}

/// Optional parameter tags (section 5.3.2).
pub mod tlv_tag {
    #![allow(missing_docs)]
    pub const RECEIPTED_MESSAGE_ID: u16 = 0x001e;
    pub const USER_MESSAGE_REFERENCE: u16 = 0x0204;
    pub const SAR_MSG_REF_NUM: u16 = 0x020c;
    pub const SAR_TOTAL_SEGMENTS: u16 = 0x020e;
    pub const SAR_SEGMENT_SEQNUM: u16 = 0x020f;
    pub const SC_INTERFACE_VERSION: u16 = 0x0210;
    pub const NETWORK_ERROR_CODE: u16 = 0x0423;
    pub const MESSAGE_PAYLOAD: u16 = 0x0424;
    pub const MESSAGE_STATE: u16 = 0x0427;
    /// SMPP 5.0, 4.8.4.18.
    pub const CONGESTION_STATE: u16 = 0x0428;
}

/// Bits of `esm_class` (section 5.2.12).
pub mod esm_class {
    /// The user data begins with a user data header.
    pub const UDHI: u8 = 0x40;
    /// Mask of the message type.
    pub const TYPE_MASK: u8 = 0x3c;
    /// Message type: the message centre's delivery receipt.
    pub const TYPE_DELIVERY_RECEIPT: u8 = 0x04;
    /// Message type: intermediate delivery notification.
    pub const TYPE_INTERMEDIATE: u8 = 0x20;
}

/// What a bind is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindMode {
    /// Messages and receipts come in; nothing goes out.
    Receiver,
    /// Messages go out; nothing comes in.
    Transmitter,
    /// Both, on one connection.
    Transceiver,
}

impl BindMode {
    /// The ESME may submit.
    pub fn transmits(self) -> bool {
        self != Self::Receiver
    }

    /// The message centre may deliver.
    pub fn receives(self) -> bool {
        self != Self::Transmitter
    }

    /// The request's command id.
    pub fn command_id(self) -> u32 {
        match self {
            Self::Receiver => command_id::BIND_RECEIVER,
            Self::Transmitter => command_id::BIND_TRANSMITTER,
            Self::Transceiver => command_id::BIND_TRANSCEIVER,
        }
    }
}

/// An SME address (sections 5.2.5 to 5.2.9). `Debug` hides the number.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Address {
    /// Type of number: 0 unknown, 1 international, 3 network specific, 5 alphanumeric.
    pub ton: u8,
    /// Numbering plan: 0 unknown, 1 E.164.
    pub npi: u8,
    /// Digits or letters, at most 20 of them on the wire.
    pub value: String,
}

impl Address {
    /// An international E.164 number; a leading `+` is dropped.
    pub fn international(number: &str) -> Self {
        let value = number.trim_start_matches('+').to_owned();
        Self {
            ton: 1,
            npi: 1,
            value,
        }
    }

    /// An alphanumeric sender (at most 11 characters reach a telephone).
    pub fn alphanumeric(name: &str) -> Self {
        Self {
            ton: 5,
            npi: 0,
            value: name.to_owned(),
        }
    }

    /// A sender as an operator writes it: `+49…` is international, other
    /// digits are a national number or short code, the rest is alphanumeric.
    pub fn sender(text: &str) -> Self {
        let digits = text.trim_start_matches('+');
        let numeric = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        match (numeric, text.starts_with('+')) {
            (true, true) => Self::international(text),
            (true, false) => Self {
                ton: 3,
                npi: 0,
                value: text.to_owned(),
            },
            (false, _) => Self::alphanumeric(text),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Address({}/{}, {} characters)",
            self.ton,
            self.npi,
            self.value.len()
        )
    }
}

/// The body of a bind request. `Debug` hides the password.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct BindRequest {
    /// Account name, at most 15 characters.
    pub system_id: String,
    /// Password, at most 8 characters.
    pub password: String,
    /// System type, at most 12 characters; often empty.
    pub system_type: String,
    /// 0x34 for SMPP 3.4, 0x50 for 5.0.
    pub interface_version: u8,
    /// The addresses that this ESME serves; usually empty.
    pub address_range: Address,
}

impl fmt::Debug for BindRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BindRequest")
            .field("system_id", &self.system_id)
            .field("system_type", &self.system_type)
            .field("interface_version", &self.interface_version)
            .finish_non_exhaustive()
    }
}

/// The body of a bind response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BindResponse {
    /// The message centre's name.
    pub system_id: String,
    /// `sc_interface_version`, when it says so.
    pub interface_version: Option<u8>,
}

/// An optional parameter, uninterpreted. `Debug` hides the value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tlv {
    /// See [`tlv_tag`].
    pub tag: u16,
    /// Value octets.
    pub value: Vec<u8>,
}

impl fmt::Debug for Tlv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tlv(0x{:04x}, {} octets)", self.tag, self.value.len())
    }
}

/// Where a message stands in a concatenated one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sar {
    /// Reference number, shared by all parts.
    pub reference: u16,
    /// How many parts there are, at least 1.
    pub total: u8,
    /// This part's number, 1 to `total`.
    pub number: u8,
}

/// What `submit_sm`, `deliver_sm` and `data_sm` carry. `Debug` hides addresses and text.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct ShortMessage {
    /// Service type, at most 5 characters; usually empty.
    pub service_type: String,
    /// Who it is from.
    pub source: Address,
    /// Who it is for.
    pub destination: Address,
    /// See [`esm_class`].
    pub esm_class: u8,
    /// Protocol identifier (3GPP 23.040, 9.2.3.9).
    pub protocol_id: u8,
    /// Priority, 0 to 3.
    pub priority: u8,
    /// Empty or 16 characters `YYMMDDhhmmsstnnp`.
    pub schedule_delivery_time: String,
    /// Empty or 16 characters, absolute or relative.
    pub validity_period: String,
    /// 1: a receipt is wanted for success and failure.
    pub registered_delivery: u8,
    /// 1: replaces an earlier message.
    pub replace_if_present: u8,
    /// See [`encoding`].
    pub data_coding: u8,
    /// A canned message of the centre; 0 for none.
    pub default_message_id: u8,
    /// The `short_message` field, header included if there is one.
    pub user_data: Vec<u8>,
    /// Optional parameters in the order of the wire.
    pub tlvs: Vec<Tlv>,
}

/// A message that an ESME hands to the centre.
pub type SubmitSm = ShortMessage;
/// A message or receipt that the centre hands to an ESME.
pub type DeliverSm = ShortMessage;

impl ShortMessage {
    /// The value of the first optional parameter with this tag.
    pub fn tlv(&self, tag: u16) -> Option<&[u8]> {
        self.tlvs
            .iter()
            .find(|t| t.tag == tag)
            .map(|t| t.value.as_slice())
    }

    /// `short_message`, or `message_payload` where that is empty.
    pub fn payload(&self) -> &[u8] {
        if self.user_data.is_empty() {
            self.tlv(tlv_tag::MESSAGE_PAYLOAD).unwrap_or_default()
        } else {
            &self.user_data
        }
    }

    /// The payload without its user data header. A header longer than the
    /// payload is no header.
    pub fn body(&self) -> &[u8] {
        self.header_and_body().1
    }

    /// The text, read by `data_coding` and the national tables that its header names; `default`
    /// says what 0 means on this bind.
    pub fn text(&self, default: DefaultAlphabet) -> String {
        let has_header = self.esm_class & esm_class::UDHI != 0;
        encoding::decode_payload(self.data_coding, self.payload(), has_header, default)
    }

    fn header_and_body(&self) -> (usize, &[u8]) {
        let payload = self.payload();
        let has_header = self.esm_class & esm_class::UDHI != 0;
        let cut = has_header.then(|| encoding::udh::split(payload)).flatten();
        cut.map_or((0, payload), |(header, body)| (header.len() + 1, body))
    }

    /// Place among the parts of a longer message, from its header or `sar_*`.
    pub fn concatenation(&self) -> Option<(Concatenation, Sar)> {
        if self.esm_class & esm_class::UDHI != 0
            && let Some((header, _)) = encoding::udh::split(self.payload())
            && let Some(found) = encoding::udh::concatenation(header)
        {
            return Some(found);
        }
        let reference = self.tlv(tlv_tag::SAR_MSG_REF_NUM)?.try_into().ok()?;
        let total = *self.tlv(tlv_tag::SAR_TOTAL_SEGMENTS)?.first()?;
        let number = *self.tlv(tlv_tag::SAR_SEGMENT_SEQNUM)?.first()?;
        let sar = Sar {
            reference: u16::from_be_bytes(reference),
            total,
            number,
        };
        (number >= 1 && number <= total).then_some((Concatenation::Sar, sar))
    }

    /// `receipted_message_id`, without its terminator.
    pub fn receipted_message_id(&self) -> Option<String> {
        let value = self.tlv(tlv_tag::RECEIPTED_MESSAGE_ID)?;
        let end = value.iter().position(|b| *b == 0).unwrap_or(value.len());
        (end > 0).then(|| latin1(&value[..end]))
    }

    /// `message_state` (section 5.2.28).
    pub fn message_state(&self) -> Option<u8> {
        self.tlv(tlv_tag::MESSAGE_STATE)?.first().copied()
    }

    /// `network_error_code`: network type and code. Three octets by the
    /// specification; some centres send the code as three digits.
    pub fn network_error_code(&self) -> Option<(u8, u16)> {
        let value: [u8; 3] = self.tlv(tlv_tag::NETWORK_ERROR_CODE)?.try_into().ok()?;
        if value.iter().all(u8::is_ascii_digit) {
            let code = value.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
            return Some((0, code));
        }
        Some((value[0], u16::from_be_bytes([value[1], value[2]])))
    }

    /// `esm_class` says delivery receipt or intermediate notification.
    pub fn is_receipt(&self) -> bool {
        let kind = self.esm_class & esm_class::TYPE_MASK;
        kind == esm_class::TYPE_DELIVERY_RECEIPT || kind == esm_class::TYPE_INTERMEDIATE
    }
}

impl fmt::Debug for ShortMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShortMessage")
            .field("source", &self.source)
            .field("destination", &self.destination)
            .field("esm_class", &self.esm_class)
            .field("data_coding", &self.data_coding)
            .field("user_data_octets", &self.user_data.len())
            .field("tlvs", &self.tlvs)
            .finish_non_exhaustive()
    }
}

/// One PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu {
    /// Zero in requests.
    pub status: CommandStatus,
    /// Ties a response to its request.
    pub sequence: u32,
    /// What it is.
    pub body: Body,
}

/// The kinds of PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// `bind_receiver`, `bind_transmitter`, `bind_transceiver`.
    Bind(BindMode, BindRequest),
    /// Their responses.
    BindResp(BindMode, BindResponse),
    /// `submit_sm`.
    SubmitSm(SubmitSm),
    /// `submit_sm_resp`; the id is missing in refusals.
    SubmitSmResp(Option<String>),
    /// `deliver_sm`.
    DeliverSm(DeliverSm),
    /// `deliver_sm_resp`.
    DeliverSmResp,
    /// `data_sm`.
    DataSm(ShortMessage),
    /// `data_sm_resp`.
    DataSmResp(Option<String>),
    /// `enquire_link`.
    EnquireLink,
    /// `enquire_link_resp`.
    EnquireLinkResp,
    /// `unbind`.
    Unbind,
    /// `unbind_resp`.
    UnbindResp,
    /// `generic_nack`.
    GenericNack,
    /// `outbind`, `alert_notification`: they have no response and mean nothing here.
    Notification(u32),
    /// A response that this core never asks for. It is not nacked: that could go on for ever.
    OtherResponse(u32),
}

/// Octets as characters, one to one (ISO 8859-1): nothing a peer sends is lost.
pub(super) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}
