//! RTP packets (RFC 3550 section 5.1): writing our stream, reading the peer's.

use rtp_types::{RtpPacket, RtpPacketBuilder};

use super::RTP_PACKET_BYTES_MAX;

/// What the first packet of a stream starts from; RFC 3550 wants all three random.
#[derive(Debug, Clone, Copy)]
pub struct RtpOrigin {
    /// Synchronisation source of the stream.
    pub ssrc: u32,
    /// First sequence number.
    pub sequence: u16,
    /// First timestamp, in samples.
    pub timestamp: u32,
}

/// Numbers the packets of one outgoing stream.
#[derive(Debug)]
pub struct RtpSender {
    ssrc: u32,
    sequence: u16,
    packet_count: u32,
    octet_count: u32,
}

impl RtpSender {
    /// A stream that starts at `origin`.
    pub fn new(origin: RtpOrigin) -> Self {
        Self {
            ssrc: origin.ssrc,
            sequence: origin.sequence,
            packet_count: 0,
            octet_count: 0,
        }
    }

    /// The stream's synchronisation source.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Packets written so far (wraps).
    pub fn packet_count(&self) -> u32 {
        self.packet_count
    }

    /// Payload bytes written so far (wraps).
    pub fn octet_count(&self) -> u32 {
        self.octet_count
    }

    /// The next packet. `None` only if the payload cannot be written as RTP (payload type over
    /// 127, or longer than [`RTP_PACKET_BYTES_MAX`]).
    pub fn packet(
        &mut self,
        payload_type: u8,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
    ) -> Option<Vec<u8>> {
        if payload.len() + 12 > RTP_PACKET_BYTES_MAX {
            return None;
        }
        let bytes = RtpPacketBuilder::<&[u8], &[u8]>::new()
            .payload_type(payload_type)
            .sequence_number(self.sequence)
            .timestamp(timestamp)
            .ssrc(self.ssrc)
            .marker_bit(marker)
            .payload(payload)
            .write_vec()
            .ok()?;
        self.sequence = self.sequence.wrapping_add(1);
        self.packet_count = self.packet_count.wrapping_add(1);
        let octets = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.octet_count = self.octet_count.wrapping_add(octets);
        Some(bytes)
    }
}

/// The parts of a received packet that we use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpReceived {
    /// RTP payload type, 0 to 127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp, in samples.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Marker bit.
    pub marker: bool,
    /// Payload without padding.
    pub payload: Vec<u8>,
}

impl RtpReceived {
    /// Reads a datagram. `None` for anything that is not one whole RTP packet of a bearable size.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        if datagram.len() > RTP_PACKET_BYTES_MAX {
            return None;
        }
        let packet = RtpPacket::parse(datagram).ok()?;
        Some(Self {
            payload_type: packet.payload_type(),
            sequence: packet.sequence_number(),
            timestamp: packet.timestamp(),
            ssrc: packet.ssrc(),
            marker: packet.marker_bit(),
            payload: packet.payload().to_vec(),
        })
    }
}

/// True for a datagram that is RTCP sharing the RTP port (RFC 5761 section 4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.len() >= 8 && datagram[0] >> 6 == 2 && (192..=223).contains(&datagram[1])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sender(sequence: u16) -> RtpSender {
        RtpSender::new(RtpOrigin {
            ssrc: 7,
            sequence,
            timestamp: 0,
        })
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut sender = sender(65_535);
        let bytes = sender.packet(8, 160, true, &[1, 2, 3]).unwrap();
        let read = RtpReceived::parse(&bytes).unwrap();
        assert_eq!(
            read,
            RtpReceived {
                payload_type: 8,
                sequence: 65_535,
                timestamp: 160,
                ssrc: 7,
                marker: true,
                payload: vec![1, 2, 3]
            }
        );
        let next = sender.packet(8, 320, false, &[4]).unwrap();
        assert_eq!(RtpReceived::parse(&next).unwrap().sequence, 0);
        assert_eq!((sender.packet_count(), sender.octet_count()), (2, 4));
    }

    #[test]
    fn an_oversized_payload_and_a_bad_type_are_refused() {
        assert!(
            sender(0)
                .packet(0, 0, false, &[0; RTP_PACKET_BYTES_MAX])
                .is_none()
        );
        assert!(sender(0).packet(128, 0, false, &[0]).is_none());
    }

    proptest! {
        #[test]
        fn no_datagram_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(packet) = RtpReceived::parse(&bytes) {
                prop_assert!(packet.payload.len() <= bytes.len());
            }
            let _ = is_rtcp(&bytes);
        }
    }
}
