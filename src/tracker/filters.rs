//! Filters that somebody gave a name.

use super::groups::clean_name;
use super::{Refusal, Tracker, TrackerError};
use crate::domain::group::{FILTER_PICKS_MAX, FILTERS_MAX};
use crate::domain::{ContactFilter, FilterId, SavedFilter, UserId};
use crate::store::{Batch, RowBatch};

impl Tracker {
    /// Keeps a filter under a name.
    ///
    /// # Errors
    /// When the name is empty, too long or taken, there are too many, or the store fails.
    pub async fn save_filter(
        &self,
        name: &str,
        filter: &ContactFilter,
        by: UserId,
    ) -> Result<FilterId, TrackerError> {
        let name = clean_name(name)?;
        if filter.areas.len() + filter.groups.len() > FILTER_PICKS_MAX {
            return Err(TrackerError::Refused(Refusal::TooMany));
        }
        self.commit_anew(|| {
            self.refuse_filter_name(&name, None)?;
            let now = self.clock.wall();
            let saved = SavedFilter {
                id: FilterId::new(self.random.uuid_v7(now)),
                name: name.clone(),
                filter: filter.clone(),
                by,
                created_at: now,
            };
            let mut batch = Batch::new();
            batch.insert(&saved);
            Ok((batch, saved.id))
        })
        .await
    }

    /// Gives a filter another name.
    ///
    /// # Errors
    /// When there is no such filter, the name is empty, too long or taken, or the store fails.
    pub async fn rename_filter(&self, id: FilterId, name: &str) -> Result<(), TrackerError> {
        let name = clean_name(name)?;
        self.commit_anew(|| {
            self.refuse_filter_name(&name, Some(id))?;
            let old = self
                .repo
                .filter(id)?
                .ok_or(TrackerError::NotFound("filter"))?;
            let mut batch = Batch::new();
            let new = SavedFilter {
                name: name.clone(),
                ..old.value.clone()
            };
            batch.replace(&old, &new);
            Ok((batch, ()))
        })
        .await
    }

    /// Removes a filter. Nobody whom it found is touched.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete_filter(&self, id: FilterId) -> Result<(), TrackerError> {
        self.commit_anew(|| {
            let mut batch = Batch::new();
            if let Some(old) = self.repo.filter(id)? {
                batch.remove(&old);
            }
            Ok((batch, ()))
        })
        .await
    }

    fn refuse_filter_name(&self, name: &str, own: Option<FilterId>) -> Result<(), TrackerError> {
        let filters = self.repo.filters(FILTERS_MAX)?;
        if own.is_none() && filters.len() >= FILTERS_MAX {
            return Err(TrackerError::Refused(Refusal::TooMany));
        }
        let taken = filters.iter().any(|filter| {
            Some(filter.id) != own && filter.name.to_lowercase() == name.to_lowercase()
        });
        if taken {
            return Err(TrackerError::Refused(Refusal::NameTaken));
        }
        Ok(())
    }
}
