//! What a session is told when it begins.

use std::time::Duration;

use crate::proto::smpp::pdu::{BindMode, BindRequest};
use crate::proto::smpp::tolerance::Tolerances;

/// Which end this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Binds to a message centre.
    Esme {
        /// What the bind is for.
        mode: BindMode,
        /// Account and version.
        request: BindRequest,
    },
    /// Waits to be bound to.
    Smsc,
}

/// Limits and times of a session (section 7.2 names the timers).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// From the connection to a completed bind.
    pub bind_timeout: Duration,
    /// Silence after which `enquire_link` is sent.
    pub enquire_interval: Duration,
    /// From a request to its answer.
    pub response_timeout: Duration,
    /// Unanswered `submit_sm` (or `deliver_sm`) at a time.
    pub window: usize,
    /// Requests of the peer that may wait for the owner; more are told
    /// "queue full" by this core.
    pub unanswered_max: usize,
    /// Sequence number of the first request, 1 to 0x7FFF_FFFF.
    pub first_sequence: u32,
    /// What a message centre says of itself: 0x34 for SMPP 3.4, 0x50 for 5.0.
    pub interface_version: u8,
    /// What the peer may do against the specification.
    pub tolerances: Tolerances,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind_timeout: Duration::from_secs(10),
            enquire_interval: Duration::from_secs(30),
            response_timeout: Duration::from_secs(10),
            window: 10,
            unanswered_max: 256,
            first_sequence: 1,
            interface_version: 0x34,
            tolerances: Tolerances::ALL,
        }
    }
}
