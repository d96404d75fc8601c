//! What an attempt's outcome means for its delivery. Pure.

use super::schedule::RetrySchedule;
use crate::channel::{AttemptOutcome, Progress};
use crate::domain::{
    BounceClass, CallStatus, Channel, Delivery, EmailStatus, Permanence, Reason, Source, Status,
    TextStatus, Timestamp, Verdict,
};
use crate::tracker::Event;

/// The status in which an attempt begins, where the channel has one for it.
#[must_use]
pub const fn begun(channel: Channel) -> Option<Status> {
    match channel {
        Channel::Email => None,
        Channel::Text => Some(Status::Text(TextStatus::Sending)),
        Channel::Call => Some(Status::Call(CallStatus::Started)),
    }
}

/// The event of progress on the way.
#[must_use]
pub const fn progressed(progress: &Progress) -> Event {
    let Progress::Call(status) = progress;
    Event::Changed {
        status: Status::Call(*status),
        verdict: None,
        source: Source::Peer,
    }
}

/// The event of an outcome. `delivery` is as it stood when the attempt began, that attempt
/// counted; `random` spreads the next one.
#[must_use]
pub fn event_for(
    delivery: &Delivery,
    outcome: AttemptOutcome,
    schedule: &RetrySchedule,
    now: Timestamp,
    random: u64,
) -> Event {
    let channel = delivery.channel;
    match outcome {
        AttemptOutcome::Delivered { verdict } => changed(arrived(channel), Some(verdict)),
        AttemptOutcome::Accepted {
            verdict,
            remote_ids,
        } => Event::Accepted {
            status: handed_on(channel),
            verdict,
            remote_ids,
        },
        AttemptOutcome::Rejected { verdict, by_peer } => {
            changed(refused(channel, &verdict, by_peer), Some(verdict))
        }
        AttemptOutcome::CallEnded {
            status, verdict, ..
        } => changed(Status::Call(status), verdict),
        AttemptOutcome::Deferred { verdict } => {
            let made_at = delivery.began_at().unwrap_or(now);
            match schedule.next(delivery.attempts, made_at, now, random) {
                Some(due) => Event::Retry {
                    status: waiting(channel),
                    verdict: Some(verdict),
                    due,
                },
                None => changed(given_up(channel), Some(expired(verdict))),
            }
        }
    }
}

const fn changed(status: Status, verdict: Option<Verdict>) -> Event {
    Event::Changed {
        status,
        verdict,
        source: Source::Peer,
    }
}

const fn arrived(channel: Channel) -> Status {
    match channel {
        Channel::Email => Status::Email(EmailStatus::Received),
        Channel::Text => Status::Text(TextStatus::Received),
        Channel::Call => Status::Call(CallStatus::Completed),
    }
}

const fn handed_on(channel: Channel) -> Status {
    match channel {
        Channel::Email => Status::Email(EmailStatus::Sent),
        Channel::Text => Status::Text(TextStatus::Sent),
        Channel::Call => Status::Call(CallStatus::InProgress),
    }
}

/// The status in which a delivery waits for its next attempt.
#[must_use]
pub const fn waiting(channel: Channel) -> Status {
    match channel {
        Channel::Email => Status::Email(EmailStatus::Deferred),
        Channel::Text => Status::Text(TextStatus::Queued),
        Channel::Call => Status::Call(CallStatus::Queued),
    }
}

const fn given_up(channel: Channel) -> Status {
    match channel {
        Channel::Email => Status::Email(EmailStatus::NotSent),
        Channel::Text => Status::Text(TextStatus::Failed),
        Channel::Call => Status::Call(CallStatus::Failed),
    }
}

/// What the recipient's server refused has rebound; what never got to a server was not sent.
const fn refused(channel: Channel, verdict: &Verdict, by_peer: bool) -> Status {
    match channel {
        Channel::Email if matches!(verdict.reason, Reason::Virus) && !by_peer => {
            Status::Email(EmailStatus::Rejected)
        }
        Channel::Email if by_peer => Status::Email(EmailStatus::Rebound),
        Channel::Email | Channel::Text | Channel::Call => given_up(channel),
    }
}

/// The event of a delivery whose time has passed before an attempt could be made.
#[must_use]
pub fn overdue(delivery: &Delivery) -> Event {
    let verdict = delivery.last_verdict().cloned().unwrap_or_else(|| {
        Verdict::failure(Reason::Expired, Permanence::Temporary)
            .with_diagnostic("no attempt could be made in time")
    });
    Event::Changed {
        status: given_up(delivery.channel),
        verdict: Some(expired(verdict)),
        source: Source::Gateway,
    }
}

/// Tried for too long. What the last answer was is kept; it does not become permanent by that.
fn expired(verdict: Verdict) -> Verdict {
    Verdict {
        class: BounceClass::Soft,
        ..verdict
    }
}
