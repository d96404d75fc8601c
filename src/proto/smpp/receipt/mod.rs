//! Delivery receipts: what a message centre says became of a message.
//!
//! The text form (section, "Delivery Receipt Format", Appendix B) is only a
//! recommendation; keys come in any order and case, some missing, numbers as
//! text. Optional parameters, where present, win over the text (5.3.2.12, 5.3.2.35).

mod message_id;
mod parse;
mod time;

use super::encoding::DefaultAlphabet;
use super::pdu::ShortMessage;

pub use message_id::MessageIdForm;
pub use parse::parse;
pub use time::ReceiptTime;

/// Where a message has got to (section 5.2.28, and 0, 9 of SMPP 5.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// Not yet tried.
    Scheduled,
    /// On its way.
    Enroute,
    /// It has reached the telephone.
    Delivered,
    /// The validity period ended first.
    Expired,
    /// Deleted at the message centre.
    Deleted,
    /// It can not be delivered.
    Undeliverable,
    /// Read manually on behalf of the subscriber; no more will follow.
    Accepted,
    /// The message centre does not know.
    Unknown,
    /// The message centre will not deliver it.
    Rejected,
    /// Accepted and left out on purpose (SMPP 5.0).
    Skipped,
}

impl MessageState {
    /// Of the `message_state` parameter.
    pub fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Scheduled,
            1 => Self::Enroute,
            2 => Self::Delivered,
            3 => Self::Expired,
            4 => Self::Deleted,
            5 => Self::Undeliverable,
            6 => Self::Accepted,
            7 => Self::Unknown,
            8 => Self::Rejected,
            9 => Self::Skipped,
            _ => return None,
        })
    }

    /// Of the `message_state` parameter.
    pub fn code(self) -> u8 {
        match self {
            Self::Scheduled => 0,
            Self::Enroute => 1,
            Self::Delivered => 2,
            Self::Expired => 3,
            Self::Deleted => 4,
            Self::Undeliverable => 5,
            Self::Accepted => 6,
            Self::Unknown => 7,
            Self::Rejected => 8,
            Self::Skipped => 9,
        }
    }

    /// Of the `stat:` field: the recommended seven characters, words that
    /// centres use instead, or a bare state code.
    pub fn from_stat(stat: &str) -> Option<Self> {
        let stat = stat.trim().to_ascii_uppercase();
        Some(match stat.as_str() {
            "DELIVRD" | "DELIVERED" | "DELIVERD" => Self::Delivered,
            // Yo! Uganda and kin: no error means delivered.
            "0" | "000" => Self::Delivered,
            "EXPIRED" | "EXPIRD" => Self::Expired,
            "DELETED" => Self::Deleted,
            "UNDELIV" | "UNDELIVERABLE" | "UNDELIVERED" | "UNDLVRD" | "FAILED"
            | "ESME_RSUBMITFAIL" => Self::Undeliverable,
            "ACCEPTD" | "ACCEPTED" | "ACKED" => Self::Accepted,
            "UNKNOWN" | "UNKNOWNERR" => Self::Unknown,
            "REJECTD" | "REJECTED" | "BLOCKED" => Self::Rejected,
            "ENROUTE" | "BUFFERED" | "BUFFRED" => Self::Enroute,
            "SCHEDULED" | "SCHEDLD" => Self::Scheduled,
            "SKIPPED" => Self::Skipped,
            _ => return None,
        })
    }

    /// The seven characters of the text form.
    pub fn stat(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDLD",
            Self::Enroute => "ENROUTE",
            Self::Delivered => "DELIVRD",
            Self::Expired => "EXPIRED",
            Self::Deleted => "DELETED",
            Self::Undeliverable => "UNDELIV",
            Self::Accepted => "ACCEPTD",
            Self::Unknown => "UNKNOWN",
            Self::Rejected => "REJECTD",
            Self::Skipped => "SKIPPED",
        }
    }

    /// No other state will follow.
    pub fn is_final(self) -> bool {
        !matches!(
            self,
            Self::Scheduled | Self::Enroute | Self::Accepted | Self::Unknown
        )
    }
}

/// A receipt, as far as it could be read. `Debug` hides the text.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    /// The message centre's id as written in the text.
    pub id: Option<String>,
    /// The message centre's id as written in `receipted_message_id`.
    pub parameter_id: Option<String>,
    /// Messages submitted under it.
    pub submitted: Option<u32>,
    /// Of those, delivered.
    pub delivered: Option<u32>,
    /// When it was submitted, local to the centre.
    pub submit_date: Option<ReceiptTime>,
    /// When it came to this state, local to the centre.
    pub done_date: Option<ReceiptTime>,
    /// The state, if it is one that is known.
    pub state: Option<MessageState>,
    /// The `stat:` field as written.
    pub stat: Option<String>,
    /// The `err:` field as written: a code of the network or the centre.
    pub error: Option<String>,
    /// `network_error_code`: network type and code.
    pub network_error: Option<(u8, u16)>,
    /// The first characters of the message.
    pub text: Option<String>,
}

