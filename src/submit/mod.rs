//! The only way in for outbound messages: validate, expand, persist.

mod draft;
mod mail;
mod notice;
mod recontact;
mod reply;
mod review;
mod send;
mod verification;
mod verification_texts;

#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};

use crate::clock::{Randomness, SharedClock};
use crate::domain::Category;
use crate::domain::reminder::ReminderPlan;
use crate::store::{Repo, RepoError, StoreError};
use crate::tracker::Tracker;

pub use draft::{DraftInput, FieldError};
pub use mail::{MailRecipient, RecipientRefusal, SUBMITTED_RECIPIENTS_MAX, SubmittedMail};
pub use notice::{NOTICE_CATEGORY, ReplyNoticeSettings};
pub use recontact::{RECONTACT_COUNTED_MAX, RecontactPlan, RecontactRefusal, Recontacted};
pub use reply::{Answer, REPLY_CATEGORY};
pub use review::{CannotReach, ChannelCount, REVIEW_LISTED_MAX, Review};
pub use send::{AUDIENCE_MAX, Sent};
pub use verification::{Proof, PublicPages, SelfSignUp, VERIFICATION_CATEGORY, VerificationSent};

/// How often a change is tried anew because somebody else changed the same rows.
const CONFLICTS_MAX: u32 = 20;

/// What submission needs to know of the configuration.
#[derive(Clone, Debug)]
pub struct SubmitSettings {
    /// The categories that may be chosen.
    pub categories: Vec<Category>,
    /// When the unreached are tried again.
    pub reminders: ReminderPlan,
    /// Language of people who are known by their address only (ISO 639-1).
    pub default_language: String,
}

/// Why something was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// What was entered is wrong; each problem names its field.
    #[error("{} fields are wrong", .0.len())]
    Invalid(Vec<FieldError>),
    /// There is no such communication.
    #[error("there is no such communication")]
    NotFound,
    /// It has been sent and cannot be changed any more.
    #[error("it has been sent already")]
    AlreadySent,
    /// Those not reached cannot be tried again now.
    #[error("it cannot be sent again now: {0:?}")]
    Recontact(RecontactRefusal),
    /// Recording failed.
    #[error(transparent)]
    Tracker(#[from] crate::tracker::TrackerError),
    /// Reading failed.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// Committing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes in what is to be sent.
#[derive(Clone, Debug)]
pub struct Submitter {
    repo: Repo,
    clock: SharedClock,
    random: Randomness,
    tracker: Tracker,
    settings: Arc<RwLock<Arc<SubmitSettings>>>,
    replies: Arc<RwLock<Arc<ReplyNoticeSettings>>>,
    public: Option<Arc<PublicPages>>,
}

impl Submitter {
    /// Over this state, with these clocks.
    #[must_use]
    pub fn new(
        repo: Repo,
        clock: SharedClock,
        random: Randomness,
        tracker: Tracker,
        settings: SubmitSettings,
    ) -> Self {
        Self {
            repo,
            clock,
            random,
            tracker,
            settings: Arc::new(RwLock::new(Arc::new(settings))),
            replies: Arc::default(),
            public: None,
        }
    }

    /// Says how those of us who want to be are told of replies, for all handles.
    pub fn replace_reply_notices(&self, settings: ReplyNoticeSettings) {
        *self.replies.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    fn replies(&self) -> Arc<ReplyNoticeSettings> {
        Arc::clone(&self.replies.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Knows where the public pages are: without them nothing can be verified.
    #[must_use]
    pub fn with_public_pages(mut self, pages: PublicPages) -> Self {
        self.public = Some(Arc::new(pages));
        self
    }

    /// The categories that may be chosen.
    #[must_use]
    pub fn categories(&self) -> Vec<Category> {
        self.settings().categories.clone()
    }

    /// Puts other settings into force, for all handles.
    pub fn replace_settings(&self, settings: SubmitSettings) {
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    fn settings(&self) -> Arc<SubmitSettings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn is_conflict(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict { .. })
}
