//! Making and changing contacts as a whole.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::App;
use super::super::data::Areas;
use super::auth::Caller;
use super::body::{Ids, Json};
use super::contact_details::{ContactAsked, ContactChanges};
use super::contact_shape::ContactShape;
use super::contacts::contact;
use super::etag::IfMatch;
use super::problem::Problem;
use super::shape::Made;
use super::{Answer, created};
use crate::domain::{Actor, Contact, Details};
use crate::store::Loaded;
use crate::tracker::Edited;

/// Makes a contact.
#[utoipa::path(post, path = "/api/v1/contacts", tag = "contacts", operation_id = "createContact",
    request_body = ContactAsked, responses((status = 201, body = Made)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(asked): Json<ContactAsked>,
) -> Answer<Response> {
    let details = asked.whole(&app).over(&app, None)?;
    check_area(&caller, None, &details)?;
    let by = Actor::Program(caller.user.id);
    let tracker = &app.console.tracker;
    let (made, unproved) = tracker.create_contact(&details, by).await?;
    let submit = &app.console.submit;
    submit.ask_for_proof(made, &unproved, by).await;
    Ok(created(made, "/api/v1/contacts"))
}

/// Changes a contact: name, kind, language, area and preferred channel become what is sent.
/// Methods are added, and those named by their id corrected. Groups, fields and quiet hours
/// become what is sent, and stay when they are left out.
#[utoipa::path(put, path = "/api/v1/contacts/{id}", tag = "contacts",
    operation_id = "changeContact", params(("id" = String, Path)), request_body = ContactAsked,
    responses((status = 204)))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    seen: IfMatch,
    Json(asked): Json<ContactAsked>,
) -> Answer<StatusCode> {
    let known = contact(&app, &text)?;
    seen.check(|| shown(&app, &known))?;
    let changes = asked.whole(&app);
    edit(&app, &caller, &known, &changes).await
}

/// Changes parts of a contact: whatever is left out stays as it is.
#[utoipa::path(patch, path = "/api/v1/contacts/{id}", tag = "contacts",
    operation_id = "amendContact", params(("id" = String, Path)), request_body = ContactChanges,
    responses((status = 204)))]
pub(super) async fn amend(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    seen: IfMatch,
    Json(changes): Json<ContactChanges>,
) -> Answer<StatusCode> {
    let known = contact(&app, &text)?;
    seen.check(|| shown(&app, &known))?;
    edit(&app, &caller, &known, &changes).await
}

fn shown(app: &App, known: &Contact) -> Answer<ContactShape> {
    Ok(ContactShape::of(&Areas::read(app.repo())?, known))
}

/// Nobody puts a contact where they could not see it.
fn check_area(caller: &Caller, known: Option<&Contact>, details: &Details) -> Answer<()> {
    let moved = known.is_none_or(|known| known.area != details.area);
    if moved && !caller.access.covers(details.area) {
        return Err(Problem::field(
            "area",
            "Choose an area that the user covers.",
        ));
    }
    Ok(())
}

async fn edit(
    app: &App,
    caller: &Caller,
    known: &Loaded<Contact>,
    changes: &ContactChanges,
) -> Answer<StatusCode> {
    let details = changes.over(app, Some(known))?;
    check_area(caller, Some(known), &details)?;
    let by = Actor::Program(caller.user.id);
    let seen = |now: &Contact| *now == known.value;
    let tracker = &app.console.tracker;
    match tracker.edit_contact(known.id, seen, &details, by).await? {
        Edited::Saved { unproved } => {
            let submit = &app.console.submit;
            submit.ask_for_proof(known.id, &unproved, by).await;
            Ok(StatusCode::NO_CONTENT)
        }
        Edited::ChangedMeanwhile => Err(Problem::conflict(
            "changed",
            "Somebody else changed it meanwhile; try again.",
        )),
    }
}
