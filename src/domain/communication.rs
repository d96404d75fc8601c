//! What was said, to whom, by which channels.

use std::time::Duration;

use super::case::Matter;
use super::escalation::SendingPlan;
use super::ids::{
    AreaId, BlobId, CampaignId, CommunicationId, ContactId, DeliveryId, FilterId, GroupId,
    MethodId, TemplateId, UserId,
};
use super::status::Channel;
use super::timestamp::Timestamp;

/// Longest subject, in characters (RFC 5322 asks for lines of at most 998 octets).
pub const SUBJECT_MAX: usize = 200;
/// The title in lists of what has no words yet; pages say it in their language.
pub const NO_SUBJECT: &str = "(no subject)";
/// Longest text or HTML body written in the console, in octets.
pub const BODY_MAX: usize = 1024 * 1024;
/// Longest text message, in characters: ten segments.
pub const SMS_TEXT_MAX: usize = 1530;
/// Longest voice script, in characters: some three minutes of speech.
pub const VOICE_SCRIPT_MAX: usize = 3000;

/// Most areas and contacts, together, that an author picks one by one for a communication.
pub const AUDIENCE_PICKS_MAX: usize = 800;

/// Most attachments of one communication.
pub const ATTACHMENTS_MAX: usize = 20;
/// Most bytes of all attachments together, before they are encoded.
pub const ATTACHMENTS_SIZE_MAX_BYTES: u64 = 15 * 1024 * 1024;
/// Longest name of an attachment, in octets.
pub const ATTACHMENT_NAME_SIZE_MAX: usize = 200;
/// Most steps of one escalation plan.
pub const ESCALATION_STEPS_MAX: usize = 8;
/// Longest time of an escalation step after sending.
pub const ESCALATION_SPAN_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Furthest ahead that something is scheduled.
pub const SCHEDULE_AHEAD_MAX: Duration = Duration::from_secs(400 * 24 * 3600);
/// Longest note of an approval, in octets.
pub const APPROVAL_NOTE_SIZE_MAX: usize = 500;

/// A set of channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    /// By email.
    pub email: bool,
    /// By text.
    pub text: bool,
    /// By call.
    pub call: bool,
}

impl Channels {
    /// All three.
    pub const ALL: Self = Self {
        email: true,
        text: true,
        call: true,
    };

    /// Whether the channel is in the set.
    #[must_use]
    pub const fn has(self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.email,
            Channel::Text => self.text,
            Channel::Call => self.call,
        }
    }

    /// The channels of the set, in the usual order.
    pub fn iter(self) -> impl Iterator<Item = Channel> {
        Channel::ALL
            .into_iter()
            .filter(move |channel| self.has(*channel))
    }

    /// Only this one.
    #[must_use]
    pub const fn only(channel: Channel) -> Self {
        Self {
            email: matches!(channel, Channel::Email),
            text: matches!(channel, Channel::Text),
            call: matches!(channel, Channel::Call),
        }
    }
}

/// Where an email's body comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Written here: `Content` holds its parts.
    Composed,
    /// Handed in by an application as a whole message (RFC 5322), kept as it is.
    Submitted(BlobId),
}

/// What is said, channel by channel. Stored once per communication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Subject of the email, and title in lists.
    pub subject: String,
    /// Plain text of the email.
    pub text: String,
    /// HTML of the email; empty for none.
    pub html: String,
    /// Text message; empty for none.
    pub sms_text: String,
    /// What a call speaks; empty for none.
    pub voice_script: String,
    /// What goes with the email; at most [`ATTACHMENTS_MAX`].
    pub attachments: Vec<Attachment>,
}

/// A file that goes with an email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its name, without any folder.
    pub name: String,
    /// Its media type (RFC 2045), as "image/png".
    pub media_type: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Where its bytes lie.
    pub blob: BlobId,
}

/// Who or what it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Written in the console.
    Console(UserId),
    /// Handed in over SMTP.
    Submission(UserId),
    /// A prompt that the product sends by itself ("check your email address").
    Prompt,
    /// Handed in by a program over HTTP.
    Program(UserId),
    /// Somebody's trial of a draft, sent to themselves; counts nowhere.
    Test(UserId),
    /// Somebody's answer to what a person wrote.
    Reply(UserId),
    /// A link or code by which a person proves that a method is theirs, or logs in.
    Verification,
    /// A word to staff: a reply has come in.
    Notice,
    /// What is answered by itself to STOP, START or HELP.
    Keyword,
}

impl Origin {
    /// Whether nobody wrote it for this occasion: it crowds lists of what people wrote.
    #[must_use]
    pub const fn is_by_itself(self) -> bool {
        match self {
            Self::Prompt | Self::Test(_) | Self::Verification | Self::Notice | Self::Keyword => {
                true
            }
            Self::Console(_) | Self::Submission(_) | Self::Program(_) | Self::Reply(_) => false,
        }
    }

