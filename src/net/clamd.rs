//! The virus scanner: a clamd, asked over its socket (clamd(8), INSTREAM).

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OnceCell, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::clock::{SharedClock, apart};

/// Time between two looks whether it answers, and while it does not.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_INTERVAL_DOWN: Duration = Duration::from_secs(1);
/// Longest wait for the answer to a ping, or to the scan of a few octets.
const PING_TIMEOUT: Duration = Duration::from_secs(5);
/// What is scanned to see whether it scans at all: its threads may hang where it still answers.
const PROBE: &[u8] = b"Do you scan?";
/// Pieces in a row that were not answered in time, after which it counts as down. One alone may
/// take long by itself, however often it is asked for.
const UNANSWERED_MAX: usize = 2;
/// Scans under way that whoever asks for the same piece waits for; beyond them each has its own.
const SHARED_MAX: usize = 1_024;
/// Longest answer that is read, in octets.
const ANSWER_SIZE_MAX: u64 = 4_096;
/// How long what was scanned need not be scanned again: a newsletter brings the same files to
/// thousands, and tomorrow's signatures may know more.
const KNOWN_FOR: Duration = Duration::from_secs(10 * 60);
/// Digests of pieces that are remembered; beyond them what was asked for longest ago is forgotten.
const KNOWN_MAX: usize = 4_096;
/// Octets that are handed over at once.
const CHUNK_SIZE: usize = 64 * 1024;
/// Larger pieces are hashed apart from the threads that carry calls, in octets.
const HASHED_HERE_MAX: usize = 64 * 1024;
/// How the names of what it did not look through begin, where `AlertExceedsMax` is on.
const NOT_SCANNED: &str = "Heuristics.Limits.Exceeded";

/// Where a clamd listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClamdAddress {
    /// Host and port.
    Tcp(String),
    /// A socket in the file system.
    Unix(PathBuf),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl ClamdAddress {
    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(address) => Box::new(TcpStream::connect(address).await?),
            Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }

    /// What it answers to a command and what comes with it, without the NUL at its end. Of what is
    /// too large it says so and closes while it is still being sent: that is heard, too.
    async fn ask(&self, command: &[u8], piece: Option<&[u8]>) -> io::Result<String> {
        let mut stream = self.connect().await?;
        let sent = send(&mut stream, command, piece).await;
        let mut answer = Vec::new();
        let read = stream.take(ANSWER_SIZE_MAX).read_to_end(&mut answer).await;
        if answer.is_empty() {
            sent?;
            read?;
            return Err(io::Error::other("it said nothing"));
        }
        let answer = String::from_utf8_lossy(&answer);
        Ok(answer.trim_end_matches(['\0', '\n']).to_owned())
    }
}

async fn send(stream: &mut dyn Stream, command: &[u8], piece: Option<&[u8]>) -> io::Result<()> {
    stream.write_all(command).await?;
    if let Some(piece) = piece {
        for chunk in piece.chunks(CHUNK_SIZE) {
            let size = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
            stream.write_all(&size.to_be_bytes()).await?;
            stream.write_all(chunk).await?;
        }
        stream.write_all(&[0; 4]).await?;
    }
    stream.flush().await
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
    /// It answers, and will never look through this as it is set up.
    #[error("the virus scanner does not look through {size} bytes: {why}")]
    TooLarge {
        /// How much it was given.
        size: usize,
        /// What it said.
        why: String,
    },
    /// It answers, and did not scan this.
    #[error("the virus scanner did not take {size} bytes: {why}")]
    Refused {
        /// How much it was given.
        size: usize,
        /// What it said, or how the connection ended.
        why: String,
    },
}

/// Whose a piece is. How long one of a stranger takes says nothing of the scanner: nobody may hold
/// up what goes out by sending what is slow to look through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Others,
}

type Digest = [u8; SHA256_OUTPUT_LEN];
/// What came of a scan.
type Scanned = Result<Found, ScanError>;

/// What is known of a piece: what was found, or that it will never be looked through.
#[derive(Debug, Clone)]
struct Known {
    scanned: Scanned,
    scanned_at: Instant,
    asked_at: Instant,
}

/// Asks a clamd.
#[derive(Debug)]
pub struct Clamd {
    address: ClamdAddress,
    timeout: Duration,
    clock: SharedClock,
    known: Mutex<HashMap<Digest, Known>>,
    /// Scans under way, as long as anybody waits for them.
    shared: Mutex<HashMap<Digest, Weak<OnceCell<Scanned>>>>,
    /// Pieces that were not answered in time since it answered last, at most [`UNANSWERED_MAX`].
    unanswered: Mutex<HashSet<Digest>>,
    /// Why it is down, if it is; nothing before it was asked for the first time.
    state: watch::Sender<Option<Result<(), String>>>,
}

