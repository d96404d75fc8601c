//! The only writer of status. An event comes in; timeline, person, statistics, suspension,
//! communication issue, log and prompts go out in one atomic batch.
//!
//! [`decide`] is pure and may refuse; what it decides is then applied and cannot fail, but for
//! the store. When somebody else changed one of the rows meanwhile, everything is decided anew.

mod answers;
mod areas;
mod cases;
mod confirm;
mod contacts;
mod correspondence;
pub mod decide;
mod event;
mod filters;
mod groups;
mod imports;
mod inbox;
mod make;
mod news;
mod prompt;
mod receipts;
mod recipients;
mod references;
mod reports;
mod retention;
mod rounds;
mod stop;
mod suppress;
mod tickets;
mod tokens;
mod users;
mod webhooks;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::broadcast;

use crate::clock::{Randomness, SharedClock};
use crate::domain::suspension::SuspensionPolicy;
use crate::domain::{Category, CommunicationId, ContactId, DeliveryId};
use crate::observe::Metrics;
use crate::store::{Batch, Repo, RepoError, StoreError};

pub use areas::Deleted;
pub use cases::{CaseError, CaseInput};
pub use confirm::Confirmation;
pub use contacts::{Edited, Merged};
pub use correspondence::NoteInput;
pub use event::Event;
pub use imports::{ImportStep, ImportWork, NewImport};
pub use inbox::{
    Attached, FileScanner, Incoming, KEYWORD_CATEGORY, KeywordTexts, NotScanned, ReplySettings,
    Scanning, Taken, inbox_message,
};
pub use make::{MadeDelivery, Making, NewDelivery, make_deliveries, make_to_one};
pub use news::{may_be_told, tell_programs, tell_sent};
pub use prompt::{PROMPT_CATEGORY, PromptSettings};
pub use receipts::{Receipt, UNKNOWN_RECEIPTS_MAX};
pub use recipients::Gathered;
pub use reports::{REPORT_CATEGORY, ReportSettings};
pub use retention::{Counts, Erased, Expiry, OWING_LISTED_MAX, Owing, OwingList, Progress, Scope};
pub use rounds::{ROUND_STEP_PEOPLE_MAX, Room, RoundStep, wanted};
pub use tickets::TicketUse;
pub use tokens::{Begun, NewToken, TOKENS_READ_MAX};
pub use users::{
    NewUser, RightsChanges, SettingsChanges, UserError, UserRights, UserSettings, Users,
};
pub use webhooks::NewSecret;
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
    /// It would break a rule of the domain; nothing was written.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// Somebody else kept changing the same rows.
    #[error("the same rows kept changing; gave up after {CONFLICTS_MAX} tries")]
    Contention,
}

/// Why a change is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No name was given, or one that is too long.
    #[error("the name is empty or too long")]
    Name,
    /// There is one of this name already.
    #[error("the name is taken")]
    NameTaken,
    /// There may not be more of them.
    #[error("there are as many as there may be")]
    TooMany,
    /// An area would lie in itself.
    #[error("an area cannot lie in itself")]
    Circle,
    /// Areas would be nested too deeply.
    #[error("areas would be nested too deeply")]
    TooDeep,
    /// Something lies in it or belongs to it.
    #[error("it is not empty")]
    NotEmpty,
    /// What is chosen does not exist any more.
    #[error("what was chosen is gone")]
    Gone,
    /// Something scheduled leaves its people out, by an area around it, and would not any more.
    #[error("something scheduled leaves these people out with an area around theirs")]
    LeftOut,
}

/// Records what happens.
#[derive(Clone)]
pub struct Tracker {
    repo: Repo,
    clock: SharedClock,
    random: Randomness,
    settings: Arc<RwLock<Arc<TrackerSettings>>>,
    reports: Arc<RwLock<Arc<ReportSettings>>>,
    notices: broadcast::Sender<Notice>,
    metrics: Option<Arc<Metrics>>,
    /// One for many people each: two messages of one person are put into threads one by one.
    threading: Arc<[tokio::sync::Mutex<()>; inbox::LOCKS]>,
    webhooks_made: Arc<tokio::sync::Mutex<()>>,
    retention: Arc<retention::Retention>,
    /// Answers that no rule knows.
    answers: Arc<answers::Answers>,
    replies: Arc<RwLock<Arc<ReplySettings>>>,
    /// How long receipts are waited for, by carrier.
    receipt_waits: Arc<RwLock<BTreeMap<String, Duration>>>,
    /// Receipts kept that belong to no text, about.
    receipts_kept: Arc<AtomicUsize>,
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
            reports: Arc::default(),
            notices,
            metrics: None,
            threading: Arc::new(std::array::from_fn(|_| tokio::sync::Mutex::new(()))),
            webhooks_made: Arc::default(),
            retention: Arc::default(),
            answers: Arc::default(),
            replies: Arc::default(),
            receipt_waits: Arc::default(),
            receipts_kept: Arc::default(),
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

    /// Commits what is decided; when somebody else changed the same rows meanwhile, it is
    /// decided anew. Nothing to write is committed at once.
    async fn commit_anew<T: Send>(
        &self,
        mut decide: impl FnMut() -> Result<(Batch, T), TrackerError> + Send,
    ) -> Result<T, TrackerError> {
        for _ in 0..CONFLICTS_MAX {
            let (batch, outcome) = decide()?;
            if batch.is_empty() {
                return Ok(outcome);
            }
            match self.repo.store().commit(batch).await {
                Ok(_) => return Ok(outcome),
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(TrackerError::Contention)
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
