//! Why an answer is what it is: the reasons of every channel.

use super::verdict::{Fault, Permanence};

/// Why, as finely as the answer allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// No such mailbox or subscriber.
    UserUnknown,
    /// No such domain or host.
    HostUnknown,
    /// The domain exists and takes no mail (null MX, refuses all).
    NotAccept,
    /// The mailbox has no space left.
    MailboxFull,
    /// The mailbox or line is disabled.
    Suspended,
    /// The recipient has moved away.
    Moved,
    /// The recipient's own filter or settings refuse this sender or message.
    Filtered,
    /// The message is larger than the other side takes.
    TooBig,
    /// The content was judged spam.
    Spam,
    /// A virus was seen in the message.
    Virus,
    /// Something else in the content was refused.
    Content,
    /// Our address or network is on a list or has no good name.
    Blocked,
    /// The envelope sender was refused.
    SenderRejected,
    /// A rule of the other side refused it.
    Policy,
    /// SPF, DKIM, DMARC or a login failed.
    Auth,
    /// The server does not relay for this recipient.
    Relaying,
    /// A security requirement was not met.
    Security,
    /// Too many messages or connections.
    Rate,
    /// The carrier asks us to slow down.
    Throttled,
    /// It could not be reached over the network.
    Network,
    /// The other side has trouble of its own.
    System,
    /// The other side's delivery program failed.
    Mailer,
    /// TLS could not be agreed on.
    Tls,
    /// A command, address or message was malformed.
    Syntax,
    /// It was tried for too long.
    Expired,
    /// The telephone number is not one that can be reached.
    NumberInvalid,
    /// The line is busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// The person refused the call or message.
    Declined,
    /// The telephone is switched off or out of coverage.
    Unreachable,
    /// A robot says that the person is away.
    Vacation,
    /// A feedback report from the recipient's provider.
    Feedback,
    /// The next server took it and will report, or not.
    Accepted,
    /// It was delivered.
    Delivered,
    /// Nothing in the answer says why.
    Undefined,
}

impl Reason {
    /// Every value, in the order of the declaration.
    pub const ALL: [Self; 35] = [
        Self::UserUnknown,
        Self::HostUnknown,
        Self::NotAccept,
        Self::MailboxFull,
        Self::Suspended,
        Self::Moved,
        Self::Filtered,
        Self::TooBig,
        Self::Spam,
        Self::Virus,
        Self::Content,
        Self::Blocked,
        Self::SenderRejected,
        Self::Policy,
        Self::Auth,
        Self::Relaying,
        Self::Security,
        Self::Rate,
        Self::Throttled,
        Self::Network,
        Self::System,
        Self::Mailer,
        Self::Tls,
        Self::Syntax,
        Self::Expired,
        Self::NumberInvalid,
        Self::Busy,
        Self::NoAnswer,
        Self::Declined,
        Self::Unreachable,
        Self::Vacation,
        Self::Feedback,
        Self::Accepted,
        Self::Delivered,
        Self::Undefined,
    ];

