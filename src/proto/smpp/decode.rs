//! Reading PDUs, tolerantly.
//!
//! Forgiven, because message centres do it: strings longer than the
//! specification allows, a missing terminator on the last string of a body,
//! missing bodies of responses, an `sm_length` beyond the end of the frame,
//! octets after the body that are no optional parameter, reserved sequence
//! numbers. A request cut short before its text is refused: there is no
//! telling what was meant.

use super::frame::HEADER_SIZE_BYTES;
use super::pdu::{
    Address, BindMode, BindRequest, BindResponse, Body, Pdu, ShortMessage, Tlv, command_id as id,
    latin1, tlv_tag,
};
use super::status::CommandStatus;

/// Optional parameters read from one PDU; more are ignored.
const TLVS_MAX: usize = 64;

/// Why a frame could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Shorter than a header.
    #[error("shorter than a header")]
    NoHeader,
    /// No such command, or none that this core serves.
    #[error("unknown command 0x{0:08x}")]
    UnknownCommand(u32),
    /// The body ends inside a mandatory field.
    #[error("the body of command 0x{0:08x} is cut short")]
    Truncated(u32),
}

impl DecodeError {
    /// The status for the `generic_nack` that answers it.
    pub fn nack_status(self) -> CommandStatus {
        match self {
            Self::UnknownCommand(_) => CommandStatus::RINVCMDID,
            Self::NoHeader | Self::Truncated(_) => CommandStatus::RINVCMDLEN,
        }
    }

    /// The command id, as far as it is known.
    pub fn command_id(self) -> u32 {
        match self {
            Self::NoHeader => 0,
            Self::UnknownCommand(id) | Self::Truncated(id) => id,
        }
    }
}

/// Reads one whole frame, header included. `command_length` is not looked at
/// again: the frame's own length counts.
pub fn decode(frame: &[u8]) -> Result<Pdu, DecodeError> {
    let (header, rest) = frame
        .split_first_chunk::<HEADER_SIZE_BYTES>()
        .ok_or(DecodeError::NoHeader)?;
    let field = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    let command = field(4);
    let body = read_body(command, &mut Reader { rest })?;
    Ok(Pdu {
        status: CommandStatus(field(8)),
        sequence: field(12),
        body,
    })
}

fn read_body(command: u32, reader: &mut Reader<'_>) -> Result<Body, DecodeError> {
    if command & id::RESPONSE_BIT != 0 {
        return Ok(read_response(command, reader));
    }
    let body = match command {
        id::BIND_RECEIVER => bind(BindMode::Receiver, reader),
        id::BIND_TRANSMITTER => bind(BindMode::Transmitter, reader),
        id::BIND_TRANSCEIVER => bind(BindMode::Transceiver, reader),
        id::SUBMIT_SM => short_message(reader).map(Body::SubmitSm),
        id::DELIVER_SM => short_message(reader).map(Body::DeliverSm),
        id::DATA_SM => data_message(reader).map(Body::DataSm),
        id::ENQUIRE_LINK => Some(Body::EnquireLink),
        id::UNBIND => Some(Body::Unbind),
        id::OUTBIND | id::ALERT_NOTIFICATION => Some(Body::Notification(command)),
        _ => return Err(DecodeError::UnknownCommand(command)),
    };
    body.ok_or(DecodeError::Truncated(command))
}

fn read_response(command: u32, reader: &mut Reader<'_>) -> Body {
    const RESP: u32 = id::RESPONSE_BIT;
    match command {
        id::GENERIC_NACK => Body::GenericNack,
        c if c == RESP | id::BIND_RECEIVER => bind_response(BindMode::Receiver, reader),
        c if c == RESP | id::BIND_TRANSMITTER => bind_response(BindMode::Transmitter, reader),
        c if c == RESP | id::BIND_TRANSCEIVER => bind_response(BindMode::Transceiver, reader),
        c if c == RESP | id::SUBMIT_SM => Body::SubmitSmResp(message_id(reader)),
        c if c == RESP | id::DATA_SM => Body::DataSmResp(message_id(reader)),
        c if c == RESP | id::DELIVER_SM => Body::DeliverSmResp,
        c if c == RESP | id::ENQUIRE_LINK => Body::EnquireLinkResp,
        c if c == RESP | id::UNBIND => Body::UnbindResp,
        other => Body::OtherResponse(other),
    }
}

