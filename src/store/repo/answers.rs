//! Answers that no rule knows, those that say the same together.

use super::{Repo, Result, counter};
use crate::domain::unknown_answer::ANSWER_POOLS_MAX;
use crate::domain::{AnswerPool, AnswerPoolId, DeliveryId, LastAnswer, Timestamp};
use crate::store::engine::{Key, KeyRange};
use crate::store::keys;
use crate::store::rows::Loaded;

/// Most pools that are read. A few more than there may be can come at once.
const POOLS_READ_MAX: usize = 2 * ANSWER_POOLS_MAX;

/// A pool of answers with what is counted of it.
#[derive(Clone, Debug)]
pub struct HeardPool {
    /// The pool.
    pub pool: Loaded<AnswerPool>,
    /// How many answers there were.
    pub count: u64,
    /// When the last one came.
    pub last_seen: Timestamp,
    /// To which message, which may be gone since.
    pub example: Option<DeliveryId>,
}

impl Repo {
    /// A pool of answers.
    pub fn answer_pool(&self, id: AnswerPoolId) -> Result<Option<Loaded<AnswerPool>>> {
        self.load(&keys::answer_pool(id))
    }

    /// The last answer of a pool.
    pub fn last_answer(&self, pool: AnswerPoolId) -> Result<Option<Loaded<LastAnswer>>> {
        self.load(&keys::last_answer(pool))
    }

    /// A pool of answers with what is counted of it.
    pub fn heard_pool(&self, id: AnswerPoolId) -> Result<Option<HeardPool>> {
        let found = self.answer_pool(id)?.into_iter().collect();
        Ok(self.heard(found)?.pop())
    }

    /// All pools of answers, in no particular order.
    pub fn heard_pools(&self) -> Result<Vec<HeardPool>> {
        let range = KeyRange::prefix(keys::ANSWER_POOL);
        let found = self.rows(range, POOLS_READ_MAX)?.rows;
        self.heard(found)
    }

    fn heard(&self, pools: Vec<Loaded<AnswerPool>>) -> Result<Vec<HeardPool>> {
        let of_each = |key: fn(AnswerPoolId) -> Key| -> Vec<Key> {
            pools.iter().map(|pool| key(pool.id)).collect()
        };
        let counts = self.store.get_many(&of_each(keys::answers))?;
        let lasts = self.load_many::<LastAnswer>(&of_each(keys::last_answer))?;
        let heard = pools.into_iter().zip(counts).zip(lasts);
        Ok(heard
            .map(|((pool, count), last)| HeardPool {
                count: count.map_or(0, |bytes| counter(&bytes)),
                last_seen: last.as_ref().map_or(pool.first_seen, |last| last.at),
                example: last.map(|last| last.delivery),
                pool,
            })
            .collect())
    }
}
