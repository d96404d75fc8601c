//! Reminders: trying the unreached again.

use std::time::Duration;

use super::statistics::{Person, PersonState};
use super::status::{Channel, Status, TextStatus};
use super::timestamp::Timestamp;

/// Most reminders of one communication.
pub const REMINDERS_MAX: usize = 8;

/// When the unreached are tried again, counted from the initial sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReminderPlan {
    /// In rising order, at most [`REMINDERS_MAX`].
    pub after: Vec<Duration>,
}

impl Default for ReminderPlan {
    fn default() -> Self {
        Self {
            after: vec![Duration::from_secs(30 * 60), Duration::from_secs(60 * 60)],
        }
    }
}

impl ReminderPlan {
    /// When round `round` (1 is the first reminder) is due; `None` when there is no such round.
    #[must_use]
    pub fn due(&self, sent_at: Timestamp, round: u8) -> Option<Timestamp> {
        let index = usize::from(round).checked_sub(1)?;
        self.after.get(index).map(|delay| sent_at.plus(*delay))
    }
}

/// Whether a reminder goes to this person by this channel: not yet reached, and nothing of ours
/// is still on its way there. A text without a receipt is tried again.
#[must_use]
pub fn wants_reminder(person: &Person, channel: Channel) -> bool {
    if person.state == PersonState::Contacted {
        return false;
    }
    person
        .deliveries
        .iter()
        .filter(|delivery| delivery.status.channel() == channel)
        .all(|delivery| {
            delivery.closed
                || delivery.status == Status::Text(TextStatus::Sent)
                || (delivery.status.is_settled() && !is_waiting_for_answer(delivery.status))
        })
}

const fn is_waiting_for_answer(status: Status) -> bool {
    matches!(status, Status::Email(super::status::EmailStatus::Sent))
}
