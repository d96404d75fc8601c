//! Excel files: a communication's people, and the communications log.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::unfold;
use jiff::tz::TimeZone;
use tokio::io::AsyncReadExt;
use tokio::task::JoinHandle;
use tokio_util::sync::DropGuard;

use super::super::App;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::journal::{self, Filter};
use super::super::making::Making;
use super::super::period;
use super::super::session::Signed;
use super::super::sheet::{self, Cell, Column, SheetError};
use super::super::view::zone_of;
use super::super::words::Words;
use super::comms_log::Asked;
use super::{Answer, id};
use crate::domain::{
    Access, Channel, CommunicationId, Contact, ContactId, Delivery, Destination, MethodState,
    PersonState,
};
use crate::store::{Loaded, Repo, RepoError, Seek};

const XLSX: HeaderValue =
    HeaderValue::from_static("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
const CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8");
const PDF: HeaderValue = HeaderValue::from_static("application/pdf");
/// Small files are ready within this time: then their size is told, and a failure has a page.
/// For a larger one the answer begins before the file does, and the browser waits.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// People or deliveries read at a time.
const STEP: usize = 500;
/// Most bytes handed on at a time.
const CHUNK: usize = 64 * 1024;
/// Most communications whose titles are remembered while a log is written.
const TITLES_MAX: usize = 1_000;

/// `GET /communications/{id}/statisticsAlert.xlsx`: every person, by first name.
pub(super) async fn statistics(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let zone = zone_of(&app, &signed);
    statistics_file(&app, signed.words, zone, &signed.access, &text).await
}

/// The file of a communication's people, for whoever reads in this language and zone.
pub(crate) async fn statistics_file(
    app: &Arc<App>,
    words: &'static Words,
    zone: TimeZone,
    access: &Arc<Access>,
    text: &str,
) -> Answer {
    let id: CommunicationId = id(text)?;
    let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    if !communication.is_sent() {
        return Err(Fault::NotFound);
    }
    let (repo, access) = (app.repo().clone(), Arc::clone(access));
    download(app, "statisticsAlert.xlsx", move |stop| {
        let columns = [
            column(words, "export.first_name", 18),
            column(words, "export.last_name", 18),
            column(words, "export.email", 32),
            column(words, "export.telephone", 22),
            column(words, "export.status", 14),
        ];
        sheet::write(&columns, &zone, words.t("export.full"), stop, |rows| {
            let mut seek = Seek::Start;
            loop {
                let page = repo.people_by_name(id, None, &seek, STEP)?;
                let Some(last) = page.last() else {
                    return Ok(());
                };
                seek = Seek::After(last.place.clone());
                for listed in &page {
                    let person = &listed.person;
                    let contact = repo.current_contact(person.contact)?;
                    let seen = |contact: &Loaded<Contact>| access.sees_contact(contact);
                    if !access.sees_everybody() && !contact.as_ref().is_some_and(seen) {
                        continue;
                    }
                    if !rows.push(&person_row(words, contact.as_deref(), person.state))? {
                        return Ok(());
                    }
                }
            }
        })
    })
    .await
}

fn person_row(
    words: &'static Words,
    contact: Option<&Contact>,
    state: PersonState,
) -> [Cell<'static>; 5] {
    let joined = match state {
        PersonState::Contacted => "export.joined",
        PersonState::InProgress | PersonState::NotContacted => "export.not_joined",
    };
    let name = |of: fn(&Contact) -> &String| {
        let name = contact.map_or_else(|| words.t("person.gone"), |contact| of(contact).as_str());
        Cell::Text(name.to_owned().into())
    };
    let (emails, numbers) = contact.map_or_else(Default::default, ways);
    [
        name(|contact| contact.first_name.reveal()),
        name(|contact| contact.last_name.reveal()),
        Cell::Text(emails.into()),
        Cell::Plain(numbers.into()),
        Cell::Plain(words.t(joined).into()),
    ]
}

/// Addresses and numbers of a contact, each kind in one text.
fn ways(contact: &Contact) -> (String, String) {
    let (mut emails, mut numbers) = (Vec::new(), Vec::new());
    for method in &contact.methods {
        if method.state == MethodState::Removed {
            continue;
        }
        match &method.destination {
            Destination::Email(_) => emails.push(method.destination.reveal()),
            Destination::Phone(_) => numbers.push(method.destination.reveal()),
        }
    }
    (emails.join("; "), numbers.join("; "))
}

/// `GET /log/export`: what the log shows with the same days and filters.
pub(super) async fn log(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let fields = Fields::of_query(&uri);
    let zone = zone_of(&app, &signed);
    log_file(&app, signed.words, zone, &signed.access, &fields).await
}

/// The file of the log, for whoever reads in this language and zone.
pub(crate) async fn log_file(
    app: &Arc<App>,
    words: &'static Words,
    zone: TimeZone,
    access: &Arc<Access>,
    fields: &Fields,
) -> Answer {
    let today = period::today(app.now(), &zone);
    let asked = Asked::of(app, access, fields, today)?;
    let filter = asked.filter(&zone, access).map_err(|_| Fault::BadRequest)?;
    let repo = app.repo().clone();
    let name = format!("CommunicationsLog{today}.xlsx");
    download(app, &name, move |stop| {
        let columns = [
            column(words, "commslog.type", 16),
            column(words, "commslog.status", 16),
            column(words, "commslog.sent_at", 20),
            column(words, "commslog.completed_at", 20),
            column(words, "commslog.recipient", 26),
            column(words, "commslog.to", 32),
            column(words, "commslog.communication", 40),
        ];
        sheet::write(&columns, &zone, words.t("export.full"), stop, |rows| {
            log_rows(&repo, words, &filter, stop, rows)
        })
    })
    .await
}

fn log_rows(
    repo: &Repo,
    words: &'static Words,
    filter: &Filter,
    stop: &Making,
    rows: &mut sheet::Rows<'_>,
) -> Result<(), SheetError> {
    let mut titles: HashMap<CommunicationId, String> = HashMap::new();
    journal::walk(repo, filter, &Seek::Start, |delivery, wanted| {
        if stop.is_cancelled() {
            return Err(SheetError::Stopped);
        }
        if !wanted {
            return Ok(true);
        }
        if titles.len() >= TITLES_MAX {
            titles.clear();
        }
        let title = match titles.entry(delivery.communication) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let found = repo.communication(delivery.communication)?;
                place.insert(found.map_or_else(String::new, |one| one.title.clone()))
            }
        };
        rows.push(&log_row(
            words,
            &delivery,
            name_of(repo, words, delivery.contact)?,
            title,
        ))
    })
}

