//! Writing PDUs, strictly, on the `rusmpp` codec.

use bytes::{BufMut, BytesMut};
use rusmpp::encode::{Length, owned::Encode};
use rusmpp::pdus::{self, builders};
use rusmpp::tlvs::{MessageDeliveryRequestTlvValue, MessageSubmissionRequestTlvValue, TlvTag};
use rusmpp::types::{AnyOctetString, COctetString, EmptyOrFullCOctetString, OctetString};
use rusmpp::values::{EsmClass, InterfaceVersion, Npi, ServiceType, Ton};
use rusmpp::{Command, Pdu as Wire};

use super::frame::{FRAME_SIZE_MAX_BYTES, HEADER_SIZE_BYTES};
use super::pdu::{
    BindMode, BindRequest, BindResponse, Body, Pdu, ShortMessage, Tlv, command_id as id,
};

/// Longest `short_message` field (section 5.2.22); `message_payload` takes more.
const SHORT_MESSAGE_MAX_BYTES: usize = 254;

/// A value that the protocol cannot carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A text field is too long, not ASCII, or holds a NUL.
    #[error("{0} does not fit its field")]
    Field(&'static str),
    /// The whole PDU is over [`FRAME_SIZE_MAX_BYTES`].
    #[error("the PDU would be {0} octets long")]
    TooLong(usize),
    /// Nothing that this core sends.
    #[error("this kind of PDU is never sent")]
    NotSent,
}

/// Appends the PDU to `out`; leaves `out` alone on error.
pub fn encode(pdu: &Pdu, out: &mut BytesMut) -> Result<(), EncodeError> {
    // Section 4: a refused bind or submission carries no body.
    if let (false, Some(command)) = (pdu.status.is_ok(), bodyless_refusal(&pdu.body)) {
        put_header(command, pdu, out);
        return Ok(());
    }
    let command = Command::new(pdu.status.0.into(), pdu.sequence, wire(&pdu.body)?);
    let length = 4 + command.length();
    if length > FRAME_SIZE_MAX_BYTES {
        return Err(EncodeError::TooLong(length));
    }
    out.reserve(length);
    out.put_u32(length as u32);
    command.encode(out);
    Ok(())
}

/// Appends an optional parameter to the PDU that begins at `begin` in `out`. Nothing happens where
/// no PDU is.
pub(super) fn append_tlv(out: &mut BytesMut, begin: usize, tag: u16, value: &[u8]) {
    let size = u16::try_from(value.len()).unwrap_or(u16::MAX);
    let length = (out.len() - begin.min(out.len())) + 4 + usize::from(size);
    let Some(declared) = out.get_mut(begin..begin + 4) else {
        return;
    };
    declared.copy_from_slice(&(length as u32).to_be_bytes());
    out.put_u16(tag);
    out.put_u16(size);
    out.extend_from_slice(value.get(..usize::from(size)).unwrap_or_default());
}

fn bodyless_refusal(body: &Body) -> Option<u32> {
    match body {
        Body::BindResp(mode, _) => Some(mode.command_id() | id::RESPONSE_BIT),
        Body::SubmitSmResp(_) => Some(id::SUBMIT_SM | id::RESPONSE_BIT),
        _ => None,
    }
}

fn put_header(command: u32, pdu: &Pdu, out: &mut BytesMut) {
    out.put_u32(HEADER_SIZE_BYTES as u32);
    out.put_u32(command);
    out.put_u32(pdu.status.0);
    out.put_u32(pdu.sequence);
}

fn wire(body: &Body) -> Result<Wire, EncodeError> {
    Ok(match body {
        Body::Bind(mode, request) => bind(*mode, request)?,
        Body::BindResp(mode, response) => bind_response(*mode, response)?,
        Body::SubmitSm(message) => submit_sm(message)?.into(),
        Body::SubmitSmResp(message_id) => {
            let id = string("message_id", message_id.as_deref().unwrap_or_default())?;
            pdus::SubmitSmResp::new(id, Vec::new()).into()
        }
        Body::DeliverSm(message) => deliver_sm(message)?.into(),
        Body::DeliverSmResp => pdus::DeliverSmResp::default().into(),
        Body::DataSmResp(message_id) => {
            let id = string("message_id", message_id.as_deref().unwrap_or_default())?;
            pdus::DataSmResp::new(id, Vec::new()).into()
        }
        Body::EnquireLink => Wire::EnquireLink,
        Body::EnquireLinkResp => Wire::EnquireLinkResp,
        Body::Unbind => Wire::Unbind,
        Body::UnbindResp => Wire::UnbindResp,
        Body::GenericNack => Wire::GenericNack,
        Body::DataSm(_) | Body::Notification(_) | Body::OtherResponse(_) => {
            return Err(EncodeError::NotSent);
        }
    })
}

