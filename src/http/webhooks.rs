//! What pages and the API have in common about webhooks and where areas lie.

use super::App;
use crate::domain::outline::{AREA_POINTS_MAX, Outline};
use crate::domain::user::display_name;
use crate::domain::webhook::check_url;
use crate::domain::{AreaId, AreaPlace, EventKind, Redacted, Sentence, WebhookInput};
use crate::submit::FieldError;

/// Most news of one webhook that is shown at a time.
pub(crate) const NEWS_SHOWN_MAX: usize = 50;

/// What was entered about a webhook, checked.
pub(crate) fn checked<'a>(
    app: &App,
    name: &str,
    url: &str,
    events: impl Iterator<Item = &'a str>,
    addresses: bool,
) -> Result<WebhookInput, Vec<FieldError>> {
    let mut problems = Vec::new();
    let name = display_name(name).map_err(|problem| FieldError::new("name", problem));
    let url = url.trim();
    let plain = app.console.settings.plain_webhooks;
    if let Err(problem) = check_url(url, plain) {
        problems.push(FieldError::new("url", problem));
    }
    let mut chosen = Vec::new();
    for event in events {
        match EventKind::choice(event) {
            Some(kind) if chosen.contains(&kind) => {}
            Some(kind) => chosen.push(kind),
            None => problems.push(FieldError::new("events", "Choose one of the list.")),
        }
    }
    if chosen.is_empty() && problems.is_empty() {
        problems.push(FieldError::new("events", "Choose at least one."));
    }
    match name {
        Ok(name) if problems.is_empty() => Ok(WebhookInput {
            name,
            url: Redacted::new(url.to_owned()),
            events: chosen,
            addresses,
        }),
        Ok(_) => Err(problems),
        Err(problem) => {
            problems.insert(0, problem);
            Err(problems)
        }
    }
}

/// What has just been done to a webhook, or to an unknown answer.
pub(crate) fn done(done: &str) -> Option<&'static str> {
    Some(match done {
        "webhook_changed" => "done.webhook_changed",
        "webhook_on" => "done.webhook_on",
        "webhook_off" => "done.webhook_off",
        "webhook_tried" => "done.webhook_tried",
        "webhook_not_tried" => "done.webhook_not_tried",
        "webhook_one_secret" => "done.webhook_one_secret",
        "webhook_many_secrets" => "done.webhook_many_secrets",
        "webhook_gone" => "done.webhook_gone",
        "webhook_resent" => "done.webhook_resent",
        "webhook_not_resent" => "done.webhook_not_resent",
        _ => return super::answers::done(done),
    })
}

/// Where an area lies, as it was entered.
pub(crate) fn place_of<'a>(
    area: AreaId,
    outlines: impl Iterator<Item = &'a str>,
    geocodes: Vec<String>,
) -> Result<AreaPlace, FieldError> {
    let outlines = outlines.map(Outline::parse).collect::<Option<Vec<_>>>();
    let wrong = || {
        let problem = "Write an outline as points in degrees: 52.1,5.1 52.1,5.2 52.2,5.2.";
        FieldError::new("outlines", problem)
    };
    let too_much = || {
        let problem = Sentence::with(
            "An area has at most {0} points, and codes with their system before them.",
            &[&AREA_POINTS_MAX],
        );
        FieldError::new("geocodes", problem)
    };
    let outlines = outlines.ok_or_else(wrong)?;
    AreaPlace::new(area, outlines, geocodes).ok_or_else(too_much)
}
