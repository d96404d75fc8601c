//! Problems of a form: each names its field and leads to it.

use super::super::view::Chrome;
use crate::submit::FieldError;

/// A problem for the summary above the form.
pub(super) struct Problem {
    pub(super) anchor: String,
    pub(super) label: String,
    pub(super) text: String,
}

/// Problems by field, for beside the fields.
pub(super) struct Problems(Vec<FieldError>);

impl Problems {
    pub(super) const fn new(errors: Vec<FieldError>) -> Self {
        Self(errors)
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.0.iter().any(|error| error.field == field)
    }

    pub(super) fn text(&self, field: &str) -> &str {
        let found = self.0.iter().find(|error| error.field == field);
        found.map_or("", |error| error.problem.as_str())
    }

    pub(super) fn summary(&self, c: &Chrome) -> Vec<Problem> {
        let problem = |error: &FieldError| Problem {
            anchor: error.field.to_owned(),
            label: c.t(label(error.field)).to_owned(),
            text: c.words.say(&error.problem).to_owned(),
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
        _ => "field.other",
    }
}
