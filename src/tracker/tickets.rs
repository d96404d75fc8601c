//! What using a ticket does: a method is proved, added or replaced, a contact made, somebody
//! logged in; each in one batch with the ticket itself.

use subtle::ConstantTimeEq;

use super::write::write_log;
use super::{CONFLICTS_MAX, Tracker, TrackerError, is_conflict};
use crate::domain::contact::METHODS_MAX;
use crate::domain::fold::fold;
use crate::domain::ticket::TICKETS_PER_DESTINATION_MAX;
use crate::domain::{
    Actor, Contact, ContactChange, ContactId, LogEvent, Method, MethodId, MethodState, SignUp,
    Ticket, TicketPurpose, Timestamp, comms_issue, suspension,
};
use crate::store::{Batch, Ended, Loaded, RowBatch};

/// Most contacts looked at that share one address.
const SAME_ADDRESS_MAX: usize = 32;
/// Most rows that one step of a sweep removes.
const SWEEP_STEP_MAX: usize = 200;

/// What became of a link or code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketUse {
    /// It did what it was for; a link that proves something does so again and again.
    Done {
        /// Whose it was.
        contact: ContactId,
        /// Which method is proved.
        method: MethodId,
        /// What it was for.
        purpose: TicketPurpose,
        /// Nothing was left to do: the link had been used before.
        again: bool,
    },
    /// It is wrong, over, used, or about an address that has been changed meanwhile.
    Refused,
}

