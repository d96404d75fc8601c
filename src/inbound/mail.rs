//! Mail that our MX took in.

use bytes::Bytes;

use super::{Inbound, InboundError};
use crate::classify::mail::{MailFinding, classify_mail, original_senders};
use crate::classify::smtp_reply::codes_in;
use crate::domain::inbox::{MESSAGE_ID_SIZE_MAX, preview};
use crate::domain::{
    AuditActor, Authentication, BounceClass, Channel, ContactId, Delivery, DeliveryId,
    EmailAddress, EmailStatus, Fault, InboundMail, MessageId, MessageKind, Permanence, Provenance,
    Reason, ReturnPath, Source, Status, Verdict, unknown_answer,
};
use crate::proto::mime::header::{addresses_in, values_on_wire};
use crate::proto::mime::read::{
    IncomingMail, READ_REPORT_SIZE_MAX_BYTES, ReadError, read, read_beginning, without_quotes,
};
use crate::store::acting::{self, Acting};
use crate::store::{Batch, Loaded, LooseBatch, RowBatch};
use crate::tracker::{Event, Incoming, TrackerError};

/// References of one mail that are followed, the nearest.
const REFERENCES_MAX: usize = 20;
/// References of one field that are read.
const REFERENCES_READ_MAX: usize = 500;
/// What is larger than this, in bytes, has one of [`super::LARGE_MAX`] places while it is under way.
const LARGE_SIZE_BYTES: usize = 1024 * 1024;

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
                express: mail_from.is_empty(),
            });
        }
        self.repo.store().commit(batch).await?;
        Ok(())
    }

    /// Reads a mail that was kept, and records what it says. Doing it twice records it once.
    /// What stands among the reports and is none joins what people write, and is read there.
    ///
    /// # Errors
    /// When the store fails; it is then still to be read.
    pub async fn read_mail(&self, id: &[u8; 16]) -> Result<(), InboundError> {
        let Some(row) = self.repo.inbound(id)?.filter(|row| row.due.is_some()) else {
            return Ok(());
        };
        let message = self.kept(&row)?;
        let is_large = message.len() > LARGE_SIZE_BYTES && !row.express;
        let (message, _place) = if is_large {
            // Nothing of that size lies in memory while it waits.
            drop(message);
            let place = self.large.acquire().await.ok();
            (self.kept(&row)?, place)
        } else {
            (message, None)
        };
        // Strangers write to us: what their mail costs to read must not hold up calls, and what
        // it breaks must not come back for ever.
        let original = message.clone();
        let is_about_a_delivery = row.delivery.is_some();
        let reading = crate::clock::apart(move || -> Result<_, ReadError> {
            let message = original;
            let mut mail = read_beginning(&message)?;
            let found = classify_mail(&mail);
            let is_settled = is_report(found.class) && is_about_a_delivery;
            if message.len() > READ_REPORT_SIZE_MAX_BYTES && !is_settled {
                // Somebody may have written it, and sent files along.
                mail = read(&message)?;
            }
            Ok((mail, found))
        });
        let read = {
            let _place = self.reading.acquire().await;
            reading.await
        };
        match read {
            Ok(Ok((mail, found))) => self.match_mail(row, &message, mail, &found).await,
            Ok(Err(error)) => {
                tracing::warn!(mail = %hex(id), %error, "incoming mail cannot be read; it is kept as it is");
                self.settle(&row).await
            }
            Err(_) => {
                tracing::error!(mail = %hex(id), "reading an incoming mail failed badly; it is kept as it is");
                self.settle(&row).await
            }
        }
    }

    fn kept(&self, row: &InboundMail) -> Result<Bytes, InboundError> {
        let message = self.repo.store().get_blob(row.message)?;
        Ok(message.unwrap_or_default())
    }

    /// It has been read.
    async fn settle(&self, row: &Loaded<InboundMail>) -> Result<(), InboundError> {
        let about = row.delivery.map(|id| self.repo.delivery(id)).transpose()?;
        let is_erased = |sent: Loaded<Delivery>| sent.destination.is_nowhere();
        let batch = if about.flatten().is_some_and(is_erased) {
            // Reports name whom they are about, and that person was erased.
            let mut batch = Batch::new();
            let seen = *self.repo.store().watch_commits().borrow();
            let message = std::iter::once(row.message).collect();
            batch.loosen(&message, self.clock.wall(), seen);
            batch.remove(row);
            batch
        } else {
            settled(row)
        };
        self.repo.store().commit(batch).await?;
        Ok(())
    }

    async fn match_mail(
        &self,
        mut row: Loaded<InboundMail>,
        message: &Bytes,
        mail: IncomingMail,
        found: &MailFinding,
    ) -> Result<(), InboundError> {
        if row.delivery.is_none() && is_report(found.class) {
            row.value.delivery = self.delivery_returned(&mail)?;
        }
        let is_settled = is_report(found.class) && row.delivery.is_some();
        if row.express && !is_settled {
            return self.put_among_letters(&row).await;
        }
        let row = &row;
        tracing::info!(mail = %hex(&row.id), class = found.class.as_str(), matched = row.delivery.is_some(), "incoming mail read");
        if let (Some(delivery), true) = (row.delivery, found.class != BounceClass::None) {
            self.apply(delivery, row, &mail, found).await?;
        }
        let kind = match found.class {
            BounceClass::AutoReply => MessageKind::Automatic,
            class if !is_report(class) => MessageKind::Written,
            _ if is_settled => return self.settle(row).await,
            // It may be what somebody wrote: nothing that comes in is lost to sight.
            _ => MessageKind::Report,
        };
        self.take_mail(row, message, mail, kind).await
    }

    /// Where it came from has to be looked up: no report waits for that.
    async fn put_among_letters(&self, row: &Loaded<InboundMail>) -> Result<(), InboundError> {
        let mut batch = Batch::new();
        let letter = InboundMail {
            express: false,
            ..row.value.clone()
        };
        batch.replace(row, &letter);
        self.repo.store().commit(batch).await?;
        Ok(())
    }

    /// The delivery that a report is about which went to another address of ours: feedback loops
    /// have one for all, and some servers report to the author. What it holds of our message has
    /// the signed address that it came from.
    fn delivery_returned(&self, mail: &IncomingMail) -> Result<Option<DeliveryId>, InboundError> {
        let now = self.clock.wall();
        for sender in original_senders(mail) {
            if let ReturnPath::Of(id) = self.return_paths.parse(&sender)
                && now.since(id.made_at()) <= self.bounce_lifetime
                && self.repo.delivery(id)?.is_some()
            {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    async fn apply(
        &self,
        delivery: DeliveryId,
        row: &InboundMail,
        mail: &IncomingMail,
        found: &MailFinding,
    ) -> Result<(), InboundError> {
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
        let verdict = about.map_or_else(|| bare(found), |finding| finding.verdict.clone());
        let is_unclear = unknown_answer::is_unknown(&verdict);
        let verdict = if is_unclear && !is_by_machine(row, mail, &verdict) {
            verdict.by(unknown_answer::PERHAPS_A_LETTER)
        } else {
            verdict
        };
        match self.tracker.record(delivery, event(verdict)).await {
            Ok(_) | Err(TrackerError::NotFound(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts a mail into the inbox, in the batch that says that it has been read.
    async fn take_mail(
        &self,
        row: &Loaded<InboundMail>,
        message: &Bytes,
        mail: IncomingMail,
        kind: MessageKind,
    ) -> Result<(), InboundError> {
        let references = references(&mail);
        let answers = match row.delivery {
            Some(delivery) => Some(delivery),
            None => self.delivery_named_by(&references)?,
        };
        let from = EmailAddress::parse(&mail.from)
            .map_or_else(|_| row.mail_from.clone(), |address| address.lookup_key());
        let (authentication, is_certain) = self.authenticated(row, message, &mail.from).await;
        let id = MessageId::from_bytes(row.id);
        let files = self.files_scanned(id, message, &mail.attachments).await;
        // What a machine reports may have been written by anybody.
        let is_disowned = !is_certain || kind == MessageKind::Report;
        let contact = if is_disowned {
            None
        } else {
            self.whose_mail(row, answers, &from)?
        };
        let mut base = settled(row);
        let preview = preview(&without_quotes(&mail.text));
        let incoming = Incoming {
            id,
            kind,
            channel: Channel::Email,
            at: row.received_at,
            from,
            contact,
            answers,
            subject: mail
                .subject
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            preview,
            files,
            body: Some(base.blob(mail.text.into_bytes())),
            original: Some(row.message),
            message_id: ids_in(mail.header.get("Message-ID"))
                .pop()
                .unwrap_or_default(),
            references,
            authentication,
            is_disowned,
        };
        let actor = contact.map_or(AuditActor::Nobody, AuditActor::Person);
        let acting = Acting::new(self.clock.wall(), actor, "message.receive", None);
        acting::scope(acting, self.tracker.take_in(&base, &incoming)).await?;
        Ok(())
    }

    /// Whose a mail is that comes from this address.
    fn whose_mail(
        &self,
        row: &InboundMail,
        answers: Option<DeliveryId>,
        from: &str,
    ) -> Result<Option<ContactId>, InboundError> {
        let sent = answers.map(|id| self.repo.delivery(id)).transpose()?;
        if let Some(sent) = sent.flatten() {
            // An envelope address of ours proves whose answer it is; what a mail refers to may
            // have been passed on.
            if row.delivery.is_some() || self.has_address(&sent, from)? {
                return Ok(Some(sent.contact));
            }
        }
        let whose = self.tracker.whose(from, Channel::Email)?;
        Ok(whose.map(|(contact, _)| contact))
    }

    /// What can be found out about where a mail came from, and whether its author may be believed:
    /// there is one and no other (RFC 5322 section 3.6), and their domain does not disown it.
    async fn authenticated(
        &self,
        row: &InboundMail,
        message: &Bytes,
        author: &str,
    ) -> (Option<Authentication>, bool) {
        let authors: Vec<String> = values_on_wire(message, "From")
            .iter()
            .flat_map(|value| addresses_in(value))
            .collect();
        let is_one = authors == [author] && EmailAddress::parse(author).is_ok();
        let Some(mail_auth) = self.mail_auth.clone() else {
            return (None, is_one);
        };
        let now = self.clock.monotonic();
        let (message, sender) = (message.clone(), row.mail_from.clone());
        let (found, has_one_author) = {
            let _place = self.lookups.acquire().await;
            mail_auth
                .check(message, sender, author.to_owned(), now)
                .await
        };
        tracing::info!(mail = %hex(&row.id), %found, "where an incoming mail came from was looked at");
        let is_forged = found.provenance() == Provenance::Forged;
        (Some(found), is_one && has_one_author && !is_forged)
    }

    /// Whether whoever this went to has that address.
    fn has_address(&self, sent: &Delivery, address: &str) -> Result<bool, InboundError> {
        let same = |known: &str| known.eq_ignore_ascii_case(address);
        if same(&sent.destination.lookup_key()) {
            return Ok(true);
        }
        let contact = self.repo.contact(sent.contact)?;
        let methods = contact
            .into_iter()
            .flat_map(|contact| contact.value.methods);
        let mut known = methods.map(|method| method.destination.lookup_key());
        Ok(known.any(|known| same(&known)))
    }

    /// Our own mails are named by their delivery.
    fn delivery_named_by(&self, references: &[String]) -> Result<Option<DeliveryId>, InboundError> {
        for reference in references.iter().rev() {
            let local = reference.split('@').next().unwrap_or_default();
            let Ok(id) = local.parse::<DeliveryId>() else {
                continue;
            };
            if self.repo.delivery(id)?.is_some() {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

/// Whether a mail says what became of another, and nobody wrote it.
const fn is_report(class: BounceClass) -> bool {
    !matches!(class, BounceClass::None | BounceClass::AutoReply)
}

/// What says that a mail has been read.
fn settled(row: &Loaded<InboundMail>) -> Batch {
    let mut batch = Batch::new();
    batch.replace(
        row,
        &InboundMail {
            due: None,
            ..row.value.clone()
        },
    );
    batch
}

/// What a mail refers to, the nearest last (RFC 5322, 3.6.4).
fn references(mail: &IncomingMail) -> Vec<String> {
    let mut ids = ids_in(mail.header.get("References"));
    let answered = ids_in(mail.header.get("In-Reply-To"));
    ids.retain(|id| !answered.contains(id));
    ids.extend(answered);
    let surplus = ids.len().saturating_sub(REFERENCES_MAX);
    ids.split_off(surplus)
}

/// The ids in a field, without brackets.
fn ids_in(field: Option<&str>) -> Vec<String> {
    let pieces = field.unwrap_or_default().split('<').skip(1);
    pieces
        .filter_map(|piece| piece.split_once('>'))
        .map(|(id, _)| id.split_whitespace().collect::<String>())
        .filter(|id| !id.is_empty() && id.len() <= MESSAGE_ID_SIZE_MAX)
        // Whoever answers writes it into a header of their own.
        .filter(|id| !id.chars().any(char::is_control))
        .take(REFERENCES_READ_MAX)
        .collect()
}

/// What a report says, as something that happened to the delivery.
fn event(verdict: Verdict) -> Event {
    let changed = |status| (Status::Email(status), Source::Report);
    let (status, source) = match verdict.class {
        BounceClass::Hard | BounceClass::Soft => changed(EmailStatus::Rebound),
        BounceClass::Complaint if verdict.fault != Fault::Sender => {
            (Status::Email(EmailStatus::MarkedAsSpam), Source::Person)
        }
        BounceClass::Success => changed(EmailStatus::Received),
        BounceClass::AutoReply
        | BounceClass::Complaint
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

/// Whether a mail system has written the words of a report, and no person: they stand in its fields
/// (RFC 3464), a rule knows its form, or it comes from nobody (RFC 5321 section 4.5.5) and has a
/// code. What is left may be a letter about a mail that came back.
fn is_by_machine(row: &InboundMail, mail: &IncomingMail, verdict: &Verdict) -> bool {
    let has_code =
        || verdict.status_code.is_some() || codes_in(verdict.diagnostic.as_str()) != (None, None);
    mail.delivery_status.is_some()
        || !verdict.rule.is_empty()
        || (row.mail_from.is_empty() && has_code())
}

/// A verdict for a report that names nobody. Of one that cannot be understood its words are kept:
/// somebody may say what they mean.
fn bare(found: &MailFinding) -> Verdict {
    let class = found.class;
    let whole = found.whole.as_ref();
    let said = whole.filter(|_| class == BounceClass::Unknown);
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
    let verdict = Verdict {
        class,
        fault: Fault::Unknown,
        ..Verdict::failure(reason, Permanence::Temporary)
    };
    match said {
        Some(said) => verdict
            .with_status(said.status_code)
            .with_diagnostic(said.diagnostic.as_str()),
        None => verdict,
    }
}

fn hex(id: &[u8; 16]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
