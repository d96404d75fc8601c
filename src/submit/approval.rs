//! A second pair of eyes: whoever wrote something does not send it alone where the rules say so.
//!
//! What was asked about is what goes out: a digest over everything that is sent, and the people
//! as they were then. Nothing can be changed meanwhile; whoever takes it back loses the approval.

use super::audience::packed;
use super::decision::Decision;
use super::send::log;
use super::{FieldError, Sent, SubmitError, Submitter};
use crate::domain::communication::APPROVAL_NOTE_SIZE_MAX;
use crate::domain::{
    Approval, BlobId, Communication, CommunicationId, CommunicationState, ContactId, Sentence,
    Timestamp, UserId,
};
use crate::store::records::Record;
use crate::store::{Batch, RowBatch};

/// What somebody else must approve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApprovalRules {
    /// Everything in these categories.
    pub categories: Vec<String>,
    /// Everything to more people than this; 0 for no such rule.
    pub above_people: u64,
    /// Emergencies go out without it.
    pub emergency_bypass: bool,
}

/// Whether something may go out.
pub(super) enum Gate {
    /// It may.
    Open,
    /// Somebody has to approve it.
    Approval,
    /// Somebody would have to, but it is an emergency.
    Waived,
}

/// What somebody makes of what waits for approval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApprovalDecision {
    /// It goes out; otherwise it goes back to its author.
    pub approved: bool,
    /// They have looked at the warnings of the review.
    pub confirmed: bool,
    /// A word to the author; at most [`APPROVAL_NOTE_SIZE_MAX`] octets.
    pub note: String,
}

/// What deciding came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It went back to its author.
    Returned,
    /// It was approved and goes out.
    Approved(Sent),
}

impl Submitter {
    pub(super) fn gate(&self, communication: &Communication, people: usize) -> Gate {
        let settings = self.settings();
        let rules = &settings.approval;
        let many = rules.above_people > 0 && people as u64 > rules.above_people;
        if !many && !rules.categories.contains(&communication.category) {
            Gate::Open
        } else if communication.plan.emergency && rules.emergency_bypass {
            Gate::Waived
        } else {
            Gate::Approval
        }
    }

    /// Asks for approval of a draft as it was at `seen`, or as it is. It cannot be changed until
    /// somebody decides, or it is taken back. `confirmed` says that the author has looked at the
    /// warnings.
    ///
    /// # Errors
    /// When something is missing, there are warnings that nobody has confirmed, it is not a
    /// draft, it was changed since `seen`, or the store fails.
    pub async fn ask_approval(
        &self,
        id: CommunicationId,
        seen: Option<Timestamp>,
        by: UserId,
        confirmed: bool,
    ) -> Result<(), SubmitError> {
        self.decided(move |this| {
            let old = this.changeable(id, seen)?;
            let people = this.checked(&old, None)?;
            this.looked_at(&old, confirmed)?;
            let mut batch = Batch::new();
            let now = this.next_revision(&old);
            let new = asked(&mut batch, &old, &people, by, now);
            batch.replace(&old, &new);
            Ok(Decision { batch, outcome: () })
        })
        .await
    }

    /// Approves, and with it sends or schedules; or returns it to its author, with a note. What
    /// was looked at is what was there at `seen`, where that is said.
    ///
    /// # Errors
    /// When it does not wait for approval, it was taken back and asked for anew since `seen`,
    /// `by` wrote it or asked for it, its time has passed, the note is too long, it is approved
    /// with warnings that they have not confirmed, or the store fails.
    pub async fn decide_approval(
        &self,
        id: CommunicationId,
        seen: Option<Timestamp>,
        by: UserId,
        mut decision: ApprovalDecision,
    ) -> Result<Decided, SubmitError> {
        decision.note = decision.note.trim().to_owned();
        let approved = decision.approved;
        if decision.note.len() > APPROVAL_NOTE_SIZE_MAX {
            let problem = Sentence::with(
                "This is too long: at most {0} characters.",
                &[&APPROVAL_NOTE_SIZE_MAX],
            );
            let problem = FieldError::new("note", problem);
            return Err(SubmitError::Invalid(vec![problem]));
        }
        let decided = self
            .decided(move |this| this.decide(id, seen, by, &decision))
            .await?;
        tracing::info!(communication = %id, user = %by, approved, "approval decided");
        if let Decided::Approved(sent) = decided {
            log(id, sent);
        }
        Ok(decided)
    }

