//! How many requests a token has in a minute. Every answer says what is left, in the words of
//! the IETF's draft on rate limit headers (draft-ietf-httpapi-ratelimit-headers-10).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::super::App;
use super::super::fault::Fault;
use super::auth::Caller;
use super::problem::Problem;
use crate::domain::Timestamp;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");
/// Over which time requests are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// Most tokens counted at a time; beyond it all that are not used now are forgotten.
const TOKENS_MAX: usize = 10_000;

/// A token by its digest.
pub(crate) type TokenKey = [u8; 32];

#[derive(Clone, Copy, Debug)]
struct Window {
    began: Timestamp,
    used: u32,
}

/// What a token has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// Requests until the window ends; none for one too many.
    pub(crate) requests: Option<u32>,
    /// How long the window still lasts.
    pub(crate) resets_in: Duration,
}

/// What tokens have used. Pure: the time is handed in.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    windows: HashMap<TokenKey, Window>,
}

impl Rates {
    /// Counts a request.
    pub(crate) fn take(&mut self, token: TokenKey, most: u32, now: Timestamp) -> Left {
        if self.windows.len() >= TOKENS_MAX && !self.windows.contains_key(&token) {
            self.windows.retain(|_, one| one.began.plus(WINDOW) > now);
        }
        let new = Window {
            began: now,
            used: 0,
        };
        let window = self.windows.entry(token).or_insert(new);
        if window.began.plus(WINDOW) <= now || window.began > now {
            *window = new;
        }
        let resets_in = window.began.plus(WINDOW).since(now);
        if window.used >= most {
            return Left {
                requests: None,
                resets_in,
            };
        }
        window.used += 1;
        Left {
            requests: Some(most - window.used),
            resets_in,
        }
    }
}

/// Refuses what is too much, and says what is left.
pub(super) async fn limited(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    let most = app.console.settings.api_requests_per_minute;
    if most == 0 {
        return next.run(request).await;
    }
    let left = app.rates().take(caller.token, most, app.now());
    // A second that has begun is not over.
    let resets = left.resets_in.as_millis().div_ceil(1000);
    let mut response = match left.requests {
        Some(_) => next.run(request).await,
        None => {
            let wait = Duration::from_secs(u64::try_from(resets).unwrap_or(u64::MAX));
            Problem::from(Fault::TooMany(wait)).into_response()
        }
    };
    let requests = left.requests.unwrap_or(0);
    for (name, text) in [
        (
            POLICY,
            format!("\"minute\";q={most};w={}", WINDOW.as_secs()),
        ),
        (LEFT, format!("\"minute\";r={requests};t={resets}")),
    ] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_so_many_requests_a_minute_and_others_have_theirs() {
        let mut rates = Rates::default();
        let (one, other) = ([1; 32], [2; 32]);
        let start = Timestamp::from_millis(1_000_000);
        let at = |secs| start.plus(Duration::from_secs(secs));
        let left = |requests, secs| Left {
            requests,
            resets_in: Duration::from_secs(secs),
        };
        assert_eq!(rates.take(one, 2, at(0)), left(Some(1), 60));
        assert_eq!(rates.take(one, 2, at(10)), left(Some(0), 50));
        assert_eq!(rates.take(one, 2, at(59)), left(None, 1));
        assert_eq!(rates.take(other, 2, at(59)), left(Some(1), 60));
        assert_eq!(rates.take(one, 2, at(60)), left(Some(1), 60));
        let back = rates.take(one, 2, at(5));
        assert_eq!(back, left(Some(1), 60), "the clock was set back");
    }

    #[test]
    fn tokens_that_are_not_used_are_forgotten() {
        let mut rates = Rates::default();
        let token = |number: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            bytes
        };
        let start = Timestamp::from_millis(1_000_000);
        for number in 0..TOKENS_MAX {
            rates.take(token(number), 1, start);
        }
        rates.take(token(TOKENS_MAX), 1, start.plus(WINDOW));
        assert_eq!(rates.windows.len(), 1);
    }
}
