//! Where something that came in belongs: whose it is, and in which thread.

use std::time::Duration;

use super::super::{Tracker, TrackerError};
use super::{Incoming, SAME_ADDRESS_MAX, bounded_sender};
use crate::domain::inbox::{MESSAGE_ID_SIZE_MAX, THREAD_MESSAGES_MAX, bare_subject};
use crate::domain::{
    Channel, ContactId, Delivery, DeliveryId, Direction, Message, MessageId, MessageKind, Origin,
    Thread, ThreadId, ThreadState, Timestamp,
};
use crate::store::Loaded;

/// Threads of one person looked at.
const THREADS_SEEN_MAX: usize = 20;
/// Messages looked at behind one index entry.
const FOUND_MAX: usize = 8;
/// References of one mail looked at, the last first.
const REFERENCES_MAX: usize = 20;
/// Deliveries of one contact looked at for the one that went to an address.
const DELIVERIES_SEEN_MAX: usize = 20;
/// Messages of one thread looked at for what was said last of whether texts are wanted.
const WORDS_SEEN_MAX: usize = 50;
/// The same text of the same person within this time is the same text: carriers deliver again
/// what they had no answer for.
const SAME_TEXT_WITHIN: Duration = Duration::from_secs(10 * 60);
/// What comes later than this after the last message of a thread that is done begins another.
const REOPENS_WITHIN: Duration = Duration::from_secs(30 * 24 * 3600);

