//! One connection, in the clear or under TLS, with a deadline on everything that writes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::proto::smtp::TlsInfo;

/// How long one write may take before the client counts as gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long, and how far, a closing client is listened to, so that our last reply is not lost to
/// a reset.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_MAX_BYTES: usize = 256 * 1024;

pub(super) enum Conn {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Conn {
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Conn::Plain(stream) => stream.read(buffer).await,
            Conn::Tls(stream) => stream.read(buffer).await,
        }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let writing = async {
            match self {
                Conn::Plain(stream) => stream.write_all(bytes).await,
                Conn::Tls(stream) => {
                    stream.write_all(bytes).await?;
                    stream.flush().await
                }
            }
        };
        within(WRITE_TIMEOUT, writing).await
    }

    /// Puts TLS on top. The connection is lost if that fails.
    pub(super) async fn start_tls(
        self,
        config: Arc<rustls::ServerConfig>,
    ) -> io::Result<(Conn, TlsInfo)> {
        let Conn::Plain(stream) = self else {
            return Err(io::Error::other("TLS is already in use"));
        };
        let accepting = TlsAcceptor::from(config).accept(stream);
        let stream = within(HANDSHAKE_TIMEOUT, accepting).await?;
        let (_, tls) = stream.get_ref();
        let info = TlsInfo {
            protocol: tls
                .protocol_version()
                .and_then(|version| version.as_str())
                .unwrap_or("TLS")
                .replace('_', "."),
            cipher: tls
                .negotiated_cipher_suite()
                .and_then(|suite| suite.suite().as_str())
                .unwrap_or("unknown")
                .to_owned(),
        };
        Ok((Conn::Tls(Box::new(stream)), info))
    }

    /// Says goodbye and lets what is under way arrive.
    pub(super) async fn close(mut self) {
        let closing = async {
            match &mut self {
                Conn::Plain(stream) => stream.shutdown().await?,
                Conn::Tls(stream) => stream.shutdown().await?,
            }
            let mut scrap = [0; 4096];
            let mut seen = 0;
            while seen < LINGER_MAX_BYTES {
                match self.read(&mut scrap).await? {
                    0 => break,
                    more => seen += more,
                }
            }
            io::Result::Ok(())
        };
        // The client may be gone already; there is nobody left to tell.
        let _ = timeout(LINGER, closing).await;
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
