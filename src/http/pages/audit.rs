//! The record of who did what.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::Uri;
use data_encoding::HEXLOWER;

use super::super::App;
use super::super::data::audit::{self, COMPARED, Numbered, Wanted};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::making::Making;
use super::super::session::Signed;
use super::super::sheet::SheetError;
use super::super::times::When;
use super::super::view::Chrome;
use super::audit_shown::{SubjectLink, link_of, phrase};
use super::filter_form::with;
use super::sorting::{SortHead, by_time, order_of, ordered};
use super::{Answer, apart, exports, show};
use crate::domain::audit::AuditActor;
use crate::domain::{Access, UserId, Via};
use crate::store::{Order, RepoError};

/// Entries of a page.
const PAGE_ROWS: usize = 50;
/// Most entries of a file.
const FILE_ROWS_MAX: usize = 100_000;
/// Most users to choose from.
const USERS_MAX: usize = 1_000;
/// Longest name of an act that is looked for, in bytes.
const ACT_MAX: usize = 60;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How far back one may look, in days, and the keys of their names.
const PERIODS: [(u32, &str); 4] = [
    (1, "audit.day"),
    (7, "audit.week"),
    (30, "audit.month"),
    (365, "audit.year"),
];

struct Row {
    number: u64,
    at: When,
    who: String,
    act: String,
    /// The act in words; empty for one that is not known.
    said: &'static str,
    subjects: Vec<SubjectLink>,
    more: u32,
    detail: String,
    digest: String,
    network: String,
}

struct Choice {
    value: String,
    label: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    c: Chrome,
    rows: Vec<Row>,
    users: Vec<Choice>,
    periods: Vec<Choice>,
    act: String,
    subject: String,
    head: u64,
    hash: String,
    /// Fingerprint of the key that signs bundles of evidence.
    key: String,
    whole: bool,
    compared: usize,
    sort: SortHead,
    first: String,
    next: String,
    file: String,
}

/// `GET /audit`
pub(super) async fn page(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || {
        let query = Fields::of_query(&uri);
        let below = query.get("below").parse().ok();
        let order = order_of(&query);
        let found = audit::page(&app, &wanted(&app, &query), (order, below), PAGE_ROWS)?;
        let (head, whole) = audit::standing(&app)?;
        let c = Chrome::of(&app, &signed, signed.words.t("audit.title"), "audit")?;
        let asked = asked(&query);
        let unsorted = with("/audit", asked.trim_start_matches('&'));
        let unsorted = unsorted.trim_end_matches('?');
        let here = ordered(unsorted, order);
        let link = |number: u64| with(&here, &format!("below={number}"));
        let rows = found.rows.iter();
        let rows = rows.map(|row| shown(&app, &signed.access, &c, row));
        let page = AuditPage {
            rows: rows.collect::<Result<_, _>>()?,
            users: users(&app, &query)?,
            periods: periods(&c, &query),
            act: query.get("act").to_owned(),
            subject: query.get("subject").to_owned(),
            head: head.number,
            hash: HEXLOWER.encode(&head.hash),
            key: app.console.evidence.public().fingerprint(),
            whole,
            compared: COMPARED,
            next: found.next.map_or_else(String::new, link),
            sort: by_time(unsorted, order),
            first: if below.is_some() { here } else { String::new() },
            file: format!("/audit/export?{}", asked.trim_start_matches('&')),
            c,
        };
        show(&page)
    })
    .await
}

/// What was asked for, as it stands in an address.
fn asked(query: &Fields) -> String {
    let given = ["act", "user", "subject", "days"].into_iter();
    let escaped = |text: &str| text.bytes().map(super::super::session::percent).collect();
    let pairs = given
        .filter(|name| !query.get(name).is_empty())
        .map(|name| {
            let value: String = escaped(query.get(name));
            format!("&{name}={value}")
        });
    pairs.collect()
}

fn wanted(app: &App, query: &Fields) -> Wanted {
    let act = query.get("act").trim().to_lowercase();
    let days: Option<u32> = query.get("days").parse().ok();
    let back = |days: u32| {
        app.now()
            .as_millis()
            .saturating_sub(u64::try_from((DAY * days).as_millis()).unwrap_or(u64::MAX))
    };
    Wanted {
        act: (!act.is_empty() && act.len() <= ACT_MAX).then_some(act),
        user: query.get("user").parse().ok(),
        subject: id_of(query.get("subject")),
        from: days.map(|days| crate::domain::Timestamp::from_millis(back(days))),
    }
}

/// Sixteen bytes from an id of any kind.
pub(crate) fn id_of(text: &str) -> Option<[u8; 16]> {
    let id: UserId = text.trim().parse().ok()?;
    Some(*id.as_bytes())
}

