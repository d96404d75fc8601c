//! Writing a communication. Works in whole forms: "Find" answers with the same form and what
//! was found; "Save", "Preview", "Files" and "Review" keep the draft. Scripts keep it as one
//! types, by the same address.

mod counter;
mod form;
mod picks;
mod preview;
mod view;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};

use super::super::App;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::view::Chrome;
use super::{Answer, id};
use crate::domain::{Channels, CommunicationId, Timestamp};
use crate::submit::{DraftInput, FieldError, Kept, SubmitError};

pub(super) use counter::{amounts, kept as count_kept, new as count_new, visible};
pub(super) use form::{read_time, time_field};
pub(super) use preview::{Preview, sms_count};
use view::{Filled, Found};

/// `GET /communications/new`; the query may begin with an audience (`contact`, `area`, `group`,
/// `filter`, `list`) or a campaign.
pub(super) async fn new(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let query = Fields::of_query(&uri);
    let mut draft = empty(&app);
    draft.audience = form::audience_of(&query);
    draft.campaign = query.get("campaign").parse().ok();
    let filled = Filled {
        mine: query.has("list"),
        ..Filled::new(None, draft)
    };
    view::show_form(&app, &signed, filled, StatusCode::OK, "").await
}

/// `GET /communications/{id}/edit`
pub(super) async fn edit(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    let communication = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    if communication.is_sent() {
        return Ok(Redirect::to(&format!("/communications/{id}")).into_response());
    }
    if !communication.is_draft() {
        return Ok(Redirect::to(&format!("/communications/{id}/review")).into_response());
    }
    let draft = app.console.submit.draft(id)?;
    let query = Fields::of_query(&uri);
    let mut errors = if query.has("check") {
        app.console.submit.problems(&draft)
    } else {
        Vec::new()
    };
    if !app.console.submit.lost(&draft.audience)?.is_empty() {
        errors.push(FieldError::lost());
    }
    let filled = Filled {
        revision: communication.modified_at,
        errors,
        ..Filled::new(Some(id), draft)
    };
    view::show_form(&app, &signed, filled, StatusCode::OK, query.get("done")).await
}

/// `POST /communications`
pub(super) async fn create(State(app): State<Arc<App>>, form: SignedForm) -> Answer {
    take(&app, None, form).await
}

/// `POST /communications/{id}`
pub(super) async fn update(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    take(&app, Some(id(&text)?), form).await
}

async fn take(
    app: &Arc<App>,
    id: Option<CommunicationId>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let words = Chrome::of(app, &signed, "", "communications")?;
    let form::Read { mut draft, errors } = form::read(&fields, words.zone());
    draft.related = None;
    let mut seen = None;
    if let Some(id) = id {
        merge(app, id, &fields, &mut draft)?;
        seen = revision(&fields);
    }
    if fields.get("do") == "replace" && counter::is_countable(&draft.content.sms_text) {
        let carriers = app.console.submit.text_carriers();
        if let Some(replaced) = carriers.replaced(&draft.content.sms_text) {
            draft.content.sms_text = replaced;
        }
    }
    let filled = Filled {
        revision: seen.unwrap_or_default(),
        errors,
        find: fields.get("find").to_owned(),
        mine: fields.get("list") == "mine",
        ..Filled::new(id, draft)
    };
    let wish = fields.get("do");
    if wish == "find" {
        return view::show_form(app, &signed, filled, StatusCode::OK, "").await;
    }
    keep(app, &signed, filled, seen, wish).await
}

/// Puts what the form does not say, and the draft does, into what was filled in.
fn merge(
    app: &App,
    id: CommunicationId,
    fields: &Fields,
    draft: &mut DraftInput,
) -> Result<(), Fault> {
    let known = app.console.submit.draft(id)?;
    draft.related = known.related;
    draft.content.attachments = known.content.attachments;
    // A letter keeps to whom it goes and what it is about.
    if known.matter.is_some() {
        draft.matter = known.matter;
        draft.template = known.template;
        draft.category = known.category;
        draft.audience = known.audience.clone();
    }
    if matches!(fields.get("list"), "kept" | "mine") {
        draft.audience.list = known.audience.list;
        draft.audience.list_people = known.audience.list_people;
    }
    Ok(())
}

