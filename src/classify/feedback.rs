//! Complaints by feedback report (RFC 5965).

use super::mail::{Finding, MailFinding};
use crate::{
    domain::{BounceClass, Fault, Permanence, Reason, Verdict},
    proto::mime::{header::first_address, read::IncomingMail},
};

/// `None` if the mail is no feedback report.
pub(super) fn classify(mail: &IncomingMail) -> Option<MailFinding> {
    let report = mail.feedback.as_ref()?;
    let kind = report
        .get("Feedback-Type")
        .unwrap_or("abuse")
        .trim()
        .to_lowercase();
    // A recipient who takes the complaint back, and reports on authentication (RFC 6591), are no complaints.
    let class = match kind.as_str() {
        "not-spam" => BounceClass::None,
        _ => BounceClass::Complaint,
    };
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
            verdict: complaint(class, &kind),
        })
        .collect();
    Some(MailFinding {
        class,
        ..MailFinding::from_findings(findings, class)
    })
}

fn complaint(class: BounceClass, kind: &str) -> Verdict {
    Verdict {
        class,
        fault: Fault::Unknown,
        ..Verdict::failure(Reason::Feedback, Permanence::Permanent).with_diagnostic(kind)
    }
}
