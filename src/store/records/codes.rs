//! Enums as small numbers that stay what they are for ever.

use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};

use crate::domain::template::{TemplateCategory, TemplateState};
use crate::domain::webhook::{DisabledWhy, EventKind};
use crate::domain::{
    AuthResult, BounceClass, CaseChange, CaseScope, CaseStatus, Channel, Channels, ClosedReason,
    CommunicationState, ConfirmedBy, ContactChange, ContactKind, Direction, EntryDirection,
    EntryKind, Fault, ImportPass, ImportState, KnownPeople, MessageKind, MethodKind, MethodState,
    Party, Permanence, PersonState, Reason, Relation, Role, Status, SubjectKind, ThreadState,
    TicketPurpose, comms_issue::Reachability,
};

/// An enum with a number for each of its values.
trait Coded: Copy + Sized {
    /// What it is called in errors.
    const WHAT: &'static str;
    fn number(self) -> u8;
    fn of_number(number: u8) -> Option<Self>;
}

fn decode_number<T: Coded>(decoder: &mut Decoder<'_>) -> Result<T, DecodeError> {
    let position = decoder.position();
    let number = decoder.u8()?;
    T::of_number(number).ok_or_else(|| {
        DecodeError::message(format_args!("{} has no value {number}", T::WHAT)).at(position)
    })
}

