//! What a message centre says about a text: the status of a response, the
//! state and error code of a receipt.
//!
//! Sources: SMPP 3.4 section 5.1.3 (`command_status`) and 5.2.28
//! (`message_state`); `network_errors.toml` for the error codes of mobile
//! networks, which receipts carry in `err:` and `network_error_code`.

use super::network_errors::{CodeMeaning, ErrorCodes, of_network};
use crate::domain::{BounceClass, Diagnostic, Fault, Permanence, Reason, RuleName, Verdict};
use crate::proto::smpp::CommandStatus;
use crate::proto::smpp::receipt::{MessageState, Receipt};

/// `network_error_code` of type 3 is a GSM code (SMPP 3.4 section 5.3.2.31).
const NETWORK_TYPE_GSM: u8 = 3;

/// What a receipt says of its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptMeaning {
    /// The telephone has it.
    Delivered(Verdict),
    /// It will not get there.
    Undelivered(Verdict),
    /// Not known yet, or not known at all: nothing changes.
    Underway(Verdict),
}

impl ReceiptMeaning {
    /// The verdict in it.
    pub fn verdict(&self) -> &Verdict {
        match self {
            Self::Delivered(verdict) | Self::Undelivered(verdict) | Self::Underway(verdict) => {
                verdict
            }
        }
    }
}

/// The message centre took the message.
pub fn accepted(message_id: &str) -> Verdict {
    Verdict {
        class: BounceClass::Success,
        reason: Reason::Undefined,
        permanence: Permanence::Permanent,
        fault: Fault::Unknown,
        status_code: None,
        diagnostic: Diagnostic::new(format!(
            "submit_sm_resp {}; id {message_id}",
            CommandStatus::ROK
        )),
        rule: RuleName::default(),
    }
}

/// The message centre refused the message.
pub fn refused(status: CommandStatus) -> Verdict {
    let (reason, permanence) = status_meaning(status);
    Verdict::failure(reason, permanence).with_diagnostic(format!("submit_sm_resp {status}"))
}

/// The message centre gave no answer, or was not there to give one.
pub fn unanswered(what: &str) -> Verdict {
    Verdict::failure(Reason::Network, Permanence::Temporary).with_diagnostic(what)
}

/// What a receipt means. A state that is not understood counts as not known.
pub fn receipt(receipt: &Receipt) -> ReceiptMeaning {
    let diagnostic = Diagnostic::new(words_of(receipt));
    let verdict = |class, reason, permanence| Verdict {
        class,
        diagnostic: diagnostic.clone(),
        ..Verdict::failure(reason, permanence)
    };
    let Some(state) = receipt.state else {
        let unknown = verdict(
            BounceClass::Unknown,
            Reason::Undefined,
            Permanence::Temporary,
        );
        return ReceiptMeaning::Underway(unknown);
    };
    let failure = |reason, permanence| {
        let verdict = network_meaning(receipt, state)
            .map_or_else(|| Verdict::failure(reason, permanence), failed_for);
        ReceiptMeaning::Undelivered(Verdict {
            diagnostic: diagnostic.clone(),
            ..verdict
        })
    };
    match state {
        MessageState::Delivered => ReceiptMeaning::Delivered(verdict(
            BounceClass::Success,
            Reason::Delivered,
            Permanence::Permanent,
        )),
        MessageState::Undeliverable => failure(Reason::Undefined, Permanence::Permanent),
        // The telephone was off or out of reach until the message was too old.
        MessageState::Expired => failure(Reason::Unreachable, Permanence::Temporary),
        MessageState::Rejected | MessageState::Skipped => {
            failure(Reason::Policy, Permanence::Permanent)
        }
        MessageState::Deleted => failure(Reason::System, Permanence::Permanent),
        MessageState::Scheduled | MessageState::Enroute | MessageState::Accepted => {
            let delay = verdict(BounceClass::Delay, Reason::Undefined, Permanence::Temporary);
            ReceiptMeaning::Underway(delay)
        }
        MessageState::Unknown => {
            let unknown = verdict(
                BounceClass::Unknown,
                Reason::Undefined,
                Permanence::Temporary,
            );
            ReceiptMeaning::Underway(unknown)
        }
    }
}

/// What a receipt means where its carrier has error codes of its own: whatever the state, `err:`
/// is that carrier's number then.
#[must_use]
pub fn by_carrier(meaning: &ReceiptMeaning, codes: &ErrorCodes) -> ReceiptMeaning {
    let ReceiptMeaning::Undelivered(verdict) = meaning else {
        return meaning.clone();
    };
    let said = error_in(verdict.diagnostic.as_str());
    match said.and_then(|code| codes.meaning(code)) {
        Some(known) => ReceiptMeaning::Undelivered(Verdict {
            diagnostic: verdict.diagnostic.clone(),
            ..failed_for(known)
        }),
        None => meaning.clone(),
    }
}

