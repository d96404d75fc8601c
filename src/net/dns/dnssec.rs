//! How far DNSSEC vouches for an answer (RFC 4035 section 4.3), told from what the resolver has
//! proven of each record. Pure.
//!
//! We validate by ourselves and do not go by the AD bit of the system's resolver: that would have
//! to be a validating one with nobody in between (RFC 7672 section 2.1.3), and that it listens on
//! the loopback says neither. What listens there in a container, or as systemd-resolved, passes on
//! what it is told.
//!
//! hickory proves record by record; what follows for the answer is looked at here. It takes a
//! denial for proven when all that stands beside it is unsigned, whosever it is, an expanded
//! wildcard as well, and keeps with an answer aliases of other names that led to it before.

use hickory_resolver::{
    net::NoRecords,
    proto::{
        dnssec::{Proof, rdata::DNSSECRData},
        rr::{Name, RData, Record, RecordType},
    },
};

use super::DnsFailure;

/// Most aliases (CNAME) followed from one name.
pub(super) const ALIASES_MAX: usize = 8;
/// Top-level names of which the resolver asks nobody (RFC 6761, RFC 7686).
const SPECIAL: [&str; 3] = ["invalid", "localhost", "onion"];

/// Whether DNSSEC vouches for something. What should be vouched for and is not ("bogus",
/// "indeterminate") is no answer: [`DnsFailure::Bogus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Security {
    /// It is known that it is not signed, or nobody has looked.
    Insecure,
    /// It is signed, and all is well up to the trust anchor.
    Secure,
}

/// An answer, and how far DNSSEC vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked<T> {
    /// What was asked for; none, where that is an answer.
    pub records: Vec<T>,
    /// Of the records and of every alias on the way to them.
    pub security: Security,
    /// The name that was asked about, if DNSSEC vouches for what it has, records or an alias;
    /// before it the name at the end of the aliases, if DNSSEC vouches for them and the records,
    /// too (RFC 7671 section 7). In lower case, without the final dot.
    pub names: Vec<String>,
}

impl<T> Checked<T> {
    /// What nobody vouches for.
    #[must_use]
    pub const fn insecure(records: Vec<T>) -> Self {
        Self {
            records,
            security: Security::Insecure,
            names: Vec::new(),
        }
    }

    /// The same of an answer for which it counts that there are no records.
    ///
    /// # Errors
    /// As it was, otherwise.
    pub fn unchecked(answer: Result<Vec<T>, DnsFailure>) -> Result<Self, DnsFailure> {
        match answer {
            Ok(records) => Ok(Self::insecure(records)),
            Err(DnsFailure::NoRecords) => Ok(Self::insecure(Vec::new())),
            Err(failure) => Err(failure),
        }
    }
}

/// A name that is followed through its aliases.
#[derive(Debug, Clone)]
pub(super) struct Trail {
    origin: Name,
    at: Name,
    /// Of the first record: an alias, or what was asked for.
    own: Option<Security>,
    /// Of all so far.
    all: Security,
    aliases: usize,
}

impl Trail {
    pub(super) fn new(origin: Name) -> Self {
        Self {
            at: origin.clone(),
            origin,
            own: None,
            all: Security::Secure,
            aliases: 0,
        }
    }

    /// Where the aliases have led so far.
    pub(super) const fn at(&self) -> &Name {
        &self.at
    }

