//! Lets go of what need not be kept any longer, if the settings say that this happens by itself;
//! deletes what nothing names any more; and goes on with erasing people where it was cut short.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::tracker::Tracker;

/// Time between two runs.
const RUN_INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// Time from the start to the first run.
const FIRST_AFTER: Duration = Duration::from_secs(10 * 60);

/// Runs once a day until stopped; what was not done by then is done by the next run.
pub(super) async fn run(tracker: Tracker, stop: CancellationToken) {
    resume(&tracker, &stop).await;
    let mut wait = FIRST_AFTER;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = RUN_INTERVAL;
        resume(&tracker, &stop).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = once(&tracker) => {}
        }
    }
}

async fn resume(tracker: &Tracker, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        resumed = tracker.resume_erasures() => match resumed {
            Ok(0) => {}
            Ok(finished) => tracing::info!(finished, "erasing people that was cut short is done"),
            Err(error) => tracing::warn!(%error, "erasing people cannot go on"),
        }
    }
}

async fn once(tracker: &Tracker) {
    match tracker.may_expire_alone().await {
        Ok(true) if tracker.retention_rules().automatic => {
            if let Err(error) = tracker.expire_all().await {
                tracing::warn!(%error, "what need not be kept any longer cannot be deleted");
            }
        }
        Ok(false) if tracker.retention_rules().automatic => tracing::warn!(
            "the clock has leapt, or nothing ran for weeks: for a week nothing is deleted by itself; if the date is right it can be done in the console"
        ),
        Ok(_) => {}
        Err(error) => {
            tracing::warn!(%error, "what need not be kept any longer cannot be looked at")
        }
    }
    match tracker.look_for_strays().await {
        Ok(0) => {}
        Ok(found) => tracing::info!(found, "texts and files that nothing names go in a day"),
        Err(error) => {
            tracing::warn!(%error, "texts and files that nothing names are not looked for")
        }
    }
    match tracker.sweep_blobs().await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "texts and files that nothing names are deleted"),
        Err(error) => tracing::warn!(%error, "texts and files that nothing names stay"),
    }
}
