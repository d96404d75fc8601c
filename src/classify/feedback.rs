//! Complaints by feedback report (RFC 5965).

use super::mail::{Finding, MailFinding};
use crate::{
    domain::{BounceClass, Fault, Permanence, Reason, RuleName, Verdict},
    proto::mime::{header::first_address, read::IncomingMail},
};

/// The type of a report by which somebody leaves (RFC 5965 has had it registered).
const OPT_OUT: &str = "opt-out";

/// `None` if the mail is no feedback report.
pub(super) fn classify(mail: &IncomingMail) -> Option<MailFinding> {
    if is_opt_out(mail) {
        let address = mail.from.clone();
        let verdict = complaint(OPT_OUT);
        let findings = vec![Finding { address, verdict }];
        return Some(MailFinding::from_findings(findings, BounceClass::Complaint));
    }
    let report = mail.feedback.as_ref()?;
    let kind = report.get("Feedback-Type").unwrap_or("abuse");
    let verdict = complaint(kind);
    let class = verdict.class;
    let named = ["Original-Rcpt-To", "Removal-Recipient", "Redacted-Address"];
    let mut addresses: Vec<String> = named
        .iter()
        .flat_map(|name| report.get_all(name))
        .filter_map(first_address)
        .collect();
    if addresses.is_empty() {
        let original = mail.original.as_ref();
        addresses
            .extend(original.and_then(|o| o.address("To").or_else(|| o.address("Delivered-To"))));
    }
    addresses.sort();
    addresses.dedup();
    let findings = addresses
        .into_iter()
        .map(|address| Finding {
            address,
            verdict: verdict.clone(),
        })
        .collect();
    Some(MailFinding {
        class,
        ..MailFinding::from_findings(findings, class)
    })
}

/// Mail programs of Apple answer `List-Unsubscribe` by mail, in the person's name.
fn is_opt_out(mail: &IncomingMail) -> bool {
    let field = mail.header.get("X-Apple-Unsubscribe");
    field.is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
}

/// What a report of this type (`Feedback-Type`) says.
pub(super) fn complaint(kind: &str) -> Verdict {
    let kind = kind.trim().to_lowercase();
    let (class, fault) = match kind.as_str() {
        // A recipient who takes the complaint back complains of nothing (RFC 6430).
        "not-spam" => (BounceClass::None, Fault::Unknown),
        // A server could not prove who sent the message (RFC 6591): no person has said anything.
        "auth-failure" => (BounceClass::Complaint, Fault::Sender),
        _ => (BounceClass::Complaint, Fault::Unknown),
    };
    Verdict {
        class,
        fault,
        ..Verdict::failure(Reason::Feedback, Permanence::Permanent)
    }
    .with_diagnostic(kind)
    .by(RuleName::fixed("report: feedback type"))
}
