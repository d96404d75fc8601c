//! Recontact: those not reached are tried once more, at once, because somebody asks for it.

use super::decision::off_thread;
use super::texts::TextCost;
use super::{CONFLICTS_MAX, ChannelCount, SubmitError, Submitter, is_conflict};
use crate::domain::communication::ROUNDS_MAX;
use crate::domain::{
    Channel, Communication, CommunicationId, CommunicationState, PersonState, Round, RoundJob,
    Timestamp, UserId,
};
use crate::store::{Batch, RowBatch, Seek};
use crate::tracker::wanted;

/// Most people looked at one by one for the numbers of the confirmation; beyond it they are
/// the least there will be.
pub const RECONTACT_COUNTED_MAX: usize = 20_000;
/// People read at a time.
const PAGE: usize = 500;

/// Why those not reached cannot be tried again now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecontactRefusal {
    /// It has not been sent.
    Draft,
    /// The product sent it by itself to one person.
    Prompt,
    /// It has no audience to go over: an application handed it in, or it answers one person.
    NoAudience,
    /// A round of it is being worked off.
    UnderWay,
    /// Reminders go out by themselves before.
    Reminders {
        /// When the next one is due.
        next: Timestamp,
        /// How many are to come.
        left: usize,
    },
    /// Everybody has been reached, or nobody else has a method that works.
    Nobody,
    /// Messages to all who are left are still on their way.
    OnTheWay,
    /// It has had [`ROUNDS_MAX`] rounds.
    RoundsUsedUp,
}

/// What a recontact would come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecontactPlan {
    /// The number of its round: give it back to start this one and no other.
    pub round: u8,
    /// People not reached.
    pub unreached: u64,
    /// Those of them who are tried again.
    pub people: u64,
    /// Those to whom something is still on its way.
    pub on_the_way: u64,
    /// Those who have no method that works.
    pub no_way: u64,
    /// By each channel.
    pub channels: Vec<ChannelCount>,
    /// False when there are too many to look at each: then the numbers are the least.
    pub complete: bool,
}

/// What asking for a recontact came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recontacted {
    /// It goes out.
    Now,
    /// It had been asked for before (a second click); nothing was done.
    Before,
}

impl Submitter {
    /// Whether a communication can be recontacted as far as a look at its own numbers tells;
    /// the number of the round it would be.
    ///
    /// # Errors
    /// When the store fails, or [`SubmitError::Recontact`] with what is in the way.
    pub fn may_recontact(&self, communication: &Communication) -> Result<u8, SubmitError> {
        let refuse = |refusal| Err(SubmitError::Recontact(refusal));
        if communication.origin.is_by_itself() {
            return refuse(RecontactRefusal::Prompt);
        }
        match communication.state {
            CommunicationState::Draft
            | CommunicationState::AwaitingApproval
            | CommunicationState::Scheduled => return refuse(RecontactRefusal::Draft),
            CommunicationState::Expanding => return refuse(RecontactRefusal::UnderWay),
            CommunicationState::Sent => {}
        }
        if self.repo.audience_chunk(communication.id, 0)?.is_none() {
            return refuse(RecontactRefusal::NoAudience);
        }
        let to_come = self.repo.rounds(communication.id)?;
        if let Some(next) = to_come.iter().map(|job| job.due).min() {
            let under_way = next <= self.clock.wall();
            let left = to_come.len();
            return refuse(if under_way {
                RecontactRefusal::UnderWay
            } else {
                RecontactRefusal::Reminders { next, left }
            });
        }
        if communication.rounds >= ROUNDS_MAX {
            return refuse(RecontactRefusal::RoundsUsedUp);
        }
        if self.repo.statistics(communication)?.contacted >= communication.people {
            return refuse(RecontactRefusal::Nobody);
        }
        Ok(communication.rounds + 1)
    }

