//! Reports to whoever handed a mail in (RFC 3461): what they asked to be told, and when it is due.

mod report_mail;

use std::time::Duration;

use super::address::EmailAddress;
use super::delivery::{Delivery, Source, StatusChange};
use super::ids::CommunicationId;
use super::redacted::Redacted;
use super::rule_name::RuleName;
use super::status::{CallStatus, Channel, EmailStatus, ListStatus, Status, TextStatus};
use super::timestamp::Timestamp;
use super::verdict::{BounceClass, Reason};

pub use report_mail::{MESSAGE_START_SIZE_BYTES, RETURNED_SIZE_MAX_BYTES, ReportMail};

/// Longest ENVID that is kept, in octets (RFC 3461 section 4.4).
pub const ENVELOPE_ID_SIZE_MAX: usize = 100;
/// Longest ORCPT that is kept, in octets (RFC 3461 section 4.2).
pub const ORIGINAL_RECIPIENT_SIZE_MAX: usize = 500;
/// Most reports about one delivery: a delay, a success, and a failure behind it.
pub const REPORTS_MAX: usize = 3;

/// The rule by which a server has taken a mail that has announced DSN: it reports success itself
/// (RFC 3461 section 5.2.1), and whoever asked is told when it does.
pub const TAKEN_BY_REPORTER: RuleName = RuleName::fixed("taken by a server that reports");

/// Of what somebody wants to be told, and has not been yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportsWanted {
    /// It has arrived, or was passed on to where nobody reports.
    pub success: bool,
    /// It did not arrive and will not.
    pub failure: bool,
    /// It takes long.
    pub delay: bool,
}

impl ReportsWanted {
    /// Whether there is anything.
    #[must_use]
    pub const fn any(self) -> bool {
        self.success || self.failure || self.delay
    }
}

/// What whoever handed a mail in asked to be told of one of its recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRequest {
    /// Who is told: the envelope's sender.
    pub to: Redacted<EmailAddress>,
    /// Of what. Each is told once, and taken away in the batch that tells it.
    pub on: ReportsWanted,
    /// The whole message comes back with a failure (RET=FULL), and not its header alone.
    pub whole: bool,
    /// ENVID as it was given, as xtext; at most [`ENVELOPE_ID_SIZE_MAX`] octets, empty for none.
    pub envelope_id: String,
    /// ORCPT as it was given, `type;xtext`; at most [`ORIGINAL_RECIPIENT_SIZE_MAX`] octets, empty
    /// for none.
    pub original_recipient: Redacted<String>,
    /// The reports that were written, at most [`REPORTS_MAX`].
    pub told: Vec<CommunicationId>,
}

impl ReportRequest {
    /// Notes that a report of this kind has been dealt with. What it makes pointless is not wanted
    /// any more either.
    pub const fn settle(&mut self, action: ReportAction) {
        let on = &mut self.on;
        match action {
            ReportAction::Failed => *on = NOTHING,
            ReportAction::Delivered => (on.success, on.delay) = (false, false),
            ReportAction::Relayed => on.success = false,
            ReportAction::Delayed => on.delay = false,
        }
    }
}

const NOTHING: ReportsWanted = ReportsWanted {
    success: false,
    failure: false,
    delay: false,
};

/// What a report says (RFC 3464 section 2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportAction {
    /// It will not arrive.
    Failed,
    /// It has not arrived yet; we go on trying.
    Delayed,
    /// It has arrived.
    Delivered,
    /// A server has it that does not report.
    Relayed,
}

impl ReportAction {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Failed, Self::Delayed, Self::Delivered, Self::Relayed];

    /// The value of the field `Action`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
        }
    }

    /// The subject of the report.
    #[must_use]
    pub const fn subject(self) -> &'static str {
        match self {
            Self::Failed => "Your message could not be delivered",
            Self::Delayed => "Your message has not been delivered yet",
            Self::Delivered => "Your message was delivered",
            Self::Relayed => "Your message was passed on",
        }
    }
}

