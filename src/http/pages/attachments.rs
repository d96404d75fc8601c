//! The files that go with an email: listed, added, removed, and looked at.

use std::sync::Arc;

use askama::Template;
use axum::extract::FromRequest;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequestParts, Multipart, Path, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::{Bytes, BytesMut};

use super::super::App;
use super::super::dress::DOWNLOAD_POLICY;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm, percent};
use super::super::view::Chrome;
use super::compose::see;
use super::problems::{Problem, Problems};
use super::{Answer, id, show_as};
use crate::domain::communication::{ATTACHMENTS_MAX, ATTACHMENTS_SIZE_MAX_BYTES};
use crate::domain::correspondence::NOTE_TEXT_MAX;
use crate::domain::{Attachment, BlobId, CommunicationId, CommunicationState, Sentence};
use crate::submit::{FieldError, NewFile, SubmitError};

/// Uploads read at once: each may hold as much as all files of one email in memory.
pub(crate) const UPLOADS_AT_ONCE: usize = 4;
/// Longest value of a field that is no file, in bytes.
const FIELD_SIZE_MAX: usize = 256;
/// Longest text beside files, in bytes: that of a note.
const TEXT_SIZE_MAX: usize = 4 * NOTE_TEXT_MAX;
/// Most fields beside files.
const FIELDS_MAX: usize = 32;
const KILOBYTE: u64 = 1024;
const MEGABYTE: u64 = 1024 * 1024;

struct FileRow {
    index: usize,
    name: String,
    size: String,
    blob: BlobId,
}

#[derive(Template)]
#[template(path = "attachments.html")]
struct Page {
    c: Chrome,
    id: CommunicationId,
    title: String,
    files: Vec<FileRow>,
    total: String,
    room: String,
    most: usize,
    p: Problems,
    problems: Vec<Problem>,
}

/// "12 kB".
pub(super) fn size(c: &Chrome, bytes: u64) -> String {
    if bytes < KILOBYTE {
        c.f1("files.bytes", bytes)
    } else if bytes < MEGABYTE {
        c.f1("files.kilobytes", bytes.div_ceil(KILOBYTE))
    } else {
        let tenths = bytes * 10 / MEGABYTE;
        let decimal = c.t("number.decimal");
        c.f1(
            "files.megabytes",
            format!("{}{decimal}{}", tenths / 10, tenths % 10),
        )
    }
}

/// `GET /communications/{id}/attachments`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    let query = Fields::of_query(&uri);
    list(&app, &signed, id(&text)?, &[], query.get("done"))
}

fn list(
    app: &App,
    signed: &Signed,
    id: CommunicationId,
    errors: &[FieldError],
    done: &str,
) -> Answer {
    let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    if communication.state != CommunicationState::Draft {
        return Ok(Redirect::to(&format!("/communications/{id}")).into_response());
    }
    let title = signed.words.t("files.title");
    let c = Chrome::of(app, signed, title, "communications")?.with_done(done);
    let files = app.repo().content(communication.content)?.attachments;
    let total: u64 = files.iter().map(|file| file.size_bytes).sum();
    let row = |(index, file): (usize, &Attachment)| FileRow {
        index,
        name: file.name.clone(),
        size: size(&c, file.size_bytes),
        blob: file.blob,
    };
    let p = Problems::new(errors, signed.words);
    let page = Page {
        id,
        title: c.title_of(&communication),
        files: files.iter().enumerate().map(row).collect(),
        total: size(&c, total),
        room: size(&c, ATTACHMENTS_SIZE_MAX_BYTES),
        most: ATTACHMENTS_MAX,
        problems: p.summary(&c),
        p,
        c,
    };
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    show_as(status, &page)
}

/// Files as they come in, the form's token before them.
pub(super) struct Upload {
    pub(super) signed: Signed,
    /// What was filled in beside them.
    pub(super) fields: Fields,
    pub(super) files: Result<Vec<NewFile>, FieldError>,
}

impl FromRequest<Arc<App>> for Upload {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let signed = Signed::from_request_parts(&mut parts, app).await?;
        let request = Request::from_parts(parts, body);
        let form = Multipart::from_request(request, app).await;
        let form = form.map_err(|error| Fault::of_status(error.status()).into_response())?;
        let mut parts = Vec::new();
        let files = read(app, &signed, form, &mut parts).await;
        let files = files.map_err(IntoResponse::into_response)?;
        Ok(Self {
            signed,
            fields: Fields::of_parts(parts),
            files,
        })
    }
}

