//! Who an audience is: areas, groups, filters, a list and single people, less those left out.

use std::collections::HashSet;
use std::sync::Arc;

use super::decision::off_thread;
use super::{FieldError, SubmitError, Submitter};
use crate::domain::{
    Access, AreaId, AreaTree, Audience, BlobId, ContactFilter, ContactId, FilterId, GroupId,
    Sentence, UserId,
};
use crate::store::engine::Key;
use crate::store::{Batch, Page, Repo, RepoError};

/// Contacts read at a time.
const PAGE: usize = 1000;

/// The people of an audience.
pub(super) struct People {
    /// Each once, in order of id: what is then written for each lies side by side in the store.
    pub(super) ids: Vec<ContactId>,
    /// How many were named and then left out.
    pub(super) left_out: u64,
}

/// Everybody an audience names, each once; leaving out wins over naming. Filters find whom they
/// find now. Reads a lot: not for a thread that answers requests.
pub(super) fn resolve(repo: &Repo, audience: &Audience) -> Result<People, RepoError> {
    resolve_with(repo, audience, repo.audience_list(audience)?)
}

/// As [`resolve`], with a list that is not kept yet.
pub(super) fn resolve_with(
    repo: &Repo,
    audience: &Audience,
    list: Vec<ContactId>,
) -> Result<People, RepoError> {
    let tree = repo.areas()?;
    let mut ids = in_areas(repo, &tree, &audience.areas)?;
    ids.extend(in_groups(repo, &audience.groups)?);
    ids.extend(by_filters(repo, &tree, audience)?);
    for id in list.into_iter().chain(audience.contacts.iter().copied()) {
        // Whoever took a contact over is meant by its name.
        ids.extend(repo.current_contact(id)?.map(|contact| contact.id));
    }
    ids.sort_unstable();
    ids.dedup();
    let named = ids.len();
    let mut out = in_areas(repo, &tree, &audience.except_areas)?;
    out.extend(in_groups(repo, &audience.except_groups)?);
    for id in &audience.except_contacts {
        out.push(repo.current_id(*id)?);
    }
    if !out.is_empty() {
        out.sort_unstable();
        ids.retain(|id| out.binary_search(id).is_err());
    }
    Ok(People {
        left_out: (named - ids.len()) as u64,
        ids,
    })
}

fn in_areas(repo: &Repo, tree: &AreaTree, areas: &[AreaId]) -> Result<Vec<ContactId>, RepoError> {
    let areas: HashSet<_> = areas.iter().flat_map(|area| tree.subtree(*area)).collect();
    let mut ids = Vec::new();
    for area in areas {
        all_pages(&mut ids, |after| {
            repo.contact_ids_in_area(area, after, PAGE)
        })?;
    }
    Ok(ids)
}

fn in_groups(repo: &Repo, groups: &[GroupId]) -> Result<Vec<ContactId>, RepoError> {
    let mut ids = Vec::new();
    for group in groups {
        all_pages(&mut ids, |after| {
            repo.contact_ids_in_group(*group, after, PAGE)
        })?;
    }
    Ok(ids)
}

