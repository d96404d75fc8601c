//! Sending: the audience is fixed, the rounds are planned, all in one batch.

use super::review::resolve;
use super::{CONFLICTS_MAX, FieldError, SubmitError, Submitter, is_conflict};
use crate::domain::escalation::plan_rounds;
use crate::domain::job::AUDIENCE_CHUNK_MAX;
use crate::domain::{
    AudienceChunk, Communication, CommunicationId, CommunicationState, ContactId, Round, RoundJob,
    Sentence, Timestamp,
};
use crate::store::{Batch, Loaded, RowBatch};

/// Most people one communication may address.
pub const AUDIENCE_MAX: usize = 1_000_000;

/// What sending came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is on its way to this many people.
    Now {
        /// People addressed.
        people: u64,
    },
    /// It had been sent before (a second click); nothing was done.
    Before,
}

impl Submitter {
    /// Sends a draft. Once this resolves, it is durable and will go out, whatever happens to
    /// the daemon. Asking twice sends once.
    ///
    /// # Errors
    /// When something is missing, there is no such communication, or the store fails.
    pub async fn send(&self, id: CommunicationId) -> Result<Sent, SubmitError> {
        for _ in 0..CONFLICTS_MAX {
            let communication = self.repo.communication(id)?.ok_or(SubmitError::NotFound)?;
            if communication.state != CommunicationState::Draft {
                return Ok(Sent::Before);
            }
            let problems = self.draft(id)?.problems(&self.settings().categories);
            if !problems.is_empty() {
                return Err(SubmitError::Invalid(problems));
            }
            let people = resolve(&self.repo, &communication.audience)?;
            if people.is_empty() || people.len() > AUDIENCE_MAX {
                let problem: Sentence = if people.is_empty() {
                    "Nobody is in the areas you chose.".into()
                } else {
                    Sentence::with("These are more than {0} people.", &[&AUDIENCE_MAX])
                };
                return Err(SubmitError::Invalid(vec![FieldError::new(
                    "audience", problem,
                )]));
            }
            let batch = self.sending(&communication, &people, self.clock.wall());
            match self.repo.store().commit(batch).await {
                Ok(_) => {
                    let people = people.len() as u64;
                    tracing::info!(communication = %id, people, "communication sent to the queue");
                    return Ok(Sent::Now { people });
                }
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(SubmitError::AlreadySent)
    }

    fn sending(
        &self,
        communication: &Loaded<Communication>,
        people: &[ContactId],
        now: Timestamp,
    ) -> Batch {
        let mut batch = Batch::new();
        for (index, contacts) in (0_u32..).zip(people.chunks(AUDIENCE_CHUNK_MAX)) {
            batch.insert(&AudienceChunk {
                communication: communication.id,
                index,
                contacts: contacts.to_vec(),
            });
        }
        let rounds = plan_rounds(&communication.plan, &self.settings().reminders, now);
        let mut history = Vec::with_capacity(rounds.len());
        for planned in rounds {
            history.push(Round {
                number: planned.round,
                due: planned.due,
                done: None,
                by: None,
            });
            batch.insert(&RoundJob {
                communication: communication.id,
                round: planned.round,
                cursor: 0,
                due: planned.due,
                step: planned.step,
                express: communication.plan.emergency,
            });
        }
        let sent = Communication {
            state: CommunicationState::Expanding,
            people: people.len() as u64,
            modified_at: now,
            sent_at: Some(now),
            history,
            ..communication.value.clone()
        };
        batch.replace(communication, &sent);
        batch
    }
}
