//! Files of contacts: brought, looked at without changing anything, read in, taken back.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::App;
use super::super::data::imports;
use super::super::pages::{Brought, ContactsUpload, bring};
use super::attachments::{FileAsked, Upload};
use super::auth::Caller;
use super::body::{Asked, Ids, Json, OrderedAsked, PageOf, Pages, id, no_cursor};
use super::import_mapping::MappingAsked;
use super::import_shape::{FindingShape, ImportShape, SeenColumnShape};
use super::problem::Problem;
use super::shape::Made;
use super::{Answer, apart, created};
use crate::domain::{ImportId, ImportJob, ImportPass, Sentence};

fn import(app: &App, text: &str) -> Answer<ImportJob> {
    let of: ImportId = id(text, "import")?;
    let found = app.repo().import(of)?;
    let found = found.ok_or_else(|| Problem::not_found("import"))?;
    Ok(found.value)
}

/// Brings a file: CSV, or the first sheet of an XLSX or ODS file. Nothing happens to it but a
/// guess of what its columns mean.
#[utoipa::path(post, path = "/api/v1/imports", tag = "imports", operation_id = "createImport",
    params(FileAsked), request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, body = Made)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<FileAsked>,
    upload: Upload,
) -> Answer<Response> {
    let upload = ContactsUpload::new(&asked.name, upload.bytes);
    match bring(&app, caller.user.id, upload).await? {
        Brought::Kept(made) => Ok(created(made, "/api/v1/imports")),
        Brought::Unreadable(why) => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unreadable-file",
            "The file cannot be read",
            Sentence::from(&why).to_string(),
        )),
    }
}

/// Files that were brought, last brought first, or in the other order.
#[utoipa::path(get, path = "/api/v1/imports", tag = "imports", operation_id = "listImports",
    params(OrderedAsked), responses((status = 200, body = PageOf<ImportShape>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Asked(asked): Asked<OrderedAsked>,
    pages: Pages,
) -> Answer<axum::Json<PageOf<ImportShape>>> {
    let (page, order) = asked.wanted(&pages)?;
    apart(&app, move |app| {
        let found = app.repo().imports_in(order, page.after, page.limit)?;
        let rows = found.rows.iter().map(|job| ImportShape::of(job));
        Ok(axum::Json(pages.page(rows.collect(), found.next)))
    })
    .await
}

/// A file: what it is taken for, how far it is, and what comes or came of it.
#[utoipa::path(get, path = "/api/v1/imports/{id}", tag = "imports", operation_id = "getImport",
    params(("id" = String, Path)), responses((status = 200, body = ImportShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<ImportShape>> {
    let job = import(&app, &text)?;
    Ok(axum::Json(ImportShape::of(&job)))
}

/// The columns of a file: what each is taken for, and what stands in its first rows.
#[utoipa::path(get, path = "/api/v1/imports/{id}/columns", tag = "imports",
    operation_id = "listImportColumns", params(("id" = String, Path)),
    responses((status = 200, body = Vec<SeenColumnShape>)))]
pub(super) async fn columns(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<Vec<SeenColumnShape>>> {
    let job = import(&app, &text)?;
    let table = imports::beginning(&app, &job).await?;
    Ok(axum::Json(SeenColumnShape::all(&table, &job.mapping)))
}

/// Says what the columns mean, and has every row looked at: a dry run, which changes nothing.
/// Its findings and totals are there once the state is `checked`.
#[utoipa::path(post, path = "/api/v1/imports/{id}/check", tag = "imports",
    operation_id = "checkImport", params(("id" = String, Path)), request_body = MappingAsked,
    responses((status = 204)))]
pub(super) async fn check(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
    Json(asked): Json<MappingAsked>,
) -> Answer<StatusCode> {
    let job = import(&app, &text)?;
    let mapping = asked.over(&app, &job)?;
    let taken = app.console.tracker.check_import(job.id, mapping).await?;
    done_or(
        taken,
        "It is being worked on, or was read in or stopped before.",
    )
}

/// Which findings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FindingsAsked {
    /// check (the dry run), run or undo; the one that the state belongs to when it is not given.
    pass: Option<String>,
    /// Rows of the page, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// What was found in the rows: those that cannot be taken and why, and what to look at again.
#[utoipa::path(get, path = "/api/v1/imports/{id}/findings", tag = "imports",
    operation_id = "listImportFindings", params(("id" = String, Path), FindingsAsked),
    responses((status = 200, body = PageOf<FindingShape>)))]
pub(super) async fn findings(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
    Asked(asked): Asked<FindingsAsked>,
    pages: Pages,
) -> Answer<axum::Json<PageOf<FindingShape>>> {
    let page = pages.wanted(asked.limit, asked.cursor.as_deref())?;
    let from = position(page.after.as_deref())?;
    apart(&app, move |app| {
        let job = import(app, &text)?;
        let pass = pass(asked.pass.as_deref())?.unwrap_or_else(|| job.state.pass());
        let found = imports::findings(app.repo(), &job, pass, from, page.limit)?;
        let end = from.saturating_add(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let more = !found.is_empty() && end < job.findings_of(pass);
        let next = more.then(|| end.to_be_bytes().to_vec());
        let rows = found.iter().map(FindingShape::of).collect();
        Ok(axum::Json(pages.page(rows, next)))
    })
    .await
}

/// The position that a cursor of findings holds.
fn position(cursor: Option<&[u8]>) -> Answer<u32> {
    let Some(bytes) = cursor else { return Ok(0) };
    let bytes = bytes.try_into().map(u32::from_be_bytes);
    bytes.map_err(|_| no_cursor())
}

fn pass(name: Option<&str>) -> Answer<Option<ImportPass>> {
    let Some(name) = name else { return Ok(None) };
    let mut all = ImportPass::ALL.into_iter();
    let found = all.find(|one| one.as_str() == name);
    let detail = "A pass is check, run or undo.";
    found
        .map(Some)
        .ok_or_else(|| Problem::field("pass", detail))
}

fn done_or(done: bool, detail: &str) -> Answer<StatusCode> {
    if done {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::conflict("import-state", detail))
    }
}

/// Has the contacts written, once every row has been looked at.
#[utoipa::path(post, path = "/api/v1/imports/{id}/start", tag = "imports",
    operation_id = "startImport", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of = import(&app, &text)?.id;
    let done = app.console.tracker.start_import(of).await?;
    done_or(
        done,
        "It is read in once, after every row has been looked at.",
    )
}

/// Stops what is under way; what was written stays.
#[utoipa::path(post, path = "/api/v1/imports/{id}/cancel", tag = "imports",
    operation_id = "cancelImport", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of = import(&app, &text)?.id;
    let done = app.console.tracker.cancel_import(of).await?;
    done_or(done, "There is nothing under way that can be stopped.")
}

/// Has it taken back: people who were added are removed, those who were changed are again as
/// they were. People to whom something has happened since stay.
#[utoipa::path(post, path = "/api/v1/imports/{id}/undo", tag = "imports",
    operation_id = "undoImport", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn undo(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of = import(&app, &text)?.id;
    let done = app.console.tracker.undo_import(of).await?;
    done_or(done, "There is nothing to take back, or not any more.")
}

/// Has file and findings forgotten, as long as nothing was written.
#[utoipa::path(delete, path = "/api/v1/imports/{id}", tag = "imports",
    operation_id = "discardImport", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn discard(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of = import(&app, &text)?.id;
    let done = app.console.tracker.discard_import(of).await?;
    done_or(done, "It is being worked on, or contacts were written.")
}
