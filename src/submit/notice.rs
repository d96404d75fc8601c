//! "A reply has come in": mail to those of us who want to be told, at most one within a while.

use std::time::Duration;

use super::{CONFLICTS_MAX, SubmitError, Submitter, is_conflict};
use crate::domain::{
    AreaId, AreaTree, CaseScope, Channel, Channels, Communication, CommunicationId, Contact,
    ContactKind, Content, Destination, EmailAddress, Message, MethodState, Origin, Party, Redacted,
    ReplyNotice, ThreadId, Timestamp, User,
};
use crate::store::records::Record;
use crate::store::{Batch, Loaded, Row, RowBatch, keys};
use crate::tracker::{NewDelivery, make_to_one};

/// Name of the category that notices to us belong to.
pub const NOTICE_CATEGORY: &str = "Notice";
/// Most users looked through for those who want to be told.
const USERS_MAX: usize = 1000;
/// Contacts looked at that share a user's address.
const SAME_ADDRESS_MAX: usize = 32;
/// Stands for the first name of whoever replied.
const NAME: &str = "{{ name }}";
/// Stands for how many replies have come in.
const COUNT: &str = "{{ count }}";
/// Stands for where to read them.
const LINK: &str = "{{ link }}";

/// What those of us who want to be told are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyNoticeSettings {
    /// Least time between two mails to one user.
    pub interval: Duration,
    /// Subject.
    pub subject: String,
    /// What is said of one reply: `{{ name }}`, `{{ link }}`.
    pub one: String,
    /// What is said of several: `{{ count }}`, `{{ link }}`.
    pub many: String,
    /// What links begin with: where people reach the console.
    pub base_url: String,
}

impl Default for ReplyNoticeSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5 * 60),
            subject: "A reply has come in".into(),
            one: "{{ name }} has replied. Log in to read it: {{ link }}".into(),
            many: "{{ count }} replies have come in. Log in to read them: {{ link }}".into(),
            base_url: "http://localhost:8025".into(),
        }
    }
}

impl ReplyNoticeSettings {
    fn text(&self, count: u32, name: &str, thread: Option<ThreadId>) -> String {
        // Names come last: what somebody calls themselves is no placeholder of ours.
        match thread.filter(|_| count == 1) {
            Some(thread) => self
                .one
                .replace(LINK, &format!("{}/inbox/{thread}", self.base_url))
                .replace(NAME, name),
            None => self
                .many
                .replace(LINK, &format!("{}/inbox?show=unread", self.base_url))
                .replace(COUNT, &count.to_string()),
        }
    }
}

