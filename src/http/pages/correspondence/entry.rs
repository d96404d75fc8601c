//! One entry of correspondence in full, and the files that belong to it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect};

use super::super::super::App;
use super::super::super::data::Result;
use super::super::super::entries::{EntryStatus, Line, Reader, access_of};
use super::super::super::fault::Fault;
use super::super::super::fields::Fields;
use super::super::super::session::{Signed, SignedForm};
use super::super::super::times::When;
use super::super::super::view::{Badge, Chrome};
use super::super::attachments::as_download;
use super::super::compose::see;
use super::super::evidence::Evidence;
use super::super::{Answer, apart, id, show};
use super::list::{Choosable, Row};
use super::list::{badge, direction_word, kind, kind_icon, name, row, title};
use super::said::{Said, said};
use crate::domain::correspondence::NOTES_SHOWN_MAX;
use crate::domain::{
    Access, Actor, Attachment, Communication, CommunicationId, Delivery, EmailStatus,
    EntryDirection, EntryId, EntryKind, EntryWhat, ListStatus, NoteLink, Relation, Status,
};
use crate::tracker::CaseError;

/// Earlier and later letters shown with one.
const RELATED_MAX: usize = 20;
/// Cases offered to file something to.
const CASES_OFFERED_MAX: usize = 200;

struct Linked {
    how: &'static str,
    row: Row,
}

struct Failure {
    reason: String,
    evidence: Option<Evidence>,
}