impl Clamd {
    /// `timeout` is for one scan.
    #[must_use]
    pub fn new(address: ClamdAddress, timeout: Duration, clock: SharedClock) -> Arc<Self> {
        Arc::new(Self {
            address,
            timeout,
            clock,
            known: Mutex::default(),
            shared: Mutex::default(),
            unanswered: Mutex::default(),
            state: watch::Sender::new(None),
        })
    }

    /// Whether it answered when it was asked last.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(*self.state.borrow(), Some(Ok(())))
    }

    /// Why it did not, where it did not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.state.borrow().clone().and_then(Result::err)
    }

    /// Waits until it answers again, so long at most. Whether it does.
    pub async fn back_within(&self, longest: Duration) -> bool {
        let mut state = self.state.subscribe();
        let back = state.wait_for(|state| matches!(state, Some(Ok(()))));
        timeout(longest, back).await.is_ok_and(|back| back.is_ok())
    }

    /// Asks every few seconds whether it is there. Runs until stopped.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let looked = stop.run_until_cancelled(self.look()).await;
            let Some(state) = looked else {
                return;
            };
            let pause = if state.is_ok() {
                PING_INTERVAL
            } else {
                PING_INTERVAL_DOWN
            };
            self.tell(state);
            let paused = stop.run_until_cancelled(tokio::time::sleep(pause)).await;
            if paused.is_none() {
                return;
            }
        }
    }

    /// Whether it answers; behind trouble also whether it scans.
    async fn look(&self) -> Result<(), String> {
        self.ping().await?;
        let is_suspect = !lock(&self.unanswered).is_empty();
        if is_suspect || self.trouble().is_some() {
            let probe = self.address.ask(b"zINSTREAM\0", Some(PROBE));
            match timeout(PING_TIMEOUT, probe).await {
                Ok(Ok(answer)) if read_answer(&answer) == Some(Found::Nothing) => {}
                Ok(Ok(answer)) => return Err(answer),
                Ok(Err(error)) => return Err(error.to_string()),
                Err(_) => return Err("it answers and scans nothing in time".to_owned()),
            }
            lock(&self.unanswered).clear();
        }
        Ok(())
    }

    fn tell(&self, state: Result<(), String>) {
        let told = state.clone();
        let has_changed = self.state.send_if_modified(|was| {
            let was_up = was.as_ref().map(Result::is_ok);
            let has_changed = was_up != Some(state.is_ok());
            *was = Some(state);
            has_changed
        });
        match told {
            Ok(()) if has_changed => tracing::info!("the virus scanner answers"),
            Err(why) if has_changed => {
                tracing::error!(%why, "the virus scanner does not answer: email is held until it does");
            }
            Ok(()) | Err(_) => {}
        }
    }

    async fn ping(&self) -> Result<(), String> {
        match timeout(PING_TIMEOUT, self.address.ask(b"zPING\0", None)).await {
            Ok(Ok(answer)) if answer == "PONG" => Ok(()),
            Ok(Ok(_)) => Err("it is no clamd".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("timed out".to_owned()),
        }
    }

    /// Scans a piece of a mail that is to go: a file, or what was written.
    ///
    /// # Errors
    /// [`ScanError`] when it is not known whether it is clean.
    pub async fn scan(&self, piece: &Bytes) -> Result<Found, ScanError> {
        let (found, is_news) = self.look_through(piece, Whose::Ours).await?;
        if let (Found::Virus(name), true) = (&found, is_news) {
            tracing::warn!(virus = %name, "a virus was found in what was to be sent; it is rejected");
        }
        Ok(found)
    }

    /// Scans a file that came in. Whoever asks logs what was found, and in what.
    ///
    /// # Errors
    /// As [`Clamd::scan`].
    pub async fn scan_received(&self, file: &Bytes) -> Result<Found, ScanError> {
        Ok(self.look_through(file, Whose::Others).await?.0)
    }

    /// What is found, and whether it was not known before.
    async fn look_through(&self, piece: &Bytes, whose: Whose) -> Result<(Found, bool), ScanError> {
        if piece.is_empty() {
            return Ok((Found::Nothing, false));
        }
        let Some(key) = digest_of(piece).await else {
            let why = "it could not be told what it is".to_owned();
            let size = piece.len();
            return Err(ScanError::Refused { size, why });
        };
        if let Some(scanned) = self.known(&key) {
            return Ok((scanned?, false));
        }
        // Many are sent the same at once: who comes first asks for all, and if they give up, the
        // next does.
        let shared = self.shared(key);
        let mut is_news = false;
        let scanned = shared.get_or_init(|| {
            is_news = true;
            self.ask_about(key, piece, whose)
        });
        let scanned = scanned.await.clone();
        Ok((scanned?, is_news))
    }

    /// Where the scan of a piece ends that is under way, or begins.
    fn shared(&self, key: Digest) -> Arc<OnceCell<Scanned>> {
        let mut shared = lock(&self.shared);
        if let Some(known) = shared.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        let new = Arc::default();
        shared.retain(|_, scan| scan.strong_count() > 0);
        if shared.len() < SHARED_MAX {
            shared.insert(key, Arc::downgrade(&new));
        }
        new
    }

    async fn ask_about(&self, key: Digest, piece: &Bytes, whose: Whose) -> Scanned {
        let scanned = self.ask_in_time(key, piece, whose).await;
        if matches!(scanned, Ok(_) | Err(ScanError::TooLarge { .. })) {
            self.remember(key, scanned.clone());
        }
        // Whoever comes from now on goes by what is remembered, or asks anew.
        lock(&self.shared).remove(&key);
        scanned
    }

    async fn ask_in_time(&self, key: Digest, piece: &Bytes, whose: Whose) -> Scanned {
        let size = piece.len();
        let scan = self.address.ask(b"zINSTREAM\0", Some(piece));
        let answer = match timeout(self.timeout, scan).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(self.failed(size, error.to_string()).await),
            Err(_) if whose == Whose::Ours && self.is_too_often(key) => {
                let why = "it answers and scans nothing in time".to_owned();
                self.tell(Err(why.clone()));
                return Err(ScanError::Unreachable(why));
            }
            Err(_) => return Err(self.failed(size, "timed out".to_owned()).await),
        };
        lock(&self.unanswered).clear();
        match read_answer(&answer) {
            Some(Found::Virus(name)) if name.starts_with(NOT_SCANNED) => {
                Err(ScanError::TooLarge { size, why: name })
            }
            Some(found) => Ok(found),
            None if answer.contains("size limit exceeded") => {
                Err(ScanError::TooLarge { size, why: answer })
            }
            None => Err(self.failed(size, answer).await),
        }
    }

    /// Notes that a piece was not answered in time. Whether there are too many of them.
    fn is_too_often(&self, key: Digest) -> bool {
        let mut unanswered = lock(&self.unanswered);
        if unanswered.len() < UNANSWERED_MAX {
            unanswered.insert(key);
        }
        unanswered.len() >= UNANSWERED_MAX
    }

    /// It may end a connection and go on with others.
    async fn failed(&self, size: usize, why: String) -> ScanError {
        match self.ping().await {
            Ok(()) => ScanError::Refused { size, why },
            Err(error) => {
                self.tell(Err(error.clone()));
                ScanError::Unreachable(error)
            }
        }
    }

    fn known(&self, key: &Digest) -> Option<Scanned> {
        let now = self.clock.monotonic();
        let mut known = lock(&self.known);
        let known = known.get_mut(key)?;
        let age = now.saturating_duration_since(known.scanned_at);
        (age < KNOWN_FOR).then_some(())?;
        known.asked_at = now;
        Some(known.scanned.clone())
    }

    fn remember(&self, key: Digest, scanned: Scanned) {
        let now = self.clock.monotonic();
        let mut known = lock(&self.known);
        if known.len() >= KNOWN_MAX {
            let longest_ago = known.iter().min_by_key(|(_, known)| known.asked_at);
            let longest_ago = longest_ago.map(|(key, _)| *key);
            longest_ago.and_then(|key| known.remove(&key));
        }
        known.insert(
            key,
            Known {
                scanned,
                scanned_at: now,
                asked_at: now,
            },
        );
    }
}

