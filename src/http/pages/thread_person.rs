//! Who writes, when nobody knows: the contacts that it may be, and making it theirs.

use std::sync::Arc;

use axum::extract::{Path, State};

use super::super::App;
use super::super::data::{self, Areas, Result};
use super::super::fault::Fault;
use super::super::session::{Signed, SignedForm};
use super::super::view::Chrome;
use super::compose::see;
use super::thread::Left;
use super::{Answer, id};
use crate::domain::checks;
use crate::domain::{Actor, Contact, ContactId, Destination, MethodKind, Thread, ThreadId};
use crate::store::Loaded;
use crate::tracker::{Attached, Refusal, TrackerError};

/// Contacts listed for one search, and of those who share the address.
const FOUND_MAX: usize = 10;
/// Messages looked at for whether their author is certain, the latest.
const SEEN_MAX: usize = 50;

/// Somebody whom it may be.
pub(super) struct Candidate {
    pub(super) id: ContactId,
    pub(super) name: String,
    pub(super) hint: String,
    /// Has the address or number.
    pub(super) has_it: bool,
}

/// What is shown where the person would stand.
pub(super) struct Unknown {
    /// Why nobody stands there.
    pub(super) why: String,
    pub(super) find: String,
    pub(super) searched: bool,
    pub(super) candidates: Vec<Candidate>,
    /// The address can be a method: an email address or a whole number.
    pub(super) can_add: bool,
    /// Why it could not be done; empty for nothing.
    pub(super) problem: String,
}

/// The kind of method and the destination that an address or number can be.
pub(crate) fn destination(app: &App, address: &str) -> Option<(MethodKind, Destination)> {
    let kind = if address.contains('@') {
        MethodKind::Email
    } else if address.starts_with('+') {
        MethodKind::Mobile
    } else {
        // Short codes and names cannot be written to.
        return None;
    };
    let region = &app.console.settings.default_region;
    let checked = checks::check(kind, address, region);
    checked.destination.map(|destination| (kind, destination))
}

pub(super) fn unknown(
    app: &App,
    signed: &Signed,
    c: &Chrome,
    thread: &Thread,
    find: &str,
    problem: String,
) -> Result<Unknown> {
    let access = &signed.access;
    let areas = Areas::read(app.repo())?;
    let address = thread.address.reveal();
    let mut sharing = app.repo().contacts_by_address(address, FOUND_MAX)?;
    sharing.retain(|contact| access.sees_contact(contact));
    let candidate = |contact: &Contact, has_it: bool| {
        let kind = c.words.label(contact.kind.as_str());
        let area = areas.name(contact.area);
        Candidate {
            id: contact.id,
            name: contact.full_name(),
            hint: if area.is_empty() {
                kind
            } else {
                format!("{kind} · {area}")
            },
            has_it,
        }
    };
    let mut candidates: Vec<Candidate> = sharing
        .iter()
        .map(|contact| candidate(contact, true))
        .collect();
    let searched = !find.trim().is_empty();
    if searched {
        let region = &app.console.settings.default_region;
        for contact in data::search(app.repo(), find, region, access, FOUND_MAX)? {
            if candidates.iter().all(|known| known.id != contact.id) {
                candidates.push(candidate(&contact, false));
            }
        }
    }
    let latest = app.repo().messages(thread.id, None, SEEN_MAX)?;
    let is_disowned = latest.rows.iter().any(|message| message.is_disowned);
    let why = if is_disowned {
        "inbox.uncertain_text"
    } else if sharing.is_empty() {
        "inbox.unknown_text"
    } else {
        "inbox.later_text"
    };
    Ok(Unknown {
        why: c.t(why).to_owned(),
        find: find.to_owned(),
        searched,
        candidates,
        can_add: destination(app, address).is_some(),
        problem,
    })
}

/// `POST /inbox/{thread}/attach`: `contact`, and `add=1` to give the contact the address.
pub(super) async fn attach(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: ThreadId = id(&text)?;
    let thread = app.repo().thread(id)?.ok_or(Fault::NotFound)?;
    let SignedForm { signed, fields } = &form;
    let Ok(contact) = fields.get("contact").parse::<ContactId>() else {
        return not_attached(app, thread, form, "attach.choose").await;
    };
    if app.contact_for(&signed.access, contact)?.is_none() {
        return not_attached(app, thread, form, "attach.gone").await;
    }
    let by = Actor::User(signed.user.id);
    match attach_to(&app, &thread, contact, fields.has("add"), by).await {
        Ok(Attached::Done) => Ok(see(&format!("/inbox/{id}?done=attached"))),
        Ok(Attached::Before(known)) if known == contact => {
            Ok(see(&format!("/inbox/{id}?done=attached")))
        }
        Ok(Attached::Before(_)) => Ok(see(&format!("/inbox/{id}?done=attached-before"))),
        Err(TrackerError::Refused(refusal)) => {
            not_attached(app, thread, form, refused(refusal)).await
        }
        Err(TrackerError::NotFound(_)) => not_attached(app, thread, form, "attach.gone").await,
        Err(error) => Err(error.into()),
    }
}

/// The thread as it is, and why it could not be given to a contact.
async fn not_attached(
    app: Arc<App>,
    thread: Loaded<Thread>,
    form: SignedForm,
    why: &'static str,
) -> Answer {
    let SignedForm { signed, fields } = form;
    let left = Left {
        attach: signed.words.t(why).to_owned(),
        ..Left::default()
    };
    super::thread_answer::refused(app, signed, thread, fields, left).await
}

/// Why a contact cannot take the address.
const fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::TooMany => "attach.full",
        Refusal::Gone
        | Refusal::Name
        | Refusal::NameTaken
        | Refusal::Circle
        | Refusal::TooDeep
        | Refusal::NotEmpty
        | Refusal::LeftOut => "attach.gone",
    }
}

/// Gives a thread to a contact, and the contact the address if it is to be added.
pub(crate) async fn attach_to(
    app: &App,
    thread: &Thread,
    contact: ContactId,
    add: bool,
    by: Actor,
) -> std::result::Result<Attached, TrackerError> {
    let method = add
        .then(|| destination(app, thread.address.reveal()))
        .flatten();
    let tracker = &app.console.tracker;
    tracker.attach_thread(thread.id, contact, method, by).await
}
