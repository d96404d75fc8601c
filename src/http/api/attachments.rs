//! The files that go with an email: each is sent as it is to the draft that is to carry it.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::header;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::fault::Fault;
use super::super::pages::as_download;
use super::body::{Asked, Ids, id};
use super::communications::communication;
use super::problem::Problem;
use super::{Answer, apart};
use crate::contacts_file::FILE_SIZE_MAX;
use crate::domain::communication::ATTACHMENTS_SIZE_MAX_BYTES;
use crate::domain::{Attachment, CommunicationId};
use crate::submit::NewFile;

/// Where files are sent to.
const PLACE: &str = "/attachments";
/// Where files of contacts are sent to.
const IMPORTS: &str = "/api/v1/imports";

/// Most octets of one request to this path: more than JSON, where files are sent.
pub(super) fn body_max(path: &str) -> Option<usize> {
    if path == IMPORTS {
        return Some(FILE_SIZE_MAX);
    }
    let files = path.ends_with(PLACE);
    files.then(|| usize::try_from(ATTACHMENTS_SIZE_MAX_BYTES).unwrap_or(usize::MAX))
}

/// A file that goes with an email.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FileShape {
    /// Its name; no two files of one email share it.
    name: String,
    media_type: String,
    size_bytes: u64,
}

impl FileShape {
    pub(super) fn all(files: &[Attachment]) -> Vec<Self> {
        let shape = |file: &Attachment| Self {
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            size_bytes: file.size_bytes,
        };
        files.iter().map(shape).collect()
    }
}

fn files(app: &App, text: &str) -> Answer<Vec<Attachment>> {
    let found = communication(app, text)?;
    Ok(app.repo().content(found.content)?.attachments)
}

/// What a file is called.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FileAsked {
    /// Its name, with its ending.
    pub(super) name: String,
}

/// A file as it is sent: the body is its bytes, `Content-Type` its media type.
pub(super) struct Upload {
    media_type: String,
    pub(super) bytes: Bytes,
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let most = body_max(request.uri().path()).unwrap_or_default();
        let (mut parts, body) = request.into_parts();
        let headers = HeaderMap::from_request_parts(&mut parts, &()).await;
        let headers = headers.unwrap_or_default();
        let kind = headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let bytes = axum::body::to_bytes(body, most).await;
        Ok(Self {
            media_type: kind.to_owned(),
            bytes: bytes.map_err(|_| Fault::TooLarge)?,
        })
    }
}

/// Adds a file to a draft; it takes the place of one of its name. Answers with all of its files.
#[utoipa::path(post, path = "/api/v1/communications/{id}/attachments", tag = "communications",
    operation_id = "addAttachment", params(("id" = String, Path), FileAsked),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Vec<FileShape>)))]
pub(super) async fn add(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
    Asked(asked): Asked<FileAsked>,
    upload: Upload,
) -> Answer<axum::Json<Vec<FileShape>>> {
    let of: CommunicationId = id(&text, "communication")?;
    let file = NewFile {
        name: asked.name,
        media_type: upload.media_type,
        bytes: upload.bytes,
    };
    app.console.submit.attach(of, vec![file]).await?;
    let files = apart(&app, move |app| files(app, &text)).await?;
    Ok(axum::Json(FileShape::all(&files)))
}

/// A file of a communication, as it was sent in.
#[utoipa::path(get, path = "/api/v1/communications/{id}/attachments/{name}",
    tag = "communications", operation_id = "getAttachment",
    params(("id" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Ids((text, name)): Ids<(String, String)>,
) -> Answer<Response> {
    apart(&app, move |app| {
        let files = files(app, &text)?;
        let file = files.into_iter().find(|file| file.name == name);
        let file = file.ok_or_else(|| Problem::not_found("file"))?;
        let bytes = app.repo().store().get_blob(file.blob)?;
        let bytes = bytes.ok_or_else(|| Problem::not_found("file"))?;
        Ok(as_download(&file.name, &file.media_type, bytes)?)
    })
    .await
}

/// Takes a file away from a draft.
#[utoipa::path(delete, path = "/api/v1/communications/{id}/attachments/{name}",
    tag = "communications", operation_id = "removeAttachment",
    params(("id" = String, Path), ("name" = String, Path)), responses((status = 204)))]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Ids((text, name)): Ids<(String, String)>,
) -> Answer<StatusCode> {
    let of: CommunicationId = id(&text, "communication")?;
    let files = files(&app, &text)?;
    let file = files.into_iter().find(|file| file.name == name);
    let file = file.ok_or_else(|| Problem::not_found("file"))?;
    app.console.submit.detach(of, &file.name, file.blob).await?;
    Ok(StatusCode::NO_CONTENT)
}
