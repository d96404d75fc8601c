//! Answers from the inbox: one message to one person by one method.

use super::draft::title;
use super::mail::MailRecipient;
use super::{CONFLICTS_MAX, FieldError, SubmitError, Submitter, is_conflict};
use crate::domain::communication::{BODY_MAX, SMS_TEXT_MAX, SUBJECT_MAX};
use crate::domain::inbox::preview;
use crate::domain::{
    Channel, Channels, Communication, CommunicationId, Contact, Content, Destination, Direction,
    EmailAddress, Message, MessageId, MessageKind, Method, MethodId, Origin, PhoneNumber, Redacted,
    Sentence, Thread, ThreadId, Timestamp, UserId,
};
use crate::store::records::Record;
use crate::store::{Batch, Loaded, RowBatch};
use crate::tracker::{NewDelivery, inbox_message, make_to_one, tell_sent, write_log};

/// Name of the category that answers belong to.
pub const REPLY_CATEGORY: &str = "Reply";
/// Messages looked at for the mail that is answered.
const ANSWERED_SEEN_MAX: usize = 50;

/// An answer as it was written.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its id, made with the form: sending the form twice sends one message.
    pub id: CommunicationId,
    /// To which thread.
    pub thread: ThreadId,
    /// By which channel; calls cannot be answered in writing.
    pub channel: Channel,
    /// By which of the contact's methods; none for somebody whom we do not know.
    pub method: Option<MethodId>,
    /// Subject of an email.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// Who writes.
    pub by: UserId,
}

fn too_long(limit: usize) -> Sentence {
    Sentence::with("This is too long: at most {0} characters.", &[&limit])
}

impl Answer {
    fn problems(&self) -> Vec<FieldError> {
        let mut problems = Vec::new();
        let limit = match self.channel {
            Channel::Email => BODY_MAX,
            Channel::Text | Channel::Call => SMS_TEXT_MAX,
        };
        if self.text.trim().is_empty() {
            problems.push(FieldError::new("text", "Write the answer."));
        } else if self.text.chars().count() > limit {
            problems.push(FieldError::new("text", too_long(limit)));
        }
        if self.channel == Channel::Email {
            if self.subject.trim().is_empty() {
                problems.push(FieldError::new("subject", "An email needs a subject."));
            } else if self.subject.chars().any(char::is_control) {
                problems.push(FieldError::new("subject", "The subject must be one line."));
            } else if self.subject.chars().count() > SUBJECT_MAX {
                problems.push(FieldError::new("subject", too_long(SUBJECT_MAX)));
            }
        }
        if self.channel == Channel::Call {
            problems.push(FieldError::new("by", UNUSABLE));
        }
        problems
    }

    fn content(&self) -> Content {
        let is_mail = self.channel == Channel::Email;
        let text = |wanted: bool| {
            if wanted {
                self.text.clone()
            } else {
                String::new()
            }
        };
        Content {
            subject: if is_mail {
                self.subject.trim().to_owned()
            } else {
                String::new()
            },
            text: text(is_mail),
            html: String::new(),
            sms_text: text(!is_mail),
            voice_script: String::new(),
            attachments: Vec::new(),
        }
    }
}

const UNUSABLE: &str = "Nothing goes there any more. Choose another way.";

