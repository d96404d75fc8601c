//! Lets go of what need not be kept any longer, if the settings say that this happens by itself;
//! and deletes what nothing names any more.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::tracker::Tracker;

/// Time between two runs.
const RUN_INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// Time from the start to the first run.
const FIRST_AFTER: Duration = Duration::from_secs(10 * 60);

/// Runs once a day until stopped; what was not done by then is done by the next run.
pub(super) async fn run(tracker: Tracker, stop: CancellationToken) {
    let mut wait = FIRST_AFTER;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = RUN_INTERVAL;
        tokio::select! {
            () = stop.cancelled() => return,
            () = once(&tracker) => {}
        }
    }
}

async fn once(tracker: &Tracker) {
    if tracker.retention_rules().automatic
        && let Err(error) = tracker.expire_all().await
    {
        tracing::warn!(%error, "what need not be kept any longer cannot be deleted");
    }
    match tracker.sweep_blobs().await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "texts and files that nothing names are deleted"),
        Err(error) => tracing::warn!(%error, "texts and files that nothing names stay"),
    }
}
