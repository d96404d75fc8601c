//! The only writer of status. An event comes in; timeline, person, statistics, suspension,
//! communication issue, log and prompts go out in one atomic batch.
//!
//! [`decide`] is pure and may refuse; what it decides is then applied and cannot fail, but for
//! the store. When somebody else changed one of the rows meanwhile, everything is decided anew.

mod confirm;
mod contacts;
pub mod decide;
mod event;
mod inbox;
mod make;
mod prompt;
mod receipts;
mod rounds;
mod tickets;
mod users;
mod write;

#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::broadcast;

use crate::clock::{Randomness, SharedClock};
use crate::domain::suspension::SuspensionPolicy;
use crate::domain::{Category, CommunicationId, ContactId, DeliveryId};
use crate::observe::Metrics;
use crate::store::{Repo, RepoError, StoreError};

pub use confirm::Confirmation;
pub use event::Event;
pub use inbox::{Incoming, Taken, inbox_message};
pub use make::{MadeDelivery, Making, NewDelivery, make_deliveries};
pub use prompt::{PROMPT_CATEGORY, PromptSettings};
pub use receipts::Receipt;
pub use rounds::{ROUND_STEP_PEOPLE_MAX, RoundStep, wanted};
pub use tickets::TicketUse;
pub use users::{NewUser, UserError, UserRights, UserSettings, Users};
pub use write::write_log;

/// How often a change is decided anew because somebody else changed the same rows.
const CONFLICTS_MAX: u32 = 50;
/// Most notices that a slow listener may lag behind before it must look for itself.
const NOTICES_MAX: usize = 4096;

/// What the tracker needs to know of the configuration.
#[derive(Clone, Debug)]
pub struct TrackerSettings {
    /// The categories.
    pub categories: Vec<Category>,
    /// When failures suspend.
    pub suspension: SuspensionPolicy,
    /// What is sent by itself when a method is suspended.
    pub prompts: PromptSettings,
}

/// Something changed; for pages that show it live and for runners that must stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A person's row in a communication changed.
    PersonChanged {
        /// Of which communication.
        communication: CommunicationId,
        /// Who.
        contact: ContactId,
    },
    /// A delivery was given up; whoever works on it should stop.
    DeliveryClosed(DeliveryId),
    /// Our own side is at fault (blocked address, refused login): an operator should look.
    SenderFault(DeliveryId),
}

/// Why something could not be recorded.
#[derive(Debug, thiserror::Error)]
pub enum TrackerError {
    /// Reading failed.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// Committing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the event is about does not exist.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Somebody else kept changing the same rows.
    #[error("the same rows kept changing; gave up after {CONFLICTS_MAX} tries")]
    Contention,
}

/// Records what happens.
#[derive(Clone)]
pub struct Tracker {
    repo: Repo,
    clock: SharedClock,
    random: Randomness,
    settings: Arc<RwLock<Arc<TrackerSettings>>>,
    notices: broadcast::Sender<Notice>,
    metrics: Option<Arc<Metrics>>,
    /// One for many people each: two messages of one person are put into threads one by one.
    threading: Arc<[tokio::sync::Mutex<()>; inbox::LOCKS]>,
}

impl std::fmt::Debug for Tracker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tracker").finish_non_exhaustive()
    }
}

impl Tracker {
    /// Over this state, with these clocks.
    #[must_use]
    pub fn new(
        repo: Repo,
        clock: SharedClock,
        random: Randomness,
        settings: TrackerSettings,
    ) -> Self {
        let (notices, _) = broadcast::channel(NOTICES_MAX);
        Self {
            repo,
            clock,
            random,
            settings: Arc::new(RwLock::new(Arc::new(settings))),
            notices,
            metrics: None,
            threading: Arc::new(std::array::from_fn(|_| tokio::sync::Mutex::new(()))),
        }
    }

    /// Counts what it records.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// What changes from now on. A listener that lags misses some and must look for itself.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// The category of this name; one that is no longer configured asks for nothing special.
    #[must_use]
    pub fn category(&self, name: &str) -> Category {
        category(&self.settings().categories, name)
    }

    /// Puts other settings into force, for all handles.
    pub fn replace_settings(&self, settings: TrackerSettings) {
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    fn settings(&self) -> Arc<TrackerSettings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, notices: Vec<Notice>) {
        for notice in notices {
            // Nobody listening is no error: pages come and go.
            let _ = self.notices.send(notice);
        }
    }
}

fn category(categories: &[Category], name: &str) -> Category {
    let known = categories.iter().find(|category| category.name == name);
    known.cloned().unwrap_or_else(|| Category {
        name: name.to_owned(),
        confirmation_required: false,
        voicemail_counts: false,
    })
}

/// Whether a commit failed only because somebody else was faster.
fn is_conflict(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict { .. })
}
