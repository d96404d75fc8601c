//! The public UDP socket, in front of ezk's.
//!
//! ezk binds its socket itself, tells nobody's datagrams apart, cannot be closed again, and its
//! receiving task dies of one datagram with an absurd Content-Length (`head_end + len`
//! overflows). So ezk lives on the loopback, and this passes datagrams between its socket and the
//! public one: only those of the trunk, only those whose frame is sound, with a receive buffer
//! that a burst of answers fits in.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use super::SIP_DATAGRAM_BYTES_MAX;

/// Receive buffer asked for; the system may give less.
pub(crate) const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// Requests of the trunk whose sender is remembered until we answer.
const SENDERS_MAX: usize = 1_024;

/// Passes datagrams between the trunk and ezk.
pub(crate) struct Guard {
    public: UdpSocket,
    inner: UdpSocket,
    allowed: Vec<IpAddr>,
    server: SocketAddr,
    /// Who sent the request with this branch: the answer goes back there.
    senders: VecDeque<(Vec<u8>, SocketAddr)>,
}

impl Guard {
    /// Binds `public` to `bind` and a loopback socket towards ezk's at `stack`.
    pub(crate) async fn bind(
        bind: SocketAddr,
        stack: SocketAddr,
        server: SocketAddr,
        allowed: Vec<IpAddr>,
    ) -> io::Result<Self> {
        let public = UdpSocket::bind(bind).await?;
        SockRef::from(&public).set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        let inner = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        SockRef::from(&inner).set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        inner.connect(stack).await?;
        Ok(Self {
            public,
            inner,
            allowed,
            server,
            senders: VecDeque::new(),
        })
    }

    /// The public address.
    pub(crate) fn public_addr(&self) -> io::Result<SocketAddr> {
        self.public.local_addr()
    }

    /// The address that ezk sends to.
    pub(crate) fn inner_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Passes datagrams until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut from_trunk = vec![0; SIP_DATAGRAM_BYTES_MAX + 1];
        let mut from_stack = vec![0; SIP_DATAGRAM_BYTES_MAX + 1];
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                received = self.public.recv_from(&mut from_trunk) => {
                    if let Ok((length, source)) = received {
                        self.let_in(&from_trunk[..length], source).await;
                    }
                }
                received = self.inner.recv(&mut from_stack) => {
                    if let Ok(length) = received {
                        self.let_out(&from_stack[..length]).await;
                    }
                }
            }
        }
    }

    async fn let_in(&mut self, datagram: &[u8], source: SocketAddr) {
        if !self.allowed.contains(&source.ip()) || !is_sound(datagram) {
            tracing::debug!("SIP datagram refused");
            return;
        }
        if !datagram.starts_with(b"SIP/2.0")
            && let Some(branch) = first_branch(datagram)
        {
            if self.senders.len() >= SENDERS_MAX {
                self.senders.pop_front();
            }
            self.senders.push_back((branch.to_vec(), source));
        }
        // Loss is what UDP promises; the transaction repeats.
        let _ = self.inner.send(datagram).await;
    }

    async fn let_out(&self, datagram: &[u8]) {
        let target = self.answer_target(datagram).unwrap_or(self.server);
        let _ = self.public.send_to(datagram, target).await;
    }

    fn answer_target(&self, datagram: &[u8]) -> Option<SocketAddr> {
        if !datagram.starts_with(b"SIP/2.0") {
            return None;
        }
        let branch = first_branch(datagram)?;
        let sender = self.senders.iter().rev().find(|(known, _)| known == branch);
        sender.map(|(_, source)| *source)
    }
}

/// A datagram that may be handed to the parser: of bearable size, with no Content-Length that
/// goes beyond its end.
fn is_sound(datagram: &[u8]) -> bool {
    if datagram.len() > SIP_DATAGRAM_BYTES_MAX {
        return false;
    }
    let head_end = find(datagram, b"\r\n\r\n").unwrap_or(datagram.len());
    datagram[..head_end]
        .split(|&byte| byte == b'\n')
        .all(|line| {
            let Some(colon) = line.iter().position(|&byte| byte == b':') else {
                return true;
            };
            let name = line[..colon].trim_ascii();
            if !name.eq_ignore_ascii_case(b"content-length") && !name.eq_ignore_ascii_case(b"l") {
                return true;
            }
            std::str::from_utf8(line[colon + 1..].trim_ascii())
                .ok()
                .and_then(|number| number.parse::<usize>().ok())
                .is_some_and(|length| length <= datagram.len())
        })
}

/// The branch of the topmost Via, which comes before any other in a sound message.
fn first_branch(datagram: &[u8]) -> Option<&[u8]> {
    let start = find(datagram, b"branch=")? + b"branch=".len();
    let rest = &datagram[start..];
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b';' | b',' | b'\r' | b'\n' | b' '))?;
    Some(&rest[..end])
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absurd_length_is_kept_out() {
        for (head, sound) in [
            ("SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", true),
            (
                "SIP/2.0 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n",
                false,
            ),
            ("SIP/2.0 200 OK\r\nl : 18446744073709551615\r\n\r\n", false),
            ("SIP/2.0 200 OK\r\nL:99999\r\n\r\n", false),
            ("SIP/2.0 200 OK\r\nContent-Length: -1\r\n\r\n", false),
            ("SIP/2.0 200 OK\r\n\r\nContent-Length: 99999", true),
        ] {
            assert_eq!(is_sound(head.as_bytes()), sound, "{head:?}");
        }
        assert!(!is_sound(&vec![b'a'; SIP_DATAGRAM_BYTES_MAX + 1]));
    }

    #[test]
    fn the_first_branch_is_found() {
        let text = b"BYE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx1;rport\r\nVia: q;branch=other\r\n";
        assert_eq!(first_branch(text), Some(&b"z9hG4bKx1"[..]));
        assert_eq!(first_branch(b"branch="), None);
    }
}
