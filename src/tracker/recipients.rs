//! Recipient lists: whom a user picked, one by one or many at once, before writing to them.

use super::{Tracker, TrackerError};
use crate::domain::campaign::RECIPIENTS_MAX;
use crate::domain::{ContactId, Gathering, Recipient, UserId};
use crate::store::{Batch, RowBatch};

/// Entries written in one batch.
const STEP_MAX: usize = 500;

/// What adding came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// How many were not on the list before.
    pub added: u64,
    /// Whether the list has no room for the others.
    pub full: bool,
}

impl Tracker {
    /// Puts contacts on a user's recipient list; those who are on it stay there.
    ///
    /// # Errors
    /// When the store fails; earlier steps stay.
    pub async fn add_recipients(
        &self,
        user: UserId,
        contacts: &[ContactId],
    ) -> Result<Gathered, TrackerError> {
        let mut sum = Gathered::default();
        for step in contacts.chunks(STEP_MAX) {
            let part = self
                .commit_anew(|| self.recipients_step(user, step))
                .await?;
            sum.added += part.added;
            sum.full |= part.full;
            if part.full {
                break;
            }
        }
        Ok(sum)
    }

    fn recipients_step(
        &self,
        user: UserId,
        contacts: &[ContactId],
    ) -> Result<(Batch, Gathered), TrackerError> {
        let mut batch = Batch::new();
        let mut gathered = Gathered::default();
        let known = self.repo.recipient_count(user)?;
        for contact in contacts {
            if self.repo.recipient(user, *contact)?.is_some() {
                continue;
            }
            let Some(there) = self.repo.contact(*contact)? else {
                continue;
            };
            if self.is_going(&there)? {
                continue;
            }
            if known + gathered.added >= RECIPIENTS_MAX as u64 {
                gathered.full = true;
                break;
            }
            batch.expect(&there);
            batch.insert(&Recipient {
                user,
                contact: *contact,
                at: self.clock.wall(),
            });
            gathered.added += 1;
        }
        Ok((batch, gathered))
    }

    /// Takes one contact off a user's recipient list.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_recipient(
        &self,
        user: UserId,
        contact: ContactId,
    ) -> Result<(), TrackerError> {
        self.commit_anew(|| {
            let mut batch = Batch::new();
            if let Some(entry) = self.repo.recipient(user, contact)? {
                batch.remove(&entry);
            }
            Ok((batch, ()))
        })
        .await
    }

    /// Empties a user's recipient list, and stops whatever is being put on it.
    ///
    /// # Errors
    /// When the store fails; then part of it is still there.
    pub async fn clear_recipients(&self, user: UserId) -> Result<(), TrackerError> {
        self.end_gathering(user).await?;
        while self
            .commit_anew(|| {
                let mut batch = Batch::new();
                let entries = self.repo.recipients(user, None, STEP_MAX)?.rows;
                for entry in &entries {
                    batch.remove(entry);
                }
                Ok((batch, !entries.is_empty()))
            })
            .await?
        {}
        Ok(())
    }

    /// Writes down that many contacts are to be put on a list. Returns false when the user has
    /// another such wish under way.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_gathering(&self, gathering: &Gathering) -> Result<bool, TrackerError> {
        self.commit_anew(|| {
            let mut batch = Batch::new();
            let free = self.repo.gathering(gathering.user)?.is_none();
            if free {
                batch.insert(gathering);
            }
            Ok((batch, free))
        })
        .await
    }

    /// Writes down how far gathering has come. Returns false when it was stopped meanwhile.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn move_gathering(
        &self,
        user: UserId,
        added: u64,
        cursor: &[u8],
    ) -> Result<bool, TrackerError> {
        self.commit_anew(|| {
            let mut batch = Batch::new();
            let Some(old) = self.repo.gathering(user)? else {
                return Ok((batch, false));
            };
            let new = Gathering {
                added,
                cursor: cursor.to_vec(),
                ..old.value.clone()
            };
            batch.replace(&old, &new);
            Ok((batch, true))
        })
        .await
    }

    /// Writes down that gathering is done, or stopped.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn end_gathering(&self, user: UserId) -> Result<(), TrackerError> {
        self.commit_anew(|| {
            let mut batch = Batch::new();
            if let Some(old) = self.repo.gathering(user)? {
                batch.remove(&old);
            }
            Ok((batch, ()))
        })
        .await
    }
}
