//! Webhooks, for administrators: made, changed, tried; what became of the news sent there.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};

use super::super::App;
use super::super::fault::Fault;
use super::super::fields::Fields;
use super::super::session::{Signed, SignedForm};
use super::super::times::When;
use super::super::view::{Badge, Chrome};
use super::super::webhooks::{NEWS_SHOWN_MAX, checked};
use super::compose::see;
use super::confirm::{self, Question};
use super::problems::{Problem, Problems};
use super::{Answer, id, show, show_as};
use crate::domain::webhook::{
    DisabledWhy, NEWS_WAITING_MAX, Try, TryOutcome, WEBHOOKS_MAX, secret_text,
};
use crate::domain::{EventKind, Notification, Sentence, Webhook, WebhookId, WebhookInput};
use crate::store::Loaded;
use crate::submit::FieldError;
use crate::tracker::{NewSecret, Refusal, TrackerError};

struct Row {
    id: WebhookId,
    name: String,
    state: Badge,
    waiting: u64,
    since: When,
}

#[derive(Template)]
#[template(path = "webhooks.html")]
struct ListPage {
    c: Chrome,
    webhooks: Vec<Row>,
}

struct Event {
    name: &'static str,
    note: &'static str,
    chosen: bool,
}

struct Attempt {
    at: When,
    took_ms: u64,
    said: String,
}

struct NewsRow {
    id: String,
    event: &'static str,
    at: When,
    state: Badge,
    /// When it is tried next.
    next: Option<When>,
    waiting: bool,
    tries: Vec<Attempt>,
}

struct Known {
    id: WebhookId,
    state: Badge,
    enabled: bool,
    /// How many secrets sign, where it is more than one.
    secrets: Option<u64>,
    waiting: u64,
    left_out: u64,
    full: bool,
    news: Vec<NewsRow>,
}

#[derive(Template)]
#[template(path = "webhook.html")]
struct Page {
    c: Chrome,
    /// None for one that is to be made.
    known: Option<Known>,
    /// A secret that has just been made; it is never shown again.
    fresh: String,
    name: String,
    url: String,
    events: Vec<Event>,
    addresses: bool,
    p: Problems,
    problems: Vec<Problem>,
}

/// What stands in the form.
#[derive(Default)]
struct Entered {
    name: String,
    url: String,
    events: Vec<String>,
    addresses: bool,
    problems: Vec<FieldError>,
}

impl Entered {
    fn of(input: &WebhookInput) -> Self {
        let events = input.events.iter().map(|kind| kind.as_str().to_owned());
        Self {
            name: input.name.clone(),
            url: input.url.reveal().clone(),
            events: events.collect(),
            addresses: input.addresses,
            problems: Vec::new(),
        }
    }

    fn read(fields: &Fields) -> Self {
        Self {
            name: fields.get("name").to_owned(),
            url: fields.get("url").to_owned(),
            events: fields.all("events").map(str::to_owned).collect(),
            addresses: fields.has("addresses"),
            problems: Vec::new(),
        }
    }

    fn input(&mut self, app: &App) -> Option<WebhookInput> {
        let events = self.events.iter().map(String::as_str);
        match checked(app, &self.name, &self.url, events, self.addresses) {
            Ok(input) => Some(input),
            Err(problems) => {
                self.problems = problems;
                None
            }
        }
    }
}

/// `GET /webhooks`
pub(super) async fn list(State(app): State<Arc<App>>, signed: Signed, uri: Uri) -> Answer {
    let done = Fields::of_query(&uri).get("done").to_owned();
    let c = Chrome::of(&app, &signed, signed.words.t("webhooks.title"), "webhooks")?;
    let c = c.with_done(&done);
    let mut webhooks = Vec::new();
    for webhook in app.repo().webhooks()? {
        webhooks.push(Row {
            id: webhook.id,
            name: webhook.input.name.clone(),
            state: state(&c, &webhook),
            waiting: app.repo().notification_counts(webhook.id)?.0,
            since: c.when(&webhook.created_at),
        });
    }
    show(&ListPage { c, webhooks })
}

/// `GET /webhooks/new`
pub(super) async fn new(State(app): State<Arc<App>>, signed: Signed) -> Answer {
    let events = EventKind::CHOICES.map(|kind| kind.as_str().to_owned());
    let entered = Entered {
        events: events.into(),
        ..Entered::default()
    };
    view(&app, &signed, None, entered, None, "")
}

