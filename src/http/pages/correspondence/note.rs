//! What somebody writes down by hand: a call, a letter, a meeting; a note on another entry.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};

use super::super::super::App;
use super::super::super::entries::{Reader, access_of};
use super::super::super::fault::Fault;
use super::super::super::fields::Fields;
use super::super::super::session::Signed;
use super::super::super::view::Chrome;
use super::super::attachments::Upload;
use super::super::compose::{see, time_field};
use super::super::problems::{Problem, Problems};
use super::super::{Answer, id, show_as};
use super::contact_for;
use super::list::{Choosable, direction_word, kind_word};
use crate::domain::attachment::{file_name, media_type};
use crate::domain::{
    Access, Attachment, BlobId, CaseId, ContactId, EntryDirection, EntryId, EntryKind, NoteLink,
};
use crate::submit::{FieldError, NewFile};
use crate::tracker::{CaseError, NoteInput};

#[derive(Template)]
#[template(path = "note.html")]
struct Page {
    c: Chrome,
    id: EntryId,
    client: String,
    case: String,
    about: String,
    corrects: String,
    title: String,
    back: String,
    with: Vec<Choosable>,
    kinds: Vec<Choosable>,
    directions: Vec<Choosable>,
    at: String,
    text: String,
    p: Problems,
    problems: Vec<Problem>,
}

/// To what a note belongs, as an address or a form says.
struct Belongs {
    client: Option<ContactId>,
    case: Option<CaseId>,
    link: Option<NoteLink>,
    /// With whom it can have happened.
    with: Vec<(ContactId, String)>,
    title: String,
    back: String,
}

fn belongs(
    app: &App,
    access: &Access,
    fields: &Fields,
) -> super::super::super::data::Result<Belongs> {
    let about = fields.get("about").parse().ok().map(NoteLink::About);
    let link = about.or(fields.get("corrects").parse().ok().map(NoteLink::Corrects));
    if let Some(link) = link {
        let mut reader = Reader::new(app, access);
        let line = reader.entry(link.entry())?.ok_or(Fault::NotFound)?;
        let contact = line.contact.as_ref().ok_or(Fault::NotFound)?;
        return Ok(Belongs {
            client: line.entry.client,
            case: line.entry.case,
            link: Some(link),
            with: vec![(contact.id, contact.full_name())],
            title: line.entry.title.reveal().clone(),
            back: format!("/correspondence/{}", link.entry()),
        });
    }
    if let Ok(case) = fields.get("case").parse::<CaseId>() {
        let case = super::super::cases::case_for(app, access, case)?;
        let mut with = Vec::new();
        let parties =
            std::iter::once(case.client).chain(case.creditors.iter().map(|one| one.contact));
        for party in parties {
            let contact = app.repo().current_contact(party)?;
            with.extend(contact.map(|contact| (contact.id, contact.full_name())));
        }
        return Ok(Belongs {
            client: Some(case.client),
            case: Some(case.id),
            link: None,
            with,
            title: case.reference.clone(),
            back: format!("/cases/{}", case.id),
        });
    }
    let client = contact_for(app, access, id(fields.get("client"))?)?;
    Ok(Belongs {
        client: Some(client.id),
        case: None,
        link: None,
        with: vec![(client.id, client.full_name())],
        title: client.full_name(),
        back: format!("/contacts/{}/correspondence", client.id),
    })
}

/// `GET /notes/new`: for a client (`client`), a case (`case`) or another entry (`about`,
/// `corrects`).
pub(in super::super) async fn form(
    State(app): State<Arc<App>>,
    signed: Signed,
    uri: Uri,
) -> Answer {
    show_form(&app, &signed, &Fields::of_query(&uri), &[])
}

