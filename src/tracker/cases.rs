//! Cases: making, changing, holding, closing, opening again. Each change writes down what was
//! done.

use super::{Tracker, TrackerError};
use crate::domain::case::{
    ACCOUNT_REFERENCE_MAX, CASE_CREDITORS_MAX, CASE_TEAM_MAX, CASE_TITLE_MAX, case_reference,
};
use crate::domain::case_event::CASE_EVENT_DETAIL_MAX;
use crate::domain::{
    Actor, Case, CaseChange, CaseCreditor, CaseEvent, CaseEventId, CaseId, CaseStatus, Contact,
    ContactId, ContactKind, Redacted, Sentence, Timestamp, UserId,
};
use crate::store::{Batch, Loaded, RepoError, RowBatch, StoreError, keys};

/// Cases changed in one batch.
const STEP_CASES_MAX: usize = 100;

/// What somebody filled in about a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseInput {
    /// What people call it by; unique without regard to case.
    pub reference: String,
    /// What it is about; may be empty.
    pub title: String,
    /// For whom; stays what it was when a case is changed.
    pub client: ContactId,
    /// Against whom, or with whom.
    pub creditors: Vec<CaseCreditor>,
    /// Who looks after it.
    pub responsible: Option<UserId>,
    /// Who else is named in it.
    pub team: Vec<UserId>,
    /// Only those named in it know of it.
    pub restricted: bool,
}

