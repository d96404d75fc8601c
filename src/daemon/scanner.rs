//! The virus scanner, for mail that goes and for files that came in.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::clock::SharedClock;
use crate::config;
use crate::domain::ScanFound;
use crate::net::clamd::{Clamd, ClamdAddress, Found, ScanError};
use crate::tracker::{FileScanner, NotScanned, Scanning};

/// Files that came in and are scanned at once, and as many that are fetched.
const AT_ONCE_MAX: usize = 2;
/// Longest wait for a place while a mail is taken in: others wait behind it.
const ARRIVAL_WAIT_MAX: Duration = Duration::from_secs(1);

/// The clamd that is configured; nobody watches yet whether it answers.
pub(super) fn clamd(config: &config::Email, clock: &SharedClock) -> Option<Arc<Clamd>> {
    let scanner = config.scanner.as_ref()?;
    let address = if scanner.address.starts_with('/') {
        ClamdAddress::Unix(scanner.address.clone().into())
    } else {
        ClamdAddress::Tcp(scanner.address.clone())
    };
    Some(Clamd::new(address, scanner.timeout, clock.clone()))
}

/// A clamd as what looks through files that are fetched: whoever asks for one waits for a place.
#[must_use]
pub fn file_scanner(clamd: &Arc<Clamd>) -> Arc<dyn FileScanner> {
    Arc::new(Received::new(clamd, Duration::MAX))
}

/// A clamd as what looks through files while the mail that brings them is taken in. What finds no
/// place soon is looked through when it is fetched.
#[must_use]
pub fn arrival_scanner(clamd: &Arc<Clamd>) -> Arc<dyn FileScanner> {
    Arc::new(Received::new(clamd, ARRIVAL_WAIT_MAX))
}

#[derive(Debug)]
struct Received {
    clamd: Arc<Clamd>,
    places: Arc<Semaphore>,
    wait_max: Duration,
}

impl Received {
    fn new(clamd: &Arc<Clamd>, wait_max: Duration) -> Self {
        Self {
            clamd: Arc::clone(clamd),
            places: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            wait_max,
        }
    }
}

impl FileScanner for Received {
    fn scan<'a>(&'a self, file: &'a Bytes) -> Scanning<'a> {
        Box::pin(async move {
            // Nobody is kept waiting for one that is known to be away: it is asked again later.
            if let Some(why) = self.clamd.trouble() {
                return Err(NotScanned(why));
            }
            let place = Arc::clone(&self.places).acquire_owned();
            let place = timeout(self.wait_max, place).await;
            let busy = |_| NotScanned("it is busy with other files".to_owned());
            let place = place.map_err(busy)?;
            let place = place.map_err(|error| NotScanned(error.to_string()))?;
            let (clamd, file) = (Arc::clone(&self.clamd), file.clone());
            // It goes on scanning when nobody waits for it any more, and has its place so long:
            // strangers must not take all of it from mail that goes out.
            let scanning = tokio::spawn(async move {
                let _held = place;
                clamd.scan_received(&file).await
            });
            let found = scanning.await;
            match found.map_err(|error| NotScanned(error.to_string()))? {
                Ok(Found::Nothing) => Ok(ScanFound::Nothing),
                Ok(Found::Virus(name)) => Ok(ScanFound::Virus(name)),
                Err(ScanError::TooLarge { .. }) => Ok(ScanFound::TooLarge),
                Err(error @ (ScanError::Unreachable(_) | ScanError::Refused { .. })) => {
                    Err(NotScanned(error.to_string()))
                }
            }
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    const FILE: Bytes = Bytes::from_static(b"a file");

    #[tokio::test(start_paused = true)]
    async fn mail_that_comes_in_does_not_wait_for_other_files() {
        let nowhere = ClamdAddress::Unix("/nonexistent/clamd".into());
        let clamd = Clamd::new(nowhere, Duration::from_secs(120), SystemClock::shared());
        let at_once = u32::try_from(AT_ONCE_MAX).unwrap();
        for (wait_max, waits) in [(ARRIVAL_WAIT_MAX, false), (Duration::MAX, true)] {
            let scanner = Received::new(&clamd, wait_max);
            let slow = scanner.places.acquire_many(at_once).await.unwrap();
            let scanned = timeout(2 * ARRIVAL_WAIT_MAX, scanner.scan(&FILE)).await;
            assert_eq!(scanned.is_err(), waits, "{scanned:?}");
            if let Ok(scanned) = scanned {
                let why = scanned.unwrap_err().to_string();
                assert_eq!(why, "it is busy with other files");
            }
            assert_eq!(clamd.trouble(), None, "it was not asked");
            drop(slow);
        }
    }
}
