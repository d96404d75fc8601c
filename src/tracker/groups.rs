//! Groups, and who belongs to them.

use super::write::write_log;
use super::{Refusal, Tracker, TrackerError};
use crate::domain::contact::CONTACT_GROUPS_MAX;
use crate::domain::group::{GROUP_NAME_MAX, GROUPS_MAX};
use crate::domain::{Actor, ContactChange, ContactId, Group, GroupId, LogEvent};
use crate::store::{Batch, Loaded, RowBatch};

/// Contacts changed in one batch.
const STEP_CONTACTS_MAX: usize = 200;

/// A name as it is kept, or why it is none.
pub(super) fn clean_name(name: &str) -> Result<String, TrackerError> {
    let name = name.trim();
    let fits = !name.is_empty()
        && name.chars().count() <= GROUP_NAME_MAX
        && !name.chars().any(char::is_control);
    if fits {
        Ok(name.to_owned())
    } else {
        Err(TrackerError::Refused(Refusal::Name))
    }
}

impl Tracker {
    /// Makes a group.
    ///
    /// # Errors
    /// When the name is empty, too long or taken, there are too many groups, or the store fails.
    pub async fn add_group(&self, name: &str) -> Result<GroupId, TrackerError> {
        let name = clean_name(name)?;
        self.commit_anew(|| {
            self.refuse_group_name(&name, None)?;
            let now = self.clock.wall();
            let group = Group {
                id: GroupId::new(self.random.uuid_v7(now)),
                name: name.clone(),
                created_at: now,
            };
            let mut batch = Batch::new();
            batch.insert(&group);
            Ok((batch, group.id))
        })
        .await
    }

    /// Gives a group another name.
    ///
    /// # Errors
    /// When there is no such group, the name is empty, too long or taken, or the store fails.
    pub async fn rename_group(&self, id: GroupId, name: &str) -> Result<(), TrackerError> {
        let name = clean_name(name)?;
        self.commit_anew(|| {
            self.refuse_group_name(&name, Some(id))?;
            let old = self.known_group(id)?;
            let mut batch = Batch::new();
            let new = Group {
                name: name.clone(),
                ..old.value.clone()
            };
            batch.replace(&old, &new);
            Ok((batch, ()))
        })
        .await
    }

    fn known_group(&self, id: GroupId) -> Result<Loaded<Group>, TrackerError> {
        self.repo.group(id)?.ok_or(TrackerError::NotFound("group"))
    }

    fn refuse_group_name(&self, name: &str, own: Option<GroupId>) -> Result<(), TrackerError> {
        let groups = self.repo.groups(GROUPS_MAX)?;
        if own.is_none() && groups.len() >= GROUPS_MAX {
            return Err(TrackerError::Refused(Refusal::TooMany));
        }
        let taken = groups
            .iter()
            .any(|group| Some(group.id) != own && group.name.to_lowercase() == name.to_lowercase());
        if taken {
            return Err(TrackerError::Refused(Refusal::NameTaken));
        }
        Ok(())
    }

    /// Takes everybody out of a group, then removes it. When that is cut short the group is
    /// still there with those who are left: doing it again goes on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_group(&self, id: GroupId, by: Actor) -> Result<(), TrackerError> {
        loop {
            let members = self
                .repo
                .contact_ids_in_group(id, None, STEP_CONTACTS_MAX)?;
            if members.rows.is_empty() {
                break;
            }
            self.change_members(id, &members.rows, false, by).await?;
        }
        self.commit_anew(|| {
            let mut batch = Batch::new();
            if let Some(group) = self.repo.group(id)? {
                if self.repo.group_count(id)? > 0 {
                    return Err(TrackerError::Refused(Refusal::NotEmpty));
                }
                batch.remove(&group);
            }
            Ok((batch, ()))
        })
        .await
    }

    /// Puts contacts into a group, or takes them out. Returns for how many that changed
    /// something; whoever is in as many groups as may be is left out.
    ///
    /// # Errors
    /// When there is no such group, or the store fails; earlier steps stay.
    pub async fn change_members(
        &self,
        id: GroupId,
        contacts: &[ContactId],
        inside: bool,
        by: Actor,
    ) -> Result<u64, TrackerError> {
        let mut changed = 0;
        for step in contacts.chunks(STEP_CONTACTS_MAX) {
            changed += self
                .commit_anew(|| self.members_step(id, step, inside, by))
                .await?;
        }
        Ok(changed)
    }

    fn members_step(
        &self,
        id: GroupId,
        contacts: &[ContactId],
        inside: bool,
        by: Actor,
    ) -> Result<(Batch, u64), TrackerError> {
        let group = self.known_group(id)?;
        let now = self.clock.wall();
        let mut batch = Batch::new();
        let mut changed = 0;
        for contact in contacts {
            let Some(old) = self.repo.contact(*contact)? else {
                continue;
            };
            let full = inside && old.groups.len() >= CONTACT_GROUPS_MAX;
            if old.groups.contains(&id) == inside || full {
                continue;
            }
            let mut new = old.value.clone();
            new.groups.retain(|known| *known != id);
            if inside {
                new.groups.push(id);
                new.groups.sort_unstable();
            }
            batch.replace(&old, &new);
            let line = LogEvent::Changed {
                change: ContactChange::GroupsChanged,
                method: None,
                kind: None,
                detail: format!("{} {}", if inside { '+' } else { '−' }, group.name),
                by,
            };
            write_log(&mut batch, old.id, now, vec![line], self.random.next_u64());
            changed += 1;
        }
        if changed > 0 {
            batch.expect(&group);
        }
        Ok((batch, changed))
    }
}
