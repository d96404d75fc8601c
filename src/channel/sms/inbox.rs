//! What comes back over a bind: receipts and people's texts.
//!
//! A long text comes in parts, each with an acknowledgement of its own: a centre that sends the
//! next part only after the answer to the one before must go on. So each is handed on as it comes,
//! and whoever stores it puts the whole together.

use tokio::sync::mpsc;

use super::RouteSettings;
use crate::classify::smpp::{ReceiptMeaning, receipt as meaning_of};
use crate::domain::Redacted;
use crate::net::smpp::Delivery;
use crate::proto::smpp::{Address, CommandStatus, Piece, receipt};

/// Something that came in. Whoever takes it must answer it by
/// [`Incoming::confirm`] when it is stored; dropping it asks for it again.
#[derive(Debug)]
pub struct Incoming {
    /// What it is.
    pub text: IncomingText,
    delivery: Delivery,
    may_be_early: bool,
}

/// See [`Incoming`]. `Debug` hides numbers and text.
#[derive(Clone, PartialEq, Eq)]
pub enum IncomingText {
    /// What became of a text.
    Receipt {
        /// Remote ids that it may be about, most likely first, in the form of
        /// `AttemptOutcome::Accepted`.
        remote_ids: Vec<String>,
        /// Whom the carrier names in it: the text went to one of them. Centres differ in which.
        parties: [Redacted<String>; 2],
        /// What it says.
        meaning: ReceiptMeaning,
    },
    /// A person wrote.
    Message {
        /// Their number: `+` and digits if it is international, else as it came.
        from: String,
        /// The number or name they wrote to.
        to: String,
        /// The whole text.
        text: String,
    },
    /// A person wrote more than fits into one message; this is a piece of it.
    Part {
        /// Whose binds the other parts come over.
        carrier: String,
        /// As for a message.
        from: String,
        /// As for a message.
        to: String,
        /// Which part, and what it says.
        piece: Piece,
    },
}

impl Incoming {
    /// A receipt of this carrier may come before the answer to its submission.
    pub fn may_be_early(&self) -> bool {
        self.may_be_early
    }

    /// It is stored: the centre may forget it.
    pub fn confirm(self) {
        self.delivery.confirm();
    }

    /// The centre is to do what `status` means.
    pub fn refuse(self, status: CommandStatus) {
        self.delivery.refuse(status);
    }
}

/// Reads the deliveries of one bind.
pub struct SmsInbox {
    route: RouteSettings,
    deliveries: mpsc::Receiver<Delivery>,
}

impl SmsInbox {
    /// An inbox over what a bind's `start` gave.
    pub fn new(route: RouteSettings, deliveries: mpsc::Receiver<Delivery>) -> Self {
        Self { route, deliveries }
    }

    /// The next receipt or text; `None` when the bind has stopped. May be
    /// dropped and called again without losing anything.
    pub async fn next(&mut self) -> Option<Incoming> {
        let delivery = self.deliveries.recv().await?;
        Some(Incoming {
            text: self.read(&delivery),
            delivery,
            may_be_early: self.route.early_receipts,
        })
    }

    fn read(&self, delivery: &Delivery) -> IncomingText {
        let message = delivery.message();
        if let Some(receipt) = receipt::from_message(message) {
            let keys = self.route.id_form.receipt_keys(&receipt);
            return IncomingText::Receipt {
                remote_ids: keys.iter().map(|key| self.route.key(key)).collect(),
                parties: [&message.source, &message.destination].map(party),
                meaning: meaning_of(&receipt),
            };
        }
        let alphabet = self.route.segments.alphabet;
        let from = number_of(&message.source);
        let to = shown(&message.destination.value);
        match Piece::of(message, alphabet) {
            Some(piece) => IncomingText::Part {
                carrier: self.route.carrier.clone(),
                from,
                to,
                piece,
            },
            None => IncomingText::Message {
                from,
                to,
                text: message.text(alphabet),
            },
        }
    }
}

/// International numbers with their `+`: by type of number, or by their length.
fn number_of(address: &Address) -> String {
    /// Longer digits without a type are taken as international.
    const NATIONAL_LEN_MAX: usize = 8;
    let digits = address.value.trim_start_matches('+');
    let is_number =
        (1..=ADDRESS_LEN_MAX).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let is_long = address.ton == 0 && digits.len() > NATIONAL_LEN_MAX && !digits.starts_with('0');
    if is_number && (address.ton == 1 || address.value.starts_with('+') || is_long) {
        format!("+{digits}")
    } else {
        shown(&address.value)
    }
}

/// Characters of an address that count; carriers may send more than its field takes.
const ADDRESS_LEN_MAX: usize = 64;

fn shown(address: &str) -> String {
    address.chars().take(ADDRESS_LEN_MAX).collect()
}

fn party(address: &Address) -> Redacted<String> {
    Redacted::new(shown(&address.value))
}

impl std::fmt::Debug for IncomingText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Receipt {
                remote_ids,
                meaning,
                ..
            } => f
                .debug_struct("Receipt")
                .field("remote_ids", remote_ids)
                .field("meaning", meaning)
                .finish(),
            Self::Message { text, .. } => write!(f, "Message({} characters)", text.chars().count()),
            Self::Part { piece, .. } => {
                let (number, total) = (piece.sar.number, piece.sar.total);
                write!(f, "Part({number} of {total})")
            }
        }
    }
}
