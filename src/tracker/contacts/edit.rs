//! Making and editing contacts as a whole: what the editor shows, in one batch.

use super::super::write::write_log;
use super::super::{Refusal, Tracker, TrackerError};
use crate::domain::contact::METHODS_MAX;
use crate::domain::details::Changed;
use crate::domain::{
    Actor, Contact, ContactChange, ContactId, Details, LogEvent, MethodId, MethodState, Wishes,
    comms_issue,
};
use crate::store::{Batch, RowBatch};

/// Longest detail of a line in the log, in octets.
const DETAIL_SIZE_MAX: usize = 400;

/// What an edit came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edited {
    /// It is durable.
    Saved {
        /// Methods that are new or corrected: nobody has proved them yet.
        unproved: Vec<MethodId>,
    },
    /// Somebody else changed the contact since it was shown; nothing was written.
    ChangedMeanwhile,
}

impl Tracker {
    /// Makes a contact. Returns its id and its methods, which nobody has proved yet.
    ///
    /// # Errors
    /// When its area or a group is gone, or the store fails.
    pub async fn create_contact(
        &self,
        details: &Details,
        by: Actor,
    ) -> Result<(ContactId, Vec<MethodId>), TrackerError> {
        self.commit_anew(|| {
            let now = self.clock.wall();
            let mut contact = self.empty_contact(details);
            let changed = details.apply(&mut contact, || self.method_id());
            if contact.methods.len() > METHODS_MAX {
                return Err(TrackerError::Refused(Refusal::TooMany));
            }
            let mut batch = Batch::new();
            let suppressed = self.heed_suppressions(&mut contact, None)?;
            self.expect_places(&mut batch, None, &contact)?;
            batch.insert(&contact);
            let mut log = vec![LogEvent::changed(ContactChange::Created, None, by)];
            log.extend(suppressed);
            write_log(&mut batch, contact.id, now, log, self.random.next_u64());
            Ok((batch, (contact.id, unproved(&contact, &changed))))
        })
        .await
    }

    fn empty_contact(&self, details: &Details) -> Contact {
        let now = self.clock.wall();
        Contact {
            id: ContactId::new(self.random.uuid_v7(now)),
            kind: details.kind,
            first_name: details.first_name.clone(),
            last_name: details.last_name.clone(),
            language: details.language.clone(),
            area: None,
            methods: Vec::new(),
            issue_since: None,
            prompted_at: None,
            created_at: now,
            groups: Vec::new(),
            custom: Vec::new(),
            wishes: Wishes::default(),
            import: None,
        }
    }

    /// Edits a contact. `seen` looks at it as it is now and says whether that is what was shown
    /// when the editing began.
    ///
    /// # Errors
    /// When there is no such contact, its new area or a new group is gone, it would have too
    /// many methods, or the store fails.
    pub async fn edit_contact(
        &self,
        id: ContactId,
        seen: impl Fn(&Contact) -> bool + Send + Sync,
        details: &Details,
        by: Actor,
    ) -> Result<Edited, TrackerError> {
        self.commit_anew(|| {
            let old = self
                .repo
                .contact(id)?
                .ok_or(TrackerError::NotFound("contact"))?;
            if !seen(&old) {
                return Ok((Batch::new(), Edited::ChangedMeanwhile));
            }
            let mut new = old.value.clone();
            let changed = details.apply(&mut new, || self.method_id());
            if new.methods.len() > METHODS_MAX {
                return Err(TrackerError::Refused(Refusal::TooMany));
            }
            let suppressed = self.heed_suppressions(&mut new, Some(&old))?;
            let unproved = unproved(&new, &changed);
            let mut batch = Batch::new();
            if !changed.is_empty() {
                let now = self.clock.wall();
                comms_issue::refresh(&mut new, now);
                self.expect_places(&mut batch, Some(&old), &new)?;
                batch.replace(&old, &new);
                self.tell_of_issue(&mut batch, &old, &new, now)?;
                let mut log = self.lines(&old, &new, &changed, by)?;
                log.extend(suppressed);
                write_log(&mut batch, id, now, log, self.random.next_u64());
            }
            Ok((batch, Edited::Saved { unproved }))
        })
        .await
    }

    fn method_id(&self) -> MethodId {
        MethodId::new(self.random.uuid_v7(self.clock.wall()))
    }

    /// Insists that the area and the groups that are new to the contact are still there.
    fn expect_places(
        &self,
        batch: &mut Batch,
        old: Option<&Contact>,
        new: &Contact,
    ) -> Result<(), TrackerError> {
        let gone = || TrackerError::Refused(Refusal::Gone);
        if let Some(area) = new.area
            && old.is_none_or(|old| old.area != new.area)
        {
            batch.expect(&self.repo.area(area)?.ok_or_else(gone)?);
        }
        for group in &new.groups {
            if old.is_none_or(|old| !old.groups.contains(group)) {
                batch.expect(&self.repo.group(*group)?.ok_or_else(gone)?);
            }
        }
        Ok(())
    }

    fn lines(
        &self,
        old: &Contact,
        new: &Contact,
        changed: &[Changed],
        by: Actor,
    ) -> Result<Vec<LogEvent>, TrackerError> {
        let mut lines = Vec::with_capacity(changed.len());
        for (change, method) in changed {
            let method = method.and_then(|id| new.method(id));
            lines.push(match (change, method, by) {
                (ContactChange::MethodCorrected, Some(method), Actor::User(by)) => {
                    LogEvent::Corrected {
                        method: method.id,
                        kind: method.kind,
                        by,
                    }
                }
                (ContactChange::GroupsChanged, _, _) => LogEvent::Changed {
                    change: *change,
                    method: None,
                    kind: None,
                    detail: self.groups_detail(old, new)?,
                    by,
                },
                _ => LogEvent::changed(*change, method, by),
            });
        }
        Ok(lines)
    }

    /// "+ Wardens, − Flood plain"
    fn groups_detail(&self, old: &Contact, new: &Contact) -> Result<String, TrackerError> {
        let mut names = Vec::new();
        let added = new.groups.iter().filter(|id| !old.groups.contains(id));
        let left = old.groups.iter().filter(|id| !new.groups.contains(id));
        for (sign, id) in added.map(|id| ('+', id)).chain(left.map(|id| ('−', id))) {
            if let Some(group) = self.repo.group(*id)? {
                names.push(format!("{sign} {}", group.name));
            }
        }
        let mut detail = names.join(", ");
        while detail.len() > DETAIL_SIZE_MAX {
            detail.pop();
        }
        Ok(detail)
    }
}

fn unproved(contact: &Contact, changed: &[Changed]) -> Vec<MethodId> {
    let methods = changed.iter().filter_map(|(_, method)| *method);
    methods
        .filter(|id| {
            let method = contact.method(*id);
            method.is_some_and(|method| method.state == MethodState::Unverified)
        })
        .collect()
}
