//! `[alerts]`

use serde::Serialize;

use super::names::one_line;
use super::policy::Category;
use super::reader::Section;

/// `[alerts]`: alerts that other programs hand in over the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alerts {
    /// Who is told of the alerts of an Alertmanager.
    #[serde(rename = "receiver")]
    pub receivers: Vec<Receiver>,
    /// What becomes of alerts of the Common Alerting Protocol.
    pub cap: Cap,
}

/// `[alerts.cap]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cap {
    /// Category of what is sent. Default: `"alert"`, or else the first one.
    pub category: String,
    /// By which channels. Default `["email", "text", "call"]`.
    pub channels: Vec<String>,
}

/// `[[alerts.receiver]]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receiver {
    /// The receiver's name in the Alertmanager.
    pub name: String,
    /// Category of what is sent. Default: `"general"`, or else the first one.
    pub category: String,
    /// By which channels. Default `["email"]`.
    pub channels: Vec<String>,
    /// Names of groups. Default `[]`.
    pub groups: Vec<String>,
    /// Names of areas. Default `[]`.
    pub areas: Vec<String>,
    /// It overtakes everything and heeds no quiet hours. Default `false`.
    pub emergency: bool,
}

impl Alerts {
    pub(super) fn read(section: &Section<'_, '_>, categories: &[Category]) -> Alerts {
        let mut receivers: Vec<Receiver> = Vec::new();
        for section in section.sections("receiver").unwrap_or_default() {
            let Some(receiver) = Receiver::read(&section, categories) else {
                continue;
            };
            if receivers
                .iter()
                .any(|earlier| earlier.name == receiver.name)
            {
                section.mistake("name", format!("\"{}\" is there twice", receiver.name));
            }
            receivers.push(receiver);
        }
        let cap = Cap::read(&section.section("cap"), categories);
        Alerts { receivers, cap }
    }
}

impl Cap {
    fn read(section: &Section<'_, '_>, categories: &[Category]) -> Cap {
        let all = ["email", "text", "call"].map(str::to_owned).into();
        let known = |name: &str| known(categories, name);
        let usual = || usual(categories, "alert");
        let channels = section.list("channels", all, channel);
        if channels.is_empty() {
            section.mistake("channels", "must not be an empty list");
        }
        Cap {
            category: section.parsed("category", known).unwrap_or_else(usual),
            channels,
        }
    }
}

fn known(categories: &[Category], name: &str) -> Result<String, String> {
    if categories.iter().any(|category| category.name == name) {
        Ok(name.to_owned())
    } else {
        Err(format!("there is no category \"{name}\""))
    }
}

/// The category of this name, or else the first one.
fn usual(categories: &[Category], name: &str) -> String {
    let named = categories.iter().find(|category| category.name == name);
    let category = named.or(categories.first());
    category.map_or_else(String::new, |category| category.name.clone())
}

impl Receiver {
    fn read(section: &Section<'_, '_>, categories: &[Category]) -> Option<Receiver> {
        let known = |name: &str| known(categories, name);
        let name = section.required("name", one_line);
        let receiver = Receiver {
            category: section
                .parsed("category", known)
                .unwrap_or_else(|| usual(categories, "general")),
            channels: section.list("channels", vec!["email".to_owned()], channel),
            groups: section.list("groups", Vec::new(), one_line),
            areas: section.list("areas", Vec::new(), one_line),
            emergency: section.bool("emergency", false),
            name: name?,
        };
        if receiver.channels.is_empty() {
            section.mistake("channels", "must not be an empty list");
        }
        if receiver.groups.is_empty() && receiver.areas.is_empty() {
            section.mistake("groups", "or areas must say who is told");
        }
        Some(receiver)
    }
}

fn channel(text: &str) -> Result<String, String> {
    if ["email", "text", "call"].contains(&text) {
        Ok(text.to_owned())
    } else {
        Err("is none of email, text, call".into())
    }
}
