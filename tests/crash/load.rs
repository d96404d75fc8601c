//! Applications that hand in one message after the other until the daemon is gone.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned};

use crate::daemon::{PASSWORD, USER};
use crate::ledger::Ledger;
use crate::message;

/// Longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Longest line of an answer, in bytes.
const LINE_MAX: u64 = 2048;
/// Most messages of one client in one life of the daemon.
const MESSAGES_MAX: usize = 2000;

type Session = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// Starts clients that end when their connection does.
pub(crate) fn start(
    clients: usize,
    address: SocketAddr,
    ledger: &Arc<Ledger>,
) -> Vec<JoinHandle<()>> {
    (0..clients)
        .map(|_| {
            let ledger = Arc::clone(ledger);
            // The connection breaks in the end: that is what the test is for.
            thread::spawn(move || drop(hand_in(address, &ledger)))
        })
        .collect()
}

fn hand_in(address: SocketAddr, ledger: &Ledger) -> io::Result<()> {
    let mut session = log_in(address)?;
    for _ in 0..MESSAGES_MAX {
        let number = ledger.begin();
        command(
            &mut session,
            &format!("MAIL FROM:<{}>", message::sender()),
            "250",
        )?;
        for recipient in message::recipients(number) {
            command(&mut session, &format!("RCPT TO:<{recipient}>"), "250")?;
        }
        command(&mut session, "DATA", "354")?;
        let stuffed = message::message(number).replace("\r\n.", "\r\n..");
        session.get_mut().write_all(stuffed.as_bytes())?;
        command(&mut session, ".", "250")?;
        ledger.acknowledge(number);
    }
    Ok(())
}

fn log_in(address: SocketAddr) -> io::Result<Session> {
    let tcp = TcpStream::connect(address)?;
    tcp.set_read_timeout(Some(ANSWER))?;
    tcp.set_write_timeout(Some(ANSWER))?;
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").unwrap();
    let tls = ClientConnection::new(tls_config(), name).unwrap();
    let mut session = BufReader::new(StreamOwned::new(tls, tcp));
    expect(&mut session, "220")?;
    command(&mut session, "EHLO app.gateway.example", "250")?;
    let plain = format!("\0{USER}\0{PASSWORD}");
    let plain = base64::engine::general_purpose::STANDARD.encode(plain);
    command(&mut session, &format!("AUTH PLAIN {plain}"), "235")?;
    Ok(session)
}

/// Sends a line and reads its answer. Anything but the expected code while the connection
/// stands is a failure of the test; a broken connection is not.
fn command(session: &mut Session, line: &str, code: &str) -> io::Result<()> {
    session
        .get_mut()
        .write_all(format!("{line}\r\n").as_bytes())?;
    session.get_mut().flush()?;
    expect(session, code)
}

fn expect(session: &mut Session, code: &str) -> io::Result<()> {
    loop {
        let mut line = String::new();
        let size = io::Read::take(&mut *session, LINE_MAX).read_line(&mut line)?;
        if size == 0 || !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        assert!(line.starts_with(code), "wanted {code}, was told {line}");
        if line.as_bytes().get(3) == Some(&b' ') {
            return Ok(());
        }
    }
}

fn tls_config() -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    Arc::new(config)
}

/// Takes every certificate: the daemon has made its own, and this is the loopback.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
