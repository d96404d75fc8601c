//! Delivery receipts of SMS carriers. One text may have several segments, each with an id and a
//! receipt of its own; receipts may come late, twice, in any order, and before the answer to the
//! submission they belong to.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{CONFLICTS_MAX, Event, Tracker, TrackerError, is_conflict};
use crate::domain::{
    Delivery, EarlyReceipt, Permanence, Reason, Source, Status, TextStatus, Timestamp, Verdict,
};
use crate::store::{Batch, Loaded, RowBatch, keys};

/// How long a receipt may be ahead of the answer to its submission. Carriers use ids again: an
/// older one is not about this text.
const EARLY_RECEIPT_AGE_MAX: Duration = Duration::from_secs(3600);
/// How long receipts that belong to no text are kept for somebody to look at.
const UNKNOWN_RECEIPT_KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// Most receipts kept that belong to no text; of more the oldest go, and that is said.
pub const UNKNOWN_RECEIPTS_MAX: usize = 5_000;
/// What is left of them then.
const UNKNOWN_RECEIPTS_LEFT: usize = UNKNOWN_RECEIPTS_MAX / 4 * 3;
/// Most of them taken away in one batch.
const SWEEP_STEP_MAX: usize = 500;

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
    /// Says how long receipts are waited for after a text was sent, by the name of the carrier, with
    /// which the ids of its texts begin, before a `/`. Those that are not there are waited for for
    /// ever: a carrier that sends none would make every text undelivered.
    pub fn await_receipts(&self, waits: BTreeMap<String, Duration>) {
        *self
            .receipt_waits
            .write()
            .unwrap_or_else(PoisonError::into_inner) = waits;
    }

    /// A text that was just handed over is looked at again when no receipt can come any more.
    pub(super) fn await_receipt(&self, delivery: &mut Delivery, before: Status, now: Timestamp) {
        let sent = Status::Text(TextStatus::Sent);
        let is_new = before != sent && delivery.status() == sent;
        if let Some(wait) = self.receipt_wait(delivery)
            && is_new
            && delivery.closed.is_none()
        {
            delivery.due = Some(now.plus(wait));
        }
    }

    /// How long a receipt of it is waited for; none for ever, as where it has no id by which one
    /// would be known.
    fn receipt_wait(&self, delivery: &Delivery) -> Option<Duration> {
        let (carrier, _) = delivery.remote_ids.first()?.split_once('/')?;
        let waits = self.receipt_waits.read();
        let waits = waits.unwrap_or_else(PoisonError::into_inner);
        waits.get(carrier).copied()
    }

    /// No receipt came for a text in all the time that its carrier had, and some more. One that
    /// comes after this is believed.
    ///
    /// # Errors
    /// When the store fails; it is then still to be done.
    pub async fn miss_receipt(&self, id: crate::domain::DeliveryId) -> Result<(), TrackerError> {
        let Some(delivery) = self.repo.delivery(id)? else {
            return Ok(());
        };
        let is_due = delivery.due.is_some_and(|due| due <= self.clock.wall());
        if delivery.status() != Status::Text(TextStatus::Sent) || !is_due {
            return Ok(());
        }
        let waited = delivery.sent_at().map(|at| self.clock.wall().since(at));
        let hours = waited.unwrap_or_default().as_secs() / 3600;
        let verdict = Verdict::failure(Reason::Expired, Permanence::Temporary)
            .with_diagnostic(format!("no final receipt came within {hours} hours"));
        let event = Event::Changed {
            status: Status::Text(TextStatus::Undelivered),
            verdict: Some(verdict),
            source: Source::Gateway,
        };
        self.record(id, event).await?;
        tracing::info!(delivery = %id, "no receipt came");
        Ok(())
    }

    /// Records a receipt. One that matches nothing yet is kept until its submission is answered.
    ///
    /// # Errors
    /// When the store fails; then nothing was written and the carrier must be told so.
    pub async fn record_receipt(&self, receipt: Receipt) -> Result<(), TrackerError> {
        let id = receipt.remote_id.clone();
        self.record_receipt_of(&[id], receipt).await
    }

    /// The same where the carrier may have written the id in several ways: the first that is known
    /// is meant. While none is, it is kept under each.
    ///
    /// # Errors
    /// As [`Tracker::record_receipt`].
    pub async fn record_receipt_of(
        &self,
        remote_ids: &[String],
        receipt: Receipt,
    ) -> Result<(), TrackerError> {
        for _ in 0..CONFLICTS_MAX {
            for id in remote_ids {
                if let Some(delivery) = self.repo.delivery_by_remote_id(id)? {
                    let remote_id = id.clone();
                    let receipt = Receipt {
                        remote_id,
                        ..receipt
                    };
                    return self.apply_receipt(&delivery, receipt).await;
                }
            }
            let batch = self.keep_early(remote_ids, &receipt)?;
            match self.repo.store().commit(batch).await {
                Ok(_) => return self.kept_one_more(remote_ids.len()).await,
                Err(error) if is_conflict(&error) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(TrackerError::Contention)
    }

    fn keep_early(&self, remote_ids: &[String], receipt: &Receipt) -> Result<Batch, TrackerError> {
        let mut batch = Batch::new();
        let now = self.clock.wall();
        for id in remote_ids {
            // The submission may be answered while we look: then this fails and we look again.
            batch.assert_absent(keys::remote_id(id));
            let early = EarlyReceipt {
                remote_id: id.clone(),
                verdict: receipt.verdict.clone(),
                delivered: receipt.delivered,
                at: now,
                underway: !receipt.is_final,
                also: remote_ids
                    .iter()
                    .filter(|other| *other != id)
                    .cloned()
                    .collect(),
            };
            match self.repo.early_receipt(id)? {
                // The first final one counts, as it does where its text is known.
                Some(old) if !old.underway && now.since(old.at) <= EARLY_RECEIPT_AGE_MAX => {}
                Some(old) => batch.replace(&old, &early),
                None => batch.insert(&early),
            }
        }
        Ok(batch)
    }

    /// Receipts of which nothing is known are bounded.
    async fn kept_one_more(&self, rows: usize) -> Result<(), TrackerError> {
        let kept = self.receipts_kept.fetch_add(rows, Ordering::Relaxed) + rows;
        if kept > UNKNOWN_RECEIPTS_MAX {
            self.sweep_receipts().await?;
        }
        Ok(())
    }

    /// Takes away receipts that belong to no text and came long ago, and the oldest where there
    /// are too many. How many there were.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep_receipts(&self) -> Result<usize, TrackerError> {
        let mut kept = Vec::new();
        let mut after = None;
        loop {
            let page = self.repo.early_receipts(after, SWEEP_STEP_MAX)?;
            kept.extend(
                page.rows
                    .into_iter()
                    .map(|row| (row.at, row.value.remote_id)),
            );
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        kept.sort_unstable();
        let kept_from = self.clock.wall().minus(UNKNOWN_RECEIPT_KEPT_FOR);
        let old = kept.iter().take_while(|(at, _)| *at < kept_from).count();
        let excess = match kept.len() > UNKNOWN_RECEIPTS_MAX {
            true => kept.len() - UNKNOWN_RECEIPTS_LEFT,
            false => 0,
        };
        if excess > old {
            tracing::warn!(
                receipts = excess - old,
                "receipts that belong to no text of ours come faster than they can be kept; the oldest are removed"
            );
        }
        let removed = old.max(excess);
        let left = kept.split_off(removed.min(kept.len()));
        for step in kept.chunks(SWEEP_STEP_MAX) {
            self.commit_anew(|| {
                let mut batch = Batch::new();
                for (at, id) in step {
                    if let Some(row) = self.repo.early_receipt(id)?.filter(|row| row.at == *at) {
                        batch.remove(&row);
                    }
                }
                Ok((batch, ()))
            })
            .await?;
        }
        self.receipts_kept.store(left.len(), Ordering::Relaxed);
        Ok(kept.len())
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
            for other in early
                .also
                .iter()
                .filter(|other| !remote_ids.contains(other))
            {
                let same = self.repo.early_receipt(other)?;
                if let Some(same) = same.filter(|same| same.also.contains(remote_id)) {
                    batch.remove(&same);
                }
            }
            if now.since(early.at) <= EARLY_RECEIPT_AGE_MAX {
                events.push(event(Receipt {
                    remote_id: remote_id.clone(),
                    delivered: early.delivered,
                    is_final: !early.underway,
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
        (true, false) => Event::SegmentFailed {
            remote_id: receipt.remote_id,
            verdict: receipt.verdict,
        },
        (true, true) => Event::SegmentDelivered {
            remote_id: receipt.remote_id,
            verdict: receipt.verdict,
        },
    }
}