impl Tracker {
    /// Uses the ticket with this hash of its token.
    ///
    /// # Errors
    /// When the store fails; then nothing was written.
    pub async fn use_ticket(&self, token_hash: &[u8; 32]) -> Result<TicketUse, TrackerError> {
        for _ in 0..CONFLICTS_MAX {
            let Some(ticket) = self.repo.ticket(token_hash)? else {
                return Ok(TicketUse::Refused);
            };
            let now = self.clock.wall();
            if !ticket.is_open(now) {
                return self.used_before(&ticket);
            }
            let mut batch = Batch::new();
            let Some(applied) = self.apply_ticket(&mut batch, &ticket, now)? else {
                return Ok(TicketUse::Refused);
            };
            let mut used = ticket.value.clone();
            used.used_at = Some(now);
            batch.replace(&ticket, &used);
            let (contact, method) = (applied.contact, applied.method);
            let salt = self.random.next_u64();
            write_log(&mut batch, contact, now, applied.log, salt);
            match self.repo.store().commit(batch).await {
                Ok(_) => {
                    tracing::info!(contact = %contact, method = %method, purpose = ?ticket.purpose, "ticket used");
                    return Ok(TicketUse::Done {
                        contact,
                        method,
                        purpose: ticket.purpose,
                        again: false,
                    });
                }
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(TrackerError::Contention)
    }

    /// Uses the last ticket that went to this address or number (in its lookup form), if this is
    /// the hash of its code. The try is counted, durably, before it is looked at: many at once
    /// are not more.
    ///
    /// # Errors
    /// When the store fails; then nothing was written.
    pub async fn use_code(
        &self,
        lookup_key: &str,
        code_hash: &[u8; 32],
    ) -> Result<TicketUse, TrackerError> {
        for _ in 0..CONFLICTS_MAX {
            let now = self.clock.wall();
            let tickets = self
                .repo
                .tickets_to(lookup_key, TICKETS_PER_DESTINATION_MAX)?;
            let Some(ticket) = tickets.into_iter().find(|ticket| ticket.is_open(now)) else {
                return Ok(TicketUse::Refused);
            };
            if !ticket.takes_codes(now) {
                return Ok(TicketUse::Refused);
            }
            let mut tried = ticket.value.clone();
            tried.tries_left = tried.tries_left.saturating_sub(1);
            let mut batch = Batch::new();
            batch.replace(&ticket, &tried);
            match self.repo.store().commit(batch).await {
                Ok(_) if bool::from(ticket.code_hash.ct_eq(code_hash)) => {
                    return self.use_ticket(&ticket.token_hash).await;
                }
                Ok(_) => {
                    let left = tried.tries_left;
                    tracing::info!(contact = %ticket.contact, left, "wrong code");
                    return Ok(TicketUse::Refused);
                }
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(TrackerError::Contention)
    }

    /// A link that proved something says so again; one that logs in does not.
    fn used_before(&self, ticket: &Ticket) -> Result<TicketUse, TrackerError> {
        if ticket.used_at.is_none() || ticket.purpose == TicketPurpose::LogIn {
            return Ok(TicketUse::Refused);
        }
        let contact = self.repo.current_contact(ticket.contact)?;
        let proved = contact.as_ref().and_then(|contact| {
            let mut methods = contact.methods.iter();
            let method = methods.find(|method| is_proved(method) && is_same(method, ticket))?;
            Some((contact.id, method.id))
        });
        Ok(proved.map_or(TicketUse::Refused, |proved| TicketUse::Done {
            contact: proved.0,
            method: proved.1,
            purpose: ticket.purpose,
            again: true,
        }))
    }

    /// Puts what the ticket does into the batch; none when it may do nothing any more.
    fn apply_ticket(
        &self,
        batch: &mut Batch,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Result<Option<Applied>, TrackerError> {
        if let Some(old) = self.repo.current_contact(ticket.contact)? {
            return self.apply_to(batch, &old, ticket, now);
        }
        if ticket.purpose != TicketPurpose::Add {
            return Ok(None);
        }
        let sign_up = self.repo.sign_up(ticket.contact)?;
        match sign_up.filter(|sign_up| now < sign_up.expires_at) {
            Some(sign_up) => self.confirm_sign_up(batch, &sign_up, ticket, now),
            None => Ok(None),
        }
    }

    fn apply_to(
        &self,
        batch: &mut Batch,
        old: &Loaded<Contact>,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Result<Option<Applied>, TrackerError> {
        let mut new = old.value.clone();
        let Some((method, log)) = apply(&mut new, ticket, now) else {
            return Ok(None);
        };
        comms_issue::refresh(&mut new, now);
        batch.replace(old, &new);
        self.lift(batch, &ticket.destination.lookup_key())?;
        self.tell_of_issue(batch, old, &new, now)?;
        Ok(Some(Applied {
            contact: new.id,
            method,
            log,
        }))
    }

    /// The first method of a sign-up that is proved makes the contact. Whoever signed up twice
    /// and confirms both is still one person, with the methods of both; somebody of another name
    /// who shares an address is somebody else.
    fn confirm_sign_up(
        &self,
        batch: &mut Batch,
        sign_up: &Loaded<SignUp>,
        ticket: &Ticket,
        now: Timestamp,
    ) -> Result<Option<Applied>, TrackerError> {
        if let Some(known) = sign_up.became {
            let known = self.repo.current_contact(known)?;
            return match known {
                Some(old) => self.apply_to(batch, &old, ticket, now),
                None => Ok(None),
            };
        }
        let name = |contact: &Contact| fold(&contact.full_name());
        let key = ticket.destination.lookup_key();
        for old in self.repo.contacts_by_address(&key, SAME_ADDRESS_MAX)? {
            if name(&old) != name(&sign_up.contact) {
                continue;
            }
            if let Some(applied) = self.apply_to(batch, &old, ticket, now)? {
                let mut merged = sign_up.value.clone();
                merged.became = Some(old.id);
                batch.replace(sign_up, &merged);
                return Ok(Some(applied));
            }
        }
        let mut contact = sign_up.contact.clone();
        contact.created_at = now;
        let Some((method, more)) = apply(&mut contact, ticket, now) else {
            return Ok(None);
        };
        self.lift(batch, &key)?;
        let suppressed = self.heed_suppressions(&mut contact, None)?;
        batch.remove(sign_up);
        batch.insert(&contact);
        let created = LogEvent::changed(ContactChange::Created, None, Actor::Person);
        let log = std::iter::once(created).chain(more).chain(suppressed);
        Ok(Some(Applied {
            contact: contact.id,
            method,
            log: log.collect(),
        }))
    }

    /// Removes tickets, sign-ups and sessions of the public pages that are over; returns how
    /// many.
    ///
    /// # Errors
    /// When the store fails; what was removed by then stays removed.
    pub async fn sweep_self_service(&self) -> Result<usize, TrackerError> {
        let mut removed = 0;
        loop {
            let ended = self.repo.ended(self.clock.wall(), SWEEP_STEP_MAX)?;
            let mut batch = Batch::new();
            for row in &ended {
                match row {
                    Ended::Ticket(ticket) => batch.remove(ticket),
                    Ended::SignUp(sign_up) => batch.remove(sign_up),
                    Ended::Visit(visit) => batch.remove(visit),
                }
            }
            match self.repo.store().commit(batch).await {
                Ok(_) => removed += ended.len(),
                // Somebody used one of them just now: the next sweep sees it as it is then.
                Err(error) if is_conflict(&error) => return Ok(removed),
                Err(error) => return Err(error.into()),
            }
            if ended.len() < SWEEP_STEP_MAX {
                return Ok(removed);
            }
        }
    }
}

/// What a ticket did.
struct Applied {
    contact: ContactId,
    method: MethodId,
    log: Vec<LogEvent>,
}

/// Whether the person has proved it, whatever they want of it.
fn is_proved(method: &Method) -> bool {
    method.verified_at.is_some() && method.state != MethodState::Removed
}

fn is_same(method: &Method, ticket: &Ticket) -> bool {
    method.kind == ticket.kind && method.destination.lookup_key() == ticket.destination.lookup_key()
}

/// Changes the contact; none when the ticket is about something that is not so any more.
fn apply(
    contact: &mut Contact,
    ticket: &Ticket,
    now: Timestamp,
) -> Option<(MethodId, Vec<LogEvent>)> {
    match ticket.purpose {
        TicketPurpose::Verify => {
            let method = contact.method_mut(ticket.method)?;
            let there = method.state != MethodState::Removed && is_same(method, ticket);
            there.then(|| (method.id, prove(method, ticket, now)))
        }
        TicketPurpose::LogIn => {
            let method = contact.method_mut(ticket.method)?;
            if method.state == MethodState::Removed || !is_same(method, ticket) {
                return None;
            }
            let unproved = method.state == MethodState::Unverified;
            let log = if unproved {
                prove(method, ticket, now)
            } else {
                Vec::new()
            };
            Some((method.id, log))
        }
        TicketPurpose::Add => add(contact, ticket, now),
        TicketPurpose::Replace => replace(contact, ticket, now),
    }
}

fn add(
    contact: &mut Contact,
    ticket: &Ticket,
    now: Timestamp,
) -> Option<(MethodId, Vec<LogEvent>)> {
    let known = contact
        .methods
        .iter_mut()
        .find(|method| method.state != MethodState::Removed && is_same(method, ticket));
    if let Some(method) = known {
        return Some((method.id, prove(method, ticket, now)));
    }
    if contact.methods.len() >= METHODS_MAX {
        let removed = |method: &Method| method.state == MethodState::Removed;
        let place = contact.methods.iter().position(removed)?;
        contact.methods.remove(place);
    }
    let mut method = Method::new(ticket.method, ticket.kind, ticket.destination.clone());
    let mut log = vec![LogEvent::changed(
        ContactChange::MethodAdded,
        Some(&method),
        Actor::Person,
    )];
    log.extend(prove(&mut method, ticket, now));
    contact.methods.push(method);
    Some((ticket.method, log))
}

/// The old address was kept until the new one is proved; now it goes.
fn replace(
    contact: &mut Contact,
    ticket: &Ticket,
    now: Timestamp,
) -> Option<(MethodId, Vec<LogEvent>)> {
    let taken = contact.methods.iter().any(|method| {
        method.id != ticket.method
            && method.state != MethodState::Removed
            && is_same(method, ticket)
    });
    let method = contact.method_mut(ticket.method)?;
    if taken || method.state == MethodState::Removed || method.kind != ticket.kind {
        return None;
    }
    method.destination = ticket.destination.clone();
    // What failed was the old one.
    suspension::reinstate(method);
    method.soft_failures.clear();
    let mut log = vec![LogEvent::changed(
        ContactChange::MethodCorrected,
        Some(method),
        Actor::Person,
    )];
    log.extend(prove(method, ticket, now));
    Some((method.id, log))
}

/// Writes down that it is theirs. That shows that it works: a failure that came before the
/// ticket was made does not count any more. It does not show that the person wants messages
/// there: an opt-out stays.
fn prove(method: &mut Method, ticket: &Ticket, now: Timestamp) -> Vec<LogEvent> {
    let failed_before = method
        .suspension
        .as_ref()
        .is_none_or(|suspension| suspension.at <= ticket.created_at);
    match method.state {
        MethodState::Unverified => method.state = MethodState::Active,
        MethodState::Suspended if failed_before => {
            suspension::reinstate(method);
        }
        MethodState::Active
        | MethodState::Suspended
        | MethodState::OptedOut
        | MethodState::Removed => {}
    }
    if method.state == MethodState::Active {
        method.soft_failures.clear();
    }
    method.verified_at = Some(now);
    vec![LogEvent::changed(
        ContactChange::MethodVerified,
        Some(method),
        Actor::Person,
    )]
}
