//! A communication that belongs to an earlier one: a correction, what has happened since, or
//! the same composed again for those whom it failed.

use super::audience::packed;
use super::decision::Decision;
use super::draft::title;
use super::{FieldError, SubmitError, Submitter};
use crate::domain::communication::SUBJECT_MAX;
use crate::domain::{
    Audience, Body, Communication, CommunicationId, CommunicationState, ContactId, Origin,
    PersonState, Related, Relation, SendingPlan, UserId,
};
use crate::store::records::Record;
use crate::store::{Batch, RowBatch};

/// People read at a time.
const PAGE: usize = 1000;

/// Which of the earlier one's people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// All of them.
    All,
    /// Those whom it has reached.
    Reached,
    /// Those whom it has not reached and will not.
    NotReached,
}

/// What is to be begun.
#[derive(Clone, Debug)]
pub struct FollowUp {
    /// How it belongs to the earlier one.
    pub relation: Relation,
    /// To whom.
    pub whom: Whom,
    /// What is put before the subject, in the author's language: "Correction: "; may be empty.
    pub prefix: String,
}

impl Submitter {
    /// Begins a draft that belongs to a communication that was sent. The people are those of
    /// the earlier one, as they are now.
    ///
    /// # Errors
    /// When it was not sent, nobody is left to write to, or the store fails.
    pub async fn follow(
        &self,
        to: CommunicationId,
        wanted: FollowUp,
        by: UserId,
    ) -> Result<CommunicationId, SubmitError> {
        let id = CommunicationId::new(self.random.uuid_v7(self.clock.wall()));
        self.decided(move |this| this.begin_follow(id, to, &wanted, by))
            .await
    }

    fn begin_follow(
        &self,
        id: CommunicationId,
        to: CommunicationId,
        wanted: &FollowUp,
        by: UserId,
    ) -> Result<Decision<CommunicationId>, SubmitError> {
        let of = self.repo.communication(to)?.ok_or(SubmitError::NotFound)?;
        if !of.is_sent() {
            return Err(SubmitError::NotYet);
        }
        let people = self.people_of(&of, wanted.whom)?;
        if people.is_empty() {
            let problem = FieldError::new("audience", "Nobody is left to write to.");
            return Err(SubmitError::Invalid(vec![problem]));
        }
        let mut content = self.repo.content(of.content)?;
        if !content.subject.is_empty() && !content.subject.starts_with(&wanted.prefix) {
            let subject = format!("{}{}", wanted.prefix, content.subject);
            content.subject = subject.chars().take(SUBJECT_MAX).collect();
        }
        let now = self.clock.wall();
        let mut batch = Batch::new();
        let campaign = match of.campaign {
            Some(campaign) => self.repo.campaign(campaign)?.map(|known| known.id),
            None => None,
        };
        let audience = audience_of(&mut batch, &of, people);
        let title = title(&content);
        let content = batch.blob(content.to_bytes());
        let new = Communication {
            id,
            origin: Origin::Console(by),
            title,
            content,
            body: Body::Composed,
            audience,
            state: CommunicationState::Draft,
            people: 0,
            rounds: 0,
            created_at: now,
            modified_at: now,
            sent_at: None,
            campaign,
            related: Some(Related {
                to,
                relation: wanted.relation,
            }),
            plan: SendingPlan {
                scheduled_at: None,
                until: None,
                ..of.plan.clone()
            },
            approval: None,
            history: Vec::new(),
            template: None,
            about: None,
            ..of.value.clone()
        };
        batch.insert(&new);
        self.enter_draft(&mut batch, &new)?;
        self.touch_campaign(&mut batch, campaign, now)?;
        Ok(Decision { batch, outcome: id })
    }

    fn people_of(&self, of: &Communication, whom: Whom) -> Result<Vec<ContactId>, SubmitError> {
        let state = match whom {
            Whom::All => return self.addressed(of.id),
            Whom::Reached => PersonState::Contacted,
            Whom::NotReached => PersonState::NotContacted,
        };
        let mut people = Vec::new();
        let mut after = None;
        loop {
            let page = self.repo.people(of.id, after, PAGE)?;
            let found = page.rows.iter().filter(|person| person.state == state);
            people.extend(found.map(|person| person.contact));
            after = page.next;
            if after.is_none() {
                people.sort_unstable();
                return Ok(people);
            }
        }
    }

    /// Everybody it was addressed to. Mail that an application handed in has no audience, only
    /// people.
    fn addressed(&self, of: CommunicationId) -> Result<Vec<ContactId>, SubmitError> {
        let mut people = Vec::new();
        for index in 0.. {
            let Some(chunk) = self.repo.audience_chunk(of, index)? else {
                break;
            };
            people.extend(&chunk.contacts);
        }
        let mut after = None;
        while people.is_empty() || after.is_some() {
            let page = self.repo.people(of, after, PAGE)?;
            people.extend(page.rows.iter().map(|person| person.contact));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        people.sort_unstable();
        people.dedup();
        Ok(people)
    }
}

/// The same people again: by name for a letter, as a list for what went to many.
fn audience_of(batch: &mut Batch, of: &Communication, people: Vec<ContactId>) -> Audience {
    if of.matter.is_some() {
        return Audience {
            contacts: people,
            ..Audience::default()
        };
    }
    Audience {
        list: Some(batch.blob(packed(&people))),
        list_people: u32::try_from(people.len()).unwrap_or(u32::MAX),
        ..Audience::default()
    }
}