    /// Goes on to where the alias leads that is among the records; false if there is none, or one
    /// that nobody vouches for though somebody should.
    pub(super) fn follow(&mut self, answers: &[Record]) -> bool {
        let alias = answers.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if is_same(&record.name, &self.at) => Some((record, &target.0)),
            _ => None,
        });
        let Some((alias, target)) = alias.filter(|_| self.aliases < ALIASES_MAX) else {
            return false;
        };
        let Some(security) = security_of(alias) else {
            return false;
        };
        self.take(security);
        self.aliases += 1;
        self.at = target.clone();
        true
    }

    /// The records of a kind that the name has, wherever its aliases lead within the answer; `None`
    /// if there are none, or some that should be vouched for and are not.
    pub(super) fn end<'a>(
        mut self,
        kind: RecordType,
        answers: &'a [Record],
        authorities: &[Record],
    ) -> Option<(Self, Vec<&'a Record>)> {
        while self.follow(answers) {}
        let is_ours =
            |record: &&Record| record.record_type() == kind && is_same(&record.name, &self.at);
        let records: Vec<&Record> = answers.iter().filter(is_ours).collect();
        let securities = records.iter().map(|record| security_of(record));
        let security = securities.min().flatten()?;
        // RFC 4035 section 5.3.4: nothing nearer than the wildcard may be there.
        let is_bare = is_expanded(answers, &self.at, kind) && !has_denial(authorities);
        if security == Security::Secure && is_bare {
            return None;
        }
        self.take(security);
        Some((self, records))
    }

    /// The answer that was found at the end.
    pub(super) fn checked<T>(self, records: Vec<T>) -> Checked<T> {
        let mut names = Vec::new();
        if self.own == Some(Security::Secure) {
            if self.all == Security::Secure && self.aliases > 0 {
                names.push(host_name(&self.at));
            }
            names.push(host_name(&self.origin));
        }
        Checked {
            records,
            security: self.all,
            names,
        }
    }

    /// What vouches for there being nothing; `None` if nobody does though somebody should, or it
    /// cannot be seen.
    pub(super) fn denial(&self, none: &NoRecords) -> Option<Security> {
        let special = host_name(&self.at);
        let top = special.rsplit('.').next().unwrap_or_default();
        if SPECIAL.contains(&top) {
            return Some(Security::Insecure);
        }
        let authorities = none.authorities.as_deref().unwrap_or_default();
        if has_denial(authorities) {
            return Some(self.all);
        }
        // Only what stands above the name tells that its zone is not signed.
        let is_unsigned =
            |record: &Record| record.proof == Proof::Insecure && record.name.zone_of(&self.at);
        authorities
            .iter()
            .any(is_unsigned)
            .then_some(Security::Insecure)
    }

    fn take(&mut self, security: Security) {
        self.own.get_or_insert(security);
        self.all = self.all.min(security);
    }
}

/// `None` for what is bogus. Records of the hosts file, which nobody has looked at, count as
/// insecure; an answer of the validating resolver has no others of that kind.
fn security_of(record: &Record) -> Option<Security> {
    match record.proof {
        Proof::Secure => Some(Security::Secure),
        Proof::Insecure | Proof::Indeterminate => Some(Security::Insecure),
        Proof::Bogus => None,
    }
}

/// Whether the records were made from a wildcard (RFC 4035 section 5.3.2).
fn is_expanded(answers: &[Record], name: &Name, kind: RecordType) -> bool {
    answers.iter().any(|record| match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => {
            let input = signature.input();
            input.type_covered == kind
                && is_same(&record.name, name)
                && input.num_labels < record.name.num_labels()
        }
        _ => false,
    })
}

/// Whether a proven denial is there. The resolver has looked at whether it denies what was asked.
fn has_denial(authorities: &[Record]) -> bool {
    authorities.iter().any(|record| {
        let is_denial = matches!(record.record_type(), RecordType::NSEC | RecordType::NSEC3);
        is_denial && record.proof == Proof::Secure
    })
}

/// The same labels, whatever their case.
fn is_same(one: &Name, other: &Name) -> bool {
    one.zone_of(other) && other.zone_of(one)
}

