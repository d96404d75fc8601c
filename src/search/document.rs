//! What of a row can be found.

use crate::domain::{
    Body, CaseId, Communication, CommunicationState, ContactId, Content, Entry, Message, Timestamp,
};
use crate::proto::mime;
use crate::store::{Repo, RepoError, Searched};

/// Most of a text that can be found, in octets.
const BODY_SIZE_MAX: usize = 256 * 1024;
/// Largest mail that is taken apart, in octets.
const MAIL_SIZE_MAX: usize = 25 * 1024 * 1024;
/// Whoever goes to more people than this is not found by each of their names.
const RECIPIENTS_MAX: usize = 50;
/// Bits of a place below its milliseconds: they tell apart what came at the same time.
const PLACE_BITS: u32 = 20;

/// What of a row can be found.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// When it was.
    pub at: Timestamp,
    /// Its subject or title.
    pub subject: String,
    /// Names and addresses of the other side.
    pub recipients: Vec<String>,
    /// It went out, or is to go out, from here: whom to is not for everybody who may read it.
    pub went_out: bool,
    /// What it says.
    pub body: String,
}

impl Document {
    /// Its texts together, in octets.
    pub(super) fn size_bytes(&self) -> usize {
        let recipients: usize = self.recipients.iter().map(String::len).sum();
        self.subject.len() + recipients + self.body.len()
    }

    /// Its place in the order of time.
    pub(super) fn place(&self, row: &[u8]) -> u64 {
        let low = u64::from(crc32fast::hash(row)) & ((1 << PLACE_BITS) - 1);
        place_at(self.at) | low
    }
}

/// The first place of a time.
pub(super) fn place_at(at: Timestamp) -> u64 {
    at.as_millis().min(u64::MAX >> PLACE_BITS) << PLACE_BITS
}

/// What can be found of the row under this key; nothing where it is gone or is not to be found.
///
/// # Errors
/// When the state cannot be read.
pub fn document(repo: &Repo, row: &[u8]) -> Result<Option<Document>, RepoError> {
    match repo.searched(row)? {
        Some(Searched::Communication(sent)) => of_communication(repo, &sent),
        Some(Searched::Message(message)) => of_message(repo, &message).map(Some),
        Some(Searched::Note(entry)) => of_note(repo, &entry).map(Some),
        None => Ok(None),
    }
}

fn of_communication(repo: &Repo, sent: &Communication) -> Result<Option<Document>, RepoError> {
    if sent.origin.is_by_itself() {
        return Ok(None);
    }
    let (subject, mut body) = texts_of(repo, sent)?;
    say_case(repo, sent.matter.and_then(|matter| matter.case), &mut body)?;
    Ok(Some(Document {
        at: sent.sent_at.unwrap_or(sent.created_at),
        subject,
        recipients: recipients(repo, sent)?,
        went_out: true,
        body,
    }))
}

/// Subject and text of a communication, all channels one behind the other.
///
/// # Errors
/// When the state cannot be read.
pub fn texts_of(repo: &Repo, sent: &Communication) -> Result<(String, String), RepoError> {
    let content = repo.content(sent.content)?;
    let subject = if content.subject.is_empty() {
        sent.title.clone()
    } else {
        content.subject.clone()
    };
    let mut body = said(&content);
    if let Body::Submitted(blob) = sent.body {
        let raw = repo.store().get_blob(blob)?;
        let raw = raw.filter(|raw| raw.len() <= MAIL_SIZE_MAX);
        if let Some(mail) = raw.and_then(|raw| mime::read::read(&raw).ok()) {
            body.push_str(&mail.text);
        }
    }
    for file in &content.attachments {
        body.push('\n');
        body.push_str(&file.name);
    }
    cut(&mut body);
    Ok((subject, body))
}

fn said(content: &Content) -> String {
    let mut body = String::new();
    let html = if content.text.trim().is_empty() {
        mime::html::to_text(&content.html)
    } else {
        String::new()
    };
    for text in [
        &content.text,
        &html,
        &content.sms_text,
        &content.voice_script,
    ] {
        if !text.trim().is_empty() {
            body.push_str(text);
            body.push('\n');
        }
    }
    body
}

fn cut(text: &mut String) {
    let mut end = text.len().min(BODY_SIZE_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

/// Names and addresses of those it went to, or is to go to, where they are few.
fn recipients(repo: &Repo, sent: &Communication) -> Result<Vec<String>, RepoError> {
    let mut found = Vec::new();
    if sent.state == CommunicationState::Sent || sent.state == CommunicationState::Expanding {
        if sent.people > RECIPIENTS_MAX as u64 {
            return Ok(found);
        }
        for person in repo.people(sent.id, None, RECIPIENTS_MAX)?.rows {
            name(repo, person.contact, &mut found)?;
            for part in &person.deliveries {
                if let Some(delivery) = repo.delivery(part.delivery)? {
                    found.push(delivery.destination.reveal().to_owned());
                }
            }
        }
        return Ok(found);
    }
    for contact in sent.audience.contacts.iter().take(RECIPIENTS_MAX) {
        name(repo, *contact, &mut found)?;
    }
    Ok(found)
}

/// As they are called now: whoever took a contact over stands for it.
fn name(repo: &Repo, contact: ContactId, into: &mut Vec<String>) -> Result<(), RepoError> {
    if let Some(contact) = repo.current_contact(contact)? {
        into.push(contact.full_name());
    }
    Ok(())
}

/// What belongs to a case is found by its reference too.
fn say_case(repo: &Repo, case: Option<CaseId>, body: &mut String) -> Result<(), RepoError> {
    if let Some(id) = case
        && let Some(case) = repo.case(id)?
    {
        body.push('\n');
        body.push_str(&case.reference);
    }
    Ok(())
}

fn of_note(repo: &Repo, entry: &Entry) -> Result<Document, RepoError> {
    let mut found = Document {
        at: entry.at,
        subject: entry.title.reveal().clone(),
        ..Document::default()
    };
    name(repo, entry.with, &mut found.recipients)?;
    if let Some(client) = entry.client.filter(|client| *client != entry.with) {
        name(repo, client, &mut found.recipients)?;
    }
    if let Some(note) = entry.note() {
        let text = repo.store().get_blob(note.text)?.unwrap_or_default();
        found.body = String::from_utf8_lossy(&text).into_owned();
        for file in &note.files {
            found.body.push('\n');
            found.body.push_str(&file.name);
        }
    }
    cut(&mut found.body);
    say_case(repo, entry.case, &mut found.body)?;
    Ok(found)
}

fn of_message(repo: &Repo, message: &Message) -> Result<Document, RepoError> {
    let mut found = Document {
        at: message.at,
        ..Document::default()
    };
    if let Some(thread) = repo.thread(message.thread)? {
        thread.subject.reveal().clone_into(&mut found.subject);
        if let Some(contact) = thread.contact {
            name(repo, contact, &mut found.recipients)?;
        }
    }
    found.recipients.push(message.from.reveal().to_owned());
    let body = match message.body {
        Some(blob) => repo.store().get_blob(blob)?,
        None => None,
    };
    found.body = body.map_or_else(
        || message.preview.reveal().to_owned(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    );
    for file in &message.files {
        found.body.push('\n');
        found.body.push_str(file.name.reveal());
    }
    cut(&mut found.body);
    let of = message.communication.map(|id| repo.communication(id));
    let matter = of.transpose()?.flatten().and_then(|sent| sent.matter);
    say_case(repo, matter.and_then(|matter| matter.case), &mut found.body)?;
    Ok(found)
}
