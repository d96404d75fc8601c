//! Alerts of the Common Alerting Protocol 1.2: sent to the areas that they name, taken further by
//! updates, called off by cancels.
//!
//! Only what is Actual and for everybody goes to people: exercises, tests and drafts are acknowledged and nothing
//! more. The same message twice does nothing the second time.

mod places;
mod words;

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
use crate::domain::{
    Audience, Communication, CommunicationId, Related, Relation, SendingPlan, UserId,
};
use crate::proto::cap::{
    AlertStatus, CAP_SIZE_MAX, CapAlert, CapError, INFOS_MAX, Info, MessageType, Reference, Scope,
    read,
};
use crate::store::Loaded;
use crate::submit::{AlertInput, AlertSent, DraftInput, SubmitError};

use words::{content, is_emergency, over, parts, title};

/// What is wrong with a message that says nothing to anybody here: it is over, or for others.
const FOR_NOBODY: [&str; 5] = ["area", "polygon", "circle", "expires", "audience"];
/// Those of them that say where it is, in a way that could not be understood.
const SHAPES: [&str; 2] = ["polygon", "circle"];
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
    /// Elements because of which something of it was passed over: "scope" for what is not for
    /// everybody, "polygon" and "circle" for shapes that could not be understood, "area",
    /// "expires" and "audience" for what is for nobody here.
    passed_over: Vec<String>,
}

impl CapTakenShape {
    fn pass_over(&mut self, alert: &CapAlert, element: &str) {
        if !self.passed_over.iter().any(|known| known == element) {
            tracing::warn!(identifier = %alert.identifier, element, "something of a CAP alert was passed over");
            self.passed_over.push(element.to_owned());
        }
    }

    fn sent(&mut self, sent: AlertSent) {
        let communication = sent.communication.map(|id| id.to_string());
        self.communications.extend(communication);
        self.new |= sent.new;
    }
}

/// Takes in an alert of the Common Alerting Protocol 1.2. An Alert or Update that is Actual and
/// Public goes to the areas that it names by name, code, polygon or circle; an Update and a Cancel
/// stop what they refer to, whether it has come already or comes later, and a Cancel tells those
/// who may have got it that it is over. What is over by its `expires` does not go out any more.
#[utoipa::path(post, path = "/api/v1/alerts/cap", tag = "alerts", operation_id = "takeCap",
    request_body(content = String, content_type = "application/cap+xml"),
    responses((status = 200, body = CapTakenShape)))]
