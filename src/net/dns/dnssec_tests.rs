#![allow(clippy::unwrap_used)]

use super::*;
use hickory_resolver::proto::{
    dnssec::{
        Algorithm,
        Proof::{Bogus, Indeterminate, Insecure, Secure},
        rdata::{DNSSECRData, NSEC, RRSIG, SigInput},
    },
    op::OpCode,
    rr::rdata::{A, CNAME, NS},
};

const MX: &str = "mx.town.example.";
const ZONE: &str = "town.example.";

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn with(owner: &str, data: RData, proof: Proof) -> Record {
    let mut record = Record::from_rdata(name(owner), 60, data);
    record.proof = proof;
    record
}

fn a(owner: &str, proof: Proof) -> Record {
    with(owner, RData::A(A::new(192, 0, 2, 1)), proof)
}

fn alias(owner: &str, target: &str, proof: Proof) -> Record {
    with(owner, RData::CNAME(CNAME(name(target))), proof)
}

fn ns(owner: &str, proof: Proof) -> Record {
    with(owner, RData::NS(NS(name("ns.example."))), proof)
}

/// The signature of the town, for a name of so many labels.
fn signature_of(owner: &str, kind: RecordType, num_labels: u8) -> Record {
    let input = SigInput {
        type_covered: kind,
        algorithm: Algorithm::ECDSAP256SHA256,
        num_labels,
        original_ttl: 60,
        sig_expiration: 2_000_000_000.into(),
        sig_inception: 0.into(),
        key_tag: 1,
        signer_name: name(ZONE),
    };
    let rrsig = DNSSECRData::RRSIG(RRSIG::from_sig(input, vec![0; 64]));
    with(owner, RData::DNSSEC(rrsig), Secure)
}

fn nsec(owner: &str, next: &str) -> Vec<Record> {
    let nsec = DNSSECRData::NSEC(NSEC::new(name(next), [RecordType::MX]));
    let labels = name(owner).num_labels();
    vec![
        with(owner, RData::DNSSEC(nsec), Secure),
        signature_of(owner, RecordType::NSEC, labels),
    ]
}

/// What this says of the addresses of `mx.town.example`.
fn judged(answers: &[Record], authorities: &[Record], is_content: bool) -> Found {
    let mut message = Message::response(1, OpCode::Query);
    message.insert_answers(answers.to_vec());
    message.insert_authorities(authorities.to_vec());
    judge(&Query::query(name(MX), RecordType::A), &message, is_content)
}

#[test]
fn an_answer_is_as_good_as_the_worst_of_it() {
    let kind = RecordType::A;
    let whole = || signature_of(MX, kind, 3);
    let records = |found| match found {
        Found::Records(records, security) => Some((records.len(), security)),
        _ => None,
    };
    for (answers, expected) in [
        (vec![a(MX, Secure), whole()], Some((1, Security::Secure))),
        (
            vec![a("MX.Town.example.", Secure), a(MX, Secure), whole()],
            Some((2, Security::Secure)),
        ),
        (vec![a(MX, Insecure)], Some((1, Security::Insecure))),
        (vec![a(MX, Secure)], None),
        (vec![a(MX, Bogus)], None),
        (vec![a(MX, Indeterminate)], None),
        (vec![a(MX, Secure), a(MX, Bogus), whole()], None),
        (vec![a(ZONE, Secure), ns(MX, Secure)], None),
    ] {
        let found = judged(&answers, &[], false);
        assert_eq!(records(found), expected, "{answers:?}");
    }
    for (proof, signatures, expected) in [
        (Secure, 3, Found::Alias(name("x.evil."), Security::Secure)),
        (
            Insecure,
            3,
            Found::Alias(name("x.evil."), Security::Insecure),
        ),
        (Bogus, 3, Found::Bogus),
        // Made from a wildcard, without more.
        (Secure, 2, Found::Bogus),
    ] {
        let signature = signature_of(MX, RecordType::CNAME, signatures);
        let answers = [alias(MX, "x.evil.", proof), signature];
        // What lies beside it changes nothing.
        assert_eq!(judged(&answers, &[ns(".", Insecure)], true), expected);
    }
}

