//! What a cell says: kinds, languages, yes and no, dates, in English and French.

use std::borrow::Cow;

use crate::domain::{ContactKind, Timestamp};

/// ISO 639-1.
const LANGUAGES: &str = " aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu ";
/// Languages by their names, without accents.
const LANGUAGE_NAMES: &[(&str, &str)] = &[
    ("english", "en"),
    ("anglais", "en"),
    ("french", "fr"),
    ("francais", "fr"),
    ("german", "de"),
    ("allemand", "de"),
    ("deutsch", "de"),
    ("spanish", "es"),
    ("espagnol", "es"),
    ("espanol", "es"),
    ("italian", "it"),
    ("italien", "it"),
    ("italiano", "it"),
    ("portuguese", "pt"),
    ("portugais", "pt"),
    ("dutch", "nl"),
    ("neerlandais", "nl"),
    ("polish", "pl"),
    ("polonais", "pl"),
    ("arabic", "ar"),
    ("arabe", "ar"),
    ("turkish", "tr"),
    ("turc", "tr"),
    ("romanian", "ro"),
    ("roumain", "ro"),
    ("ukrainian", "uk"),
    ("ukrainien", "uk"),
    ("russian", "ru"),
    ("russe", "ru"),
    ("welsh", "cy"),
    ("gallois", "cy"),
];
const KINDS: &[(&str, ContactKind)] = &[
    ("citizen", ContactKind::Citizen),
    ("citoyen", ContactKind::Citizen),
    ("citoyenne", ContactKind::Citizen),
    ("habitant", ContactKind::Citizen),
    ("resident", ContactKind::Citizen),
    ("client", ContactKind::Client),
    ("cliente", ContactKind::Client),
    ("customer", ContactKind::Client),
    ("creditor", ContactKind::Creditor),
    ("creancier", ContactKind::Creditor),
    ("creanciere", ContactKind::Creditor),
    ("staff", ContactKind::Staff),
    ("employee", ContactKind::Staff),
    ("personnel", ContactKind::Staff),
    ("employe", ContactKind::Staff),
    ("employee", ContactKind::Staff),
    ("correspondent", ContactKind::Correspondent),
    ("correspondant", ContactKind::Correspondent),
];
const YES: &[&str] = &["yes", "y", "oui", "o", "true", "vrai", "1", "x", "✓", "✔"];
const NO: &[&str] = &["no", "n", "non", "false", "faux", "0", "✗", "✘"];
/// Errors that spreadsheets show in cells.
const SHEET_ERRORS: &[&str] = &[
    "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#NOM?", "#VALEUR!",
];

/// Letters without their accents, in lower case, spaces once: the form in which names and
/// titles meet.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for char in text.chars().flat_map(char::to_lowercase) {
        match char {
            'à'..='å' | 'ā' | 'ă' | 'ą' => folded.push('a'),
            'ç' | 'ć' | 'č' => folded.push('c'),
            'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => folded.push('e'),
            'ì'..='ï' | 'ī' | 'į' => folded.push('i'),
            'ñ' | 'ń' | 'ň' => folded.push('n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ő' => folded.push('o'),
            'ù'..='ü' | 'ū' | 'ů' | 'ű' => folded.push('u'),
            'ý' | 'ÿ' => folded.push('y'),
            'š' | 'ś' => folded.push('s'),
            'ž' | 'ź' | 'ż' => folded.push('z'),
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            '’' => folded.push('\''),
            // Accents that stand by themselves.
            '\u{300}'..='\u{36f}' => {}
            char if char.is_whitespace() => {
                if !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            other => folded.push(other),
        }
    }
    folded.trim().to_owned()
}

/// A text as it is kept: no control characters, spaces once and none around it. The
/// apostrophe that keeps spreadsheets from taking it for a formula goes.
#[must_use]
pub fn clean(text: &str) -> String {
    let text = &unguarded(text);
    let mut clean = String::with_capacity(text.len());
    for char in text.chars() {
        let space = char.is_whitespace() || char.is_control();
        // Marks that show nothing and come along from web pages.
        if matches!(char, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{202a}'..='\u{202e}') {
            continue;
        }
        if !space {
            clean.push(char);
        } else if !clean.is_empty() && !clean.ends_with(' ') {
            clean.push(' ');
        }
    }
    clean.truncate(clean.trim_end().len());
    clean
}