    fn decide(
        &self,
        id: CommunicationId,
        seen: Option<Timestamp>,
        by: UserId,
        decision: &ApprovalDecision,
    ) -> Result<Decision<Decided>, SubmitError> {
        let old = self.repo.communication(id)?.ok_or(SubmitError::NotFound)?;
        let Some(asked) = &old.approval else {
            return Err(SubmitError::NotYet);
        };
        match old.state {
            CommunicationState::AwaitingApproval => {}
            CommunicationState::Draft => return Err(SubmitError::NotYet),
            CommunicationState::Scheduled
            | CommunicationState::Expanding
            | CommunicationState::Sent => {
                return Ok(Decision::nothing(Decided::Approved(Sent::Before)));
            }
        }
        if seen.is_some_and(|seen| seen != old.modified_at) {
            return Err(SubmitError::Changed);
        }
        if asked.asked_by == by || old.origin.user() == Some(by) {
            return Err(SubmitError::OwnWork);
        }
        let now = self.next_revision(&old);
        let mut new = old.value.clone();
        new.approval = Some(Approval {
            decided_by: Some(by),
            decided_at: Some(now),
            approved: decision.approved,
            note: decision.note.clone(),
            ..asked.clone()
        });
        if decision.approved {
            if asked.digest != Some(digest(&old)) {
                return Err(SubmitError::Changed);
            }
            let people = self.checked(&old, Some(asked))?;
            self.looked_at(&old, decision.confirmed)?;
            let sent = self.on_its_way(&old, new, &people)?;
            return Ok(Decision {
                batch: sent.batch,
                outcome: Decided::Approved(sent.outcome),
            });
        }
        new.state = CommunicationState::Draft;
        new.modified_at = now;
        let mut batch = Batch::new();
        batch.replace(&old, &new);
        let outcome = Decided::Returned;
        Ok(Decision { batch, outcome })
    }

    /// Takes back what waits for approval or for its time: it is a draft again, and what was
    /// approved is not any more.
    ///
    /// # Errors
    /// When it has been sent, there is no such communication, or the store fails.
    pub async fn withdraw(&self, id: CommunicationId) -> Result<(), SubmitError> {
        self.decided(move |this| {
            let old = this.repo.communication(id)?.ok_or(SubmitError::NotFound)?;
            match old.state {
                CommunicationState::AwaitingApproval | CommunicationState::Scheduled => {}
                CommunicationState::Draft => return Ok(Decision::nothing(())),
                CommunicationState::Expanding | CommunicationState::Sent => {
                    return Err(SubmitError::AlreadySent);
                }
            }
            let mut batch = Batch::new();
            let new = Communication {
                state: CommunicationState::Draft,
                approval: None,
                modified_at: this.next_revision(&old),
                ..old.value.clone()
            };
            batch.replace(&old, &new);
            Ok(Decision { batch, outcome: () })
        })
        .await
    }
}

/// What waits for approval from `now` on, with its people in the batch; itself is still to be
/// written.
pub(super) fn asked(
    batch: &mut Batch,
    old: &Communication,
    people: &[ContactId],
    by: UserId,
    now: Timestamp,
) -> Communication {
    let approval = Approval {
        asked_by: by,
        asked_at: now,
        decided_by: None,
        decided_at: None,
        approved: false,
        note: String::new(),
        digest: Some(digest(old)),
        people: Some(batch.blob(packed(people))),
    };
    tracing::info!(communication = %old.id, user = %by, "approval asked for");
    Communication {
        state: CommunicationState::AwaitingApproval,
        approval: Some(approval),
        modified_at: now,
        ..old.clone()
    }
}

/// Over everything that is sent, and nothing that changes by itself.
pub(super) fn digest(of: &Communication) -> BlobId {
    let fixed = Communication {
        state: CommunicationState::Draft,
        approval: None,
        created_at: Timestamp::default(),
        modified_at: Timestamp::default(),
        campaign: None,
        ..of.clone()
    };
    BlobId::of(&fixed.to_bytes())
}
