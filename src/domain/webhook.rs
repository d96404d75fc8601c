//! News for programs: which events there are, where they are sent, and how they are signed.
//!
//! Signed as Standard Webhooks 1.0 has it (symmetric, "v1"): HMAC-SHA256 over id, time and body.

use std::net::Ipv6Addr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use super::confirmation::ConfirmedBy;
use super::delivery::ClosedReason;
use super::ids::{
    CommunicationId, ContactId, DeliveryId, MessageId, MethodId, ThreadId, UserId, WebhookId,
};
use super::redacted::Redacted;
use super::sentence::Sentence;
use super::status::Status;
use super::timestamp::Timestamp;

/// Most places that news is sent to.
pub const WEBHOOKS_MAX: usize = 20;
/// Longest name of one, in characters.
pub const WEBHOOK_NAME_MAX: usize = 100;
/// Longest address, in octets.
pub const WEBHOOK_URL_SIZE_MAX: usize = 500;
/// What every secret begins with.
pub const SECRET_PREFIX: &str = "whsec_";
/// Size of a secret, in octets (Standard Webhooks: between 24 and 64).
pub const SECRET_SIZE: usize = 32;
/// Most secrets that sign at a time: a new one beside those that it takes the place of. More than
/// two, as whoever did not hear the answer makes one more.
pub const SECRETS_MAX: usize = 4;
/// Most news that waits for one place; what happens beyond is not told there.
pub const NEWS_WAITING_MAX: u64 = 100_000;
/// Most news of one place that is kept after it was taken or given up.
pub const NEWS_KEPT_MAX: u64 = 500;
/// How long news is kept after it happened, once it was taken or given up.
pub const NEWS_KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// Most tries that are kept of one piece of news, the newest.
pub const TRIES_KEPT_MAX: usize = 20;
/// How long after each try the next one is made (the schedule that Standard Webhooks 1.0
/// recommends); behind the last one it is given up.
pub const RETRY_AFTER: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(14 * 3600),
    Duration::from_secs(20 * 3600),
    Duration::from_secs(24 * 3600),
];
/// After so long in which one try after the other has failed, a webhook is switched off.
pub const FAILING_MAX: Duration = Duration::from_secs(5 * 24 * 3600);
/// After so long without any try nothing is known of a place: failing begins anew. Longer than
/// the longest wait between two tries of one piece of news.
pub const FAILING_GAP_MAX: Duration = Duration::from_secs(36 * 3600);
/// That a try failed is written down at most so often.
const FAILED_AT_STEP: Duration = Duration::from_secs(3600);
/// A place is left alone for a while after so many failed tries, one behind the other.
const FAILURES_IN_A_ROW: u32 = 4;
/// For how long at first; twice as long after each further one.
const PAUSE: Duration = Duration::from_secs(5);
/// And never longer than this.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What there is news of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A communication was sent.
    CommunicationSent,
    /// A message to one person by one method stands where we have nothing more to do for it, was
    /// deferred, or is not needed any more.
    DeliveryStatus,
    /// A person answered.
    ReplyReceived,
    /// A person confirmed.
    ConfirmationReceived,
    /// A method was suspended because messages to it fail.
    MethodSuspended,
    /// A contact has a communication issue now.
    IssueOpened,
    /// A contact has none any more.
    IssueClosed,
    /// Somebody tries whether it works.
    Test,
}

impl EventKind {
    /// Those that a webhook may choose, in the order in which pages show them.
    pub const CHOICES: [Self; 7] = [
        Self::CommunicationSent,
        Self::DeliveryStatus,
        Self::ReplyReceived,
        Self::ConfirmationReceived,
        Self::MethodSuspended,
        Self::IssueOpened,
        Self::IssueClosed,
    ];

