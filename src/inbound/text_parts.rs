//! Parts of long texts that people write: kept as they come, put together when all are there, and
//! shown with a gap when some do not come.
//!
//! Each part is acknowledged by itself, so each has to be durable by itself. What dies between the
//! last part and the whole is put together by the next [look](Inbound::give_up_parts).

use super::{Inbound, InboundError, IncomingText};
use crate::domain::text_part::{TEXT_PART_KNOWN, TEXT_PARTS_MAX, TEXT_PARTS_WAIT, is_whole, join};
use crate::domain::{Redacted, TextPart, TextPartSet};
use crate::proto::smpp::Piece;
use crate::store::engine::Key;
use crate::store::{Batch, Loaded, RowBatch, StoreError, keys};
use crate::tracker::TrackerError;

/// How often a part is looked at anew because something else of its text came meanwhile.
const CONFLICTS_MAX: u32 = 10;

/// Parts read at a time to look after them.
const PAGE: usize = 256;

/// A part of a text that a person wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct IncomingPart {
    /// Whose binds its parts come over.
    pub carrier: String,
    /// From which number, as the carrier writes it.
    pub from: String,
    /// To which of our numbers.
    pub to: String,
    /// Which part, and what it says.
    pub piece: Piece,
}

impl std::fmt::Debug for IncomingPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IncomingPart").finish_non_exhaustive()
    }
}

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartTaken {
    /// It is durable: acknowledge it.
    Kept,
    /// [`TEXT_PARTS_MAX`] are kept already: the carrier has to keep it for now.
    NoRoom,
}

impl Inbound {
    /// Keeps a part, and puts the text into the inbox when it is the last. One that comes again is
    /// known. Acknowledge it only when this has resolved.
    ///
    /// # Errors
    /// When the store fails; the carrier must be asked to deliver it again.
    pub async fn take_part(&self, incoming: IncomingPart) -> Result<PartTaken, InboundError> {
        let sar = incoming.piece.sar;
        let set = TextPartSet {
            carrier: incoming.carrier,
            from: Redacted::new(incoming.from),
            to: incoming.to,
            kind: incoming.piece.kind as u8,
            reference: sar.reference,
            total: sar.total,
        };
        let Piece { text, utf16, .. } = incoming.piece;
        let part = set.part(sar.number, text, utf16, self.clock.wall());
        // Parts of one text come over several binds at once.
        let _one_by_one = self.parts.lock().await;
        if self.keep_part(&part).await? == PartTaken::NoRoom {
            return Ok(PartTaken::NoRoom);
        }
        if let Err(error) = self.settle_set(&part.set).await {
            tracing::error!(%error, "the parts of a reply are kept and cannot be put together now; it is tried again");
        }
        Ok(PartTaken::Kept)
    }

    /// Puts into the inbox what is whole, and with a gap what has waited for [`TEXT_PARTS_WAIT`];
    /// forgets what has been there for [`TEXT_PART_KNOWN`]. To be called now and then, and at the
    /// start.
    ///
    /// # Errors
    /// When the store fails; the next call goes on.
    pub async fn give_up_parts(&self) -> Result<(), InboundError> {
        let mut after: Option<Key> = None;
        let mut last = None;
        let mut done = Ok(());
        loop {
            let page = self.repo.every::<TextPart>(keys::TEXT_PART, after, PAGE)?;
            let now = self.clock.wall();
            for part in &page.rows {
                let is_to_do = !part.taken || now.since(part.at) >= TEXT_PART_KNOWN;
                if is_to_do && last.replace(part.set) != Some(part.set) {
                    let _one_by_one = self.parts.lock().await;
                    // One that cannot be taken in keeps no other waiting.
                    done = self.settle_set(&part.set).await.and(done);
                }
            }
            after = page.next;
            if after.is_none() {
                return done;
            }
        }
    }

    async fn keep_part(&self, part: &TextPart) -> Result<PartTaken, InboundError> {
        for _ in 0..CONFLICTS_MAX {
            let mut batch = Batch::new();
            match self.repo.text_part(&part.set, part.number)? {
                Some(known) if known.digest == part.digest => return Ok(PartTaken::Kept),
                Some(known) if known.taken => batch.replace(&known, part),
                // Another text under the same reference: the rest of this one will not come.
                Some(_) => {
                    let live = self.live_parts(&part.set)?;
                    self.take_parts(&live).await?;
                    continue;
                }
                None if self.repo.text_parts_kept()? >= TEXT_PARTS_MAX => {
                    return Ok(PartTaken::NoRoom);
                }
                None => batch.insert(part),
            }
            match self.repo.store().commit(batch).await {
                Ok(_) => return Ok(PartTaken::Kept),
                Err(StoreError::Conflict { .. }) => tokio::task::yield_now().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(TrackerError::Contention.into())
    }

    async fn settle_set(&self, set: &[u8; 32]) -> Result<(), InboundError> {
        let now = self.clock.wall();
        let live = self.live_parts(set)?;
        let oldest = live.iter().map(|part| part.at).min();
        let is_late = oldest.is_some_and(|at| now.since(at) >= TEXT_PARTS_WAIT);
        if is_late || is_whole(live.iter().map(|part| &part.value)) {
            self.take_parts(&live).await?;
        }
        let mut batch = Batch::new();
        for part in self.repo.text_parts(set)? {
            if part.taken && now.since(part.at) >= TEXT_PART_KNOWN {
                batch.remove(&part);
            }
        }
        if !batch.is_empty() {
            batch.upkeep();
            self.repo.store().commit(batch).await?;
        }
        Ok(())
    }

    /// Those that are not in the inbox yet.
    fn live_parts(&self, set: &[u8; 32]) -> Result<Vec<Loaded<TextPart>>, InboundError> {
        let mut parts = self.repo.text_parts(set)?;
        parts.retain(|part| !part.taken);
        Ok(parts)
    }

    /// Puts them into the inbox as one text, in the batch that says so of each.
    async fn take_parts(&self, parts: &[Loaded<TextPart>]) -> Result<(), InboundError> {
        let Some(first) = parts.first() else {
            return Ok(());
        };
        // Where it is half full, what comes again is shown again.
        let is_crowded = self.repo.text_parts_kept()? >= TEXT_PARTS_MAX / 2;
        let mut base = Batch::new();
        for part in parts {
            if is_crowded {
                base.remove(part);
            } else {
                base.replace(part, &part.once_taken());
            }
        }
        let text = IncomingText {
            from: first.from.reveal().clone(),
            to: first.to.clone(),
            text: join(parts.iter().map(|part| &part.value)),
        };
        self.take_text_with(base, text).await
    }
}
