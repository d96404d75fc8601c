//! Mail that an application hands in: one message, some recipients, delivered and tracked like
//! any other.

use super::draft::title;
use super::{CONFLICTS_MAX, SubmitError, Submitter, is_conflict};
use crate::domain::{
    AuditActor, Body, Channel, Channels, Communication, CommunicationId, Contact, ContactId,
    ContactKind, Content, Destination, EmailAddress, Method, MethodId, MethodKind, MethodState,
    Origin, PhoneNumber, Redacted, ReportRequest, Timestamp, UserId, Via,
};
use crate::store::acting::{self, Acting};
use crate::store::records::Record;
use crate::store::{Batch, Loaded, RowBatch};
use crate::tracker::{Making, NewDelivery, make_deliveries, tell_sent, write_log};

/// Most recipients of one submitted message.
pub const SUBMITTED_RECIPIENTS_MAX: usize = 500;
/// Most contacts looked at that share one address.
const SAME_ADDRESS_MAX: usize = 32;

/// To whom and how, as the recipient address says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailRecipient {
    /// An ordinary mailbox.
    Email(Redacted<EmailAddress>),
    /// `<number>@sms.<domain>`.
    Text(Redacted<PhoneNumber>),
    /// `<number>@voice.<domain>`.
    Call(Redacted<PhoneNumber>),
}

impl MailRecipient {
    const fn channel(&self) -> Channel {
        match self {
            Self::Email(_) => Channel::Email,
            Self::Text(_) => Channel::Text,
            Self::Call(_) => Channel::Call,
        }
    }

    fn destination(&self) -> Destination {
        match self {
            Self::Email(address) => Destination::Email(address.clone()),
            Self::Text(number) | Self::Call(number) => Destination::Phone(number.clone()),
        }
    }
}

/// A message as an application handed it in.
#[derive(Clone, Debug)]
pub struct SubmittedMail {
    /// Who handed it in.
    pub user: UserId,
    /// The whole message (RFC 5322), with our trace header.
    pub message: bytes::Bytes,
    /// What it says, for texts, calls and lists.
    pub content: Content,
    /// To whom; at most [`SUBMITTED_RECIPIENTS_MAX`].
    pub recipients: Vec<MailRecipient>,
    /// What was asked to be told of each of them, in their order; empty where nothing was.
    pub reports: Vec<Option<ReportRequest>>,
}

/// Why a recipient is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientRefusal {
    /// The method is suspended after a failure.
    Suspended,
    /// The person does not want messages there.
    OptedOut,
}

