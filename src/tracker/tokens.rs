//! Tokens of programs, and the answers kept for programs that ask twice.

use super::{CONFLICTS_MAX, UserError, Users, is_conflict};
use crate::domain::token::{API_REQUESTS_MAX, TOKENS_MAX};
use crate::domain::{ApiAnswer, ApiRequest, ApiToken, Permissions, Timestamp, UserId};
use crate::store::{Batch, Loaded, RowBatch, StoreError};

/// Most tokens of one user that are read, revoked ones among them.
pub const TOKENS_READ_MAX: usize = 1_000;
/// Old requests forgotten with each new one.
const SWEPT_MAX: usize = 100;
/// The name of no run of the daemon.
const NO_RUN: [u8; 16] = [0; 16];

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Whose.
    pub user: UserId,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// What it is for, checked by [`crate::domain::user::display_name`].
    pub name: String,
    /// What it may do of what its user may; none for all of it.
    pub scopes: Option<Permissions>,
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
    /// Makes a token; it may never do more than its user's role.
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
            scopes: new.scopes.map(|wanted| wanted.and(user.role.permissions())),
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
        batch.upkeep();
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
        self.begin_within(new, API_REQUESTS_MAX).await
    }

    async fn begin_within(&self, new: &ApiRequest, max: u64) -> Result<Begun, UserError> {
        let known = self.repo.api_request(&new.key)?;
        if known.is_none() && !self.make_room(new.at, max).await? {
            return Ok(Begun::Full);
        }
        for _ in 0..CONFLICTS_MAX {
            let known = self.repo.api_request(&new.key)?;
            let mut batch = Batch::new();
            batch.upkeep();
            match known {
                Some(known) if !known.is_over(new.at) => return Ok(Begun::Known(known)),
                Some(over) => {
                    batch.replace(&over, new);
                }
                None => batch.insert(new),
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

    /// Forgets requests that are over; when there are `max`, also the oldest of those that were
    /// answered: one program that asks a lot must not keep the others from asking. Returns
    /// whether there is room.
    ///
    /// They go in a batch of their own: two who forget the same at once do not hold up each
    /// other's requests.
    async fn make_room(&self, now: Timestamp, max: u64) -> Result<bool, UserError> {
        let full = self.repo.api_request_count()? >= max;
        let mut old = self.repo.oldest_api_requests(SWEPT_MAX)?;
        old.retain(|one| one.is_over(now) || (full && one.answer.is_some()));
        if old.is_empty() {
            return Ok(!full);
        }
        let mut batch = Batch::new();
        batch.upkeep();
        old.iter().for_each(|one| batch.remove(one));
        match self.repo.store().commit(batch).await {
            Ok(_) => Ok(true),
            // Somebody else forgets them just now.
            Err(error) if is_conflict(&error) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Says of a request that nobody knows how far it came: it is neither done again nor answered.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn doubt_request(&self, begun: &Loaded<ApiRequest>) -> Result<(), StoreError> {
        let cut_off = ApiRequest {
            run: NO_RUN,
            ..begun.value.clone()
        };
        let mut batch = Batch::new();
        batch.upkeep();
        batch.replace(begun, &cut_off);
        self.repo.store().commit(batch).await.map(|_| ())
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
        batch.upkeep();
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::{Randomness, VirtualClock};
    use crate::domain::Redacted;
    use crate::store::{Repo, Store};

    const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn users() -> Users {
        let clock = VirtualClock::standing(START);
        Users::new(Repo::new(Store::memory()), clock, Randomness::seeded(3))
    }

    /// The request of this number, a second after the one before it.
    fn request(number: u8) -> ApiRequest {
        ApiRequest {
            key: [number; 32],
            request: [number; 32],
            run: [1; 16],
            at: START.plus(Duration::from_secs(number.into())),
            answer: None,
        }
    }

    async fn ask(users: &Users, number: u8, answered: bool) -> bool {
        let Begun::New(begun) = users.begin_within(&request(number), 3).await.unwrap() else {
            return false;
        };
        let answer = ApiAnswer {
            status: 200,
            media_type: String::new(),
            location: String::new(),
            body: Redacted::new(String::new()),
        };
        if answered {
            users.end_request(&begun, Some(answer)).await.unwrap();
        }
        true
    }

    #[tokio::test]
    async fn when_it_is_full_old_answers_make_room_and_what_is_under_way_does_not() {
        let users = users();
        for number in 1..=3 {
            assert!(ask(&users, number, number != 1).await);
        }
        assert!(ask(&users, 4, false).await, "the answers have gone");
        let kept = |number: u8| users.repo.api_request(&[number; 32]).unwrap().is_some();
        assert_eq!([1, 2, 3, 4].map(kept), [true, false, false, true]);
        assert!(ask(&users, 5, false).await);
        assert!(!ask(&users, 6, false).await, "all of them are under way");
    }
}
