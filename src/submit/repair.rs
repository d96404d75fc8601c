//! A new address or number in a reply: where that is wanted, its person is asked by itself to
//! prove it, and only then does it take the place of the old one.

use super::{SubmitError, Submitter};
use crate::domain::repair::{Repair, found_in, instead_of};
use crate::domain::{Channel, Direction, Message, MessageKind, Provenance};

impl Submitter {
    /// Asks for proof of the one new address or number that a message holds; of several nobody
    /// knows which is meant. Whoever reads what is sent there proves that it is theirs and not whose
    /// contact it is: so a mail has to come from its author's domain for certain. Doing it again asks
    /// again only as often as anybody may be asked.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn repair(&self, message: &Message) -> Result<(), SubmitError> {
        let replies = self.tracker.replies();
        let written = message.kind == MessageKind::Written && !message.is_disowned;
        let wanted = replies.repair == Repair::Automatic
            && message.direction == Direction::In
            && written
            && is_theirs(message)
            && message.notify_at.is_some();
        if !wanted {
            return Ok(());
        }
        let thread = self.repo.thread(message.thread)?;
        let contact = match thread.and_then(|thread| thread.contact) {
            Some(contact) => self.repo.current_contact(contact)?,
            None => None,
        };
        let Some(contact) = contact else {
            return Ok(());
        };
        let text = match message.body {
            Some(body) => self.repo.text(body)?,
            None => message.preview.reveal().clone(),
        };
        let new = found_in(&text, &replies.region);
        let mut new = new
            .into_iter()
            .filter_map(|found| Some((instead_of(&contact, &found)?.id, found)));
        let (Some((method, destination)), None) = (new.next(), new.next()) else {
            return Ok(());
        };
        let asked = self
            .request_replacement(contact.id, method, destination)
            .await;
        match asked {
            Ok(asked) => {
                tracing::info!(contact = %contact.id, %method, ?asked, "proof asked of what somebody wrote");
                Ok(())
            }
            // Somebody removed it meanwhile.
            Err(SubmitError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Whether it comes from whom it names, as far as its channel can tell.
fn is_theirs(message: &Message) -> bool {
    let found = message.authentication.as_ref();
    match message.channel {
        Channel::Email => found.is_some_and(|found| found.provenance() == Provenance::Proven),
        Channel::Text | Channel::Call => true,
    }
}
