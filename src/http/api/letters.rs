//! Letters: drafts to one person about a client or a case.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::App;
use super::super::fault::Fault;
use super::super::pages::correspondence::{LetterOf, about};
use super::auth::Caller;
use super::body::{Json, field_id};
use super::draft::channel;
use super::problem::Problem;
use super::shape::Made;
use super::{Answer, apart, created};
use crate::domain::{ContactId, MethodId, Relation};

/// A letter to begin: about a client, about a case, or of an earlier entry; exactly one of
/// `client`, `case`, `again` and `correct`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LetterAsked {
    /// To this client, about no case.
    #[serde(default)]
    client: Option<String>,
    /// To the client or a creditor of this case.
    #[serde(default)]
    case: Option<String>,
    /// What this entry of correspondence said, composed again.
    #[serde(default)]
    again: Option<String>,
    /// A correction of this entry.
    #[serde(default)]
    correct: Option<String>,
    /// Who gets it.
    contact: String,
    /// By which of their methods.
    method: String,
    /// email or text, for a method that takes both; the first that fits when it is not given.
    #[serde(default)]
    channel: Option<String>,
}

impl LetterAsked {
    fn of(&self) -> Answer<LetterOf> {
        let given = [&self.client, &self.case, &self.again, &self.correct];
        match given.map(Option::as_deref) {
            [Some(client), None, None, None] => Ok(LetterOf::Client(field_id("client", client)?)),
            [None, Some(case), None, None] => Ok(LetterOf::Case(field_id("case", case)?)),
            [None, None, Some(entry), None] => {
                let entry = field_id("again", entry)?;
                Ok(LetterOf::Entry(entry, Relation::Again))
            }
            [None, None, None, Some(entry)] => {
                let entry = field_id("correct", entry)?;
                Ok(LetterOf::Entry(entry, Relation::Correction))
            }
            _ => {
                let detail = "Give one of client, case, again and correct.";
                Err(Problem::field("client", detail))
            }
        }
    }
}

/// Begins a letter: a draft to one person by one method, tied to the client or the case. What
/// follows is the way of every communication: written or filled from a template, looked at, sent.
#[utoipa::path(post, path = "/api/v1/letters", tag = "correspondence", operation_id = "beginLetter",
    request_body = LetterAsked,
    responses((status = 201, description = "The draft, a communication", body = Made)))]
pub(super) async fn begin(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(asked): Json<LetterAsked>,
) -> Answer<Response> {
    let by = asked.channel.as_deref();
    let by = by.map(|name| channel("channel", name)).transpose()?;
    let to: ContactId = field_id("contact", &asked.contact)?;
    let via: MethodId = field_id("method", &asked.method)?;
    let (of, user, access) = (asked.of()?, caller.user.id, caller.access);
    let read = move |app: &App| {
        about(app, &access, of).map_err(|fault| match fault {
            Fault::NotFound => Problem::not_found("client, case or letter"),
            fault => fault.into(),
        })
    };
    let about = apart(&app, read).await?;
    let draft = about.draft(|contact, method, channel| {
        contact == to && method == via && by.is_none_or(|one| one == channel)
    });
    let detail = "A letter cannot go to this person by this method.";
    let draft = draft.ok_or_else(|| Problem::field("method", detail))?;
    let submit = &app.console.submit;
    let made = submit.save_draft(None, &draft, user).await?;
    Ok(created(made, "/api/v1/communications"))
}
