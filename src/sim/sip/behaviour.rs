//! What a simulated subscriber does when called.

use std::time::Duration;

/// What a number does when it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Rings for a while, then answers.
    Answer {
        /// How long it rings.
        ring: Duration,
        /// What happens then.
        then: Answered,
    },
    /// Is busy: 486.
    Busy,
    /// Rings until the caller gives up.
    NoAnswer,
    /// Is refused by the network.
    Reject {
        /// SIP status, 300 to 699.
        code: u16,
        /// Q.850 cause in a Reason header.
        cause: Option<u8>,
    },
    /// Gives no sign of life at all.
    Silent,
    /// Answers with something that is no session description.
    Garbage,
}

/// What happens after the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// A person presses a key and waits for the caller to hang up.
    Press {
        /// The key.
        key: char,
        /// After the answer.
        after: Duration,
        /// As sound in the audio instead of a telephone event.
        inband: bool,
    },
    /// A person hangs up.
    HangUp {
        /// After the answer.
        after: Duration,
    },
    /// A person listens until the caller hangs up.
    Listen,
    /// A machine reads a greeting and beeps.
    Voicemail {
        /// Length of the greeting.
        greeting: Duration,
    },
    /// A fax machine answers with its tone.
    Fax,
}

impl Behaviour {
    /// Answers after `ring` and presses 1 after another `after`.
    pub fn presses_one(ring: Duration, after: Duration) -> Self {
        Self::Answer {
            ring,
            then: Answered::Press {
                key: '1',
                after,
                inband: false,
            },
        }
    }
}
