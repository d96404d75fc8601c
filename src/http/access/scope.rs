//! Whom and what somebody sees: the bounds of areas and cases, kept in one place.
//!
//! A request that names a contact, a message, a thread or a communication in its address is
//! looked at before its page is asked; lists leave out what lies beyond. What cannot be found is
//! beyond too, so that nothing tells whether it is there.

use std::cell::OnceCell;
use std::str::FromStr;
use std::sync::Arc;

use super::super::App;
use super::super::fault::Fault;
use crate::domain::{
    Access, AreaTree, Case, CaseId, CaseScope, Communication, CommunicationId, Contact, ContactId,
    Delivery, DeliveryId, Entry, ThreadId,
};
use crate::store::{Loaded, Repo, RepoError, Seek};
use crate::submit::{FieldError, SubmitError};
use crate::tracker::{CaseError, CaseInput};

/// Most people of a communication that are looked at for one who is somebody's to see.
const PEOPLE_LOOKED_AT_MAX: usize = 50;

/// Refuses what an address names and whoever asks may not see, as if it were not there.
pub(super) fn check(app: &App, access: &Access, pattern: &str, path: &str) -> Result<(), Fault> {
    // To who sees everybody the page itself says that it is not there.
    let whole = access.sees_everybody();
    let mut before = "";
    for (name, part) in pattern.split('/').zip(path.split('/')) {
        let seen = match (before, name) {
            ("contacts" | "recipients" | "clients" | "creditors", "{id}") | (_, "{contact}") => {
                named(part).map_or(Ok(whole), |id| app.sees(access, id))?
            }
            ("communications", "{id}") => match found(part, |id| app.repo().communication(id))? {
                Some(one) => app.sees_communication(access, &one)?,
                None => whole,
            },
            ("deliveries", "{id}") => {
                match found(part, |id: DeliveryId| app.repo().delivery(id))? {
                    Some(one) => app.sees_delivery(access, &one)?,
                    None => whole,
                }
            }
            ("inbox", "{id}") => match found(part, |id: ThreadId| app.repo().thread(id))? {
                Some(one) => app.sees_thread(access, &one)?,
                None => whole,
            },
            _ => true,
        };
        if !seen {
            return Err(Fault::NotFound);
        }
        before = name;
    }
    Ok(())
}

/// The id in an address. One that is written in another way than ours names nothing.
fn named<T: FromStr>(part: &str) -> Option<T> {
    part.parse().ok()
}

/// What an address names, if it names anything.
fn found<Id: FromStr, T>(
    part: &str,
    read: impl Fn(Id) -> Result<Option<T>, RepoError>,
) -> Result<Option<T>, RepoError> {
    named(part).map_or(Ok(None), read)
}

/// Which of many communications somebody sees. The tree of areas is read once, for the first that
/// needs it.
pub(crate) struct Reach<'a> {
    app: &'a App,
    access: &'a Access,
    tree: OnceCell<AreaTree>,
}

impl<'a> Reach<'a> {
    /// For the rows of one request.
    pub(crate) const fn of(app: &'a App, access: &'a Access) -> Self {
        let tree = OnceCell::new();
        Self { app, access, tree }
    }

    /// Whether this one is theirs to see, as [`App::sees_communication`] says it.
    pub(crate) fn sees(&self, of: &Communication) -> Result<bool, RepoError> {
        let (app, access) = (self.app, self.access);
        if !app.sees_matter(access, of)? {
            return Ok(false);
        }
        let audience = &of.audience;
        let to_many =
            audience.list.is_some() || !audience.groups.is_empty() || !audience.filters.is_empty();
        if access.sees_everybody() || of.origin.user() == Some(access.user) || to_many {
            return Ok(true);
        }
        if !audience.areas.is_empty() {
            let tree = self.tree()?;
            let mut within = audience.areas.iter().flat_map(|area| tree.subtree(*area));
            if within.any(|area| access.covers(Some(area))) {
                return Ok(true);
            }
        }
        for contact in audience.contacts.iter().take(PEOPLE_LOOKED_AT_MAX) {
            if app.sees(access, *contact)? {
                return Ok(true);
            }
        }
        app.sees_anybody_of(access, of.id)
    }

    fn tree(&self) -> Result<&AreaTree, RepoError> {
        match self.tree.get() {
            Some(tree) => Ok(tree),
            None => {
                let tree = self.app.repo().areas()?;
                Ok(self.tree.get_or_init(|| tree))
            }
        }
    }
}

/// Whether a message to somebody is theirs to see: by whom it went to and by what it is about.
pub(crate) fn sees_delivery(
    repo: &Repo,
    access: &Access,
    one: &Delivery,
) -> Result<bool, RepoError> {
    if !sees(repo, access, one.contact)? {
        return Ok(false);
    }
    match repo.communication(one.communication)? {
        Some(of) => sees_matter(repo, access, &of),
        None => Ok(true),
    }
}

fn sees(repo: &Repo, access: &Access, id: ContactId) -> Result<bool, RepoError> {
    if access.sees_everybody() {
        return Ok(true);
    }
    let contact = repo.current_contact(id)?;
    Ok(contact.is_some_and(|contact| access.sees_contact(&contact)))
}

/// Whether what a communication is about is theirs to know: a restricted case is for those named
/// in it alone, whatever else somebody may see, and a report of a delivery for those who see that
/// delivery, as it names whom that went to and may hold what was said.
fn sees_matter(repo: &Repo, access: &Access, of: &Communication) -> Result<bool, RepoError> {
    if of.is_delivery_report() {
        let about = of.about.map(|id| repo.delivery(id)).transpose()?;
        return match about.flatten() {
            Some(delivery) => sees_delivery(repo, access, &delivery),
            None => Ok(access.sees_everybody()),
        };
    }
    match of.matter.and_then(|matter| matter.case) {
        Some(id) => sees_case(repo, access, id),
        None => Ok(true),
    }
}

