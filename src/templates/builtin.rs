//! The set of templates that comes with the program.

use toml::{Table, Value};

use crate::domain::template::{Template, TemplateCategory, TemplateState};
use crate::domain::template::{TemplateText, Variable, VariableKind};
use crate::domain::{Channel, TemplateId, Timestamp};

const FILES: [&str; 17] = [
    include_str!("builtin/dsar-initial.toml"),
    include_str!("builtin/dsar-chase-1.toml"),
    include_str!("builtin/dsar-chase-2.toml"),
    include_str!("builtin/dsar-chase-3.toml"),
    include_str!("builtin/section-78-initial.toml"),
    include_str!("builtin/section-78-chase.toml"),
    include_str!("builtin/loc-letter.toml"),
    include_str!("builtin/loc-follow-up-1.toml"),
    include_str!("builtin/loc-follow-up-2.toml"),
    include_str!("builtin/settlement-proposal.toml"),
    include_str!("builtin/settlement-follow-up-1.toml"),
    include_str!("builtin/settlement-follow-up-2.toml"),
    include_str!("builtin/creditor-inquiry.toml"),
    include_str!("builtin/appointment-reminder.toml"),
    include_str!("builtin/payment-reminder.toml"),
    include_str!("builtin/urgent-notice.toml"),
    include_str!("builtin/portal-link.toml"),
];

/// Every template of the set, as made now. Their ids are nought: whoever keeps them gives them
/// their own.
#[must_use]
pub fn all(now: Timestamp) -> Vec<Template> {
    FILES.iter().filter_map(|file| of_file(file, now)).collect()
}

/// A template as its file says; none when the file is none. A test reads them all.
fn of_file(file: &str, now: Timestamp) -> Option<Template> {
    let table: Table = file.parse().ok()?;
    let category = text(&table, "category");
    Some(Template {
        id: TemplateId::from_bytes([0; 16]),
        category: TemplateCategory::named(&category)?,
        name: text(&table, "name"),
        version: 1,
        state: TemplateState::Active,
        variables: tables(&table, "variables")
            .map(variable)
            .collect::<Option<_>>()?,
        texts: tables(&table, "texts")
            .map(|one| {
                let channel = text(one, "channel");
                Some(TemplateText {
                    channel: Channel::ALL
                        .into_iter()
                        .find(|known| known.as_str() == channel)?,
                    language: text(one, "language"),
                    subject: text(one, "subject"),
                    text: text(one, "text").trim().to_owned(),
                    html: text(one, "html"),
                })
            })
            .collect::<Option<_>>()?,
        files: texts(&table, "files"),
        ready_made: Some(text(&table, "key")),
        created_by: None,
        created_at: now,
        changed_by: None,
        changed_at: now,
    })
}

fn variable(of: &Table) -> Option<Variable> {
    Some(Variable {
        name: text(of, "name"),
        kind: VariableKind::of(&text(of, "kind"), texts(of, "choices"))?,
        label: text(of, "label"),
        required: of.get("required").and_then(Value::as_bool)?,
        example: text(of, "example"),
    })
}

fn text(of: &Table, key: &str) -> String {
    let text = of.get(key).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn texts(of: &Table, key: &str) -> Vec<String> {
    let list = of.get(key).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn tables<'t>(of: &'t Table, key: &str) -> impl Iterator<Item = &'t Table> {
    let list = of.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_table)
}

/// How many there are.
#[cfg(test)]
pub(super) const COUNT: usize = FILES.len();