fn name_of(repo: &Repo, words: &'static Words, id: ContactId) -> Result<String, RepoError> {
    let contact = repo.current_contact(id)?;
    Ok(contact.as_deref().map_or_else(
        || words.t("person.gone").to_owned(),
        |contact| {
            let name = [contact.first_name.reveal(), contact.last_name.reveal()];
            name.map(|part| part.trim()).join(" ").trim().to_owned()
        },
    ))
}

fn log_row<'a>(
    words: &'static Words,
    delivery: &Delivery,
    name: String,
    title: &'a str,
) -> [Cell<'a>; 7] {
    let to = delivery.destination.reveal().to_owned().into();
    let mut status = words.label(delivery.status().as_str());
    if delivery.closed.is_some() {
        status = format!("{status} ({})", words.t("commslog.closed"));
    }
    [
        Cell::Plain(words.label(delivery.channel.as_str()).into()),
        Cell::Plain(status.into()),
        Cell::Time(delivery.sent_at()),
        Cell::Time(delivery.completed_at()),
        Cell::Text(name.into()),
        match delivery.channel {
            Channel::Email => Cell::Text(to),
            Channel::Text | Channel::Call => Cell::Plain(to),
        },
        Cell::Text(title.into()),
    ]
}

fn column(words: &'static Words, key: &'static str, width: u16) -> Column {
    Column {
        title: words.t(key).into(),
        width,
    }
}

pub(super) type Made = Result<(File, u64), SheetError>;

/// A file on its way: being made, then being read. Dropping it stops both.
struct Download {
    making: Option<JoinHandle<Made>>,
    file: Option<tokio::fs::File>,
    _stop: DropGuard,
}

/// Makes a file on a thread of its own and hands it on under this name.
pub(super) async fn download(
    app: &Arc<App>,
    name: &str,
    make: impl FnOnce(&Making) -> Made + Send + 'static,
) -> Answer {
    let place = Arc::clone(&app.exports).try_acquire_owned();
    let place = place.map_err(|_| Fault::Unavailable)?;
    let stop = app.console.stop.child_token();
    let guard = stop.clone().drop_guard();
    let making_of_file = Making::new(stop);
    app.watched.begin(&making_of_file);
    let mut making = tokio::task::spawn_blocking(move || {
        // Making is what must be rare; a reader who takes long keeps nobody else from it.
        let _place = place;
        making_of_file.over(make)
    });
    let mut download = Download {
        making: None,
        file: None,
        _stop: guard,
    };
    let mut size = None;
    match tokio::time::timeout(READY_WITHIN, &mut making).await {
        Ok(made) => {
            let (file, length) = made.map_err(|_| Fault::Internal)??;
            download.file = Some(tokio::fs::File::from_std(file));
            size = Some(length);
        }
        Err(_) => download.making = Some(making),
    }
    Ok(answer(name, size, download))
}

fn answer(name: &str, size: Option<u64>, download: Download) -> Response {
    let chunks = unfold(Some(download), |download| async move {
        let mut download = download?;
        match download.next().await {
            Ok(Some(chunk)) => Some((Ok(chunk), Some(download))),
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(%error, "an export broke off");
                Some((Err(error), None))
            }
        }
    });
    let mut response = Body::from_stream(chunks).into_response();
    let headers = response.headers_mut();
    let kind = match name.rsplit('.').next() {
        Some("csv") => CSV,
        Some("pdf") => PDF,
        _ => XLSX,
    };
    headers.insert(header::CONTENT_TYPE, kind);
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    if let Ok(disposition) = disposition {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    if let Some(size) = size {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    }
    // Proxies must not hold back what takes a while to begin.
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

impl Download {
    async fn next(&mut self) -> Result<Option<Bytes>, SheetError> {
        if let Some(making) = self.making.take() {
            let made = making.await.unwrap_or(Err(SheetError::Stopped));
            self.file = Some(tokio::fs::File::from_std(made?.0));
        }
        let Some(file) = &mut self.file else {
            return Ok(None);
        };
        let mut chunk = Vec::with_capacity(CHUNK);
        file.take(CHUNK as u64).read_to_end(&mut chunk).await?;
        Ok((!chunk.is_empty()).then(|| chunk.into()))
    }
}

impl From<SheetError> for Fault {
    fn from(error: SheetError) -> Self {
        match error {
            SheetError::Repo(error) => error.into(),
            SheetError::Stopped => Self::Unavailable,
            SheetError::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
                tracing::error!("no space left for temporary files; an export was refused");
                Self::Full
            }
            SheetError::Xlsx(_) | SheetError::Io(_) => {
                tracing::error!(%error, "an export could not be made");
                Self::Internal
            }
        }
    }
}
