//! The pools of answers as they are looked up: in memory, by their words.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use crate::domain::unknown_answer::Likeness;
use crate::domain::{AnswerPool, AnswerPoolId, Permanence, Timestamp, UnknownAnswer};
use crate::store::{Repo, RepoError};

/// Every pool, by what is asked of it.
#[derive(Debug, Default)]
pub(super) struct Index {
    pools: HashMap<AnswerPoolId, Known>,
    /// Pools in whose shape a word stands; those for good apart from those for now.
    by_word: HashMap<Permanence, HashMap<String, BTreeSet<AnswerPoolId>>>,
}

/// What is known of a pool.
#[derive(Debug)]
struct Known {
    permanence: Permanence,
    words: BTreeSet<String>,
    negations: BTreeSet<String>,
    first_seen: Timestamp,
    last_seen: Timestamp,
    is_named: bool,
    /// It takes nearly the same words alone.
    is_strict: bool,
}

fn owned(words: BTreeSet<&str>) -> BTreeSet<String> {
    words.into_iter().map(str::to_owned).collect()
}

impl Index {
    /// As the state has it.
    pub(super) fn load(repo: &Repo) -> Result<Self, RepoError> {
        let mut index = Self::default();
        for heard in repo.heard_pools()? {
            index.insert(&heard.pool, heard.last_seen);
        }
        Ok(index)
    }

    /// A pool is there, or is what it is now.
    pub(super) fn insert(&mut self, pool: &AnswerPool, last_seen: Timestamp) {
        let before = self.pools.get(&pool.id).map(|known| known.last_seen);
        let words = owned(pool.shape.words());
        let by_word = self.by_word.entry(pool.permanence).or_default();
        for word in &words {
            by_word.entry(word.clone()).or_default().insert(pool.id);
        }
        let known = Known {
            permanence: pool.permanence,
            negations: owned(pool.shape.negations()),
            words,
            first_seen: pool.first_seen,
            last_seen: before.map_or(last_seen, |before| before.max(last_seen)),
            is_named: pool.named.is_some(),
            is_strict: pool.suspends_at_once(),
        };
        self.pools.insert(pool.id, known);
    }

    /// A pool is gone.
    pub(super) fn remove(&mut self, id: AnswerPoolId) {
        let Some(known) = self.pools.remove(&id) else {
            return;
        };
        let Some(by_word) = self.by_word.get_mut(&known.permanence) else {
            return;
        };
        for word in &known.words {
            if let Some(pools) = by_word.get_mut(word) {
                pools.remove(&id);
                if pools.is_empty() {
                    by_word.remove(word);
                }
            }
        }
    }

    /// An answer went into a pool.
    pub(super) fn saw(&mut self, id: AnswerPoolId, at: Timestamp) {
        if let Some(known) = self.pools.get_mut(&id) {
            known.last_seen = known.last_seen.max(at);
        }
    }

    /// The pool whose answers say the same: of those that take it ([`AnswerPool::takes`]) the one
    /// that is most like it, of several the oldest.
    pub(super) fn find(&self, answer: &UnknownAnswer) -> Option<AnswerPoolId> {
        let by_word = self.by_word.get(&answer.permanence)?;
        let words = answer.shape.words();
        let negations: BTreeSet<String> = owned(answer.shape.negations());
        let mut rarest: Vec<_> = words.iter().map(|word| by_word.get(*word)).collect();
        rarest.sort_by_key(|pools| pools.map_or(0, BTreeSet::len));
        // Whatever is alike has so many words in common that one of these is among them.
        let looked_at = (words.len() + 1).saturating_sub(Likeness::shared_min(words.len()));
        let near = rarest.into_iter().take(looked_at).flatten().flatten();
        let near: BTreeSet<AnswerPoolId> = near.copied().collect();
        let alike = near.into_iter().filter_map(|id| {
            let known = self.pools.get(&id)?;
            if known.negations != negations {
                return None;
            }
            let both = words.iter().filter(|word| known.words.contains(**word));
            let likeness = Likeness::new(both.count(), words.len(), known.words.len());
            let fits = if known.is_strict {
                likeness.is_close()
            } else {
                likeness.is_enough()
            };
            fits.then_some((likeness, known.first_seen, id))
        });
        let closest = alike.max_by(|one, other| {
            let age =
                |(_, first_seen, id): &(_, Timestamp, AnswerPoolId)| Reverse((*first_seen, *id));
            one.0.order(other.0).then_with(|| age(one).cmp(&age(other)))
        });
        closest.map(|(_, _, id)| id)
    }

    /// The pools that have to go so that there are no more than so many, the least recently seen
    /// first; none if that cannot be, as those with a name stay.
    pub(super) fn surplus(&self, pools_max: usize) -> Option<Vec<AnswerPoolId>> {
        let surplus = self.pools.len().saturating_sub(pools_max);
        if surplus == 0 {
            return Some(Vec::new());
        }
        let mut unnamed: Vec<_> = self.unnamed().collect();
        unnamed.sort_unstable();
        unnamed.truncate(surplus);
        let enough = unnamed.len() == surplus;
        enough.then(|| unnamed.into_iter().map(|(_, id)| id).collect())
    }

