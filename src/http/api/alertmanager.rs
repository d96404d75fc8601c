//! Alerts of a Prometheus Alertmanager (its `webhook_config`, version 4 of the payload).
//!
//! It repeats what it has sent, and tries again what was not taken: the same alerts make nothing
//! new, nor do some of them once the others are over, and it is told that they were taken only
//! once that is durable. More alerts take the place of what was sent before; when all are over,
//! nothing more of it goes out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::auth::Caller;
use super::body::Json;
use super::cap::stop;
use super::problem::Problem;
use super::{Answer, apart};
use crate::domain::alert::{ALERT_MARKS_MAX, ALERT_SOURCE_MAX, alert_key, alert_mark};
use crate::domain::communication::SUBJECT_MAX;
use crate::domain::group::GROUPS_MAX;
use crate::domain::{
    AlertReceiver, Audience, CommunicationId, Content, Related, Relation, SendingPlan, Timestamp,
    UserId,
};
use crate::submit::{AlertInput, AlertSent, DraftInput};

/// Alerts that a mail tells one by one.
const ALERTS_TOLD_MAX: usize = 20;
/// Longest label or annotation that is told, in characters.
const VALUE_MAX: usize = 500;
/// Longest text message, in characters.
const SMS_MAX: usize = 300;
/// The version of the payload that is understood.
const VERSION: &str = "4";
/// Most notifications of one group that are looked back through, each sent since the last was over.
const BEFORE_MAX: usize = 50;

type Pairs = BTreeMap<String, String>;

/// One alert.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlertAsked {
    /// firing or resolved.
    status: String,
    #[serde(default)]
    labels: Pairs,
    #[serde(default)]
    annotations: Pairs,
    #[serde(default)]
    starts_at: String,
    /// What tells it from others.
    fingerprint: String,
}

/// A notification of an Alertmanager.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NotificationAsked {
    /// 4.
    version: String,
    /// What tells its group of alerts from others.
    group_key: String,
    /// firing or resolved.
    status: String,
    /// Name of the receiver, as the configuration has it.
    receiver: String,
    #[serde(default)]
    common_labels: Pairs,
    #[serde(default)]
    common_annotations: Pairs,
    #[serde(default, rename = "externalURL")]
    external_url: String,
    alerts: Vec<AlertAsked>,
}

/// What became of it.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct TakenShape {
    /// What was sent; null where there was nothing to say.
    communication: Option<String>,
    /// False when it had been taken before.
    new: bool,
}

/// Takes in a notification of a Prometheus Alertmanager. Firing alerts are sent to whom the
/// configuration names for the receiver; once they are resolved nothing more of that goes out, and
/// if anybody may have got it, it is told that they are. The same again, or some of it, makes
/// nothing new.
#[utoipa::path(post, path = "/api/v1/alerts/alertmanager", tag = "alerts",
    operation_id = "takeAlertmanager", request_body = NotificationAsked,
    responses((status = 200, body = TakenShape)))]
pub(super) async fn take(
    State(app): State<Arc<App>>,
    caller: Caller,
    Json(asked): Json<NotificationAsked>,
) -> Answer<axum::Json<TakenShape>> {
    let firing = checked(&asked)?;
    let receivers = &app.console.settings.alert_receivers;
    let receiver = receivers.iter().find(|one| one.name == asked.receiver);
    let receiver = receiver
        .cloned()
        .ok_or_else(|| Problem::field("receiver", "The configuration names no such receiver."))?;
    let by = caller.user.id;
    let taken = if firing {
        fire(&app, asked, receiver, by).await?
    } else {
        resolve(&app, asked, receiver, by).await?
    };
    Ok(axum::Json(taken))
}

/// What there is to say of alerts that fire.
enum Firing {
    /// Nothing: all of them have been told, by this.
    Told(CommunicationId),
    /// This.
    New(Box<AlertInput>),
}

/// Sends what fires, and stops what it takes the place of.
async fn fire(
    app: &Arc<App>,
    asked: NotificationAsked,
    receiver: AlertReceiver,
    by: UserId,
) -> Answer<TakenShape> {
    let firing = apart(app, move |app| firing(app, &asked, &receiver)).await?;
    let sent = match firing {
        Firing::Told(communication) => AlertSent {
            communication: Some(communication),
            new: false,
        },
        Firing::New(alert) => app.console.submit.send_alert(&alert, by).await?,
    };
    if let Some(sent) = sent.communication
        && let Some(sent) = app.repo().communication(sent)?
        && let Some(before) = sent.related
        && app.repo().communication(before.to)?.is_some()
    {
        stop(app, before.to).await?;
    }
    Ok(shape(sent))
}

