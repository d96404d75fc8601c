//! Taking a method away, confirmed on a page of its own.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::Uri;

use super::super::App;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::view::{Chrome, kind_icon};
use super::compose::see;
use super::{Answer, id, show};
use crate::domain::{ContactId, MethodId, MethodState, ThreadId};

#[derive(Template)]
#[template(path = "remove_method.html")]
struct Page {
    c: Chrome,
    contact: ContactId,
    method: MethodId,
    name: String,
    icon: &'static str,
    kind: String,
    to: String,
    last: bool,
    back: String,
    thread: String,
}

/// `GET /contacts/{id}/methods/{method}/remove`; `?thread=` leads back to the inbox.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path((contact, method)): Path<(String, String)>,
    uri: Uri,
) -> Answer {
    let (contact, method): (ContactId, MethodId) = (id(&contact)?, id(&method)?);
    let known = app.repo().contact(contact)?.ok_or(Fault::NotFound)?;
    let found = known.method(method).ok_or(Fault::NotFound)?;
    let query = Fields::of_query(&uri);
    let c = Chrome::of(&app, &signed, signed.words.t("remove.title"), "contacts")?;
    let others = known
        .methods
        .iter()
        .filter(|other| other.id != method && other.state != MethodState::Removed);
    show(&Page {
        contact,
        method,
        name: known.full_name(),
        icon: kind_icon(found.kind),
        kind: c.kind(&found.kind),
        to: found.destination.reveal().to_owned(),
        last: others.count() == 0,
        back: back(contact, query.get("thread")),
        thread: query.get("thread").to_owned(),
        c,
    })
}

/// `POST /contacts/{id}/methods/{method}/remove`
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Path((contact, method)): Path<(String, String)>,
    form: SignedForm,
) -> Answer {
    let (contact, method): (ContactId, MethodId) = (id(&contact)?, id(&method)?);
    let by = form.signed.user.id;
    app.console
        .tracker
        .remove_method(contact, method, by)
        .await?;
    let back = back(contact, form.fields.get("thread"));
    Ok(see(&format!("{back}?done=removed")))
}

/// Where one came from: a thread of the inbox, else the contact. Nowhere else.
fn back(contact: ContactId, thread: &str) -> String {
    match thread.parse::<ThreadId>() {
        Ok(thread) => format!("/inbox/{thread}"),
        Err(_) => format!("/contacts/{contact}"),
    }
}
