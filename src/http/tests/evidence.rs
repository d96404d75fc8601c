//! Bundles of evidence: made by those who may, recorded, and found out when anything is changed.

use axum::http::StatusCode;
use serde_json::Value;

use super::api::program;
use super::correspondence::firm;
use super::world::{DIAGNOSTIC, World, patient_world};
use crate::domain::{
    Attachment, CaseCreditor, Content, Delivery, EmailAddress, Redacted, Role, SubjectKind, UserId,
};
use crate::evidence::{
    AUDIT, DELIVERY, MANIFEST, Manifest, Member, REBUILT, Report, SUMMARY, WHOLE, pack, unpack,
    verify,
};
use crate::store::records::Record;
use crate::store::{Batch, RowBatch};
use crate::submit::{MailRecipient, SubmittedMail};

fn member<'a>(members: &'a [Member], name: &str) -> &'a [u8] {
    let found = members.iter().find(|member| member.name == name);
    &found.unwrap_or_else(|| panic!("{name} is missing")).bytes
}

fn json(members: &[Member], name: &str) -> Value {
    serde_json::from_slice(member(members, name)).unwrap()
}

fn manifest(members: &[Member]) -> Manifest {
    serde_json::from_slice(member(members, MANIFEST)).unwrap()
}

fn key(world: &World) -> String {
    world.app.console.evidence.public().fingerprint()
}

#[track_caller]
fn assert_sound(report: &Report) {
    assert!(report.is_sound(), "{:?}", report.problems);
}

/// Lets a file go with what was sent already.
async fn attach(world: &World, delivery: &Delivery, name: &str, bytes: &'static [u8]) {
    let sent = world.repo.communication(delivery.communication);
    let old = sent.unwrap().unwrap();
    let mut content = world.repo.content(old.content).unwrap();
    let mut batch = Batch::new();
    content.attachments.push(Attachment {
        name: name.to_owned(),
        media_type: "text/plain".to_owned(),
        size_bytes: bytes.len() as u64,
        blob: batch.blob(bytes),
    });
    let mut new = old.value.clone();
    new.content = batch.blob(content.to_bytes());
    batch.replace(&old, &new);
    world.repo.store().commit(batch).await.unwrap();
}

