//! Who is acting: what is committed within a [`scope`] carries the entry that says so, in the same
//! batch. Nobody who changes something has to think of it.
//!
//! The first commit of an act carries its entry; a later one carries another if it touches
//! something that the entries before do not name. What only keeps the books ([`Batch::upkeep`])
//! carries none. A batch that brings an entry of its own is left as it is.
//!
//! Of what nobody who is known does, there are [`ANONYMOUS_PER_DAY_MAX`] entries a day: who writes
//! to us or asks for links cannot fill the disk. The first entry behind them says how many were
//! left out.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::audit_rows::{AuditBatch, subjects_of};
use super::engine::Batch;
use super::quota::Quota;
use crate::domain::Timestamp;
use crate::domain::audit::{AuditActor, AuditEntry, Subject};
use crate::domain::chain::Hash;

/// Most subjects of one act that are remembered, so as not to be named twice.
const REMEMBERED_MAX: usize = 10_000;

/// Most entries a minute of acts of nobody who is known.
pub const ANONYMOUS_PER_MINUTE_MAX: u32 = 60;
/// Most entries a day of acts of nobody who is known.
pub const ANONYMOUS_PER_DAY_MAX: u32 = 2_000;
/// The act of the entry that says how many of those were left out.
pub const LEFT_OUT: &str = "anonymous.left_out";

/// An act under way; clones share what was written of it.
#[derive(Clone, Debug)]
pub struct Acting {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    at: Timestamp,
    act: String,
    network: Option<String>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    actor: AuditActor,
    /// What the entries written so far name.
    named: BTreeSet<Subject>,
    /// Contents that they have the digest of.
    digests: BTreeSet<Hash>,
    /// Entries written so far.
    written: u64,
}

tokio::task_local! {
    static ACTING: Acting;
}

impl Acting {
    /// Somebody does this.
    #[must_use]
    pub fn new(at: Timestamp, actor: AuditActor, act: &str, network: Option<String>) -> Self {
        let state = Mutex::new(State {
            actor,
            named: BTreeSet::new(),
            digests: BTreeSet::new(),
            written: 0,
        });
        Self {
            inner: Arc::new(Inner {
                at,
                act: act.to_owned(),
                network,
                state,
            }),
        }
    }

    /// How many entries were written of it.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.state().written
    }

    /// Whether it has no name: it only looks at something, and what it commits is no act.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.inner.act.is_empty()
    }

    /// Who acts.
    #[must_use]
    pub fn actor(&self) -> AuditActor {
        self.state().actor
    }

    /// An entry of it.
    #[must_use]
    pub fn entry(&self) -> AuditEntry {
        let mut entry = AuditEntry::new(self.inner.at, self.actor(), &self.inner.act);
        entry.network.clone_from(&self.inner.network);
        entry
    }

    /// It is whole between any two statements, so a panicking holder leaves nothing half done.
    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.inner.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry that a batch has to carry, if it has to.
    fn entry_for(&self, subjects: &[Subject], digest: Option<Hash>) -> Option<AuditEntry> {
        let state = self.state();
        let is_new = |subject: &&Subject| !state.named.contains(subject);
        let new: Vec<Subject> = subjects.iter().filter(is_new).copied().collect();
        let is_told = digest.is_none_or(|digest| state.digests.contains(&digest));
        if state.written > 0 && new.is_empty() && is_told {
            return None;
        }
        drop(state);
        let mut entry = self.entry().about(new);
        entry.digest = digest;
        Some(entry)
    }
}

/// Runs something as an act of somebody.
pub async fn scope<F: Future>(acting: Acting, future: F) -> F::Output {
    ACTING.scope(acting, future).await
}

/// The act under way, to be gone on with in another task.
#[must_use]
pub fn current() -> Option<Acting> {
    ACTING.try_with(Clone::clone).ok()
}

/// The same act in another task: to be given to whoever spawns it.
pub fn carried<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let acting = current();
    async move {
        match acting {
            Some(acting) => scope(acting, future).await,
            None => future.await,
        }
    }
}

/// The same act in work that is not asynchronous, on another thread.
pub fn carried_by<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let acting = current();
    move || match acting {
        Some(acting) => ACTING.sync_scope(acting, work),
        None => work(),
    }
}

