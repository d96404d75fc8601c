//! What is said of an alert, and how urgently.

use crate::domain::Content;
use crate::domain::communication::SUBJECT_MAX;
use crate::proto::cap::{CapAlert, Info, Severity, Urgency};

/// Longest text message, in characters.
const SMS_MAX: usize = 300;
/// Longest script of a call, in characters.
const SCRIPT_MAX: usize = 1_000;

/// What is said, in the installation's language or else the one that comes first: one after the
/// other, where several things are said in it, each with its own areas. Where that language names
/// no areas, they are those of another one that does.
pub(super) fn parts(alert: &CapAlert, language: &str) -> Vec<Info> {
    let own = alert.infos.iter().find(|info| {
        let main = info.language.split('-').next().unwrap_or_default();
        main.eq_ignore_ascii_case(language)
    });
    let Some(first) = own.or_else(|| alert.infos.first()) else {
        return Vec::new();
    };
    let said = in_language(alert, &first.language);
    if said.iter().any(|info| !info.areas.is_empty()) {
        return said;
    }
    let other = alert.infos.iter().find(|info| !info.areas.is_empty());
    let Some(other) = other else {
        return said;
    };
    let other = in_language(alert, &other.language);
    if said.len() != other.len() {
        // Nobody can tell which areas belong to what: better in another language.
        return other;
    }
    let with_areas = |(said, other): (Info, Info)| Info {
        areas: other.areas,
        ..said
    };
    said.into_iter().zip(other).map(with_areas).collect()
}

fn in_language(alert: &CapAlert, language: &str) -> Vec<Info> {
    let said = alert.infos.iter();
    said.filter(|info| info.language == language)
        .cloned()
        .collect()
}

/// Severe or worse, and within the hour: it overtakes everything and heeds no quiet hours.
pub(super) fn is_emergency(info: &Info) -> bool {
    info.severity >= Severity::Severe
        && matches!(info.urgency, Urgency::Immediate | Urgency::Expected)
}

pub(super) fn title(info: &Info) -> &str {
    if info.headline.is_empty() {
        &info.event
    } else {
        &info.headline
    }
}

pub(super) fn content(info: &Info, title: &str) -> Content {
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
pub(super) fn over(subject: &str, note: &str) -> Content {
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
