//! SMPP 3.4 and 5.0, without IO: types, codec, session, text encoding, receipts.
//!
//! Section numbers in this folder are those of the *Short Message Peer to
//! Peer Protocol Specification v3.4, Issue 1.2*.
//!
//! What is sent is built by [`encode`] (on the `rusmpp` codec, which is
//! strict); what arrives is read by [`decode`], which forgives what message
//! centres really send. [`Session`] is one connection seen from either end.

mod decode;
mod encode;
pub mod encoding;
mod frame;
mod pdu;
mod reassembly;
pub mod receipt;
mod session;
mod status;
mod tolerance;

#[cfg(test)]
mod corpus_tests;

pub use decode::{DecodeError, congestion_state, decode, decode_of};
pub use encode::{EncodeError, encode};
pub use frame::{
    FRAME_SIZE_MAX_BYTES, FRAME_SKIPPED_MAX_BYTES, FrameError, FrameReader, HEADER_SIZE_BYTES,
    Header,
};
pub use pdu::{
    Address, BindMode, BindRequest, BindResponse, Body, DeliverSm, Pdu, Sar, ShortMessage,
    SubmitSm, Tlv, command_id, esm_class, tlv_tag,
};
pub use reassembly::Piece;
pub use session::{CloseReason, Config, Event, Role, SequenceNumber, Session, State, SubmitError};
pub use status::CommandStatus;
pub use tolerance::{Tolerance, Tolerances};
