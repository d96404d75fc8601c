//! Puts what people answer into threads, in the batch that keeps it.

mod answer;
mod belong;
mod place;
mod scan;
mod standing;
mod stop;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

pub use answer::{KEYWORD_CATEGORY, KeywordTexts, ReplySettings};
pub use belong::Attached;
pub use scan::{FileScanner, NotScanned, Scanning};

use super::news::{is_heard, may_be_told, tell_programs};
use super::write::write_log;
use super::{Tracker, TrackerError};
use crate::domain::inbox::{MESSAGE_ID_SIZE_MAX, SENDER_SIZE_MAX};
use crate::domain::{
    Authentication, BlobId, Channel, Contact, ContactId, ContactKind, Delivery, DeliveryId,
    Direction, EventKind, LogEvent, Message, MessageFile, MessageId, MessageKind, News, Origin,
    Redacted, Thread, ThreadId, Timestamp, UserId,
};
use crate::store::{Batch, Loaded, RowBatch};
use stop::Rest;

/// Locks over people; two who share one wait for each other, no more.
pub(super) const LOCKS: usize = 64;

/// Contacts looked at that share one address or number.
const SAME_ADDRESS_MAX: usize = 32;
/// Administrators are told of so many messages of one thread while nobody reads or answers them:
/// a robot that answers robots comes to an end here.
const UNREAD_TOLD_MAX: u32 = 10;

/// Something that came in, matched as far as it can be.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Its id; the same thing has the same however often it is taken in.
    pub id: MessageId,
    /// What it is.
    pub kind: MessageKind,
    /// By which channel.
    pub channel: Channel,
    /// When.
    pub at: Timestamp,
    /// The other side's address or number, in its lookup form.
    pub from: String,
    /// Who that is, where known.
    pub contact: Option<ContactId>,
    /// The delivery that it answers, where known.
    pub answers: Option<DeliveryId>,
    /// Subject of a mail.
    pub subject: String,
    /// Its start.
    pub preview: String,
    /// Its text.
    pub body: Option<BlobId>,
    /// The whole of it as it came.
    pub original: Option<BlobId>,
    /// Files in it.
    pub files: Vec<MessageFile>,
    /// `Message-ID` of a mail, without brackets.
    pub message_id: String,
    /// What a mail refers to, without brackets; the nearest last.
    pub references: Vec<String>,
    /// What was found out about where a mail came from.
    pub authentication: Option<Authentication>,
    /// See [`Message::is_disowned`].
    pub is_disowned: bool,
}

/// What became of something that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It stands in this thread now.
    In(ThreadId),
    /// It had been taken in before.
    Before,
    /// It is on the contact's log at most: a machine said it, or it answers a notice of ours.
    Aside,
}

impl Tracker {
    /// Takes in what somebody answered. `base` is what keeps it; it is written in one batch with
    /// the message, alone if that had been taken in before. Acknowledge it only when this has
    /// resolved.
    ///
    /// # Errors
    /// When the store fails. What was said may be written then, and heeded for some of those who
    /// have the number: taking it in again goes on where it was cut off.
    pub async fn take_in(&self, base: &Batch, incoming: &Incoming) -> Result<Taken, TrackerError> {
        // Old deliveries name contacts that another one has taken over since.
        let mut incoming = incoming.clone();
        if let Some(contact) = incoming.contact {
            incoming.contact = Some(self.repo.current_id(contact)?);
        }
        let _one_by_one = self.threading[lock_of(&incoming)].lock().await;
        let (taken, mut rest, known) = self
            .commit_anew(|| {
                // Whom nobody knew a moment ago may have become somebody.
                let now = self.with_contact(&incoming)?;
                let (batch, taken, rest) = self.taking_in(base.clone(), &now)?;
                Ok((batch, (taken, rest, now.contact.is_some())))
            })
            .await?;
        let incoming = &incoming;
        // Until all of it is done, nothing is acknowledged: what is cut off here is delivered
        // again, and goes on.
        while let Some(Rest { proof, after }) = rest {
            rest = self
                .commit_anew(|| {
                    let mut batch = Batch::new();
                    let after = after.clone();
                    let rest = self.heed(&mut batch, incoming, Rest { proof, after })?;
                    Ok((batch, rest))
                })
                .await?;
        }
        if let Taken::In(thread) = taken {
            tracing::info!(%thread, message = %incoming.id, channel = incoming.channel.as_str(), known, "reply taken in");
        }
        Ok(taken)
    }

