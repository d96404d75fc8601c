//! Changes of users: who may log in, and with which password. The console and the command line
//! both come here.

use super::{CONFLICTS_MAX, is_conflict};
use crate::clock::{Randomness, SharedClock};
use crate::domain::{
    AreaId, CaseScope, EmailAddress, PhoneNumber, Redacted, Role, SecondFactor, User, UserId,
};
use crate::store::{Batch, Loaded, Repo, RepoError, RowBatch, StoreError, keys};

/// Most users looked through for another administrator.
const USERS_LOOKED_AT_MAX: usize = 100_000;

/// Why a user was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// Somebody logs in by this name already.
    #[error("there is a user of this login name already")]
    Taken,
    /// There is no such user.
    #[error("there is no such user")]
    NotFound,
    /// The user has as many tokens as there may be.
    #[error("this user has too many tokens")]
    TooManyTokens,
    /// Nobody would be left who may administer.
    #[error("this is the last administrator")]
    LastAdministrator,
    /// Nobody takes their own rights away.
    #[error("nobody does this to themselves")]
    Yourself,
    /// It is not what whoever changes it has seen.
    #[error("the user was changed meanwhile")]
    Changed,
    /// Somebody else kept changing the same rows.
    #[error("the same rows kept changing; gave up after {CONFLICTS_MAX} tries")]
    Contention,
    /// Reading failed.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// Committing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Somebody new.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Login name, checked by [`crate::domain::user::login_name`].
    pub login: String,
    /// Name that others see.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// Argon2id hash in PHC string form.
    pub password_hash: String,
    /// The areas this user covers; empty for all.
    pub areas: Vec<AreaId>,
    /// Which cases this user sees.
    pub case_scope: CaseScope,
    /// Where trials and notices go.
    pub email: Option<EmailAddress>,
}

/// What users set for themselves.
#[derive(Clone, Debug)]
pub struct UserSettings {
    /// Name that others see.
    pub name: String,
    /// Language of pages; none for the installation's.
    pub language: Option<String>,
    /// IANA name of the zone of times; none for the installation's.
    pub time_zone: Option<String>,
    /// Where trials and notices go.
    pub email: Option<EmailAddress>,
    /// Where trials of texts and calls go.
    pub mobile: Option<PhoneNumber>,
    /// Told by mail when a reply has come in.
    pub notify_replies: bool,
}

/// What users change of what they have set; none leaves each as it is by then.
#[derive(Clone, Debug, Default)]
pub struct SettingsChanges {
    /// Name that others see.
    pub name: Option<String>,
    /// Language of pages, or the installation's.
    pub language: Option<Option<String>>,
    /// IANA name of the zone of times, or the installation's.
    pub time_zone: Option<Option<String>>,
    /// Where trials and notices go, or nowhere.
    pub email: Option<Option<EmailAddress>>,
    /// Where trials of texts and calls go, or nowhere.
    pub mobile: Option<Option<PhoneNumber>>,
    /// Told by mail when a reply has come in.
    pub notify_replies: Option<bool>,
}

/// What an administrator decides about a user.
#[derive(Clone, Debug)]
pub struct UserRights {
    /// Name that others see.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// The areas this user covers; empty for all.
    pub areas: Vec<AreaId>,
    /// Which cases this user sees.
    pub case_scope: CaseScope,
    /// Where trials and notices go.
    pub email: Option<EmailAddress>,
}

/// What an administrator changes of a user; none leaves each as it is by then.
#[derive(Clone, Debug, Default)]
pub struct RightsChanges {
    /// Name that others see.
    pub name: Option<String>,
    /// What the user may do.
    pub role: Option<Role>,
    /// The areas this user covers; empty for all.
    pub areas: Option<Vec<AreaId>>,
    /// Which cases this user sees.
    pub case_scope: Option<CaseScope>,
    /// Where trials and notices go, or nowhere.
    pub email: Option<Option<EmailAddress>>,
}

impl From<&UserRights> for RightsChanges {
    fn from(all: &UserRights) -> Self {
        Self {
            name: Some(all.name.clone()),
            role: Some(all.role),
            areas: Some(all.areas.clone()),
            case_scope: Some(all.case_scope),
            email: Some(all.email.clone()),
        }
    }
}

impl RightsChanges {
    fn apply(&self, user: &mut User) {
        let now = self.clone();
        user.name = now.name.unwrap_or_else(|| user.name.clone());
        user.role = now.role.unwrap_or(user.role);
        user.areas = now.areas.unwrap_or_else(|| user.areas.clone());
        user.case_scope = now.case_scope.unwrap_or(user.case_scope);
        if let Some(email) = now.email {
            user.email = email.map(Redacted::new);
        }
    }
}

/// Which sessions end with a change.
#[derive(Clone, Copy)]
enum Ending {
    None,
    All,
    AllBut([u8; 32]),
}

/// Changes users.
#[derive(Clone, Debug)]
pub struct Users {
    pub(super) repo: Repo,
    pub(super) clock: SharedClock,
    random: Randomness,
}