fn failed_for(known: &CodeMeaning) -> Verdict {
    Verdict::failure(known.reason, known.permanence).by(known.rule.clone())
}

/// The `err:` field in what [`words_of`] has written.
fn error_in(words: &str) -> Option<&str> {
    let field = words
        .split(' ')
        .rev()
        .find_map(|one| one.strip_prefix("err:"));
    field.filter(|code| !code.is_empty())
}

/// The receipt's own words about the outcome, without the message's text.
fn words_of(receipt: &Receipt) -> String {
    let mut words = Vec::new();
    words.extend(receipt.best_id().map(|id| format!("id:{id}")));
    match (&receipt.stat, receipt.state) {
        (Some(stat), _) => words.push(format!("stat:{stat}")),
        (None, Some(state)) => words.push(format!("message_state:{}", state.code())),
        (None, None) => {}
    }
    words.extend(receipt.error.as_ref().map(|error| format!("err:{error}")));
    let network = receipt.network_error;
    words.extend(network.map(|(kind, code)| format!("network_error_code:{kind}/{code}")));
    words.join(" ")
}

fn status_meaning(status: CommandStatus) -> (Reason, Permanence) {
    use CommandStatus as S;
    use Permanence::{Permanent, Temporary};
    match status {
        S::RINVDSTADR => (Reason::NumberInvalid, Permanent),
        S::RTHROTTLED | S::RMSGQFUL => (Reason::Throttled, Temporary),
        S::RINVSRCADR | S::RINVSRCTON | S::RINVSRCNPI => (Reason::SenderRejected, Permanent),
        S::RBINDFAIL | S::RINVPASWD | S::RINVSYSID | S::RINVSYSTYP => (Reason::Auth, Temporary),
        S::RINVMSGLEN => (Reason::TooBig, Permanent),
        S::RX_R_APPN => (Reason::Policy, Permanent),
        S::RX_P_APPN | S::RDELIVERYFAILURE => (Reason::Undefined, Permanent),
        S::RSYSERR
        | S::RINVBNDSTS
        | S::RALYBND
        | S::RSUBMITFAIL
        | S::RX_T_APPN
        | S::RUNKNOWNERR => (Reason::System, Temporary),
        // Every other code of the specification finds fault with the PDU.
        S(0x00..=0xff) => (Reason::Syntax, Permanent),
        // A centre's own codes: nothing is known about the recipient.
        _ => (Reason::System, Temporary),
    }
}