impl Tracker {
    /// Who has an address or number: of several the one to whom something went there last.
    /// Returns that delivery too, if it is one of `channel`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn whose(
        &self,
        lookup_key: &str,
        channel: Channel,
    ) -> Result<Option<(ContactId, Option<DeliveryId>)>, TrackerError> {
        self.whose_by(lookup_key, channel, &[])
    }

    /// The same for a text to one of our numbers: what went out from that number comes before
    /// what went out from another. `ways` are what the ids of such texts begin with.
    ///
    /// # Errors
    /// When the store fails.
    pub fn whose_by(
        &self,
        lookup_key: &str,
        channel: Channel,
        ways: &[String],
    ) -> Result<Option<(ContactId, Option<DeliveryId>)>, TrackerError> {
        let mut best: Option<(ContactId, Option<LastSent>)> = None;
        for contact in self
            .repo
            .contacts_by_address(lookup_key, SAME_ADDRESS_MAX)?
        {
            let last = self.last_sent(contact.id, (lookup_key, channel), ways)?;
            let later = match (&best, &last) {
                (None, _) => true,
                (Some((_, Some(best))), Some(last)) => last > best,
                (Some((_, None)), Some(_)) => true,
                (Some(_), None) => false,
            };
            if later {
                best = Some((contact.id, last));
            }
        }
        Ok(best.map(|(contact, last)| (contact, last.map(|last| last.delivery))))
    }

    /// The last delivery of a person, or of whom that contact took over, that went there; answers
    /// to keywords are nothing that anybody answers.
    fn last_sent(
        &self,
        contact: ContactId,
        (lookup_key, channel): (&str, Channel),
        ways: &[String],
    ) -> Result<Option<LastSent>, TrackerError> {
        let mut last: Option<LastSent> = None;
        for id in self.repo.ids_of(contact)? {
            let sent = self.repo.deliveries_of(id, None, DELIVERIES_SEEN_MAX)?;
            for delivery in &sent.rows {
                let there =
                    delivery.channel == channel && delivery.destination.lookup_key() == lookup_key;
                if !there || self.is_by_keyword(delivery)? {
                    continue;
                }
                let found = LastSent {
                    by_that_way: came_by(delivery, ways),
                    got_at: got_at(delivery),
                    delivery: delivery.id,
                };
                last = last.max(Some(found));
            }
        }
        Ok(last)
    }

    fn is_by_keyword(&self, delivery: &Delivery) -> Result<bool, TrackerError> {
        if delivery.channel != Channel::Text {
            return Ok(false);
        }
        let communication = self.repo.communication(delivery.communication)?;
        Ok(communication.is_some_and(|one| one.origin == Origin::Keyword))
    }

    /// The message as which it stands in its thread already, or anywhere else under its own
    /// name.
    pub(super) fn known(
        &self,
        incoming: &Incoming,
        thread: Option<&Loaded<Thread>>,
    ) -> Result<Option<MessageId>, TrackerError> {
        // A forged copy that came first is not the mail that it copies.
        let same = |message: &Message| {
            let is_same = message.direction == Direction::In
                && message.from.reveal() == &bounded_sender(incoming)
                && (incoming.is_disowned || !message.is_disowned);
            is_same || message.id == incoming.id
        };
        if !incoming.message_id.is_empty() && incoming.message_id.len() <= MESSAGE_ID_SIZE_MAX {
            let found = self
                .repo
                .messages_by_reference(&incoming.message_id, FOUND_MAX)?;
            if let Some(before) = found.iter().find(|message| same(message)) {
                return Ok(Some(before.id));
            }
        }
        if let Some(delivery) = incoming.answers {
            let found = self.repo.messages_by_delivery(delivery, REFERENCES_MAX)?;
            if found.iter().any(|message| message.id == incoming.id) {
                return Ok(Some(incoming.id));
            }
        }
        let (Some(thread), Channel::Text) = (thread, incoming.channel) else {
            return Ok(None);
        };
        if is_word(incoming.kind) {
            // Behind another word it is meant anew.
            let last = self.words(incoming, thread.id)?.into_iter().next();
            let before = last
                .filter(|last| is_repeated(incoming, last) && last.delivery == incoming.answers);
            return Ok(before.map(|message| message.id));
        }
        // Once somebody has read it, "Help!" once more is news.
        if thread.unread == 0 {
            return Ok(None);
        }
        let latest = self.repo.messages(thread.id, None, FOUND_MAX)?;
        let mut since_we_wrote = latest.rows.iter().take_while(|message| {
            message.direction == Direction::In || message.kind == MessageKind::Automatic
        });
        let before = since_we_wrote.find(|message| {
            same(message)
                && message.channel == Channel::Text
                && message.body == incoming.body
                && message.delivery == incoming.answers
                && incoming.at.since(message.at) < SAME_TEXT_WITHIN
        });
        Ok(before.map(|message| message.id))
    }

    /// Whether a START may be one from before the last STOP, which the carrier has delivered once
    /// more: then it takes nothing back, and somebody looks at it.
    pub(super) fn is_taken_back(
        &self,
        incoming: &Incoming,
        thread: ThreadId,
    ) -> Result<bool, TrackerError> {
        if incoming.kind != MessageKind::OptIn || incoming.channel != Channel::Text {
            return Ok(false);
        }
        let words = self.words(incoming, thread)?;
        // It may have been delivered more than once.
        let mut before = words.iter().skip_while(|word| is_repeated(incoming, word));
        let stopped = before.next().map(|word| word.kind) == Some(MessageKind::OptOut);
        Ok(stopped && before.any(|word| is_repeated(incoming, word)))
    }

    /// Every STOP and START of its sender among the last messages of a thread, the newest first.
    fn words(&self, incoming: &Incoming, thread: ThreadId) -> Result<Vec<Message>, TrackerError> {
        let from = bounded_sender(incoming);
        let latest = self.repo.messages(thread, None, WORDS_SEEN_MAX)?;
        let messages = latest.rows.into_iter().map(|row| row.value);
        let words = messages.filter(|message| {
            message.direction == Direction::In
                && message.channel == Channel::Text
                && is_word(message.kind)
                && *message.from.reveal() == from
        });
        Ok(words.collect())
    }

    /// The thread that it goes on with: what it refers to, else an open one of the same person
    /// (and, for a mail, with the same subject), else the last one if that was lately done.
    pub(super) fn thread_for(
        &self,
        incoming: &Incoming,
        delivery: Option<&Delivery>,
    ) -> Result<Option<Loaded<Thread>>, TrackerError> {
        if let Some(thread) = self.referred_to(incoming)? {
            return Ok(Some(thread));
        }
        let threads = match incoming.contact {
            Some(contact) => self.repo.threads_of(contact, THREADS_SEEN_MAX)?,
            None => self
                .repo
                .threads_at(&bounded_sender(incoming), THREADS_SEEN_MAX)?,
        };
        let about = delivery.map(|delivery| delivery.communication);
        let mut fitting = Vec::new();
        for thread in threads {
            let has_room = thread.messages < THREAD_MESSAGES_MAX;
            if goes_on_with(incoming, &thread) && has_room && self.is_alike(incoming, &thread)? {
                let same = about.is_some()
                    && self
                        .repo
                        .messages(thread.id, None, 1)?
                        .rows
                        .iter()
                        .any(|message| message.communication == about);
                fitting.push((thread, same));
            }
        }
        // About the same communication first; then open ones; then the latest.
        fitting.sort_by_key(|(thread, same)| (!same, thread.state));
        Ok(fitting.into_iter().next().map(|(thread, _)| thread))
    }

    /// Whether its author is as certain as those of a thread. What may be written in somebody's name
    /// stands apart from what that person wrote, also while nobody knows whose the address is: the
    /// one is not to become a contact's with the other.
    fn is_alike(&self, incoming: &Incoming, thread: &Thread) -> Result<bool, TrackerError> {
        if thread.contact.is_some() {
            return Ok(true);
        }
        let latest = self.repo.messages(thread.id, None, FOUND_MAX)?;
        let mut theirs = latest.rows.iter();
        let last = theirs.find(|message| message.direction == Direction::In);
        Ok(last.is_none_or(|last| last.is_disowned == incoming.is_disowned))
    }

    fn referred_to(&self, incoming: &Incoming) -> Result<Option<Loaded<Thread>>, TrackerError> {
        let mut messages = Vec::new();
        if let Some(delivery) = incoming.answers {
            messages.extend(self.repo.messages_by_delivery(delivery, FOUND_MAX)?);
        }
        for reference in incoming.references.iter().rev().take(REFERENCES_MAX) {
            messages.extend(self.repo.messages_by_reference(reference, FOUND_MAX)?);
        }
        for message in messages {
            // What we wrote in a thread, what stands in it under that name, another mail that
            // answers the same: not the keys of a call that brought the same alert.
            let leads = message.direction == Direction::Out
                || incoming.references.contains(message.message_id.reveal())
                || (message.channel == Channel::Email && incoming.channel == Channel::Email);
            let Some(thread) = self.repo.thread(message.thread)?.filter(|_| leads) else {
                continue;
            };
            let is_theirs = match (thread.contact, incoming.contact) {
                (Some(one), Some(other)) => self.repo.current_id(one)? == other,
                (None, None) => {
                    *thread.address.reveal() == bounded_sender(incoming)
                        && self.is_alike(incoming, &thread)?
                }
                (Some(_), None) | (None, Some(_)) => false,
            };
            if is_theirs && thread.messages < THREAD_MESSAGES_MAX {
                return Ok(Some(thread));
            }
        }
        Ok(None)
    }
}

