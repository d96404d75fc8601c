//! Both ends of a session, stepped on virtual time.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::proto::smpp::pdu::{Address, BindRequest, ShortMessage};

/// An ESME and a message centre with a wire between them.
pub(super) struct Pair {
    pub(super) now: Duration,
    pub(super) esme: Session,
    pub(super) smsc: Session,
    /// Octets are handed over in pieces of this size.
    pub(super) piece_bytes: usize,
    /// Nothing the centre says arrives.
    pub(super) is_smsc_mute: bool,
    pub(super) esme_events: Vec<Event>,
    pub(super) smsc_events: Vec<Event>,
}

pub(super) fn esme_role(mode: BindMode) -> Role {
    let request = BindRequest {
        system_id: "tocsin".to_owned(),
        password: "secret".to_owned(),
        interface_version: 0x34,
        ..BindRequest::default()
    };
    Role::Esme { mode, request }
}

pub(super) fn message(text: &str) -> ShortMessage {
    ShortMessage {
        source: Address::alphanumeric("Town"),
        destination: Address::international("+447700900001"),
        registered_delivery: 1,
        user_data: text.as_bytes().to_vec(),
        ..ShortMessage::default()
    }
}

impl Pair {
    pub(super) fn new(mode: BindMode, config: Config) -> Self {
        let now = Duration::from_secs(1000);
        Self {
            now,
            esme: Session::new(esme_role(mode), config.clone(), now).unwrap(),
            smsc: Session::new(Role::Smsc, config, now).unwrap(),
            piece_bytes: usize::MAX,
            is_smsc_mute: false,
            esme_events: Vec::new(),
            smsc_events: Vec::new(),
        }
    }

    pub(super) fn bound(config: Config) -> Self {
        let mut pair = Self::new(BindMode::Transceiver, config);
        pair.step();
        let Some(Event::BindRequested { sequence, .. }) = pair.smsc_events.pop() else {
            panic!("no bind request");
        };
        assert!(pair.smsc.answer_bind(sequence, Ok("centre")));
        pair.step();
        assert!(matches!(pair.esme_events.pop(), Some(Event::Bound { .. })));
        pair
    }

    /// Carries octets to and fro until there are none.
    pub(super) fn step(&mut self) {
        loop {
            let to_smsc = self.esme.poll_output();
            let to_esme = self.smsc.poll_output();
            for piece in to_smsc.chunks(self.piece_bytes) {
                self.smsc.handle_input(piece, self.now);
            }
            for piece in to_esme.chunks(self.piece_bytes) {
                if !self.is_smsc_mute {
                    self.esme.handle_input(piece, self.now);
                }
            }
            self.esme_events
                .extend(std::iter::from_fn(|| self.esme.poll_event()));
            self.smsc_events
                .extend(std::iter::from_fn(|| self.smsc.poll_event()));
            if to_smsc.is_empty() && to_esme.is_empty() {
                return;
            }
        }
    }

    /// Lets time pass, stopping at every timer of either end.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let timers = [self.esme.poll_timeout(), self.smsc.poll_timeout()];
            let next = timers.into_iter().flatten().min().unwrap_or(end);
            self.now = next.clamp(self.now, end);
            self.esme.handle_timeout(self.now);
            self.smsc.handle_timeout(self.now);
            self.step();
            if self.now == end {
                return;
            }
        }
    }

    pub(super) fn submit(&mut self, text: &str) -> Result<SequenceNumber, SubmitError> {
        self.esme.submit(message(text), self.now)
    }

    pub(super) fn deliver(&mut self, text: &str) -> Result<SequenceNumber, SubmitError> {
        self.smsc.deliver(message(text), self.now)
    }

    pub(super) fn take_esme_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.esme_events)
    }

    pub(super) fn take_smsc_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.smsc_events)
    }
}