/// What these locks guard is whole between any two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn digest_of(piece: &Bytes) -> Option<Digest> {
    let of = |piece: &[u8]| digest(&SHA256, piece).as_ref().try_into().ok();
    if piece.len() <= HASHED_HERE_MAX {
        return of(piece);
    }
    let piece = piece.clone();
    apart(move || of(&piece)).await.ok().flatten()
}

/// `stream: OK`, or `stream: Name FOUND`; none for anything else.
fn read_answer(answer: &str) -> Option<Found> {
    let said = answer.strip_prefix("stream: ")?;
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
    use crate::clock::{SystemClock, VirtualClock};
    use tokio::net::TcpListener;

    #[test]
    fn answers_are_read_and_nothing_else_is_clean() {
        assert_eq!(read_answer("stream: OK"), Some(Found::Nothing));
        let virus = Found::Virus("Eicar-Test-Signature".to_owned());
        assert_eq!(
            read_answer("stream: Eicar-Test-Signature FOUND"),
            Some(virus)
        );
        for other in [
            "",
            "OK",
            "stream: ",
            "stream: OK FOUNDER",
            "INSTREAM size limit exceeded. ERROR",
            "stream: Can't allocate memory ERROR",
            "stream: OKAY",
        ] {
            assert_eq!(read_answer(other), None, "{other:?}");
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
                            let _ = stream.write_all(b"PONG\0").await;
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

    const TEXT: Bytes = Bytes::from_static(b"text");

    #[tokio::test]
    async fn only_a_clear_answer_is_clean() {
        let clean = of(scanner(b"stream: OK\0").await);
        assert_eq!(clean.scan(&TEXT).await, Ok(Found::Nothing));
        for full in [
            &b"INSTREAM size limit exceeded. ERROR\0"[..],
            b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0",
        ] {
            let refused = of(scanner(full).await).scan(&TEXT).await;
            let is_too_large = matches!(refused, Err(ScanError::TooLarge { size: 4, .. }));
            assert!(is_too_large, "{refused:?}");
        }
        let silent = of(scanner(b"").await).scan(&TEXT).await;
        assert!(
            matches!(silent, Err(ScanError::Refused { .. })),
            "{silent:?}"
        );
        let endless = of(scanner(&[b'x'; 1024 * 1024]).await).scan(&TEXT).await;
        let Err(ScanError::Refused { why, .. }) = endless else {
            panic!("{endless:?}");
        };
        assert_eq!(why.len(), 4_096);
    }

    #[tokio::test]
    async fn what_was_scanned_is_remembered_for_ten_minutes() {
        let too_large = ScanError::TooLarge {
            size: 4,
            why: "Heuristics.Limits.Exceeded.MaxScanTime".to_owned(),
        };
        for (answer, found) in [
            (&b"stream: OK\0"[..], Ok(Found::Nothing)),
            (
                b"stream: Eicar FOUND\0",
                Ok(Found::Virus("Eicar".to_owned())),
            ),
            (
                b"stream: Heuristics.Limits.Exceeded.MaxScanTime FOUND\0",
                Err(too_large),
            ),
        ] {
            let clock = VirtualClock::standing(SystemClock::shared().wall());
            let mut scanner = Clamd {
                address: scanner(answer).await,
                timeout: Duration::from_millis(500),
                clock: clock.clone(),
                known: Mutex::default(),
                shared: Mutex::default(),
                unanswered: Mutex::default(),
                state: watch::Sender::new(Some(Ok(()))),
            };
            assert_eq!(scanner.scan(&TEXT).await, found);
            scanner.address = ClamdAddress::Unix("/nonexistent/clamd".into());
            clock.advance(Duration::from_secs(599));
            assert_eq!(scanner.scan(&TEXT).await, found, "known");
            assert_eq!(scanner.trouble(), None);
            clock.advance(Duration::from_secs(1));
            let unknown = scanner.scan(&TEXT).await;
            let is_away = matches!(unknown, Err(ScanError::Unreachable(_)));
            assert!(is_away && scanner.trouble().is_some(), "{unknown:?}");
        }
    }

    #[tokio::test]
    async fn what_was_asked_for_longest_ago_is_forgotten_first() {
        let clock = VirtualClock::standing(SystemClock::shared().wall());
        let nowhere = ClamdAddress::Unix("/nonexistent/clamd".into());
        let scanner = Clamd::new(nowhere, Duration::from_secs(1), clock.clone());
        let key = |number: usize| {
            let mut key = Digest::default();
            key[..8].copy_from_slice(&number.to_be_bytes());
            key
        };
        for number in 0..=KNOWN_MAX {
            clock.advance(Duration::from_millis(1));
            // The file of a newsletter goes out beside texts that are each somebody's own.
            assert!(number == 0 || scanner.known(&key(0)).is_some());
            scanner.remember(key(number), Ok(Found::Nothing));
        }
        assert_eq!(lock(&scanner.known).len(), KNOWN_MAX);
        assert_eq!(scanner.known(&key(1)), None);
        assert!(scanner.known(&key(0)).is_some() && scanner.known(&key(KNOWN_MAX)).is_some());
    }

    /// Answers pings, and scans as soon as it is let; tells how many scans were begun.
    async fn hanging(scans: watch::Receiver<bool>) -> (ClamdAddress, watch::Receiver<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (begun, asked) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (mut scans, begun) = (scans.clone(), begun.clone());
                tokio::spawn(async move {
                    let mut got = [0; 256];
                    let size = stream.read(&mut got).await.unwrap_or(0);
                    let answer: &[u8] = if got[..size].starts_with(b"zPING\0") {
                        b"PONG\0"
                    } else {
                        begun.send_modify(|begun| *begun += 1);
                        let _ = scans.wait_for(|scans| *scans).await;
                        b"stream: OK\0"
                    };
                    let _ = stream.write_all(answer).await;
                });
            }
        });
        (ClamdAddress::Tcp(address), asked)
    }

    #[tokio::test]
    async fn what_many_ask_for_at_once_is_scanned_once() {
        let (scans, let_scan) = watch::channel(false);
        let (address, mut asked) = hanging(let_scan).await;
        let scanner = Clamd::new(address, Duration::from_secs(20), SystemClock::shared());
        let scan = || {
            let scanner = Arc::clone(&scanner);
            tokio::spawn(async move { scanner.look_through(&TEXT, Whose::Ours).await })
        };
        let first = scan();
        asked.wait_for(|asked| *asked == 1).await.unwrap();
        let others = [scan(), scan(), scan()];
        let waiting = || -> usize {
            let shared = lock(&scanner.shared);
            shared.values().map(Weak::strong_count).sum()
        };
        while waiting() != 4 {
            tokio::task::yield_now().await;
        }
        // Who gives up takes nothing from the others.
        first.abort();
        asked.wait_for(|asked| *asked == 2).await.unwrap();
        scans.send(true).unwrap();
        let mut news = 0;
        for other in others {
            let (found, is_news) = other.await.unwrap().unwrap();
            assert_eq!(found, Found::Nothing);
            news += usize::from(is_news);
        }
        assert_eq!((news, *asked.borrow()), (1, 2));
        assert!(lock(&scanner.shared).is_empty());
    }

    #[tokio::test]
    async fn one_piece_that_takes_long_does_not_speak_for_all() {
        let (_scans, let_scan) = watch::channel(false);
        let scanner = of(hanging(let_scan).await.0);
        for _ in 0..UNANSWERED_MAX {
            let slow = scanner.scan(&TEXT).await;
            assert!(matches!(slow, Err(ScanError::Refused { .. })), "{slow:?}");
            assert_eq!(scanner.trouble(), None);
        }
        // Whether it scans anything is looked at all the same.
        assert_eq!(lock(&scanner.unanswered).len(), 1);
    }

    #[tokio::test]
    async fn one_that_answers_and_scans_nothing_is_down_until_it_does() {
        let (scans, let_scan) = watch::channel(false);
        let scanner = of(hanging(let_scan).await.0);
        let first = scanner.scan(&TEXT).await;
        assert!(matches!(first, Err(ScanError::Refused { .. })), "{first:?}");
        let second = scanner.scan(&Bytes::from_static(b"other")).await;
        assert!(
            matches!(second, Err(ScanError::Unreachable(_))),
            "{second:?}"
        );
        assert!(
            scanner
                .trouble()
                .is_some_and(|why| why.contains("scans nothing"))
        );
        scans.send(true).unwrap();
        let stop = CancellationToken::new();
        let watching = tokio::spawn(Arc::clone(&scanner).watch(stop.clone()));
        assert!(scanner.back_within(Duration::from_secs(10)).await);
        assert_eq!(scanner.scan(&TEXT).await, Ok(Found::Nothing));
        stop.cancel();
        watching.await.unwrap();
    }

    #[tokio::test]
    async fn what_strangers_send_slowly_is_no_reason_to_hold_mail() {
        let (_scans, let_scan) = watch::channel(false);
        let (address, _asked) = hanging(let_scan).await;
        let scanner = of(address);
        scanner.tell(Ok(()));
        for _ in 0..=UNANSWERED_MAX {
            let slow = scanner.scan_received(&TEXT).await;
            assert!(matches!(slow, Err(ScanError::Refused { .. })), "{slow:?}");
        }
        assert!(scanner.is_up());
        let first = scanner.scan(&TEXT).await;
        assert!(matches!(first, Err(ScanError::Refused { .. })), "{first:?}");
        assert!(scanner.is_up(), "the first of ours");
    }

    #[tokio::test]
    async fn it_is_seen_whether_it_answers() {
        let here = of(scanner(b"stream: OK\0").await);
        assert!(!here.is_up() && here.trouble().is_none());
        let stop = CancellationToken::new();
        let watching = tokio::spawn(Arc::clone(&here).watch(stop.clone()));
        while !here.is_up() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.cancel();
        watching.await.unwrap();
    }
}
