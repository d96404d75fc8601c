//! A new address or number in a reply: where that is wanted, its person is asked by itself to
//! prove it, and only then does it take the place of the old one.

use super::{SubmitError, Submitter};
use crate::domain::repair::{Repair, found_in, instead_of};
use crate::domain::{Direction, Message, MessageKind};

impl Submitter {
    /// Asks for proof of the one new address or number that a message holds; of several nobody
    /// knows which is meant. Doing it again asks again only as often as anybody may be asked.
    ///
    /// # Errors
    /// When the store fails; it is then still to be done.
    pub(super) async fn repair(&self, message: &Message) -> Result<(), SubmitError> {
        let replies = self.tracker.replies();
        let written = message.kind == MessageKind::Written && !message.is_disowned;
        let wanted = replies.repair == Repair::Automatic
            && message.direction == Direction::In
            && written
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
