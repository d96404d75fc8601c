//! What an attempt's outcome means for its delivery. Pure.

use super::schedule::RetrySchedule;
use crate::channel::{AttemptOutcome, Progress};
use crate::domain::{
    BounceClass, CallStatus, Channel, Delivery, EmailStatus, Permanence, Reason, Source, Status,
    TextStatus, Timestamp, Verdict,
};
use crate::tracker::Event;

/// Attempts at one text whose answer nobody knows: it may have been taken each time. After so many
/// it stays `sent`, and no more is sent: the other channels are there for who is not reached.
pub const UNKNOWN_ATTEMPTS_MAX: usize = 3;

/// How many attempts at a text ended without our knowing how, as its timeline tells: nobody
/// answered, or we died over it. 0 for mail and calls.
#[must_use]
pub fn unknown_attempts(delivery: &Delivery) -> usize {
    if delivery.channel != Channel::Text {
        return 0;
    }
    let sending = Status::Text(TextStatus::Sending);
    let queued = Status::Text(TextStatus::Queued);
    let mut before = None;
    let mut count = 0;
    for change in &delivery.timeline {
        let unanswered = change.source == Source::Peer
            && change
                .verdict
                .as_ref()
                .is_some_and(|verdict| verdict.class == BounceClass::Unknown);
        let died = before == Some(sending) && change.verdict.is_none();
        count += usize::from(change.status == queued && (unanswered || died));
        before = Some(change.status);
    }
    count + usize::from(delivery.status() == sending)
}

/// The event of a text over which we died once too often: it is not sent again.
#[must_use]
pub fn unknown_for_good(delivery: &Delivery) -> Option<Event> {
    let is_in_flight = delivery.status() == Status::Text(TextStatus::Sending);
    (is_in_flight && unknown_attempts(delivery) >= UNKNOWN_ATTEMPTS_MAX).then(|| {
        let verdict = Verdict::failure(Reason::Network, Permanence::Temporary)
            .with_diagnostic("the gateway stopped before the answer came");
        left_unknown(delivery.channel, unknown(verdict))
    })
}

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
        AttemptOutcome::Unknown { verdict } => {
            let verdict = unknown(verdict);
            let is_last = unknown_attempts(delivery) + 1 >= UNKNOWN_ATTEMPTS_MAX;
            match next(delivery, schedule, now, random).filter(|_| !is_last) {
                Some(due) => retry(channel, verdict, due),
                None => left_unknown(channel, verdict),
            }
        }
        AttemptOutcome::Deferred { verdict } => match next(delivery, schedule, now, random) {
            Some(due) => retry(channel, verdict, due),
            None => changed(given_up(channel), Some(expired(verdict))),
        },
    }
}

fn next(
    delivery: &Delivery,
    schedule: &RetrySchedule,
    now: Timestamp,
    random: u64,
) -> Option<Timestamp> {
    let made_at = delivery.began_at().unwrap_or(now);
    schedule.next(delivery.attempts, made_at, now, random)
}

const fn retry(channel: Channel, verdict: Verdict, due: Timestamp) -> Event {
    Event::Retry {
        status: waiting(channel),
        verdict: Some(verdict),
        due,
    }
}

/// Nobody knows whether it was taken: it stands as handed on, and no report is awaited by an id.
const fn left_unknown(channel: Channel, verdict: Verdict) -> Event {
    Event::Accepted {
        status: handed_on(channel),
        verdict,
        remote_ids: Vec::new(),
    }
}