/// Says who acts, once that is known.
pub fn identify(actor: AuditActor) {
    if let Some(acting) = current() {
        acting.state().actor = actor;
    }
}

/// An entry put into a batch, to be remembered once it is durable.
pub(super) struct Stamp {
    acting: Acting,
    subjects: Vec<Subject>,
    digest: Option<Hash>,
    admitted: Option<Admitted>,
}

/// A place among the entries of nobody, given back unless it was used.
struct Admitted {
    quota: Arc<Quota>,
    left_out: u32,
    used: bool,
}

impl Admitted {
    fn of(quota: &Arc<Quota>, now: Timestamp) -> Option<Self> {
        let left_out = quota.admit(now)?;
        Some(Self {
            quota: Arc::clone(quota),
            left_out,
            used: false,
        })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        if !self.used {
            self.quota.give_back(self.left_out);
        }
    }
}

impl Stamp {
    /// It is durable.
    pub(super) fn written(mut self) {
        if let Some(admitted) = &mut self.admitted {
            admitted.used = true;
        }
        let mut state = self.acting.state();
        state.written = state.written.saturating_add(1);
        let room = REMEMBERED_MAX.saturating_sub(state.named.len());
        state.named.extend(self.subjects.into_iter().take(room));
        if state.digests.len() < REMEMBERED_MAX {
            state.digests.extend(self.digest);
        }
    }
}

