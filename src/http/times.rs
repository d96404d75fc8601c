//! Times as the operator reads them: in the configured zone, with words for today.

use std::fmt::Display;

use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, Zoned};

use super::words::Words;
use crate::domain::Timestamp;

/// A time for a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct When {
    /// For machines (`<time datetime>`), RFC 3339 in UTC.
    pub(crate) iso: String,
    /// For people: "Today, 14:05" or "22 Nov 2026, 14:05".
    pub(crate) text: String,
    /// For people, within a sentence: "today, 14:05".
    pub(crate) inside: String,
    /// For people, with the seconds: timelines want them.
    pub(crate) exact: String,
}

const MONTHS: [&str; 12] = [
    "month.1", "month.2", "month.3", "month.4", "month.5", "month.6", "month.7", "month.8",
    "month.9", "month.10", "month.11", "month.12",
];

/// Puts a time into words.
pub(crate) fn when(at: Timestamp, now: Timestamp, zone: &TimeZone, words: &Words) -> When {
    let at = zoned(at, zone);
    let today = zoned(now, zone).date();
    let date = at.date();
    let (day, inside) = if date == today {
        (
            words.t("time.today").to_owned(),
            words.t("time.today_inside").to_owned(),
        )
    } else if today.yesterday().is_ok_and(|yesterday| yesterday == date) {
        (
            words.t("time.yesterday").to_owned(),
            words.t("time.yesterday_inside").to_owned(),
        )
    } else {
        let month = usize::try_from(date.month() - 1).unwrap_or(0);
        let number = date.day().to_string();
        let number = if date.day() == 1 {
            words.t("time.first_day")
        } else {
            number.as_str()
        };
        let parts: [&dyn Display; 3] = [&number, &words.t(MONTHS[month % 12]), &date.year()];
        (
            words.fill("time.date", &parts),
            words.fill("time.date_inside", &parts),
        )
    };
    When {
        iso: at.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        text: format!("{day}, {:02}:{:02}", at.hour(), at.minute()),
        inside: format!("{inside}, {:02}:{:02}", at.hour(), at.minute()),
        exact: format!(
            "{day}, {:02}:{:02}:{:02}",
            at.hour(),
            at.minute(),
            at.second()
        ),
    }
}

pub(crate) fn zoned(at: Timestamp, zone: &TimeZone) -> Zoned {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    Instant::from_millisecond(millis)
        .unwrap_or(Instant::MAX)
        .to_zoned(zone.clone())
}

/// "22:30" of a minute of the day.
pub(crate) fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// The minute of the day of "22:30", "7:05", in French "7h05", or "22".
pub(crate) fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once([':', 'h', '.']).unwrap_or((text, "0"));
    let number = |text: &str| -> Option<u16> {
        let digits = !text.is_empty() && text.len() <= 2;
        (digits && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse().ok())
            .flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_people_say_it_in_their_zone() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let words = Words::of("en");
        // 2026-07-01 23:30 UTC is half past midnight on the second in London.
        let at = Timestamp::from_millis(1_782_948_600_000);
        let same = when(at, at, &zone, words);
        assert_eq!(same.iso, "2026-07-01T23:30:00Z");
        assert_eq!(
            (same.text.as_str(), same.inside.as_str()),
            ("Today, 00:30", "today, 00:30")
        );
        let day = std::time::Duration::from_secs(24 * 3600);
        assert_eq!(
            when(at, at.plus(day), &zone, words).text,
            "Yesterday, 00:30"
        );
        assert_eq!(
            when(at, at.plus(day * 9), &zone, words).exact,
            "2 Jul 2026, 00:30:00"
        );
    }

    #[test]
    fn french_has_its_own_order_of_things() {
        let words = Words::of("fr");
        // 2026-11-22 14:05 UTC, and the first of that month.
        let at = Timestamp::from_millis(1_795_356_300_000);
        let day = std::time::Duration::from_secs(24 * 3600);
        let later = at.plus(day * 90);
        let read = |at| when(at, later, &TimeZone::UTC, words);
        assert_eq!(read(at).text, "22 nov. 2026, 14:05");
        assert_eq!(read(at).inside, "le 22 nov. 2026, 14:05");
        let first = Timestamp::from_millis(at.as_millis() - 21 * 24 * 3_600_000);
        assert_eq!(read(first).exact, "1er nov. 2026, 14:05:00");
        assert_eq!(
            when(at, at, &TimeZone::UTC, words).inside,
            "aujourd’hui, 14:05"
        );
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        let end = Timestamp::from_millis(u64::MAX);
        assert!(
            !when(end, end, &TimeZone::UTC, Words::of("en"))
                .text
                .is_empty()
        );
    }

    #[test]
    fn reads_times_of_the_day() {
        assert_eq!(minute("22:30"), Some(22 * 60 + 30));
        assert_eq!(minute("7h05"), Some(7 * 60 + 5));
        assert_eq!(minute("0:00"), Some(0));
        assert_eq!(minute("22"), Some(22 * 60));
        for text in [
            "", "24:00", "7:60", "+7:00", "7:0x", "007:00", "noon", "-1:00", ":",
        ] {
            assert_eq!(minute(text), None, "{text}");
        }
        assert_eq!(clock(7 * 60 + 5), "07:05");
    }
}
