//! People and programs that log in.

use super::address::{EmailAddress, PhoneNumber};
use super::ids::{AreaId, UserId};
use super::redacted::Redacted;
use super::timestamp::Timestamp;

/// Most areas one user covers.
pub const USER_AREAS_MAX: usize = 200;

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything.
    Administrator,
    /// Writes and sends, reinstates, edits contacts.
    Operator,
    /// An application: submits mail, sees no page.
    Application,
}

impl Role {
    /// Its name in pages and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Operator => "operator",
            Self::Application => "application",
        }
    }
}

/// Somebody who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Login name, in lower case, unique.
    pub login: String,
    /// Name that others see.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// Argon2id hash in PHC string form.
    pub password_hash: Redacted<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Language of pages, an ISO 639-1 code; none for the installation's.
    pub language: Option<String>,
    /// IANA name of the zone in which times are shown; none for the installation's.
    pub time_zone: Option<String>,
    /// Where trials and notices go.
    pub email: Option<Redacted<EmailAddress>>,
    /// Where trials of texts and calls go.
    pub mobile: Option<Redacted<PhoneNumber>>,
    /// The areas this user covers; empty for all.
    pub areas: Vec<AreaId>,
    /// Told by mail when a reply has come in.
    pub notify_replies: bool,
    /// May not log in any more.
    pub disabled: bool,
}

/// A login to the console that lasts a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the cookie's token; the token itself is never kept.
    pub token_hash: [u8; 32],
    /// Whose.
    pub user: UserId,
    /// SHA-256 of the token that every form carries (CSRF).
    pub csrf_hash: [u8; 32],
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used; written at most once a minute.
    pub used_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
}
