#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::chain::{Head, Link, origin, payload_digest, skip};
use crate::domain::{
    AuditActor, AuditEntry, CommunicationId, DeliveryId, EmailStatus, Permanence, Reason, Source,
    Status, StatusChange, Subject, SubjectKind, Timestamp, Verdict,
};
use crate::store::records::Record;

fn signer() -> Signer {
    Signer::from_seed(&[1; 32]).unwrap()
}

const DELIVERY_ID: DeliveryId = DeliveryId::from_bytes([1; 16]);
const COMMUNICATION_ID: CommunicationId = CommunicationId::from_bytes([2; 16]);

/// What the entry is about: a mail that came back.
fn change() -> StatusChange {
    let reason = Reason::UserUnknown;
    StatusChange {
        at: Timestamp::from_millis(1_777_593_600_123),
        status: Status::Email(EmailStatus::Rebound),
        verdict: Some(Verdict::failure(reason, Permanence::Permanent)),
        source: Source::Peer,
    }
}

fn delivery_file(change: &StatusChange) -> Vec<u8> {
    let timeline = [serde_json::json!({ "statement": change.statement(DELIVERY_ID) })];
    let told = serde_json::json!({ "id": DELIVERY_ID.to_string(), "timeline": timeline });
    serde_json::to_vec(&told).unwrap()
}

fn entry() -> AuditEntry {
    let change = change();
    let subject = Subject::new(SubjectKind::Delivery, *DELIVERY_ID.as_bytes());
    let statement = change.statement(DELIVERY_ID);
    AuditEntry::new(change.at, AuditActor::Gateway, "delivery.status")
        .about([subject])
        .saying("rebound")
        .with_digest(manifest::digest(statement.as_bytes()))
}

/// A record of four entries, of which the third is in the proof.
fn proof_of(said: &AuditEntry) -> AuditProof {
    let mut hashes = vec![origin(&[7; 16])];
    let mut links = Vec::new();
    let payload = said.to_bytes();
    for number in 1..=4_u64 {
        let link = Link {
            number,
            payload: payload_digest(&payload),
            previous: *hashes.last().unwrap(),
            skipped: hashes[usize::try_from(skip(number)).unwrap()],
        };
        hashes.push(link.hash());
        links.push(link);
    }
    let hash = *hashes.last().unwrap();
    let head = Head { number: 4, hash };
    AuditProof {
        head_number: head.number,
        head_hash: data_encoding::HEXLOWER.encode(&head.hash),
        cut: false,
        entries: vec![ProofEntry::new(3, &payload, said, vec![4, 3])],
        links: links[2..].iter().map(Into::into).collect(),
    }
}

fn proof() -> AuditProof {
    proof_of(&entry())
}

fn made() -> Made {
    let proof = proof();
    Made {
        installation: "gw.example".into(),
        at: "2026-05-01T00:00:00.000Z".into(),
        by: "nobody".into(),
        delivery: DELIVERY_ID.to_string(),
        communication: COMMUNICATION_ID.to_string(),
        head_number: proof.head_number,
        head_hash: proof.head_hash,
    }
}

fn files() -> Vec<Member> {
    vec![
        Member::new("message.eml", b"Subject: hello\r\n\r\nhello\r\n".to_vec()),
        Member::new("attachments/01-a.txt", b"a".to_vec()),
        Member::new(DELIVERY, delivery_file(&change())),
        Member::new(AUDIT, proof().to_bytes().unwrap()),
        Member::new(SUMMARY, b"%PDF".to_vec()),
    ]
}

fn sealed(files: Vec<Member>, made: Made, signer: &Signer) -> Bundle {
    let message = MessageFile {
        file: "message.eml".into(),
        whole: true,
        note: String::new(),
    };
    seal(files, made, message, signer).unwrap()
}

