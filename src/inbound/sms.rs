//! What SMS carriers deliver: receipts, and texts that people wrote.

use super::{Inbound, InboundError};
use crate::classify::smpp::ReceiptMeaning;
use crate::domain::{InboundMail, LogEvent, PhoneNumber};
use crate::store::{Batch, RowBatch};
use crate::tracker::Receipt;

/// Contacts looked at that share one number.
const SAME_NUMBER_MAX: usize = 32;

/// A text that a person wrote to us.
#[derive(Clone, PartialEq, Eq)]
pub struct IncomingText {
    /// From which number, as the carrier writes it.
    pub from: String,
    /// To which of our numbers.
    pub to: String,
    /// What it says.
    pub text: String,
}

impl std::fmt::Debug for IncomingText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IncomingText").finish_non_exhaustive()
    }
}

impl Inbound {
    /// Records a receipt. Acknowledge it only when this has resolved.
    ///
    /// # Errors
    /// When the store fails; the carrier must be asked to deliver it again.
    pub async fn take_receipt(&self, receipt: Receipt) -> Result<(), InboundError> {
        Ok(self.tracker.record_receipt(receipt).await?)
    }

    /// Records what a receipt means for the segment that one of `remote_ids` names: carriers
    /// write one id in several ways. While none is known, the receipt is kept under each.
    /// Acknowledge it only when this has resolved.
    ///
    /// # Errors
    /// When the store fails; the carrier must be asked to deliver it again.
    pub async fn take_receipt_of(
        &self,
        remote_ids: &[String],
        meaning: &ReceiptMeaning,
    ) -> Result<(), InboundError> {
        let mut ids = remote_ids;
        for (index, id) in remote_ids.iter().enumerate() {
            if self.repo.delivery_by_remote_id(id)?.is_some() {
                ids = &remote_ids[index..=index];
                break;
            }
        }
        for id in ids {
            self.take_receipt(Receipt {
                remote_id: id.clone(),
                delivered: matches!(meaning, ReceiptMeaning::Delivered(_)),
                is_final: !matches!(meaning, ReceiptMeaning::Underway(_)),
                verdict: meaning.verdict().clone(),
            })
            .await?;
        }
        Ok(())
    }

    /// Keeps a text that a person wrote. Acknowledge it only when this has resolved.
    ///
    /// # Errors
    /// When the store fails; the carrier must be asked to deliver it again.
    pub async fn take_text(&self, incoming: IncomingText) -> Result<(), InboundError> {
        let now = self.clock.wall();
        let mut batch = Batch::new();
        let blob = batch.blob(incoming.text.into_bytes());
        batch.insert(&InboundMail {
            id: *self.random.uuid_v7(now).as_bytes(),
            mail_from: incoming.from.clone(),
            rcpt_to: incoming.to,
            delivery: None,
            message: blob,
            received_at: now,
            due: None,
        });
        let digits: String = incoming.from.chars().filter(char::is_ascii_digit).collect();
        let number = PhoneNumber::from_e164(&format!("+{digits}")).ok();
        let contact = match number {
            Some(number) => {
                let known = self
                    .repo
                    .contacts_by_address(number.as_str(), SAME_NUMBER_MAX)?;
                known.first().map(|contact| contact.id)
            }
            None => None,
        };
        match contact {
            Some(contact) => {
                let event = LogEvent::Replied {
                    blob,
                    delivery: None,
                };
                self.tracker.record_reply(contact, batch, event).await?;
            }
            None => {
                self.repo.store().commit(batch).await?;
            }
        }
        Ok(())
    }
}
