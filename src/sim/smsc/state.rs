//! What all connections of the simulated centre share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::futures::Notified;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::script::{Behaviour, SmscConfig, receipt_for, reply_from, response_id};
use crate::proto::smpp::encoding::DefaultAlphabet;
use crate::proto::smpp::receipt::MessageState;
use crate::proto::smpp::{CommandStatus, ShortMessage};

/// Messages that are remembered; the oldest is forgotten.
const MESSAGES_MAX: usize = 100_000;

/// Receipts and replies that wait; the oldest due is dropped.
const OUTBOX_MAX: usize = 100_000;

/// Before something that was refused is offered again.
const OFFER_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// A message that was submitted and accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct TakenMessage {
    /// As told in `submit_sm_resp`.
    pub message_id: String,
    /// Sender.
    pub source: String,
    /// Digits.
    pub destination: String,
    /// Text of this segment.
    pub text: String,
    /// The whole PDU.
    pub pdu: ShortMessage,
    /// Which of the connections brought it, counted from 0.
    pub connection: usize,
}

/// The answer to a submission; `None`: none is given.
pub(super) type SubmitAnswer = Option<Result<String, CommandStatus>>;

pub(super) struct Shared {
    config: SmscConfig,
    inner: Mutex<Inner>,
    posted: Notify,
    cuts: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    messages: VecDeque<TakenMessage>,
    behaviours: BTreeMap<String, Behaviour>,
    throttled: BTreeMap<String, u32>,
    outbox: BTreeMap<(Instant, u64), ShortMessage>,
    next_id: u64,
    posted: u64,
    offered: usize,
    acknowledged: usize,
    bound: usize,
    connections: usize,
    binds_asked: usize,
    congestion: Option<u8>,
}

impl Shared {
    pub(super) fn new(config: SmscConfig) -> Self {
        let inner = Inner {
            behaviours: config.behaviours.clone(),
            next_id: 0x6_aad5,
            ..Inner::default()
        };
        Self {
            config,
            inner: Mutex::new(inner),
            posted: Notify::new(),
            cuts: watch::channel(0).0,
        }
    }

    pub(super) fn config(&self) -> &SmscConfig {
        &self.config
    }

    pub(super) fn script(&self, number: &str, behaviour: Behaviour) {
        let number = number.trim_start_matches('+').to_owned();
        self.lock().behaviours.insert(number, behaviour);
    }

    pub(super) fn messages(&self) -> Vec<TakenMessage> {
        self.lock().messages.iter().cloned().collect()
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.lock().acknowledged
    }

    pub(super) fn waiting(&self) -> usize {
        let inner = self.lock();
        inner.outbox.len() + inner.offered
    }

    /// The number of a new connection.
    pub(super) fn next_connection(&self) -> usize {
        let mut inner = self.lock();
        inner.connections += 1;
        inner.connections - 1
    }

    pub(super) fn count_bind(&self) {
        self.lock().binds_asked += 1;
    }

    pub(super) fn binds_asked(&self) -> usize {
        self.lock().binds_asked
    }

    pub(super) fn tell_congestion(&self, state: Option<u8>) {
        self.lock().congestion = state;
    }

    pub(super) fn congestion(&self) -> Option<u8> {
        self.lock().congestion
    }

    pub(super) fn bound(&self) -> usize {
        self.lock().bound
    }

    pub(super) fn set_bound(&self, is_bound: bool) {
        let mut inner = self.lock();
        inner.bound = if is_bound {
            inner.bound + 1
        } else {
            inner.bound.saturating_sub(1)
        };
    }

