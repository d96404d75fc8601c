//! The sockets of one call's media, around [`MediaSession`].

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::net::UdpSocket;

use super::ports::MediaSockets;
use crate::clock::Randomness;
use crate::proto::media::rtcp::{self, REPORT_INTERVAL, ReportInput};
use crate::proto::media::rtp::{self, RtpOrigin};
use crate::proto::media::sdp::RemoteMedia;
use crate::proto::media::session::Listen;
use crate::proto::media::{MediaConfig, MediaSession};

/// Seconds between the NTP and the Unix epoch.
const NTP_UNIX_SECONDS: u64 = 2_208_988_800;

/// The media of one answered call, on its sockets.
pub(crate) struct CallMedia {
    pub(crate) session: MediaSession,
    remote: SocketAddr,
    /// Addresses that media may come from; empty for any.
    allowed: Vec<IpAddr>,
    report_due: Instant,
    started: Instant,
    origin: RtpOrigin,
}

impl CallMedia {
    /// Starts the media towards `remote` at `now`.
    pub(crate) fn new(
        remote: RemoteMedia,
        listen: Listen,
        allowed: Vec<IpAddr>,
        random: &Randomness,
        now: Instant,
    ) -> Self {
        let origin = random_origin(random);
        let config = MediaConfig {
            codec: remote.codec,
            telephone_event: remote.telephone_event,
            origin,
            listen,
            send_silence: true,
        };
        let mut media = Self {
            session: MediaSession::new(config, now),
            remote: remote.address,
            allowed,
            report_due: now + REPORT_INTERVAL,
            started: now,
            origin,
        };
        media.allow(remote.address.ip());
        media
    }

    /// The peer moved its audio.
    pub(crate) fn move_to(&mut self, remote: RemoteMedia) {
        self.remote = remote.address;
        self.allow(remote.address.ip());
    }

    /// Takes in a datagram from the media socket.
    pub(crate) fn handle_datagram(&mut self, datagram: &[u8], source: SocketAddr, now: Instant) {
        let welcome = self.allowed.is_empty() || self.allowed.contains(&source.ip());
        if welcome && !rtp::is_rtcp(datagram) {
            self.session.handle_input(datagram, now);
        }
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    /// Sends what is due.
    pub(crate) fn handle_timeout(&mut self, sockets: &MediaSockets, now: Instant) {
        self.session.handle_timeout(now);
        self.send_waiting(&sockets.rtp);
        if now >= self.report_due {
            self.report_due = now + REPORT_INTERVAL;
            let report = rtcp::sender_report(self.report_input(now), "tocsin");
            self.send_report(sockets, report);
        }
    }

    /// Says goodbye to the peer's RTCP.
    pub(crate) fn finish(&self, sockets: &MediaSockets, now: Instant) {
        let report = rtcp::goodbye(self.report_input(now), "tocsin");
        self.send_report(sockets, report);
    }

    fn send_waiting(&mut self, socket: &UdpSocket) {
        while let Some(packet) = self.session.poll_output() {
            // An unspecified address means "on hold"; a full buffer loses a packet, as UDP may.
            if !self.remote.ip().is_unspecified() {
                let _ = socket.try_send_to(&packet, self.remote);
            }
        }
    }

    fn send_report(&self, sockets: &MediaSockets, report: Option<Vec<u8>>) {
        let (Some(socket), Some(report)) = (&sockets.rtcp, report) else {
            return;
        };
        let port = self.remote.port().saturating_add(1);
        let _ = socket.try_send_to(&report, SocketAddr::new(self.remote.ip(), port));
    }

    fn report_input(&self, now: Instant) -> ReportInput {
        let elapsed = now.saturating_duration_since(self.started);
        let samples = u32::try_from(elapsed.as_millis().wrapping_mul(8) & 0xffff_ffff);
        let sender = self.session.sender();
        ReportInput {
            ssrc: sender.ssrc(),
            ntp: ntp_now(),
            rtp_timestamp: self.origin.timestamp.wrapping_add(samples.unwrap_or(0)),
            packet_count: sender.packet_count(),
            octet_count: sender.octet_count(),
        }
    }

    fn allow(&mut self, ip: IpAddr) {
        if !self.allowed.is_empty() && !self.allowed.contains(&ip) {
            self.allowed.push(ip);
        }
    }
}

/// Random numbers for a stream to start from.
pub(crate) fn random_origin(random: &Randomness) -> RtpOrigin {
    let [a, b, c, d, e, f, g, h, i, j] = random.bytes();
    RtpOrigin {
        ssrc: u32::from_be_bytes([a, b, c, d]),
        timestamp: u32::from_be_bytes([e, f, g, h]),
        sequence: u16::from_be_bytes([i, j]),
    }
}

fn ntp_now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    let seconds = since.as_secs().wrapping_add(NTP_UNIX_SECONDS);
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    seconds << 32 | fraction
}
