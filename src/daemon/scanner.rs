//! The virus scanner, for mail that goes and for files that came in.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::clock::SharedClock;
use crate::config;
use crate::domain::ScanFound;
use crate::net::clamd::{Clamd, ClamdAddress, Found, ScanError};
use crate::tracker::{FileScanner, NotScanned, Scanning};

/// Files that came in and are scanned at once.
const AT_ONCE_MAX: usize = 2;

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

/// A clamd as what looks through files that came in.
#[must_use]
pub fn file_scanner(clamd: &Arc<Clamd>) -> Arc<dyn FileScanner> {
    Arc::new(Received {
        clamd: Arc::clone(clamd),
        places: Arc::new(Semaphore::new(AT_ONCE_MAX)),
    })
}

#[derive(Debug)]
struct Received {
    clamd: Arc<Clamd>,
    places: Arc<Semaphore>,
}

impl FileScanner for Received {
    fn scan<'a>(&'a self, file: &'a Bytes) -> Scanning<'a> {
        Box::pin(async move {
            // Nobody is kept waiting for one that is known to be away: it is asked again later.
            if let Some(why) = self.clamd.trouble() {
                return Err(NotScanned(why));
            }
            let place = Arc::clone(&self.places).acquire_owned().await;
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
