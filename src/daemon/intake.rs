//! What SMS carriers deliver is stored, and acknowledged only then.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::channel::sms::{Incoming, IncomingText, SmsInbox};
use crate::inbound::{Inbound, InboundError};
use crate::observe::Metrics;
use crate::proto::smpp::CommandStatus;

/// Between tries to store what the carrier cannot deliver again.
const STORE_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Such texts that are kept; with as many, nothing more is taken from the bind.
const UNSTORED_MAX: usize = 256;

/// Takes in what one bind delivers, until it or the daemon stops.
pub(super) async fn take_in(
    mut inbox: SmsInbox,
    inbound: Inbound,
    stop: CancellationToken,
    metrics: Arc<Metrics>,
) {
    let mut intake = Intake::new(inbound, metrics);
    let mut again = tokio::time::interval(STORE_AGAIN_AFTER);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            _ = again.tick(), if !intake.unstored.is_empty() => intake.store_again().await,
            incoming = inbox.next(), if intake.unstored.len() < UNSTORED_MAX => match incoming {
                Some(incoming) => intake.take(incoming).await,
                None => break,
            },
        }
    }
    if !intake.unstored.is_empty() {
        let texts = intake.unstored.len();
        tracing::error!(
            texts,
            "stopped before replies could be stored; they are lost"
        );
    }
}

struct Intake {
    inbound: Inbound,
    metrics: Arc<Metrics>,
    /// Acknowledged in part already: to be stored, however long it takes.
    unstored: VecDeque<Incoming>,
}

impl Intake {
    const fn new(inbound: Inbound, metrics: Arc<Metrics>) -> Self {
        Self {
            inbound,
            metrics,
            unstored: VecDeque::new(),
        }
    }

    async fn take(&mut self, incoming: Incoming) {
        match self.store(&incoming).await {
            Ok(()) => incoming.confirm(),
            Err(error) if incoming.cannot_come_again() => {
                tracing::error!(%error, "a reply cannot be stored; it is tried again");
                self.unstored.push_back(incoming);
            }
            Err(error) => {
                tracing::error!(%error, "what the carrier delivered cannot be stored; it is asked to deliver it again");
                // SMPP 3.4, 5.1.3: ESME_RX_T_APPN, a temporary error of the receiver.
                incoming.refuse(CommandStatus(0x64));
            }
        }
    }

    async fn store_again(&mut self) {
        for incoming in std::mem::take(&mut self.unstored) {
            match self.store(&incoming).await {
                Ok(()) => {
                    tracing::info!("a reply is stored at last");
                    incoming.confirm();
                }
                Err(error) => {
                    tracing::debug!(%error, "a reply still cannot be stored");
                    self.unstored.push_back(incoming);
                }
            }
        }
    }

    async fn store(&self, incoming: &Incoming) -> Result<(), InboundError> {
        let kind = match &incoming.text {
            IncomingText::Receipt {
                remote_ids,
                meaning,
            } => {
                self.inbound.take_receipt_of(remote_ids, meaning).await?;
                "receipt"
            }
            IncomingText::Message { from, to, text } => {
                let text = crate::inbound::IncomingText {
                    from: from.clone(),
                    to: to.clone(),
                    text: text.clone(),
                };
                self.inbound.take_text(text).await?;
                "reply"
            }
        };
        self.metrics.inbound.with(&[kind]).increment();
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::clock::{Randomness, VirtualClock};
    use crate::daemon::full_disk::filling_store;
    use crate::domain::suspension::SuspensionPolicy;
    use crate::domain::{ReturnPaths, Timestamp};
    use crate::store::engine::KeyRange;
    use crate::store::{Repo, Store, keys};
    use crate::tracker::{PromptSettings, Tracker, TrackerSettings};

    fn intake(store: &Store) -> Intake {
        let repo = Repo::new(store.clone());
        let clock = VirtualClock::standing(Timestamp::from_millis(1_800_000_000_000));
        let random = Randomness::seeded(5);
        let settings = TrackerSettings {
            categories: Vec::new(),
            suspension: SuspensionPolicy::default(),
            prompts: PromptSettings::default(),
        };
        let tracker = Tracker::new(repo.clone(), clock.clone(), random.clone(), settings);
        let paths = ReturnPaths::new("bounces.gw.example", &[9; 32]);
        Intake::new(
            Inbound::new(repo, tracker, clock, random, paths),
            Metrics::new(0),
        )
    }

    #[tokio::test]
    async fn a_reply_that_cannot_come_again_is_kept_until_it_is_stored() {
        let folder = tempfile::tempdir().unwrap();
        let is_full = Arc::new(AtomicBool::new(true));
        let store = filling_store(folder.path(), &is_full);
        let mut intake = intake(&store);
        let stored = || {
            let all = KeyRange::prefix(keys::INBOUND);
            store.scan(all, 9).unwrap().len()
        };
        let text = IncomingText::Message {
            from: "+447700900001".to_owned(),
            to: "40404".to_owned(),
            text: "We are […]".to_owned(),
        };
        intake.take(Incoming::forgotten(text)).await;
        intake.store_again().await;
        assert_eq!((intake.unstored.len(), stored()), (1, 0));
        is_full.store(false, Ordering::SeqCst);
        intake.store_again().await;
        assert_eq!((intake.unstored.len(), stored()), (0, 1));
    }
}
