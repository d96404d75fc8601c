//! Tickets: what a person gets by mail, text or call to prove that a method is theirs, or to log
//! in without a password. A ticket has a link and a code of six digits; neither is kept, both
//! follow from the delivery that carries them ([`super::PublicLinks`]).

use std::time::Duration;

use super::contact::Contact;
use super::ids::{ContactId, DeliveryId, MethodId};
use super::method::{Destination, MethodKind};
use super::redacted::Redacted;
use super::timestamp::Timestamp;

/// Digits of a code.
pub const CODE_DIGITS: usize = 6;
/// Wrong codes that a ticket survives, the last excepted.
pub const CODE_TRIES_MAX: u8 = 5;
/// How long a code that the person asked for can be entered.
pub const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How long a code can be entered that nobody waits for: an operator or the product sent it.
pub const CODE_LIFETIME_UNASKED: Duration = Duration::from_secs(24 * 3600);
/// How long a link logs in.
pub const LOG_IN_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// How long a link proves a method.
pub const VERIFY_LIFETIME: Duration = Duration::from_secs(3 * 24 * 3600);
/// Least time between two tickets to one address or number.
pub const TICKET_COOL_DOWN: Duration = Duration::from_secs(60);
/// The time over which tickets to one address or number are counted.
pub const TICKET_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Most tickets to one address or number within [`TICKET_WINDOW`].
pub const TICKETS_PER_DESTINATION_MAX: usize = 10;
/// Most tickets there may be at all.
pub const TICKETS_MAX: u64 = 200_000;
/// Most people at a time who have signed up and proved nothing yet.
pub const SIGN_UPS_MAX: u64 = 10_000;

/// Stands for the code in what a ticket's message says; filled in for each attempt.
pub const CODE_PLACE: &str = "{{ code }}";
/// Stands for the code as a call speaks it.
pub const DIGITS_PLACE: &str = "{{ digits }}";
/// Stands for the link.
pub const LINK_PLACE: &str = "{{ link }}";

/// What a ticket does when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TicketPurpose {
    /// Proves a method that the contact has.
    Verify,
    /// Logs the person in; proves the method by the way.
    LogIn,
    /// Adds a method; makes the contact where it is still a sign-up.
    Add,
    /// Puts an address or number in the place of the one that the method has.
    Replace,
}

impl TicketPurpose {
    /// How long its link works.
    #[must_use]
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::LogIn => LOG_IN_LIFETIME,
            Self::Verify | Self::Add | Self::Replace => VERIFY_LIFETIME,
        }
    }
}

/// A link and a code on their way to one address or number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// SHA-256 of the token in the link.
    pub token_hash: [u8; 32],
    /// What using it does.
    pub purpose: TicketPurpose,
    /// Whose; for a sign-up, the id that the contact is going to have.
    pub contact: ContactId,
    /// Which method; one that is added is going to have this id.
    pub method: MethodId,
    /// What the method is.
    pub kind: MethodKind,
    /// The address or number it goes to, as it was when the ticket was made.
    pub destination: Destination,
    /// Keyed hash of the code.
    pub code_hash: [u8; 32],
    /// Wrong codes that are still allowed, the one that ends it included.
    pub tries_left: u8,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its code ends.
    pub code_expires_at: Timestamp,
    /// When its link ends.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
    /// The delivery that carries it.
    pub delivery: DeliveryId,
    /// Language of the person, an ISO 639-1 code.
    pub language: String,
    /// The person asked for it just now and waits for it: quiet hours do not hold it.
    pub asked: bool,
}

impl Ticket {
    /// Quiet hours hold it back until then: its link and its code last as long as if it had
    /// been made at their end.
    pub fn hold(&mut self, until: Timestamp) {
        let code = until.plus(CODE_LIFETIME_UNASKED);
        let link = until.plus(self.purpose.lifetime());
        self.code_expires_at = self.code_expires_at.max(code);
        self.expires_at = self.expires_at.max(link);
    }

    /// Whether its link works.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.used_at.is_none() && now < self.expires_at
    }

    /// Whether its code works.
    #[must_use]
    pub fn takes_codes(&self, now: Timestamp) -> bool {
        self.is_open(now) && now < self.code_expires_at && self.tries_left > 0
    }

    /// When the row may go: it is kept for counting as long as the window lasts.
    #[must_use]
    pub fn kept_until(&self) -> Timestamp {
        self.expires_at.max(self.created_at.plus(TICKET_WINDOW))
    }

    /// The minute it was made in: no two tickets to one destination share one.
    #[must_use]
    pub const fn slot(&self) -> u64 {
        slot(self.created_at)
    }
}

/// The minute of a time.
#[must_use]
pub const fn slot(at: Timestamp) -> u64 {
    at.as_millis() / 60_000
}

/// Somebody who has signed up and not proved any method yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignUp {
    /// The contact as it is going to be, without methods: each comes with its own ticket.
    pub contact: Contact,
    /// When it is forgotten.
    pub expires_at: Timestamp,
    /// Who the person turned out to be: somebody whom we knew by the time that one of the
    /// methods was proved. The other methods are theirs, too.
    pub became: Option<ContactId>,
}

/// A login to the public pages that lasts a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// SHA-256 of the cookie's token; the token itself is never kept.
    pub token_hash: [u8; 32],
    /// Whose.
    pub contact: ContactId,
    /// The address or number (its lookup form) that the person proved to log in: people who
    /// share it may look after each other.
    pub via: Redacted<String>,
    /// SHA-256 of the token that every form carries (CSRF).
    pub csrf_hash: [u8; 32],
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used; written at most once a minute.
    pub used_at: Timestamp,
    /// When it ends whatever happens.
    pub expires_at: Timestamp,
}
