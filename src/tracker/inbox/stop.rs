//! "STOP": no more texts to that number.

use super::super::write::write_log;
use super::super::{Tracker, TrackerError};
use super::{Incoming, SAME_ADDRESS_MAX};
use crate::domain::{
    Actor, Consent, ContactChange, LogEvent, MethodState, ProofKind, Redacted, Wishes,
};
use crate::store::{Batch, RowBatch};

impl Tracker {
    /// The number belongs to whoever holds the telephone: whoever has it here gets no more texts.
    pub(super) fn opt_out(
        &self,
        batch: &mut Batch,
        incoming: &Incoming,
    ) -> Result<(), TrackerError> {
        let holders = self
            .repo
            .contacts_by_address(&incoming.from, SAME_ADDRESS_MAX)?;
        for old in holders {
            let has_it = old.methods.iter().find(|method| {
                method.destination.lookup_key() == incoming.from
                    && method.kind.takes(incoming.channel)
                    && method.state != MethodState::Removed
            });
            let Some(method) = has_it else {
                continue;
            };
            let event =
                LogEvent::changed(ContactChange::ConsentWithdrawn, Some(method), Actor::Person);
            let mut new = old.value.clone();
            withdraw(&mut new.wishes, incoming);
            tracing::info!(contact = %new.id, "no more texts, by a word in a text");
            batch.replace(&old, &new);
            write_log(
                batch,
                new.id,
                incoming.at,
                vec![event],
                self.random.next_u64(),
            );
        }
        Ok(())
    }
}

/// A no to the channel; and to each category to which there was a yes by it, which would outlive
/// the no otherwise.
fn withdraw(wishes: &mut Wishes, incoming: &Incoming) {
    let no = |category: Option<String>| Consent {
        channel: Some(incoming.channel),
        category,
        given: false,
        at: incoming.at,
        proof: ProofKind::Keyword,
        note: Redacted::new(format!("message {}", incoming.id)),
    };
    let narrower: Vec<Option<String>> = wishes
        .consents
        .iter()
        .filter(|one| one.given && one.category.is_some())
        .filter(|one| {
            one.channel
                .is_none_or(|channel| channel == incoming.channel)
        })
        .map(|one| one.category.clone())
        .collect();
    wishes.decide(no(None));
    for category in narrower {
        wishes.decide(no(category));
    }
}
