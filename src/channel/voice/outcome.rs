//! How a call ended, in the words that all channels share.

use super::speech::SpeechError;
use crate::channel::AttemptOutcome;
use crate::classify::sip::classify_call;
use crate::domain::CallStatus;
use crate::domain::verdict::{Fault, Permanence, Reason, Verdict};
use crate::proto::call::{CallEnd, CallResult, Progress};

/// The outcome of a call that was placed.
///
/// A call that failed for a reason that may pass and is not the recipient's is tried again; all
/// other ends are final for this attempt's call.
///
/// Keys that a person pressed are told, but for the one that confirms: who presses that where it
/// is not asked for says nothing.
pub(super) fn of(result: &CallResult, confirm_key: &str) -> AttemptOutcome {
    let verdict = classify_call(result);
    let status = match result.end {
        CallEnd::Busy => CallStatus::Busy,
        CallEnd::Fax => CallStatus::Fax,
        CallEnd::Voicemail => CallStatus::Voicemail,
        CallEnd::Completed => CallStatus::Completed,
        CallEnd::Confirmed => CallStatus::Confirmed,
        CallEnd::NoAnswer => CallStatus::NoAnswer,
        CallEnd::Failed => return failed(verdict),
        CallEnd::Aborted => return withdrawn(),
    };
    AttemptOutcome::CallEnded {
        status,
        verdict,
        keys: result
            .keys
            .iter()
            .map(|key| key.as_char())
            .filter(|key| !confirm_key.contains(*key))
            .collect(),
    }
}

/// Progress in the words of the timeline.
pub(super) fn status_of(progress: Progress) -> CallStatus {
    match progress {
        Progress::Started => CallStatus::Started,
        Progress::Ringing => CallStatus::Ringing,
        Progress::InProgress => CallStatus::InProgress,
    }
}

/// Stopped before anybody heard the script. Nobody's fault: somebody confirmed elsewhere, or we
/// are shutting down.
pub(super) fn withdrawn() -> AttemptOutcome {
    let verdict = Verdict {
        fault: Fault::Unknown,
        ..Verdict::failure(Reason::Undefined, Permanence::Temporary)
    };
    AttemptOutcome::Deferred {
        verdict: verdict.with_diagnostic("the call was withdrawn"),
    }
}

/// There is nothing to play.
pub(super) fn speechless(error: &SpeechError) -> AttemptOutcome {
    tracing::warn!(%error, "script could not be spoken");
    deferred(Reason::System, &error.to_string())
}

/// The trunk cannot be used.
pub(super) fn no_trunk(why: &str) -> AttemptOutcome {
    deferred(Reason::System, why)
}

/// Not a telephone number: a mistake of ours.
pub(super) fn misdirected() -> AttemptOutcome {
    AttemptOutcome::Rejected {
        verdict: Verdict {
            fault: Fault::Sender,
            ..Verdict::failure(Reason::Syntax, Permanence::Permanent)
        },
        by_peer: false,
    }
}

fn failed(verdict: Option<Verdict>) -> AttemptOutcome {
    match verdict {
        Some(verdict)
            if verdict.permanence == Permanence::Temporary
                && matches!(verdict.fault, Fault::Network | Fault::Sender) =>
        {
            AttemptOutcome::Deferred { verdict }
        }
        verdict => AttemptOutcome::CallEnded {
            status: CallStatus::Failed,
            verdict,
            keys: String::new(),
        },
    }
}

fn deferred(reason: Reason, why: &str) -> AttemptOutcome {
    AttemptOutcome::Deferred {
        verdict: Verdict {
            fault: Fault::Sender,
            ..Verdict::failure(reason, Permanence::Temporary).with_diagnostic(why)
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::verdict::Suspends;
    use crate::proto::media::Digit;

    fn cut_short(end: CallEnd) -> AttemptOutcome {
        of(
            &CallResult {
                end,
                answer: None,
                failure: None,
                plays: 1,
                keys: Vec::new(),
            },
            "1",
        )
    }

    #[test]
    fn keys_are_told_but_for_the_one_that_confirms() {
        let keys = "31#".chars().filter_map(Digit::from_char).collect();
        let outcome = of(
            &CallResult {
                end: CallEnd::Completed,
                answer: None,
                failure: None,
                plays: 2,
                keys,
            },
            "1",
        );
        let AttemptOutcome::CallEnded { keys, .. } = outcome else {
            unreachable!("the call is over")
        };
        assert_eq!(keys, "3#");
    }

    #[test]
    fn a_call_that_we_cut_short_reaches_nobody_and_blames_nobody() {
        let AttemptOutcome::Deferred { verdict } = cut_short(CallEnd::Aborted) else {
            unreachable!("not deferred")
        };
        assert_eq!(
            (verdict.fault, verdict.suspends()),
            (Fault::Unknown, Suspends::Never)
        );
        assert!(matches!(
            cut_short(CallEnd::Failed),
            AttemptOutcome::CallEnded {
                status: CallStatus::Failed,
                verdict: None,
                ..
            }
        ));
    }
}
