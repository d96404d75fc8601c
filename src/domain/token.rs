//! What lets programs in: bearer tokens, and the answers kept for those who ask twice.

use std::time::Duration;

use super::access::Permissions;
use super::ids::UserId;
use super::redacted::Redacted;
use super::timestamp::Timestamp;

/// Most tokens of one user, revoked ones not counted.
pub const TOKENS_MAX: usize = 50;
/// How exact [`ApiToken::used_at`] is: writing it at every request would write a lot.
pub const TOKEN_TOUCH_EVERY: Duration = Duration::from_secs(60);
/// How long the answer to a request with an idempotency key is kept, if there is room.
pub const API_ANSWER_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Most requests whose answers are kept at a time; when there are more, the oldest answers go
/// before their time.
pub const API_REQUESTS_MAX: u64 = 200_000;
/// Longest body of an answer that is kept, in octets.
pub const API_ANSWER_SIZE_MAX: usize = 8 * 1024;

/// What lets a program in under a user's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiToken {
    /// SHA-256 of the token; the token itself is never kept.
    pub token_hash: [u8; 32],
    /// Whose: it may never do more than its user.
    pub user: UserId,
    /// What it is for, in the words of whoever made it.
    pub name: String,
    /// What it may do of what its user may; none for all of it.
    pub scopes: Option<Permissions>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used; written at most once a minute.
    pub used_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ApiToken {
    /// Whether it lets anybody in now.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether its use has to be written down again.
    #[must_use]
    pub fn wants_touch(&self, now: Timestamp) -> bool {
        self.used_at
            .is_none_or(|used| used.plus(TOKEN_TOUCH_EVERY) <= now)
    }
}

/// A request that a program may send again without its being done twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRequest {
    /// SHA-256 of the user and the idempotency key.
    pub key: [u8; 32],
    /// SHA-256 of method, address and body: another request under the same key is a mistake.
    pub request: [u8; 32],
    /// Which run of the daemon took it: one that has ended will not answer any more.
    pub run: [u8; 16],
    /// When it came.
    pub at: Timestamp,
    /// What was answered; none while it is being done.
    pub answer: Option<ApiAnswer>,
}

impl ApiRequest {
    /// Whether it is old enough to be forgotten.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.at.plus(API_ANSWER_KEPT) <= now
    }
}

/// What was answered to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAnswer {
    /// HTTP status.
    pub status: u16,
    /// Media type of the body; empty without one.
    pub media_type: String,
    /// Where what was made stands; empty for nowhere.
    pub location: String,
    /// The body, at most [`API_ANSWER_SIZE_MAX`].
    pub body: Redacted<String>,
}
