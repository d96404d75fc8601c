//! Reports of Amazon SES, as SNS mails them: JSON in the text, alone or in an envelope of SNS.
//! Source: Amazon SES Developer Guide, "Contents of Amazon SNS notifications for Amazon SES".

use serde::Deserialize;
use serde_json::Deserializer;

use super::{
    feedback,
    mail::{Finding, MailFinding},
    rules::Rules,
    smtp_reply::{Phase, classify_text_by},
};
use crate::{
    domain::{BounceClass, EnhancedStatus, Permanence, Reason, RuleName, Verdict},
    proto::mime::{header::first_address, read::IncomingMail},
};

/// How SNS folds lines that are too long for mail.
const FOLDS: [&str; 2] = ["!\r\n ", "!\n "];

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Message")]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    #[serde(alias = "eventType")]
    notification_type: String,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    delivery: Option<Delivery>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    #[serde(default)]
    bounce_sub_type: String,
    bounced_recipients: Vec<Bounced>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounced {
    email_address: String,
    status: Option<String>,
    diagnostic_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complained_recipients: Vec<Bounced>,
    complaint_feedback_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    recipients: Vec<String>,
    #[serde(default)]
    smtp_response: String,
}

/// `None` if the mail holds no such report.
pub(super) fn classify(rules: &Rules, mail: &IncomingMail) -> Option<MailFinding> {
    let text = mail.text.trim_start();
    if !text.starts_with('{') {
        return None;
    }
    let text = FOLDS
        .iter()
        .fold(text.to_owned(), |text, fold| text.replace(fold, ""));
    // The envelope may be cut off behind the message; what matters stands in front.
    let told: Notification = first(&text).or_else(|| {
        let envelope: Envelope = first(&text)?;
        first(&envelope.message)
    })?;
    let findings = match told.notification_type.as_str() {
        "Bounce" => bounced(rules, &told.bounce?),
        "Complaint" => complained(told.complaint?),
        "Delivery" => delivered(told.delivery?),
        _ => return None,
    };
    Some(MailFinding::from_findings(findings, BounceClass::Unknown))
}

/// The JSON with which a text begins.
fn first<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    Deserializer::from_str(text).into_iter().next()?.ok()
}

fn address(text: &str) -> String {
    first_address(text).unwrap_or_default()
}

fn bounced(rules: &Rules, bounce: &Bounce) -> Vec<Finding> {
    let finding = |one: &Bounced| {
        let status = one.status.as_deref().and_then(EnhancedStatus::parse);
        let said = one.diagnostic_code.as_deref().unwrap_or_default();
        let words = said.split_once(';').map_or(said, |(_, words)| words);
        let mut verdict = classify_text_by(rules, words, status, Phase::Untold);
        if verdict.reason == Reason::Undefined {
            verdict = by_type(bounce).with_status(status);
        }
        Finding {
            address: address(&one.email_address),
            verdict: verdict.with_diagnostic(said),
        }
    };
    bounce.bounced_recipients.iter().map(finding).collect()
}

/// What the types of a bounce mean where the other side's words are missing.
fn by_type(bounce: &Bounce) -> Verdict {
    let permanence = match bounce.bounce_type.as_str() {
        "Permanent" => Permanence::Permanent,
        _ => Permanence::Temporary,
    };
    let reason = match bounce.bounce_sub_type.as_str() {
        "NoEmail" => Reason::UserUnknown,
        "Suppressed" | "OnAccountSuppressionList" => Reason::Suspended,
        "MailboxFull" => Reason::MailboxFull,
        "MessageTooLarge" => Reason::TooBig,
        "ContentRejected" | "AttachmentRejected" => Reason::Content,
        _ => Reason::Undefined,
    };
    Verdict::failure(reason, permanence).by(RuleName::fixed("report: bounce type"))
}

fn complained(complaint: Complaint) -> Vec<Finding> {
    let kind = complaint.complaint_feedback_type.unwrap_or_default();
    let verdict = feedback::complaint(&kind);
    let all = complaint.complained_recipients.into_iter();
    all.map(|one| Finding {
        address: address(&one.email_address),
        verdict: verdict.clone(),
    })
    .collect()
}

