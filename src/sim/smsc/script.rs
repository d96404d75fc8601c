//! What the simulated centre does with messages.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::proto::smpp::encoding::{SegmentOptions, split};
use crate::proto::smpp::receipt::{MessageState, Receipt, ReceiptTime, write};
use crate::proto::smpp::{Address, CommandStatus, ShortMessage, Tlv, esm_class, tlv_tag};

use super::telephone;

/// What becomes of a message for a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Accepted; the receipt says delivered.
    Delivered {
        /// From the submission to the receipt.
        after: Duration,
    },
    /// Accepted; the receipt says that it did not arrive.
    Undelivered {
        /// From the submission to the receipt.
        after: Duration,
        /// `Undeliverable`, `Expired`, `Rejected`, …
        state: MessageState,
        /// The receipt's `err:`, e.g. `001` for an unknown subscriber.
        error: String,
    },
    /// Refused at once.
    Refused(CommandStatus),
    /// "Throttled" so many times, then as told.
    Throttled {
        /// How many submissions are refused, of all that come for the number.
        times: u32,
        /// Afterwards.
        then: Box<Behaviour>,
    },
    /// Accepted; no receipt ever comes.
    NoReceipt,
    /// The submission is never answered.
    Silent,
    /// Delivered, and the person writes back.
    Replies {
        /// From the submission to the receipt, and from there to the reply.
        after: Duration,
        /// The person's words.
        text: String,
    },
}

/// How the centre is set up.
#[derive(Debug, Clone)]
pub struct SmscConfig {
    /// Port on the loopback address; 0 for a free one.
    pub port: u16,
    /// Its name for itself.
    pub system_id: String,
    /// Who may bind, and with which password; `None`: anybody.
    pub account: Option<(String, String)>,
    /// By destination number, digits only.
    pub behaviours: BTreeMap<String, Behaviour>,
    /// For all other numbers.
    pub default_behaviour: Behaviour,
    /// Ids are hexadecimal in responses and decimal in receipts.
    pub writes_ids_differently: bool,
    /// Receipts carry `receipted_message_id` and `message_state`.
    pub sends_parameters: bool,
    /// Every bind is refused so.
    pub refuses_binds: Option<CommandStatus>,
}

impl Default for SmscConfig {
    fn default() -> Self {
        Self {
            port: 0,
            system_id: "simulator".to_owned(),
            account: None,
            behaviours: BTreeMap::new(),
            default_behaviour: Behaviour::Delivered {
                after: Duration::from_millis(50),
            },
            writes_ids_differently: false,
            sends_parameters: true,
            refuses_binds: None,
        }
    }
}

/// A receipt for a message, as the centre's configuration wants it.
pub(super) fn receipt_for(
    config: &SmscConfig,
    message: &ShortMessage,
    id: u64,
    state: MessageState,
    error: &str,
) -> ShortMessage {
    let in_text = if config.writes_ids_differently {
        format!("{id:010}")
    } else {
        response_id(config, id)
    };
    let is_delivered = state == MessageState::Delivered;
    let receipt = Receipt {
        id: Some(in_text),
        submitted: Some(1),
        delivered: Some(u32::from(is_delivered)),
        submit_date: ReceiptTime::read("2601020304"),
        done_date: ReceiptTime::read("2601020305"),
        state: Some(state),
        error: Some(error.to_owned()),
        ..Receipt::default()
    };
    let mut tlvs = Vec::new();
    if config.sends_parameters {
        let id = format!("{}\0", response_id(config, id)).into_bytes();
        tlvs.push(Tlv {
            tag: tlv_tag::RECEIPTED_MESSAGE_ID,
            value: id,
        });
        tlvs.push(Tlv {
            tag: tlv_tag::MESSAGE_STATE,
            value: vec![state.code()],
        });
    }
    ShortMessage {
        source: message.destination.clone(),
        destination: message.source.clone(),
        esm_class: esm_class::TYPE_DELIVERY_RECEIPT,
        user_data: write(&receipt).into_bytes(),
        tlvs,
        ..ShortMessage::default()
    }
}

/// An id as it stands in `submit_sm_resp`.
pub(super) fn response_id(config: &SmscConfig, id: u64) -> String {
    if config.writes_ids_differently {
        format!("{id:X}")
    } else {
        id.to_string()
    }
}

/// A text from a telephone, in as many parts as it takes.
pub(super) fn reply_from(from: &str, to: &str, text: &str) -> Vec<ShortMessage> {
    let destination = Address::sender(to);
    let reference = text.len() as u16;
    let parts = split(text, SegmentOptions::default(), reference).unwrap_or_default();
    let message = |part: crate::proto::smpp::encoding::Segment| ShortMessage {
        source: telephone(from),
        destination: destination.clone(),
        esm_class: if part.has_header { esm_class::UDHI } else { 0 },
        data_coding: part.encoding.data_coding(),
        user_data: part.user_data,
        tlvs: part.tlvs,
        ..ShortMessage::default()
    };
    parts.into_iter().map(message).collect()
}
