//! The statuses, exactly as people know them, and what each means for the person.

use super::category::Category;

/// By what means a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Email over SMTP.
    Email,
    /// Text message over SMPP.
    Text,
    /// Telephone call over SIP.
    Call,
}

impl Channel {
    /// All channels, in the order in which pages show them.
    pub const ALL: [Self; 3] = [Self::Email, Self::Text, Self::Call];

    /// Its name in pages, files and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Text => "text",
            Self::Call => "call",
        }
    }

    /// The status every delivery of this channel begins with.
    #[must_use]
    pub const fn first_status(self) -> Status {
        match self {
            Self::Email => Status::Email(EmailStatus::Queued),
            Self::Text => Status::Text(TextStatus::Accepted),
            Self::Call => Status::Call(CallStatus::Queued),
        }
    }
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallStatus {
    /// Waiting to be placed.
    Queued,
    /// The number has been handed to the trunk.
    Started,
    /// The telephone rings.
    Ringing,
    /// Someone or something answered.
    InProgress,
    /// The line was busy.
    Busy,
    /// A fax machine answered.
    Fax,
    /// Went to voicemail.
    Voicemail,
    /// Answered and ended.
    Completed,
    /// Answered, and key 1 was pressed.
    Confirmed,
    /// Nobody answered, nor did a voicemail.
    NoAnswer,
    /// Could not be completed.
    Failed,
}

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextStatus {
    /// Taken in; the sender number is being chosen.
    Accepted,
    /// Waiting to be sent.
    Queued,
    /// Being handed to the carrier.
    Sending,
    /// The carrier has it; waiting for the receipt.
    Sent,
    /// The carrier says the telephone received it.
    Received,
    /// The carrier says the telephone did not receive it.
    Undelivered,
    /// Could not be handed to the carrier.
    Failed,
}

/// Where an email stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EmailStatus {
    /// Waiting to be sent.
    Queued,
    /// Not taken yet; will be tried again.
    Deferred,
    /// A relay has it and carries it on.
    Sent,
    /// The recipient's mail server has it.
    Received,
    /// Opened by the recipient.
    Opened,
    /// Refused for good by the recipient's mail server: a hard bounce.
    Rebound,
    /// The recipient marked it as spam.
    MarkedAsSpam,
    /// Our scanner found a virus; not sent.
    Rejected,
    /// Not sent: there is a problem with the address, or no server ever took it.
    NotSent,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Of a call.
    Call(CallStatus),
    /// Of a text.
    Text(TextStatus),
    /// Of an email.
    Email(EmailStatus),
}

/// What a status means in mixed lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListStatus {
    /// Not yet sent by its author.
    Draft,
    /// Waiting to be sent.
    Queued,
    /// Handed on; nobody has confirmed it.
    Sent,
    /// Confirmed by the recipient's side.
    Delivered,
    /// Opened by the recipient.
    Opened,
    /// Did not arrive.
    Failed,
}

/// What a status means for the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// This delivery reached the person.
    Reached,
    /// It still may.
    Open,
    /// It did not and will not.
    Missed,
}

impl Status {
    /// The channel it belongs to.
    #[must_use]
    pub const fn channel(self) -> Channel {
        match self {
            Self::Call(_) => Channel::Call,
            Self::Text(_) => Channel::Text,
            Self::Email(_) => Channel::Email,
        }
    }

    /// Every status there is, channel by channel.
    #[must_use]
    pub fn all() -> Vec<Self> {
        use CallStatus as C;
        use EmailStatus as E;
        use TextStatus as T;
        let calls = [
            C::Queued,
            C::Started,
            C::Ringing,
            C::InProgress,
            C::Busy,
            C::Fax,
            C::Voicemail,
            C::Completed,
            C::Confirmed,
            C::NoAnswer,
            C::Failed,
        ];
        let texts = [
            T::Accepted,
            T::Queued,
            T::Sending,
            T::Sent,
            T::Received,
            T::Undelivered,
            T::Failed,
        ];
        let emails = [
            E::Queued,
            E::Deferred,
            E::Sent,
            E::Received,
            E::Opened,
            E::Rebound,
            E::MarkedAsSpam,
            E::Rejected,
            E::NotSent,
        ];
        calls
            .map(Self::Call)
            .into_iter()
            .chain(texts.map(Self::Text))
            .chain(emails.map(Self::Email))
            .collect()
    }

