//! The record of correspondence: listed with the filters of the console, read, noted in, filed.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::entries::{Line, Reader};
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::pages::correspondence::list::Asked as Filters;
use super::super::pages::correspondence::{file_of_entry, files_of, named};
use super::super::period;
use super::auth::Caller;
use super::body::{Asked, Ids, Json, PageOf, Pages, field_id, id, order};
use super::cases::case;
use super::entry_filters::FilterNames;
use super::problem::Problem;
use super::shape::{Made, time};
use super::{Answer, apart, created};
use crate::domain::{
    Actor, ContactId, EntryDirection, EntryId, EntryKind, EntryWhat, NoteLink, Party, Timestamp,
};
use crate::store::EntryList;
use crate::submit::NewFile;
use crate::tracker::NoteInput;

/// Which correspondence.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EntriesQuery {
    /// client or creditor.
    recipient: Option<String>,
    /// A case's id, or `none` for what belongs to no case.
    case: Option<String>,
    /// sent, received or internal.
    direction: Option<String>,
    /// email, text, call, letter, meeting or other.
    r#type: Option<String>,
    /// draft, queued, sent, delivered, opened, failed, received or noted.
    status: Option<String>,
    /// all, today, 7, 30 (days) or custom.
    when: Option<String>,
    /// First day of a custom range, as 2026-11-22.
    #[allow(dead_code)]
    from: Option<String>,
    /// Last day of a custom range.
    #[allow(dead_code)]
    to: Option<String>,
    /// newest (first, when it is not given) or oldest.
    order: Option<String>,
    /// Rows of the page, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// One line of correspondence.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntryShape {
    id: String,
    at: String,
    client: Option<String>,
    case: Option<String>,
    /// client or creditor.
    party: &'static str,
    contact: String,
    /// The address or number that it went to.
    address: Option<String>,
    /// sent, received or internal.
    direction: &'static str,
    /// email, text, call, letter, meeting or other.
    r#type: &'static str,
    title: String,
    /// draft, queued, sent, delivered, opened, failed, received or noted.
    status: &'static str,
    /// Sent, and not confirmed for too long.
    overdue: bool,
    /// The user on our side.
    by: Option<String>,
    /// What was sent.
    delivery: Option<String>,
    /// Where what came in stands.
    thread: Option<String>,
    /// The text of a note.
    text: Option<String>,
    /// The earlier entry that a note is about.
    about: Option<String>,
    /// The earlier note that a note corrects.
    corrects: Option<String>,
}

impl EntryShape {
    pub(super) fn of(app: &App, line: &Line) -> Answer<Self> {
        let entry = &line.entry;
        let note = entry.note();
        let thread = match &entry.what {
            EntryWhat::Message { thread, .. } => Some(thread.to_string()),
            EntryWhat::Draft(_) | EntryWhat::Delivery(_) | EntryWhat::Note(_) => None,
        };
        let (about, corrects) = match note.and_then(|note| note.link) {
            Some(NoteLink::About(earlier)) => (Some(earlier.to_string()), None),
            Some(NoteLink::Corrects(earlier)) => (None, Some(earlier.to_string())),
            None => (None, None),
        };
        let sent = line.delivery.as_ref();
        Ok(Self {
            id: entry.id.to_string(),
            at: time(entry.at),
            client: entry.client.map(|client| client.to_string()),
            case: entry.case.map(|case| case.to_string()),
            party: entry.party.as_str(),
            contact: entry.with.to_string(),
            address: sent.map(|one| one.destination.reveal().to_owned()),
            direction: entry.direction.as_str(),
            r#type: entry.kind.as_str(),
            title: entry.title.reveal().clone(),
            status: line.status.slug(),
            overdue: line.overdue,
            by: entry.by.map(|user| user.to_string()),
            delivery: sent.map(|one| one.id.to_string()),
            thread,
            text: note.map(|note| app.repo().text(note.text)).transpose()?,
            about,
            corrects,
        })
    }
}