/// What the network's error code adds, if it has one that says something.
///
/// `err:` is taken as a GSM code too, but only where the network failed: most
/// centres pass its code through then. When the centre itself refused, deleted
/// or gave up, `err:` is its own number and says nothing about the recipient.
fn network_meaning(receipt: &Receipt, state: MessageState) -> Option<&'static CodeMeaning> {
    let from_parameter = receipt
        .network_error
        .filter(|(kind, code)| *kind == NETWORK_TYPE_GSM && *code != 0)
        .map(|(_, code)| code);
    let stat = receipt.stat.as_deref();
    let is_networks = state == MessageState::Undeliverable
        && stat.is_none_or(|stat| MessageState::from_stat(stat) == Some(state));
    let from_text = || receipt.error.as_deref()?.trim().parse::<u16>().ok();
    of_network(from_parameter.or_else(|| is_networks.then(from_text).flatten())?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::Suspends;
    use crate::proto::smpp::receipt::parse;

    fn check(text: &str, reason: Reason, suspends: Suspends) {
        let meaning = receipt(&parse(text).unwrap());
        let ReceiptMeaning::Undelivered(verdict) = meaning else {
            panic!("{text}: {meaning:?}")
        };
        assert_eq!(
            (verdict.reason, verdict.suspends()),
            (reason, suspends),
            "{text}"
        );
        assert!(
            text.contains(verdict.diagnostic.as_str()),
            "the words are the centre's"
        );
    }

    #[test]
    fn receipts_of_failures() {
        check(
            "id:1 stat:UNDELIV err:001",
            Reason::UserUnknown,
            Suspends::AtOnce,
        );
        check(
            "id:1 stat:UNDELIV err:011",
            Reason::Suspended,
            Suspends::AtOnce,
        );
        check(
            "id:1 stat:UNDELIV err:027",
            Reason::Unreachable,
            Suspends::AfterRepeats,
        );
        check(
            "id:1 stat:UNDELIV err:032",
            Reason::MailboxFull,
            Suspends::AfterRepeats,
        );
        check(
            "id:1 stat:UNDELIV err:000",
            Reason::Undefined,
            Suspends::AfterRepeats,
        );
        check("id:1 stat:UNDELIV err:34", Reason::System, Suspends::Never);
        check(
            "id:1 stat:EXPIRED err:0",
            Reason::Unreachable,
            Suspends::AfterRepeats,
        );
        check("id:1 stat:REJECTD err:x7", Reason::Policy, Suspends::Never);
        check("id:1 stat:DELETED", Reason::System, Suspends::Never);
    }

    #[test]
    fn a_centres_own_number_is_not_the_networks() {
        for error in ["001", "005", "009", "011", "021"] {
            for (stat, reason, suspends) in [
                ("REJECTD", Reason::Policy, Suspends::Never),
                ("SKIPPED", Reason::Policy, Suspends::Never),
                ("DELETED", Reason::System, Suspends::Never),
                ("EXPIRED", Reason::Unreachable, Suspends::AfterRepeats),
            ] {
                check(&format!("id:1 stat:{stat} err:{error}"), reason, suspends);
            }
        }
        let mut rejected = parse("id:1 stat:REJECTD err:011").unwrap();
        rejected.network_error = Some((NETWORK_TYPE_GSM, 1));
        assert_eq!(receipt(&rejected).verdict().reason, Reason::UserUnknown);
        // The parameter says undeliverable, the text refused: not the network's.
        rejected.network_error = None;
        rejected.state = Some(MessageState::Undeliverable);
        assert_eq!(receipt(&rejected).verdict().reason, Reason::Undefined);
    }

    #[test]
    fn a_delivery_is_a_delivery_whatever_the_error_code() {
        for text in ["id:1 stat:DELIVRD err:000", "id:1 stat:DELIVRD err:001"] {
            let meaning = receipt(&parse(text).unwrap());
            assert!(
                matches!(meaning, ReceiptMeaning::Delivered(_)),
                "{meaning:?}"
            );
            assert_eq!(meaning.verdict().suspends(), Suspends::Never);
        }
    }

    #[test]
    fn states_on_the_way_decide_nothing() {
        for stat in ["ENROUTE", "ACCEPTD", "UNKNOWN", "SCHEDLD", "GONE?"] {
            let meaning = receipt(&parse(&format!("id:1 stat:{stat} err:001")).unwrap());
            assert!(matches!(meaning, ReceiptMeaning::Underway(_)), "{stat}");
            assert_eq!(meaning.verdict().suspends(), Suspends::Never);
        }
    }

    #[test]
    fn a_gsm_code_in_its_parameter_wins_over_the_text() {
        let mut undelivered = parse("id:1 stat:UNDELIV err:034").unwrap();
        undelivered.network_error = Some((NETWORK_TYPE_GSM, 1));
        assert_eq!(receipt(&undelivered).verdict().reason, Reason::UserUnknown);
        undelivered.network_error = Some((1, 1));
        assert_eq!(receipt(&undelivered).verdict().reason, Reason::System);
    }

    #[test]
    fn a_carriers_own_codes_come_before_the_networks() {
        let settings = [
            ("001".to_owned(), "mailbox_full passes".to_owned()),
            ("0301".to_owned(), "user_unknown lasts".to_owned()),
        ];
        let codes = ErrorCodes::read(&settings.into()).unwrap();
        let found = |text: &str| {
            let meaning = by_carrier(&receipt(&parse(text).unwrap()), &codes);
            let verdict = meaning.verdict();
            assert!(text.contains(verdict.diagnostic.as_str()), "{text}");
            (verdict.reason, verdict.rule.as_str().to_owned())
        };
        let full = (Reason::MailboxFull, "carrier-error: 1".to_owned());
        assert_eq!(found("id:1 stat:UNDELIV err:1"), full);
        let gone = (Reason::UserUnknown, "carrier-error: 301".to_owned());
        assert_eq!(found("id:1 stat:REJECTD err:301"), gone);
        let busy = (
            Reason::Busy,
            "network-error: 31 subscriber-busy-for-mt-sms".to_owned(),
        );
        assert_eq!(found("id:1 stat:UNDELIV err:031"), busy);
        assert_eq!(
            found("id:1 stat:DELIVRD err:301"),
            (Reason::Delivered, String::new())
        );
    }

    #[test]
    fn only_a_bad_number_suspends() {
        for code in 1..=0x4ff {
            let verdict = refused(CommandStatus(code));
            let is_number = code == CommandStatus::RINVDSTADR.0;
            assert_eq!(
                verdict.suspends() == Suspends::AtOnce,
                is_number,
                "{code:#x}"
            );
        }
        assert_eq!(
            refused(CommandStatus::RTHROTTLED).permanence,
            Permanence::Temporary
        );
        assert_eq!(
            refused(CommandStatus(0x400)).permanence,
            Permanence::Temporary
        );
        assert_eq!(accepted("7").suspends(), Suspends::Never);
    }
}
