//! SIPp as a telephone network that plays one written scenario. Needs the package `sip-tester`.
#![allow(dead_code)]

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::skip::skip;
use tocsin::net::sip::SipTransport;

/// Longest wait for a scenario to end.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A running scenario that takes one call; killed when dropped.
pub(crate) struct Sipp {
    child: Child,
    errors: tempfile::TempDir,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Sipp {
    /// Starts `tests/peers/sipp/<scenario>.xml` over UDP or TCP, or says loudly why not and gives
    /// `None`.
    pub(crate) fn start(scenario: &str, over: SipTransport) -> Option<Sipp> {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = package.join(format!("tests/peers/sipp/{scenario}.xml"));
        let errors = tempfile::tempdir().unwrap();
        let port = free_port();
        let media_port = free_port();
        let started = Command::new("sipp")
            .current_dir(errors.path())
            .arg("-sf")
            .arg(file)
            .args(["-i", "127.0.0.1", "-m", "1", "-nostdin", "-trace_err"])
            .args(["-p", &port.to_string(), "-mp", &media_port.to_string()])
            .args(["-timeout", "25s", "-timeout_error"])
            .args([
                "-t",
                if over == SipTransport::Tcp {
                    "t1"
                } else {
                    "u1"
                },
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = match started {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                skip("no SIPp here (Debian package sip-tester)");
                return None;
            }
            Err(error) => panic!("sipp does not start: {error}"),
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match over {
            SipTransport::Udp => wait_until_taken(address),
            SipTransport::Tcp => wait_until_listening(address),
        }
        Some(Sipp {
            child,
            errors,
            address,
        })
    }

    /// Waits for the scenario to end; panics with SIPp's own words if it was not followed.
    pub(crate) fn finish(mut self) {
        let end = Instant::now() + WAIT_MAX;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{status}\n{}", self.words());
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the scenario does not end\n{}", self.words());
    }

    fn words(&self) -> String {
        let files = std::fs::read_dir(self.errors.path()).unwrap();
        let texts = files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok());
        texts.collect()
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An even port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    loop {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        if port.is_multiple_of(2) {
            return port;
        }
    }
}

/// Waits until somebody listens on the TCP address, without connecting to it: SIPp would take the
/// connection for a call.
fn wait_until_listening(address: SocketAddr) {
    let end = Instant::now() + WAIT_MAX;
    while TcpListener::bind(address).is_ok() {
        assert!(Instant::now() < end, "nobody listens on {address}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until somebody has bound the UDP address.
pub(crate) fn wait_until_taken(address: SocketAddr) {
    let end = Instant::now() + WAIT_MAX;
    while UdpSocket::bind(address).is_ok() {
        assert!(Instant::now() < end, "nobody listens on {address}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