impl EntriesQuery {
    fn filters(&self) -> FilterNames<'_> {
        FilterNames {
            recipient: self.recipient.as_deref(),
            case: self.case.as_deref(),
            direction: self.direction.as_deref(),
            kind: self.r#type.as_deref(),
            status: self.status.as_deref(),
            when: self.when.as_deref(),
        }
    }
}

/// What a request for a list of correspondence brings.
pub(super) struct ListAsked {
    app: Arc<App>,
    caller: Caller,
    asked: EntriesQuery,
    uri: Uri,
    pages: Pages,
}

impl FromRequestParts<Arc<App>> for ListAsked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Answer<Self> {
        let Asked(asked) = Asked::<EntriesQuery>::from_request_parts(parts, app).await?;
        asked.filters().check()?;
        Ok(Self {
            app: Arc::clone(app),
            caller: Caller::from_request_parts(parts, app).await?,
            asked,
            uri: parts.uri.clone(),
            pages: Pages::from_request_parts(parts, app).await?,
        })
    }
}

impl ListAsked {
    /// The page of the list that `find` finds.
    async fn of(
        self,
        find: impl FnOnce(&App, &Caller) -> Answer<EntryList> + Send + 'static,
    ) -> Answer<axum::Json<PageOf<EntryShape>>> {
        let (asked, pages, caller) = (self.asked, self.pages, self.caller);
        let page = pages.wanted(asked.limit, asked.cursor.as_deref())?;
        let order = order(asked.order.as_deref())?;
        apart(&self.app, move |app| {
            let of = find(app, &caller)?;
            let zone = &app.console.settings.time_zone;
            let today = period::today(app.now(), zone);
            let filters = Filters::of(&Fields::of_query(&self.uri), today, zone);
            let wrong =
                |(field, _)| Problem::field(field, "This is not a day, or the days are crossed.");
            let filter = filters.filter().map_err(wrong)?;
            let mut reader = Reader::new(app, &caller.access);
            let part = reader.part((of, order), filter, page.after, page.limit)?;
            let shapes = part.lines.iter().map(|line| EntryShape::of(app, line));
            let shapes = shapes.collect::<Answer<_>>()?;
            Ok(axum::Json(pages.page(shapes, part.next)))
        })
        .await
    }
}

/// Correspondence with all clients and creditors, newest or oldest first.
#[utoipa::path(get, path = "/api/v1/correspondence", tag = "correspondence", operation_id = "listCorrespondence",
    params(EntriesQuery), responses((status = 200, body = PageOf<EntryShape>)))]
pub(super) async fn list(asked: ListAsked) -> Answer<axum::Json<PageOf<EntryShape>>> {
    asked.of(|_, _| Ok(EntryList::All)).await
}

/// Correspondence of a client across all cases, or with a creditor, newest or oldest first.
#[utoipa::path(get, path = "/api/v1/contacts/{id}/correspondence", tag = "correspondence", operation_id = "listContactCorrespondence",
    params(("id" = String, Path), EntriesQuery), responses((status = 200, body = PageOf<EntryShape>)))]
pub(super) async fn of_contact(
    Ids(text): Ids<String>,
    asked: ListAsked,
) -> Answer<axum::Json<PageOf<EntryShape>>> {
    let find = move |app: &App, caller: &Caller| {
        let contact: ContactId = id(&text, "contact")?;
        let contact = app.contact_for(&caller.access, contact)?;
        match contact.and_then(|one| Party::of(one.kind).map(|party| (party, one.id))) {
            Some((Party::Client, id)) => Ok(EntryList::Client(id)),
            Some((Party::Creditor, id)) => Ok(EntryList::Creditor(id)),
            None => Err(Problem::not_found("client or creditor")),
        }
    };
    asked.of(find).await
}

/// Correspondence of a case, newest or oldest first.
#[utoipa::path(get, path = "/api/v1/cases/{id}/correspondence", tag = "correspondence", operation_id = "listCaseCorrespondence",
    params(("id" = String, Path), EntriesQuery), responses((status = 200, body = PageOf<EntryShape>)))]