fn sees_case(repo: &Repo, access: &Access, id: CaseId) -> Result<bool, RepoError> {
    let case = repo.case(id)?;
    Ok(case.is_some_and(|case| access.sees_case(&case)))
}

impl App {
    /// A contact, when it is theirs to see; whoever took it over stands for it.
    pub(crate) fn contact_for(
        &self,
        access: &Access,
        id: ContactId,
    ) -> Result<Option<Loaded<Contact>>, RepoError> {
        let contact = self.repo().current_contact(id)?;
        Ok(contact.filter(|contact| access.sees_contact(contact)))
    }

    /// Whether a contact is theirs to see. One that is gone is whose who sees everybody.
    pub(crate) fn sees(&self, access: &Access, id: ContactId) -> Result<bool, RepoError> {
        sees(self.repo(), access, id)
    }

    /// Whether a message to somebody is theirs to see.
    pub(crate) fn sees_delivery(&self, access: &Access, one: &Delivery) -> Result<bool, RepoError> {
        sees_delivery(self.repo(), access, one)
    }

    fn sees_matter(&self, access: &Access, of: &Communication) -> Result<bool, RepoError> {
        sees_matter(self.repo(), access, of)
    }

    fn sees_case_of(&self, access: &Access, id: CaseId) -> Result<bool, RepoError> {
        sees_case(self.repo(), access, id)
    }

    /// The same of one by its id; of one that is gone there is nothing to know.
    pub(crate) fn sees_matter_of(
        &self,
        access: &Access,
        of: CommunicationId,
    ) -> Result<bool, RepoError> {
        match self.repo().communication(of)? {
            Some(of) => self.sees_matter(access, &of),
            None => Ok(true),
        }
    }

    /// Whether an entry of correspondence is theirs to see: by its case, else by its client and by
    /// whom it is with.
    pub(crate) fn sees_entry(&self, access: &Access, entry: &Entry) -> Result<bool, RepoError> {
        if let Some(id) = entry.case {
            return self.sees_case_of(access, id);
        }
        for id in entry.client.into_iter().chain([entry.with]) {
            if !self.sees(access, id)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a communication is theirs to see: they wrote it, or it is meant for a group, a
    /// list or an area of which they cover a part, or for somebody they see. What is said to many
    /// is no secret; who they are is.
    pub(crate) fn sees_communication(
        &self,
        access: &Access,
        of: &Communication,
    ) -> Result<bool, RepoError> {
        Reach::of(self, access).sees(of)
    }

    /// A communication, when it is theirs to see.
    pub(crate) fn communication_for(
        &self,
        access: &Access,
        id: CommunicationId,
    ) -> Result<Option<Loaded<Communication>>, RepoError> {
        match self.repo().communication(id)? {
            Some(found) if self.sees_communication(access, &found)? => Ok(Some(found)),
            Some(_) | None => Ok(None),
        }
    }

    fn sees_anybody_of(&self, access: &Access, of: CommunicationId) -> Result<bool, RepoError> {
        let people = self
            .repo()
            .people_by_name(of, None, &Seek::Start, PEOPLE_LOOKED_AT_MAX)?;
        for one in &people {
            if self.sees(access, one.person.contact)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Refuses to write to people whom somebody does not see.
    ///
    /// # Errors
    /// When there are any, or the store fails.
    pub(crate) async fn check_audience(
        &self,
        access: &Arc<Access>,
        of: CommunicationId,
    ) -> Result<(), SubmitError> {
        let Some(found) = self.repo().communication(of)? else {
            return Err(SubmitError::NotFound);
        };
        let audience = found.value.audience;
        let submit = &self.console.submit;
        let beyond = submit.audience_beyond(audience, Arc::clone(access)).await?;
        if beyond > 0 {
            return Err(SubmitError::Invalid(vec![FieldError::beyond(beyond)]));
        }
        Ok(())
    }

    /// A case as somebody may fill it in: with clients and creditors whom they see. Whoever sees
    /// their own cases alone is named in what they open.
    pub(crate) fn case_within(
        &self,
        access: &Access,
        mut input: CaseInput,
        old: Option<&Case>,
    ) -> Result<CaseInput, CaseError> {
        if old.is_none() && !self.sees(access, input.client)? {
            return Err(CaseError::Field("client", "This is no client.".into()));
        }
        for creditor in &input.creditors {
            let known = old.is_some_and(|case| case.creditor(creditor.contact).is_some());
            if !known && !self.sees(access, creditor.contact)? {
                let problem = "This is no creditor.".into();
                return Err(CaseError::Field("creditors", problem));
            }
        }
        let named = input.responsible == Some(access.user) || input.team.contains(&access.user);
        if old.is_none() && access.cases == CaseScope::Own && !named {
            input.team.push(access.user);
        }
        Ok(input)
    }

    /// Leaves in a list what is theirs to see.
    pub(crate) fn seen_of<T>(
        &self,
        rows: Vec<T>,
        sees: impl Fn(&Self, &T) -> Result<bool, RepoError>,
    ) -> Result<Vec<T>, RepoError> {
        let mut seen = Vec::with_capacity(rows.len());
        for row in rows {
            if sees(self, &row)? {
                seen.push(row);
            }
        }
        Ok(seen)
    }
}