impl Users {
    /// Over this state.
    #[must_use]
    pub const fn new(repo: Repo, clock: SharedClock, random: Randomness) -> Self {
        Self {
            repo,
            clock,
            random,
        }
    }

    /// Adds somebody who may log in.
    ///
    /// # Errors
    /// When the login name is taken, or the store fails.
    pub async fn add(&self, new: NewUser) -> Result<UserId, UserError> {
        if self.repo.user_by_login(&new.login)?.is_some() {
            return Err(UserError::Taken);
        }
        let now = self.clock.wall();
        let user = User {
            id: UserId::new(self.random.uuid_v7(now)),
            name: new.name,
            role: new.role,
            password_hash: Redacted::new(new.password_hash),
            created_at: now,
            language: None,
            time_zone: None,
            email: new.email.map(Redacted::new),
            mobile: None,
            areas: new.areas,
            case_scope: new.case_scope,
            notify_replies: false,
            disabled: false,
            second_factor: None,
            login: new.login,
        };
        let mut batch = Batch::new();
        batch.assert_absent(keys::user_by_login(&user.login));
        batch.insert(&user);
        match self.repo.store().commit(batch).await {
            Ok(_) => {}
            Err(error) if is_conflict(&error) => return Err(UserError::Taken),
            Err(error) => return Err(error.into()),
        }
        tracing::info!(user = %user.id, role = user.role.as_str(), "user added");
        Ok(user.id)
    }

    /// Keeps what users set for themselves.
    ///
    /// # Errors
    /// When there is no such user, or the store fails.
    pub async fn change_settings(
        &self,
        id: UserId,
        settings: &UserSettings,
    ) -> Result<(), UserError> {
        self.change(id, Ending::None, |user| {
            user.name.clone_from(&settings.name);
            user.language.clone_from(&settings.language);
            user.time_zone.clone_from(&settings.time_zone);
            user.email = settings.email.clone().map(Redacted::new);
            user.mobile = settings.mobile.clone().map(Redacted::new);
            user.notify_replies = settings.notify_replies;
        })
        .await
    }

    /// Changes some of what a user has set.
    ///
    /// # Errors
    /// When there is no such user, or the store fails.
    pub async fn amend_settings(
        &self,
        id: UserId,
        changes: &SettingsChanges,
    ) -> Result<(), UserError> {
        self.change(id, Ending::None, |user| {
            let now = changes.clone();
            user.name = now.name.unwrap_or_else(|| user.name.clone());
            user.language = now.language.unwrap_or_else(|| user.language.clone());
            user.time_zone = now.time_zone.unwrap_or_else(|| user.time_zone.clone());
            if let Some(email) = now.email {
                user.email = email.map(Redacted::new);
            }
            if let Some(mobile) = now.mobile {
                user.mobile = mobile.map(Redacted::new);
            }
            user.notify_replies = now.notify_replies.unwrap_or(user.notify_replies);
        })
        .await
    }

    /// Changes what a user may do. Another role ends that user's sessions.
    ///
    /// # Errors
    /// When there is no such user, it would change one's own role or leave no administrator,
    /// or the store fails.
    pub async fn change_rights(
        &self,
        id: UserId,
        rights: &UserRights,
        by: UserId,
    ) -> Result<(), UserError> {
        self.amend_rights(id, &rights.into(), None, by).await
    }

    /// Changes some of what a user may do, if the user is still as `seen`. Another role ends that
    /// user's sessions.
    ///
    /// # Errors
    /// When there is no such user, it was changed since, it would change one's own role or leave no
    /// administrator, or the store fails.
    pub async fn amend_rights(
        &self,
        id: UserId,
        changes: &RightsChanges,
        seen: Option<&User>,
        by: UserId,
    ) -> Result<(), UserError> {
        self.change_as(id, |user| {
            if seen.is_some_and(|seen| seen != user) {
                return Err(UserError::Changed);
            }
            let role = user.role;
            changes.apply(user);
            match (user.role != role, id == by) {
                (true, true) => Err(UserError::Yourself),
                (true, false) => Ok(Ending::All),
                (false, _) => Ok(Ending::None),
            }
        })
        .await?;
        let role = changes.role.map(Role::as_str);
        tracing::info!(user = %id, by = %by, role, "rights of a user changed");
        Ok(())
    }

    /// Gives a user a new password. All sessions end, but for the one of the token hash `keep`.
    ///
    /// # Errors
    /// When there is no such user, or the store fails.
    pub async fn set_password(
        &self,
        id: UserId,
        hash: &str,
        keep: Option<[u8; 32]>,
    ) -> Result<(), UserError> {
        let ending = keep.map_or(Ending::All, Ending::AllBut);
        self.change(id, ending, |user| {
            user.password_hash = Redacted::new(hash.to_owned());
        })
        .await?;
        tracing::info!(user = %id, "password changed; the user's sessions have ended");
        Ok(())
    }