fn delivered(delivery: Delivery) -> Vec<Finding> {
    let status = delivery.smtp_response.split_whitespace();
    let status = status.filter_map(EnhancedStatus::parse).next();
    let verdict = Verdict::success(Reason::Delivered)
        .with_status(status)
        .with_diagnostic(delivery.smtp_response);
    let all = delivery.recipients.into_iter();
    all.map(|one| Finding {
        address: address(&one),
        verdict: verdict.clone(),
    })
    .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::classify::mail::classify_mail;
    use crate::proto::mime::read::read;

    fn found(text: &str) -> MailFinding {
        let head = "From: AWS <no-reply@sns.example>\r\nSubject: AWS Notification Message\r\n\r\n";
        classify_mail(&read(format!("{head}{text}").as_bytes()).unwrap())
    }

    const BOUNCE: &str = r#"{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"General","bouncedRecipients":[{"emailAddress":"Ann@town.example","action":"failed","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unk!
 nown"},{"emailAddress":"bob@town.example"}]},"mail":{}}

--
If you wish to stop receiving notifications"#;

    #[test]
    fn a_bounce_is_read_alone_and_in_an_envelope() {
        let alone = found(BOUNCE);
        assert_eq!(alone.class, BounceClass::Hard);
        let [ann, bob] = alone.findings.as_slice() else {
            panic!("two recipients")
        };
        assert_eq!(ann.address, "ann@town.example");
        assert_eq!(ann.verdict.reason, Reason::UserUnknown);
        assert_eq!(
            ann.verdict.diagnostic.as_str(),
            "smtp; 550 5.1.1 user unknown"
        );
        assert_eq!(bob.verdict.class, BounceClass::Soft);
        assert_eq!(bob.verdict.permanence, Permanence::Permanent);
        let inner = BOUNCE.replace("!\n ", "");
        let inner = serde_json::to_string(inner.split("\n\n").next().unwrap()).unwrap();
        let envelope = format!("{{ \"Type\": \"Notification\", \"Message\": {inner} }}");
        assert_eq!(found(&envelope), alone);
    }

    #[test]
    fn types_speak_where_words_are_missing() {
        for (subtype, reason) in [
            ("MailboxFull", Reason::MailboxFull),
            ("MessageTooLarge", Reason::TooBig),
            ("NoEmail", Reason::UserUnknown),
            ("Suppressed", Reason::Suspended),
            ("ContentRejected", Reason::Content),
            ("Undetermined", Reason::Undefined),
        ] {
            let told = format!(
                r#"{{"eventType":"Bounce","bounce":{{"bounceType":"Transient","bounceSubType":"{subtype}","bouncedRecipients":[{{"emailAddress":"a@b.example"}}]}}}}"#
            );
            let verdict = found(&told).verdict().unwrap().clone();
            assert_eq!(
                (verdict.reason, verdict.permanence),
                (reason, Permanence::Temporary)
            );
        }
    }

    #[test]
    fn complaints_and_deliveries_are_told_apart() {
        let complaint = found(
            r#"{"notificationType":"Complaint","complaint":{"complaintFeedbackType":null,"complainedRecipients":[{"emailAddress":"a@b.example"}]}}"#,
        );
        assert_eq!(complaint.class, BounceClass::Complaint);
        let delivery = found(
            r#"{"notificationType":"Delivery","delivery":{"recipients":["a@b.example"],"smtpResponse":"250 2.6.0 Message received"}}"#,
        );
        assert_eq!(delivery.class, BounceClass::Success);
        let status = delivery.verdict().unwrap().status_code.unwrap();
        assert_eq!(status.to_string(), "2.6.0");
    }

    #[test]
    fn other_json_is_an_ordinary_mail() {
        for text in [
            "{}",
            "{ I like braces }",
            r#"{"Message":"{\"notificationType\":\"Received\"}"}"#,
            r#"{"notificationType":"Bounce"}"#,
            &"{\"a\":".repeat(1_000),
        ] {
            assert_eq!(found(text).class, BounceClass::None, "{text}");
        }
    }
}
