//! Tokens of programs, and the answers kept for programs that ask twice.

use super::{CONFLICTS_MAX, UserError, Users, is_conflict};
use crate::domain::token::{API_REQUESTS_MAX, TOKENS_MAX};
use crate::domain::{ApiAnswer, ApiRequest, ApiToken, Timestamp, UserId};
use crate::store::{Batch, Loaded, RowBatch, StoreError};

/// Most tokens of one user that are read, revoked ones among them.
pub const TOKENS_READ_MAX: usize = 1_000;
/// Old requests forgotten with each new one.
const SWEPT_MAX: usize = 100;

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Whose.
    pub user: UserId,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// What it is for, checked by [`crate::domain::user::display_name`].
    pub name: String,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// What became of writing down a request.
#[derive(Debug)]
pub enum Begun {
    /// It is new, and now to be done.
    New(Loaded<ApiRequest>),
    /// It was asked before.
    Known(Loaded<ApiRequest>),
    /// There is no room for more.
    Full,
}

impl Users {
    /// Makes a token.
    ///
    /// # Errors
    /// When there is no such user, they have [`TOKENS_MAX`] already, or the store fails.
    pub async fn add_token(&self, new: NewToken) -> Result<(), UserError> {
        let user = self.repo.user(new.user)?.ok_or(UserError::NotFound)?;
        let known = self.repo.tokens_of(new.user, TOKENS_READ_MAX)?;
        let live = known.iter().filter(|token| token.revoked_at.is_none());
        if known.len() >= TOKENS_READ_MAX || live.count() >= TOKENS_MAX {
            return Err(UserError::TooManyTokens);
        }
        let mut batch = Batch::new();
        batch.expect(&user);
        batch.insert(&ApiToken {
            token_hash: new.hash,
            user: new.user,
            name: new.name,
            created_at: self.clock.wall(),
            used_at: None,
            expires_at: new.expires_at,
            revoked_at: None,
        });
        match self.repo.store().commit(batch).await {
            Ok(_) => {}
            Err(error) if is_conflict(&error) => return Err(UserError::Contention),
            Err(error) => return Err(error.into()),
        }
        tracing::info!(user = %new.user, "token made");
        Ok(())
    }

    /// Revokes a token of a user: from then on it lets nobody in.
    ///
    /// # Errors
    /// When the user has no such token, or the store fails.
    pub async fn revoke_token(&self, user: UserId, hash: &[u8; 32]) -> Result<(), UserError> {
        for _ in 0..CONFLICTS_MAX {
            let old = self.repo.api_token(hash)?;
            let old = old.filter(|token| token.user == user);
            let old = old.ok_or(UserError::NotFound)?;
            if old.revoked_at.is_some() {
                return Ok(());
            }
            let mut batch = Batch::new();
            let revoked = ApiToken {
                revoked_at: Some(self.clock.wall()),
                ..old.value.clone()
            };
            batch.replace(&old, &revoked);
            match self.repo.store().commit(batch).await {
                Ok(_) => {
                    tracing::info!(user = %user, "token revoked");
                    return Ok(());
                }
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(UserError::Contention)
    }

    /// Notes that a token was used, at most once in a while. Failing to note it is no harm.
    pub async fn touch_token(&self, token: &Loaded<ApiToken>) {
        let now = self.clock.wall();
        if !token.wants_touch(now) {
            return;
        }
        let mut batch = Batch::new();
        let used = ApiToken {
            used_at: Some(now),
            ..token.value.clone()
        };
        batch.replace(token, &used);
        if let Err(error) = self.repo.store().commit(batch).await {
            tracing::debug!(%error, "a token's use was not noted");
        }
    }

    /// Writes a request down before it is done, and forgets old ones.
    ///
    /// # Errors
    /// When the store fails, or others kept writing the same.
    pub async fn begin_request(&self, new: &ApiRequest) -> Result<Begun, UserError> {
        for _ in 0..CONFLICTS_MAX {
            let known = self.repo.api_request(&new.key)?;
            let mut batch = Batch::new();
            match known {
                Some(known) if !known.is_over(new.at) => return Ok(Begun::Known(known)),
                Some(over) => {
                    batch.replace(&over, new);
                }
                None => {
                    let old = self.repo.oldest_api_requests(SWEPT_MAX)?;
                    let old: Vec<_> = old.iter().filter(|one| one.is_over(new.at)).collect();
                    if old.is_empty() && self.repo.api_request_count()? >= API_REQUESTS_MAX {
                        return Ok(Begun::Full);
                    }
                    old.into_iter().for_each(|one| batch.remove(one));
                    batch.insert(new);
                }
            }
            match self.repo.store().commit(batch).await {
                Ok(_) => {
                    let begun = self.repo.api_request(&new.key)?;
                    return begun.map(Begun::New).ok_or(UserError::NotFound);
                }
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(UserError::Contention)
    }

    /// Keeps the answer to a request; without one the request is forgotten and may be sent anew.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn end_request(
        &self,
        begun: &Loaded<ApiRequest>,
        answer: Option<ApiAnswer>,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        match answer {
            Some(answer) => {
                let done = ApiRequest {
                    answer: Some(answer),
                    ..begun.value.clone()
                };
                batch.replace(begun, &done);
            }
            None => batch.remove(begun),
        }
        self.repo.store().commit(batch).await.map(|_| ())
    }
}