    pub(super) fn cut_connections(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    pub(super) fn cuts(&self) -> watch::Receiver<u64> {
        self.cuts.subscribe()
    }

    /// Decides on a submission and posts what follows from it.
    pub(super) fn take(&self, message: ShortMessage, connection: usize) -> SubmitAnswer {
        let mut inner = self.lock();
        let number = message.destination.value.clone();
        let scripted = inner.behaviours.get(&number);
        let mut behaviour = scripted.unwrap_or(&self.config.default_behaviour).clone();
        if let Behaviour::Throttled { times, then } = behaviour {
            let so_far = inner.throttled.entry(number.clone()).or_default();
            if *so_far < times {
                *so_far += 1;
                return Some(Err(CommandStatus::RTHROTTLED));
            }
            behaviour = *then;
        }
        match &behaviour {
            Behaviour::Refused(status) => return Some(Err(*status)),
            Behaviour::Silent => return None,
            Behaviour::Delivered { .. }
            | Behaviour::Undelivered { .. }
            | Behaviour::Throttled { .. }
            | Behaviour::NoReceipt
            | Behaviour::Replies { .. } => {}
        }
        let id = inner.next_id;
        inner.next_id += 1;
        let message_id = response_id(&self.config, id);
        remember(&mut inner, &message, &message_id, connection);
        drop(inner);
        self.follow_up(&message, id, behaviour);
        Some(Ok(message_id))
    }

    fn follow_up(&self, message: &ShortMessage, id: u64, behaviour: Behaviour) {
        let wants_receipt = message.registered_delivery & 0x03 != 0;
        let receipt = |state, error: &str| receipt_for(&self.config, message, id, state, error);
        match behaviour {
            Behaviour::Delivered { after } if wants_receipt => {
                self.post(receipt(MessageState::Delivered, "000"), after);
            }
            Behaviour::Undelivered {
                after,
                state,
                error,
            } if wants_receipt => {
                self.post(receipt(state, &error), after);
            }
            Behaviour::Replies { after, text } => {
                if wants_receipt {
                    self.post(receipt(MessageState::Delivered, "000"), after);
                }
                let is_first = message
                    .concatenation()
                    .is_none_or(|(_, sar)| sar.number == 1);
                let (from, to) = (&message.destination.value, &message.source.value);
                let replies = if is_first {
                    reply_from(from, to, &text)
                } else {
                    Vec::new()
                };
                for reply in replies {
                    self.post(reply, after * 2);
                }
            }
            Behaviour::Delivered { .. }
            | Behaviour::Undelivered { .. }
            | Behaviour::Refused(_)
            | Behaviour::Throttled { .. }
            | Behaviour::NoReceipt
            | Behaviour::Silent => {}
        }
    }

    /// Puts a receipt or reply into the outbox.
    pub(super) fn post(&self, message: ShortMessage, after: Duration) {
        let mut inner = self.lock();
        let key = (Instant::now() + after, inner.posted);
        inner.posted += 1;
        inner.outbox.insert(key, message);
        if inner.outbox.len() > OUTBOX_MAX {
            inner.outbox.pop_first();
        }
        drop(inner);
        self.posted.notify_waiters();
    }

    /// Takes the next thing out of the outbox, if one is due.
    pub(super) fn take_due(&self) -> Option<ShortMessage> {
        let mut inner = self.lock();
        let first = inner.outbox.first_entry()?;
        if first.key().0 > Instant::now() {
            return None;
        }
        let message = first.remove();
        inner.offered += 1;
        Some(message)
    }

    /// What was taken out has been answered, or will not be.
    pub(super) fn settle(&self, message: ShortMessage, is_acknowledged: bool) {
        let mut inner = self.lock();
        inner.offered = inner.offered.saturating_sub(1);
        if is_acknowledged {
            inner.acknowledged += 1;
            return;
        }
        drop(inner);
        self.post(message, OFFER_AGAIN_AFTER);
    }

    /// When the outbox has something due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.lock().outbox.first_key_value().map(|((at, _), _)| *at)
    }

    /// Ends when something is posted after this call.
    pub(super) fn posted(&self) -> Notified<'_> {
        self.posted.notified()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remember(inner: &mut Inner, message: &ShortMessage, message_id: &str, connection: usize) {
    if inner.messages.len() >= MESSAGES_MAX {
        inner.messages.pop_front();
    }
    inner.messages.push_back(TakenMessage {
        message_id: message_id.to_owned(),
        source: message.source.value.clone(),
        destination: message.destination.value.clone(),
        text: message.text(DefaultAlphabet::Gsm7),
        pdu: message.clone(),
        connection,
    });
}