fn bind(mode: BindMode, request: &BindRequest) -> Result<Wire, EncodeError> {
    let system_id = string("system_id", &request.system_id)?;
    let password = string("password", &request.password)?;
    let system_type = string("system_type", &request.system_type)?;
    let version = InterfaceVersion::from(request.interface_version);
    let (ton, npi) = (
        Ton::from(request.address_range.ton),
        Npi::from(request.address_range.npi),
    );
    let range = string("address_range", &request.address_range.value)?;
    Ok(match mode {
        BindMode::Receiver => {
            pdus::BindReceiver::new(system_id, password, system_type, version, ton, npi, range)
                .into()
        }
        BindMode::Transmitter => {
            pdus::BindTransmitter::new(system_id, password, system_type, version, ton, npi, range)
                .into()
        }
        BindMode::Transceiver => {
            pdus::BindTransceiver::new(system_id, password, system_type, version, ton, npi, range)
                .into()
        }
    })
}

fn bind_response(mode: BindMode, response: &BindResponse) -> Result<Wire, EncodeError> {
    let system_id = string("system_id", &response.system_id)?;
    let version = response.interface_version.map(InterfaceVersion::from);
    Ok(match mode {
        BindMode::Receiver => pdus::BindReceiverResp::new(system_id, version).into(),
        BindMode::Transmitter => pdus::BindTransmitterResp::new(system_id, version).into(),
        BindMode::Transceiver => pdus::BindTransceiverResp::new(system_id, version).into(),
    })
}

fn submit_sm(message: &ShortMessage) -> Result<pdus::SubmitSm, EncodeError> {
    let tlvs = tlvs(message, |tag, value| {
        MessageSubmissionRequestTlvValue::Other { tag, value }
    })?;
    Ok(builders::SubmitSmBuilder::new()
        .service_type(ServiceType::new(string(
            "service_type",
            &message.service_type,
        )?))
        .source_addr_ton(Ton::from(message.source.ton))
        .source_addr_npi(Npi::from(message.source.npi))
        .source_addr(string("source_addr", &message.source.value)?)
        .dest_addr_ton(Ton::from(message.destination.ton))
        .dest_addr_npi(Npi::from(message.destination.npi))
        .destination_addr(string("destination_addr", &message.destination.value)?)
        // The library's default would be 0x08, a delivery acknowledgement.
        .esm_class(EsmClass::from(message.esm_class))
        .protocol_id(message.protocol_id)
        .priority_flag(message.priority.into())
        .schedule_delivery_time(time(
            "schedule_delivery_time",
            &message.schedule_delivery_time,
        )?)
        .validity_period(time("validity_period", &message.validity_period)?)
        .registered_delivery(message.registered_delivery.into())
        .replace_if_present_flag(message.replace_if_present.into())
        .data_coding(message.data_coding.into())
        .sm_default_msg_id(message.default_message_id)
        .short_message(octets(&message.user_data)?)
        .tlvs(tlvs)
        .build())
}

fn deliver_sm(message: &ShortMessage) -> Result<pdus::DeliverSm, EncodeError> {
    let tlvs = tlvs(message, |tag, value| {
        MessageDeliveryRequestTlvValue::Other { tag, value }
    })?;
    Ok(builders::DeliverSmBuilder::new()
        .service_type(ServiceType::new(string(
            "service_type",
            &message.service_type,
        )?))
        .source_addr_ton(Ton::from(message.source.ton))
        .source_addr_npi(Npi::from(message.source.npi))
        .source_addr(string("source_addr", &message.source.value)?)
        .dest_addr_ton(Ton::from(message.destination.ton))
        .dest_addr_npi(Npi::from(message.destination.npi))
        .destination_addr(string("destination_addr", &message.destination.value)?)
        .esm_class(EsmClass::from(message.esm_class))
        .protocol_id(message.protocol_id)
        .priority_flag(message.priority.into())
        .registered_delivery(message.registered_delivery.into())
        .data_coding(message.data_coding.into())
        .short_message(octets(&message.user_data)?)
        .tlvs(tlvs)
        .build())
}

fn string<const MIN: usize, const MAX: usize>(
    field: &'static str,
    text: &str,
) -> Result<COctetString<MIN, MAX>, EncodeError> {
    COctetString::from_string(text.to_owned()).map_err(|_| EncodeError::Field(field))
}

fn time(field: &'static str, text: &str) -> Result<EmptyOrFullCOctetString<17>, EncodeError> {
    EmptyOrFullCOctetString::from_string(text.to_owned()).map_err(|_| EncodeError::Field(field))
}

fn octets(bytes: &[u8]) -> Result<OctetString<0, 255>, EncodeError> {
    let fits = bytes.len() <= SHORT_MESSAGE_MAX_BYTES;
    let octets = fits.then(|| OctetString::from_slice(bytes).ok()).flatten();
    octets.ok_or(EncodeError::Field("short_message"))
}

fn tlvs<T>(
    message: &ShortMessage,
    make: impl Fn(TlvTag, AnyOctetString) -> T,
) -> Result<Vec<T>, EncodeError> {
    let fits = |tlv: &Tlv| u16::try_from(tlv.value.len()).is_ok();
    if !message.tlvs.iter().all(fits) {
        return Err(EncodeError::Field("optional parameter"));
    }
    let each = message.tlvs.iter();
    Ok(each
        .map(|t| make(TlvTag::from(t.tag), AnyOctetString::from_slice(&t.value)))
        .collect())
}
