//! What an attempt's words mean: for the mail, and for the servers that it was brought to.

use super::HostAnswer;
use super::destinations::Sign;
use super::link::Trouble;
use super::reply::RawReply;
use super::route::Plan;
use crate::channel::AttemptOutcome;
use crate::classify::smtp_reply::Phase;
use crate::domain::{BounceClass, Fault, Permanence, Reason, Verdict};

/// What an outcome tells of the servers. A relay passes on what others say of one recipient: only
/// that it ends the connection is about us.
pub(super) fn sign_of(outcome: &AttemptOutcome, by_relay: bool) -> Sign {
    let verdict = match outcome {
        AttemptOutcome::Deferred { verdict } => verdict,
        AttemptOutcome::Rejected { by_peer: false, .. }
        | AttemptOutcome::Unknown { .. }
        | AttemptOutcome::CallEnded { .. } => return Sign::Nothing,
        AttemptOutcome::Delivered { .. }
        | AttemptOutcome::Accepted { .. }
        | AttemptOutcome::Rejected { by_peer: true, .. } => return Sign::Answered,
    };
    let status = verdict.status_code;
    let is_421 = verdict.diagnostic.as_str().starts_with("421");
    let is_security = status.is_some_and(|status| (status.class, status.subject) == (4, 7));
    // A greylist asks to come back with this mail, and means nobody else's.
    let is_greylist = verdict.rule.name() == "greylisting";
    // X.2.z is about the recipient's mailbox, which may get too much from everybody.
    let is_mailbox = status.is_some_and(|status| status.subject == 2);
    let may_ask = !is_421 && (by_relay || is_mailbox || is_greylist);
    // A name server that says nothing is not the mail server (RFC 3463 section 3.5, X.4.3).
    let is_dns = status.is_some_and(|status| (status.subject, status.detail) == (4, 3));
    match verdict.reason {
        Reason::Network if is_dns => Sign::Nothing,
        Reason::Network | Reason::Tls if verdict.fault != Fault::Sender => Sign::Unanswered,
        Reason::Undefined if status.is_none() => Sign::Nothing,
        _ if may_ask => Sign::Answered,
        _ if is_421 || is_security && verdict.reason != Reason::Tls => Sign::TooMuch,
        Reason::Rate => Sign::TooMuch,
        _ => Sign::Answered,
    }
}

/// What a host's words mean for the attempt.
pub(super) fn answer(result: Result<RawReply, Trouble>, plan: &Plan) -> HostAnswer {
    match result {
        Ok(reply) if plan.by_relay => {
            let verdict = reply.acceptance(Reason::Accepted);
            HostAnswer::Final(AttemptOutcome::Accepted {
                verdict,
                remote_ids: Vec::new(),
            })
        }
        Ok(reply) => HostAnswer::Final(AttemptOutcome::Delivered {
            verdict: reply.acceptance(Reason::Delivered),
        }),
        Err(Trouble::Link(verdict)) => HostAnswer::Next(verdict),
        // It may have arrived: whoever goes on at once makes one mail into twenty (RFC 1047).
        Err(Trouble::Unanswered(verdict)) => {
            HostAnswer::Final(AttemptOutcome::Deferred { verdict })
        }
        Err(Trouble::Closed { reply }) if reply.takes_no_mail() => {
            HostAnswer::Next(reply.refusal(Phase::Session))
        }
        Err(Trouble::Closed { reply }) => HostAnswer::Next(reply.refusal_for_now(Phase::Session)),
        Err(Trouble::Refused { reply, phase }) if reply.is_permanent() => {
            HostAnswer::Final(AttemptOutcome::Rejected {
                verdict: reply.refusal(phase),
                by_peer: true,
            })
        }
        Err(Trouble::Refused {
            reply,
            phase: Phase::Sender,
        }) => HostAnswer::Next(reply.refusal_for_now(Phase::Sender)),
        Err(Trouble::Refused { reply, phase }) => HostAnswer::Final(AttemptOutcome::Deferred {
            verdict: reply.refusal_for_now(phase),
        }),
        Err(Trouble::Unfit(verdict)) => HostAnswer::Final(AttemptOutcome::Rejected {
            verdict,
            by_peer: true,
        }),
        Err(Trouble::Cancelled) => HostAnswer::Final(cancelled()),
    }
}

/// Of two hosts' words the later ones, but while one host may yet take the mail no other ends it.
pub(super) fn weigh(known: Option<Verdict>, new: Verdict) -> Verdict {
    match known {
        Some(known)
            if known.permanence == Permanence::Temporary
                && new.permanence == Permanence::Permanent =>
        {
            known
        }
        Some(_) | None => new,
    }
}

/// What is left when no host answered for the mail.
pub(super) fn without_asking(verdict: Verdict) -> AttemptOutcome {
    match verdict.permanence {
        Permanence::Permanent => AttemptOutcome::Rejected {
            verdict,
            by_peer: false,
        },
        Permanence::Temporary => AttemptOutcome::Deferred { verdict },
    }
}

pub(super) fn rejected(verdict: Verdict) -> AttemptOutcome {
    AttemptOutcome::Rejected {
        verdict,
        by_peer: false,
    }
}

/// It could not be written: our mistake, or we are shutting down.
pub(super) fn for_later() -> AttemptOutcome {
    let verdict = for_now(ours(Reason::System, "the mail could not be put together"));
    AttemptOutcome::Deferred { verdict }
}

pub(super) fn cancelled() -> AttemptOutcome {
    // Nobody's fault: somebody confirmed elsewhere, or we are shutting down.
    let verdict = Verdict {
        fault: Fault::Unknown,
        ..Verdict::failure(Reason::Undefined, Permanence::Temporary)
    };
    AttemptOutcome::Deferred {
        verdict: verdict.with_diagnostic("stopped before it was handed over"),
    }
}

pub(super) fn for_now(verdict: Verdict) -> Verdict {
    Verdict {
        permanence: Permanence::Temporary,
        class: BounceClass::Soft,
        ..verdict
    }
}

/// What our own virus scanner has against a mail, or what is the matter with it: no carrier's doing,
/// it has an alarm of its own, and it says nothing of the recipient's address.
pub(super) fn by_scanner(reason: Reason, text: &str) -> Verdict {
    Verdict {
        fault: Fault::Network,
        ..ours(reason, text)
    }
}

/// The same where it is not known yet what it has against it.
pub(super) fn unscanned(text: &str) -> AttemptOutcome {
    let verdict = for_now(by_scanner(Reason::System, text));
    AttemptOutcome::Deferred { verdict }
}

/// A trouble of our own making.
pub(super) fn ours(reason: Reason, text: &str) -> Verdict {
    Verdict {
        fault: Fault::Sender,
        ..Verdict::failure(reason, Permanence::Permanent)
    }
    .with_diagnostic(text)
}
