//! Counts open SMTP sessions for the metrics.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::listener::{Listener, MessageSink, Service};
use crate::observe::Metrics;

/// Time between two counts.
const COUNT_INTERVAL: Duration = Duration::from_secs(1);

/// Counts a listener's sessions until stopped.
pub(super) async fn count<S: MessageSink>(
    listener: Arc<Listener<S>>,
    service: Service,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let gauge = metrics.sessions.with(&[service.name()]);
    while !stop.is_cancelled() {
        gauge.set(i64::try_from(listener.open_sessions()).unwrap_or(i64::MAX));
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(COUNT_INTERVAL) => {}
        }
    }
}