fn bind(mode: BindMode, reader: &mut Reader<'_>) -> Option<Body> {
    let system_id = reader.string()?;
    let password = reader.string()?;
    let system_type = reader.string()?;
    let interface_version = reader.octet()?;
    let ton = reader.octet()?;
    let npi = reader.octet()?;
    let value = reader.last_string();
    let address_range = Address { ton, npi, value };
    let request = BindRequest {
        system_id,
        password,
        system_type,
        interface_version,
        address_range,
    };
    Some(Body::Bind(mode, request))
}

fn bind_response(mode: BindMode, reader: &mut Reader<'_>) -> Body {
    let system_id = reader.last_string();
    let interface_version = reader
        .tlvs()
        .iter()
        .find(|t| t.tag == tlv_tag::SC_INTERFACE_VERSION)
        .and_then(|t| t.value.first().copied());
    Body::BindResp(
        mode,
        BindResponse {
            system_id,
            interface_version,
        },
    )
}

fn message_id(reader: &mut Reader<'_>) -> Option<String> {
    let id = reader.last_string();
    (!id.is_empty()).then_some(id)
}

fn short_message(reader: &mut Reader<'_>) -> Option<ShortMessage> {
    let mut message = ShortMessage {
        service_type: reader.string()?,
        source: reader.address()?,
        destination: reader.address()?,
        esm_class: reader.octet()?,
        protocol_id: reader.octet()?,
        priority: reader.octet()?,
        schedule_delivery_time: reader.string()?,
        validity_period: reader.string()?,
        registered_delivery: reader.octet()?,
        replace_if_present: reader.octet()?,
        data_coding: reader.octet()?,
        default_message_id: reader.octet()?,
        ..ShortMessage::default()
    };
    let length = usize::from(reader.octet()?).min(reader.rest.len());
    message.user_data = reader.take(length)?.to_vec();
    message.tlvs = reader.tlvs();
    Some(message)
}

fn data_message(reader: &mut Reader<'_>) -> Option<ShortMessage> {
    Some(ShortMessage {
        service_type: reader.string()?,
        source: reader.address()?,
        destination: reader.address()?,
        esm_class: reader.octet()?,
        registered_delivery: reader.octet()?,
        data_coding: reader.octet()?,
        tlvs: reader.tlvs(),
        ..ShortMessage::default()
    })
}

/// Takes fields off the front of a body; `None` means that it is too short.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn octet(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    /// A C-octet string with its terminator.
    fn string(&mut self) -> Option<String> {
        let end = self.rest.iter().position(|b| *b == 0)?;
        let text = latin1(&self.rest[..end]);
        self.rest = &self.rest[end + 1..];
        Some(text)
    }

    /// A C-octet string at the end of a body: the terminator may be missing.
    fn last_string(&mut self) -> String {
        if let Some(text) = self.string() {
            return text;
        }
        latin1(std::mem::take(&mut self.rest))
    }

    fn address(&mut self) -> Option<Address> {
        Some(Address {
            ton: self.octet()?,
            npi: self.octet()?,
            value: self.string()?,
        })
    }

    /// What is left, as optional parameters; stops without a word at the
    /// first that does not fit.
    fn tlvs(&mut self) -> Vec<Tlv> {
        let mut found = Vec::new();
        while found.len() < TLVS_MAX {
            let Some(tlv) = self.tlv() else { break };
            found.push(tlv);
        }
        found
    }

    fn tlv(&mut self) -> Option<Tlv> {
        let head: [u8; 4] = self.take(4)?.try_into().ok()?;
        let tag = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = self.take(length)?.to_vec();
        Some(Tlv { tag, value })
    }
}
