//! The reports that we send are read as those of others are.
#![allow(clippy::unwrap_used)]

use mail_parser::{MessageParser, MimeHeaders};

use super::mail::classify_mail;
use crate::domain::{
    BounceClass, Channel, CommunicationId, ContactId, Delivery, DeliveryId, Destination,
    EmailAddress, EmailStatus, EnhancedStatus, MethodId, Permanence, Reason, Redacted,
    ReportAction, ReportMail, ReportRequest, ReportsWanted, Source, Status, StatusChange,
    Timestamp, Verdict, dsn,
};
use crate::proto::mime::read::read;

const MESSAGE: &[u8] = b"Message-ID: <1@county.example>\r\nFrom: app@county.example\r\n\
    Subject: bill\r\n\r\nYour bill.\r\n";
const AT: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn address(text: &str) -> Redacted<EmailAddress> {
    Redacted::new(EmailAddress::parse(text).unwrap())
}

fn delivery(to: &str, status: EmailStatus, verdict: Verdict) -> Delivery {
    let change = |status, verdict| StatusChange {
        at: AT,
        status: Status::Email(status),
        verdict,
        source: Source::Peer,
    };
    Delivery {
        id: DeliveryId::from_bytes([1; 16]),
        communication: CommunicationId::from_bytes([1; 16]),
        contact: ContactId::from_bytes([1; 16]),
        method: MethodId::from_bytes([1; 16]),
        channel: Channel::Email,
        destination: Destination::Email(address(to)),
        round: 1,
        timeline: vec![
            change(EmailStatus::Queued, None),
            change(status, Some(verdict)),
        ],
        attempts: 1,
        due: Some(AT),
        closed: None,
        remote_ids: Vec::new(),
        segments_delivered: 0,
        segments_failed: 0,
        express: false,
        held_until: None,
        awaits_turn: false,
        report: None,
    }
}

fn written(action: ReportAction, about: &Delivery, whole: bool, message: &[u8]) -> Vec<u8> {
    let request = ReportRequest {
        to: address("app@county.example"),
        on: ReportsWanted::default(),
        whole,
        envelope_id: "QQ+2B1".to_owned(),
        original_recipient: Redacted::default(),
        told: Vec::new(),
    };
    let mail = ReportMail {
        id: CommunicationId::from_bytes([9; 16]),
        action,
        request: &request,
        delivery: about,
        number_domain: "sms.gw.example",
        server: "gw.example",
        domain: "alerts.example",
        at: AT,
        retry_until: Some(AT),
        message,
    };
    mail.build()
}

fn refusal() -> Verdict {
    Verdict::failure(Reason::UserUnknown, Permanence::Permanent)
        .with_status(Some(EnhancedStatus::new(5, 1, 1)))
        .with_diagnostic("550-5.1.1 <ann@town.example>:\n550 5.1.1 User unknown")
}

#[test]
fn a_failure_is_read_back_with_its_code_and_its_words() {
    let about = delivery("ann@town.example", EmailStatus::Rebound, refusal());
    let mail = read(&written(ReportAction::Failed, &about, true, MESSAGE)).unwrap();
    let found = classify_mail(&mail);
    assert_eq!(found.class, BounceClass::Hard);
    assert_eq!(found.findings.len(), 1);
    let finding = &found.findings[0];
    assert_eq!(finding.address, "ann@town.example");
    let verdict = &finding.verdict;
    assert_eq!(verdict.reason, Reason::UserUnknown);
    assert_eq!(verdict.status_code, Some(EnhancedStatus::new(5, 1, 1)));
    let said = "smtp; 550-5.1.1 <ann@town.example>: 550 5.1.1 User unknown";
    assert_eq!(verdict.diagnostic.as_str(), said);
    let fields = &mail.delivery_status.as_ref().unwrap()[0];
    assert_eq!(fields.get("Original-Envelope-Id"), Some("QQ+1"));
    assert_eq!(fields.get("Reporting-MTA"), Some("dns; gw.example"));
    let original = mail.original.as_ref().unwrap();
    assert_eq!(original.get("Subject"), Some("bill"));
}

#[test]
fn other_actions_are_read_back_as_what_they_are() {
    let busy = Verdict::failure(Reason::Network, Permanence::Temporary);
    let taken = Verdict::success(Reason::Delivered);
    for (action, status, verdict, class) in [
        (
            ReportAction::Delayed,
            EmailStatus::Deferred,
            busy,
            BounceClass::Delay,
        ),
        (
            ReportAction::Delivered,
            EmailStatus::Received,
            taken.clone(),
            BounceClass::Success,
        ),
        (
            ReportAction::Relayed,
            EmailStatus::Received,
            taken,
            BounceClass::Unknown,
        ),
    ] {
        let about = delivery("ann@town.example", status, verdict);
        let raw = written(action, &about, true, MESSAGE);
        let found = classify_mail(&read(&raw).unwrap());
        assert_eq!(found.class, class, "{action:?}");
        let text = String::from_utf8(raw).unwrap();
        assert!(!text.contains("Your bill"), "only failures bring it back");
    }
}