pub(super) async fn take(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: Request,
) -> Answer<axum::Json<CapTakenShape>> {
    let alert = Arc::new(alert_of(request).await?);
    let by = caller.user.id;
    let taken = match (alert.status, alert.message_type) {
        (AlertStatus::Actual, MessageType::Alert) => tell(&app, &alert, by).await?,
        (AlertStatus::Actual, MessageType::Update) => replace(&app, &alert, by).await?,
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
fn key(of: &Reference) -> [u8; 32] {
    alert_key(&["cap", &of.sender, &of.identifier, &of.sent])
}

/// What tells one part of a message from the others.
fn part_key(of: &Reference, part: usize) -> [u8; 32] {
    let part = part.to_string();
    alert_key(&["cap-part", &of.sender, &of.identifier, &of.sent, &part])
}

/// What tells it, or one part of it, from others.
fn own_key(alert: &CapAlert, part: Option<usize>) -> [u8; 32] {
    let of = itself(alert);
    part.map_or_else(|| key(&of), |part| part_key(&of, part))
}

/// How others refer to it.
fn itself(alert: &CapAlert) -> Reference {
    Reference {
        sender: alert.sender.clone(),
        identifier: alert.identifier.clone(),
        sent: alert.sent.clone(),
    }
}

fn source(alert: &CapAlert) -> String {
    let text = format!("CAP: {}, {}", alert.sender, alert.identifier);
    text.chars().take(ALERT_SOURCE_MAX).collect()
}

/// What is to be sent of a message, and what was passed over.
#[derive(Default)]
struct Prepared {
    /// What was sent of it before.
    known: Vec<AlertSent>,
    /// What is not sent yet.
    inputs: Vec<AlertInput>,
    passed_over: Vec<String>,
    /// What is wrong with the first part of it that is for nobody.
    refused: Option<Problem>,
}

/// Sends it to the areas that it names.
async fn tell(app: &Arc<App>, alert: &Arc<CapAlert>, by: UserId) -> Answer<CapTakenShape> {
    let prepared = prepare(app, alert).await?;
    let (taken, refused) = send(app, alert, prepared, by).await?;
    match refused {
        Some(problem) if taken.communications.is_empty() => Err(problem),
        Some(_) | None => Ok(taken),
    }
}

/// Sends it to the areas that it names, and stops what it takes the place of: also where it is
/// for nobody here any more, or not for everybody.
async fn replace(app: &Arc<App>, alert: &Arc<CapAlert>, by: UserId) -> Answer<CapTakenShape> {
    let mut prepared = prepare(app, alert).await?;
    // It may be for people here all the same: nothing takes the place of the earlier.
    let unclear = |problem: &mut Problem| problem.fields().any(|field| SHAPES.contains(&field));
    if prepared.known.is_empty()
        && prepared.inputs.is_empty()
        && let Some(problem) = prepared.refused.take_if(unclear)
    {
        return Err(problem);
    }
    references_over(app, alert).await?;
    let (mut taken, _) = send(app, alert, prepared, by).await?;
    for earlier in referred(app, alert)? {
        stop(app, earlier.id).await?;
        taken.called_off.push(earlier.id.to_string());
    }
    Ok(taken)
}

/// Each thing that it says, ready to be sent.
async fn prepare(app: &Arc<App>, alert: &Arc<CapAlert>) -> Answer<Prepared> {
    let mut prepared = Prepared::default();
    if alert.scope != Scope::Public {
        prepared.passed_over.push("scope".to_owned());
        return Ok(prepared);
    }
    let parts = parts(alert, &app.console.settings.language);
    if parts.is_empty() {
        return Err(Problem::field("info", "<info> is missing"));
    }
    let several = parts.len() > 1;
    for (index, info) in parts.into_iter().enumerate() {
        let part = several.then_some(index);
        // Known before it is looked at again: it may be over since.
        if let Some(known) = app.repo().alert(&own_key(alert, part))? {
            prepared.known.push(AlertSent {
                communication: known.communication,
                new: false,
            });
            continue;
        }
        let asked = Arc::clone(alert);
        match apart(app, move |app| input(app, &asked, part, &info)).await {
            Ok((input, passed_over)) => {
                prepared.inputs.push(input);
                let passed_over = passed_over.into_iter().map(str::to_owned);
                prepared.passed_over.extend(passed_over);
            }
            Err(problem) => prepared.refuse(problem)?,
        }
    }
    Ok(prepared)
}

impl Prepared {
    /// Passes over what is for nobody here; anything else is a refusal of all of it.
    fn refuse(&mut self, problem: Problem) -> Answer<()> {
        let nobody = problem.fields().find(|field| FOR_NOBODY.contains(field));
        let Some(nobody) = nobody.map(str::to_owned) else {
            return Err(problem);
        };
        self.passed_over.push(nobody);
        self.refused.get_or_insert(problem);
        Ok(())
    }
}

/// Sends what was prepared, and says what is wrong with the first of it that is for nobody.
async fn send(
    app: &App,
    alert: &CapAlert,
    mut prepared: Prepared,
    by: UserId,
) -> Answer<(CapTakenShape, Option<Problem>)> {
    let mut taken = CapTakenShape::default();
    for known in std::mem::take(&mut prepared.known) {
        taken.sent(known);
    }
    for input in std::mem::take(&mut prepared.inputs) {
        match app.console.submit.send_alert(&input, by).await {
            Ok(sent) => taken.sent(sent),
            Err(error) => prepared.refuse(error.into())?,
        }
    }
    for element in &prepared.passed_over {
        taken.pass_over(alert, element);
    }
    Ok((taken, prepared.refused))
}

fn input(
    app: &App,
    alert: &CapAlert,
    part: Option<usize>,
    info: &Info,
) -> Answer<(AlertInput, Vec<&'static str>)> {
    let until = read_time(&info.expires);
    if until.is_some_and(|until| until <= app.now()) {
        return Err(Problem::field("expires", "It is over already."));
    }
    let earlier = referred(app, alert)?;
    let earlier = earlier.iter().find(|earlier| earlier.is_sent());
    let mut whom = places::whom(app, &info.areas)?;
    if until.is_none() && !info.expires.is_empty() {
        whom.passed_over.push("expires");
    }
    let input = AlertInput {
        key: own_key(alert, part),
        message: part.map(|_| own_key(alert, None)),
        matter: None,
        source: source(alert),
        draft: DraftInput {
            content: content(info, title(info)),
            category: app.console.settings.cap_category.clone(),
            channels: app.console.settings.cap_channels,
            audience: Audience {
                areas: whom.areas,
                ..Audience::default()
            },
            related: earlier.map(|earlier| follows(earlier.id)),
            plan: SendingPlan {
                emergency: is_emergency(info),
                until,
                ..SendingPlan::default()
            },
            ..DraftInput::default()
        },
        people: whom.people,
        over: None,
    };
    Ok((input, whom.passed_over))
}

/// Stops what it refers to, and tells those who may have got it.
async fn call_off(app: &Arc<App>, alert: &CapAlert, by: UserId) -> Answer<CapTakenShape> {
    if alert.references.is_empty() {
        return Err(Problem::field("references", "<references> is missing"));
    }
    references_over(app, alert).await?;
    let mut taken = CapTakenShape::default();
    if alert.scope != Scope::Public {
        taken.pass_over(alert, "scope");
    }
    let earlier = referred(app, alert)?;
    for earlier in &earlier {
        stop(app, earlier.id).await?;
        taken.called_off.push(earlier.id.to_string());
    }
    for earlier in &earlier {
        if let Some(sent) = all_clear(app, alert, earlier, by).await? {
            taken.sent(sent);
        }
    }
    Ok(taken)
}

/// What it refers to is over before it is looked for: what of it comes later, or is just being
/// taken in, is not sent.
async fn references_over(app: &App, alert: &CapAlert) -> Answer<()> {
    let own = own_key(alert, None);
    let mut keys: Vec<[u8; 32]> = alert.references.iter().map(key).collect();
    keys.retain(|key| *key != own);
    keys.sort_unstable();
    keys.dedup();
    Ok(app.console.submit.alerts_over(keys, source(alert)).await?)
}

/// Nothing more of it goes out; what still waits for approval or its time is a draft again.
pub(super) async fn stop(app: &App, earlier: CommunicationId) -> Answer<()> {
    let console = &app.console;
    match console.submit.withdraw(earlier).await {
        Ok(()) => Ok(()),
        Err(SubmitError::AlreadySent) => Ok(console.tracker.call_off(earlier).await?),
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
    let said = &said.subject;
    let content = match parts(alert, &app.console.settings.language).as_slice() {
        // What is not for everybody ends what was, in our own words.
        _ if alert.scope != Scope::Public => over(said, ""),
        [info] => content(info, title(info)),
        // Which of several things is said of this one, nobody can tell.
        _ => over(said, &alert.note),
    };
    let of_cancel = [&alert.sender, &alert.identifier, &alert.sent];
    let [sender, identifier, sent] = of_cancel;
    let input = AlertInput {
        key: alert_key(&["cap-over", sender, identifier, sent, &of.to_string()]),
        message: None,
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
        people: Vec::new(),
        over: Some(of),
    };
    Ok(Some(app.console.submit.send_alert(&input, by).await?))
}

/// What was sent for the messages that it refers to.
fn referred(app: &App, alert: &CapAlert) -> Answer<Vec<Loaded<Communication>>> {
    let own = own_key(alert, None);
    let mut found: Vec<Loaded<Communication>> = Vec::new();
    for earlier in alert.references.iter().filter(|one| key(one) != own) {
        let Some(message) = app.repo().alert(&key(earlier))? else {
            continue;
        };
        let mut sent = vec![message.communication];
        if message.communication.is_none() {
            for part in 0..INFOS_MAX {
                let part = app.repo().alert(&part_key(earlier, part))?;
                sent.push(part.and_then(|part| part.communication));
            }
        }
        for id in sent.into_iter().flatten() {
            let known = app.repo().communication(id)?;
            found.extend(known.filter(|known| found.iter().all(|one| one.id != known.id)));
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
