//! Links and codes by which people prove that a method is theirs, or log in. Each is a ticket
//! and the delivery that carries it, made in one batch.

use std::time::Duration;

use super::verification_texts::content;
use super::{CONFLICTS_MAX, SubmitError, Submitter, is_conflict};
use crate::domain::ticket::{
    CODE_LIFETIME, CODE_LIFETIME_UNASKED, CODE_TRIES_MAX, SIGN_UPS_MAX, TICKET_COOL_DOWN,
    TICKET_WINDOW, TICKETS_MAX, TICKETS_PER_DESTINATION_MAX, VERIFY_LIFETIME,
};
use crate::domain::{
    Actor, Channel, Channels, Communication, CommunicationId, Contact, ContactChange, ContactId,
    Destination, LogEvent, Method, MethodId, MethodState, Origin, PublicLinks, SignUp, Ticket,
    TicketPurpose, Timestamp, UserId,
};
use crate::store::records::Record;
use crate::store::{Batch, RowBatch};
use crate::tracker::{NewDelivery, TicketUse, make_to_one, write_log};

/// Name of the category that these messages belong to.
pub const VERIFICATION_CATEGORY: &str = "Verification";
/// Most contacts looked at that share one address.
const SAME_ADDRESS_MAX: usize = 32;

/// What must be known to lead people to the public pages.
#[derive(Clone, Debug)]
pub struct PublicPages {
    /// Makes the links and what is secret in them.
    pub links: PublicLinks,
    /// Who we are, in messages.
    pub organisation: String,
}

/// What became of asking for a link or code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerificationSent {
    /// It is on its way.
    Queued(Channel),
    /// One went there less than a minute ago.
    TooSoon,
    /// Too many went there within a day, or there are too many at all.
    TooMany,
    /// The method has been proved, is suspended, opted out of or removed, or the channel does
    /// not reach it.
    NotPossible,
    /// There are no public pages.
    Off,
}

/// What a person proves a method with.
#[derive(Clone, Debug)]
pub enum Proof<'a> {
    /// What stands in a link.
    Token(&'a str),
    /// Six digits that went to this address or number.
    Code {
        /// Where to.
        destination: &'a Destination,
        /// The digits.
        code: &'a str,
    },
}

/// What somebody wrote to sign up.
#[derive(Clone, Debug)]
pub struct SelfSignUp {
    /// The contact as it is going to be; its methods are asked to be proved, one by one.
    pub contact: Contact,
}

struct Wanted<'a> {
    purpose: TicketPurpose,
    contact: &'a Contact,
    method: &'a Method,
    channel: Channel,
    by: Actor,
}

impl Submitter {
    /// Where the public pages are, if there are any.
    #[must_use]
    pub fn public_pages(&self) -> Option<&PublicPages> {
        self.public.as_deref()
    }

    /// Asks a person to prove a method that nobody has proved yet: by a link in a mail, a code in a
    /// text, a code spoken in a call. Not more often than once a minute and
    /// [`TICKETS_PER_DESTINATION_MAX`] times a day.
    ///
    /// # Errors
    /// When there is no such contact or method, or the store fails; then nothing was written.
    pub async fn send_verification(
        &self,
        contact: ContactId,
        method: MethodId,
        by: Actor,
    ) -> Result<VerificationSent, SubmitError> {
        self.send_verification_by(contact, method, None, by).await
    }

    /// The same by a channel of one's choice: a mobile can be called, too.
    ///
    /// # Errors
    /// As [`Submitter::send_verification`].
    pub async fn send_verification_by(
        &self,
        contact: ContactId,
        method: MethodId,
        channel: Option<Channel>,
        by: Actor,
    ) -> Result<VerificationSent, SubmitError> {
        let contact = self.repo.contact(contact)?.ok_or(SubmitError::NotFound)?;
        let method = contact.method(method).ok_or(SubmitError::NotFound)?;
        let channel = channel.unwrap_or_else(|| method.kind.usual_channel());
        if method.state != MethodState::Unverified || !method.usable_for(channel) {
            return Ok(VerificationSent::NotPossible);
        }
        let wanted = Wanted {
            purpose: TicketPurpose::Verify,
            contact: &contact,
            method,
            channel,
            by,
        };
        self.issue(&wanted, None).await
    }

