//! Reading PDUs, tolerantly.
//!
//! What is forgiven where a peer is allowed to do it has a name each
//! ([`Tolerance`]). Besides, bodies of responses may be missing. A request cut
//! short before its text is refused: there is no telling what was meant.

use super::frame::{HEADER_SIZE_BYTES, Header};
use super::pdu::{
    Address, BindMode, BindRequest, BindResponse, Body, Pdu, ShortMessage, Tlv, command_id as id,
    latin1, tlv_tag,
};
use super::status::CommandStatus;
use super::tolerance::{
    ADDRESS_SIZE_MAX, MESSAGE_ID_SIZE_MAX, SEQUENCE_MAX, Tolerance, Tolerances,
};

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
    /// It has what this peer is not allowed to do.
    #[error("command 0x{0:08x} breaks the specification: {1:?}")]
    NotTolerated(u32, Tolerance),
}

impl DecodeError {
    /// The status of what answers it.
    pub fn nack_status(self) -> CommandStatus {
        match self {
            Self::UnknownCommand(_) => CommandStatus::RINVCMDID,
            Self::NoHeader | Self::Truncated(_) => CommandStatus::RINVCMDLEN,
            Self::NotTolerated(_, what) => what.refusal(),
        }
    }

    /// The command id, as far as it is known.
    pub fn command_id(self) -> u32 {
        match self {
            Self::NoHeader => 0,
            Self::UnknownCommand(id) | Self::Truncated(id) | Self::NotTolerated(id, _) => id,
        }
    }
}

/// Reads one whole frame, header included, of a peer to whom everything is forgiven.
/// `command_length` is not looked at again: the frame's own length counts.
pub fn decode(frame: &[u8]) -> Result<Pdu, DecodeError> {
    decode_of(frame, Tolerances::ALL)
}

/// As [`decode`], of a peer to whom this much is forgiven.
pub fn decode_of(frame: &[u8], tolerances: Tolerances) -> Result<Pdu, DecodeError> {
    let header = Header::of(frame).ok_or(DecodeError::NoHeader)?;
    let (command, sequence) = (header.command_id(), header.sequence());
    let mut reader = Reader {
        rest: body_of(frame),
        tolerances,
        broken: None,
    };
    let status = CommandStatus(header.status());
    let is_response = command & id::RESPONSE_BIT != 0;
    if !is_response && !(1..=SEQUENCE_MAX).contains(&sequence) {
        reader.needs(Tolerance::ReservedSequenceNumbers);
    }
    if is_response && !status.is_ok() && command != id::GENERIC_NACK && !reader.rest.is_empty() {
        reader.needs(Tolerance::ErrorBodies);
    }
    let body = read_body(command, &mut reader)?;
    match reader.broken {
        Some(what) => Err(DecodeError::NotTolerated(command, what)),
        None => Ok(Pdu {
            status,
            sequence,
            body,
        }),
    }
}

/// `congestion_state` of a response, 0 to 100 (SMPP 5.0, 4.8.4.18): behind the body, or in its
/// place where the response says an error.
pub fn congestion_state(frame: &[u8]) -> Option<u8> {
    let command = Header::of(frame)?.command_id();
    if command & id::RESPONSE_BIT == 0 {
        return None;
    }
    let body = body_of(frame);
    let behind = body.iter().position(|octet| *octet == 0);
    let behind = behind.and_then(|end| body.get(end + 1..));
    let states = [behind.unwrap_or_default(), body].map(|rest| {
        let mut reader = Reader {
            rest,
            tolerances: Tolerances::ALL,
            broken: None,
        };
        let tlvs = reader.tlvs();
        let state = tlvs.iter().find(|t| t.tag == tlv_tag::CONGESTION_STATE);
        match state.map(|t| t.value.as_slice()) {
            Some([state @ 0..=100]) => Some(*state),
            Some(_) | None => None,
        }
    });
    states.into_iter().flatten().next()
}

