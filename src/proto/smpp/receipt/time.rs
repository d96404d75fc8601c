//! Dates in receipts.

/// A date and time as a message centre wrote it, in its own time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReceiptTime {
    /// Four digits.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59; 0 where the form has none.
    pub second: u8,
}

impl ReceiptTime {
    /// Reads `YYMMDDhhmm`, `YYMMDDhhmmss`, `YYYYMMDDhhmm` or `YYYYMMDDhhmmss`.
    /// Twelve digits that begin with 20 and make sense with a four-digit year are read so.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        match text.len() {
            10 => Self::fields(2000 + number(text, 0, 2)?, &text[2..]),
            12 if text.starts_with("20") => Self::fields(number(text, 0, 4)?, &text[4..])
                .or_else(|| Self::fields(2000 + number(text, 0, 2)?, &text[2..])),
            12 => Self::fields(2000 + number(text, 0, 2)?, &text[2..]),
            14 => Self::fields(number(text, 0, 4)?, &text[4..]),
            _ => None,
        }
    }

    /// Seconds since the Unix epoch, if the centre's clock is `offset_minutes` ahead of UTC.
    pub fn unix_seconds(self, offset_minutes: i32) -> i64 {
        // Days from civil, H. Hinnant: years begin in March.
        let (year, month) = (i64::from(self.year), i64::from(self.month));
        let (year, month) = if month > 2 {
            (year, month - 3)
        } else {
            (year - 1, month + 9)
        };
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        let minutes = days * 1440 + i64::from(self.hour) * 60 + i64::from(self.minute);
        (minutes - i64::from(offset_minutes)) * 60 + i64::from(self.second)
    }

    /// `YYMMDDhhmm`.
    pub fn to_minutes_text(self) -> String {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            ..
        } = self;
        format!("{:02}{month:02}{day:02}{hour:02}{minute:02}", year % 100)
    }

    fn fields(year: u16, rest: &str) -> Option<Self> {
        let field = |at: usize| number(rest, at, 2).map(|n| n as u8);
        let time = Self {
            year,
            month: field(0)?,
            day: field(2)?,
            hour: field(4)?,
            minute: field(6)?,
            second: if rest.len() > 8 { field(8)? } else { 0 },
        };
        let is_real = (1..=12).contains(&time.month)
            && (1..=31).contains(&time.day)
            && time.hour < 24
            && time.minute < 60
            && time.second < 60;
        is_real.then_some(time)
    }
}

fn number(text: &str, at: usize, digits: usize) -> Option<u16> {
    text.get(at..at + digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(text: &str, unix_seconds: i64) {
        assert_eq!(
            ReceiptTime::read(text).unwrap().unix_seconds(0),
            unix_seconds,
            "{text}"
        );
    }

    #[test]
    fn four_forms() {
        check("1005232039", 1_274_647_140);
        check("110206193041", 1_297_020_641);
        check("201506201641", 1_434_818_460);
        check("20110314181534", 1_300_126_534);
    }

    #[test]
    fn a_zone_is_taken_off() {
        let time = ReceiptTime::read("7001010130").unwrap();
        assert_eq!(time.year, 2070);
        let time = ReceiptTime { year: 1970, ..time };
        assert_eq!(time.unix_seconds(90), 0);
    }

    #[test]
    fn no_date_is_no_date() {
        for text in ["", "0000000000", "1013232039", "10052320", "10o5232039"] {
            assert_eq!(ReceiptTime::read(text), None, "{text}");
        }
    }
}