/// Reads a form piece by piece; no more of it is ever in memory than all files may have.
async fn read(
    app: &App,
    signed: &Signed,
    mut form: Multipart,
    parts: &mut Vec<(String, String)>,
) -> Result<Result<Vec<NewFile>, FieldError>, Fault> {
    let _turn = app
        .uploads
        .acquire()
        .await
        .map_err(|_| Fault::Unavailable)?;
    let mut trusted = false;
    let mut files = Vec::new();
    let mut room = usize::try_from(ATTACHMENTS_SIZE_MAX_BYTES).unwrap_or(usize::MAX);
    while let Some(field) = form.next_field().await.map_err(broken)? {
        if field.name() == Some("csrf") {
            let token = text_of(field, FIELD_SIZE_MAX).await?;
            trusted = signed.owns(&token);
            continue;
        }
        // The token stands first in our form: nothing of a stranger's form is read.
        if !trusted {
            return Err(Fault::Forged);
        }
        let Some(name) = field.file_name().map(str::to_owned) else {
            let name = field.name().unwrap_or_default().to_owned();
            if parts.len() >= FIELDS_MAX {
                return Err(Fault::TooLarge);
            }
            parts.push((name, text_of(field, TEXT_SIZE_MAX).await?));
            continue;
        };
        let media_type = field.content_type().unwrap_or_default().to_owned();
        let Some(bytes) = bytes_of(field, room).await? else {
            return Ok(Err(too_large()));
        };
        room -= bytes.len();
        // A field of files that is left empty comes as one file without a name.
        if name.is_empty() && bytes.is_empty() {
            continue;
        }
        if files.len() == ATTACHMENTS_MAX {
            let problem =
                Sentence::with("At most {0} files go with an email.", &[&ATTACHMENTS_MAX]);
            return Ok(Err(FieldError::new("attachments", problem)));
        }
        files.push(NewFile {
            name,
            media_type,
            bytes,
        });
    }
    if trusted {
        Ok(Ok(files))
    } else {
        Err(Fault::Forged)
    }
}

fn too_large() -> FieldError {
    let problem = Sentence::with(
        "All files together may have {0} MB: many servers refuse larger emails.",
        &[&(ATTACHMENTS_SIZE_MAX_BYTES / MEGABYTE)],
    );
    FieldError::new("attachments", problem)
}

fn broken(error: MultipartError) -> Fault {
    Fault::of_status(error.status())
}

async fn text_of(field: Field<'_>, size_max: usize) -> Result<String, Fault> {
    let bytes = bytes_of(field, size_max).await?;
    let bytes = bytes.ok_or(Fault::BadRequest)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| Fault::BadRequest)
}

/// All of a field; none when it is longer than there is room.
async fn bytes_of(mut field: Field<'_>, room: usize) -> Result<Option<Bytes>, Fault> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        if chunk.len() > room - bytes.len() {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes.freeze()))
}

/// `POST /communications/{id}/attachments`
pub(super) async fn add(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    upload: Upload,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    let files = match upload.files {
        Ok(files) => files,
        Err(problem) => return list(&app, &upload.signed, id, &[problem], ""),
    };
    if files.is_empty() {
        let problem = FieldError::new("attachments", "Choose a file first.");
        return list(&app, &upload.signed, id, &[problem], "");
    }
    match app.console.submit.attach(id, files).await {
        Ok(()) => Ok(see(&format!("/communications/{id}/attachments?done=files"))),
        Err(SubmitError::Invalid(errors)) => list(&app, &upload.signed, id, &errors, ""),
        Err(error) => Err(error.into()),
    }
}

/// `POST /communications/{id}/attachments/remove`
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    let files = app.console.submit.draft(id)?.content.attachments;
    let wanted = form.fields.get("blob");
    let name = form.fields.get("name");
    let found = files
        .iter()
        .find(|file| file.name == name && file.blob.to_string() == wanted);
    if let Some(file) = found {
        app.console.submit.detach(id, &file.name, file.blob).await?;
    }
    Ok(see(&format!("/communications/{id}/attachments?done=files")))
}

/// `GET /communications/{id}/attachments/{index}`: to keep, never to show: it may come from
/// anywhere.
pub(super) async fn download(
    State(app): State<Arc<App>>,
    _signed: Signed,
    Path((text, index)): Path<(String, usize)>,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    let files = app.repo().content(communication.content)?.attachments;
    let file = files.get(index).ok_or(Fault::NotFound)?;
    let (store, blob) = (app.repo().store().clone(), file.blob);
    let reading = crate::clock::apart(move || store.get_blob(blob));
    let bytes = reading.await.map_err(|_| Fault::Internal)??;
    let bytes = bytes.ok_or(Fault::NotFound)?;
    as_download(&file.name, &file.media_type, bytes)
}

/// A file for the reader's disk. Its own policy keeps it from running and loading anything, also
/// where a browser shows it all the same.
pub(crate) fn as_download(
    name: &str,
    media_type: &str,
    bytes: impl Into<axum::body::Body>,
) -> Answer {
    let name: String = name.bytes().map(percent).collect();
    let disposition = format!("attachment; filename*=UTF-8''{name}");
    let kind = HeaderValue::from_str(media_type);
    let headers = [
        (
            header::CONTENT_TYPE,
            kind.unwrap_or(HeaderValue::from_static("application/octet-stream")),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_str(&disposition).map_err(|_| Fault::Internal)?,
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(DOWNLOAD_POLICY),
        ),
    ];
    Ok((headers, bytes.into()).into_response())
}