/// Stops what was sent since the group was last over, and says that it is over to whom the
/// configuration names, if anybody may have got that.
async fn resolve(
    app: &Arc<App>,
    asked: NotificationAsked,
    receiver: AlertReceiver,
    by: UserId,
) -> Answer<TakenShape> {
    let group = group_key(&asked, &receiver);
    let told = apart(app, move |app| told_before(app, &group)).await?;
    let Some(last) = told.first().copied() else {
        return Ok(TakenShape::default());
    };
    let submit = &app.console.submit;
    submit.alerts_over(vec![group], source(&receiver)).await?;
    for id in &told {
        stop(app, *id).await?;
    }
    let got = apart(app, move |app| {
        for id in told {
            if !app.console.submit.may_have_got(id)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    });
    if !got.await? {
        return Ok(TakenShape::default());
    }
    let alert = apart(app, move |app| resolved(app, &asked, &receiver, last)).await?;
    Ok(shape(submit.send_alert(&alert, by).await?))
}

fn shape(sent: AlertSent) -> TakenShape {
    TakenShape {
        communication: sent.communication.map(|id| id.to_string()),
        new: sent.new,
    }
}

/// What was sent for a group since it was last over, the newest first. It may be gone since.
fn told_before(app: &App, group: &[u8; 32]) -> Answer<Vec<CommunicationId>> {
    let mut told = Vec::new();
    let mut next = app
        .repo()
        .alert(group)?
        .and_then(|known| known.communication);
    while let Some(id) = next.filter(|id| !told.contains(id) && told.len() < BEFORE_MAX) {
        let Some(known) = app.repo().communication(id)? else {
            break;
        };
        told.push(id);
        next = known.related.map(|before| before.to);
    }
    Ok(told)
}

/// Whether it is firing, when nothing is wrong with it.
fn checked(asked: &NotificationAsked) -> Answer<bool> {
    if asked.version != VERSION {
        return Err(Problem::field("version", "Only version 4 is understood."));
    }
    if asked.alerts.is_empty() {
        return Err(Problem::field("alerts", "Send at least one alert."));
    }
    for (index, alert) in asked.alerts.iter().enumerate() {
        if alert.fingerprint.is_empty() {
            let field = format!("alerts[{index}].fingerprint");
            return Err(Problem::field(field, "Must not be empty."));
        }
    }
    match asked.status.as_str() {
        "firing" => Ok(true),
        "resolved" => Ok(false),
        _ => Err(Problem::field("status", "Write firing or resolved.")),
    }
}

fn group_key(asked: &NotificationAsked, receiver: &AlertReceiver) -> [u8; 32] {
    alert_key(&["alertmanager-group", &receiver.name, &asked.group_key])
}

fn source(receiver: &AlertReceiver) -> String {
    let source = format!("Alertmanager: {}", receiver.name);
    source.chars().take(ALERT_SOURCE_MAX).collect()
}

fn firing(app: &App, asked: &NotificationAsked, receiver: &AlertReceiver) -> Answer<Firing> {
    let group = group_key(asked, receiver);
    let known = app.repo().alert(&group)?;
    let over = known.as_ref().and_then(|known| known.over);
    let marks: BTreeSet<u64> = told(asked, true)
        .map(|alert| alert_mark(&[&alert.fingerprint, &alert.starts_at]))
        .collect();
    let mut before = None;
    if let Some(known) = known.filter(|known| known.over.is_none())
        && let Some(id) = known.communication
    {
        before = app.repo().communication(id)?.map(|known| known.id);
        let all_told = marks.iter().all(|mark| known.told.contains(mark));
        if all_told && before.is_some() {
            return Ok(Firing::Told(id));
        }
    }
    let marks = marks.into_iter().take(ALERT_MARKS_MAX).collect();
    Ok(Firing::New(Box::new(AlertInput {
        key: key(asked, receiver, over),
        matter: Some((group, marks)),
        ..input(app, asked, receiver, true, before)?
    })))
}

fn resolved(
    app: &App,
    asked: &NotificationAsked,
    receiver: &AlertReceiver,
    last: CommunicationId,
) -> Answer<AlertInput> {
    let of = [&receiver.name, &asked.group_key, &last.to_string()];
    let [name, group, last_id] = of;
    Ok(AlertInput {
        key: alert_key(&["alertmanager-over", name, group, last_id]),
        ..input(app, asked, receiver, false, Some(last))?
    })
}

fn input(
    app: &App,
    asked: &NotificationAsked,
    receiver: &AlertReceiver,
    firing: bool,
    before: Option<CommunicationId>,
) -> Answer<AlertInput> {
    Ok(AlertInput {
        key: [0; 32],
        message: None,
        matter: None,
        source: source(receiver),
        draft: DraftInput {
            content: content(asked, firing),
            category: receiver.category.clone(),
            channels: receiver.channels,
            audience: audience(app, receiver)?,
            related: before.map(follows),
            plan: SendingPlan {
                emergency: receiver.emergency,
                ..SendingPlan::default()
            },
            ..DraftInput::default()
        },
        people: Vec::new(),
        over: None,
    })
}

const fn follows(to: CommunicationId) -> Related {
    Related {
        to,
        relation: Relation::FollowUp,
    }
}

/// The same alerts since the same times; what fires again once it was over is another.
fn key(asked: &NotificationAsked, receiver: &AlertReceiver, over: Option<Timestamp>) -> [u8; 32] {
    let mut alerts: Vec<String> = told(asked, true)
        .map(|alert| format!("{} {}", alert.fingerprint, alert.starts_at))
        .collect();
    alerts.sort_unstable();
    let over = over.map(|over| over.as_millis().to_string());
    let mut parts = vec!["alertmanager", &receiver.name, &asked.group_key, "firing"];
    parts.extend(over.as_deref());
    parts.extend(alerts.iter().map(String::as_str));
    alert_key(&parts)
}

/// The alerts that the notification is about: while some fire, those.
fn told(asked: &NotificationAsked, firing: bool) -> impl Iterator<Item = &AlertAsked> {
    let wanted = move |alert: &&AlertAsked| !firing || alert.status != "resolved";
    asked.alerts.iter().filter(wanted)
}

/// Whom the configuration names, as they are now.
fn audience(app: &App, receiver: &AlertReceiver) -> Answer<Audience> {
    let missing = |what: &str, name: &str| {
        let why = format!("The configuration names the {what} \"{name}\", which is not there.");
        Problem::conflict("nobody-to-tell", why)
    };
    let mut audience = Audience::default();
    let groups = app.repo().groups(GROUPS_MAX)?;
    for name in &receiver.groups {
        let found = groups.iter().find(|group| group.name == *name);
        audience
            .groups
            .push(found.ok_or_else(|| missing("group", name))?.id);
    }
    let tree = app.repo().areas()?;
    let areas: Vec<_> = tree.walk().into_iter().map(|(_, area)| area).collect();
    for name in &receiver.areas {
        let found = areas.iter().find(|area| area.name == *name);
        audience
            .areas
            .push(found.ok_or_else(|| missing("area", name))?.id);
    }
    Ok(audience)
}

fn content(asked: &NotificationAsked, firing: bool) -> Content {
    let alerts: Vec<&AlertAsked> = told(asked, firing).collect();
    let name = title_of(&asked.common_annotations, &asked.common_labels)
        .or_else(|| {
            let first = alerts.first()?;
            title_of(&first.annotations, &first.labels)
        })
        .unwrap_or_else(|| "Alert".to_owned());
    let many = match alerts.len() {
        0 | 1 => String::new(),
        count => format!(" ({count} alerts)"),
    };
    let title = if firing {
        format!("{name}{many}")
    } else {
        format!("Resolved: {name}{many}")
    };
    let said = asked.common_annotations.get("description");
    let short = match said {
        Some(said) if firing => format!("{title}. {}", plain(said)),
        Some(_) | None => title.clone(),
    };
    let short: String = short.chars().take(SMS_MAX).collect();
    Content {
        subject: title.chars().take(SUBJECT_MAX).collect(),
        text: text(asked, &alerts, &title),
        sms_text: short.clone(),
        voice_script: short,
        ..Content::default()
    }
}

fn title_of(annotations: &Pairs, labels: &Pairs) -> Option<String> {
    let said = annotations
        .get("summary")
        .or_else(|| labels.get("alertname"));
    said.map(|said| plain(said)).filter(|said| !said.is_empty())
}

fn text(asked: &NotificationAsked, alerts: &[&AlertAsked], title: &str) -> String {
    let mut text = format!("{title}\n");
    for alert in alerts.iter().take(ALERTS_TOLD_MAX) {
        let name = title_of(&alert.annotations, &alert.labels).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{name}\n");
        if let Some(said) = alert.annotations.get("description") {
            let _ = writeln!(text, "{}", plain(said));
        }
        if !alert.starts_at.is_empty() {
            let _ = writeln!(text, "Since {}", plain(&alert.starts_at));
        }
        for (label, value) in alert.labels.iter().take(ALERTS_TOLD_MAX) {
            let _ = writeln!(text, "{}: {}", plain(label), plain(value));
        }
    }
    if alerts.len() > ALERTS_TOLD_MAX {
        let _ = write!(text, "\nand {} more\n", alerts.len() - ALERTS_TOLD_MAX);
    }
    if !asked.external_url.is_empty() {
        let _ = write!(text, "\n{}\n", plain(&asked.external_url));
    }
    text
}

/// In one line, bounded.
fn plain(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let printed = line.chars().filter(|letter| !letter.is_control());
    printed.take(VALUE_MAX).collect()
}
