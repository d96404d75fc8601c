//! What a row makes of a contact: a new one, or the changes to one who is known.

use super::checker::Person;
use super::decisions::{consent, decide_all};
use super::notes::{Note, why, with};
use super::places::Spot;
use super::values::{clean, fold};
use crate::domain::contact::{CONTACT_GROUPS_MAX, CUSTOM_FIELDS_MAX, METHODS_MAX};
use crate::domain::{
    Actor, Contact, ContactChange, ContactId, CustomField, Destination, ImportId, ImportMapping,
    LogEvent, Method, MethodId, MethodKind, MethodState, Redacted, Timestamp, Wishes, comms_issue,
};

/// Who writes, and when.
#[derive(Clone, Copy, Debug)]
pub struct Author {
    /// Which import.
    pub import: ImportId,
    /// When.
    pub now: Timestamp,
}

/// Somebody who is new.
#[must_use]
pub fn make(
    person: &Person,
    spot: &Spot,
    mapping: &ImportMapping,
    author: Author,
    new_id: &mut dyn FnMut() -> [u8; 16],
) -> Contact {
    let text = |text: &Option<String>| Redacted::new(text.clone().unwrap_or_default());
    let methods = person.methods.iter();
    let mut contact = Contact {
        id: ContactId::from_bytes(new_id()),
        kind: person.kind.unwrap_or(mapping.kind),
        first_name: text(&person.first_name),
        last_name: text(&person.last_name),
        language: person
            .language
            .clone()
            .unwrap_or_else(|| mapping.language.clone()),
        area: spot.area.or(mapping.area),
        methods: methods
            .map(|(_, kind, to)| method(*kind, to, new_id))
            .collect(),
        issue_since: None,
        prompted_at: None,
        created_at: author.now,
        groups: spot.groups.clone(),
        custom: person
            .fields
            .iter()
            .map(|(name, value)| field(name, value))
            .collect(),
        wishes: Wishes::default(),
        import: Some(author.import),
    };
    for decision in &person.decisions {
        contact.wishes.decide(consent(decision, person.row, author));
    }
    comms_issue::refresh(&mut contact, author.now);
    contact
}

/// Lets somebody who is known take over what the row says: what it leaves empty stays, and
/// nothing is taken away. Returns the lines for the log; none when it says nothing new.
///
/// # Errors
/// When the contact would hold more than it may.
pub fn apply(
    person: &Person,
    spot: &Spot,
    author: Author,
    contact: &mut Contact,
    new_id: &mut dyn FnMut() -> [u8; 16],
    notes: &mut Vec<Note>,
) -> Result<Vec<LogEvent>, Note> {
    let by = Actor::Import(author.import);
    let mut log = Vec::new();
    if edit(person, spot, contact, notes)? {
        log.push(LogEvent::changed(ContactChange::Edited, None, by));
    }
    for (column, kind, to) in &person.methods {
        if let Some(known) = contact.methods.iter().find(|one| one.destination == *to) {
            if known.state == MethodState::Removed {
                notes.push(Note::warning(why::REMOVED).at(*column, to.reveal()));
            }
            continue;
        }
        if contact.methods.len() >= METHODS_MAX {
            let note = Note::bad(with(why::METHODS_MANY, METHODS_MAX));
            return Err(note.at(*column, to.reveal()));
        }
        let method = method(*kind, to, new_id);
        log.push(LogEvent::changed(
            ContactChange::MethodAdded,
            Some(&method),
            by,
        ));
        contact.methods.push(method);
    }
    let groups = contact.groups.len();
    for group in &spot.groups {
        if !contact.groups.contains(group) {
            contact.groups.push(*group);
        }
    }
    if contact.groups.len() > CONTACT_GROUPS_MAX {
        return Err(Note::bad(with(why::GROUPS_MANY, CONTACT_GROUPS_MAX)));
    }
    if contact.groups.len() > groups {
        log.push(LogEvent::changed(ContactChange::GroupsChanged, None, by));
    }
    log.extend(decide_all(person, author, &mut contact.wishes, notes));
    comms_issue::refresh(contact, author.now);
    Ok(log)
}

/// Name, kind, language, area, fields. Whether anything changed.
fn edit(
    person: &Person,
    spot: &Spot,
    contact: &mut Contact,
    notes: &mut Vec<Note>,
) -> Result<bool, Note> {
    let before = contact.clone();
    let was = fold(&contact.full_name());
    for (said, kept) in [
        (&person.first_name, &mut contact.first_name),
        (&person.last_name, &mut contact.last_name),
    ] {
        if let Some(said) = said
            && clean(kept.reveal()) != *said
        {
            *kept = Redacted::new(said.clone());
        }
    }
    let is = fold(&contact.full_name());
    if was != "–" && was != is {
        let note = Note::warning(with(why::OTHER_NAME, before.full_name()));
        notes.push(note.about(contact.id));
    }
    contact.kind = person.kind.unwrap_or(contact.kind);
    if let Some(language) = &person.language {
        contact.language.clone_from(language);
    }
    contact.area = spot.area.or(contact.area);
    let fields = contact.custom.len();
    for (name, value) in &person.fields {
        let known = contact
            .custom
            .iter_mut()
            .find(|one| fold(&one.name) == fold(name));
        match known {
            Some(known) if clean(known.value.reveal()) == *value => {}
            Some(known) => known.value = Redacted::new(value.clone()),
            None => contact.custom.push(field(name, value)),
        }
    }
    if contact.custom.len() > fields.max(CUSTOM_FIELDS_MAX) {
        return Err(Note::bad(with(why::FIELDS_MANY, CUSTOM_FIELDS_MAX)));
    }
    Ok(*contact != before)
}

fn field(name: &str, value: &str) -> CustomField {
    CustomField {
        name: name.to_owned(),
        value: Redacted::new(value.to_owned()),
    }
}

fn method(kind: MethodKind, to: &Destination, new_id: &mut dyn FnMut() -> [u8; 16]) -> Method {
    Method::new(MethodId::from_bytes(new_id()), kind, to.clone())
}
