//! News for programs: which events there are, where they are sent, and how they are signed.
//!
//! Signed as Standard Webhooks 1.0 has it (symmetric, "v1"): HMAC-SHA256 over id, time and body.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use super::ids::{BlobId, UserId, WebhookId};
use super::redacted::Redacted;
use super::timestamp::Timestamp;

/// Most places that news is sent to.
pub const WEBHOOKS_MAX: usize = 50;
/// Longest address, in octets.
pub const WEBHOOK_URL_SIZE_MAX: usize = 500;
/// What every secret begins with.
pub const SECRET_PREFIX: &str = "whsec_";
/// Size of a secret, in octets (Standard Webhooks: between 24 and 64).
pub const SECRET_SIZE: usize = 32;
/// Most secrets that sign at a time: a new one and the one it takes the place of.
pub const SECRETS_MAX: usize = 2;
/// How long after the first try each further one is made; then it is given up.
pub const RETRY_AFTER: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(24 * 3600),
    Duration::from_secs(48 * 3600),
];
/// After so long without one success a webhook is switched off.
pub const FAILING_MAX: Duration = Duration::from_secs(5 * 24 * 3600);

/// What there is news of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EventKind {
    /// A communication was sent.
    CommunicationSent = 1,
    /// A message to one person by one method has reached a status from which it does not move on
    /// by itself, or has left it.
    DeliveryFinished = 2,
    /// A person answered.
    MessageReceived = 3,
    /// A person confirmed.
    ConfirmationReceived = 4,
    /// A method was suspended.
    MethodSuspended = 5,
    /// A method is used again.
    MethodReinstated = 6,
    /// Something waits for approval.
    ApprovalAsked = 7,
    /// A case was made or changed.
    CaseChanged = 8,
}

impl EventKind {
    /// All of them, in the order in which pages show them.
    pub const ALL: [Self; 8] = [
        Self::CommunicationSent,
        Self::DeliveryFinished,
        Self::MessageReceived,
        Self::ConfirmationReceived,
        Self::MethodSuspended,
        Self::MethodReinstated,
        Self::ApprovalAsked,
        Self::CaseChanged,
    ];

    /// Its name in what is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CommunicationSent => "communication.sent",
            Self::DeliveryFinished => "delivery.finished",
            Self::MessageReceived => "message.received",
            Self::ConfirmationReceived => "confirmation.received",
            Self::MethodSuspended => "method.suspended",
            Self::MethodReinstated => "method.reinstated",
            Self::ApprovalAsked => "approval.asked",
            Self::CaseChanged => "case.changed",
        }
    }
}

/// Where news is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// What it is for, in the words of whoever made it.
    pub name: String,
    /// Where to; https, or http where the installation allows it. May hold a secret.
    pub url: Redacted<String>,
    /// What it hears of.
    pub events: Vec<EventKind>,
    /// What signs, the newest first; at most [`SECRETS_MAX`].
    pub secrets: Vec<Redacted<[u8; SECRET_SIZE]>>,
    /// Who made it.
    pub by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when nothing has been taken there; none while it works.
    pub failing_since: Option<Timestamp>,
    /// When it was switched off, by hand or because it failed for too long.
    pub disabled_at: Option<Timestamp>,
}

/// One piece of news on its way to one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its id: the same at every try, so that whoever gets it twice can tell.
    pub id: [u8; 16],
    /// Where to.
    pub webhook: WebhookId,
    /// Of what.
    pub event: EventKind,
    /// When it happened.
    pub at: Timestamp,
    /// What is sent.
    pub body: BlobId,
    /// What came of each try; at most one more than [`RETRY_AFTER`] has.
    pub tries: Vec<Try>,
    /// When it is tried next; none when it was taken or given up.
    pub due: Option<Timestamp>,
}

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try {
    /// When.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// What came of it.
    pub outcome: TryOutcome,
}

/// How a try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryOutcome {
    /// HTTP status of the answer.
    Answered(u16),
    /// The name has no address, or none that news may be sent to.
    Refused,
    /// Nobody answered, or the connection broke.
    Unreachable,
    /// The certificate is not good.
    Tls,
    /// It took too long.
    TimedOut,
}

