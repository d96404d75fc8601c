//! What SMS carriers deliver: receipts, and texts that people wrote.

use super::{Inbound, InboundError};
use crate::classify::smpp::ReceiptMeaning;
use crate::domain::inbox::{is_start, is_stop, is_yes};
use crate::domain::{
    AuditActor, Channel, ConfirmedBy, DeliveryId, InboundMail, MessageId, MessageKind, PhoneNumber,
};
use crate::store::acting::{self, Acting};
use crate::store::{Batch, RowBatch};
use crate::tracker::{Incoming, Receipt, TrackerError};

/// Longer digits without a `+` are taken as international.
const NATIONAL_LEN_MAX: usize = 8;

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

    /// Keeps a text that a person wrote, and puts it into the inbox. Acknowledge it only when
    /// this has resolved.
    ///
    /// # Errors
    /// When the store fails; the carrier must be asked to deliver it again.
    pub async fn take_text(&self, incoming: IncomingText) -> Result<(), InboundError> {
        self.take_text_with(Batch::new(), incoming).await
    }

    /// Whether one of these ids is that of a text of ours.
    ///
    /// # Errors
    /// When the store fails.
    pub fn knows_any(&self, remote_ids: &[String]) -> Result<bool, InboundError> {
        for id in remote_ids {
            if self.repo.delivery_by_remote_id(id)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// As [`Inbound::take_text`]; `base` is written in the same batch.
    pub(super) async fn take_text_with(
        &self,
        mut base: Batch,
        incoming: IncomingText,
    ) -> Result<(), InboundError> {
        let now = self.clock.wall();
        let id = *self.random.uuid_v7(now).as_bytes();
        let body = base.blob(incoming.text.clone().into_bytes());
        base.insert(&InboundMail {
            id,
            mail_from: incoming.from.clone(),
            rcpt_to: incoming.to,
            delivery: None,
            message: body,
            received_at: now,
            due: None,
            express: false,
        });
        let number = self.number(&incoming.from);
        let whose = match &number {
            Some(number) => self.tracker.whose(number.as_str(), Channel::Text)?,
            None => None,
        };
        let kind = if is_stop(&incoming.text) {
            MessageKind::OptOut
        } else if is_start(&incoming.text) {
            MessageKind::OptIn
        } else {
            MessageKind::Written
        };
        let confirms = is_yes(&incoming.text);
        let act = match kind {
            MessageKind::OptOut => "text.stop",
            MessageKind::OptIn => "text.start",
            _ if confirms => "text.yes",
            _ => "message.receive",
        };
        let actor = whose.map_or(AuditActor::Nobody, |(contact, _)| {
            AuditActor::Person(contact)
        });
        let acting = Acting::new(now, actor, act, None);
        let text = Incoming {
            id: MessageId::from_bytes(id),
            kind,
            channel: Channel::Text,
            at: now,
            from: number.map_or(incoming.from, |number| number.as_str().to_owned()),
            contact: whose.map(|(contact, _)| contact),
            answers: whose.and_then(|(_, delivery)| delivery),
            subject: String::new(),
            preview: incoming.text,
            body: Some(body),
            original: None,
            files: Vec::new(),
            message_id: String::new(),
            references: Vec::new(),
            authentication: None,
            is_disowned: false,
        };
        acting::scope(acting, async {
            self.tracker.take_in(&base, &text).await?;
            match whose {
                Some((_, Some(delivery))) if confirms => self.confirm(delivery).await,
                _ => Ok(()),
            }
        })
        .await
    }

    /// A yes to a message whose category asks for confirmation confirms it.
    async fn confirm(&self, delivery: DeliveryId) -> Result<(), InboundError> {
        let Some(delivery) = self.repo.delivery(delivery)? else {
            return Ok(());
        };
        let Some(communication) = self.repo.communication(delivery.communication)? else {
            return Ok(());
        };
        if !self
            .tracker
            .category(&communication.category)
            .confirmation_required
        {
            return Ok(());
        }
        match self
            .tracker
            .confirm(communication.id, delivery.contact, ConfirmedBy::TextReply)
            .await
        {
            Ok(_) | Err(TrackerError::NotFound(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The number that a carrier wrote with or without its `+`; none for short codes and names.
    fn number(&self, from: &str) -> Option<PhoneNumber> {
        let digits: String = from.chars().filter(char::is_ascii_digit).collect();
        let is_international = from.trim_start().starts_with('+')
            || (digits.len() > NATIONAL_LEN_MAX && !digits.starts_with('0'));
        if is_international {
            return PhoneNumber::from_e164(&format!("+{digits}")).ok();
        }
        PhoneNumber::parse(from, &self.region).ok()
    }
}