/// What is to be told now that a delivery has come from one state to the next, if somebody asked
/// for it. A delay is told of what has been tried for `delay_after`.
#[must_use]
pub fn due(
    before: &Delivery,
    after: &Delivery,
    now: Timestamp,
    delay_after: Duration,
) -> Option<ReportAction> {
    let wanted = after.report.as_ref()?.on;
    let said = after.timeline.get(before.timeline.len()..);
    let said = said.unwrap_or_default();
    if !has_failed(before) && has_failed(after) {
        return wanted.failure.then_some(ReportAction::Failed);
    }
    if wanted.success
        && let Some(action) = success(before, after, said)
    {
        return Some(action);
    }
    let delayed = wanted.delay && takes_long(after, said, now, delay_after);
    delayed.then_some(ReportAction::Delayed)
}

/// Whether it will not arrive: it came to its end without, or was given up for whatever reason. Who
/// handed a mail in asked of this address (RFC 3461 section 4.1): that the person was called off or
/// reached by other means does not deliver it there.
fn has_failed(delivery: &Delivery) -> bool {
    delivery.closed.is_some() || delivery.status().in_lists() == ListStatus::Failed
}

/// Which good news there is in what was said last.
fn success(before: &Delivery, after: &Delivery, said: &[StatusChange]) -> Option<ReportAction> {
    if after.channel == Channel::Email
        && let Some(action) = said.iter().find_map(reported)
    {
        return Some(action);
    }
    if before.status() == after.status() {
        return None;
    }
    match after.status() {
        // RFC 3461, 5.2.2: who has said nothing of DSN will not report, and nobody else knows.
        Status::Email(EmailStatus::Sent | EmailStatus::Received) => {
            let verdicts = said.iter().filter_map(|change| change.verdict.as_ref());
            let mut rules = verdicts.map(|verdict| &verdict.rule);
            let reports = rules.any(|rule| *rule == TAKEN_BY_REPORTER);
            (!reports).then_some(ReportAction::Relayed)
        }
        Status::Email(EmailStatus::Opened | EmailStatus::MarkedAsSpam)
        | Status::Text(TextStatus::Received)
        | Status::Call(CallStatus::Completed | CallStatus::Confirmed) => {
            Some(ReportAction::Delivered)
        }
        // Nobody has heard it yet, and nobody tells whether anybody does.
        Status::Call(CallStatus::Voicemail) => Some(ReportAction::Relayed),
        Status::Email(
            EmailStatus::Queued
            | EmailStatus::Deferred
            | EmailStatus::Rebound
            | EmailStatus::Rejected
            | EmailStatus::NotSent,
        )
        | Status::Text(
            TextStatus::Accepted
            | TextStatus::Queued
            | TextStatus::Sending
            | TextStatus::Sent
            | TextStatus::Undelivered
            | TextStatus::Failed,
        )
        | Status::Call(
            CallStatus::Queued
            | CallStatus::Started
            | CallStatus::Ringing
            | CallStatus::InProgress
            | CallStatus::Busy
            | CallStatus::Fax
            | CallStatus::NoAnswer
            | CallStatus::Failed,
        ) => None,
    }
}

/// What a report of another server says of success.
fn reported(change: &StatusChange) -> Option<ReportAction> {
    let verdict = change.verdict.as_ref()?;
    if change.source != Source::Report {
        return None;
    }
    if verdict.class == BounceClass::Success {
        return Some(ReportAction::Delivered);
    }
    let passed_on = verdict.class == BounceClass::Unknown && verdict.reason == Reason::Accepted;
    passed_on.then_some(ReportAction::Relayed)
}

