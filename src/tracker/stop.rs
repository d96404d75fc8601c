//! Calling off what was sent: nothing more of it goes out.

use super::decide::still_open;
use super::reports::DueReports;
use super::{CONFLICTS_MAX, Notice, Tracker, TrackerError, is_conflict};
use crate::domain::{
    Body, Closed, ClosedReason, Communication, CommunicationId, CommunicationState, Person,
};
use crate::store::engine::Key;
use crate::store::{Batch, DeliveryBatch, Loaded, RowBatch};

/// People looked at in one batch.
const STEP_PEOPLE_MAX: usize = 100;
/// The same of what an application has handed in: each may have a report that returns it.
const STEP_SUBMITTED_PEOPLE_MAX: usize = 20;

/// A step of closing, ready to be committed but for the mails that the reports are.
#[derive(Default)]
struct Closing {
    batch: Batch,
    reports: DueReports,
    notices: Vec<Notice>,
}

impl Tracker {
    /// Stops a communication that was sent: its rounds end, and what has not gone out is closed.
    /// Doing it twice does it once; cut off, it goes on when it is asked for again.
    ///
    /// # Errors
    /// When there is no such communication, or the store fails.
    pub async fn call_off(&self, id: CommunicationId) -> Result<(), TrackerError> {
        self.commit_anew(|| Ok((self.end_rounds(id)?, ()))).await?;
        self.close_all(id).await?;
        tracing::info!(communication = %id, "called off");
        Ok(())
    }

    /// Ends what the round under this key is of, if what it says is over and nobody asked for the
    /// round all the same. Cut off, it goes on when the round is come to again.
    pub(super) async fn end_if_over(&self, key: &[u8]) -> Result<bool, TrackerError> {
        let Some(job) = self.repo.round_at(key)? else {
            return Ok(false);
        };
        let of = self.repo.communication(job.communication)?;
        let of = of.ok_or(TrackerError::NotFound("communication"))?;
        if !of.ends_round(job.round, self.clock.wall()) {
            return Ok(false);
        }
        self.close_all(of.id).await?;
        self.commit_anew(|| Ok((self.end_rounds(of.id)?, ())))
            .await?;
        tracing::info!(communication = %of.id, "over by its own time");
        Ok(true)
    }

    /// Closes what has not gone out.
    async fn close_all(&self, id: CommunicationId) -> Result<(), TrackerError> {
        let about = self.repo.communication(id)?;
        let about = about.ok_or(TrackerError::NotFound("communication"))?;
        let mut after: Option<Key> = None;
        loop {
            after = self.close_step(&about, after).await?;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Closes what has not gone out to some people, and says where the next ones begin. When
    /// somebody else changed their rows meanwhile, it is decided anew.
    async fn close_step(
        &self,
        about: &Communication,
        after: Option<Key>,
    ) -> Result<Option<Key>, TrackerError> {
        let people_max = match about.body {
            Body::Composed => STEP_PEOPLE_MAX,
            Body::Submitted(_) => STEP_SUBMITTED_PEOPLE_MAX,
        };
        for _ in 0..CONFLICTS_MAX {
            let page = self.repo.people(about.id, after.clone(), people_max)?;
            let mut closing = Closing::default();
            for person in &page.rows {
                self.close_open(&mut closing, about, person)?;
            }
            let Closing {
                mut batch,
                reports,
                notices,
            } = closing;
            self.put_reports(&mut batch, about, reports).await;
            if batch.is_empty() {
                return Ok(page.next);
            }
            match self.repo.store().commit(batch).await {
                Ok(_) => {
                    self.tell(notices);
                    return Ok(page.next);
                }
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(TrackerError::Contention)
    }

    /// No round makes anything more. Those of whom the initial sending has not come are not
    /// among its people.
    fn end_rounds(&self, id: CommunicationId) -> Result<Batch, TrackerError> {
        let old = self.repo.communication(id)?;
        let old = old.ok_or(TrackerError::NotFound("communication"))?;
        let rounds = self.repo.rounds(id)?;
        let mut batch = Batch::new();
        if rounds.is_empty() {
            return Ok(batch);
        }
        let mut new = old.value.clone();
        for round in &rounds {
            batch.remove(round);
            if round.round == 1 {
                new.people = round.cursor.into();
                new.state = CommunicationState::Sent;
                new.rounds = new.rounds.max(1);
                new.round_done(1, round.due, self.clock.wall());
            }
        }
        // What was planned will not be.
        new.history.retain(|round| round.done.is_some());
        batch.replace(&old, &new);
        Ok(batch)
    }

    fn close_open(
        &self,
        closing: &mut Closing,
        about: &Communication,
        person: &Loaded<Person>,
    ) -> Result<(), TrackerError> {
        let Closing {
            batch,
            reports,
            notices,
        } = closing;
        let now = self.clock.wall();
        let open = still_open(person, None);
        if open.is_empty() {
            return Ok(());
        }
        let mut new = person.value.clone();
        // Those made together share a row: each is closed on top of the one before.
        for id in open {
            let Some(delivery) = self.repo.delivery(id)? else {
                continue;
            };
            let mut closed = delivery.value.clone();
            closed.closed = Some(Closed {
                at: now,
                reason: ClosedReason::CalledOff,
            });
            closed.due = None;
            self.report_to_sender(batch, reports, (&delivery.value, &mut closed), now)?;
            batch.replace_delivery(&delivery, &closed);
            self.tell_of_delivery(batch, about, (&delivery.value, &closed), now)?;
            for known in &mut new.deliveries {
                known.closed |= known.delivery == id;
            }
            notices.push(Notice::DeliveryClosed(id));
        }
        new.state = new.derive_state(&self.category(&about.category));
        batch.replace(person, &new);
        notices.push(Notice::PersonChanged {
            communication: person.communication,
            contact: person.contact,
        });
        Ok(())
    }
}
