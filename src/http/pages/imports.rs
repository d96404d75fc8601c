//! Files of contacts: those that were read in, and the form that brings another.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use bytes::Bytes;

use super::super::App;
use super::super::cursor::Cursors;
use super::super::data;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::Signed;
use super::super::times::When;
use super::super::view::{Badge, Chrome};
use super::compose::see;
use super::filter_form::with;
use super::sorting::{SortHead, by_time, order_of, ordered};
use super::{Answer, show_as};
use crate::contacts_file::{FILE_SIZE_MAX, FileError, ROWS_MAX, Shape, guess, read};
use crate::domain::import::{IMPORT_COLUMNS_MAX, IMPORT_KEPT_DAYS};
use crate::domain::{ImportId, ImportJob, ImportMapping, ImportState, Sentence, UserId};
use crate::tracker::NewImport;

/// Imports on one page of the list.
const IMPORTS_SHOWN: usize = 25;
/// Name of a file that says none.
const NAMELESS: &str = "contacts";
const MIB: usize = 1024 * 1024;

struct Row {
    id: ImportId,
    file_name: String,
    who: String,
    when: When,
    state: Badge,
    totals: String,
}

#[derive(Template)]
#[template(path = "imports.html")]
struct Page {
    c: Chrome,
    problem: String,
    size_max: usize,
    rows_max: usize,
    columns_max: usize,
    kept_days: u64,
    rows: Vec<Row>,
    sort: SortHead,
    first: String,
    next: String,
}

/// `GET /contacts/import`
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    list(&app, &signed, &Fields::of_query(&uri), String::new())
}

fn list(app: &App, signed: &Signed, fields: &Fields, problem: String) -> Answer {
    let c = Chrome::of(app, signed, signed.words.t("import.title"), "contacts")?
        .with_done(fields.get("done"));
    let cursors = Cursors::of(app, signed.user.id, "/contacts/import");
    let after = cursors.place(fields.get("after"));
    let order = order_of(fields);
    let here = ordered("/contacts/import", order);
    let first = if after.is_some() {
        here.clone()
    } else {
        String::new()
    };
    let imports = app.repo().imports_in(order, after, IMPORTS_SHOWN)?;
    let mut rows = Vec::with_capacity(imports.rows.len());
    for job in &imports.rows {
        let who = app.repo().user(job.by)?;
        rows.push(Row {
            id: job.id,
            file_name: job.file_name.clone(),
            who: who.map_or_else(String::new, |user| user.value.name),
            when: c.when(&job.created_at),
            state: state(&c, job),
            totals: totals(&c, job),
        });
    }
    let status = if problem.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let next = imports
        .next
        .map(|key| with(&here, &format!("after={}", cursors.text(&key))));
    show_as(
        status,
        &Page {
            c,
            problem,
            size_max: size_max(app) / MIB,
            rows_max: ROWS_MAX,
            columns_max: IMPORT_COLUMNS_MAX,
            kept_days: IMPORT_KEPT_DAYS,
            rows,
            sort: by_time("/contacts/import", order),
            first,
            next: next.unwrap_or_default(),
        },
    )
}

/// Largest file taken: the form around it has to fit too.
fn size_max(app: &App) -> usize {
    let form = app.console.settings.body_size_max;
    FILE_SIZE_MAX.min(form.saturating_sub(form / 100))
}

/// Where an import stands, as a badge.
pub(super) fn state(c: &Chrome, job: &ImportJob) -> Badge {
    let (tone, icon, key) = match job.state {
        ImportState::Uploaded => ("", "pencil", "import.state_uploaded"),
        ImportState::Checking => ("open", "clock", "import.state_checking"),
        ImportState::Checked => ("", "eye", "import.state_checked"),
        ImportState::Running => ("open", "clock", "import.state_running"),
        ImportState::Done => ("good", "check", "import.state_done"),
        ImportState::Cancelled => ("", "stop", "import.state_cancelled"),
        ImportState::Failed => ("bad", "alert", "import.state_failed"),
        ImportState::Undoing => ("open", "clock", "import.state_undoing"),
        ImportState::Undone => ("", "return", "import.state_undone"),
    };
    Badge {
        tone,
        icon,
        text: c.t(key).to_owned(),
    }
}

