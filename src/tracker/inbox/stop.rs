//! "STOP": no more texts to that number; "START": texts again.

use super::super::write::write_log;
use super::super::{Tracker, TrackerError};
use super::Incoming;
use crate::domain::{
    Actor, Channel, Consent, Contact, ContactChange, LogEvent, Message, MessageId, MessageKind,
    Method, MethodState, ProofKind, Redacted, Timestamp, Wishes,
};
use crate::store::engine::Key;
use crate::store::{Batch, RowBatch};

/// Most people of one number who are seen to in one batch.
pub(super) const HOLDERS_STEP_MAX: usize = 32;

/// How far the people of a number have been seen to.
pub(super) struct Rest {
    /// Which message asks for it.
    pub(super) proof: MessageId,
    /// Behind whom to go on.
    pub(super) after: Option<Key>,
}

/// What somebody wants of a channel from now on.
pub(super) struct Word {
    channel: Channel,
    given: bool,
    at: Timestamp,
    proof: MessageId,
}

impl Tracker {
    /// The number belongs to whoever holds the telephone: what they say counts for everybody
    /// who has it here, a part of them at a time. Returns what is left. Whom it has been done
    /// for before is left alone, so that doing it again from the start only goes on.
    pub(super) fn heed(
        &self,
        batch: &mut Batch,
        incoming: &Incoming,
        rest: Rest,
    ) -> Result<Option<Rest>, TrackerError> {
        let Some(word) = Word::said_in(incoming, rest.proof) else {
            return Ok(None);
        };
        let given = word.given;
        let holders = self
            .repo
            .contacts_at(&incoming.from, rest.after, HOLDERS_STEP_MAX)?;
        for old in holders.rows {
            let Some(method) = held(&old, &incoming.from, incoming.channel) else {
                continue;
            };
            let wishes = word.heeded(&old.wishes);
            let change = if given {
                ContactChange::ConsentGiven
            } else {
                ContactChange::ConsentWithdrawn
            };
            if wishes == old.wishes {
                continue;
            }
            let event = LogEvent::changed(change, Some(method), Actor::Person);
            let new = Contact {
                wishes,
                ..old.value.clone()
            };
            tracing::info!(contact = %new.id, given, "texts wanted or not, by a word in a text");
            batch.replace(&old, &new);
            let salt = self.random.next_u64();
            write_log(batch, new.id, incoming.at, vec![event], salt);
        }
        let proof = rest.proof;
        Ok(holders.next.map(|after| Rest {
            proof,
            after: Some(after),
        }))
    }
}

/// The method by which somebody has the number that a text came from.
pub(super) fn held<'a>(contact: &'a Contact, from: &str, channel: Channel) -> Option<&'a Method> {
    contact.methods.iter().find(|method| {
        method.destination.lookup_key() == from
            && method.kind.takes(channel)
            && method.state != MethodState::Removed
    })
}

impl Word {
    /// The word that a message of the inbox is, if it is one.
    pub(super) fn of(message: &Message) -> Option<Self> {
        Some(Self {
            channel: message.channel,
            given: is_given(message.kind)?,
            at: message.at,
            proof: message.id,
        })
    }

    /// The word that comes in, if it is one; `proof` is the message as which it is kept.
    pub(super) fn said_in(incoming: &Incoming, proof: MessageId) -> Option<Self> {
        Some(Self {
            channel: incoming.channel,
            given: is_given(incoming.kind)?,
            at: incoming.at,
            proof,
        })
    }

    /// What somebody wants who wanted this before, and says it now.
    fn heeded(&self, before: &Wishes) -> Wishes {
        let mut wishes = before.clone();
        if self.given {
            resume(&mut wishes, self);
        } else {
            withdraw(&mut wishes, self, false);
        }
        wishes
    }

    /// Whether there is something to confirm: a no that changes anything, and a yes after which
    /// messages come. Where somebody else said no, it is no answer that they do.
    pub(super) fn has_effect(&self, before: &Wishes) -> bool {
        let after = self.heeded(before);
        if !self.given {
            return after != *before;
        }
        let decision = after.decision(Some(self.channel), None);
        decision.is_none_or(|decision| decision.given)
    }

    /// When it was said.
    pub(super) const fn at(&self) -> Timestamp {
        self.at
    }

    /// Lets a no that was said before anybody knew who says it count for whoever has the
    /// number; a yes takes nothing back here. Returns the line for the log, if it changes
    /// anything.
    pub(super) fn belated(&self, contact: &mut Contact, from: &str) -> Option<LogEvent> {
        let mut wishes = contact.wishes.clone();
        let method = held(contact, from, self.channel).filter(|_| !self.given)?;
        withdraw(&mut wishes, self, true);
        if wishes == contact.wishes {
            return None;
        }
        let withdrawn = ContactChange::ConsentWithdrawn;
        let line = LogEvent::changed(withdrawn, Some(method), Actor::Person);
        contact.wishes = wishes;
        Some(line)
    }

