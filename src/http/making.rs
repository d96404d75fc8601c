//! How far a file is that somebody waits for: rows so far, until it is made or has failed.
//!
//! A page that links to a large file adds `watch`, a word of its own making, to the address and
//! asks `/exports/{watch}` meanwhile. Only who asked for the file gets an answer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::Json;
use axum::extract::{Path, Request, State};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::App;
use super::fault::Fault;
use super::fields::Fields;
use super::session::Signed;
use crate::domain::UserId;

/// Longest word by which a file is watched, in bytes.
const WORD_MAX: usize = 32;
/// Most files that are remembered, those being made and the last that were.
const WATCHED_MAX: usize = 64;

/// A file being made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Making {
    stop: CancellationToken,
    rows: Arc<AtomicU64>,
    made: Arc<OnceLock<bool>>,
}

impl Making {
    /// One that ends with this.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self {
            stop,
            ..Self::default()
        }
    }

    /// Whether nobody waits for it any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Another row has its place.
    pub(crate) fn count_row(&self) {
        self.rows.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes it, and remembers how that ended: badly, too, where it ends by a mistake of ours.
    pub(crate) fn over<T, E>(&self, make: impl FnOnce(&Self) -> Result<T, E>) -> Result<T, E> {
        let unless_made = Unmade(self);
        let made = make(self);
        unless_made.0.end(made.is_ok());
        made
    }

    /// The first word counts.
    fn end(&self, is_made: bool) {
        let _ = self.made.set(is_made);
    }

    #[cfg(test)]
    pub(crate) fn cancel(&self) {
        self.stop.cancel();
    }
}

/// Will not be made, unless it says otherwise before this is dropped.
struct Unmade<'a>(&'a Making);

impl Drop for Unmade<'_> {
    fn drop(&mut self) {
        self.0.end(false);
    }
}

/// Who watches a file, and by which word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    user: UserId,
    word: String,
}

tokio::task_local! {
    /// Set while a request is answered whose file is watched.
    static WATCH: Watch;
}

/// The files that are watched, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Watched(Mutex<VecDeque<(Watch, Making)>>);

impl Watched {
    /// Remembers a file that a request asked for, if somebody wants to watch it.
    pub(crate) fn begin(&self, making: &Making) {
        let Ok(watch) = WATCH.try_with(Clone::clone) else {
            return;
        };
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() >= WATCHED_MAX {
            watched.pop_front();
        }
        watched.push_back((watch, making.clone()));
    }

    fn find(&self, watch: &Watch) -> Option<Making> {
        let watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = watched.iter().rev().find(|(other, _)| other == watch);
        found.map(|(_, making)| making.clone())
    }
}

/// Who wants to watch what a request asks for.
pub(crate) fn watch_of(request: &Request) -> Option<Watch> {
    let signed = request.extensions().get::<Signed>()?;
    let fields = Fields::of_query(request.uri());
    let word = fields.get("watch");
    let is_word = (1..=WORD_MAX).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then(|| Watch {
        user: signed.user.id,
        word: word.to_owned(),
    })
}

/// Answers a request whose file is watched.
pub(crate) async fn watched<F: Future>(watch: Option<Watch>, answer: F) -> F::Output {
    match watch {
        Some(watch) => WATCH.scope(watch, answer).await,
        None => answer.await,
    }
}

/// What the page is told.
#[derive(Debug, Serialize)]
pub(crate) struct Progress {
    rows: u64,
    state: &'static str,
}

/// `GET /exports/{watch}`: how far a file is. 404 before it was begun, and once it is forgotten.
pub(crate) async fn progress(
    State(app): State<Arc<App>>,
    signed: Signed,
    Path(word): Path<String>,
) -> Result<Json<Progress>, Fault> {
    let user = signed.user.id;
    let making = app.watched.find(&Watch { user, word });
    let making = making.ok_or(Fault::NotFound)?;
    Ok(Json(Progress {
        rows: making.rows.load(Ordering::Relaxed),
        state: match making.made.get() {
            None => "making",
            Some(true) => "made",
            Some(false) => "failed",
        },
    }))
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn what_ends_by_a_mistake_of_ours_is_not_being_made_any_more() {
        let making = Making::default();
        let broken = || making.over(|_| -> Result<(), ()> { panic!("a mistake of ours") });
        assert!(catch_unwind(AssertUnwindSafe(broken)).is_err());
        assert_eq!(making.made.get(), Some(&false));
        for made in [Ok(()), Err(())] {
            let making = Making::default();
            assert_eq!(making.over(|_| made), made);
            assert_eq!(making.made.get(), Some(&made.is_ok()));
        }
    }
}
