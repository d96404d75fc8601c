//! Alerts of the Common Alerting Protocol 1.2: sent to the areas that they name, taken further by
//! updates, called off by cancels.
//!
//! Only what is Actual goes to people: exercises, tests and drafts are acknowledged and nothing
//! more. The same message twice does nothing the second time.

mod places;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::App;
use super::super::fault::Fault;
use super::auth::Caller;
use super::problem::Problem;
use super::shape::read_time;
use super::{Answer, apart};
use crate::domain::alert::{ALERT_SOURCE_MAX, alert_key};
use crate::domain::communication::SUBJECT_MAX;
use crate::domain::{
    Audience, Communication, CommunicationId, Content, Related, Relation, SendingPlan, UserId,
};
use crate::proto::cap::{
    AlertStatus, CAP_SIZE_MAX, CapAlert, CapError, Info, MessageType, Severity, Urgency, read,
};
use crate::store::Loaded;
use crate::submit::{AlertInput, AlertSent, DraftInput, SubmitError};

/// Longest text message, in characters.
const SMS_MAX: usize = 300;
/// Longest script of a call, in characters.
const SCRIPT_MAX: usize = 1_000;
/// Media types of an alert.
const MEDIA_TYPES: [&str; 3] = ["application/cap+xml", "application/xml", "text/xml"];

/// What became of it.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct CapTakenShape {
    /// What was sent; empty where nobody is told.
    communications: Vec<String>,
    /// False when it had been taken before, or nobody is told.
    new: bool,
    /// What was called off.
    called_off: Vec<String>,
}

/// Takes in an alert of the Common Alerting Protocol 1.2. An Alert or Update that is Actual goes
/// to the areas that it names by name, code, polygon or circle; an Update and a Cancel stop what
/// they refer to, and a Cancel tells those who may have got it that it is over.
#[utoipa::path(post, path = "/api/v1/alerts/cap", tag = "alerts", operation_id = "takeCap",
    request_body(content = String, content_type = "application/cap+xml"),
    responses((status = 200, body = CapTakenShape)))]
pub(super) async fn take(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: Request,
) -> Answer<axum::Json<CapTakenShape>> {
    let alert = alert_of(request).await?;
    let by = caller.user.id;
    let taken = match (alert.status, alert.message_type) {
        (AlertStatus::Actual, MessageType::Alert | MessageType::Update) => {
            tell(&app, alert, by).await?
        }
        (AlertStatus::Actual, MessageType::Cancel) => call_off(&app, &alert, by).await?,
        // Nobody is told of exercises, tests, drafts and what systems say to each other.
        (
            AlertStatus::Exercise | AlertStatus::System | AlertStatus::Test | AlertStatus::Draft,
            _,
        )
        | (AlertStatus::Actual, MessageType::Ack | MessageType::Error) => CapTakenShape::default(),
    };
    Ok(axum::Json(taken))
}

async fn alert_of(request: Request) -> Answer<CapAlert> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if !MEDIA_TYPES.contains(&kind.as_str()) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "Unsupported media type",
            "Send the alert as application/cap+xml.",
        ));
    }
    let body = axum::body::to_bytes(request.into_body(), CAP_SIZE_MAX).await;
    let body = body.map_err(|_| Problem::from(Fault::TooLarge))?;
    read(&body).map_err(|error| refusal(&error))
}

/// What is wrong, with the element that it is wrong with.
fn refusal(error: &CapError) -> Problem {
    let text = error.to_string();
    match error {
        CapError::Missing(element) | CapError::Value(element) | CapError::TooMany(element) => {
            Problem::field(*element, text)
        }
        CapError::Size => Fault::TooLarge.into(),
        CapError::Encoding | CapError::Xml(_) | CapError::NoAlert => Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed-alert",
            "Not an alert",
            text,
        ),
    }
}

/// What tells one message from others (3.2.1).
fn key(sender: &str, identifier: &str, sent: &str) -> [u8; 32] {
    alert_key(&["cap", sender, identifier, sent])
}

fn source(alert: &CapAlert) -> String {
    let text = format!("CAP: {}, {}", alert.sender, alert.identifier);
    text.chars().take(ALERT_SOURCE_MAX).collect()
}

/// Sends it to the areas that it names, and stops what it takes the place of.
async fn tell(app: &Arc<App>, alert: CapAlert, by: UserId) -> Answer<CapTakenShape> {
    let alert = Arc::new(alert);
    let asked = Arc::clone(&alert);
    let input = apart(app, move |app| input(app, &asked)).await?;
    let sent = app.console.submit.send_alert(&input, by).await?;
    let mut called_off = Vec::new();
    for earlier in referred(app, &alert)? {
        stop(app, &earlier).await?;
        called_off.push(earlier.id.to_string());
    }
    Ok(CapTakenShape {
        communications: vec![sent.communication.to_string()],
        new: sent.new,
        called_off,
    })
}

fn input(app: &App, alert: &CapAlert) -> Answer<AlertInput> {
    let info = chosen(alert, &app.console.settings.language);
    let info = info.ok_or_else(|| Problem::field("info", "<info> is missing"))?;
    let expires = Some(&info.expires).filter(|text| !text.is_empty());
    if let Some(expires) = expires {
        let wrong = || Problem::field("expires", "<expires> is no time");
        if read_time(expires).ok_or_else(wrong)? <= app.now() {
            return Err(Problem::field("expires", "It is over already."));
        }
    }
    let earlier = referred(app, alert)?;
    let earlier = earlier.iter().find(|earlier| earlier.is_sent());
    let related = earlier.map(|earlier| follows(earlier.id));
    Ok(AlertInput {
        key: key(&alert.sender, &alert.identifier, &alert.sent),
        matter: None,
        source: source(alert),
        draft: DraftInput {
            content: content(info, title(info)),
            category: app.console.settings.cap_category.clone(),
            channels: app.console.settings.cap_channels,
            audience: Audience {
                areas: places::areas(app, info)?,
                ..Audience::default()
            },
            related,
            plan: SendingPlan {
                emergency: is_emergency(info),
                ..SendingPlan::default()
            },
            ..DraftInput::default()
        },
        over: None,
    })
}

