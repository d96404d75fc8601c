//! A connection in clear or over TLS that remembers what the other side said, word for word.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// Most bytes remembered of one reply; the SMTP parser refuses longer replies before that.
const RECORD_SIZE_MAX_BYTES: usize = 16_384;

/// A TCP connection, perhaps with TLS on it.
#[derive(Debug)]
pub(super) enum Transport {
    /// In clear.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

/// A transport and what was read from it since the last [`Recorded::forget`].
#[derive(Debug)]
pub(super) struct Recorded {
    transport: Transport,
    heard: Vec<u8>,
}

impl Recorded {
    pub(super) const fn new(transport: Transport) -> Self {
        Self {
            transport,
            heard: Vec::new(),
        }
    }

    /// Begins a new reply.
    pub(super) fn forget(&mut self) {
        self.heard.clear();
    }

    /// The bytes read since then, bounded.
    pub(super) fn heard(&self) -> &[u8] {
        &self.heard
    }

    /// The bare connection, for TLS to be put on it.
    pub(super) fn into_transport(self) -> Transport {
        self.transport
    }

    pub(super) const fn is_tls(&self) -> bool {
        matches!(self.transport, Transport::Tls(_))
    }
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Transport::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        let room = RECORD_SIZE_MAX_BYTES.saturating_sub(self.heard.len());
        let new = buf.filled().get(before..).unwrap_or_default();
        self.heard.extend_from_slice(&new[..new.len().min(room)]);
        polled
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Transport::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
