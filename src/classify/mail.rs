//! A whole incoming mail: what kind it is, and what it says about whom.

use super::{auto_reply, delivery_status, feedback, free_text, notification, rules::Rules};
use crate::{
    domain::{BounceClass, Verdict},
    proto::mime::{header::first_address, read::IncomingMail},
};

/// Most recipients read of one report. Ours go out one by one, so a report speaks of one.
pub const FINDINGS_MAX: usize = 100;
/// Most envelope senders read of one report.
const SENDERS_MAX: usize = 20;

/// What a report says about one recipient.
#[derive(Clone, PartialEq, Eq)]
pub struct Finding {
    /// The address as we sent to it, as far as the report knows; lower case, may be empty.
    pub address: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// Debug output shows no address.
impl std::fmt::Debug for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finding")
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}

/// What an incoming mail is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailFinding {
    /// The kind of the mail; of a report about several recipients the gravest.
    pub class: BounceClass,
    /// One entry for each recipient that the report names.
    pub findings: Vec<Finding>,
    /// What the mail says as a whole, where it names nobody.
    pub whole: Option<Verdict>,
}

impl MailFinding {
    /// A mail of this class that names nobody.
    #[must_use]
    pub const fn of(class: BounceClass) -> Self {
        Self {
            class,
            findings: Vec::new(),
            whole: None,
        }
    }

    /// What it says; about several recipients, the gravest.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        let mut verdicts = self.findings.iter().map(|finding| &finding.verdict);
        let gravest = verdicts.find(|verdict| verdict.class == self.class);
        gravest.or(self.whole.as_ref())
    }

    pub(super) fn from_findings(mut findings: Vec<Finding>, empty: BounceClass) -> Self {
        findings.truncate(FINDINGS_MAX);
        let class = findings
            .iter()
            .map(|f| f.verdict.class)
            .min_by_key(|class| gravity(*class))
            .unwrap_or(empty);
        Self {
            class,
            findings,
            whole: None,
        }
    }
}

/// Envelope senders of the message that a report is about, as the report has them.
pub fn original_senders(mail: &IncomingMail) -> Vec<String> {
    let original = mail.original.iter();
    let returned = original.flat_map(|original| original.get_all("Return-Path"));
    let reported = mail.feedback.iter();
    let reported = reported.flat_map(|report| report.get_all("Original-Mail-From"));
    let named = reported.chain(returned).filter_map(first_address);
    named.take(SENDERS_MAX).collect()
}

/// Classifies a mail.
pub fn classify_mail(mail: &IncomingMail) -> MailFinding {
    classify_mail_by(Rules::built_in(), mail)
}

/// The same by other rules.
pub fn classify_mail_by(rules: &Rules, mail: &IncomingMail) -> MailFinding {
    if mail.disposition.is_some() {
        return MailFinding::of(BounceClass::Mdn);
    }
    if let Some(finding) = feedback::classify(mail) {
        return finding;
    }
    if let Some(finding) = notification::classify(rules, mail) {
        return finding;
    }
    if let Some(finding) = delivery_status::classify(rules, mail) {
        return finding;
    }
    if auto_reply::is_marked(mail) {
        return MailFinding::of(BounceClass::AutoReply);
    }
    if let Some(finding) = free_text::classify(rules, mail) {
        return finding;
    }
    if auto_reply::sounds_like_one(mail) {
        return MailFinding::of(BounceClass::AutoReply);
    }
    MailFinding::of(BounceClass::None)
}