    /// The pools without a name that were last seen before this.
    pub(super) fn unseen_since(&self, at: Timestamp) -> Vec<AnswerPoolId> {
        let old = self.unnamed().filter(|(last_seen, _)| *last_seen < at);
        old.map(|(_, id)| id).collect()
    }

    fn unnamed(&self) -> impl Iterator<Item = (Timestamp, AnswerPoolId)> + '_ {
        let unnamed = self.pools.iter().filter(|(_, known)| !known.is_named);
        unnamed.map(|(id, known)| (known.last_seen, *id))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::unknown_answer::PrivateWords;
    use crate::domain::{Reason, Verdict};

    fn answer(text: &str) -> UnknownAnswer {
        let verdict = Verdict::failure(Reason::Undefined, Permanence::Permanent);
        UnknownAnswer::of(&verdict.with_diagnostic(text), &PrivateWords::default()).unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn of(texts: &[&str]) -> (Index, Vec<AnswerPoolId>) {
        let mut index = Index::default();
        let mut ids = Vec::new();
        for (text, seconds) in texts.iter().zip(1..) {
            let pool = answer(text).begin(at(seconds));
            index.insert(&pool, at(seconds));
            ids.push(pool.id);
        }
        (index, ids)
    }

    #[test]
    fn the_most_alike_is_found_and_of_several_the_oldest() {
        let (mut index, ids) = of(&[
            "554 one two three four five",
            "554 one two three four six",
            "451 one two three four seven",
            "554 eight nine ten",
        ]);
        let find = |index: &Index, text: &str| index.find(&answer(text));
        let two_alike = "554 one two three four ten";
        assert_eq!(find(&index, "554 one two three four six"), Some(ids[1]));
        assert_eq!(find(&index, two_alike), Some(ids[0]));
        assert_eq!(find(&index, "554 one two ten"), None);
        assert_eq!(find(&index, "451 one two three four"), Some(ids[2]));
        assert_eq!(find(&index, "451 eight nine ten"), None);
        index.remove(ids[0]);
        assert_eq!(find(&index, two_alike), Some(ids[1]));
        index.remove(ids[1]);
        assert_eq!(find(&index, two_alike), None);
        assert_eq!(
            index.by_word[&Permanence::Permanent].len(),
            3,
            "its words are gone"
        );
    }

    #[test]
    fn a_name_that_suspends_leaves_what_is_not_close_to_others() {
        let (mut index, ids) = of(&["554 one two three four", "554 one two three nine ten"]);
        let asked = answer("554 one two three four five");
        assert_eq!(index.find(&asked), Some(ids[0]));
        let named = AnswerPool {
            named: Some(crate::domain::Naming {
                reason: Reason::UserUnknown,
                by: crate::domain::UserId::from_bytes([1; 16]),
                at: at(9),
            }),
            ..answer("554 one two three four").begin(at(1))
        };
        index.insert(&named, at(9));
        assert_eq!(index.find(&asked), None);
        let same = answer("554 four three two one");
        assert_eq!(index.find(&same), Some(ids[0]));
    }

    #[test]
    fn looking_up_by_rare_words_finds_what_looking_at_all_would() {
        let words = ["ich", "du", "er", "wir", "ihr", "sie", "uns", "euch"];
        let of_bits = |bits: u32| {
            let some = words.iter().enumerate();
            let some = some.filter(|(place, _)| (bits >> place) & 1 == 1);
            let some: Vec<&str> = some.map(|(_, word)| *word).collect();
            answer(&format!("554 {}", some.join(" ")))
        };
        let mut index = Index::default();
        let pools: Vec<UnknownAnswer> = (1..256).step_by(7).map(of_bits).collect();
        for pool in &pools {
            index.insert(&pool.clone().begin(at(1)), at(1));
        }
        for bits in 1..256 {
            let asked = of_bits(bits);
            let likeness = |pool: &UnknownAnswer| {
                let (one, other) = (asked.shape.words(), pool.shape.words());
                let both = one.intersection(&other).count();
                Likeness::new(both, one.len(), other.len())
            };
            let alike = pools.iter().any(|pool| likeness(pool).is_enough());
            let found = index.find(&asked);
            assert_eq!(found.is_some(), alike, "{:?}", asked.shape);
            let best = pools
                .iter()
                .map(&likeness)
                .max_by(|one, other| one.order(*other));
            if let Some(found) = pools.iter().find(|pool| Some(pool.id()) == found) {
                assert!(likeness(found).order(best.unwrap()).is_eq());
            }
        }
    }

    #[test]
    fn those_with_a_name_stay() {
        let (mut index, ids) = of(&["554 one thing", "554 some other", "554 a third kind"]);
        let named = AnswerPool {
            named: Some(crate::domain::Naming {
                reason: Reason::Policy,
                by: crate::domain::UserId::from_bytes([1; 16]),
                at: at(9),
            }),
            ..answer("554 one thing").begin(at(1))
        };
        index.insert(&named, at(1));
        index.saw(ids[1], at(20));
        assert_eq!(index.surplus(3), Some(Vec::new()));
        assert_eq!(index.surplus(2), Some(vec![ids[2]]));
        assert_eq!(index.surplus(1), Some(vec![ids[2], ids[1]]));
        assert_eq!(index.surplus(0), None);
        assert_eq!(index.unseen_since(at(20)), [ids[2]]);
    }
}
