//! Session descriptions (RFC 8866) for one G.711 stream with telephone events, and the
//! offer/answer rules (RFC 3264) as far as a telephone call needs them.

use std::net::{IpAddr, SocketAddr};

use ezk_sdp_types::{
    Connection, Direction, MediaDescription, MediaType, SessionDescription, TaggedAddress,
    TransportProtocol,
};

use super::Codec;

/// The payload type that we offer for telephone events.
pub const TELEPHONE_EVENT_PAYLOAD_TYPE: u8 = 101;
/// The longest session description that is read.
pub const SDP_BYTES_MAX: usize = 16 * 1_024;
/// Media lines that are looked at.
pub const MEDIA_LINES_MAX: usize = 16;

/// Why a session description is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Longer than [`SDP_BYTES_MAX`].
    #[error("session description too long")]
    TooLong,
    /// Not a session description.
    #[error("session description unreadable")]
    Malformed,
    /// No audio stream over plain RTP, or it was refused (port 0).
    #[error("no audio stream accepted")]
    NoAudio,
    /// Neither PCMU nor PCMA.
    #[error("no common codec")]
    NoCodec,
    /// No usable address: a name, multicast, or none at all.
    #[error("no usable media address")]
    NoAddress,
}

/// What the other side said about its audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteMedia {
    /// Where it wants to receive RTP. An unspecified IP means that it is on hold.
    pub address: SocketAddr,
    /// The first codec on its list that we know.
    pub codec: Codec,
    /// Its payload type for telephone events, if it takes them.
    pub telephone_event: Option<u8>,
}

/// Our offer: `codecs` in order and telephone events, received at `local`.
pub fn offer(local: SocketAddr, session_id: u64, codecs: &[Codec]) -> String {
    describe(
        local,
        session_id,
        codecs,
        Some(TELEPHONE_EVENT_PAYLOAD_TYPE),
    )
}

/// The answer to `remote`'s offer: its codec, its payload type for events, received at `local`.
pub fn answer(remote: &RemoteMedia, local: SocketAddr, session_id: u64) -> String {
    describe(local, session_id, &[remote.codec], remote.telephone_event)
}

/// Reads an offer or an answer.
pub fn parse(body: &[u8]) -> Result<RemoteMedia, SdpError> {
    if body.len() > SDP_BYTES_MAX {
        return Err(SdpError::TooLong);
    }
    let text = std::str::from_utf8(body).map_err(|_| SdpError::Malformed)?;
    let session = SessionDescription::parse(&text.into()).map_err(|_| SdpError::Malformed)?;
    let audio = session
        .media_descriptions
        .iter()
        .take(MEDIA_LINES_MAX)
        .find(|media| is_plain_audio(media))
        .ok_or(SdpError::NoAudio)?;
    let connection = audio.connection.as_ref().or(session.connection.as_ref());
    Ok(RemoteMedia {
        address: SocketAddr::new(address_of(connection)?, audio.media.port),
        codec: codec_of(audio)?,
        telephone_event: telephone_event_of(audio),
    })
}

fn is_plain_audio(media: &MediaDescription) -> bool {
    media.media.media_type == MediaType::Audio
        && media.media.port != 0
        && matches!(
            media.media.proto,
            TransportProtocol::RtpAvp | TransportProtocol::RtpAvpf
        )
        && media.direction != Direction::Inactive
}

fn address_of(connection: Option<&Connection>) -> Result<IpAddr, SdpError> {
    let address = match &connection.ok_or(SdpError::NoAddress)?.address {
        TaggedAddress::IP4(ip) => IpAddr::V4(*ip),
        TaggedAddress::IP6(ip) => IpAddr::V6(*ip),
        TaggedAddress::IP4FQDN(_) | TaggedAddress::IP6FQDN(_) => return Err(SdpError::NoAddress),
    };
    if address.is_multicast() {
        return Err(SdpError::NoAddress);
    }
    Ok(address)
}

fn codec_of(media: &MediaDescription) -> Result<Codec, SdpError> {
    media
        .media
        .fmts
        .iter()
        .find_map(|&format| Codec::from_payload_type(format))
        .ok_or(SdpError::NoCodec)
}

