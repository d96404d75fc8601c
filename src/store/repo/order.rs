//! In which order a list is read.

use crate::store::engine::KeyRange;

/// In which order a list is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As its index has it: what is newest first, names and references from their beginning on.
    #[default]
    Usual,
    /// The other way round.
    Turned,
}

impl Order {
    /// A range of an index in this order.
    pub(super) fn of(self, range: KeyRange) -> KeyRange {
        match self {
            Self::Usual => range,
            Self::Turned => range.reverse(),
        }
    }
}
