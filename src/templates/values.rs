//! What stands in a gap: checked by its kind, and written as its language writes it.

use std::collections::BTreeMap;

use crate::domain::template::VariableKind;
use crate::domain::{EmailAddress, PhoneNumber, Sentence};

/// Values by the names of their gaps, as they were entered, or known.
pub type Values = BTreeMap<String, String>;

/// Longest line that stands in a gap, in characters.
const LINE_MAX: usize = 500;
/// Longest text that stands in a gap, in characters.
const LINES_MAX: usize = 5_000;
/// Most digits of a number before its point.
const DIGITS_MAX: usize = 15;
/// Signs of money that are kept as they were entered.
const SIGNS: [char; 3] = ['£', '€', '$'];

const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const MONTHS_FR: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

/// A value as it stands in the text.
///
/// # Errors
/// With a plain sentence when it is not of its kind.
pub fn form_value(kind: &VariableKind, entered: &str, language: &str) -> Result<String, Sentence> {
    let entered = entered.trim();
    let many = matches!(kind, VariableKind::MultiLine);
    let longest = if many { LINES_MAX } else { LINE_MAX };
    if entered.chars().count() > longest {
        let problem = "This is too long: at most {0} characters.";
        return Err(Sentence::with(problem, &[&longest]));
    }
    if entered
        .chars()
        .any(|c| c.is_control() && !(many && c == '\n'))
    {
        return Err("This must be one line.".into());
    }
    match kind {
        VariableKind::Text | VariableKind::MultiLine => Ok(entered.to_owned()),
        VariableKind::Date => {
            let day: jiff::civil::Date = entered
                .parse()
                .map_err(|_| Sentence::from("Enter a date, as 2026-11-22."))?;
            Ok(long_date(day, language))
        }
        VariableKind::Amount => amount(entered, language),
        VariableKind::Number => {
            let (whole, part) = digits(entered).ok_or("Enter a number.")?;
            Ok(grouped(&whole, &part, language))
        }
        VariableKind::Email => EmailAddress::parse(entered)
            .map(|address| address.as_str().to_owned())
            .map_err(|_| "This is not an email address.".into()),
        VariableKind::Phone => PhoneNumber::parse(entered, "GB")
            .map(|_| entered.to_owned())
            .map_err(|_| "This is not a telephone number.".into()),
        VariableKind::Choice(choices) => choices
            .iter()
            .find(|choice| choice.as_str() == entered)
            .cloned()
            .ok_or_else(|| "Choose one of those offered.".into()),
    }
}

/// A day as letters write it: "22 November 2026", "1er décembre 2026".
#[must_use]
pub fn long_date(day: jiff::civil::Date, language: &str) -> String {
    let month = usize::try_from(day.month() - 1).unwrap_or(0);
    if language == "fr" {
        let number = match day.day() {
            1 => "1er".to_owned(),
            number => number.to_string(),
        };
        return format!("{number} {} {}", MONTHS_FR[month], day.year());
    }
    format!("{} {} {}", day.day(), MONTHS_EN[month], day.year())
}

/// Money: pounds unless another sign is entered.
fn amount(entered: &str, language: &str) -> Result<String, Sentence> {
    let problem = "Enter an amount of money, as 1250.00.";
    let sign = entered.chars().find(|c| SIGNS.contains(c)).unwrap_or('£');
    let number: String = entered.chars().filter(|c| !SIGNS.contains(c)).collect();
    let (whole, part) = digits(number.trim()).ok_or(problem)?;
    let pence = match part.len() {
        0 => "00".to_owned(),
        1 => format!("{part}0"),
        2 => part,
        _ => return Err(problem.into()),
    };
    let number = grouped(&whole, &pence, language);
    Ok(if language == "fr" {
        format!("{number}\u{a0}{sign}")
    } else {
        format!("{sign}{number}")
    })
}

/// The digits before and after the point. Commas and blanks between thousands are skipped.
fn digits(entered: &str) -> Option<(String, String)> {
    let (whole, part) = entered.split_once('.').unwrap_or((entered, ""));
    let gaps = [',', ' ', '\u{a0}', '\u{202f}'];
    let groups: Vec<&str> = whole.split(gaps).collect();
    let grouped_well = groups.iter().skip(1).all(|group| group.len() == 3);
    let whole = groups.concat();
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let fits = !whole.is_empty() && whole.len() <= DIGITS_MAX && part.len() <= DIGITS_MAX;
    (fits && grouped_well && is_number(&whole) && is_number(part)).then(|| (whole, part.to_owned()))
}

fn grouped(whole: &str, part: &str, language: &str) -> String {
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let (gap, point) = if language == "fr" {
        ('\u{202f}', ',')
    } else {
        (',', '.')
    };
    let mut number = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            number.push(gap);
        }
        number.push(digit);
    }
    if !part.is_empty() {
        number.push(point);
        number.push_str(part);
    }
    number
}
