//! What messages say beneath their own words where the category asks for confirmation.

use super::Submitter;
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
}

/// What decides which line stands beneath a text: the language itself, not its region.
pub(super) fn by_language(language: &str) -> &str {
    language.get(..2).unwrap_or_default()
}
