//! The words of the house. PURE: no IO, no clocks, no serde.

mod timestamp;
mod verdict;

pub use timestamp::Timestamp;
pub use verdict::{
    BounceClass, DIAGNOSTIC_SIZE_MAX_BYTES, Diagnostic, EnhancedStatus, Fault, Permanence, Reason,
    Suspends, Verdict,
};
