//! Single values of the parsed TOML: what they are read as and what is said of wrong ones.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::units::{format_duration, parse_duration};

/// A string longer than this is a mistake (the longest are message templates).
const STRING_LEN_MAX: usize = 8192;

pub(super) fn text(value: &DeValue<'_>) -> Result<String, String> {
    let text = value.as_str().ok_or_else(|| wanted("a string", value))?;
    if text.len() > STRING_LEN_MAX {
        return Err(format!("is longer than {STRING_LEN_MAX} bytes"));
    }
    Ok(text.to_owned())
}

pub(super) fn wanted(what: &str, got: &DeValue<'_>) -> String {
    let shown = match got {
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(value) => value.to_string(),
        other => format!("{} {}", article(other.type_str()), other.type_str()),
    };
    format!("must be {what}, not {shown}")
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    }
}

pub(super) fn duration_in(
    value: &DeValue<'_>,
    range: &RangeInclusive<Duration>,
) -> Result<Duration, String> {
    let duration = parse_duration(&text(value)?)?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    let (least, most) = (
        format_duration(*range.start()),
        format_duration(*range.end()),
    );
    Err(format!(
        "{} is outside {least} to {most}",
        format_duration(duration)
    ))
}

pub(super) fn choose<T: Copy>(name: &str, choices: &[(&'static str, T)]) -> Result<T, String> {
    if let Some((_, choice)) = choices.iter().find(|(known, _)| *known == name) {
        return Ok(*choice);
    }
    let known: Vec<String> = choices
        .iter()
        .map(|(known, _)| format!("\"{known}\""))
        .collect();
    Err(format!("\"{name}\" is none of {}", known.join(", ")))
}

pub(super) fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "\"{text}\" is not an address with a port, such as \"127.0.0.1:25\" or \"[::1]:25\""
        )
    })
}

pub(super) fn without_indexes(path: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => plain.push(c),
            _ => {}
        }
    }
    plain
}

pub(super) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// A network, or an address alone, as it is written.
pub(super) fn network(text: &str) -> Result<String, String> {
    let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return Err("is no network such as 10.0.0.0/8 or fd00::/8".into()),
    };
    if bits.parse::<u8>().is_ok_and(|bits| bits <= most) {
        Ok(text.to_owned())
    } else {
        Err(format!("wants a number from 0 to {most} behind the stroke"))
    }
}