/// Why a case was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// A field is wrong; says which and why.
    #[error("{0} is wrong")]
    Field(&'static str, Sentence),
    /// It could not be recorded.
    #[error(transparent)]
    Tracker(#[from] TrackerError),
}

impl From<RepoError> for CaseError {
    fn from(error: RepoError) -> Self {
        Self::Tracker(error.into())
    }
}

impl From<StoreError> for CaseError {
    fn from(error: StoreError) -> Self {
        Self::Tracker(error.into())
    }
}

pub(super) type Decided<T> = Result<(Batch, Result<T, CaseError>), TrackerError>;

fn wrong<T>(field: &'static str, why: impl Into<Sentence>) -> Decided<T> {
    Ok((Batch::new(), Err(CaseError::Field(field, why.into()))))
}

impl Tracker {
    /// Makes a case.
    ///
    /// # Errors
    /// When something filled in is wrong, the reference is taken, or the store fails.
    pub async fn add_case(&self, input: &CaseInput, by: Actor) -> Result<CaseId, CaseError> {
        let id = self.commit_anew(|| self.adding_case(input, by)).await??;
        tracing::info!(case = %id, "case opened");
        Ok(id)
    }

    pub(super) fn adding_case(&self, input: &CaseInput, by: Actor) -> Decided<CaseId> {
        let input = match self.checked_case(input, None)? {
            Ok(input) => input,
            Err((field, why)) => return wrong(field, why),
        };
        let now = self.clock.wall();
        let mut batch = Batch::new();
        let client = self.party(input.client, ContactKind::Client)?;
        let erasing = self.repo.erasure(input.client)?.is_some();
        let Some(client) = client.filter(|_| !erasing) else {
            return wrong("client", "This is no client.");
        };
        batch.expect(&client);
        // Nor is there one for somebody who is being erased.
        batch.assert_absent(keys::erasure(client.id));
        let case = Case {
            id: CaseId::new(self.random.uuid_v7(now)),
            reference: input.reference,
            title: input.title,
            client: input.client,
            creditors: input.creditors,
            status: CaseStatus::Open,
            responsible: input.responsible,
            team: input.team,
            restricted: input.restricted,
            legal_hold: false,
            created_at: now,
            modified_at: now,
            closed_at: None,
        };
        if let Err((field, why)) = self.expect_creditors(&mut batch, &case, &[])? {
            return wrong(field, why);
        }
        batch.assert_absent(keys::case_by_reference(&case.reference));
        batch.insert(&case);
        self.note_event(&mut batch, &case, CaseChange::Opened, "", by, now);
        Ok((batch, Ok(case.id)))
    }

    /// Changes what is known of a case, if nobody has since `seen`.
    ///
    /// # Errors
    /// When there is no such case, something filled in is wrong, it was changed meanwhile, or
    /// the store fails.
    pub async fn change_case(
        &self,
        id: CaseId,
        seen: Option<Timestamp>,
        input: &CaseInput,
        by: Actor,
    ) -> Result<(), CaseError> {
        self.commit_anew(|| self.changing_case(id, seen, input, by))
            .await?
    }

    fn changing_case(
        &self,
        id: CaseId,
        seen: Option<Timestamp>,
        input: &CaseInput,
        by: Actor,
    ) -> Decided<()> {
        let old = self.known_case(id)?;
        if seen.is_some_and(|seen| seen != old.modified_at) {
            return wrong("seen", "Somebody else changed this case meanwhile.");
        }
        let input = match self.checked_case(input, Some(&old))? {
            Ok(input) => input,
            Err((field, why)) => return wrong(field, why),
        };
        let mut new = Case {
            reference: input.reference,
            title: input.title,
            creditors: input.creditors,
            responsible: input.responsible,
            team: input.team,
            restricted: input.restricted,
            ..old.value.clone()
        };
        if new == old.value {
            return Ok((Batch::new(), Ok(())));
        }
        let mut batch = Batch::new();
        if let Err((field, why)) = self.expect_creditors(&mut batch, &new, &old.creditors)? {
            return wrong(field, why);
        }
        if new.reference.to_lowercase() != old.reference.to_lowercase() {
            batch.assert_absent(keys::case_by_reference(&new.reference));
        }
        let now = self.clock.wall().max(later(old.modified_at));
        new.modified_at = now;
        batch.replace(&old, &new);
        self.note_changes(&mut batch, &old, &new, by, now)?;
        Ok((batch, Ok(())))
    }

    /// Puts a case on hold, takes it up again, closes it or opens it again. Closing keeps
    /// everything. Where it stands so already nothing is written.
    ///
    /// # Errors
    /// When there is no such case, or the store fails.
    pub async fn set_case_status(
        &self,
        id: CaseId,
        status: CaseStatus,
        reason: &str,
        by: Actor,
    ) -> Result<(), TrackerError> {
        self.commit_anew(|| {
            let old = self.known_case(id)?;
            let change = match (old.status, status) {
                (from, to) if from == to => return Ok((Batch::new(), ())),
                (_, CaseStatus::Closed) => CaseChange::Closed,
                (CaseStatus::Closed, _) => CaseChange::Reopened,
                (_, CaseStatus::OnHold) => CaseChange::Held,
                (_, CaseStatus::Open) => CaseChange::Resumed,
            };
            let now = self.clock.wall().max(later(old.modified_at));
            let new = Case {
                status,
                closed_at: (status == CaseStatus::Closed).then_some(now),
                modified_at: now,
                ..old.value.clone()
            };
            let mut batch = Batch::new();
            batch.replace(&old, &new);
            self.note_event(&mut batch, &new, change, reason, by, now);
            Ok((batch, ()))
        })
        .await
    }

    /// Sets or lifts a legal hold.
    ///
    /// # Errors
    /// When there is no such case, or the store fails.
    pub async fn set_legal_hold(
        &self,
        id: CaseId,
        hold: bool,
        reason: &str,
        by: Actor,
    ) -> Result<(), TrackerError> {
        self.commit_anew(|| {
            let old = self.known_case(id)?;
            if old.legal_hold == hold {
                return Ok((Batch::new(), ()));
            }
            let now = self.clock.wall().max(later(old.modified_at));
            let new = Case {
                legal_hold: hold,
                modified_at: now,
                ..old.value.clone()
            };
            let change = if hold {
                CaseChange::HoldSet
            } else {
                CaseChange::HoldLifted
            };
            let mut batch = Batch::new();
            batch.replace(&old, &new);
            self.note_event(&mut batch, &new, change, reason, by, now);
            Ok((batch, ()))
        })
        .await
    }

    /// Lets the cases of a contact, as client or creditor, be another's. When that is cut short
    /// doing it again goes on.
    pub(super) async fn move_cases(
        &self,
        from: ContactId,
        into: ContactId,
    ) -> Result<(), TrackerError> {
        loop {
            let more = self
                .commit_anew(|| {
                    let mut cases = self.repo.cases_of_client(from, STEP_CASES_MAX)?;
                    cases.extend(self.repo.cases_of_creditor(from, STEP_CASES_MAX)?);
                    cases.sort_by_key(|case| case.id);
                    cases.dedup_by_key(|case| case.id);
                    cases.retain(|case| case.client == from || case.creditor(from).is_some());
                    let mut batch = Batch::new();
                    for old in &cases {
                        batch.replace(old, &moved(old, from, into));
                    }
                    Ok((batch, !cases.is_empty()))
                })
                .await?;
            if !more {
                return Ok(());
            }
        }
    }

    pub(super) fn known_case(&self, id: CaseId) -> Result<Loaded<Case>, TrackerError> {
        self.repo.case(id)?.ok_or(TrackerError::NotFound("case"))
    }

    fn party(
        &self,
        id: ContactId,
        kind: ContactKind,
    ) -> Result<Option<Loaded<Contact>>, TrackerError> {
        let contact = self.repo.contact(id)?;
        let Some(contact) = contact.filter(|contact| contact.kind == kind) else {
            return Ok(None);
        };
        Ok((!self.is_going(&contact)?).then_some(contact))
    }

    /// What was filled in as it is kept, or which field is wrong.
    #[allow(clippy::type_complexity)]
    fn checked_case(
        &self,
        input: &CaseInput,
        old: Option<&Case>,
    ) -> Result<Result<CaseInput, (&'static str, Sentence)>, TrackerError> {
        let reference = match case_reference(&input.reference) {
            Ok(reference) => reference,
            Err(why) => return Ok(Err(("reference", why))),
        };
        let taken = self.repo.case_by_reference(&reference)?;
        if taken.is_some_and(|case| old.is_none_or(|old| old.id != case.id)) {
            return Ok(Err((
                "reference",
                "Another case has this reference.".into(),
            )));
        }
        let title = input.title.trim();
        if title.chars().count() > CASE_TITLE_MAX || title.chars().any(char::is_control) {
            let why = "This is too long: at most {0} characters.";
            let why = Sentence::with(why, &[&CASE_TITLE_MAX]);
            return Ok(Err(("title", why)));
        }
        if input.creditors.len() > CASE_CREDITORS_MAX {
            let why = Sentence::with("A case has at most {0} creditors.", &[&CASE_CREDITORS_MAX]);
            return Ok(Err(("creditors", why)));
        }
        let long = |one: &CaseCreditor| {
            let account = one.account.reveal();
            account.chars().count() > ACCOUNT_REFERENCE_MAX || account.chars().any(char::is_control)
        };
        if input.creditors.iter().any(long) {
            let why = "An account reference has at most {0} characters.";
            let why = Sentence::with(why, &[&ACCOUNT_REFERENCE_MAX]);
            return Ok(Err(("creditors", why)));
        }
        let mut team = input.team.clone();
        team.sort_unstable();
        team.dedup();
        team.retain(|user| Some(*user) != input.responsible);
        if team.len() > CASE_TEAM_MAX {
            let why = Sentence::with("At most {0} people are named.", &[&CASE_TEAM_MAX]);
            return Ok(Err(("team", why)));
        }
        for user in team.iter().chain(&input.responsible) {
            let known_before = old.is_some_and(|old| old.names(*user));
            if !known_before && self.repo.user(*user)?.is_none() {
                return Ok(Err(("team", "There is no such user.".into())));
            }
        }
        Ok(Ok(CaseInput {
            reference,
            title: title.to_owned(),
            team,
            ..input.clone()
        }))
    }

    /// Insists that every new creditor is one, and stays one meanwhile.
    fn expect_creditors(
        &self,
        batch: &mut Batch,
        case: &Case,
        before: &[CaseCreditor],
    ) -> Result<Result<(), (&'static str, Sentence)>, TrackerError> {
        let mut seen = std::collections::HashSet::new();
        for creditor in &case.creditors {
            if !seen.insert(creditor.contact) {
                let why = "This creditor is there twice.".into();
                return Ok(Err(("creditors", why)));
            }
            if before.iter().any(|one| one.contact == creditor.contact) {
                continue;
            }
            match self.party(creditor.contact, ContactKind::Creditor)? {
                Some(contact) => batch.expect(&contact),
                None => return Ok(Err(("creditors", "This is no creditor.".into()))),
            };
        }
        Ok(Ok(()))
    }

    fn note_changes(
        &self,
        batch: &mut Batch,
        old: &Case,
        new: &Case,
        by: Actor,
        now: Timestamp,
    ) -> Result<(), TrackerError> {
        let mut fields = Vec::new();
        if old.reference != new.reference {
            fields.push(format!("{} → {}", old.reference, new.reference));
        }
        if old.title != new.title {
            fields.push(new.title.clone());
        }
        let is_in = |list: &[CaseCreditor], id| list.iter().any(|one| one.contact == id);
        for one in &new.creditors {
            let known = old.creditor(one.contact);
            if known.is_some_and(|known| known.account != one.account) {
                fields.push(self.name_of(one.contact)?);
            } else if known.is_none() {
                let name = self.name_of(one.contact)?;
                self.note_event(batch, new, CaseChange::CreditorAdded, &name, by, now);
            }
        }
        for one in &old.creditors {
            if !is_in(&new.creditors, one.contact) {
                let name = self.name_of(one.contact)?;
                self.note_event(batch, new, CaseChange::CreditorRemoved, &name, by, now);
            }
        }
        if old.responsible != new.responsible || old.team != new.team {
            self.note_event(batch, new, CaseChange::TeamChanged, "", by, now);
        }
        if old.restricted != new.restricted {
            let change = if new.restricted {
                CaseChange::Restricted
            } else {
                CaseChange::Unrestricted
            };
            self.note_event(batch, new, change, "", by, now);
        }
        if !fields.is_empty() {
            self.note_event(batch, new, CaseChange::Edited, &fields.join(" · "), by, now);
        }
        Ok(())
    }

    fn name_of(&self, id: ContactId) -> Result<String, TrackerError> {
        let contact = self.repo.current_contact(id)?;
        Ok(contact.map_or_else(String::new, |contact| contact.full_name()))
    }

    /// Writes down what was done with a case.
    pub(super) fn note_event(
        &self,
        batch: &mut Batch,
        case: &Case,
        change: CaseChange,
        detail: &str,
        by: Actor,
        now: Timestamp,
    ) {
        let detail = detail.chars().filter(|one| !one.is_control());
        batch.insert(&CaseEvent {
            id: CaseEventId::new(self.random.uuid_v7(now)),
            case: case.id,
            client: case.client,
            at: now,
            change,
            detail: Redacted::new(detail.take(CASE_EVENT_DETAIL_MAX).collect()),
            by,
        });
    }
}

fn later(than: Timestamp) -> Timestamp {
    than.plus(std::time::Duration::from_millis(1))
}

/// The case with another contact in the place of one; a creditor stands in it once.
fn moved(old: &Case, from: ContactId, into: ContactId) -> Case {
    let mut new = old.clone();
    if new.client == from {
        new.client = into;
    }
    let is_there = new.creditor(into).is_some();
    if is_there {
        new.creditors.retain(|one| one.contact != from);
    }
    for one in &mut new.creditors {
        if one.contact == from {
            one.contact = into;
        }
    }
    new
}
