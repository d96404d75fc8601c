//! Single values of a carrier's settings.

use serde::Serialize;

use super::octets;

/// Octets of an error code in a receipt.
const ERROR_CODE_LEN_MAX: usize = 32;
/// Digits behind the point of a price.
const PRICE_DIGITS_MAX: usize = 6;
const MILLION: u64 = 1_000_000;

/// What one segment costs, in millionths of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price(pub u64);

impl Serialize for Price {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (whole, rest) = (self.0 / MILLION, self.0 % MILLION);
        let text = format!("{whole}.{rest:06}");
        to.serialize_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Message class 0 (3GPP TS 23.038 §4): in the general group with bit 4, in group 1111 always.
pub(super) fn is_flash(coding: u8) -> bool {
    let has_class =
        matches!(coding, 0x10..=0x1f | 0x30..=0x3f | 0x50..=0x5f | 0x70..=0x7f) || coding >= 0xf0;
    has_class && coding & 0x03 == 0
}

/// "0.045": at most six digits on either side of the point.
pub(super) fn price(text: &str) -> Result<Price, String> {
    let wrong = || format!("\"{text}\" is not a price, such as \"0.045\"");
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| {
        let ok = (1..=PRICE_DIGITS_MAX).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_digit());
        ok.then(|| part.parse::<u64>().ok()).flatten()
    };
    let rest = format!("{rest:0<PRICE_DIGITS_MAX$}");
    match (digits(whole), digits(&rest)) {
        (Some(whole), Some(rest)) => Ok(Price(whole * MILLION + rest)),
        _ => Err(wrong()),
    }
}

/// Three letters (ISO 4217), or none.
pub(super) fn currency(text: &str) -> Result<String, String> {
    let is_code = text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
    if is_code || text.is_empty() {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" is not a currency, such as \"EUR\""))
    }
}

/// What numbers of a country or network begin with.
pub(super) fn prefix(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix('+').unwrap_or("");
    let ok = (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if ok {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" is not a prefix, such as \"+44\""))
    }
}

/// A code as it stands in the `err:` of a receipt (SMPP 3.4, Appendix B: three characters, of which
/// carriers make more).
pub(super) fn error_code(text: &str) -> Result<String, String> {
    octets(text.trim(), 1, ERROR_CODE_LEN_MAX)
}

/// A reason, whose name is looked at where it is used, and whether it lasts.
pub(super) fn error_meaning(text: &str) -> Result<String, String> {
    let is_one =
        matches!(text.split_once(' '), Some((reason, "lasts" | "passes")) if !reason.is_empty());
    if is_one {
        return Ok(text.to_owned());
    }
    Err(format!(
        "\"{text}\" must be a reason and \"lasts\" or \"passes\", such as \"user_unknown lasts\""
    ))
}

/// Type of number and numbering plan that a sender's form suggests.
pub(super) fn source_type(source: &str) -> (u8, u8) {
    const SHORT_CODE_LEN_MAX: usize = 6;
    match source.strip_prefix('+') {
        Some(_) => (1, 1),
        None if !source.bytes().all(|b| b.is_ascii_digit()) => (5, 0),
        None if source.len() <= SHORT_CODE_LEN_MAX => (3, 1),
        None => (0, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact() {
        let read = |text: &str| price(text).map(|price| price.0).ok();
        for (text, millionths) in [
            ("0", Some(0)),
            ("0.045", Some(45_000)),
            ("12", Some(12_000_000)),
            ("1.000001", Some(1_000_001)),
            ("", None),
            ("0.", Some(0)),
            (".5", None),
            ("-1", None),
            ("1,5", None),
            ("0.0000001", None),
        ] {
            assert_eq!(read(text), millionths, "{text}");
        }
        for text in ["0", "0.045", "12", "10.5"] {
            let written = price(text).map(|price| serde_json::json!(price));
            assert_eq!(written, Ok(serde_json::json!(text)));
        }
    }

    #[test]
    fn flash_is_known_in_every_group() {
        let flash: Vec<u8> = (0..=u8::MAX).filter(|coding| is_flash(*coding)).collect();
        assert_eq!(flash[..4], [0x10, 0x14, 0x18, 0x1c]);
        assert_eq!(flash[flash.len() - 4..], [0xf0, 0xf4, 0xf8, 0xfc]);
        assert!(
            ![0x00, 0x03, 0x08, 0x11, 0x19, 0xc0, 0xe0, 0xf1]
                .iter()
                .any(|c| is_flash(*c))
        );
    }
}
