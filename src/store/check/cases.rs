//! What must hold between cases, correspondence and the rest.

use super::Check;
use crate::domain::{Case, CaseEvent, CaseStatus, ContactId, Entry, EntryWhat};
use crate::store::engine::Result;
use crate::store::keys;
use crate::store::records::Record;

impl Check<'_> {
    pub(super) fn case(&mut self, case: &Case) -> Result<()> {
        let id = || case.id.to_string();
        if !self.was_contact(case.client)? {
            self.problem(Case::NAME, id(), "its client is missing");
        }
        for creditor in &case.creditors {
            if !self.was_contact(creditor.contact)? {
                self.problem(Case::NAME, id(), "one of its creditors is missing");
            }
        }
        if (case.status == CaseStatus::Closed) != case.closed_at.is_some() {
            self.problem(Case::NAME, id(), "its status and its end disagree");
        }
        Ok(())
    }

    pub(super) fn case_event(&mut self, event: &CaseEvent) -> Result<()> {
        if !self.exists(&keys::case(event.case))? {
            let id = event.id.to_string();
            self.problem(CaseEvent::NAME, id, "its case is missing");
        }
        Ok(())
    }

    pub(super) fn correspondence(&mut self, entry: &Entry) -> Result<()> {
        let id = || entry.id.to_string();
        match entry.case {
            Some(case) if !self.exists(&keys::case(case))? => {
                self.problem(Entry::NAME, id(), "its case is missing");
            }
            Some(_) | None => {}
        }
        let there = match &entry.what {
            EntryWhat::Draft(communication) => self.exists(&keys::communication(*communication))?,
            EntryWhat::Delivery(delivery) => self.exists(&keys::delivery_set(delivery.set()))?,
            EntryWhat::Message { thread, .. } => self.exists(&keys::thread(*thread))?,
            EntryWhat::Note(note) => {
                let mut there = self.blob(note.text)?.is_some();
                for file in &note.files {
                    there &= self.blob(file.blob)?.is_some();
                }
                there
            }
        };
        if !there {
            self.problem(Entry::NAME, id(), "what it stands for is missing");
        }
        Ok(())
    }

    /// Whether there is such a contact, or another one took it over.
    fn was_contact(&self, id: ContactId) -> Result<bool> {
        Ok(self.exists(&keys::contact(id))? || self.exists(&keys::merger(id))?)
    }
}
