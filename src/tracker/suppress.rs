//! Addresses and numbers of those who have left or were erased: nothing goes there when they come
//! back with a file or by another program, until a person says otherwise.

use super::{Tracker, TrackerError};
use crate::domain::{Actor, Contact, ContactChange, LogEvent, MethodState, Timestamp, comms_issue};
use crate::store::{Batch, RowBatch};

impl Tracker {
    /// Lets nothing go any more to where a contact could be reached.
    ///
    /// # Errors
    /// When the store fails.
    pub fn suppress_of(
        &self,
        batch: &mut Batch,
        contact: &Contact,
        now: Timestamp,
    ) -> Result<(), TrackerError> {
        let methods = contact.methods.iter();
        let keys: Vec<String> = methods
            .filter(|method| method.state != MethodState::Removed)
            .map(|method| method.destination.lookup_key())
            .collect();
        let keys = keys.iter().map(String::as_str);
        Ok(self.repo.suppress(batch, keys, now, self.random.bytes())?)
    }

    /// Whether nothing is to go to an address or number, as it is looked up, that nobody has.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_suppressed(&self, lookup_key: &str) -> Result<bool, TrackerError> {
        Ok(self.repo.suppression(lookup_key)?.is_some())
    }

    /// Opts out of those new methods of a contact to which nothing is to go. `before` is the
    /// contact as it was. Returns the lines for the log.
    ///
    /// # Errors
    /// When the store fails.
    pub fn heed_suppressions(
        &self,
        contact: &mut Contact,
        before: Option<&Contact>,
    ) -> Result<Vec<LogEvent>, TrackerError> {
        let mut lines = Vec::new();
        for method in &mut contact.methods {
            let same = |known: &crate::domain::Method| known.destination == method.destination;
            let known = before.is_some_and(|before| before.methods.iter().any(same));
            let unproved = method.state == MethodState::Unverified && method.verified_at.is_none();
            if known || !unproved || !self.is_suppressed(&method.destination.lookup_key())? {
                continue;
            }
            method.state = MethodState::OptedOut;
            let change = ContactChange::MethodOptedOut;
            lines.push(LogEvent::changed(change, Some(method), Actor::Person));
        }
        if !lines.is_empty() {
            comms_issue::refresh(contact, self.clock.wall());
        }
        Ok(lines)
    }

    /// Lets messages go to an address or number again: a person has proved that it is theirs.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn lift(&self, batch: &mut Batch, lookup_key: &str) -> Result<(), TrackerError> {
        if let Some(suppression) = self.repo.suppression(lookup_key)? {
            batch.remove(&suppression);
        }
        Ok(())
    }

    /// The same for all methods that a contact uses now and did not use before.
    pub(super) fn lift_for(
        &self,
        batch: &mut Batch,
        before: &Contact,
        after: &Contact,
    ) -> Result<(), TrackerError> {
        for method in &after.methods {
            let was = before.method(method.id);
            let opted_in = was.is_some_and(|was| was.state == MethodState::OptedOut)
                && method.state.is_usable();
            if opted_in {
                self.lift(batch, &method.destination.lookup_key())?;
            }
        }
        Ok(())
    }
}
