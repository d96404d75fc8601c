//! `[cases]` and `[correspondence]`.

use serde::Serialize;

use super::reader::Section;

/// `[cases]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cases {
    /// How references of new cases are proposed. Default `"DC-{year}-{number:05}"`.
    pub reference: String,
}

impl Cases {
    pub(super) fn read(section: &Section<'_, '_>) -> Cases {
        let reference = section.parsed("reference", pattern);
        Cases {
            reference: reference.unwrap_or_else(|| "DC-{year}-{number:05}".to_owned()),
        }
    }
}

/// Has the number once, and nothing that a reference cannot hold; what is in force is read from it
/// at the start.
fn pattern(text: &str) -> Result<String, String> {
    let numbers = text.matches("{number}").count() + text.matches("{number:0").count();
    let bare = text.replace("{number:0", "").replace("{number}", "");
    let bare = bare.replace("{year}", "").replace('}', "");
    let fits = |c: char| c.is_ascii_alphanumeric() || "-/._".contains(c);
    if numbers == 1 && bare.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err(
            "wants {number} or {number:05} once, {year} if wanted, letters, digits and - / . _"
                .into(),
        )
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