    /// Whether what a person wants and quiet hours hold it back. They do not where the person
    /// asked for it just now, where it is our own staff's, or where an application of the
    /// organisation is answerable for what it hands in.
    #[must_use]
    pub const fn heeds_wishes(self) -> bool {
        match self {
            Self::Console(_) | Self::Program(_) | Self::Prompt => true,
            Self::Submission(_)
            | Self::Test(_)
            | Self::Reply(_)
            | Self::Verification
            | Self::Notice
            | Self::Keyword => false,
        }
    }

    /// Whether a refusal of this channel holds it back in any case: who has answered STOP gets no
    /// more texts, whoever writes them.
    #[must_use]
    pub const fn heeds_refusal_of(self, channel: Channel) -> bool {
        match self {
            Self::Console(_)
            | Self::Program(_)
            | Self::Prompt
            | Self::Submission(_)
            | Self::Reply(_) => matches!(channel, Channel::Text),
            Self::Test(_) | Self::Verification | Self::Notice | Self::Keyword => false,
        }
    }

    /// Whether a person can be asked to confirm it: what somebody wrote to many, and its trial.
    #[must_use]
    pub const fn asks_for_confirmation(self) -> bool {
        match self {
            Self::Console(_) | Self::Program(_) | Self::Test(_) => true,
            Self::Submission(_)
            | Self::Reply(_)
            | Self::Prompt
            | Self::Verification
            | Self::Notice
            | Self::Keyword => false,
        }
    }

    /// Who wrote or handed it in, if anybody did.
    #[must_use]
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::Console(user)
            | Self::Submission(user)
            | Self::Program(user)
            | Self::Test(user)
            | Self::Reply(user) => Some(user),
            Self::Prompt | Self::Verification | Self::Notice | Self::Keyword => None,
        }
    }
}

/// Whom it is for, as the author chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Everybody in these areas and what lies in them.
    pub areas: Vec<AreaId>,
    /// These people.
    pub contacts: Vec<ContactId>,
    /// Everybody in these groups.
    pub groups: Vec<GroupId>,
    /// Everybody whom these filters find at the moment of sending.
    pub filters: Vec<FilterId>,
    /// The people of a recipient list, as it was when it was taken over: their ids one behind
    /// the other, sixteen bytes each.
    pub list: Option<BlobId>,
    /// How many the list has.
    pub list_people: u32,
    /// Nobody in these areas and what lies in them.
    pub except_areas: Vec<AreaId>,
    /// Nobody in these groups.
    pub except_groups: Vec<GroupId>,
    /// None of these people.
    pub except_contacts: Vec<ContactId>,
    /// By this method alone; none for every one that the channels take.
    pub method: Option<MethodId>,
}

impl Audience {
    /// How many things an author picked one by one.
    #[must_use]
    pub const fn picks(&self) -> usize {
        self.areas.len()
            + self.contacts.len()
            + self.groups.len()
            + self.filters.len()
            + self.except_areas.len()
            + self.except_groups.len()
            + self.except_contacts.len()
    }

    /// Whether nobody is named at all.
    #[must_use]
    pub const fn names_nobody(&self) -> bool {
        self.areas.is_empty()
            && self.contacts.is_empty()
            && self.groups.is_empty()
            && self.filters.is_empty()
            && self.list.is_none()
    }
}

/// How a communication belongs to an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// It puts the other right.
    Correction,
    /// It says what has happened since.
    FollowUp,
    /// It is the other composed again, for those whom it failed.
    Again,
    /// It is a trial of the other, sent to whoever wrote it.
    Trial,
}

/// The earlier communication that this one belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Related {
    /// Which.
    pub to: CommunicationId,
    /// How.
    pub relation: Relation,
}

/// A second pair of eyes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who asked.
    pub asked_by: UserId,
    /// When.
    pub asked_at: Timestamp,
    /// Who decided; never the one who asked.
    pub decided_by: Option<UserId>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// What was decided.
    pub approved: bool,
    /// Why, in the words of whoever decided.
    pub note: String,
    /// What was asked about: a digest of everything that is sent. Anything else is not what was
    /// approved.
    pub digest: Option<BlobId>,
    /// The people as they were when it was asked about, as in [`Audience::list`]: they alone
    /// get it.
    pub people: Option<BlobId>,
}

impl Approval {
    /// Whether it went out as an emergency that nobody had to approve.
    #[must_use]
    pub const fn is_waived(&self) -> bool {
        self.decided_by.is_none() && self.decided_at.is_some()
    }
}

/// Where the communication as a whole stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum CommunicationState {
    /// Its author still works on it.
    Draft = 1,
    /// Somebody else has to look at it first.
    AwaitingApproval = 2,
    /// It goes out by itself at its time.
    Scheduled = 3,
    /// Sent; its audience is being turned into deliveries.
    Expanding = 4,
    /// Every delivery exists.
    Sent = 5,
}

