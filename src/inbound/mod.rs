//! What comes back: bounces, complaints, automatic answers, replies, receipts. Each is kept
//! first, acknowledged then, and matched to its delivery or contact.

mod asked;
mod files;
mod mail;
mod mail_auth;
mod scan;
mod sms;
mod text_parts;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};

use crate::classify::network_errors::ErrorCodes;
use crate::clock::{Randomness, SharedClock};
use crate::domain::ReturnPaths;
use crate::store::{Repo, RepoError, StoreError};
use crate::tracker::{FileScanner, Tracker, TrackerError};

pub use asked::OnTime;
pub use files::{file_of_mail, html_of_mail};
pub use mail_auth::{MailAuth, NameServers};
pub use sms::IncomingText;
pub use text_parts::{IncomingPart, PartTaken};

/// Why something that came in could not be kept or matched.
#[derive(Debug, thiserror::Error)]
pub enum InboundError {
    /// Reading failed.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// Committing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Recording failed.
    #[error(transparent)]
    Tracker(#[from] TrackerError),
}

/// What must be known of a carrier to read what comes back from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// Its name, with which the ids of its texts begin, before a `/`.
    pub name: String,
    /// The number or name that its texts come from.
    pub sender: String,
    /// Its error codes of its own.
    pub error_codes: ErrorCodes,
}

/// Takes in what comes back.
#[derive(Clone, Debug)]
pub struct Inbound {
    repo: Repo,
    tracker: Tracker,
    clock: SharedClock,
    random: Randomness,
    return_paths: ReturnPaths,
    /// Region in which national numbers are read (ISO 3166-1 alpha-2).
    region: String,
    mail_auth: Option<Arc<MailAuth>>,
    /// Looks through files for viruses.
    scanner: Option<Arc<dyn FileScanner>>,
    /// How long after a delivery was made reports about it are believed.
    bounce_lifetime: Duration,
    /// By which texts go and come.
    carriers: Arc<[Carrier]>,
    /// Places for the reading itself, which costs time of the processor.
    reading: Arc<Semaphore>,
    /// Places for looking where mail comes from, which waits for the name servers of strangers.
    lookups: Arc<Semaphore>,
    /// Places for large mails, which lie in memory until they are done with.
    large: Arc<Semaphore>,
    /// Held while a part of a text is kept or a text put together.
    parts: Arc<Mutex<()>>,
    /// Receipts that a carrier was asked to deliver once more.
    asked: Arc<std::sync::Mutex<asked::AskedAgain>>,
}

/// Incoming mails read at once.
const READING_MAX: usize = 4;
/// Incoming mails at once of which it is looked up where they come from.
const LOOKUPS_MAX: usize = 48;
/// Large mails that people wrote under way at once.
const LARGE_MAX: usize = 8;

impl Inbound {
    /// Over this state.
    #[must_use]
    pub fn new(
        repo: Repo,
        tracker: Tracker,
        clock: SharedClock,
        random: Randomness,
        return_paths: ReturnPaths,
    ) -> Self {
        Self {
            repo,
            tracker,
            clock,
            random,
            return_paths,
            region: String::new(),
            mail_auth: None,
            scanner: None,
            bounce_lifetime: Duration::MAX,
            carriers: Arc::default(),
            reading: Arc::new(Semaphore::new(READING_MAX)),
            lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)),
            large: Arc::new(Semaphore::new(LARGE_MAX)),
            parts: Arc::default(),
            asked: Arc::default(),
        }
    }

    /// Reads the numbers of people who write as they are written in this region.
    #[must_use]
    pub fn in_region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// Believes reports about deliveries for so long after they were made.
    #[must_use]
    pub const fn with_bounce_lifetime(mut self, lifetime: Duration) -> Self {
        self.bounce_lifetime = lifetime;
        self
    }

    /// Knows by which carriers texts go and come.
    #[must_use]
    pub fn with_carriers(mut self, carriers: Vec<Carrier>) -> Self {
        self.carriers = carriers.into();
        self
    }

    /// Looks where mail comes from that people write.
    #[must_use]
    pub fn with_mail_auth(mut self, mail_auth: MailAuth) -> Self {
        self.mail_auth = Some(Arc::new(mail_auth));
        self
    }

    /// Has files that come in looked through for viruses.
    #[must_use]
    pub fn with_scanner(mut self, scanner: Arc<dyn FileScanner>) -> Self {
        self.scanner = Some(scanner);
        self
    }

    /// The bounce addresses that mail may come to.
    #[must_use]
    pub const fn return_paths(&self) -> &ReturnPaths {
        &self.return_paths
    }
}
