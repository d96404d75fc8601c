//! Sending: the audience is fixed, the rounds are planned, all in one batch.

use super::approval::Gate;
use super::audience::{Lost, all_lost, resolve, unpacked};
use super::decision::Decision;
use super::{FieldError, SubmitError, Submitter};
use crate::domain::escalation::plan_rounds;
use crate::domain::job::AUDIENCE_CHUNK_MAX;
use crate::domain::{
    Approval, AudienceChunk, Communication, CommunicationId, CommunicationState, ContactId, Round,
    RoundJob, SendingPlan, Sentence, Timestamp, UserId,
};
use crate::store::{Batch, Loaded, RepoError, RowBatch};
use crate::tracker::tell_sent;

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
    /// It goes out by itself at its time.
    Later {
        /// When.
        at: Timestamp,
    },
    /// It had been sent before (a second click); nothing was done.
    Before,
}

impl Submitter {
    /// Sends a draft, or schedules it when it has a time. Once this resolves, it is durable and
    /// will go out, whatever happens to the daemon. Asking twice sends once.
    ///
    /// # Errors
    /// When something is missing, somebody has to approve it first, there is no such
    /// communication, or the store fails.
    pub async fn send(&self, id: CommunicationId) -> Result<Sent, SubmitError> {
        self.send_seen(id, None).await
    }

    /// Sends a draft as [`Submitter::send`] does, if nobody has changed it since `seen`.
    ///
    /// # Errors
    /// As [`Submitter::send`], and [`SubmitError::Changed`].
    pub async fn send_seen(
        &self,
        id: CommunicationId,
        seen: Option<Timestamp>,
    ) -> Result<Sent, SubmitError> {
        self.send_confirmed(id, seen, true).await
    }

    /// Sends a draft as [`Submitter::send_seen`] does, if there is nothing in it to be looked at,
    /// or somebody has looked and confirmed.
    ///
    /// # Errors
    /// As [`Submitter::send_seen`], and [`SubmitError::Unconfirmed`].
    pub async fn send_confirmed(
        &self,
        id: CommunicationId,
        seen: Option<Timestamp>,
        confirmed: bool,
    ) -> Result<Sent, SubmitError> {
        let sent = self
            .decided(move |this| this.decide_send(id, seen, confirmed))
            .await?;
        log(id, sent);
        Ok(sent)
    }

    fn decide_send(
        &self,
        id: CommunicationId,
        seen: Option<Timestamp>,
        confirmed: bool,
    ) -> Result<Decision<Sent>, SubmitError> {
        let communication = self.repo.communication(id)?.ok_or(SubmitError::NotFound)?;
        if communication.state != CommunicationState::Draft {
            return Ok(Decision::nothing(Sent::Before));
        }
        if seen.is_some_and(|seen| seen != communication.modified_at) {
            return Err(SubmitError::Changed);
        }
        let people = self.checked(&communication, None)?;
        self.looked_at(&communication, confirmed)?;
        let mut new = communication.value.clone();
        match self.gate(&new, people.len()) {
            Gate::Open => new.approval = None,
            Gate::Approval => return Err(SubmitError::NeedsApproval),
            Gate::Waived => new.approval = Some(self.waiver(&new)),
        }
        self.on_its_way(&communication, new, &people)
    }

    /// What is written down when an emergency goes out without approval.
    pub(super) fn waiver(&self, of: &Communication) -> Approval {
        let now = self.clock.wall();
        let by = of.origin.user();
        tracing::warn!(communication = %of.id, "an emergency goes out without the approval that its category or size asks for");
        Approval {
            asked_by: by.unwrap_or(UserId::from_bytes([0; 16])),
            asked_at: now,
            decided_by: None,
            decided_at: Some(now),
            approved: false,
            note: String::new(),
            digest: None,
            people: None,
        }
    }

    /// The people, when nothing keeps it from being sent. What has come to its time is not asked
    /// for the time any more.
    pub(super) fn checked(
        &self,
        communication: &Communication,
        approved: Option<&Approval>,
    ) -> Result<Vec<ContactId>, SubmitError> {
        let mut draft = self.input_of(communication)?;
        if communication.state == CommunicationState::Scheduled {
            draft.plan.scheduled_at = None;
        }
        let is_settled = matches!(
            communication.state,
            CommunicationState::Scheduled | CommunicationState::AwaitingApproval
        );
        if is_settled {
            // That nothing may be counted any more is no reason not to send it.
            draft.plan.tracking = draft.plan.tracked(self.tracking());
        }
        let mut problems = self.problems_of(communication, &draft)?;
        if is_settled {
            // Nor is a picture that will not be seen, once somebody has let it go.
            problems.retain(|problem| problem.field != "html");
        }
        if !problems.is_empty() {
            return Err(SubmitError::Invalid(problems));
        }
        let people = match approved.and_then(|approval| approval.people) {
            Some(list) => {
                let bytes = self.repo.store().get_blob(list)?;
                unpacked(&bytes.ok_or(RepoError::Missing("a recipient list"))?)
            }
            None => {
                let lost = all_lost(&self.repo, &communication.audience)?;
                if !lost.is_empty() {
                    // What goes out by itself still goes to those who are left, but to nobody
                    // who was left out.
                    if communication.state != CommunicationState::Scheduled
                        || lost.iter().any(Lost::is_left_out)
                    {
                        return Err(SubmitError::Invalid(vec![FieldError::lost()]));
                    }
                    tracing::warn!(communication = %communication.id, "a part of the audience was deleted since it was scheduled");
                }
                resolve(&self.repo, &communication.audience)?.ids
            }
        };
        somebody(people)
    }

