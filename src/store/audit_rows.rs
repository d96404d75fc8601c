//! Entries of the record of who did what, on their way into the chain; and what a batch is about,
//! told by the keys that it writes.

use std::collections::BTreeSet;

use super::engine::Batch;
use super::keys;
use super::records::Record;
use crate::domain::{AuditEntry, Subject, SubjectKind};

/// Puts entries into the chain.
pub trait AuditBatch {
    /// Records an act with what the batch changes: both or neither.
    fn audit(&mut self, entry: &AuditEntry);
}

impl AuditBatch for Batch {
    fn audit(&mut self, entry: &AuditEntry) {
        let about = entry.subjects.iter().map(|subject| subject.id);
        self.chain(entry.to_bytes(), about.collect());
    }
}

/// Where the first sixteen bytes behind a tag are the id of what an act is about. Deliveries and
/// the like are not named: they follow from these.
const SUBJECTS: &[(&[u8], SubjectKind)] = &[
    (keys::CONTACT, SubjectKind::Contact),
    (keys::COMMUNICATION, SubjectKind::Communication),
    (keys::CASE, SubjectKind::Case),
    (keys::CASE_EVENT, SubjectKind::Case),
    (keys::TEMPLATE, SubjectKind::Template),
    (keys::ENTRY, SubjectKind::Entry),
    (keys::USER, SubjectKind::User),
    (keys::GROUP, SubjectKind::Group),
    (keys::AREA, SubjectKind::Area),
    (keys::CAMPAIGN, SubjectKind::Campaign),
    (keys::FILTER, SubjectKind::Filter),
    (keys::API_TOKEN, SubjectKind::Token),
    (keys::WEBHOOK, SubjectKind::Webhook),
    (keys::SESSION, SubjectKind::Session),
    (keys::IMPORT, SubjectKind::Import),
    (keys::THREAD, SubjectKind::Thread),
    (keys::MESSAGE, SubjectKind::Thread),
    (keys::ANSWER_POOL, SubjectKind::Answer),
];

/// What a batch makes, changes or removes, in order and each once.
pub(super) fn subjects_of(batch: &Batch) -> Vec<Subject> {
    let mut seen = BTreeSet::new();
    let found = batch.ops.iter().flat_map(|op| subjects_in(op.key()));
    found.filter(|subject| seen.insert(*subject)).collect()
}

fn subjects_in(key: &[u8]) -> Vec<Subject> {
    // A recipient's key names whose list it is, and then who stands on it.
    if key.starts_with(keys::RECIPIENT) {
        let contact = key
            .last_chunk()
            .map(|id| Subject::new(SubjectKind::Contact, *id));
        return contact.into_iter().collect();
    }
    // That of somebody who is written to names the communication, too.
    if let Some(ids) = key.strip_prefix(keys::PERSON) {
        let sent = ids
            .first_chunk()
            .map(|id| Subject::new(SubjectKind::Communication, *id));
        let to = ids
            .last_chunk()
            .map(|id| Subject::new(SubjectKind::Contact, *id));
        return sent.into_iter().chain(to).collect();
    }
    let Some((tag, kind)) = SUBJECTS.iter().find(|(tag, _)| key.starts_with(tag)) else {
        return Vec::new();
    };
    let id = key[tag.len()..].first_chunk();
    id.map(|id| Subject::new(*kind, *id)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RowBatch;
    use crate::store::records::samples;

    #[test]
    fn a_batch_is_about_the_rows_that_it_writes() {
        let mut batch = Batch::new();
        let (contact, user) = (samples::contact(), samples::user());
        batch.insert(&contact);
        batch.insert(&user);
        let person = samples::person();
        batch.insert(&person);
        batch.insert(&samples::template());
        batch.insert(&samples::case_event());
        batch.delete(keys::contact(contact.id));
        let expected = [
            Subject::new(SubjectKind::Contact, *contact.id.as_bytes()),
            Subject::new(SubjectKind::User, *user.id.as_bytes()),
            Subject::new(SubjectKind::Communication, *person.communication.as_bytes()),
            Subject::new(SubjectKind::Template, *samples::template().id.as_bytes()),
            Subject::new(SubjectKind::Case, *samples::case_event().case.as_bytes()),
        ];
        assert_eq!(person.contact, contact.id);
        assert_eq!(subjects_of(&batch), expected);
    }
}
