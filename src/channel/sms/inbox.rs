//! What comes back over a bind: receipts and people's texts.
//!
//! A long text comes in parts. Their acknowledgements are held back until the
//! whole is there and stored, but only for [`PART_HOLD`]: a centre that sends
//! the next part only after the answer to the one before must go on. A part
//! acknowledged so early is lost if the process dies before the rest comes.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::RouteSettings;
use crate::classify::smpp::{ReceiptMeaning, receipt as meaning_of};
use crate::net::smpp::Delivery;
use crate::proto::smpp::{
    Address, CommandStatus, DeliverSm, Piece, PieceKey, Reassembled, Reassembler, receipt,
};

/// How long the acknowledgement of a part waits for the other parts.
const PART_HOLD: Duration = Duration::from_secs(3);

/// How often parts are looked after, however much comes in.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Something that came in. Whoever takes it must answer it by
/// [`Incoming::confirm`] when it is stored; dropping it asks for it again,
/// unless it [cannot come again](Incoming::cannot_come_again).
#[derive(Debug)]
pub struct Incoming {
    /// What it is.
    pub text: IncomingText,
    deliveries: Vec<Delivery>,
    cannot_come_again: bool,
}

/// See [`Incoming`]. `Debug` hides numbers and text.
#[derive(Clone, PartialEq, Eq)]
pub enum IncomingText {
    /// What became of a text.
    Receipt {
        /// Remote ids that it may be about, most likely first, in the form of
        /// `AttemptOutcome::Accepted`.
        remote_ids: Vec<String>,
        /// What it says.
        meaning: ReceiptMeaning,
    },
    /// A person wrote.
    Message {
        /// Their number: `+` and digits if it is international, else as it came.
        from: String,
        /// The number or name they wrote to.
        to: String,
        /// The whole text; `[…]` stands for a part that never came.
        text: String,
    },
}

impl Incoming {
    /// Parts of it were acknowledged already: the centre has forgotten them,
    /// and whoever drops this loses them.
    pub fn cannot_come_again(&self) -> bool {
        self.cannot_come_again
    }

    /// One that the centre has forgotten, for tests of those who store it.
    #[cfg(test)]
    pub(crate) fn forgotten(text: IncomingText) -> Self {
        Self {
            text,
            deliveries: Vec::new(),
            cannot_come_again: true,
        }
    }

    /// It is stored: the centre may forget it.
    pub fn confirm(self) {
        for delivery in self.deliveries {
            delivery.confirm();
        }
    }

    /// The centre is to do what `status` means.
    pub fn refuse(self, status: CommandStatus) {
        for delivery in self.deliveries {
            delivery.refuse(status);
        }
    }
}

/// What is known of the deliveries that brought the parts of one text.
#[derive(Default)]
struct HeldParts {
    unanswered: Vec<(Instant, Delivery)>,
    /// At least one was acknowledged before the whole was there.
    some_acknowledged: bool,
}

/// Reads the deliveries of one bind.
pub struct SmsInbox {
    route: RouteSettings,
    deliveries: mpsc::Receiver<Delivery>,
    began: Instant,
    parts: Reassembler,
    held: BTreeMap<PieceKey, HeldParts>,
    ready: Vec<Incoming>,
    look_at: Instant,
}

impl SmsInbox {
    /// An inbox over what a bind's `start` gave.
    pub fn new(route: RouteSettings, deliveries: mpsc::Receiver<Delivery>) -> Self {
        Self {
            route,
            deliveries,
            began: Instant::now(),
            parts: Reassembler::default(),
            held: BTreeMap::new(),
            ready: Vec::new(),
            look_at: Instant::now() + LOOK_INTERVAL,
        }
    }

