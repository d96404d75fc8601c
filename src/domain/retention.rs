//! How long what was said is kept, and from when on it may go. Years are calendar years in the
//! zone of the installation, and the day on which they end is kept whole.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};

use super::case::{Case, CaseStatus};
use super::timestamp::Timestamp;

/// Fewest years that correspondence with clients and creditors is kept.
pub const CORRESPONDENCE_YEARS_MIN: u16 = 6;
/// Most years of a rule.
pub const RETENTION_YEARS_MAX: u16 = 100;

/// How long things are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRules {
    /// Correspondence with clients and creditors, in years, at least
    /// [`CORRESPONDENCE_YEARS_MIN`].
    pub correspondence_years: u16,
    /// Everything else that was sent, and logs, in years; none for ever.
    pub everything_else_years: Option<u16>,
    /// What is due goes by itself, once a day.
    pub automatic: bool,
    /// Where days begin and end.
    pub zone: TimeZone,
}

impl Default for RetentionRules {
    fn default() -> Self {
        Self {
            correspondence_years: CORRESPONDENCE_YEARS_MIN,
            everything_else_years: None,
            automatic: false,
            zone: TimeZone::UTC,
        }
    }
}

/// Why something does not go, however old it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// A case that it belongs to is not closed.
    OpenCase,
    /// A legal hold stands.
    LegalHold,
    /// The rules keep it for ever.
    ForEver,
}

/// When something may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Not as long as this holds.
    Never(Kept),
    /// From this moment on.
    From(Timestamp),
}

impl Due {
    /// Whether it may go at this moment.
    #[must_use]
    pub fn is_at(self, now: Timestamp) -> bool {
        matches!(self, Self::From(at) if at <= now)
    }
}

impl RetentionRules {
    /// When a case may go with all that was said in it. `last` is when its last entry happened;
    /// `held` whether another case of its client is under legal hold.
    #[must_use]
    pub fn case(&self, case: &Case, last: Option<Timestamp>, held: bool) -> Due {
        if held {
            return Due::Never(Kept::LegalHold);
        }
        self.contact(std::iter::once(case), last)
    }

    /// When what belongs to a client or creditor as such may go. `last` is when the last thing
    /// was said; `cases` are all of theirs.
    #[must_use]
    pub fn contact<'a>(
        &self,
        cases: impl IntoIterator<Item = &'a Case>,
        last: Option<Timestamp>,
    ) -> Due {
        let (mut open, mut from) = (false, last);
        for case in cases {
            if case.legal_hold {
                return Due::Never(Kept::LegalHold);
            }
            open |= case.status != CaseStatus::Closed;
            from = from.max(Some(case.closed_at.unwrap_or(case.modified_at)));
        }
        if open {
            return Due::Never(Kept::OpenCase);
        }
        Due::From(from.map_or(Timestamp::default(), |at| self.correspondence_ends(at)))
    }

    /// When one piece of correspondence that belongs to no client may go.
    #[must_use]
    pub fn correspondence_ends(&self, at: Timestamp) -> Timestamp {
        years_after(at, self.correspondence_years, &self.zone)
    }

    /// When what is no correspondence may go: `at` is when it was sent or happened.
    #[must_use]
    pub fn other(&self, at: Timestamp) -> Due {
        match self.everything_else_years {
            Some(years) => Due::From(years_after(at, years, &self.zone)),
            None => Due::Never(Kept::ForEver),
        }
    }
}

