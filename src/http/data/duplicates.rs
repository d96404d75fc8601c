//! The list of contacts that may be one person. Where looking takes long, the list is shown as it
//! was found last, and looked for again behind the answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
    looking: tokio::sync::Mutex<()>,
}

impl Duplicates {
    fn last(&self) -> Option<Arc<Found>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
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

/// Looks for the first time, so that nobody waits for it.
pub(crate) fn look_ahead(app: &Arc<App>) {
    let app = Arc::clone(app);
    tokio::spawn(async move {
        if look(&app).await.is_err() {
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

/// Looks, one at a time: whoever waited takes what the other found, if it is of now.
async fn look(app: &Arc<App>) -> Result<Arc<Found>> {
    let _turn = app.duplicates.looking.lock().await;
    let sequence = committed(app);
    if let Some(last) = app.duplicates.last()
        && last.sequence == sequence
    {
        return Ok(last);
    }
    let (at, began) = (app.now(), app.console.clock.monotonic());
    let reader = Arc::clone(app);
    let (pairs, more) = apart(move || alike::all(reader.repo())).await?;
    let found = Arc::new(Found {
        pairs,
        more,
        at,
        sequence,
        took: app
            .console
            .clock
            .monotonic()
            .saturating_duration_since(began),
    });
    let mut last = app
        .duplicates
        .last
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    *last = Some(Arc::clone(&found));
    Ok(found)
}

fn committed(app: &App) -> Sequence {
    *app.repo().store().watch_commits().borrow()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_long_is_shown_until_it_has_been_looked_for_again() {
        let found = |took| Found {
            pairs: Vec::new(),
            more: false,
            at: Timestamp::from_millis(1),
            sequence: Sequence::new(7),
            took,
        };
        let quick = found(QUICK);
        assert_eq!(quick.serves(Sequence::new(7)), Serves::Yes);
        assert_eq!(quick.serves(Sequence::new(8)), Serves::No);
        let slow = found(QUICK * 2);
        assert_eq!(slow.serves(Sequence::new(7)), Serves::Yes);
        assert_eq!(slow.serves(Sequence::new(8)), Serves::Meanwhile);
    }
}
