//! What an editor showed of a contact, carried along in its form: when somebody else changed
//! it meanwhile, the two are laid side by side.

use super::super::App;
use super::super::data::{Areas, Result};
use super::super::times::clock;
use super::super::view::Chrome;
use crate::domain::group::GROUPS_MAX;
use crate::domain::{Contact, ContactKind, Details, Group};
use crate::store::Loaded;

/// Longest form field that is looked at, in octets.
const SEEN_SIZE_MAX: usize = 64 * 1024;

/// What was shown: which thing, and how it stood.
pub(super) type Seen = Vec<(String, String)>;

/// A thing that is different now.
pub(super) struct Difference {
    pub(super) label: String,
    pub(super) then: String,
    pub(super) now: String,
}

/// Puts a contact into the words that are compared. Names of areas and groups are read once.
pub(super) struct Describer {
    areas: Areas,
    groups: Vec<Loaded<Group>>,
}

impl Describer {
    pub(super) fn new(app: &App) -> Result<Self> {
        Ok(Self {
            areas: Areas::read(app.repo())?,
            groups: app.repo().groups(GROUPS_MAX)?,
        })
    }

    pub(super) fn describe(&self, contact: &Contact) -> Seen {
        let details = Details::of(contact);
        let name = |id| {
            let group = self.groups.iter().find(|group| group.id == id);
            group.map_or_else(|| id.to_string(), |group| group.name.clone())
        };
        let groups: Vec<String> = details.groups.iter().map(|id| name(*id)).collect();
        let custom: Vec<String> = details
            .custom
            .iter()
            .map(|field| format!("{}: {}", field.name, field.value.reveal()))
            .collect();
        let quiet = details.quiet_hours.map(|quiet| {
            let (from, to) = (clock(quiet.from_minute()), clock(quiet.to_minute()));
            format!("{from}–{to}")
        });
        let preferred = details.preferred.map(|channel| channel.as_str().to_owned());
        let mut seen: Seen = [
            ("first_name", details.first_name.into_inner()),
            ("last_name", details.last_name.into_inner()),
            ("kind", details.kind.as_str().to_owned()),
            ("language", details.language),
            ("area", self.areas.name(details.area).to_owned()),
            ("groups", groups.join(", ")),
            ("custom", custom.join(", ")),
            ("quiet_from", quiet.unwrap_or_default()),
            ("preferred", preferred.unwrap_or_default()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        for method in &details.methods {
            let id = method.id.map(|id| id.to_string()).unwrap_or_default();
            let key = format!("{} {id}", method.kind.as_str());
            seen.push((key, method.destination.reveal().to_owned()));
        }
        seen
    }
}

/// For the form.
pub(super) fn encode(seen: &Seen) -> String {
    let json = serde_json::to_vec(seen).unwrap_or_default();
    data_encoding::BASE64URL_NOPAD.encode(&json)
}

/// From the form; what cannot be read is nothing that was ever shown.
pub(super) fn decode(text: &str) -> Seen {
    if text.len() > SEEN_SIZE_MAX {
        return Seen::new();
    }
    let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes());
    bytes
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// What is different now.
pub(super) fn differences(c: &Chrome, then: &Seen, now: &Seen) -> Vec<Difference> {
    let value = |seen: &Seen, key: &str| {
        let found = seen.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let mut keys: Vec<&String> = then.iter().chain(now).map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    let differ = keys
        .into_iter()
        .filter(|key| value(then, key) != value(now, key));
    differ
        .map(|key| Difference {
            label: label(c, key),
            then: shown(c, &value(then, key)),
            now: shown(c, &value(now, key)),
        })
        .collect()
}

fn shown(c: &Chrome, value: &str) -> String {
    if value.is_empty() {
        return c.t("editor.nothing").to_owned();
    }
    if ContactKind::ALL.iter().any(|kind| kind.as_str() == value) {
        return c.words.label(value);
    }
    value.to_owned()
}

/// What a field is called.
pub(super) fn label(c: &Chrome, key: &str) -> String {
    let text = match key.split(' ').next().unwrap_or_default() {
        "first_name" => c.t("editor.first_name"),
        "last_name" => c.t("editor.last_name"),
        "kind" => c.t("editor.kind"),
        "language" => c.t("editor.language"),
        "area" => c.t("contacts.area"),
        "groups" => c.t("editor.groups"),
        "custom" => c.t("editor.fields"),
        "quiet_from" => c.t("editor.quiet"),
        "preferred" => c.t("editor.preferred"),
        "methods" => c.t("contact.methods"),
        "email" => c.t("field.email"),
        "mobile" => c.t("field.mobile"),
        "landline" => c.t("field.landline"),
        _ => c.t("field.other"),
    };
    text.to_owned()
}
