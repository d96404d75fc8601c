//! The virus scanner, for mail that goes and for files that came in.

use std::sync::Arc;

use bytes::Bytes;

use crate::clock::SharedClock;
use crate::config;
use crate::domain::ScanFound;
use crate::net::clamd::{Clamd, ClamdAddress, Found, ScanError};
use crate::tracker::{FileScanner, NotScanned, Scanning};

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
    Arc::new(Received(Arc::clone(clamd)))
}

#[derive(Debug)]
struct Received(Arc<Clamd>);

impl FileScanner for Received {
    fn scan<'a>(&'a self, file: &'a Bytes) -> Scanning<'a> {
        Box::pin(async move {
            // Nobody is kept waiting for one that is known to be away: it is asked again later.
            if let Some(why) = self.0.trouble() {
                return Err(NotScanned(why));
            }
            match self.0.scan_received(file).await {
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
