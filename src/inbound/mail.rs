//! Mail that our MX took in.

use bytes::Bytes;

use super::{Inbound, InboundError};
use crate::classify::mail::{MailFinding, classify_mail};
use crate::domain::{
    BlobId, BounceClass, DeliveryId, EmailAddress, EmailStatus, Fault, InboundMail, LogEvent,
    Permanence, Reason, ReturnPath, Source, Status, Verdict,
};
use crate::proto::mime::read::{IncomingMail, read};
use crate::store::{Batch, Loaded, RowBatch};
use crate::tracker::{Event, TrackerError};

/// Contacts looked at that share one address.
const SAME_ADDRESS_MAX: usize = 32;

impl Inbound {
    /// Keeps a mail for each of its recipients. Once this resolves it is durable.
    ///
    /// # Errors
    /// When the store fails; then nothing was kept.
    pub async fn keep_mail(
        &self,
        mail_from: &str,
        recipients: &[String],
        message: Bytes,
    ) -> Result<(), InboundError> {
        let now = self.clock.wall();
        let mut batch = Batch::new();
        let blob = batch.blob(message);
        for rcpt_to in recipients {
            let delivery = match self.return_paths.parse(rcpt_to) {
                ReturnPath::Of(delivery) => Some(delivery),
                ReturnPath::Forged | ReturnPath::Other => None,
            };
            batch.insert(&InboundMail {
                id: *self.random.uuid_v7(now).as_bytes(),
                mail_from: mail_from.to_owned(),
                rcpt_to: rcpt_to.clone(),
                delivery,
                message: blob,
                received_at: now,
                due: Some(now),
            });
        }
        self.repo.store().commit(batch).await?;
        Ok(())
    }

    /// Reads a mail that was kept, and records what it says. Doing it twice records it once.
    ///
    /// # Errors
    /// When the store fails; it is then still to be read.
    pub async fn read_mail(&self, id: &[u8; 16]) -> Result<(), InboundError> {
        let Some(row) = self.repo.inbound(id)?.filter(|row| row.due.is_some()) else {
            return Ok(());
        };
        let message = self.repo.store().get_blob(row.message)?.unwrap_or_default();
        // Strangers write to us: what their mail costs to read must not hold up calls, and what
        // it breaks must not come back for ever.
        let reading = tokio::task::spawn_blocking(move || {
            read(&message).map(|mail| {
                let found = classify_mail(&mail);
                (mail, found)
            })
        });
        match reading.await {
            Ok(Ok((mail, found))) => self.match_mail(&row, &mail, &found).await?,
            Ok(Err(error)) => {
                tracing::warn!(mail = %hex(id), %error, "incoming mail cannot be read; it is kept as it is");
            }
            Err(_) => {
                tracing::error!(mail = %hex(id), "reading an incoming mail failed badly; it is kept as it is");
            }
        }
        let mut batch = Batch::new();
        batch.replace(
            &row,
            &InboundMail {
                due: None,
                ..row.value.clone()
            },
        );
        self.repo.store().commit(batch).await?;
        Ok(())
    }

    async fn match_mail(
        &self,
        row: &Loaded<InboundMail>,
        mail: &IncomingMail,
        found: &MailFinding,
    ) -> Result<(), InboundError> {
        tracing::info!(mail = %hex(&row.id), class = found.class.as_str(), matched = row.delivery.is_some(), "incoming mail read");
        match (row.delivery, found.class) {
            (delivery, BounceClass::None) => self.keep_reply(delivery, mail, row.message).await,
            (Some(delivery), _) => self.apply(delivery, found).await,
            (None, _) => Ok(()),
        }
    }

    async fn apply(&self, delivery: DeliveryId, found: &MailFinding) -> Result<(), InboundError> {
        let Some(sent) = self.repo.delivery(delivery)? else {
            return Ok(());
        };
        let address = sent.destination.lookup_key();
        let about = found
            .findings
            .iter()
            .find(|finding| finding.address.eq_ignore_ascii_case(&address))
            // The envelope address proves which delivery this is about, also where the report
            // names an address that the recipient's side has rewritten.
            .or_else(|| found.findings.first());
        let verdict = about.map_or_else(|| bare(found.class), |finding| finding.verdict.clone());
        match self.tracker.record(delivery, event(verdict)).await {
            Ok(_) | Err(TrackerError::NotFound(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn keep_reply(
        &self,
        delivery: Option<DeliveryId>,
        mail: &IncomingMail,
        blob: BlobId,
    ) -> Result<(), InboundError> {
        let contact = match delivery
            .map(|id| self.repo.delivery(id))
            .transpose()?
            .flatten()
        {
            Some(sent) => Some(sent.contact),
            None => match mail
                .header
                .address("From")
                .and_then(|from| EmailAddress::parse(&from).ok())
            {
                Some(from) => {
                    let known = self
                        .repo
                        .contacts_by_address(&from.lookup_key(), SAME_ADDRESS_MAX)?;
                    known.first().map(|contact| contact.id)
                }
                None => None,
            },
        };
        if let Some(contact) = contact {
            let event = LogEvent::Replied { blob, delivery };
            self.tracker
                .record_reply(contact, Batch::new(), event)
                .await?;
        }
        Ok(())
    }
}

/// What a report says, as something that happened to the delivery.
fn event(verdict: Verdict) -> Event {
    let changed = |status| (Status::Email(status), Source::Report);
    let (status, source) = match verdict.class {
        BounceClass::Hard | BounceClass::Soft => changed(EmailStatus::Rebound),
        BounceClass::Complaint => (Status::Email(EmailStatus::MarkedAsSpam), Source::Person),
        BounceClass::Success => changed(EmailStatus::Received),
        BounceClass::AutoReply
        | BounceClass::Delay
        | BounceClass::Mdn
        | BounceClass::None
        | BounceClass::Unknown => {
            return Event::Fact {
                verdict,
                source: Source::Report,
            };
        }
    };
    Event::Changed {
        status,
        verdict: Some(verdict),
        source,
    }
}

/// A verdict for a report that names nobody.
fn bare(class: BounceClass) -> Verdict {
    let reason = match class {
        BounceClass::Complaint => Reason::Feedback,
        BounceClass::AutoReply => Reason::Vacation,
        BounceClass::Success => Reason::Delivered,
        BounceClass::Hard
        | BounceClass::Soft
        | BounceClass::Delay
        | BounceClass::Mdn
        | BounceClass::None
        | BounceClass::Unknown => Reason::Undefined,
    };
    Verdict {
        class,
        fault: Fault::Unknown,
        ..Verdict::failure(reason, Permanence::Temporary)
    }
}

fn hex(id: &[u8; 16]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
