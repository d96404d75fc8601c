//! What NSEC and NSEC3 records prove (RFC 4035 section 5.4, RFC 5155 section 8, RFC 6840 section
//! 4). Pure.
//!
//! hickory has proven the records; what they say about a name is looked at here. Its own check
//! does not tie a denial to a zone and turns honest wildcards of zones with NSEC records down.

use data_encoding::BASE32_DNSSEC;
use hickory_resolver::proto::{
    dnssec::{
        Proof,
        rdata::{DNSSECRData, NSEC, NSEC3},
    },
    op::Query,
    rr::{Name, RData, Record, RecordType},
};

use super::{
    dnssec::{Security, is_same},
    trim::{ITERATIONS_MAX, signature},
};

/// What is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// The name.
    Name,
    /// Records of the kind; an alias neither.
    Kind,
}

/// What is proven not to be there, and whether it is more than that nobody has to prove it: the
/// name may be delegated without a signature, or the zone asks for more than we compute.
pub(super) fn denied(question: &Query, authorities: &[Record]) -> Option<(Denied, Security)> {
    let zones = Zone::all(question.name(), authorities);
    zones.iter().find_map(|zone| zone.denied(question))
}

/// Whether it is proven by the signer of records that were made from the wildcard of a name with so
/// many labels that the name has no nearer one, and does not exist itself (RFC 4035 section 5.3.4,
/// RFC 5155 section 8.8).
pub(super) fn no_nearer(
    name: &Name,
    labels: u8,
    signer: &Name,
    authorities: &[Record],
) -> Option<Security> {
    let next_closer = name.trim_to(usize::from(labels) + 1);
    let zones = Zone::all(name, authorities);
    let mut zones = zones.iter().filter(|zone| is_same(zone.apex, signer));
    zones.find_map(|zone| zone.absent(&next_closer))
}

/// Whether something is proven to deny anything.
pub(super) fn has_denials(authorities: &[Record]) -> bool {
    authorities.iter().any(|record| {
        let is_denial = matches!(record.record_type(), RecordType::NSEC | RecordType::NSEC3);
        is_denial && record.proof == Proof::Secure
    })
}

/// The proven denials of a zone.
struct Zone<'a> {
    apex: &'a Name,
    nsecs: Vec<(&'a Name, &'a NSEC)>,
    nsec3s: Vec<(Vec<u8>, &'a NSEC3)>,
}

impl<'a> Zone<'a> {
    /// Of each zone at or above the name.
    fn all(name: &Name, authorities: &'a [Record]) -> Vec<Self> {
        let mut zones: Vec<Self> = Vec::new();
        for record in authorities.iter().filter(|it| it.proof == Proof::Secure) {
            let Some(apex) = signer_of(record, authorities) else {
                continue;
            };
            if !apex.zone_of(name) || !apex.zone_of(&record.name) {
                continue;
            }
            let known = zones.iter().position(|zone| is_same(zone.apex, apex));
            let at = known.unwrap_or_else(|| {
                zones.push(Zone {
                    apex,
                    nsecs: Vec::new(),
                    nsec3s: Vec::new(),
                });
                zones.len() - 1
            });
            zones[at].take(record);
        }
        zones
    }

    fn take(&mut self, record: &'a Record) {
        match &record.data {
            RData::DNSSEC(DNSSECRData::NSEC(nsec)) => self.nsecs.push((&record.name, nsec)),
            RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) => {
                let hash = record.name.iter().next();
                let hash = hash.and_then(|label| BASE32_DNSSEC.decode(label).ok());
                let is_its = is_same(&record.name.base_name(), self.apex);
                if let Some(hash) = hash.filter(|_| is_its) {
                    self.nsec3s.push((hash, nsec3));
                }
            }
            _ => {}
        }
    }

    fn denied(&self, question: &Query) -> Option<(Denied, Security)> {
        self.denied_by_nsec(question)
            .map(|denied| (denied, Security::Secure))
            .or_else(|| self.denied_by_nsec3(question))
    }

    /// Whether there is no such name, and none below it.
    fn absent(&self, name: &Name) -> Option<Security> {
        let is_absent = |(_, nsec): &(&Name, &NSEC)| !name.zone_of(nsec.next_domain_name());
        if self.nsec_over(name).is_some_and(|it| is_absent(&it)) {
            return Some(Security::Secure);
        }
        let hashing = Hashing::of(&self.nsec3s)?;
        if hashing.is_too_much() {
            return Some(Security::Insecure);
        }
        hashing.over(name).map(opted)
    }

    fn denied_by_nsec(&self, question: &Query) -> Option<Denied> {
        let (name, kind) = (question.name(), question.query_type());
        if let Some(nsec) = self.nsec_of(name) {
            return lacks(|it| nsec.type_set().contains(it), kind).then_some(Denied::Kind);
        }
        let (owner, nsec) = self.nsec_over(name)?;
        let next = nsec.next_domain_name();
        if name.zone_of(next) {
            // It has nothing but names below it.
            return Some(Denied::Kind);
        }
        let encloser = name.trim_to(common(name, owner).max(common(name, next)));
        let wildcard = encloser.prepend_label("*").ok()?;
        if let Some(nsec) = self.nsec_of(&wildcard) {
            return lacks(|it| nsec.type_set().contains(it), kind).then_some(Denied::Kind);
        }
        let (_, nsec) = self.nsec_over(&wildcard)?;
        Some(if wildcard.zone_of(nsec.next_domain_name()) {
            Denied::Kind
        } else {
            Denied::Name
        })
    }

    fn nsec_of(&self, name: &Name) -> Option<&'a NSEC> {
        let mut nsecs = self.nsecs.iter();
        nsecs.find_map(|(owner, nsec)| is_same(owner, name).then_some(*nsec))
    }

    /// The one that spans the name.
    fn nsec_over(&self, name: &Name) -> Option<(&'a Name, &'a NSEC)> {
        self.nsecs.iter().copied().find(|(owner, nsec)| {
            // RFC 6840 section 4.1: nothing is said about what lies below a delegation.
            let is_below = nsec.is_ancestor_delegation() && owner.zone_of(name);
            let next = nsec.next_domain_name();
            let is_last = next <= *owner && is_same(next, self.apex);
            self.apex.zone_of(name) && !is_below && name > *owner && (name < next || is_last)
        })
    }

    fn denied_by_nsec3(&self, question: &Query) -> Option<(Denied, Security)> {
        let (name, kind) = (question.name(), question.query_type());
        let hashing = Hashing::of(&self.nsec3s)?;
        if hashing.is_too_much() {
            return Some((Denied::Kind, Security::Insecure));
        }
        if let Some(nsec3) = hashing.at(name) {
            let is_lacking = lacks(|it| nsec3.type_set().contains(it), kind);
            return is_lacking.then_some((Denied::Kind, Security::Secure));
        }
        let (encloser, next_closer) = self.closest_encloser(name, &hashing)?;
        let security = opted(hashing.over(&next_closer)?);
        let wildcard = encloser.prepend_label("*").ok()?;
        if let Some(nsec3) = hashing.at(&wildcard) {
            let is_lacking = lacks(|it| nsec3.type_set().contains(it), kind);
            return is_lacking.then_some((Denied::Kind, security));
        }
        hashing.over(&wildcard)?;
        Some((Denied::Name, security))
    }

    /// The nearest name above that exists, and the one below that towards the name (RFC 5155
    /// section 8.3). That the zone's own exists needs no proof.
    fn closest_encloser(&self, name: &Name, hashing: &Hashing<'_>) -> Option<(Name, Name)> {
        let apex = labels(self.apex);
        for count in (apex..labels(name)).rev() {
            let candidate = name.trim_to(count);
            let found = hashing.at(&candidate);
            if found.is_some_and(NSEC3::is_ancestor_delegation) {
                return None;
            }
            if found.is_some() || count == apex {
                return Some((candidate, name.trim_to(count + 1)));
            }
        }
        None
    }
}