/// Most rounds of one communication: the initial sending, its reminders, and recontacts.
pub const ROUNDS_MAX: u8 = 40;

/// One round of sending, planned or done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// 1 is the initial sending.
    pub number: u8,
    /// When it was or will be due; no delivery of it was made earlier.
    pub due: Timestamp,
    /// When its last delivery had been made; none while it is to come or under way.
    pub done: Option<Timestamp>,
    /// Who asked for it; none for what goes out by itself.
    pub by: Option<UserId>,
}

/// What was said, to whom, by which channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Communication {
    /// Its id.
    pub id: CommunicationId,
    /// Name of its category.
    pub category: String,
    /// Who or what it comes from.
    pub origin: Origin,
    /// By which channels.
    pub channels: Channels,
    /// Title in lists: the subject, or the start of the text.
    pub title: String,
    /// Where the content lies.
    pub content: BlobId,
    /// Where the email's body comes from.
    pub body: Body,
    /// Whom it is for.
    pub audience: Audience,
    /// Where it stands.
    pub state: CommunicationState,
    /// People addressed; known from the moment of sending.
    pub people: u64,
    /// Rounds sent: 0 before sending, 1 the initial one, then reminders and recontacts.
    pub rounds: u8,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Timestamp,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// The campaign it belongs to.
    pub campaign: Option<CampaignId>,
    /// The earlier communication it belongs to.
    pub related: Option<Related>,
    /// When and in which order it goes out.
    pub plan: SendingPlan,
    /// What a second pair of eyes said.
    pub approval: Option<Approval>,
    /// Its rounds, at most [`ROUNDS_MAX`]; those of one that was handed in or sent by itself
    /// are not kept: it has one, at `sent_at`.
    pub history: Vec<Round>,
    /// The client and case that it is about.
    pub matter: Option<Matter>,
    /// The template that it was made from, and which version of it.
    pub template: Option<(TemplateId, u32)>,
    /// The delivery that a report tells of ([`Communication::is_delivery_report`]): whoever does
    /// not see that one does not see the report.
    pub about: Option<DeliveryId>,
}

impl Communication {
    /// What goes to one person, once and at once: an answer, a notice, a prompt, a link. `title`
    /// stands for it in lists. What goes to several at once sets [`Communication::people`] too.
    #[must_use]
    pub fn to_one(
        id: CommunicationId,
        origin: Origin,
        category: &str,
        channels: Channels,
        title: String,
        content: BlobId,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            category: category.to_owned(),
            origin,
            channels,
            title,
            content,
            body: Body::Composed,
            audience: Audience::default(),
            state: CommunicationState::Sent,
            people: 1,
            rounds: 1,
            created_at: now,
            modified_at: now,
            sent_at: Some(now),
            campaign: None,
            related: None,
            plan: SendingPlan::default(),
            approval: None,
            history: Vec::new(),
            matter: None,
            template: None,
            about: None,
        }
    }

    /// The round with this number, if it is known.
    #[must_use]
    pub fn round(&self, number: u8) -> Option<&Round> {
        self.history.iter().find(|round| round.number == number)
    }

    /// Notes that the last delivery of a round has been made.
    pub fn round_done(&mut self, number: u8, due: Timestamp, now: Timestamp) {
        let known = self.history.iter().position(|round| round.number == number);
        if let Some(round) = known.and_then(|index| self.history.get_mut(index)) {
            round.done = Some(now);
        } else if self.history.len() < usize::from(ROUNDS_MAX) {
            self.history.push(Round {
                number,
                due,
                done: Some(now),
                by: None,
            });
        }
    }

    /// Whether a round makes nothing more: what it says is over, and nobody asked for the round.
    #[must_use]
    pub fn ends_round(&self, number: u8, now: Timestamp) -> bool {
        let asked = self.round(number).is_some_and(|round| round.by.is_some());
        self.plan.is_over(now) && !asked
    }

    /// Whether it tells whoever handed a mail in what became of it: the only notice that is a whole
    /// message. It goes out from nobody, so that nothing comes back (RFC 3461 section 6.1).
    #[must_use]
    pub const fn is_delivery_report(&self) -> bool {
        matches!(
            (self.origin, self.body),
            (Origin::Notice, Body::Submitted(_))
        )
    }

    /// Whether it can still be changed.
    #[must_use]
    pub const fn is_draft(&self) -> bool {
        matches!(self.state, CommunicationState::Draft)
    }

    /// Whether it has been sent: it has statistics, and can no longer be changed.
    #[must_use]
    pub const fn is_sent(&self) -> bool {
        matches!(
            self.state,
            CommunicationState::Expanding | CommunicationState::Sent
        )
    }
}
