//! Drafts: what somebody is still writing.

use std::time::Duration;

use super::decision::Decision;
use super::{FieldError, SubmitError, Submitter};
use crate::domain::communication::NO_SUBJECT;
use crate::domain::{
    Audience, Body, CampaignId, Channels, Communication, CommunicationId, CommunicationState,
    Content, Entry, Matter, Origin, Related, SendingPlan, TemplateId, Timestamp, UserId,
};
use crate::store::records::Record;
use crate::store::{Batch, Loaded, LooseBatch, RowBatch};

/// Longest title in lists, in characters.
const TITLE_MAX: usize = 80;

/// What the author has written so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftInput {
    /// What is said. Files are added and removed by [`Submitter::attach`] and
    /// [`Submitter::detach`]: those given here count only for a new draft.
    pub content: Content,
    /// Name of its category.
    pub category: String,
    /// By which channels.
    pub channels: Channels,
    /// To whom.
    pub audience: Audience,
    /// The campaign it belongs to.
    pub campaign: Option<CampaignId>,
    /// The earlier communication it belongs to.
    pub related: Option<Related>,
    /// When and in which order it goes out.
    pub plan: SendingPlan,
    /// The client and case that it is about: a letter. Like its audience it counts only for a
    /// new draft; a letter keeps to whom it goes.
    pub matter: Option<Matter>,
    /// The template that it is made from, and which version; none leaves it as it was.
    pub template: Option<(TemplateId, u32)>,
}

/// A draft that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: CommunicationId,
    /// When it was kept; rises with every change. Give it back to change what you saw and
    /// nothing else.
    pub revision: Timestamp,
}

impl Submitter {
    /// Keeps a draft, new or changed. Incomplete ones are kept too; sending them is refused.
    ///
    /// # Errors
    /// When a field is too long to keep, the communication is not a draft any more, or the store
    /// fails.
    pub async fn save_draft(
        &self,
        id: Option<CommunicationId>,
        input: &DraftInput,
        by: UserId,
    ) -> Result<CommunicationId, SubmitError> {
        Ok(self.keep_draft(id, None, input, by).await?.id)
    }

    /// Keeps a draft, if nobody has changed it since `seen`.
    ///
    /// # Errors
    /// As [`Submitter::save_draft`], and [`SubmitError::Changed`].
    pub async fn keep_draft(
        &self,
        id: Option<CommunicationId>,
        seen: Option<Timestamp>,
        input: &DraftInput,
        by: UserId,
    ) -> Result<Kept, SubmitError> {
        let oversized = input.oversized();
        if !oversized.is_empty() {
            return Err(SubmitError::Invalid(oversized));
        }
        let input = input.clone();
        match id {
            None => {
                let new = CommunicationId::new(self.random.uuid_v7(self.clock.wall()));
                self.decided(move |this| this.begin(new, &input, by)).await
            }
            Some(id) => {
                self.decided(move |this| {
                    let old = this.changeable(id, seen)?;
                    this.change(&old, &input, by)
                })
                .await
            }
        }
    }

    pub(super) fn begin(
        &self,
        id: CommunicationId,
        input: &DraftInput,
        by: UserId,
    ) -> Result<Decision<Kept>, SubmitError> {
        for file in &input.content.attachments {
            if self.repo.store().get_blob(file.blob)?.is_none() {
                let problem = FieldError::new("attachments", "This file is not here any more.");
                return Err(SubmitError::Invalid(vec![problem]));
            }
        }
        let mut batch = Batch::new();
        let new = self.drafted(&mut batch, id, input, by);
        batch.insert(&new);
        self.enter_draft(&mut batch, &new)?;
        let revision = new.modified_at;
        self.touch_campaign(&mut batch, input.campaign, revision)?;
        Ok(Decision {
            batch,
            outcome: Kept { id, revision },
        })
    }

    /// A new draft whose content the batch keeps; the draft itself is still to be written.
    pub(super) fn drafted(
        &self,
        batch: &mut Batch,
        id: CommunicationId,
        input: &DraftInput,
        by: UserId,
    ) -> Communication {
        let now = self.clock.wall();
        let content = batch.blob(input.content.to_bytes());
        Communication {
            id,
            category: input.category.clone(),
            origin: Origin::Console(by),
            channels: input.channels,
            title: title(&input.content),
            content,
            body: Body::Composed,
            audience: input.audience.clone(),
            state: CommunicationState::Draft,
            people: 0,
            rounds: 0,
            created_at: now,
            modified_at: now,
            sent_at: None,
            campaign: input.campaign,
            related: input.related,
            plan: input.plan.clone(),
            approval: None,
            history: Vec::new(),
            matter: input.matter,
            template: input.template,
            about: None,
        }
    }