#[tokio::test]
async fn a_letter_is_taken_out_with_everything_that_proves_it() {
    let firm = firm().await;
    let world = &firm.world;
    let ida = world.browser("ida").await;
    let about = ("case", firm.case.to_string());
    let delivery = firm.letter(&ida, about, firm.bank, "Section 78").await;
    attach(world, &delivery, "../deed.txt", b"a deed").await;
    world.bounce(&delivery).await;
    let page = ida.get(&format!("/deliveries/{}", delivery.id)).await;
    let path = format!("/deliveries/{}/evidence.zip", delivery.id);
    page.assert_has(&[&path]);
    let before = world.audited().len();
    let file = ida.fetch(&path).await;
    assert_eq!(file.status, StatusCode::OK);
    assert_sound(&verify(&file.bytes, Some(&key(world))));

    let members = unpack(&file.bytes).unwrap();
    let message = String::from_utf8(member(&members, REBUILT).to_vec()).unwrap();
    assert!(message.starts_with("Subject: Section 78\n\n"), "{message}");
    assert_eq!(member(&members, "attachments/01-deed.txt"), b"a deed");
    assert!(member(&members, SUMMARY).starts_with(b"%PDF"));
    let told = json(&members, DELIVERY);
    assert_eq!(told["status"], "rebound");
    let timeline = told["timeline"].as_array().unwrap();
    assert_eq!(
        timeline.last().unwrap()["verdict"]["diagnostic"],
        DIAGNOSTIC
    );
    let acts = json(&members, AUDIT);
    let acts: Vec<&str> = acts["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["act"].as_str().unwrap())
        .collect();
    for (family, act) in [
        ("delivery", "status"),
        ("communication", "send"),
        ("letter", "begin"),
    ] {
        let act = format!("{family}.{act}");
        assert!(acts.contains(&act.as_str()), "{act}: {acts:?}");
    }
    let read = manifest(&members);
    assert!(!read.message.whole);
    assert_eq!(read.made.delivery, delivery.id.to_string());
    assert_eq!(read.made.head_number, before as u64);

    let added = world.audited().split_off(before);
    assert_eq!(added.len(), 1);
    assert_eq!(added[0].act, "evidence.make");
    let digest = ring::digest::digest(&ring::digest::SHA256, member(&members, MANIFEST));
    assert_eq!(added[0].digest.unwrap(), digest.as_ref());
    let kinds: Vec<SubjectKind> = added[0].subjects.iter().map(|one| one.kind).collect();
    assert!(kinds.contains(&SubjectKind::Delivery), "{kinds:?}");
    ida.get("/audit").await.assert_has(&[&key(world)]);
}

#[tokio::test]
async fn a_mail_that_was_handed_in_is_kept_byte_for_byte() {
    let world = patient_world().await;
    let to = EmailAddress::parse("new@mail.example").unwrap();
    let said = b"Subject: bill\r\n\r\nyour bill\r\n";
    let mail = SubmittedMail {
        user: UserId::from_bytes([1; 16]),
        message: bytes::Bytes::from_static(said),
        content: Content {
            subject: "bill".into(),
            ..Content::default()
        },
        recipients: vec![MailRecipient::Email(Redacted::new(to))],
        reports: Vec::new(),
    };
    let id = world.submit.submit_mail(&mail).await.unwrap();
    let made = world.repo.deliveries(None, 10).unwrap().rows;
    let delivery = made.iter().find(|one| one.communication == id).unwrap().id;
    let auditor = program(&world, "ida").await;
    let path = format!("/api/v1/deliveries/{delivery}/evidence");
    let file = auditor.fetch(&path).await;
    assert_eq!(file.status, StatusCode::OK);
    assert_sound(&verify(&file.bytes, None));
    let members = unpack(&file.bytes).unwrap();
    assert_eq!(member(&members, WHOLE), said);
    assert!(manifest(&members).message.whole);
    let user = world.repo.user_by_login("ida").unwrap().unwrap().id;
    assert_eq!(manifest(&members).made.by, format!("program:{user}"));
    let entry = world.audited().pop().unwrap();
    assert_eq!(entry.act, "evidence.make");
}

#[tokio::test]
async fn every_change_of_a_bundle_is_found() {
    let firm = firm().await;
    let world = &firm.world;
    let ida = world.browser("ida").await;
    let about = ("case", firm.case.to_string());
    let delivery = firm.letter(&ida, about, firm.bank, "Section 78").await;
    let path = format!("/deliveries/{}/evidence.zip", delivery.id);
    let bytes = ida.fetch(&path).await.bytes;
    assert_sound(&verify(&bytes, Some(&key(world))));
    let members = unpack(&bytes).unwrap();
    assert_eq!(members.len(), 7);
    for (index, member) in members.iter().enumerate() {
        let mut flipped = members.clone();
        let middle = flipped[index].bytes.len() / 2;
        flipped[index].bytes[middle] ^= 1;
        let found = verify(&pack(&flipped).unwrap(), None);
        assert!(!found.is_sound(), "{}", member.name);
        let mut fewer = members.clone();
        fewer.remove(index);
        let found = verify(&pack(&fewer).unwrap(), None);
        assert!(!found.is_sound(), "without {}", member.name);
        // The bytes of the file itself, too, without a new checksum.
        let place = bytes
            .windows(member.bytes.len())
            .position(|part| part == member.bytes.as_slice());
        let mut raw = bytes.clone();
        raw[place.unwrap() + middle] ^= 1;
        assert!(!verify(&raw, None).is_sound(), "{}", member.name);
    }
    let mut more = members.clone();
    more.push(Member::new("more.txt", b"more".to_vec()));
    assert!(!verify(&pack(&more).unwrap(), None).is_sound());
    let other = crate::evidence::Signer::from_seed(&[8; 32]).unwrap();
    let other = other.public().fingerprint();
    assert!(!verify(&bytes, Some(&other)).is_sound());
}

#[tokio::test]
async fn evidence_is_for_those_who_may_audit_and_see_the_case() {
    let firm = firm().await;
    let world = &firm.world;
    let ida = world.browser("ida").await;
    let about = ("case", firm.case.to_string());
    let delivery = firm.letter(&ida, about, firm.bank, "Section 78").await;
    let page = format!("/deliveries/{}", delivery.id);
    let path = format!("{page}/evidence.zip");
    world.add_somebody("aud", Role::Auditor).await;
    let (otto, aud) = (world.browser("otto").await, world.browser("aud").await);
    assert_eq!(otto.get(&path).await.status, StatusCode::FORBIDDEN);
    assert!(!otto.get(&page).await.body.contains("/evidence.zip"));
    assert_eq!(aud.fetch(&path).await.status, StatusCode::OK);
    let status = [("status", "on hold".to_owned())];
    let held = ida
        .post(&format!("/cases/{}/status", firm.case), &status)
        .await;
    assert_eq!(held.status, StatusCode::SEE_OTHER, "{}", held.body);
    let old = world.repo.case(firm.case).unwrap().unwrap();
    let link = format!("<a href=\"/cases/{}\">{}</a>", firm.case, old.reference);
    let record = aud.get("/audit").await;
    record.assert_has(&[&link, "Letter begun"]);
    let mut new = old.value.clone();
    new.restricted = true;
    new.creditors = vec![CaseCreditor {
        contact: firm.bank,
        account: Redacted::new(String::new()),
    }];
    let mut batch = Batch::new();
    batch.replace(&old, &new);
    world.repo.store().commit(batch).await.unwrap();
    let before = world.audited().len();
    assert_eq!(aud.get(&path).await.status, StatusCode::NOT_FOUND);
    let record = aud.get("/audit").await;
    record.assert_has(&[&firm.case.to_string()]);
    assert!(
        !record.body.contains(&link),
        "the name of a restricted case"
    );
    assert!(!record.body.contains(&old.reference));
    assert_eq!(world.audited().len(), before);
}