pub(super) fn all_pages<T>(
    into: &mut Vec<T>,
    mut page: impl FnMut(Option<Key>) -> Result<Page<T>, RepoError>,
) -> Result<(), RepoError> {
    let mut after = None;
    loop {
        let found = page(after)?;
        into.extend(found.rows);
        after = found.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Looks at every contact once for all filters together: what a filter asks for has no index.
fn by_filters(
    repo: &Repo,
    tree: &AreaTree,
    audience: &Audience,
) -> Result<Vec<ContactId>, RepoError> {
    let mut filters: Vec<(ContactFilter, HashSet<AreaId>)> = Vec::new();
    for id in &audience.filters {
        if let Some(saved) = repo.filter(*id)? {
            let filter = saved.value.filter;
            let areas = filter.areas.iter().flat_map(|area| tree.subtree(*area));
            filters.push((filter.clone(), areas.collect()));
        }
    }
    let mut ids = Vec::new();
    if filters.is_empty() {
        return Ok(ids);
    }
    let mut after = None;
    loop {
        let page = repo.all_contacts(after, PAGE)?;
        let found = page.rows.iter().filter(|contact| {
            filters.iter().any(|(filter, areas)| {
                filter.matches(contact, |area| {
                    area.is_some_and(|area| areas.contains(&area))
                })
            })
        });
        ids.extend(found.map(|contact| contact.id));
        after = page.next;
        if after.is_none() {
            return Ok(ids);
        }
    }
}

/// Something that an audience names or leaves out, and that has been deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// An area; whether it is left out.
    Area(AreaId, bool),
    /// A group; whether it is left out.
    Group(GroupId, bool),
    /// A saved filter.
    Filter(FilterId),
}

impl Lost {
    /// Its people would be sent what was not meant for them.
    #[must_use]
    pub const fn is_left_out(&self) -> bool {
        matches!(self, Self::Area(_, true) | Self::Group(_, true))
    }
}

/// What of an audience is there no more: whoever reads it would be told of other people than it
/// means.
pub(super) fn all_lost(repo: &Repo, audience: &Audience) -> Result<Vec<Lost>, RepoError> {
    let mut lost = Vec::new();
    for (areas, out) in [(&audience.areas, false), (&audience.except_areas, true)] {
        for area in areas {
            if repo.area(*area)?.is_none() {
                lost.push(Lost::Area(*area, out));
            }
        }
    }
    for (groups, out) in [(&audience.groups, false), (&audience.except_groups, true)] {
        for group in groups {
            if repo.group(*group)?.is_none() {
                lost.push(Lost::Group(*group, out));
            }
        }
    }
    for filter in &audience.filters {
        if repo.filter(*filter)?.is_none() {
            lost.push(Lost::Filter(*filter));
        }
    }
    Ok(lost)
}

impl FieldError {
    /// What is said of an audience of which something is lost.
    #[must_use]
    pub fn lost() -> Self {
        Self::new(
            "audience",
            "An area, group or saved filter that you chose is not there any more. Choose again.",
        )
    }
}

/// People as a blob keeps them.
pub(super) fn packed(people: &[ContactId]) -> Vec<u8> {
    people.iter().flat_map(|id| *id.as_bytes()).collect()
}

/// People as a blob kept them.
pub(super) fn unpacked(bytes: &[u8]) -> Vec<ContactId> {
    let (ids, _) = bytes.as_chunks::<16>();
    ids.iter().copied().map(ContactId::from_bytes).collect()
}

impl FieldError {
    /// What is said of an audience of which so many people are not the sender's to see.
    #[must_use]
    pub fn beyond(people: u64) -> Self {
        Self::new(
            "audience",
            Sentence::with(
                "{0} of these people are outside what you cover. Choose your areas, or people whom you see.",
                &[&people],
            ),
        )
    }
}

impl Submitter {
    /// What an audience names or leaves out, and what has been deleted.
    ///
    /// # Errors
    /// When the store fails.
    pub fn lost(&self, audience: &Audience) -> Result<Vec<Lost>, RepoError> {
        all_lost(&self.repo, audience)
    }

    /// How many people an audience has now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audience_count(&self, audience: Audience) -> Result<u64, SubmitError> {
        let repo = self.repo.clone();
        off_thread(move || Ok(resolve(&repo, &audience)?.ids.len() as u64)).await
    }

    /// How many people of an audience somebody does not see, and so may not write to.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audience_beyond(
        &self,
        audience: Audience,
        access: Arc<Access>,
    ) -> Result<u64, SubmitError> {
        if access.sees_everybody() {
            return Ok(0);
        }
        let repo = self.repo.clone();
        off_thread(move || {
            let mut beyond = 0;
            for ids in resolve(&repo, &audience)?.ids.chunks(PAGE) {
                let contacts = repo.current_contacts(ids)?;
                let seen = contacts.iter().flatten();
                let seen = seen.filter(|contact| access.sees_contact(contact)).count();
                beyond += (ids.len() - seen) as u64;
            }
            Ok(beyond)
        })
        .await
    }

    /// Takes over a user's recipient list as it is now, for an [`Audience`]: where it is kept,
    /// and how many are on it. None when nobody is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_list(&self, user: UserId) -> Result<Option<(BlobId, u32)>, SubmitError> {
        let repo = self.repo.clone();
        let bytes = off_thread(move || {
            let mut people = Vec::new();
            all_pages(&mut people, |after| repo.recipients(user, after, PAGE))?;
            let mut ids: Vec<ContactId> = people.iter().map(|one| one.contact).collect();
            ids.sort_unstable();
            Ok(packed(&ids))
        })
        .await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let count = u32::try_from(bytes.len() / 16).unwrap_or(u32::MAX);
        let id = BlobId::of(&bytes);
        if self.repo.store().get_blob(id)?.is_none() {
            let mut batch = Batch::new();
            batch.blob(bytes);
            self.repo.store().commit(batch).await?;
        }
        Ok(Some((id, count)))
    }
}
