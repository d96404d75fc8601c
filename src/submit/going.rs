//! What becomes of the scheduled communications that name an area, group or filter which goes.

use super::audience::all_pages;
use super::decision::off_thread;
use super::{SubmitError, Submitter};
use crate::domain::group::FILTERS_MAX;
use crate::domain::{
    Actor, AreaId, AreaTree, Audience, Communication, CommunicationState, FilterId, GroupId,
    SavedFilter,
};
use crate::store::{RepoError, StoreError, acting};
use crate::tracker::{Deleted, Refusal, TrackerError};

/// Communications read at a time.
const PAGE: usize = 1000;

/// What is about to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// An area, and to which one its people go.
    Area(AreaId, Option<AreaId>),
    /// A group.
    Group(GroupId),
    /// A saved filter.
    Filter(FilterId),
}

/// What an audience would be without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// It would be without these people.
    Fewer,
    /// Nobody would leave these people out any more.
    NotLeftOut,
    /// They would come out of an area that is left out, and stays.
    Around,
}

/// What goes, and the areas by which its people were meant and are no more: an area means all that
/// lie in it.
struct Leaving {
    going: Going,
    areas: Vec<AreaId>,
}

impl Leaving {
    /// `empty` when nobody is in it: then nobody is meant otherwise.
    fn of(going: Going, empty: bool, tree: &AreaTree) -> Self {
        let mut areas = Vec::new();
        if let (Going::Area(id, _), true) = (going, empty) {
            areas.push(id);
        } else if let Going::Area(id, into) = going {
            let to = into.map_or_else(Vec::new, |into| tree.path(into));
            let stays = |area: &AreaId| to.iter().any(|there| there.id == *area);
            let from = tree.path(id).into_iter().map(|area| area.id);
            areas = from.filter(|area| !stays(area)).collect();
        }
        Self { going, areas }
    }

    fn has_area(&self, among: &[AreaId]) -> bool {
        among.iter().any(|area| self.areas.contains(area))
    }

    fn is_left_out(&self, of: &Audience) -> bool {
        match self.going {
            Going::Area(id, _) => of.except_areas.contains(&id),
            Going::Group(id) => of.except_groups.contains(&id),
            Going::Filter(_) => false,
        }
    }

    fn is_named(&self, by: &Audience, filters: &[FilterId]) -> bool {
        let named = match self.going {
            Going::Area(..) => self.has_area(&by.areas),
            Going::Group(id) => by.groups.contains(&id),
            Going::Filter(id) => by.filters.contains(&id),
        };
        named || by.filters.iter().any(|id| filters.contains(id))
    }

    fn is_in(&self, filter: &SavedFilter) -> bool {
        match self.going {
            Going::Area(..) => self.has_area(&filter.filter.areas),
            Going::Group(id) => filter.filter.groups.contains(&id),
            Going::Filter(_) => false,
        }
    }
}

impl Submitter {
    /// The scheduled communications that would have another audience without it, and which.
    /// Reads a lot: not for a thread that answers requests.
    ///
    /// # Errors
    /// When the store fails.
    pub fn scheduled_with(&self, going: Going) -> Result<Vec<(Communication, Without)>, RepoError> {
        let empty = match going {
            Going::Area(id, _) => self.repo.contact_ids_in_area(id, None, 1)?.rows.is_empty(),
            Going::Group(_) | Going::Filter(_) => false,
        };
        let going = Leaving::of(going, empty, &self.repo.areas()?);
        let mut filters = self.repo.filters(FILTERS_MAX)?;
        filters.retain(|filter| going.is_in(filter));
        let filters: Vec<FilterId> = filters.iter().map(|filter| filter.id).collect();
        let mut scheduled = Vec::new();
        all_pages(&mut scheduled, |after| {
            let state = CommunicationState::Scheduled;
            self.repo.communications_in_state(state, after, PAGE)
        })?;
        let touched = scheduled.into_iter().filter_map(|one| {
            // Who was approved gets it, whatever becomes of the audience.
            let fixed = one.approval.as_ref().and_then(|approval| approval.people);
            let without = if fixed.is_some() {
                return None;
            } else if going.is_left_out(&one.audience) {
                Without::NotLeftOut
            } else if going.has_area(&one.audience.except_areas) {
                Without::Around
            } else if going.is_named(&one.audience, &filters) {
                Without::Fewer
            } else {
                return None;
            };
            Some((one.value, without))
        });
        Ok(touched.collect())
    }

    /// Deletes a group, with [`Submitter::take_back_before`]; to its end, also when whoever asked
    /// is gone: half of a group would be left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_group(&self, id: GroupId, by: Actor) -> Result<(), SubmitError> {
        let this = self.clone();
        let deleting = tokio::spawn(acting::carried(async move {
            this.take_back_before(Going::Group(id)).await?;
            Ok(this.tracker.delete_group(id, by).await?)
        }));
        deleting.await.map_err(|_| StoreError::Closed)?
    }

    /// Deletes an area, its people going to another one, as [`Submitter::delete_group`] does.
    ///
    /// # Errors
    /// When it may not go, or the store fails.
    pub async fn delete_area(
        &self,
        id: AreaId,
        into: Option<AreaId>,
        by: Actor,
    ) -> Result<Deleted, SubmitError> {
        self.tracker.area_may_go(id, into)?;
        let this = self.clone();
        let deleting = tokio::spawn(acting::carried(async move {
            this.take_back_before(Going::Area(id, into)).await?;
            Ok(this.tracker.delete_area(id, into, by).await?)
        }));
        deleting.await.map_err(|_| StoreError::Closed)?
    }

    /// Before it is deleted, takes back what is scheduled and leaves it out: it would go to
    /// people whom it was not meant for. Each is a draft again, for a person to look at.
    ///
    /// # Errors
    /// When the store fails; those taken back before stay so.
    async fn take_back_before(&self, going: Going) -> Result<(), SubmitError> {
        let this = self.clone();
        let touched = off_thread(move || Ok(this.scheduled_with(going)?)).await?;
        // It would be a draft of which nothing tells that it was taken back.
        if touched
            .iter()
            .any(|(_, without)| *without == Without::Around)
        {
            return Err(TrackerError::Refused(Refusal::LeftOut).into());
        }
        for (communication, without) in touched {
            if without == Without::Fewer {
                continue;
            }
            let id = communication.id;
            match self.withdraw(id).await {
                Ok(()) => {
                    tracing::warn!(communication = %id, "whom a scheduled communication leaves out is being deleted; it is a draft again");
                }
                // Sent or thrown away meanwhile, while it was still left out.
                Err(SubmitError::AlreadySent | SubmitError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
