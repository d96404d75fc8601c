//! Answers that no rule knows, those that say the same together, and what they mean.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::App;
use super::super::answers::{Naming, Place, by_last_seen, example, place};
use super::auth::Caller;
use super::body::{Asked, Ids, Json, PageOf, Pages, id, no_cursor, one_of, order};
use super::problem::Problem;
use super::shape::time;
use super::{Answer, apart};
use crate::domain::unknown_answer::NAMEABLE;
use crate::domain::{Access, AnswerPoolId, Reason, Timestamp};
use crate::store::{HeardPool, Order};

/// What it is called when there is none.
const WHAT: &str = "unknown answer";

/// What somebody said that answers mean.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GivenReasonShape {
    reason: &'static str,
    /// The reason in a sentence.
    explanation: &'static str,
    /// The user who said so.
    by: String,
    at: String,
}

/// Answers of mail servers that no rule knows and that say the same.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UnknownAnswerShape {
    id: String,
    /// What they look like: words, and in angle brackets what stood where an address, a host, a
    /// name, a number and the like was.
    #[schema(examples("<address> is held back by the engine of <host>"))]
    shape: String,
    /// permanent or temporary, by the first digit of their codes.
    permanence: &'static str,
    /// Reply code of the first one.
    reply_code: Option<u16>,
    /// Enhanced status code of the first one.
    status_code: Option<String>,
    /// How many there were.
    count: u64,
    first_seen: String,
    last_seen: String,
    /// The message that was answered so last; null when it is gone.
    example: Option<String>,
    /// What they mean; null while nobody has said it. A reason that suspends a method at once holds
    /// for answers in nearly the same words alone: others that are alike are listed by themselves.
    named: Option<GivenReasonShape>,
}

impl UnknownAnswerShape {
    fn of(app: &App, access: &Access, heard: &HeardPool) -> Answer<Self> {
        let pool = &heard.pool;
        let example = example(app, access, heard)?;
        Ok(Self {
            id: pool.id.to_string(),
            shape: pool.shape.as_str().to_owned(),
            permanence: pool.permanence.as_str(),
            reply_code: pool.reply,
            status_code: pool.status.map(|code| code.to_string()),
            count: heard.count,
            first_seen: time(pool.first_seen),
            last_seen: time(heard.last_seen),
            example: example.map(|id| id.to_string()),
            named: pool.named.map(|naming| GivenReasonShape {
                reason: naming.reason.as_str(),
                explanation: naming.reason.explain(),
                by: naming.by.to_string(),
                at: time(naming.at),
            }),
        })
    }
}

fn heard(app: &App, of: AnswerPoolId) -> Answer<HeardPool> {
    let found = app.repo().heard_pool(of)?;
    found.ok_or_else(|| Problem::not_found(WHAT))
}

/// Which of them.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AnswersAsked {
    /// unnamed or named; all when it is not given.
    state: Option<String>,
    /// newest (last seen first, when it is not given) or oldest.
    order: Option<String>,
    /// Rows of the page, 1 to 500; 50 when it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// `next` of the page before, asked for in the same order.
    cursor: Option<String>,
}

fn naming(asked: Option<&str>) -> Answer<Option<Naming>> {
    match asked {
        None => Ok(None),
        Some("unnamed") => Ok(Some(Naming::Without)),
        Some("named") => Ok(Some(Naming::With)),
        Some(_) => Err(Problem::field("state", "A state is unnamed or named.")),
    }
}

/// A place in the list as a cursor holds it.
fn key(of: Place) -> Vec<u8> {
    let (at, id) = of;
    [at.as_millis().to_be_bytes().as_slice(), id.as_bytes()].concat()
}

fn place_in(key: &[u8]) -> Answer<Place> {
    let parts = key.split_first_chunk::<8>();
    let parts = parts.and_then(|(at, id)| {
        let at = Timestamp::from_millis(u64::from_be_bytes(*at));
        Some((at, AnswerPoolId::from_bytes(id.try_into().ok()?)))
    });
    parts.ok_or_else(no_cursor)
}

