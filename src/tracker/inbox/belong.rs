//! A thread with somebody unknown becomes a contact's.

use super::super::write::write_log;
use super::super::{Refusal, Tracker, TrackerError};
use super::stop::Word;
use crate::domain::contact::METHODS_MAX;
use crate::domain::details::make_room;
use crate::domain::inbox::THREAD_MESSAGES_MAX;
use crate::domain::{
    Actor, Contact, ContactChange, ContactId, Destination, Direction, LogEvent, Message,
    MessageKind, Method, MethodId, MethodKind, MethodState, Thread, ThreadId, comms_issue,
};
use crate::store::{Batch, Loaded, RowBatch};

/// Threads of one unknown address that go along with the one that was named.
const THREADS_TAKEN_MAX: usize = 20;
/// Messages of a thread that are written down on the contact's log, the latest.
const MESSAGES_LOGGED_MAX: usize = 50;
/// All messages of a thread.
const MESSAGES_MAX: usize = THREAD_MESSAGES_MAX as usize;

/// What attaching a thread came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// It is the contact's from now on, with the other threads of the same unknown address.
    Done,
    /// It has been this contact's before; nothing was written.
    Before(ContactId),
}

impl Tracker {
    /// Says whose a thread is that was nobody's. With `method`, the contact gets that address or
    /// number as one that nobody has proved, unless it is there already. What was written in it
    /// stands on the contact's log from then on.
    ///
    /// # Errors
    /// When there is no such thread or contact, the contact has too many methods, or the store
    /// fails; then nothing was written.
    pub async fn attach_thread(
        &self,
        thread: ThreadId,
        contact: ContactId,
        method: Option<(MethodKind, Destination)>,
        by: Actor,
    ) -> Result<Attached, TrackerError> {
        let named = self
            .repo
            .thread(thread)?
            .ok_or(TrackerError::NotFound("thread"))?;
        let _nothing_comes_in = self.settle_sender(named.address.reveal()).await;
        let attached = self
            .commit_anew(|| self.attaching(thread, contact, method.as_ref(), by))
            .await?;
        if attached == Attached::Done {
            tracing::info!(%thread, %contact, "thread given to a contact");
        }
        Ok(attached)
    }

    /// Lets a STOP count for a contact that comes to have the number it was said from before
    /// anybody knew whose that is. Returns the lines for the log.
    ///
    /// # Errors
    /// When the store fails.
    pub fn heed_belated(
        &self,
        contact: &mut Contact,
        number: &str,
    ) -> Result<Vec<LogEvent>, TrackerError> {
        let mut said: Option<Word> = None;
        let theirs = self.repo.threads_of(contact.id, THREADS_TAKEN_MAX)?;
        let theirs = theirs
            .into_iter()
            .filter(|thread| thread.address.reveal() == number);
        let unknown = self.repo.threads_at(number, THREADS_TAKEN_MAX)?;
        for thread in unknown.into_iter().chain(theirs) {
            let latest = self.repo.messages(thread.id, None, MESSAGES_LOGGED_MAX)?;
            let word = latest.rows.iter().find_map(|message| Word::of(message));
            said = said.into_iter().chain(word).max_by_key(Word::at);
        }
        let line = said.and_then(|word| word.belated(contact, number));
        Ok(line.into_iter().collect())
    }

    fn attaching(
        &self,
        id: ThreadId,
        contact: ContactId,
        method: Option<&(MethodKind, Destination)>,
        by: Actor,
    ) -> Result<(Batch, Attached), TrackerError> {
        let named = self
            .repo
            .thread(id)?
            .ok_or(TrackerError::NotFound("thread"))?;
        if let Some(known) = named.contact {
            return Ok((Batch::new(), Attached::Before(known)));
        }
        let old = self
            .repo
            .contact(contact)?
            .ok_or(TrackerError::NotFound("contact"))?;
        let mut batch = Batch::new();
        let same = self
            .repo
            .threads_at(named.address.reveal(), THREADS_TAKEN_MAX)?;
        let mut threads = vec![named];
        for other in same.into_iter().filter(|other| other.id != id) {
            // Nobody has said of those that they are this person's.
            if !self.is_disowned(&other)? {
                threads.push(other);
            }
        }
        let mut said: Option<Word> = None;
        for thread in &threads {
            let word = self.log_messages(&mut batch, thread, contact)?;
            said = said.into_iter().chain(word).max_by_key(Word::at);
        }
        let from = threads
            .first()
            .map(|thread| thread.address.reveal().clone());
        let from = from.unwrap_or_default();
        let said = said.map(|word| (word, from));
        self.with_method(&mut batch, &old, method, said, by)?;
        for thread in threads {
            let theirs = Thread {
                contact: Some(contact),
                ..thread.value.clone()
            };
            self.enter_thread(&mut batch, &theirs)?;
            batch.replace(&thread, &theirs);
        }
        Ok((batch, Attached::Done))
    }

