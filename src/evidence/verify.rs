//! Checking a bundle, offline and from its bytes alone.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use serde::Deserialize;

use super::archive::{Member, unpack};
use super::key::PublicKey;
use super::manifest::{FORMAT, FileDigest, Made, Manifest, digest};
use super::proof::AuditProof;
use super::{AUDIT, DELIVERY, KEY, MANIFEST, SIGNATURE, SUMMARY};
use crate::domain::{AuditEntry, CommunicationId, DeliveryId, SubjectKind, TIMELINE_MAX};

/// The act of a delivery that goes on to another status.
const STATUS_ACT: &str = "delivery.status";

/// What was found, line by line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is as it should be, and what there is to compare.
    pub lines: Vec<String>,
    /// What is not; a bundle without any is sound.
    pub problems: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn good(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    fn bad(&mut self, line: impl Into<String>) {
        self.problems.push(line.into());
    }
}

/// Checks a bundle: the signature, every digest, that no member is missing, added or there twice,
/// that the record's entries lead to its head and show what they say, and that what they say of
/// the delivery is what its timeline says. `expected` is the fingerprint that the key has
/// to have; without it nothing tells who signed.
#[must_use]
pub fn verify(bytes: &[u8], expected: Option<&str>) -> Report {
    let mut report = Report::default();
    let members = match unpack(bytes) {
        Ok(members) => members,
        Err(error) => {
            report.bad(format!("the file: {error}"));
            return report;
        }
    };
    let files: BTreeMap<&str, &Member> = members
        .iter()
        .map(|member| (member.name.as_str(), member))
        .collect();
    let Some(manifest) = signed_manifest(&mut report, &files, expected) else {
        return report;
    };
    check_files(&mut report, &files, &manifest);
    check_audit(&mut report, &files, &manifest);
    report
}

/// The manifest, when the key in the bundle signed it.
fn signed_manifest(
    report: &mut Report,
    files: &BTreeMap<&str, &Member>,
    expected: Option<&str>,
) -> Option<Manifest> {
    let mut wanted = |name: &str| {
        let found = files.get(name).map(|member| member.bytes.as_slice());
        if found.is_none() {
            report.bad(format!("{name}: is missing"));
        }
        found
    };
    let (manifest, signature, key) = (wanted(MANIFEST), wanted(SIGNATURE), wanted(KEY));
    let (manifest, signature, key) = (manifest?, signature?, key?);
    let Ok(key) = PublicKey::from_pem(key) else {
        report.bad(format!("{KEY}: is not an Ed25519 key"));
        return None;
    };
    if !key.has_signed(manifest, signature) {
        report.bad(format!("{MANIFEST}: the signature is not that of the key"));
        return None;
    }
    report.good(format!("{MANIFEST}: signed by the key"));
    report.good(format!("key: {}", key.fingerprint()));
    match expected {
        Some(expected) if !is_same(expected, &key.fingerprint()) => {
            report.bad("key: is not the one that was expected");
        }
        Some(_) => report.good("key: is the one that was expected"),
        None => report.good("key: was not checked against one you trust"),
    }
    let Ok(read) = serde_json::from_slice::<Manifest>(manifest) else {
        report.bad(format!("{MANIFEST}: cannot be read"));
        return None;
    };
    if read.format != FORMAT || read.key != key.fingerprint() {
        report.bad(format!("{MANIFEST}: is of another format or key"));
        return None;
    }
    let made = &read.made;
    report.good(format!("installation: {}", made.installation));
    report.good(format!("made: {} by {}", made.at, made.by));
    report.good(format!("delivery: {}", made.delivery));
    let manifest_digest = HEXLOWER.encode(&digest(manifest));
    report.good(format!("manifest: {manifest_digest}"));
    Some(read)
}

/// Fingerprints as people write them: capitals, colons and spaces make no difference.
fn is_same(one: &str, other: &str) -> bool {
    let plain = |text: &str| -> String {
        let kept = text.chars().filter(char::is_ascii_alphanumeric);
        kept.map(|letter| letter.to_ascii_lowercase()).collect()
    };
    plain(one) == plain(other)
}

/// Every file is named once, is there, and is what was named; and nothing else is there.
fn check_files(report: &mut Report, files: &BTreeMap<&str, &Member>, manifest: &Manifest) {
    let mut named: BTreeSet<&str> = [MANIFEST, SIGNATURE, KEY].into();
    for told in &manifest.files {
        let name = &told.name;
        if !named.insert(name) {
            report.bad(format!("{name}: is named twice"));
        }
        match files.get(name.as_str()) {
            None => report.bad(format!("{name}: is missing")),
            Some(member) if FileDigest::of(member) != *told => {
                report.bad(format!("{name}: is not what was signed"));
            }
            Some(_) => report.good(format!("{name}: {} bytes, as signed", told.size)),
        }
    }
    for name in [DELIVERY, AUDIT, SUMMARY, &manifest.message.file] {
        if !named.contains(name) {
            report.bad(format!("{name}: is not named"));
        }
    }
    for name in files.keys().filter(|name| !named.contains(**name)) {
        report.bad(format!("{name:?}: was added"));
    }
    if !manifest.message.whole {
        report.good(format!("{}: rebuilt", manifest.message.file));
    }
}

