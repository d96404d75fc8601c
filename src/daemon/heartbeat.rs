//! Writes a little every few seconds. A state that refuses for good (a failed sync, a lost disk)
//! is noticed also when nothing else happens: then the daemon ends, and whoever started it starts
//! it again. Start is what recovers.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::store::{Batch, Repo, StoreError, keys};

/// Time between two writes.
const INTERVAL: Duration = Duration::from_secs(10);
/// Name under which the time of the last one is kept.
const HEARTBEAT: &str = "heartbeat";

/// Writes until stopped; cancels `failed` when the state refuses for good.
pub(super) async fn run(
    repo: Repo,
    clock: SharedClock,
    stop: CancellationToken,
    failed: CancellationToken,
) {
    while !stop.is_cancelled() {
        let mut batch = Batch::new();
        let now = clock.wall().as_millis().to_be_bytes();
        batch.put(keys::setting(HEARTBEAT), now.to_vec());
        match repo.store().commit(batch).await {
            Ok(_) | Err(StoreError::DiskFull) => {}
            Err(error) => {
                tracing::error!(%error, "the state takes nothing any more; ending, so that a start can recover it");
                failed.cancel();
                return;
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}