    /// Its name in what is sent; it stays.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CommunicationSent => "communication.sent",
            Self::DeliveryStatus => "delivery.status",
            Self::ReplyReceived => "reply.received",
            Self::ConfirmationReceived => "confirmation.received",
            Self::MethodSuspended => "method.suspended",
            Self::IssueOpened => "issue.opened",
            Self::IssueClosed => "issue.closed",
            Self::Test => "webhook.test",
        }
    }

    /// The one of this name that a webhook may choose.
    #[must_use]
    pub fn choice(name: &str) -> Option<Self> {
        Self::CHOICES.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What somebody says of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookInput {
    /// What it is for.
    pub name: String,
    /// Where to.
    pub url: Redacted<String>,
    /// What it hears of.
    pub events: Vec<EventKind>,
    /// Whether addresses and numbers stand in what it hears.
    pub addresses: bool,
}

/// Where news is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// What somebody said of it.
    pub input: WebhookInput,
    /// What signs, the newest first; at most [`SECRETS_MAX`].
    pub secrets: Vec<Redacted<[u8; SECRET_SIZE]>>,
    /// Who made it.
    pub by: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when nothing has been taken there; none while it works.
    pub failing_since: Option<Timestamp>,
    /// That it is switched off.
    pub disabled: Option<Disabled>,
    /// When a try failed last, to the hour; none while it works.
    pub failed_at: Option<Timestamp>,
}

impl Webhook {
    /// Whether it hears of this.
    #[must_use]
    pub fn hears(&self, kind: EventKind) -> bool {
        self.disabled.is_none() && (kind == EventKind::Test || self.input.events.contains(&kind))
    }

    /// Forgets that tries have failed.
    pub const fn works(&mut self) {
        self.failing_since = None;
        self.failed_at = None;
    }

    /// What follows for it from a try at the address that it has.
    pub fn judge(&mut self, one: Try) {
        if one.outcome.is_taken() {
            self.works();
            return;
        }
        let last = self.failed_at.filter(|last| {
            let apart = one.at.since(*last).max(last.since(one.at));
            apart < FAILING_GAP_MAX
        });
        let since = self.failing_since.filter(|_| last.is_some());
        let since = *self.failing_since.insert(since.unwrap_or(one.at));
        if last.is_none_or(|last| one.at.since(last) >= FAILED_AT_STEP) {
            self.failed_at = Some(one.at);
        }
        let why = if one.outcome.is_gone() {
            DisabledWhy::Gone
        } else if one.at.since(since) >= FAILING_MAX {
            DisabledWhy::Failing
        } else {
            return;
        };
        self.disabled.get_or_insert(Disabled { at: one.at, why });
    }
}

/// How long a place is left alone after so many failed tries in a row; none while it is spoken to
/// as ever.
#[must_use]
pub fn pause_after(failures: u32) -> Option<Duration> {
    let more = failures.checked_sub(FAILURES_IN_A_ROW)?;
    Some(PAUSE.saturating_mul(1 << more.min(16)).min(PAUSE_MAX))
}

/// That a webhook is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub why: DisabledWhy,
}

/// Why a webhook is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisabledWhy {
    /// Somebody switched it off.
    ByHand,
    /// Whoever answered wants nothing more (410 Gone).
    Gone,
    /// Nothing was taken for [`FAILING_MAX`].
    Failing,
}

/// What happened, told by ids and statuses: never what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// What kind of thing.
    pub event: EventKind,
    /// Which communication it is about.
    pub communication: Option<CommunicationId>,
    /// Which contact.
    pub contact: Option<ContactId>,
    /// Which delivery.
    pub delivery: Option<DeliveryId>,
    /// Which method.
    pub method: Option<MethodId>,
    /// Which thread of the inbox.
    pub thread: Option<ThreadId>,
    /// Which message of it.
    pub message: Option<MessageId>,
    /// Where the delivery stands.
    pub status: Option<Status>,
    /// Why nothing more is done for it.
    pub closed: Option<ClosedReason>,
    /// How somebody confirmed; none for a key in a call.
    pub confirmed_by: Option<ConfirmedBy>,
    /// How many people were addressed.
    pub people: Option<u64>,
    /// The address or number, for webhooks that ask for it.
    pub address: Option<Redacted<String>>,
}

impl News {
    /// Of this kind, about nothing yet.
    #[must_use]
    pub const fn of(event: EventKind) -> Self {
        Self {
            event,
            communication: None,
            contact: None,
            delivery: None,
            method: None,
            thread: None,
            message: None,
            status: None,
            closed: None,
            confirmed_by: None,
            people: None,
            address: None,
        }
    }
}