    /// Keeps a user from logging in, or lets them again. Disabling ends their sessions. `by` is
    /// nobody for whoever holds the machine.
    ///
    /// # Errors
    /// When there is no such user, it is oneself or the last administrator, or the store fails.
    pub async fn set_disabled(
        &self,
        id: UserId,
        disabled: bool,
        by: Option<UserId>,
    ) -> Result<(), UserError> {
        if disabled && by == Some(id) {
            return Err(UserError::Yourself);
        }
        let ending = if disabled { Ending::All } else { Ending::None };
        self.change(id, ending, |user| user.disabled = disabled)
            .await?;
        tracing::info!(user = %id, disabled, "user may log in or not");
        Ok(())
    }

    /// Turns a user's second factor on, or off with none. All sessions end, but for the one of the
    /// token hash `keep`.
    ///
    /// # Errors
    /// When there is no such user, or the store fails.
    pub async fn set_second_factor(
        &self,
        id: UserId,
        factor: Option<SecondFactor>,
        keep: Option<[u8; 32]>,
    ) -> Result<(), UserError> {
        let ending = keep.map_or(Ending::All, Ending::AllBut);
        let on = factor.is_some();
        self.change(id, ending, |user| user.second_factor.clone_from(&factor))
            .await?;
        tracing::info!(user = %id, on, "second factor turned on or off");
        Ok(())
    }

    /// Ends one session of a user.
    ///
    /// # Errors
    /// When the user has no such session, or the store fails.
    pub async fn end_session(&self, user: UserId, hash: &[u8; 32]) -> Result<(), UserError> {
        let session = self.repo.session(hash)?;
        let session = session.filter(|session| session.user == user);
        let session = session.ok_or(UserError::NotFound)?;
        let mut batch = Batch::new();
        batch.delete(keys::session(&session.token_hash));
        match self.repo.store().commit(batch).await {
            Ok(_) => {}
            // It has ended meanwhile.
            Err(error) if is_conflict(&error) => {}
            Err(error) => return Err(error.into()),
        }
        tracing::info!(%user, "a session was ended");
        Ok(())
    }

    /// Ends all sessions of a user, but for the one of the token hash `keep`.
    ///
    /// # Errors
    /// When there is no such user, or the store fails.
    pub async fn end_all_sessions(
        &self,
        id: UserId,
        keep: Option<[u8; 32]>,
    ) -> Result<(), UserError> {
        let ending = keep.map_or(Ending::All, Ending::AllBut);
        for _ in 0..CONFLICTS_MAX {
            // A login of this moment expects the user's row as it was: it comes before or after.
            let user = self.repo.user(id)?.ok_or(UserError::NotFound)?;
            let mut batch = Batch::new();
            self.end_sessions(&mut batch, id, ending)?;
            if batch.is_empty() {
                return Ok(());
            }
            batch.expect(&user);
            match self.repo.store().commit(batch).await {
                Ok(_) => {
                    tracing::info!(user = %id, "all sessions of a user were ended");
                    return Ok(());
                }
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(UserError::Contention)
    }

    async fn change(
        &self,
        id: UserId,
        ending: Ending,
        edit: impl Fn(&mut User),
    ) -> Result<(), UserError> {
        self.change_as(id, |user| {
            edit(user);
            Ok(ending)
        })
        .await
    }

    /// Changes the row as it is when it is written; what is done with it says which sessions end.
    async fn change_as(
        &self,
        id: UserId,
        edit: impl Fn(&mut User) -> Result<Ending, UserError>,
    ) -> Result<(), UserError> {
        for _ in 0..CONFLICTS_MAX {
            let old = self.repo.user(id)?.ok_or(UserError::NotFound)?;
            let mut new = old.value.clone();
            let ending = edit(&mut new)?;
            let mut batch = Batch::new();
            batch.replace(&old, &new);
            if old.administers() && !new.administers() {
                // Two administrators may take each other's rights at the same moment: whoever
                // is counted on here must still be as read when this is committed.
                batch.expect(
                    &self
                        .other_administrator(id)?
                        .ok_or(UserError::LastAdministrator)?,
                );
            }
            self.end_sessions(&mut batch, id, ending)?;
            match self.repo.store().commit(batch).await {
                Ok(_) => return Ok(()),
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(UserError::Contention)
    }

    fn other_administrator(&self, id: UserId) -> Result<Option<Loaded<User>>, RepoError> {
        let users = self.repo.users(USERS_LOOKED_AT_MAX)?;
        let mut others = users.into_iter().filter(|user| user.id != id);
        Ok(others.find(|user| user.administers()))
    }

    fn end_sessions(&self, batch: &mut Batch, id: UserId, ending: Ending) -> Result<(), RepoError> {
        let keep = match ending {
            Ending::None => return Ok(()),
            Ending::All => None,
            Ending::AllBut(hash) => Some(hash),
        };
        for session in self.repo.sessions_of(id)? {
            if Some(session.token_hash) != keep {
                batch.delete(keys::session(&session.token_hash));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "users_tests.rs"]
mod tests;