pub(super) async fn of_case(
    Ids(text): Ids<String>,
    asked: ListAsked,
) -> Answer<axum::Json<PageOf<EntryShape>>> {
    let find = move |app: &App, caller: &Caller| Ok(EntryList::Case(case(app, caller, &text)?.id));
    asked.of(find).await
}

/// An entry, when whoever asks may see it.
fn entry(app: &App, caller: &Caller, text: &str) -> Answer<Line> {
    let of: EntryId = id(text, "entry")?;
    let line = Reader::new(app, &caller.access).entry(of)?;
    line.ok_or_else(|| Problem::not_found("entry"))
}

/// One line of correspondence.
#[utoipa::path(get, path = "/api/v1/correspondence/{id}", tag = "correspondence", operation_id = "getCorrespondence",
    params(("id" = String, Path)), responses((status = 200, body = EntryShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<EntryShape>> {
    apart(&app, move |app| {
        let line = entry(app, &caller, &text)?;
        Ok(axum::Json(EntryShape::of(app, &line)?))
    })
    .await
}

/// A file of an entry.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntryFileShape {
    /// Its place among them, from 0.
    index: usize,
    name: String,
    size_bytes: u64,
}

/// The files of an entry: what went with a letter, came with a message or belongs to a note.
#[utoipa::path(get, path = "/api/v1/correspondence/{id}/files", tag = "correspondence",
    operation_id = "listCorrespondenceFiles", params(("id" = String, Path)),
    responses((status = 200, body = Vec<EntryFileShape>)))]
pub(super) async fn files(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<Vec<EntryFileShape>>> {
    apart(&app, move |app| {
        let line = entry(app, &caller, &text)?;
        let files = files_of(app, &line)?.into_iter().enumerate();
        let shape = |(index, (name, size_bytes))| EntryFileShape {
            index,
            name,
            size_bytes,
        };
        Ok(axum::Json(files.map(shape).collect()))
    })
    .await
}

/// A file of an entry by its place among them, from 0. What came in can be from anybody: it is
/// called nothing that a browser would open.
#[utoipa::path(get, path = "/api/v1/correspondence/{id}/files/{index}", tag = "correspondence",
    operation_id = "getCorrespondenceFile",
    params(("id" = String, Path), ("index" = usize, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
pub(super) async fn download(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids((text, index)): Ids<(String, String)>,
) -> Answer<Response> {
    let line = apart(&app, move |app| entry(app, &caller, &text)).await?;
    let index: usize = id(&index, "file")?;
    let found = file_of_entry(&app, line, index).await;
    found.map_err(|fault| match fault {
        Fault::NotFound => Problem::not_found("file"),
        fault => fault.into(),
    })
}

/// To which case something belongs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FilingAsked {
    case: String,
}

/// Files what came in to a case.
#[utoipa::path(post, path = "/api/v1/correspondence/{id}/file", tag = "correspondence", operation_id = "fileCorrespondence",
    params(("id" = String, Path)), request_body = FilingAsked, responses((status = 204)))]