/// The NSEC3 records of a zone, and how they hash.
struct Hashing<'a> {
    records: &'a [(Vec<u8>, &'a NSEC3)],
    first: &'a NSEC3,
}

impl<'a> Hashing<'a> {
    /// `None` also if they do not hash alike (RFC 5155 section 8.2).
    fn of(records: &'a [(Vec<u8>, &'a NSEC3)]) -> Option<Self> {
        let (_, first) = *records.first()?;
        let is_alike = records.iter().all(|(_, it)| {
            it.hash_algorithm() == first.hash_algorithm()
                && it.salt() == first.salt()
                && it.iterations() == first.iterations()
        });
        is_alike.then_some(Self { records, first })
    }

    fn is_too_much(&self) -> bool {
        self.first.iterations() > ITERATIONS_MAX
    }

    fn hash(&self, name: &Name) -> Option<Vec<u8>> {
        let (salt, iterations) = (self.first.salt(), self.first.iterations());
        let hashed = self.first.hash_algorithm().hash(salt, name, iterations);
        hashed.ok().map(|digest| digest.as_ref().to_vec())
    }

    fn at(&self, name: &Name) -> Option<&'a NSEC3> {
        let hash = self.hash(name)?;
        let mut records = self.records.iter();
        records.find_map(|(owner, nsec3)| (*owner == hash).then_some(*nsec3))
    }

    /// The one that spans the name.
    fn over(&self, name: &Name) -> Option<&'a NSEC3> {
        let hash = self.hash(name)?;
        let mut records = self.records.iter();
        records.find_map(|(owner, nsec3)| {
            let next = nsec3.next_hashed_owner_name();
            let (is_after, is_before) = (hash > *owner, hash.as_slice() < next);
            let is_spanned = if owner.as_slice() < next {
                is_after && is_before
            } else {
                is_after || is_before
            };
            is_spanned.then_some(*nsec3)
        })
    }
}

/// RFC 5155 section 9.2: what is spanned with the opt-out flag may be delegated without signature.
fn opted(nsec3: &NSEC3) -> Security {
    if nsec3.opt_out() {
        Security::Insecure
    } else {
        Security::Secure
    }
}

/// Whether a name with these kinds has neither records of the kind nor an alias. The parent's list
/// says nothing of what is delegated but for DS records (RFC 6840 section 4.1).
fn lacks(has: impl Fn(RecordType) -> bool, kind: RecordType) -> bool {
    let is_delegated = has(RecordType::NS) && !has(RecordType::SOA) && kind != RecordType::DS;
    !has(kind) && !has(RecordType::CNAME) && !is_delegated
}

/// Who has signed the record, by the signature that was proven.
fn signer_of<'a>(record: &Record, all: &'a [Record]) -> Option<&'a Name> {
    let is_proven = |it: &&Record| it.proof == Proof::Secure && is_same(&it.name, &record.name);
    all.iter().filter(is_proven).find_map(|it| {
        let input = signature(it)?.input();
        (input.type_covered == record.record_type()).then_some(&input.signer_name)
    })
}

/// How many labels both end in.
fn common(one: &Name, other: &Name) -> usize {
    let both = one.iter().rev().zip(other.iter().rev());
    both.take_while(|(one, other)| one.eq_ignore_ascii_case(other))
        .count()
}

fn labels(name: &Name) -> usize {
    name.iter().count()
}

#[cfg(test)]
#[path = "denial_tests.rs"]
mod tests;
