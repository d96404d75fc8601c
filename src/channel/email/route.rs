//! Where mail for a domain goes (RFC 5321 section 5.1, RFC 7505).

use std::net::{IpAddr, SocketAddr};

use super::sts::{self, Policies};
use crate::{
    clock::Randomness,
    config::{self, DaneMode, TlsMode},
    domain::{EnhancedStatus, Fault, Permanence, Reason, Verdict},
    net::dns::{Checked, Dns, DnsFailure, MxRecord, Security},
    proto::mta_sts::StsMode,
};

/// Most hosts tried for one delivery.
pub(super) const HOSTS_TRIED_MAX: usize = 5;
/// Most addresses tried of one host.
pub(super) const ADDRESSES_TRIED_MAX: usize = 4;

/// Which hosts take the mail, in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) hosts: Vec<String>,
    pub(super) port: u16,
    pub(super) tls: TlsMode,
    /// The hosts are a relay of ours, not the recipient's own servers.
    pub(super) by_relay: bool,
    /// The same for all domains that go to the same servers.
    pub(super) site: String,
    /// What asks for this TLS.
    pub(super) policy: TlsPolicy,
    /// Who vouches for that these are the hosts.
    pub(super) vouched: Vouched,
}

/// Whether DNSSEC vouches for that these are the domain's servers, where DANE is kept to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Vouched {
    /// Nobody does, or nobody asks.
    No,
    /// Its MX records are secure. Names of the domain, aliases resolved, that certificates may have
    /// (RFC 7672 section 3.2.2).
    Mx(Vec<String>),
    /// It has none, and is its own server; how far that is vouched for.
    Itself(Security),
}

/// Why there is no way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoWay {
    pub(super) verdict: Verdict,
    /// DNSSEC should vouch for what the name servers say, and does not.
    pub(super) is_bogus: bool,
}

impl NoWay {
    fn new(reason: Reason, permanence: Permanence, status: EnhancedStatus, text: &str) -> Self {
        Self {
            verdict: Verdict::failure(reason, permanence)
                .with_status(Some(status))
                .with_diagnostic(text),
            is_bogus: false,
        }
    }

    /// What the recipient's zone says, or whoever is in the way to it, rules out TLS that could be
    /// trusted: nobody has refused us anything.
    fn tls(text: &str) -> Self {
        let status = EnhancedStatus::new(4, 7, 5);
        let no_way = Self::new(Reason::Tls, Permanence::Temporary, status, text);
        Self {
            verdict: Verdict {
                fault: Fault::Network,
                ..no_way.verdict
            },
            ..no_way
        }
    }
}

/// Static routes first, then the relay, then the domain's MX records.
pub(super) async fn plan(
    domain: &str,
    config: &config::Email,
    dns: &dyn Dns,
    random: &Randomness,
    policies: Option<&Policies>,
) -> Result<Plan, NoWay> {
    if let Some(route) = routed(domain, config) {
        return Ok(Plan {
            hosts: vec![route.host.clone()],
            port: route.port,
            tls: route.tls,
            by_relay: false,
            site: site(&[&route.host], route.port),
            policy: TlsPolicy::Configured,
            vouched: Vouched::No,
        });
    }
    if let Some(relay) = &config.relay {
        return Ok(Plan {
            hosts: vec![relay.host.clone()],
            port: relay.port,
            tls: relay.tls,
            by_relay: true,
            site: site(&[&relay.host], relay.port),
            policy: TlsPolicy::Configured,
            vouched: Vouched::No,
        });
    }
    let (mut hosts, vouched) = exchangers(domain, config, dns, random).await?;
    let all: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let site = site(&all, config.port);
    let mut tls = named(domain, config).map_or(config.tls, |named| named.tls);
    let policy = match policies {
        Some(policies) => policies.of(domain, dns).await,
        None => None,
    };
    if let (Some(policies), Some(policy)) = (policies, &policy) {
        if sts::keep_covered(&mut hosts, policy) {
            policies.tell_uncovered(domain, policy.mode);
        }
        if hosts.is_empty() {
            return Err(out_of_policy(domain));
        }
    }
    let is_enforced = policy
        .as_ref()
        .is_some_and(|of| of.mode == StsMode::Enforce);
    if is_enforced && tls != TlsMode::Implicit {
        tls = TlsMode::StartTls;
    }
    hosts.truncate(HOSTS_TRIED_MAX);
    Ok(Plan {
        hosts,
        port: config.port,
        tls,
        by_relay: false,
        site,
        policy: match policy {
            Some(policy) if policy.mode != StsMode::None => TlsPolicy::Sts,
            Some(_) | None => TlsPolicy::NotFound,
        },
        vouched,
    })
}

