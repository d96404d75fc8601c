//! Campaigns: made, renamed, and moved to the top when something in them changes.

use super::decision::Decision;
use super::{FieldError, SubmitError, Submitter};
use crate::domain::campaign::CAMPAIGNS_MAX;
use crate::domain::group::GROUP_NAME_MAX;
use crate::domain::{Campaign, CampaignId, Sentence, Timestamp, UserId};
use crate::store::{Batch, RowBatch};

impl Submitter {
    /// Makes a campaign.
    ///
    /// # Errors
    /// When the name is empty, too long or taken, there are too many, or the store fails.
    pub async fn make_campaign(&self, name: &str, by: UserId) -> Result<CampaignId, SubmitError> {
        let name = name.trim().to_owned();
        let id = CampaignId::new(self.random.uuid_v7(self.clock.wall()));
        self.decided(move |this| {
            this.check_name(&name, None)?;
            let now = this.clock.wall();
            let mut batch = Batch::new();
            batch.insert(&Campaign {
                id,
                name: name.clone(),
                by,
                created_at: now,
                modified_at: now,
            });
            Ok(Decision { batch, outcome: id })
        })
        .await
    }

    /// Gives a campaign another name.
    ///
    /// # Errors
    /// As [`Submitter::make_campaign`], and when there is no such campaign.
    pub async fn rename_campaign(&self, id: CampaignId, name: &str) -> Result<(), SubmitError> {
        let name = name.trim().to_owned();
        self.decided(move |this| {
            let old = this.repo.campaign(id)?.ok_or(SubmitError::NotFound)?;
            this.check_name(&name, Some(id))?;
            let mut batch = Batch::new();
            let new = Campaign {
                name: name.clone(),
                modified_at: this.clock.wall(),
                ..old.value.clone()
            };
            batch.replace(&old, &new);
            Ok(Decision { batch, outcome: () })
        })
        .await
    }

    fn check_name(&self, name: &str, own: Option<CampaignId>) -> Result<(), SubmitError> {
        let wrong = |problem: Sentence| {
            let problem = FieldError::new("campaign_name", problem);
            Err(SubmitError::Invalid(vec![problem]))
        };
        if name.is_empty() {
            return wrong("Give the campaign a name.".into());
        }
        if name.chars().count() > GROUP_NAME_MAX || name.chars().any(char::is_control) {
            return wrong(Sentence::with(
                "A name is one line of at most {0} characters.",
                &[&GROUP_NAME_MAX],
            ));
        }
        let all = self.repo.campaigns(CAMPAIGNS_MAX)?;
        if own.is_none() && all.len() >= CAMPAIGNS_MAX {
            return wrong(Sentence::with(
                "There are {0} campaigns; there cannot be more.",
                &[&CAMPAIGNS_MAX],
            ));
        }
        let lower = name.to_lowercase();
        let taken = |one: &&crate::store::Loaded<Campaign>| {
            Some(one.id) != own && one.name.to_lowercase() == lower
        };
        if all.iter().find(taken).is_some() {
            return wrong("There is a campaign of this name already.".into());
        }
        Ok(())
    }

    /// Notes in a batch that something in a campaign has changed.
    pub(super) fn touch_campaign(
        &self,
        batch: &mut Batch,
        id: Option<CampaignId>,
        now: Timestamp,
    ) -> Result<(), SubmitError> {
        let Some(id) = id else {
            return Ok(());
        };
        let Some(old) = self.repo.campaign(id)? else {
            let problem = FieldError::new("campaign", "This campaign is not here any more.");
            return Err(SubmitError::Invalid(vec![problem]));
        };
        let new = Campaign {
            modified_at: now.max(old.modified_at),
            ..old.value.clone()
        };
        batch.replace(&old, &new);
        Ok(())
    }
}