impl Submitter {
    /// Works off one entry of the lane of notices: a message that came in, or a user for whom it
    /// is time. Doing it twice does it once.
    ///
    /// # Errors
    /// When the store fails; it is then still to be done.
    pub async fn notify(&self, id: [u8; 16], row: &[u8]) -> Result<(), SubmitError> {
        if row.starts_with(keys::MESSAGE)
            && let Some(message) = self.repo.message_at(row)?
            && let Err(error) = self.repair(&message).await
        {
            // It stands beside the reply all the same, and nobody waits to be told for it.
            tracing::warn!(message = %message.id, %error, "proof of what somebody wrote cannot be asked");
        }
        for _ in 0..CONFLICTS_MAX {
            let batch = if row.starts_with(keys::MESSAGE) {
                self.telling_of(row)?
            } else {
                self.telling(crate::domain::UserId::from_bytes(id))?
            };
            if batch.is_empty() {
                return Ok(());
            }
            match self.repo.store().commit(batch).await {
                Ok(_) => return Ok(()),
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(SubmitError::AlreadySent)
    }

    /// One message came in: everybody who wants to be told is told now, or with the next mail.
    fn telling_of(&self, row: &[u8]) -> Result<Batch, SubmitError> {
        let mut batch = Batch::new();
        let Some(message) = self.repo.message_at(row)? else {
            return Ok(batch);
        };
        if message.notify_at.is_none() {
            return Ok(batch);
        }
        let now = self.clock.wall();
        let contact = self.writer(message.thread)?;
        let tree = self.repo.areas()?;
        for user in self.repo.users(USERS_MAX)? {
            if !self.hears_of(&user, &tree, contact.as_ref())? {
                continue;
            }
            let old = self.repo.reply_notice(user.id)?;
            let mut new = old.as_ref().map_or(
                ReplyNotice {
                    user: user.id,
                    told_at: None,
                    waiting: 0,
                    thread: None,
                    due: None,
                },
                |old| old.value.clone(),
            );
            new.waiting = new.waiting.saturating_add(1);
            new.thread = Some(message.thread);
            let next = new
                .told_at
                .map_or(now, |at| at.plus(self.replies().interval));
            if next <= now {
                let name = contact.as_ref().map_or("", |one| one.first_name.reveal());
                self.tell(
                    &mut batch,
                    &user,
                    new.waiting,
                    name,
                    Some(message.thread),
                    now,
                )?;
                new = told(&new, now);
            } else {
                new.due.get_or_insert(next);
            }
            put(&mut batch, old.as_ref(), &new);
        }
        let done = Message {
            notify_at: None,
            ..message.value.clone()
        };
        batch.replace(&message, &done);
        Ok(batch)
    }

    /// Whether a user is to be told of what somebody writes: of clients and creditors as far as
    /// they see their cases, of everybody else as far as they cover their area.
    fn hears_of(
        &self,
        user: &User,
        tree: &AreaTree,
        writer: Option<&Contact>,
    ) -> Result<bool, SubmitError> {
        if !wants_to_know(user) {
            return Ok(false);
        }
        let party = writer.filter(|one| Party::of(one.kind).is_some());
        match (party, user.case_scope) {
            (None, _) => Ok(covers(user, tree, writer.and_then(|one| one.area))),
            (Some(_), CaseScope::All) => Ok(true),
            (Some(_), CaseScope::None) => Ok(false),
            (Some(party), CaseScope::Own) => {
                let parties = self.repo.parties_of_cases_naming(user.id)?;
                Ok(parties.contains(&party.id))
            }
        }
    }

    /// It is time to tell a user of what has come in since the last mail.
    fn telling(&self, user: crate::domain::UserId) -> Result<Batch, SubmitError> {
        let mut batch = Batch::new();
        let Some(old) = self
            .repo
            .reply_notice(user)?
            .filter(|notice| notice.due.is_some())
        else {
            return Ok(batch);
        };
        let now = self.clock.wall();
        let known = self.repo.user(user)?;
        if let Some(user) = known.filter(|user| wants_to_know(user)) {
            let contact = old.thread.map(|id| self.writer(id)).transpose()?.flatten();
            let name = contact.as_ref().map_or("", |one| one.first_name.reveal());
            self.tell(&mut batch, &user, old.waiting, name, old.thread, now)?;
        }
        batch.replace(&old, &told(&old, now));
        Ok(batch)
    }

    fn writer(&self, thread: ThreadId) -> Result<Option<Contact>, SubmitError> {
        let thread = self.repo.thread(thread)?;
        let contact = thread.and_then(|thread| thread.contact);
        let contact = contact
            .map(|id| self.repo.current_contact(id))
            .transpose()?;
        Ok(contact.flatten().map(|contact| contact.value))
    }

    /// Puts one mail to a user into the batch. A user whose address has failed is not written to.
    fn tell(
        &self,
        batch: &mut Batch,
        user: &User,
        count: u32,
        name: &str,
        thread: Option<ThreadId>,
        now: Timestamp,
    ) -> Result<(), SubmitError> {
        let Some(address) = user.email.as_ref().map(|email| email.reveal().clone()) else {
            return Ok(());
        };
        let contact = self.colleague(batch, user, address, now)?;
        let Some(method) = contact.methods_for(Channel::Email).into_iter().next() else {
            tracing::warn!(user = %user.id, "cannot be told of replies: the address has failed");
            return Ok(());
        };
        let settings = self.replies();
        let name = if name.is_empty() { "–" } else { name };
        let content = Content {
            subject: settings.subject.clone(),
            text: settings.text(count, name, thread),
            html: String::new(),
            sms_text: String::new(),
            voice_script: String::new(),
            attachments: Vec::new(),
        };
        let communication = Communication::to_one(
            CommunicationId::new(self.random.uuid_v7(now)),
            Origin::Notice,
            NOTICE_CATEGORY,
            Channels::only(Channel::Email),
            settings.subject.clone(),
            batch.blob(content.to_bytes()),
            now,
        );
        let category = self.tracker.category(NOTICE_CATEGORY);
        let by_mail = NewDelivery {
            method,
            channel: Channel::Email,
            report: None,
        };
        let random = &self.random;
        make_to_one(
            batch,
            random,
            &communication,
            &category,
            &contact,
            by_mail,
            false,
        );
        tracing::info!(user = %user.id, replies = count, "notice of replies queued");
        Ok(())
    }

    /// The contact as whom a user is written to: one of the staff with that address.
    fn colleague(
        &self,
        batch: &mut Batch,
        user: &User,
        address: EmailAddress,
        now: Timestamp,
    ) -> Result<Contact, SubmitError> {
        let key = address.lookup_key();
        let known = self.repo.contacts_by_address(&key, SAME_ADDRESS_MAX)?;
        let colleague = known.into_iter().find(|contact| {
            contact.kind == ContactKind::Staff
                && contact.methods.iter().any(|method| {
                    method.destination.lookup_key() == key && method.state != MethodState::Removed
                })
        });
        if let Some(colleague) = colleague {
            let mut contact = colleague.value.clone();
            batch.expect(&colleague);
            // Only this address: the user gave it for this.
            contact
                .methods
                .retain(|method| method.destination.lookup_key() == key);
            return Ok(contact);
        }
        let mut contact = self.stranger(Destination::Email(Redacted::new(address)), now);
        contact.kind = ContactKind::Staff;
        contact.first_name = Redacted::new(user.name.clone());
        batch.insert(&contact);
        Ok(contact)
    }
}

fn told(notice: &ReplyNotice, now: Timestamp) -> ReplyNotice {
    ReplyNotice {
        user: notice.user,
        told_at: Some(now),
        waiting: 0,
        thread: None,
        due: None,
    }
}

fn put<T: Row>(batch: &mut Batch, old: Option<&Loaded<T>>, new: &T) {
    match old {
        Some(old) => batch.replace(old, new),
        None => batch.insert(new),
    }
}

/// Whether a user wants to be told of replies, and may log in to read them.
fn wants_to_know(user: &User) -> bool {
    let logs_in = user.role.is_staff() && !user.disabled;
    logs_in && user.notify_replies && user.email.is_some()
}

/// Whether a user covers an area; those who belong nowhere are everybody's.
fn covers(user: &User, tree: &AreaTree, area: Option<AreaId>) -> bool {
    match area {
        Some(area) if !user.areas.is_empty() => tree
            .path(area)
            .iter()
            .any(|above| user.areas.contains(&above.id)),
        Some(_) | None => true,
    }
}
