//! One outbound call as a state machine: what SIP and the media report goes in, what to do and
//! how the call stands comes out. No IO, no clock.
//!
//! The driver owns the protocol's chores: it acknowledges every 2xx, retransmits, answers the
//! peer's requests. The machine decides what the call *is*: ringing, answered, confirmed.

mod answer;
mod machine;
mod plan;

pub use answer::{REASON_TEXT_BYTES_MAX, SipAnswer};
pub use machine::{CallMachine, REPLAYS_BY_KEY_MAX};
pub use plan::{CallPlan, Confirmation, VoicemailPolicy};

use crate::proto::media::{Digit, MediaEvent};

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// In the signalling.
    Sip(SipEvent),
    /// In the audio.
    Media(MediaEvent),
    /// The call is no longer wanted (confirmed elsewhere, daemon drains).
    Abort,
}

/// What the signalling reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SipEvent {
    /// 100: the next hop is working on it.
    Trying,
    /// 180, 181, 182: it rings, is forwarded, is queued.
    Ringing,
    /// 183: audio before the answer.
    EarlyMedia,
    /// 2xx, with audio that was agreed on.
    Answered,
    /// A final answer of 300 to 699.
    Rejected(SipAnswer),
    /// A final answer that cannot be used (no readable session description, no contact).
    Unusable(String),
    /// The other side hung up.
    Bye,
    /// No answer of any kind came within SIP's own timers.
    TimedOut,
    /// The transport failed.
    TransportFailed,
}

/// What the driver must do, or tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Do this.
    Action(Action),
    /// The call has got this far.
    Progress(Progress),
    /// The call is over. Nothing follows.
    Ended(CallResult),
}

/// What the driver must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Play the script from its start.
    PlayScript,
    /// Stop playing.
    StopPlayback,
    /// Hang up an answered call.
    SendBye,
    /// Withdraw a call that was not answered.
    SendCancel,
}

/// How far a call has got before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// The number was handed to the trunk.
    Started,
    /// The telephone rings.
    Ringing,
    /// Someone or something answered.
    InProgress,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallEnd {
    /// The line was busy.
    Busy,
    /// A fax machine answered.
    Fax,
    /// An answering machine answered.
    Voicemail,
    /// Answered, and over.
    Completed,
    /// Answered, and the confirmation key was pressed.
    Confirmed,
    /// Nobody answered.
    NoAnswer,
    /// It could not be completed.
    Failed,
    /// We withdrew it before anybody answered, or before the script was heard once.
    Aborted,
}

/// The end of a call and what it is known from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallResult {
    /// How it ended.
    pub end: CallEnd,
    /// The final answer of the network, where one decided.
    pub answer: Option<SipAnswer>,
    /// Why it failed, where no answer says so.
    pub failure: Option<CallFailure>,
    /// How often the script was begun.
    pub plays: u8,
    /// Keys that were pressed, but for the one that confirms; at most [`KEYS_MAX`].
    pub keys: Vec<Digit>,
}

/// Most keys of one call that are told.
pub const KEYS_MAX: usize = 16;

/// A failure that is not an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallFailure {
    /// The trunk did not answer at all.
    TimedOut,
    /// The trunk could not be reached.
    TransportFailed,
    /// The trunk's answer was of no use.
    Unusable(String),
}
