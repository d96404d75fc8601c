//! The messages of a thread as its page shows them: as text, whatever they came as, with their
//! HTML in a sandboxed frame beside it.

use super::super::App;
use super::super::data::Result;
use super::super::times::When;
use super::super::view::{Badge, Chrome, channel_icon};
use super::attachments::size;
use super::inbox::Names;
use crate::domain::{
    Authentication, Channel, CommunicationId, ContactId, Direction, Message, MessageFile,
    MessageKind, Provenance, ScanFound, attachment,
};
use crate::store::Loaded;

/// Longest text of a message shown, in characters.
const TEXT_SHOWN_MAX: usize = 20_000;

/// A file that came with a message.
pub(super) struct FileView {
    pub(super) name: String,
    pub(super) size: String,
    /// Where it is fetched; empty where the mail is not there any more, or a virus was found.
    pub(super) href: String,
    /// What the virus scanner has against it; empty for nothing.
    pub(super) scanned: String,
    /// Where it is looked through anew; empty where nothing is had against it.
    pub(super) again: String,
    /// It is of a kind that systems run.
    pub(super) runs: bool,
}

pub(super) struct MessageView {
    pub(super) id: String,
    pub(super) tone: &'static str,
    pub(super) icon: &'static str,
    pub(super) who: String,
    pub(super) how: String,
    pub(super) when: When,
    pub(super) new: bool,
    pub(super) kind: Option<Badge>,
    /// What is to be known of where it came from, and what was found out.
    pub(super) origin: Option<(Badge, String)>,
    pub(super) text: String,
    pub(super) quoted: String,
    pub(super) cut: bool,
    /// Address of the mail's own HTML, for the sandboxed frame; empty where there is no mail.
    pub(super) html: String,
    pub(super) files: Vec<FileView>,
    /// The message that it answers: title and address of its delivery.
    pub(super) answers: Option<(String, String)>,
    /// How the delivery of what we wrote stands, and its address.
    pub(super) status: Option<(Badge, String)>,
}

/// Messages, given the latest first, with the oldest first; the last `new` of theirs are new.
pub(super) fn messages(
    app: &App,
    c: &Chrome,
    them: &str,
    rows: &[Loaded<Message>],
    mut new: u32,
) -> Result<Vec<MessageView>> {
    let mut names = Names::default();
    let mut messages = Vec::with_capacity(rows.len());
    for message in rows {
        let mut shown = message_view(app, c, &mut names, them, message)?;
        let counts = message.direction == Direction::In && message.kind != MessageKind::Automatic;
        shown.new = counts && new > 0;
        new -= u32::from(shown.new);
        messages.push(shown);
    }
    messages.reverse();
    Ok(messages)
}

fn message_view(
    app: &App,
    c: &Chrome,
    names: &mut Names,
    them: &str,
    message: &Message,
) -> Result<MessageView> {
    let text = match message.body {
        Some(body) if message.kind != MessageKind::Keys => app.repo().text(body)?,
        Some(_) | None => message.preview.reveal().clone(),
    };
    let text = match message.kind {
        MessageKind::Keys => c.f1("inbox.pressed", text),
        MessageKind::Written
        | MessageKind::Automatic
        | MessageKind::OptOut
        | MessageKind::OptIn
        | MessageKind::Report => text,
    };
    let cut = text.chars().nth(TEXT_SHOWN_MAX).is_some();
    let text: String = text.chars().take(TEXT_SHOWN_MAX).collect();
    let (text, quoted) = parted(&text);
    let ours = message.direction == Direction::Out;
    let by = message.by.map(|user| names.of(app, c, user)).transpose()?;
    let how = if ours { "inbox.to" } else { "inbox.from" };
    Ok(MessageView {
        id: message.id.to_string(),
        tone: if ours { "good" } else { "open" },
        icon: channel_icon(message.channel),
        who: match (by, ours) {
            (Some(by), _) => by,
            (None, true) => c.t("origin.prompt").to_owned(),
            (None, false) => them.to_owned(),
        },
        how: c.f2(how, c.channel(&message.channel), message.from.reveal()),
        when: c.when(&message.at),
        new: false,
        kind: kind(c, message.kind).or_else(|| wish(app, c, message, &text)),
        origin: message.authentication.map(|found| origin(c, &found)),
        text,
        quoted,
        cut,
        html: html(message),
        files: files(c, message, app.console.scanner.is_some()),
        answers: if ours {
            None
        } else {
            answered(app, c, message)?
        },
        status: if ours {
            delivered(app, c, message)?
        } else {
            None
        },
    })
}

/// What may be a wish for no more texts, though it is none of the words that are heeded.
fn wish(app: &App, c: &Chrome, message: &Message, text: &str) -> Option<Badge> {
    let is_text = message.channel == Channel::Text && message.direction == Direction::In;
    let replies = app.console.tracker.replies();
    (is_text && replies.keywords.may_mean_stop(text)).then(|| Badge {
        tone: "open",
        icon: "question",
        text: c.t("inbox.may_stop").to_owned(),
    })
}

