//! A second pair of eyes: asking for approval, what waits for it, approving and refusing, taking
//! back. Whoever wrote a communication or asked for its approval never decides on it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::super::data;
use super::auth::Caller;
use super::body::{Asked, Ids, Json, OrderedAsked, PageOf, Pages, id};
use super::communication_shape::CommunicationShape;
use super::sending::SendAsked;
use super::shape::{seen, time};
use super::{Answer, apart};
use crate::domain::{Communication, CommunicationId, CommunicationState};
use crate::store::CommunicationList;
use crate::submit::{ApprovalDecision, Decided, Sent};

/// What waits for approval, last modified first or in the other order.
#[utoipa::path(get, path = "/api/v1/approvals", tag = "approvals", operation_id = "listApprovals",
    params(OrderedAsked), responses((status = 200, body = PageOf<CommunicationShape>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<OrderedAsked>,
    pages: Pages,
) -> Answer<axum::Json<PageOf<CommunicationShape>>> {
    let (page, order) = asked.wanted(&pages)?;
    apart(&app, move |app| {
        let waiting = CommunicationList::In(CommunicationState::AwaitingApproval);
        let list = (waiting, order);
        let found = data::communications(app, &caller.access, list, page.after, page.limit)?;
        let shape = |one: &Communication| CommunicationShape::of(app, &caller.access, one);
        let rows = found.rows.iter().map(shape).collect::<Answer<_>>()?;
        Ok(axum::Json(pages.page(rows, found.next)))
    })
    .await
}

/// Asks for approval of a draft. It cannot be changed until somebody decides, or it is taken
/// back.
#[utoipa::path(post, path = "/api/v1/communications/{id}/approval", tag = "approvals",
    operation_id = "askApproval", params(("id" = String, Path), SendAsked), responses((status = 204)))]
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Asked(asked): Asked<SendAsked>,
) -> Answer<StatusCode> {
    let of: CommunicationId = id(&text, "communication")?;
    let by = caller.user.id;
    let seen = seen(asked.modified_at.as_deref())?;
    let submit = &app.console.submit;
    submit
        .ask_approval(of, seen, by, asked.confirm_warnings)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DecisionAsked {
    /// True approves, and with it sends or schedules; false returns it to its author.
    approved: bool,
    /// A word to the author.
    #[serde(default)]
    note: String,
    /// Somebody has looked at the warnings of the review; without this nothing with warnings is
    /// approved.
    #[serde(default)]
    confirm_warnings: bool,
    /// `modified_at` of what was looked at: nothing else is approved then.
    #[serde(default)]
    modified_at: Option<String>,
}

/// What deciding came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DecidedShape {
    /// returned, sent, scheduled, or before (somebody else had approved it).
    outcome: &'static str,
    /// People addressed, when it was sent.
    people: u64,
    /// When it goes out by itself.
    scheduled_at: Option<String>,
}

/// Approves what waits for it, or returns it. By approvers and administrators, not by who wrote or
/// asked, and not by the account of an application: the second pair of eyes is a person's.
#[utoipa::path(post, path = "/api/v1/communications/{id}/approval/decision", tag = "approvals",
    operation_id = "decideApproval", params(("id" = String, Path)), request_body = DecisionAsked,
    responses((status = 200, body = DecidedShape)))]
pub(super) async fn decide(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<DecisionAsked>,
) -> Answer<axum::Json<DecidedShape>> {
    let of: CommunicationId = id(&text, "communication")?;
    let by = caller.user.id;
    let seen = seen(asked.modified_at.as_deref())?;
    let submit = &app.console.submit;
    let decision = ApprovalDecision {
        approved: asked.approved,
        confirmed: asked.confirm_warnings,
        note: asked.note,
    };
    if decision.approved {
        app.check_audience(&caller.access, of).await?;
    }
    let decided = submit.decide_approval(of, seen, by, decision).await?;
    let shape = |outcome, people, scheduled_at| DecidedShape {
        outcome,
        people,
        scheduled_at,
    };
    Ok(axum::Json(match decided {
        Decided::Returned => shape("returned", 0, None),
        Decided::Approved(Sent::Now { people }) => shape("sent", people, None),
        Decided::Approved(Sent::Later { at }) => shape("scheduled", 0, Some(time(at))),
        Decided::Approved(Sent::Before) => shape("before", 0, None),
    }))
}

/// Takes back what waits for approval or for its time: it is a draft again.
#[utoipa::path(post, path = "/api/v1/communications/{id}/withdraw", tag = "approvals",
    operation_id = "withdrawCommunication", params(("id" = String, Path)),
    responses((status = 204)))]
pub(super) async fn withdraw(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of: CommunicationId = id(&text, "communication")?;
    app.console.submit.withdraw(of).await?;
    Ok(StatusCode::NO_CONTENT)
}