/// `POST /webhooks`: the answer shows the secret, this once.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let mut entered = Entered::read(&fields);
    let Some(input) = entered.input(&app) else {
        return view(&app, &signed, None, entered, None, "");
    };
    let tracker = &app.console.tracker;
    match tracker.add_webhook(&input, signed.user.id).await {
        Ok((id, secret)) => {
            let made = app.repo().webhook(id)?.ok_or(Fault::NotFound)?;
            view(&app, &signed, Some(&made), entered, Some(&secret), "")
        }
        Err(TrackerError::Refused(Refusal::TooMany)) => {
            let problem = Sentence::with(
                "There are {0} webhooks: take one away first.",
                &[&WEBHOOKS_MAX],
            );
            entered.problems.push(FieldError::new("name", problem));
            view(&app, &signed, None, entered, None, "")
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /webhooks/{id}`
pub(super) async fn page(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
    uri: Uri,
) -> Answer {
    let webhook = webhook(&app, &text)?;
    let done = Fields::of_query(&uri).get("done").to_owned();
    let entered = Entered::of(&webhook.input);
    view(&app, &signed, Some(&webhook), entered, None, &done)
}

/// `POST /webhooks/{id}`
pub(super) async fn save(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, fields }: SignedForm,
) -> Answer {
    let webhook = webhook(&app, &text)?;
    let mut entered = Entered::read(&fields);
    let Some(input) = entered.input(&app) else {
        return view(&app, &signed, Some(&webhook), entered, None, "");
    };
    app.console
        .tracker
        .change_webhook(webhook.id, &input)
        .await?;
    Ok(done(webhook.id, "webhook_changed"))
}

/// `POST /webhooks/{id}/test`
pub(super) async fn test(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    _form: SignedForm,
) -> Answer {
    let id: WebhookId = id(&text)?;
    let tried = app.console.tracker.try_webhook(id).await?;
    let word = if tried {
        "webhook_tried"
    } else {
        "webhook_not_tried"
    };
    Ok(done(id, word))
}

/// `POST /webhooks/{id}/enable`
pub(super) async fn enable(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    _form: SignedForm,
) -> Answer {
    let id: WebhookId = id(&text)?;
    app.console.tracker.switch_webhook(id, true).await?;
    Ok(done(id, "webhook_on"))
}

/// `POST /webhooks/{id}/disable`
pub(super) async fn disable(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    _form: SignedForm,
) -> Answer {
    let id: WebhookId = id(&text)?;
    app.console.tracker.switch_webhook(id, false).await?;
    Ok(done(id, "webhook_off"))
}

/// `POST /webhooks/{id}/secret`: the answer shows the new secret, this once.
pub(super) async fn renew(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { signed, .. }: SignedForm,
) -> Answer {
    let id = webhook(&app, &text)?.id;
    let secret = match app.console.tracker.renew_webhook_secret(id).await {
        Ok(secret) => secret,
        Err(TrackerError::Refused(Refusal::TooMany)) => {
            return Ok(done(id, "webhook_many_secrets"));
        }
        Err(error) => return Err(error.into()),
    };
    let webhook = webhook(&app, &text)?;
    let entered = Entered::of(&webhook.input);
    view(&app, &signed, Some(&webhook), entered, Some(&secret), "")
}

/// `POST /webhooks/{id}/one-secret`: the older secret ends.
pub(super) async fn end(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    _form: SignedForm,
) -> Answer {
    let id: WebhookId = id(&text)?;
    app.console.tracker.end_webhook_secret(id).await?;
    Ok(done(id, "webhook_one_secret"))
}

/// `POST /webhooks/{id}/resend`
pub(super) async fn resend(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    SignedForm { fields, .. }: SignedForm,
) -> Answer {
    let of: WebhookId = id(&text)?;
    let news: WebhookId = id(fields.get("news"))?;
    let tracker = &app.console.tracker;
    let sent = tracker.resend_news(of, *news.as_bytes()).await?;
    let word = if sent {
        "webhook_resent"
    } else {
        "webhook_not_resent"
    };
    Ok(done(of, word))
}

/// `GET /webhooks/{id}/delete`: asks first.
pub(super) async fn ask(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(text): Path<String>,
) -> Answer {
    let webhook = webhook(&app, &text)?;
    let words = signed.words;
    let question = Question {
        section: "webhooks",
        title: words.fill("webhooks.delete_ask", &[&webhook.input.name]),
        text: words.t("webhooks.delete_text").to_owned(),
        details: Vec::new(),
        action: format!("/webhooks/{}/delete", webhook.id),
        button: "webhooks.delete",
        back: format!("/webhooks/{}", webhook.id),
        fields: Vec::new(),
        choice: None,
    };
    confirm::ask(&app, &signed, question)
}

/// `POST /webhooks/{id}/delete`
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    _form: SignedForm,
) -> Answer {
    app.console.tracker.delete_webhook(id(&text)?).await?;
    Ok(see("/webhooks?done=webhook_gone"))
}

fn webhook(app: &App, text: &str) -> Result<Loaded<Webhook>, Fault> {
    app.repo().webhook(id(text)?)?.ok_or(Fault::NotFound)
}

fn done(id: WebhookId, word: &str) -> axum::response::Response {
    see(&format!("/webhooks/{id}?done={word}"))
}

fn view(
    app: &App,
    signed: &Signed,
    webhook: Option<&Loaded<Webhook>>,
    entered: Entered,
    fresh: Option<&NewSecret>,
    done: &str,
) -> Answer {
    let words = signed.words;
    let title = webhook.map_or(words.t("webhooks.add"), |webhook| &webhook.input.name);
    let c = Chrome::of(app, signed, title, "webhooks")?.with_done(done);
    let p = Problems::new(&entered.problems, c.words);
    let status = if entered.problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let event = |kind: EventKind| Event {
        name: kind.as_str(),
        note: c.t(note(kind)),
        chosen: entered.events.iter().any(|name| name == kind.as_str()),
    };
    let known = webhook.map(|webhook| known(app, &c, webhook)).transpose()?;
    let page = Page {
        known,
        fresh: fresh.map_or_else(String::new, |secret| secret_text(secret.reveal())),
        events: EventKind::CHOICES.map(event).into(),
        name: entered.name,
        url: entered.url,
        addresses: entered.addresses,
        problems: p.summary(&c),
        p,
        c,
    };
    show_as(status, &page)
}

fn known(app: &App, c: &Chrome, webhook: &Webhook) -> Result<Known, Fault> {
    let (waiting, _) = app.repo().notification_counts(webhook.id)?;
    let news = app.repo().notifications(webhook.id, None, NEWS_SHOWN_MAX)?;
    Ok(Known {
        id: webhook.id,
        state: state(c, webhook),
        enabled: webhook.disabled.is_none(),
        secrets: u64::try_from(webhook.secrets.len())
            .ok()
            .filter(|count| *count > 1),
        waiting,
        left_out: app.repo().news_left_out(webhook.id)?,
        full: waiting >= NEWS_WAITING_MAX,
        news: news.rows.iter().map(|one| news_row(c, one)).collect(),
    })
}

fn state(c: &Chrome, webhook: &Webhook) -> Badge {
    let (tone, icon, key) = match (webhook.disabled, webhook.failing_since) {
        (Some(disabled), _) => match disabled.why {
            DisabledWhy::ByHand => ("", "minus", "webhooks.off"),
            DisabledWhy::Gone => ("bad", "stop", "webhooks.off_gone"),
            DisabledWhy::Failing => ("bad", "stop", "webhooks.off_failing"),
        },
        (None, Some(_)) => ("bad", "alert", "webhooks.failing"),
        (None, None) => ("good", "check", "webhooks.on"),
    };
    Badge {
        tone,
        icon,
        text: c.t(key).to_owned(),
    }
}

const fn note(kind: EventKind) -> &'static str {
    match kind {
        EventKind::CommunicationSent => "webhooks.of_sent",
        EventKind::DeliveryStatus => "webhooks.of_status",
        EventKind::ReplyReceived => "webhooks.of_reply",
        EventKind::ConfirmationReceived => "webhooks.of_confirmation",
        EventKind::MethodSuspended => "webhooks.of_suspension",
        EventKind::IssueOpened => "webhooks.of_issue",
        EventKind::IssueClosed => "webhooks.of_issue_end",
        EventKind::Test => "webhooks.test",
    }
}

fn news_row(c: &Chrome, of: &Notification) -> NewsRow {
    let (tone, icon, key) = match of.due {
        Some(_) => ("open", "clock", "webhooks.waiting"),
        None if of.is_taken() => ("good", "check", "webhooks.taken"),
        None => ("bad", "cross", "webhooks.given_up"),
    };
    NewsRow {
        id: data_encoding::HEXLOWER.encode(&of.id),
        event: of.news.event.as_str(),
        at: c.when(&of.at),
        state: Badge {
            tone,
            icon,
            text: c.t(key).to_owned(),
        },
        next: of.due.map(|due| c.when(&due)),
        waiting: of.due.is_some(),
        tries: of.tries.iter().rev().map(|one| attempt(c, one)).collect(),
    }
}

fn attempt(c: &Chrome, one: &Try) -> Attempt {
    let said = match one.outcome {
        TryOutcome::Answered(status) if one.outcome.is_taken() => {
            c.f1("webhooks.answered_good", status)
        }
        TryOutcome::Answered(status) => c.f1("webhooks.answered_bad", status),
        TryOutcome::Refused => c.t("webhooks.refused").to_owned(),
        TryOutcome::Unreachable => c.t("webhooks.unreachable").to_owned(),
        TryOutcome::Tls => c.t("webhooks.tls").to_owned(),
        TryOutcome::TimedOut => c.t("webhooks.timed_out").to_owned(),
        TryOutcome::NoHttp => c.t("webhooks.no_http").to_owned(),
    };
    Attempt {
        at: c.when(&one.at),
        took_ms: one.took_ms.into(),
        said,
    }
}
