//! What several answers hold: times, verdicts, deliveries.

use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::domain::{Channels, Delivery, Status, StatusChange, Timestamp, Verdict};

/// A time as RFC 3339 writes it, in UTC.
pub(super) fn time(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    format!("{at:.3}")
}

/// The revision that a program looked at, as `modified_at` told it.
pub(super) fn seen(text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text else {
        return Ok(None);
    };
    let wrong = || Problem::field("modified_at", "Not a time: write 2026-05-31T12:00:00.000Z.");
    read_time(text).map(Some).ok_or_else(wrong)
}

/// A time that a program sent.
pub(super) fn read_time(text: &str) -> Option<Timestamp> {
    let at: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(at.as_millisecond())
        .ok()
        .map(Timestamp::from_millis)
}

/// Something new, or something that was done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Made {
    /// Its id.
    pub(super) id: String,
}

/// What an answer of the other side means.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VerdictShape {
    /// What kind of failure or success it is.
    class: &'static str,
    /// Why.
    reason: &'static str,
    /// The reason in a sentence.
    explanation: &'static str,
    /// Whether it will pass: permanent, temporary or unknown.
    permanence: &'static str,
    /// Whose fault it is.
    fault: &'static str,
    /// Enhanced status code (RFC 3463), as "5.1.1".
    status_code: Option<String>,
    /// The rule that decided, and what it found; null where none was needed.
    rule: Option<String>,
    /// The text exactly as the other side sent it.
    diagnostic: String,
}

impl VerdictShape {
    pub(super) fn of(verdict: &Verdict) -> Self {
        Self {
            class: verdict.class.as_str(),
            reason: verdict.reason.as_str(),
            explanation: verdict.reason.explain(),
            permanence: verdict.permanence.as_str(),
            fault: verdict.fault.as_str(),
            status_code: verdict.status_code.map(|code| code.to_string()),
            rule: Some(verdict.rule.as_str().to_owned()).filter(|rule| !rule.is_empty()),
            diagnostic: verdict.diagnostic.as_str().to_owned(),
        }
    }
}

/// One entry of a timeline.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangeShape {
    /// When.
    at: String,
    /// The status from then on.
    status: &'static str,
    /// What that means.
    explanation: &'static str,
    /// Who says so: gateway, peer, report, person or operator.
    source: &'static str,
    /// The number of the link that the person followed, from 1 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<u16>,
    verdict: Option<VerdictShape>,
}

impl ChangeShape {
    pub(super) fn of(change: &StatusChange) -> Self {
        Self {
            at: time(change.at),
            status: change.status.as_str(),
            explanation: change.status.explain(),
            source: change.source.as_str(),
            link: change.source.link(),
            verdict: change.verdict.as_ref().map(VerdictShape::of),
        }
    }
}

/// One message to one person by one method.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryShape {
    id: String,
    communication: String,
    contact: String,
    method: String,
    /// email, text or call.
    channel: &'static str,
    /// The address or number it went to.
    to: String,
    /// 1 for the initial sending, then reminders and recontacts.
    round: u8,
    /// Attempts begun.
    attempts: u16,
    status: &'static str,
    /// Why nothing more will be done, if it was given up.
    closed: Option<&'static str>,
    sent_at: Option<String>,
    completed_at: Option<String>,
    /// The end of the person's quiet hours, while it waits for that.
    held_until: Option<String>,
    /// Of a text of several parts: which arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<PartsShape>,
    /// Everything that happened, oldest first; empty in lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    timeline: Vec<ChangeShape>,
}

impl DeliveryShape {
    /// With everything that happened.
    pub(super) fn whole(delivery: &Delivery, now: Timestamp) -> Self {
        Self {
            timeline: delivery.timeline.iter().map(ChangeShape::of).collect(),
            ..Self::brief(delivery, now)
        }
    }

    /// As in lists.
    pub(super) fn brief(delivery: &Delivery, now: Timestamp) -> Self {
        Self {
            id: delivery.id.to_string(),
            communication: delivery.communication.to_string(),
            contact: delivery.contact.to_string(),
            method: delivery.method.to_string(),
            channel: delivery.channel.as_str(),
            to: delivery.destination.reveal().to_owned(),
            round: delivery.round,
            attempts: delivery.attempts,
            status: delivery.status().as_str(),
            closed: delivery.closed.map(|closed| closed.reason.explain()),
            sent_at: delivery.sent_at().map(time),
            completed_at: delivery.completed_at().map(time),
            held_until: delivery.held(now).map(time),
            parts: PartsShape::of(delivery),
            timeline: Vec::new(),
        }
    }
}

/// What became of the parts of a text, by their numbers, from 1 on.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PartsShape {
    total: usize,
    arrived: Vec<usize>,
    /// One is enough for the telephone to show none of them.
    failed: Vec<usize>,
}

impl PartsShape {
    fn of(delivery: &Delivery) -> Option<Self> {
        let total = delivery.remote_ids.len();
        (total > 1).then(|| Self {
            total,
            arrived: delivery.delivered_parts(),
            failed: delivery.failed_parts(),
        })
    }
}

/// How many deliveries stand in one status.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StatusCount {
    channel: &'static str,
    status: &'static str,
    count: u64,
}

impl StatusCount {
    pub(super) const fn of(status: Status, count: u64) -> Self {
        Self {
            channel: status.channel().as_str(),
            status: status.as_str(),
            count,
        }
    }
}

/// The names of the channels of a set.
pub(super) fn channels(set: Channels) -> Vec<&'static str> {
    set.iter().map(|channel| channel.as_str()).collect()
}
