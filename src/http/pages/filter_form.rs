//! A filter in an address: `?q=ada&area=…&group=…`, and back.

use super::super::fields::Fields;
use super::super::session::percent;
use crate::domain::comms_issue::Reachability;
use crate::domain::group::{FILTER_PICKS_MAX, FILTER_TEXT_MAX};
use crate::domain::{ContactFilter, ContactKind, MethodKind, MethodState};

/// Names of how people stand, in addresses.
pub(super) const REACH: [(&str, Reachability); 3] = [
    ("fine", Reachability::Fine),
    ("issue", Reachability::Issue),
    ("unreachable", Reachability::Unreachable),
];

/// States of methods, in addresses.
pub(super) const STATES: [(&str, MethodState); 5] = [
    ("unverified", MethodState::Unverified),
    ("active", MethodState::Active),
    ("suspended", MethodState::Suspended),
    ("opted-out", MethodState::OptedOut),
    ("removed", MethodState::Removed),
];

fn one_of<T: Copy>(all: &[(&str, T)], name: &str) -> Option<T> {
    let found = all.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value)
}

fn name_of<T: Copy + PartialEq>(all: &[(&'static str, T)], value: Option<T>) -> &'static str {
    let found = all.iter().find(|(_, known)| Some(*known) == value);
    found.map_or("", |(name, _)| name)
}

/// Reads a filter; what makes no sense is left out.
pub(super) fn read(fields: &Fields) -> ContactFilter {
    let text = |name: &str| -> String {
        let text = fields.get(name).trim();
        text.chars().take(FILTER_TEXT_MAX).collect()
    };
    let field = (text("field"), text("value"));
    ContactFilter {
        text: text("q"),
        kind: ContactKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == fields.get("kind")),
        language: Some(text("language")).filter(|code| !code.is_empty()),
        areas: fields
            .all("area")
            .filter_map(|id| id.parse().ok())
            .take(FILTER_PICKS_MAX / 2)
            .collect(),
        groups: fields
            .all("group")
            .filter_map(|id| id.parse().ok())
            .take(FILTER_PICKS_MAX / 2)
            .collect(),
        has: MethodKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == fields.get("has")),
        method_state: one_of(&STATES, fields.get("state")),
        reachability: one_of(&REACH, fields.get("reach")),
        field: Some(field).filter(|(name, _)| !name.is_empty()),
    }
}

/// A filter's pairs of an address.
pub(super) fn pairs(filter: &ContactFilter) -> Vec<(&'static str, String)> {
    let mut pairs = vec![
        ("q", filter.text.clone()),
        (
            "kind",
            filter.kind.map_or("", ContactKind::as_str).to_owned(),
        ),
        ("language", filter.language.clone().unwrap_or_default()),
        ("has", filter.has.map_or("", MethodKind::as_str).to_owned()),
        ("state", name_of(&STATES, filter.method_state).to_owned()),
        ("reach", name_of(&REACH, filter.reachability).to_owned()),
    ];
    pairs.extend(filter.areas.iter().map(|id| ("area", id.to_string())));
    pairs.extend(filter.groups.iter().map(|id| ("group", id.to_string())));
    if let Some((name, value)) = &filter.field {
        pairs.push(("field", name.clone()));
        pairs.push(("value", value.clone()));
    }
    pairs.retain(|(_, value)| !value.is_empty());
    pairs
}

/// A filter as the query of an address, without the question mark.
pub(super) fn query(filter: &ContactFilter) -> String {
    let encoded = pairs(filter).into_iter().map(|(name, value)| {
        let value: String = value.bytes().map(percent).collect();
        format!("{name}={value}")
    });
    encoded.collect::<Vec<_>>().join("&")
}

/// A local address that a form asks to go back to, or another one.
pub(super) fn back(fields: &Fields, otherwise: &str) -> String {
    let asked = fields.get("back");
    let local = asked.starts_with('/')
        && !asked.starts_with("//")
        && asked.bytes().all(|byte| byte.is_ascii_graphic())
        && !asked.contains('\\');
    if local { asked } else { otherwise }.to_owned()
}

/// An address with one more pair in its query.
pub(super) fn with(path: &str, pair: &str) -> String {
    let (path, fragment) = path
        .split_once('#')
        .map_or((path, ""), |(path, rest)| (path, rest));
    let sign = if path.contains('?') { '&' } else { '?' };
    let fragment = if fragment.is_empty() {
        String::new()
    } else {
        format!("#{fragment}")
    };
    format!("{path}{sign}{pair}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_comes_back_from_its_address() {
        let uri: axum::http::Uri = "/contacts?q=ada%20l&kind=staff&language=fr&has=mobile\
            &state=opted-out&reach=issue&field=Flat&value=3%26b\
            &area=00000000000000000000000000000001&group=00000000000000000000000000000002"
            .parse()
            .unwrap_or_default();
        let filter = read(&Fields::of_query(&uri));
        assert_eq!(filter.text, "ada l");
        assert_eq!(filter.kind, Some(ContactKind::Staff));
        assert_eq!(filter.field, Some(("Flat".to_owned(), "3&b".to_owned())));
        assert_eq!((filter.areas.len(), filter.groups.len()), (1, 1));
        let uri = format!("/contacts?{}", query(&filter))
            .parse()
            .unwrap_or_default();
        assert_eq!(read(&Fields::of_query(&uri)), filter);
        assert_eq!(query(&ContactFilter::default()), "");
    }

    #[test]
    fn only_local_addresses_are_gone_back_to() {
        for (asked, expected) in [
            (
                "/issues?area=1&list=1#members",
                "/issues?area=1&list=1#members",
            ),
            ("//evil.example", "/x"),
            ("https://evil.example", "/x"),
            ("/\\evil.example", "/x"),
            ("/a\r\nSet-Cookie: b", "/x"),
            ("", "/x"),
        ] {
            let back = back(&Fields::of_pairs(&[("back", asked)]), "/x");
            assert_eq!(back, expected, "{asked}");
        }
        assert_eq!(with("/a#b", "done=c"), "/a?done=c#b");
        assert_eq!(with("/a?x=1", "done=c"), "/a?x=1&done=c");
    }
}