/// Begins like something a spreadsheet would work out.
pub(super) fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// The text without the apostrophes that guard formulas.
pub(super) fn unguarded(text: &str) -> Cow<'_, str> {
    let text = match text.strip_prefix('\'') {
        Some(rest) if is_formula(rest.trim_start_matches('\'')) => rest,
        _ => text,
    };
    if !text.contains(BREAKS) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(end) = rest.find(BREAKS) {
        let (before, behind) = rest.split_at(end + 1);
        plain.push_str(before);
        rest = match behind.strip_prefix('\'') {
            Some(unguarded) if begins_formula(behind) => unguarded,
            _ => behind,
        };
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// What some spreadsheets take for the end of a cell within a cell, whatever stands in quotes.
pub(super) const BREAKS: [char; 4] = [';', '\t', '\n', '\r'];

/// Whether what stands behind one of [`BREAKS`] would be worked out.
pub(super) fn begins_formula(behind: &str) -> bool {
    let bare = behind.trim_start_matches([' ', '"', '\'']);
    bare.starts_with(['=', '+', '-', '@'])
}

/// Whether the spreadsheet shows an error instead of a value.
pub(super) fn is_sheet_error(text: &str) -> bool {
    text.starts_with('#') && SHEET_ERRORS.contains(&text)
}

/// Whether characters were lost on the way: not UTF-8 where it should be, or read twice.
pub(super) fn is_unreadable(text: &str) -> bool {
    text.contains('\u{fffd}')
}

/// What the person is to the organisation.
pub(super) fn kind(text: &str) -> Option<ContactKind> {
    let folded = fold(text);
    let word = folded
        .strip_suffix('s')
        .filter(|w| *w != "staf")
        .unwrap_or(&folded);
    KINDS
        .iter()
        .find(|(name, _)| *name == folded || *name == word)
        .map(|(_, kind)| *kind)
}

/// A language as ISO 639-1; `en-GB` is `en`.
#[must_use]
pub fn language(text: &str) -> Option<String> {
    let folded = fold(text);
    if let Some((_, code)) = LANGUAGE_NAMES.iter().find(|(name, _)| *name == folded) {
        return Some((*code).to_owned());
    }
    let code = folded.split(['-', '_']).next().unwrap_or_default();
    let known = code.len() == 2 && LANGUAGES.contains(&format!(" {code} "));
    known.then(|| code.to_owned())
}

/// Yes or no.
pub(super) fn yes_no(text: &str) -> Option<bool> {
    let folded = fold(text);
    if YES.contains(&folded.as_str()) {
        Some(true)
    } else if NO.contains(&folded.as_str()) {
        Some(false)
    } else {
        None
    }
}

/// A day, as noon UTC of it: the same day in nearly every zone. Year first, or day first.
pub(super) fn date(text: &str) -> Option<Timestamp> {
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split(['-', '/', '.']).collect();
    let [first, month, last] = parts.as_slice() else {
        return None;
    };
    let (year, day) = if first.len() == 4 {
        (first, last)
    } else {
        (last, first)
    };
    if year.len() != 4 {
        return None;
    }
    let date = jiff::civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let noon = date.ok()?.at(12, 0, 0, 0);
    let at = noon.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    let millis = u64::try_from(at.timestamp().as_millisecond()).ok()?;
    Some(Timestamp::from_millis(millis))
}

/// The day of a time, UTC, year first.
pub(super) fn day(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).map_or_else(
        |_| String::new(),
        |at| at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
    )
}

/// A decision with its date, if it has one: `yes`, `no 2026-05-31`.
pub(super) fn decision(text: &str) -> Option<(bool, Option<&str>)> {
    let (word, rest) = match text.split_once([' ', ',', '(']) {
        Some((word, rest)) => (word, rest.trim_matches([' ', ',', '(', ')'])),
        None => (text, ""),
    };
    Some((yes_no(word)?, Some(rest).filter(|rest| !rest.is_empty())))
}
