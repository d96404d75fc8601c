//! Records what the daemon does by itself.

use crate::clock::SharedClock;
use crate::domain::{AuditActor, AuditEntry};
use crate::store::Repo;

/// Records an act of the daemon. Failing to is no reason not to do it.
pub(super) async fn note(repo: &Repo, clock: &SharedClock, act: &str, detail: &str) {
    let entry = AuditEntry::new(clock.wall(), AuditActor::Gateway, act).saying(detail);
    if let Err(error) = repo.record(&entry).await {
        tracing::error!(%error, act, "what the gateway does could not be recorded");
    }
}
