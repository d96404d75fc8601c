//! Asking for approval, deciding, taking back.

use std::sync::Arc;

use axum::extract::{Path, State};

use super::super::App;
use super::super::session::SignedForm;
use super::compose::{revision, see};
use super::review::{Look, show};
use super::{Answer, id};
use crate::domain::CommunicationId;
use crate::submit::{ApprovalDecision, Decided, Sent, SubmitError};

/// `POST /communications/{id}/ask`
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    let (seen, by) = (revision(&form.fields), form.signed.user.id);
    let confirmed = form.fields.has("confirm_warnings");
    let submit = &app.console.submit;
    match submit.ask_approval(id, seen, by, confirmed).await {
        Ok(()) | Err(SubmitError::NotADraft) => Ok(see(&format!(
            "/communications/{id}/review?done=approval_asked"
        ))),
        Err(SubmitError::Invalid(errors)) => {
            let look = Look {
                errors,
                ..Look::default()
            };
            show(&app, &form.signed, id, look).await
        }
        Err(SubmitError::Unconfirmed(_)) => show(&app, &form.signed, id, Look::unconfirmed()).await,
        Err(SubmitError::Changed) => show(&app, &form.signed, id, Look::changed()).await,
        Err(error) => Err(error.into()),
    }
}

/// `POST /communications/{id}/decide`
pub(super) async fn decide(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    form: SignedForm,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    let approved = form.fields.get("do") == "approve";
    let note = form.fields.text("note");
    let by = form.signed.user.id;
    let submit = &app.console.submit;
    let seen = revision(&form.fields);
    let decision = ApprovalDecision {
        approved,
        confirmed: form.fields.has("confirm_warnings"),
        note: note.clone(),
    };
    let decided = match app.check_audience(&form.signed.access, id).await {
        Err(error) if approved => Err(error),
        Ok(()) | Err(_) => submit.decide_approval(id, seen, by, decision).await,
    };
    match decided {
        Ok(Decided::Returned) => Ok(see("/communications?state=approval&done=returned")),
        Ok(Decided::Approved(Sent::Now { .. })) => {
            Ok(see(&format!("/communications/{id}?done=sent")))
        }
        Ok(Decided::Approved(Sent::Later { .. })) => {
            Ok(see(&format!("/communications/{id}/review?done=scheduled")))
        }
        // Somebody else was faster, or it was taken back.
        Ok(Decided::Approved(Sent::Before)) | Err(SubmitError::NotYet) => Ok(see(&format!(
            "/communications/{id}/review?done=decided_before"
        ))),
        Err(SubmitError::Invalid(errors)) => {
            let look = Look {
                errors,
                note,
                ..Look::default()
            };
            show(&app, &form.signed, id, look).await
        }
        Err(SubmitError::Unconfirmed(_)) => {
            let look = Look {
                note,
                ..Look::unconfirmed()
            };
            show(&app, &form.signed, id, look).await
        }
        Err(SubmitError::Changed) => {
            let look = Look {
                note,
                ..Look::changed()
            };
            show(&app, &form.signed, id, look).await
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /communications/{id}/withdraw`
pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    _form: SignedForm,
) -> Answer {
    let id: CommunicationId = id(&text)?;
    match app.console.submit.withdraw(id).await {
        Ok(()) => Ok(see(&format!("/communications/{id}/edit?done=withdrawn"))),
        Err(SubmitError::AlreadySent) => Ok(see(&format!("/communications/{id}?done=before"))),
        Err(error) => Err(error.into()),
    }
}
