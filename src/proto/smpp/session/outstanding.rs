//! Our requests that wait for an answer, and the numbers they bear.

use std::collections::BTreeMap;
use std::time::Duration;

use super::types::SequenceNumber;
use crate::proto::smpp::pdu::{BindMode, command_id as id};
use crate::proto::smpp::tolerance::SEQUENCE_MAX;

/// What an answer is awaited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    Bind(BindMode),
    Submit,
    Deliver,
    EnquireLink,
    Unbind,
}

impl Awaited {
    /// The command id of its answer.
    pub(super) fn response_id(self) -> u32 {
        let request = match self {
            Self::Bind(mode) => mode.command_id(),
            Self::Submit => id::SUBMIT_SM,
            Self::Deliver => id::DELIVER_SM,
            Self::EnquireLink => id::ENQUIRE_LINK,
            Self::Unbind => id::UNBIND,
        };
        request | id::RESPONSE_BIT
    }

    fn is_in_window(self) -> bool {
        matches!(self, Self::Submit | Self::Deliver)
    }
}

/// Bounded by the window, and one each of bind, probe and unbind.
#[derive(Debug)]
pub(super) struct Outstanding {
    next: u32,
    waiting: BTreeMap<SequenceNumber, (Awaited, Duration)>,
}

impl Outstanding {
    pub(super) fn new(first: u32) -> Self {
        Self {
            next: first.clamp(1, SEQUENCE_MAX),
            waiting: BTreeMap::new(),
        }
    }

    pub(super) fn in_window(&self) -> usize {
        self.waiting
            .values()
            .filter(|(awaited, _)| awaited.is_in_window())
            .count()
    }

    /// The next free number; wraps to 1 and steps over those in use.
    pub(super) fn next_sequence(&self) -> SequenceNumber {
        let mut candidate = self.next;
        while self.waiting.contains_key(&candidate) {
            candidate = after(candidate);
        }
        candidate
    }

    pub(super) fn insert(&mut self, sequence: SequenceNumber, awaited: Awaited, until: Duration) {
        self.next = after(sequence);
        self.waiting.insert(sequence, (awaited, until));
    }

    pub(super) fn get(&self, sequence: SequenceNumber) -> Option<Awaited> {
        self.waiting.get(&sequence).map(|(awaited, _)| *awaited)
    }

    pub(super) fn remove(&mut self, sequence: SequenceNumber) {
        self.waiting.remove(&sequence);
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.waiting.values().map(|(_, until)| *until).min()
    }

    pub(super) fn take_due(&mut self, now: Duration) -> Option<(SequenceNumber, Awaited)> {
        let due = self.waiting.iter().find(|(_, (_, until))| *until <= now);
        let (sequence, awaited) = due.map(|(sequence, (awaited, _))| (*sequence, *awaited))?;
        self.waiting.remove(&sequence);
        Some((sequence, awaited))
    }

    pub(super) fn drain_window(&mut self) -> Vec<SequenceNumber> {
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        waiting
            .filter(|(_, (awaited, _))| awaited.is_in_window())
            .map(|(s, _)| s)
            .collect()
    }
}

fn after(sequence: SequenceNumber) -> SequenceNumber {
    if sequence >= SEQUENCE_MAX {
        1
    } else {
        sequence + 1
    }
}