/// Answers of mail servers that no rule knows, those that say the same together, by when they
/// were last seen. One that is seen while the pages are turned moves to the front.
#[utoipa::path(get, path = "/api/v1/unknown-answers", tag = "answers",
    operation_id = "listUnknownAnswers", params(AnswersAsked),
    responses((status = 200, body = PageOf<UnknownAnswerShape>)))]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(asked): Asked<AnswersAsked>,
    pages: Pages,
) -> Answer<axum::Json<PageOf<UnknownAnswerShape>>> {
    let wanted = pages.wanted(asked.limit, asked.cursor.as_deref())?;
    let order = order(asked.order.as_deref())?;
    let naming = naming(asked.state.as_deref())?;
    let after = wanted.after.as_deref().map(place_in).transpose()?;
    apart(&app, move |app| {
        let mut pools = app.repo().heard_pools()?;
        pools.retain(|heard| {
            let follows = after.is_none_or(|after| match order {
                Order::Usual => place(heard) < after,
                Order::Turned => place(heard) > after,
            });
            follows && naming.is_none_or(|naming| naming.is_of(heard))
        });
        by_last_seen(&mut pools, order);
        let has_more = pools.len() > wanted.limit;
        pools.truncate(wanted.limit);
        let next = pools.last().filter(|_| has_more);
        let next = next.map(|heard| key(place(heard)));
        let shape = |heard: &HeardPool| UnknownAnswerShape::of(app, &caller.access, heard);
        let rows = pools.iter().map(shape).collect::<Answer<_>>()?;
        Ok(axum::Json(pages.page(rows, next)))
    })
    .await
}

/// Answers that say the same.
#[utoipa::path(get, path = "/api/v1/unknown-answers/{id}", tag = "answers",
    operation_id = "getUnknownAnswer", params(("id" = String, Path)),
    responses((status = 200, body = UnknownAnswerShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<UnknownAnswerShape>> {
    let found = heard(&app, id(&text, WHAT)?)?;
    let shape = UnknownAnswerShape::of(&app, &caller.access, &found)?;
    Ok(axum::Json(shape))
}

/// Forgets them; they come again with the next such answer. Those that mean something stay (409).
#[utoipa::path(delete, path = "/api/v1/unknown-answers/{id}", tag = "answers",
    operation_id = "forgetUnknownAnswer", params(("id" = String, Path)),
    responses((status = 204)))]
pub(super) async fn forget(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of = id(&text, WHAT)?;
    if app.console.tracker.forget_answers(of).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        let why = "It has a reason: take that away first.";
        Err(Problem::conflict("named", why))
    }
}

/// What they mean.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenReasonAsked {
    /// user_unknown, host_unknown, not_accept, moved, suspended, mailbox_full, filtered, spam,
    /// virus, content, too_big, blocked, sender_rejected, policy, auth, relaying, security, tls,
    /// rate, syntax, network, system, mailer or expired.
    #[schema(examples("mailbox_full"))]
    reason: String,
}

/// Says what they mean. The next such answer is taken to mean it; what was decided before stays
/// as it is.
#[utoipa::path(put, path = "/api/v1/unknown-answers/{id}/name", tag = "answers",
    operation_id = "nameUnknownAnswer", params(("id" = String, Path)),
    request_body = GivenReasonAsked, responses((status = 200, body = UnknownAnswerShape)))]
pub(super) async fn name(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<GivenReasonAsked>,
) -> Answer<axum::Json<UnknownAnswerShape>> {
    let of: AnswerPoolId = id(&text, WHAT)?;
    let given = Some(asked.reason.as_str());
    if let Some(reason) = one_of("reason", given, &NAMEABLE, Reason::as_str)? {
        let tracker = &app.console.tracker;
        tracker.name_answers(of, reason, caller.user.id).await?;
    }
    let shape = UnknownAnswerShape::of(&app, &caller.access, &heard(&app, of)?)?;
    Ok(axum::Json(shape))
}

/// Takes that back: the next such answer is unknown again.
#[utoipa::path(delete, path = "/api/v1/unknown-answers/{id}/name", tag = "answers",
    operation_id = "unnameUnknownAnswer", params(("id" = String, Path)),
    responses((status = 204)))]
pub(super) async fn unname(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of = id(&text, WHAT)?;
    app.console.tracker.unname_answers(of).await?;
    Ok(StatusCode::NO_CONTENT)
}
