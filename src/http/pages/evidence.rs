//! An answer of the other side, for the person who must judge it.

use super::super::words::Words;
use crate::domain::Verdict;

/// A verdict in words.
pub(super) struct Evidence {
    pub(super) class: String,
    pub(super) reason: String,
    /// Whether trying again could help; empty where nothing failed.
    pub(super) permanence: String,
    /// Enhanced status code (RFC 3463); empty where none was given.
    pub(super) status: String,
    /// Which rule decided (name and what it found); empty where none was needed.
    pub(super) rule: String,
    /// As the other side wrote it.
    pub(super) diagnostic: String,
}

impl Evidence {
    pub(super) fn of(verdict: &Verdict, words: &Words) -> Self {
        let class = words.label(&verdict.class.as_str().replace('_', " "));
        let permanence = verdict.permanence;
        Self {
            class: format!("{class}. {}", words.say(verdict.class.explain())),
            reason: words.say(verdict.reason.explain()).to_owned(),
            permanence: if verdict.class.is_trouble() {
                format!(
                    "{}. {}",
                    words.label(permanence.as_str()),
                    words.say(permanence.explain())
                )
            } else {
                String::new()
            },
            status: verdict
                .status_code
                .map(|code| code.to_string())
                .unwrap_or_default(),
            rule: verdict.rule.as_str().to_owned(),
            diagnostic: verdict.diagnostic.as_str().to_owned(),
        }
    }
}
