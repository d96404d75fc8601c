//! Deciding a group of batches: pure, and the same for every engine.

use std::collections::{BTreeMap, HashMap};

use super::batch::HiddenKey;
use super::chain;
use super::{Assert, Batch, BlobId, Expect, Key, Op, Result, StoreError, Value, counter_value};

/// What a key holds after the group: a value, or nothing.
pub(crate) type Effects = BTreeMap<Key, Option<Value>>;

/// What a group of batches does to the state. Effects are absolute, so that
/// applying them twice changes nothing.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) effects: Effects,
    pub(crate) blobs: HashMap<BlobId, bytes::Bytes>,
    /// How many batches it holds.
    pub(crate) accepted: u64,
}

impl Plan {
    /// Checks the batch against the state and the batches accepted before it,
    /// and takes it in; or leaves the plan as it was.
    pub(crate) fn accept(
        &mut self,
        batch: Batch,
        identity: &[u8; 16],
        read: impl Fn(&[u8]) -> Result<Option<Value>>,
    ) -> Result<()> {
        for (index, assert) in batch.asserts.iter().enumerate() {
            let found = self.lookup(&assert.key, &Effects::new(), &read)?;
            if !holds(assert, found.as_ref()) {
                return Err(StoreError::Conflict {
                    assert_index: index,
                    key: HiddenKey(assert.key.clone()),
                });
            }
        }
        let mut own = Effects::new();
        for op in batch.ops {
            match op {
                Op::Put { key, value } => {
                    own.insert(key, Some(value));
                }
                Op::Delete { key } => {
                    own.insert(key, None);
                }
                Op::Add { key, delta } => {
                    let sum = match self.lookup(&key, &own, &read)? {
                        None => delta,
                        Some(value) => counter_value(&value)
                            .ok_or(StoreError::NotACounter)?
                            .saturating_add(delta),
                    };
                    own.insert(key, Some(sum.to_be_bytes().to_vec()));
                }
            }
        }
        chain::append(batch.chained, identity, &mut own, |own, key| {
            self.lookup(key, own, &read)
        })?;
        self.effects.append(&mut own);
        self.blobs
            .extend(batch.blobs.into_iter().map(|blob| (blob.id, blob.bytes)));
        self.accepted += 1;
        Ok(())
    }

    fn lookup(
        &self,
        key: &[u8],
        own: &Effects,
        read: impl Fn(&[u8]) -> Result<Option<Value>>,
    ) -> Result<Option<Value>> {
        match own.get(key).or_else(|| self.effects.get(key)) {
            Some(effect) => Ok(effect.clone()),
            None => read(key),
        }
    }
}

fn holds(assert: &Assert, found: Option<&Value>) -> bool {
    match &assert.expect {
        Expect::Absent => found.is_none(),
        Expect::Present => found.is_some(),
        Expect::Value(value) => found == Some(value),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ID: [u8; 16] = [7; 16];

    fn nothing(_: &[u8]) -> Result<Option<Value>> {
        Ok(None)
    }

    #[test]
    fn a_refused_batch_leaves_no_trace() {
        let mut plan = Plan::default();
        plan.accept(
            Batch::new().put(*b"text", *b"not a counter").clone(),
            &ID,
            nothing,
        )
        .unwrap();
        let refused = plan.accept(
            Batch::new()
                .chain(*b"entry", Vec::new())
                .put(*b"a", *b"1")
                .add(*b"text", 1)
                .clone(),
            &ID,
            nothing,
        );
        assert!(matches!(refused, Err(StoreError::NotACounter)));
        assert_eq!(plan.accepted, 1);
        assert_eq!(plan.effects.len(), 1);
    }

    #[test]
    fn counters_sum_within_a_batch_and_a_group() {
        let mut plan = Plan::default();
        for _ in 0..3 {
            let batch = Batch::new().add(*b"n", 2).add(*b"n", -1).clone();
            plan.accept(batch, &ID, nothing).unwrap();
        }
        assert_eq!(
            plan.effects.get(b"n".as_slice()),
            Some(&Some(3_i64.to_be_bytes().to_vec()))
        );
    }
    #[test]
    fn entries_are_numbered_and_bound_across_batches_and_groups() {
        let mut applied = Effects::new();
        for group in 0..5_u8 {
            let mut plan = Plan::default();
            for batch in 0..3_u8 {
                let batch = Batch::new()
                    .chain([group, batch], Vec::new())
                    .chain(*b"more", Vec::new())
                    .clone();
                let read = |key: &[u8]| Ok(applied.get(key).cloned().flatten());
                plan.accept(batch, &ID, read).unwrap();
            }
            applied.append(&mut plan.effects);
        }
        let head = applied[chain::CHAIN_HEAD].as_ref().unwrap();
        let head = chain::read_head(head).unwrap();
        assert_eq!(head.number, 30);
        let link = |number| {
            let key = chain::chain_key(number);
            let entry = applied.get(&key).cloned().flatten();
            let entry = entry.and_then(|value| chain::ChainEntry::read(&key, &value));
            Ok::<_, StoreError>(entry.map(|entry| entry.link()))
        };
        for number in 1..=30 {
            let path = crate::domain::chain::path(30, number, link);
            let path = path.unwrap().unwrap();
            let said = path.last().unwrap().payload;
            crate::domain::chain::verify_path(head, number, &said, &path).unwrap();
        }
    }

    #[test]
    fn a_chain_with_a_hole_is_not_gone_on_with() {
        let mut applied = Effects::new();
        let mut plan = Plan::default();
        let batch = (0..5).fold(Batch::new(), |mut batch, _| {
            batch.chain(*b"entry", Vec::new());
            batch
        });
        plan.accept(batch, &ID, nothing).unwrap();
        applied.append(&mut plan.effects);
        // Entry 6 is bound to entry 4, whose hash stands in entry 5.
        applied.remove(&chain::chain_key(5));
        let read = |key: &[u8]| Ok(applied.get(key).cloned().flatten());
        let batch = Batch::new().chain(*b"six", Vec::new()).clone();
        let refused = Plan::default().accept(batch, &ID, read);
        assert!(matches!(refused, Err(StoreError::BrokenChain)));
    }
}
