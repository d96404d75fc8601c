//! Single steps on a contact's methods and wishes.

use super::super::{Tracker, TrackerError};
use crate::domain::template::TemplateCategory;
use crate::domain::{Actor, Consent, ContactChange, ContactId, LogEvent, MethodId, MethodState};

impl Tracker {
    /// Writes down that the person wants no messages by a method. A method that failed counts as
    /// opted out from then on: there is nothing to solve any more.
    ///
    /// # Errors
    /// When there is no such contact or method, or the store fails.
    pub async fn opt_out_method(
        &self,
        contact: ContactId,
        method: MethodId,
        by: Actor,
    ) -> Result<(), TrackerError> {
        self.change_contact(contact, |contact| {
            let method = contact.method_mut(method)?;
            if matches!(method.state, MethodState::OptedOut | MethodState::Removed) {
                return Some(Vec::new());
            }
            method.state = MethodState::OptedOut;
            method.suspension = None;
            method.soft_failures.clear();
            let change = ContactChange::MethodOptedOut;
            Some(vec![LogEvent::changed(change, Some(method), by)])
        })
        .await
    }

    /// Writes down that the person wants messages by a method again.
    ///
    /// # Errors
    /// When there is no such contact or method, or the store fails.
    pub async fn opt_in_method(
        &self,
        contact: ContactId,
        method: MethodId,
        by: Actor,
    ) -> Result<(), TrackerError> {
        self.change_contact(contact, |contact| {
            let method = contact.method_mut(method)?;
            if method.state != MethodState::OptedOut {
                return Some(Vec::new());
            }
            method.state = if method.verified_at.is_some() {
                MethodState::Active
            } else {
                MethodState::Unverified
            };
            let change = ContactChange::MethodOptedIn;
            Some(vec![LogEvent::changed(change, Some(method), by)])
        })
        .await
    }

    /// Writes down what letters an address is kept for; none means all.
    ///
    /// # Errors
    /// When there is no such contact or method, or the store fails.
    pub async fn set_purposes(
        &self,
        contact: ContactId,
        method: MethodId,
        purposes: &[TemplateCategory],
        by: Actor,
    ) -> Result<(), TrackerError> {
        self.change_contact(contact, |contact| {
            let method = contact.method_mut(method)?;
            if method.purposes == purposes {
                return Some(Vec::new());
            }
            method.purposes = purposes.to_vec();
            let change = ContactChange::PurposesChanged;
            Some(vec![LogEvent::changed(change, Some(method), by)])
        })
        .await
    }

    /// Writes down a decision about a channel and category, over an earlier one.
    ///
    /// # Errors
    /// When there is no such contact, or the store fails.
    pub async fn decide_consent(
        &self,
        contact: ContactId,
        consent: &Consent,
        by: Actor,
    ) -> Result<(), TrackerError> {
        self.change_contact(contact, |contact| {
            contact.wishes.decide(consent.clone());
            let channel = consent.channel.map(|channel| channel.as_str());
            let about: Vec<&str> = channel
                .into_iter()
                .chain(consent.category.as_deref())
                .collect();
            Some(vec![LogEvent::Changed {
                change: if consent.given {
                    ContactChange::ConsentGiven
                } else {
                    ContactChange::ConsentWithdrawn
                },
                method: None,
                kind: None,
                detail: about.join(" · "),
                by,
            }])
        })
        .await
    }
}
