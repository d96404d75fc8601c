//! What an answer means: from a mail server, a carrier, a telephone network.
//!
//! A [`Verdict`] is the common word of every channel. It keeps the answer as it was
//! written (for the person who must judge it) beside what we make of it (for the
//! machine that must decide whether to try again and whether to suspend a method).

use std::fmt;

use super::RuleName;

pub use super::reason::Reason;

/// Longest diagnostic text that is kept, in bytes. Longer ones are cut at a character.
pub const DIAGNOSTIC_SIZE_MAX_BYTES: usize = 2_048;

/// Which kind of answer this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BounceClass {
    /// The address, number or host is gone for good.
    Hard,
    /// It failed this time; the address itself may be fine.
    Soft,
    /// The recipient (or their provider) called the message spam.
    Complaint,
    /// A robot answered: out of office, vacation, ticket received.
    AutoReply,
    /// A positive report: delivered.
    Success,
    /// Not there yet; the other side goes on trying.
    Delay,
    /// A disposition notification (read receipt).
    Mdn,
    /// No report at all: an ordinary message.
    None,
    /// A report that says nothing that can be understood, or leaves open whether it arrived.
    Unknown,
}

/// Whether trying again could help (RFC 3463: class 5 or class 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permanence {
    /// The other side will not change its mind.
    Permanent,
    /// It may go through later.
    Temporary,
}

/// Whose side the trouble is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// The recipient's address, number or mailbox.
    Recipient,
    /// Ours: address reputation, content, policy, TLS, credentials.
    Sender,
    /// The way between, or the other side's machines.
    Network,
    /// It cannot be told.
    Unknown,
}

/// What a verdict does to the method it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suspends {
    /// Suspend now.
    AtOnce,
    /// Suspend when it happened often enough within the configured window.
    AfterRepeats,
    /// Never suspend.
    Never,
}

/// An enhanced status code (RFC 3463), `class.subject.detail`.
///
/// Subject and detail may be up to 999 there; values over 255 are met in practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnhancedStatus {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    pub class: u8,
    /// Who or what the code is about (1 addressing, 2 mailbox, …).
    pub subject: u16,
    /// The precise condition.
    pub detail: u16,
}

impl EnhancedStatus {
    /// A code from its three numbers; they are not checked.
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self {
            class,
            subject,
            detail,
        }
    }

    /// Parses `5.1.1`: class 2, 4 or 5, then one to three digits twice; nothing may follow.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let class = match parts.next()? {
            "2" => 2,
            "4" => 4,
            "5" => 5,
            _ => return None,
        };
        let subject = three_digits(parts.next()?)?;
        let detail = three_digits(parts.next()?)?;
        parts.next().is_none().then_some(Self {
            class,
            subject,
            detail,
        })
    }

    /// What the first digit says; `None` for success.
    pub const fn permanence(self) -> Option<Permanence> {
        match self.class {
            4 => Some(Permanence::Temporary),
            5 => Some(Permanence::Permanent),
            _ => None,
        }
    }
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

fn three_digits(text: &str) -> Option<u16> {
    let digits = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// The other side's words exactly as received, bounded by [`DIAGNOSTIC_SIZE_MAX_BYTES`].
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Diagnostic(String);

impl Diagnostic {
    /// Keeps `text` as it is; what is beyond the limit is cut off at a character boundary.
    pub fn new(text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > DIAGNOSTIC_SIZE_MAX_BYTES {
            let mut end = DIAGNOSTIC_SIZE_MAX_BYTES;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
        }
        Self(text)
    }

    /// The text as received.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Diagnostics quote addresses: debug output names their size only.
impl fmt::Debug for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Diagnostic({} bytes)", self.0.len())
    }
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// Which kind of answer.
    pub class: BounceClass,
    /// Why.
    pub reason: Reason,
    /// Whether trying again could help.
    pub permanence: Permanence,
    /// Whose side the trouble is on.
    pub fault: Fault,
    /// The enhanced status code, where one was given.
    pub status_code: Option<EnhancedStatus>,
    /// The words as received.
    pub diagnostic: Diagnostic,
    /// Which rule decided; empty where it was plain.
    pub rule: RuleName,
}