    /// Its name in pages and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call(CallStatus::Queued)
            | Self::Text(TextStatus::Queued)
            | Self::Email(EmailStatus::Queued) => "queued",
            Self::Call(CallStatus::Started) => "started",
            Self::Call(CallStatus::Ringing) => "ringing",
            Self::Call(CallStatus::InProgress) => "in progress",
            Self::Call(CallStatus::Busy) => "busy",
            Self::Call(CallStatus::Fax) => "fax",
            Self::Call(CallStatus::Voicemail) => "voicemail",
            Self::Call(CallStatus::Completed) => "completed",
            Self::Call(CallStatus::Confirmed) => "confirmed",
            Self::Call(CallStatus::NoAnswer) => "no answer",
            Self::Call(CallStatus::Failed) | Self::Text(TextStatus::Failed) => "failed",
            Self::Text(TextStatus::Accepted) => "accepted",
            Self::Text(TextStatus::Sending) => "sending",
            Self::Text(TextStatus::Sent) | Self::Email(EmailStatus::Sent) => "sent",
            Self::Text(TextStatus::Received) | Self::Email(EmailStatus::Received) => "received",
            Self::Text(TextStatus::Undelivered) => "undelivered",
            Self::Email(EmailStatus::Deferred) => "deferred",
            Self::Email(EmailStatus::Opened) => "opened",
            Self::Email(EmailStatus::Rebound) => "rebound",
            Self::Email(EmailStatus::MarkedAsSpam) => "marked as spam",
            Self::Email(EmailStatus::Rejected) => "rejected",
            Self::Email(EmailStatus::NotSent) => "not sent",
        }
    }

    /// One plain sentence for the page.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::Call(CallStatus::Queued) => "The call waits to be placed.",
            Self::Call(CallStatus::Started) => {
                "The number has been handed to the telephone network."
            }
            Self::Call(CallStatus::Ringing) => "The telephone is ringing.",
            Self::Call(CallStatus::InProgress) => {
                "The call was answered: by the person, a fax or a voicemail."
            }
            Self::Call(CallStatus::Busy) => "The line was busy.",
            Self::Call(CallStatus::Fax) => "A fax machine answered.",
            Self::Call(CallStatus::Voicemail) => "The call went to voicemail.",
            Self::Call(CallStatus::Completed) => "The call was answered and has ended.",
            Self::Call(CallStatus::Confirmed) => "The person heard the message and pressed 1.",
            Self::Call(CallStatus::NoAnswer) => {
                "Nobody answered, and no voicemail took the message."
            }
            Self::Call(CallStatus::Failed) => {
                "The call could not be completed: the number may be wrong or out of reach."
            }
            Self::Text(TextStatus::Accepted) => "Taken in; the sender number is being chosen.",
            Self::Text(TextStatus::Queued) => "The text waits to be sent.",
            Self::Text(TextStatus::Sending) => "The text is being handed to the carrier.",
            Self::Text(TextStatus::Sent) => "The carrier has the text; no receipt has come yet.",
            Self::Text(TextStatus::Received) => {
                "The carrier confirmed that the telephone received it."
            }
            Self::Text(TextStatus::Undelivered) => {
                "The carrier reported that it did not arrive, or sent no receipt in time."
            }
            Self::Text(TextStatus::Failed) => "The text could not be handed to the carrier.",
            Self::Email(EmailStatus::Queued) => "The email waits to be sent.",
            Self::Email(EmailStatus::Deferred) => {
                "The mail server asked to try later; it will be tried again."
            }
            Self::Email(EmailStatus::Sent) => {
                "A relay has the email; its arrival is not confirmed."
            }
            Self::Email(EmailStatus::Received) => "The recipient's mail server took the email.",
            Self::Email(EmailStatus::Opened) => "The recipient opened the email.",
            Self::Email(EmailStatus::Rebound) => {
                "The recipient's mail server returned it for good."
            }
            Self::Email(EmailStatus::MarkedAsSpam) => {
                "It arrived, and the recipient marked it as spam."
            }
            Self::Email(EmailStatus::Rejected) => "Our scanner found a virus; it was not sent.",
            Self::Email(EmailStatus::NotSent) => {
                "It was not sent: there is a problem with the address."
            }
        }
    }

    /// What it is in mixed lists. Completed calls, voicemail among them, say what they are by
    /// their own name; here they are delivered when someone or something took the message.
    #[must_use]
    pub const fn in_lists(self) -> ListStatus {
        match self {
            Self::Call(CallStatus::Queued)
            | Self::Text(TextStatus::Accepted | TextStatus::Queued)
            | Self::Email(EmailStatus::Queued | EmailStatus::Deferred) => ListStatus::Queued,
            Self::Call(CallStatus::Started | CallStatus::Ringing | CallStatus::InProgress)
            | Self::Text(TextStatus::Sending | TextStatus::Sent)
            | Self::Email(EmailStatus::Sent) => ListStatus::Sent,
            Self::Call(CallStatus::Completed | CallStatus::Confirmed | CallStatus::Voicemail)
            | Self::Text(TextStatus::Received)
            | Self::Email(EmailStatus::Received | EmailStatus::MarkedAsSpam) => {
                ListStatus::Delivered
            }
            Self::Email(EmailStatus::Opened) => ListStatus::Opened,
            Self::Call(
                CallStatus::Busy | CallStatus::Fax | CallStatus::NoAnswer | CallStatus::Failed,
            )
            | Self::Text(TextStatus::Undelivered | TextStatus::Failed)
            | Self::Email(EmailStatus::Rebound | EmailStatus::Rejected | EmailStatus::NotSent) => {
                ListStatus::Failed
            }
        }
    }

    /// What it means for the person, in a category.
    #[must_use]
    pub const fn reach(self, category: &Category) -> Reach {
        match self {
            Self::Call(CallStatus::Confirmed)
            | Self::Text(TextStatus::Received)
            | Self::Email(
                EmailStatus::Received | EmailStatus::Opened | EmailStatus::MarkedAsSpam,
            ) => Reach::Reached,
            Self::Call(CallStatus::Completed) if !category.confirmation_required => Reach::Reached,
            Self::Call(CallStatus::Voicemail) if category.voicemail_counts => Reach::Reached,
            Self::Call(
                CallStatus::Completed
                | CallStatus::Voicemail
                | CallStatus::Busy
                | CallStatus::Fax
                | CallStatus::NoAnswer
                | CallStatus::Failed,
            )
            | Self::Text(TextStatus::Undelivered | TextStatus::Failed)
            | Self::Email(EmailStatus::Rebound | EmailStatus::Rejected | EmailStatus::NotSent) => {
                Reach::Missed
            }
            Self::Call(
                CallStatus::Queued
                | CallStatus::Started
                | CallStatus::Ringing
                | CallStatus::InProgress,
            )
            | Self::Text(
                TextStatus::Accepted | TextStatus::Queued | TextStatus::Sending | TextStatus::Sent,
            )
            | Self::Email(EmailStatus::Queued | EmailStatus::Deferred | EmailStatus::Sent) => {
                Reach::Open
            }
        }
    }

    /// Whether we have nothing more to do for it. (A bounce or receipt may still change it.)
    #[must_use]
    pub const fn is_settled(self) -> bool {
        match self {
            Self::Call(
                CallStatus::Queued
                | CallStatus::Started
                | CallStatus::Ringing
                | CallStatus::InProgress,
            )
            | Self::Text(TextStatus::Accepted | TextStatus::Queued | TextStatus::Sending)
            | Self::Email(EmailStatus::Queued | EmailStatus::Deferred) => false,
            Self::Call(_) | Self::Text(_) | Self::Email(_) => true,
        }
    }

    /// A number that never changes, for records.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Call(status) => status as u8,
            Self::Text(status) => 32 + status as u8,
            Self::Email(status) => 64 + status as u8,
        }
    }

    /// The status with this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::all().into_iter().find(|status| status.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_come_back() {
        for status in Status::all() {
            assert_eq!(Status::from_code(status.code()), Some(status));
        }
        assert_eq!(Status::all().len(), 11 + 7 + 9);
        assert_eq!(Status::from_code(255), None);
    }

    #[test]
    fn only_a_key_reaches_where_confirmation_is_required() {
        let mut category = Category {
            name: "Alert".into(),
            confirmation_required: true,
            voicemail_counts: false,
        };
        let completed = Status::Call(CallStatus::Completed);
        let voicemail = Status::Call(CallStatus::Voicemail);
        assert_eq!(completed.reach(&category), Reach::Missed);
        assert_eq!(voicemail.reach(&category), Reach::Missed);
        assert_eq!(
            Status::Call(CallStatus::Confirmed).reach(&category),
            Reach::Reached
        );
        category.confirmation_required = false;
        category.voicemail_counts = true;
        assert_eq!(completed.reach(&category), Reach::Reached);
        assert_eq!(voicemail.reach(&category), Reach::Reached);
    }
}