/// Puts the entry of the act under way into a batch; of nobody's, as long as there is room.
pub(super) fn stamp(batch: &mut Batch, anonymous: &Arc<Quota>) -> Option<Stamp> {
    if batch.noted.upkeep || batch.is_empty() {
        return None;
    }
    let acting = current().filter(|acting| !acting.is_silent())?;
    let subjects = subjects_of(batch);
    let digest = batch.noted.digest;
    let mut admitted = None;
    if batch.chained.is_empty() {
        let entry = acting.entry_for(&subjects, digest)?;
        if entry.actor == AuditActor::Nobody {
            let place = Admitted::of(anonymous, entry.at)?;
            if place.left_out > 0 {
                let mut said = AuditEntry::new(entry.at, AuditActor::Gateway, LEFT_OUT);
                said.more = place.left_out;
                batch.audit(&said);
            }
            admitted = Some(place);
        }
        batch.audit(&entry);
    }
    Some(Stamp {
        acting,
        subjects,
        digest,
        admitted,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::audit::SubjectKind;
    use crate::domain::{ContactId, UserId, Via};
    use crate::store::engine::{KeyRange, Store, StoreError};
    use crate::store::records::{Record, samples};
    use crate::store::{Repo, RowBatch};

    const ADA: AuditActor = AuditActor::User(UserId::from_bytes([8; 16]), Via::Console);

    fn act(name: &str) -> Acting {
        Acting::new(samples::at(5), ADA, name, None)
    }

    fn entries(store: &Store) -> Vec<AuditEntry> {
        let found = store.chain_entries(KeyRange::prefix(super::super::engine::CHAIN), 100);
        let read = |entry: crate::store::engine::ChainEntry| AuditEntry::from_bytes(&entry.payload);
        found
            .unwrap()
            .into_iter()
            .map(read)
            .collect::<Result<_, _>>()
            .unwrap()
    }

    fn contact(number: u8) -> crate::domain::Contact {
        crate::domain::Contact {
            id: ContactId::from_bytes([number; 16]),
            ..samples::contact()
        }
    }

    fn insert(number: u8) -> Batch {
        let mut batch = Batch::new();
        batch.insert(&contact(number));
        batch
    }

    #[tokio::test]
    async fn the_first_commit_carries_the_entry_and_later_ones_name_what_is_new() {
        let store = Store::memory();
        let work = async {
            store.commit(insert(1)).await.unwrap();
            store
                .commit(Batch::new().put(*b"zz", *b"1").clone())
                .await
                .unwrap();
            store.commit(insert(2)).await.unwrap();
            store.commit(insert(3).upkeep().clone()).await.unwrap();
        };
        scope(act("contact.created"), work).await;
        store.commit(insert(4)).await.unwrap();
        let subject = |n| vec![Subject::new(SubjectKind::Contact, [n; 16])];
        let found = entries(&store);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].subjects, subject(1));
        assert_eq!(found[1].subjects, subject(2));
        assert!(found.iter().all(|entry| entry.act == "contact.created"));
        assert!(found.iter().all(|entry| entry.actor == ADA));
    }

    #[tokio::test]
    async fn the_entry_of_a_refused_batch_leaves_no_trace() {
        let store = Store::memory();
        store.commit(insert(1)).await.unwrap();
        let acting = act("contact.created");
        let refused = scope(acting.clone(), store.commit(insert(1))).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })));
        assert_eq!(acting.written(), 0);
        assert_eq!(store.chain_head().unwrap().number, 0);
        scope(acting.clone(), store.commit(insert(2)))
            .await
            .unwrap();
        assert_eq!((acting.written(), entries(&store).len()), (1, 1));
    }

    #[tokio::test]
    async fn whoever_is_recognised_later_is_named() {
        let store = Store::memory();
        let acting = Acting::new(samples::at(5), AuditActor::Nobody, "contact.changed", None);
        scope(acting, async {
            identify(ADA);
            let repo = Repo::new(store.clone());
            store.commit(insert(1)).await.unwrap();
            assert!(repo.contact(contact(1).id).unwrap().is_some());
        })
        .await;
        assert_eq!(entries(&store)[0].actor, ADA);
    }

    #[tokio::test]
    async fn a_batch_with_an_entry_of_its_own_carries_no_other() {
        let store = Store::memory();
        let mut batch = insert(1);
        batch.audit(&AuditEntry::new(samples::at(1), AuditActor::Gateway, "own"));
        scope(act("contact.created"), store.commit(batch))
            .await
            .unwrap();
        let found = entries(&store);
        assert_eq!((found.len(), found[0].act.as_str()), (1, "own"));
    }

    #[tokio::test]
    async fn another_content_of_the_same_thing_is_told() {
        let store = Store::memory();
        let write = |digest: u8| {
            let mut batch = Batch::new();
            batch
                .put(*b"zz", vec![digest])
                .note_digest(Some([digest; 32]));
            store.commit(batch)
        };
        let work = async {
            for digest in [1, 1, 2, 1] {
                write(digest).await.unwrap();
            }
        };
        scope(act("communication.change"), work).await;
        let digests: Vec<_> = entries(&store).iter().map(|one| one.digest).collect();
        assert_eq!(digests, [Some([1; 32]), Some([2; 32])]);
    }

    #[tokio::test]
    async fn nobody_fills_the_record_and_what_is_left_out_is_counted() {
        let store = Store::memory();
        let ask = |minute: u64| {
            let at = crate::domain::Timestamp::from_millis(minute * 60_000);
            let acting = Acting::new(at, AuditActor::Nobody, "public.ask_link", None);
            let batch = Batch::new().put(*b"zz", *b"1").clone();
            let store = store.clone();
            async move { scope(acting, store.commit(batch)).await.unwrap() }
        };
        for _ in 0..ANONYMOUS_PER_MINUTE_MAX + 5 {
            ask(1).await;
        }
        assert_eq!(entries(&store).len(), ANONYMOUS_PER_MINUTE_MAX as usize);
        // Whoever is known is recorded all the same.
        scope(act("contact.created"), store.commit(insert(1)))
            .await
            .unwrap();
        let refused = Batch::new()
            .assert_present(*b"nothing")
            .put(*b"zz", *b"2")
            .clone();
        let acting = Acting::new(samples::at(5), AuditActor::Nobody, "public.begin", None);
        assert!(scope(acting, store.commit(refused)).await.is_err());
        ask(2).await;
        let found = entries(&store).split_off(ANONYMOUS_PER_MINUTE_MAX as usize);
        let said: Vec<_> = found
            .iter()
            .map(|one| (one.act.as_str(), one.more))
            .collect();
        let expected = [
            ("contact.created", 0),
            (LEFT_OUT, 5),
            ("public.ask_link", 0),
        ];
        assert_eq!(said, expected);
    }

    #[tokio::test]
    async fn an_act_goes_on_on_another_thread() {
        let acting = act("contact.created");
        let seen = scope(acting, async {
            let work = carried_by(|| current().map(|acting| acting.actor()));
            std::thread::spawn(work).join().unwrap()
        });
        assert_eq!(seen.await, Some(ADA));
    }
}