    /// What a recontact would come to now. Reads up to [`RECONTACT_COUNTED_MAX`] people: not
    /// for a thread that answers requests.
    ///
    /// # Errors
    /// When there is no such communication, the store fails, or [`SubmitError::Recontact`]
    /// with what is in the way.
    pub fn recontact_plan(&self, id: CommunicationId) -> Result<RecontactPlan, SubmitError> {
        let communication = self.repo.communication(id)?.ok_or(SubmitError::NotFound)?;
        let round = self.may_recontact(&communication)?;
        let statistics = self.repo.statistics(&communication)?;
        let channels = communication.channels.iter();
        let mut plan = RecontactPlan {
            round,
            unreached: statistics.people.saturating_sub(statistics.contacted),
            people: 0,
            on_the_way: 0,
            no_way: 0,
            channels: channels.map(ChannelCount::none).collect(),
            complete: true,
        };
        let text = self.repo.content(communication.content)?.sms_text;
        let mut cost = self.text_cost(&communication.category, &text);
        let mut counted = 0;
        for state in [PersonState::NotContacted, PersonState::InProgress] {
            let mut seek = Seek::Start;
            while plan.complete {
                let page = self.repo.people_by_name(id, Some(state), &seek, PAGE)?;
                let Some(last) = page.last() else { break };
                seek = Seek::After(last.place.clone());
                counted += page.len();
                for listed in &page {
                    self.count(&mut plan, &mut cost, &communication, &listed.person)?;
                }
                plan.complete = counted < RECONTACT_COUNTED_MAX;
            }
        }
        match (plan.people, plan.on_the_way) {
            (0, 0) => Err(SubmitError::Recontact(RecontactRefusal::Nobody)),
            (0, _) => Err(SubmitError::Recontact(RecontactRefusal::OnTheWay)),
            (1.., _) => Ok(plan),
        }
    }

    fn count(
        &self,
        plan: &mut RecontactPlan,
        cost: &mut TextCost,
        communication: &Communication,
        person: &crate::domain::Person,
    ) -> Result<(), SubmitError> {
        let Some(contact) = self.repo.contact(person.contact)? else {
            plan.no_way += 1;
            return Ok(());
        };
        let job = job(communication, plan.round, self.clock.wall());
        let category = self.tracker.category(&communication.category);
        let wanted = wanted(&job, communication, &category, &contact, Some(person));
        if wanted.is_empty() {
            match person.state {
                PersonState::InProgress => plan.on_the_way += 1,
                PersonState::NotContacted | PersonState::Contacted => plan.no_way += 1,
            }
            return Ok(());
        }
        plan.people += 1;
        for count in &mut plan.channels {
            let by = wanted.iter().filter(|one| one.channel == count.channel);
            let by = by.count() as u64;
            count.people += by.min(1);
            count.deliveries += by;
            if count.channel == Channel::Text {
                let texts = wanted.iter().filter(|one| one.channel == Channel::Text);
                count.segments += texts
                    .map(|one| cost.add(&contact.language, one.method))
                    .sum::<u64>();
            }
        }
        Ok(())
    }

    fn has_round(&self, id: CommunicationId, round: u8) -> Result<bool, SubmitError> {
        let communication = self.repo.communication(id)?.ok_or(SubmitError::NotFound)?;
        Ok(begun(&communication, round))
    }

    /// Tries those not reached once more, from now on. `round` is the one that was planned:
    /// asking twice for the same starts it once. Once this resolves it is durable.
    ///
    /// # Errors
    /// When there is no such communication, the store fails, or [`SubmitError::Recontact`]
    /// with what is in the way.
    pub async fn recontact(
        &self,
        id: CommunicationId,
        round: u8,
        by: UserId,
    ) -> Result<Recontacted, SubmitError> {
        for _ in 0..CONFLICTS_MAX {
            let communication = self.repo.communication(id)?.ok_or(SubmitError::NotFound)?;
            if begun(&communication, round) {
                return Ok(Recontacted::Before);
            }
            // Somebody must be there to be tried: not a round for nobody.
            let this = self.clone();
            let plan = match off_thread(move || this.recontact_plan(id)).await {
                // Whoever pressed the same button a moment earlier is what is in the way.
                Err(SubmitError::Recontact(_)) if self.has_round(id, round)? => {
                    return Ok(Recontacted::Before);
                }
                planned => planned?,
            };
            if plan.round != round {
                return Ok(Recontacted::Before);
            }
            let now = self.clock.wall();
            let mut changed = communication.value.clone();
            changed.modified_at = now;
            changed.history.push(Round {
                number: round,
                due: now,
                done: None,
                by: Some(by),
            });
            let mut batch = Batch::new();
            batch.replace(&communication, &changed);
            batch.insert(&job(&communication, round, now));
            match self.repo.store().commit(batch).await {
                Ok(_) => {
                    tracing::info!(communication = %id, user = %by, round, "recontact queued");
                    return Ok(Recontacted::Now);
                }
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(SubmitError::AlreadySent)
    }
}

fn begun(communication: &Communication, round: u8) -> bool {
    communication.round(round).is_some() || communication.rounds >= round
}

/// The round of a recontact: by all channels at once.
const fn job(communication: &Communication, round: u8, due: Timestamp) -> RoundJob {
    RoundJob {
        communication: communication.id,
        round,
        cursor: 0,
        entered: 0,
        due,
        step: None,
        express: communication.plan.emergency,
    }
}
