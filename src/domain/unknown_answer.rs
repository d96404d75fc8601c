//! Answers of mail systems that no rule knows: those that say the same are pooled, and somebody
//! may say what they mean.
//!
//! Unknown is an answer that failed and whose reason is [`Reason::Undefined`]: neither its words
//! nor its enhanced status code nor its reply code gave one. What a code of the standards says is
//! a reason, however little is said beside it. Delays and automatic answers are none: what is
//! still being tried ends in an answer of its own.

mod shape;
mod words;

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::ids::{AnswerPoolId, DeliveryId, UserId};
use super::reason::Reason;
use super::rule_name::RuleName;
use super::timestamp::Timestamp;
use super::verdict::{BounceClass, EnhancedStatus, Fault, Permanence, Suspends, Verdict};

pub use shape::{AnswerShape, Likeness, PrivateWords, SHAPE_SIZE_MAX_BYTES, SHAPE_WORDS_MAX};

/// Most pools there are. When there is one more, the one goes that was seen longest ago and has
/// no name.
pub const ANSWER_POOLS_MAX: usize = 2_000;
/// Most pools that the answers to one delivery count for, each once.
pub const POOLS_OF_DELIVERY_MAX: usize = 3;
/// How long a pool without a name is kept after its last answer.
pub const ANSWER_POOL_KEPT_FOR: Duration = Duration::from_secs(365 * 24 * 3600);
/// The rule that a verdict names when somebody said what the answer means; behind it the pool.
pub const NAMED_RULE: &str = "named";
/// The rule of a report whose words a person may have written: nothing shows that a mail system
/// did. They are kept with the message, and in no pool.
pub const PERHAPS_A_LETTER: RuleName = RuleName::fixed("perhaps a letter");

/// What an unknown answer to an email may be said to mean, in the order in which pages show it.
pub const NAMEABLE: [Reason; 24] = [
    Reason::UserUnknown,
    Reason::HostUnknown,
    Reason::NotAccept,
    Reason::Moved,
    Reason::Suspended,
    Reason::MailboxFull,
    Reason::Filtered,
    Reason::Spam,
    Reason::Virus,
    Reason::Content,
    Reason::TooBig,
    Reason::Blocked,
    Reason::SenderRejected,
    Reason::Policy,
    Reason::Auth,
    Reason::Relaying,
    Reason::Security,
    Reason::Tls,
    Reason::Rate,
    Reason::Syntax,
    Reason::Network,
    Reason::System,
    Reason::Mailer,
    Reason::Expired,
];

/// An answer that no rule knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownAnswer {
    /// What answers look like that say the same.
    pub shape: AnswerShape,
    /// What the first digit of its code says; without a code, how it was taken. Answers of which
    /// one is for good and the other is not are never pooled.
    pub permanence: Permanence,
    /// Its reply code.
    pub reply: Option<u16>,
    /// Its enhanced status code.
    pub status: Option<EnhancedStatus>,
}

impl UnknownAnswer {
    /// What a verdict leaves unknown; none where it has a reason, where nothing was said, or where a
    /// person may have said it.
    #[must_use]
    pub fn of(verdict: &Verdict, private: &PrivateWords) -> Option<Self> {
        if !is_unknown(verdict) || verdict.rule == PERHAPS_A_LETTER {
            return None;
        }
        let said = verdict.diagnostic.as_str();
        let reply = reply_code_in(said);
        let by_reply = reply.map(|code| {
            if code >= 500 {
                Permanence::Permanent
            } else {
                Permanence::Temporary
            }
        });
        let by_status = verdict.status_code.and_then(EnhancedStatus::permanence);
        Some(Self {
            shape: AnswerShape::of(said, private)?,
            permanence: by_reply.or(by_status).unwrap_or(taken_as(verdict)),
            reply,
            status: verdict.status_code,
        })
    }

    /// Whether it has a code: then a mail system said it, and not we.
    #[must_use]
    pub const fn has_code(&self) -> bool {
        self.reply.is_some() || self.status.is_some()
    }

    /// The id of a pool that begins with this one.
    #[must_use]
    pub fn id(&self) -> AnswerPoolId {
        AnswerPoolId::of(self.permanence, self.shape.as_str())
    }

    /// A pool that begins with this one.
    #[must_use]
    pub fn begin(self, now: Timestamp) -> AnswerPool {
        AnswerPool {
            id: self.id(),
            shape: self.shape,
            permanence: self.permanence,
            reply: self.reply,
            status: self.status,
            first_seen: now,
            named: None,
        }
    }
}

