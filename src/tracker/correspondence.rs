//! The record of correspondence: what came in, notes, and filing to a case.

use super::{CaseError, Tracker, TrackerError};
use crate::domain::communication::{ATTACHMENTS_MAX, ATTACHMENTS_SIZE_MAX_BYTES};
use crate::domain::correspondence::{NOTE_TEXT_MAX, entry_title};
use crate::domain::{
    Actor, Attachment, Case, CaseChange, CaseId, Contact, ContactId, Direction, Entry,
    EntryDirection, EntryId, EntryKind, EntryWhat, Matter, Message, MessageId, Note, NoteLink,
    Party, Sentence, Thread, ThreadId, Timestamp, UserId,
};
use crate::store::{Batch, Loaded, RowBatch, keys};

/// Messages of a thread looked at for what it is about, and entered when it is given to
/// somebody.
const MESSAGES_SEEN_MAX: usize = 50;

/// What somebody wrote down, with its documents.
#[derive(Clone, Debug)]
pub struct NoteInput {
    /// Its id, made with the form: sending the form twice writes one note.
    pub id: EntryId,
    /// To which client it belongs; for a note on another entry, that entry's stands.
    pub client: ContactId,
    /// To which case, if to one.
    pub case: Option<CaseId>,
    /// With whom it happened: the client or one of the creditors.
    pub with: ContactId,
    /// Which way.
    pub direction: EntryDirection,
    /// By which means.
    pub kind: EntryKind,
    /// When it happened; not in the future.
    pub at: Timestamp,
    /// What is to be said of it.
    pub text: String,
    /// Documents, with their bytes; names and types are checked already.
    pub files: Vec<(Attachment, bytes::Bytes)>,
    /// The earlier entry that it belongs to.
    pub link: Option<NoteLink>,
}

impl NoteInput {
    fn problem(&self, now: Timestamp) -> Option<(&'static str, Sentence)> {
        let size: u64 = self.files.iter().map(|(file, _)| file.size_bytes).sum();
        if self.text.trim().is_empty() {
            return Some(("text", "Write what happened.".into()));
        }
        if self.text.chars().count() > NOTE_TEXT_MAX {
            let why = "This is too long: at most {0} characters.";
            return Some(("text", Sentence::with(why, &[&NOTE_TEXT_MAX])));
        }
        if self.at > now {
            let why = "This is in the future: choose when it happened.";
            return Some(("at", why.into()));
        }
        if self.files.len() > ATTACHMENTS_MAX || size > ATTACHMENTS_SIZE_MAX_BYTES {
            let megabytes = ATTACHMENTS_SIZE_MAX_BYTES / (1024 * 1024);
            let why = "At most {0} files with {1} MB together belong to a note.";
            let why = Sentence::with(why, &[&ATTACHMENTS_MAX, &megabytes]);
            return Some(("files", why));
        }
        None
    }
}

impl Tracker {
    /// Writes a note down. It is never changed: what is wrong in it is put right by another one
    /// that names it.
    ///
    /// # Errors
    /// When a field is wrong, what it belongs to is not there, or the store fails.
    pub async fn add_note(&self, input: &NoteInput, by: UserId) -> Result<EntryId, CaseError> {
        if let Some((field, why)) = input.problem(self.clock.wall()) {
            return Err(CaseError::Field(field, why));
        }
        let id = self.commit_anew(|| self.adding_note(input, by)).await??;
        tracing::info!(entry = %id, %by, "note written down");
        Ok(id)
    }

    #[allow(clippy::type_complexity)]
    fn adding_note(
        &self,
        input: &NoteInput,
        by: UserId,
    ) -> Result<(Batch, Result<EntryId, CaseError>), TrackerError> {
        let mut batch = Batch::new();
        if self.repo.entry(input.id)?.is_some() {
            return Ok((batch, Ok(input.id)));
        }
        let earlier = match input.link {
            Some(link) => Some(self.known_entry(link.entry())?),
            None => None,
        };
        let (client, case) = match &earlier {
            Some(earlier) => (earlier.client, earlier.case),
            None => (Some(input.client), input.case),
        };
        let with = earlier.as_ref().map_or(input.with, |earlier| earlier.with);
        let case = case.map(|case| self.known_case(case)).transpose()?;
        let contact = self.repo.current_contact(with)?;
        let contact = contact.ok_or(TrackerError::NotFound("contact"))?;
        let belongs = earlier.is_some() || self.belongs(&contact, client, case.as_deref())?;
        let erasing = self.repo.erasure(contact.id)?.is_some();
        let Some(party) = Party::of(contact.kind).filter(|_| belongs && !erasing) else {
            let why = "Choose the client, or one of the creditors of the case.";
            return Ok((batch, Err(CaseError::Field("with", why.into()))));
        };
        batch.expect(&contact);
        batch.assert_absent(keys::erasure(contact.id));
        // It goes with the case: not with one that has just gone.
        if let Some(case) = &case {
            batch.expect(case);
        }
        let mut files = Vec::with_capacity(input.files.len());
        for (file, bytes) in &input.files {
            files.push(Attachment {
                blob: batch.blob(bytes.clone()),
                ..file.clone()
            });
        }
        let text = batch.blob(input.text.clone().into_bytes());
        batch.insert(&Entry {
            id: input.id,
            at: input.at,
            client,
            case: case.map(|case| case.id),
            party,
            with,
            direction: input.direction,
            kind: input.kind,
            title: entry_title(&input.text),
            what: EntryWhat::Note(Note {
                text,
                files,
                noted_at: self.clock.wall(),
                link: input.link,
            }),
            by: Some(by),
        });
        Ok((batch, Ok(input.id)))
    }

