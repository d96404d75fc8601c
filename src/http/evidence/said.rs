//! The message of a bundle, and the files that went with it.

use super::super::App;
use super::super::data::Result;
use super::super::fault::Fault;
use super::About;
use crate::domain::{Attachment, BlobId, Body, Channel, attachment};
use crate::evidence::{HTML, Member, MessageFile, REBUILT, WHOLE};

/// Where attachments lie.
const ATTACHMENTS: &str = "attachments";

const WHOLE_NOTE: &str = "Byte for byte as the application handed it in. When it was passed on, a \
    Received field, and Message-ID and Date where they were missing, were put before it.";
const REBUILT_NOTE: &str = "Rebuilt from the stored content, which is kept once for all its \
    recipients. What is made for one of them while sending, such as header fields, boundaries \
    and personal links, is not kept.";

/// The message and its files.
pub(super) fn files(app: &App, about: &About) -> Result<(MessageFile, Vec<Member>)> {
    let (channel, body) = (about.delivery.channel, about.sent.body);
    if let (Channel::Email, Body::Submitted(mail)) = (channel, body) {
        let files = vec![Member::new(WHOLE, blob(app, mail)?)];
        return Ok((message(WHOLE, true, WHOLE_NOTE), files));
    }
    let content = app.repo().content(about.sent.content)?;
    let text = match channel {
        Channel::Email => format!("Subject: {}\n\n{}", content.subject, content.text),
        Channel::Text => content.sms_text,
        Channel::Call => content.voice_script,
    };
    let mut files = vec![Member::new(REBUILT, text.into_bytes())];
    if channel == Channel::Email {
        if !content.html.is_empty() {
            files.push(Member::new(HTML, content.html.into_bytes()));
        }
        for (index, file) in content.attachments.iter().enumerate() {
            let bytes = blob(app, file.blob)?;
            files.push(Member::new(path(file, index), bytes));
        }
    }
    Ok((message(REBUILT, false, REBUILT_NOTE), files))
}

fn message(file: &str, whole: bool, note: &str) -> MessageFile {
    MessageFile {
        file: file.to_owned(),
        whole,
        note: note.to_owned(),
    }
}

/// Numbers keep names apart, and a name from taking the place of a folder or a device.
fn path(file: &Attachment, index: usize) -> String {
    let name = attachment::kept_name(&file.name);
    format!("{ATTACHMENTS}/{:02}-{name}", index + 1)
}

fn blob(app: &App, id: BlobId) -> Result<Vec<u8>> {
    let bytes = app.repo().store().get_blob(id)?;
    Ok(bytes.ok_or(Fault::NotFound)?.to_vec())
}
