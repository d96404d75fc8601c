//! The last look, sending, and recontacting those not reached.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::auth::Caller;
use super::body::{Asked, Ids, Json, id};
use super::communication_shape::{ChannelShape, ReviewShape};
use super::communications::communication;
use super::shape::{seen, time};
use super::{Answer, apart};
use crate::domain::CommunicationId;
use crate::submit::{Recontacted, Sent, SubmitError};

/// How many a draft would reach, by which channels, and what keeps it from being sent.
#[utoipa::path(get, path = "/api/v1/communications/{id}/review", tag = "communications",
    operation_id = "reviewCommunication", params(("id" = String, Path)),
    responses((status = 200, body = ReviewShape)))]
pub(super) async fn review(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<ReviewShape>> {
    let of = communication(&app, &text)?;
    if !of.is_draft() {
        return Err(SubmitError::NotADraft.into());
    }
    let review = app.console.submit.review(of.id).await?;
    let review = review.name_only(|id| app.sees(&caller.access, id))?;
    Ok(axum::Json(ReviewShape::of(&review)))
}

/// What sending came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SentShape {
    /// False when it had been sent before; then nothing was done.
    sent: bool,
    /// People addressed; 0 until what is scheduled goes out.
    people: u64,
    /// When it goes out by itself.
    scheduled_at: Option<String>,
}

/// What was looked at.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SendAsked {
    /// `modified_at` of what was looked at: a draft that was changed since is not sent then.
    pub(super) modified_at: Option<String>,
    /// Somebody has looked at the warnings of the review; without this a draft with warnings is
    /// not sent.
    #[serde(default)]
    pub(super) confirm_warnings: bool,
}

/// Sends a draft. Once this is answered it goes out, whatever happens to the daemon; asked
/// twice, it is sent once.
#[utoipa::path(post, path = "/api/v1/communications/{id}/send", tag = "communications",
    operation_id = "sendCommunication", params(("id" = String, Path), SendAsked),
    responses((status = 200, body = SentShape)))]
pub(super) async fn send(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Asked(asked): Asked<SendAsked>,
) -> Answer<axum::Json<SentShape>> {
    let of: CommunicationId = id(&text, "communication")?;
    let seen = seen(asked.modified_at.as_deref())?;
    app.check_audience(&caller.access, of).await?;
    let sent = match app
        .console
        .submit
        .send_confirmed(of, seen, asked.confirm_warnings)
        .await?
    {
        Sent::Now { people } => {
            tracing::info!(communication = %of, user = %caller.user.id, people, "sent over the API");
            SentShape {
                sent: true,
                people,
                scheduled_at: None,
            }
        }
        Sent::Later { at } => SentShape {
            sent: true,
            people: 0,
            scheduled_at: Some(time(at)),
        },
        Sent::Before => SentShape {
            sent: false,
            people: communication(&app, &text)?.people,
            scheduled_at: None,
        },
    };
    Ok(axum::Json(sent))
}

/// What a recontact would come to; the numbers are for whoever sees everybody.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PlanShape {
    /// Give this back to start it.
    round: u8,
    /// People not reached.
    unreached: Option<u64>,
    /// Those of them who are tried again.
    people: Option<u64>,
    /// Those to whom something is still on its way.
    on_the_way: Option<u64>,
    /// Those who have no method that works.
    no_way: Option<u64>,
    /// Null for whoever does not see everybody.
    channels: Option<Vec<ChannelShape>>,
    /// False when there are too many to look at each: then the numbers are the least.
    complete: bool,
}

/// How many of those not reached a recontact would try again, once the reminders have gone out.
#[utoipa::path(get, path = "/api/v1/communications/{id}/recontact", tag = "communications",
    operation_id = "planRecontact", params(("id" = String, Path)),
    responses((status = 200, body = PlanShape)))]
pub(super) async fn recontact_plan(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<PlanShape>> {
    apart(&app, move |app| {
        let of: CommunicationId = id(&text, "communication")?;
        let plan = app.console.submit.recontact_plan(of)?;
        let whole = caller.access.sees_everybody();
        let known = |count: u64| whole.then_some(count);
        Ok(axum::Json(PlanShape {
            round: plan.round,
            unreached: known(plan.unreached),
            people: known(plan.people),
            on_the_way: known(plan.on_the_way),
            no_way: known(plan.no_way),
            channels: whole.then(|| ChannelShape::all(&plan.channels)),
            complete: plan.complete,
        }))
    })
    .await
}

/// Which recontact is to be started.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RecontactAsked {
    /// `round` of the plan: asked twice, it starts once.
    round: u8,
}

/// What asking for a recontact came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecontactedShape {
    /// False when it had been started before; then nothing was done.
    started: bool,
}

/// Tries those not reached once more, at once. This cannot be undone.
#[utoipa::path(post, path = "/api/v1/communications/{id}/recontact", tag = "communications",
    operation_id = "recontact", params(("id" = String, Path)), request_body = RecontactAsked,
    responses((status = 200, body = RecontactedShape)))]
pub(super) async fn recontact(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<RecontactAsked>,
) -> Answer<axum::Json<RecontactedShape>> {
    let of: CommunicationId = id(&text, "communication")?;
    let submit = &app.console.submit;
    app.check_audience(&caller.access, of).await?;
    let done = submit.recontact(of, asked.round, caller.user.id).await?;
    Ok(axum::Json(RecontactedShape {
        started: done == Recontacted::Now,
    }))
}
