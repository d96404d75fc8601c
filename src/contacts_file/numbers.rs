//! Telephone numbers as spreadsheets leave them: without their plus, without their zero, in
//! powers of ten.

use std::str::FromStr;

use rlibphonenumber::Region;

use super::notes::{why, with};
use crate::domain::{PhoneNumber, Sentence};

/// Most digits of a number with its country (ITU-T E.164).
const DIGITS_MAX: usize = 15;

/// Whether this is a region in which national numbers can be read (ISO 3166-1 alpha-2).
#[must_use]
pub fn is_region(text: &str) -> bool {
    text.len() == 2 && Region::from_str(text).is_ok()
}

/// A number that was read, and what there is to say about how.
pub(super) struct Read {
    pub(super) number: PhoneNumber,
    pub(super) remark: Option<Sentence>,
}

/// Reads a number. `kept_as_number`: the spreadsheet did not keep it as text.
pub(super) fn read(text: &str, kept_as_number: bool, region: &str) -> Result<Read, Sentence> {
    let text = text.strip_suffix(".0").unwrap_or(text);
    let unfolded = match in_powers(text) {
        Some(Powers::Whole(digits)) => Some(digits),
        Some(Powers::Lost) => return Err(why::DIGITS_LOST.into()),
        None => None,
    };
    let bare = unfolded.as_deref().unwrap_or(text);
    let is_bare = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
    let doubtful = is_bare && !bare.starts_with('0') && bare.len() <= DIGITS_MAX;
    if doubtful && (kept_as_number || unfolded.is_some()) {
        return restore(bare, region);
    }
    match PhoneNumber::parse(bare, region) {
        Ok(number) => Ok(Read {
            number,
            remark: None,
        }),
        // Lost on the way through a spreadsheet: 33612345678 for +33 6 12 34 56 78.
        Err(_) if doubtful && valid(&format!("+{bare}"), region).is_some() => restore(bare, region),
        Err(error) => Err(Sentence::from(&error)),
    }
}

/// The one number that can be meant: of this region without its zero, or with the plus that is
/// missing.
fn restore(digits: &str, region: &str) -> Result<Read, Sentence> {
    let national = valid(digits, region);
    let abroad = valid(&format!("+{digits}"), region);
    match (national, abroad) {
        (Some(one), Some(other)) if one != other => Err(Sentence::with(
            why::NUMBER_EITHER,
            &[&one.as_str(), &other.as_str()],
        )),
        (Some(number), _) => Ok(Read {
            number,
            remark: None,
        }),
        (None, Some(number)) => Ok(Read {
            remark: Some(with(why::PLUS_RESTORED, number.as_str())),
            number,
        }),
        (None, None) => Err(why::NUMBER_NEITHER.into()),
    }
}

/// The number, if it is one that is given out.
fn valid(text: &str, region: &str) -> Option<PhoneNumber> {
    let known = Region::from_str(region).ok()?;
    let number = rlibphonenumber::PhoneNumber::parse(text, Some(known)).ok()?;
    if !number.is_valid() {
        return None;
    }
    let e164 = number.format_as(rlibphonenumber::PhoneNumberFormat::E164);
    PhoneNumber::from_e164(&e164).ok()
}

enum Powers {
    /// Every digit was written.
    Whole(String),
    /// The last digits were rounded away.
    Lost,
}

/// `7.700900123E+09`, with a comma too: what a spreadsheet writes for a long number.
fn in_powers(text: &str) -> Option<Powers> {
    let (mantissa, power) = text.split_once(['e', 'E'])?;
    let power: usize = power.strip_prefix('+').unwrap_or(power).parse().ok()?;
    let (whole, part) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 1 || !digits(whole) || !digits(part) || power > DIGITS_MAX {
        return None;
    }
    Some(if part.len() == power {
        Powers::Whole(format!("{whole}{part}"))
    } else {
        Powers::Lost
    })
}
