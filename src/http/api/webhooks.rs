//! Webhooks: where news is sent to programs.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::super::fault::Fault;
use super::super::webhooks::{NEWS_SHOWN_MAX, checked};
use super::auth::Caller;
use super::body::{Ids, Json, id};
use super::problem::{Problem, wrong_fields};
use super::shape::time;
use super::{Answer, apart};
use crate::domain::webhook::{DisabledWhy, SECRETS_MAX, TryOutcome, WEBHOOKS_MAX, secret_text};
use crate::domain::{Access, Notification, Permission, Webhook, WebhookId, WebhookInput};
use crate::store::Loaded;
use crate::tracker::{NewSecret, Refusal, TrackerError};

/// What somebody says of a webhook.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookAsked {
    /// What it is for.
    name: String,
    /// Where to: https, and http only into networks that the configuration names.
    url: String,
    /// What it hears of: communication.sent, delivery.status, reply.received,
    /// confirmation.received, method.suspended, issue.opened, issue.closed.
    events: Vec<String>,
    /// Whether addresses and numbers stand in what it hears.
    #[serde(default)]
    addresses: bool,
}

impl WebhookAsked {
    /// What is to be kept. News tells of everybody: a token that may see nobody hears nothing.
    fn input(&self, app: &App, access: &Access) -> Answer<WebhookInput> {
        if !access.may(Permission::See) {
            return Err(Fault::Forbidden.into());
        }
        let events = self.events.iter().map(String::as_str);
        checked(app, &self.name, &self.url, events, self.addresses)
            .map_err(|problems| Problem::validation(wrong_fields(&problems)))
    }
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WebhookShape {
    id: String,
    name: String,
    url: String,
    events: Vec<&'static str>,
    addresses: bool,
    created_by: String,
    created_at: String,
    /// Secrets that sign: more than one while a new one takes the place of another, 4 at most.
    secrets: usize,
    /// Since when nothing has been taken there; null while it works.
    failing_since: Option<String>,
    enabled: bool,
    /// Why it is switched off: by-hand, gone (it answered 410) or failing (for five days).
    disabled: Option<&'static str>,
    /// News that waits to be sent there; 100000 at most.
    waiting: u64,
    /// News that was never told because too much waited.
    left_out: u64,
}

impl WebhookShape {
    fn of(app: &App, of: &Webhook) -> Answer<Self> {
        let why = of.disabled.map(|disabled| match disabled.why {
            DisabledWhy::ByHand => "by-hand",
            DisabledWhy::Gone => "gone",
            DisabledWhy::Failing => "failing",
        });
        Ok(Self {
            id: of.id.to_string(),
            name: of.input.name.clone(),
            url: of.input.url.reveal().clone(),
            events: of.input.events.iter().map(|kind| kind.as_str()).collect(),
            addresses: of.input.addresses,
            created_by: of.by.to_string(),
            created_at: time(of.created_at),
            secrets: of.secrets.len(),
            failing_since: of.failing_since.map(time),
            enabled: of.disabled.is_none(),
            disabled: why,
            waiting: app.repo().notification_counts(of.id)?.0,
            left_out: app.repo().news_left_out(of.id)?,
        })
    }
}

/// A secret, told this once.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SecretShape {
    /// The webhook's id.
    id: String,
    /// Begins with whsec_; whoever gets news checks signatures with it.
    secret: String,
}

fn secret(status: StatusCode, id: WebhookId, secret: &NewSecret) -> Response {
    let shape = SecretShape {
        id: id.to_string(),
        secret: secret_text(secret.reveal()),
    };
    let mut response = (status, axum::Json(shape)).into_response();
    if status == StatusCode::CREATED
        && let Ok(place) = HeaderValue::from_str(&format!("/api/v1/webhooks/{id}"))
    {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

/// One try to deliver news.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TryShape {
    at: String,
    took_ms: u32,
    /// HTTP status of the answer; null when there was none.
    status: Option<u16>,
    /// answered, refused (no address that may be spoken to), unreachable, tls, timed-out or
    /// no-http.
    outcome: &'static str,
}

/// One piece of news for one webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewsShape {
    id: String,
    /// What stands in webhook-id at every try.
    message_id: String,
    event: &'static str,
    at: String,
    /// waiting, taken or given-up.
    state: &'static str,
    /// When it is tried next.
    due: Option<String>,
    /// The newest 20.
    tries: Vec<TryShape>,
}