impl Submitter {
    /// Whether a message to this recipient would be sent at all; asked before the message comes,
    /// so that the application hears of it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn check_recipient(
        &self,
        recipient: &MailRecipient,
    ) -> Result<Option<RecipientRefusal>, SubmitError> {
        let Some((contact, method)) = self.known(recipient)? else {
            let key = recipient.destination().lookup_key();
            let suppressed = self.tracker.is_suppressed(&key)?;
            return Ok(suppressed.then_some(RecipientRefusal::OptedOut));
        };
        let refuses_texts = matches!(recipient, MailRecipient::Text(_))
            && !contact.wishes.allow(Channel::Text, SUBMITTED_CATEGORY);
        if refuses_texts {
            return Ok(Some(RecipientRefusal::OptedOut));
        }
        let state = contact.method(method).map(|method| method.state);
        Ok(match state {
            Some(MethodState::Suspended) => Some(RecipientRefusal::Suspended),
            Some(MethodState::OptedOut) => Some(RecipientRefusal::OptedOut),
            Some(MethodState::Unverified | MethodState::Active | MethodState::Removed) | None => {
                None
            }
        })
    }

    /// Takes a message in, as an act of the account that handed it in. Once this resolves it is
    /// durable: then, and only then, say 250.
    ///
    /// # Errors
    /// When the store fails; then nothing was taken.
    pub async fn submit_mail(&self, mail: &SubmittedMail) -> Result<CommunicationId, SubmitError> {
        let actor = AuditActor::User(mail.user, Via::Program);
        let acting = Acting::new(self.clock.wall(), actor, "mail.submit", None);
        for _ in 0..CONFLICTS_MAX {
            let (batch, id) = self.taking_in(mail)?;
            let committing = self.repo.store().commit(batch);
            match acting::scope(acting.clone(), committing).await {
                Ok(_) => {
                    tracing::info!(communication = %id, recipients = mail.recipients.len(), size_bytes = mail.message.len(), "message submitted");
                    return Ok(id);
                }
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(SubmitError::AlreadySent)
    }

    fn taking_in(&self, mail: &SubmittedMail) -> Result<(Batch, CommunicationId), SubmitError> {
        let now = self.clock.wall();
        let mut batch = Batch::new();
        let id = CommunicationId::new(self.random.uuid_v7(now));
        let mut channels = Channels::default();
        for recipient in &mail.recipients {
            match recipient.channel() {
                Channel::Email => channels.email = true,
                Channel::Text => channels.text = true,
                Channel::Call => channels.call = true,
            }
        }
        let people = self.by_person(&mut batch, &mail.recipients, &mail.reports, now)?;
        let said = Communication::to_one(
            id,
            Origin::Submission(mail.user),
            SUBMITTED_CATEGORY,
            channels,
            title(&mail.content),
            batch.blob(mail.content.to_bytes()),
            now,
        );
        let communication = Communication {
            body: Body::Submitted(batch.blob(mail.message.clone())),
            people: people.len() as u64,
            ..said
        };
        self.deliver(&mut batch, &communication, &people);
        tell_sent(&mut batch, &self.repo, &self.random, now, &communication)?;
        Ok((batch, id))
    }

    /// Puts a communication to these people into a batch, with its deliveries.
    pub(super) fn deliver(
        &self,
        batch: &mut Batch,
        communication: &Communication,
        people: &[Addressed],
    ) {
        batch.insert(communication);
        let category = self.tracker.category(&communication.category);
        for person in people {
            let making = Making {
                communication,
                category: &category,
                contact: &person.contact,
                round: 1,
                now: communication.created_at,
                awaits_turn: false,
                express: false,
            };
            let wanted: Vec<NewDelivery<'_>> = person.wanted().collect();
            make_deliveries(batch, &self.random, making, None, &wanted);
        }
    }

    /// Gathers recipients by person; somebody never heard of becomes a correspondent. `reports` is
    /// what was asked of each, as far as it goes; of who is named twice, what was asked first.
    pub(super) fn by_person(
        &self,
        batch: &mut Batch,
        recipients: &[MailRecipient],
        reports: &[Option<ReportRequest>],
        now: Timestamp,
    ) -> Result<Vec<Addressed>, SubmitError> {
        let mut people: Vec<Addressed> = Vec::new();
        for (index, recipient) in recipients.iter().enumerate() {
            let report = reports.get(index).cloned().flatten();
            let channel = recipient.channel();
            let (contact, method) = match self.known(recipient)? {
                Some((contact, method)) => (contact.value, method),
                None => {
                    let fresh = people.iter().find_map(|person| {
                        let method = method_at(&person.contact, &recipient.destination(), channel)?;
                        Some((person.contact.clone(), method))
                    });
                    match fresh {
                        Some(found) => found,
                        None => {
                            let contact = self.newcomer(batch, recipient, now)?;
                            let method = contact.methods[0].id;
                            (contact, method)
                        }
                    }
                }
            };
            match people
                .iter_mut()
                .find(|person| person.contact.id == contact.id)
            {
                Some(person) if person.has(method, channel) => {}
                Some(person) => person.methods.push((method, channel, report)),
                None => people.push(Addressed {
                    contact,
                    methods: vec![(method, channel, report)],
                }),
            }
        }
        Ok(people)
    }

    /// The contact and method behind a recipient; one whose method is usable goes first.
    pub(super) fn known(
        &self,
        recipient: &MailRecipient,
    ) -> Result<Option<(Loaded<Contact>, MethodId)>, SubmitError> {
        let destination = recipient.destination();
        let channel = recipient.channel();
        let contacts = self
            .repo
            .contacts_by_address(&destination.lookup_key(), SAME_ADDRESS_MAX)?;
        let mut found = None;
        for contact in contacts {
            let Some(method) = method_at(&contact, &destination, channel) else {
                continue;
            };
            let usable = contact
                .method(method)
                .is_some_and(|method| method.state.is_usable());
            if usable {
                return Ok(Some((contact, method)));
            }
            found.get_or_insert((contact, method));
        }
        Ok(found)
    }

    /// Somebody never heard of but, maybe, for a STOP, or because they have left.
    fn newcomer(
        &self,
        batch: &mut Batch,
        recipient: &MailRecipient,
        now: Timestamp,
    ) -> Result<Contact, SubmitError> {
        let mut contact = self.correspondent(recipient, now);
        let mut log = self.tracker.heed_suppressions(&mut contact, None)?;
        if recipient.channel() == Channel::Text {
            let number = recipient.destination().lookup_key();
            log.extend(self.tracker.heed_belated(&mut contact, &number)?);
        }
        write_log(batch, contact.id, now, log, self.random.next_u64());
        batch.insert(&contact);
        Ok(contact)
    }

    fn correspondent(&self, recipient: &MailRecipient, now: Timestamp) -> Contact {
        let mut contact = self.stranger(recipient.destination(), now);
        if let MailRecipient::Call(_) = recipient {
            contact.methods[0].kind = MethodKind::Landline;
        }
        contact
    }

    /// Somebody of whom only an address or number is known: one method, unverified.
    pub(super) fn stranger(&self, destination: Destination, now: Timestamp) -> Contact {
        let kind = match destination {
            Destination::Email(_) => MethodKind::Email,
            Destination::Phone(_) => MethodKind::Mobile,
        };
        Contact {
            id: ContactId::new(self.random.uuid_v7(now)),
            kind: ContactKind::Correspondent,
            first_name: Redacted::new(String::new()),
            last_name: Redacted::new(String::new()),
            language: self.settings().default_language.clone(),
            area: None,
            methods: vec![Method::new(
                MethodId::new(self.random.uuid_v7(now)),
                kind,
                destination,
            )],
            issue_since: None,
            prompted_at: None,
            created_at: now,
            groups: Vec::new(),
            custom: Vec::new(),
            wishes: crate::domain::Wishes::default(),
            import: None,
        }
    }
}

/// Name of the category that submitted mail belongs to.
pub(super) const SUBMITTED_CATEGORY: &str = "Submitted";

/// A person among the recipients, and by which methods.
pub(super) struct Addressed {
    pub(super) contact: Contact,
    methods: Vec<(MethodId, Channel, Option<ReportRequest>)>,
}

impl Addressed {
    fn has(&self, method: MethodId, channel: Channel) -> bool {
        let mut known = self.methods.iter();
        known.any(|(id, by, _)| (*id, *by) == (method, channel))
    }

    pub(super) fn wanted(&self) -> impl Iterator<Item = NewDelivery<'_>> {
        self.methods.iter().filter_map(|(method, channel, report)| {
            let method = self.contact.method(*method)?;
            Some(NewDelivery {
                method,
                channel: *channel,
                report: report.as_ref(),
            })
        })
    }
}

fn method_at(contact: &Contact, destination: &Destination, channel: Channel) -> Option<MethodId> {
    let key = destination.lookup_key();
    contact
        .methods
        .iter()
        .filter(|method| method.kind.takes(channel) && method.state != MethodState::Removed)
        .find(|method| method.destination.lookup_key() == key)
        .map(|method| method.id)
}
