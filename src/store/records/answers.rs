//! Answers that no rule knows, those that say the same together.

use super::shape::{record, shape};
use crate::domain::{
    AnswerPool, AnswerPoolId, AnswerShape, DeliveryId, EnhancedStatus, LastAnswer, Naming,
    Permanence, Reason, Timestamp, UserId,
};

shape! {
    Naming as NamingRow {
        #[n(0)] reason: Reason,
        #[n(1)] by: UserId,
        #[n(2)] at: Timestamp,
    }
}

shape! {
    AnswerPool as AnswerPoolRow {
        #[n(0)] id: AnswerPoolId,
        #[n(1)] shape: AnswerShape,
        #[n(2)] permanence: Permanence,
        #[n(3)] reply: Option<u16>,
        #[n(4)] status: Option<EnhancedStatus>,
        #[n(5)] first_seen: Timestamp,
        #[n(6)] named: Option<Naming>,
    }
}
record!(AnswerPool, "pool of answers");

shape! {
    LastAnswer as LastAnswerRow {
        #[n(0)] pool: AnswerPoolId,
        #[n(1)] at: Timestamp,
        #[n(2)] delivery: DeliveryId,
    }
}
record!(LastAnswer, "last answer of a pool");