    /// Whether somebody is the client, or a creditor of the case.
    fn belongs(
        &self,
        contact: &Contact,
        client: Option<ContactId>,
        case: Option<&Case>,
    ) -> Result<bool, TrackerError> {
        let client = match client {
            Some(client) => Some(self.repo.current_id(client)?),
            None => None,
        };
        let of_case = match case {
            Some(case) if client != Some(self.repo.current_id(case.client)?) => return Ok(false),
            Some(case) => case.creditor(contact.id).is_some(),
            None => false,
        };
        Ok(client == Some(contact.id) || of_case)
    }

    /// Files what came in to a case: it stands in the case's and its client's correspondence
    /// from then on.
    ///
    /// # Errors
    /// When there is no such entry or case, whoever wrote has no part in the case, or the store
    /// fails.
    pub async fn file_entry(
        &self,
        entry: EntryId,
        case: CaseId,
        by: Actor,
    ) -> Result<(), CaseError> {
        self.commit_anew(|| {
            let old = self.known_entry(entry)?;
            let case = self.known_case(case)?;
            let mut batch = Batch::new();
            if old.case == Some(case.id) {
                return Ok((batch, Ok(())));
            }
            let with = self.repo.current_id(old.with)?;
            let has_part = self.has_part(&case, with)?;
            let is_message = matches!(old.what, EntryWhat::Message { .. });
            if !has_part || !is_message {
                let why = "Whoever wrote this has no part in that case.";
                return Ok((batch, Err(CaseError::Field("case", why.into()))));
            }
            let new = Entry {
                client: Some(case.client),
                case: Some(case.id),
                ..old.value.clone()
            };
            batch.replace(&old, &new);
            batch.expect(&case);
            let now = self.clock.wall();
            let title = old.title.reveal().clone();
            self.note_event(&mut batch, &case, CaseChange::Filed, &title, by, now);
            Ok((batch, Ok(())))
        })
        .await?
    }

    /// Whether somebody has a part in a case, under whichever of the ids they have had.
    fn has_part(&self, case: &Case, with: ContactId) -> Result<bool, TrackerError> {
        let creditors = case.creditors.iter().map(|one| one.contact);
        for party in creditors.chain([case.client]) {
            if self.repo.current_id(party)? == with {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn known_entry(&self, id: EntryId) -> Result<Loaded<Entry>, TrackerError> {
        self.repo.entry(id)?.ok_or(TrackerError::NotFound("entry"))
    }

    /// What a thread is about: what was filed, or what was written to begin with.
    ///
    /// # Errors
    /// When the store fails.
    pub fn matter_of_thread(&self, thread: ThreadId) -> Result<Option<Matter>, TrackerError> {
        let latest = self.repo.messages(thread, None, MESSAGES_SEEN_MAX)?;
        for message in &latest.rows {
            if let Some(matter) = self.matter_of(message)? {
                return Ok(Some(matter));
            }
        }
        Ok(None)
    }

    fn matter_of(&self, message: &Message) -> Result<Option<Matter>, TrackerError> {
        let entry = self.repo.entry(Entry::id_of_message(message.id))?;
        if let Some(entry) = entry
            && let Some(client) = entry.client
            && (entry.case.is_some() || entry.party == Party::Creditor)
        {
            let case = entry.case;
            return Ok(Some(Matter { client, case }));
        }
        let Some(communication) = message.communication else {
            return Ok(None);
        };
        let communication = self.repo.communication(communication)?;
        Ok(communication.and_then(|communication| communication.matter))
    }

    /// Puts a message that came in into the record, if a client or creditor wrote it.
    pub(super) fn enter_message(
        &self,
        batch: &mut Batch,
        thread: &Thread,
        message: &Message,
        before: Option<&Thread>,
    ) -> Result<(), TrackerError> {
        let Some(contact) = thread.contact else {
            return Ok(());
        };
        let contact = self.repo.current_contact(contact)?;
        let Some((contact, party)) =
            contact.and_then(|contact| Party::of(contact.kind).map(|party| (contact, party)))
        else {
            return Ok(());
        };
        let matter = match (self.matter_of(message)?, before) {
            (Some(matter), _) => Some(matter),
            (None, Some(before)) => self.matter_of_thread(before.id)?,
            (None, None) => None,
        };
        let own = (party == Party::Client).then_some(contact.id);
        let subject = thread.subject.reveal();
        let title = match message.channel {
            crate::domain::Channel::Email if !subject.is_empty() => subject,
            crate::domain::Channel::Email
            | crate::domain::Channel::Text
            | crate::domain::Channel::Call => message.preview.reveal(),
        };
        batch.insert(&Entry {
            id: entry_id(message.id),
            at: message.at,
            client: matter.map(|matter| matter.client).or(own),
            case: matter.and_then(|matter| matter.case),
            party,
            with: contact.id,
            direction: EntryDirection::Received,
            kind: message.channel.into(),
            title: entry_title(title),
            what: EntryWhat::Message {
                thread: thread.id,
                message: message.id,
            },
            by: None,
        });
        Ok(())
    }

    /// Puts what somebody wrote before anybody knew whose it is into the record.
    pub(super) fn enter_thread(
        &self,
        batch: &mut Batch,
        thread: &Thread,
    ) -> Result<(), TrackerError> {
        let mut after = None;
        loop {
            let page = self.repo.messages(thread.id, after, MESSAGES_SEEN_MAX)?;
            for message in &page.rows {
                let is_new = self.repo.entry(entry_id(message.id))?.is_none();
                if message.direction == Direction::In && is_new {
                    self.enter_message(batch, thread, message, None)?;
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

fn entry_id(message: MessageId) -> EntryId {
    Entry::id_of_message(message)
}
