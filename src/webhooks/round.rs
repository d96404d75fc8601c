//! Looks what is due, place by place: whoever is slow, fails or has much waiting holds up nobody
//! else. Nothing is written while a place is left alone: what is due stays as it is.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::places::{Flight, Room};
use super::{Courier, CourierError};
use crate::domain::{Webhook, WebhookId};

/// Least time between two looks, so that a burst of commits is one look.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Longest time between two looks.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(5);
/// Time before the store is asked again after it failed.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Stands for giving up what waits; no piece of news has this id.
const GIVING_UP: [u8; 16] = [0xff; 16];

impl Courier {
    /// Sends what is due until stopped, then waits for what is on its way.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let mut commits = self.repo.store().watch_commits();
        while !stop.is_cancelled() {
            let wait = self.send_out(&tasks).unwrap_or_else(|error| {
                tracing::error!(%error, "news for programs cannot be read; trying again");
                AGAIN_AFTER
            });
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = self.places.landed.notified() => {}
                _ = commits.changed() => tokio::time::sleep(LOOK_INTERVAL).await,
                () = tokio::time::sleep(wait) => {}
            }
        }
        tasks.close();
        tasks.wait().await;
    }

    /// Sends out what may go now; how long until more may.
    fn send_out(self: &Arc<Self>, tasks: &TaskTracker) -> Result<Duration, CourierError> {
        let webhooks = self.repo.webhooks()?;
        let ids: Vec<WebhookId> = webhooks.iter().map(|webhook| webhook.id).collect();
        self.places.keep(&ids);
        let mut wait = LOOK_INTERVAL_MAX;
        for webhook in &webhooks {
            let (waiting, _) = self.repo.notification_counts(webhook.id)?;
            if self.places.becomes_full(webhook.id, waiting) {
                tracing::warn!(webhook = %webhook.id, waiting, "too much news waits for a webhook; what happens now is not told there");
            }
            if waiting > 0 {
                wait = wait.min(self.send_to(webhook, tasks)?);
            }
        }
        Ok(wait.max(LOOK_INTERVAL))
    }

    fn send_to(
        self: &Arc<Self>,
        webhook: &Webhook,
        tasks: &TaskTracker,
    ) -> Result<Duration, CourierError> {
        let room = self.places.room(webhook, self.clock.monotonic());
        let (mut tries, flying) = match room {
            Room::For { tries, flying } => (tries, flying),
            Room::In(rest) if webhook.disabled.is_none() => return Ok(rest),
            Room::In(_) => (1, 0),
        };
        let now = self.clock.wall();
        for (due, id) in self.repo.notifications_due(webhook.id, tries + flying)? {
            if due > now {
                return Ok(due.since(now));
            }
            let id = match webhook.disabled {
                Some(_) => GIVING_UP,
                None => id,
            };
            if tries == 0 {
                break;
            }
            if let Some(flight) = self.places.take_off(webhook.id, id) {
                tries -= 1;
                tasks.spawn(Arc::clone(self).fly(webhook.id, id, flight));
            }
        }
        // When one lands there is another look.
        Ok(LOOK_INTERVAL_MAX)
    }

    async fn fly(self: Arc<Self>, webhook: WebhookId, id: [u8; 16], flight: Flight) {
        let done = if id == GIVING_UP {
            self.give_up_due(webhook).await
        } else {
            self.deliver(&id).await
        };
        if let Err(error) = done {
            tracing::error!(%webhook, %error, "what became of news for a program cannot be recorded; trying again");
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        drop(flight);
    }
}
