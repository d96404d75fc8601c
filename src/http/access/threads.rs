//! Which threads of the inbox somebody sees, and who can be given one.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::super::App;
use super::super::data::apart;
use super::super::fault::Fault;
use crate::domain::inbox::THREAD_MESSAGES_MAX;
use crate::domain::{
    Access, Case, CaseId, CommunicationId, ContactId, Entry, Party, Role, Thread, ThreadId, User,
    UserId,
};
use crate::store::{Loaded, RepoError};

/// Looks at threads for somebody, one after the other: what several of them are about is read
/// once.
pub(crate) struct Sight<'a> {
    access: &'a Access,
    cases: HashMap<CaseId, bool>,
    matters: Matters<'a>,
}

impl<'a> Sight<'a> {
    pub(crate) fn of(app: &'a App, access: &'a Access) -> Self {
        Self {
            access,
            cases: HashMap::new(),
            matters: Matters::of(app),
        }
    }

    /// How many messages were read so far to say who sees what.
    pub(crate) const fn messages_read(&self) -> usize {
        self.matters.messages_read
    }

    /// Whether a thread is theirs to see: by its person, and by every case of which it speaks;
    /// those of unknown senders are whose who covers everywhere.
    pub(crate) fn sees(&mut self, thread: &Thread) -> Result<bool, RepoError> {
        let Some(contact) = thread.contact else {
            return Ok(self.access.covers(None));
        };
        if !self.matters.app.sees(self.access, contact)? {
            return Ok(false);
        }
        for case in self.matters.cases_of(contact, thread.id)? {
            if !self.sees_case(case)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn sees_case(&mut self, id: CaseId) -> Result<bool, RepoError> {
        if let Some(seen) = self.cases.get(&id) {
            return Ok(*seen);
        }
        let case = self.matters.app.repo().case(id)?;
        let seen = case.is_some_and(|case| self.access.sees_case(&case));
        self.cases.insert(id, seen);
        Ok(seen)
    }
}

/// What threads are about, whoever looks at them.
struct Matters<'a> {
    app: &'a App,
    known: HashMap<CommunicationId, Option<CaseId>>,
    messages_read: usize,
}

impl<'a> Matters<'a> {
    fn of(app: &'a App) -> Self {
        Self {
            app,
            known: HashMap::new(),
            messages_read: 0,
        }
    }

    /// The cases of which a client or creditor wrote in a thread: what it answers, and where it
    /// was filed.
    fn cases_of(
        &mut self,
        contact: ContactId,
        thread: ThreadId,
    ) -> Result<BTreeSet<CaseId>, RepoError> {
        let repo = self.app.repo();
        let mut cases = BTreeSet::new();
        let Some(contact) = repo.current_contact(contact)? else {
            return Ok(cases);
        };
        // Somebody who was a client keeps what was said then.
        if Party::of(contact.kind).is_none() && !repo.has_cases(contact.id)? {
            return Ok(cases);
        }
        let most = THREAD_MESSAGES_MAX as usize;
        let messages = repo.messages(thread, None, most)?.rows;
        self.messages_read += messages.len();
        for message in &messages {
            if let Some(id) = message.communication {
                cases.extend(self.case_of(id)?);
            }
            let filed = repo.entry(Entry::id_of_message(message.id))?;
            cases.extend(filed.and_then(|entry| entry.case));
        }
        Ok(cases)
    }

    /// The case of a communication. Of one that is gone there is nothing to know.
    fn case_of(&mut self, id: CommunicationId) -> Result<Option<CaseId>, RepoError> {
        if let Some(case) = self.known.get(&id) {
            return Ok(*case);
        }
        let of = self.app.repo().communication(id)?;
        let case = of.and_then(|of| of.matter?.case);
        self.known.insert(id, case);
        Ok(case)
    }
}

impl App {
    /// Whether a thread is theirs to see. For several of them a [`Sight`] reads less.
    pub(crate) fn sees_thread(&self, access: &Access, thread: &Thread) -> Result<bool, RepoError> {
        Sight::of(self, access).sees(thread)
    }

    /// Those who can be given a thread: they log in, and it is not hidden from them.
    pub(crate) fn keepers(
        &self,
        thread: &Thread,
        mut users: Vec<Loaded<User>>,
    ) -> Result<Vec<Loaded<User>>, RepoError> {
        users.retain(|user| user.role != Role::Application && !user.disabled);
        let repo = self.repo();
        let mut cases: Vec<Case> = Vec::new();
        let mut contact = None;
        if let Some(id) = thread.contact {
            contact = repo.current_contact(id)?;
            for case in Matters::of(self).cases_of(id, thread.id)? {
                cases.extend(repo.case(case)?.map(|case| case.value));
            }
        }
        let tree = OnceCell::new();
        let areas = || match tree.get() {
            Some(tree) => Ok(tree),
            None => repo.areas().map(|read| tree.get_or_init(|| read)),
        };
        let mut keepers = Vec::with_capacity(users.len());
        for user in users {
            let parties = || repo.parties_of_cases_naming(user.id);
            let access = Access::of(&user, None, || areas().cloned(), parties)?;
            let theirs = match (&contact, thread.contact) {
                (Some(contact), _) => access.sees_contact(contact),
                (None, Some(_)) => access.sees_everybody(),
                (None, None) => access.covers(None),
            };
            if theirs && cases.iter().all(|case| access.sees_case(case)) {
                keepers.push(user);
            }
        }
        Ok(keepers)
    }

    /// Whether a user can be given a thread, read on a thread of the system that may wait.
    pub(crate) async fn may_keep(
        self: &Arc<Self>,
        thread: ThreadId,
        user: UserId,
    ) -> Result<bool, Fault> {
        let app = Arc::clone(self);
        apart(move || {
            let thread = app.repo().thread(thread)?.ok_or(Fault::NotFound)?;
            let user = app.repo().user(user)?;
            Ok(!app.keepers(&thread, user.into_iter().collect())?.is_empty())
        })
        .await
    }
}
