//! A SIP trunk: places calls over UDP or TCP, speaks and listens over RTP.
//!
//! Transactions, dialogs and parsing are ezk's. Ours, because ezk has them not or not safely:
//! the public UDP socket (see [`guard`]), CANCEL (ezk's carries a branch of its own, which no
//! peer can match), digest without `auth-int`, forked answers, what the peer asks inside a
//! dialog, pacing, and the ports of the media. What a call *is* says [`crate::proto::call`].

mod auth;
mod bye;
mod call;
mod guard;
mod invite;
mod layer;
mod media;
mod pacing;
mod ports;
mod stack;
mod trunk;
mod wire;

pub use call::CallOrder;
pub use trunk::{Credentials, SipError, SipTransport, SipTrunk, TrunkConfig};

/// Attempts to prove who we are in one transaction; a second one is for a stale nonce.
pub const AUTH_ATTEMPTS_MAX: u8 = 2;
/// Answers and requests of one call that wait to be looked at.
pub const SIGNALS_MAX: usize = 32;
/// The largest SIP datagram that is let in.
pub const SIP_DATAGRAM_BYTES_MAX: usize = 16 * 1_024;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
