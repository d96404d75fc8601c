//! A mail server's reply, or the text of one quoted in a report, to a verdict.

use serde::Deserialize;

use super::rules::{Holds, Rules, Said};
use super::text::normalise;
use crate::domain::{EnhancedStatus, Permanence, Reason, RuleName, Verdict};

/// Where in the dialogue the reply came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before the recipient was named: greeting, EHLO, STARTTLS, AUTH.
    Session,
    /// In answer to MAIL FROM.
    Sender,
    /// In answer to RCPT TO.
    Recipient,
    /// In answer to DATA or to the end of the message.
    Message,
    /// A report does not say it. What servers say to RCPT is then not known to be so.
    #[serde(skip)]
    Untold,
    /// It is not known.
    #[default]
    #[serde(skip)]
    Unknown,
}

/// Classifies one reply. `text` is what follows the code, all lines joined; it becomes the
/// diagnostic as it is, behind the code.
pub fn classify_reply(
    code: u16,
    status: Option<EnhancedStatus>,
    text: &str,
    phase: Phase,
) -> Verdict {
    let rules = Rules::built_in();
    let words = rules.of_words(text);
    let verdict = judge(rules, (Some(code), status), words, phase, None);
    let written = match status {
        Some(status) if !text.starts_with(&status.to_string()) => format!("{code} {status} {text}"),
        _ => format!("{code} {text}"),
    };
    verdict.with_diagnostic(written)
}

/// Classifies a reply written as text, such as a `Diagnostic-Code` (RFC 3464 section 2.3.6).
pub fn classify_text(text: &str, status: Option<EnhancedStatus>, phase: Phase) -> Verdict {
    classify_text_by(Rules::built_in(), text, status, phase)
}

/// The same by other rules.
pub fn classify_text_by(
    rules: &Rules,
    text: &str,
    status: Option<EnhancedStatus>,
    phase: Phase,
) -> Verdict {
    let normal = normalise(text);
    let said = rules.of_normal(&normal);
    classify_said(rules, (text, &normal), said, status, phase)
}

/// The same for text of which is known what it is when normalised, and what its words say.
pub(super) fn classify_said(
    rules: &Rules,
    (text, normal): (&str, &str),
    words: Option<Said>,
    status: Option<EnhancedStatus>,
    phase: Phase,
) -> Verdict {
    let (code, written) = codes_in(text);
    // What is failed or delayed is for the mail system to say that made the report (RFC 3464,
    // 2.3.4): it may keep on trying where a server said no for good, and give up where one did not.
    let told = status.and_then(EnhancedStatus::permanence);
    let status = match (status, written) {
        (Some(given), Some(written)) if vague(given) => Some(written),
        (Some(given), _) => Some(given),
        (None, written) => written,
    };
    let phase = match phase {
        Phase::Unknown | Phase::Untold => match rules.phase_in(normal) {
            Phase::Unknown => phase,
            found => found,
        },
        told => told,
    };
    judge(rules, (code, status), words, phase, told).with_diagnostic(text.trim())
}

/// The reply code and the enhanced status that stand in a text, where any do.
pub fn codes_in(text: &str) -> (Option<u16>, Option<EnhancedStatus>) {
    let mut code = None;
    let mut status: Option<EnhancedStatus> = None;
    for token in text.split(|c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '(' | ')' | '<' | '>' | '[' | ']' | ',' | ';' | ':' | '"' | '='
            )
    }) {
        let token = token.trim_start_matches('#').trim_end_matches(['.', '-']);
        if code.is_none() {
            let digits = token
                .get(..3)
                .filter(|_| token.len() == 3 || token.as_bytes().get(3) == Some(&b'-'));
            code = digits
                .and_then(|d| d.parse().ok())
                .filter(|c| (400..600).contains(c));
        }
        let tail = token
            .get(4..)
            .filter(|_| token.as_bytes().get(3) == Some(&b'-'));
        let found = EnhancedStatus::parse(token).or_else(|| tail.and_then(EnhancedStatus::parse));
        if let Some(found) = found.filter(|s| s.class != 2)
            && status.is_none_or(|known| vague(known) && !vague(found))
        {
            status = Some(found);
        }
    }
    (code, status)
}

