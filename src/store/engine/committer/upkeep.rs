//! What the committer does beside commits: the index brought back, the journal compacted.

use std::sync::Arc;

use tokio::sync::mpsc::error::TryRecvError;

use super::super::blobs::Unsynced;
use super::super::compact::Compaction;
use super::super::history::History;
use super::super::options::FaultPoint;
use super::super::recover::recover;
use super::super::snapshot::Snapshot;
use super::super::sweep::{Sweep, Swept};
use super::super::{BlobId, Result, Sequence, StoreError};
use super::{Ask, Committer, HEAL_INTERVAL, Healed, Request, turn_away};

impl Committer {
    /// Brings the index back after it failed. Newcomers are refused meanwhile.
    pub(super) fn heal(&mut self, tries: u32) -> Healed {
        self.index.take_down();
        if let Some(running) = self.under_way.compaction.take() {
            self.take_snapshot(running.stop());
        }
        self.unsynced = Unsynced::Many;
        let mut left = tries;
        loop {
            let Err(error) = self.recover_index() else {
                tracing::warn!("index is back");
                return Healed::Back;
            };
            tracing::error!(%error, "index failed and could not be rebuilt yet");
            left = left.saturating_sub(1);
            if left == 0 {
                return Healed::Not(error);
            }
            std::thread::sleep(HEAL_INTERVAL);
            loop {
                match self.requests.try_recv() {
                    Ok(Request::Close(reply)) => return Healed::Closing(reply),
                    Ok(Request::Commit(waiting)) => turn_away(vec![waiting], &error),
                    // Whoever sweeps asks again another day.
                    Ok(Request::Sweep(_)) => {}
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Healed::Not(error),
                }
            }
        }
    }

    fn recover_index(&self) -> Result<()> {
        let history = History::find(&self.layout)?;
        let recovered = recover(
            &self.layout,
            &history,
            &self.blobs,
            self.options.cache_bytes,
        )?;
        self.index.replace(recovered.db);
        Ok(())
    }

    /// Begins or ends a sweep of blobs; in between, every batch that is decided is looked through.
    pub(super) fn sweep(&mut self, ask: Ask) {
        match ask {
            Ask::Begin(candidates, reply) => {
                let _ = reply.send(Ok(self.sweep.begin(candidates)));
            }
            Ask::End(sweep, unnamed, reply) => {
                let _ = reply.send(self.end_sweep(&sweep, unnamed));
            }
        }
    }

    fn end_sweep(&mut self, sweep: &Sweep, unnamed: Vec<BlobId>) -> Result<Swept> {
        let mut removed = self.sweep.end(sweep, unnamed);
        // It is making files durable, and must find them.
        if self.under_way.compaction.is_some() {
            removed.clear();
        }
        for id in &removed {
            self.options.fault_hook.at(FaultPoint::BlobRemove)?;
            self.unsynced.forget(*id);
            self.blobs.remove(*id)?;
        }
        let compacted = self.snapshot.as_ref();
        Ok(Swept {
            removed,
            compacted_through: Sequence::new(compacted.map_or(0, |snapshot| snapshot.sequence)),
        })
    }

    /// Starts a compaction if one is due, and the journal has grown to `least_bytes`.
    pub(super) fn start_compaction(&mut self, least_bytes: u64) {
        self.under_way.compaction_waits = false;
        let base_bytes = self.snapshot.as_ref().map_or(0, Snapshot::size_bytes);
        let threshold = (base_bytes / 2)
            .max(self.options.compact_min_bytes)
            .min(self.options.compact_max_bytes);
        let sealed = self.writer.journal().sealed().to_vec();
        let sealed_bytes: u64 = sealed.iter().map(|sealed| sealed.size_bytes).sum();
        if self.under_way.compaction.is_some() || sealed_bytes < threshold {
            return;
        }
        let needed = |sealed: u64| base_bytes + sealed + self.options.reserve_bytes / 2;
        let free = self.layout.free_bytes().unwrap_or(u64::MAX);
        // Later it needs more room, and the journal takes some of it until then.
        let later = needed(least_bytes).saturating_add(least_bytes);
        if sealed_bytes < least_bytes && free >= later {
            self.under_way.compaction_waits = true;
            return;
        }
        let needed = needed(sealed_bytes);
        if free < needed {
            tracing::warn!(needed, "no space to compact the journal");
            return;
        }
        let compaction = Compaction {
            layout: self.layout.clone(),
            id: self.writer.journal().id(),
            index: Arc::clone(&self.index),
            blobs: self.blobs.clone(),
            unsynced: std::mem::replace(&mut self.unsynced, Unsynced::Few(Vec::new())),
            base: self.snapshot.clone(),
            sealed,
            hook: self.options.fault_hook.clone(),
        };
        match compaction.start() {
            Ok(running) => self.under_way.compaction = Some(running),
            Err(error) => {
                self.unsynced = Unsynced::Many;
                tracing::warn!(%error, "journal is not compacted");
            }
        }
    }

    pub(super) fn end_compaction(&mut self) {
        if let Some(running) = self
            .under_way
            .compaction
            .take_if(|running| running.is_finished())
        {
            self.take_snapshot(running.finish());
        }
    }

    pub(super) fn take_snapshot(&mut self, outcome: Result<Snapshot>) {
        match outcome {
            Ok(snapshot) => {
                self.writer.journal().forget_through(snapshot.sequence);
                self.snapshot = Some(snapshot);
            }
            Err(error) => {
                // Its checkpoint may not have come to the blobs.
                self.unsynced = Unsynced::Many;
                if !matches!(error, StoreError::Closed) {
                    tracing::warn!(%error, "journal is not compacted");
                }
            }
        }
    }
}
