//! What a channel is told of one attempt, or why nothing goes out now.

#[cfg(test)]
mod tests;

use super::*;
use crate::domain::communication::NO_SUBJECT;
use crate::domain::tracking::LINKS_MAX;
use crate::domain::{Communication, ConfirmLine, Contact, Timestamp};
use crate::safe_html::links::{links, with_targets};

impl Attempts {
    /// Everything the channel must know, or why nothing goes out now: whatever has changed since
    /// the delivery was made counts.
    pub(super) fn look(&self, delivery: &Delivery) -> Result<Look, AttemptError> {
        let communication = self
            .repo
            .communication(delivery.communication)?
            .ok_or(RepoError::Missing("a communication"))?;
        if communication.origin == Origin::Verification {
            return self.look_at_ticket(delivery, &communication);
        }
        if communication.ends_round(delivery.round, self.clock.wall()) {
            return Ok(Look::Instead(Event::Closed(ClosedReason::CalledOff)));
        }
        // A notice that was emptied, as somebody was erased whom it named, says nothing to anybody.
        let is_emptied =
            communication.origin == Origin::Notice && communication.title == NO_SUBJECT;
        if is_emptied {
            return Ok(Look::Instead(Event::Closed(ClosedReason::CalledOff)));
        }
        let Some(contact) = self.repo.current_contact(delivery.contact)? else {
            return Ok(Look::Instead(Event::Closed(ClosedReason::MethodNotUsable)));
        };
        let usable = contact.method_of(delivery).is_some_and(|method| {
            // A corrected address: what was meant for the old one goes nowhere.
            method.usable_for(delivery.channel) && method.destination == delivery.destination
        });
        if !usable {
            return Ok(Look::Instead(Event::Closed(ClosedReason::MethodNotUsable)));
        }
        let wishes = &contact.wishes;
        let asked = communication.origin.heeds_wishes()
            || communication.origin.heeds_refusal_of(delivery.channel);
        if asked && !wishes.allow(delivery.channel, &communication.category) {
            return Ok(Look::Instead(Event::Closed(ClosedReason::NotWanted)));
        }
        if communication.origin.heeds_wishes()
            && !delivery.express
            && let Some(until) = self.quiet_until(&contact, delivery)
        {
            let ticket = None;
            return Ok(Look::Instead(Event::Held { until, ticket }));
        }
        let category = self.tracker.category(&communication.category);
        let written = self.content(communication.content)?;
        let mut content = Arc::clone(&written);
        if let Some(counted) = self.counting(&content, delivery, &communication) {
            content = Arc::new(counted);
        }
        if category.confirmation_required
            && let Some(line) = self.confirm_line(delivery, &communication)
        {
            content = Arc::new(line.under(&content, &contact.language));
        }
        let envelope = self.envelope(delivery, Some(&contact), content);
        let is_report = communication.is_delivery_report();
        Ok(Look::Go(Box::new(AttemptRequest {
            return_path: if is_report {
                String::new()
            } else {
                envelope.return_path.clone()
            },
            submitted: self.submitted(communication.body)?,
            confirmation_required: category.confirmation_required,
            in_reply_to: self.answered(&communication, delivery.id)?,
            links: self.links(delivery, &communication),
            written,
            ..envelope
        })))
    }

    /// The end of the quiet hours that hold a message to this person now.
    fn quiet_until(&self, contact: &Contact, delivery: &Delivery) -> Option<Timestamp> {
        let (quiet, now) = (contact.wishes.quiet_hours, self.clock.wall());
        quiet_until(quiet, delivery.channel, now, &self.zone)
    }

    /// A message that carries a ticket: its person may not be a contact yet. Whoever asked for
    /// it waits for it; anybody else is neither woken for it nor written to against their wish.
    fn look_at_ticket(
        &self,
        delivery: &Delivery,
        communication: &Communication,
    ) -> Result<Look, AttemptError> {
        let Some(links) = &self.public else {
            return Ok(Look::Instead(Event::Closed(ClosedReason::MethodNotUsable)));
        };
        let secrets = links.secrets(delivery.id);
        let ticket = self.repo.ticket(&PublicLinks::token_hash(&secrets.token))?;
        let ticket = ticket.as_deref();
        let contact = self.repo.current_contact(delivery.contact)?;
        let contact = contact.as_deref();
        if let Err(reason) = tickets::may_go(ticket, contact, delivery, self.clock.wall()) {
            return Ok(Look::Instead(Event::Closed(reason)));
        }
        if let (Some(ticket), Some(contact)) = (ticket.filter(|ticket| !ticket.asked), contact) {
            let refused = matches!(delivery.channel, ChannelKind::Text)
                && !contact
                    .wishes
                    .allow(delivery.channel, &communication.category);
            if refused {
                return Ok(Look::Instead(Event::Closed(ClosedReason::NotWanted)));
            }
            if let Some(until) = self.quiet_until(contact, delivery) {
                let ticket = Some(ticket.token_hash);
                return Ok(Look::Instead(Event::Held { until, ticket }));
            }
        }
        let content = self.repo.content(communication.content)?;
        let content = tickets::fill(&content, links, &secrets);
        let language = ticket.map(|ticket| ticket.language.clone());
        Ok(Look::Go(Box::new(AttemptRequest {
            language: language.unwrap_or_default(),
            once: true,
            ..self.envelope(delivery, contact, content)
        })))
    }