/// True for x.0.0 and codes that are commonly put in for want of a better one.
const fn vague(status: EnhancedStatus) -> bool {
    matches!((status.subject, status.detail), (0, _) | (_, 0))
}

fn judge(
    rules: &Rules,
    (code, status): (Option<u16>, Option<EnhancedStatus>),
    words: Option<Said>,
    phase: Phase,
    told: Option<Permanence>,
) -> Verdict {
    let by_status = status.and_then(|status| rules.of_status(status));
    let by_words = words.as_ref().map(|said| said.reason);
    let permanence = told.unwrap_or_else(|| permanence_of(code, status, by_words));
    // A server that has status codes and gives one that says nothing means to say nothing.
    let by_code = code
        .and_then(|code| rules.of_code(code))
        .filter(|said| status.is_none() || !said.reason.ends_address())
        .filter(|said| sure(said.reason, phase));
    let said = choose((words, by_status, by_code), permanence, phase);
    said.failure(permanence).with_status(status)
}

fn permanence_of(
    code: Option<u16>,
    status: Option<EnhancedStatus>,
    words: Option<Reason>,
) -> Permanence {
    let by_code = code.map(|c| {
        if c >= 500 {
            Permanence::Permanent
        } else {
            Permanence::Temporary
        }
    });
    let by_words = match words {
        Some(
            Reason::Expired | Reason::Network | Reason::System | Reason::Rate | Reason::MailboxFull,
        ) => Permanence::Temporary,
        Some(_) | None => Permanence::Permanent,
    };
    // A queue that gave up with a passing trouble says so with a code of its own.
    let is_passing = status.is_some_and(|status| status.class == 4);
    if words == Some(Reason::Expired) && is_passing {
        return Permanence::Temporary;
    }
    // RFC 5321 section 4.3.2: a client acts on the first digit of the reply.
    by_code
        .or_else(|| status.and_then(EnhancedStatus::permanence))
        .unwrap_or(by_words)
}

/// Words beat the enhanced status, which beats the bare code; but words of policy are said on
/// every occasion and yield to a precise status.
fn choose(
    (words, status, code): (Option<Said>, Option<Said>, Option<Said>),
    permanence: Permanence,
    phase: Phase,
) -> Said {
    let by_status = status.as_ref().map(|said| said.reason);
    let mut in_words = words.is_some();
    let mut said = match (words, status) {
        (Some(words), Some(status)) if is_more_precise(status.reason, words.reason) => {
            in_words = false;
            status
        }
        (Some(words), _) => words,
        (None, Some(status)) => status,
        (None, None) => code.unwrap_or(Said {
            reason: Reason::Undefined,
            rule: RuleName::default(),
            holds: Holds::AtRecipient,
            fault: None,
        }),
    };
    said.reason = said.reason.for_now(permanence, in_words);
    let is_late = match phase {
        Phase::Message => said.holds < Holds::Always,
        Phase::Untold => said.holds < Holds::Untold,
        Phase::Session | Phase::Sender | Phase::Recipient | Phase::Unknown => false,
    };
    // Exchange says "recipient not found" with X.1.10.
    let by_status = matches!(by_status, Some(Reason::UserUnknown | Reason::NotAccept));
    if said.reason == Reason::UserUnknown
        && is_late
        && !by_status
        && permanence == Permanence::Permanent
    {
        said.reason = Reason::Filtered;
    }
    said
}

/// Whether a status code says more than the words beside it.
const fn is_more_precise(status: Reason, words: Reason) -> bool {
    match (words, status) {
        (words, Reason::Policy | Reason::Filtered | Reason::Security) if yields(words) => false,
        // That a queue gave up says less than why.
        (Reason::System, Reason::Expired | Reason::Network | Reason::Rate) => false,
        (Reason::Syntax, Reason::System) => false,
        // The old mailbox is unknown, because its owner has moved.
        (Reason::UserUnknown, Reason::Moved) => true,
        // X.1.7 and X.1.8 are about the sender, whatever address the words call invalid.
        (Reason::UserUnknown | Reason::HostUnknown, Reason::SenderRejected) => true,
        (words, _) => yields(words),
    }
}

