//! What becomes of the scheduled communications that name an area, group or filter which goes.

use super::audience::all_pages;
use super::decision::off_thread;
use super::{SubmitError, Submitter};
use crate::domain::group::FILTERS_MAX;
use crate::domain::{
    AreaId, Audience, Communication, CommunicationState, FilterId, GroupId, SavedFilter,
};
use crate::store::RepoError;

/// Communications read at a time.
const PAGE: usize = 1000;

/// What is about to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Going {
    /// An area.
    Area(AreaId),
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
}

impl Going {
    fn is_left_out(self, of: &Audience) -> bool {
        match self {
            Self::Area(id) => of.except_areas.contains(&id),
            Self::Group(id) => of.except_groups.contains(&id),
            Self::Filter(_) => false,
        }
    }

    fn is_named(self, by: &Audience, filters: &[FilterId]) -> bool {
        let named = match self {
            Self::Area(id) => by.areas.contains(&id),
            Self::Group(id) => by.groups.contains(&id),
            Self::Filter(id) => by.filters.contains(&id),
        };
        named || by.filters.iter().any(|id| filters.contains(id))
    }

    fn is_in(self, filter: &SavedFilter) -> bool {
        match self {
            Self::Area(id) => filter.filter.areas.contains(&id),
            Self::Group(id) => filter.filter.groups.contains(&id),
            Self::Filter(_) => false,
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
            } else if going.is_named(&one.audience, &filters) {
                Without::Fewer
            } else {
                return None;
            };
            Some((one.value, without))
        });
        Ok(touched.collect())
    }

    /// Before it is deleted, takes back what is scheduled and leaves it out: it would go to
    /// people whom it was not meant for. Each is a draft again, for a person to look at.
    ///
    /// # Errors
    /// When the store fails; those taken back before stay so.
    pub async fn take_back_before(&self, going: Going) -> Result<(), SubmitError> {
        let this = self.clone();
        let touched = off_thread(move || Ok(this.scheduled_with(going)?)).await?;
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