impl NewsShape {
    fn of(of: &Notification) -> Self {
        let shape = |one: &crate::domain::webhook::Try| TryShape {
            at: time(one.at),
            took_ms: one.took_ms,
            status: match one.outcome {
                TryOutcome::Answered(status) => Some(status),
                _ => None,
            },
            outcome: match one.outcome {
                TryOutcome::Answered(_) => "answered",
                TryOutcome::Refused => "refused",
                TryOutcome::Unreachable => "unreachable",
                TryOutcome::Tls => "tls",
                TryOutcome::TimedOut => "timed-out",
                TryOutcome::NoHttp => "no-http",
            },
        };
        Self {
            id: data_encoding::HEXLOWER.encode(&of.id),
            message_id: of.message_id(),
            event: of.news.event.as_str(),
            at: time(of.at),
            state: match of.due {
                Some(_) => "waiting",
                None if of.is_taken() => "taken",
                None => "given-up",
            },
            due: of.due.map(time),
            tries: of.tries.iter().map(shape).collect(),
        }
    }
}

fn webhook(app: &App, text: &str) -> Answer<Loaded<Webhook>> {
    let found = app.repo().webhook(id(text, "webhook")?)?;
    found.ok_or_else(|| Problem::not_found("webhook"))
}

/// All webhooks.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", operation_id = "listWebhooks",
    responses((status = 200, body = Vec<WebhookShape>)))]
pub(super) async fn list(State(app): State<Arc<App>>) -> Answer<axum::Json<Vec<WebhookShape>>> {
    apart(&app, move |app| {
        let all = app.repo().webhooks()?;
        let shapes: Answer<Vec<_>> = all.iter().map(|one| WebhookShape::of(app, one)).collect();
        Ok(axum::Json(shapes?))
    })
    .await
}

/// Makes a webhook. The answer tells its secret, this once.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", operation_id = "createWebhook",
    request_body = WebhookAsked, responses((status = 201, body = SecretShape)))]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(asked): Json<WebhookAsked>,
) -> Answer<Response> {
    let input = asked.input(&app, &caller.access)?;
    let tracker = &app.console.tracker;
    match tracker.add_webhook(&input, caller.user.id).await {
        Ok((id, made)) => Ok(secret(StatusCode::CREATED, id, &made)),
        Err(TrackerError::Refused(Refusal::TooMany)) => Err(Problem::conflict(
            "too-many",
            format!("There are {WEBHOOKS_MAX} webhooks: take one away first."),
        )),
        Err(error) => Err(error.into()),
    }
}

/// A webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks", operation_id = "getWebhook",
    params(("id" = String, Path)), responses((status = 200, body = WebhookShape)))]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<WebhookShape>> {
    let found = webhook(&app, &text)?;
    Ok(axum::Json(WebhookShape::of(&app, &found)?))
}

/// Says something else of a webhook.
#[utoipa::path(put, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    operation_id = "changeWebhook", params(("id" = String, Path)), request_body = WebhookAsked,
    responses((status = 200, body = WebhookShape)))]
pub(super) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(text): Ids<String>,
    Json(asked): Json<WebhookAsked>,
) -> Answer<axum::Json<WebhookShape>> {
    let of = webhook(&app, &text)?.id;
    let input = asked.input(&app, &caller.access)?;
    app.console.tracker.change_webhook(of, &input).await?;
    Ok(axum::Json(WebhookShape::of(&app, &*webhook(&app, &text)?)?))
}

