//! Files that came with what people wrote: to keep, never to show. Anybody can send us one.

use std::sync::Arc;

use axum::extract::{Path, State};

use super::super::App;
use super::super::data::Result;
use super::super::fault::Fault;
use super::super::session::Signed;
use super::attachments::as_download;
use super::{Answer, id};
use crate::domain::{MessageId, ThreadId, attachment};

/// Mails taken apart at once: each may hold tens of megabytes in memory.
pub(crate) const READING_AT_ONCE: usize = 2;
/// What every file that came in is called to browsers: nothing that they would open themselves.
const MEDIA_TYPE: &str = "application/octet-stream";

/// Takes a file out of a mail: the mail as it came, and the file's place in it.
pub type FileReader = fn(&[u8], usize) -> Option<Vec<u8>>;

/// A file of a message.
pub(crate) struct FoundFile {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
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

/// Reads a file out of the mail that brought it.
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
    let name = name(known.name.reveal(), index);
    let original = found.original.ok_or(Fault::NotFound)?;
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
    let bytes = bytes.ok_or(Fault::NotFound)?;
    tracing::info!(%thread, %message, index, "file of a reply fetched");
    Ok(FoundFile { name, bytes })
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
