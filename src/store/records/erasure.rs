//! People who are being erased, and where nothing is to go any more.

use super::shape::{record, shape};
use crate::domain::{ContactId, Erasure, Redacted, Suppression, Timestamp, UserId};

shape! {
    Erasure as ErasureRow {
        #[n(0)] contact: ContactId,
        #[n(1)] ids: Vec<ContactId>,
        #[n(2)] addresses: Vec<Redacted<String>>,
        #[n(3)] by: UserId,
        #[n(4)] begun_at: Timestamp,
    }
}
record!(Erasure, "erasure");

shape! {
    Suppression as SuppressionRow {
        #[n(0)] #[cbor(with = "minicbor::bytes")] digest: [u8; 32],
        #[n(1)] since: Timestamp,
    }
}
record!(Suppression, "suppression");