    /// The lock under which it is settled whose the threads of an unknown address are: nothing
    /// comes in from there meanwhile.
    pub async fn settle_sender(&self, address: &str) -> tokio::sync::MutexGuard<'_, ()> {
        self.threading[lock_at(address)].lock().await
    }

    fn with_contact(&self, incoming: &Incoming) -> Result<Incoming, TrackerError> {
        let mut now = incoming.clone();
        if now.contact.is_none() && !now.is_disowned {
            let whose = self.whose(&now.from, now.channel)?;
            now.contact = whose.map(|(contact, _)| contact);
        }
        Ok(now)
    }

    fn taking_in(
        &self,
        mut batch: Batch,
        incoming: &Incoming,
    ) -> Result<(Batch, Taken, Option<Rest>), TrackerError> {
        let delivery = match incoming.answers {
            Some(id) => self.repo.delivery(id)?,
            None => None,
        };
        let thread = self.thread_for(incoming, delivery.as_deref())?;
        let is_taken_back = match &thread {
            Some(thread) => self.is_taken_back(incoming, thread.id)?,
            None => false,
        };
        if let Some(before) = self.known(incoming, thread.as_ref())? {
            let rest = Rest {
                proof: before,
                after: None,
            };
            let rest = match is_taken_back {
                true => None,
                false => self.heed(&mut batch, incoming, rest)?,
            };
            return Ok((batch, Taken::Before, rest));
        }
        let to_notice = self.answers_notice(delivery.as_deref())?;
        let aside = to_notice || (incoming.kind == MessageKind::Automatic && thread.is_none());
        let taken = if aside {
            Taken::Aside
        } else {
            let notify = !self.is_staff(incoming)? && self.may_tell(thread.as_ref())?;
            let delivery = delivery.as_deref();
            let message = self.thread_up(&mut batch, incoming, thread, delivery, notify)?;
            Taken::In(message)
        };
        self.log_reply(&mut batch, incoming, delivery.is_some(), taken)?;
        if is_taken_back {
            return Ok((batch, taken, None));
        }
        let rest = Rest {
            proof: incoming.id,
            after: None,
        };
        let rest = self.heed(&mut batch, incoming, rest)?;
        Ok((batch, taken, rest))
    }

    /// Puts the message into its thread, a new one if need be.
    fn thread_up(
        &self,
        batch: &mut Batch,
        incoming: &Incoming,
        thread: Option<Loaded<Thread>>,
        delivery: Option<&Delivery>,
        notify: bool,
    ) -> Result<ThreadId, TrackerError> {
        let mut new = thread.as_ref().map_or_else(
            || {
                let id = ThreadId::new(self.random.uuid_v7(incoming.at));
                Thread::new(id, incoming.contact, incoming.at)
            },
            |thread| thread.value.clone(),
        );
        // Anybody can send a report of a mail that we never sent: it is shown, and wakes nobody.
        let by_machine = matches!(incoming.kind, MessageKind::Automatic | MessageKind::Report);
        let notify = notify && !by_machine;
        let message = Message {
            delivery: delivery.map(|delivery| delivery.id),
            communication: delivery.map(|delivery| delivery.communication),
            notify_at: notify.then_some(incoming.at),
            ..message_of(incoming, new.id)
        };
        new.take(&message, &incoming.subject);
        new.contact = incoming.contact.or(new.contact);
        batch.insert(&message);
        if incoming.kind != MessageKind::Report {
            self.tell_of_reply(batch, &new, &message, thread.as_deref())?;
        }
        self.enter_message(batch, &new, &message, thread.as_deref())?;
        self.answer_keyword(batch, incoming, &mut new, thread.is_some())?;
        match &thread {
            Some(old) => batch.replace(old, &new),
            None => batch.insert(&new),
        }
        Ok(new.id)
    }

    /// Tells programs that somebody answered, unless it or what was said in its thread before is
    /// about a case for those named in it.
    fn tell_of_reply(
        &self,
        batch: &mut Batch,
        thread: &Thread,
        message: &Message,
        before: Option<&Thread>,
    ) -> Result<(), TrackerError> {
        if !is_heard(&self.repo, EventKind::ReplyReceived)? {
            return Ok(());
        }
        let about = match message.communication {
            Some(id) => self.repo.communication(id)?,
            None => None,
        };
        if let Some(about) = about
            && !may_be_told(&self.repo, &about)?
        {
            return Ok(());
        }
        if let Some(before) = before
            && !self.repo.thread_is_open(before.id)?
        {
            return Ok(());
        }
        let news = News {
            communication: message.communication,
            contact: thread.contact,
            delivery: message.delivery,
            thread: Some(message.thread),
            message: Some(message.id),
            address: Some(message.from.clone()),
            ..News::of(EventKind::ReplyReceived)
        };
        tell_programs(batch, &self.repo, &self.random, message.at, &news)?;
        Ok(())
    }

    /// Whether administrators may be told of one more message of this thread.
    fn may_tell(&self, thread: Option<&Loaded<Thread>>) -> Result<bool, TrackerError> {
        let Some(thread) = thread.filter(|thread| thread.unread >= UNREAD_TOLD_MAX) else {
            return Ok(true);
        };
        let latest = self
            .repo
            .messages(thread.id, None, UNREAD_TOLD_MAX as usize)?;
        let ours = |message: &Loaded<Message>| {
            message.direction == Direction::Out && message.kind != MessageKind::Automatic
        };
        Ok(latest.rows.iter().any(ours))
    }

    /// What answers a notice to an administrator goes nowhere: it must not cause another.
    fn answers_notice(&self, delivery: Option<&Delivery>) -> Result<bool, TrackerError> {
        let Some(delivery) = delivery else {
            return Ok(false);
        };
        let communication = self.repo.communication(delivery.communication)?;
        Ok(communication.is_some_and(|communication| communication.origin == Origin::Notice))
    }

    /// Whether one of us writes: nobody is told of that, lest a machine that answers every
    /// notice from a fresh address of ours keep it going.
    fn is_staff(&self, incoming: &Incoming) -> Result<bool, TrackerError> {
        let Some(contact) = incoming.contact else {
            return Ok(false);
        };
        let contact = self.repo.contact(contact)?;
        Ok(contact.is_some_and(|contact| contact.kind == ContactKind::Staff))
    }

    fn log_reply(
        &self,
        batch: &mut Batch,
        incoming: &Incoming,
        answers: bool,
        taken: Taken,
    ) -> Result<(), TrackerError> {
        let (Some(contact), Some(blob)) = (incoming.contact, incoming.original.or(incoming.body))
        else {
            return Ok(());
        };
        if self.repo.contact(contact)?.is_none() {
            return Ok(());
        }
        let delivery = incoming.answers.filter(|_| answers);
        let event = match (incoming.kind, taken) {
            (MessageKind::Automatic | MessageKind::Report, _) => {
                LogEvent::RepliedByItself { blob, delivery }
            }
            (
                MessageKind::Written | MessageKind::OptOut | MessageKind::OptIn | MessageKind::Keys,
                taken,
            ) => LogEvent::Replied {
                blob,
                delivery,
                thread: match taken {
                    Taken::In(thread) => Some(thread),
                    Taken::Aside | Taken::Before => None,
                },
            },
        };
        write_log(
            batch,
            contact,
            incoming.at,
            vec![event],
            self.random.next_u64(),
        );
        Ok(())
    }

    /// Takes in the keys that were pressed in a call, but for the one that confirms. Doing it
    /// twice for one attempt does it once.
    ///
    /// # Errors
    /// When there is no such delivery, or the store fails.
    pub async fn take_keys(
        &self,
        delivery: DeliveryId,
        attempt: u16,
        keys: &str,
    ) -> Result<Taken, TrackerError> {
        let call = self
            .repo
            .delivery(delivery)?
            .ok_or(TrackerError::NotFound("delivery"))?;
        let keys: String = keys.chars().take(crate::domain::inbox::KEYS_MAX).collect();
        let mut base = Batch::new();
        let body = base.blob(keys.clone().into_bytes());
        let incoming = Incoming {
            id: keys_id(delivery, attempt),
            kind: MessageKind::Keys,
            channel: Channel::Call,
            at: self.clock.wall(),
            from: call.destination.lookup_key(),
            contact: Some(call.contact),
            answers: Some(delivery),
            subject: String::new(),
            preview: keys,
            body: Some(body),
            original: None,
            files: Vec::new(),
            message_id: String::new(),
            references: Vec::new(),
            authentication: None,
            is_disowned: false,
        };
        self.take_in(&base, &incoming).await
    }
}

