//! Putting the parts of a long inbound message together.
//!
//! Parts are kept in memory only. Whoever acknowledges a part before the whole
//! is stored takes the risk of losing it with the process; acknowledging late
//! instead would stop a message centre whose window is one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::encoding::{Concatenation, DefaultAlphabet};
use super::pdu::{Sar, ShortMessage};

/// Unfinished messages that are kept; the oldest gives way.
const UNFINISHED_MAX: usize = 1024;

/// How long the missing parts of a message are waited for.
const PARTS_WAIT: Duration = Duration::from_secs(10 * 60);

/// Stands for a part that never came.
const GAP: &str = "[…]";

/// One part of a longer text, as the reassembler wants it.
#[derive(Clone, PartialEq, Eq)]
pub struct Piece {
    /// Sender's address; only kept to tell messages apart.
    pub source: String,
    /// Our address.
    pub destination: String,
    /// Kind of reference: 8-bit, 16-bit and `sar_*` numbers are not mixed.
    pub kind: Concatenation,
    /// Place of the part.
    pub sar: Sar,
    /// Its text.
    pub text: String,
}

impl Piece {
    /// The part that a message is, or `None` if it stands alone.
    pub fn of(message: &ShortMessage, default: DefaultAlphabet) -> Option<Self> {
        let (kind, sar) = message.concatenation()?;
        if sar.total <= 1 {
            return None;
        }
        Some(Self {
            source: message.source.value.clone(),
            destination: message.destination.value.clone(),
            kind,
            sar,
            text: message.text(default),
        })
    }
}

impl Piece {
    /// What it shares with the other parts of its message.
    pub fn key(&self) -> PieceKey {
        let (source, destination) = (self.source.clone(), self.destination.clone());
        (
            source,
            destination,
            self.kind as u8,
            self.sar.reference,
            self.sar.total,
        )
    }
}

/// What became of a part.
#[derive(Clone, PartialEq, Eq)]
pub enum Reassembled {
    /// More parts are needed.
    Waiting,
    /// The whole text.
    Complete(String),
}

/// Unfinished messages. Time is a [`Duration`] since any fixed instant.
#[derive(Default)]
pub struct Reassembler {
    unfinished: BTreeMap<Key, Unfinished>,
}

/// What the parts of one message share: addresses, kind of reference,
/// reference, number of parts.
pub type PieceKey = (String, String, u8, u16, u8);

type Key = PieceKey;

struct Unfinished {
    since: Duration,
    parts: Vec<Option<String>>,
}

impl Reassembler {
    /// Takes a part. A repeated part replaces the earlier one.
    pub fn push(&mut self, piece: Piece, now: Duration) -> Reassembled {
        let Sar { total, number, .. } = piece.sar;
        let at = usize::from(number.saturating_sub(1));
        if at >= usize::from(total) {
            return Reassembled::Complete(piece.text);
        }
        let key = piece.key();
        if !self.unfinished.contains_key(&key) && self.unfinished.len() >= UNFINISHED_MAX {
            self.drop_oldest();
        }
        let entry = self
            .unfinished
            .entry(key.clone())
            .or_insert_with(|| Unfinished {
                since: now,
                parts: vec![None; usize::from(total)],
            });
        entry.parts[at] = Some(piece.text);
        if entry.parts.iter().any(Option::is_none) {
            return Reassembled::Waiting;
        }
        let parts = self
            .unfinished
            .remove(&key)
            .map(|u| u.parts)
            .unwrap_or_default();
        Reassembled::Complete(parts.into_iter().flatten().collect())
    }

    /// Messages whose missing parts will not come any more, with a mark where
    /// they are missing: (source, destination, text).
    pub fn take_expired(&mut self, now: Duration) -> Vec<(String, String, String)> {
        let is_due = |u: &Unfinished| u.since + PARTS_WAIT <= now;
        let due = self
            .unfinished
            .iter()
            .filter(|(_, u)| is_due(u))
            .map(|(key, _)| key.clone());
        let due: Vec<Key> = due.collect();
        let mut texts = Vec::with_capacity(due.len());
        for key in due {
            if let Some(unfinished) = self.unfinished.remove(&key) {
                let parts = unfinished.parts.into_iter();
                let text = parts.map(|p| p.unwrap_or_else(|| GAP.to_owned())).collect();
                texts.push((key.0, key.1, text));
            }
        }
        texts
    }

    /// Parts of this message are kept.
    pub fn contains(&self, key: &PieceKey) -> bool {
        self.unfinished.contains_key(key)
    }

    /// How many messages are unfinished.
    pub fn len(&self) -> usize {
        self.unfinished.len()
    }

    /// No message is unfinished.
    pub fn is_empty(&self) -> bool {
        self.unfinished.is_empty()
    }

    fn drop_oldest(&mut self) {
        let oldest = self.unfinished.iter().min_by_key(|(_, u)| u.since);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.unfinished.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(reference: u16, total: u8, number: u8, text: &str) -> Piece {
        Piece {
            source: "447700900001".to_owned(),
            destination: "40404".to_owned(),
            kind: Concatenation::Udh8,
            sar: Sar {
                reference,
                total,
                number,
            },
            text: text.to_owned(),
        }
    }

    fn push(parts: &mut Reassembler, p: Piece) -> Option<String> {
        match parts.push(p, Duration::ZERO) {
            Reassembled::Waiting => None,
            Reassembled::Complete(text) => Some(text),
        }
    }

    #[test]
    fn parts_in_any_order_make_the_whole() {
        let mut parts = Reassembler::default();
        assert_eq!(push(&mut parts, piece(7, 3, 3, "c")), None);
        assert_eq!(push(&mut parts, piece(8, 2, 1, "x")), None);
        assert_eq!(push(&mut parts, piece(7, 3, 1, "a")), None);
        assert_eq!(
            push(&mut parts, piece(7, 3, 1, "a")),
            None,
            "a repeated part changes nothing"
        );
        assert_eq!(
            push(&mut parts, piece(7, 3, 2, "b")).as_deref(),
            Some("abc")
        );
        let kept = [piece(7, 3, 1, ""), piece(8, 2, 1, "")].map(|p| parts.contains(&p.key()));
        assert_eq!(kept, [false, true]);
        assert_eq!(parts.len(), 1);
    }

    #[test]
    fn what_never_came_is_marked() {
        let mut parts = Reassembler::default();
        assert_eq!(push(&mut parts, piece(7, 3, 2, "middle")), None);
        assert!(
            parts
                .take_expired(PARTS_WAIT - Duration::from_secs(1))
                .is_empty()
        );
        let expired = parts.take_expired(PARTS_WAIT);
        assert_eq!(expired[0].2, "[…]middle[…]");
        assert!(parts.is_empty());
    }

    #[test]
    fn unfinished_messages_are_bounded() {
        let mut parts = Reassembler::default();
        for reference in 0..=u16::try_from(UNFINISHED_MAX).unwrap_or(u16::MAX) {
            parts.push(
                piece(reference, 2, 1, "a"),
                Duration::from_secs(u64::from(reference)),
            );
        }
        assert_eq!(parts.len(), UNFINISHED_MAX);
        assert_eq!(
            push(&mut parts, piece(0, 2, 2, "b")),
            None,
            "the oldest gave way"
        );
    }
}
