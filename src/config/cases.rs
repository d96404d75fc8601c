//! `[cases]` and `[correspondence]`.

use serde::Serialize;

use super::reader::Section;
use crate::domain::ReferencePattern;

/// `[cases]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cases {
    /// How references of new cases are proposed. Default `"DC-{year}-{number:05}"`.
    pub reference: String,
}

impl Cases {
    pub(super) fn read(section: &Section<'_, '_>) -> Cases {
        let reference = section.parsed("reference", |text| {
            let pattern = ReferencePattern::parse(text);
            pattern.map(|_| text.to_owned()).map_err(str::to_owned)
        });
        Cases {
            reference: reference.unwrap_or_else(|| "DC-{year}-{number:05}".to_owned()),
        }
    }

    /// The pattern, read.
    #[must_use]
    pub fn pattern(&self) -> ReferencePattern {
        ReferencePattern::parse(&self.reference).unwrap_or_default()
    }
}

/// `[correspondence]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Correspondence {
    /// What was sent and nobody has confirmed after this many hours is pointed out. Default 4.
    pub overdue_hours: u32,
}

impl Correspondence {
    pub(super) fn read(section: &Section<'_, '_>) -> Correspondence {
        Correspondence {
            overdue_hours: section.integer("overdue_hours", 4, 1..=720),
        }
    }
}
