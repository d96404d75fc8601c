//! What must hold between pools of answers and what is counted of them.

use super::{Check, TAG_SIZE, for_each, id_of, place_of};
use crate::domain::{AnswerPool, AnswerPoolId, LastAnswer};
use crate::store::engine::{Result, counter_value};
use crate::store::keys;
use crate::store::records::Record;

impl Check<'_> {
    pub(super) fn answer_pool(&mut self, pool: &AnswerPool) -> Result<()> {
        let id = || pool.id.to_string();
        if pool.id != AnswerPoolId::of(pool.permanence, pool.shape.as_str()) {
            let what = "its id does not follow from what it says";
            self.problem(AnswerPool::NAME, id(), what);
        }
        let count = self.store.get(&keys::answers(pool.id))?;
        let count = count.and_then(|bytes| counter_value(&bytes));
        if count.is_none_or(|count| count < 1) {
            self.problem(AnswerPool::NAME, id(), "nobody counts its answers");
        }
        if !self.exists(&keys::last_answer(pool.id))? {
            self.problem(AnswerPool::NAME, id(), "its last answer is missing");
        }
        Ok(())
    }

    pub(super) fn last_answer(&mut self, last: &LastAnswer) -> Result<()> {
        if !self.exists(&keys::answer_pool(last.pool))? {
            let id = last.pool.to_string();
            self.problem(LastAnswer::NAME, id, "its pool is missing");
        }
        Ok(())
    }

    /// No answers are counted of a pool that is not there.
    pub(super) fn answers(&mut self) -> Result<()> {
        let store = self.store;
        for_each(store, keys::ANSWERS, |key, _| {
            let pool = [keys::ANSWER_POOL, key.get(TAG_SIZE..).unwrap_or_default()].concat();
            if !self.exists(&pool)? {
                self.problem(place_of(&key), id_of(&key), "its pool is missing");
            }
            Ok(())
        })
    }
}
