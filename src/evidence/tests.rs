#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::chain::{Head, Link, origin, payload_digest, skip};

fn signer() -> Signer {
    Signer::from_seed(&[1; 32]).unwrap()
}

/// A record of four entries, of which the third is in the proof.
fn proof() -> AuditProof {
    let mut hashes = vec![origin(&[7; 16])];
    let mut links = Vec::new();
    for number in 1..=4_u64 {
        let link = Link {
            number,
            payload: payload_digest(&[3]),
            previous: *hashes.last().unwrap(),
            skipped: hashes[usize::try_from(skip(number)).unwrap()],
        };
        hashes.push(link.hash());
        links.push(link);
    }
    let hash = *hashes.last().unwrap();
    let head = Head { number: 4, hash };
    let entry = ProofEntry {
        number: 3,
        at: "2026-05-01T00:00:00.000Z".into(),
        actor: "gateway".into(),
        act: "delivery.status".into(),
        detail: String::new(),
        digest: None,
        payload: "03".into(),
        path: vec![4, 3],
    };
    AuditProof {
        head_number: head.number,
        head_hash: data_encoding::HEXLOWER.encode(&head.hash),
        looked_at: 4,
        cut: false,
        entries: vec![entry],
        links: links[2..].iter().map(Into::into).collect(),
    }
}

fn made() -> Made {
    let proof = proof();
    Made {
        installation: "gw.example".into(),
        at: "2026-05-01T00:00:00.000Z".into(),
        by: "nobody".into(),
        delivery: "1".into(),
        communication: "2".into(),
        head_number: proof.head_number,
        head_hash: proof.head_hash,
    }
}

fn files() -> Vec<Member> {
    vec![
        Member::new("message.eml", b"Subject: hello\r\n\r\nhello\r\n".to_vec()),
        Member::new("attachments/01-a.txt", b"a".to_vec()),
        Member::new(DELIVERY, b"{}".to_vec()),
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
    let changes: [fn(&mut AuditProof); 6] = [
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
        // In a header a change may mean nothing; in no case is it a panic.
        let _report = verify(&bundle, None);
    }
}
