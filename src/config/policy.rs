//! What the organisation decides: categories, reminders, suspension, notices.

use std::time::Duration;

use serde::Serialize;

use super::names::{filled, label, one_line};
use super::reader::Section;
use super::units;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// `[[category]]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Category {
    /// Its name in the API and in the store: a-z, 0-9, `-`, `_`.
    pub name: String,
    /// Its name for people. Default: `name`.
    pub title: String,
    /// Only a keypress counts as contact by telephone. Default `false`.
    pub confirmation_required: bool,
    /// A message left on an answering machine counts as contact. Default `false`.
    pub voicemail_counts: bool,
}

impl Category {
    /// The categories in the file; without any, a general one and one for alerts.
    pub(super) fn read_all(root: &Section<'_, '_>) -> Vec<Category> {
        let Some(sections) = root.sections("category") else {
            return Category::usual();
        };
        let mut categories: Vec<Category> = Vec::new();
        for section in &sections {
            let Some(category) = Category::read(section) else {
                continue;
            };
            if categories
                .iter()
                .any(|earlier| earlier.name == category.name)
            {
                section.mistake("name", format!("\"{}\" is there twice", category.name));
            }
            categories.push(category);
        }
        if sections.is_empty() {
            root.mistake("category", "must not be an empty list");
        }
        categories
    }

    fn read(section: &Section<'_, '_>) -> Option<Category> {
        let name = section.required("name", label);
        let title = section.parsed("title", one_line);
        let category = Category {
            confirmation_required: section.bool("confirmation_required", false),
            voicemail_counts: section.bool("voicemail_counts", false),
            title: title.or_else(|| name.clone())?,
            name: name?,
        };
        Some(category)
    }

    fn usual() -> Vec<Category> {
        let category = |name: &str, title: &str, alert: bool| Category {
            name: name.to_owned(),
            title: title.to_owned(),
            confirmation_required: alert,
            voicemail_counts: false,
        };
        vec![
            category("general", "General", false),
            category("alert", "Alert", true),
        ]
    }
}

/// `[reminders]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reminders {
    /// When those not yet reached are tried again, after the initial sending; an
    /// empty list turns reminders off. Default `["30m", "1h"]`.
    #[serde(serialize_with = "units::durations")]
    pub after: Vec<Duration>,
}

impl Reminders {
    pub(super) fn read(section: &Section<'_, '_>) -> Reminders {
        let usual = vec![30 * MINUTE, HOUR];
        let after = section.durations("after", usual, Duration::from_secs(1)..=30 * DAY);
        if !after.is_sorted_by(|a, b| a < b) {
            section.mistake("after", "must rise from one to the next");
        }
        Reminders { after }
    }
}

/// `[suspension]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suspension {
    /// A method is suspended after this many temporary failures that are the
    /// recipient's (mailbox full). Default 3. A permanent one suspends at once.
    pub soft_failures: u32,
    /// They must fall within this time. Default `"7d"`.
    #[serde(serialize_with = "units::duration")]
    pub soft_window: Duration,
}

impl Suspension {
    pub(super) fn read(section: &Section<'_, '_>) -> Suspension {
        Suspension {
            soft_failures: section.integer("soft_failures", 3, 1..=100),
            soft_window: section.duration("soft_window", 7 * DAY, HOUR..=365 * DAY),
        }
    }
}

/// `[approval]`: what a second pair of eyes must see before it goes out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Approval {
    /// Everything in these categories. Default `[]`.
    pub categories: Vec<String>,
    /// Everything to more people than this; 0 for no such rule. Default 0.
    pub above_people: u64,
    /// Emergencies go out without it; this is logged. Default `true`.
    pub emergency_bypass: bool,
}

impl Approval {
    pub(super) fn read(section: &Section<'_, '_>, categories: &[Category]) -> Approval {
        let known = |name: &str| {
            if categories.iter().any(|category| category.name == name) {
                Ok(name.to_owned())
            } else {
                Err(format!("there is no category \"{name}\""))
            }
        };
        Approval {
            categories: section.list("categories", Vec::new(), known),
            above_people: section.integer("above_people", 0, 0..=1_000_000),
            emergency_bypass: section.bool("emergency_bypass", true),
        }
    }
}

/// `[schedule]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Schedule {
    /// What was scheduled and is later than this, because the daemon was down, does not
    /// go out by itself any more: it is a draft again. Default `"1h"`.
    #[serde(serialize_with = "units::duration")]
    pub late_max: Duration,
}

impl Schedule {
    pub(super) fn read(section: &Section<'_, '_>) -> Schedule {
        Schedule {
            late_max: section.duration("late_max", HOUR, MINUTE..=30 * DAY),
        }
    }
}

/// `[notices]`: what a contact is told through another method when one stops working, and what
/// users are told of replies.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Notices {
    /// Default `true`.
    pub enabled: bool,
    /// No second notice about the same method within this time. Default `"24h"`.
    #[serde(serialize_with = "units::duration")]
    pub cool_down: Duration,
    /// Text about a mail address. `{{ link }}` is replaced here and below.
    pub email_failed_sms: String,
    /// Subject of the mail about a telephone number.
    pub phone_failed_subject: String,
    /// Mail about a telephone number.
    pub phone_failed_email: String,
    /// Users who want to be told of replies get at most one mail in this time.
    /// Default `"5m"`.
    #[serde(serialize_with = "units::duration")]
    pub reply_interval: Duration,
    /// Its subject.
    pub reply_subject: String,
    /// The mail about one reply; `{{ name }}` is the first name of whoever replied.
    pub reply_email: String,
    /// The mail about several; `{{ count }}` says how many.
    pub replies_email: String,
}

impl Notices {
    pub(super) fn read(section: &Section<'_, '_>) -> Notices {
        let text = |key, default: &str| {
            section
                .parsed(key, filled)
                .unwrap_or_else(|| default.to_owned())
        };
        Notices {
            enabled: section.bool("enabled", true),
            cool_down: section.duration("cool_down", DAY, MINUTE..=365 * DAY),
            email_failed_sms: text(
                "email_failed_sms",
                "Our email to you came back. Please log in and check your email address: {{ link }}",
            ),
            phone_failed_subject: text(
                "phone_failed_subject",
                "Please check your telephone number",
            ),
            phone_failed_email: text(
                "phone_failed_email",
                "We could not reach you on the telephone number that we have for you. \
                 Please log in and check it: {{ link }}",
            ),
            reply_interval: section.duration("reply_interval", 5 * MINUTE, MINUTE..=DAY),
            reply_subject: text("reply_subject", "A reply has come in"),
            reply_email: text(
                "reply_email",
                "{{ name }} has replied. Log in to read it: {{ link }}",
            ),
            replies_email: text(
                "replies_email",
                "{{ count }} replies have come in. Log in to read them: {{ link }}",
            ),
        }
    }
}
