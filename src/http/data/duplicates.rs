//! The list of contacts that may be one person. Where looking takes long, the list is shown as it
//! was found last, and looked for again behind the answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use super::super::App;
use super::alike::{self, Pair};
use super::{Areas, Result, apart};
use crate::domain::{Contact, Timestamp};
use crate::store::Loaded;
use crate::store::engine::Sequence;

/// What takes no longer is done anew for every page.
const QUICK: Duration = Duration::from_millis(20);

/// What was found.
#[derive(Debug)]
struct Found {
    pairs: Vec<Pair>,
    more: bool,
    at: Timestamp,
    /// What had been committed by then.
    sequence: Sequence,
    took: Duration,
}

/// What was found last.
#[derive(Debug, Default)]
pub(crate) struct Duplicates {
    last: Mutex<Option<Arc<Found>>>,
    looking: Arc<tokio::sync::Mutex<()>>,
}

impl Duplicates {
    fn last(&self) -> Option<Arc<Found>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    fn keep(&self, found: &Arc<Found>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(Arc::clone(found));
    }
}

/// Two contacts that may be one, as they are now.
pub(crate) struct Twins {
    pub(crate) one: Loaded<Contact>,
    pub(crate) other: Loaded<Contact>,
    pub(crate) area: String,
    pub(crate) by_address: bool,
}

/// The list.
pub(crate) struct Listed {
    pub(crate) twins: Vec<Twins>,
    /// There are more than these.
    pub(crate) more: bool,
    /// When they were looked for; what has become alike since is not among them. None where
    /// nothing has been written since.
    pub(crate) as_of: Option<Timestamp>,
}

/// The pairs that still are one, those with the same address first.
pub(crate) async fn list(app: &Arc<App>) -> Result<Listed> {
    let found = found(app).await?;
    let app = Arc::clone(app);
    apart(move || {
        let areas = Areas::read(app.repo())?;
        let mut twins = Vec::with_capacity(found.pairs.len());
        for pair in &found.pairs {
            let one = app.repo().contact(pair.one)?;
            let Some((one, other)) = one.zip(app.repo().contact(pair.other)?) else {
                continue;
            };
            if alike::are_alike(&one, &other, pair.by_address) {
                twins.push(Twins {
                    area: areas.name(one.area).to_owned(),
                    one,
                    other,
                    by_address: pair.by_address,
                });
            }
        }
        Ok(Listed {
            twins,
            more: found.more,
            as_of: (found.sequence != committed(&app)).then_some(found.at),
        })
    })
    .await
}

/// Looks behind whoever asks, so that nobody waits for it; not when somebody is looking already.
pub(crate) fn look_ahead(app: &Arc<App>) {
    let Ok(turn) = Arc::clone(&app.duplicates.looking).try_lock_owned() else {
        return;
    };
    let app = Arc::clone(app);
    tokio::spawn(async move {
        if scan(&app, turn).await.is_err() {
            tracing::warn!("possible duplicates could not be looked for; the page will try again");
        }
    });
}

async fn found(app: &Arc<App>) -> Result<Arc<Found>> {
    let Some(last) = app.duplicates.last() else {
        return look(app).await;
    };
    match last.serves(committed(app)) {
        Serves::Yes => Ok(last),
        Serves::Meanwhile => {
            look_ahead(app);
            Ok(last)
        }
        Serves::No => look(app).await,
    }
}

/// Whether what was found last can be shown.
#[derive(Debug, PartialEq, Eq)]
enum Serves {
    /// Nothing has been written since.
    Yes,
    /// Until it has been looked for again, which takes long.
    Meanwhile,
    No,
}

impl Found {
    fn serves(&self, committed: Sequence) -> Serves {
        if self.sequence == committed {
            Serves::Yes
        } else if self.took > QUICK {
            Serves::Meanwhile
        } else {
            Serves::No
        }
    }
}