/// Words of these are said on every occasion.
const fn yields(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Policy | Reason::System | Reason::Content | Reason::Syntax
    )
}

/// Whether a bare code may speak for the recipient: only in answer to RCPT.
const fn sure(reason: Reason, phase: Phase) -> bool {
    !reason.ends_address() || matches!(phase, Phase::Recipient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BounceClass, Fault, Suspends};

    fn check(reply: &str, reason: Reason, permanence: Permanence) -> Verdict {
        let verdict = classify_text(reply, None, Phase::Unknown);
        assert_eq!(
            (verdict.reason, verdict.permanence),
            (reason, permanence),
            "{reply}"
        );
        assert_eq!(verdict.diagnostic.as_str(), reply);
        verdict
    }

    #[test]
    fn replies_of_the_standard_are_known() {
        use Permanence::{Permanent, Temporary};
        check(
            "550 Requested action not taken: mailbox unavailable",
            Reason::UserUnknown,
            Permanent,
        );
        check(
            "552 Requested mail action aborted: exceeded storage allocation",
            Reason::MailboxFull,
            Permanent,
        );
        check(
            "452 Requested action not taken: insufficient system storage",
            Reason::System,
            Temporary,
        );
        check(
            "421 mx.example Service not available, closing transmission channel",
            Reason::System,
            Temporary,
        );
        check(
            "556 5.1.10 Domain does not accept mail",
            Reason::NotAccept,
            Permanent,
        );
        check(
            "500 Syntax error, command unrecognized",
            Reason::Syntax,
            Permanent,
        );
    }

    #[test]
    fn our_own_faults_never_suspend() {
        for reply in [
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using list.example",
            "550 5.7.1 Message rejected as spam by content filter",
            "550 5.7.26 Unauthenticated mail: SPF and DKIM did not pass",
            "554 5.7.1 <a@b.example>: Relay access denied",
            "530 5.7.0 Must issue a STARTTLS command first",
            "550 5.7.1 rejected for policy reasons",
        ] {
            let verdict = classify_text(reply, None, Phase::Recipient);
            assert_eq!(
                verdict.fault,
                Fault::Sender,
                "{reply}: {:?}",
                verdict.reason
            );
            assert_eq!(verdict.suspends(), Suspends::Never, "{reply}");
        }
    }

    #[test]
    fn what_an_address_is_called_does_not_count() {
        let verdict = classify_text(
            "550 5.2.2 <no.such.user.virus@spam.example>: mailbox full",
            None,
            Phase::Recipient,
        );
        assert_eq!(verdict.reason, Reason::MailboxFull);
        assert_eq!(verdict.suspends(), Suspends::AfterRepeats);
    }

    #[test]
    fn codes_are_found_wherever_they_stand() {
        let status = |c, s, d| Some(EnhancedStatus::new(c, s, d));
        assert_eq!(codes_in("smtp; 550-5.1.1 no"), (Some(550), status(5, 1, 1)));
        assert_eq!(codes_in("sorry (#5.1.1)"), (None, status(5, 1, 1)));
        assert_eq!(
            codes_in("550 5.7.511 banned"),
            (Some(550), status(5, 7, 511))
        );
        assert_eq!(
            codes_in("mx 192.0.2.1 said 5.0.0, then 5.1.1"),
            (None, status(5, 1, 1))
        );
        assert_eq!(codes_in("call 12345 or 1.2.3.4"), (None, None));
    }

    #[test]
    fn a_bare_refusal_is_about_the_recipient_only_at_rcpt() {
        let at_rcpt = classify_reply(550, None, "no", Phase::Recipient);
        assert_eq!(
            (at_rcpt.reason, at_rcpt.class),
            (Reason::UserUnknown, BounceClass::Hard)
        );
        let at_end = classify_reply(550, None, "no", Phase::Message);
        assert_eq!(
            (at_end.reason, at_end.suspends()),
            (Reason::Undefined, Suspends::AfterRepeats)
        );
        assert_eq!(at_rcpt.diagnostic.as_str(), "550 no");
    }
}
