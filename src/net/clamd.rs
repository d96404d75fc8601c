//! The virus scanner: a clamd, asked over its socket (clamd(8), INSTREAM).

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clamav_client::tokio::TransportProtocol;
use clamav_client::{PONG, tokio as client};
use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;

/// Time between two looks whether it answers.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// Longest wait for the answer to a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest answer that is read, in octets.
const ANSWER_SIZE_MAX: u64 = 4_096;
/// How long what was clean need not be scanned again: a newsletter brings the same files to
/// thousands, and tomorrow's signatures may know more.
const CLEAN_FOR: Duration = Duration::from_secs(10 * 60);
/// Digests of clean pieces that are remembered.
const CLEAN_MAX: usize = 4_096;
/// Octets that are handed over at once.
const CHUNK_SIZE: usize = 64 * 1024;

/// Where a clamd listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClamdAddress {
    /// Host and port.
    Tcp(String),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// A connection of which so much is read and no more.
pub trait ClamdStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ClamdStream for T {}

impl TransportProtocol for ClamdAddress {
    type Stream = Box<dyn ClamdStream>;

    async fn connect(&self) -> io::Result<Self::Stream> {
        let (read, write): (
            Box<dyn AsyncRead + Send + Unpin>,
            Box<dyn AsyncWrite + Send + Unpin>,
        ) = match self {
            Self::Tcp(address) => {
                let (read, write) = TcpStream::connect(address).await?.into_split();
                (Box::new(read), Box::new(write))
            }
            Self::Unix(path) => {
                let (read, write) = UnixStream::connect(path).await?.into_split();
                (Box::new(read), Box::new(write))
            }
        };
        Ok(Box::new(tokio::io::join(read.take(ANSWER_SIZE_MAX), write)))
    }
}

/// What it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A virus of this name.
    Virus(String),
}

/// Why nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// It does not answer.
    #[error("the virus scanner does not answer: {0}")]
    Unreachable(String),
    /// It answers, and will not have this.
    #[error("the virus scanner did not take {size} bytes: {why}")]
    Refused {
        /// How much it was given.
        size: usize,
        /// What it said, or how the connection ended.
        why: String,
    },
}

/// Asks a clamd.
#[derive(Debug)]
pub struct Clamd {
    address: ClamdAddress,
    timeout: Duration,
    clock: SharedClock,
    clean: Mutex<HashMap<[u8; SHA256_OUTPUT_LEN], Instant>>,
    /// Nothing before it was asked for the first time.
    is_up: watch::Sender<Option<bool>>,
}

impl Clamd {
    /// `timeout` is for one scan.
    #[must_use]
    pub fn new(address: ClamdAddress, timeout: Duration, clock: SharedClock) -> Arc<Self> {
        Arc::new(Self {
            address,
            timeout,
            clock,
            clean: Mutex::default(),
            is_up: watch::Sender::new(None),
        })
    }

    /// Whether it answered when it was asked last.
    #[must_use]
    pub fn is_up(&self) -> bool {
        *self.is_up.borrow() == Some(true)
    }

    /// Whether it did not.
    #[must_use]
    pub fn is_down(&self) -> bool {
        *self.is_up.borrow() == Some(false)
    }

    /// Asks every few seconds whether it is there. Runs until stopped.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let answer = self.ping().await;
            self.tell(answer.is_ok());
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PING_INTERVAL) => {}
            }
        }
    }

    fn tell(&self, is_up: bool) {
        let has_changed = self.is_up.send_if_modified(|was| {
            let has_changed = *was != Some(is_up);
            *was = Some(is_up);
            has_changed
        });
        match (has_changed, is_up) {
            (true, true) => tracing::info!("the virus scanner answers"),
            (true, false) => {
                tracing::error!("the virus scanner does not answer: email is held until it does");
            }
            (false, _) => {}
        }
    }

    async fn ping(&self) -> Result<(), ScanError> {
        let answer = tokio::time::timeout(PING_TIMEOUT, client::ping(&self.address)).await;
        match answer {
            Ok(Ok(answer)) if answer == PONG => Ok(()),
            Ok(Ok(_)) => Err(ScanError::Unreachable("it is no clamd".to_owned())),
            Ok(Err(error)) => Err(ScanError::Unreachable(error.to_string())),
            Err(_) => Err(ScanError::Unreachable("timed out".to_owned())),
        }
    }

    /// Scans a piece of a mail: a file, or what was written.
    ///
    /// # Errors
    /// [`ScanError`] when it is not known whether it is clean.
    pub async fn scan(&self, piece: &[u8]) -> Result<Found, ScanError> {
        if piece.is_empty() {
            return Ok(Found::Nothing);
        }
        let mut key = [0; SHA256_OUTPUT_LEN];
        key.copy_from_slice(digest(&SHA256, piece).as_ref());
        if self.is_known_clean(&key) {
            return Ok(Found::Nothing);
        }
        let scan = client::scan_buffer(piece, &self.address, Some(CHUNK_SIZE));
        let answer = match tokio::time::timeout(self.timeout, scan).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(self.failed(piece.len(), error.to_string()).await),
            Err(_) => return Err(self.failed(piece.len(), "timed out".to_owned()).await),
        };
        match read_answer(&answer) {
            Some(Found::Nothing) => {
                self.remember(key);
                Ok(Found::Nothing)
            }
            Some(found) => Ok(found),
            None => {
                let why = String::from_utf8_lossy(&answer);
                let why = why.trim_end_matches('\0').trim().to_owned();
                Err(self.failed(piece.len(), why).await)
            }
        }
    }

    /// It ends the connection over what is larger than its `StreamMaxLength`, and goes on with
    /// others.
    async fn failed(&self, size: usize, why: String) -> ScanError {
        match self.ping().await {
            Ok(()) => ScanError::Refused { size, why },
            Err(error) => {
                self.tell(false);
                error
            }
        }
    }

    fn is_known_clean(&self, key: &[u8; SHA256_OUTPUT_LEN]) -> bool {
        let clean = self.clean.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.monotonic();
        let since = clean.get(key);
        since.is_some_and(|since| now.saturating_duration_since(*since) < CLEAN_FOR)
    }

    fn remember(&self, key: [u8; SHA256_OUTPUT_LEN]) {
        let mut clean = self.clean.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.monotonic();
        if clean.len() >= CLEAN_MAX {
            clean.retain(|_, since| now.saturating_duration_since(*since) < CLEAN_FOR);
        }
        if clean.len() < CLEAN_MAX {
            clean.insert(key, now);
        }
    }
}