#[test]
fn a_bundle_is_checked_by_its_key_alone() {
    let bundle = sealed(files(), made(), &signer());
    let key = signer().public().fingerprint();
    let report = verify(&bundle.bytes, Some(&key.to_uppercase()));
    assert!(report.is_sound(), "{:?}", report.problems);
    assert_eq!(unpack(&bundle.bytes).unwrap().len(), 8);
    let other = Signer::from_seed(&[2; 32]).unwrap();
    let theirs = sealed(files(), made(), &other);
    assert!(verify(&theirs.bytes, None).is_sound());
    let found = verify(&theirs.bytes, Some(&key)).problems;
    assert_eq!(found, ["key: is not the one that was expected"]);
}

#[test]
fn no_byte_of_any_member_can_be_changed() {
    let bundle = sealed(files(), made(), &signer());
    let members = unpack(&bundle.bytes).unwrap();
    for member in 0..members.len() {
        for byte in 0..members[member].bytes.len() {
            let mut changed = members.clone();
            changed[member].bytes[byte] ^= 1;
            let report = verify(&pack(&changed).unwrap(), None);
            assert!(!report.is_sound(), "{} {byte}", members[member].name);
        }
    }
}

#[test]
fn a_path_ends_at_what_the_entry_says() {
    let tampered = |change: fn(&mut AuditProof)| {
        let mut proof = proof();
        change(&mut proof);
        let mut files = files();
        files[3].bytes = proof.to_bytes().unwrap();
        verify(&sealed(files, made(), &signer()).bytes, None).problems
    };
    assert!(tampered(|_| ()).is_empty());
    let changes: [fn(&mut AuditProof); 12] = [
        |proof| proof.entries[0].at = "2026-05-01T00:00:00.124Z".into(),
        |proof| proof.entries[0].actor = "nobody".into(),
        |proof| proof.entries[0].act = "delivery.opened".into(),
        |proof| proof.entries[0].detail = "received".into(),
        |proof| proof.entries[0].digest = None,
        |proof| {
            let other = entry().saying("received");
            proof.entries[0] = ProofEntry::new(3, &other.to_bytes(), &other, vec![4, 3]);
        },
        |proof| proof.entries[0].payload = "04".into(),
        |proof| proof.entries[0].number = 2,
        |proof| proof.entries[0].path = vec![4],
        |proof| drop(proof.links.pop()),
        |proof| proof.links[1].previous = proof.links[1].payload.clone(),
        |proof| proof.head_number = 3,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        assert_eq!(tampered(change).len(), 1, "{index}");
    }
}

#[test]
fn entries_are_about_the_delivery_and_say_what_its_timeline_says() {
    let problems = |said: &AuditEntry, told: Vec<u8>| {
        let proof = proof_of(said);
        let mut files = files();
        files[2].bytes = told;
        files[3].bytes = proof.to_bytes().unwrap();
        let mut made = made();
        made.head_hash = proof.head_hash;
        verify(&sealed(files, made, &signer()).bytes, None).problems
    };
    let told = delivery_file(&change());
    assert_eq!(problems(&entry(), told.clone()), [""; 0]);
    let later = StatusChange {
        at: Timestamp::from_millis(1_777_593_600_124),
        ..change()
    };
    let found = problems(&entry(), delivery_file(&later));
    let status = "delivery.json: the status \"rebound\" is not what was recorded";
    assert_eq!(found, [status]);
    let undigested = AuditEntry {
        digest: None,
        ..entry()
    };
    assert_eq!(problems(&undigested, told.clone()), [status]);
    let mut elsewhere = entry();
    elsewhere.subjects[0].id = [3; 16];
    let found = problems(&elsewhere, told.clone());
    assert_eq!(found, ["audit.json: entry 3 is about something else"]);
    let found = problems(&entry(), b"{}".to_vec());
    assert_eq!(found, ["delivery.json: cannot be read, or is another"]);
}

