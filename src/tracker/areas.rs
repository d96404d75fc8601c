//! The tree of areas: making, naming, moving, taking away.

use super::groups::clean_name;
use super::write::write_log;
use super::{Refusal, Tracker, TrackerError};
use crate::domain::area::AREA_DEPTH_MAX;
use crate::domain::{Actor, Area, AreaId, AreaPlace, AreaTree, ContactChange, ContactId, LogEvent};
use crate::store::{AREAS_MAX, Batch, Loaded, RowBatch};

/// Contacts moved in one batch.
const STEP_CONTACTS_MAX: usize = 200;

/// What deleting an area came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// How many contacts were moved.
    pub moved: u64,
}

impl Tracker {
    /// Makes an area.
    ///
    /// # Errors
    /// When the name is empty, too long or taken beside it, the area above is gone or too deep,
    /// there are too many, or the store fails.
    pub async fn add_area(
        &self,
        name: &str,
        parent: Option<AreaId>,
    ) -> Result<AreaId, TrackerError> {
        let name = clean_name(name)?;
        self.commit_anew(|| {
            let tree = self.repo.areas()?;
            if tree.walk().len() >= AREAS_MAX {
                return Err(TrackerError::Refused(Refusal::TooMany));
            }
            let area = Area {
                id: AreaId::new(self.random.uuid_v7(self.clock.wall())),
                parent,
                name: name.clone(),
            };
            let mut batch = Batch::new();
            self.place(&mut batch, &tree, &area, 1)?;
            batch.insert(&area);
            Ok((batch, area.id))
        })
        .await
    }

    /// Gives an area another name, another place in the tree, or both.
    ///
    /// # Errors
    /// When there is no such area, it would lie in itself or too deep, the name is empty, too
    /// long or taken beside it, or the store fails.
    pub async fn change_area(
        &self,
        id: AreaId,
        name: &str,
        parent: Option<AreaId>,
    ) -> Result<(), TrackerError> {
        let name = clean_name(name)?;
        self.commit_anew(|| {
            let tree = self.repo.areas()?;
            let old = self.known_area(id)?;
            let below = tree.subtree(id);
            if parent.is_some_and(|parent| below.contains(&parent)) {
                return Err(TrackerError::Refused(Refusal::Circle));
            }
            let own = tree.path(id).len();
            let deepest = below.iter().map(|area| tree.path(*area).len()).max();
            let height = deepest.unwrap_or(own) + 1 - own.max(1);
            let new = Area {
                id,
                parent,
                name: name.clone(),
            };
            let mut batch = Batch::new();
            if new != old.value {
                self.place(&mut batch, &tree, &new, height)?;
                batch.replace(&old, &new);
            }
            Ok((batch, ()))
        })
        .await
    }

    fn known_area(&self, id: AreaId) -> Result<Loaded<Area>, TrackerError> {
        self.repo.area(id)?.ok_or(TrackerError::NotFound("area"))
    }

    /// Whether an area of this height may stand where it wants to; insists that nothing above it
    /// moves meanwhile.
    fn place(
        &self,
        batch: &mut Batch,
        tree: &AreaTree,
        area: &Area,
        height: usize,
    ) -> Result<(), TrackerError> {
        if let Some(parent) = area.parent {
            if tree.get(parent).is_none() {
                return Err(TrackerError::Refused(Refusal::Gone));
            }
            let above = tree.path(parent);
            if above.len() + height > AREA_DEPTH_MAX {
                return Err(TrackerError::Refused(Refusal::TooDeep));
            }
            for area in above {
                batch.expect(&self.known_area(area.id)?);
            }
        }
        let taken = tree.children(area.parent).iter().any(|sibling| {
            *sibling != area.id
                && tree
                    .get(*sibling)
                    .is_some_and(|known| known.name.to_lowercase() == area.name.to_lowercase())
        });
        if taken {
            return Err(TrackerError::Refused(Refusal::NameTaken));
        }
        Ok(())
    }

    /// Moves an area's contacts to another (or to none), then removes it. When that is cut short
    /// the area is still there with those who are left: doing it again goes on.
    ///
    /// # Errors
    /// When areas lie in it, the other area is gone or the same, or the store fails.
    pub async fn delete_area(
        &self,
        id: AreaId,
        into: Option<AreaId>,
        by: Actor,
    ) -> Result<Deleted, TrackerError> {
        self.area_may_go(id, into)?;
        let mut moved = 0;
        loop {
            let contacts = self.repo.contact_ids_in_area(id, None, STEP_CONTACTS_MAX)?;
            if contacts.rows.is_empty() {
                break;
            }
            moved += self
                .commit_anew(|| self.move_step(&contacts.rows, id, into, by))
                .await?;
        }
        self.commit_anew(|| {
            let mut batch = Batch::new();
            if let Some(area) = self.repo.area(id)? {
                if self.repo.contact_count(id)? > 0 {
                    return Err(TrackerError::Refused(Refusal::NotEmpty));
                }
                if !self.repo.areas()?.children(Some(id)).is_empty() {
                    return Err(TrackerError::Refused(Refusal::NotEmpty));
                }
                batch.remove(&area);
                if let Some(place) = self.repo.area_place(id)? {
                    batch.remove(&place);
                }
            }
            Ok((batch, Deleted { moved }))
        })
        .await
    }

    /// Says where an area lies.
    ///
    /// # Errors
    /// When there is no such area, or the store fails.
    pub async fn place_area(&self, place: &AreaPlace) -> Result<(), TrackerError> {
        self.commit_anew(|| {
            let mut batch = Batch::new();
            batch.expect(&self.known_area(place.area())?);
            match self.repo.area_place(place.area())? {
                Some(old) if place.is_empty() => batch.remove(&old),
                Some(old) => batch.replace(&old, place),
                None if place.is_empty() => return Ok((Batch::new(), ())),
                None => batch.insert(place),
            }
            Ok((batch, ()))
        })
        .await
    }

    /// Whether an area can be removed, its contacts moved to another (or to none).
    ///
    /// # Errors
    /// When areas lie in it, the other area is gone or the same, or the store fails.
    pub fn area_may_go(&self, id: AreaId, into: Option<AreaId>) -> Result<(), TrackerError> {
        let tree = self.repo.areas()?;
        if !tree.children(Some(id)).is_empty() {
            return Err(TrackerError::Refused(Refusal::NotEmpty));
        }
        if into == Some(id) || into.is_some_and(|into| tree.get(into).is_none()) {
            return Err(TrackerError::Refused(Refusal::Gone));
        }
        Ok(())
    }

    fn move_step(
        &self,
        contacts: &[ContactId],
        from: AreaId,
        into: Option<AreaId>,
        by: Actor,
    ) -> Result<(Batch, u64), TrackerError> {
        let now = self.clock.wall();
        let mut batch = Batch::new();
        let mut moved = 0;
        for id in contacts {
            let Some(old) = self.repo.contact(*id)? else {
                continue;
            };
            if old.area != Some(from) {
                continue;
            }
            let mut new = old.value.clone();
            new.area = into;
            batch.replace(&old, &new);
            let line = LogEvent::changed(ContactChange::Edited, None, by);
            write_log(&mut batch, *id, now, vec![line], self.random.next_u64());
            moved += 1;
        }
        if let Some(into) = into {
            batch.expect(&self.known_area(into)?);
        }
        Ok((batch, moved))
    }
}