fn users(app: &App, query: &Fields) -> Result<Vec<Choice>, Fault> {
    let chosen = query.get("user");
    let choice = |user: &crate::domain::User| Choice {
        value: user.id.to_string(),
        label: user.name.clone(),
        chosen: user.id.to_string() == chosen,
    };
    Ok(app
        .repo()
        .users(USERS_MAX)?
        .iter()
        .map(|user| choice(user))
        .collect())
}

fn periods(c: &Chrome, query: &Fields) -> Vec<Choice> {
    let choice = |(days, key): (u32, &'static str)| Choice {
        value: days.to_string(),
        label: c.t(key).to_owned(),
        chosen: query.get("days") == days.to_string(),
    };
    PERIODS.into_iter().map(choice).collect()
}

fn shown(app: &App, access: &Access, c: &Chrome, row: &Numbered) -> Result<Row, Fault> {
    let entry = &row.entry;
    let subjects = entry.subjects.iter();
    let subjects = subjects.map(|subject| link_of(app, access, c, subject));
    Ok(Row {
        number: row.number,
        at: c.when(&entry.at),
        who: who(app, access, c, entry.actor)?,
        act: entry.act.clone(),
        said: phrase(c.words, &entry.act),
        subjects: subjects.collect::<Result<_, _>>()?,
        more: entry.more,
        detail: entry.detail.clone(),
        digest: entry
            .digest
            .map_or_else(String::new, |hash| HEXLOWER.encode(&hash)),
        network: entry.network.clone().unwrap_or_default(),
    })
}

fn who(app: &App, access: &Access, c: &Chrome, actor: AuditActor) -> Result<String, Fault> {
    let name = |id: UserId| match app.repo().user(id) {
        Ok(Some(user)) => user.name.clone(),
        _ => id.to_string(),
    };
    Ok(match actor {
        AuditActor::User(id, Via::Console) => name(id),
        AuditActor::User(id, Via::Program) => c.f1("audit.program", name(id)),
        AuditActor::Person(id) => match app.contact_for(access, id)? {
            Some(contact) => contact.full_name(),
            None => c.t("audit.person").to_owned(),
        },
        AuditActor::Gateway => c.t("audit.gateway").to_owned(),
        AuditActor::CommandLine => c.t("audit.command_line").to_owned(),
        AuditActor::Nobody => c.t("audit.nobody").to_owned(),
    })
}

/// `GET /audit/export`
pub(super) async fn export(State(app): State<Arc<App>>, uri: Uri) -> Answer {
    let wanted = wanted(&app, &Fields::of_query(&uri));
    file(&app, wanted).await
}

/// The entries that are wanted as CSV, newest first; at most [`FILE_ROWS_MAX`].
pub(crate) async fn file(app: &Arc<App>, wanted: Wanted) -> Answer {
    let read = Arc::clone(app);
    exports::download(app, "Audit.csv", move |stop| {
        let mut file = tempfile::tempfile()?;
        write(&read, &wanted, &mut file, stop)?;
        let size = file.seek(SeekFrom::End(0))?;
        file.rewind()?;
        Ok((file, size))
    })
    .await
}

fn write(app: &App, wanted: &Wanted, file: &mut File, stop: &Making) -> Result<(), SheetError> {
    let mut out = csv::Writer::from_writer(BufWriter::new(file));
    out.write_record(FILE_HEAD).map_err(std::io::Error::from)?;
    let (mut below, mut rows) = (None, 0);
    while rows < FILE_ROWS_MAX {
        if stop.is_cancelled() {
            return Err(SheetError::Stopped);
        }
        let behind = (Order::Usual, below);
        let found = audit::page(app, wanted, behind, PAGE_ROWS * 20).map_err(unread)?;
        rows += found.rows.len();
        for row in &found.rows {
            out.write_record(cells(row)).map_err(std::io::Error::from)?;
            stop.count_row();
        }
        below = found.next;
        if below.is_none() {
            break;
        }
    }
    out.flush()?;
    Ok(())
}

fn unread(fault: Fault) -> SheetError {
    tracing::error!(?fault, "the record cannot be read for a file");
    SheetError::Repo(RepoError::Missing("the record"))
}

const FILE_HEAD: [&str; 9] = [
    "number", "time", "actor", "act", "subjects", "more", "detail", "digest", "network",
];

fn cells(row: &Numbered) -> [String; 9] {
    let entry = &row.entry;
    let subjects = entry.subjects.iter();
    let named = subjects.map(|one| format!("{}:{}", one.kind.as_str(), HEXLOWER.encode(&one.id)));
    [
        row.number.to_string(),
        super::super::times::zoned(entry.at, &jiff::tz::TimeZone::UTC)
            .timestamp()
            .to_string(),
        entry.actor.to_string(),
        entry.act.clone(),
        named.collect::<Vec<_>>().join(" "),
        entry.more.to_string(),
        entry.detail.clone(),
        entry
            .digest
            .map_or_else(String::new, |hash| HEXLOWER.encode(&hash)),
        entry.network.clone().unwrap_or_default(),
    ]
}