    fn change(
        &self,
        old: &Loaded<Communication>,
        input: &DraftInput,
        by: UserId,
    ) -> Result<Decision<Kept>, SubmitError> {
        let content = Content {
            attachments: self.repo.content(old.content)?.attachments,
            ..input.content.clone()
        };
        let mut batch = Batch::new();
        let new = Communication {
            category: if old.matter.is_some() {
                old.category.clone()
            } else {
                input.category.clone()
            },
            origin: Origin::Console(by),
            channels: input.channels,
            title: title(&content),
            content: batch.blob(content.to_bytes()),
            audience: if old.matter.is_some() {
                old.audience.clone()
            } else {
                input.audience.clone()
            },
            campaign: input.campaign,
            related: old.related.or(input.related),
            plan: input.plan.clone(),
            template: input.template.or(old.template),
            ..old.value.clone()
        };
        // Saving what has not changed changes nothing, not even the date.
        let same = Communication {
            origin: old.origin,
            ..new.clone()
        };
        if same == old.value {
            return Ok(Decision::nothing(Kept {
                id: old.id,
                revision: old.modified_at,
            }));
        }
        let revision = self.next_revision(old);
        let new = Communication {
            modified_at: revision,
            ..new
        };
        batch.replace(old, &new);
        self.enter_draft(&mut batch, &new)?;
        self.touch_campaign(&mut batch, input.campaign, revision)?;
        Ok(Decision {
            batch,
            outcome: Kept {
                id: old.id,
                revision,
            },
        })
    }

    /// Lets a letter that is not sent yet stand in the record of correspondence as it is now.
    pub(super) fn enter_draft(
        &self,
        batch: &mut Batch,
        draft: &Communication,
    ) -> Result<(), SubmitError> {
        let (Some(_), Some(to)) = (draft.matter, draft.audience.contacts.first()) else {
            return Ok(());
        };
        let contact = self.repo.current_contact(*to)?;
        let entry = contact.and_then(|contact| Entry::of_draft(draft, &contact));
        let before = self.repo.entry(Entry::id_of_draft(draft.id))?;
        match (before, entry) {
            (Some(before), Some(entry)) => batch.replace(&before, &entry),
            (None, Some(entry)) => batch.insert(&entry),
            (Some(_) | None, None) => {}
        }
        Ok(())
    }

    /// The draft with this id, as it was at `seen`.
    pub(super) fn changeable(
        &self,
        id: CommunicationId,
        seen: Option<Timestamp>,
    ) -> Result<Loaded<Communication>, SubmitError> {
        let old = self.repo.communication(id)?.ok_or(SubmitError::NotFound)?;
        match old.state {
            CommunicationState::Draft => {}
            CommunicationState::AwaitingApproval | CommunicationState::Scheduled => {
                return Err(SubmitError::NotADraft);
            }
            CommunicationState::Expanding | CommunicationState::Sent => {
                return Err(SubmitError::AlreadySent);
            }
        }
        if seen.is_some_and(|seen| seen != old.modified_at) {
            return Err(SubmitError::Changed);
        }
        Ok(old)
    }

    /// Now, but always later than the last change: two changes never look the same.
    pub(super) fn next_revision(&self, old: &Communication) -> Timestamp {
        let after = old.modified_at.plus(Duration::from_millis(1));
        self.clock.wall().max(after)
    }

    /// Throws a draft away. Its trials stay.
    ///
    /// # Errors
    /// When there is no such communication, it is not a draft, or the store fails.
    pub async fn delete_draft(&self, id: CommunicationId) -> Result<(), SubmitError> {
        self.decided(move |this| {
            let seen = *this.repo.store().watch_commits().borrow();
            let old = this.changeable(id, None)?;
            let mut batch = Batch::new();
            batch.remove(&old);
            let files = this.repo.content(old.content)?.attachments;
            let files = files.iter().map(|file| file.blob);
            let named = files.chain([old.content]).chain(old.audience.list);
            batch.loosen(&named.collect(), this.clock.wall(), seen);
            if let Some(entry) = this.repo.entry(Entry::id_of_draft(id))? {
                batch.remove(&entry);
            }
            Ok(Decision { batch, outcome: () })
        })
        .await
    }

    /// A draft as its author left it.
    ///
    /// # Errors
    /// When there is no such communication, or the store fails.
    pub fn draft(&self, id: CommunicationId) -> Result<DraftInput, SubmitError> {
        let communication = self.repo.communication(id)?.ok_or(SubmitError::NotFound)?;
        self.input_of(&communication)
    }

    pub(super) fn input_of(&self, of: &Communication) -> Result<DraftInput, SubmitError> {
        Ok(DraftInput {
            content: self.repo.content(of.content)?,
            category: of.category.clone(),
            channels: of.channels,
            audience: of.audience.clone(),
            campaign: of.campaign,
            related: of.related,
            plan: of.plan.clone(),
            matter: of.matter,
            template: of.template,
        })
    }
}

/// The subject, or the start of whatever is said.
pub(super) fn title(content: &Content) -> String {
    let texts = [
        &content.subject,
        &content.sms_text,
        &content.voice_script,
        &content.text,
    ];
    let first = texts.into_iter().find(|text| !text.trim().is_empty());
    let line = first
        .and_then(|text| text.trim().lines().next())
        .unwrap_or(NO_SUBJECT);
    line.chars()
        .filter(|character| !character.is_control())
        .take(TITLE_MAX)
        .collect()
}