fn telephone_event_of(media: &MediaDescription) -> Option<u8> {
    media
        .rtpmap
        .iter()
        .filter(|map| media.media.fmts.contains(&map.payload))
        .find(|map| {
            map.encoding.eq_ignore_ascii_case("telephone-event")
                && map.clock_rate == 8_000
                && map.payload < 128
        })
        .map(|map| map.payload)
}

fn describe(
    local: SocketAddr,
    session_id: u64,
    codecs: &[Codec],
    telephone_event: Option<u8>,
) -> String {
    let family = if local.is_ipv4() { "IP4" } else { "IP6" };
    let ip = local.ip();
    let mut formats = String::new();
    let mut maps = String::new();
    for codec in codecs {
        let payload_type = codec.payload_type();
        formats.push_str(&format!(" {payload_type}"));
        maps.push_str(&format!(
            "a=rtpmap:{payload_type} {}/8000\r\n",
            codec.name()
        ));
    }
    if let Some(event) = telephone_event {
        formats.push_str(&format!(" {event}"));
        maps.push_str(&format!(
            "a=rtpmap:{event} telephone-event/8000\r\na=fmtp:{event} 0-15\r\n"
        ));
    }
    format!(
        "v=0\r\no=- {session_id} 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP{formats}\r\n{maps}a=ptime:20\r\na=sendrecv\r\n",
        port = local.port()
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LOCAL: &str = "192.0.2.7:40000";

    #[test]
    fn our_offer_and_its_answer_read_back() {
        let local: SocketAddr = LOCAL.parse().unwrap();
        let read = parse(offer(local, 5, &Codec::ALL).as_bytes()).unwrap();
        assert_eq!(
            read,
            RemoteMedia {
                address: local,
                codec: Codec::Pcmu,
                telephone_event: Some(101)
            }
        );
        let back = answer(&read, "[2001:db8::1]:4000".parse().unwrap(), 6);
        let back = parse(back.as_bytes()).unwrap();
        assert_eq!(back.address, "[2001:db8::1]:4000".parse().unwrap());
    }

    #[test]
    fn the_peers_order_and_event_type_win() {
        let body = "v=0\r\no=x 1 1 IN IP4 198.51.100.1\r\ns=call\r\nc=IN IP4 198.51.100.1\r\n\
                    t=0 0\r\nm=audio 7078 RTP/AVP 9 8 0 96 13\r\na=rtpmap:9 G722/8000\r\n\
                    a=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-16\r\n";
        let read = parse(body.as_bytes()).unwrap();
        assert_eq!((read.codec, read.telephone_event), (Codec::Pcma, Some(96)));
        assert_eq!(read.address, "198.51.100.1:7078".parse().unwrap());
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let head = "v=0\r\no=x 1 1 IN IP4 198.51.100.1\r\ns=-\r\n";
        let addressed = format!("{head}c=IN IP4 198.51.100.1\r\nt=0 0\r\n");
        for (body, expected) in [
            (
                format!("{addressed}m=audio 0 RTP/AVP 0\r\n"),
                SdpError::NoAudio,
            ),
            (
                format!("{addressed}m=audio 9 RTP/SAVP 0\r\n"),
                SdpError::NoAudio,
            ),
            (
                format!("{addressed}m=video 9 RTP/AVP 0\r\n"),
                SdpError::NoAudio,
            ),
            (
                format!("{addressed}m=audio 9 RTP/AVP 18\r\n"),
                SdpError::NoCodec,
            ),
            (
                format!("{head}t=0 0\r\nm=audio 9 RTP/AVP 0\r\n"),
                SdpError::NoAddress,
            ),
            ("hello".to_owned(), SdpError::Malformed),
            ("x".repeat(SDP_BYTES_MAX + 1), SdpError::TooLong),
        ] {
            assert_eq!(parse(body.as_bytes()), Err(expected), "{body:.80}");
        }
    }

    proptest! {
        #[test]
        fn a_damaged_description_never_panics(at in 0usize..300, byte in any::<u8>(), cut in 0usize..300) {
            let mut body = offer(LOCAL.parse().unwrap(), 5, &Codec::ALL).into_bytes();
            body.truncate(cut);
            if let Some(place) = body.get_mut(at) {
                *place = byte;
            }
            let _ = parse(&body);
        }
    }
}
