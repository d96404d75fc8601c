//! Reading who is logged in.

use super::{Repo, Result};
use crate::domain::{Session, UserId};
use crate::store::engine::KeyRange;
use crate::store::keys;

/// Sessions read at a time.
const PAGE: usize = 1_000;

impl Repo {
    /// The sessions of a user.
    pub fn sessions_of(&self, user: UserId) -> Result<Vec<Session>> {
        let mut found = Vec::new();
        let all = KeyRange::prefix(keys::SESSION);
        let mut range = all.clone();
        loop {
            let page = self.rows::<Session>(range, PAGE)?;
            let own = page.rows.into_iter().map(|row| row.value);
            found.extend(own.filter(|session| session.user == user));
            let Some(next) = page.next else {
                return Ok(found);
            };
            range = all.clone().after(next);
        }
    }
}
