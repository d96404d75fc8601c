//! Reading what lets programs in, and what they asked before.

use super::{Repo, Result};
use crate::domain::{ApiRequest, ApiToken, UserId};
use crate::store::Loaded;
use crate::store::engine::{Key, KeyRange};
use crate::store::keys::{self, KeyBuilder};
use crate::store::rows::Row;

impl Repo {
    /// The token with this hash.
    pub fn api_token(&self, token_hash: &[u8; 32]) -> Result<Option<Loaded<ApiToken>>> {
        self.load(&keys::api_token(token_hash))
    }

    /// The tokens of a user, revoked ones among them.
    pub fn tokens_of(&self, user: UserId, limit: usize) -> Result<Vec<Loaded<ApiToken>>> {
        let prefix = KeyBuilder::new(keys::API_TOKEN_BY_USER).bytes(user.as_bytes());
        self.rows_named(prefix.build(), limit)
    }

    /// A request of a program under this key.
    pub fn api_request(&self, key: &[u8; 32]) -> Result<Option<Loaded<ApiRequest>>> {
        self.load(&keys::api_request(key))
    }

    /// Requests of programs, oldest first.
    pub fn oldest_api_requests(&self, limit: usize) -> Result<Vec<Loaded<ApiRequest>>> {
        self.rows_named(keys::API_REQUEST_BY_TIME.to_vec(), limit)
    }

    /// How many requests of programs are kept.
    pub fn api_request_count(&self) -> Result<u64> {
        self.count(keys::API_REQUESTS.to_vec())
    }

    /// Rows that the entries of an index name.
    pub(super) fn rows_named<T: Row>(&self, prefix: Key, limit: usize) -> Result<Vec<Loaded<T>>> {
        let found = self.store.scan(KeyRange::prefix(prefix), limit)?;
        let mut rows = Vec::with_capacity(found.len());
        for (_, key) in found {
            rows.extend(self.load(&key)?);
        }
        Ok(rows)
    }
}