/// The id of the keys that were pressed in one attempt. Never the id of anything else: times before
/// 1970 do not occur, and the deliveries of a set differ in the last octet alone.
fn keys_id(delivery: DeliveryId, attempt: u16) -> MessageId {
    let mut id = *delivery.as_bytes();
    let [high, low] = attempt.to_be_bytes();
    id[0] ^= 0x80;
    id[12] ^= high;
    id[13] ^= low;
    MessageId::from_bytes(id)
}

/// Puts a message that goes out into its thread: whoever writes looks after it from then on, if
/// nobody did.
pub fn inbox_message(
    batch: &mut Batch,
    old: &Loaded<Thread>,
    contact: &Contact,
    message: &Message,
    by: UserId,
) {
    let mut new = old.value.clone();
    new.contact = Some(contact.id);
    new.take(message, "");
    new.assigned.get_or_insert(by);
    batch.insert(message);
    batch.replace(old, &new);
}

fn message_of(incoming: &Incoming, thread: ThreadId) -> Message {
    let message_id = Some(&incoming.message_id).filter(|id| id.len() <= MESSAGE_ID_SIZE_MAX);
    Message {
        id: incoming.id,
        thread,
        direction: Direction::In,
        kind: incoming.kind,
        channel: incoming.channel,
        at: incoming.at,
        from: Redacted::new(bounded_sender(incoming)),
        preview: Redacted::new(crate::domain::inbox::preview(&incoming.preview)),
        body: incoming.body,
        original: incoming.original,
        files: incoming
            .files
            .iter()
            .take(crate::domain::inbox::FILES_MAX)
            .cloned()
            .collect(),
        message_id: Redacted::new(message_id.cloned().unwrap_or_default()),
        in_reply_to: Redacted::new(String::new()),
        delivery: None,
        communication: None,
        by: None,
        notify_at: None,
        authentication: incoming.authentication,
        is_disowned: incoming.is_disowned,
    }
}

/// The sender as it is kept.
fn bounded_sender(incoming: &Incoming) -> String {
    let mut end = incoming.from.len().min(SENDER_SIZE_MAX);
    while !incoming.from.is_char_boundary(end) {
        end -= 1;
    }
    incoming.from[..end].to_lowercase()
}

/// One lock for all that one person, or one unknown address, writes.
fn lock_of(incoming: &Incoming) -> usize {
    match incoming.contact {
        Some(contact) => lock_named(&contact),
        None => lock_at(&bounded_sender(incoming)),
    }
}

fn lock_at(address: &str) -> usize {
    lock_named(&address)
}

fn lock_named(name: &impl Hash) -> usize {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    usize::try_from(hasher.finish() % LOCKS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_of_all_calls_of_a_set_have_ids_of_their_own() {
        let set = DeliveryId::set_of(uuid::Uuid::from_bytes([7; 16]));
        let attempts = 0..300_u16;
        let ids: HashSet<MessageId> = set
            .flat_map(|call| attempts.clone().map(move |attempt| keys_id(call, attempt)))
            .collect();
        assert_eq!(ids.len(), DeliveryId::SET_SIZE * attempts.len());
    }
}