/// Takes a webhook away, with its news.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    operation_id = "deleteWebhook", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of = webhook(&app, &text)?.id;
    app.console.tracker.delete_webhook(of).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a word of the type webhook.test, to try a webhook.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks",
    operation_id = "testWebhook", params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn test(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<StatusCode> {
    let of = webhook(&app, &text)?.id;
    if app.console.tracker.try_webhook(of).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        let why = "It is switched off, or too much news waits for it.";
        Err(Problem::conflict("switched-off", why))
    }
}

/// Whether news is sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SwitchAsked {
    /// False switches it off.
    enabled: bool,
}

/// Switches a webhook on or off.
#[utoipa::path(put, path = "/api/v1/webhooks/{id}/state", tag = "webhooks",
    operation_id = "switchWebhook", params(("id" = String, Path)), request_body = SwitchAsked,
    responses((status = 204)))]
pub(super) async fn switch(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
    Json(asked): Json<SwitchAsked>,
) -> Answer<StatusCode> {
    let of = webhook(&app, &text)?.id;
    let tracker = &app.console.tracker;
    tracker.switch_webhook(of, asked.enabled).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a new secret and tells it, this once. Those before go on signing beside it until they are
/// ended; while four sign, there is no fifth (409).
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/secret", tag = "webhooks",
    operation_id = "renewWebhookSecret", params(("id" = String, Path)),
    responses((status = 200, body = SecretShape)))]
pub(super) async fn renew(State(app): State<Arc<App>>, Ids(text): Ids<String>) -> Answer<Response> {
    let of = webhook(&app, &text)?.id;
    match app.console.tracker.renew_webhook_secret(of).await {
        Ok(made) => Ok(secret(StatusCode::OK, of, &made)),
        Err(TrackerError::Refused(Refusal::TooMany)) => Err(Problem::conflict(
            "too-many",
            format!("{SECRETS_MAX} secrets sign already: end the older ones first."),
        )),
        Err(error) => Err(error.into()),
    }
}

/// Lets the newest secret alone sign from now on.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}/secret", tag = "webhooks",
    operation_id = "endWebhookSecret", params(("id" = String, Path)),
    responses((status = 204)))]
pub(super) async fn end(State(app): State<Arc<App>>, Ids(text): Ids<String>) -> Answer<StatusCode> {
    let of = webhook(&app, &text)?.id;
    app.console.tracker.end_webhook_secret(of).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The newest 50 pieces of news for a webhook, with their tries.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/news", tag = "webhooks",
    operation_id = "listWebhookNews", params(("id" = String, Path)),
    responses((status = 200, body = Vec<NewsShape>)))]
pub(super) async fn news(
    State(app): State<Arc<App>>,
    Ids(text): Ids<String>,
) -> Answer<axum::Json<Vec<NewsShape>>> {
    let of = webhook(&app, &text)?.id;
    let found = app.repo().notifications(of, None, NEWS_SHOWN_MAX)?;
    let shapes = found.rows.iter().map(|one| NewsShape::of(one));
    Ok(axum::Json(shapes.collect()))
}

/// Sends a piece of news again, at once. Without its address if that had been told: what was
/// taken keeps ids alone.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/news/{news}/resend", tag = "webhooks",
    operation_id = "resendWebhookNews",
    params(("id" = String, Path), ("news" = String, Path)), responses((status = 204)))]
pub(super) async fn resend(
    State(app): State<Arc<App>>,
    Ids((text, news)): Ids<(String, String)>,
) -> Answer<StatusCode> {
    let of = webhook(&app, &text)?.id;
    let news: WebhookId = id(&news, "news")?;
    let tracker = &app.console.tracker;
    if tracker.resend_news(of, *news.as_bytes()).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        let why = "It is switched off, or does not hear of that any more.";
        Err(Problem::conflict("switched-off", why))
    }
}