    fn about(&self, category: Option<String>) -> Consent {
        Consent {
            channel: Some(self.channel),
            category,
            given: self.given,
            at: self.at,
            proof: ProofKind::Keyword,
            note: Redacted::new(format!("message {}", self.proof)),
        }
    }
}

/// Whether a message says yes or no; none for every other.
const fn is_given(kind: MessageKind) -> Option<bool> {
    match kind {
        MessageKind::OptOut => Some(false),
        MessageKind::OptIn => Some(true),
        MessageKind::Written | MessageKind::Automatic | MessageKind::Keys | MessageKind::Report => {
            None
        }
    }
}

/// A no to the channel; and to each category to which there was a yes by it, which would outlive
/// the no otherwise. Nothing where that stands already, or where something else was decided later
/// than a no that is only heard of now.
fn withdraw(wishes: &mut Wishes, no: &Word, belated: bool) {
    // A word that comes now counts, whatever clocks have said before.
    let later = |one: &Consent| belated && one.at > no.at;
    let by_it = |one: &Consent| one.channel.is_none_or(|channel| channel == no.channel);
    let narrower: Vec<Option<String>> = wishes
        .consents
        .iter()
        .filter(|one| one.given && one.category.is_some() && by_it(one) && !later(one))
        .map(|one| one.category.clone())
        .filter(|category| wishes.allow(no.channel, category.as_deref().unwrap_or_default()))
        .collect();
    let said = |channel: Option<Channel>| {
        let mut consents = wishes.consents.iter();
        consents.find(|one| one.channel == channel && one.category.is_none())
    };
    let (here, everywhere) = (said(Some(no.channel)), said(None));
    // A no to everything may be what an earlier STOP came to when there was no room for it; one
    // that was said otherwise may be taken back without meaning this one.
    let stands = match here {
        Some(here) => !here.given,
        None => everywhere.is_some_and(|all| !all.given && all.proof == ProofKind::Keyword),
    };
    let decided_later = here.into_iter().chain(everywhere).any(later);
    if !stands && !decided_later {
        wishes.decide(no.about(None));
    }
    for category in narrower {
        wishes.decide(no.about(category));
    }
}

/// A yes wherever a word in a text said no; what was refused in another way stays refused. Nor
/// does it take back the no to everything that a STOP came to when there was no room for it
/// ([`Wishes::decide`]): what was refused before that is not known any more.
fn resume(wishes: &mut Wishes, yes: &Word) {
    let stopped: Vec<Option<String>> = wishes
        .consents
        .iter()
        .filter(|one| !one.given && one.channel == Some(yes.channel))
        .filter(|one| one.proof == ProofKind::Keyword)
        .map(|one| one.category.clone())
        .collect();
    for category in stopped {
        wishes.decide(yes.about(category));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn consent(channel: Option<Channel>, given: bool, hour: u64, proof: ProofKind) -> Consent {
        Consent {
            channel,
            category: None,
            given,
            at: Timestamp::from_millis(hour * HOUR),
            proof,
            note: Redacted::new(String::new()),
        }
    }

    /// Said at ten.
    fn stop() -> Word {
        Word {
            channel: Channel::Text,
            given: false,
            at: Timestamp::from_millis(10 * HOUR),
            proof: MessageId::from_bytes([1; 16]),
        }
    }

    /// Whether texts go after a STOP.
    fn after(known: &Consent, belated: bool) -> bool {
        let mut wishes = Wishes::default();
        wishes.decide(known.clone());
        withdraw(&mut wishes, &stop(), belated);
        wishes.allow(Channel::Text, "Alert")
    }

    #[test]
    fn a_stop_that_is_heard_late_undoes_no_later_yes() {
        let texts = Some(Channel::Text);
        let yes = |hour| consent(texts, true, hour, ProofKind::SelfService);
        assert!(!after(&yes(9), true));
        assert!(after(&yes(11), true));
        assert!(!after(&yes(11), false), "one that comes now counts");
    }

    #[test]
    fn a_no_to_everything_that_was_said_otherwise_swallows_no_stop() {
        let mut wishes = Wishes::default();
        wishes.decide(consent(None, false, 1, ProofKind::SelfService));
        withdraw(&mut wishes, &stop(), false);
        wishes.decide(consent(None, true, 11, ProofKind::SelfService));
        assert!(!wishes.allow(Channel::Text, "Alert"));
        assert!(wishes.allow(Channel::Email, "Alert"));
    }
}
