//! How a host is spoken to, by what the DNS says of it (RFC 7672 section 2).

use std::net::IpAddr;
use std::sync::Arc;

use super::route::{Plan, TlsPolicy, Vouched};
use crate::{
    config::TlsMode,
    net::{
        dane::Dane,
        dns::{Checked, Dns, DnsFailure, Security},
    },
    proto::tlsa::{Association, CertificateUsage, TlsaRecord, usable},
};

/// Where a host is, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Door {
    pub(super) addresses: Vec<IpAddr>,
    pub(super) demand: Demand,
}

/// What is asked of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) tls: TlsMode,
    pub(super) certificate: Certificate,
    /// What asks for it.
    pub(super) policy: TlsPolicy,
}

/// Which certificate will do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Certificate {
    /// Any.
    Any,
    /// One that verifies by the roots.
    Rooted,
    /// One that the host's TLSA records stand for.
    Tlsa(Arc<Dane>),
}

impl Demand {
    /// What is asked of a host without TLSA records.
    fn of(plan: &Plan) -> Self {
        Self {
            tls: plan.tls,
            certificate: match plan.tls {
                TlsMode::None | TlsMode::Opportunistic => Certificate::Any,
                TlsMode::StartTls | TlsMode::Implicit => Certificate::Rooted,
            },
            policy: plan.policy,
        }
    }

    /// What TLSA records ask for. They stand for the host's certificate whatever else there is: no
    /// policy of MTA-STS overrides them (RFC 8461 section 2).
    fn by_tlsa(plan: &Plan, associations: Vec<Association>, names: Vec<String>) -> Self {
        let asked = Self::of(plan);
        let is_usable = !associations.is_empty();
        // DANE-EE asks for no name: servers that many domains share are then spoken to as one.
        let asks_for_names = |one: &Association| one.usage() == CertificateUsage::DaneTa;
        let mut names = names;
        if !associations.iter().any(asks_for_names) {
            names.truncate(1);
        }
        Self {
            tls: match plan.tls {
                TlsMode::None | TlsMode::Opportunistic | TlsMode::StartTls => TlsMode::StartTls,
                TlsMode::Implicit => TlsMode::Implicit,
            },
            // RFC 7672 section 2.2: where none counts it is encrypted; what else is asked stays.
            certificate: if is_usable {
                Certificate::Tlsa(Arc::new(Dane::new(associations, names)))
            } else {
                asked.certificate
            },
            policy: if is_usable {
                TlsPolicy::Tlsa
            } else {
                TlsPolicy::TlsaUnusable
            },
        }
    }
}

/// Where a host of the plan is, and how it is to be spoken to.
///
/// # Errors
/// Why it is not to be spoken to at all: also that nobody can tell whether it has TLSA records
/// (RFC 7672 section 2.1.2).
pub(super) async fn door(plan: &Plan, host: &str, dns: &dyn Dns) -> Result<Door, DnsFailure> {
    let next_hop = match &plan.vouched {
        Vouched::No => {
            return Ok(Door {
                addresses: dns.addresses(host).await?,
                demand: Demand::of(plan),
            });
        }
        Vouched::Mx(names) => names.as_slice(),
        Vouched::Itself(_) => &[],
    };
    let found = dns.checked_addresses(host).await?;
    // A signed domain may prove less than that it has no MX records, with NSEC3 records that ask for
    // more than anybody computes (RFC 9276 section 3.2): it counts as unsigned then.
    let records = match plan.vouched {
        Vouched::Itself(Security::Insecure) => None,
        Vouched::Itself(Security::Secure) | Vouched::Mx(_) | Vouched::No => {
            records(plan.port, &found, dns).await?
        }
    };
    let demand = match records {
        None => Demand::of(plan),
        Some((base, records)) => {
            let mut names = vec![base];
            for name in found.names.iter().chain(next_hop) {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
            Demand::by_tlsa(plan, usable(&records), names)
        }
    };
    Ok(Door {
        addresses: found.records,
        demand,
    })
}

/// A host's TLSA records, and the base domain that has them; `None` if no secure ones are there.
/// They are looked for only where its addresses are secure (RFC 7672 section 2.2.2): name servers
/// that know DNSSEC know how to say that there are none.
async fn records(
    port: u16,
    found: &Checked<IpAddr>,
    dns: &dyn Dns,
) -> Result<Option<(String, Vec<TlsaRecord>)>, DnsFailure> {
    for base in &found.names {
        match dns.tlsa(&format!("_{port}._tcp.{base}")).await {
            Ok(answer) if answer.security == Security::Secure && !answer.records.is_empty() => {
                return Ok(Some((base.clone(), answer.records)));
            }
            Ok(_) | Err(DnsFailure::NoSuchDomain | DnsFailure::NoRecords) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(None)
}
