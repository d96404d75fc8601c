//! What the specification does not allow and message centres do all the same,
//! each by its name: a setting of the carrier.

use super::status::CommandStatus;

/// Longest message id, in octets without its NUL (section 5.2.23).
pub(super) const MESSAGE_ID_SIZE_MAX: usize = 64;

/// Longest address, in octets without its NUL (section 5.2.8).
pub(super) const ADDRESS_SIZE_MAX: usize = 20;

/// Highest sequence number of a request (section 5.1.4); 0 is none.
pub(super) const SEQUENCE_MAX: u32 = 0x7fff_ffff;

/// One such thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerance {
    /// The last string of a body, or the id in `receipted_message_id`, has no NUL (section 3.1).
    UnterminatedStrings,
    /// Message ids and addresses that are longer than their fields (5.2.23, 5.2.8).
    LongStrings,
    /// Octets beyond ASCII in addresses (5.2.8), read as ISO 8859-1.
    NonAsciiSenders,
    /// A body in a response that says an error (4.1.2, 4.4.2).
    ErrorBodies,
    /// Octets after the body that are no optional parameter (3.2.4).
    TrailingOctets,
    /// An `sm_length` beyond the end of the frame (5.2.21).
    CutTexts,
    /// Requests with sequence number 0, or one beyond 0x7FFFFFFF (5.1.4).
    ReservedSequenceNumbers,
}

impl Tolerance {
    /// The status of the answer where it is not tolerated.
    pub fn refusal(self) -> CommandStatus {
        match self {
            Self::UnterminatedStrings | Self::LongStrings => CommandStatus::RINVPARLEN,
            Self::NonAsciiSenders => CommandStatus::RINVSRCADR,
            Self::TrailingOctets => CommandStatus::RINVOPTPARSTREAM,
            Self::CutTexts => CommandStatus::RINVMSGLEN,
            Self::ErrorBodies | Self::ReservedSequenceNumbers => CommandStatus::RUNKNOWNERR,
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Which of them a peer may do. By default all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tolerances(u8);

impl Tolerances {
    /// Everything is tolerated.
    pub const ALL: Self = Self(u8::MAX);
    /// Nothing is.
    pub const NONE: Self = Self(0);

    /// Tolerates this, too.
    #[must_use]
    pub fn with(self, tolerance: Tolerance) -> Self {
        Self(self.0 | tolerance.bit())
    }

    /// Does not tolerate this.
    #[must_use]
    pub fn without(self, tolerance: Tolerance) -> Self {
        Self(self.0 & !tolerance.bit())
    }

    /// Whether it is tolerated.
    pub fn has(self, tolerance: Tolerance) -> bool {
        self.0 & tolerance.bit() != 0
    }
}

impl Default for Tolerances {
    fn default() -> Self {
        Self::ALL
    }
}
