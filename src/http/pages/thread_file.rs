//! Files that came with what people wrote: to keep, never to show. Anybody can send us one.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use bytes::Bytes;
use tokio::time::timeout;

use super::super::App;
use super::super::data::Result;
use super::super::fault::Fault;
use super::super::session::{Signed, SignedForm};
use super::attachments::as_download;
use super::compose::see;
use super::{Answer, id};
use crate::domain::{FileScan, Message, MessageId, ScanFound, ThreadId, attachment};
use crate::safe_html::MailPicture;

/// Mails taken apart at once: each may hold tens of megabytes in memory.
pub(crate) const READING_AT_ONCE: usize = 2;
/// Longest time for looking through a file that is asked for; less than a request may take.
const SCANNING_MAX: Duration = Duration::from_secs(20);
/// What every file that came in is called to browsers: nothing that they would open themselves.
const MEDIA_TYPE: &str = "application/octet-stream";

/// Takes a file out of a mail: the mail as it came, and the file's place in it.
pub type FileReader = fn(&[u8], usize) -> Option<Vec<u8>>;

/// A file of a message.
pub(crate) struct FoundFile {
    pub(crate) name: String,
    pub(crate) bytes: Bytes,
}

/// `GET /inbox/{thread}/messages/{message}/files/{index}`
pub(super) async fn download(
    State(app): State<Arc<App>>,
    _signed: Signed,
    Path((thread, message, index)): Path<(String, String, usize)>,
) -> Answer {
    let file = file(&app, id(&thread)?, id(&message)?, index).await?;
    as_download(&file.name, MEDIA_TYPE, file.bytes)
}

/// Reads a file out of the mail that brought it. Nothing is handed out in which a virus was found,
/// and, where there is a scanner, nothing that was not looked through lately.
pub(crate) async fn file(
    app: &App,
    thread: ThreadId,
    message: MessageId,
    index: usize,
) -> Result<FoundFile> {
    let found = app
        .repo()
        .message(thread, message)?
        .ok_or(Fault::NotFound)?;
    let known = found.files.get(index).ok_or(Fault::NotFound)?;
    if known.virus().is_some() {
        return Err(Fault::Infected);
    }
    let bytes = read(app, &found, index).await?;
    let is_vouched_for = |scan: &FileScan| scan.vouches(app.now());
    if !known.scan.as_ref().is_some_and(is_vouched_for) {
        look_through(app, &found, index, &bytes).await?;
    }
    tracing::info!(%thread, %message, index, "file of a reply fetched");
    Ok(FoundFile {
        name: name(known.name.reveal(), index),
        bytes,
    })
}

async fn read(app: &App, message: &Message, index: usize) -> Result<Bytes> {
    let original = message.original.ok_or(Fault::NotFound)?;
    let _turn = app
        .reading
        .acquire()
        .await
        .map_err(|_| Fault::Unavailable)?;
    let (store, reader) = (app.repo().store().clone(), app.console.file_of_mail);
    let reading = crate::clock::apart(move || -> Result<Option<Vec<u8>>> {
        let mail = store.get_blob(original)?;
        Ok(mail.and_then(|mail| reader(&mail, index)))
    });
    let bytes = reading.await.map_err(|_| Fault::Internal)??;
    bytes.map(Bytes::from).ok_or(Fault::NotFound)
}

/// `POST /inbox/{thread}/messages/{message}/files/{index}/scan`: looked through anew, as scanners are
/// wrong now and then. What is found now counts.
pub(super) async fn scan_again(
    State(app): State<Arc<App>>,
    Path((thread, message, index)): Path<(String, String, usize)>,
    _form: SignedForm,
) -> Answer {
    let (thread, message): (ThreadId, MessageId) = (id(&thread)?, id(&message)?);
    let found = app.repo().message(thread, message)?;
    let found = found.ok_or(Fault::NotFound)?;
    if index >= found.files.len() {
        return Err(Fault::NotFound);
    }
    let bytes = read(&app, &found, index).await?;
    let scan = scan(&app, &found, index, &bytes).await?;
    let scan = scan.ok_or(Fault::NotFound)?;
    tracing::info!(%thread, %message, index, "file of a reply looked through anew");
    let tracker = &app.console.tracker;
    tracker
        .record_scan_again(thread, message, index, &scan)
        .await?;
    Ok(see(&format!("/inbox/{thread}?done=scanned#m-{message}")))
}