/// One piece of news on its way to one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its id: the same at every try, so that whoever gets it twice can tell.
    pub id: [u8; 16],
    /// Where to.
    pub webhook: WebhookId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub news: News,
    /// What came of each try; the newest [`TRIES_KEPT_MAX`].
    pub tries: Vec<Try>,
    /// Tries made by the schedule since it was last sent by hand.
    pub tried: u8,
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
    /// What came back is no HTTP.
    NoHttp,
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

    /// A number for records: the status, or one below all of them.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Answered(status) => status,
            Self::Refused => 1,
            Self::Unreachable => 2,
            Self::Tls => 3,
            Self::TimedOut => 4,
            Self::NoHttp => 5,
        }
    }

    /// The outcome with this number.
    #[must_use]
    pub const fn of_code(code: u16) -> Self {
        match code {
            1 => Self::Refused,
            3 => Self::Tls,
            4 => Self::TimedOut,
            5 => Self::NoHttp,
            100.. => Self::Answered(code),
            _ => Self::Unreachable,
        }
    }
}

impl Notification {
    /// Its id as it is sent.
    #[must_use]
    pub fn message_id(&self) -> String {
        format!("msg_{}", data_encoding::HEXLOWER.encode(&self.id))
    }

    /// Whether it was taken.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.tries.last().is_some_and(|one| one.outcome.is_taken())
    }

    /// Writes a try down; it is the last one unless [`Self::next_try`] says otherwise.
    pub fn record(&mut self, one: Try) {
        if self.tries.len() >= TRIES_KEPT_MAX {
            self.tries.remove(0);
        }
        self.tries.push(one);
        self.tried = self.tried.saturating_add(1);
        self.due = None;
    }

    /// When the next try is due after this one has failed; none when it is given up. `asked` is
    /// how long whoever answered wants us to wait at least; `spread` is a random number by which
    /// tries are kept apart: up to a fifth is added.
    #[must_use]
    pub fn next_try(
        &self,
        now: Timestamp,
        asked: Option<Duration>,
        spread: u64,
    ) -> Option<Timestamp> {
        let wait = RETRY_AFTER.get(usize::from(self.tried).checked_sub(1)?)?;
        let wait = (*wait).max(asked.unwrap_or_default());
        let fifth = u64::try_from(wait.as_millis() / 5).unwrap_or(u64::MAX);
        Some(
            now.plus(wait)
                .plus(Duration::from_millis(spread % fifth.max(1))),
        )
    }
}

/// What keeps an address from being one that news is sent to; `plain` says whether the
/// installation names networks where http is good enough.
///
/// # Errors
/// With what is wrong.
pub fn check_url(url: &str, plain: bool) -> Result<(), Sentence> {
    let rest = url.strip_prefix("https://");
    let rest = rest.or_else(|| url.strip_prefix("http://").filter(|_| plain));
    let Some(rest) = rest else {
        return Err("Write an address that begins with https://.".into());
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("An address has no user name and no password in it.".into());
    }
    if url.len() > WEBHOOK_URL_SIZE_MAX {
        return Err(Sentence::with(
            "An address has at most {0} characters.",
            &[&WEBHOOK_URL_SIZE_MAX],
        ));
    }
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}#".contains(&byte);
    if authority.is_empty() || !url.bytes().all(fits) {
        return Err("Write an address that begins with https://.".into());
    }
    if !is_place(authority) {
        return Err("This is no address of a machine with a port from 1 to 65535.".into());
    }
    Ok(())
}

/// Whether it names a machine, and a port if anything stands behind that.
fn is_place(authority: &str) -> bool {
    let behind = if let Some(rest) = authority.strip_prefix('[') {
        let Some((address, behind)) = rest.split_once(']') else {
            return false;
        };
        if address.parse::<Ipv6Addr>().is_err() {
            return false;
        }
        behind
    } else {
        let end = authority.find(':').unwrap_or(authority.len());
        let (name, behind) = authority.split_at(end);
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if name.is_empty() || !name.bytes().all(fits) {
            return false;
        }
        behind
    };
    let Some(port) = behind.strip_prefix(':') else {
        return behind.is_empty();
    };
    port.bytes().all(|byte| byte.is_ascii_digit())
        && (port.is_empty() || port.parse::<u16>().is_ok_and(|port| port != 0))
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
mod tests;
