//! The little RTCP that a telephone call needs (RFC 3550 section 6): a sender report now and
//! then, a goodbye at the end.

use std::time::Duration;

use rtcp_types::{
    Bye, Compound, RtcpPacketWriter, RtcpPacketWriterExt, Sdes, SdesChunk, SdesItem, SenderReport,
};

/// Time between two sender reports.
pub const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// What a sender report says.
#[derive(Debug, Clone, Copy)]
pub struct ReportInput {
    /// Our stream.
    pub ssrc: u32,
    /// Wall time as a 64-bit NTP timestamp.
    pub ntp: u64,
    /// The same moment in the stream's timestamps.
    pub rtp_timestamp: u32,
    /// Packets sent so far.
    pub packet_count: u32,
    /// Payload bytes sent so far.
    pub octet_count: u32,
}

/// A compound packet: sender report and the CNAME that RFC 3550 section 6.1 asks for. `None` if
/// it cannot be written.
pub fn sender_report(input: ReportInput, cname: &str) -> Option<Vec<u8>> {
    let report = SenderReport::builder(input.ssrc)
        .ntp_timestamp(input.ntp)
        .rtp_timestamp(input.rtp_timestamp)
        .packet_count(input.packet_count)
        .octet_count(input.octet_count);
    write(
        Compound::builder()
            .add_packet(report)
            .add_packet(cname_of(input.ssrc, cname)),
    )
}

/// The last packet of a stream: sender report, CNAME and goodbye. `None` if it cannot be written.
pub fn goodbye(input: ReportInput, cname: &str) -> Option<Vec<u8>> {
    let report = SenderReport::builder(input.ssrc)
        .ntp_timestamp(input.ntp)
        .rtp_timestamp(input.rtp_timestamp)
        .packet_count(input.packet_count)
        .octet_count(input.octet_count);
    write(
        Compound::builder()
            .add_packet(report)
            .add_packet(cname_of(input.ssrc, cname))
            .add_packet(Bye::builder().add_source(input.ssrc)),
    )
}

fn cname_of(ssrc: u32, cname: &str) -> rtcp_types::SdesBuilder<'_> {
    let item = SdesItem::builder(SdesItem::CNAME, cname);
    Sdes::builder().add_chunk(SdesChunk::builder(ssrc).add_item(item))
}

fn write(packet: impl RtcpPacketWriter) -> Option<Vec<u8>> {
    let size = packet.calculate_size().ok()?;
    let mut bytes = vec![0; size];
    packet.write_into(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rtcp_types::Packet;

    const INPUT: ReportInput = ReportInput {
        ssrc: 9,
        ntp: 1 << 40,
        rtp_timestamp: 160,
        packet_count: 5,
        octet_count: 800,
    };

    #[test]
    fn a_goodbye_reads_back_as_report_name_and_bye() {
        let bytes = goodbye(INPUT, "a").unwrap();
        assert!(super::super::rtp::is_rtcp(&bytes));
        let packets: Vec<_> = Compound::parse(&bytes)
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let [Packet::Sr(report), Packet::Sdes(_), Packet::Bye(bye)] = &packets[..] else {
            panic!("unexpected packets: {packets:?}");
        };
        assert_eq!((report.packet_count(), report.octet_count()), (5, 800));
        assert_eq!(bye.ssrcs().collect::<Vec<_>>(), vec![9]);
        assert!(sender_report(INPUT, "a").unwrap().len() < bytes.len());
    }
}
