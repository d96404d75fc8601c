//! Cases: what the firm does for a client, against whom, and who may know of it.

use super::ids::{CaseId, ContactId, UserId};
use super::redacted::Redacted;
use super::sentence::Sentence;
use super::timestamp::Timestamp;

/// Longest reference of a case, in characters.
pub const CASE_REFERENCE_MAX: usize = 40;
/// Longest title of a case, in characters.
pub const CASE_TITLE_MAX: usize = 200;
/// Most creditors of one case.
pub const CASE_CREDITORS_MAX: usize = 40;
/// Longest reference of an account with a creditor, in characters.
pub const ACCOUNT_REFERENCE_MAX: usize = 80;
/// Most people named in one case.
pub const CASE_TEAM_MAX: usize = 50;

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum CaseStatus {
    /// Worked on.
    Open = 1,
    /// Waits for somebody else.
    OnHold = 2,
    /// Done; what was said is kept as long as the rules say.
    Closed = 3,
}

impl CaseStatus {
    /// All of them, in the order in which pages show them.
    pub const ALL: [Self; 3] = [Self::Open, Self::OnHold, Self::Closed];

    /// Its name in pages and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::OnHold => "on hold",
            Self::Closed => "closed",
        }
    }
}

/// A creditor in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseCreditor {
    /// Who.
    pub contact: ContactId,
    /// Under which reference they know the client; may be empty.
    pub account: Redacted<String>,
}

/// What the firm does for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// What people call it by, as "DC-2024-00123"; unique without regard to case.
    pub reference: String,
    /// What it is about, in a few words; may be empty.
    pub title: String,
    /// For whom.
    pub client: ContactId,
    /// Against whom, or with whom; at most [`CASE_CREDITORS_MAX`].
    pub creditors: Vec<CaseCreditor>,
    /// Where it stands.
    pub status: CaseStatus,
    /// Who looks after it.
    pub responsible: Option<UserId>,
    /// Who else is named in it; at most [`CASE_TEAM_MAX`].
    pub team: Vec<UserId>,
    /// Privileged or sensitive: only those named in it know of it.
    pub restricted: bool,
    /// Nothing of it is deleted while this stands, whatever the rules say.
    pub legal_hold: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Timestamp,
    /// When it was closed; none while it is not.
    pub closed_at: Option<Timestamp>,
}

impl Case {
    /// Whether this user is named in it.
    #[must_use]
    pub fn names(&self, user: UserId) -> bool {
        self.responsible == Some(user) || self.team.contains(&user)
    }

    /// The creditor's place in it.
    #[must_use]
    pub fn creditor(&self, contact: ContactId) -> Option<&CaseCreditor> {
        self.creditors.iter().find(|one| one.contact == contact)
    }
}

/// What a communication is about, beyond whom it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matter {
    /// The client concerned.
    pub client: ContactId,
    /// The case; none for what concerns the client as such.
    pub case: Option<CaseId>,
}

/// A reference as it is kept.
///
/// # Errors
/// With a plain sentence when it is none.
pub fn case_reference(text: &str) -> Result<String, Sentence> {
    let reference = text.trim();
    if reference.is_empty() {
        return Err("Enter a reference.".into());
    }
    if reference.chars().count() > CASE_REFERENCE_MAX {
        return Err(Sentence::with(
            "This is too long: at most {0} characters.",
            &[&CASE_REFERENCE_MAX],
        ));
    }
    let fits = |c: char| c.is_alphanumeric() || "-/._".contains(c);
    if reference.chars().all(fits) {
        Ok(reference.to_owned())
    } else {
        Err("A reference has letters, digits and - / . _ only.".into())
    }
}

/// How references of new cases are proposed: "DC-{year}-{number:05}".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferencePattern {
    before: String,
    after: String,
    width: usize,
}

impl Default for ReferencePattern {
    fn default() -> Self {
        Self {
            before: "DC-{year}-".to_owned(),
            after: String::new(),
            width: 5,
        }
    }
}

impl ReferencePattern {
    /// Reads one; it has `{number}`, or `{number:0N}` for N digits, once, and may have `{year}`.
    ///
    /// # Errors
    /// With what it should be when it is none.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let wrong =
            || "has {number} or {number:05} once, {year} if wanted, letters, digits and - / . _";
        let (before, rest) = text.split_once("{number").ok_or_else(wrong)?;
        let (format, after) = rest.split_once('}').ok_or_else(wrong)?;
        let width = match format.strip_prefix(":0") {
            Some(width) => width.parse().map_err(|_| wrong())?,
            None if format.is_empty() => 1,
            None => return Err(wrong()),
        };
        let pattern = Self {
            before: before.to_owned(),
            after: after.to_owned(),
            width,
        };
        if !(1..=12).contains(&width) {
            return Err(wrong());
        }
        case_reference(&pattern.of(9999, 1)).map_err(|_| wrong())?;
        Ok(pattern)
    }

    /// What stands before the number in references of this year.
    #[must_use]
    pub fn beginning(&self, year: i16) -> String {
        self.before.replace("{year}", &year.to_string())
    }

    /// The reference with this number.
    #[must_use]
    pub fn of(&self, year: i16, number: u64) -> String {
        let after = self.after.replace("{year}", &year.to_string());
        let width = self.width;
        format!("{}{number:0width$}{after}", self.beginning(year))
    }

    /// The number in a reference of this year that was made so.
    #[must_use]
    pub fn number(&self, year: i16, reference: &str) -> Option<u64> {
        let begin = self.beginning(year);
        let rest = reference.get(begin.len()..)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest.get(..digits)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_count_up_as_the_pattern_says() {
        let pattern = ReferencePattern::parse("DC-{year}-{number:05}");
        assert_eq!(pattern, Ok(ReferencePattern::default()));
        let pattern = ReferencePattern::default();
        assert_eq!(pattern.of(2026, 7), "DC-2026-00007");
        assert_eq!(pattern.number(2026, "DC-2026-00041"), Some(41));
        assert_eq!(pattern.number(2026, "DC-2026-"), None);
        for wrong in ["DC", "{number:x}", "{number:099}", "a b{number}"] {
            assert!(ReferencePattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn references_are_plain() {
        assert_eq!(
            case_reference(" DC-2024-00123 "),
            Ok("DC-2024-00123".into())
        );
        let long = "1".repeat(CASE_REFERENCE_MAX + 1);
        for text in ["", " ", "a b", "a\nb", "<b>", long.as_str()] {
            assert!(case_reference(text).is_err(), "{text:?} was taken");
        }
    }
}