impl Verdict {
    /// A failure for `reason`, with the class and fault that the reason usually has.
    pub fn failure(reason: Reason, permanence: Permanence) -> Self {
        let class = match permanence {
            Permanence::Permanent if reason.ends_address() => BounceClass::Hard,
            Permanence::Permanent | Permanence::Temporary => BounceClass::Soft,
        };
        Self {
            class,
            reason,
            permanence,
            fault: reason.usual_fault(),
            status_code: None,
            diagnostic: Diagnostic::default(),
            rule: RuleName::default(),
        }
    }

    /// A positive answer for `reason` ([`Reason::Accepted`] or [`Reason::Delivered`]).
    pub fn success(reason: Reason) -> Self {
        Self {
            class: BounceClass::Success,
            reason,
            permanence: Permanence::Permanent,
            fault: Fault::Unknown,
            status_code: None,
            diagnostic: Diagnostic::default(),
            rule: RuleName::default(),
        }
    }

    /// The same verdict with the words it rests on.
    #[must_use]
    pub fn with_diagnostic(mut self, text: impl Into<String>) -> Self {
        self.diagnostic = Diagnostic::new(text);
        self
    }

    /// The same verdict with the rule that decided.
    #[must_use]
    pub fn by(mut self, rule: RuleName) -> Self {
        self.rule = rule;
        self
    }

    /// The same verdict with its enhanced status code.
    #[must_use]
    pub fn with_status(mut self, status: Option<EnhancedStatus>) -> Self {
        self.status_code = status;
        self
    }

    /// What this does to the method: a permanent failure of the recipient's address suspends
    /// at once, one that may pass suspends when repeated, anything of our side or of the
    /// network never does. Auto-replies, delays and positive reports never suspend.
    pub const fn suspends(&self) -> Suspends {
        match self.class {
            BounceClass::Hard | BounceClass::Soft => {}
            BounceClass::Complaint
            | BounceClass::AutoReply
            | BounceClass::Success
            | BounceClass::Delay
            | BounceClass::Mdn
            | BounceClass::None
            | BounceClass::Unknown => return Suspends::Never,
        }
        match (self.fault, self.permanence) {
            (Fault::Recipient, Permanence::Permanent) if self.reason.disables_address() => {
                Suspends::AtOnce
            }
            (Fault::Recipient, _) if self.reason.counts_against_method() => Suspends::AfterRepeats,
            (Fault::Unknown, Permanence::Permanent) => Suspends::AfterRepeats,
            (Fault::Recipient | Fault::Sender | Fault::Network | Fault::Unknown, _) => {
                Suspends::Never
            }
        }
    }

    /// One or two plain sentences for the console.
    pub fn explain(&self) -> String {
        let what = self.reason.explain();
        let then = match (self.class, self.permanence) {
            (BounceClass::Hard | BounceClass::Soft, Permanence::Permanent) => {
                "Trying again will not help."
            }
            (BounceClass::Hard | BounceClass::Soft, Permanence::Temporary) => {
                "It may go through later."
            }
            (class, _) => class.explain(),
        };
        format!("{what} {then}")
    }
}

impl BounceClass {
    /// Whether something failed, so that it matters whether trying again could help.
    #[must_use]
    pub const fn is_trouble(self) -> bool {
        match self {
            Self::Hard | Self::Soft | Self::Complaint | Self::Delay | Self::Unknown => true,
            Self::AutoReply | Self::Success | Self::Mdn | Self::None => false,
        }
    }

    /// Every value, in the order of the declaration.
    pub const ALL: [Self; 9] = [
        Self::Hard,
        Self::Soft,
        Self::Complaint,
        Self::AutoReply,
        Self::Success,
        Self::Delay,
        Self::Mdn,
        Self::None,
        Self::Unknown,
    ];

    /// Stable name, for records and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
            Self::Complaint => "complaint",
            Self::AutoReply => "auto_reply",
            Self::Success => "success",
            Self::Delay => "delay",
            Self::Mdn => "mdn",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }

    /// The value of a stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == name)
    }

    /// One plain sentence.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::Hard => "The address is gone for good.",
            Self::Soft => "It failed this time; the address itself may be fine.",
            Self::Complaint => "The recipient marked the message as spam.",
            Self::AutoReply => "An automatic answer; the message arrived.",
            Self::Success => "The other side confirms it.",
            Self::Delay => "It is delayed and is still being tried.",
            Self::Mdn => "The recipient's program reports what became of the message.",
            Self::None => "This is an ordinary message, not a report.",
            Self::Unknown => "A report came back that does not say whether it arrived.",
        }
    }
}

