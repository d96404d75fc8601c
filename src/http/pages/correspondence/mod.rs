//! Correspondence with clients and creditors: views, details, notes, letters.

mod entry;
pub(crate) mod export;
mod letter;
pub(crate) mod list;
mod note;
mod said;
mod timeline;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};

use super::super::App;
use super::super::entries::access_of;
use super::super::fault::Fault;
use super::super::session::Signed;
use super::super::view::Chrome;
use super::{Answer, apart, id, show_as};
use crate::domain::{Access, Contact, ContactId, Party};
use crate::store::{EntryList, Loaded};

pub(super) use entry::{download, file, page as entry_page};
pub(crate) use entry::{file_of_entry, files_of};
pub(crate) use letter::{LetterOf, about};
pub(super) use letter::{again, begin, new as new_letter};
pub(super) use list::List;
pub(crate) use note::named;
pub(super) use note::{add as add_note, form as note_form};
pub(super) use timeline::page as timeline;
pub(crate) use timeline::{LOOKED_AT_MAX, matters};

/// The tabs of a client or creditor.
pub(super) struct Tabs {
    pub(super) id: ContactId,
    pub(super) client: bool,
    pub(super) current: &'static str,
}

impl Tabs {
    /// For contacts that have correspondence.
    pub(super) fn of(contact: &Contact, current: &'static str) -> Option<Self> {
        Party::of(contact.kind).map(|party| Self {
            id: contact.id,
            client: party == Party::Client,
            current,
        })
    }
}

#[derive(Template)]
#[template(path = "correspondence.html")]
struct AllPage {
    c: Chrome,
    l: List,
}

#[derive(Template)]
#[template(path = "contact_correspondence.html")]
struct ContactPage {
    c: Chrome,
    name: String,
    tabs: Option<Tabs>,
    l: List,
}

/// A list whose days were entered wrongly says so.
pub(super) const fn status_of(list: &List) -> StatusCode {
    if list.wrong.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    }
}

/// `GET /correspondence`
pub(super) async fn all(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    apart(move || {
        let title = signed.words.t("entries.title");
        let c = Chrome::of(&app, &signed, title, "correspondence")?;
        let access = access_of(&signed);
        let base = ("/correspondence", &uri);
        let l = list::list(&app, &c, &access, EntryList::All, base)?;
        show_as(status_of(&l), &AllPage { c, l })
    })
    .await
}

/// `GET /contacts/{id}/correspondence`
pub(super) async fn of_contact(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    apart(move || {
        let access = access_of(&signed);
        let contact = contact_for(&app, &access, id(&text)?)?;
        let of = list_of(&contact)?;
        let name = contact.full_name();
        let c = Chrome::of(&app, &signed, name.clone(), "contacts")?;
        let base = format!("/contacts/{}/correspondence", contact.id);
        let l = list::list(&app, &c, &access, of, (&base, &uri))?;
        let tabs = Tabs::of(&contact, "correspondence");
        show_as(status_of(&l), &ContactPage { c, name, tabs, l })
    })
    .await
}

/// The list of a client or creditor; others have none.
pub(super) fn list_of(contact: &Contact) -> super::super::data::Result<EntryList> {
    match Party::of(contact.kind) {
        Some(Party::Client) => Ok(EntryList::Client(contact.id)),
        Some(Party::Creditor) => Ok(EntryList::Creditor(contact.id)),
        None => Err(Fault::NotFound),
    }
}

/// A contact, when it is theirs to see.
pub(super) fn contact_for(
    app: &App,
    access: &Access,
    id: ContactId,
) -> super::super::data::Result<Loaded<Contact>> {
    let contact = app.repo().current_contact(id)?;
    let seen = contact.filter(|contact| access.sees_contact(contact));
    seen.ok_or(Fault::NotFound)
}