/// `stream: OK`, or `stream: Name FOUND`; none for anything else.
fn read_answer(answer: &[u8]) -> Option<Found> {
    let said = std::str::from_utf8(answer).ok()?;
    let said = said
        .trim_end_matches(['\0', '\n'])
        .strip_prefix("stream: ")?;
    if said == "OK" {
        return Some(Found::Nothing);
    }
    let name = said.strip_suffix(" FOUND")?;
    Some(Found::Virus(name.to_owned()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    #[test]
    fn answers_are_read_and_nothing_else_is_clean() {
        assert_eq!(read_answer(b"stream: OK\0"), Some(Found::Nothing));
        let virus = Found::Virus("Eicar-Test-Signature".to_owned());
        assert_eq!(
            read_answer(b"stream: Eicar-Test-Signature FOUND\0"),
            Some(virus)
        );
        for other in [
            "",
            "OK",
            "stream: ",
            "stream: OK FOUNDER",
            "INSTREAM size limit exceeded. ERROR\0",
            "stream: Can't allocate memory ERROR\0",
            "stream: OKAY\0",
        ] {
            assert_eq!(read_answer(other.as_bytes()), None, "{other:?}");
        }
    }

    /// Answers one thing to everything, after the end of what it is sent.
    async fn scanner(answer: &'static [u8]) -> ClamdAddress {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut got = vec![0; 1024 * 1024];
                    let mut all = Vec::new();
                    while let Ok(size @ 1..) = stream.read(&mut got).await {
                        all.extend_from_slice(&got[..size]);
                        if all.starts_with(b"zPING\0") {
                            let _ = stream.write_all(PONG).await;
                            return;
                        }
                        if all.ends_with(&[0; 4]) {
                            let _ = stream.write_all(answer).await;
                            return;
                        }
                    }
                });
            }
        });
        ClamdAddress::Tcp(address)
    }

    fn of(address: ClamdAddress) -> Arc<Clamd> {
        Clamd::new(address, Duration::from_millis(500), SystemClock::shared())
    }

    #[tokio::test]
    async fn only_a_clear_answer_is_clean_and_it_is_remembered_for_a_while() {
        let clean = of(scanner(b"stream: OK\0").await);
        assert_eq!(clean.scan(b"text").await, Ok(Found::Nothing));
        let gone = Clamd {
            address: ClamdAddress::Unix("/nonexistent/clamd".into()),
            timeout: clean.timeout,
            clock: clean.clock.clone(),
            clean: Mutex::new(clean.clean.lock().unwrap().clone()),
            is_up: watch::Sender::new(Some(true)),
        };
        assert_eq!(gone.scan(b"text").await, Ok(Found::Nothing), "known");
        let unknown = gone.scan(b"other").await;
        assert!(
            matches!(unknown, Err(ScanError::Unreachable(_))),
            "{unknown:?}"
        );
        assert!(gone.is_down());
        let full = of(scanner(b"INSTREAM size limit exceeded. ERROR\0").await);
        let refused = full.scan(b"large").await;
        assert!(
            matches!(refused, Err(ScanError::Refused { size: 5, .. })),
            "{refused:?}"
        );
        let endless = of(scanner(&[b'x'; 1024 * 1024]).await);
        assert!(endless.scan(b"text").await.is_err());
    }

    #[tokio::test]
    async fn it_is_seen_whether_it_answers() {
        let here = of(scanner(b"stream: OK\0").await);
        assert!(!here.is_up() && !here.is_down());
        let stop = CancellationToken::new();
        let watching = tokio::spawn(Arc::clone(&here).watch(stop.clone()));
        while !here.is_up() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.cancel();
        watching.await.unwrap();
    }
}
