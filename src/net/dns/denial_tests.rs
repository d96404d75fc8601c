#![allow(clippy::unwrap_used)]

use super::*;
use hickory_resolver::proto::dnssec::{
    Algorithm, Nsec3HashAlgorithm,
    rdata::{RRSIG, SigInput},
};

const ZONE: &str = "town.example.";

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// A record and its signature, both proven.
fn proven(signer: &str, owner: &Name, data: DNSSECRData, kind: RecordType) -> Vec<Record> {
    let input = SigInput {
        type_covered: kind,
        algorithm: Algorithm::ECDSAP256SHA256,
        num_labels: owner.num_labels(),
        original_ttl: 60,
        sig_expiration: 2_000_000_000.into(),
        sig_inception: 0.into(),
        key_tag: 1,
        signer_name: name(signer),
    };
    let rrsig = DNSSECRData::RRSIG(RRSIG::from_sig(input, vec![0; 64]));
    [data, rrsig]
        .map(|data| {
            let mut record = Record::from_rdata(owner.clone(), 60, RData::DNSSEC(data));
            record.proof = Proof::Secure;
            record
        })
        .to_vec()
}

fn nsec(signer: &str, owner: &str, next: &str, kinds: &[RecordType]) -> Vec<Record> {
    let nsec = NSEC::new(name(next), kinds.iter().copied());
    proven(
        signer,
        &name(owner),
        DNSSECRData::NSEC(nsec),
        RecordType::NSEC,
    )
}

/// How a zone hashes.
#[derive(Clone, Copy)]
struct Chain {
    iterations: u16,
    opt_out: bool,
}

const PLAIN: Chain = Chain {
    iterations: 0,
    opt_out: false,
};

impl Chain {
    fn hash(self, owner: &str) -> Vec<u8> {
        let hashed = Nsec3HashAlgorithm::SHA1.hash(&[], &name(owner), self.iterations);
        hashed.unwrap().as_ref().to_vec()
    }

    /// At the name itself, or spanning it with nothing beside it.
    fn nsec3(self, signer: &str, about: &str, kinds: Option<&[RecordType]>) -> Vec<Record> {
        let (mut from, mut to) = (self.hash(about), self.hash(about));
        if kinds.is_none() {
            from.pop();
        }
        to.push(0);
        let label = BASE32_DNSSEC.encode(&from);
        let owner = name(signer).prepend_label(label.as_str()).unwrap();
        let kinds = kinds.unwrap_or_default().iter().copied();
        let algorithm = Nsec3HashAlgorithm::SHA1;
        let nsec3 = NSEC3::new(algorithm, self.opt_out, self.iterations, vec![], to, kinds);
        proven(signer, &owner, DNSSECRData::NSEC3(nsec3), RecordType::NSEC3)
    }
}

fn found(owner: &str, kind: RecordType, authorities: &[Vec<Record>]) -> Option<(Denied, Security)> {
    denied(&Query::query(name(owner), kind), &authorities.concat())
}

use Denied::{Kind, Name as NoName};
use RecordType::{CNAME, DNAME, NS, SOA, TLSA};
use Security::{Insecure, Secure};

#[test]
fn nsec_records_deny_within_their_zone() {
    let asked = "a.b.town.example.";
    let apex = || nsec(ZONE, ZONE, "m.town.example.", &[NS, SOA]);
    for (authorities, expected) in [
        (
            vec![nsec(ZONE, asked, "c.town.example.", &[SOA])],
            Some(Kind),
        ),
        (vec![nsec(ZONE, asked, "c.town.example.", &[TLSA])], None),
        (vec![nsec(ZONE, asked, "c.town.example.", &[CNAME])], None),
        // That of the parent where a zone of its own begins.
        (vec![nsec(ZONE, asked, "c.town.example.", &[NS])], None),
        (vec![apex()], Some(NoName)),
        // Something is below it.
        (
            vec![nsec(ZONE, ZONE, "x.a.b.town.example.", &[])],
            Some(Kind),
        ),
        // The wildcard is not denied, or is there.
        (
            vec![nsec(ZONE, "a.town.example.", "c.town.example.", &[])],
            None,
        ),
        (
            vec![
                nsec(ZONE, "a.town.example.", "c.town.example.", &[]),
                nsec(ZONE, "*.town.example.", "a.town.example.", &[SOA]),
            ],
            Some(Kind),
        ),
        (
            vec![
                nsec(ZONE, "a.town.example.", "c.town.example.", &[]),
                nsec(ZONE, "*.town.example.", "a.town.example.", &[TLSA]),
            ],
            None,
        ),
        // The last of the zone, and one that only looks like it.
        (
            vec![nsec(ZONE, "a.town.example.", ZONE, &[]), apex()],
            Some(NoName),
        ),
        (vec![nsec(ZONE, "a.town.example.", "example.", &[])], None),
        // Of another zone, whatever it spans.
        (vec![nsec("aaa.", "aaa.", "zzz.", &[NS, SOA])], None),
        // RFC 6840 section 4.1.
        (vec![nsec("example.", ZONE, "zzz.example.", &[NS])], None),
        (vec![nsec(ZONE, "b.town.example.", ZONE, &[DNAME])], None),
        (vec![], None),
    ] {
        let expected = expected.map(|denied| (denied, Secure));
        assert_eq!(
            found(asked, TLSA, &authorities),
            expected,
            "{authorities:?}"
        );
    }
    let mut bogus = apex();
    bogus[0].proof = Proof::Bogus;
    assert_eq!(found(asked, TLSA, &[bogus]), None);
}

