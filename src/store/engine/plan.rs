//! Deciding a group of batches: pure, and the same for every engine.

use std::collections::{BTreeMap, HashMap};

use super::batch::HiddenKey;
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

    fn nothing(_: &[u8]) -> Result<Option<Value>> {
        Ok(None)
    }

    #[test]
    fn a_refused_batch_leaves_no_trace() {
        let mut plan = Plan::default();
        plan.accept(
            Batch::new().put(*b"text", *b"not a counter").clone(),
            nothing,
        )
        .unwrap();
        let refused = plan.accept(
            Batch::new().put(*b"a", *b"1").add(*b"text", 1).clone(),
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
            plan.accept(Batch::new().add(*b"n", 2).add(*b"n", -1).clone(), nothing)
                .unwrap();
        }
        assert_eq!(
            plan.effects.get(b"n".as_slice()),
            Some(&Some(3_i64.to_be_bytes().to_vec()))
        );
    }
}