impl Receipt {
    /// The parameter's id, or that of the text.
    pub fn best_id(&self) -> Option<&str> {
        self.parameter_id.as_deref().or(self.id.as_deref())
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receipt")
            .field("id", &self.best_id())
            .field("state", &self.state)
            .field("stat", &self.stat)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// Reads the receipt that a `deliver_sm` carries; `None` if it carries none.
///
/// `esm_class` or a parameter that only centres write must say so. The words
/// alone prove nothing: anybody with a telephone can write them.
pub fn from_message(message: &ShortMessage) -> Option<Receipt> {
    let parameter_id = message.receipted_message_id();
    let parameter_state = message.message_state();
    if !message.is_receipt() && parameter_id.is_none() && parameter_state.is_none() {
        return None;
    }
    // The text form is ASCII whatever data_coding says, unless it is UCS-2.
    let text = message.text(DefaultAlphabet::Latin1);
    let parsed = parse(text.trim_end_matches('\0'));
    let mut receipt = parsed.unwrap_or_default();
    receipt.parameter_id = parameter_id;
    if let Some(state) = parameter_state.and_then(MessageState::from_code) {
        receipt.state = Some(state);
    }
    receipt.network_error = message.network_error_code();
    let says_something = receipt.best_id().is_some() || receipt.state.is_some();
    says_something.then_some(receipt)
}

/// Writes the recommended text form, for the centre's side.
pub fn write(receipt: &Receipt) -> String {
    let date = |time: Option<ReceiptTime>| {
        time.map_or_else(|| "0000000000".to_owned(), ReceiptTime::to_minutes_text)
    };
    format!(
        "id:{} sub:{:03} dlvrd:{:03} submit date:{} done date:{} stat:{} err:{} text:{}",
        receipt.id.as_deref().unwrap_or_default(),
        receipt.submitted.unwrap_or(1),
        receipt.delivered.unwrap_or_default(),
        date(receipt.submit_date),
        date(receipt.done_date),
        receipt.state.unwrap_or(MessageState::Unknown).stat(),
        receipt.error.as_deref().unwrap_or("000"),
        receipt.text.as_deref().unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::proto::smpp::pdu::{Tlv, tlv_tag};

    fn message(text: &str, tlvs: Vec<Tlv>) -> ShortMessage {
        ShortMessage {
            user_data: text.as_bytes().to_vec(),
            tlvs,
            esm_class: 4,
            ..Default::default()
        }
    }

    #[test]
    fn parameters_win_over_the_text() {
        let id = Tlv {
            tag: tlv_tag::RECEIPTED_MESSAGE_ID,
            value: b"6aad5\0".to_vec(),
        };
        let state = Tlv {
            tag: tlv_tag::MESSAGE_STATE,
            value: vec![5],
        };
        let message = message("id:0000436949 stat:DELIVRD err:001", vec![id, state]);
        let receipt = from_message(&message).unwrap();
        assert_eq!(receipt.best_id(), Some("6aad5"));
        assert_eq!(receipt.id.as_deref(), Some("0000436949"));
        assert_eq!(receipt.state, Some(MessageState::Undeliverable));
        assert_eq!(receipt.error.as_deref(), Some("001"));
    }

    #[test]
    fn an_ordinary_message_is_no_receipt() {
        let mut reply = message("Yes, my id: is on the table", Vec::new());
        reply.esm_class = 0;
        assert_eq!(from_message(&reply), None);
    }

    #[test]
    fn a_forged_text_is_no_receipt() {
        let mut forged = message("id:9 stat:DELIVRD err:000", Vec::new());
        forged.esm_class = 0;
        assert_eq!(from_message(&forged), None);
        for (tag, value) in [
            (tlv_tag::RECEIPTED_MESSAGE_ID, b"9\0".to_vec()),
            (tlv_tag::MESSAGE_STATE, vec![2]),
        ] {
            let mut centres_own = forged.clone();
            centres_own.tlvs.push(Tlv { tag, value });
            assert!(from_message(&centres_own).is_some(), "{tag:#06x}");
        }
        for kind in [0x04, 0x20] {
            forged.esm_class = kind;
            assert!(from_message(&forged).is_some(), "{kind:#04x}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let receipt = Receipt {
            id: Some("4F2A".to_owned()),
            parameter_id: None,
            submitted: Some(1),
            delivered: Some(0),
            submit_date: ReceiptTime::read("2611220033"),
            done_date: ReceiptTime::read("2611220034"),
            state: Some(MessageState::Undeliverable),
            stat: Some("UNDELIV".to_owned()),
            error: Some("045".to_owned()),
            network_error: None,
            text: Some("The river rises".to_owned()),
        };
        assert!(receipt.submit_date.is_some());
        assert_eq!(parse(&write(&receipt)), Some(receipt));
    }
}