macro_rules! coded {
    ($type:ident) => {
        impl<C> Encode<C> for $type {
            fn encode<W: Write>(
                &self,
                encoder: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), EncodeError<W::Error>> {
                encoder.u8(self.number())?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $type {
            fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
                decode_number(decoder)
            }
        }
    };
}

/// Numbers may be added; a number is never given to another value.
macro_rules! codes {
    ($type:ident, $what:literal: $($code:literal $variant:ident),+ $(,)?) => {
        impl Coded for $type {
            const WHAT: &'static str = $what;

            fn number(self) -> u8 {
                match self { $(Self::$variant => $code),+ }
            }

            fn of_number(number: u8) -> Option<Self> {
                match number { $($code => Some(Self::$variant),)+ _ => None }
            }
        }

        coded!($type);
    };
}

codes!(Channel, "channel": 1 Email, 2 Text, 3 Call);
codes!(AuthResult, "result of an authentication":
    1 Pass, 2 Fail, 3 SoftFail, 4 Neutral, 5 None, 6 TempError, 7 PermError);
codes!(ContactKind, "contact kind": 1 Citizen, 2 Client, 3 Creditor, 4 Staff, 5 Correspondent);
codes!(MethodKind, "method kind": 1 Email, 2 Mobile, 3 Landline);
codes!(MethodState, "method state": 1 Unverified, 2 Active, 3 Suspended, 4 OptedOut, 5 Removed);
codes!(CommunicationState, "communication state":
    1 Draft, 2 Expanding, 3 Sent, 4 AwaitingApproval, 5 Scheduled);
codes!(Relation, "relation": 1 Correction, 2 FollowUp, 3 Again, 4 Trial);
codes!(Reachability, "reachability": 1 Fine, 2 Issue, 3 Unreachable);
codes!(ContactChange, "change of a contact":
    1 Created, 2 Edited, 3 MethodAdded, 4 MethodCorrected, 5 MethodRemoved, 6 MethodReinstated,
    7 MethodVerified, 8 VerificationSent, 9 MethodOptedOut, 10 MethodOptedIn, 11 ConsentGiven,
    12 ConsentWithdrawn, 13 WishesChanged, 14 GroupsChanged, 15 Merged,
    16 PurposesChanged);
codes!(TemplateCategory, "category of a template":
    1 Dsar, 2 Section78, 3 Loc, 4 Settlement, 5 General);
codes!(TemplateState, "state of a template": 1 Active, 2 Retired);
codes!(TicketPurpose, "purpose of a ticket": 1 Verify, 2 LogIn, 3 Add, 4 Replace);
codes!(ImportState, "state of an import":
    1 Uploaded, 2 Checking, 3 Checked, 4 Running, 5 Done, 6 Cancelled, 7 Failed, 8 Undoing,
    9 Undone);
codes!(ImportPass, "pass of an import": 1 Check, 2 Run, 3 Undo);
codes!(KnownPeople, "what happens to known people": 1 Skip, 2 Update, 3 Add);
codes!(PersonState, "person state": 1 Contacted, 2 InProgress, 3 NotContacted);
codes!(ClosedReason, "reason for closing": 1 ReachedOtherwise, 2 MethodNotUsable,
    3 NotWanted, 4 CalledOff);
codes!(ConfirmedBy, "way of confirming": 1 EmailLink, 2 TextLink, 3 TextReply);
codes!(ThreadState, "thread state": 1 Open, 2 Done);
codes!(Direction, "direction": 1 In, 2 Out);
codes!(MessageKind, "message kind": 1 Written, 2 Automatic, 3 OptOut, 4 Keys, 5 OptIn, 6 Report);
codes!(Role, "role": 1 Administrator, 2 Operator, 3 Application, 4 Approver, 5 Auditor, 6 Viewer);
codes!(CaseScope, "scope of cases": 1 All, 2 Own, 3 None);
codes!(CaseStatus, "case status": 1 Open, 2 OnHold, 3 Closed);
codes!(CaseChange, "change of a case":
    1 Opened, 2 Edited, 3 Held, 4 Resumed, 5 Closed, 6 Reopened, 7 CreditorAdded,
    8 CreditorRemoved, 9 TeamChanged, 10 Restricted, 11 Unrestricted, 12 HoldSet, 13 HoldLifted,
    14 Filed);
codes!(Party, "party": 1 Client, 2 Creditor);
codes!(EntryDirection, "direction of an entry": 1 Sent, 2 Received, 3 Internal);
codes!(EntryKind, "kind of an entry": 1 Email, 2 Text, 3 Call, 4 Letter, 5 Meeting, 6 Other);
codes!(Permanence, "permanence": 1 Permanent, 2 Temporary);
codes!(SubjectKind, "kind of subject":
    1 Contact, 2 Communication, 3 Delivery, 4 Case, 5 Template, 6 User, 7 Group, 8 Area,
    9 Campaign, 10 Filter, 11 Token, 12 Session, 13 Import, 14 Thread, 15 Webhook, 16 Entry,
    17 Answer);
codes!(Fault, "fault": 1 Recipient, 2 Sender, 3 Network, 4 Unknown);
codes!(BounceClass, "class of answer":
    1 Hard, 2 Soft, 3 Complaint, 4 AutoReply, 5 Success, 6 Delay, 7 Mdn, 8 None, 9 Unknown);
codes!(Reason, "reason":
    1 UserUnknown, 2 HostUnknown, 3 NotAccept, 4 MailboxFull, 5 Suspended, 6 Moved, 7 Filtered,
    8 TooBig, 9 Spam, 10 Virus, 11 Content, 12 Blocked, 13 SenderRejected, 14 Policy, 15 Auth,
    16 Relaying, 17 Security, 18 Rate, 19 Throttled, 20 Network, 21 System, 22 Mailer, 23 Tls,
    24 Syntax, 25 Expired, 26 NumberInvalid, 27 Busy, 28 NoAnswer, 29 Declined, 30 Unreachable,
    31 Vacation, 32 Feedback, 33 Delivered, 34 Undefined, 35 Accepted);
codes!(EventKind, "kind of news":
    1 CommunicationSent, 2 DeliveryStatus, 3 ReplyReceived, 4 ConfirmationReceived,
    5 MethodSuspended, 6 IssueOpened, 7 IssueClosed, 8 Test);
codes!(DisabledWhy, "reason for switching off": 1 ByHand, 2 Gone, 3 Failing);
/// The number that keys use too.
impl Coded for Status {
    const WHAT: &'static str = "status";

    fn number(self) -> u8 {
        self.code()
    }

    fn of_number(number: u8) -> Option<Self> {
        Self::from_code(number)
    }
}

coded!(Status);

/// One bit for each channel.
impl Coded for Channels {
    const WHAT: &'static str = "set of channels";

    fn number(self) -> u8 {
        u8::from(self.email) | u8::from(self.text) << 1 | u8::from(self.call) << 2
    }

    fn of_number(number: u8) -> Option<Self> {
        (number < 8).then_some(Self {
            email: number & 1 != 0,
            text: number & 2 != 0,
            call: number & 4 != 0,
        })
    }
}

coded!(Channels);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_keeps_its_number() {
        let numbers: Vec<u8> = Status::all().into_iter().map(Coded::number).collect();
        let calls = 0..11;
        let texts = 32..39;
        let emails = 64..73;
        assert_eq!(
            numbers,
            calls.chain(texts).chain(emails).collect::<Vec<_>>()
        );
        let last = Status::all().pop().map(Status::as_str);
        assert_eq!(Status::of_number(72).map(Status::as_str), last);
        assert_eq!(Status::of_number(10).map(Status::as_str), Some("failed"));
        assert_eq!(
            Status::of_number(37).map(Status::as_str),
            Some("undelivered")
        );
        assert_eq!(Status::of_number(69).map(Status::as_str), Some("rebound"));
        assert_eq!(Status::of_number(11), None);
    }

    #[test]
    fn every_reason_and_class_has_a_number_of_its_own() {
        for reason in Reason::ALL {
            assert_eq!(Reason::of_number(reason.number()), Some(reason));
        }
        for class in BounceClass::ALL {
            assert_eq!(BounceClass::of_number(class.number()), Some(class));
        }
        assert_eq!(Reason::of_number(0), None);
        assert_eq!(Channels::of_number(8), None);
    }
}
