//! Takes away links, codes, sign-ups and sessions of the public pages that are over, old news for
//! programs, answers that no rule knows and that have not come for long, and receipts that belong to
//! no text.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::tracker::Tracker;

/// Time between two sweeps.
const SWEEP_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// Sweeps until stopped.
pub(super) async fn run(tracker: Tracker, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match tracker.sweep_self_service().await {
            Ok(0) => {}
            Ok(removed) => tracing::debug!(removed, "what was over on the public pages is removed"),
            Err(error) => {
                tracing::warn!(%error, "what is over on the public pages cannot be removed");
            }
        }
        match tracker.sweep_news().await {
            Ok(0) => {}
            Ok(removed) => tracing::debug!(removed, "old news for programs is removed"),
            Err(error) => tracing::warn!(%error, "old news for programs cannot be removed"),
        }
        match tracker.sweep_answers().await {
            Ok(0) => {}
            Ok(removed) => tracing::debug!(removed, "unknown answers of long ago are removed"),
            Err(error) => tracing::warn!(%error, "unknown answers of long ago cannot be removed"),
        }
        match tracker.sweep_receipts().await {
            Ok(0) => {}
            Ok(removed) => tracing::debug!(removed, "receipts that belong to no text are removed"),
            Err(error) => {
                tracing::warn!(%error, "receipts that belong to no text cannot be removed");
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
        }
    }
}