    /// Stable name, for records and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserUnknown => "user_unknown",
            Self::HostUnknown => "host_unknown",
            Self::NotAccept => "not_accept",
            Self::MailboxFull => "mailbox_full",
            Self::Suspended => "suspended",
            Self::Moved => "moved",
            Self::Filtered => "filtered",
            Self::TooBig => "too_big",
            Self::Spam => "spam",
            Self::Virus => "virus",
            Self::Content => "content",
            Self::Blocked => "blocked",
            Self::SenderRejected => "sender_rejected",
            Self::Policy => "policy",
            Self::Auth => "auth",
            Self::Relaying => "relaying",
            Self::Security => "security",
            Self::Rate => "rate",
            Self::Throttled => "throttled",
            Self::Network => "network",
            Self::System => "system",
            Self::Mailer => "mailer",
            Self::Tls => "tls",
            Self::Syntax => "syntax",
            Self::Expired => "expired",
            Self::NumberInvalid => "number_invalid",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Declined => "declined",
            Self::Unreachable => "unreachable",
            Self::Vacation => "vacation",
            Self::Feedback => "feedback",
            Self::Accepted => "accepted",
            Self::Delivered => "delivered",
            Self::Undefined => "undefined",
        }
    }

    /// The value of a stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == name)
    }

    /// One plain sentence.
    pub const fn explain(self) -> &'static str {
        match self {
            Self::UserUnknown => "The recipient does not exist at this address.",
            Self::HostUnknown => "The part of the address after the @ does not exist.",
            Self::NotAccept => "The recipient's domain takes no mail.",
            Self::MailboxFull => "The recipient's mailbox is full.",
            Self::Suspended => "The recipient's mailbox or line is disabled.",
            Self::Moved => "The recipient has moved to another address.",
            Self::Filtered => "The recipient's own settings refuse this message.",
            Self::TooBig => "The message is larger than the recipient's server accepts.",
            Self::Spam => "The recipient's server judged the message to be spam.",
            Self::Virus => "A virus was found in the message.",
            Self::Content => "Something in the message was refused.",
            Self::Blocked => "The recipient's server refuses connections from our address.",
            Self::SenderRejected => "The recipient's server refuses our sender address.",
            Self::Policy => "A rule of the recipient's server refused the message.",
            Self::Auth => "Our identity could not be proven to the other side.",
            Self::Relaying => "The server does not take mail for this recipient's domain.",
            Self::Security => "A security requirement of the other side was not met.",
            Self::Rate => "We sent too much in too short a time.",
            Self::Throttled => "The carrier asked us to slow down.",
            Self::Network => "The other side could not be reached.",
            Self::System => "The other side has a technical problem.",
            Self::Mailer => "The recipient's delivery program failed.",
            Self::Tls => "No encrypted connection could be made.",
            Self::Syntax => "A command or address was not understood.",
            Self::Expired => "It was tried for too long without success.",
            Self::NumberInvalid => "The telephone number is not valid.",
            Self::Busy => "The line was busy.",
            Self::NoAnswer => "Nobody answered.",
            Self::Declined => "The call or message was refused.",
            Self::Unreachable => "The telephone is switched off or out of reach.",
            Self::Vacation => "The recipient is away.",
            Self::Feedback => "The recipient's provider reported the message.",
            Self::Accepted => "The next server took the message.",
            Self::Delivered => "The message was delivered.",
            Self::Undefined => "No reason was given.",
        }
    }

    /// True if a permanent failure for this reason means that the address itself is gone.
    pub const fn ends_address(self) -> bool {
        matches!(
            self,
            Self::UserUnknown
                | Self::HostUnknown
                | Self::NotAccept
                | Self::Moved
                | Self::NumberInvalid
        )
    }

    /// True if a permanent failure for this reason means that nothing sent there will arrive:
    /// the address is gone, or it is still there and switched off.
    pub const fn disables_address(self) -> bool {
        self.ends_address() || matches!(self, Self::Suspended)
    }

    /// True if it speaks against the method when it keeps happening. A busy line, a call that
    /// nobody took and a refused call say nothing about the number.
    pub(super) const fn counts_against_method(self) -> bool {
        !matches!(
            self,
            Self::Busy | Self::NoAnswer | Self::Declined | Self::TooBig
        )
    }

    /// What it means of a trouble that passes, whether words or a code alone said it.
    #[must_use]
    pub const fn for_now(self, permanence: Permanence, in_words: bool) -> Self {
        match (self, permanence) {
            // X.3.2 for now is a server that is down, not a domain without mail.
            (Self::NotAccept, Permanence::Temporary) if !in_words => Self::System,
            // What the DNS does not know for now is asked again.
            (Self::HostUnknown, Permanence::Temporary) => Self::Network,
            (reason, _) => reason,
        }
    }

    /// Whose side the trouble usually is on.
    pub const fn usual_fault(self) -> Fault {
        match self {
            Self::UserUnknown
            | Self::HostUnknown
            | Self::NotAccept
            | Self::MailboxFull
            | Self::Suspended
            | Self::Moved
            | Self::Filtered
            | Self::NumberInvalid
            | Self::Busy
            | Self::NoAnswer
            | Self::Declined
            | Self::Unreachable
            | Self::Vacation => Fault::Recipient,
            Self::TooBig
            | Self::Spam
            | Self::Virus
            | Self::Content
            | Self::Blocked
            | Self::SenderRejected
            | Self::Policy
            | Self::Auth
            | Self::Relaying
            | Self::Security
            | Self::Rate
            | Self::Throttled
            | Self::Tls
            | Self::Syntax
            | Self::Feedback => Fault::Sender,
            Self::Network | Self::System | Self::Mailer | Self::Expired => Fault::Network,
            Self::Accepted | Self::Delivered | Self::Undefined => Fault::Unknown,
        }
    }
}
