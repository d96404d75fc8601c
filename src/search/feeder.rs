//! Keeps the index in step with the state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::document::document;
use super::index::{Opened, SearchError, SearchIndex};
use crate::clock::apart;
use crate::store::{Repo, RepoError, Row, SearchTodo};

/// Most rows taken up at a time.
const STEP_ROWS: usize = 1_000;
/// Changes that come close together are taken up together.
const GATHER: Duration = Duration::from_millis(300);
/// Time until the next try when something failed.
const AGAIN: Duration = Duration::from_secs(10);

/// Why the index is not in step.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The state could not be read.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The index failed.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The thread that worked on it is gone.
    #[error("the work on the search index was cut short")]
    CutShort,
}

/// Keeps an index in step with the state.
#[derive(Clone, Debug)]
pub struct Feeder {
    repo: Repo,
    index: Arc<SearchIndex>,
    /// Names the state that the index belongs to.
    mark: Arc<str>,
    /// Somebody has asked for everything anew.
    anew: Arc<AtomicBool>,
    /// Everything is being taken in.
    building: Arc<AtomicBool>,
}

impl Feeder {
    /// For this index of this state.
    #[must_use]
    pub fn new(repo: Repo, index: Arc<SearchIndex>, opened: Opened, mark: &str) -> Self {
        let empty = opened == Opened::Empty;
        Self {
            repo,
            index,
            mark: mark.into(),
            anew: Arc::new(AtomicBool::new(empty)),
            building: Arc::new(AtomicBool::new(empty)),
        }
    }

    /// What it feeds.
    #[must_use]
    pub const fn index(&self) -> &Arc<SearchIndex> {
        &self.index
    }

    /// Whether everything is being taken in: what is asked meanwhile finds a part.
    #[must_use]
    pub fn is_building(&self) -> bool {
        self.building.load(Ordering::Relaxed)
    }

    /// Has everything taken in anew, in the background.
    pub fn rebuild_later(&self) {
        self.building.store(true, Ordering::Relaxed);
        self.anew.store(true, Ordering::Relaxed);
    }

    /// Feeds until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let mut commits = self.repo.store().watch_commits();
        loop {
            let wait = match self.catch_up(&stop).await {
                Ok(()) => GATHER,
                Err(error) => {
                    tracing::warn!(%error, "search is behind: the index could not be written");
                    AGAIN
                }
            };
            if self.anew.load(Ordering::Relaxed) && !stop.is_cancelled() {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = commits.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(AGAIN) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Takes up all that has changed.
    ///
    /// # Errors
    /// When the state or the index fails; what was not taken up is taken up the next time.
    pub async fn catch_up(&self, stop: &CancellationToken) -> Result<(), FeedError> {
        if self.anew.swap(false, Ordering::Relaxed) {
            if let Err(error) = self.rebuild(stop).await {
                self.anew.store(true, Ordering::Relaxed);
                return Err(error);
            }
            self.building.store(false, Ordering::Relaxed);
        }
        while !stop.is_cancelled() {
            let todo = self.repo.search_todo(STEP_ROWS)?;
            if todo.is_empty() {
                break;
            }
            let whole = todo.len() == STEP_ROWS;
            let rows = todo.iter().map(|todo: &SearchTodo| todo.row.clone());
            self.take(rows.collect(), false).await?;
            self.repo.search_heard(todo).await?;
            if !whole {
                break;
            }
        }
        Ok(())
    }

    /// Takes everything in anew.
    ///
    /// # Errors
    /// When the state or the index fails.
    pub async fn rebuild(&self, stop: &CancellationToken) -> Result<(), FeedError> {
        let index = Arc::clone(&self.index);
        let cleared = apart(move || index.clear()).await;
        cleared.map_err(|_| FeedError::CutShort)??;
        let mut after = None;
        while !stop.is_cancelled() {
            let page = self.repo.communications_made(after, STEP_ROWS)?;
            after = page.rows.last().map(|row| row.id);
            let rows = page.rows.iter().map(|row| row.key());
            self.take(rows.collect(), false).await?;
            if page.next.is_none() {
                break;
            }
        }
        let mut after = None;
        while !stop.is_cancelled() {
            let page = self.repo.messages_kept(after, STEP_ROWS)?;
            let rows = page.rows.iter().map(|row| row.key());
            self.take(rows.collect(), false).await?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut after = None;
        while !stop.is_cancelled() {
            let page = self.repo.entries_kept(after, STEP_ROWS)?;
            let rows = page.rows.iter().map(|row| row.key());
            self.take(rows.collect(), false).await?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if stop.is_cancelled() {
            return Err(FeedError::CutShort);
        }
        self.take(Vec::new(), true).await?;
        tracing::info!(
            documents = self.index.size(),
            "the search index was made anew"
        );
        Ok(())
    }

    async fn take(&self, rows: Vec<Vec<u8>>, whole: bool) -> Result<(), FeedError> {
        let this = self.clone();
        let taken = apart(move || -> Result<(), FeedError> {
            let mut changes = Vec::with_capacity(rows.len());
            for row in rows {
                let document = document(&this.repo, &row)?;
                changes.push((row, document));
            }
            let mark = whole.then_some(this.mark.as_ref());
            Ok(this.index.apply(changes, mark)?)
        });
        taken.await.map_err(|_| FeedError::CutShort)?
    }
}