impl TryOutcome {
    /// Whether it was taken (Standard Webhooks: any status from 200 to 299).
    #[must_use]
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }

    /// Whether whoever answered wants nothing more (410 Gone).
    #[must_use]
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Answered(410))
    }
}

impl Notification {
    /// Its id as it is sent.
    #[must_use]
    pub fn message_id(&self) -> String {
        format!("msg_{}", data_encoding::HEXLOWER.encode(&self.id))
    }

    /// When the next try is due after this one has failed; none when it is given up. `spread` is
    /// a random number by which tries are kept apart: up to a fifth is added.
    #[must_use]
    pub fn next_try(&self, now: Timestamp, spread: u64) -> Option<Timestamp> {
        let wait = RETRY_AFTER.get(self.tries.len().checked_sub(1)?)?;
        let fifth = u64::try_from(wait.as_millis() / 5)
            .unwrap_or(u64::MAX)
            .max(1);
        Some(now.plus(*wait).plus(Duration::from_millis(spread % fifth)))
    }
}

/// A secret as it is shown to whoever made the webhook.
#[must_use]
pub fn secret_text(secret: &[u8; SECRET_SIZE]) -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(secret))
}

/// The value of `webhook-signature`: one signature for each secret, with spaces between them.
#[must_use]
pub fn signature(
    secrets: &[Redacted<[u8; SECRET_SIZE]>],
    message_id: &str,
    at: Timestamp,
    body: &[u8],
) -> String {
    let mut signed = format!("{message_id}.{}.", at.as_secs()).into_bytes();
    signed.extend_from_slice(body);
    let sign = |secret: &Redacted<[u8; SECRET_SIZE]>| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal());
        format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed)))
    };
    secrets.iter().map(sign).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn notification(tries: usize) -> Notification {
        let failed = Try {
            at: Timestamp::from_millis(0),
            took_ms: 3,
            outcome: TryOutcome::Answered(500),
        };
        Notification {
            id: [0xab; 16],
            webhook: WebhookId::from_bytes([1; 16]),
            event: EventKind::MessageReceived,
            at: Timestamp::from_millis(0),
            body: BlobId::of(b"{}"),
            tries: vec![failed; tries],
            due: None,
        }
    }

    #[test]
    fn tries_grow_rarer_and_end() {
        let now = Timestamp::from_millis(1_000_000);
        let mut before = now;
        for tries in 1..=RETRY_AFTER.len() {
            let next = notification(tries).next_try(now, 0).unwrap();
            assert!(next > before, "try {tries}");
            let late = notification(tries).next_try(now, u64::MAX).unwrap();
            assert!(late <= next.plus(RETRY_AFTER[tries - 1] / 5));
            before = next;
        }
        assert_eq!(notification(RETRY_AFTER.len() + 1).next_try(now, 0), None);
    }

    #[test]
    fn each_secret_signs_id_time_and_body() {
        let secrets = [
            Redacted::new([7; SECRET_SIZE]),
            Redacted::new([8; SECRET_SIZE]),
        ];
        let at = Timestamp::from_millis(1_674_087_231_000);
        let of = |id: &str, at, body: &[u8]| signature(&secrets, id, at, body);
        let both = of("msg_1", at, b"{}");
        assert_eq!(both.split(' ').count(), 2);
        assert!(
            both.split(' ')
                .all(|one| one.starts_with("v1,") && one.len() == 47)
        );
        for other in [
            of("msg_2", at, b"{}"),
            of("msg_1", at.plus(Duration::from_secs(1)), b"{}"),
            of("msg_1", at, b"[]"),
        ] {
            assert_ne!(other, both);
        }
        assert!(TryOutcome::Answered(204).is_taken() && !TryOutcome::Answered(302).is_taken());
    }

    #[test]
    fn secrets_read_as_others_write_them() {
        let text = secret_text(&[0; SECRET_SIZE]);
        assert_eq!(text, format!("whsec_{}=", "A".repeat(43)));
        assert_eq!(
            notification(0).message_id(),
            format!("msg_{}", "ab".repeat(16))
        );
    }
}
