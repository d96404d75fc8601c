//! Putting many contacts on a list at once: a few while the visitor waits, many behind the
//! page. What is asked is written down first, so that a restart goes on with it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::App;
use super::access::access_of;
use super::data::{Result, people};
use super::fault::Fault;
use crate::domain::{
    Actor, AuditActor, ContactFilter, GatherInto, Gathering, GroupId, UserId, Via,
};
use crate::store::acting::{self, Acting};
use crate::store::engine::KeyRange;
use crate::store::records::Record;
use crate::store::{RepoError, keys};

/// Contacts put on a list at a time.
const STEP: usize = 500;
/// Steps taken while the visitor waits.
const STEPS_AT_ONCE: usize = 4;
/// Time between two tries after a failure.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);
/// Most users whose lists are gone on with at a start.
const USERS_MAX: usize = 2_000;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gathered {
    /// It is done: so many are new on the list.
    Done(u64),
    /// The list is full: so many are new on it, others are left out.
    Full(u64),
    /// It goes on behind the page.
    UnderWay,
    /// Another one of the same user is under way.
    Busy,
}

enum Step {
    More,
    Done(u64),
    Full(u64),
    Stopped,
}

/// Puts everybody whom a filter finds on a list.
pub(crate) async fn gather(
    app: &Arc<App>,
    user: UserId,
    into: GatherInto,
    filter: ContactFilter,
) -> Result<Gathered> {
    let wish = Gathering {
        user,
        into,
        filter,
        at: app.now(),
        added: 0,
        cursor: Vec::new(),
    };
    if !app.console.tracker.begin_gathering(&wish).await? {
        resume(app, user)?;
        return Ok(Gathered::Busy);
    }
    for _ in 0..STEPS_AT_ONCE {
        match step(app, user).await? {
            Step::More => {}
            Step::Done(added) => return Ok(Gathered::Done(added)),
            Step::Full(added) => return Ok(Gathered::Full(added)),
            Step::Stopped => return Ok(Gathered::Done(0)),
        }
    }
    resume(app, user)?;
    Ok(Gathered::UnderWay)
}

/// Goes on with all that was under way when the daemon stopped.
pub(crate) fn resume_all(app: &Arc<App>) {
    let resumed = all(app).and_then(|all| {
        let mut users = all.iter().map(|wish| wish.user);
        users.try_for_each(|user| resume(app, user))
    });
    if resumed.is_err() {
        tracing::error!(
            "the gathering of contacts cannot go on; it does when its list is looked at"
        );
    }
}

/// Whether contacts are being put on this user's list.
pub(crate) fn is_under_way(app: &App, user: UserId) -> Result<bool> {
    let wish = app.repo().gathering(user)?;
    Ok(wish.is_some_and(|wish| wish.into == GatherInto::Recipients))
}

/// The groups into which anybody is putting contacts.
pub(crate) fn groups_under_way(app: &App) -> Result<HashSet<GroupId>> {
    let into = all(app)?.into_iter().filter_map(|wish| match wish.into {
        GatherInto::Group(group) => Some(group),
        GatherInto::Recipients => None,
    });
    Ok(into.collect())
}

/// Everything that is being gathered: one wish of a user at most.
fn all(app: &App) -> Result<Vec<Gathering>> {
    let found = app
        .repo()
        .store()
        .scan(KeyRange::prefix(keys::GATHERING), USERS_MAX)?;
    let read = found.iter().map(|(_, bytes)| Gathering::from_bytes(bytes));
    Ok(read
        .collect::<std::result::Result<_, _>>()
        .map_err(RepoError::from)?)
}

/// Goes on with what was begun, unless that is being done already.
pub(crate) fn resume(app: &Arc<App>, user: UserId) -> Result<()> {
    let Some(wish) = app.repo().gathering(user)? else {
        return Ok(());
    };
    if !app.begin_gathering(user) {
        return Ok(());
    }
    let act = match wish.into {
        GatherInto::Recipients => "recipients.add_all",
        GatherInto::Group(_) => "group.add_all",
    };
    // After a restart nobody asks: it is still an act of the user who asked before.
    let again = || {
        let actor = AuditActor::User(user, Via::Console);
        Acting::new(app.now(), actor, act, None)
    };
    // Whoever only looks at the list, and sees that it goes on, does nothing.
    let acting = acting::current().filter(|acting| !acting.is_silent());
    let acting = acting.unwrap_or_else(again);
    let app = Arc::clone(app);
    let going_on = async move {
        let stop = app.console.stop.clone();
        while !stop.is_cancelled() {
            match step(&app, user).await {
                Ok(Step::More) => {}
                Ok(Step::Done(_) | Step::Full(_) | Step::Stopped) => break,
                Err(Fault::NotFound) => {
                    // Its group is gone.
                    let _ = app.console.tracker.end_gathering(user).await;
                    break;
                }
                Err(fault) => {
                    tracing::warn!(user = %user, ?fault, "contacts could not be gathered; trying again");
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = tokio::time::sleep(RETRY_INTERVAL) => {}
                    }
                }
            }
        }
        app.end_gathering(user);
    };
    tokio::spawn(acting::scope(acting, going_on));
    Ok(())
}

async fn step(app: &Arc<App>, user: UserId) -> Result<Step> {
    let Some(wish) = app.repo().gathering(user)? else {
        return Ok(Step::Stopped);
    };
    let (filter, cursor) = (wish.filter.clone(), wish.cursor.clone());
    let reader = Arc::clone(app);
    let part = super::data::apart(move || {
        let repo = reader.repo();
        let who = repo.user(user)?.ok_or(Fault::NotFound)?;
        let access = access_of(reader.repo(), &who, None)?;
        let after = (!cursor.is_empty()).then_some(cursor.as_slice());
        let region = &reader.console.settings.default_region;
        people::found(repo, &repo.areas()?, &filter, &access, region, after, STEP)
    })
    .await?;
    let ids: Vec<_> = part.rows.iter().map(|contact| contact.id).collect();
    let tracker = &app.console.tracker;
    let (added, full) = match wish.into {
        GatherInto::Recipients => {
            let gathered = tracker.add_recipients(user, &ids).await?;
            (gathered.added, gathered.full)
        }
        GatherInto::Group(group) => {
            let by = Actor::User(user);
            (tracker.change_members(group, &ids, true, by).await?, false)
        }
    };
    let added = wish.added + added;
    match part.next {
        Some(cursor) if !full => {
            if tracker.move_gathering(user, added, &cursor).await? {
                Ok(Step::More)
            } else {
                Ok(Step::Stopped)
            }
        }
        _ => {
            tracker.end_gathering(user).await?;
            tracing::info!(user = %user, added, full, "contacts put on a list");
            Ok(if full {
                Step::Full(added)
            } else {
                Step::Done(added)
            })
        }
    }
}
