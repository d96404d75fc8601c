//! Messages that carry a ticket: what is secret in them is put in at each attempt.

use std::sync::Arc;

use crate::domain::ticket::{CODE_PLACE, DIGITS_PLACE, LINK_PLACE};
use crate::domain::{
    ClosedReason, Contact, Content, Delivery, PublicLinks, Ticket, TicketPurpose, TicketSecrets,
    Timestamp,
};

/// Whether the ticket may still go out, or why not. `contact` is none for a sign-up.
pub(super) fn may_go(
    ticket: Option<&Ticket>,
    contact: Option<&Contact>,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), ClosedReason> {
    let ticket = ticket.ok_or(ClosedReason::MethodNotUsable)?;
    if ticket.used_at.is_some() {
        return Err(ClosedReason::ReachedOtherwise);
    }
    let its_own = match ticket.purpose {
        TicketPurpose::Verify | TicketPurpose::LogIn => contact
            .and_then(|contact| contact.method(ticket.method))
            .is_some_and(|method| {
                method.usable_for(delivery.channel) && method.destination == delivery.destination
            }),
        // The address is not the contact's yet: the ticket itself says where to.
        TicketPurpose::Add | TicketPurpose::Replace => ticket.destination == delivery.destination,
    };
    if its_own && ticket.is_open(now) {
        Ok(())
    } else {
        Err(ClosedReason::MethodNotUsable)
    }
}

/// What is said, with link and code.
pub(super) fn fill(
    content: &Content,
    links: &PublicLinks,
    secrets: &TicketSecrets,
) -> Arc<Content> {
    let link = links.ticket(&secrets.token);
    // Full stops make a voice pause between digits.
    let digits: String = secrets
        .code
        .chars()
        .map(|digit| format!("{digit}. "))
        .collect();
    let put = |text: &str| {
        text.replace(CODE_PLACE, &secrets.code)
            .replace(DIGITS_PLACE, digits.trim_end())
            .replace(LINK_PLACE, &link)
    };
    Arc::new(Content {
        subject: content.subject.clone(),
        text: put(&content.text),
        html: String::new(),
        sms_text: put(&content.sms_text),
        voice_script: put(&content.voice_script),
        attachments: Vec::new(),
    })
}
