//! The calendar choices of a list: this week, last week, this month, or days of one's own, in
//! the operator's zone. A week begins on Monday; a day has 23 or 25 hours twice a year.

use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::fields::Fields;
use super::times::zoned;
use crate::domain::Timestamp;

/// Which days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Since Monday.
    #[default]
    ThisWeek,
    /// The seven days before.
    LastWeek,
    /// Since the first.
    ThisMonth,
    /// From one day to another.
    Custom,
    /// All days.
    All,
}

impl Choice {
    pub(crate) const ALL: [Self; 5] = [
        Self::ThisWeek,
        Self::LastWeek,
        Self::ThisMonth,
        Self::Custom,
        Self::All,
    ];

    /// Its name in an address.
    pub(crate) const fn slug(self) -> &'static str {
        match self {
            Self::ThisWeek => "this-week",
            Self::LastWeek => "last-week",
            Self::ThisMonth => "this-month",
            Self::Custom => "custom",
            Self::All => "all",
        }
    }

    /// Key of its name for people.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::ThisWeek => "period.this_week",
            Self::LastWeek => "period.last_week",
            Self::ThisMonth => "period.this_month",
            Self::Custom => "period.custom",
            Self::All => "period.all",
        }
    }
}

/// Days from the first to the last, both included; none is open on that side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Days {
    pub(crate) first: Option<Date>,
    pub(crate) last: Option<Date>,
}

/// A day that was entered and is wrong: its field, and the key of what is wrong with it.
pub(crate) type Wrong = (&'static str, &'static str);

impl Days {
    /// The days of a choice; `fields` hold `from` and `to` of one's own choice.
    pub(crate) fn of(choice: Choice, fields: &Fields, today: Date) -> Result<Self, Wrong> {
        let monday = back(today, i64::from(today.weekday().to_monday_zero_offset()));
        let between = |first, last| Self {
            first: Some(first),
            last: Some(last),
        };
        Ok(match choice {
            Choice::All => Self::default(),
            Choice::ThisWeek => between(monday, back(monday, -6)),
            Choice::LastWeek => between(back(monday, 7), back(monday, 1)),
            Choice::ThisMonth => between(today.first_of_month(), today.last_of_month()),
            Choice::Custom => {
                let days = Self {
                    first: day(fields.get("from")).map_err(|wrong| ("from", wrong))?,
                    last: day(fields.get("to")).map_err(|wrong| ("to", wrong))?,
                };
                if let (Some(first), Some(last)) = (days.first, days.last)
                    && first > last
                {
                    return Err(("to", "period.crossed"));
                }
                days
            }
        })
    }

    /// The same in time: from the first moment, and before the second.
    pub(crate) fn bounds(self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        let from = self.first.map(|first| start_of(first, zone));
        let to = self.last.map(|last| start_of(back(last, -1), zone));
        (
            from.unwrap_or_default(),
            to.unwrap_or(Timestamp::from_millis(u64::MAX)),
        )
    }
}

/// The day on which a time falls.
pub(crate) fn today(now: Timestamp, zone: &TimeZone) -> Date {
    zoned(now, zone).date()
}

/// So many days before; the ends of the calendar are as far as it goes.
fn back(date: Date, days: i64) -> Date {
    date.saturating_sub(Span::new().days(days))
}

/// The first moment of a day: not always midnight.
fn start_of(date: Date, zone: &TimeZone) -> Timestamp {
    let millis = date
        .to_zoned(zone.clone())
        .map_or(i64::MAX, |start| start.timestamp().as_millisecond());
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))
}

fn day(text: &str) -> Result<Option<Date>, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let found = Date::strptime("%Y-%m-%d", text);
    found.map(Some).map_err(|_| "period.no_date")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn fields(query: &str) -> Fields {
        Fields::of_query(&format!("/log?{query}").parse().unwrap())
    }

    fn days(choice: Choice, today: Date) -> (Date, Date) {
        let days = Days::of(choice, &fields(""), today).unwrap();
        (days.first.unwrap(), days.last.unwrap())
    }

    #[test]
    fn weeks_begin_on_monday() {
        // 22 November 2026 is a Sunday, the 23rd a Monday.
        let sunday = date(2026, 11, 22);
        let monday = date(2026, 11, 23);
        assert_eq!(days(Choice::ThisWeek, sunday), (date(2026, 11, 16), sunday));
        assert_eq!(days(Choice::ThisWeek, monday), (monday, date(2026, 11, 29)));
        assert_eq!(
            days(Choice::LastWeek, monday),
            (date(2026, 11, 16), date(2026, 11, 22))
        );
        assert_eq!(
            days(Choice::ThisMonth, date(2028, 2, 29)),
            (date(2028, 2, 1), date(2028, 2, 29))
        );
        assert_eq!(
            days(Choice::LastWeek, date(2027, 1, 1)),
            (date(2026, 12, 21), date(2026, 12, 27))
        );
    }

    #[test]
    fn a_day_has_as_many_hours_as_its_zone_says() {
        let hours = |day: Date, zone: &str| {
            let days = Days {
                first: Some(day),
                last: Some(day),
            };
            let (from, to) = days.bounds(&TimeZone::get(zone).unwrap());
            to.since(from).as_secs() / 3600
        };
        assert_eq!(hours(date(2026, 3, 29), "Europe/Paris"), 23);
        assert_eq!(hours(date(2026, 10, 25), "Europe/Paris"), 25);
        assert_eq!(hours(date(2026, 10, 26), "Europe/Paris"), 24);
        // Midnight does not exist: the day begins at one.
        assert_eq!(hours(date(2026, 9, 6), "America/Santiago"), 23);
    }

    #[test]
    fn days_of_ones_own_are_checked() {
        let own = |query: &str| Days::of(Choice::Custom, &fields(query), date(2026, 11, 22));
        let days = own("from=2026-11-01&to=2026-11-02").unwrap();
        assert_eq!(days.first, Some(date(2026, 11, 1)));
        assert_eq!(own("from=2026-11-01").unwrap().last, None);
        assert_eq!(own("from=2026-13-01"), Err(("from", "period.no_date")));
        assert_eq!(own("to=tomorrow"), Err(("to", "period.no_date")));
        assert_eq!(
            own("from=2026-11-03&to=2026-11-02"),
            Err(("to", "period.crossed"))
        );
        let (from, to) = own("from=0001-01-01&to=9999-12-31")
            .unwrap()
            .bounds(&TimeZone::UTC);
        assert!(from == Timestamp::default() && to > from);
    }
}
