//! Letting go of what need not be kept any longer: what is due, and taking it away step by step.
//! Each step is one batch, with its entry in the record of who did what; a step that is cut short
//! is as if it had not begun, and whoever comes next goes on.

mod erase;
mod expire;
mod forget;
mod leap;
mod owing;
mod sweep;
mod take;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Tracker, TrackerError};
use crate::domain::retention::{Due, RetentionRules};
use crate::domain::{CaseId, CommunicationId, ContactId, Subject, SubjectKind, Timestamp};

pub use erase::Erased;
pub use expire::Expiry;
pub use owing::OWING_LISTED_MAX;
pub use take::Counts;

/// Things that cannot go in one run before it ends: then the store itself is in trouble.
const FAILURES_MAX: usize = 100;

/// What goes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// A case with all that was said in it.
    Case(CaseId),
    /// What belongs to a contact and to no case: correspondence, messages, log.
    Contact(ContactId),
    /// An alert or another message that is no correspondence, for everybody to whom it is none.
    Communication(CommunicationId),
}

impl Scope {
    /// As what acts are about.
    #[must_use]
    pub const fn subject(self) -> Subject {
        match self {
            Self::Case(id) => Subject::new(SubjectKind::Case, *id.as_bytes()),
            Self::Contact(id) => Subject::new(SubjectKind::Contact, *id.as_bytes()),
            Self::Communication(id) => Subject::new(SubjectKind::Communication, *id.as_bytes()),
        }
    }
}

/// Something with when it may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owing {
    /// What.
    pub scope: Scope,
    /// When the last, or for what goes piece by piece the first, of it happened.
    pub at: Timestamp,
    /// When it may go.
    pub due: Due,
}

/// What there is to let go of.
#[derive(Clone, Debug, Default)]
pub struct OwingList {
    /// May go now; at most [`OWING_LISTED_MAX`].
    pub due: Vec<Owing>,
    /// May go before the horizon; as many.
    pub soon: Vec<Owing>,
    /// Does not go because of a legal hold; as many.
    pub held: Vec<Owing>,
    /// How many there are of each.
    pub counts: [u64; 3],
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether one is under way.
    pub is_running: bool,
    /// When the last one began; none since the start.
    pub began_at: Option<Timestamp>,
    /// Cases, contacts and communications dealt with.
    pub done: u64,
    /// What was taken away.
    pub counts: Counts,
    /// Whether it ended because something failed.
    pub has_failed: bool,
}

/// Rules and progress, shared by all handles.
#[derive(Debug, Default)]
pub(super) struct Retention {
    rules: Mutex<RetentionRules>,
    progress: Mutex<Progress>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tracker {
    /// Puts rules into force, for all handles.
    pub fn replace_retention(&self, rules: RetentionRules) {
        *lock(&self.retention.rules) = rules;
    }

    /// The rules in force.
    #[must_use]
    pub fn retention_rules(&self) -> RetentionRules {
        lock(&self.retention.rules).clone()
    }

    /// How far the last run has come.
    #[must_use]
    pub fn retention_progress(&self) -> Progress {
        *lock(&self.retention.progress)
    }

    /// Takes away all that is due, one thing after the other. False when a run is under way
    /// already; then nothing was done.
    ///
    /// # Errors
    /// When the store fails; what was taken away until then is gone.
    pub async fn expire_all(&self) -> Result<bool, TrackerError> {
        {
            let mut progress = lock(&self.retention.progress);
            if progress.is_running {
                return Ok(false);
            }
            *progress = Progress {
                is_running: true,
                began_at: Some(self.clock.wall()),
                ..Progress::default()
            };
        }
        let running = Running(self);
        let outcome = self.expire_rest().await;
        lock(&self.retention.progress).has_failed |= outcome.is_err();
        drop(running);
        outcome.map(|()| true)
    }

    /// What fails does not hold up the others; it is tried again with the next run.
    async fn expire_rest(&self) -> Result<(), TrackerError> {
        let (mut seen, mut failed) = (BTreeSet::new(), 0_usize);
        loop {
            let (tracker, skip) = (self.clone(), seen.clone());
            let list = apart(move || tracker.owing(tracker.clock.wall(), &skip)).await??;
            if list.due.is_empty() {
                return self.expire_inbound().await;
            }
            for owing in list.due {
                seen.insert(owing.scope);
                let counts = match self.expire(owing.scope).await {
                    Ok(expiry) => expiry.counts,
                    Err(error) if failed < FAILURES_MAX => {
                        failed += 1;
                        lock(&self.retention.progress).has_failed = true;
                        tracing::warn!(scope = ?owing.scope, %error, "this stays for now");
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                let mut progress = lock(&self.retention.progress);
                progress.done += 1;
                progress.counts.add(counts);
            }
        }
    }
}

/// Says at its end that no run is under way any more, even when it is cut short.
struct Running<'a>(&'a Tracker);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(&self.0.retention.progress).is_running = false;
    }
}

/// Reads a lot beside the threads that answer.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, TrackerError> {
    let done = crate::clock::apart(work).await;
    done.map_err(|_| TrackerError::Store(crate::store::StoreError::Closed))
}
