//! The HTML of mails, for the sandboxed frame: cleaned, with a policy of its own that keeps it
//! from running anything, loading anything and reaching anything of ours, also when it is opened
//! outside the frame.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse};

use super::super::App;
use super::super::fault::Fault;
use super::super::session::Signed;
use super::super::words::Words;
use super::thread_file::clean_pictures;
use super::{Answer, id};
use crate::domain::inline::{self, NamedFile};
use crate::domain::{BlobId, Body, CommunicationId, Content, MessageId, ThreadId};
use crate::safe_html::{self, MailHtml, MailPicture, PICTURE_SIZE_MAX_BYTES};

/// Takes the HTML of a mail out of it, with the parts that it may show.
pub type HtmlReader = fn(&[u8]) -> Option<MailHtml>;

const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(safe_html::POLICY),
    ),
    (
        header::X_FRAME_OPTIONS,
        HeaderValue::from_static("SAMEORIGIN"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        HeaderName::from_static("x-dns-prefetch-control"),
        HeaderValue::from_static("off"),
    ),
];

/// `GET /communications/{id}/preview`: the HTML with what is put beneath it, or that of the mail
/// as it was handed in.
pub(super) async fn preview(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    preview_of(&app, signed.words, id(&text)?).await
}

/// The HTML of a communication, cleaned.
pub(crate) async fn preview_of(app: &App, words: &'static Words, id: CommunicationId) -> Answer {
    let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    let mail = match communication.body {
        Body::Composed => {
            let content = app.repo().content(communication.content)?;
            let submit = &app.console.submit;
            composed(app, submit.as_sent(&communication.category, &content)).await?
        }
        Body::Submitted(mail) => mail_html(app, mail).await?,
    };
    show(words, mail, &[]).await
}

/// `GET /inbox/{thread}/messages/{message}/html`: what a person wrote, in its own form.
pub(super) async fn message(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path((thread, message)): Path<(String, String)>,
) -> Answer {
    message_html(&app, signed.words, id(&thread)?, id(&message)?).await
}

/// The HTML of a mail that came in, cleaned.
pub(crate) async fn message_html(
    app: &App,
    words: &'static Words,
    thread: ThreadId,
    message: MessageId,
) -> Answer {
    let found = app.repo().message(thread, message)?;
    let found = found.ok_or(Fault::NotFound)?;
    let mail = mail_html(app, found.original.ok_or(Fault::NotFound)?).await?;
    let html = mail.html.as_deref().unwrap_or_default();
    if !html.to_ascii_lowercase().contains("cid:") {
        // Mail programs name files that are shown nowhere, too.
        return show(words, mail, &[]).await;
    }
    let named = mail.pictures.len();
    let mail = MailHtml {
        pictures: clean_pictures(app, &found, mail.pictures).await,
        ..mail
    };
    let notes: &[&'static str] = match mail.pictures.len() < named {
        true => &["html.unscanned"],
        false => &[],
    };
    show(words, mail, notes).await
}

/// The HTML of a mail of ours with the files that it shows as pictures.
async fn composed(app: &App, content: Content) -> Result<MailHtml, Fault> {
    if content.attachments.is_empty() {
        return Ok(MailHtml {
            html: Some(content.html),
            pictures: Vec::new(),
        });
    }
    let _turn = app
        .reading
        .acquire()
        .await
        .map_err(|_| Fault::Unavailable)?;
    let store = app.repo().store().clone();
    let reading = crate::clock::apart(move || -> Result<MailHtml, Fault> {
        let files: Vec<NamedFile<'_>> = content.attachments.iter().map(Into::into).collect();
        let embedded = inline::embed(&content.html, &files, |index| index.to_string());
        let mut pictures = Vec::new();
        for (file, id) in content.attachments.iter().zip(embedded.ids) {
            let is_shown = file.size_bytes <= PICTURE_SIZE_MAX_BYTES as u64;
            let Some(content_id) = id.filter(|_| is_shown) else {
                continue;
            };
            if let Some(bytes) = store.get_blob(file.blob)? {
                pictures.push(MailPicture {
                    content_id,
                    bytes: bytes.to_vec(),
                    file: None,
                });
            }
        }
        Ok(MailHtml {
            html: Some(embedded.html),
            pictures,
        })
    });
    reading.await.map_err(|_| Fault::Internal)?
}

/// The HTML of a mail that is kept whole.
pub(super) async fn mail_html(app: &App, mail: BlobId) -> Result<MailHtml, Fault> {
    let _turn = app
        .reading
        .acquire()
        .await
        .map_err(|_| Fault::Unavailable)?;
    let (store, reader) = (app.repo().store().clone(), app.console.html_of_mail);
    let reading = crate::clock::apart(move || -> Result<Option<MailHtml>, Fault> {
        Ok(store.get_blob(mail)?.and_then(|bytes| reader(&bytes)))
    });
    let found = reading.await.map_err(|_| Fault::Internal)??;
    found.ok_or(Fault::NotFound)
}

/// The page of a mail with these notes above it.
async fn show(words: &'static Words, mail: MailHtml, notes: &[&'static str]) -> Answer {
    let notes = notes.to_vec();
    let making = crate::clock::apart(move || page(words, &mail, &notes));
    let page = making.await.map_err(|_| Fault::Internal)?;
    Ok((HEADERS, Html(page)).into_response())
}

fn page(words: &Words, mail: &MailHtml, notes: &[&'static str]) -> String {
    let html = mail.html.as_deref().unwrap_or_default();
    let cleaned = safe_html::clean(html, &mail.pictures);
    let mut notes: Vec<&str> = notes.iter().copied().map(|key| words.t(key)).collect();
    if cleaned.remote_pictures > 0 {
        notes.push(words.t("html.remote"));
    }
    if cleaned.cut {
        notes.push(words.t("html.cut"));
    }
    if html.trim().is_empty() {
        notes.push(words.t("html.none"));
    }
    let title = words.t("review.html_frame");
    safe_html::page(&cleaned, words.language, title, &notes)
}