pub(super) async fn file(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<FilingAsked>,
) -> Answer<StatusCode> {
    let by = Actor::Program(caller.user.id);
    let (of, to) = apart(&app, move |app| {
        let line = entry(app, &caller, &text)?;
        Ok((line.entry.id, case(app, &caller, &asked.case)?.id))
    })
    .await?;
    app.console.tracker.file_entry(of, to, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A document of a note.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DocumentAsked {
    name: String,
    #[serde(default)]
    media_type: String,
    /// Its bytes in base64 (RFC 4648, 4).
    content: String,
}

/// What is written down by hand. It is never changed: `corrects` names the note that it puts
/// right, `about` the entry that it says something about.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoteAsked {
    #[serde(default)]
    client: Option<String>,
    #[serde(default)]
    case: Option<String>,
    #[serde(default)]
    about: Option<String>,
    #[serde(default)]
    corrects: Option<String>,
    /// With whom: the client or a creditor of the case; the client when it is not given.
    #[serde(default)]
    with: Option<String>,
    /// email, text, call, letter, meeting or other.
    r#type: String,
    /// sent, received or internal.
    direction: String,
    /// When it happened (RFC 3339); now when it is not given.
    #[serde(default)]
    at: Option<String>,
    text: String,
    #[serde(default)]
    files: Vec<DocumentAsked>,
}

impl NoteAsked {
    fn files(&self) -> Answer<Vec<NewFile>> {
        let mut files = Vec::with_capacity(self.files.len());
        for file in &self.files {
            let bytes = data_encoding::BASE64.decode(file.content.as_bytes());
            let wrong = |_| Problem::field("files", "A file's content is no base64.");
            files.push(NewFile {
                name: file.name.clone(),
                media_type: file.media_type.clone(),
                bytes: bytes.map_err(wrong)?.into(),
            });
        }
        Ok(files)
    }

    fn at(&self, now: Timestamp) -> Answer<Timestamp> {
        let Some(text) = &self.at else {
            return Ok(now);
        };
        let at: Result<jiff::Timestamp, _> = text.parse();
        let millis = at
            .ok()
            .and_then(|at| u64::try_from(at.as_millisecond()).ok());
        let wrong = || Problem::field("at", "This is not a time.");
        millis.map(Timestamp::from_millis).ok_or_else(wrong)
    }
}

/// Writes a note down.
#[utoipa::path(post, path = "/api/v1/notes", tag = "correspondence", operation_id = "createNote",
    request_body = NoteAsked, responses((status = 201, body = Made)))]
pub(super) async fn note(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(asked): Json<NoteAsked>,
) -> Answer<Response> {
    let by = caller.user.id;
    let input = apart(&app, move |app| noted(app, &caller, asked)).await?;
    let made = app.console.tracker.add_note(&input, by).await?;
    Ok(created(made, "/api/v1/correspondence"))
}

/// A note as it is kept.
fn noted(app: &App, caller: &Caller, asked: NoteAsked) -> Answer<NoteInput> {
    let now = app.now();
    let link = match (&asked.about, &asked.corrects) {
        (Some(about), None) => Some(NoteLink::About(field_id("about", about)?)),
        (None, Some(earlier)) => Some(NoteLink::Corrects(field_id("corrects", earlier)?)),
        (None, None) => None,
        (Some(_), Some(_)) => {
            return Err(Problem::field("about", "Give about or corrects, not both."));
        }
    };
    let earlier = match link {
        Some(link) => Some(entry(app, caller, &link.entry().to_string())?.entry),
        None => None,
    };
    let of = match &asked.case {
        Some(text) => Some(case(app, caller, text)?),
        None => None,
    };
    let client = match (&earlier, &of, &asked.client) {
        (Some(earlier), _, _) => earlier.client.unwrap_or(earlier.with),
        (None, Some(of), _) => of.client,
        (None, None, Some(client)) => field_id("client", client)?,
        (None, None, None) => {
            return Err(Problem::field(
                "client",
                "Give a client, a case or an entry.",
            ));
        }
    };
    let known = app.repo().current_contact(client)?;
    if !known.is_some_and(|known| caller.access.sees_contact(&known)) {
        return Err(Problem::not_found("contact"));
    }
    let with = asked.with.as_deref();
    let wrong = |field| Problem::field(field, "This is none of those listed.");
    let mut kinds = EntryKind::ALL.into_iter();
    let mut directions = EntryDirection::ALL.into_iter();
    let files = named(asked.files()?);
    let files = files
        .map_err(|_| Problem::field("files", "A file is of a kind or name that is refused."))?;
    Ok(NoteInput {
        id: EntryId::new(app.console.random.uuid_v7(now)),
        client,
        case: of.map(|of| of.id),
        with: with.map_or(Ok(client), |with| field_id("with", with))?,
        direction: directions
            .find(|one| one.as_str() == asked.direction)
            .ok_or_else(|| wrong("direction"))?,
        kind: kinds
            .find(|one| one.as_str() == asked.r#type)
            .ok_or_else(|| wrong("type"))?,
        at: asked.at(now)?,
        text: asked.text,
        files,
        link,
    })
}
