//! A client that says exactly what it is told, byte by byte, in the clear and over TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Longest wait for a reply.
const REPLY_MAX: Duration = Duration::from_secs(20);

/// One connection.
pub(crate) enum Client {
    Plain(TcpStream),
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Client {
    /// Connects and hears the greeting.
    pub(crate) fn greeted(server: SocketAddr) -> Client {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(REPLY_MAX)).unwrap();
        let mut client = Client::Plain(stream);
        assert!(client.reply().starts_with("220 "));
        client
    }

    /// Connects, issues STARTTLS with `behind` in the same packet, and says EHLO over TLS.
    pub(crate) fn encrypted(
        server: SocketAddr,
        trusted: &[&CertificateDer<'static>],
        behind: &str,
    ) -> Client {
        let mut client = Client::greeted(server);
        client.check("EHLO app.example", "250");
        client.send(&format!("STARTTLS\r\n{behind}"));
        assert!(client.reply().starts_with("220 "));
        let Client::Plain(stream) = client else {
            unreachable!()
        };
        let mut roots = RootCertStore::empty();
        for certificate in trusted {
            roots.add((*certificate).clone()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "localhost".try_into().unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut client = Client::Encrypted(Box::new(StreamOwned::new(tls, stream)));
        client.check("EHLO app.example", "250");
        client
    }

    /// The server's certificate.
    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        let Client::Encrypted(stream) = self else {
            panic!("no TLS");
        };
        &stream.conn.peer_certificates().unwrap()[0]
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, text: &str) {
        let stream: &mut dyn Write = match self {
            Client::Plain(stream) => stream,
            Client::Encrypted(stream) => stream,
        };
        stream.write_all(text.as_bytes()).unwrap();
        stream.flush().unwrap();
    }

    /// Sends a command; the reply must begin so.
    #[track_caller]
    pub(crate) fn check(&mut self, command: &str, expected: &str) {
        self.send(&format!("{command}\r\n"));
        self.expect(expected);
    }

    /// The next reply must begin so.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: &str) {
        let reply = self.reply();
        assert!(reply.starts_with(expected), "not {expected}: {reply}");
    }

    /// The next reply, all its lines.
    fn reply(&mut self) -> String {
        let mut reply = String::new();
        let mut line = String::new();
        loop {
            let mut byte = [0];
            let stream: &mut dyn Read = match self {
                Client::Plain(stream) => stream,
                Client::Encrypted(stream) => stream,
            };
            stream
                .read_exact(&mut byte)
                .unwrap_or_else(|error| panic!("{error} after {reply}{line}"));
            line.push(char::from(byte[0]));
            if byte[0] == b'\n' {
                let is_last = line.as_bytes().get(3) == Some(&b' ');
                reply.push_str(&line);
                line.clear();
                if is_last {
                    return reply;
                }
            }
        }
    }
}