#[test]
fn it_has_three_parts_and_says_that_it_is_automatic() {
    let about = delivery("ann@town.example", EmailStatus::Rebound, refusal());
    let raw = written(ReportAction::Failed, &about, false, MESSAGE);
    let mail = MessageParser::default().parse(&raw).unwrap();
    let kind = mail.content_type().unwrap();
    assert_eq!(
        (kind.ctype(), kind.subtype()),
        ("multipart", Some("report"))
    );
    assert_eq!(kind.attribute("report-type"), Some("delivery-status"));
    let kinds: Vec<_> = mail.parts[1..]
        .iter()
        .filter_map(|part| part.content_type()?.subtype())
        .collect();
    assert_eq!(kinds, ["plain", "delivery-status", "rfc822-headers"]);
    let raw_header = |name| mail.header_raw(name).map(str::trim);
    assert_eq!(raw_header("Auto-Submitted"), Some("auto-replied"));
    assert_eq!(raw_header("In-Reply-To"), Some("<1@county.example>"));
    let from = raw_header("From");
    assert_eq!(
        from,
        Some("Mail Delivery System <MAILER-DAEMON@alerts.example>")
    );
    assert_eq!(
        mail.date().unwrap().to_timestamp(),
        i64::try_from(AT.as_secs()).unwrap()
    );
}

fn text_of(about: &Delivery, message: &[u8]) -> String {
    let raw = written(ReportAction::Failed, about, true, message);
    String::from_utf8_lossy(&raw).into_owned()
}

/// The value of a field that stands in one line.
fn value<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(": "))
}

#[test]
fn octets_beyond_ascii_are_announced_by_the_whole_report() {
    let about = delivery("ann@town.example", EmailStatus::Rebound, refusal());
    let outer = |message: &[u8]| {
        let text = text_of(&about, message);
        let header = text.split_once("\r\n\r\n").unwrap().0;
        value(header, "Content-Transfer-Encoding").map(str::to_owned)
    };
    let eight = outer(b"Subject: x\r\n\r\nd\xe9j\xe0 vu\r\n");
    assert_eq!(eight.as_deref(), Some("8bit"));
    assert_eq!(outer(MESSAGE), None);
}

#[test]
fn the_last_attempt_is_ours_and_not_when_we_heard_of_it() {
    let taken = Verdict::success(Reason::Accepted);
    let mut about = delivery("ann@town.example", EmailStatus::Sent, taken);
    let late = AT.plus(std::time::Duration::from_secs(86_400));
    about.timeline.push(StatusChange {
        at: late,
        status: Status::Email(EmailStatus::Rebound),
        verdict: Some(refusal()),
        source: Source::Report,
    });
    let text = text_of(&about, MESSAGE);
    // It is written at the time of the attempt.
    assert_eq!(value(&text, "Last-Attempt-Date"), value(&text, "Date"));
    for change in &mut about.timeline {
        change.source = Source::Gateway;
    }
    assert_eq!(value(&text_of(&about, MESSAGE), "Last-Attempt-Date"), None);
}

#[test]
fn a_report_needs_the_start_of_a_message_alone() {
    let about = delivery("ann@town.example", EmailStatus::Rebound, refusal());
    let short = |size: usize| [MESSAGE, &vec![b'x'; size - MESSAGE.len()]].concat();
    let long_header = b"X-Long: x\r\n".repeat(10_000);
    for (message, comes_back) in [
        (short(dsn::RETURNED_SIZE_MAX_BYTES), true),
        (short(dsn::RETURNED_SIZE_MAX_BYTES + 1), false),
        (short(200_000), false),
        (long_header, false),
    ] {
        let start = &message[..message.len().min(dsn::MESSAGE_START_SIZE_BYTES)];
        let report = |message: &[u8]| written(ReportAction::Failed, &about, true, message);
        assert!(report(start) == report(&message), "{}", message.len());
        let text = String::from_utf8(report(start)).unwrap();
        assert_eq!(text.contains("Your bill."), comes_back);
    }
}

#[test]
fn an_address_beyond_ascii_is_written_in_it_and_read_back() {
    let to = "gr\u{fc}n@town.example";
    let about = delivery(to, EmailStatus::Rebound, refusal());
    let raw = written(ReportAction::Failed, &about, false, MESSAGE);
    let text = String::from_utf8(raw.clone()).unwrap();
    let field = "\r\nFinal-Recipient: utf-8; gr\\x{FC}n@town.example\r\n";
    assert!(text.contains(field), "{text}");
    let found = classify_mail(&read(&raw).unwrap());
    assert_eq!(found.findings[0].address, to);
}
