//! A reply as it was written (RFC 5321 section 4.2), because the client library cuts the enhanced
//! status out of the text and caps its numbers at 255.

use crate::{
    classify::smtp_reply::{Phase, classify_reply},
    domain::dsn::TAKEN_BY_REPORTER,
    domain::{BounceClass, EnhancedStatus, Fault, Permanence, Reason, Verdict},
};

/// One reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawReply {
    /// Three digits.
    pub(super) code: u16,
    /// The enhanced status of its first line, if it has one.
    pub(super) status: Option<EnhancedStatus>,
    /// Every line behind its code, joined by one blank.
    text: String,
    /// Every line as it came, joined by line feeds.
    written: String,
    /// Its server was asked to report success, and has said that it can.
    pub(super) will_report: bool,
}

impl RawReply {
    /// Reads exactly one reply. `None` if there is none, or more than one: a server that speaks
    /// out of turn is not to be trusted with a dialogue.
    pub(super) fn read(heard: &[u8]) -> Option<Self> {
        let heard = String::from_utf8_lossy(heard);
        let mut code = None;
        let mut texts = Vec::new();
        let mut lines = heard.lines();
        for line in lines.by_ref() {
            let this: u16 = line.get(..3)?.parse().ok()?;
            if *code.get_or_insert(this) != this {
                return None;
            }
            texts.push(line.get(4..).unwrap_or_default().trim());
            if line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
        }
        if lines.next().is_some() {
            return None;
        }
        let status = texts
            .first()
            .and_then(|text| text.split_whitespace().next())
            .and_then(EnhancedStatus::parse);
        Some(Self {
            code: code?,
            status,
            text: texts.join(" "),
            written: heard.lines().collect::<Vec<_>>().join("\n"),
            will_report: false,
        })
    }

    pub(super) const fn is_positive(&self) -> bool {
        self.code >= 200 && self.code < 300
    }

    pub(super) const fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// What a refusal means; its diagnostic is the reply as it was written.
    pub(super) fn refusal(&self, phase: Phase) -> Verdict {
        let verdict = classify_reply(self.code, self.status, &self.text, phase)
            .with_diagnostic(self.written.clone());
        // Before RCPT the server does not know whom the mail is for: a user who is unknown there
        // is our own bounce address.
        match phase {
            Phase::Session | Phase::Sender if !self.takes_no_mail() => not_the_recipients(verdict),
            Phase::Session
            | Phase::Sender
            | Phase::Recipient
            | Phase::Message
            | Phase::Untold
            | Phase::Unknown => verdict,
        }
    }

    /// RFC 7504: a host that takes no mail at all, ever.
    pub(super) const fn takes_no_mail(&self) -> bool {
        matches!(self.code, 521 | 556)
    }

    /// The same for a refusal that concerns the whole connection: another day, or another host, may
    /// see it differently.
    pub(super) fn refusal_for_now(&self, phase: Phase) -> Verdict {
        let verdict = self.refusal(phase);
        let for_now = Verdict::failure(verdict.reason, Permanence::Temporary);
        Verdict {
            fault: verdict.fault,
            status_code: verdict.status_code,
            diagnostic: verdict.diagnostic,
            rule: verdict.rule,
            ..for_now
        }
    }

    /// What a positive answer to the message means.
    pub(super) fn acceptance(&self, reason: Reason) -> Verdict {
        let verdict = Verdict::success(reason)
            .with_status(self.status)
            .with_diagnostic(self.written.clone());
        if self.will_report {
            return verdict.by(TAKEN_BY_REPORTER);
        }
        verdict
    }
}

fn not_the_recipients(verdict: Verdict) -> Verdict {
    let fault = match (verdict.fault, verdict.permanence) {
        (Fault::Recipient | Fault::Unknown, Permanence::Permanent) => Fault::Sender,
        (Fault::Recipient, Permanence::Temporary) => Fault::Network,
        (fault, _) => fault,
    };
    let class = match verdict.class {
        BounceClass::Hard => BounceClass::Soft,
        class => class,
    };
    Verdict {
        fault,
        class,
        ..verdict
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::Suspends;

    #[test]
    fn replies_are_kept_word_for_word() {
        let reply = RawReply::read(b"550-5.7.511 Access denied,\r\n550 5.7.511 banned  sender\r\n")
            .unwrap();
        assert_eq!(
            (reply.code, reply.status),
            (550, Some(EnhancedStatus::new(5, 7, 511)))
        );
        let verdict = reply.refusal(Phase::Recipient);
        assert_eq!(
            verdict.diagnostic.as_str(),
            "550-5.7.511 Access denied,\n550 5.7.511 banned  sender"
        );
    }

    #[test]
    fn one_reply_and_nothing_else() {
        assert!(RawReply::read(b"250 ok\r\n250 and more\r\n").is_none());
        assert!(RawReply::read(b"250-ok\r\n550 no\r\n").is_none());
        assert!(RawReply::read(b"").is_none());
        assert!(RawReply::read(b"what\r\n").is_none());
        assert_eq!(RawReply::read(b"354\r\n").unwrap().code, 354);
    }

    #[test]
    fn nothing_said_before_the_recipient_is_the_recipients_fault() {
        for line in [
            "550 5.1.1 User unknown\r\n",
            "550 no\r\n",
            "553 5.1.2 x\r\n",
        ] {
            let reply = RawReply::read(line.as_bytes()).unwrap();
            for phase in [Phase::Session, Phase::Sender] {
                for verdict in [reply.refusal(phase), reply.refusal_for_now(phase)] {
                    assert_eq!(
                        (verdict.fault, verdict.class, verdict.suspends()),
                        (Fault::Sender, BounceClass::Soft, Suspends::Never),
                        "{line}"
                    );
                }
            }
        }
        let reply = RawReply::read(b"550 5.1.1 User unknown\r\n").unwrap();
        let at_rcpt = reply.refusal(Phase::Recipient);
        assert_eq!(at_rcpt.suspends(), Suspends::AtOnce);
    }

    #[test]
    fn a_refusal_of_the_connection_is_for_now() {
        let reply = RawReply::read(b"554 5.7.1 your IP is on a list\r\n").unwrap();
        let verdict = reply.refusal_for_now(Phase::Session);
        assert_eq!(
            (verdict.permanence, verdict.reason),
            (Permanence::Temporary, Reason::Blocked)
        );
    }
}