#[test]
fn nothing_hides_between_the_members_of_a_zip() {
    let members = [Member::new("a", b"alpha".to_vec())];
    let plain = pack(&members).unwrap();
    assert_eq!(unpack(&plain).unwrap(), members);
    // The end of the ZIP: the place of the central directory is 6 bytes before its end.
    let place = plain.len() - 6;
    let directory = u32::from_le_bytes(plain[place..place + 4].try_into().unwrap());
    let directory = usize::try_from(directory).unwrap();
    let hidden = |at: usize, bytes: &[u8]| {
        let mut changed = [&plain[..at], bytes, &plain[at..]].concat();
        let place = changed.len() - 6;
        let moved = u32::try_from(directory + bytes.len()).unwrap();
        changed[place..place + 4].copy_from_slice(&moved.to_le_bytes());
        changed
    };
    let gap = hidden(directory, b"hidden");
    // An extra field of the local header (APPNOTE 4.3.7): its length stands at 28.
    let mut extra = hidden(30 + 1, &[0xfe, 0xca, 2, 0, 1, 2]);
    extra[28] = 6;
    let mut renamed = plain.clone();
    renamed[30] = b'b';
    let mut comment = plain.clone();
    let end = comment.len() - 2;
    comment[end] = 2;
    comment.extend_from_slice(b"hi");
    for (name, changed) in [
        ("a gap", gap),
        ("an extra field", extra),
        ("another name", renamed),
        ("a comment", comment),
    ] {
        assert!(unpack(&changed).is_err(), "{name}");
        assert!(!verify(&changed, None).is_sound(), "{name}");
    }
}

/// Bundles are compared byte for byte with what is packed anew, so this never changes.
#[test]
fn the_same_members_make_the_same_bytes_in_every_version() {
    let members = [
        Member::new("a.txt", b"alpha".to_vec()),
        Member::new("attachments/01-\u{e9}.txt", Vec::new()),
    ];
    let bytes = pack(&members).unwrap();
    let digest = data_encoding::HEXLOWER.encode(&manifest::digest(&bytes));
    assert_eq!(
        digest,
        "a1dcd4c9e3fb9294eb5846c647689a02de8215cb4e5aa3f3a493691642e7e520"
    );
}

#[test]
fn members_are_neither_more_nor_less_than_what_is_signed() {
    let bundle = sealed(files(), made(), &signer());
    let members = unpack(&bundle.bytes).unwrap();
    for gone in 0..members.len() {
        let mut fewer = members.clone();
        fewer.remove(gone);
        let report = verify(&pack(&fewer).unwrap(), None);
        assert!(!report.is_sound(), "{}", members[gone].name);
    }
    let mut more = members.clone();
    more.push(Member::new("attachments/02-b.txt", Vec::new()));
    let found = verify(&pack(&more).unwrap(), None).problems;
    assert_eq!(found, ["\"attachments/02-b.txt\": was added"]);
    let unnamed = files()
        .into_iter()
        .filter(|file| file.name != AUDIT)
        .collect();
    let found = verify(&sealed(unnamed, made(), &signer()).bytes, None).problems;
    assert_eq!(found, ["audit.json: is not named"]);
}

