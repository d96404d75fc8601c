//! What SMS carriers deliver: receipts, and texts that people wrote.

use std::sync::PoisonError;

use super::asked::OnTime;
use super::{Carrier, Inbound, InboundError};
use crate::classify::smpp::{ReceiptMeaning, by_carrier};
use crate::domain::{
    AuditActor, BlobId, Channel, ConfirmedBy, ContactId, DeliveryId, InboundMail, Keyword,
    MessageId, MessageKind, PhoneNumber, Redacted, Timestamp,
};
use crate::store::acting::{self, Acting};
use crate::store::{Batch, RowBatch};
use crate::tracker::{Incoming, Receipt, TrackerError};

/// Longer digits without a `+` are taken as international.
const NATIONAL_LEN_MAX: usize = 8;
/// A longer id in a receipt, with its carrier, is that of no text (SMPP 3.4, 5.2.23: 65 octets).
const RECEIPT_ID_SIZE_MAX: usize = 256;

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
    /// `parties` are the addresses that it names, one of whom the text went to, if they are any.
    /// Acknowledge it only when this has resolved.
    ///
    /// # Errors
    /// When the store fails; the carrier must be asked to deliver it again.
    pub async fn take_receipt_of(
        &self,
        remote_ids: &[String],
        parties: &[Redacted<String>],
        meaning: &ReceiptMeaning,
    ) -> Result<(), InboundError> {
        let remote_ids = self.meant(remote_ids, parties)?;
        let carrier = remote_ids.first().and_then(|id| self.carrier_of(id));
        let own = carrier.map(|carrier| by_carrier(meaning, &carrier.error_codes));
        let meaning = own.as_ref().unwrap_or(meaning);
        let short = |id: &&String| id.len() <= RECEIPT_ID_SIZE_MAX;
        let mut ids: Vec<String> = remote_ids.iter().filter(short).cloned().collect();
        if ids.is_empty() {
            // One that names no text is shown like every other that belongs to none.
            ids.push(format!("?/{}", self.random.uuid_v7(self.clock.wall())));
        }
        let receipt = Receipt {
            remote_id: ids.first().cloned().unwrap_or_default(),
            delivered: matches!(meaning, ReceiptMeaning::Delivered(_)),
            is_final: !matches!(meaning, ReceiptMeaning::Underway(_)),
            verdict: meaning.verdict().clone(),
        };
        Ok(self.tracker.record_receipt_of(&ids, receipt).await?)
    }

    /// Those of these ids, most likely first, that the receipt may mean. Each but the first is only
    /// another way to read the same digits, under which a text to somebody else may have gone out;
    /// the one meant may not be known yet.
    fn meant(
        &self,
        remote_ids: &[String],
        parties: &[Redacted<String>],
    ) -> Result<Vec<String>, InboundError> {
        let is_ours = |party: &&str| {
            let mut senders = self.carriers.iter().map(|carrier| &carrier.sender);
            senders.any(|sender| is_same(sender, party))
        };
        let numbers = parties.iter().filter_map(number_in);
        let parties: Vec<&str> = numbers.filter(|party| !is_ours(party)).collect();
        let mut meant = Vec::with_capacity(remote_ids.len());
        for (index, id) in remote_ids.iter().enumerate() {
            if parties.is_empty() {
                meant.push(id.clone());
                continue;
            }
            let known = self.repo.delivery_by_remote_id(id)?;
            let to = known.as_ref().map(|known| known.destination.reveal());
            match to {
                Some(to) if parties.iter().any(|party| is_same(to, party)) => {
                    return Ok(vec![id.clone()]);
                }
                Some(_) if index > 0 => {}
                Some(_) | None => meant.push(id.clone()),
            }
        }
        Ok(meant)
    }

    /// The carrier by which what has this id went out.
    fn carrier_of(&self, remote_id: &str) -> Option<&Carrier> {
        let (name, _) = remote_id.split_once('/')?;
        self.carriers.iter().find(|carrier| carrier.name == name)
    }

    /// What the ids of texts begin with that went out from one of our numbers.
    fn ways_of(&self, ours: &str) -> Vec<String> {
        let same = |carrier: &&Carrier| bare(&carrier.sender) == bare(ours);
        let carriers = self.carriers.iter().filter(same);
        carriers
            .map(|carrier| format!("{}/", carrier.name))
            .collect()
    }

    /// Keeps a text that a person wrote, and puts it into the inbox. Acknowledge it only when
    /// this has resolved.
    ///
    /// # Errors
    /// When the store fails; the carrier must be asked to deliver it again.
    pub async fn take_text(&self, incoming: IncomingText) -> Result<(), InboundError> {
        self.take_text_with(Batch::new(), incoming).await
    }

    /// What is to be done with a receipt under these ids by a carrier whose receipts do not come
    /// before the answer to the submission. While its text is still under way here, which it is
    /// until its last segment is answered, no id of it is known all the same.
    ///
    /// # Errors
    /// When the store fails.
    pub fn on_time(&self, remote_ids: &[String]) -> Result<OnTime, InboundError> {
        for id in remote_ids {
            if self.repo.delivery_by_remote_id(id)?.is_some() {
                return Ok(OnTime::Known);
            }
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_asked = asked.ask(remote_ids, self.clock.wall());
        Ok(if is_asked {
            OnTime::Again
        } else {
            OnTime::Unknown
        })
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
            rcpt_to: incoming.to.clone(),
            delivery: None,
            message: body,
            received_at: now,
            due: None,
            express: false,
        });
        let number = self.number(&incoming.from);
        let whose = match &number {
            Some(number) => {
                let ways = self.ways_of(&incoming.to);
                let number = number.as_str();
                self.tracker.whose_by(number, Channel::Text, &ways)?
            }
            None => None,
        };
        let keyword = self.tracker.replies().keywords.meaning(&incoming.text);
        let actor = whose.map_or(AuditActor::Nobody, |(contact, _)| {
            AuditActor::Person(contact)
        });
        let acting = Acting::new(now, actor, act(keyword), None);
        let from = number.map_or(incoming.from, |number| number.as_str().to_owned());
        let text = Incoming {
            kind: kind(keyword),
            preview: incoming.text,
            ..text_from(id, from, whose, body, now)
        };
        acting::scope(acting, async {
            self.tracker.take_in(&base, &text).await?;
            match (whose, keyword) {
                (Some((_, Some(delivery))), Some(Keyword::Yes)) => self.confirm(delivery).await,
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

/// Digits of an address that is a telephone's and no short code.
const NUMBER_LEN_MIN: usize = 7;

fn number_in(address: &Redacted<String>) -> Option<&str> {
    let number = address.reveal().trim_start_matches('+');
    let is_number = number.len() >= NUMBER_LEN_MIN && number.bytes().all(|b| b.is_ascii_digit());
    is_number.then_some(number)
}

/// Whether two ways of writing a number, international or not, end alike.
fn is_same(number: &str, other: &str) -> bool {
    let digits = |text: &str| {
        let digits = text.bytes().rev().filter(u8::is_ascii_digit);
        digits.take(NUMBER_LEN_MIN).collect::<Vec<u8>>()
    };
    digits(number) == digits(other)
}

/// A number without what marks it as international; names are compared without case.
fn bare(address: &str) -> String {
    let address = address.trim().trim_start_matches('+');
    address.to_ascii_lowercase()
}

/// What a text is by its keyword.
const fn kind(keyword: Option<Keyword>) -> MessageKind {
    match keyword {
        Some(Keyword::Stop) => MessageKind::OptOut,
        Some(Keyword::Start) => MessageKind::OptIn,
        Some(Keyword::Help | Keyword::Yes) | None => MessageKind::Written,
    }
}

/// What whoever wrote it has done by it.
const fn act(keyword: Option<Keyword>) -> &'static str {
    match keyword {
        Some(Keyword::Stop) => "text.stop",
        Some(Keyword::Start) => "text.start",
        Some(Keyword::Yes) => "text.yes",
        Some(Keyword::Help) | None => "message.receive",
    }
}

/// A text of which nothing is said yet.
fn text_from(
    id: [u8; 16],
    from: String,
    whose: Option<(ContactId, Option<DeliveryId>)>,
    body: BlobId,
    at: Timestamp,
) -> Incoming {
    Incoming {
        id: MessageId::from_bytes(id),
        kind: MessageKind::Written,
        channel: Channel::Text,
        at,
        from,
        contact: whose.map(|(contact, _)| contact),
        answers: whose.and_then(|(_, delivery)| delivery),
        subject: String::new(),
        preview: String::new(),
        body: Some(body),
        original: None,
        files: Vec::new(),
        message_id: String::new(),
        references: Vec::new(),
        authentication: None,
        is_disowned: false,
    }
}