impl Submitter {
    /// Sends an answer: a communication to one person by one method, which stands in its thread
    /// from then on. Sending the same answer twice sends it once.
    ///
    /// # Errors
    /// When something is missing, there is no such thread, or the store fails.
    pub async fn answer(&self, answer: &Answer) -> Result<(), SubmitError> {
        let problems = answer.problems();
        if !problems.is_empty() {
            return Err(SubmitError::Invalid(problems));
        }
        // Two colleagues who answer one stranger in two threads make one person of them.
        let _one_by_one = self.answering.lock().await;
        // Nor does anything come in from there before it is settled who that is.
        let thread = self.repo.thread(answer.thread)?;
        let address = thread.ok_or(SubmitError::NotFound)?.address.clone();
        let _nothing_comes_in = self.tracker.settle_sender(address.reveal()).await;
        for _ in 0..CONFLICTS_MAX {
            if self.repo.communication(answer.id)?.is_some() {
                return Ok(());
            }
            let batch = self.answering(answer)?;
            match self.repo.store().commit(batch).await {
                Ok(_) => {
                    tracing::info!(communication = %answer.id, thread = %answer.thread, by = %answer.by, channel = answer.channel.as_str(), "answer queued");
                    return Ok(());
                }
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(SubmitError::AlreadySent)
    }

    fn answering(&self, answer: &Answer) -> Result<Batch, SubmitError> {
        let now = self.clock.wall();
        let thread = self
            .repo
            .thread(answer.thread)?
            .ok_or(SubmitError::NotFound)?;
        let mut batch = Batch::new();
        let contact = self.answered_contact(&mut batch, &thread, answer.channel, now)?;
        let unusable = || SubmitError::Invalid(vec![FieldError::new("by", UNUSABLE)]);
        let wanted = |method: &&Method| match (answer.method, thread.contact) {
            (Some(wanted), _) => wanted == method.id,
            (None, Some(_)) => true,
            // Nobody chose among the methods of somebody unknown: it goes where it came from.
            (None, None) => method.destination.lookup_key() == *thread.address.reveal(),
        };
        let method = contact
            .methods
            .iter()
            .filter(|method| method.usable_for(answer.channel))
            .find(wanted)
            .ok_or_else(unusable)?;
        let content = answer.content();
        let said = Communication::to_one(
            answer.id,
            Origin::Reply(answer.by),
            REPLY_CATEGORY,
            Channels::only(answer.channel),
            title(&content),
            batch.blob(content.to_bytes()),
            now,
        );
        let communication = Communication {
            matter: self.tracker.matter_of_thread(thread.id)?,
            ..said
        };
        let category = self.tracker.category(REPLY_CATEGORY);
        let new = NewDelivery {
            method,
            channel: answer.channel,
            report: None,
        };
        let random = &self.random;
        let made = make_to_one(
            &mut batch,
            random,
            &communication,
            &category,
            &contact,
            new,
            false,
        );
        let message = Message {
            body: Some(batch.blob(answer.text.clone().into_bytes())),
            delivery: made.first().copied(),
            ..self.answer_as_message(answer, &thread, method, now)?
        };
        inbox_message(&mut batch, &thread, &contact, &message, answer.by);
        tell_sent(&mut batch, &self.repo, random, now, &communication)?;
        Ok(batch)
    }

    fn answer_as_message(
        &self,
        answer: &Answer,
        thread: &Loaded<Thread>,
        method: &Method,
        now: Timestamp,
    ) -> Result<Message, SubmitError> {
        Ok(Message {
            id: MessageId::new(self.random.uuid_v7(now)),
            thread: thread.id,
            direction: Direction::Out,
            kind: MessageKind::Written,
            channel: answer.channel,
            at: now.max(thread.changed_at),
            from: Redacted::new(method.destination.lookup_key()),
            preview: Redacted::new(preview(&answer.text)),
            body: None,
            original: None,
            files: Vec::new(),
            message_id: Redacted::new(String::new()),
            in_reply_to: Redacted::new(self.answered_mail(answer, thread)?),
            delivery: None,
            communication: Some(answer.id),
            by: Some(answer.by),
            notify_at: None,
            authentication: None,
            is_disowned: false,
        })
    }

    /// Whom to write to; somebody never heard of becomes a correspondent.
    fn answered_contact(
        &self,
        batch: &mut Batch,
        thread: &Thread,
        channel: Channel,
        now: Timestamp,
    ) -> Result<Contact, SubmitError> {
        if let Some(id) = thread.contact {
            let known = self.repo.current_contact(id)?;
            let known = known.ok_or(SubmitError::NotFound)?;
            batch.expect(&known);
            return Ok(known.value);
        }
        let address = thread.address.reveal();
        let destination = EmailAddress::parse(address)
            .map(|address| Destination::Email(Redacted::new(address)))
            .or_else(|_| {
                PhoneNumber::from_e164(address)
                    .map(|number| Destination::Phone(Redacted::new(number)))
            });
        let Ok(destination) = destination else {
            let problem = FieldError::new("by", UNUSABLE);
            return Err(SubmitError::Invalid(vec![problem]));
        };
        // They may have become somebody since. What they said before that counts: a STOP.
        let key = destination.lookup_key();
        let known = self.holder(&destination, channel)?;
        let mut contact = match &known {
            Some(known) => known.value.clone(),
            None => self.stranger(destination, now),
        };
        let log = self.tracker.heed_belated(&mut contact, &key)?;
        match &known {
            Some(known) if log.is_empty() => batch.expect(known),
            Some(known) => batch.replace(known, &contact),
            None => batch.insert(&contact),
        }
        write_log(batch, contact.id, now, log, self.random.next_u64());
        Ok(contact)
    }

    /// Who has an address or number that can be answered: whom something went to there last, else
    /// somebody else who has it.
    fn holder(
        &self,
        destination: &Destination,
        channel: Channel,
    ) -> Result<Option<Loaded<Contact>>, SubmitError> {
        let key = destination.lookup_key();
        let works = |contact: &Contact| {
            let mut methods = contact.methods.iter();
            methods.any(|one| one.usable_for(channel) && one.destination.lookup_key() == key)
        };
        if let Some((id, _)) = self.tracker.whose(&key, channel)?
            && let Some(contact) = self.repo.contact(id)?.filter(|contact| works(contact))
        {
            return Ok(Some(contact));
        }
        let recipient = match destination {
            Destination::Email(address) => MailRecipient::Email(address.clone()),
            Destination::Phone(number) => MailRecipient::Text(number.clone()),
        };
        Ok(self.known(&recipient)?.map(|(contact, _)| contact))
    }

    /// `Message-ID` of the last mail in the thread that came in.
    fn answered_mail(
        &self,
        answer: &Answer,
        thread: &Loaded<Thread>,
    ) -> Result<String, SubmitError> {
        if answer.channel != Channel::Email {
            return Ok(String::new());
        }
        let latest = self.repo.messages(thread.id, None, ANSWERED_SEEN_MAX)?;
        let mail = latest
            .rows
            .iter()
            .find(|message| !message.message_id.reveal().is_empty());
        Ok(mail.map_or_else(String::new, |mail| mail.message_id.reveal().clone()))
    }
}