    /// The contact with the method, unless it is there already, and with what was `said` from
    /// its number before anybody knew whose it is.
    fn with_method(
        &self,
        batch: &mut Batch,
        old: &Loaded<Contact>,
        method: Option<&(MethodKind, Destination)>,
        said: Option<(Word, String)>,
        by: Actor,
    ) -> Result<(), TrackerError> {
        let there = |destination: &Destination| {
            let key = destination.lookup_key();
            let mut methods = old.methods.iter();
            methods.any(|known| {
                known.state != MethodState::Removed && known.destination.lookup_key() == key
            })
        };
        let now = self.clock.wall();
        let mut new = old.value.clone();
        let mut log = Vec::new();
        if let Some((kind, destination)) = method.filter(|(_, to)| !there(to)) {
            make_room(&mut new);
            if new.methods.len() >= METHODS_MAX {
                return Err(TrackerError::Refused(Refusal::TooMany));
            }
            let id = MethodId::new(self.random.uuid_v7(now));
            let method = Method::new(id, *kind, destination.clone());
            let added = ContactChange::MethodAdded;
            log.push(LogEvent::changed(added, Some(&method), by));
            new.methods.push(method);
        }
        log.extend(self.heed_suppressions(&mut new, Some(old))?);
        if let Some((word, from)) = said {
            log.extend(word.belated(&mut new, &from));
        }
        if new == old.value {
            batch.expect(old);
            return Ok(());
        }
        comms_issue::refresh(&mut new, now);
        batch.replace(old, &new);
        self.tell_of_issue(batch, old, &new, now)?;
        write_log(batch, old.id, now, log, self.random.next_u64());
        Ok(())
    }

    /// Whether a thread holds what somebody may have written in another's name, however long ago.
    fn is_disowned(&self, thread: &Thread) -> Result<bool, TrackerError> {
        let all = self.repo.messages(thread.id, None, MESSAGES_MAX)?;
        Ok(all.rows.iter().any(|message| message.is_disowned))
    }

    /// The contact's log tells of what they wrote before anybody knew that it was theirs.
    /// Returns the last word of theirs in it, STOP or START.
    fn log_messages(
        &self,
        batch: &mut Batch,
        thread: &Thread,
        contact: ContactId,
    ) -> Result<Option<Word>, TrackerError> {
        let latest = self.repo.messages(thread.id, None, MESSAGES_LOGGED_MAX)?;
        for message in &latest.rows {
            if let Some(line) = replied(message) {
                let salt = self.random.next_u64();
                write_log(batch, contact, message.at, vec![line], salt);
            }
        }
        let mut words = latest.rows.iter().filter_map(|message| Word::of(message));
        Ok(words.next())
    }
}

fn replied(message: &Message) -> Option<LogEvent> {
    let blob = message.original.or(message.body)?;
    let delivery = message.delivery;
    match (message.direction, message.kind) {
        (Direction::Out, _) => None,
        (Direction::In, MessageKind::Automatic | MessageKind::Report) => {
            Some(LogEvent::RepliedByItself { blob, delivery })
        }
        (
            Direction::In,
            MessageKind::Written | MessageKind::OptOut | MessageKind::OptIn | MessageKind::Keys,
        ) => Some(LogEvent::Replied {
            blob,
            delivery,
            thread: Some(message.thread),
        }),
    }
}
