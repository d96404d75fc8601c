//! Alerts that other programs hand in: each is sent once, however often it comes.

use super::decision::Decision;
use super::{DraftInput, SubmitError, Submitter};
use crate::domain::alert::ALERTS_KEPT_MAX;
use crate::domain::{AlertTaken, CommunicationId, UserId};
use crate::store::{Batch, RowBatch};

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
        let problems = self.problems(&alert.draft);
        if !problems.is_empty() {
            return Err(SubmitError::Invalid(problems));
        }
        let id = CommunicationId::new(self.random.uuid_v7(self.clock.wall()));
        let input = alert.clone();
        let taken = self
            .decided(move |this| this.take_alert(id, &input, by))
            .await?;
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
        let mut batch = self.begin(id, &alert.draft, by)?.batch;
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