const fn gravity(class: BounceClass) -> u8 {
    match class {
        BounceClass::Hard => 0,
        BounceClass::Complaint => 1,
        BounceClass::Soft => 2,
        BounceClass::Delay => 3,
        BounceClass::Unknown => 4,
        BounceClass::AutoReply => 5,
        BounceClass::Mdn => 6,
        BounceClass::Success => 7,
        BounceClass::None => 8,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        domain::{Fault, Permanence, Reason, Suspends},
        proto::mime::read::read,
    };

    fn classify(text: &str) -> MailFinding {
        classify_mail(&read(text.replace('\n', "\r\n").as_bytes()).unwrap())
    }

    fn report(fields: &str) -> String {
        format!(
            "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
             --b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{fields}\n\n--b\nContent-Type: text/rfc822-headers\n\n\
             Message-ID: <42@gw.example>\nTo: ann@town.example\n\n--b--\n"
        )
    }

    #[test]
    fn a_delivery_status_names_recipient_and_reason() {
        let text = report(
            "Final-Recipient: rfc822; ann@inner.example\nOriginal-Recipient: rfc822;Ann@town.example\nAction: failed\nStatus: 5.1.1\n\
             Diagnostic-Code: smtp; 550 5.1.1 <ann@inner.example>: Recipient address\n    rejected: User unknown\n\n\
             Final-Recipient: rfc822; bob@town.example\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 5.2.2 mailbox full",
        );
        let found = classify(&text);
        assert_eq!(found.class, BounceClass::Hard);
        let [ann, bob] = found.findings.as_slice() else {
            unreachable!("two recipients")
        };
        assert_eq!(ann.address, "ann@town.example");
        assert_eq!(
            (ann.verdict.reason, ann.verdict.suspends()),
            (Reason::UserUnknown, Suspends::AtOnce)
        );
        assert_eq!(
            ann.verdict.diagnostic.as_str(),
            "smtp; 550 5.1.1 <ann@inner.example>: Recipient address rejected: User unknown"
        );
        assert_eq!(
            (bob.verdict.reason, bob.verdict.suspends()),
            (Reason::MailboxFull, Suspends::AfterRepeats)
        );
    }

    #[test]
    fn a_report_says_from_what_address_the_message_came() {
        let text = "From: fbl@provider.example\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n\
            --b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Mail-From: <b-one@gw.example>\n\n\
            --b\nContent-Type: message/rfc822\n\nReturn-Path: <b-two@gw.example>\nReturn-Path: <>\nSubject: x\n\nx\n--b--\n";
        let mail = read(text.replace('\n', "\r\n").as_bytes()).unwrap();
        assert_eq!(
            original_senders(&mail),
            ["b-one@gw.example", "b-two@gw.example"]
        );
    }

    #[test]
    fn delays_and_deliveries_do_not_suspend() {
        let delayed = classify(&report(
            "Final-Recipient: rfc822; ann@town.example\nAction: delayed\nStatus: 4.4.1\nDiagnostic-Code: smtp; 550 5.1.1 user unknown",
        ));
        assert_eq!(
            (delayed.class, delayed.findings[0].verdict.suspends()),
            (BounceClass::Delay, Suspends::Never)
        );
        let done = classify(&report(
            "Final-Recipient: rfc822; ann@town.example\nAction: delivered\nStatus: 2.0.0",
        ));
        assert_eq!(
            (done.class, done.findings[0].verdict.suspends()),
            (BounceClass::Success, Suspends::Never)
        );
        for action in ["relayed", "expanded"] {
            let passed_on = classify(&report(&format!(
                "Final-Recipient: rfc822; ann@town.example\nAction: {action}\nStatus: 2.0.0",
            )));
            let verdict = &passed_on.findings[0].verdict;
            assert_eq!(
                (passed_on.class, verdict.reason, verdict.suspends()),
                (BounceClass::Unknown, Reason::Accepted, Suspends::Never)
            );
        }
        let warning = classify(
            "From: Mail Delivery System <Mailer-Daemon@mx.example>\nSubject: Warning: message delayed 24 hours\n\nThis is a warning only. You do not need to resend.\n\n  ann@town.example\n    user unknown\n",
        );
        assert_eq!(
            (warning.class, warning.findings[0].verdict.suspends()),
            (BounceClass::Delay, Suspends::Never)
        );
    }

    #[test]
    fn reports_for_people_are_read_too() {
        let qmail = classify(
            "Return-Path: <>\nFrom: MAILER-DAEMON@q.example\nTo: v@gw.example\nSubject: failure notice\n\nHi. This is the qmail-send program at q.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\n\
             <ann@town.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <v@gw.example>\nTo: other@town.example\n",
        );
        assert_eq!(qmail.class, BounceClass::Hard);
        assert_eq!(qmail.findings.len(), 1);
        assert_eq!(qmail.findings[0].address, "ann@town.example");
        assert_eq!(qmail.findings[0].verdict.permanence, Permanence::Permanent);
        let exim = classify(
            "X-Failed-Recipients: ann@town.example\nAuto-Submitted: auto-replied\nFrom: Mail Delivery System <Mailer-Daemon@x.example>\nTo: v@gw.example\nSubject: Mail delivery failed: returning message to sender\n\n\
             A message that you sent could not be delivered to one or more of its\nrecipients.\n\n  ann@town.example\n    SMTP error from remote mail server after RCPT TO:<ann@town.example>:\n    host mx.town.example [192.0.2.1]: 550 No such user\n",
        );
        assert_eq!(
            (exim.class, exim.findings[0].verdict.reason),
            (BounceClass::Hard, Reason::UserUnknown)
        );
    }

    #[test]
    fn greylisting_is_nobodys_fault_wherever_it_is_told() {
        let in_free_text = "X-Failed-Recipients: ann@town.example\nFrom: Mail Delivery System <Mailer-Daemon@x.example>\nSubject: Mail delivery failed: returning message to sender\n\n\
             A message that you sent was returned.\n\n  ann@town.example\n    greylisted\n";
        let with_status = |status: &str| {
            report(&format!(
                "Final-Recipient: rfc822; ann@town.example\nAction: failed\nStatus: {status}"
            ))
        };
        let in_story = with_status("4.7.0").replace("Sorry.", "Sorry, you are greylisted.");
        for text in [
            in_free_text.to_owned(),
            with_status("4.7.0 (greylisted)"),
            in_story,
        ] {
            let found = classify(&text);
            let verdict = &found.findings[0].verdict;
            assert_eq!(
                (verdict.reason, verdict.fault, verdict.rule.name()),
                (Reason::Rate, Fault::Network, "greylisting"),
                "{text}"
            );
        }
    }

    #[test]
    fn several_recipients_in_one_block_and_addresses_beyond_ascii_are_told_apart() {
        let found = classify(&report(
            "Original-Recipient: rfc822;ann@town.example\nFinal-Recipient: rfc822; a@inner.example\nAction: failed\nStatus: 5.1.1\n\
             Original-Recipient: rfc822;bob@town.example\nFinal-Recipient: rfc822; b@inner.example\nAction: failed\nStatus: 5.2.2\n\
             Final-Recipient: utf-8; J\\x{FC}rg@t\\x{1F600}\\x{zz}wn.example\nAction: failed\nStatus: 5.1.1",
        ));
        let told = found
            .findings
            .iter()
            .map(|one| (one.address.as_str(), one.verdict.reason));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("ann@town.example", Reason::UserUnknown),
                ("bob@town.example", Reason::MailboxFull),
                ("jürg@t", Reason::UserUnknown),
            ]
        );
    }

    #[test]
    fn what_no_person_complained_of_is_nobodys_complaint() {
        let told = |kind: &str| {
            classify(&format!(
                "From: fbl@isp.example\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nOriginal-Rcpt-To: <ann@town.example>\n\n--b--\n"
            ))
        };
        let fault = |found: &MailFinding| (found.class, found.findings[0].verdict.fault);
        assert_eq!(
            fault(&told("abuse")),
            (BounceClass::Complaint, Fault::Unknown)
        );
        assert_eq!(
            fault(&told("auth-failure")),
            (BounceClass::Complaint, Fault::Sender)
        );
        assert_eq!(told("not-spam").class, BounceClass::None);
        let left = classify(
            "From: Ann <Ann@town.example>\nAuto-Submitted: auto-replied\nX-Apple-Unsubscribe: true\nSubject: unsubscribe\n\nSent by the mail program.\n",
        );
        assert_eq!(
            (left.class, left.findings[0].address.as_str()),
            (BounceClass::Complaint, "ann@town.example")
        );
    }

    #[test]
    fn a_copy_that_was_not_received_is_no_original() {
        let found = classify(
            "From: MDaemon@mx.example\nSubject: Permanent Delivery Failure\n\nThe following recipients did NOT receive a copy of your message:\n\n> ann@town.example\n\nFailure: user unknown\n",
        );
        assert_eq!(found.findings[0].address, "ann@town.example");
    }

    #[test]
    fn automatic_answers_complaints_and_receipts_are_told_apart() {
        let away = classify(
            "From: ann@town.example\nAuto-Submitted: auto-replied (vacation)\nSubject: Re: flood\n\nThe user is unknown to be back before Monday; mail could not be delivered to my desk.\n",
        );
        assert_eq!(away, MailFinding::of(BounceClass::AutoReply));
        let unmarked =
            classify("From: ann@town.example\nSubject: Out of Office: flood\n\nBack on Monday.\n");
        assert_eq!(unmarked.class, BounceClass::AutoReply);
        let arf = classify(
            "From: fbl@isp.example\nSubject: complaint\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: <ann@town.example>\n\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <1@gw>\n\nx\n--b--\n",
        );
        assert_eq!(
            (arf.class, arf.findings[0].address.as_str()),
            (BounceClass::Complaint, "ann@town.example")
        );
        let mdn = classify(
            "From: ann@town.example\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nread\n--b\nContent-Type: message/disposition-notification\n\nOriginal-Message-ID: <1@gw>\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--\n",
        );
        assert_eq!(mdn.class, BounceClass::Mdn);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

        #[test]
        fn no_bytes_are_too_strange(noise in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80), at in 0usize..900, cut in 0usize..900) {
            let fields = "Final-Recipient: rfc822; \u{e4}nn@t\u{f6}wn.example\nAction: failed\nDiagnostic-Code: smtp; 550 \u{2019}no\u{2019} <x@y>://";
            let mut raw = report(fields).into_bytes();
            let at = at.min(raw.len());
            raw.splice(at..at, noise);
            raw.truncate(raw.len().saturating_sub(cut));
            if let Ok(mail) = read(&raw) {
                let found = classify_mail(&mail);
                proptest::prop_assert!(found.findings.len() <= FINDINGS_MAX);
            }
        }

        #[test]
        fn no_words_are_too_strange(words in "(user|<|>|@|:|\\*|5\\.1\\.1|550|\u{e9}|\u{2019}|\n|>>> |<<< | |unknown|_|mailbox full|://){0,60}") {
            let text = format!("From: MAILER-DAEMON@x\nSubject: failure notice\n\n{words}");
            let found = classify(&text);
            proptest::prop_assert!(found.findings.len() <= FINDINGS_MAX);
        }
    }

    #[test]
    fn a_huge_report_is_read_in_bounded_work() {
        let one = format!(
            "Final-Recipient: rfc822; a@b.example\nAction: failed\nDiagnostic-Code: smtp; 550 {}\n\n",
            "word ".repeat(400)
        );
        let found = classify(&report(&one.repeat(3_000)));
        assert_eq!(found.findings.len(), 1);
    }

    #[test]
    fn people_who_write_about_failures_are_no_bounce() {
        for text in [
            "From: ann@town.example\nSubject: Re: flood\n\nI am safe.\n",
            "From: ann@town.example\nSubject: Re: Undelivered Mail\n\nYour message could not be delivered to bob@town.example, he told me: user unknown.\n",
            "From: ann@town.example\nTo: a@gw.example\nSubject: my mailbox\n\nMy mailbox is full, write to bob@town.example.\n",
        ] {
            assert_eq!(classify(text).class, BounceClass::None, "{text}");
        }
    }
}
