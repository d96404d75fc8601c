//! One message as it was sent: what the recipient got, by the channel it went by.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};

use super::super::App;
use super::super::fault::Fault;
use super::super::session::Signed;
use super::super::times::When;
use super::super::view::{Badge, Chrome, channel_icon};
use super::content::mail_html;
use super::{Answer, communication, id, show};
use crate::domain::{
    BlobId, Body, Channel, Communication, CommunicationId, Contact, ContactId, DeliveryId,
};
use crate::store::Repo;

/// Most of a submitted mail that is shown, in bytes: its head and text, not its attachments.
const RAW_SHOWN_MAX: usize = 256 * 1024;

#[derive(Template)]
#[template(path = "message.html")]
struct Page {
    c: Chrome,
    delivery: DeliveryId,
    communication: CommunicationId,
    contact: ContactId,
    known: bool,
    icon: &'static str,
    channel: String,
    title: String,
    name: String,
    to: String,
    badge: Badge,
    explain: String,
    round: String,
    sent: Option<When>,
    completed: Option<When>,
    /// An HTML part, for the sandboxed frame.
    html: bool,
    text: String,
    /// A whole message as it was handed in.
    raw: String,
    cut: bool,
}

/// `GET /deliveries/{id}`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let delivery: DeliveryId = id(&text)?;
    let delivery = app.repo().delivery(delivery)?.ok_or(Fault::NotFound)?;
    let sent = app.repo().communication(delivery.communication)?;
    let sent = sent.ok_or(Fault::NotFound)?;
    let contact = app.repo().contact(delivery.contact)?;
    let c = Chrome::of(
        &app,
        &signed,
        signed.words.t("message.title"),
        "communications",
    )?;
    let category = app.console.tracker.category(&sent.category);
    let closed = delivery.closed.map(|closed| closed.reason.explain());
    let (mut raw, mut cut) = (String::new(), false);
    if let (Channel::Email, Body::Submitted(message)) = (delivery.channel, sent.body) {
        (raw, cut) = raw_mail(app.repo().clone(), message).await?;
    }
    let parts = communication::parts(&app, &c, &sent)?;
    let part = parts
        .into_iter()
        .find(|part| part.channel == delivery.channel);
    let html = delivery.channel == Channel::Email && has_html(&app, &sent).await?;
    let status = delivery.status();
    show(&Page {
        delivery: delivery.id,
        communication: sent.id,
        contact: delivery.contact,
        known: contact.is_some(),
        icon: channel_icon(delivery.channel),
        channel: c.channel(&delivery.channel),
        title: c.title_of(&sent),
        name: contact
            .as_deref()
            .map_or_else(|| c.t("person.gone").to_owned(), Contact::full_name),
        to: delivery.destination.reveal().to_owned(),
        badge: c.status(status, delivery.closed.is_some(), &category),
        explain: c
            .held(&delivery)
            .unwrap_or_else(|| c.words.say(closed.unwrap_or(status.explain())).to_owned()),
        round: c.round(&sent, delivery.round),
        sent: delivery.sent_at().map(|at| c.when(&at)),
        completed: delivery.completed_at().map(|at| c.when(&at)),
        html,
        text: part.map_or_else(String::new, |part| part.text),
        raw,
        cut,
        c,
    })
}

/// Whether an email has an HTML part. A mail beyond what is read has none to show.
async fn has_html(app: &App, sent: &Communication) -> Result<bool, Fault> {
    match sent.body {
        Body::Composed => Ok(!app.repo().content(sent.content)?.html.trim().is_empty()),
        Body::Submitted(mail) => match mail_html(app, mail).await {
            Ok(mail) => Ok(mail.html.is_some()),
            Err(Fault::NotFound) => Ok(false),
            Err(fault) => Err(fault),
        },
    }
}

/// The start of a mail as a text that does nothing to the page it stands in.
async fn raw_mail(repo: Repo, message: BlobId) -> Result<(String, bool), Fault> {
    let read = move || repo.store().get_blob(message);
    let bytes = crate::clock::apart(read).await;
    let bytes = bytes.map_err(|_| Fault::Internal)??;
    let bytes = bytes.ok_or(Fault::NotFound)?;
    let shown = &bytes[..bytes.len().min(RAW_SHOWN_MAX)];
    Ok((harmless(shown), shown.len() < bytes.len()))
}

/// Line ends and tabs stay; other control characters, and those that turn the direction of
/// writing, are shown as unreadable.
fn harmless(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let harmless = text.chars().map(|letter| match letter {
        '\n' | '\t' => letter,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    });
    harmless.collect()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_mail_cannot_turn_or_colour_the_page() {
        assert_eq!(
            harmless(b"a\r\nb\tc\x1b[31m\x00"),
            "a\nb\tc\u{fffd}[31m\u{fffd}"
        );
        assert_eq!(harmless("\u{202e}evil".as_bytes()), "\u{fffd}evil");
        assert_eq!(harmless(b"caf\xe9"), "caf\u{fffd}");
    }
}