#[derive(Template)]
#[template(path = "entry.html")]
struct Page {
    c: Chrome,
    id: EntryId,
    icon: &'static str,
    kind: String,
    title: String,
    badge: Badge,
    way: &'static str,
    from: String,
    to: String,
    at: When,
    noted: Option<When>,
    changed: Option<When>,
    opened: Option<When>,
    case: Option<(String, String)>,
    by: String,
    said: Said,
    failure: Option<Failure>,
    overdue: bool,
    overdue_hours: u64,
    not_opened: bool,
    /// Where it stands elsewhere: its draft, its thread, its communication.
    elsewhere: Option<(&'static str, String)>,
    again: bool,
    correct: bool,
    is_note: bool,
    /// Cases that it can be filed to.
    cases: Vec<Choosable>,
    linked: Vec<Linked>,
    problem: String,
}

/// `GET /correspondence/{id}`
pub(in super::super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    apart(move || {
        let query = Fields::of_query(&uri);
        let id: EntryId = id(&text)?;
        // A draft that was sent stands by its delivery.
        if app.repo().entry(id)?.is_none() {
            let sent = sent_entry(&app, CommunicationId::from_bytes(*id.as_bytes()))?;
            let sent = sent.ok_or(Fault::NotFound)?;
            return Ok(Redirect::to(&format!("/correspondence/{sent}")).into_response());
        }
        view(&app, &signed, id, query.get("done"), "")
    })
    .await
}

fn view(app: &App, signed: &Signed, id: EntryId, done: &str, problem: &str) -> Answer {
    let access = access_of(signed);
    let mut reader = Reader::new(app, &access);
    let line = reader.entry(id)?.ok_or(Fault::NotFound)?;
    let c = Chrome::of(app, signed, signed.words.t("entries.one"), "correspondence")?;
    let c = c.with_done(done);
    let entry = &line.entry;
    let letter = letter_of(app, &line)?;
    let said = said(app, &c, &line, letter.as_ref())?;
    let (from, to) = ends(app, &c, &line)?;
    let delivery = line.delivery.as_ref();
    let is_email = entry.kind == EntryKind::Email;
    let list = |wanted| line.status == EntryStatus::List(wanted);
    let failed = list(ListStatus::Failed);
    let was_sent =
        list(ListStatus::Sent) || list(ListStatus::Delivered) || list(ListStatus::Opened);
    let by = match entry.by {
        Some(user) => app.repo().user(user)?.map(|user| {
            let role = c.words.label(user.role.as_str());
            c.f2("entries.by", &user.name, role)
        }),
        None => None,
    };
    show(&Page {
        id,
        icon: kind_icon(entry.kind),
        kind: kind(&c, &line),
        title: title(&c, &line),
        badge: badge(&c, line.status),
        way: c.t(direction_word(entry.direction)),
        from,
        to,
        at: c.when(&entry.at),
        noted: entry.note().map(|note| c.when(&note.noted_at)),
        changed: delivery
            .and_then(Delivery::changed_at)
            .map(|at| c.when(&at)),
        opened: delivery.and_then(opened_at).map(|at| c.when(&at)),
        case: entry
            .case
            .zip(line.case.clone())
            .map(|(id, reference)| (id.to_string(), reference)),
        by: by.unwrap_or_default(),
        said,
        failure: failed.then(|| match delivery {
            Some(delivery) => failure(&c, delivery),
            None => Failure {
                reason: c.t("entries.to_nobody").to_owned(),
                evidence: None,
            },
        }),
        overdue: line.overdue,
        overdue_hours: app.console.settings.overdue.as_secs() / 3600,
        not_opened: is_email && (list(ListStatus::Sent) || list(ListStatus::Delivered)),
        elsewhere: elsewhere(&line, letter.as_ref()),
        again: failed,
        correct: was_sent,
        is_note: entry.note().is_some(),
        cases: cases_to_file(app, &access, &line)?,
        linked: linked(app, &c, &mut reader, &line, letter.as_ref())?,
        problem: problem.to_owned(),
        c,
    })
}

/// The communication that an entry stands for.
pub(super) fn letter_of(app: &App, line: &Line) -> Result<Option<Communication>> {
    let id = match (&line.entry.what, &line.delivery) {
        (EntryWhat::Draft(id), _) => *id,
        (EntryWhat::Delivery(_), Some(delivery)) => delivery.communication,
        (EntryWhat::Delivery(_) | EntryWhat::Message { .. } | EntryWhat::Note(_), _) => {
            return Ok(None);
        }
    };
    Ok(app.repo().communication(id)?.map(|one| one.value))
}

fn opened_at(delivery: &Delivery) -> Option<crate::domain::Timestamp> {
    let opened = Status::Email(EmailStatus::Opened);
    let mut timeline = delivery.timeline.iter();
    timeline
        .find(|change| change.status == opened)
        .map(|change| change.at)
}

/// From whom and to whom.
fn ends(app: &App, c: &Chrome, line: &Line) -> Result<(String, String)> {
    let entry = &line.entry;
    let ours = match &app.console.settings.sender {
        sender if sender.is_empty() || entry.kind != EntryKind::Email => {
            c.t("entries.us").to_owned()
        }
        sender => sender.clone(),
    };
    let address = match &entry.what {
        EntryWhat::Message { thread, message } => app
            .repo()
            .message(*thread, *message)?
            .map(|message| message.from.reveal().clone()),
        EntryWhat::Delivery(_) => line
            .delivery
            .as_ref()
            .map(|one| one.destination.reveal().to_owned()),
        EntryWhat::Draft(_) | EntryWhat::Note(_) => None,
    };
    let name = name(c, line);
    let theirs = address.map_or(name.clone(), |address| format!("{name}, {address}"));
    Ok(match entry.direction {
        EntryDirection::Sent => (ours, theirs),
        EntryDirection::Received => (theirs, ours),
        EntryDirection::Internal => (c.t("entries.us").to_owned(), theirs),
    })
}

fn failure(c: &Chrome, delivery: &Delivery) -> Failure {
    let verdict = delivery
        .timeline
        .iter()
        .rev()
        .find_map(|change| change.verdict.as_ref());
    let closed = delivery.closed.map(|closed| closed.reason.explain());
    let reason = verdict.map_or_else(
        || closed.unwrap_or_else(|| delivery.status().explain()),
        |verdict| verdict.reason.explain(),
    );
    Failure {
        reason: c.words.say(reason).to_owned(),
        evidence: verdict.map(|verdict| Evidence::of(verdict, c.words)),
    }
}

fn elsewhere(line: &Line, letter: Option<&Communication>) -> Option<(&'static str, String)> {
    match (&line.entry.what, letter) {
        (EntryWhat::Draft(id), Some(letter)) if letter.is_draft() => {
            Some(("entries.edit", format!("/communications/{id}/edit")))
        }
        (EntryWhat::Draft(_) | EntryWhat::Delivery(_), Some(letter)) => Some((
            "entries.communication",
            format!("/communications/{}", letter.id),
        )),
        (EntryWhat::Message { thread, .. }, _) => {
            Some(("entries.thread", format!("/inbox/{thread}")))
        }
        (EntryWhat::Draft(_) | EntryWhat::Delivery(_) | EntryWhat::Note(_), _) => None,
    }
}

fn cases_to_file(app: &App, access: &Access, line: &Line) -> Result<Vec<Choosable>> {
    let entry = &line.entry;
    if entry.case.is_some() || !matches!(entry.what, EntryWhat::Message { .. }) {
        return Ok(Vec::new());
    }
    let Some(contact) = &line.contact else {
        return Ok(Vec::new());
    };
    let mut cases = app
        .repo()
        .cases_of_creditor(contact.id, CASES_OFFERED_MAX)?;
    cases.extend(app.repo().cases_of_client(contact.id, CASES_OFFERED_MAX)?);
    let seen = cases.iter().filter(|case| access.sees_case(case));
    let option = |case: &crate::store::Loaded<crate::domain::Case>| Choosable {
        value: case.id.to_string(),
        label: format!("{} {}", case.reference, case.title),
        chosen: false,
    };
    Ok(seen.map(option).collect())
}

/// The entry of a letter that was sent to one person.
pub(super) fn sent_entry(app: &App, id: CommunicationId) -> Result<Option<EntryId>> {
    let people = app.repo().people(id, None, 1)?.rows;
    let delivery = people.first().and_then(|person| person.deliveries.first());
    Ok(delivery.map(|known| crate::domain::Entry::id_of_delivery(known.delivery)))
}

/// Corrections, what was composed again, and notes.
fn linked(
    app: &App,
    c: &Chrome,
    reader: &mut Reader<'_>,
    line: &Line,
    letter: Option<&Communication>,
) -> Result<Vec<Linked>> {
    let mut ids: Vec<(&'static str, EntryId)> = Vec::new();
    if let Some(letter) = letter {
        if let Some(related) = letter.related
            && let Some(entry) = entry_of(app, related.to)?
        {
            ids.push((c.t(relation_word(related.relation, true)), entry));
        }
        let later = app
            .repo()
            .communications_related_to(letter.id, RELATED_MAX)?;
        for later in &later {
            let relation = later.related.map(|related| related.relation);
            if let (Some(relation), Some(entry)) = (relation, entry_of(app, later.id)?) {
                ids.push((c.t(relation_word(relation, false)), entry));
            }
        }
    }
    if let Some(link) = line.entry.note().and_then(|note| note.link) {
        let word = match link {
            NoteLink::About(_) => "entries.about",
            NoteLink::Corrects(_) => "entries.corrects",
        };
        ids.push((c.t(word), link.entry()));
    }
    for note in app.repo().notes_of(line.entry.id, NOTES_SHOWN_MAX)? {
        let corrects = matches!(
            note.note().and_then(|note| note.link),
            Some(NoteLink::Corrects(_))
        );
        let word = if corrects {
            "entries.corrected_by"
        } else {
            "entries.note"
        };
        ids.push((c.t(word), note.id));
    }
    let mut linked = Vec::with_capacity(ids.len());
    for (how, id) in ids {
        let line = reader.entry(id)?;
        linked.extend(line.map(|line| Linked {
            how,
            row: row(c, &line),
        }));
    }
    Ok(linked)
}

/// The entry of a letter, sent or not.
fn entry_of(app: &App, id: CommunicationId) -> Result<Option<EntryId>> {
    let draft = crate::domain::Entry::id_of_draft(id);
    if app.repo().entry(draft)?.is_some() {
        return Ok(Some(draft));
    }
    sent_entry(app, id)
}

const fn relation_word(relation: Relation, earlier: bool) -> &'static str {
    match (relation, earlier) {
        (Relation::Correction, true) => "entries.correction_of",
        (Relation::Correction, false) => "entries.corrected_by",
        (Relation::Again, true) => "entries.again_from",
        (Relation::Again, false) => "entries.again_as",
        (Relation::FollowUp | Relation::Trial, true) => "entries.follows",
        (Relation::FollowUp | Relation::Trial, false) => "entries.followed_by",
    }
}

/// `POST /correspondence/{id}/file`
pub(in super::super) async fn file(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let id: EntryId = id(&text)?;
    let access = access_of(&signed);
    let seen = Reader::new(&app, &access).entry(id)?;
    seen.ok_or(Fault::NotFound)?;
    let case = super::super::cases::case_for(&app, &access, super::super::id(fields.get("case"))?)?;
    let by = Actor::User(signed.user.id);
    match app.console.tracker.file_entry(id, case.id, by).await {
        Ok(()) => Ok(see(&format!("/correspondence/{id}?done=saved"))),
        Err(CaseError::Field(_, why)) => {
            let why = signed.words.tell(&why);
            view(&app, &signed, id, "", &why)
        }
        Err(CaseError::Tracker(error)) => Err(error.into()),
    }
}

/// `GET /correspondence/{id}/files/{index}`: to keep, never to show.
pub(in super::super) async fn download(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path((text, index)): Path<(String, usize)>,
) -> Answer {
    let line = Reader::new(&app, &access_of(&signed)).entry(id(&text)?)?;
    file_of_entry(&app, line.ok_or(Fault::NotFound)?, index).await
}

/// The files of an entry that are ours: of what was sent, or noted.
fn attached(app: &App, line: &Line) -> Result<Vec<Attachment>> {
    Ok(match &line.entry.what {
        EntryWhat::Message { .. } => Vec::new(),
        EntryWhat::Note(note) => note.files.clone(),
        EntryWhat::Draft(_) | EntryWhat::Delivery(_) => match letter_of(app, line)? {
            Some(letter) => app.repo().content(letter.content)?.attachments,
            None => Vec::new(),
        },
    })
}

/// Names of the files of an entry and their sizes in bytes, in their order.
pub(crate) fn files_of(app: &App, line: &Line) -> Result<Vec<(String, u64)>> {
    if let EntryWhat::Message { thread, message } = &line.entry.what {
        let message = app.repo().message(*thread, *message)?;
        let files = message.map(|message| message.value.files);
        let came = files.unwrap_or_default().into_iter();
        return Ok(came
            .map(|file| (file.name.reveal().clone(), file.size_bytes))
            .collect());
    }
    let files = attached(app, line)?.into_iter();
    Ok(files.map(|file| (file.name, file.size_bytes)).collect())
}

/// A file of an entry by its place, from 0. What came in can be from anybody: it is called nothing
/// that a browser would open.
pub(crate) async fn file_of_entry(app: &Arc<App>, line: Line, index: usize) -> Answer {
    if let EntryWhat::Message { thread, message } = &line.entry.what {
        let file = super::super::file_of_message(app, *thread, *message, index).await?;
        return as_download(&file.name, "application/octet-stream", file.bytes);
    }
    let reader = Arc::clone(app);
    let reading = super::super::super::data::apart(move || {
        let file = attached(&reader, &line)?.into_iter().nth(index);
        let file = file.ok_or(Fault::NotFound)?;
        let bytes = reader.repo().store().get_blob(file.blob)?;
        Ok((file, bytes.ok_or(Fault::NotFound)?))
    });
    let (file, bytes) = reading.await?;
    as_download(&file.name, &file.media_type, bytes)
}
