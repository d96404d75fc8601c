//! A mail server's reply, or the text of one quoted in a report, to a verdict.

use super::{
    rules::{RULES, reason_of_code, reason_of_status},
    text::{matches, normalise},
};
use crate::domain::{EnhancedStatus, Permanence, Reason, Verdict};

/// Where in the dialogue the reply came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Before the recipient was named: greeting, EHLO, STARTTLS, AUTH.
    Session,
    /// In answer to MAIL FROM.
    Sender,
    /// In answer to RCPT TO.
    Recipient,
    /// In answer to DATA or to the end of the message.
    Message,
    /// It is not known.
    #[default]
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
    let verdict = judge(Some(code), status, text, phase);
    let written = match status {
        Some(status) if !text.starts_with(&status.to_string()) => format!("{code} {status} {text}"),
        _ => format!("{code} {text}"),
    };
    verdict.with_diagnostic(written)
}

/// Classifies a reply written as text, such as a `Diagnostic-Code` (RFC 3464 section 2.3.6).
pub fn classify_text(text: &str, status: Option<EnhancedStatus>, phase: Phase) -> Verdict {
    let (code, written) = codes_in(text);
    let status = match (status, written) {
        (Some(given), Some(written)) if vague(given) => Some(written),
        (Some(given), _) => Some(given),
        (None, written) => written,
    };
    let phase = if phase == Phase::Unknown {
        phase_in(text)
    } else {
        phase
    };
    judge(code, status, text, phase).with_diagnostic(text.trim())
}

/// The phase that a quoting server names, as Postfix and its kin do.
fn phase_in(text: &str) -> Phase {
    let text = text.to_ascii_lowercase();
    if text.contains("in reply to end of data") || text.contains("in reply to data") {
        Phase::Message
    } else if text.contains("in reply to rcpt to") {
        Phase::Recipient
    } else if text.contains("in reply to mail from") {
        Phase::Sender
    } else {
        Phase::Unknown
    }
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

/// The reason that the words give, if they give one.
pub fn reason_of_words(text: &str) -> Option<Reason> {
    let text = normalise(text);
    RULES
        .iter()
        .find(|rule| rule.phrases.iter().any(|phrase| matches(&text, phrase)))
        .map(|rule| rule.reason)
}

/// True for x.0.0 and codes that are commonly put in for want of a better one.
const fn vague(status: EnhancedStatus) -> bool {
    matches!((status.subject, status.detail), (0, _) | (_, 0))
}

fn judge(code: Option<u16>, status: Option<EnhancedStatus>, text: &str, phase: Phase) -> Verdict {
    let words = reason_of_words(text);
    let by_status = status.and_then(|s| reason_of_status(s.subject, s.detail));
    let permanence = permanence_of(code, status, words);
    let reason = choose(words, by_status, code, permanence, phase);
    Verdict::failure(reason, permanence).with_status(status)
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
    // RFC 5321 section 4.3.2: a client acts on the first digit of the reply.
    by_code
        .or_else(|| status.and_then(EnhancedStatus::permanence))
        .unwrap_or(by_words)
}

/// Words beat the enhanced status, which beats the bare code; but words of policy are said on
/// every occasion and yield to a precise status.
fn choose(
    words: Option<Reason>,
    status: Option<Reason>,
    code: Option<u16>,
    permanence: Permanence,
    phase: Phase,
) -> Reason {
    let reason = match (words, status) {
        (
            Some(Reason::Policy | Reason::System | Reason::Content | Reason::Syntax),
            Some(status),
        ) if !matches!(status, Reason::Policy | Reason::Filtered) => status,
        // X.2.1: the mailbox is there and takes no messages, whatever the words.
        (Some(Reason::UserUnknown), Some(Reason::Suspended)) => Reason::Suspended,
        (Some(words), _) => words,
        (None, Some(status)) => status,
        (None, None) => code
            .and_then(reason_of_code)
            .filter(|r| sure(*r, phase))
            .unwrap_or(Reason::Undefined),
    };
    // X.3.2 for now is a server that is down, not a domain without mail.
    if reason == Reason::NotAccept && permanence == Permanence::Temporary {
        return Reason::System;
    }
    // Servers that know their users say so at RCPT; one that says it after the message was
    // handed over has judged the message for that user.
    if reason == Reason::UserUnknown
        && status != Some(Reason::UserUnknown)
        && phase == Phase::Message
        && permanence == Permanence::Permanent
    {
        return Reason::Filtered;
    }
    reason
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
