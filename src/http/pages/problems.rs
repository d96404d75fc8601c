//! Problems of a form: each names its field and leads to it.

use super::super::view::Chrome;
use super::super::words::Words;
use crate::submit::FieldError;

/// A problem for the summary above the form.
pub(super) struct Problem {
    pub(super) anchor: String,
    pub(super) label: String,
    pub(super) text: String,
}

/// Problems by field, for beside the fields.
pub(super) struct Problems(Vec<(&'static str, String)>);

impl Problems {
    pub(super) fn new(errors: &[FieldError], words: &Words) -> Self {
        let problem = |error: &FieldError| (error.field, words.tell(&error.problem));
        Self(errors.iter().map(problem).collect())
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.0.iter().any(|error| error.0 == field)
    }

    pub(super) fn text(&self, field: &str) -> &str {
        let found = self.0.iter().find(|error| error.0 == field);
        found.map_or("", |error| error.1.as_str())
    }

    pub(super) fn summary(&self, c: &Chrome) -> Vec<Problem> {
        let problem = |(field, text): &(&'static str, String)| Problem {
            anchor: (*field).to_owned(),
            label: c.t(label(field)).to_owned(),
            text: text.clone(),
        };
        self.0.iter().map(problem).collect()
    }
}

fn label(field: &str) -> &'static str {
    match field {
        "category" => "field.category",
        "channels" => "field.channels",
        "subject" => "field.subject",
        "text" => "field.text",
        "html" => "field.html",
        "sms_text" => "field.sms_text",
        "voice_script" => "field.voice_script",
        "audience" => "compose.audience",
        "campaign" => "field.campaign",
        "campaign_name" => "contacts.name",
        "scheduled_at" => "field.scheduled_at",
        "escalation" => "field.escalation",
        "attachments" => "field.attachments",
        "tracking.opens" => "compose.track_opens",
        "tracking.clicks" => "compose.track_clicks",
        "note" => "field.note",
        "trial" => "field.trial",
        "email" => "field.email",
        "mobile" => "field.mobile",
        "name" => "contacts.name",
        "login" => "login.name",
        "language" => "me.language",
        "time_zone" => "me.zone",
        "old_password" => "me.old_password",
        "password" => "me.new_password",
        "again" => "me.again",
        "days" => "tokens.days",
        "role" => "users.role",
        "areas" => "users.areas",
        "reference" => "cases.reference",
        "title" => "cases.about",
        "client" => "cases.client",
        "creditors" => "cases.creditors",
        "team" => "cases.team",
        "at" => "note.at",
        "with" => "entries.with",
        "files" => "note.files",
        "variables" => "templates.variables",
        "texts" => "templates.texts",
        "template" => "templates.template",
        "outlines" => "areas.outlines",
        "geocodes" => "areas.geocodes",
        "url" => "webhooks.url",
        "events" => "webhooks.events",
        "confirm_warnings" => "review.warnings",
        _ => "field.other",
    }
}
