//! A contact's methods: how this person can be reached, and whether it works.

use super::address::{EmailAddress, PhoneNumber};
use super::ids::{DeliveryId, MethodId};
use super::redacted::Redacted;
use super::status::Channel;
use super::template::TemplateCategory;
use super::timestamp::Timestamp;
use super::verdict::Verdict;

/// What a method is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MethodKind {
    /// An email address.
    Email,
    /// A mobile number: takes texts and calls.
    Mobile,
    /// A landline number: takes calls.
    Landline,
}

impl MethodKind {
    /// All kinds, in the order in which pages show them.
    pub const ALL: [Self; 3] = [Self::Email, Self::Mobile, Self::Landline];

    /// Its name in pages and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Mobile => "mobile",
            Self::Landline => "landline",
        }
    }

    /// The channel by which a link or code goes to it when nobody chose one.
    #[must_use]
    pub const fn usual_channel(self) -> Channel {
        match self {
            Self::Email => Channel::Email,
            Self::Mobile => Channel::Text,
            Self::Landline => Channel::Call,
        }
    }

    /// Whether messages of this channel can go to it.
    #[must_use]
    pub const fn takes(self, channel: Channel) -> bool {
        matches!(
            (self, channel),
            (Self::Email, Channel::Email)
                | (Self::Mobile, Channel::Text | Channel::Call)
                | (Self::Landline, Channel::Call)
        )
    }
}

/// An address and a number that nobody has.
const NOWHERE: (&str, &str) = ("erased@erased.invalid", "+9990");

/// Where a message goes: an address for email, a number for texts and calls.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Destination {
    /// A mailbox.
    Email(Redacted<EmailAddress>),
    /// A telephone number.
    Phone(Redacted<PhoneNumber>),
}

impl Destination {
    /// The address or number as text, opened.
    #[must_use]
    pub fn reveal(&self) -> &str {
        match self {
            Self::Email(address) => address.reveal().as_str(),
            Self::Phone(number) => number.reveal().as_str(),
        }
    }

    /// A place of the same kind that nobody has (RFC 2606 section 2, and a number too short for
    /// any): what is left where somebody was erased.
    #[must_use]
    pub fn nowhere(&self) -> Self {
        match self {
            Self::Email(address) => match EmailAddress::parse(NOWHERE.0) {
                Ok(nowhere) => Self::Email(Redacted::new(nowhere)),
                Err(_) => Self::Email(address.clone()),
            },
            Self::Phone(number) => match PhoneNumber::from_e164(NOWHERE.1) {
                Ok(nowhere) => Self::Phone(Redacted::new(nowhere)),
                Err(_) => Self::Phone(number.clone()),
            },
        }
    }

    /// Whether nobody has it.
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        [NOWHERE.0, NOWHERE.1].contains(&self.reveal())
    }

    /// The form under which equal destinations meet.
    #[must_use]
    pub fn lookup_key(&self) -> String {
        match self {
            Self::Email(address) => address.reveal().lookup_key(),
            Self::Phone(number) => number.reveal().as_str().to_owned(),
        }
    }
}

/// Whether a method is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MethodState {
    /// Given, but nobody has proved it yet. Messages go to it.
    Unverified,
    /// Proved. Messages go to it.
    Active,
    /// It failed. No message goes to it until it is reinstated or corrected.
    Suspended,
    /// The person does not want messages here.
    OptedOut,
    /// Taken away by an operator or the person; kept for its history.
    Removed,
}

impl MethodState {
    /// Whether messages go to a method in this state.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        match self {
            Self::Unverified | Self::Active => true,
            Self::Suspended | Self::OptedOut | Self::Removed => false,
        }
    }

    /// Its name in pages and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::OptedOut => "opted out",
            Self::Removed => "removed",
        }
    }
}

/// Why a method was suspended: the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// When.
    pub at: Timestamp,
    /// The delivery that failed.
    pub delivery: DeliveryId,
    /// What the answer meant; holds the diagnostic text as it was received.
    pub verdict: Verdict,
}

/// One way to reach one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its id; a corrected address keeps it.
    pub id: MethodId,
    /// What it is.
    pub kind: MethodKind,
    /// The address or number.
    pub destination: Destination,
    /// Whether it is used.
    pub state: MethodState,
    /// The evidence, while suspended.
    pub suspension: Option<Suspension>,
    /// When temporary recipient failures happened, oldest first, within the counting window;
    /// at most [`SOFT_FAILURES_MAX`].
    pub soft_failures: Vec<Timestamp>,
    /// How often it has been suspended, all told: somebody who keeps bouncing.
    pub suspensions: u16,
    /// When the person proved that it is theirs; none since it was given or corrected.
    pub verified_at: Option<Timestamp>,
    /// What the address is kept for; none for everything.
    pub purposes: Vec<TemplateCategory>,
}

/// Most temporary failures remembered for one method.
pub const SOFT_FAILURES_MAX: usize = 32;

impl Method {
    /// One that was given and that nobody has proved.
    #[must_use]
    pub const fn new(id: MethodId, kind: MethodKind, destination: Destination) -> Self {
        Self {
            id,
            kind,
            destination,
            state: MethodState::Unverified,
            suspension: None,
            soft_failures: Vec::new(),
            suspensions: 0,
            verified_at: None,
            purposes: Vec::new(),
        }
    }

    /// Whether the address is kept for letters of this purpose.
    #[must_use]
    pub fn serves(&self, purpose: TemplateCategory) -> bool {
        self.purposes.is_empty() || self.purposes.contains(&purpose)
    }

    /// Whether messages of this channel go to it now.
    #[must_use]
    pub const fn usable_for(&self, channel: Channel) -> bool {
        self.state.is_usable() && self.kind.takes(channel)
    }
}