/// What went to an address, in the order in which it is answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct LastSent {
    /// From the number that is written to.
    by_that_way: bool,
    /// When it went out; none where nobody can have got it.
    got_at: Option<Timestamp>,
    delivery: DeliveryId,
}

/// When a delivery went out that may have arrived: nobody answers what still waits, nor what the
/// carrier says never came.
fn got_at(delivery: &Delivery) -> Option<Timestamp> {
    delivery.sent_at().filter(|_| delivery.segments_failed == 0)
}

/// Whether it says that texts are wanted or not.
const fn is_word(kind: MessageKind) -> bool {
    match kind {
        MessageKind::OptOut | MessageKind::OptIn => true,
        MessageKind::Written | MessageKind::Automatic | MessageKind::Keys | MessageKind::Report => {
            false
        }
    }
}

/// Whether a word is the same that a message said lately.
fn is_repeated(incoming: &Incoming, message: &Message) -> bool {
    message.kind == incoming.kind
        && message.body == incoming.body
        && incoming.at.since(message.at) < SAME_TEXT_WITHIN
}

fn came_by(delivery: &Delivery, ways: &[String]) -> bool {
    let begins = |id: &String| ways.iter().any(|way| id.starts_with(way.as_str()));
    delivery.remote_ids.iter().any(begins)
}

/// Whether something may stand in a thread of the same person that it does not name.
fn goes_on_with(incoming: &Incoming, thread: &Thread) -> bool {
    let late = incoming.at.since(thread.changed_at) >= REOPENS_WITHIN;
    if thread.state == ThreadState::Done && late {
        return false;
    }
    match incoming.channel {
        Channel::Email => {
            bare_subject(&incoming.subject) == bare_subject(thread.subject.reveal())
                && !thread.subject.reveal().is_empty()
        }
        Channel::Text | Channel::Call => true,
    }
}