/// Looks, one at a time: whoever waited takes what another one found, if that look was begun
/// after they began to wait.
async fn look(app: &Arc<App>) -> Result<Arc<Found>> {
    let wanted = committed(app);
    let turn = Arc::clone(&app.duplicates.looking).lock_owned().await;
    if let Some(last) = app.duplicates.last()
        && last.sequence >= wanted
    {
        return Ok(last);
    }
    scan(app, turn).await
}

/// Looks at all contacts. The turn ends with the look, not when whoever asked goes away.
async fn scan(app: &Arc<App>, turn: OwnedMutexGuard<()>) -> Result<Arc<Found>> {
    let app = Arc::clone(app);
    apart(move || {
        let _turn = turn;
        let sequence = committed(&app);
        let (at, began) = (app.now(), app.console.clock.monotonic());
        let (pairs, more) = alike::all(app.repo())?;
        let ended = app.console.clock.monotonic();
        let found = Arc::new(Found {
            pairs,
            more,
            at,
            sequence,
            took: ended.saturating_duration_since(began),
        });
        app.duplicates.keep(&found);
        Ok(found)
    })
    .await
}

fn committed(app: &App) -> Sequence {
    *app.repo().store().watch_commits().borrow()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::tests::world::{World, world};
    use super::*;
    use crate::store::Batch;

    fn found(sequence: Sequence, took: Duration) -> Found {
        Found {
            pairs: Vec::new(),
            more: false,
            at: Timestamp::from_millis(1),
            sequence,
            took,
        }
    }

    /// Commits something.
    async fn write(world: &World) -> Sequence {
        let mut batch = Batch::new();
        batch.put(b"something".to_vec(), Vec::new());
        world.repo.store().commit(batch).await.unwrap();
        committed(&world.app)
    }

    #[test]
    fn what_took_long_is_shown_until_it_has_been_looked_for_again() {
        let (before, now) = (Sequence::new(7), Sequence::new(8));
        let quick = found(before, QUICK);
        assert_eq!(quick.serves(before), Serves::Yes);
        assert_eq!(quick.serves(now), Serves::No);
        let slow = found(before, QUICK * 2);
        assert_eq!(slow.serves(before), Serves::Yes);
        assert_eq!(slow.serves(now), Serves::Meanwhile);
    }

    #[tokio::test]
    async fn while_somebody_looks_nobody_else_is_sent_to_look() {
        let world = world().await;
        let slow = found(committed(&world.app), QUICK * 2);
        world.app.duplicates.keep(&Arc::new(slow));
        write(&world).await;
        let turn = world.app.duplicates.looking.lock().await;
        let tasks = || {
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks()
        };
        let before = tasks();
        for _ in 0..5 {
            let listed = list(&world.app).await.unwrap();
            assert_eq!(listed.as_of, Some(Timestamp::from_millis(1)));
        }
        assert_eq!(tasks(), before);
        drop(turn);
        list(&world.app).await.unwrap();
        tokio::task::yield_now().await;
        let listed = list(&world.app).await.unwrap();
        assert_eq!(listed.as_of, None, "looked for again");
    }

    #[tokio::test]
    async fn whoever_waited_takes_what_was_looked_for_meanwhile() {
        let world = world().await;
        let turn = Arc::clone(&world.app.duplicates.looking).lock_owned().await;
        let waiting = tokio::spawn({
            let app = Arc::clone(&world.app);
            async move { look(&app).await.unwrap() }
        });
        tokio::task::yield_now().await;
        let meanwhile = Arc::new(found(write(&world).await, QUICK * 2));
        world.app.duplicates.keep(&meanwhile);
        write(&world).await;
        drop(turn);
        assert!(Arc::ptr_eq(&waiting.await.unwrap(), &meanwhile));
        let later = look(&world.app).await.unwrap();
        assert!(!Arc::ptr_eq(&later, &meanwhile), "that one is too old now");
    }
}
