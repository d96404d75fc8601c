//! Sockets for media: an even port for RTP, the odd one above it for RTCP.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::UdpSocket;

use crate::clock::Randomness;

/// Ports that are tried before giving up.
const TRIES_MAX: u16 = 64;

/// The ports that media may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PortRange {
    pub(crate) ip: IpAddr,
    pub(crate) first: u16,
    pub(crate) last: u16,
}

/// The two sockets of one call.
pub(crate) struct MediaSockets {
    pub(crate) rtp: UdpSocket,
    /// Only if its port was free; media do without.
    pub(crate) rtcp: Option<UdpSocket>,
}

impl PortRange {
    /// Binds the sockets of one call: from a random place in the range upwards, so that a port
    /// of a call just ended is not the first to be taken again.
    pub(crate) async fn bind(self, random: &Randomness) -> io::Result<MediaSockets> {
        let first = self.first.next_multiple_of(2);
        let pairs = self.last.saturating_sub(first) / 2 + 1;
        let start = u16::try_from(random.below(u64::from(pairs))).unwrap_or(0);
        for step in 0..pairs.min(TRIES_MAX) {
            let port = first + (start + step) % pairs * 2;
            let Ok(rtp) = UdpSocket::bind(SocketAddr::new(self.ip, port)).await else {
                continue;
            };
            let above = SocketAddr::new(self.ip, port.saturating_add(1));
            let rtcp = UdpSocket::bind(above).await.ok();
            return Ok(MediaSockets { rtp, rtcp });
        }
        Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "no free port for media",
        ))
    }
}
