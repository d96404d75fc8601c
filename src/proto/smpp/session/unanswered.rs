//! Requests of the peer that wait for the owner's answer.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::types::SequenceNumber;
use crate::proto::smpp::pdu::{BindMode, ShortMessage};

/// What kind of request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PeerRequest {
    Bind(BindMode),
    Submit,
    Deliver,
    Data,
}

/// By sequence number, and of one number in the order in which they came: a peer that gives all its
/// requests the same number means each of them.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    waiting: BTreeMap<SequenceNumber, VecDeque<(PeerRequest, u64)>>,
    count: usize,
}

impl Unanswered {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.count = 0;
    }

    /// A bind waits.
    pub(super) fn has_bind(&self) -> bool {
        let mut all = self.waiting.values().flatten();
        all.any(|(kind, _)| matches!(kind, PeerRequest::Bind(_)))
    }

    pub(super) fn add_bind(&mut self, sequence: SequenceNumber, mode: BindMode) {
        self.put(sequence, PeerRequest::Bind(mode), 0);
    }

    /// False where this very message waits under this number already.
    pub(super) fn add(
        &mut self,
        sequence: SequenceNumber,
        kind: PeerRequest,
        message: &ShortMessage,
    ) -> bool {
        let mut digest = DefaultHasher::new();
        message.hash(&mut digest);
        let digest = digest.finish();
        let of_number = self.waiting.get(&sequence);
        let is_new = !of_number.is_some_and(|known| known.contains(&(kind, digest)));
        if is_new {
            self.put(sequence, kind, digest);
        }
        is_new
    }

    /// The one with this number that is to be answered next.
    pub(super) fn first(&self, sequence: SequenceNumber) -> Option<PeerRequest> {
        let first = self.waiting.get(&sequence)?.front();
        first.map(|(kind, _)| *kind)
    }

    /// It is answered.
    pub(super) fn take_first(&mut self, sequence: SequenceNumber) {
        let Some(waiting) = self.waiting.get_mut(&sequence) else {
            return;
        };
        if waiting.pop_front().is_some() {
            self.count -= 1;
        }
        if waiting.is_empty() {
            self.waiting.remove(&sequence);
        }
    }

    fn put(&mut self, sequence: SequenceNumber, kind: PeerRequest, digest: u64) {
        let waiting = self.waiting.entry(sequence).or_default();
        waiting.push_back((kind, digest));
        self.count += 1;
    }
}
