//! A bundle on paper.

use super::super::times::zoned;
use super::{About, Reader};
use crate::domain::{Contact, StatusChange, Timestamp};
use crate::evidence::{AuditProof, Made, ProofEntry};
use crate::pdf::{Column, Document, Orientation};

/// The summary, as a PDF.
pub(super) fn of(
    reader: &Reader,
    about: &About,
    made: &Made,
    proof: &AuditProof,
    key: &str,
) -> Vec<u8> {
    let words = reader.words;
    let t = |word| words.t(word);
    let mut document = Document::new(t("bundle.title"), words.language, Orientation::Portrait);
    document.paragraph(t("bundle.lead"));
    let (delivery, sent) = (&about.delivery, &about.sent);
    let name = about.contact.as_ref().map(Contact::full_name);
    let name = name.unwrap_or_else(|| t("person.gone").to_owned());
    let channel = words.label(delivery.channel.as_str());
    let status = words.say(delivery.status().explain());
    let sent_at = delivery.sent_at();
    let sent_at = sent_at.map_or_else(String::new, |at| when(reader, at));
    document.facts(&[
        (t("bundle.message"), sent.title.as_str()),
        (t("commslog.recipient"), name.as_str()),
        (t("bundle.to"), delivery.destination.reveal()),
        (t("bundle.channel"), channel.as_str()),
        (t("commslog.sent_at"), sent_at.as_str()),
        (t("commslog.status"), status),
        (t("bundle.installation"), made.installation.as_str()),
        (t("bundle.made"), made.at.as_str()),
        (t("bundle.by"), made.by.as_str()),
    ]);
    document.heading(t("bundle.happened"));
    let columns = [
        Column::new(t("audit.time"), 2.0),
        Column::new(t("commslog.status"), 2.0),
        Column::new(t("bundle.diagnostic"), 4.0),
    ];
    let rows = delivery.timeline.iter();
    document.table(&columns, rows.map(|change| row_of_change(reader, change)));
    document.heading(t("audit.title"));
    let columns = [
        Column::new(t("audit.number"), 1.0),
        Column::new(t("audit.time"), 2.5),
        Column::new(t("audit.who"), 4.0),
        Column::new(t("audit.act"), 2.5),
    ];
    document.table(&columns, proof.entries.iter().map(row_of_entry));
    if proof.cut {
        document.paragraph(t("bundle.cut"));
    }
    document.heading(t("bundle.proof"));
    let head = made.head_number.to_string();
    document.facts(&[
        (t("bundle.head"), head.as_str()),
        (t("bundle.hash"), made.head_hash.as_str()),
        (t("bundle.fingerprint"), key),
    ]);
    document.paragraph(t("bundle.check"));
    document.finish()
}

fn when(reader: &Reader, at: Timestamp) -> String {
    zoned(at, &reader.zone)
        .strftime("%Y-%m-%d %H:%M:%S %Z")
        .to_string()
}

fn row_of_change(reader: &Reader, change: &StatusChange) -> [String; 3] {
    let verdict = change.verdict.as_ref();
    [
        when(reader, change.at),
        reader.words.label(change.status.as_str()),
        verdict.map_or_else(String::new, |one| one.diagnostic.as_str().to_owned()),
    ]
}

fn row_of_entry(entry: &ProofEntry) -> [String; 4] {
    [
        entry.number.to_string(),
        entry.at.clone(),
        entry.actor.clone(),
        entry.act.clone(),
    ]
}
