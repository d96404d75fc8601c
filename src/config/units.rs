//! Durations (`"30m"`, `"1h 30m"`) and sizes (`"25MiB"`) as they are written in the file.

use std::time::Duration;

use serde::Serializer;
use serde::ser::SerializeSeq;

const DURATION_UNITS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1000),
    ("m", 60 * 1000),
    ("h", 60 * 60 * 1000),
    ("d", 24 * 60 * 60 * 1000),
];

const SIZE_UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Reads a duration: one or more whole numbers, each with a unit out of
/// `ms`, `s`, `m` (minutes), `h`, `d`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let explain = || {
        format!(
            "\"{text}\" is not a duration; write whole numbers with ms, s, m, h or d, \
             such as \"30s\" or \"1h 30m\""
        )
    };
    let mut total_ms = 0u64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(explain());
    }
    while !rest.is_empty() {
        let (number, after) = split_number(rest).ok_or_else(explain)?;
        let unit_end = after
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit_ms = scale(unit, DURATION_UNITS).ok_or_else(explain)?;
        total_ms = number
            .checked_mul(unit_ms)
            .and_then(|ms| total_ms.checked_add(ms))
            .ok_or_else(|| format!("\"{text}\" is longer than anything here can wait"))?;
        rest = after.trim_start();
    }
    Ok(Duration::from_millis(total_ms))
}

/// Reads a size in bytes: a whole number and one of `B`, `KiB`, `MiB`, `GiB`.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let explain = || {
        format!(
            "\"{text}\" is not a size; write a whole number with B, KiB, MiB or GiB, such as \"25MiB\""
        )
    };
    let (number, unit) = split_number(text.trim()).ok_or_else(explain)?;
    let unit_bytes = scale(unit, SIZE_UNITS).ok_or_else(explain)?;
    number
        .checked_mul(unit_bytes)
        .ok_or_else(|| format!("\"{text}\" is more than 2^64 bytes"))
}

/// The shortest text that [`parse_duration`] reads back.
pub(super) fn format_duration(duration: Duration) -> String {
    let mut rest_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut parts = Vec::new();
    for (unit, unit_ms) in DURATION_UNITS.iter().rev() {
        if rest_ms >= *unit_ms {
            parts.push(format!("{}{unit}", rest_ms / unit_ms));
            rest_ms %= unit_ms;
        }
    }
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.join(" ")
    }
}

/// The shortest text that [`parse_size`] reads back.
pub(super) fn format_size(bytes: u64) -> String {
    let whole = |unit_bytes: u64| bytes >= unit_bytes && bytes.is_multiple_of(unit_bytes);
    let (unit, unit_bytes) = SIZE_UNITS
        .iter()
        .rev()
        .find(|(_, unit_bytes)| whole(*unit_bytes))
        .unwrap_or(&("B", 1));
    format!("{}{unit}", bytes / unit_bytes)
}

/// The whole number that `text` begins with, and what follows it.
fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, after) = text.split_at(end);
    Some((digits.parse().ok()?, after.trim_start()))
}

fn scale(unit: &str, units: &[(&str, u64)]) -> Option<u64> {
    units
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, scale)| *scale)
}

pub(super) fn duration<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format_duration(*value))
}

pub(super) fn durations<S: Serializer>(values: &[Duration], to: S) -> Result<S::Ok, S::Error> {
    let mut list = to.serialize_seq(Some(values.len()))?;
    for value in values {
        list.serialize_element(&format_duration(*value))?;
    }
    list.end()
}

pub(super) fn size<S: Serializer>(bytes: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format_size(*bytes))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read() {
        for (text, ms) in [
            ("30m", 1_800_000),
            ("1h 30m", 5_400_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("5 d", 432_000_000),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text).unwrap().as_millis(), ms, "{text}");
        }
        for text in [
            "",
            "30",
            "m",
            "1.5h",
            "-1s",
            "1w",
            "30 M",
            "99999999999999999999s",
            "1d x",
            "é",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert!(parse_duration("999999999999999d").is_err());
    }

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [("25MiB", 25 << 20), ("1 KiB", 1024), ("7B", 7), ("0B", 0)] {
            assert_eq!(parse_size(text).unwrap(), bytes, "{text}");
        }
        for text in [
            "",
            "25",
            "25MB",
            "MiB",
            "1.5MiB",
            "25mib",
            "99999999999GiB",
            "1MiB 1KiB",
        ] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(number in any::<u64>()) {
            let duration = Duration::from_millis(number);
            prop_assert_eq!(parse_duration(&format_duration(duration)).unwrap(), duration);
            prop_assert_eq!(parse_size(&format_size(number)).unwrap(), number);
        }
    }
}