/// By this class an attempt without an answer is known in the timeline.
fn unknown(verdict: Verdict) -> Verdict {
    Verdict {
        class: BounceClass::Unknown,
        ..verdict
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::{
        CommunicationId, ContactId, DeliveryId, Destination, EmailAddress, MethodId, StatusChange,
    };

    const MADE: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    /// Made at [`MADE`]; one attempt has begun.
    fn delivery(channel: Channel) -> Delivery {
        let change = StatusChange {
            at: MADE,
            status: channel.first_status(),
            verdict: None,
            source: Source::Gateway,
        };
        // Where it goes decides nothing here.
        let to = EmailAddress::parse("ann@town.example").unwrap();
        Delivery {
            attempts: 1,
            ..Delivery::new(
                DeliveryId::from_bytes([1; 16]),
                CommunicationId::from_bytes([1; 16]),
                ContactId::from_bytes([1; 16]),
                MethodId::from_bytes([1; 16]),
                channel,
                Destination::Email(to.into()),
                vec![change],
            )
        }
    }

    fn schedule() -> RetrySchedule {
        RetrySchedule {
            delays: [60, 300].map(Duration::from_secs).to_vec(),
            jitter_percent: 50,
            give_up_after: Duration::from_secs(3600),
        }
    }

    /// So long after it was made.
    fn after(secs: u64) -> Timestamp {
        MADE.plus(Duration::from_secs(secs))
    }

    /// The event of an outcome ten seconds after the delivery was made.
    fn event(channel: Channel, outcome: AttemptOutcome) -> Event {
        event_for(&delivery(channel), outcome, &schedule(), after(10), 0)
    }

    fn says(status: Status, verdict: Option<Verdict>) -> Event {
        Event::Changed {
            status,
            verdict,
            source: Source::Peer,
        }
    }

    /// An outcome, but for its verdict.
    type Outcome = fn(Verdict) -> AttemptOutcome;

    /// Each outcome with a verdict leads a delivery of this channel to this status.
    fn check(channel: Channel, cases: &[(Outcome, Reason, Status)]) {
        for (outcome, reason, status) in cases {
            let verdict = Verdict::failure(*reason, Permanence::Permanent).with_diagnostic("so");
            let found = event(channel, outcome(verdict.clone()));
            assert_eq!(
                found,
                says(*status, Some(verdict)),
                "{channel:?} {reason:?}"
            );
        }
    }

    fn delivered(verdict: Verdict) -> AttemptOutcome {
        AttemptOutcome::Delivered { verdict }
    }

    fn refused_by_peer(verdict: Verdict) -> AttemptOutcome {
        AttemptOutcome::Rejected {
            verdict,
            by_peer: true,
        }
    }

    fn never_asked(verdict: Verdict) -> AttemptOutcome {
        AttemptOutcome::Rejected {
            verdict,
            by_peer: false,
        }
    }

    #[test]
    fn a_mail_is_received_rebounds_is_rejected_for_a_virus_or_is_not_sent() {
        use EmailStatus::{NotSent, Rebound, Received, Rejected};
        let cases: [(Outcome, Reason, EmailStatus); 7] = [
            (delivered, Reason::Delivered, Received),
            (refused_by_peer, Reason::UserUnknown, Rebound),
            (refused_by_peer, Reason::Spam, Rebound),
            // Their scanner's word is a refusal; ours keeps the mail here.
            (refused_by_peer, Reason::Virus, Rebound),
            (never_asked, Reason::Virus, Rejected),
            (never_asked, Reason::HostUnknown, NotSent),
            (never_asked, Reason::Content, NotSent),
        ];
        let cases = cases.map(|(outcome, reason, status)| (outcome, reason, Status::Email(status)));
        check(Channel::Email, &cases);
    }

    #[test]
    fn texts_and_calls_that_are_refused_have_failed_whoever_said_so() {
        let (text, call) = (Channel::Text, Channel::Call);
        for (channel, arrived, failed) in [
            (
                text,
                Status::Text(TextStatus::Received),
                Status::Text(TextStatus::Failed),
            ),
            (
                call,
                Status::Call(CallStatus::Completed),
                Status::Call(CallStatus::Failed),
            ),
        ] {
            check(
                channel,
                &[
                    (delivered, Reason::Delivered, arrived),
                    (refused_by_peer, Reason::NumberInvalid, failed),
                    (never_asked, Reason::NumberInvalid, failed),
                    (never_asked, Reason::Virus, failed),
                ],
            );
        }
    }

    #[test]
    fn what_the_next_hop_has_is_sent_until_it_reports() {
        for (channel, status) in [
            (Channel::Email, Status::Email(EmailStatus::Sent)),
            (Channel::Text, Status::Text(TextStatus::Sent)),
            (Channel::Call, Status::Call(CallStatus::InProgress)),
        ] {
            let verdict = Verdict::success(Reason::Accepted).with_diagnostic("250 queued");
            let remote_ids = vec!["m1".to_owned(), "m2".to_owned()];
            let outcome = AttemptOutcome::Accepted {
                verdict: verdict.clone(),
                remote_ids: remote_ids.clone(),
            };
            let expected = Event::Accepted {
                status,
                verdict,
                remote_ids,
            };
            assert_eq!(event(channel, outcome), expected);
        }
    }

    #[test]
    fn a_call_ends_as_the_network_says() {
        let busy = Verdict::failure(Reason::Busy, Permanence::Temporary);
        for (status, verdict) in [
            (CallStatus::Busy, Some(busy)),
            (CallStatus::Voicemail, None),
            (CallStatus::Confirmed, None),
        ] {
            let outcome = AttemptOutcome::CallEnded {
                status,
                verdict: verdict.clone(),
                keys: "3".to_owned(),
            };
            let expected = says(Status::Call(status), verdict);
            assert_eq!(event(Channel::Call, outcome), expected);
        }
    }

    /// The status in which each channel waits, and the one in which it is given up.
    const WAITS_AND_ENDS: [(Channel, Status, Status); 3] = [
        (
            Channel::Email,
            Status::Email(EmailStatus::Deferred),
            Status::Email(EmailStatus::NotSent),
        ),
        (
            Channel::Text,
            Status::Text(TextStatus::Queued),
            Status::Text(TextStatus::Failed),
        ),
        (
            Channel::Call,
            Status::Call(CallStatus::Queued),
            Status::Call(CallStatus::Failed),
        ),
    ];

    #[test]
    fn what_is_put_off_waits_as_scheduled_and_is_given_up_at_its_end() {
        let verdict = Verdict::failure(Reason::UserUnknown, Permanence::Permanent);
        assert_eq!(verdict.class, BounceClass::Hard);
        let deferred = || AttemptOutcome::Deferred {
            verdict: verdict.clone(),
        };
        for (channel, waits, ends) in WAITS_AND_ENDS {
            let mut delivery = delivery(channel);
            let at = |delivery: &Delivery, secs, random| {
                event_for(delivery, deferred(), &schedule(), after(secs), random)
            };
            let retry = |due| Event::Retry {
                status: waits,
                verdict: Some(verdict.clone()),
                due,
            };
            // Half a minute either way, by the draw.
            assert_eq!(at(&delivery, 10, 0), retry(after(10 + 30)));
            assert_eq!(at(&delivery, 10, 60_000), retry(after(10 + 90)));
            delivery.attempts = 2;
            assert_eq!(at(&delivery, 10, 0), retry(after(10 + 150)));
            assert_eq!(at(&delivery, 3599, 0), retry(after(3600)));
            // Tried for too long is not gone for good.
            let soft = Verdict {
                class: BounceClass::Soft,
                ..verdict.clone()
            };
            assert_eq!(at(&delivery, 3600, 0), says(ends, Some(soft)));
            // What held it counts for nothing.
            delivery.held_until = Some(after(3000));
            assert_eq!(at(&delivery, 3600, 0), retry(after(3600 + 150)));
        }
    }

    #[test]
    fn a_text_without_an_answer_is_sent_again_so_often_and_stays_sent() {
        let verdict = Verdict::failure(Reason::Network, Permanence::Temporary);
        let marked = Verdict {
            class: BounceClass::Unknown,
            ..verdict.clone()
        };
        let mut delivery = delivery(Channel::Text);
        let queued = Status::Text(TextStatus::Queued);
        for attempt in 1..=UNKNOWN_ATTEMPTS_MAX {
            assert_eq!(unknown_attempts(&delivery), attempt - 1);
            let outcome = AttemptOutcome::Unknown {
                verdict: verdict.clone(),
            };
            let event = event_for(&delivery, outcome, &schedule(), after(10), 0);
            if attempt == UNKNOWN_ATTEMPTS_MAX {
                let expected = Event::Accepted {
                    status: Status::Text(TextStatus::Sent),
                    verdict: marked.clone(),
                    remote_ids: Vec::new(),
                };
                assert_eq!(event, expected);
                break;
            }
            let expected = Event::Retry {
                status: queued,
                verdict: Some(marked.clone()),
                due: after(10 + 30),
            };
            assert_eq!(event, expected);
            delivery.timeline.push(change(queued, Some(marked.clone())));
            // A refusal for now between them counts for nothing.
            delivery
                .timeline
                .push(change(queued, Some(verdict.clone())));
        }
    }

    #[test]
    fn a_text_over_which_we_died_counts_as_one_without_an_answer() {
        let mut delivery = delivery(Channel::Text);
        let sending = Status::Text(TextStatus::Sending);
        let queued = Status::Text(TextStatus::Queued);
        let gateway = |status| StatusChange {
            source: Source::Gateway,
            ..change(status, None)
        };
        delivery.timeline.push(gateway(queued));
        delivery.timeline.push(gateway(sending));
        assert_eq!(unknown_attempts(&delivery), 1);
        for deaths in 2..=UNKNOWN_ATTEMPTS_MAX {
            assert_eq!(unknown_for_good(&delivery), None);
            delivery.timeline.push(gateway(queued));
            delivery.timeline.push(gateway(sending));
            assert_eq!(unknown_attempts(&delivery), deaths);
        }
        let Some(Event::Accepted { status, .. }) = unknown_for_good(&delivery) else {
            panic!("it is sent again")
        };
        assert_eq!(status, Status::Text(TextStatus::Sent));
    }

    fn change(status: Status, verdict: Option<Verdict>) -> StatusChange {
        StatusChange {
            at: MADE,
            status,
            verdict,
            source: Source::Peer,
        }
    }

    #[test]
    fn what_never_had_its_turn_says_so_or_what_was_said_last() {
        for (channel, _, ends) in WAITS_AND_ENDS {
            let mut delivery = delivery(channel);
            let gateway = |verdict| Event::Changed {
                status: ends,
                verdict: Some(verdict),
                source: Source::Gateway,
            };
            let expired = Verdict::failure(Reason::Expired, Permanence::Temporary)
                .with_diagnostic("no attempt could be made in time");
            assert_eq!(overdue(&delivery), gateway(expired));
            let gone = Verdict::failure(Reason::UserUnknown, Permanence::Permanent);
            delivery.timeline[0].verdict = Some(gone.clone());
            let soft = Verdict {
                class: BounceClass::Soft,
                ..gone
            };
            assert_eq!(overdue(&delivery), gateway(soft));
        }
    }

    #[test]
    fn an_attempt_begins_and_goes_on_in_the_statuses_of_its_channel() {
        assert_eq!(begun(Channel::Email), None);
        let sending = Status::Text(TextStatus::Sending);
        assert_eq!(begun(Channel::Text), Some(sending));
        let started = Status::Call(CallStatus::Started);
        assert_eq!(begun(Channel::Call), Some(started));
        let ringing = Status::Call(CallStatus::Ringing);
        let progress = Progress::Call(CallStatus::Ringing);
        assert_eq!(progressed(&progress), says(ringing, None));
    }
}