    /// The next receipt or text; `None` when the bind has stopped. May be
    /// dropped and called again without losing anything.
    pub async fn next(&mut self) -> Option<Incoming> {
        loop {
            if self.look_at <= Instant::now() {
                self.look_at = Instant::now() + LOOK_INTERVAL;
                self.look_after_parts();
            }
            if let Some(incoming) = self.ready.pop() {
                return Some(incoming);
            }
            let delivery = tokio::select! {
                biased;
                delivery = self.deliveries.recv() => Some(delivery?),
                () = tokio::time::sleep_until(self.look_at) => None,
            };
            if let Some(incoming) = delivery.and_then(|d| self.take(d)) {
                return Some(incoming);
            }
        }
    }

    fn take(&mut self, delivery: Delivery) -> Option<Incoming> {
        let message = delivery.message();
        if let Some(receipt) = receipt::from_message(message) {
            let keys = self.route.id_form.receipt_keys(&receipt);
            let remote_ids = keys.iter().map(|key| self.route.key(key)).collect();
            let text = IncomingText::Receipt {
                remote_ids,
                meaning: meaning_of(&receipt),
            };
            return Some(Incoming {
                text,
                deliveries: vec![delivery],
                cannot_come_again: false,
            });
        }
        let alphabet = self.route.segments.alphabet;
        let Some(piece) = Piece::of(message, alphabet) else {
            let text = whole(message, message.text(alphabet));
            return Some(Incoming {
                text,
                deliveries: vec![delivery],
                cannot_come_again: false,
            });
        };
        let key = piece.key();
        let done = self.parts.push(piece, self.began.elapsed());
        let text = match done {
            Reassembled::Waiting => {
                let held = self.held.entry(key).or_default();
                held.unanswered.push((Instant::now(), delivery));
                return None;
            }
            Reassembled::Complete(text) => whole(message, text),
        };
        let held = self.held.remove(&key).unwrap_or_default();
        let unanswered = held.unanswered.into_iter().map(|(_, delivery)| delivery);
        Some(Incoming {
            text,
            deliveries: unanswered.chain([delivery]).collect(),
            cannot_come_again: held.some_acknowledged,
        })
    }

    /// Lets go of parts that were held long enough, gives up on texts that
    /// will not become whole.
    fn look_after_parts(&mut self) {
        let is_due = |since: &Instant| since.elapsed() >= PART_HOLD;
        for held in self.held.values_mut() {
            let due = held.unanswered.extract_if(.., |(since, _)| is_due(since));
            for (_, delivery) in due {
                delivery.confirm();
                held.some_acknowledged = true;
            }
        }
        for (from, to, text) in self.parts.take_expired(self.began.elapsed()) {
            let text = IncomingText::Message { from, to, text };
            self.ready.push(Incoming {
                text,
                deliveries: Vec::new(),
                cannot_come_again: true,
            });
        }
        let parts = &self.parts;
        self.held
            .retain(|key, held| !held.unanswered.is_empty() || parts.contains(key));
    }
}

fn whole(message: &DeliverSm, text: String) -> IncomingText {
    let from = number_of(&message.source);
    IncomingText::Message {
        from,
        to: message.destination.value.clone(),
        text,
    }
}

/// International numbers with their `+`: by type of number, or by their length.
fn number_of(address: &Address) -> String {
    /// Longer digits without a type are taken as international.
    const NATIONAL_LEN_MAX: usize = 8;
    let digits = address.value.trim_start_matches('+');
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let is_long = address.ton == 0 && digits.len() > NATIONAL_LEN_MAX && !digits.starts_with('0');
    if is_number && (address.ton == 1 || address.value.starts_with('+') || is_long) {
        format!("+{digits}")
    } else {
        address.value.clone()
    }
}

impl std::fmt::Debug for IncomingText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Receipt {
                remote_ids,
                meaning,
            } => f
                .debug_struct("Receipt")
                .field("remote_ids", remote_ids)
                .field("meaning", meaning)
                .finish(),
            Self::Message { text, .. } => write!(f, "Message({} characters)", text.chars().count()),
        }
    }
}