/// Whether a verdict says of a failure that nothing says why, though something was said.
#[must_use]
pub fn is_unknown(verdict: &Verdict) -> bool {
    let has_failed = match verdict.class {
        BounceClass::Hard | BounceClass::Soft | BounceClass::Unknown => true,
        BounceClass::Complaint
        | BounceClass::AutoReply
        | BounceClass::Success
        | BounceClass::Delay
        | BounceClass::Mdn
        | BounceClass::None => false,
    };
    has_failed && verdict.reason == Reason::Undefined && !verdict.diagnostic.is_empty()
}

/// The pool whose name has said what a verdict says.
#[must_use]
pub fn named_by(verdict: &Verdict) -> Option<AnswerPoolId> {
    let rule = verdict.rule.as_str().strip_prefix(NAMED_RULE)?;
    rule.strip_prefix(": ")?.parse().ok()
}

/// Whether an answer is taken to be for good. A report that leaves open what became of the mail
/// ends it: what comes back is not tried again.
fn taken_as(verdict: &Verdict) -> Permanence {
    match verdict.class {
        BounceClass::Unknown => Permanence::Permanent,
        BounceClass::Hard
        | BounceClass::Soft
        | BounceClass::Complaint
        | BounceClass::AutoReply
        | BounceClass::Success
        | BounceClass::Delay
        | BounceClass::Mdn
        | BounceClass::None => verdict.permanence,
    }
}

/// The reply code of a refusal that stands in a text, the first.
fn reply_code_in(text: &str) -> Option<u16> {
    let is_between = |c: char| !c.is_ascii_alphanumeric() && c != '.';
    let code = text.split(is_between).find(|one| shape::is_reply_code(one));
    code?.parse().ok()
}

/// Answers that say the same. How many they are and which was the last is kept beside it
/// ([`LastAnswer`]), so that counting them changes nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerPool {
    /// Its id, which follows from what the first of them said.
    pub id: AnswerPoolId,
    /// What they look like, as the first one did.
    pub shape: AnswerShape,
    /// Whether the first digit says that trying again will not help.
    pub permanence: Permanence,
    /// Reply code of the first one.
    pub reply: Option<u16>,
    /// Enhanced status code of the first one.
    pub status: Option<EnhancedStatus>,
    /// When it came.
    pub first_seen: Timestamp,
    /// What somebody said that they mean.
    pub named: Option<Naming>,
}

/// What somebody said that answers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Naming {
    /// Why they came.
    pub reason: Reason,
    /// Who said so.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
}

/// The last answer that went into a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastAnswer {
    /// Which pool.
    pub pool: AnswerPoolId,
    /// When it came.
    pub at: Timestamp,
    /// To which message.
    pub delivery: DeliveryId,
}

impl AnswerPool {
    /// Whether its name suspends a method at once.
    #[must_use]
    pub fn suspends_at_once(&self) -> bool {
        self.named.is_some_and(|naming| {
            let means = meaning(naming.reason, self.permanence);
            means.suspends() == Suspends::AtOnce
        })
    }

    /// Whether an answer belongs here that is so much like its first one, and of which nothing
    /// else keeps it apart. What suspends somebody at once has to be said in nearly the same words
    /// as what was named.
    #[must_use]
    pub fn takes(&self, likeness: Likeness) -> bool {
        likeness.is_close() || likeness.is_enough() && !self.suspends_at_once()
    }

    /// What an answer of this pool means by its name, as if a rule had said so; none while it has
    /// no name.
    #[must_use]
    pub fn judge(&self, said: &Verdict) -> Option<Verdict> {
        let reason = self.named?.reason;
        // A pool of what is only for now suspends nobody at once, whatever a report made of it.
        let permanence = match self.permanence {
            Permanence::Temporary => Permanence::Temporary,
            _ => taken_as(said),
        };
        let mut verdict = meaning(reason, permanence);
        // What was said before the recipient was named is not the recipient's fault.
        if said.fault != Fault::Unknown && verdict.fault == Fault::Recipient {
            verdict.fault = said.fault;
            verdict.class = BounceClass::Soft;
        }
        Some(
            verdict
                .with_status(said.status_code)
                .with_diagnostic(said.diagnostic.as_str())
                .by(RuleName::of_words(NAMED_RULE, &self.id.to_string())),
        )
    }
}

/// What an answer means that came for this reason, by the table that every answer is judged by.
#[must_use]
pub fn meaning(reason: Reason, permanence: Permanence) -> Verdict {
    Verdict::failure(reason.for_now(permanence, true), permanence)
}
