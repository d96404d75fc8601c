//! `[retention]`.

use serde::Serialize;

use super::reader::Section;

/// `[retention]`: how long what was said is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// Correspondence with clients and creditors, in years after the last of it and after the
    /// case was closed; never while a case is open or held. At least 6. Default 6.
    pub correspondence_years: u16,
    /// Everything else that was sent, and logs about it, in years; 0 for ever. Default 0.
    pub everything_else_years: u16,
    /// What is due goes by itself, once a day; else an administrator confirms it.
    /// Default `false`.
    pub automatic: bool,
}

impl Retention {
    pub(super) fn read(section: &Section<'_, '_>) -> Retention {
        Retention {
            correspondence_years: section.integer("correspondence_years", 6, 6..=100),
            everything_else_years: section.integer("everything_else_years", 0, 0..=100),
            automatic: section.bool("automatic", false),
        }
    }
}