/// The entries of the record lead to the head that the manifest names.
fn check_audit(report: &mut Report, files: &BTreeMap<&str, &Member>, manifest: &Manifest) {
    let Some(file) = files.get(AUDIT) else {
        return;
    };
    let proof = AuditProof::from_bytes(&file.bytes);
    let proof = proof.and_then(|proof| proof.check().map(|said| (proof, said)));
    let (proof, said) = match proof {
        Ok(checked) => checked,
        Err(error) => {
            report.bad(format!("{AUDIT}: {error}"));
            return;
        }
    };
    let made = &manifest.made;
    if (proof.head_number, &proof.head_hash) != (made.head_number, &made.head_hash) {
        report.bad(format!("{AUDIT}: has another head than the manifest"));
        return;
    }
    check_subjects(report, &proof, &said, made);
    check_statements(report, files, &said, made);
    if !proof.cut {
        note_unrecorded(report, files, &said, made);
    }
    let (count, head, hash) = (proof.entries.len(), made.head_number, &made.head_hash);
    report.good(format!(
        "{AUDIT}: {count} entries lead to entry {head}, whose hash is {hash}"
    ));
    if proof.cut {
        report.good(format!("{AUDIT}: older entries were left out"));
    }
}

/// Every entry is about what the manifest names.
fn check_subjects(report: &mut Report, proof: &AuditProof, said: &[AuditEntry], made: &Made) {
    let delivery = made.delivery.parse::<DeliveryId>();
    let sent = made.communication.parse::<CommunicationId>();
    let (Ok(delivery), Ok(sent)) = (delivery, sent) else {
        report.bad(format!("{MANIFEST}: names no delivery"));
        return;
    };
    let ids = [*delivery.as_bytes(), *sent.as_bytes()];
    for (shown, entry) in proof.entries.iter().zip(said) {
        if !entry.subjects.iter().any(|one| ids.contains(&one.id)) {
            let number = shown.number;
            report.bad(format!("{AUDIT}: entry {number} is about something else"));
        }
    }
}

/// What is read of `delivery.json`; the rest is for people and programs.
#[derive(Deserialize)]
struct Told {
    id: String,
    timeline: Vec<ToldChange>,
}

#[derive(Deserialize)]
struct ToldChange {
    statement: String,
}

/// Each change of status that the record names with a digest stands in the timeline.
fn check_statements(
    report: &mut Report,
    files: &BTreeMap<&str, &Member>,
    said: &[AuditEntry],
    made: &Made,
) {
    let Some(file) = files.get(DELIVERY) else {
        return;
    };
    let told = serde_json::from_slice::<Told>(&file.bytes);
    let Some(told) = told.ok().filter(|told| told.id == made.delivery) else {
        report.bad(format!("{DELIVERY}: cannot be read, or is another"));
        return;
    };
    // The middle of a timeline that is longer is not kept.
    if told.timeline.len() > TIMELINE_MAX {
        report.good(format!("{DELIVERY}: some changes were left out"));
        return;
    }
    let statements = told.timeline.iter().map(|change| &change.statement);
    let digests: BTreeSet<_> = statements.map(|text| digest(text.as_bytes())).collect();
    let own = said.iter().filter(|entry| is_status_of(entry, &told.id));
    let missing = own.filter(|entry| entry.digest.is_none_or(|hash| !digests.contains(&hash)));
    for entry in missing {
        let status = &entry.detail;
        report.bad(format!(
            "{DELIVERY}: the status {status:?} is not what was recorded"
        ));
    }
}

/// Whether an entry says that this delivery went on to another status.
fn is_status_of(entry: &AuditEntry, delivery: &str) -> bool {
    let mut subjects = entry.subjects.iter();
    let named = subjects.any(|one| {
        one.kind == SubjectKind::Delivery && DeliveryId::from_bytes(one.id).to_string() == delivery
    });
    named && entry.act == STATUS_ACT
}

/// The record names each status of what it names any of. Of several in one go it names the last
/// alone: that one is missing is pointed out, and no problem by itself.
fn note_unrecorded(
    report: &mut Report,
    files: &BTreeMap<&str, &Member>,
    said: &[AuditEntry],
    made: &Made,
) {
    let told = files.get(DELIVERY).map(|file| &file.bytes);
    let told = told.and_then(|bytes| serde_json::from_slice::<Told>(bytes).ok());
    let Some(told) = told.filter(|told| told.id == made.delivery) else {
        return;
    };
    let own = said.iter().filter(|entry| is_status_of(entry, &told.id));
    let recorded: BTreeSet<_> = own.filter_map(|entry| entry.digest).collect();
    if recorded.is_empty() || told.timeline.len() > TIMELINE_MAX {
        return;
    }
    for two in told.timeline.windows(2) {
        let [before, after] = two else { continue };
        let (was, is) = (before.status(), after.status());
        if was != is && !recorded.contains(&digest(after.statement.as_bytes())) {
            report.good(format!(
                "{DELIVERY}: the status {is:?} is not in the record"
            ));
        }
    }
}

impl ToldChange {
    /// "email received", as the statement has it.
    fn status(&self) -> &str {
        self.statement.lines().nth(2).unwrap_or_default()
    }
}
