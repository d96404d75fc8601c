//! A thread with somebody unknown becomes a contact's.

use super::super::write::write_log;
use super::super::{Refusal, Tracker, TrackerError};
use crate::domain::contact::METHODS_MAX;
use crate::domain::{
    Actor, Contact, ContactChange, ContactId, Destination, Direction, LogEvent, Message,
    MessageKind, Method, MethodId, MethodKind, MethodState, Thread, ThreadId, comms_issue,
};
use crate::store::{Batch, Loaded, RowBatch};

/// Threads of one unknown address that go along with the one that was named.
const THREADS_TAKEN_MAX: usize = 20;
/// Messages of a thread that are written down on the contact's log, the latest.
const MESSAGES_LOGGED_MAX: usize = 50;

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
        let attached = self
            .commit_anew(|| self.attaching(thread, contact, method.as_ref(), by))
            .await?;
        if attached == Attached::Done {
            tracing::info!(%thread, %contact, "thread given to a contact");
        }
        Ok(attached)
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
        let others = same.into_iter().filter(|other| other.id != id);
        let threads: Vec<_> = std::iter::once(named).chain(others).collect();
        let mut said_stop = false;
        for thread in &threads {
            said_stop |= self.log_messages(&mut batch, thread, contact)?;
        }
        self.with_method(&mut batch, &old, method, said_stop, by)?;
        for thread in threads {
            let theirs = Thread {
                contact: Some(contact),
                ..thread.value.clone()
            };
            batch.replace(&thread, &theirs);
        }
        Ok((batch, Attached::Done))
    }

    fn with_method(
        &self,
        batch: &mut Batch,
        old: &Loaded<Contact>,
        method: Option<&(MethodKind, Destination)>,
        said_stop: bool,
        by: Actor,
    ) -> Result<(), TrackerError> {
        let there = |destination: &Destination| {
            let mut methods = old.methods.iter();
            methods.any(|known| {
                known.state != MethodState::Removed && known.destination == *destination
            })
        };
        let Some((kind, destination)) = method.filter(|(_, to)| !there(to)) else {
            batch.expect(old);
            return Ok(());
        };
        if old.methods.len() >= METHODS_MAX {
            return Err(TrackerError::Refused(Refusal::TooMany));
        }
        let now = self.clock.wall();
        let method = Method {
            id: MethodId::new(self.random.uuid_v7(now)),
            kind: *kind,
            destination: destination.clone(),
            // Who has said STOP before anybody knew them has said it.
            state: if said_stop {
                MethodState::OptedOut
            } else {
                MethodState::Unverified
            },
            suspension: None,
            soft_failures: Vec::new(),
            suspensions: 0,
            verified_at: None,
        };
        let line = LogEvent::changed(ContactChange::MethodAdded, Some(&method), by);
        let mut new = old.value.clone();
        new.methods.push(method);
        comms_issue::refresh(&mut new, now);
        batch.replace(old, &new);
        write_log(batch, old.id, now, vec![line], self.random.next_u64());
        Ok(())
    }

    /// The contact's log tells of what they wrote before anybody knew that it was theirs.
    /// Returns whether they said STOP in it.
    fn log_messages(
        &self,
        batch: &mut Batch,
        thread: &Thread,
        contact: ContactId,
    ) -> Result<bool, TrackerError> {
        let latest = self.repo.messages(thread.id, None, MESSAGES_LOGGED_MAX)?;
        for message in &latest.rows {
            if let Some(line) = replied(message) {
                let salt = self.random.next_u64();
                write_log(batch, contact, message.at, vec![line], salt);
            }
        }
        // The last word counts: STOP, or START after it.
        let words = latest.rows.iter().map(|message| message.kind);
        let mut words =
            words.filter(|kind| matches!(kind, MessageKind::OptOut | MessageKind::OptIn));
        Ok(words.next() == Some(MessageKind::OptOut))
    }
}

fn replied(message: &Message) -> Option<LogEvent> {
    let blob = message.original.or(message.body)?;
    let delivery = message.delivery;
    match (message.direction, message.kind) {
        (Direction::Out, _) => None,
        (Direction::In, MessageKind::Automatic) => {
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
