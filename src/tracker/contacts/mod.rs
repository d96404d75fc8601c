//! What operators do to contacts: add, change, reinstate, correct, remove a method.

mod edit;
mod merge;
mod methods;

pub use edit::Edited;
pub use merge::Merged;

use super::write::write_log;
use super::{CONFLICTS_MAX, Tracker, TrackerError, is_conflict};
use crate::domain::{
    Actor, Area, Contact, ContactChange, ContactId, Destination, LogEvent, MethodId, MethodState,
    ProofKind, UserId, comms_issue, details, suspension,
};
use crate::store::{Batch, RowBatch};

impl Tracker {
    /// Adds areas; those that exist are left as they are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_areas(&self, areas: &[Area]) -> Result<(), TrackerError> {
        let known = self.repo.areas()?;
        let mut batch = Batch::new();
        for area in areas.iter().filter(|area| known.get(area.id).is_none()) {
            batch.insert(area);
        }
        self.repo.store().commit(batch).await?;
        Ok(())
    }

    /// Adds contacts, all or none.
    ///
    /// # Errors
    /// When one of the ids exists already, or the store fails.
    pub async fn add_contacts(&self, contacts: &[Contact]) -> Result<(), TrackerError> {
        let mut batch = Batch::new();
        for contact in contacts {
            batch.insert(contact);
        }
        self.repo.store().commit(batch).await?;
        Ok(())
    }

    /// Lets somebody leave by their own hand: all that says who they are goes from the contact,
    /// and nothing goes to where they could be reached any more.
    ///
    /// # Errors
    /// When there is no such contact, or the store fails.
    pub async fn leave(&self, id: ContactId) -> Result<(), TrackerError> {
        self.commit_anew(|| {
            let old = self.repo.contact(id)?;
            let old = old.ok_or(TrackerError::NotFound("contact"))?;
            let (now, by) = (self.clock.wall(), Actor::Person);
            let removed = |method| LogEvent::changed(ContactChange::MethodRemoved, method, by);
            let mut log: Vec<LogEvent> = old.methods.iter().map(Some).map(removed).collect();
            for change in [ContactChange::ConsentWithdrawn, ContactChange::Edited] {
                log.push(LogEvent::changed(change, None, by));
            }
            let mut batch = Batch::new();
            self.suppress_of(&mut batch, &old, now)?;
            let mut new = old.value.clone();
            new.forget(now, ProofKind::SelfService);
            batch.replace(&old, &new);
            self.tell_of_issue(&mut batch, &old, &new, now)?;
            write_log(&mut batch, id, now, log, self.random.next_u64());
            Ok((batch, ()))
        })
        .await
    }

    /// Puts a suspended method to use again. Nothing happens when it is not suspended.
    ///
    /// # Errors
    /// When there is no such contact or method, or the store fails.
    pub async fn reinstate(
        &self,
        contact: ContactId,
        method: MethodId,
        by: UserId,
    ) -> Result<(), TrackerError> {
        self.change_contact(contact, |contact| {
            let method = contact.method_mut(method)?;
            let kind = method.kind;
            let id = method.id;
            Some(if suspension::reinstate(method) {
                tracing::info!(method = %id, by = %by, "method reinstated");
                vec![LogEvent::Reinstated {
                    method: id,
                    kind,
                    by,
                }]
            } else {
                Vec::new()
            })
        })
        .await
    }

    /// Corrects an address or number: it is unverified from then on and no longer suspended.
    ///
    /// # Errors
    /// When there is no such contact or method, or the store fails.
    pub async fn correct(
        &self,
        contact: ContactId,
        method: MethodId,
        destination: Destination,
        by: UserId,
    ) -> Result<(), TrackerError> {
        self.change_contact(contact, |contact| {
            let method = contact.method_mut(method)?;
            if !details::correct(method, destination.clone()) {
                return Some(Vec::new());
            }
            Some(vec![LogEvent::Corrected {
                method: method.id,
                kind: method.kind,
                by,
            }])
        })
        .await
    }

    /// Takes a method away: nothing goes there any more, its history stays. Nothing happens when
    /// it has been taken away before.
    ///
    /// # Errors
    /// When there is no such contact or method, or the store fails.
    pub async fn remove_method(
        &self,
        contact: ContactId,
        method: MethodId,
        by: UserId,
    ) -> Result<(), TrackerError> {
        self.change_contact(contact, |contact| {
            let method = contact.method_mut(method)?;
            if method.state == MethodState::Removed {
                return Some(Vec::new());
            }
            method.state = MethodState::Removed;
            method.suspension = None;
            method.soft_failures.clear();
            tracing::info!(method = %method.id, by = %by, "method removed");
            Some(vec![LogEvent::changed(
                ContactChange::MethodRemoved,
                Some(method),
                Actor::User(by),
            )])
        })
        .await
    }

    /// Changes a contact; `change` returns the lines for the log, or nothing when what it looks
    /// for is not there. The communication issue follows by itself.
    ///
    /// # Errors
    /// When there is no such contact, `change` finds nothing, or the store fails; then nothing
    /// was written.
    pub async fn change_contact(
        &self,
        id: ContactId,
        change: impl Fn(&mut Contact) -> Option<Vec<LogEvent>> + Send,
    ) -> Result<(), TrackerError> {
        for _ in 0..CONFLICTS_MAX {
            let old = self
                .repo
                .contact(id)?
                .ok_or(TrackerError::NotFound("contact"))?;
            let mut new = old.value.clone();
            let log = change(&mut new).ok_or(TrackerError::NotFound("method"))?;
            let now = self.clock.wall();
            comms_issue::refresh(&mut new, now);
            let mut batch = Batch::new();
            batch.replace(&old, &new);
            self.lift_for(&mut batch, &old, &new)?;
            self.tell_of_issue(&mut batch, &old, &new, now)?;
            write_log(&mut batch, id, now, log, self.random.next_u64());
            match self.repo.store().commit(batch).await {
                Ok(_) => return Ok(()),
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(TrackerError::Contention)
    }
}