/// Keeps what was filled in, and goes where the button says.
async fn keep(
    app: &Arc<App>,
    signed: &Signed,
    mut filled: Filled,
    seen: Option<Timestamp>,
    wish: &str,
) -> Answer {
    let silent = wish == "autosave";
    let mut draft = filled.draft.clone();
    if filled.mine {
        filled
            .errors
            .extend(take_mine(app, signed, &mut draft).await?);
    }
    if wish == "review" {
        filled.errors.extend(app.console.submit.problems(&draft));
    }
    if !filled.errors.is_empty() {
        return wrong(app, signed, filled, silent).await;
    }
    let (submit, by) = (&app.console.submit, signed.user.id);
    let kept = submit.keep_draft(filled.id, seen, &draft, by).await;
    match kept {
        Ok(kept) if silent => view::kept(app, signed, kept),
        Ok(Kept { id, .. }) => Ok(see(&match wish {
            "review" => format!("/communications/{id}/review"),
            "files" => format!("/communications/{id}/attachments"),
            "preview" => format!("/communications/{id}/edit?done=saved#preview"),
            "replace" => format!("/communications/{id}/edit?done=saved#sms_text"),
            "template" => format!("/communications/{id}/template"),
            _ => format!("/communications/{id}/edit?done=saved"),
        })),
        Err(SubmitError::Invalid(errors)) => {
            filled.errors = errors;
            wrong(app, signed, filled, silent).await
        }
        Err(SubmitError::Changed) => changed(app, signed, filled, silent).await,
        Err(SubmitError::AlreadySent | SubmitError::NotADraft) => {
            filled.found = Found::Gone;
            conflict(app, signed, filled, silent).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes the reader's recipient list over into what is to be kept: only there, for what the form
/// shows as taken over has to be in the store. A list that was emptied meanwhile takes nobody
/// out who was taken over before.
async fn take_mine(
    app: &App,
    signed: &Signed,
    draft: &mut DraftInput,
) -> Result<Option<FieldError>, Fault> {
    let audience = &mut draft.audience;
    match app.console.submit.take_list(signed.user.id).await? {
        Some((list, people)) => {
            audience.list = Some(list);
            audience.list_people = people;
            Ok(None)
        }
        None if audience.list.is_some() => Ok(None),
        None => Ok(Some(problem(
            "audience",
            "Nobody is on your recipient list any more.",
        ))),
    }
}

async fn wrong(app: &Arc<App>, signed: &Signed, filled: Filled, silent: bool) -> Answer {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    if silent {
        let told: Vec<String> = filled
            .errors
            .iter()
            .map(|error| signed.words.tell(&error.problem))
            .collect();
        let body = serde_json::json!({ "problem": told.join(" ") });
        return Ok((status, Json(body)).into_response());
    }
    view::show_form(app, signed, filled, status, "").await
}

/// Somebody changed the draft elsewhere. What was typed stays in the form; saving once more
/// puts it in the place of the other.
async fn changed(app: &Arc<App>, signed: &Signed, mut filled: Filled, silent: bool) -> Answer {
    let id = filled.id.ok_or(Fault::NotFound)?;
    let now = app.repo().communication(id)?.ok_or(Fault::NotFound)?;
    filled.revision = now.modified_at;
    filled.found = Found::Changed;
    conflict(app, signed, filled, silent).await
}

/// What was typed is not kept; it stays in the form, and the page says why.
async fn conflict(app: &Arc<App>, signed: &Signed, filled: Filled, silent: bool) -> Answer {
    let status = StatusCode::CONFLICT;
    if silent {
        let body = serde_json::json!({ "problem": signed.words.t(filled.found.title()) });
        return Ok((status, Json(body)).into_response());
    }
    view::show_form(app, signed, filled, status, "").await
}

/// The revision that a form was shown with.
pub(super) fn revision(fields: &Fields) -> Option<Timestamp> {
    let millis = fields.get("revision").parse().ok();
    millis.map(Timestamp::from_millis)
}

/// Where to look after a form (RFC 9110, 15.4.4).
pub(super) fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// A draft that says nothing yet.
pub(super) fn empty(app: &App) -> DraftInput {
    let categories = app.console.submit.categories();
    let category = categories.first();
    DraftInput {
        category: category
            .map(|category| category.name.clone())
            .unwrap_or_default(),
        channels: Channels::ALL,
        ..DraftInput::default()
    }
}

/// Puts a problem with one field into a list.
fn problem(field: &'static str, what: &'static str) -> FieldError {
    FieldError::new(field, what)
}

impl From<SubmitError> for Fault {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::NotFound => Self::NotFound,
            SubmitError::Repo(error) => error.into(),
            SubmitError::Tracker(error) => error.into(),
            SubmitError::Store(crate::store::StoreError::Conflict { .. }) => Self::Unavailable,
            SubmitError::Store(error) => error.into(),
            SubmitError::OwnWork => Self::Forbidden,
            SubmitError::Invalid(_)
            | SubmitError::Unfilled(_)
            | SubmitError::Unconfirmed(_)
            | SubmitError::Recontact(_)
            | SubmitError::NeedsApproval
            | SubmitError::NotYet => Self::BadRequest,
            SubmitError::AlreadySent
            | SubmitError::NotADraft
            | SubmitError::Changed
            | SubmitError::Contention => Self::Unavailable,
        }
    }
}
