//! How far DNSSEC vouches for an answer (RFC 4035 section 4.3), told from what the validator has
//! proven of each record. Pure.
//!
//! We validate by ourselves and do not go by the AD bit of the system's resolver: that would have
//! to be a validating one with nobody in between (RFC 7672 section 2.1.3), and that it listens on
//! the loopback says neither. What listens there in a container, or as systemd-resolved, passes on
//! what it is told.
//!
//! hickory proves record by record; what follows for the answer is looked at here, whether or not
//! hickory likes it as a whole: it believes some denials too easily and others not at all.

use hickory_resolver::proto::{
    dnssec::Proof,
    op::{Message, Query, ResponseCode},
    rr::{Name, RData, Record, RecordType},
};

use super::{
    DnsFailure,
    denial::{Denied, denied, has_denials, no_nearer},
    trim::signature,
};

/// Most aliases (CNAME) followed from one name.
pub(super) const ALIASES_MAX: usize = 8;
/// What is not looked for in the public DNS, or not to be found there: names of the house, which
/// the root would deny (RFC 6303, RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 8880; the others as
/// systemd-resolved has them for its negative trust anchors).
const SPECIAL: [&str; 23] = [
    "invalid",
    "localhost",
    "onion",
    "corp",
    "home",
    "home.arpa",
    "internal",
    "intranet",
    "lan",
    "local",
    "private",
    "test",
    "ipv4only.arpa",
    "resolver.arpa",
    "10.in-addr.arpa",
    "127.in-addr.arpa",
    "254.169.in-addr.arpa",
    "168.192.in-addr.arpa",
    "d.f.ip6.arpa",
    "8.e.f.ip6.arpa",
    "9.e.f.ip6.arpa",
    "a.e.f.ip6.arpa",
    "b.e.f.ip6.arpa",
];
/// `16.172.in-addr.arpa` to `31.172.in-addr.arpa` are special, too.
const SPECIAL_172: std::ops::RangeInclusive<u8> = 16..=31;

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

    /// Goes on to where an alias leads; false if it was followed long enough.
    pub(super) fn follow(&mut self, target: Name, security: Security) -> bool {
        if self.aliases >= ALIASES_MAX {
            return false;
        }
        self.take(security);
        self.aliases += 1;
        self.at = target;
        true
    }

    /// The records were found.
    pub(super) fn take(&mut self, security: Security) {
        self.own.get_or_insert(security);
        self.all = self.all.min(security);
    }

    /// Of all so far.
    pub(super) const fn security(&self) -> Security {
        self.all
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
}

/// What is there at one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// What was asked for; never none.
    Records(Vec<Record>, Security),
    /// An alias.
    Alias(Name, Security),
    /// Neither.
    Nothing(DnsFailure, Security),
    /// Nothing, and nobody vouches for that though somebody should.
    Unproven,
    /// Something that nobody vouches for though somebody should.
    Bogus,
}

/// What a validated response says. That the validator `is_content` with it as a whole tells of
/// denials that are not proven that the name belongs to no signed zone.
pub(super) fn judge(question: &Query, message: &Message, is_content: bool) -> Found {
    let (name, kind) = (question.name(), question.query_type());
    for kind in [kind, RecordType::CNAME] {
        let is_it = |it: &&Record| it.record_type() == kind && is_same(&it.name, name);
        let records: Vec<Record> = message.answers.iter().filter(is_it).cloned().collect();
        let Some(first) = records.first() else {
            continue;
        };
        let Some(security) = security_of_all(name, kind, &records, message) else {
            return Found::Bogus;
        };
        let alias = match &first.data {
            RData::CNAME(target) => Some(target.0.clone()),
            _ => None,
        };
        return match alias {
            Some(target) => Found::Alias(target, security),
            None => Found::Records(records, security),
        };
    }
    judge_denial(question, message, is_content)
}

fn judge_denial(question: &Query, message: &Message, is_content: bool) -> Found {
    let authorities = &message.authorities;
    let by_code = match message.metadata.response_code {
        ResponseCode::NXDomain => DnsFailure::NoSuchDomain,
        _ => DnsFailure::NoRecords,
    };
    if let Some((what, security)) = denied(question, authorities) {
        let is_as_said = what == Denied::Name || security == Security::Insecure;
        let failure = if is_as_said {
            by_code
        } else {
            DnsFailure::NoRecords
        };
        return Found::Nothing(failure, security);
    }
    // Only what stands above the name tells that its zone is not signed.
    let is_unsigned = |it: &Record| it.proof == Proof::Insecure && it.name.zone_of(question.name());
    if authorities.iter().any(is_unsigned) || (is_content && !has_denials(authorities)) {
        return Found::Nothing(by_code, Security::Insecure);
    }
    Found::Unproven
}

/// `None` for what is bogus.
fn security_of_all(
    name: &Name,
    kind: RecordType,
    records: &[Record],
    message: &Message,
) -> Option<Security> {
    let security = records.iter().map(security_of).min().flatten()?;
    if security == Security::Insecure {
        return Some(security);
    }
    let mut inputs = message.answers.iter().filter_map(|record| {
        let input = signature(record)?.input();
        let is_proven = record.proof == Proof::Secure && is_same(&record.name, name);
        (is_proven && input.type_covered == kind).then_some(input)
    });
    let input = inputs.next()?;
    if input.num_labels >= name.num_labels() {
        return Some(security);
    }
    // It was made from a wildcard (RFC 4035 section 5.3.4).
    no_nearer(
        name,
        input.num_labels,
        &input.signer_name,
        &message.authorities,
    )
}

/// Whether nobody outside of the house is asked about the name, and so nobody vouches for it.
pub(super) fn is_special(name: &Name) -> bool {
    let name = host_name(name);
    let is_in = |zone: &str| {
        let rest = name.strip_suffix(zone);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    SPECIAL.into_iter().any(is_in)
        || SPECIAL_172
            .into_iter()
            .any(|n| is_in(&format!("{n}.172.in-addr.arpa")))
}

/// `None` for what is bogus; the validator has looked at all answers to what we ask.
fn security_of(record: &Record) -> Option<Security> {
    match record.proof {
        Proof::Secure => Some(Security::Secure),
        Proof::Insecure => Some(Security::Insecure),
        Proof::Indeterminate | Proof::Bogus => None,
    }
}

/// The same labels, whatever their case.
pub(super) fn is_same(one: &Name, other: &Name) -> bool {
    one.zone_of(other) && other.zone_of(one)
}

/// In lower case, without the final dot.
pub(super) fn host_name(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
#[path = "dnssec_tests.rs"]
mod tests;