#[test]
fn a_wildcard_wants_proof_that_nothing_is_nearer() {
    let answers = [a(MX, Secure), signature_of(MX, RecordType::A, 2)];
    let records = |security| Found::Records(vec![a(MX, Secure)], security);
    assert_eq!(judged(&answers, &[], true), Found::Bogus);
    let proof = nsec("a.town.example.", "z.town.example.");
    assert_eq!(judged(&answers, &proof, false), records(Security::Secure));
    let elsewhere = nsec("a.town.example.", "b.town.example.");
    assert_eq!(judged(&answers, &elsewhere, true), Found::Bogus);
}

#[test]
fn that_there_is_nothing_wants_proof_about_the_name() {
    let nothing = |security| Found::Nothing(DnsFailure::NoRecords, security);
    let own = nsec(MX, "z.town.example.");
    assert_eq!(judged(&[], &own, false), nothing(Security::Secure));
    let beside = nsec("a.town.example.", "b.town.example.");
    assert_eq!(judged(&[], &beside, true), Found::Unproven);
    for owner in [MX, ZONE, "example.", "."] {
        let unsigned = judged(&[], &[ns(owner, Insecure)], false);
        assert_eq!(unsigned, nothing(Security::Insecure), "{owner}");
        for proof in [Bogus, Secure, Indeterminate] {
            assert_eq!(
                judged(&[], &[ns(owner, proof)], false),
                Found::Unproven,
                "{owner}"
            );
        }
    }
    // Somebody else's zone that is not signed says nothing of this one.
    for owner in ["evil.example.", "a.mx.town.example.", "wn.example."] {
        let unsigned = judged(&[], &[ns(owner, Insecure)], false);
        assert_eq!(unsigned, Found::Unproven, "{owner}");
    }
    assert_eq!(judged(&[], &[], true), nothing(Security::Insecure));
    assert_eq!(judged(&[], &[], false), Found::Unproven);
}

#[test]
fn aliases_vouch_for_the_names_they_lead_to() {
    use Security::{Insecure, Secure};
    for (alias, end, security, names) in [
        (None, Secure, Secure, vec!["mx.town.example"]),
        (None, Insecure, Insecure, vec![]),
        (
            Some(Secure),
            Secure,
            Secure,
            vec!["host.example", "mx.town.example"],
        ),
        (Some(Secure), Insecure, Insecure, vec!["mx.town.example"]),
        (Some(Insecure), Secure, Insecure, vec![]),
    ] {
        let mut trail = Trail::new(name(MX));
        if let Some(security) = alias {
            assert!(trail.follow(name("Host.example."), security));
        }
        trail.take(end);
        let checked = trail.checked(vec![()]);
        assert_eq!(
            (checked.security, checked.names.len()),
            (security, names.len())
        );
        assert_eq!(checked.names, names);
    }
    let mut trail = Trail::new(name(MX));
    for _ in 0..ALIASES_MAX {
        assert!(trail.follow(name(MX), Secure));
    }
    assert!(!trail.follow(name(MX), Secure), "an endless way");
}

#[test]
fn names_of_the_house_are_vouched_for_by_nobody() {
    for special in [
        "mx.invalid.",
        "LAN.",
        "mx.corp.",
        "printer.home.arpa.",
        "1.0.0.10.in-addr.arpa.",
        "1.0.31.172.in-addr.arpa.",
    ] {
        assert!(is_special(&name(special)), "{special}");
    }
    for usual in [
        ".",
        "arpa.",
        "example.",
        "mylan.",
        "lan.example.",
        "1.0.32.172.in-addr.arpa.",
        "110.in-addr.arpa.",
    ] {
        assert!(!is_special(&name(usual)), "{usual}");
    }
}
