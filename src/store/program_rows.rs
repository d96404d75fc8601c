//! The rows of programs: the tokens that let them in, and what they asked under a key.

use super::engine::{Key, Value};
use super::keys::{self, KeyBuilder};
use super::rows::Row;
use crate::domain::{ApiRequest, ApiToken};

impl Row for ApiToken {
    fn key(&self) -> Key {
        keys::api_token(&self.token_hash)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let by_user = KeyBuilder::new(keys::API_TOKEN_BY_USER)
            .bytes(self.user.as_bytes())
            .bytes(&self.token_hash)
            .build();
        vec![(by_user, self.key())]
    }
}

impl Row for ApiRequest {
    fn key(&self) -> Key {
        keys::api_request(&self.key)
    }

    fn indexes(&self) -> Vec<(Key, Value)> {
        let by_time = KeyBuilder::new(keys::API_REQUEST_BY_TIME)
            .bytes(&self.at.as_millis().to_be_bytes())
            .bytes(&self.key)
            .build();
        vec![(by_time, self.key())]
    }

    fn counters(&self) -> Vec<(Key, i64)> {
        vec![(keys::API_REQUESTS.to_vec(), 1)]
    }
}
