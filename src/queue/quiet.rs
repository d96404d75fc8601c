//! Quiet hours: until when a person is not to be rung. Pure.

use jiff::tz::{Disambiguation, TimeZone};
use jiff::{Timestamp as Instant, ToSpan};

use crate::domain::{Channel, QuietHours, Timestamp};

/// When the quiet hours that hold at `now` end; none when it is not quiet, or for mail, which
/// rings nobody. Local hours: they follow the clocks on the days when those are changed.
#[must_use]
pub fn quiet_until(
    quiet: Option<QuietHours>,
    channel: Channel,
    now: Timestamp,
    zone: &TimeZone,
) -> Option<Timestamp> {
    let quiet = quiet?;
    match channel {
        Channel::Email => return None,
        Channel::Text | Channel::Call => {}
    }
    let millis = i64::try_from(now.as_millis()).ok()?;
    let local = Instant::from_millisecond(millis)
        .ok()?
        .to_zoned(zone.clone());
    let minute = minute_of(local.hour(), local.minute());
    if quiet.minutes_left(minute) == 0 {
        return None;
    }
    let hour = i8::try_from(quiet.to_minute() / 60).ok()?;
    let to_minute = i8::try_from(quiet.to_minute() % 60).ok()?;
    let at_end = |date: jiff::civil::Date, which: Disambiguation| {
        let end = zone
            .to_ambiguous_zoned(date.at(hour, to_minute, 0, 0))
            .disambiguate(which)
            .ok()?;
        u64::try_from(end.timestamp().as_millisecond())
            .ok()
            .map(Timestamp::from_millis)
    };
    // In the hour that the clocks repeat, the end comes twice: the second one counts there.
    let today = [Disambiguation::Compatible, Disambiguation::Later]
        .into_iter()
        .filter_map(|which| at_end(local.date(), which))
        .find(|end| *end > now);
    let tomorrow = || {
        let date = local.date().checked_add(1.day()).ok()?;
        at_end(date, Disambiguation::Compatible)
    };
    today.or_else(tomorrow)
}

fn minute_of(hour: i8, minute: i8) -> u16 {
    u16::try_from(hour).unwrap_or(0) * 60 + u16::try_from(minute).unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        let instant: Instant = text.parse().unwrap();
        Timestamp::from_millis(u64::try_from(instant.as_millisecond()).unwrap())
    }

    #[test]
    fn nights_end_in_the_morning_of_the_place() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let night = QuietHours::new(22 * 60, 7 * 60);
        let until = |now: &str| quiet_until(night, Channel::Call, at(now), &zone);
        // Summer: 22:30 in London is 21:30 UTC, seven o'clock is six.
        assert_eq!(
            until("2026-07-01T21:30:00Z"),
            Some(at("2026-07-02T06:00:00Z"))
        );
        assert_eq!(
            until("2026-07-02T05:59:59Z"),
            Some(at("2026-07-02T06:00:00Z"))
        );
        assert_eq!(until("2026-07-02T06:00:00Z"), None);
        assert_eq!(until("2026-07-01T20:59:00Z"), None);
        // The night in which the clocks go back is an hour longer.
        assert_eq!(
            until("2026-10-24T21:30:00Z"),
            Some(at("2026-10-25T07:00:00Z"))
        );
        // Once they have gone back, what is left is measured anew.
        assert_eq!(
            until("2026-10-25T01:30:00Z"),
            Some(at("2026-10-25T07:00:00Z"))
        );
    }

    #[test]
    fn an_end_that_the_clocks_skip_still_comes() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let short = QuietHours::new(0, 90);
        // At one o'clock on 29 March 2026 it is two: half past one does not exist.
        let until = quiet_until(short, Channel::Text, at("2026-03-29T00:30:00Z"), &zone);
        assert!(until.unwrap() > at("2026-03-29T00:30:00Z"));
        assert!(until.unwrap() <= at("2026-03-29T02:00:00Z"));
    }

    #[test]
    fn an_end_that_comes_twice_is_awaited_once_more() {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let night = QuietHours::new(22 * 60, 2 * 60 + 30);
        let until = |now: &str| quiet_until(night, Channel::Call, at(now), &zone);
        // On 25 October 2026 half past two is at 00:30 and at 01:30 UTC.
        assert_eq!(
            until("2026-10-25T00:10:00Z"),
            Some(at("2026-10-25T00:30:00Z"))
        );
        assert_eq!(
            until("2026-10-25T01:10:00Z"),
            Some(at("2026-10-25T01:30:00Z"))
        );
        assert_eq!(until("2026-10-25T01:30:00Z"), None);
    }

    #[test]
    fn mail_rings_nobody() {
        let night = QuietHours::new(0, 1439);
        let now = at("2026-07-01T12:00:00Z");
        assert_eq!(
            quiet_until(night, Channel::Email, now, &TimeZone::UTC),
            None
        );
        assert!(quiet_until(night, Channel::Text, now, &TimeZone::UTC).is_some());
        assert_eq!(quiet_until(None, Channel::Call, now, &TimeZone::UTC), None);
    }
}