/// The domain's servers, and whether DNSSEC vouches for that they are.
async fn exchangers(
    domain: &str,
    config: &config::Email,
    dns: &dyn Dns,
    random: &Randomness,
) -> Result<(Vec<String>, Vouched), NoWay> {
    let is_wanted = named(domain, config).is_none_or(|named| named.dane);
    let is_checked = is_wanted && config.dane != DaneMode::Off;
    let answer = if is_checked {
        dns.checked_mx(domain).await
    } else {
        Checked::unchecked(dns.mx(domain).await)
    };
    let answer = answer.map_err(|failure| without_answer(&failure, domain))?;
    if answer.records.is_empty() {
        // RFC 5321 section 5.1: without MX records the domain is its own, with preference 0.
        let vouched = if is_checked {
            Vouched::Itself(answer.security)
        } else {
            Vouched::No
        };
        return Ok((vec![domain.to_owned()], vouched));
    }
    let vouched = match answer.security {
        Security::Secure => Vouched::Mx(answer.names),
        Security::Insecure => Vouched::No,
    };
    let hosts = ordered(answer.records, &config.helo, domain, random)?;
    Ok((hosts, vouched))
}

/// What asks for the TLS of a connection, in the words of RFC 8460 section 4.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsPolicy {
    /// The configuration names the server.
    Configured,
    /// The domain's MTA-STS policy.
    Sts,
    /// The host's TLSA records.
    Tlsa,
    /// Such records, none of which counts.
    TlsaUnusable,
    /// Nothing.
    NotFound,
}

impl TlsPolicy {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::Sts => "sts",
            Self::Tlsa | Self::TlsaUnusable => "tlsa",
            Self::NotFound => "no-policy-found",
        }
    }

    /// What a session is called that is encrypted as it should be (section 4.3).
    pub(super) const fn success(self) -> &'static str {
        match self {
            Self::TlsaUnusable => "tlsa-invalid",
            Self::Configured | Self::Sts | Self::Tlsa | Self::NotFound => "success",
        }
    }
}

fn out_of_policy(domain: &str) -> NoWay {
    NoWay::tls(&format!(
        "{domain}: no mail server is in its MTA-STS policy"
    ))
}

/// The server to which a domain's mail goes whatever the DNS says.
pub(super) fn routed<'a>(domain: &str, config: &'a config::Email) -> Option<&'a config::Route> {
    let mut routes = config.routes.iter();
    routes.find(|route| covers(&route.domain, domain))
}

/// What the configuration says of a domain.
pub(super) fn named<'a>(
    domain: &str,
    config: &'a config::Email,
) -> Option<&'a config::EmailDestination> {
    let mut named = config.destinations.iter();
    named.find(|named| covers(&named.domain, domain))
}

/// All hosts, in an order that does not depend on chance.
fn site(hosts: &[&str], port: u16) -> String {
    let mut hosts = hosts.to_vec();
    hosts.sort_unstable();
    format!("{}:{port}", hosts.join(","))
}

/// At most [`ADDRESSES_TRIED_MAX`], IPv6 and IPv4 by turns: where one family leads nowhere, the other
/// gets its chance.
pub(super) fn in_turn(addresses: Vec<IpAddr>) -> impl Iterator<Item = IpAddr> {
    let (six, four): (Vec<IpAddr>, Vec<IpAddr>) = addresses.into_iter().partition(IpAddr::is_ipv6);
    let longest = six.len().max(four.len());
    let (mut six, mut four) = (six.into_iter(), four.into_iter());
    (0..longest)
        .flat_map(move |_| [six.next(), four.next()])
        .flatten()
        .take(ADDRESSES_TRIED_MAX)
}

/// What a failed question about a domain or its only host means for the recipient.
pub(super) fn without_answer(failure: &DnsFailure, name: &str) -> NoWay {
    use Permanence::{Permanent, Temporary};
    match failure {
        DnsFailure::NoSuchDomain => NoWay::new(
            Reason::HostUnknown,
            Permanent,
            EnhancedStatus::new(5, 1, 2),
            &format!("{name}: no such domain"),
        ),
        DnsFailure::NoRecords => NoWay::new(
            Reason::HostUnknown,
            Permanent,
            EnhancedStatus::new(5, 1, 2),
            &format!("{name}: no mail server and no address"),
        ),
        DnsFailure::Temporary(why) => NoWay::new(
            Reason::Network,
            Temporary,
            EnhancedStatus::new(4, 4, 3),
            &format!("{name}: {why}"),
        ),
        DnsFailure::Bogus => NoWay {
            is_bogus: true,
            ..NoWay::tls(&format!("{name}: {failure}"))
        },
    }
}

/// Our own listeners: mail that is routed there would go round in a circle.
pub(super) fn is_ourselves(target: SocketAddr, own: &[SocketAddr]) -> bool {
    own.iter().any(|listener| {
        let same_host = listener.ip() == target.ip()
            || (listener.ip().is_unspecified() && target.ip().is_loopback());
        listener.port() == target.port() && same_host
    })
}

/// The verdict on such a circle.
pub(super) fn loop_verdict(host: &str) -> Verdict {
    Verdict {
        fault: Fault::Sender,
        ..Verdict::failure(Reason::Network, Permanence::Permanent)
    }
    .with_status(Some(EnhancedStatus::new(5, 4, 6)))
    .with_diagnostic(format!("mail for {host} loops back to myself"))
}