/// The bundle with a member of the same length renamed in the headers.
fn renamed(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = (0..bytes.len() - from.len())
        .filter(|place| bytes[*place..].starts_with(from.as_bytes()))
        .collect();
    for place in places {
        bytes[place..place + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

#[test]
fn a_member_that_stands_there_twice_is_found() {
    let mut twice = unpack(&sealed(files(), made(), &signer()).bytes).unwrap();
    twice.push(Member::new("twin.json.xxx", twice[5].bytes.clone()));
    let bytes = renamed(&pack(&twice).unwrap(), "twin.json.xxx", MANIFEST);
    assert!(matches!(unpack(&bytes), Err(ArchiveError::Twice)));
    assert!(!verify(&bytes, None).is_sound());
}

#[test]
fn what_is_no_plain_zip_is_refused() {
    let bytes = sealed(files(), made(), &signer()).bytes;
    let before = [b"#".as_slice(), &bytes].concat();
    let behind = [bytes.as_slice(), b"#"].concat();
    for changed in [&before[..], &behind, &bytes[..bytes.len() - 1], b"", b"PK"] {
        assert!(!verify(changed, None).is_sound());
    }
    let many = (0..=MEMBERS_MAX).map(|n| Member::new(n.to_string(), Vec::new()));
    let many: Vec<Member> = many.collect();
    assert!(matches!(pack(&many), Err(ArchiveError::TooMuch(_))));
    let long = Member::new("n".repeat(NAME_SIZE_MAX + 1), Vec::new());
    let long = pack(&[long]).unwrap();
    assert!(matches!(unpack(&long), Err(ArchiveError::TooMuch(_))));
}

#[test]
fn keys_are_written_as_other_programs_read_them() {
    // RFC 8032 section 7.1, test 1: the public key of this secret.
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let hex = &data_encoding::HEXLOWER;
    let seed: [u8; 32] = hex.decode(seed.as_bytes()).unwrap().try_into().unwrap();
    let key = Signer::from_seed(&seed).unwrap().public();
    let pem = key.to_pem();
    let der = pem.lines().nth(1).unwrap();
    let der = data_encoding::BASE64.decode(der.as_bytes()).unwrap();
    assert_eq!(hex.encode(&der[12..]), public);
    assert_eq!(PublicKey::from_pem(pem.as_bytes()), Ok(key));
    assert_eq!(PublicKey::from_pem(b"x"), Err(KeyError));
}

proptest::proptest! {
    #[test]
    fn bytes_from_anywhere_are_only_refused(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400),
        place in proptest::num::usize::ANY,
    ) {
        proptest::prop_assert!(!verify(&bytes, None).is_sound());
        let mut bundle = sealed(files(), made(), &signer()).bytes;
        let place = place % bundle.len();
        bundle[place] ^= 0x55;
        proptest::prop_assert!(!verify(&bundle, None).is_sound(), "{}", place);
    }
}

/// A ZIP whose directory names the same stored file so many times, under other names.
fn overlapping(data: &[u8], times: u8) -> Vec<u8> {
    let crc = crc32fast::hash(data).to_le_bytes();
    let size = u32::try_from(data.len()).unwrap().to_le_bytes();
    let told = [[0; 4], crc, size, size, [1, 0, 0, 0]].concat();
    let mut zip = b"PK\x03\x04\x0a\0\0\0\0\0".to_vec();
    zip.extend(&told);
    zip.push(b'a');
    zip.extend(data);
    let start = zip.len();
    for number in 0..times {
        zip.extend(b"PK\x01\x02\x0a\0\x0a\0\0\0\0\0");
        zip.extend(&told);
        // Comment, disk, attributes, and where it begins: at the start.
        zip.extend([0; 14]);
        zip.push(b'b' + number);
    }
    let long = u32::try_from(zip.len() - start).unwrap().to_le_bytes();
    let at = u32::try_from(start).unwrap().to_le_bytes();
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend([times, 0, times, 0]);
    zip.extend([long, at].concat());
    zip.extend([0; 2]);
    zip
}

#[test]
fn members_do_not_lie_over_one_another() {
    let once = unpack(&overlapping(&[7; 100_000], 1));
    assert!(!matches!(once, Err(archive::ArchiveError::Overlap)));
    let many = unpack(&overlapping(&[7; 100_000], 20));
    assert!(
        matches!(many, Err(archive::ArchiveError::Overlap)),
        "{:?}",
        many.err()
    );
}

#[test]
fn a_change_that_is_not_in_the_record_is_pointed_out() {
    let recorded = change();
    let invented = StatusChange {
        at: Timestamp::from_millis(1_777_593_600_124),
        status: Status::Email(EmailStatus::MarkedAsSpam),
        ..change()
    };
    let told = |changes: &[&StatusChange]| {
        let said = |change: &&StatusChange| serde_json::json!({ "statement": change.statement(DELIVERY_ID) });
        let timeline: Vec<_> = changes.iter().map(said).collect();
        let told = serde_json::json!({ "id": DELIVERY_ID.to_string(), "timeline": timeline });
        let mut files = files();
        files[2].bytes = serde_json::to_vec(&told).unwrap();
        let report = verify(&sealed(files, made(), &signer()).bytes, None);
        assert!(report.is_sound(), "{:?}", report.problems);
        let mut lines = report.lines.into_iter();
        lines.find(|line| line.ends_with("is not in the record"))
    };
    assert_eq!(told(&[&recorded]), None);
    let line = "delivery.json: the status \"email marked as spam\" is not in the record";
    assert_eq!(told(&[&recorded, &invented]).as_deref(), Some(line));
}
