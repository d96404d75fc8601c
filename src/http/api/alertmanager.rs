//! Alerts of a Prometheus Alertmanager (its `webhook_config`, version 4 of the payload).
//!
//! It repeats what it has sent, and tries again what was not taken: the same alerts make nothing
//! new, and it is told that they were taken only once that is durable.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::App;
use super::auth::Caller;
use super::body::Json;
use super::problem::Problem;
use super::{Answer, apart};
use crate::domain::alert::{ALERT_SOURCE_MAX, alert_key};
use crate::domain::communication::SUBJECT_MAX;
use crate::domain::group::GROUPS_MAX;
use crate::domain::{
    AlertReceiver, Audience, CommunicationId, Content, Related, Relation, SendingPlan,
};
use crate::submit::{AlertInput, DraftInput};

/// Most alerts of one notification.
const ALERTS_MAX: usize = 1_000;
/// Alerts that a mail tells one by one.
const ALERTS_TOLD_MAX: usize = 20;
/// Longest label or annotation that is told, in characters.
const VALUE_MAX: usize = 500;
/// Longest text message, in characters.
const SMS_MAX: usize = 300;
/// The version of the payload that is understood.
const VERSION: &str = "4";

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
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TakenShape {
    /// What was sent; null where there was nothing to say.
    communication: Option<String>,
    /// False when it had been taken before.
    new: bool,
}

/// Takes in a notification of a Prometheus Alertmanager. Firing alerts are sent to whom the
/// configuration names for the receiver; resolved ones as what has happened since. The same again
/// makes nothing new.
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
    let alert = apart(&app, move |app| input(app, &asked, &receiver, firing)).await?;
    let Some(alert) = alert else {
        return Ok(axum::Json(TakenShape {
            communication: None,
            new: false,
        }));
    };
    let sent = app
        .console
        .submit
        .send_alert(&alert, caller.user.id)
        .await?;
    Ok(axum::Json(TakenShape {
        communication: Some(sent.communication.to_string()),
        new: sent.new,
    }))
}

/// Whether it is firing, when nothing is wrong with it.
fn checked(asked: &NotificationAsked) -> Answer<bool> {
    if asked.version != VERSION {
        return Err(Problem::field("version", "Only version 4 is understood."));
    }
    if asked.alerts.is_empty() || asked.alerts.len() > ALERTS_MAX {
        let why = format!("Send between 1 and {ALERTS_MAX} alerts.");
        return Err(Problem::field("alerts", why));
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

/// What is sent; none where nothing was told that could be over.
fn input(
    app: &App,
    asked: &NotificationAsked,
    receiver: &AlertReceiver,
    firing: bool,
) -> Answer<Option<AlertInput>> {
    let group = alert_key(&["alertmanager-group", &receiver.name, &asked.group_key]);
    let first = app.repo().alert(&group)?.map(|known| known.communication);
    // It may be gone since.
    let first = match first {
        Some(id) => app.repo().communication(id)?.map(|known| known.id),
        None => None,
    };
    if !firing && first.is_none() {
        return Ok(None);
    }
    let source: String = format!("Alertmanager: {}", receiver.name);
    Ok(Some(AlertInput {
        key: key(asked, receiver, firing),
        matter: firing.then_some(group),
        source: source.chars().take(ALERT_SOURCE_MAX).collect(),
        draft: DraftInput {
            content: content(asked, firing),
            category: receiver.category.clone(),
            channels: receiver.channels,
            audience: audience(app, receiver)?,
            related: first.filter(|_| !firing).map(follows),
            plan: SendingPlan {
                emergency: receiver.emergency,
                ..SendingPlan::default()
            },
            ..DraftInput::default()
        },
        over: None,
    }))
}

const fn follows(to: CommunicationId) -> Related {
    Related {
        to,
        relation: Relation::FollowUp,
    }
}

/// The same alerts since the same times, in the same state.
fn key(asked: &NotificationAsked, receiver: &AlertReceiver, firing: bool) -> [u8; 32] {
    let mut alerts: Vec<String> = told(asked, firing)
        .map(|alert| format!("{} {}", alert.fingerprint, alert.starts_at))
        .collect();
    alerts.sort_unstable();
    let mut parts = vec![
        "alertmanager",
        &receiver.name,
        &asked.group_key,
        &asked.status,
    ];
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
