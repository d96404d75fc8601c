//! What is done with a thread: given to somebody, read, done.

use super::super::{CONFLICTS_MAX, Tracker, TrackerError, is_conflict};
use crate::domain::{Thread, ThreadId, ThreadState, UserId};
use crate::store::{Batch, RowBatch};

impl Tracker {
    /// Gives a thread to somebody, or to nobody.
    ///
    /// # Errors
    /// When there is no such thread, or the store fails.
    pub async fn assign_thread(
        &self,
        id: ThreadId,
        to: Option<UserId>,
    ) -> Result<(), TrackerError> {
        self.change_thread(id, |thread| thread.assigned = to).await
    }

    /// Marks a thread's messages as read, or its last one as unread. With more messages in it
    /// than were `seen`, it stays unread.
    ///
    /// # Errors
    /// When there is no such thread, or the store fails.
    pub async fn mark_thread(
        &self,
        id: ThreadId,
        unread: bool,
        seen: u32,
    ) -> Result<(), TrackerError> {
        self.change_thread(id, |thread| {
            if !unread && thread.messages > seen {
                return;
            }
            thread.unread = if unread { thread.unread.max(1) } else { 0 };
            if unread {
                thread.state = ThreadState::Open;
            }
        })
        .await
    }

    /// Says that a thread is dealt with, or is not. `seen` is how many messages it had when
    /// whoever says so looked at it: with a later one in it, it stays open and unread.
    ///
    /// # Errors
    /// When there is no such thread, or the store fails.
    pub async fn finish_thread(
        &self,
        id: ThreadId,
        state: ThreadState,
        seen: u32,
    ) -> Result<(), TrackerError> {
        self.change_thread(id, |thread| match state {
            ThreadState::Open => thread.state = state,
            ThreadState::Done if thread.messages > seen => {}
            ThreadState::Done => {
                thread.state = state;
                thread.unread = 0;
            }
        })
        .await
    }

    async fn change_thread(
        &self,
        id: ThreadId,
        change: impl Fn(&mut Thread),
    ) -> Result<(), TrackerError> {
        for _ in 0..CONFLICTS_MAX {
            let old = self
                .repo
                .thread(id)?
                .ok_or(TrackerError::NotFound("thread"))?;
            let mut new = old.value.clone();
            change(&mut new);
            if new == old.value {
                return Ok(());
            }
            let mut batch = Batch::new();
            batch.replace(&old, &new);
            match self.repo.store().commit(batch).await {
                Ok(_) => return Ok(()),
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(TrackerError::Contention)
    }
}