fn body_of(frame: &[u8]) -> &[u8] {
    frame.get(HEADER_SIZE_BYTES..).unwrap_or_default()
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
    if id.chars().count() > MESSAGE_ID_SIZE_MAX {
        reader.needs(Tolerance::LongStrings);
    }
    reader.finish();
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
    let declared = usize::from(reader.octet()?);
    let length = declared.min(reader.rest.len());
    if length < declared {
        reader.needs(Tolerance::CutTexts);
    }
    message.user_data = reader.take(length)?.to_vec();
    message.tlvs = reader.message_tlvs();
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
        tlvs: reader.message_tlvs(),
        ..ShortMessage::default()
    })
}

/// Takes fields off the front of a body; `None` means that it is too short.
struct Reader<'a> {
    rest: &'a [u8],
    tolerances: Tolerances,
    /// The first thing in it that is not tolerated.
    broken: Option<Tolerance>,
}

impl<'a> Reader<'a> {
    /// The body has something that only this allows.
    fn needs(&mut self, tolerance: Tolerance) {
        if !self.tolerances.has(tolerance) {
            self.broken.get_or_insert(tolerance);
        }
    }

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
        if !self.rest.is_empty() {
            self.needs(Tolerance::UnterminatedStrings);
        }
        latin1(std::mem::take(&mut self.rest))
    }

    fn address(&mut self) -> Option<Address> {
        let address = Address {
            ton: self.octet()?,
            npi: self.octet()?,
            value: self.string()?,
        };
        // One octet became one character.
        if address.value.chars().count() > ADDRESS_SIZE_MAX {
            self.needs(Tolerance::LongStrings);
        }
        if !address.value.is_ascii() {
            self.needs(Tolerance::NonAsciiSenders);
        }
        Some(address)
    }

    /// The parameters of a message; the id in a receipt's is a string.
    fn message_tlvs(&mut self) -> Vec<Tlv> {
        let tlvs = self.tlvs();
        let id = tlvs.iter().find(|t| t.tag == tlv_tag::RECEIPTED_MESSAGE_ID);
        if let Some((last, id)) = id.and_then(|t| t.value.split_last()) {
            let is_terminated = *last == 0;
            if !is_terminated {
                self.needs(Tolerance::UnterminatedStrings);
            }
            if id.len() + usize::from(!is_terminated) > MESSAGE_ID_SIZE_MAX {
                self.needs(Tolerance::LongStrings);
            }
        }
        tlvs
    }

    /// Nothing may follow but optional parameters.
    fn finish(&mut self) {
        self.tlvs();
    }

    /// What is left, as optional parameters; what is behind the first that does not fit is lost.
    fn tlvs(&mut self) -> Vec<Tlv> {
        let mut found = Vec::new();
        while found.len() < TLVS_MAX && !self.rest.is_empty() {
            let Some(tlv) = self.tlv() else {
                self.needs(Tolerance::TrailingOctets);
                break;
            };
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn frame(command: u32, status: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
        let length = (HEADER_SIZE_BYTES + body.len()) as u32;
        let words = [length, command, status, sequence];
        let mut out: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        out.extend_from_slice(body);
        out
    }

    /// A deliver_sm from this source, of which so many octets of text are said to come.
    fn delivery(source: &[u8], said: u8, rest: &[u8]) -> Vec<u8> {
        let head = [&b"\0\x01\x01"[..], source, b"\0\x03\0"].concat();
        let middle = b"40404\0\x04\0\0\0\0\0\0\0\0";
        frame(5, 0, 7, &[&head[..], middle, &[said], rest].concat())
    }

    fn with_id(id: &[u8]) -> Vec<u8> {
        let tlv = [&[0, 0x1e, 0, id.len() as u8][..], id].concat();
        delivery(b"447700900001", 2, &[&b"ok"[..], &tlv].concat())
    }

    /// With everything tolerated it is read; with all but this it is not, and nothing else
    /// matters.
    fn check(frame: &[u8], tolerance: Tolerance, refusal: CommandStatus) {
        let lenient = decode(frame).unwrap();
        let only = Tolerances::NONE.with(tolerance);
        assert_eq!(decode_of(frame, only), Ok(lenient), "{tolerance:?}");
        let command = Header::of(frame).unwrap().command_id();
        let error = decode_of(frame, Tolerances::ALL.without(tolerance)).unwrap_err();
        assert_eq!(error, DecodeError::NotTolerated(command, tolerance));
        assert_eq!(error.nack_status(), refusal);
    }

    #[test]
    fn each_tolerance_lets_pass_what_it_names_and_nothing_else_does() {
        use CommandStatus as S;
        let id = [b'7'; MESSAGE_ID_SIZE_MAX + 2];
        let mut long_id = id.to_vec();
        *long_id.last_mut().unwrap() = 0;
        let response = id::SUBMIT_SM | id::RESPONSE_BIT;
        let cases = [
            (
                with_id(b"6aad5"),
                Tolerance::UnterminatedStrings,
                S::RINVPARLEN,
            ),
            (
                frame(response, 0, 7, b"6aad5"),
                Tolerance::UnterminatedStrings,
                S::RINVPARLEN,
            ),
            (with_id(&long_id), Tolerance::LongStrings, S::RINVPARLEN),
            (
                frame(response, 0, 7, &long_id),
                Tolerance::LongStrings,
                S::RINVPARLEN,
            ),
            (
                delivery(&[b'4'; 21], 2, b"ok"),
                Tolerance::LongStrings,
                S::RINVPARLEN,
            ),
            (
                delivery(b"M\xfcnster", 2, b"ok"),
                Tolerance::NonAsciiSenders,
                S::RINVSRCADR,
            ),
            (
                frame(response, 8, 7, b"6aad5\0"),
                Tolerance::ErrorBodies,
                S::RUNKNOWNERR,
            ),
            (
                delivery(b"44", 2, b"ok!"),
                Tolerance::TrailingOctets,
                S::RINVOPTPARSTREAM,
            ),
            (
                frame(response, 0, 7, b"6aad5\0!"),
                Tolerance::TrailingOctets,
                S::RINVOPTPARSTREAM,
            ),
            (
                delivery(b"44", 3, b"ok"),
                Tolerance::CutTexts,
                S::RINVMSGLEN,
            ),
            (
                frame(0x15, 0, 0, b""),
                Tolerance::ReservedSequenceNumbers,
                S::RUNKNOWNERR,
            ),
            (
                frame(0x15, 0, 1 << 31, b""),
                Tolerance::ReservedSequenceNumbers,
                S::RUNKNOWNERR,
            ),
        ];
        for (frame, tolerance, refusal) in cases {
            check(&frame, tolerance, refusal);
        }
    }

    #[test]
    fn what_keeps_to_the_specification_needs_no_tolerance() {
        let id = [[b'7'; MESSAGE_ID_SIZE_MAX].as_slice(), b"\0"].concat();
        let response = id::SUBMIT_SM | id::RESPONSE_BIT;
        for frame in [
            with_id(&id),
            delivery(&[b'4'; ADDRESS_SIZE_MAX], 2, b"ok"),
            frame(response, 0, SEQUENCE_MAX, &id),
            frame(response, 8, 7, b""),
            frame(0x15, 0, SEQUENCE_MAX, b""),
        ] {
            assert!(decode_of(&frame, Tolerances::NONE).is_ok());
        }
    }

    #[test]
    fn a_non_ascii_sender_is_read_as_latin_1() {
        let pdu = decode(&delivery(b"M\xfcnster", 2, b"ok")).unwrap();
        let Body::DeliverSm(message) = pdu.body else {
            panic!("no deliver_sm")
        };
        assert_eq!(message.source.value, "M\u{fc}nster");
    }

    #[test]
    fn congestion_is_read_behind_the_body_and_in_its_place() {
        let response = id::SUBMIT_SM | id::RESPONSE_BIT;
        let cases: [(u32, u32, &[u8], Option<u8>); 6] = [
            (response, 0, b"6aad5\0\x04\x28\0\x01\x5a", Some(90)),
            (response, 0x58, b"\x04\x28\0\x01\x64", Some(100)),
            (response, 0x58, b"\0\x04\x28\0\x01\x64", Some(100)),
            (response, 0, b"6aad5\0\x04\x28\0\x01\x65", None),
            (response, 0, b"6aad5\0", None),
            (id::SUBMIT_SM, 0, b"6aad5\0\x04\x28\0\x01\x5a", None),
        ];
        for (command, status, body, state) in cases {
            let frame = frame(command, status, 7, body);
            assert_eq!(congestion_state(&frame), state, "{body:?}");
        }
    }
}
