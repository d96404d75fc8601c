//! What pages and the API have in common about answers that no rule knows.

use std::cmp::Reverse;

use super::App;
use crate::domain::{Access, AnswerPoolId, DeliveryId, Timestamp};
use crate::store::{HeardPool, Order, RepoError};

/// Which pools are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Those that nobody has given a reason.
    Without,
    /// Those that somebody has.
    With,
}

impl Naming {
    /// Whether a pool is one of these.
    pub(crate) fn is_of(self, heard: &HeardPool) -> bool {
        heard.pool.named.is_some() == (self == Self::With)
    }
}

/// A pool's place in the list by when it was last seen.
pub(crate) type Place = (Timestamp, AnswerPoolId);

pub(crate) fn place(heard: &HeardPool) -> Place {
    (heard.last_seen, heard.pool.id)
}

/// Puts pools into the order in which they were last seen.
pub(crate) fn by_last_seen(pools: &mut [HeardPool], order: Order) {
    match order {
        Order::Usual => pools.sort_by_key(|heard| Reverse(place(heard))),
        Order::Turned => pools.sort_by_key(place),
    }
}

/// Puts those first of which there were most; of several those that were last seen.
pub(crate) fn by_count(pools: &mut [HeardPool]) {
    pools.sort_by_key(|heard| Reverse((heard.count, place(heard))));
}

/// The message that was answered so last, if it is there and theirs to see.
pub(crate) fn example(
    app: &App,
    access: &Access,
    heard: &HeardPool,
) -> Result<Option<DeliveryId>, RepoError> {
    let Some(id) = heard.example else {
        return Ok(None);
    };
    match app.repo().delivery(id)? {
        Some(one) if app.sees_delivery(access, &one)? => Ok(Some(id)),
        Some(_) | None => Ok(None),
    }
}

/// What has just been done to a pool.
pub(crate) fn done(done: &str) -> Option<&'static str> {
    Some(match done {
        "answers_named" => "done.answers_named",
        "answers_unnamed" => "done.answers_unnamed",
        "answers_forgotten" => "done.answers_forgotten",
        "answers_kept" => "done.answers_kept",
        _ => return None,
    })
}
