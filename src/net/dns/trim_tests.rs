#![allow(clippy::unwrap_used)]

use super::*;
use hickory_resolver::proto::{
    dnssec::{
        Algorithm,
        rdata::{NSEC, SigInput},
    },
    op::{Message, OpCode, ResponseCode},
    rr::rdata::{A, CNAME, NS},
};

const NAME: &str = "_25._tcp.mx.town.example.";

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), 60, data)
}

fn a(owner: &str) -> Record {
    record(owner, RData::A(A::new(192, 0, 2, 1)))
}

fn ns(owner: &str) -> Record {
    record(owner, RData::NS(NS(name("ns.example."))))
}

fn alias(owner: &str, target: &str) -> Record {
    record(owner, RData::CNAME(CNAME(name(target))))
}

fn nsec(owner: &str, next: &str) -> Record {
    let nsec = NSEC::new(name(next), [RecordType::A]);
    record(owner, RData::DNSSEC(DNSSECRData::NSEC(nsec)))
}

fn signed_by(signer: &str, owner: &str, kind: RecordType) -> Record {
    let input = SigInput {
        type_covered: kind,
        algorithm: Algorithm::ECDSAP256SHA256,
        num_labels: name(owner).num_labels(),
        original_ttl: 60,
        sig_expiration: 2_000_000_000.into(),
        sig_inception: 0.into(),
        key_tag: 1,
        signer_name: name(signer),
    };
    let rrsig = RRSIG::from_sig(input, vec![0; 64]);
    record(owner, RData::DNSSEC(DNSSECRData::RRSIG(rrsig)))
}

fn asked(owner: &str, kind: RecordType) -> Query {
    Query::query(name(owner), kind)
}

/// What is left of a response, as owners and kinds.
fn left(question: &Query, answers: &[Record], authorities: &[Record]) -> Vec<String> {
    let mut message = Message::response(1, OpCode::Query);
    message.add_query(question.clone());
    message.insert_answers(answers.to_vec());
    message.insert_authorities(authorities.to_vec());
    message.insert_additionals(vec![a("ns.example.")]);
    let mut response = DnsResponse::from_message(message).unwrap();
    trim_response(question, &mut response).unwrap();
    let sections = response.all_sections();
    sections
        .map(|it| format!("{} {}", it.name, covered(it)))
        .collect()
}

#[test]
fn of_the_answers_stays_what_was_asked_for() {
    let kind = RecordType::A;
    let mx = "mx.town.example.";
    let question = asked(mx, kind);
    let own = [a(mx), signed_by("town.example.", mx, kind)];
    assert_eq!(left(&question, &own, &[]).len(), 2);
    let foreign = [
        a("evil."),
        signed_by("evil.", mx, kind),
        ns(mx),
        own[0].clone(),
    ];
    assert_eq!(left(&question, &foreign, &[]), [format!("{mx} A")]);
    // An alias alone, not what it leads to: that is asked for by itself.
    let chain = [
        alias(mx, "x.evil."),
        alias("x.evil.", "y.evil."),
        a("y.evil."),
    ];
    assert_eq!(left(&question, &chain, &[]), [format!("{mx} CNAME")]);
}

#[test]
fn a_ds_record_is_the_name_s_and_its_parent_s() {
    let kind = RecordType::DS;
    let town = "town.example.";
    let question = asked(town, kind);
    // Anything will do for a DS record here.
    let foreign = [
        signed_by("aaa.", "x.aaa.", kind),
        signed_by("aaa.", town, kind),
    ];
    assert!(left(&question, &foreign, &[]).is_empty());
    assert!(left(&question, &[signed_by(town, town, kind)], &[]).is_empty());
    assert_eq!(
        left(&question, &[signed_by("example.", town, kind)], &[]).len(),
        1
    );
    assert!(left(&question, &[alias(town, "x.aaa.")], &[]).is_empty());
    // The child has nothing to say about it.
    assert!(left(&question, &[], &[ns(town)]).is_empty());
    let of_child = [
        nsec(town, "a.town.example."),
        signed_by(town, town, RecordType::NSEC),
    ];
    assert!(left(&question, &[], &of_child).is_empty());
}

#[test]
fn denials_are_of_the_zone_or_one_above() {
    let kind = RecordType::NSEC;
    let question = asked(NAME, RecordType::TLSA);
    let of = |owner: &str, signer: &str| [nsec(owner, "zzz."), signed_by(signer, owner, kind)];
    for (owner, signer) in [
        ("mx.town.example.", "town.example."),
        ("other.town.example.", "town.example."),
        ("town.example.", "example."),
        ("aaa.", "."),
    ] {
        assert_eq!(left(&question, &[], &of(owner, signer)).len(), 2, "{owner}");
    }
    for (owner, signer) in [
        ("aaa.", "aaa."),
        ("aaa.", "town.example."),
        ("town.example.", "aaa."),
        ("a.mx.town.example.", "a.mx.town.example."),
    ] {
        assert!(
            left(&question, &[], &of(owner, signer)).is_empty(),
            "{owner}"
        );
    }
    let mut two = of("aaa.", "aaa.").to_vec();
    two.push(signed_by(".", "aaa.", kind));
    assert!(left(&question, &[], &two).is_empty(), "signed by two");
    assert!(
        left(&question, &[], &[nsec("aaa.", "zzz.")]).is_empty(),
        "unsigned"
    );
    let nsec3 = |signer| {
        signed_by(
            signer,
            "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.aaa.",
            RecordType::NSEC3,
        )
    };
    for signer in ["aaa.", ".", "town.example."] {
        assert!(
            left(&question, &[], &[nsec3(signer)]).is_empty(),
            "{signer}"
        );
    }
}

#[test]
fn nothing_is_said_beside_the_answer_of_others() {
    let question = asked(NAME, RecordType::TLSA);
    for above in [".", "example.", "town.example.", "mx.town.example.", NAME] {
        assert_eq!(left(&question, &[], &[ns(above)]), [format!("{above} NS")]);
    }
    for other in ["evil.", "evil.example.", "a._25._tcp.mx.town.example."] {
        assert!(
            left(&question, &[], &[ns(other), a(other)]).is_empty(),
            "{other}"
        );
    }
}

#[test]
fn a_denial_that_comes_as_an_error_is_trimmed_alike() {
    let question = asked(NAME, RecordType::TLSA);
    let mut none = NoRecords::new(question.clone(), ResponseCode::NXDomain);
    none.authorities = Some(vec![ns("evil."), ns("town.example.")].into());
    trim_denial(&question, &mut none).unwrap();
    assert_eq!(none.authorities.unwrap().to_vec(), [ns("town.example.")]);
    let mut other = NoRecords::new(asked("evil.", RecordType::TLSA), ResponseCode::NXDomain);
    assert!(trim_denial(&question, &mut other).is_err());
}

#[test]
fn an_answer_to_another_question_is_none() {
    let question = asked(NAME, RecordType::TLSA);
    for queries in [
        vec![],
        vec![asked("evil.", RecordType::TLSA)],
        vec![asked(NAME, RecordType::A)],
        vec![question.clone(), question.clone()],
    ] {
        let mut message = Message::response(1, OpCode::Query);
        message.queries = queries;
        let mut response = DnsResponse::from_message(message).unwrap();
        assert!(trim_response(&question, &mut response).is_err());
    }
}
