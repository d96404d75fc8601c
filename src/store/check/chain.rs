//! The chain of entries: numbered without a gap, each bound to those before it, up to the head.

use std::collections::VecDeque;

use super::{Check, for_each};
use crate::domain::AuditEntry;
use crate::domain::chain::{Hash, origin, skip};
use crate::store::engine::{CHAIN, CHAIN_BY_SUBJECT, ChainEntry, Result, chain_key, subject_key};
use crate::store::records::Record;

/// What the way from ids to entries is called.
pub(super) const BY_SUBJECT: &str = "audit entries by subject";

/// Hashes of entries to which later ones may still be bound: those whose numbers are a beginning
/// of the last number's bits.
struct Known {
    hashes: VecDeque<(u64, Hash)>,
}

impl Known {
    fn new(origin: Hash) -> Self {
        Self {
            hashes: VecDeque::from([(0, origin)]),
        }
    }

    fn last(&self) -> (u64, Hash) {
        self.hashes.back().copied().unwrap_or_default()
    }

    fn of(&self, number: u64) -> Option<Hash> {
        let mut known = self.hashes.iter().rev();
        known.find(|known| known.0 == number).map(|known| known.1)
    }

    /// Nothing behind `number` is bound to entries above what it skips to, itself excepted.
    fn add(&mut self, number: u64, hash: Hash) {
        while self.hashes.back().is_some_and(|last| last.0 > skip(number)) {
            self.hashes.pop_back();
        }
        self.hashes.push_back((number, hash));
    }
}

