//! Deciding on the rows as they are, and deciding anew when somebody else was faster.

use std::sync::Arc;

use super::{CONFLICTS_MAX, SubmitError, Submitter, is_conflict};
use crate::store::{Batch, StoreError};

/// What is to be written, and what it comes to once it is. Nothing to write is fine.
pub(super) struct Decision<T> {
    pub(super) batch: Batch,
    pub(super) outcome: T,
}

impl<T> Decision<T> {
    /// There is nothing to do.
    pub(super) fn nothing(outcome: T) -> Self {
        Self {
            batch: Batch::new(),
            outcome,
        }
    }
}

impl Submitter {
    /// Decides off the threads that answer requests (an audience may be large), commits, and
    /// decides anew when one of the rows has changed meanwhile.
    pub(super) async fn decided<T: Send + 'static>(
        &self,
        decide: impl Fn(&Self) -> Result<Decision<T>, SubmitError> + Send + Sync + 'static,
    ) -> Result<T, SubmitError> {
        let decide = Arc::new(decide);
        for _ in 0..CONFLICTS_MAX {
            let (this, again) = (self.clone(), Arc::clone(&decide));
            let Decision { batch, outcome } = off_thread(move || again(&this)).await?;
            if batch.is_empty() {
                return Ok(outcome);
            }
            match self.repo.store().commit(batch).await {
                Ok(_) => return Ok(outcome),
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(SubmitError::Contention)
    }
}

/// Does long reading off the threads that answer requests.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SubmitError> + Send + 'static,
) -> Result<T, SubmitError> {
    let done = crate::clock::apart(work).await;
    done.unwrap_or_else(|_| Err(StoreError::Closed.into()))
}
