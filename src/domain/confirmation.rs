//! Confirmations beside the key in a call: how they come.

use std::time::Duration;

/// How long a link confirms, counted from when its message was made.
pub const CONFIRM_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// By which way a person confirmed; a key pressed in a call is a status of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ConfirmedBy {
    /// The link in an email.
    EmailLink = 1,
    /// The link in a text.
    TextLink = 2,
    /// A text that says yes.
    TextReply = 3,
}

impl ConfirmedBy {
    /// All of them, in the order in which pages show them.
    pub const ALL: [Self; 3] = [Self::EmailLink, Self::TextLink, Self::TextReply];

    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EmailLink => "email-link",
            Self::TextLink => "text-link",
            Self::TextReply => "text-reply",
        }
    }

    /// One plain phrase, for pages.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::EmailLink => "confirmed by the link in the email",
            Self::TextLink => "confirmed by the link in the text",
            Self::TextReply => "confirmed by answering the text",
        }
    }
}