    /// Corrects an address or number and asks the person to prove the new one. One that is as it
    /// was is left alone.
    ///
    /// # Errors
    /// When there is no such contact or method, or the store fails. Corrected it may be even
    /// then: asking can be repeated.
    pub async fn correct(
        &self,
        contact: ContactId,
        method: MethodId,
        destination: Destination,
        by: UserId,
    ) -> Result<VerificationSent, SubmitError> {
        self.tracker
            .correct(contact, method, destination, by)
            .await?;
        self.send_verification(contact, method, Actor::User(by))
            .await
    }

    /// Asks a person to prove methods that are new or corrected. One that was asked about just
    /// now is not asked about again.
    ///
    /// The methods are written down already: whoever did that must not do it once more because
    /// asking fails. It is logged; asking can be repeated.
    pub async fn ask_for_proof(&self, contact: ContactId, methods: &[MethodId], by: Actor) {
        for method in methods {
            match self.send_verification(contact, *method, by).await {
                // Somebody removed it meanwhile: nothing is left to prove.
                Ok(_) | Err(SubmitError::NotFound) => {}
                Err(error) => {
                    tracing::error!(contact = %contact, method = %method, %error, "nobody could be asked for proof of a method");
                }
            }
        }
    }

    /// Sends a link and code to log in, if somebody is known by this address or number. Says
    /// nothing about it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn request_log_in(
        &self,
        destination: &Destination,
        channel: Option<Channel>,
    ) -> Result<(), SubmitError> {
        let Some((contact, method)) = self.known_by(destination)? else {
            return Ok(());
        };
        let Some(method) = contact.method(method) else {
            return Ok(());
        };
        let wanted = Wanted {
            purpose: TicketPurpose::LogIn,
            contact: &contact,
            method,
            channel: channel.unwrap_or_else(|| method.kind.usual_channel()),
            by: Actor::Person,
        };
        if method.usable_for(wanted.channel) {
            self.issue(&wanted, None).await?;
        }
        Ok(())
    }

    /// Takes in somebody new: nothing but tickets is made until one of the methods is proved. An
    /// address that is known already gets a link to log in instead. Says nothing about it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sign_up(&self, sign_up: SelfSignUp) -> Result<(), SubmitError> {
        let now = self.clock.wall();
        let methods = sign_up.contact.methods.clone();
        let mut pending = Some(SignUp {
            contact: Contact {
                methods: Vec::new(),
                ..sign_up.contact
            },
            expires_at: now.plus(VERIFY_LIFETIME),
            became: None,
        });
        let Some(contact) = pending.as_ref().map(|pending| pending.contact.clone()) else {
            return Ok(());
        };
        if self.repo.sign_up_count()? >= SIGN_UPS_MAX {
            tracing::warn!("too many sign-ups wait to be confirmed; one was refused");
            return Ok(());
        }
        for method in &methods {
            if self.known_by(&method.destination)?.is_some() {
                self.request_log_in(&method.destination, None).await?;
                continue;
            }
            let wanted = Wanted {
                purpose: TicketPurpose::Add,
                contact: &contact,
                method,
                channel: method.kind.usual_channel(),
                by: Actor::Person,
            };
            let sent = self.issue(&wanted, pending.as_ref()).await?;
            if matches!(sent, VerificationSent::Queued(_)) {
                // Written with the first ticket; the others find it.
                pending = None;
            }
        }
        Ok(())
    }

    /// Asks a person to prove a method that is to be added.
    ///
    /// # Errors
    /// When there is no such contact, or the store fails.
    pub async fn request_addition(
        &self,
        contact: ContactId,
        method: &Method,
    ) -> Result<VerificationSent, SubmitError> {
        let contact = self.repo.contact(contact)?.ok_or(SubmitError::NotFound)?;
        let wanted = Wanted {
            purpose: TicketPurpose::Add,
            contact: &contact,
            method,
            channel: method.kind.usual_channel(),
            by: Actor::Person,
        };
        self.issue(&wanted, None).await
    }

    /// Asks a person to prove an address or number that is to take the place of another one.
    /// The old one is used until then.
    ///
    /// # Errors
    /// When there is no such contact or method, or the store fails.
    pub async fn request_replacement(
        &self,
        contact: ContactId,
        method: MethodId,
        destination: Destination,
    ) -> Result<VerificationSent, SubmitError> {
        let contact = self.repo.contact(contact)?.ok_or(SubmitError::NotFound)?;
        let mut method = contact.method(method).ok_or(SubmitError::NotFound)?.clone();
        if method.state == MethodState::Removed {
            return Ok(VerificationSent::NotPossible);
        }
        method.destination = destination;
        let wanted = Wanted {
            purpose: TicketPurpose::Replace,
            contact: &contact,
            method: &method,
            channel: method.kind.usual_channel(),
            by: Actor::Person,
        };
        self.issue(&wanted, None).await
    }

    /// Uses a link or code.
    ///
    /// # Errors
    /// When the store fails; then nothing was written.
    pub async fn verify(&self, proof: Proof<'_>) -> Result<TicketUse, SubmitError> {
        let Some(pages) = self.public_pages() else {
            return Ok(TicketUse::Refused);
        };
        let used = match proof {
            Proof::Token(token) => {
                let hash = PublicLinks::token_hash(token);
                self.tracker.use_ticket(&hash).await?
            }
            Proof::Code { destination, code } => {
                let to = destination.lookup_key();
                let hash = pages.links.code_hash(&to, code);
                self.tracker.use_code(&to, &hash).await?
            }
        };
        Ok(used)
    }

    /// Whom a person may be who proves this address or number; one whose method works first.
    fn known_by(
        &self,
        destination: &Destination,
    ) -> Result<Option<(Contact, MethodId)>, SubmitError> {
        let key = destination.lookup_key();
        let mut found: Option<(Contact, MethodId, bool)> = None;
        for contact in self.repo.contacts_by_address(&key, SAME_ADDRESS_MAX)? {
            let at = |method: &&Method| {
                method.state != MethodState::Removed && method.destination.lookup_key() == key
            };
            let Some(method) = contact.methods.iter().find(at) else {
                continue;
            };
            let (id, usable) = (method.id, method.state.is_usable());
            if found
                .as_ref()
                .is_none_or(|(_, _, before)| usable && !before)
            {
                found = Some((contact.value, id, usable));
            }
        }
        Ok(found.map(|(contact, method, _)| (contact, method)))
    }

    /// Makes the ticket and its delivery, if it is not too soon.
    async fn issue(
        &self,
        wanted: &Wanted<'_>,
        sign_up: Option<&SignUp>,
    ) -> Result<VerificationSent, SubmitError> {
        let Some(pages) = self.public_pages() else {
            return Ok(VerificationSent::Off);
        };
        for _ in 0..CONFLICTS_MAX {
            let now = self.clock.wall();
            if let Some(refusal) = self.too_often(&wanted.method.destination, now)? {
                return Ok(refusal);
            }
            let mut batch = self.ticket_batch(pages, wanted, now);
            if let Some(sign_up) = sign_up {
                batch.insert(sign_up);
            }
            match self.repo.store().commit(batch).await {
                Ok(_) => {
                    let (contact, method) = (wanted.contact.id, wanted.method.id);
                    tracing::info!(contact = %contact, method = %method, purpose = ?wanted.purpose, channel = wanted.channel.as_str(), "ticket queued");
                    return Ok(VerificationSent::Queued(wanted.channel));
                }
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(VerificationSent::TooSoon)
    }

    fn too_often(
        &self,
        destination: &Destination,
        now: Timestamp,
    ) -> Result<Option<VerificationSent>, SubmitError> {
        let key = destination.lookup_key();
        let before = self.repo.tickets_to(&key, TICKETS_PER_DESTINATION_MAX)?;
        let age = |ticket: &Ticket| now.since(ticket.created_at);
        let within = |span: Duration| before.iter().filter(|ticket| age(ticket) < span).count();
        if within(TICKET_COOL_DOWN) > 0 {
            return Ok(Some(VerificationSent::TooSoon));
        }
        if within(TICKET_WINDOW) >= TICKETS_PER_DESTINATION_MAX {
            return Ok(Some(VerificationSent::TooMany));
        }
        if self.repo.ticket_count()? >= TICKETS_MAX {
            tracing::warn!("too many links and codes are on their way; one was refused");
            return Ok(Some(VerificationSent::TooMany));
        }
        Ok(None)
    }

    fn ticket_batch(&self, pages: &PublicPages, wanted: &Wanted<'_>, now: Timestamp) -> Batch {
        let mut batch = Batch::new();
        let asked = match wanted.by {
            Actor::Person => true,
            Actor::User(_) | Actor::Program(_) | Actor::Import(_) | Actor::Gateway => false,
        };
        let communication = self.ticket_communication(&mut batch, pages, wanted, now);
        let category = self.tracker.category(VERIFICATION_CATEGORY);
        let new = NewDelivery {
            method: wanted.method,
            channel: wanted.channel,
            report: None,
        };
        // Whoever asked waits for it, and a code lives ten minutes; but calls that strangers ask
        // for hold up no emergency.
        let express = asked && wanted.channel != Channel::Call;
        let random = &self.random;
        let made = make_to_one(
            &mut batch,
            random,
            &communication,
            &category,
            wanted.contact,
            new,
            express,
        );
        for delivery in made {
            let secrets = pages.links.secrets(delivery);
            let destination = wanted.method.destination.clone();
            let code_lifetime = if asked {
                CODE_LIFETIME
            } else {
                CODE_LIFETIME_UNASKED
            };
            let ticket = Ticket {
                token_hash: PublicLinks::token_hash(&secrets.token),
                purpose: wanted.purpose,
                contact: wanted.contact.id,
                method: wanted.method.id,
                kind: wanted.method.kind,
                code_hash: pages
                    .links
                    .code_hash(&destination.lookup_key(), &secrets.code),
                destination,
                tries_left: CODE_TRIES_MAX,
                created_at: now,
                code_expires_at: now.plus(code_lifetime),
                expires_at: now.plus(wanted.purpose.lifetime()),
                used_at: None,
                delivery,
                language: wanted.contact.language.clone(),
                asked,
            };
            // Two at once to one destination meet here: one a minute.
            let slot = crate::store::keys::ticket_by_destination(
                &ticket.destination.lookup_key(),
                ticket.slot(),
            );
            batch.assert_absent(slot);
            batch.insert(&ticket);
        }
        let sent = LogEvent::changed(
            ContactChange::VerificationSent,
            Some(wanted.method),
            wanted.by,
        );
        let salt = self.random.next_u64();
        write_log(&mut batch, wanted.contact.id, now, vec![sent], salt);
        batch
    }

    fn ticket_communication(
        &self,
        batch: &mut Batch,
        pages: &PublicPages,
        wanted: &Wanted<'_>,
        now: Timestamp,
    ) -> Communication {
        let said = content(
            wanted.purpose,
            wanted.channel,
            &wanted.contact.language,
            &pages.organisation,
        );
        Communication::to_one(
            CommunicationId::new(self.random.uuid_v7(now)),
            Origin::Verification,
            VERIFICATION_CATEGORY,
            Channels::only(wanted.channel),
            said.subject.clone(),
            batch.blob(said.to_bytes()),
            now,
        )
    }
}