fn show_form(app: &App, signed: &Signed, fields: &Fields, errors: &[FieldError]) -> Answer {
    let access = access_of(signed);
    let belongs = belongs(app, &access, fields)?;
    let c = Chrome::of(app, signed, signed.words.t("note.add"), "correspondence")?;
    let now = app.now();
    let given = fields.get("id").parse().ok();
    let p = Problems::new(errors, c.words);
    let pick = |name: &str, value: &str, label: String| Choosable {
        chosen: fields.get(name) == value,
        value: value.to_owned(),
        label,
    };
    let with = belongs.with.iter();
    let at = match fields.get("at") {
        "" => time_field(now, c.zone()).0,
        given => given.to_owned(),
    };
    let page = Page {
        id: given.unwrap_or_else(|| EntryId::new(app.console.random.uuid_v7(now))),
        client: fields.get("client").to_owned(),
        case: fields.get("case").to_owned(),
        about: fields.get("about").to_owned(),
        corrects: fields.get("corrects").to_owned(),
        title: belongs.title,
        back: belongs.back,
        with: with
            .map(|(id, name)| pick("with", &id.to_string(), name.clone()))
            .collect(),
        kinds: EntryKind::ALL
            .iter()
            .map(|kind| pick("kind", kind.as_str(), c.t(kind_word(*kind)).to_owned()))
            .collect(),
        directions: EntryDirection::ALL
            .iter()
            .map(|one| {
                let label = c.t(direction_word(*one)).to_owned();
                pick("direction", one.as_str(), label)
            })
            .collect(),
        at,
        text: fields.text("text"),
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

/// `POST /notes`
pub(in super::super) async fn add(State(app): State<Arc<App>>, upload: Upload) -> Answer {
    let (signed, fields) = (upload.signed, upload.fields);
    let read = upload.files.and_then(|files| {
        let files = named(files)?;
        let zone = super::super::super::view::zone_of(&app, &signed);
        let at = super::super::compose::read_time(fields.get("at"), &zone);
        let at = at.map_err(|why| FieldError::new("at", why))?;
        Ok((files, at.unwrap_or_else(|| app.now())))
    });
    let (files, at) = match read {
        Ok(read) => read,
        Err(problem) => return show_form(&app, &signed, &fields, &[problem]),
    };
    let access = access_of(&signed);
    let belongs = belongs(&app, &access, &fields)?;
    let with = fields.get("with").parse().ok();
    let first = belongs.with.first().map(|(id, _)| *id);
    let kinds = EntryKind::ALL.into_iter();
    let directions = EntryDirection::ALL.into_iter();
    let fallback = with.or(first).ok_or(Fault::NotFound)?;
    let input = NoteInput {
        id: id(fields.get("id"))?,
        client: belongs.client.unwrap_or(fallback),
        case: belongs.case,
        with: fallback,
        direction: directions
            .into_iter()
            .find(|one| one.as_str() == fields.get("direction"))
            .unwrap_or(EntryDirection::Internal),
        kind: kinds
            .into_iter()
            .find(|one| one.as_str() == fields.get("kind"))
            .unwrap_or(EntryKind::Other),
        at,
        text: fields.text("text"),
        files,
        link: belongs.link,
    };
    match app.console.tracker.add_note(&input, signed.user.id).await {
        Ok(id) => Ok(see(&format!("/correspondence/{id}?done=saved"))),
        Err(CaseError::Field(field, why)) => {
            let problem = FieldError::new(field, why);
            show_form(&app, &signed, &fields, &[problem])
        }
        Err(CaseError::Tracker(error)) => Err(error.into()),
    }
}

/// Files with names and types as they are kept.
pub(crate) fn named(files: Vec<NewFile>) -> Result<Vec<(Attachment, bytes::Bytes)>, FieldError> {
    let mut named = Vec::with_capacity(files.len());
    for file in files {
        let name = file_name(&file.name).map_err(|why| FieldError::new("files", why))?;
        let attachment = Attachment {
            media_type: media_type(&file.media_type, &name),
            name,
            size_bytes: file.bytes.len() as u64,
            blob: BlobId::of(&file.bytes),
        };
        named.push((attachment, file.bytes));
    }
    Ok(named)
}
