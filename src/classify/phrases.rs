//! What reports written for people say, as data, lower case; `*` and `_` as in the rules.

use std::sync::LazyLock;

use super::text::Phrases;

/// Local parts and names that mail systems write as.
#[rustfmt::skip]
pub(super) const MAILERS: &[&str] = &[
    "mailer-daemon", "mailerdaemon", "mail-daemon", "mailer_daemon", "postmaster",
    "mail delivery", "mdaemon", "mail administrator", "system administrator", "mail system",
    "maildelivery", "mmdf", "post_master",
];

/// What subjects of failure reports contain, lower case.
#[rustfmt::skip]
pub(super) const SUBJECTS: &[&str] = &[
    "undeliverable", "undelivered", "returned mail", "mail returned", "return to sender",
    "returned to sender", "returning message", "delivery fail", "delivery error",
    "delivery problem", "delivery status", "delivery notification", "delivery report",
    "delivery has failed", "failure notice", "failure notification", "failure delivery",
    "mail failure", "message failure", "mail delivery", "mail error", "could not be delivered",
    "not delivered", "non-delivery", "nondeliverable", "non deliverable", "unable to deliver",
    "undeliver", "warning: message", "warning: could not send", "mail status report",
    "user unknown", "failed mail", "smtp server: errors from", "processing error",
    "unzustellbar", "konnte nicht zugestellt", "loop alert",
];

/// What the text of failure reports contains, lower case.
pub(super) static FAILURES: LazyLock<Phrases> = LazyLock::new(|| Phrases::of(FAILURE_PHRASES));

#[rustfmt::skip]
const FAILURE_PHRASES: &[&str] = &[
    "could not be delivered", "couldn't be delivered", "could not deliver", "couldn't deliver",
    "cannot be delivered", "can't be delivered", "cannot deliver", "unable to deliver",
    "was not delivered", "not been delivered", "were not delivered", "not be delivered",
    "undeliverable", "delivery failed", "failed to deliver", "delivery to the following",
    "delivery*failed", "permanent fatal errors", "permanent error", "failed*recipient",
    "did not reach", "didn't reach", "returned to sender", "failed addresses",
    "following address*failed", "is not able to deliver", "not receive this message",
    "wasn't able to deliver", "rejected your message", "user unknown", "no such user",
    "mail has been returned", "message has been returned", "invalid user address",
    "message has been rejected", "not match an", "duplicated message-id",
];

/// Where the original message begins.
#[rustfmt::skip]
pub(super) const ORIGINALS: &[&str] = &[
    "--- below this line is", "------ this is a copy", "--- this is a copy",
    "----- original message", "-----original message", "--- original message",
    "----- message header", "----- headers follow", "original message follows", "original mail as follows",
    "returned message follows", "--- undelivered message", "----- unsent message",
    "your message follows", "----- message text", "message headers follow",
    "text of your message", "is a copy of your message", "copy of your message follows",
    "copy of your message is", "--- copy of your message", "the header of the original",
    "headers from your message", "----- original mail", "message header follows",
    "content-type: message/rfc822",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_can_be_looked_for() {
        assert_eq!(FAILURES.len(), FAILURE_PHRASES.len());
    }
}
