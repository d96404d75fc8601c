//! What an entry says, and the files that belong to it.

use super::super::super::App;
use super::super::super::data::Result;
use super::super::super::entries::Line;
use super::super::super::view::Chrome;
use super::super::attachments::size;
use super::super::communication::parts;
use super::super::compose::sms_count;
use super::super::thread_message::scanned;
use crate::domain::{
    Body, Channel, Communication, EntryId, EntryKind, EntryWhat, MessageId, Note, ThreadId,
};

pub(super) struct FileView {
    /// Where it is fetched; empty where a virus was found.
    pub(super) href: String,
    /// What the virus scanner has against it; empty for nothing.
    pub(super) scanned: String,
    pub(super) name: String,
    pub(super) size: String,
}

/// What is said, and the files that go with it.
#[derive(Default)]
pub(super) struct Said {
    pub(super) text: String,
    /// Address of the HTML, for the sandboxed frame; empty for none.
    pub(super) frame: String,
    pub(super) sms: String,
    pub(super) files: Vec<FileView>,
}

pub(super) fn said(
    app: &App,
    c: &Chrome,
    line: &Line,
    letter: Option<&Communication>,
) -> Result<Said> {
    let entry = &line.entry;
    let mut said = match (&entry.what, letter) {
        (EntryWhat::Draft(_) | EntryWhat::Delivery(_), Some(letter)) => {
            of_letter(app, c, line, letter)?
        }
        (EntryWhat::Draft(_) | EntryWhat::Delivery(_), None) => Said::default(),
        (EntryWhat::Message { thread, message }, _) => {
            of_message(app, c, entry.id, *thread, *message)?
        }
        (EntryWhat::Note(note), _) => of_note(app, c, entry.id, note)?,
    };
    if entry.kind == EntryKind::Text && entry.note().is_none() {
        said.sms = sms_count(app, c, &said.text);
    }
    Ok(said)
}

fn files<'a>(
    c: &Chrome,
    id: EntryId,
    files: impl Iterator<Item = (&'a str, u64)>,
) -> Vec<FileView> {
    let view = |(index, (name, bytes)): (usize, (&str, u64))| FileView {
        href: format!("/correspondence/{id}/files/{index}"),
        scanned: String::new(),
        name: name.to_owned(),
        size: size(c, bytes),
    };
    files.enumerate().map(view).collect()
}

fn of_letter(app: &App, c: &Chrome, line: &Line, letter: &Communication) -> Result<Said> {
    let entry = &line.entry;
    let content = app.repo().content(letter.content)?;
    if entry.kind != EntryKind::Email {
        let mut shown = parts(app, c, letter)?.into_iter();
        let part = shown.find(|part| EntryKind::from(part.channel) == entry.kind);
        return Ok(Said {
            text: part.map_or_else(|| content.text.clone(), |part| part.text),
            ..Said::default()
        });
    }
    let has_html = letter.body == Body::Composed && !content.html.trim().is_empty();
    let attached = content.attachments.iter();
    let attached = attached.map(|file| (file.name.as_str(), file.size_bytes));
    Ok(Said {
        frame: if has_html {
            format!("/communications/{}/preview", letter.id)
        } else {
            String::new()
        },
        files: files(c, entry.id, attached),
        text: content.text.clone(),
        sms: String::new(),
    })
}

fn of_message(
    app: &App,
    c: &Chrome,
    id: EntryId,
    thread: ThreadId,
    message: MessageId,
) -> Result<Said> {
    let Some(message) = app.repo().message(thread, message)? else {
        return Ok(Said::default());
    };
    let text = match message.body {
        Some(body) => app.repo().text(body)?,
        None => message.preview.reveal().clone(),
    };
    let is_mail = message.channel == Channel::Email && message.original.is_some();
    let came = message.files.iter();
    let came = came.map(|file| (file.name.reveal().as_str(), file.size_bytes));
    let mut files = files(c, id, came);
    for (view, file) in files.iter_mut().zip(&message.files) {
        view.scanned = scanned(c, file);
        if file.virus().is_some() {
            view.href.clear();
        }
    }
    Ok(Said {
        frame: if is_mail {
            format!("/inbox/{thread}/messages/{}/html", message.id)
        } else {
            String::new()
        },
        text,
        files,
        ..Said::default()
    })
}

fn of_note(app: &App, c: &Chrome, id: EntryId, note: &Note) -> Result<Said> {
    let kept = note.files.iter();
    let kept = kept.map(|file| (file.name.as_str(), file.size_bytes));
    Ok(Said {
        text: app.repo().text(note.text)?,
        files: files(c, id, kept),
        ..Said::default()
    })
}