impl Check<'_> {
    /// Reads every entry of the chain, and then the head.
    pub(super) fn chain(&mut self) -> Result<()> {
        let store = self.store;
        let before = self.report.problem_count;
        let mut known = Known::new(origin(store.identity()));
        let mut count = 0;
        for_each(store, CHAIN, |key, value| {
            count += 1;
            match ChainEntry::read(&key, &value) {
                Some(entry) => self.entry(&mut known, &entry)?,
                None => self.problem(AuditEntry::NAME, super::id_of(&key), "is no entry"),
            }
            Ok(())
        })?;
        self.report.rows.insert(AuditEntry::NAME, count);
        self.found_by()?;
        let (number, hash) = known.last();
        match store.chain_head() {
            Ok(head) if head.number == number && head.hash == hash => {
                let whole = self.report.problem_count == before;
                self.report.chain_head = whole.then_some(head);
            }
            Ok(head) => {
                let what = format!("names entry {}, the last is {number}", head.number);
                self.problem("audit head", String::new(), what);
            }
            Err(error) => self.problem("audit head", String::new(), error.to_string()),
        }
        Ok(())
    }

    fn entry(&mut self, known: &mut Known, entry: &ChainEntry) -> Result<()> {
        let (last, hash) = known.last();
        let id = entry.number.to_string();
        if entry.number != last.saturating_add(1) {
            let what = format!("follows entry {last}");
            self.problem(AuditEntry::NAME, id.clone(), what);
        }
        if entry.previous != hash {
            let what = "the entry before is not the one that it was bound to";
            self.problem(AuditEntry::NAME, id.clone(), what);
        }
        if known.of(skip(entry.number)) != Some(entry.skipped) {
            let what = format!("is not bound to entry {}", skip(entry.number));
            self.problem(AuditEntry::NAME, id.clone(), what);
        }
        match AuditEntry::from_bytes(&entry.payload) {
            Err(error) => self.problem(AuditEntry::NAME, id, error.to_string()),
            Ok(said) => {
                for subject in &said.subjects {
                    if !self.exists(&subject_key(&subject.id, entry.number))? {
                        let what = "is not found by what it is about";
                        self.problem(AuditEntry::NAME, id.clone(), what);
                    }
                }
            }
        }
        known.add(entry.number, entry.link().hash());
        Ok(())
    }

    /// Whatever entries are found by, they name.
    fn found_by(&mut self) -> Result<()> {
        let store = self.store;
        for_each(store, CHAIN_BY_SUBJECT, |key, value| {
            self.report.index_entries += 1;
            let id = super::id_of(&key);
            let Some(number) = key.last_chunk().map(|number| u64::from_be_bytes(*number)) else {
                self.problem(BY_SUBJECT, id, "has no number");
                return Ok(());
            };
            let entry = store.get(&chain_key(number))?;
            let entry = entry.and_then(|value| ChainEntry::read(&chain_key(number), &value));
            let said = entry.and_then(|entry| AuditEntry::from_bytes(&entry.payload).ok());
            let named = said.is_some_and(|said| {
                let mut subjects = said.subjects.iter();
                subjects.any(|subject| subject_key(&subject.id, number) == key)
            });
            if !named || !value.is_empty() {
                self.problem(BY_SUBJECT, id, "leads to an entry that does not name it");
            }
            Ok(())
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{Report, check};
    use super::*;
    use crate::domain::{AuditActor, Subject, SubjectKind};
    use crate::store::engine::{CHAIN_HEAD, subject_key};
    use crate::store::records::samples;
    use crate::store::{AuditBatch, Batch, Store, StoreError};

    const ENTRIES: u64 = 40;

    fn entry(number: u64) -> AuditEntry {
        let act = format!("contact.changed.{number}");
        AuditEntry::new(samples::at(number), AuditActor::Gateway, &act)
    }

    async fn filled() -> Store {
        let store = Store::memory();
        for number in 1..=ENTRIES {
            let mut batch = Batch::new();
            batch.audit(&entry(number));
            store.commit(batch).await.unwrap();
        }
        store
    }

    fn stored(store: &Store, number: u64) -> Vec<u8> {
        store.get(&chain_key(number)).unwrap().unwrap()
    }

    /// The value of an entry bound as the entry `like`, saying something else.
    fn forged(store: &Store, like: u64) -> Vec<u8> {
        let mut value = stored(store, like)[..64].to_vec();
        value.extend_from_slice(&crate::store::records::Record::to_bytes(&entry(99)));
        value
    }

    async fn tampered(number: u64, value: Option<Vec<u8>>) -> Report {
        let store = filled().await;
        store.tamper(chain_key(number), value).await;
        check(&store).unwrap()
    }

    #[tokio::test]
    async fn a_whole_chain_leads_up_to_its_head() {
        let store = filled().await;
        let report = check(&store).unwrap();
        assert!(report.is_sound(), "{:#?}", report.problems);
        assert_eq!(report.rows_of("audit entry"), ENTRIES);
        assert_eq!(report.chain_head, Some(store.chain_head().unwrap()));
        assert_eq!(report.chain_head.unwrap().number, ENTRIES);
    }

    #[tokio::test]
    async fn a_changed_a_missing_and_an_inserted_entry_are_found() {
        let store = filled().await;
        for number in 1..=ENTRIES {
            let changed = tampered(number, Some(forged(&store, number))).await;
            assert!(!changed.is_sound(), "changed {number}");
            let missing = tampered(number, None).await;
            assert!(!missing.is_sound(), "missing {number}");
            assert_eq!((changed.chain_head, missing.chain_head), (None, None));
        }
        let inserted = tampered(ENTRIES + 1, Some(forged(&store, ENTRIES))).await;
        assert!(!inserted.is_sound());
        let before_the_first = tampered(0, Some(forged(&store, 1))).await;
        assert!(!before_the_first.is_sound());
    }

    #[tokio::test]
    async fn each_hash_and_the_head_are_looked_at() {
        let store = filled().await;
        for byte in [0, 31, 32, 63] {
            let mut value = stored(&store, 7);
            value[byte] ^= 1;
            assert!(!tampered(7, Some(value)).await.is_sound(), "{byte}");
        }
        let head = store.get(CHAIN_HEAD).unwrap().unwrap();
        for byte in [7, 8, 39] {
            let mut value = head.clone();
            value[byte] ^= 1;
            store.tamper(CHAIN_HEAD.to_vec(), Some(value)).await;
            assert_eq!(check(&store).unwrap().problem_count, 1, "{byte}");
        }
        store.tamper(CHAIN_HEAD.to_vec(), None).await;
        assert_eq!(check(&store).unwrap().problem_count, 1);
    }

    #[tokio::test]
    async fn entries_are_found_by_what_they_name_and_by_nothing_else() {
        let store = Store::memory();
        let id = [4; 16];
        let subject = Subject::new(SubjectKind::Case, id);
        for number in 1..=3 {
            let mut batch = Batch::new();
            batch.audit(&entry(number));
            batch.audit(&entry(number).about([subject]));
            store.commit(batch).await.unwrap();
        }
        assert_eq!(store.chain_about(&id, u64::MAX, 10).unwrap(), [6, 4, 2]);
        assert_eq!(store.chain_about(&id, 6, 1).unwrap(), [4]);
        assert_eq!(store.chain_about(&[5; 16], u64::MAX, 10).unwrap(), [0; 0]);
        let report = check(&store).unwrap();
        assert!(report.is_sound(), "{:#?}", report.problems);
        store.tamper(subject_key(&id, 1), Some(Vec::new())).await;
        assert_eq!(check(&store).unwrap().problem_count, 1);
        store.tamper(subject_key(&id, 2), None).await;
        let report = check(&store).unwrap();
        assert_eq!((report.problem_count, report.chain_head), (2, None));
    }

    #[tokio::test]
    async fn no_batch_writes_into_the_chain() {
        let store = filled().await;
        let mut batches = vec![Batch::new(); 5];
        batches[0].put(chain_key(1), b"x".to_vec());
        batches[1].delete(chain_key(1));
        batches[2].add(CHAIN_HEAD, 1);
        batches[3].put(CHAIN_HEAD, b"x".to_vec());
        batches[4].put(subject_key(&[4; 16], 1), Vec::new());
        for batch in batches {
            let refused = store.commit(batch).await;
            assert!(matches!(refused, Err(StoreError::BadKey)));
        }
        assert!(check(&store).unwrap().is_sound());
    }
}
