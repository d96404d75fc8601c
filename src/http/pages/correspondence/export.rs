//! Lists of correspondence as files: the same rows as the page with the same filters, all of them.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use jiff::tz::TimeZone;

use super::super::super::App;
use super::super::super::entries::{Line, Reader, access_of};
use super::super::super::fault::Fault;
use super::super::super::fields::Fields;
use super::super::super::listing::{FileFormat, Listing, write};
use super::super::super::period;
use super::super::super::session::Signed;
use super::super::super::sheet::{Cell, Column, SheetError};
use super::super::super::times::zoned;
use super::super::super::view::zone_of;
use super::super::super::words::Words;
use super::super::cases::case_for;
use super::super::exports::download;
use super::super::{Answer, id};
use super::list::{Asked, direction_word, kind_word, status_word};
use super::{contact_for, list_of};
use crate::domain::{Access, CaseId, Contact, ContactId, UserId};
use crate::store::{EntryList, Order, RepoError};

/// Entries read at a time.
const STEP: usize = 200;

/// Of which list a file is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ExportOf {
    /// Of everybody.
    All,
    /// Of a client or creditor.
    Contact(ContactId),
    /// Of a case.
    Case(CaseId),
}

/// `GET /correspondence/export?format=`
pub(in super::super) async fn all(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    export(&app, &signed, ExportOf::All, &uri).await
}

/// `GET /contacts/{id}/correspondence/export?format=`
pub(in super::super) async fn of_contact(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    export(&app, &signed, ExportOf::Contact(id(&text)?), &uri).await
}

/// `GET /cases/{id}/export?format=`
pub(in super::super) async fn of_case(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    export(&app, &signed, ExportOf::Case(id(&text)?), &uri).await
}

async fn export(app: &Arc<App>, signed: &Signed, of: ExportOf, uri: &Uri) -> Answer {
    let fields = Fields::of_query(uri);
    let reader = (signed.words, zone_of(app, signed));
    tracing::info!(by = %signed.user.id, ?of, "correspondence is exported");
    file(app, reader, &access_of(signed), of, &fields).await
}

/// The file of a list, for whoever reads in this language and zone.
pub(crate) async fn file(
    app: &Arc<App>,
    (words, zone): (&'static Words, TimeZone),
    access: &Access,
    of: ExportOf,
    fields: &Fields,
) -> Answer {
    let format = FileFormat::named(fields.get("format")).ok_or(Fault::BadRequest)?;
    let today = period::today(app.now(), &zone);
    let asked = Asked::of(fields, today, &zone);
    let filter = asked.filter().map_err(|_| Fault::BadRequest)?.clone();
    let (list, about) = match of {
        ExportOf::All => (EntryList::All, String::new()),
        ExportOf::Contact(id) => {
            let contact = contact_for(app, access, id)?;
            (list_of(&contact)?, contact.full_name())
        }
        ExportOf::Case(id) => {
            let case = case_for(app, access, id)?;
            (EntryList::Case(case.id), case.reference.clone())
        }
    };
    let listing = listing(app, words, zone, &about, &asked);
    let name = format!("Correspondence{today}.{}", format.as_str());
    let (reading, access) = (Arc::clone(app), access.clone());
    download(app, &name, move |stop| {
        write(format, &listing, stop, |rows| {
            let mut after = None;
            loop {
                // What it remembers of cases and contacts does not grow beyond a step.
                let mut reader = Reader::new(&reading, &access);
                let part = reader
                    .part((list, Order::Usual), &filter, after, STEP)
                    .map_err(unread)?;
                let mut users = HashMap::new();
                for line in &part.lines {
                    let by = user(&reading, &mut users, line.entry.by)?;
                    if !rows.push(&row(words, line, by))? {
                        return Ok(());
                    }
                }
                after = part.next;
                if stop.is_cancelled() {
                    return Err(SheetError::Stopped);
                }
                if after.is_none() {
                    return Ok(());
                }
            }
        })
    })
    .await
}

fn unread(fault: Fault) -> SheetError {
    tracing::error!(?fault, "correspondence cannot be read for a file");
    SheetError::Repo(RepoError::Missing("correspondence"))
}

fn user(
    app: &App,
    known: &mut HashMap<UserId, String>,
    id: Option<UserId>,
) -> Result<String, RepoError> {
    let Some(id) = id else {
        return Ok(String::new());
    };
    if let Some(name) = known.get(&id) {
        return Ok(name.clone());
    }
    let user = app.repo().user(id)?;
    let name = user.map_or_else(String::new, |user| user.name.clone());
    known.insert(id, name.clone());
    Ok(name)
}

fn listing(
    app: &App,
    words: &'static Words,
    zone: TimeZone,
    about: &str,
    asked: &Asked,
) -> Listing {
    let column = |key, width| Column {
        title: words.t(key).into(),
        width,
    };
    let made = zoned(app.now(), &zone)
        .strftime("%Y-%m-%d %H:%M:%S %Z")
        .to_string();
    let mut facts = vec![(words.t("entries.file_made").to_owned(), made)];
    let mut add = |key, fact: &str| {
        if !fact.is_empty() {
            facts.push((words.t(key).to_owned(), fact.to_owned()));
        }
    };
    add("entries.file_of", about);
    add("entries.file_filters", &asked.said());
    Listing {
        title: words.t("entries.title").to_owned(),
        facts,
        columns: vec![
            column("entries.date_time", 20),
            column("commslog.type", 16),
            column("entries.direction", 12),
            column("entries.to_from", 24),
            column("entries.address", 26),
            column("entries.subject", 44),
            column("entries.case", 18),
            column("commslog.status", 14),
            column("entries.sent_by", 18),
        ],
        zone,
        language: words.language,
        full: words.t("export.full"),
    }
}

fn row(words: &'static Words, line: &Line, by: String) -> [Cell<'static>; 9] {
    let entry = &line.entry;
    let party = words.label(entry.party.as_str());
    let kind = words.fill("entries.kind", &[&party, &words.t(kind_word(entry.kind))]);
    let gone = || words.t("person.gone").to_owned();
    let name = line.contact.as_ref().map_or_else(gone, Contact::full_name);
    let address = line.delivery.as_ref();
    let address = address.map_or_else(String::new, |one| one.destination.reveal().to_owned());
    let title = entry.title.reveal();
    let title = if title == crate::domain::communication::NO_SUBJECT {
        words.say(title).to_owned()
    } else {
        title.clone()
    };
    [
        Cell::Time(Some(entry.at)),
        Cell::Plain(kind.into()),
        Cell::Plain(words.t(direction_word(entry.direction)).into()),
        Cell::Text(name.into()),
        if address.starts_with('+') {
            Cell::Plain(address.into())
        } else {
            Cell::Text(address.into())
        },
        Cell::Text(title.into()),
        Cell::Text(line.case.clone().unwrap_or_default().into()),
        Cell::Plain(words.t(status_word(line.status)).into()),
        Cell::Text(by.into()),
    ]
}