#[test]
fn nsec3_records_deny_within_their_zone() {
    let asked = "a.b.town.example.";
    let of = |about, kinds| PLAIN.nsec3(ZONE, about, kinds);
    let apex = || of(ZONE, Some(&[NS, SOA]));
    let next_closer = || of("b.town.example.", None);
    for (authorities, expected) in [
        (vec![of(asked, Some(&[SOA]))], Some((Kind, Secure))),
        (vec![of(asked, Some(&[TLSA]))], None),
        (vec![of(asked, Some(&[NS]))], None),
        (
            vec![apex(), next_closer(), of("*.town.example.", None)],
            Some((NoName, Secure)),
        ),
        (
            vec![apex(), next_closer(), of("*.town.example.", Some(&[SOA]))],
            Some((Kind, Secure)),
        ),
        (
            vec![apex(), next_closer(), of("*.town.example.", Some(&[TLSA]))],
            None,
        ),
        (vec![apex(), next_closer()], None),
        (vec![apex(), of("*.town.example.", None)], None),
        // Below a delegation.
        (
            vec![
                of("b.town.example.", Some(&[NS])),
                of(asked, None),
                of("*.b.town.example.", None),
            ],
            None,
        ),
        (vec![PLAIN.nsec3("aaa.", asked, None)], None),
    ] {
        assert_eq!(
            found(asked, TLSA, &authorities),
            expected,
            "{authorities:?}"
        );
    }
    let open = Chain {
        opt_out: true,
        ..PLAIN
    };
    let opted = [
        open.nsec3(ZONE, "b.town.example.", None),
        open.nsec3(ZONE, "*.town.example.", None),
    ];
    assert_eq!(found(asked, TLSA, &opted), Some((NoName, Insecure)));
    let costly = Chain {
        iterations: ITERATIONS_MAX + 1,
        ..PLAIN
    };
    let own = costly.nsec3(ZONE, "c.town.example.", None);
    assert_eq!(found(asked, TLSA, &[own]), Some((Kind, Insecure)));
    let foreign = costly.nsec3("aaa.", "c.aaa.", None);
    assert_eq!(found(asked, TLSA, &[foreign]), None);
}

#[test]
fn a_wildcard_stands_in_where_nothing_is_nearer() {
    let asked = name("a.b.town.example.");
    let proof =
        |authorities: &[Vec<Record>]| no_nearer(&asked, 2, &name(ZONE), &authorities.concat());
    let spanning = nsec(ZONE, "a.town.example.", "c.town.example.", &[]);
    assert_eq!(proof(&[spanning]), Some(Secure));
    let nearer = nsec(ZONE, "a.town.example.", "c.b.town.example.", &[]);
    assert_eq!(proof(&[nearer]), None);
    let parents = nsec("example.", "a.example.", "z.example.", &[]);
    assert_eq!(proof(&[parents]), None);
    let next_closer = PLAIN.nsec3(ZONE, "b.town.example.", None);
    assert_eq!(proof(&[next_closer]), Some(Secure));
    let name_alone = PLAIN.nsec3(ZONE, "a.b.town.example.", None);
    assert_eq!(proof(&[name_alone]), None);
    assert_eq!(proof(&[]), None);
}