    /// What every request has.
    fn envelope(
        &self,
        delivery: &Delivery,
        contact: Option<&Contact>,
        content: Arc<Content>,
    ) -> AttemptRequest {
        let name = contact.map(|contact| {
            let (first, last) = (contact.first_name.reveal(), contact.last_name.reveal());
            format!("{first} {last}").trim().to_owned()
        });
        AttemptRequest {
            delivery: delivery.id,
            attempt: delivery.attempts.saturating_add(1),
            destination: delivery.destination.clone(),
            written: Arc::clone(&content),
            content,
            submitted: None,
            files: Arc::default(),
            recipient_name: name.unwrap_or_default(),
            language: contact.map_or_else(String::new, |contact| contact.language.clone()),
            return_path: self.return_paths.address(delivery.id),
            in_reply_to: None,
            confirmation_required: false,
            links: MailLinks::default(),
            reports: report_params(delivery),
            once: false,
            express: delivery.express,
        }
    }

    /// The links of what somebody wrote to many, those to our pages where there are any. What is
    /// sent by itself, tried out, or answers one person, and what must wake everybody, is nothing
    /// to unsubscribe from.
    fn links(&self, delivery: &Delivery, communication: &Communication) -> MailLinks {
        if !is_to_many(communication) {
            return MailLinks::default();
        }
        let public = self.public.as_ref();
        let tracked = communication.plan.tracked(self.tracking);
        let pictured = public.filter(|_| tracked.opens);
        let unsubscribed = public.filter(|_| !communication.plan.emergency);
        MailLinks {
            pixel: pictured.map(|links| links.pixel(delivery.id)),
            unsubscribe: unsubscribed.map(|links| links.unsubscribe(delivery.id)),
            feedback: Some(format!("{}:{}", communication.id, communication.category)),
        }
    }

    /// What is said with the links of its HTML leading round by us, where they are counted; our own
    /// are not. The plain text keeps them as they are: whoever wants not to be counted reads that.
    fn counting(
        &self,
        content: &Content,
        delivery: &Delivery,
        communication: &Communication,
    ) -> Option<Content> {
        let public = self.public.as_ref()?;
        let counted = delivery.channel == ChannelKind::Email
            && communication.body == Body::Composed
            && is_to_many(communication)
            && communication.plan.tracked(self.tracking).clicks;
        if !counted {
            return None;
        }
        let found = links(&content.html, usize::from(LINKS_MAX));
        let html = with_targets(&content.html, &found, |number, target| {
            let number = u16::try_from(number)
                .ok()
                .filter(|_| !public.is_ours(target))?;
            Some(public.click(delivery.id, number, target))
        });
        Some(Content {
            html,
            ..content.clone()
        })
    }

    /// What a composed message asks to be confirmed with. A call asks for its key by itself.
    fn confirm_line(
        &self,
        delivery: &Delivery,
        communication: &Communication,
    ) -> Option<ConfirmLine> {
        let composed = communication.body == Body::Composed;
        if !composed || !communication.origin.asks_for_confirmation() {
            return None;
        }
        match delivery.channel {
            ChannelKind::Call => None,
            ChannelKind::Email | ChannelKind::Text => {
                let link = self.public.as_ref().map(|links| links.confirm(delivery.id));
                Some(ConfirmLine::new(link))
            }
        }
    }

    fn content(&self, id: BlobId) -> Result<Arc<Content>, RepoError> {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, content)) = contents.iter().find(|(known, _)| *known == id) {
            return Ok(Arc::clone(content));
        }
        let content = Arc::new(self.repo.content(id)?);
        if contents.len() == CONTENTS_MAX {
            contents.remove(0);
        }
        contents.push((id, Arc::clone(&content)));
        Ok(content)
    }

    fn submitted(&self, body: Body) -> Result<Option<Bytes>, AttemptError> {
        match body {
            Body::Composed => Ok(None),
            Body::Submitted(id) => {
                let bytes = self.repo.store().get_blob(id).map_err(RepoError::from)?;
                Ok(Some(bytes.ok_or(RepoError::Missing("a message"))?))
            }
        }
    }

    /// The mail that a reply of ours answers.
    fn answered(
        &self,
        communication: &Communication,
        delivery: DeliveryId,
    ) -> Result<Option<String>, RepoError> {
        if !matches!(communication.origin, Origin::Reply(_)) {
            return Ok(None);
        }
        let messages = self.repo.messages_by_delivery(delivery, 1)?;
        let answered = messages
            .first()
            .map(|message| message.in_reply_to.reveal().clone());
        Ok(answered.filter(|id| !id.is_empty()))
    }
}

/// Whether somebody wrote it to many.
const fn is_to_many(communication: &Communication) -> bool {
    match communication.origin {
        Origin::Console(_) | Origin::Program(_) => true,
        Origin::Submission(_)
        | Origin::Prompt
        | Origin::Test(_)
        | Origin::Reply(_)
        | Origin::Verification
        | Origin::Notice
        | Origin::Keyword => false,
    }
}

/// What the next server is told of what was asked for.
fn report_params(delivery: &Delivery) -> ReportParams {
    let asked = delivery.report.as_ref();
    asked.map_or_else(ReportParams::default, |asked| ReportParams {
        success: asked.on.success,
        original_recipient: asked.original_recipient.clone(),
    })
}
