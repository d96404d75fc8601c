//! What was done with a case itself, beside what was said in it.

use super::ids::{CaseEventId, CaseId, ContactId};
use super::log::Actor;
use super::redacted::Redacted;
use super::timestamp::Timestamp;

/// Longest detail of an event, in characters.
pub const CASE_EVENT_DETAIL_MAX: usize = 300;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaseChange {
    /// The case was made.
    Opened,
    /// Its facts were changed; the detail says which.
    Edited,
    /// It waits for somebody else.
    Held,
    /// It is worked on again.
    Resumed,
    /// It was closed.
    Closed,
    /// It was opened again.
    Reopened,
    /// A creditor was added; the detail names them.
    CreditorAdded,
    /// A creditor was taken out; the detail names them.
    CreditorRemoved,
    /// Who is responsible, or named in it, changed.
    TeamChanged,
    /// Only those named in it know of it.
    Restricted,
    /// Others know of it again.
    Unrestricted,
    /// Nothing of it is deleted.
    HoldSet,
    /// The rules hold for it again.
    HoldLifted,
    /// A message was filed to it; the detail names it.
    Filed,
}

impl CaseChange {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Opened,
        Self::Edited,
        Self::Held,
        Self::Resumed,
        Self::Closed,
        Self::Reopened,
        Self::CreditorAdded,
        Self::CreditorRemoved,
        Self::TeamChanged,
        Self::Restricted,
        Self::Unrestricted,
        Self::HoldSet,
        Self::HoldLifted,
        Self::Filed,
    ];

    /// Its name in pages and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "case opened",
            Self::Edited => "case changed",
            Self::Held => "case put on hold",
            Self::Resumed => "case taken up again",
            Self::Closed => "case closed",
            Self::Reopened => "case reopened",
            Self::CreditorAdded => "creditor added",
            Self::CreditorRemoved => "creditor removed",
            Self::TeamChanged => "team changed",
            Self::Restricted => "case restricted",
            Self::Unrestricted => "restriction lifted",
            Self::HoldSet => "legal hold set",
            Self::HoldLifted => "legal hold lifted",
            Self::Filed => "message filed",
        }
    }

    /// Whether it says where the case stands.
    #[must_use]
    pub const fn is_status(self) -> bool {
        matches!(
            self,
            Self::Opened | Self::Held | Self::Resumed | Self::Closed | Self::Reopened
        )
    }
}

/// One thing that was done with a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseEvent {
    /// Its id.
    pub id: CaseEventId,
    /// With which case.
    pub case: CaseId,
    /// Whose case it is.
    pub client: ContactId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub change: CaseChange,
    /// More of it; at most [`CASE_EVENT_DETAIL_MAX`] characters.
    pub detail: Redacted<String>,
    /// Who did it.
    pub by: Actor,
}
