//! Alerts that other programs hand in: each is sent once, however often it comes.

use super::audience::{packed, unpacked};
use super::decision::Decision;
use super::{DraftInput, SubmitError, Submitter};
use crate::domain::alert::ALERTS_KEPT_MAX;
use crate::domain::{
    AlertTaken, Audience, BlobId, CommunicationId, ContactId, ListStatus, Status, UserId,
};
use crate::store::{Batch, RepoError, RowBatch};

/// People read at a time.
const PAGE: usize = 1_000;
/// Old alerts forgotten with each new one.
const SWEPT_MAX: usize = 10;

/// An alert that is to be sent.
#[derive(Clone, Debug)]
pub struct AlertInput {
    /// What tells it from others.
    pub key: [u8; 32],
    /// Under which it is found by what comes later of the same matter, if anything does.
    pub matter: Option<[u8; 32]>,
    /// Where it comes from, for people.
    pub source: String,
    /// What is sent.
    pub draft: DraftInput,
    /// Says that an earlier one is over: it goes to those who may have got that, whatever the
    /// draft says.
    pub over: Option<CommunicationId>,
}

/// What became of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertSent {
    /// What was sent for it.
    pub communication: CommunicationId,
    /// False when it had been taken before.
    pub new: bool,
}

impl Submitter {
    /// Sends an alert, once for its key. What needs approval waits for it. Once this resolves it
    /// is durable; cut off before, it goes on when the alert comes again.
    ///
    /// # Errors
    /// When something is missing, nobody would get it, or the store fails.
    pub async fn send_alert(
        &self,
        alert: &AlertInput,
        by: UserId,
    ) -> Result<AlertSent, SubmitError> {
        let mut problems = self.problems(&alert.draft);
        if alert.over.is_some() {
            problems.retain(|problem| problem.field != "audience");
        }
        if !problems.is_empty() {
            return Err(SubmitError::Invalid(problems));
        }
        let id = CommunicationId::new(self.random.uuid_v7(self.clock.wall()));
        let input = alert.clone();
        let taken = self
            .decided(move |this| this.take_alert(id, &input, by))
            .await?;
        if !taken.new && !self.is_cut_off(taken.communication)? {
            return Ok(taken);
        }
        match self.send(taken.communication).await {
            // Somebody has thrown the draft away: that was their decision.
            Ok(_) | Err(SubmitError::NotFound) => {}
            Err(SubmitError::NeedsApproval) => {
                // Its warnings are for whoever decides: a program cannot look at them.
                self.ask_approval(taken.communication, None, by, true)
                    .await?;
            }
            Err(error) => return Err(error),
        }
        Ok(taken)
    }

    /// Whether it was begun and nobody has done anything with it since: neither sent nor taken
    /// back.
    fn is_cut_off(&self, id: CommunicationId) -> Result<bool, SubmitError> {
        let known = self.repo.communication(id)?;
        Ok(known.is_some_and(|known| known.is_draft() && known.modified_at == known.created_at))
    }

    fn take_alert(
        &self,
        id: CommunicationId,
        alert: &AlertInput,
        by: UserId,
    ) -> Result<Decision<AlertSent>, SubmitError> {
        if let Some(known) = self.repo.alert(&alert.key)? {
            return Ok(Decision::nothing(AlertSent {
                communication: known.communication,
                new: false,
            }));
        }
        let people = match alert.over {
            Some(earlier) => Some(packed(&self.may_have_got(earlier)?)),
            None => None,
        };
        let mut draft = alert.draft.clone();
        if let Some(people) = &people {
            draft.audience = Audience {
                list: Some(BlobId::of(people)),
                list_people: u32::try_from(unpacked(people).len()).unwrap_or(u32::MAX),
                ..Audience::default()
            };
        }
        let mut batch = self.begin(id, &draft, by)?.batch;
        if let Some(people) = people {
            batch.blob(people);
        }
        let taken = AlertTaken {
            key: alert.key,
            source: alert.source.clone(),
            communication: id,
            at: self.clock.wall(),
        };
        batch.insert(&taken);
        if let Some(key) = alert.matter {
            let matter = AlertTaken { key, ..taken };
            match self.repo.alert(&key)? {
                Some(old) => batch.replace(&old, &matter),
                None => batch.insert(&matter),
            }
        }
        self.forget_old(&mut batch, alert.matter)?;
        let outcome = AlertSent {
            communication: id,
            new: true,
        };
        Ok(Decision { batch, outcome })
    }

    /// People to whom something of it has gone out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn may_have_got(&self, of: CommunicationId) -> Result<Vec<ContactId>, RepoError> {
        let gone_out = |status: Status| match status.in_lists() {
            ListStatus::Sent | ListStatus::Delivered | ListStatus::Opened => true,
            ListStatus::Draft | ListStatus::Queued | ListStatus::Failed => false,
        };
        let mut people = Vec::new();
        let mut after = None;
        loop {
            let page = self.repo.people(of, after, PAGE)?;
            let got = page.rows.iter().filter(|person| {
                let mut made = person.deliveries.iter();
                made.any(|delivery| gone_out(delivery.status))
            });
            people.extend(got.map(|person| person.contact));
            after = page.next;
            if after.is_none() {
                people.sort_unstable();
                return Ok(people);
            }
        }
    }

    fn forget_old(&self, batch: &mut Batch, but: Option<[u8; 32]>) -> Result<(), SubmitError> {
        if self.repo.alert_count()? < ALERTS_KEPT_MAX {
            return Ok(());
        }
        let oldest = self.repo.oldest_alerts(SWEPT_MAX)?;
        let old = oldest.iter().filter(|old| Some(old.key) != but);
        old.for_each(|old| batch.remove(old));
        Ok(())
    }
}