impl Permanence {
    /// Stable name, for records and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Temporary => "temporary",
        }
    }

    /// The value of a stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Permanent, Self::Temporary]
            .into_iter()
            .find(|v| v.as_str() == name)
    }

    /// One plain sentence.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::Permanent => "Trying again will not help.",
            Self::Temporary => "It may go through later.",
        }
    }
}

impl Fault {
    /// Every value, in the order of the declaration.
    pub const ALL: [Self; 4] = [Self::Recipient, Self::Sender, Self::Network, Self::Unknown];

    /// Stable name, for records and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recipient => "recipient",
            Self::Sender => "sender",
            Self::Network => "network",
            Self::Unknown => "unknown",
        }
    }

    /// The value of a stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == name)
    }

    /// One plain sentence.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::Recipient => "The trouble is with the recipient's address or number.",
            Self::Sender => "The trouble is on our side.",
            Self::Network => "The trouble is on the way, or with the other side's machines.",
            Self::Unknown => "It cannot be told whose side the trouble is on.",
        }
    }
}

impl Suspends {
    /// Stable name, for records and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::AfterRepeats => "after_repeats",
            Self::Never => "never",
        }
    }

    /// One plain sentence.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::AtOnce => "The method is suspended at once.",
            Self::AfterRepeats => "The method is suspended if this keeps happening.",
            Self::Never => "The method is not suspended.",
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn status_codes_keep_values_over_255() {
        let code = EnhancedStatus::parse("5.7.511").unwrap();
        assert_eq!((code.class, code.subject, code.detail), (5, 7, 511));
        assert_eq!(code.to_string(), "5.7.511");
        for bad in [
            "", "5", "5.1", "5.1.", "3.1.1", "5.1.1.1", "5.1234.1", "5.+1.1", " 5.1.1",
        ] {
            assert_eq!(EnhancedStatus::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn diagnostics_are_bounded_and_hidden_in_debug_output() {
        let long = "é".repeat(DIAGNOSTIC_SIZE_MAX_BYTES);
        let kept = Diagnostic::new(long);
        assert_eq!(kept.as_str().len(), DIAGNOSTIC_SIZE_MAX_BYTES);
        assert!(!format!("{:?}", Diagnostic::new("550 <a@b.example>")).contains('@'));
    }

    #[test]
    fn only_the_recipients_address_suspends_at_once() {
        for reason in Reason::ALL {
            let permanent = Verdict::failure(reason, Permanence::Permanent).suspends();
            let temporary = Verdict::failure(reason, Permanence::Temporary).suspends();
            assert_eq!(
                permanent == Suspends::AtOnce,
                reason.disables_address(),
                "{reason:?}"
            );
            assert_ne!(temporary, Suspends::AtOnce, "{reason:?}");
            if matches!(reason.usual_fault(), Fault::Sender | Fault::Network) {
                assert_eq!(
                    (permanent, temporary),
                    (Suspends::Never, Suspends::Never),
                    "{reason:?}"
                );
            }
        }
        let full = Verdict::failure(Reason::MailboxFull, Permanence::Temporary);
        assert_eq!(full.suspends(), Suspends::AfterRepeats);
    }

    #[test]
    fn automatic_answers_and_delays_never_suspend() {
        for class in BounceClass::ALL {
            let verdict = Verdict {
                class,
                ..Verdict::failure(Reason::UserUnknown, Permanence::Permanent)
            };
            let failure = matches!(class, BounceClass::Hard | BounceClass::Soft);
            assert_eq!(verdict.suspends() != Suspends::Never, failure, "{class:?}");
        }
    }

    #[test]
    fn names_come_back() {
        for value in BounceClass::ALL {
            assert_eq!(BounceClass::from_name(value.as_str()), Some(value));
        }
        for value in Reason::ALL {
            assert_eq!(Reason::from_name(value.as_str()), Some(value));
        }
        for value in Fault::ALL {
            assert_eq!(Fault::from_name(value.as_str()), Some(value));
        }
        for value in [Permanence::Permanent, Permanence::Temporary] {
            assert_eq!(Permanence::from_name(value.as_str()), Some(value));
        }
    }
}