/// Whether a try came to nothing so late that a delay is told, or another server tells of one. Of the
/// tries before and behind the time for it the nearer one tells, once half of that time is over.
fn takes_long(after: &Delivery, said: &[StatusChange], now: Timestamp, long: Duration) -> bool {
    let told = said.iter().any(|change| {
        let class = change.verdict.as_ref().map(|verdict| verdict.class);
        change.source == Source::Report && class == Some(BounceClass::Delay)
    });
    let waits = after.status().in_lists() == ListStatus::Queued && after.due.is_some();
    let tried = said.iter().any(|change| change.source == Source::Peer);
    let began_at = after.began_at().unwrap_or(now);
    let tried_for = now.since(began_at);
    let next = after.due.map_or(Duration::ZERO, |due| due.since(began_at));
    let is_nearest = tried_for * 2 >= long && tried_for + next > long * 2;
    let is_late = tried_for >= long || is_nearest;
    (told && !has_failed(after)) || (waits && tried && is_late)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::verdict::{Permanence, Verdict};
    use crate::domain::{Closed, ClosedReason, ContactId, DeliveryId, Destination, MethodId};

    const HOUR: Duration = Duration::from_secs(3600);
    const ALL: ReportsWanted = ReportsWanted {
        success: true,
        failure: true,
        delay: true,
    };

    fn at(hours: u32) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000).plus(HOUR * hours)
    }

    fn delivery(channel: Channel, on: ReportsWanted) -> Delivery {
        let address = || Redacted::new(EmailAddress::parse("app@town.example").unwrap());
        let first = StatusChange {
            at: at(0),
            status: channel.first_status(),
            verdict: None,
            source: Source::Gateway,
        };
        Delivery {
            id: DeliveryId::from_bytes([1; 16]),
            communication: CommunicationId::from_bytes([1; 16]),
            contact: ContactId::from_bytes([1; 16]),
            method: MethodId::from_bytes([1; 16]),
            channel,
            destination: Destination::Email(address()),
            round: 1,
            timeline: vec![first],
            attempts: 1,
            due: Some(at(9)),
            closed: None,
            remote_ids: Vec::new(),
            segments_delivered: 0,
            segments_failed: 0,
            express: false,
            held_until: None,
            awaits_turn: false,
            report: Some(ReportRequest {
                to: address(),
                on,
                whole: false,
                envelope_id: String::new(),
                original_recipient: Redacted::default(),
                told: Vec::new(),
            }),
        }
    }

    fn changed(of: &Delivery, status: Status, verdict: Option<Verdict>, from: Source) -> Delivery {
        let mut after = of.clone();
        after.timeline.push(StatusChange {
            at: at(1),
            status,
            verdict,
            source: from,
        });
        after
    }

    #[test]
    fn each_end_has_its_report_if_it_was_asked_for() {
        use ReportAction::{Delivered, Failed, Relayed};
        let email = Status::Email;
        for (status, action) in [
            (email(EmailStatus::Rebound), Some(Failed)),
            (email(EmailStatus::Rejected), Some(Failed)),
            (email(EmailStatus::NotSent), Some(Failed)),
            (email(EmailStatus::Received), Some(Relayed)),
            (email(EmailStatus::Sent), Some(Relayed)),
            (Status::Text(TextStatus::Received), Some(Delivered)),
            (Status::Text(TextStatus::Sent), None),
            (Status::Text(TextStatus::Undelivered), Some(Failed)),
            (Status::Text(TextStatus::Failed), Some(Failed)),
            (Status::Call(CallStatus::Completed), Some(Delivered)),
            (Status::Call(CallStatus::Confirmed), Some(Delivered)),
            (Status::Call(CallStatus::Voicemail), Some(Relayed)),
            (Status::Call(CallStatus::NoAnswer), Some(Failed)),
        ] {
            let before = delivery(status.channel(), ALL);
            let after = changed(&before, status, None, Source::Peer);
            assert_eq!(due(&before, &after, at(1), 4 * HOUR), action, "{status:?}");
            let nobody = Delivery {
                report: None,
                ..after
            };
            assert_eq!(due(&before, &nobody, at(1), 4 * HOUR), None);
            let before = delivery(status.channel(), NOTHING);
            let after = changed(&before, status, None, Source::Peer);
            assert_eq!(due(&before, &after, at(1), 4 * HOUR), None, "{status:?}");
        }
    }

    #[test]
    fn what_is_given_up_has_failed_for_whatever_reason() {
        let before = delivery(Channel::Email, ALL);
        for reason in [
            ClosedReason::MethodNotUsable,
            ClosedReason::NotWanted,
            ClosedReason::CalledOff,
            ClosedReason::ReachedOtherwise,
        ] {
            let mut after = before.clone();
            after.closed = Some(Closed { at: at(1), reason });
            let failed = Some(ReportAction::Failed);
            assert_eq!(due(&before, &after, at(1), HOUR), failed, "{reason:?}");
            // Whatever comes behind it is no news.
            assert_eq!(due(&after, &after, at(2), HOUR), None);
        }
    }

    #[test]
    fn a_server_that_reports_is_waited_for() {
        let queued = delivery(Channel::Email, ALL);
        let received = Status::Email(EmailStatus::Received);
        let taken = Verdict::success(Reason::Delivered).by(TAKEN_BY_REPORTER);
        let after = changed(&queued, received, Some(taken), Source::Peer);
        assert_eq!(due(&queued, &after, at(1), HOUR), None);
        let success = Verdict::success(Reason::Delivered);
        let told = changed(&after, received, Some(success), Source::Report);
        let delivered = Some(ReportAction::Delivered);
        assert_eq!(due(&after, &told, at(2), HOUR), delivered);
        let passed_on = Verdict {
            class: BounceClass::Unknown,
            ..Verdict::success(Reason::Accepted)
        };
        let told = changed(&after, received, Some(passed_on), Source::Report);
        let relayed = Some(ReportAction::Relayed);
        assert_eq!(due(&after, &told, at(2), HOUR), relayed);
    }

    #[test]
    fn a_delay_is_told_once_and_late() {
        let before = delivery(Channel::Email, ALL);
        let busy = Verdict::failure(Reason::Network, Permanence::Temporary);
        let deferred = Status::Email(EmailStatus::Deferred);
        let mut after = changed(&before, deferred, Some(busy), Source::Peer);
        after.due = Some(at(5));
        assert_eq!(due(&before, &after, at(3), 4 * HOUR), None);
        let delayed = Some(ReportAction::Delayed);
        assert_eq!(due(&before, &after, at(4), 4 * HOUR), delayed);
        assert_eq!(
            due(&after, &after, at(5), 4 * HOUR),
            None,
            "nothing was tried"
        );
        after.report.as_mut().unwrap().settle(ReportAction::Delayed);
        assert_eq!(due(&before, &after, at(6), 4 * HOUR), None);
    }

    #[test]
    fn the_try_that_is_nearest_tells_of_a_delay() {
        let before = delivery(Channel::Email, ALL);
        let busy = Verdict::failure(Reason::Network, Permanence::Temporary);
        let deferred = Status::Email(EmailStatus::Deferred);
        let mut after = changed(&before, deferred, Some(busy), Source::Peer);
        let minute = Duration::from_secs(60);
        // The schedule that is usual.
        let tries = [0_u32, 5, 20, 50, 110, 230, 470];
        let mut told = Vec::new();
        for pair in tries.windows(2) {
            let now = at(0).plus(minute * pair[0]);
            after.due = Some(at(0).plus(minute * pair[1]));
            if due(&before, &after, now, 4 * HOUR).is_some() {
                told.push(pair[0]);
            }
        }
        assert_eq!(told, [230]);
        // Not with the first, however long the next one takes to come.
        after.due = Some(at(9));
        assert_eq!(due(&before, &after, at(1), 4 * HOUR), None);
    }

    #[test]
    fn what_was_told_is_not_wanted_any_more() {
        let left = |action| {
            let mut request = delivery(Channel::Email, ALL).report.unwrap();
            request.settle(action);
            (request.on.success, request.on.failure, request.on.delay)
        };
        assert_eq!(left(ReportAction::Failed), (false, false, false));
        assert_eq!(left(ReportAction::Delivered), (false, true, false));
        assert_eq!(left(ReportAction::Relayed), (false, true, true));
        assert_eq!(left(ReportAction::Delayed), (true, true, false));
    }
}
