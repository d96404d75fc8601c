//! What is done with a draft beside writing and sending it: trying it out, beginning one that
//! belongs to an earlier communication, taking it away.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::App;
use super::auth::Caller;
use super::body::{Ids, Json, id};
use super::draft::channels;
use super::problem::Problem;
use super::shape::Made;
use super::{Answer, created};
use crate::domain::{CommunicationId, Relation};
use crate::submit::{FollowUp, Whom};

const PLACE: &str = "/api/v1/communications";
/// Longest text before a subject, in characters.
const PREFIX_MAX: usize = 50;

/// By which channels a draft is tried out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TrialAsked {
    /// email, text, call.
    channels: Vec<String>,
}

/// Sends a draft to the own address and number of the token's user. It counts nowhere.
#[utoipa::path(post, path = "/api/v1/communications/{id}/trial", tag = "communications",
    operation_id = "tryCommunication", params(("id" = String, Path)), request_body = TrialAsked,
    responses((status = 201, description = "The communication that carries it", body = Made)))]
pub(super) async fn trial(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<TrialAsked>,
) -> Answer<Response> {
    let of: CommunicationId = id(&text, "communication")?;
    let by = channels(&asked.channels)?;
    let submit = &app.console.submit;
    let made = submit.send_trial(of, &caller.user, by).await?;
    Ok(created(made, PLACE))
}

/// A draft that belongs to a communication that was sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FollowAsked {
    /// correction, follow-up or again.
    relation: String,
    /// Which of the earlier one's people: all (when it is not given), reached or not-reached.
    whom: Option<String>,
    /// What is put before the subject.
    #[serde(default)]
    #[schema(examples("Correction: "))]
    prefix: String,
}

/// Begins a draft that belongs to a communication that was sent, with what it said and for its
/// people as they are now.
#[utoipa::path(post, path = "/api/v1/communications/{id}/follow", tag = "communications",
    operation_id = "followCommunication", params(("id" = String, Path)),
    request_body = FollowAsked, responses((status = 201, body = Made)))]
pub(super) async fn follow(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<FollowAsked>,
) -> Answer<Response> {
    let of: CommunicationId = id(&text, "communication")?;
    let relation = match asked.relation.as_str() {
        "correction" => Relation::Correction,
        "follow-up" => Relation::FollowUp,
        "again" => Relation::Again,
        _ => {
            let detail = "It is a correction, a follow-up or the same again.";
            return Err(Problem::field("relation", detail));
        }
    };
    let whom = match asked.whom.as_deref() {
        None | Some("all") => Whom::All,
        Some("reached") => Whom::Reached,
        Some("not-reached") => Whom::NotReached,
        Some(_) => {
            let detail = "It is for all, reached or not-reached.";
            return Err(Problem::field("whom", detail));
        }
    };
    if asked.prefix.chars().count() > PREFIX_MAX {
        let detail = format!("This is too long: at most {PREFIX_MAX} characters.");
        return Err(Problem::field("prefix", detail));
    }
    let wanted = FollowUp {
        relation,
        whom,
        prefix: asked.prefix,
    };
    let submit = &app.console.submit;
    let made = submit.follow(of, wanted, caller.user.id).await?;
    Ok(created(made, PLACE))
}

/// Takes a draft away. This cannot be undone.
#[utoipa::path(delete, path = "/api/v1/communications/{id}", tag = "communications",
    operation_id = "deleteDraft", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of: CommunicationId = id(&text, "communication")?;
    app.console.submit.delete_draft(of).await?;
    Ok(StatusCode::NO_CONTENT)
}
