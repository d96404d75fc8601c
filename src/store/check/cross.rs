//! What must hold between rows.

use super::Check;
use crate::domain::comms_issue::{Reachability, reachability};
use crate::domain::{
    ApiToken, AudienceChunk, BlobId, Body, Communication, CommunicationId, CommunicationState,
    Contact, Content, Delivery, DeliverySet, InboundMail, Merger, Message, Person, RoundJob,
    Session, Thread,
};
use crate::domain::{AreaPlace, PastTemplate, Template};
use crate::domain::{ImportFindings, ImportImage, ImportJob};
use crate::store::engine::{KeyRange, Result};
use crate::store::keys::{self, KeyBuilder};
use crate::store::records::Record;

/// What one of a set is called in problems and counts.
const DELIVERY: &str = "delivery";

impl Check<'_> {
    pub(super) fn contact(&mut self, contact: &Contact) -> Result<()> {
        let id = || contact.id.to_string();
        let has_issue = reachability(contact) != Reachability::Fine;
        if contact.issue_since.is_some() != has_issue {
            self.problem(
                Contact::NAME,
                id(),
                "its methods and the date of its issue disagree",
            );
        }
        match contact.area {
            Some(area) if !self.exists(&keys::area(area))? => {
                self.problem(Contact::NAME, id(), "its area is missing");
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    pub(super) fn merger(&mut self, merger: &Merger) -> Result<()> {
        if self.exists(&keys::contact(merger.from))? {
            self.problem(
                Merger::NAME,
                merger.from.to_string(),
                "the contact that was taken over is still there",
            );
        }
        Ok(())
    }

    pub(super) fn past_template(&mut self, past: &PastTemplate) -> Result<()> {
        let now: Option<Template> = self.read(&keys::template(past.0.id))?;
        if now.is_none_or(|now| now.version <= past.0.version) {
            let what = "the template itself is missing or older";
            self.problem(PastTemplate::NAME, past.0.id.to_string(), what);
        }
        Ok(())
    }

    pub(super) fn person(&mut self, person: &Person) -> Result<()> {
        *self.people.entry(person.communication).or_default() += 1;
        let id = || person.communication.to_string();
        self.communication_exists(Person::NAME, person.communication, &id())?;
        for known in &person.deliveries {
            let set: Option<DeliverySet> = self.read(&keys::delivery_set(known.delivery.set()))?;
            let deliveries = set.iter().flat_map(|set| set.deliveries());
            let row = deliveries.into_iter().find(|one| one.id == known.delivery);
            let agrees = row.is_some_and(|delivery| {
                delivery.communication == person.communication
                    && delivery.contact == person.contact
                    && delivery.method == known.method
                    && delivery.status() == known.status
                    && delivery.closed.is_some() == known.closed
            });
            if !agrees {
                let what = format!("delivery {} is missing or stands elsewhere", known.delivery);
                self.problem(Person::NAME, id(), what);
            }
        }
        Ok(())
    }

    /// Comes after all people have been counted.
    pub(super) fn communication(&mut self, communication: &Communication) -> Result<()> {
        let id = communication.id.to_string();
        let content = self.blob(communication.content)?;
        match content.as_ref().map(|bytes| Content::from_bytes(bytes)) {
            Some(Ok(content)) => self.attachments(&id, &content)?,
            Some(Err(_)) => {
                self.problem(Communication::NAME, id.clone(), "its content does not read")
            }
            None => self.problem(Communication::NAME, id.clone(), "its content is missing"),
        }
        if let Body::Submitted(message) = communication.body
            && self.blob(message)?.is_none()
        {
            self.problem(Communication::NAME, id.clone(), "its message is missing");
        }
        let approved = communication.approval.as_ref();
        let lists = [
            communication.audience.list,
            approved.and_then(|approval| approval.people),
        ];
        for list in lists.into_iter().flatten() {
            if self.blob(list)?.is_none() {
                let what = "its recipient list is missing";
                self.problem(Communication::NAME, id.clone(), what);
            }
        }
        let people = self.people.get(&communication.id).copied().unwrap_or(0);
        match communication.state {
            CommunicationState::Sent if people != communication.people => {
                let what = format!("is for {} people and has {people}", communication.people);
                self.problem(Communication::NAME, id, what);
            }
            CommunicationState::Expanding if !self.has_round(communication.id)? => {
                self.problem(
                    Communication::NAME,
                    id,
                    "is expanding, and no round does it",
                );
            }
            CommunicationState::Scheduled if communication.plan.scheduled_at.is_none() => {
                self.problem(Communication::NAME, id, "is scheduled and has no time");
            }
            CommunicationState::Draft
            | CommunicationState::AwaitingApproval
            | CommunicationState::Scheduled
                if people != 0 =>
            {
                self.problem(Communication::NAME, id, "is not sent and has people");
            }
            CommunicationState::Sent
            | CommunicationState::Expanding
            | CommunicationState::Draft
            | CommunicationState::AwaitingApproval
            | CommunicationState::Scheduled => {}
        }
        Ok(())
    }

    fn attachments(&mut self, id: &str, content: &Content) -> Result<()> {
        for attachment in &content.attachments {
            if self.blob(attachment.blob)?.is_none() {
                let what = "one of its attachments is missing";
                self.problem(Communication::NAME, id.to_owned(), what);
            }
        }
        Ok(())
    }

    pub(super) fn audience_chunk(&mut self, chunk: &AudienceChunk) -> Result<()> {
        let id = chunk.communication.to_string();
        self.communication_exists(AudienceChunk::NAME, chunk.communication, &id)
    }

    pub(super) fn round(&mut self, round: &RoundJob) -> Result<()> {
        let id = round.communication.to_string();
        self.communication_exists(RoundJob::NAME, round.communication, &id)
    }

    pub(super) fn delivery_set(&mut self, set: &DeliverySet) -> Result<()> {
        for delivery in set.deliveries() {
            self.delivery(delivery)?;
        }
        Ok(())
    }

    fn delivery(&mut self, delivery: &Delivery) -> Result<()> {
        *self.report.rows.entry(DELIVERY).or_default() += 1;
        let id = delivery.id.to_string();
        self.communication_exists(DELIVERY, delivery.communication, &id)?;
        let person: Option<Person> =
            self.read(&keys::person(delivery.communication, delivery.contact))?;
        let known = person.is_some_and(|person| {
            let mut deliveries = person.deliveries.iter();
            deliveries.any(|known| known.delivery == delivery.id)
        });
        if !known {
            self.problem(DELIVERY, id.clone(), "its person does not know it");
        }
        if delivery.status().channel() != delivery.channel {
            self.problem(DELIVERY, id.clone(), "its status is another channel's");
        }
        let is_over = delivery.status().is_settled() || delivery.closed.is_some();
        if !is_over && delivery.due.is_none() && !self.has_turn_coming(delivery)? {
            self.problem(DELIVERY, id, "is not done and waits in no queue");
        } else if delivery.closed.is_some() && delivery.due.is_some() {
            self.problem(DELIVERY, id, "is closed and waits in a queue");
        }
        Ok(())
    }

    pub(super) fn inbound(&mut self, mail: &InboundMail) -> Result<()> {
        if self.blob(mail.message)?.is_none() {
            self.problem(
                InboundMail::NAME,
                super::hex(&mail.id),
                "its message is missing",
            );
        }
        Ok(())
    }

    pub(super) fn message(&mut self, message: &Message) -> Result<()> {
        let id = message.id.to_string();
        *self.messages.entry(message.thread).or_default() += 1;
        if !self.exists(&keys::thread(message.thread))? {
            self.problem(Message::NAME, id.clone(), "its thread is missing");
        }
        for blob in [message.body, message.original].into_iter().flatten() {
            if self.blob(blob)?.is_none() {
                self.problem(Message::NAME, id.clone(), "its text is missing");
            }
        }
        Ok(())
    }

    /// Comes after all messages have been counted.
    pub(super) fn thread(&mut self, thread: &Thread) -> Result<()> {
        let messages = self.messages.get(&thread.id).copied().unwrap_or(0);
        if messages != thread.messages {
            let what = format!("says {} messages and has {messages}", thread.messages);
            self.problem(Thread::NAME, thread.id.to_string(), what);
        }
        Ok(())
    }

    pub(super) fn import(&mut self, job: &ImportJob) -> Result<()> {
        let id = || job.id.to_string();
        if job.state.is_working() && job.due.is_none() {
            let what = "is to be worked on and waits in no queue";
            self.problem(ImportJob::NAME, id(), what);
        }
        match job.file {
            Some(file) if self.blob(file)?.is_none() => {
                self.problem(ImportJob::NAME, id(), "its file is missing");
            }
            Some(_) | None => {}
        }
        Ok(())
    }

    pub(super) fn findings(&mut self, chunk: &ImportFindings) -> Result<()> {
        if !self.exists(&keys::import(chunk.import))? {
            let id = chunk.import.to_string();
            self.problem(ImportFindings::NAME, id, "its import is missing");
        }
        Ok(())
    }

    pub(super) fn image(&mut self, image: &ImportImage) -> Result<()> {
        if !self.exists(&keys::import(image.import))? {
            let id = image.import.to_string();
            self.problem(ImportImage::NAME, id, "its import is missing");
        }
        Ok(())
    }

    pub(super) fn session(&mut self, session: &Session) -> Result<()> {
        if !self.exists(&keys::user(session.user))? {
            self.problem(
                Session::NAME,
                session.user.to_string(),
                "its user is missing",
            );
        }
        Ok(())
    }

    pub(super) fn area_place(&mut self, place: &AreaPlace) -> Result<()> {
        if !self.exists(&keys::area(place.area()))? {
            let id = place.area().to_string();
            self.problem(AreaPlace::NAME, id, "its area is missing");
        }
        Ok(())
    }

    pub(super) fn api_token(&mut self, token: &ApiToken) -> Result<()> {
        if !self.exists(&keys::user(token.user))? {
            self.problem(
                ApiToken::NAME,
                token.user.to_string(),
                "its user is missing",
            );
        }
        Ok(())
    }

    fn communication_exists(
        &mut self,
        place: &'static str,
        communication: CommunicationId,
        id: &str,
    ) -> Result<()> {
        if !self.exists(&keys::communication(communication))? {
            self.problem(place, id.to_owned(), "its communication is missing");
        }
        Ok(())
    }

    /// Whether it waits for its lane, and a round is there to put it there.
    fn has_turn_coming(&self, delivery: &Delivery) -> Result<bool> {
        let round = keys::round(delivery.communication, delivery.round);
        Ok(delivery.awaits_turn && self.exists(&round)?)
    }

    fn has_round(&self, communication: CommunicationId) -> Result<bool> {
        let prefix = KeyBuilder::new(keys::ROUND).bytes(communication.as_bytes());
        let found = self.store.scan(KeyRange::prefix(prefix.build()), 1)?;
        Ok(!found.is_empty())
    }

    pub(super) fn exists(&self, key: &[u8]) -> Result<bool> {
        Ok(self.store.get(key)?.is_some())
    }

    fn read<T: Record>(&self, key: &[u8]) -> Result<Option<T>> {
        let bytes = self.store.get(key)?;
        Ok(bytes.and_then(|bytes| T::from_bytes(&bytes).ok()))
    }

    /// The blob, if its bytes are what its id says.
    pub(super) fn blob(&mut self, id: BlobId) -> Result<Option<bytes::Bytes>> {
        self.report.blobs += 1;
        let bytes = self.store.get_blob(id)?;
        Ok(bytes.filter(|bytes| BlobId::of(bytes) == id))
    }
}
