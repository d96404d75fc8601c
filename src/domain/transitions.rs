//! The table of status changes that may happen. Published in ARCHITECTURE.md; anything outside
//! it is a fact for the timeline at most, never a change of status.

use super::status::{CallStatus as C, EmailStatus as E, Status, TextStatus as T};

/// Every change of status there is: from, to.
///
/// Back to `queued` happens when a carrier asked to wait, when a worker died in the middle of
/// an attempt, or at the start after a crash.
pub const TRANSITIONS: &[(Status, &[Status])] = &[
    (
        Status::Call(C::Queued),
        &[Status::Call(C::Started), Status::Call(C::Failed)],
    ),
    (
        Status::Call(C::Started),
        &[
            Status::Call(C::Ringing),
            Status::Call(C::InProgress),
            Status::Call(C::Busy),
            Status::Call(C::NoAnswer),
            Status::Call(C::Failed),
            Status::Call(C::Queued),
        ],
    ),
    (
        Status::Call(C::Ringing),
        &[
            Status::Call(C::InProgress),
            Status::Call(C::Busy),
            Status::Call(C::NoAnswer),
            Status::Call(C::Failed),
            Status::Call(C::Queued),
        ],
    ),
    (
        Status::Call(C::InProgress),
        &[
            Status::Call(C::Fax),
            Status::Call(C::Voicemail),
            Status::Call(C::Completed),
            Status::Call(C::Confirmed),
            Status::Call(C::Failed),
            Status::Call(C::Queued),
        ],
    ),
    (
        Status::Text(T::Accepted),
        &[Status::Text(T::Queued), Status::Text(T::Failed)],
    ),
    (
        Status::Text(T::Queued),
        &[Status::Text(T::Sending), Status::Text(T::Failed)],
    ),
    (
        Status::Text(T::Sending),
        &[
            Status::Text(T::Sent),
            Status::Text(T::Received),
            Status::Text(T::Undelivered),
            Status::Text(T::Failed),
            Status::Text(T::Queued),
        ],
    ),
    (
        Status::Text(T::Sent),
        &[Status::Text(T::Received), Status::Text(T::Undelivered)],
    ),
    // That no receipt came in time was no proof.
    (Status::Text(T::Undelivered), &[Status::Text(T::Received)]),
    (
        Status::Email(E::Queued),
        &[
            Status::Email(E::Deferred),
            Status::Email(E::Sent),
            Status::Email(E::Received),
            Status::Email(E::Rebound),
            Status::Email(E::Rejected),
            Status::Email(E::NotSent),
        ],
    ),
    (
        Status::Email(E::Deferred),
        &[
            Status::Email(E::Sent),
            Status::Email(E::Received),
            Status::Email(E::Rebound),
            Status::Email(E::Rejected),
            Status::Email(E::NotSent),
        ],
    ),
    (
        Status::Email(E::Sent),
        &[
            Status::Email(E::Received),
            Status::Email(E::Opened),
            Status::Email(E::Rebound),
            Status::Email(E::MarkedAsSpam),
        ],
    ),
    (
        Status::Email(E::Received),
        &[
            Status::Email(E::Opened),
            Status::Email(E::Rebound),
            Status::Email(E::MarkedAsSpam),
        ],
    ),
    (Status::Email(E::Opened), &[Status::Email(E::MarkedAsSpam)]),
];

/// Whether a delivery may go from one status to the other.
#[must_use]
pub fn may_change(from: Status, to: Status) -> bool {
    TRANSITIONS
        .iter()
        .any(|(start, ends)| *start == from && ends.contains(&to))
}

/// Statuses that nothing leaves.
#[must_use]
pub fn is_final(status: Status) -> bool {
    !TRANSITIONS.iter().any(|(start, _)| *start == status)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::domain::status::Channel;

    const PUBLISHED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ARCHITECTURE.md");
    const BEGIN: &str = "<!-- transitions -->\n";
    const END: &str = "<!-- /transitions -->";

    fn as_markdown() -> String {
        let mut text = String::new();
        for channel in Channel::ALL {
            let name = channel.as_str();
            write!(text, "\n| {name}: from | to |\n|---|---|\n").unwrap();
            for (from, ends) in TRANSITIONS {
                if from.channel() == channel {
                    let ends: Vec<&str> = ends.iter().map(|to| to.as_str()).collect();
                    writeln!(text, "| {} | {} |", from.as_str(), ends.join(", ")).unwrap();
                }
            }
        }
        text + "\n"
    }

    /// `UPDATE=1 cargo test published` writes it.
    #[test]
    fn the_published_table_is_this_one() {
        let page = std::fs::read_to_string(PUBLISHED_IN).unwrap();
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (table, after) = rest.split_once(END).unwrap();
        if std::env::var_os("UPDATE").is_some() {
            let page = format!("{before}{BEGIN}{}{END}{after}", as_markdown());
            std::fs::write(PUBLISHED_IN, page).unwrap();
            return;
        }
        assert_eq!(
            table,
            as_markdown(),
            "ARCHITECTURE.md has another table: UPDATE=1 cargo test published"
        );
    }

    #[test]
    fn no_change_crosses_channels_and_all_statuses_can_be_reached() {
        for (from, ends) in TRANSITIONS {
            for to in *ends {
                assert_eq!(from.channel(), to.channel());
                assert_ne!(from, to);
            }
        }
        for status in Status::all() {
            let first = Channel::ALL
                .iter()
                .any(|channel| channel.first_status() == status);
            let reached = TRANSITIONS.iter().any(|(_, ends)| ends.contains(&status));
            assert!(first || reached, "{status:?} cannot be reached");
        }
    }

    #[test]
    fn a_late_bounce_turns_received_into_rebound_and_nothing_leaves_rebound() {
        assert!(may_change(
            Status::Email(E::Received),
            Status::Email(E::Rebound)
        ));
        assert!(is_final(Status::Email(E::Rebound)));
        assert!(is_final(Status::Call(C::Confirmed)));
        assert!(!is_final(Status::Email(E::Received)));
    }
}