    /// Schedules or sends.
    pub(super) fn on_its_way(
        &self,
        old: &Loaded<Communication>,
        mut new: Communication,
        people: &[ContactId],
    ) -> Result<Decision<Sent>, SubmitError> {
        let now = self.clock.wall();
        new.modified_at = self.next_revision(old);
        if let Some(at) = new.plan.scheduled_at.filter(|at| *at > now) {
            new.state = CommunicationState::Scheduled;
            let mut batch = Batch::new();
            batch.replace(old, &new);
            self.touch_campaign(&mut batch, new.campaign, now)?;
            let outcome = Sent::Later { at };
            return Ok(Decision { batch, outcome });
        }
        let mut batch = self.sending(old, new, people, now)?;
        self.touch_campaign(&mut batch, old.campaign, now)?;
        let people = people.len() as u64;
        let outcome = Sent::Now { people };
        Ok(Decision { batch, outcome })
    }

    fn sending(
        &self,
        old: &Loaded<Communication>,
        new: Communication,
        people: &[ContactId],
        now: Timestamp,
    ) -> Result<Batch, SubmitError> {
        let mut batch = Batch::new();
        let sent = self.under_way(&mut batch, new, people, now)?;
        batch.replace(old, &sent);
        Ok(batch)
    }

    /// What is sent, with its people, its rounds and its news in the batch; itself is still to be
    /// written.
    pub(super) fn under_way(
        &self,
        batch: &mut Batch,
        new: Communication,
        people: &[ContactId],
        now: Timestamp,
    ) -> Result<Communication, SubmitError> {
        for (index, contacts) in (0_u32..).zip(people.chunks(AUDIENCE_CHUNK_MAX)) {
            batch.insert(&AudienceChunk {
                communication: new.id,
                index,
                contacts: contacts.to_vec(),
            });
        }
        // Nobody is reminded of a letter by itself: what failed is composed again by hand.
        let mut rounds = plan_rounds(&new.plan, &self.settings().reminders, now);
        if new.matter.is_some() {
            rounds.truncate(1);
        }
        let mut history = Vec::with_capacity(rounds.len());
        for planned in rounds {
            history.push(Round {
                number: planned.round,
                due: planned.due,
                done: None,
                by: None,
            });
            batch.insert(&RoundJob {
                communication: new.id,
                round: planned.round,
                cursor: 0,
                entered: 0,
                due: planned.due,
                step: planned.step,
                express: new.plan.emergency,
            });
        }
        // What is not allowed by now is not counted, and nobody says later that it was.
        let plan = SendingPlan {
            tracking: new.plan.tracked(self.tracking()),
            ..new.plan
        };
        let sent = Communication {
            state: CommunicationState::Expanding,
            people: people.len() as u64,
            sent_at: Some(now),
            plan,
            history,
            ..new
        };
        tell_sent(batch, &self.repo, &self.random, now, &sent)?;
        Ok(sent)
    }
}

/// The people, if there are any and not too many.
pub(super) fn somebody(people: Vec<ContactId>) -> Result<Vec<ContactId>, SubmitError> {
    let problem: Sentence = if people.is_empty() {
        "Nobody is left of those you chose.".into()
    } else if people.len() > AUDIENCE_MAX {
        Sentence::with("These are more than {0} people.", &[&AUDIENCE_MAX])
    } else {
        return Ok(people);
    };
    let problem = FieldError::new("audience", problem);
    Err(SubmitError::Invalid(vec![problem]))
}

pub(super) fn log(id: CommunicationId, sent: Sent) {
    match sent {
        Sent::Now { people } => {
            tracing::info!(communication = %id, people, "communication sent to the queue");
        }
        Sent::Later { at } => {
            tracing::info!(communication = %id, at_secs = at.as_secs(), "communication scheduled");
        }
        Sent::Before => {}
    }
}
