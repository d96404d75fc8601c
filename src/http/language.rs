//! Which language a visitor reads who is not logged in.

use axum::http::{HeaderMap, header};

use super::App;
use super::session;
use super::words::Words;

/// Longest `Accept-Language` looked at, in bytes.
const HEADER_SIZE_MAX: usize = 1_000;
/// Most languages looked at in it.
const LANGUAGES_MAX: usize = 32;

/// What the browser asks for among the languages there are, else the configured one.
pub(crate) fn of_visitor(app: &App, headers: &HeaderMap) -> &'static Words {
    asked(headers).unwrap_or(app.default_words)
}

/// What the browser asks for among the languages there are.
pub(crate) fn asked(headers: &HeaderMap) -> Option<&'static Words> {
    headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .and_then(wanted)
}

/// The language of whoever is logged in, else of the visitor: for pages that must come out
/// whatever happens.
pub(crate) async fn of_anybody(app: &App, headers: &HeaderMap) -> &'static Words {
    match session::signed(app, headers).await {
        Ok(Some(signed)) => signed.words,
        Ok(None) | Err(_) => of_visitor(app, headers),
    }
}

/// The best of `Accept-Language` (RFC 9110, 12.5.4) that there are words in: the highest weight,
/// the first among equals. Regions do not matter.
fn wanted(header: &str) -> Option<&'static Words> {
    if header.len() > HEADER_SIZE_MAX {
        return None;
    }
    let mut best: Option<(u16, &'static Words)> = None;
    for range in header.split(',').take(LANGUAGES_MAX) {
        let mut parts = range.split(';').map(str::trim);
        let language = parts.next().and_then(|tag| tag.split('-').next());
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        let weight = weight.map_or(Some(1000), thousandths);
        let known = language.and_then(Words::known);
        if let (Some(words), Some(weight @ 1..)) = (known, weight)
            && best.is_none_or(|(before, _)| weight > before)
        {
            best = Some((weight, words));
        }
    }
    best.map(|(_, words)| words)
}

/// A weight of 0 to 1 with at most three decimals, in thousandths.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "1" if digits => Some(1000),
        "0" if digits => format!("{decimals:0<3}").parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::wanted;

    #[track_caller]
    fn check(header: &str, language: Option<&str>) {
        assert_eq!(wanted(header).map(|words| words.language), language);
    }

    #[test]
    fn takes_the_best_known_language() {
        check("fr", Some("fr"));
        check("FR-ca, en;q=0.5", Some("fr"));
        check("de, en;q=0.8, fr;q=0.9", Some("fr"));
        check("en, fr", Some("en"));
        check("en;q=0.5, fr;q=0.5", Some("en"));
        check("fr; q=0.1, en;q=0.001", Some("fr"));
    }

    #[test]
    fn what_is_not_known_or_refused_counts_for_nothing() {
        check("", None);
        check("de, *", None);
        check("fr;q=0, en;q=0.0", None);
        check("fr;q=x, en;q=2, fr;q=0.1234", None);
        check("fr;q=\u{e9}", None);
        check(&format!("{},fr", "a".repeat(1_000)), None);
        check(&format!("{}fr", "de,".repeat(40)), None);
    }
}
