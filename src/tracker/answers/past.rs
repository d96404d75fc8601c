//! What a delivery was answered before, as its timeline tells. Who has one signed address of ours
//! can send to it as many reports as they like, and a server that puts off answers every try: one
//! delivery counts once for a pool, and for few pools.

use std::collections::BTreeSet;

use super::answer_in;
use super::index::Index;
use crate::domain::delivery::TIMELINE_MAX;
use crate::domain::unknown_answer::{POOLS_OF_DELIVERY_MAX, PrivateWords, named_by};
use crate::domain::{AnswerPoolId, Delivery, UnknownAnswer};

/// What a delivery was answered before that no rule knew.
pub(super) struct Past {
    /// Those that were unknown.
    answers: Vec<UnknownAnswer>,
    /// Where those went that had a name.
    named: BTreeSet<AnswerPoolId>,
    /// Its timeline keeps nothing more that changes nothing, so that it would not tell of another.
    is_full: bool,
}

impl Past {
    pub(super) fn of(delivery: &Delivery, private: &PrivateWords) -> Self {
        let (mut answers, mut named) = (Vec::new(), BTreeSet::new());
        for change in &delivery.timeline {
            if let Some(verdict) = &change.verdict {
                named.extend(named_by(verdict));
                answers.extend(answer_in(verdict, change.source, private));
            }
        }
        Self {
            answers,
            named,
            is_full: delivery.timeline.len() >= TIMELINE_MAX,
        }
    }

    /// The pools that the answers belong to as things are.
    pub(super) fn pools(&self, index: &Index) -> BTreeSet<AnswerPoolId> {
        let mut pools = self.named.clone();
        for answer in &self.answers {
            // One more than enough says that there is no room.
            if pools.len() > POOLS_OF_DELIVERY_MAX {
                break;
            }
            pools.insert(index.find(answer).unwrap_or_else(|| answer.id()));
        }
        pools
    }

    /// Whether a delivery whose answers belong to these pools may count for that one.
    pub(super) fn has_room(&self, before: &BTreeSet<AnswerPoolId>, pool: AnswerPoolId) -> bool {
        let others = before.iter().filter(|other| **other != pool).count();
        !self.is_full && others < POOLS_OF_DELIVERY_MAX
    }
}
