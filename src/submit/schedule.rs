//! What was scheduled and has come to its time.

use super::approval::{Gate, digest};
use super::decision::Decision;
use super::send::log;
use super::{Sent, SubmitError, Submitter};
use crate::domain::{AuditActor, Communication, CommunicationId, CommunicationState};
use crate::store::acting::{self, Acting};
use crate::store::{Batch, Loaded, RowBatch};

/// What came of something scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTime {
    /// It is on its way to this many people.
    Sent {
        /// People addressed.
        people: u64,
    },
    /// It is a draft again: the daemon was down at its time, and it has become too late.
    TooLate,
    /// It is a draft again: something keeps it from being sent now.
    Refused,
    /// Nothing to do: taken back, sent before, or not due.
    Nothing,
}

impl Submitter {
    /// Sends what has come to its time, once; what is too late becomes a draft again.
    ///
    /// # Errors
    /// When the store fails; then nothing was done.
    pub async fn send_scheduled(&self, id: CommunicationId) -> Result<OnTime, SubmitError> {
        let act = "communication.send_scheduled";
        let acting = Acting::new(self.clock.wall(), AuditActor::Gateway, act, None);
        let deciding = self.decided(move |this| this.decide_scheduled(id));
        let outcome = acting::scope(acting, deciding).await?;
        match outcome {
            OnTime::Sent { people } => log(id, Sent::Now { people }),
            OnTime::TooLate => {
                tracing::warn!(communication = %id, "scheduled communication is too late and was not sent; it is a draft again");
            }
            OnTime::Refused => {
                tracing::warn!(communication = %id, "scheduled communication cannot be sent as it is; it is a draft again");
            }
            OnTime::Nothing => {}
        }
        Ok(outcome)
    }

    fn decide_scheduled(&self, id: CommunicationId) -> Result<Decision<OnTime>, SubmitError> {
        let Some(old) = self.repo.communication(id)? else {
            return Ok(Decision::nothing(OnTime::Nothing));
        };
        let now = self.clock.wall();
        let due = old.plan.scheduled_at.filter(|at| *at <= now);
        let Some(due) = due.filter(|_| old.state == CommunicationState::Scheduled) else {
            return Ok(Decision::nothing(OnTime::Nothing));
        };
        if now.since(due) > self.settings().late_max {
            return Ok(self.draft_again(&old, OnTime::TooLate));
        }
        let approval = old.approval.clone();
        let approved = approval
            .as_ref()
            .filter(|approval| approval.approved && approval.digest == Some(digest(&old)));
        let people = match self.checked(&old, approved) {
            Ok(people) => people,
            Err(SubmitError::Invalid(_)) => return Ok(self.draft_again(&old, OnTime::Refused)),
            Err(error) => return Err(error),
        };
        let mut new = old.value.clone();
        if approved.is_none() {
            // People may have come into an area since, and the rules may have changed.
            match self.gate(&new, people.len()) {
                Gate::Open => {}
                Gate::Waived => new.approval = Some(self.waiver(&new)),
                Gate::Approval => return Ok(self.draft_again(&old, OnTime::Refused)),
            }
        }
        let Decision { batch, outcome } = self.on_its_way(&old, new, &people)?;
        let outcome = match outcome {
            Sent::Now { people } => OnTime::Sent { people },
            Sent::Later { .. } | Sent::Before => OnTime::Nothing,
        };
        Ok(Decision { batch, outcome })
    }

    /// Its time stays with it: a draft whose time has passed shows that it was not sent.
    fn draft_again(&self, old: &Loaded<Communication>, outcome: OnTime) -> Decision<OnTime> {
        let mut batch = Batch::new();
        let new = Communication {
            state: CommunicationState::Draft,
            approval: None,
            modified_at: self.next_revision(old),
            ..old.value.clone()
        };
        batch.replace(old, &new);
        Decision { batch, outcome }
    }
}