fn covers(pattern: &str, domain: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => domain
            .strip_suffix(parent)
            .is_some_and(|head| head.ends_with('.')),
        None => pattern.eq_ignore_ascii_case(domain),
    }
}

/// By preference, equal ones in random order; us and what comes behind us left out.
fn ordered(
    mut records: Vec<MxRecord>,
    our_name: &str,
    domain: &str,
    random: &Randomness,
) -> Result<Vec<String>, NoWay> {
    if records.iter().all(|record| record.exchange.is_empty()) {
        return Err(NoWay::new(
            Reason::NotAccept,
            Permanence::Permanent,
            EnhancedStatus::new(5, 1, 10),
            &format!("{domain}: the domain does not accept mail (null MX)"),
        ));
    }
    records.retain(|record| !record.exchange.is_empty());
    let mut drawn: Vec<(u16, u64, String)> = records
        .into_iter()
        .map(|r| (r.preference, random.next_u64(), r.exchange))
        .collect();
    drawn.sort();
    let ours = drawn
        .iter()
        .find(|(_, _, host)| host.eq_ignore_ascii_case(our_name))
        .map(|(preference, _, _)| *preference);
    let hosts: Vec<String> = drawn
        .into_iter()
        .filter(|(preference, _, _)| ours.is_none_or(|ours| *preference < ours))
        .map(|(_, _, host)| host)
        .collect();
    if hosts.is_empty() {
        Err(NoWay {
            verdict: loop_verdict(domain),
            is_bogus: false,
        })
    } else {
        Ok(hosts)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::Suspends;

    fn mx(preference: u16, exchange: &str) -> MxRecord {
        MxRecord {
            preference,
            exchange: exchange.to_owned(),
        }
    }

    #[test]
    fn preference_decides_and_equals_share_the_load() {
        let mut firsts = std::collections::BTreeSet::new();
        for seed in 0..40 {
            let records = vec![mx(20, "c"), mx(10, "a"), mx(10, "b")];
            let hosts = ordered(records, "us", "d", &Randomness::seeded(seed)).unwrap();
            assert_eq!(hosts[2], "c");
            firsts.insert(hosts[0].clone());
        }
        assert_eq!(firsts.len(), 2, "equal preferences were not shuffled");
    }

    #[test]
    fn null_mx_and_missing_domains_are_the_recipients_fault() {
        let random = Randomness::seeded(1);
        let null = ordered(vec![mx(0, "")], "us", "d.example", &random)
            .unwrap_err()
            .verdict;
        assert_eq!(
            (null.status_code, null.suspends()),
            (Some(EnhancedStatus::new(5, 1, 10)), Suspends::AtOnce)
        );
        let gone = without_answer(&DnsFailure::NoSuchDomain, "d.example").verdict;
        assert_eq!(
            (gone.status_code, gone.suspends()),
            (Some(EnhancedStatus::new(5, 1, 2)), Suspends::AtOnce)
        );
        let silent = without_answer(&DnsFailure::Temporary("timeout".into()), "d.example").verdict;
        assert_eq!(
            (silent.permanence, silent.fault, silent.suspends()),
            (Permanence::Temporary, Fault::Network, Suspends::Never)
        );
    }

    #[test]
    fn we_do_not_send_to_ourselves() {
        let random = Randomness::seeded(1);
        let hosts = ordered(
            vec![mx(10, "a"), mx(20, "US"), mx(30, "b")],
            "us",
            "d",
            &random,
        )
        .unwrap();
        assert_eq!(hosts, ["a"]);
        let only_us = ordered(vec![mx(10, "us")], "us", "d", &random).unwrap_err();
        assert_eq!(
            (only_us.verdict.fault, only_us.verdict.suspends()),
            (Fault::Sender, Suspends::Never)
        );
        let own = [
            "0.0.0.0:25".parse().unwrap(),
            "192.0.2.1:587".parse().unwrap(),
        ];
        assert!(is_ourselves("127.0.0.1:25".parse().unwrap(), &own));
        assert!(is_ourselves("192.0.2.1:587".parse().unwrap(), &own));
        assert!(!is_ourselves("127.0.0.1:2525".parse().unwrap(), &own));
        assert!(!is_ourselves("192.0.2.9:25".parse().unwrap(), &own));
    }

    #[test]
    fn a_family_that_leads_nowhere_hides_no_other() {
        let six: Vec<IpAddr> = (1..=5)
            .map(|n| format!("2001:db8::{n}").parse().unwrap())
            .collect();
        let four: IpAddr = "192.0.2.1".parse().unwrap();
        let tried: Vec<IpAddr> = in_turn(six.iter().copied().chain([four]).collect()).collect();
        assert_eq!(tried, [six[0], four, six[1], six[2]]);
        assert_eq!(in_turn(vec![four]).collect::<Vec<_>>(), [four]);
    }

    #[test]
    fn routes_cover_a_domain_or_what_lies_below_it() {
        assert!(covers("example.org", "example.org") && !covers("example.org", "a.example.org"));
        assert!(covers("*.example.org", "a.b.example.org"));
        assert!(
            !covers("*.example.org", "example.org") && !covers("*.example.org", "badexample.org")
        );
    }
}
