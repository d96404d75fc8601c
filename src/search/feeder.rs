//! Keeps the index in step with the state.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::document::{Document, document};
use super::index::{Opened, SearchError, SearchIndex};
use crate::clock::apart;
use crate::store::engine::Key;
use crate::store::{Repo, RepoError, SearchTodo, StoreError};

/// Most rows taken up at a time.
const STEP_ROWS: usize = 200;
/// Most rows that are taken up again because somebody or a case that they name has another name.
const NAMED_MAX: usize = 1_000;
/// No rows: for a commit that only says that the index is whole.
const NOTHING: [Result<(Key, Option<Document>), FeedError>; 0] = [];
/// Changes that come close together are taken up together.
const GATHER: Duration = Duration::from_millis(300);
/// Time between two looks for files that hold the words of what is gone.
const FORGET_INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// Time until the first of them.
const FORGET_FIRST: Duration = Duration::from_secs(3600);
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
    /// The gateway stops.
    #[error("the search index is not whole yet")]
    Stopped,
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
    /// Rows that could not be read.
    left_out: Arc<AtomicU64>,
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
            building: Arc::new(AtomicBool::new(false)),
            left_out: Arc::default(),
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
        self.anew.load(Ordering::Relaxed) || self.building.load(Ordering::Relaxed)
    }

    /// Has everything taken in anew, in the background.
    pub fn rebuild_later(&self) {
        self.anew.store(true, Ordering::Relaxed);
    }

    /// How many rows could not be read since the start, and are not found.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    /// Feeds until stopped.
    pub async fn run(self, stop: CancellationToken) {
        let mut commits = self.repo.store().watch_commits();
        let first = tokio::time::Instant::now() + FORGET_FIRST;
        let mut forget = tokio::time::interval_at(first, FORGET_INTERVAL);
        loop {
            let caught_up = self.catch_up(&stop).await;
            if stop.is_cancelled() {
                return;
            }
            if let Err(error) = caught_up {
                tracing::warn!(%error, "search is behind: the index could not be written");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(AGAIN) => continue,
                }
            }
            if self.anew.load(Ordering::Relaxed) {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                _ = forget.tick() => self.forget_gone().await,
                changed = commits.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(AGAIN) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(GATHER) => {}
            }
        }
    }

    /// What was erased or has gone by its time is taken off the disk, too.
    async fn forget_gone(&self) {
        match self.apart(|this| Ok(this.index.forget_gone()?)).await {
            Ok(true) => tracing::info!("what is gone was taken out of the files of the search"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "what is gone is still in the files of the search");
            }
        }
    }

    /// Takes up all that has changed.
    ///
    /// # Errors
    /// When the state or the index fails; what was not taken up is taken up the next time.
    pub async fn catch_up(&self, stop: &CancellationToken) -> Result<(), FeedError> {
        if self.anew.load(Ordering::Relaxed) {
            self.building.store(true, Ordering::Relaxed);
            // Whoever asks from here on gets it once more.
            self.anew.store(false, Ordering::Relaxed);
            let rebuilt = self.rebuild(stop).await;
            if rebuilt.is_err() {
                self.anew.store(true, Ordering::Relaxed);
            }
            self.building.store(false, Ordering::Relaxed);
            rebuilt?;
        }
        while !stop.is_cancelled() {
            let todo = self.apart(Self::take_changed).await?;
            let whole = todo.len() == STEP_ROWS;
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
    /// When the state or the index fails, or it is stopped.
    pub async fn rebuild(&self, stop: &CancellationToken) -> Result<(), FeedError> {
        self.apart(|this| Ok(this.index.clear()?)).await?;
        let mut after = None;
        loop {
            if stop.is_cancelled() {
                return Err(FeedError::Stopped);
            }
            after = self.apart(|this| this.take_kept(after)).await?;
            if after.is_none() {
                break;
            }
        }
        let whole = |this: &Self| this.index.apply(NOTHING, Some(&this.mark));
        self.apart(whole).await?;
        tracing::info!(
            documents = self.index.size(),
            "the search index was made anew"
        );
        Ok(())
    }

    /// Takes up some rows that have changed, and says which.
    fn take_changed(&self) -> Result<Vec<SearchTodo>, FeedError> {
        let todo = self.repo.search_todo(STEP_ROWS)?;
        let mut rows = Vec::new();
        for part in &todo {
            let again = |repo: &Repo, row: &[u8]| repo.searched_through(row, NAMED_MAX);
            rows.extend(self.of_row(&part.row, again)?.unwrap_or_default());
        }
        rows.sort_unstable();
        rows.dedup();
        self.take(rows)?;
        Ok(todo)
    }

    /// Takes in some of the rows there are behind a key; the last of them, if there may be more.
    fn take_kept(&self, after: Option<Key>) -> Result<Option<Key>, FeedError> {
        let rows = self.repo.searchable(after.as_deref(), STEP_ROWS)?;
        let last = rows.last().filter(|_| rows.len() == STEP_ROWS).cloned();
        self.take(rows)?;
        Ok(last)
    }

    fn take(&self, rows: Vec<Key>) -> Result<(), FeedError> {
        if rows.is_empty() {
            return Ok(());
        }
        let documents = rows.into_iter().map(|row| {
            let document = self.of_row(&row, document)?;
            Ok((row, document.flatten()))
        });
        self.index.apply(documents, None)
    }

    /// Reads something of a row. One that cannot be read is counted and left out: it must not hold
    /// up all others.
    fn of_row<T>(
        &self,
        row: &[u8],
        read: impl Fn(&Repo, &[u8]) -> Result<T, RepoError>,
    ) -> Result<Option<T>, FeedError> {
        let found = catch_unwind(AssertUnwindSafe(|| read(&self.repo, row)));
        let why = match found {
            Ok(Ok(found)) => return Ok(Some(found)),
            Ok(Err(error)) if is_of_all(&error) => return Err(error.into()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "reading it panicked".to_owned(),
        };
        self.left_out.fetch_add(1, Ordering::Relaxed);
        let row = data_encoding::HEXLOWER.encode(row);
        tracing::warn!(
            row,
            why,
            "a row cannot be read, and is not found by its words"
        );
        Ok(None)
    }

    /// Reading and indexing wait for the disk: beside the threads that answer.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, FeedError> + Send + 'static,
    ) -> Result<T, FeedError> {
        let this = self.clone();
        let done = apart(move || work(&this)).await;
        done.map_err(|_| FeedError::CutShort)?
    }
}

/// Whether it is not about one row: nothing can be read.
const fn is_of_all(error: &RepoError) -> bool {
    matches!(
        error,
        RepoError::Store(
            StoreError::Closed | StoreError::DiskFull | StoreError::Index(_) | StoreError::Io(_)
        )
    )
}
