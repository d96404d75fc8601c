//! Confirmations by link or reply: a person says "I have read this".

use super::decide::still_open;
use super::news::{may_be_told, tell_programs};
use super::reports::DueReports;
use super::write::write_log;
use super::{CONFLICTS_MAX, Notice, Tracker, TrackerError, is_conflict};
use crate::domain::escalation::is_confirmed;
use crate::domain::{
    Closed, ClosedReason, Communication, CommunicationId, ConfirmedBy, ContactId, EventKind,
    LogEvent, News, Person, Timestamp,
};
use crate::store::{Batch, DeliveryBatch, Loaded, RowBatch};

/// What a confirmation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// Written down; what was still queued for this person is closed.
    Recorded,
    /// It had been confirmed before.
    Before,
}

impl Tracker {
    /// Writes down that a person confirmed a communication. What is still to go out to that
    /// person is not needed any more.
    ///
    /// # Errors
    /// When this person is not among those addressed, or the store fails; then nothing was
    /// written.
    pub async fn confirm(
        &self,
        communication: CommunicationId,
        contact: ContactId,
        by: ConfirmedBy,
    ) -> Result<Confirmation, TrackerError> {
        for _ in 0..CONFLICTS_MAX {
            let person = self
                .repo
                .person(communication, contact)?
                .ok_or(TrackerError::NotFound("person"))?;
            if is_confirmed(&person) {
                return Ok(Confirmation::Before);
            }
            let about = self.repo.communication(communication)?;
            let about = about.ok_or(TrackerError::NotFound("communication"))?;
            let now = self.clock.wall();
            let (mut batch, reports, notices) = self.confirming(&about, &person, by, now)?;
            self.put_reports(&mut batch, &about, reports).await;
            match self.repo.store().commit(batch).await {
                Ok(_) => {
                    tracing::info!(communication = %communication, contact = %contact, by = by.as_str(), "confirmed by the person");
                    self.tell(notices);
                    return Ok(Confirmation::Recorded);
                }
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(TrackerError::Contention)
    }

    fn confirming(
        &self,
        communication: &Communication,
        person: &Loaded<Person>,
        by: ConfirmedBy,
        now: Timestamp,
    ) -> Result<(Batch, DueReports, Vec<Notice>), TrackerError> {
        let mut batch = Batch::new();
        let mut reports = DueReports::default();
        let mut notices = vec![Notice::PersonChanged {
            communication: person.communication,
            contact: person.contact,
        }];
        let mut confirmed = person.value.clone();
        confirmed.confirmed = Some(now);
        confirmed.confirmed_by = Some(by);
        for id in still_open(person, None) {
            let Some(delivery) = self.repo.delivery(id)? else {
                continue;
            };
            let mut closed = delivery.value.clone();
            closed.closed = Some(Closed {
                at: now,
                reason: ClosedReason::ReachedOtherwise,
            });
            closed.due = None;
            let both = (&delivery.value, &mut closed);
            self.report_to_sender(&mut batch, &mut reports, both, now)?;
            batch.replace_delivery(&delivery, &closed);
            let both = (&delivery.value, &closed);
            self.tell_of_delivery(&mut batch, communication, both, now)?;
            for known in &mut confirmed.deliveries {
                known.closed |= known.delivery == id;
            }
            notices.push(Notice::DeliveryClosed(id));
        }
        if may_be_told(&self.repo, communication)? {
            let news = News {
                communication: Some(person.communication),
                contact: Some(person.contact),
                confirmed_by: Some(by),
                ..News::of(EventKind::ConfirmationReceived)
            };
            tell_programs(&mut batch, &self.repo, &self.random, now, &news)?;
        }
        confirmed.state = confirmed.derive_state(&self.category(&communication.category));
        batch.replace(person, &confirmed);
        let said = LogEvent::Confirmed {
            communication: person.communication,
            by: Some(by),
        };
        write_log(
            &mut batch,
            person.contact,
            now,
            vec![said],
            self.random.next_u64(),
        );
        Ok((batch, reports, notices))
    }
}
