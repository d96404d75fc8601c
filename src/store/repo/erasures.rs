//! People who are being erased, and addresses and numbers to which nothing goes any more.

use std::collections::BTreeSet;

use super::{Repo, Result};
use crate::domain::{ContactId, Erasure, Suppression, Timestamp};
use crate::store::engine::Batch;
use crate::store::keys;
use crate::store::rows::{Loaded, Row, RowBatch};

/// Name under which the key of suppressions is kept.
const KEY: &str = "suppression-key";
/// Most erasures under way that are looked at.
const ERASURES_MAX: usize = 1_000;

impl Repo {
    /// The erasure of a contact, while it is under way.
    pub fn erasure(&self, contact: ContactId) -> Result<Option<Loaded<Erasure>>> {
        self.load(&keys::erasure(contact))
    }

    /// Erasures under way, at most [`ERASURES_MAX`].
    pub fn erasures(&self) -> Result<Vec<Loaded<Erasure>>> {
        Ok(self.every(keys::ERASURE, None, ERASURES_MAX)?.rows)
    }

    /// The suppression of an address or number as it is looked up.
    pub fn suppression(&self, lookup_key: &str) -> Result<Option<Loaded<Suppression>>> {
        // Without a key nothing has been suppressed yet.
        let Some(key) = self.suppression_key()? else {
            return Ok(None);
        };
        let digest = Suppression::digest_of(&key, lookup_key);
        self.load(&keys::suppression(&digest))
    }

    /// Puts suppressions of these addresses and numbers into a batch. `fresh` becomes the key if
    /// there is none yet.
    pub fn suppress<'a>(
        &self,
        batch: &mut Batch,
        lookup_keys: impl IntoIterator<Item = &'a str>,
        since: Timestamp,
        fresh: [u8; 32],
    ) -> Result<()> {
        let known = self.suppression_key()?;
        let key = known.unwrap_or(fresh);
        let mut written = BTreeSet::new();
        for lookup_key in lookup_keys {
            let digest = Suppression::digest_of(&key, lookup_key);
            let row = Suppression { digest, since };
            if written.insert(digest) && self.store().get(&row.key())?.is_none() {
                batch.insert(&row);
            }
        }
        if known.is_none() && !written.is_empty() {
            batch.assert_absent(keys::setting(KEY));
            batch.put(keys::setting(KEY), key.to_vec());
        }
        Ok(())
    }

    fn suppression_key(&self) -> Result<Option<[u8; 32]>> {
        let key = self.setting(KEY)?;
        Ok(key.and_then(|key| key.as_slice().try_into().ok()))
    }
}
