//! What messages say beneath their own words where the category asks for confirmation, and what
//! texts come to with it.

use std::collections::HashMap;

use super::Submitter;
use crate::domain::segments::segments;
use crate::domain::{ConfirmLine, Content};

impl Submitter {
    /// What stands beneath emails and texts of this category; its link is as long as a real one
    /// and leads nowhere. None where nothing is asked.
    #[must_use]
    pub fn confirm_line(&self, category: &str) -> Option<ConfirmLine> {
        if !self.tracker.category(category).confirmation_required {
            return None;
        }
        let link = self.public.as_ref();
        Some(ConfirmLine::new(
            link.map(|pages| pages.links.confirm_sample()),
        ))
    }

    /// Emails and texts as somebody gets them who reads the language of the installation.
    #[must_use]
    pub fn as_sent(&self, category: &str, content: &Content) -> Content {
        let language = &self.settings().default_language;
        match self.confirm_line(category) {
            Some(line) => line.under(content, language),
            None => content.clone(),
        }
    }

    /// What a text of this category costs.
    pub(super) fn text_cost(&self, category: &str, text: &str) -> TextCost {
        TextCost {
            line: self.confirm_line(category),
            text: text.to_owned(),
            by_language: HashMap::new(),
        }
    }
}

/// The segments of a text, by the language of whoever gets it.
pub(super) struct TextCost {
    line: Option<ConfirmLine>,
    text: String,
    by_language: HashMap<String, u64>,
}

impl TextCost {
    pub(super) fn segments(&mut self, language: &str) -> u64 {
        // What is asked depends on the language itself, not on its region.
        let key = language.get(..2).unwrap_or_default();
        if let Some(known) = self.by_language.get(key) {
            return *known;
        }
        let count = match &self.line {
            Some(line) => segments(&line.under_text(&self.text, key)).count,
            None => segments(&self.text).count,
        };
        self.by_language.insert(key.to_owned(), count as u64);
        count as u64
    }
}
