//! What the telephone network's final answer means.
//!
//! Codes: RFC 3261 section 21. Causes: ITU-T Q.850, carried in `Reason` (RFC 3326); the mapping
//! between them: RFC 3398 section 7.2.4.1.

use crate::domain::verdict::{Permanence, Reason, Verdict};
use crate::proto::call::{CallFailure, CallResult, SipAnswer};

/// The verdict on a call that ended without being answered, or `None` if nothing was said that
/// needs one (it was answered, it rang out, we withdrew it).
pub fn classify_call(result: &CallResult) -> Option<Verdict> {
    if let Some(answer) = &result.answer {
        return Some(classify_answer(answer));
    }
    result.failure.as_ref().map(classify_failure)
}

/// The verdict on a final answer.
pub fn classify_answer(answer: &SipAnswer) -> Verdict {
    let (reason, permanence) = by_code_and_cause(answer.code, answer.cause);
    Verdict::failure(reason, permanence).with_diagnostic(diagnostic(answer))
}

/// The verdict on a call that failed without an answer: always the way there, never the person.
pub fn classify_failure(failure: &CallFailure) -> Verdict {
    let text = match failure {
        CallFailure::TimedOut => "the trunk did not answer".to_owned(),
        CallFailure::TransportFailed => "the trunk could not be reached".to_owned(),
        CallFailure::Unusable(why) => format!("the trunk's answer could not be used: {why}"),
    };
    Verdict::failure(Reason::Network, Permanence::Temporary).with_diagnostic(text)
}

fn diagnostic(answer: &SipAnswer) -> String {
    let head = format!("{} {}", answer.code, answer.text);
    match answer.cause {
        Some(cause) => format!("{} (Q.850 cause {cause})", head.trim_end()),
        None => head.trim_end().to_owned(),
    }
}

fn by_code_and_cause(code: u16, cause: Option<u8>) -> (Reason, Permanence) {
    use Permanence::Temporary;
    match code {
        486 | 600 => (Reason::Busy, Temporary),
        // The exchange's own word counts where SIP's is vague.
        404 | 410 | 480 | 484 | 500..=599 | 604 => {
            cause.and_then(by_cause).unwrap_or_else(|| by_code(code))
        }
        _ => by_code(code),
    }
}

fn by_code(code: u16) -> (Reason, Permanence) {
    use Permanence::{Permanent, Temporary};
    match code {
        404 | 410 | 484 | 485 | 604 => (Reason::NumberInvalid, Permanent),
        408 | 480 | 487 => (Reason::NoAnswer, Temporary),
        603 => (Reason::Declined, Temporary),
        486 | 600 => (Reason::Busy, Temporary),
        401 | 407 => (Reason::Auth, Permanent),
        403 => (Reason::Policy, Permanent),
        402 => (Reason::Policy, Permanent),
        429 => (Reason::Rate, Temporary),
        // The trunk and we do not understand each other: configuration, not the number.
        400 | 405 | 406 | 413..=423 | 482 | 483 | 488 | 493 | 606 => (Reason::Syntax, Permanent),
        300..=399 => (Reason::Moved, Temporary),
        491 | 500..=599 => (Reason::System, Temporary),
        _ => (Reason::Undefined, Temporary),
    }
}

/// Q.850 table 1.
fn by_cause(cause: u8) -> Option<(Reason, Permanence)> {
    use Permanence::{Permanent, Temporary};
    Some(match cause {
        // Unallocated number; number changed; invalid number format.
        1 | 22 | 28 => (Reason::NumberInvalid, Permanent),
        // No route to the network or destination.
        2 | 3 => (Reason::Network, Temporary),
        17 => (Reason::Busy, Temporary),
        18 | 19 => (Reason::NoAnswer, Temporary),
        // Subscriber absent; destination out of order.
        20 | 27 => (Reason::Unreachable, Temporary),
        21 => (Reason::Declined, Temporary),
        // No circuit; network out of order; temporary failure; congestion; channel, resource.
        34 | 38 | 41 | 42 | 44 | 47 => (Reason::System, Temporary),
        // Facility not subscribed, calls barred: our contract with the carrier.
        50 | 55 | 57 | 58 => (Reason::Policy, Permanent),
        // Recovery on timer expiry.
        102 => (Reason::Network, Temporary),
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::verdict::{Fault, Suspends};
    use crate::proto::call::CallEnd;

    fn verdict(code: u16, cause: Option<u8>) -> Verdict {
        classify_answer(&SipAnswer::new(code, "Text", cause))
    }

    #[test]
    fn only_a_bad_number_suspends_at_once() {
        for code in 300..=699 {
            let bad_number = [404, 410, 484, 485, 604].contains(&code);
            let suspends = verdict(code, None).suspends() == Suspends::AtOnce;
            assert_eq!(suspends, bad_number, "{code}");
        }
    }

    #[test]
    fn busy_and_no_answer_never_suspend() {
        for code in [486, 600, 480, 408, 487, 603] {
            assert_eq!(verdict(code, None).suspends(), Suspends::Never, "{code}");
        }
    }

    #[test]
    fn our_own_trouble_is_ours_and_the_networks_the_networks() {
        for code in [401, 402, 403, 407, 488] {
            assert_eq!(verdict(code, None).fault, Fault::Sender, "{code}");
        }
        for code in [500, 502, 503, 504] {
            let verdict = verdict(code, None);
            assert_eq!(verdict.fault, Fault::Network, "{code}");
            assert_eq!(verdict.permanence, Permanence::Temporary, "{code}");
        }
    }

    #[test]
    fn the_exchanges_cause_refines_a_vague_code() {
        assert_eq!(verdict(480, Some(17)).reason, Reason::Busy);
        assert_eq!(verdict(480, Some(20)).reason, Reason::Unreachable);
        assert_eq!(verdict(503, Some(1)).reason, Reason::NumberInvalid);
        assert_eq!(verdict(404, Some(3)).reason, Reason::Network);
        assert_eq!(verdict(404, Some(127)).reason, Reason::NumberInvalid);
        assert_eq!(verdict(486, Some(1)).reason, Reason::Busy);
    }

    #[test]
    fn the_words_are_kept() {
        let text = verdict(404, Some(1)).diagnostic;
        assert_eq!(text.as_str(), "404 Text (Q.850 cause 1)");
    }

    #[test]
    fn an_answered_call_needs_no_verdict_and_a_dead_trunk_blames_the_network() {
        let mut result = CallResult {
            end: CallEnd::Completed,
            answer: None,
            failure: None,
            plays: 1,
            keys: Vec::new(),
        };
        assert_eq!(classify_call(&result), None);
        result.failure = Some(CallFailure::TimedOut);
        let verdict = classify_call(&result).unwrap();
        assert_eq!(
            (verdict.reason, verdict.fault),
            (Reason::Network, Fault::Network)
        );
    }
}