/// Stops what it refers to, and tells those who may have got it.
async fn call_off(app: &Arc<App>, alert: &CapAlert, by: UserId) -> Answer<CapTakenShape> {
    if alert.references.is_empty() {
        return Err(Problem::field("references", "<references> is missing"));
    }
    let mut taken = CapTakenShape::default();
    for earlier in referred(app, alert)? {
        stop(app, &earlier).await?;
        taken.called_off.push(earlier.id.to_string());
        if let Some(sent) = all_clear(app, alert, &earlier, by).await? {
            taken.communications.push(sent.communication.to_string());
            taken.new |= sent.new;
        }
    }
    Ok(taken)
}

/// Nothing more of it goes out; what still waits for approval or its time is a draft again.
async fn stop(app: &App, earlier: &Communication) -> Answer<()> {
    let console = &app.console;
    match console.submit.withdraw(earlier.id).await {
        Ok(()) => Ok(()),
        Err(SubmitError::AlreadySent) => Ok(console.tracker.call_off(earlier.id).await?),
        Err(error) => Err(error.into()),
    }
}

async fn all_clear(
    app: &Arc<App>,
    alert: &CapAlert,
    earlier: &Loaded<Communication>,
    by: UserId,
) -> Answer<Option<AlertSent>> {
    let of = earlier.id;
    let got = apart(app, move |app| Ok(app.console.submit.may_have_got(of)?));
    if got.await?.is_empty() {
        return Ok(None);
    }
    let said = app.repo().content(earlier.content)?;
    let content = match chosen(alert, &app.console.settings.language) {
        Some(info) => content(info, title(info)),
        None => over(&said.subject, &alert.note),
    };
    let input = AlertInput {
        key: alert_key(&[
            "cap-over",
            &alert.sender,
            &alert.identifier,
            &alert.sent,
            &of.to_string(),
        ]),
        matter: None,
        source: source(alert),
        draft: DraftInput {
            content,
            category: earlier.category.clone(),
            channels: earlier.channels,
            related: Some(follows(of)),
            plan: SendingPlan {
                emergency: earlier.plan.emergency,
                ..SendingPlan::default()
            },
            ..DraftInput::default()
        },
        over: Some(of),
    };
    Ok(Some(app.console.submit.send_alert(&input, by).await?))
}

/// What was sent for the messages that it refers to.
fn referred(app: &App, alert: &CapAlert) -> Answer<Vec<Loaded<Communication>>> {
    let mut found = Vec::new();
    for earlier in &alert.references {
        let key = key(&earlier.sender, &earlier.identifier, &earlier.sent);
        if let Some(known) = app.repo().alert(&key)? {
            found.extend(app.repo().communication(known.communication)?);
        }
    }
    Ok(found)
}

const fn follows(to: CommunicationId) -> Related {
    Related {
        to,
        relation: Relation::FollowUp,
    }
}

/// What is said in the installation's language, or else first.
fn chosen<'a>(alert: &'a CapAlert, language: &str) -> Option<&'a Info> {
    let own = alert.infos.iter().find(|info| {
        let main = info.language.split('-').next().unwrap_or_default();
        main.eq_ignore_ascii_case(language)
    });
    own.or_else(|| alert.infos.first())
}

/// Severe or worse, and within the hour: it overtakes everything and heeds no quiet hours.
fn is_emergency(info: &Info) -> bool {
    info.severity >= Severity::Severe
        && matches!(info.urgency, Urgency::Immediate | Urgency::Expected)
}

fn title(info: &Info) -> &str {
    if info.headline.is_empty() {
        &info.event
    } else {
        &info.headline
    }
}

fn content(info: &Info, title: &str) -> Content {
    let areas: Vec<&str> = info
        .areas
        .iter()
        .map(|area| area.description.as_str())
        .collect();
    let areas = areas.join("; ");
    let text = [
        title,
        &info.description,
        &info.instruction,
        &areas,
        &info.sender_name,
        &info.contact,
        &info.web,
    ];
    Content {
        subject: line(title, SUBJECT_MAX),
        text: said(&text, "\n\n"),
        sms_text: line(&said(&[title, &info.instruction], ". "), SMS_MAX),
        voice_script: line(
            &said(&[title, &info.description, &info.instruction], ". "),
            SCRIPT_MAX,
        ),
        ..Content::default()
    }
}

/// That something is over, where the message does not say it itself.
fn over(subject: &str, note: &str) -> Content {
    let title = format!("All clear: {subject}");
    Content {
        subject: line(&title, SUBJECT_MAX),
        text: said(&[&title, note], "\n\n"),
        sms_text: line(&said(&[&title, note], ". "), SMS_MAX),
        voice_script: line(&said(&[&title, note], ". "), SCRIPT_MAX),
        ..Content::default()
    }
}

fn said(parts: &[&str], between: &str) -> String {
    let parts = parts.iter().map(|part| part.trim());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(between)
}

/// In one line, bounded.
fn line(text: &str, max: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let printed = words.chars().filter(|letter| !letter.is_control());
    printed.take(max).collect()
}