fn kind(c: &Chrome, kind: MessageKind) -> Option<Badge> {
    let (tone, icon, key) = match kind {
        MessageKind::Written | MessageKind::Keys => return None,
        MessageKind::Automatic => ("", "clock", "inbox.automatic"),
        MessageKind::OptOut => ("bad", "stop", "inbox.opt_out"),
        MessageKind::OptIn => ("good", "check", "inbox.opt_in"),
        MessageKind::Report => ("", "alert", "inbox.report"),
    };
    Some(Badge {
        tone,
        icon,
        text: c.t(key).to_owned(),
    })
}

fn origin(c: &Chrome, found: &Authentication) -> (Badge, String) {
    let (tone, icon, key) = match found.provenance() {
        Provenance::Proven => ("good", "check", "inbox.origin_proven"),
        Provenance::Unproven => ("", "question", "inbox.origin_unproven"),
        Provenance::Forged => ("bad", "alert", "inbox.origin_forged"),
    };
    let badge = Badge {
        tone,
        icon,
        text: c.t(key).to_owned(),
    };
    (badge, found.to_string())
}

fn html(message: &Message) -> String {
    let (thread, id) = (message.thread, message.id);
    let is_mail = message.channel == Channel::Email && message.original.is_some();
    if is_mail {
        format!("/inbox/{thread}/messages/{id}/html")
    } else {
        String::new()
    }
}

fn file_name(c: &Chrome, name: &str) -> String {
    if name.is_empty() {
        c.t("inbox.unnamed").to_owned()
    } else {
        name.to_owned()
    }
}

/// What the virus scanner has against a file; empty for nothing.
pub(super) fn scanned(c: &Chrome, file: &MessageFile) -> String {
    match file.scan.as_ref().map(|scan| &scan.found) {
        Some(ScanFound::Virus(name)) => c.f1("inbox.virus", name),
        Some(ScanFound::TooLarge) => c.t("inbox.unscannable").to_owned(),
        Some(ScanFound::Nothing) | None => String::new(),
    }
}

fn files(c: &Chrome, message: &Message, can_scan: bool) -> Vec<FileView> {
    let (thread, id) = (message.thread, message.id);
    let files = message.files.iter().enumerate();
    files
        .map(|(index, file)| {
            let name = attachment::kept_name(file.name.reveal());
            let scanned = scanned(c, file);
            let is_there = message.original.is_some();
            FileView {
                again: if can_scan && is_there && !scanned.is_empty() {
                    format!("/inbox/{thread}/messages/{id}/files/{index}/scan")
                } else {
                    String::new()
                },
                runs: attachment::can_run(&name),
                name: file_name(c, &name),
                size: size(c, file.size_bytes),
                href: if is_there && file.virus().is_none() {
                    format!("/inbox/{thread}/messages/{id}/files/{index}")
                } else {
                    String::new()
                },
                scanned,
            }
        })
        .collect()
}

/// What somebody wrote, and what they quote below it.
fn parted(text: &str) -> (String, String) {
    let starts_quote = |line: &str| {
        line.starts_with('>')
            || line.starts_with("-----Original")
            || line.starts_with("________________________________")
    };
    let lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| starts_quote(line));
    let at = at.unwrap_or(lines.len());
    let own = lines[..at].join("\n").trim().to_owned();
    if own.is_empty() {
        return (text.trim().to_owned(), String::new());
    }
    (own, lines[at..].join("\n").trim().to_owned())
}

/// The communication that a message answers.
fn answered(app: &App, c: &Chrome, message: &Message) -> Result<Option<(String, String)>> {
    let (Some(id), Some(delivery)) = (message.communication, message.delivery) else {
        return Ok(None);
    };
    let (Some(communication), Some(sent)) = (
        app.repo().communication(id)?,
        app.repo().delivery(delivery)?,
    ) else {
        return Ok(None);
    };
    let href = delivery_href(id, sent.contact, &delivery.to_string());
    Ok(Some((c.title_of(&communication), href)))
}

fn delivery_href(communication: CommunicationId, contact: ContactId, delivery: &str) -> String {
    format!("/communications/{communication}/people/{contact}#d-{delivery}")
}

/// How what we wrote fares.
fn delivered(app: &App, c: &Chrome, message: &Message) -> Result<Option<(Badge, String)>> {
    let Some(delivery) = message
        .delivery
        .map(|id| app.repo().delivery(id))
        .transpose()?
        .flatten()
    else {
        return Ok(None);
    };
    let category = app.console.tracker.category("");
    let badge = c.status(delivery.status(), delivery.closed.is_some(), &category);
    let href = delivery_href(
        delivery.communication,
        delivery.contact,
        &delivery.id.to_string(),
    );
    Ok(Some((badge, href)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_stand_apart() {
        let (own, quoted) = parted("Yes.\n\nOn Monday you wrote:\n> Safe?\n> Tell us\n");
        assert_eq!(own, "Yes.\n\nOn Monday you wrote:");
        assert_eq!(quoted, "> Safe?\n> Tell us");
        assert_eq!(parted("> only\n"), ("> only".to_owned(), String::new()));
        assert_eq!(parted(""), (String::new(), String::new()));
    }
}
