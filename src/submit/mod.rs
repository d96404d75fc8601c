//! The only way in for outbound messages: validate, expand, persist.

mod alerts;
mod approval;
mod attach;
mod audience;
mod campaigns;
mod confirming;
mod decision;
mod draft;
mod follow;
mod going;
mod letter;
mod list;
mod mail;
mod notice;
mod problems;
mod recontact;
mod repair;
mod reply;
mod review;
mod schedule;
mod send;
mod templates;
mod texts;
mod trial;
mod verification;
mod verification_texts;
mod warnings;

#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::clock::{Randomness, SharedClock};
use crate::domain::reminder::ReminderPlan;
use crate::domain::{Category, Tracking};
use crate::store::{Repo, RepoError, StoreError};
use crate::tracker::Tracker;

pub use alerts::{AlertInput, AlertSent};
pub use approval::{ApprovalDecision, ApprovalRules, Decided};
pub use attach::NewFile;
pub use audience::Lost;
pub use draft::{DraftInput, Kept};
pub use follow::{FollowUp, Whom};
pub use going::{Going, Without};
pub use letter::{Letter, LetterPart};
pub use mail::{MailRecipient, RecipientRefusal, SUBMITTED_RECIPIENTS_MAX, SubmittedMail};
pub use notice::{NOTICE_CATEGORY, ReplyNoticeSettings};
pub use problems::{FieldError, Rules};
pub use recontact::{RECONTACT_COUNTED_MAX, RecontactPlan, RecontactRefusal, Recontacted};
pub use reply::{Answer, REPLY_CATEGORY};
pub use review::{ChannelCount, NAMES_LISTED_MAX, Review, Unreached};
pub use schedule::OnTime;
pub use send::{AUDIENCE_MAX, Sent};
pub use templates::TemplateInput;
pub use texts::{Amount, Counted, TextCarrier, TextCarriers, TextsOf};
pub use verification::{Proof, PublicPages, SelfSignUp, VERIFICATION_CATEGORY, VerificationSent};

/// How often a change is tried anew because somebody else changed the same rows.
const CONFLICTS_MAX: u32 = 20;
/// Most segments of one text where the configuration says nothing else.
const SEGMENTS_MAX: usize = 10;
/// How late something scheduled still goes out where the configuration says nothing else.
const LATE_MAX: Duration = Duration::from_secs(3600);

/// What submission needs to know of the configuration.
#[derive(Clone, Debug)]
pub struct SubmitSettings {
    /// The categories that may be chosen.
    pub categories: Vec<Category>,
    /// When the unreached are tried again.
    pub reminders: ReminderPlan,
    /// Language of people who are known by their address only (ISO 639-1).
    pub default_language: String,
    /// What a second pair of eyes must see first.
    pub approval: ApprovalRules,
    /// What was scheduled and is later than this, because the daemon was down, does not go out
    /// by itself any more.
    pub late_max: Duration,
    /// Most segments of one text that the carriers take.
    pub segments_max: usize,
    /// By which texts go out.
    pub carriers: TextCarriers,
    /// What authors may have counted of what readers do.
    pub tracking: Tracking,
    /// The zone of the installation.
    pub time_zone: TimeZone,
}

impl Default for SubmitSettings {
    fn default() -> Self {
        Self {
            categories: Vec::new(),
            reminders: ReminderPlan::default(),
            default_language: "en".to_owned(),
            approval: ApprovalRules::default(),
            late_max: LATE_MAX,
            segments_max: SEGMENTS_MAX,
            carriers: TextCarriers::default(),
            tracking: Tracking::default(),
            time_zone: TimeZone::UTC,
        }
    }
}

/// Why something was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// What was entered is wrong; each problem names its field.
    #[error("{} fields are wrong", .0.len())]
    Invalid(Vec<FieldError>),
    /// Gaps of a template are not filled, or wrongly; each problem names its gap.
    #[error("{} gaps are not filled", .0.len())]
    Unfilled(Vec<(String, crate::domain::Sentence)>),
    /// Somebody has to look at these warnings and confirm them.
    #[error("{} warnings are not confirmed", .0.len())]
    Unconfirmed(Vec<FieldError>),
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
    /// It waits for approval or for its time; it has to be taken back before it is changed.
    #[error("it is not a draft just now")]
    NotADraft,
    /// It has not come so far: nothing was sent, nobody has asked.
    #[error("it has not come so far")]
    NotYet,
    /// Somebody else changed the draft since it was read.
    #[error("the draft was changed meanwhile")]
    Changed,
    /// Somebody else has to approve it first.
    #[error("it needs approval")]
    NeedsApproval,
    /// Nobody approves what they wrote or asked for themselves.
    #[error("whoever wrote it cannot approve it")]
    OwnWork,
    /// Somebody else kept changing the same rows.
    #[error("the same rows kept changing; gave up after {CONFLICTS_MAX} tries")]
    Contention,
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
    /// Answers from the inbox are made one by one.
    answering: Arc<tokio::sync::Mutex<()>>,
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
            answering: Arc::default(),
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

    /// Whether this address is one of the public pages: links to them are not counted.
    #[must_use]
    pub fn is_public_page(&self, url: &str) -> bool {
        let pages = self.public.as_ref();
        pages.is_some_and(|pages| pages.links.is_ours(url))
    }

    /// The categories that may be chosen.
    #[must_use]
    pub fn categories(&self) -> Vec<Category> {
        self.settings().categories.clone()
    }

    /// What an author may have counted of what readers do.
    #[must_use]
    pub fn tracking(&self) -> Tracking {
        self.settings().tracking
    }

    /// How late something scheduled still goes out.
    #[must_use]
    pub fn late_max(&self) -> Duration {
        self.settings().late_max
    }

    /// What would keep a draft from being sent now; empty when nothing would.
    #[must_use]
    pub fn problems(&self, draft: &DraftInput) -> Vec<FieldError> {
        self.problems_by(draft, true)
    }

    fn problems_by(&self, draft: &DraftInput, gaps: bool) -> Vec<FieldError> {
        let settings = self.settings();
        draft.problems(&Rules {
            categories: &settings.categories,
            segments_max: settings.segments_max,
            carriers: &settings.carriers,
            line: self.confirm_line(&draft.category).as_ref(),
            gaps,
            tracking: settings.tracking,
            now: self.clock.wall(),
        })
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
