//! A mail that came in: read, taken for what it is, taken apart.

use tocsin::classify::mail::{FINDINGS_MAX, classify_mail, original_senders};
use tocsin::classify::smtp_reply::{Phase, classify_text};
use tocsin::domain::{BounceClass, DIAGNOSTIC_SIZE_MAX_BYTES};
use tocsin::proto::mime::header::HeaderBlock;
use tocsin::proto::mime::read::{
    IncomingMail, READ_ATTACHMENTS_MAX, READ_TEXT_SIZE_MAX_BYTES, attachment_at, html_and_related,
    read, read_beginning, without_quotes,
};

use super::INPUT_MAX;

/// Any octets.
pub(crate) fn target(data: &[u8]) {
    let raw = data.get(..INPUT_MAX).unwrap_or(data);
    let mail = read(raw);
    assert_eq!(mail, read_beginning(raw));
    let text = String::from_utf8_lossy(raw);
    let verdict = classify_text(&text, None, Phase::Unknown);
    assert!(verdict.diagnostic.as_str().len() <= DIAGNOSTIC_SIZE_MAX_BYTES);
    assert!(
        HeaderBlock::parse_all(&text)
            .iter()
            .all(|block| !block.is_empty())
    );
    let Ok(mail) = mail else {
        return;
    };
    // One more for a line end between two texts.
    assert!(mail.text.len() <= READ_TEXT_SIZE_MAX_BYTES + 1);
    assert!(without_quotes(&mail.text).len() <= mail.text.len());
    check_files(raw, &mail);
    check_meaning(&mail);
}

/// Files that are named are there.
fn check_files(raw: &[u8], mail: &IncomingMail) {
    assert!(mail.attachments.len() <= READ_ATTACHMENTS_MAX);
    for (index, file) in mail.attachments.iter().enumerate() {
        let bytes = attachment_at(raw, index).unwrap();
        assert_eq!(bytes.map(|bytes| bytes.len()), Some(file.size_bytes));
    }
    let (html, pictures) = html_and_related(raw, 3, 100).unwrap();
    assert_eq!(html.is_some(), mail.html.is_some());
    assert!(pictures.len() <= 3);
    assert!(pictures.iter().all(|picture| picture.bytes.len() <= 100));
}

/// What it means is said within limits, and about the report as a whole by one of its recipients.
fn check_meaning(mail: &IncomingMail) {
    let found = classify_mail(mail);
    assert_eq!(found, classify_mail(mail));
    assert!(found.findings.len() <= FINDINGS_MAX);
    let mut classes = found.findings.iter().map(|one| one.verdict.class);
    assert!(found.findings.is_empty() || classes.any(|class| class == found.class));
    for finding in &found.findings {
        assert!(finding.verdict.diagnostic.as_str().len() <= DIAGNOSTIC_SIZE_MAX_BYTES);
    }
    if mail.disposition.is_some() {
        assert_eq!(found.class, BounceClass::Mdn);
    }
    assert!(
        original_senders(mail)
            .iter()
            .all(|address| address.contains('@'))
    );
}