/// Leaves those pictures of a mail that its HTML may show: where there is a scanner, those that were
/// looked through lately or are now, and are clean; none where a virus was found in any file.
pub(super) async fn clean_pictures(
    app: &App,
    of: &Message,
    pictures: Vec<MailPicture>,
) -> Vec<MailPicture> {
    if of.files.iter().any(|file| file.virus().is_some()) {
        return Vec::new();
    }
    if app.console.scanner.is_none() {
        return pictures;
    }
    let (mut clean, mut is_infected) = (Vec::new(), false);
    let looking = async {
        for mut picture in pictures {
            let Some(index) = picture.file else {
                continue;
            };
            let Some(known) = of.files.get(index) else {
                continue;
            };
            let is_vouched_for = |scan: &FileScan| scan.vouches(app.now());
            if !known.scan.as_ref().is_some_and(is_vouched_for) {
                let bytes = Bytes::from(std::mem::take(&mut picture.bytes));
                match look_through(app, of, index, &bytes).await {
                    Ok(()) => picture.bytes = bytes.to_vec(),
                    Err(Fault::Unscannable) => continue,
                    Err(fault) => {
                        is_infected |= matches!(fault, Fault::Infected);
                        return;
                    }
                }
            }
            clean.push(picture);
        }
    };
    // What is not known by then is not shown.
    let _late = timeout(SCANNING_MAX, looking).await;
    if is_infected { Vec::new() } else { clean }
}

/// Has a file looked through by the scanner, if there is one, and keeps what it found.
async fn look_through(app: &App, of: &Message, index: usize, bytes: &Bytes) -> Result<()> {
    let Some(scan) = scan(app, of, index, bytes).await? else {
        return Ok(());
    };
    let refused = match &scan.found {
        ScanFound::Nothing => Ok(()),
        ScanFound::Virus(_) => Err(Fault::Infected),
        ScanFound::TooLarge => Err(Fault::Unscannable),
    };
    let (thread, message) = (of.thread, of.id);
    let tracker = &app.console.tracker;
    if let Err(error) = tracker.record_scan(thread, message, index, &scan).await {
        // It was looked through all the same; the next who asks has that done again.
        tracing::warn!(%thread, %message, %error, "what was found in a file could not be kept");
    }
    refused
}

/// What the scanner finds in a file; none where there is no scanner.
async fn scan(app: &App, of: &Message, index: usize, bytes: &Bytes) -> Result<Option<FileScan>> {
    let Some(scanner) = &app.console.scanner else {
        return Ok(None);
    };
    let (thread, message) = (of.thread, of.id);
    let found = match timeout(SCANNING_MAX, scanner.scan(bytes)).await {
        Ok(Ok(found)) => found,
        Ok(Err(why)) => {
            tracing::info!(%thread, %message, index, %why, "a file cannot be looked through for viruses now; it is not handed out");
            return Err(Fault::Unscanned);
        }
        Err(_) => return Err(Fault::Unscanned),
    };
    if let ScanFound::Virus(virus) = &found {
        tracing::warn!(%thread, %message, index, virus, "a virus was found in a file that came in; it is not handed out");
    }
    Ok(Some(FileScan::new(app.now(), found)))
}

/// What it is called on the reader's disk.
fn name(told: &str, index: usize) -> String {
    let name = attachment::kept_name(told);
    if name.is_empty() {
        format!("file-{}", index + 1)
    } else {
        name
    }
}
