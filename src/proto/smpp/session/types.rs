//! What a session tells its owner.

use crate::proto::smpp::encode::EncodeError;
use crate::proto::smpp::frame::Header;
use crate::proto::smpp::pdu::{BindMode, BindRequest, DeliverSm, SubmitSm};
use crate::proto::smpp::status::CommandStatus;

/// Ties an answer to its request, one direction at a time.
pub type SequenceNumber = u32;

/// Where a session stands (section 2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Connected; a message centre waits for a bind.
    Open,
    /// The bind request is on its way.
    Binding,
    /// Messages may pass.
    Bound(BindMode),
    /// `unbind` is on its way; deliveries may still be answered.
    Unbinding,
    /// Over. Nothing is sent but what `poll_output` still holds.
    Closed,
}

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// Unbound by us.
    Unbound,
    /// Unbound by the peer.
    PeerUnbound,
    /// The bind was refused.
    BindRefused(CommandStatus),
    /// No bind, or no answer to it, in time.
    BindTimeout,
    /// No answer to `enquire_link`.
    PeerSilent,
    /// The connection ended.
    ConnectionLost,
    /// An impossible `command_length`: the stream cannot be followed.
    LostFraming {
        /// The length as it stood on the wire.
        declared: u32,
    },
    /// The peer sends but does not read.
    PeerDoesNotRead,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// ESME: the bind was accepted.
    Bound {
        /// As asked for.
        mode: BindMode,
        /// The message centre's name for itself.
        system_id: String,
        /// `sc_interface_version`: 0x34 or 0x50, if it says so.
        interface_version: Option<u8>,
    },
    /// ESME: the bind was refused; `Closed` follows.
    BindFailed(CommandStatus),
    /// Message centre: answer with `answer_bind`.
    BindRequested {
        /// For the answer.
        sequence: SequenceNumber,
        /// What the bind is for.
        mode: BindMode,
        /// Who asks.
        request: BindRequest,
    },
    /// ESME: a message was accepted or refused.
    SubmitResult {
        /// Of the `submit`.
        sequence: SequenceNumber,
        /// `ROK`: accepted. See [`CommandStatus::is_throttling`].
        status: CommandStatus,
        /// The message centre's name for the message, for its receipt.
        message_id: Option<String>,
    },
    /// ESME: no answer in time. The message may or may not have been accepted.
    SubmitTimedOut {
        /// Of the `submit`.
        sequence: SequenceNumber,
    },
    /// Message centre: answer with `answer_submit`.
    Submitted {
        /// For the answer.
        sequence: SequenceNumber,
        /// The message.
        message: SubmitSm,
    },
    /// ESME: a message or receipt came in; answer with `confirm_stored` or `refuse`.
    Delivered {
        /// For the answer.
        sequence: SequenceNumber,
        /// The message.
        message: DeliverSm,
    },
    /// Message centre: a delivery was accepted or refused.
    DeliverResult {
        /// Of the `deliver`.
        sequence: SequenceNumber,
        /// `ROK`: it is stored.
        status: CommandStatus,
    },
    /// Message centre: no answer to a delivery in time.
    DeliverTimedOut {
        /// Of the `deliver`.
        sequence: SequenceNumber,
    },
    /// A PDU could not be read, is not served or not tolerated; the session lives. A request was
    /// answered; a response was dropped as if it had not come, but for one that says an error,
    /// which counts.
    Garbled {
        /// Its header, which says nothing of whom it is about.
        header: Header,
        /// What the answer said, or would have said.
        status: CommandStatus,
    },
    /// How busy the peer says that it is in a response (SMPP 5.0, `congestion_state`): 0 to 100.
    /// It stands before the event of that response.
    Congestion {
        /// 80 to 89 is meant to be best, 90 and more too much.
        state: u8,
    },
    /// A request of the peer repeats one that still waits, sequence number and
    /// all; it was dropped, the answer will serve both.
    RepeatedRequest {
        /// The number.
        sequence: SequenceNumber,
    },
    /// An answer to nothing that waits: late, repeated or mistaken. Dropped.
    UnexpectedResponse {
        /// Its command id.
        command_id: u32,
        /// Its sequence number.
        sequence: SequenceNumber,
        /// Its status.
        status: CommandStatus,
        /// Its message id: a late `submit_sm_resp` may tell one.
        message_id: Option<String>,
    },
    /// The peer has unbound; `Closed` follows.
    Unbound,
    /// The session is over; always the last event, exactly once.
    Closed {
        /// Why.
        reason: CloseReason,
        /// `submit`s (or `deliver`s) whose answer will not come. They may or
        /// may not have been accepted.
        unanswered: Vec<SequenceNumber>,
    },
}

/// Why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Not bound, or not for this direction.
    #[error("the session is not bound for sending")]
    NotBound,
    /// As many requests as the window takes are unanswered.
    #[error("the window is full")]
    WindowFull,
    /// A field does not fit.
    #[error("the message cannot be encoded: {0}")]
    Unencodable(#[from] EncodeError),
}
