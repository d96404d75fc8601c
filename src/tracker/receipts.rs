//! Delivery receipts of SMS carriers. One text may have several segments, each with an id and a
//! receipt of its own; receipts may come late, twice, in any order, and before the answer to the
//! submission they belong to.

use std::time::Duration;

use super::{CONFLICTS_MAX, Event, Tracker, TrackerError, is_conflict};
use crate::domain::{Delivery, EarlyReceipt, Source, Status, TextStatus, Timestamp, Verdict};
use crate::store::{Batch, Loaded, RowBatch, keys};

/// How long a receipt may be ahead of the answer to its submission. Carriers use ids again: an
/// older one is not about this text.
const EARLY_RECEIPT_AGE_MAX: Duration = Duration::from_secs(3600);

/// What a carrier says about one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The carrier's id of the segment.
    pub remote_id: String,
    /// The telephone has it.
    pub delivered: bool,
    /// The carrier has stopped trying; false for intermediate notices.
    pub is_final: bool,
    /// What it means.
    pub verdict: Verdict,
}

impl Tracker {
    /// Records a receipt. One that matches nothing yet is kept until its submission is answered.
    ///
    /// # Errors
    /// When the store fails; then nothing was written and the carrier must be told so.
    pub async fn record_receipt(&self, receipt: Receipt) -> Result<(), TrackerError> {
        for _ in 0..CONFLICTS_MAX {
            let batch = match self.repo.delivery_by_remote_id(&receipt.remote_id)? {
                Some(delivery) => return self.apply_receipt(&delivery, receipt).await,
                None => self.keep_early(&receipt)?,
            };
            match self.repo.store().commit(batch).await {
                Ok(_) => return Ok(()),
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(TrackerError::Contention)
    }

    fn keep_early(&self, receipt: &Receipt) -> Result<Batch, TrackerError> {
        let mut batch = Batch::new();
        if !receipt.is_final {
            return Ok(batch);
        }
        let early = EarlyReceipt {
            remote_id: receipt.remote_id.clone(),
            verdict: receipt.verdict.clone(),
            delivered: receipt.delivered,
            at: self.clock.wall(),
        };
        // The submission may be answered while we look: then this fails and we look again.
        batch.assert_absent(keys::remote_id(&receipt.remote_id));
        match self.repo.early_receipt(&receipt.remote_id)? {
            Some(old) => batch.replace(&old, &early),
            None => batch.insert(&early),
        }
        Ok(batch)
    }

    async fn apply_receipt(
        &self,
        delivery: &Loaded<Delivery>,
        receipt: Receipt,
    ) -> Result<(), TrackerError> {
        self.record(delivery.id, event(receipt)).await?;
        Ok(())
    }

    /// The receipts that came before this answer to their submission; they go into its batch.
    pub(super) fn early_events(
        &self,
        batch: &mut Batch,
        answer: &Event,
        now: Timestamp,
    ) -> Result<Vec<Event>, TrackerError> {
        let Event::Accepted { remote_ids, .. } = answer else {
            return Ok(Vec::new());
        };
        let mut events = Vec::new();
        for remote_id in remote_ids {
            let Some(early) = self.repo.early_receipt(remote_id)? else {
                // One may come while we look: then this fails and we look again.
                batch.assert_absent(keys::early_receipt(remote_id));
                continue;
            };
            batch.remove(&early);
            if now.since(early.at) <= EARLY_RECEIPT_AGE_MAX {
                events.push(event(Receipt {
                    remote_id: remote_id.clone(),
                    delivered: early.delivered,
                    is_final: true,
                    verdict: early.verdict.clone(),
                }));
            }
        }
        Ok(events)
    }
}

fn event(receipt: Receipt) -> Event {
    match (receipt.is_final, receipt.delivered) {
        (false, _) => Event::Fact {
            verdict: receipt.verdict,
            source: Source::Report,
        },
        (true, false) => Event::Changed {
            status: Status::Text(TextStatus::Undelivered),
            verdict: Some(receipt.verdict),
            source: Source::Report,
        },
        (true, true) => Event::SegmentDelivered {
            remote_id: receipt.remote_id,
            verdict: receipt.verdict,
        },
    }
}
