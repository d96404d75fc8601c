//! Whether a person in a file is known already.

use std::collections::HashMap;

use crate::contacts_file::{Note, Person, fold, why};
use crate::domain::{Contact, ContactId, ImportId, KnownPeople, MethodKind};
use crate::store::{Loaded, Repo, RepoError};

/// Most contacts looked at that share an address or number.
const ALIKE_MAX: usize = 20;

/// Who a row is about.
pub(super) enum Meeting {
    /// Somebody new.
    New,
    /// Somebody who is known.
    Known(Box<Loaded<Contact>>),
    /// That cannot be said.
    Unclear(Note),
}

/// How people are recognised.
pub(super) struct Recognise<'a> {
    pub(super) known: KnownPeople,
    pub(super) by_field: Option<&'a str>,
    pub(super) fields: &'a HashMap<String, Vec<ContactId>>,
    pub(super) import: ImportId,
}

/// By id, by the field that was chosen where the row fills it in, else by addresses and numbers.
/// An id may be that of a contact whom another one took over since. Who came with the same
/// file is somebody else: rows that say the same of one person were refused before.
pub(super) fn meet(
    repo: &Repo,
    how: &Recognise<'_>,
    person: &Person,
) -> Result<Meeting, RepoError> {
    if how.known == KnownPeople::Add {
        return Ok(Meeting::New);
    }
    if let Some((column, id)) = person.id {
        return Ok(match repo.current_contact(id)? {
            Some(contact) => Meeting::Known(Box::new(contact)),
            None => Meeting::Unclear(Note::bad(why::ID_UNKNOWN).at(column, &id.to_string())),
        });
    }
    if let Some(value) = how.by_field.and_then(|field| person.field(field)) {
        let mut found = Vec::new();
        for id in how.fields.get(&fold(value)).into_iter().flatten() {
            found.extend(repo.contact(*id)?);
        }
        return Ok(one_of(found));
    }
    by_address(repo, how.import, person)
}

fn by_address(repo: &Repo, import: ImportId, person: &Person) -> Result<Meeting, RepoError> {
    let name = person.folded_name();
    let mut namesakes: Vec<Loaded<Contact>> = Vec::new();
    let mut others: Vec<Loaded<Contact>> = Vec::new();
    for (_, kind, destination) in &person.methods {
        for contact in repo.contacts_by_address(&destination.lookup_key(), ALIKE_MAX)? {
            let seen = namesakes
                .iter()
                .chain(&others)
                .any(|one| one.id == contact.id);
            if seen || contact.import == Some(import) {
                continue;
            }
            let own = fold(&format!(
                "{} {}",
                contact.first_name.reveal(),
                contact.last_name.reveal()
            ));
            if own == name {
                namesakes.push(contact);
            } else if *kind != MethodKind::Landline || own.is_empty() || name.is_empty() {
                // A landline belongs to a household; an address or a mobile to a person.
                others.push(contact);
            }
        }
    }
    Ok(if namesakes.is_empty() {
        one_of(others)
    } else {
        one_of(namesakes)
    })
}

fn one_of(mut found: Vec<Loaded<Contact>>) -> Meeting {
    match (found.pop(), found.is_empty()) {
        (None, _) => Meeting::New,
        (Some(contact), true) => Meeting::Known(Box::new(contact)),
        (Some(contact), false) => Meeting::Unclear(Note::bad(why::SEVERAL).about(contact.id)),
    }
}
