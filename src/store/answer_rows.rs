//! Rows of answers that no rule knows.

use super::engine::Key;
use super::keys;
use super::rows::Row;
use crate::domain::{AnswerPool, LastAnswer};

impl Row for AnswerPool {
    fn key(&self) -> Key {
        keys::answer_pool(self.id)
    }
}

impl Row for LastAnswer {
    fn key(&self) -> Key {
        keys::last_answer(self.pool)
    }
}
