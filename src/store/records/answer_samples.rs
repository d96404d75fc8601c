//! The records of unknown answers, for fixtures and laws.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::arbitrary::{delivery_id, time, user_id};
use super::samples::at;
use crate::domain::unknown_answer::NAMEABLE;
use crate::domain::{
    AnswerPool, AnswerPoolId, AnswerShape, DeliveryId, EnhancedStatus, LastAnswer, Naming,
    Permanence, Reason, UserId,
};

const SHAPE: &str = "<address> is held back by the engine of <host>";

pub(crate) fn answer_pool() -> AnswerPool {
    AnswerPool {
        id: AnswerPoolId::of(Permanence::Permanent, SHAPE),
        shape: AnswerShape::from_stored(SHAPE).expect("it is short"),
        permanence: Permanence::Permanent,
        reply: Some(554),
        status: Some(EnhancedStatus::new(5, 9, 1)),
        first_seen: at(0),
        named: Some(Naming {
            reason: Reason::Filtered,
            by: UserId::from_bytes([8; 16]),
            at: at(60_000),
        }),
    }
}

pub(crate) fn last_answer() -> LastAnswer {
    LastAnswer {
        pool: answer_pool().id,
        at: at(120_000),
        delivery: DeliveryId::from_bytes([5; 16]),
    }
}

fn naming() -> impl Strategy<Value = Naming> {
    let reason = select(NAMEABLE.to_vec());
    (reason, user_id(), time()).prop_map(|(reason, by, at)| Naming { reason, by, at })
}

pub(crate) fn any_answer_pool() -> impl Strategy<Value = AnswerPool> {
    let words = "(<address>|[a-zé]{1,9})( [a-zé]{1,9}| <name>){0,20}";
    let permanence = select(vec![Permanence::Permanent, Permanence::Temporary]);
    let status = any::<(u8, u16, u16)>()
        .prop_map(|(class, subject, detail)| EnhancedStatus::new(class, subject, detail));
    let codes = (option::of(any::<u16>()), option::of(status));
    let times = (time(), option::of(naming()));
    (words, permanence, codes, times).prop_map(|(words, permanence, codes, times)| AnswerPool {
        id: AnswerPoolId::of(permanence, &words),
        shape: AnswerShape::from_stored(&words).expect("it is short"),
        permanence,
        reply: codes.0,
        status: codes.1,
        first_seen: times.0,
        named: times.1,
    })
}

pub(crate) fn any_last_answer() -> impl Strategy<Value = LastAnswer> {
    let pool = any::<[u8; 16]>().prop_map(AnswerPoolId::from_bytes);
    (pool, time(), delivery_id()).prop_map(|(pool, at, delivery)| LastAnswer { pool, at, delivery })
}