/// In lower case, without the final dot.
pub(super) fn host_name(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use hickory_resolver::proto::dnssec::Proof::{Bogus, Indeterminate, Insecure, Secure};
    use hickory_resolver::proto::dnssec::rdata::NSEC;
    use hickory_resolver::proto::{
        op::{Query, ResponseCode},
        rr::rdata::{A, CNAME, NS},
    };

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

    /// How `mx.town.example` comes off with this answer.
    fn found(answers: &[Record]) -> Option<(Security, Vec<String>, usize)> {
        let trail = Trail::new(name("mx.town.example."));
        let (trail, records) = trail.end(RecordType::A, answers, &[])?;
        let checked = trail.checked(records);
        Some((checked.security, checked.names, checked.records.len()))
    }

    #[test]
    fn an_answer_is_as_good_as_the_worst_on_the_way_to_it() {
        let mx = "mx.town.example.";
        let named = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        let both = named(&["host.example", "mx.town.example"]);
        let own = named(&["mx.town.example"]);
        for (answers, expected) in [
            (vec![a(mx, Secure)], (Security::Secure, own.clone(), 1)),
            (
                vec![a("MX.Town.example.", Secure), a(mx, Secure)],
                (Security::Secure, own.clone(), 2),
            ),
            (vec![a(mx, Insecure)], (Security::Insecure, vec![], 1)),
            (vec![a(mx, Indeterminate)], (Security::Insecure, vec![], 1)),
            (
                vec![
                    a("host.example.", Secure),
                    alias(mx, "Host.example.", Secure),
                ],
                (Security::Secure, both, 1),
            ),
            (
                vec![
                    alias(mx, "host.example.", Secure),
                    a("host.example.", Insecure),
                ],
                (Security::Insecure, own.clone(), 1),
            ),
            (
                vec![
                    alias(mx, "host.example.", Insecure),
                    a("host.example.", Secure),
                ],
                (Security::Insecure, vec![], 1),
            ),
            // How others came to the same answer before is not our way.
            (
                vec![alias("evil.example.", mx, Insecure), a(mx, Secure)],
                (Security::Secure, own, 1),
            ),
        ] {
            assert_eq!(found(&answers), Some(expected), "{answers:?}");
        }
    }

    #[test]
    fn what_is_bogus_or_about_something_else_is_no_answer() {
        let mx = "mx.town.example.";
        for answers in [
            vec![],
            vec![a(mx, Bogus)],
            vec![a(mx, Secure), a(mx, Bogus)],
            vec![a("town.example.", Secure)],
            vec![with(mx, RData::NS(NS(name("ns.example."))), Secure)],
            vec![
                alias(mx, "host.example.", Bogus),
                a("host.example.", Secure),
            ],
            vec![alias(mx, "host.example.", Secure)],
            vec![
                alias(mx, "host.example.", Secure),
                a("host.example.", Bogus),
            ],
            vec![alias(mx, mx, Secure)],
        ] {
            assert_eq!(found(&answers), None, "{answers:?}");
        }
        let long: Vec<Record> = (0..20)
            .map(|n| {
                alias(
                    &format!("n{n}.example."),
                    &format!("n{}.example.", n + 1),
                    Secure,
                )
            })
            .chain([alias(mx, "n0.example.", Secure), a("n20.example.", Secure)])
            .collect();
        assert_eq!(found(&long), None, "an endless way");
    }

    #[test]
    fn that_there_is_nothing_wants_proof_about_the_name() {
        let beside = |owner: &str, proof| with(owner, RData::NS(NS(name("ns.example."))), proof);
        let nsec = NSEC::new(name("x.example."), [RecordType::A]);
        let nsec = |proof| with(".", RData::DNSSEC(DNSSECRData::NSEC(nsec.clone())), proof);
        let trail = Trail::new(name("_25._tcp.mx.town.example."));
        let denial = |authorities: Vec<Record>| {
            let mut none = NoRecords::new(Query::default(), ResponseCode::NoError);
            none.authorities = (!authorities.is_empty()).then(|| authorities.into());
            trail.denial(&none)
        };
        for owner in ["mx.town.example.", "town.example.", "example.", "."] {
            let unsigned = denial(vec![beside(owner, Insecure)]);
            assert_eq!(unsigned, Some(Security::Insecure), "{owner}");
            assert_eq!(denial(vec![beside(owner, Bogus)]), None, "{owner}");
            assert_eq!(denial(vec![beside(owner, Secure)]), None, "{owner}");
            let proven = denial(vec![beside(owner, Secure), nsec(Secure)]);
            assert_eq!(proven, Some(Security::Secure), "{owner}");
            assert_eq!(denial(vec![nsec(Bogus)]), None, "{owner}");
        }
        // Somebody else's zone that is not signed says nothing of this one.
        for owner in ["evil.example.", "a.mx.town.example.", "wn.example."] {
            assert_eq!(denial(vec![beside(owner, Insecure)]), None, "{owner}");
        }
        assert_eq!(denial(vec![]), None);
        let special = Trail::new(name("mx.invalid."));
        let none = NoRecords::new(Query::default(), ResponseCode::NXDomain);
        assert_eq!(special.denial(&none), Some(Security::Insecure));
    }
}