fn totals(c: &Chrome, job: &ImportJob) -> String {
    if job.done.taken() == 0 {
        return String::new();
    }
    c.f2(
        "import.totals",
        c.number(job.done.added),
        c.number(job.done.updated),
    )
}

/// A file that somebody brings.
pub(crate) struct Upload {
    name: String,
    file: Bytes,
}

impl Upload {
    /// A file under the name that its sender gives it.
    pub(crate) fn new(name: &str, file: Bytes) -> Self {
        Self {
            name: base_name(name),
            file,
        }
    }
}

/// `POST /contacts/import`: the form's token comes before the file, which nobody else can
/// make us read.
pub(super) async fn upload(
    State(app): State<Arc<App>>,
    signed: Signed,
    request: Request,
) -> Answer {
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|error| Fault::of_status(error.into_response().status()))?;
    let mut upload = None;
    let mut known = false;
    let mut turn = None;
    while let Some(mut field) = next(&mut form).await? {
        match field.name().unwrap_or_default() {
            "csrf" => {
                let text = field.text().await.map_err(|error| refused(&error))?;
                known = signed.owns(&text);
            }
            "file" if !known => return Err(Fault::Forged),
            "file" => {
                if turn.is_none() {
                    let next = app.uploads.acquire().await;
                    turn = Some(next.map_err(|_| Fault::Unavailable)?);
                }
                let name = field.file_name().unwrap_or_default().to_owned();
                let mut file = Vec::new();
                while let Some(chunk) = field.chunk().await.map_err(|error| refused(&error))? {
                    if file.len() + chunk.len() > FILE_SIZE_MAX {
                        return Err(Fault::TooLarge);
                    }
                    file.extend_from_slice(&chunk);
                }
                upload = Some(Upload::new(&name, Bytes::from(file)));
            }
            _ => {}
        }
    }
    if !known {
        return Err(Fault::Forged);
    }
    let Some(upload) = upload.filter(|upload| !upload.file.is_empty()) else {
        let problem = signed.words.t("import.no_file").to_owned();
        return list(&app, &signed, &Fields::default(), problem);
    };
    let brought = bring(&app, signed.user.id, upload).await?;
    drop(turn);
    match brought {
        Brought::Kept(id) => Ok(see(&format!("/contacts/imports/{id}/columns"))),
        Brought::Unreadable(why) => {
            let problem = signed.words.tell(&Sentence::from(&why));
            list(&app, &signed, &Fields::default(), problem)
        }
    }
}

async fn next(form: &mut Multipart) -> Result<Option<axum::extract::multipart::Field<'_>>, Fault> {
    form.next_field().await.map_err(|error| refused(&error))
}

fn refused(error: &axum::extract::multipart::MultipartError) -> Fault {
    Fault::of_status(error.status())
}

/// Some browsers send whole paths.
fn base_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = name.chars().filter(|char| !char.is_control()).collect();
    if clean.trim().is_empty() {
        NAMELESS.to_owned()
    } else {
        clean
    }
}

/// What became of a file.
pub(crate) enum Brought {
    /// It is kept, with a guess of what its columns mean.
    Kept(ImportId),
    /// It is no file of contacts, or too large a one; nothing was kept.
    Unreadable(FileError),
}

/// Reads a file, guesses what its columns mean, and keeps it.
pub(crate) async fn bring(app: &Arc<App>, by: UserId, upload: Upload) -> Result<Brought, Fault> {
    // A file takes a multiple of its size while it is read.
    let place = Arc::clone(&app.exports).try_acquire_owned();
    let place = place.map_err(|_| Fault::Unavailable)?;
    let file = upload.file.clone();
    let looked = data::apart(move || {
        let read = read(&file).map(|(table, shape)| (guess(&table), table.len(), shape));
        drop(place);
        Ok(read)
    });
    let ((columns, header), rows, Shape(read_as)) = match looked.await? {
        Ok(read) => read,
        Err(why) => return Ok(Brought::Unreadable(why)),
    };
    let settings = &app.console.settings;
    let (region, language) = (&settings.default_region, &settings.language);
    let new = NewImport {
        by,
        file_name: upload.name,
        file: upload.file,
        read_as,
        rows: u32::try_from(rows).unwrap_or(u32::MAX),
        mapping: ImportMapping::guessed(columns, header, region, language),
    };
    Ok(Brought::Kept(app.console.tracker.begin_import(new).await?))
}