/// The first moment of the day behind the one on which so many years end. What no calendar holds
/// is the end of time.
fn years_after(at: Timestamp, years: u16, zone: &TimeZone) -> Timestamp {
    let ends = || {
        let millis = i64::try_from(at.as_millis()).ok()?;
        let at = jiff::Timestamp::from_millisecond(millis).ok()?;
        let date: Date = at.to_zoned(zone.clone()).date();
        // The 29th of February becomes the 28th; the day behind it is the 1st of March.
        let last = date.checked_add(Span::new().years(i64::from(years))).ok()?;
        let next: Zoned = last.tomorrow().ok()?.to_zoned(zone.clone()).ok()?;
        u64::try_from(next.timestamp().as_millisecond()).ok()
    };
    Timestamp::from_millis(ends().unwrap_or(u64::MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::{CaseId, ContactId};

    fn at(text: &str) -> Timestamp {
        let at: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_millis(at.as_millisecond().try_into().unwrap())
    }

    fn case(status: CaseStatus, closed_at: Option<&str>) -> Case {
        Case {
            id: CaseId::from_bytes([1; 16]),
            reference: "DC-1".to_owned(),
            title: String::new(),
            client: ContactId::from_bytes([2; 16]),
            creditors: Vec::new(),
            status,
            responsible: None,
            team: Vec::new(),
            restricted: false,
            legal_hold: false,
            created_at: at("2010-01-01T00:00:00Z"),
            modified_at: at("2010-01-01T00:00:00Z"),
            closed_at: closed_at.map(at),
        }
    }

    fn closed(at: &str) -> Case {
        case(CaseStatus::Closed, Some(at))
    }

    #[track_caller]
    fn goes(due: Due, from: &str) {
        let before = Timestamp::from_millis(at(from).as_millis() - 1);
        assert_eq!(due, Due::From(at(from)));
        assert!(due.is_at(at(from)) && !due.is_at(before));
    }

    #[test]
    fn six_calendar_years_are_kept_to_the_end_of_their_last_day() {
        let rules = RetentionRules::default();
        let case = closed("2020-05-10T14:00:00Z");
        goes(rules.case(&case, None, false), "2026-05-11T00:00:00Z");
        let later = Some(at("2021-12-31T23:59:59Z"));
        goes(rules.case(&case, later, false), "2028-01-01T00:00:00Z");
        let earlier = Some(at("2011-01-01T00:00:00Z"));
        goes(rules.case(&case, earlier, false), "2026-05-11T00:00:00Z");
    }

    #[test]
    fn a_leap_day_ends_with_february() {
        let rules = RetentionRules::default();
        let leap = closed("2020-02-29T10:00:00Z");
        goes(rules.case(&leap, None, false), "2026-03-01T00:00:00Z");
        let eight = RetentionRules {
            correspondence_years: 8,
            ..rules
        };
        goes(eight.case(&leap, None, false), "2028-03-01T00:00:00Z");
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let rules = RetentionRules {
            zone: TimeZone::get("Europe/Paris").unwrap(),
            ..RetentionRules::default()
        };
        // One hour into the 1st of July there; and then midnight of the 2nd, in summer time.
        let case = closed("2020-06-30T23:00:00Z");
        goes(rules.case(&case, None, false), "2026-07-01T22:00:00Z");
        let winter = closed("2020-12-31T22:59:59Z");
        goes(rules.case(&winter, None, false), "2026-12-31T23:00:00Z");
    }

    #[test]
    fn open_cases_and_holds_keep_for_ever() {
        let rules = RetentionRules::default();
        let old = Some(at("2001-01-01T00:00:00Z"));
        for status in [CaseStatus::Open, CaseStatus::OnHold] {
            let due = rules.case(&case(status, None), old, false);
            assert_eq!(due, Due::Never(Kept::OpenCase));
        }
        let mut held = closed("2001-01-01T00:00:00Z");
        assert!(
            rules
                .case(&held, old, false)
                .is_at(at("2020-01-01T00:00:00Z"))
        );
        assert_eq!(rules.case(&held, old, true), Due::Never(Kept::LegalHold));
        held.legal_hold = true;
        assert_eq!(rules.case(&held, old, false), Due::Never(Kept::LegalHold));
        let cases = [case(CaseStatus::Open, None), held];
        assert_eq!(rules.contact(&cases, old), Due::Never(Kept::LegalHold));
        assert_eq!(rules.contact(&cases[..1], old), Due::Never(Kept::OpenCase));
    }

    #[test]
    fn a_client_waits_for_the_last_of_their_cases() {
        let rules = RetentionRules::default();
        let cases = [
            closed("2015-03-01T00:00:00Z"),
            closed("2019-03-01T00:00:00Z"),
        ];
        let said = Some(at("2016-01-01T00:00:00Z"));
        goes(rules.contact(&cases, said), "2025-03-02T00:00:00Z");
        goes(rules.contact([], said), "2022-01-02T00:00:00Z");
        assert_eq!(rules.contact([], None), Due::From(Timestamp::default()));
    }

    #[test]
    fn everything_else_is_kept_for_ever_unless_a_rule_says_how_long() {
        let sent = at("2024-01-15T00:00:00Z");
        let rules = RetentionRules::default();
        assert_eq!(rules.other(sent), Due::Never(Kept::ForEver));
        let rules = RetentionRules {
            everything_else_years: Some(1),
            ..rules
        };
        goes(rules.other(sent), "2025-01-16T00:00:00Z");
        let end = Timestamp::from_millis(u64::MAX);
        assert_eq!(rules.other(end), Due::From(end));
    }
}
