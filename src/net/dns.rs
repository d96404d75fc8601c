//! Questions to the DNS that mail routing asks, behind a trait so that tests bring their own zone.

mod client;
mod denial;
mod dnssec;
mod trim;
mod validating;

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use self::{
    client::{Asking, Client},
    dnssec::host_name,
    validating::{Nothing, Validating, checked, of_both},
};
use super::tls_client::client_config;
use crate::proto::tlsa::{TLSA_RECORDS_MAX, TlsaRecord};
use hickory_resolver::{
    Hosts, TokioResolver,
    config::{NameServerConfig, ResolverConfig, ResolverOpts},
    net::{DnsError, NetError, NoRecords, runtime::TokioRuntimeProvider},
    proto::{
        dnssec::TrustAnchors,
        op::ResponseCode,
        rr::{RData, RecordType},
    },
    system_conf::read_system_conf,
};

pub use self::{
    dnssec::{Checked, Security},
    validating::Validation,
};

/// Longest wait for one answer, over all name servers and retries.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Most MX records looked at of one answer.
pub const MX_RECORDS_MAX: usize = 50;
/// Most TXT records looked at of one answer.
pub const TXT_RECORDS_MAX: usize = 100;
/// Most addresses looked at of one host.
pub const ADDRESSES_MAX: usize = 20;

/// One MX record (RFC 1035 section 3.3.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MxRecord {
    /// Lower is preferred.
    pub preference: u16,
    /// Host name in lower case without its final dot; empty for the root (RFC 7505).
    pub exchange: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DnsFailure {
    /// The name does not exist (NXDOMAIN).
    #[error("no such domain")]
    NoSuchDomain,
    /// The name exists and has no record of the kind.
    #[error("no such record")]
    NoRecords,
    /// The name servers did not answer, or not sensibly.
    #[error("name servers: {0}")]
    Temporary(String),
    /// DNSSEC should vouch for the answer and does not: "bogus" or "indeterminate" (RFC 4035
    /// section 4.3), which is one to us (RFC 7672 section 2.1.1).
    #[error("DNSSEC does not bear out what the name servers say")]
    Bogus,
}

/// A future of an answer.
pub type DnsFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, DnsFailure>> + Send + 'a>>;

/// Who is asked.
pub trait Dns: Send + Sync + 'static {
    /// MX records of a domain, in no order.
    fn mx<'a>(&'a self, domain: &'a str) -> DnsFuture<'a, Vec<MxRecord>>;
    /// IPv6 and IPv4 addresses of a host, in no order; an address literal is its own.
    fn addresses<'a>(&'a self, host: &'a str) -> DnsFuture<'a, Vec<IpAddr>>;
    /// TXT records of a name, in no order, each with its strings put together (RFC 7208 section
    /// 3.3, RFC 8461 section 3.1); what is no UTF-8 in them is replaced.
    fn txt<'a>(&'a self, name: &'a str) -> DnsFuture<'a, Vec<String>>;

    /// MX records, and whether DNSSEC vouches for them, or for that there are none. Where nobody
    /// does and a signature is to be expected it is [`DnsFailure::Bogus`]; a denial that nobody has
    /// to compute (RFC 9276 section 3.2) counts as insecure.
    fn checked_mx<'a>(&'a self, domain: &'a str) -> DnsFuture<'a, Checked<MxRecord>> {
        Box::pin(async move { Checked::unchecked(self.mx(domain).await) })
    }

    /// Addresses of a host, and whether DNSSEC vouches for them.
    fn checked_addresses<'a>(&'a self, host: &'a str) -> DnsFuture<'a, Checked<IpAddr>> {
        Box::pin(async move { Ok(Checked::insecure(self.addresses(host).await?)) })
    }

    /// TLSA records of a name such as `_25._tcp.mx.example.org` (RFC 6698 section 3). That there
    /// are none is proven, or it is [`DnsFailure::Bogus`].
    fn tlsa<'a>(&'a self, _name: &'a str) -> DnsFuture<'a, Checked<TlsaRecord>> {
        Box::pin(std::future::ready(Err(DnsFailure::NoRecords)))
    }
}

/// The system's resolver.
#[derive(Clone)]
pub struct SystemDns {
    resolver: TokioResolver,
    validating: Option<Arc<Validating>>,
}

impl std::fmt::Debug for SystemDns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SystemDns")
    }
}

impl SystemDns {
    /// As `/etc/resolv.conf` says, without DNSSEC.
    ///
    /// # Errors
    /// [`DnsFailure::Temporary`] if that cannot be read.
    pub fn new() -> Result<Self, DnsFailure> {
        Self::with(None, None)
    }

    /// As `/etc/resolv.conf` says, with DNSSEC from the root on.
    ///
    /// # Errors
    /// As [`SystemDns::new`].
    pub fn validating(validation: Validation) -> Result<Self, DnsFailure> {
        Self::with(None, Some((validation, TrustAnchors::default())))
    }

    /// Asks this name server, and trusts these keys: DNSKEY records, one a line.
    ///
    /// # Errors
    /// [`DnsFailure::Temporary`] if they are no such records.
    pub fn validating_at(
        server: SocketAddr,
        validation: Validation,
        trust_anchors: &str,
    ) -> Result<Self, DnsFailure> {
        let anchors: Result<TrustAnchors, _> = trust_anchors.parse();
        let anchors = anchors.map_err(|error| DnsFailure::Temporary(error.to_string()))?;
        Self::with(Some(server), Some((validation, anchors)))
    }

    fn with(
        server: Option<SocketAddr>,
        validating: Option<(Validation, TrustAnchors)>,
    ) -> Result<Self, DnsFailure> {
        let temporary = |error: NetError| DnsFailure::Temporary(error.to_string());
        // For name servers that speak TLS; without it the resolver wants roots even for those that
        // do not.
        let tls = client_config(true).map_err(|error| temporary(error.into()))?;
        let (config, options) = asked_of(server).map_err(temporary)?;
        let provider = TokioRuntimeProvider::default();
        let builder = TokioResolver::builder_with_config(config.clone(), provider)
            .with_options(options.clone())
            .with_tls_config(tls.as_ref().clone());
        let resolver = builder.build().map_err(temporary)?;
        let validating = validating.map(|(validation, anchors)| {
            let asking = Asking {
                options,
                tls,
                anchors: Arc::new(anchors),
                hosts: Arc::new(Hosts::from_system().unwrap_or_default()),
                plain: resolver.clone(),
            };
            Arc::new(Validating::new(config.name_servers, asking, validation))
        });
        Ok(Self {
            resolver,
            validating,
        })
    }

    /// What validates, if anything does now.
    async fn validated(&self) -> Result<Option<Arc<Client>>, DnsFailure> {
        match &self.validating {
            Some(validating) => validating.client().await,
            None => Ok(None),
        }
    }

    async fn checked<T>(
        &self,
        client: &Client,
        name: &str,
        kind: RecordType,
        max: usize,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Checked<T>, Nothing> {
        let answer = checked(client, name, kind, max, read).await;
        if let (Err(nothing), Some(validating)) = (&answer, &self.validating)
            && nothing.is_bogus()
        {
            validating.suspect();
        }
        answer
    }
}

/// Who is asked, and how.
fn asked_of(server: Option<SocketAddr>) -> Result<(ResolverConfig, ResolverOpts), NetError> {
    let Some(server) = server else {
        return read_system_conf();
    };
    let mut named = NameServerConfig::udp_and_tcp(server.ip());
    for connection in &mut named.connections {
        connection.port = server.port();
    }
    let config = ResolverConfig::from_name_servers(vec![named]);
    Ok((config, ResolverOpts::default()))
}

impl SystemDns {
    /// The records of a name as `read` has them, at most `max`; never none.
    async fn records<T>(
        &self,
        name: &str,
        kind: RecordType,
        max: usize,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Vec<T>, DnsFailure> {
        let lookup = within(self.resolver.lookup(absolute(name), kind)).await?;
        let records = lookup.answers().iter();
        let records = records.filter_map(|record| read(&record.data));
        let records: Vec<T> = records.take(max).collect();
        if records.is_empty() {
            Err(DnsFailure::NoRecords)
        } else {
            Ok(records)
        }
    }
}

fn read_mx(data: &RData) -> Option<MxRecord> {
    match data {
        RData::MX(mx) => Some(MxRecord {
            preference: mx.preference,
            exchange: host_name(&mx.exchange),
        }),
        _ => None,
    }
}

fn read_tlsa(data: &RData) -> Option<TlsaRecord> {
    match data {
        RData::TLSA(tlsa) => Some(TlsaRecord {
            usage: tlsa.cert_usage.into(),
            selector: tlsa.selector.into(),
            matching_type: tlsa.matching.into(),
            data: tlsa.cert_data.clone(),
        }),
        _ => None,
    }
}

impl Dns for SystemDns {
    fn mx<'a>(&'a self, domain: &'a str) -> DnsFuture<'a, Vec<MxRecord>> {
        Box::pin(self.records(domain, RecordType::MX, MX_RECORDS_MAX, read_mx))
    }

    fn txt<'a>(&'a self, name: &'a str) -> DnsFuture<'a, Vec<String>> {
        Box::pin(
            self.records(name, RecordType::TXT, TXT_RECORDS_MAX, |data| match data {
                RData::TXT(txt) => {
                    Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned())
                }
                _ => None,
            }),
        )
    }

    fn checked_mx<'a>(&'a self, domain: &'a str) -> DnsFuture<'a, Checked<MxRecord>> {
        Box::pin(async move {
            let Some(client) = self.validated().await? else {
                return Checked::unchecked(self.mx(domain).await);
            };
            let kind = RecordType::MX;
            let asked = self.checked(&client, domain, kind, MX_RECORDS_MAX, read_mx);
            let none = |security| Checked {
                security,
                ..Checked::insecure(Vec::new())
            };
            match asked.await {
                Ok(answer) => Ok(answer),
                Err(Nothing::Denied(DnsFailure::NoRecords, security)) => Ok(none(security)),
                // Nothing may be held against the domain that nobody vouches for: where addresses
                // are there they are asked by themselves, and have to be without a signature, too.
                Err(Nothing::Unproven) => match self.checked_addresses(domain).await {
                    Ok(found) if found.security == Security::Insecure => {
                        Ok(none(Security::Insecure))
                    }
                    Ok(_) | Err(DnsFailure::NoRecords | DnsFailure::NoSuchDomain) => {
                        Err(DnsFailure::Bogus)
                    }
                    Err(failure) => Err(failure),
                },
                Err(nothing) => Err(nothing.into()),
            }
        })
    }

    fn checked_addresses<'a>(&'a self, host: &'a str) -> DnsFuture<'a, Checked<IpAddr>> {
        Box::pin(async move {
            let is_name = host.contains('.') && host.parse::<IpAddr>().is_err();
            let client = if is_name {
                self.validated().await?
            } else {
                None
            };
            let Some(client) = client else {
                return Ok(Checked::insecure(self.addresses(host).await?));
            };
            let of = |kind| self.checked(&client, host, kind, ADDRESSES_MAX / 2, RData::ip_addr);
            let (six, four) = tokio::join!(of(RecordType::AAAA), of(RecordType::A));
            of_both(six, four)
        })
    }

    fn tlsa<'a>(&'a self, name: &'a str) -> DnsFuture<'a, Checked<TlsaRecord>> {
        Box::pin(async move {
            let Some(client) = self.validated().await? else {
                return Err(DnsFailure::NoRecords);
            };
            let kind = RecordType::TLSA;
            let asked = self.checked(&client, name, kind, TLSA_RECORDS_MAX, read_tlsa);
            Ok(asked.await?)
        })
    }

    fn addresses<'a>(&'a self, host: &'a str) -> DnsFuture<'a, Vec<IpAddr>> {
        Box::pin(async move {
            if let Ok(literal) = host.parse() {
                return Ok(vec![literal]);
            }
            // Single labels such as `localhost` are left to the search list and the hosts file.
            let name = if host.contains('.') {
                absolute(host)
            } else {
                host.to_owned()
            };
            let lookup = within(self.resolver.lookup_ip(name)).await?;
            let addresses: Vec<IpAddr> = lookup.iter().take(ADDRESSES_MAX).collect();
            if addresses.is_empty() {
                Err(DnsFailure::NoRecords)
            } else {
                Ok(addresses)
            }
        })
    }
}

/// With the final dot, so that no search list is tried: mail goes where the address says.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

async fn within<T>(answer: impl Future<Output = Result<T, NetError>>) -> Result<T, DnsFailure> {
    match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failure_of(&error)),
        Err(_) => Err(DnsFailure::Temporary("no answer in time".to_owned())),
    }
}

fn failure_of(error: &NetError) -> DnsFailure {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(NoRecords { response_code, .. })) => {
            let denied = denied(*response_code);
            denied.unwrap_or_else(|other| DnsFailure::Temporary(other.to_string()))
        }
        other => DnsFailure::Temporary(other.to_string()),
    }
}

/// What an answer without records means, unless it means nothing.
fn denied(code: ResponseCode) -> Result<DnsFailure, ResponseCode> {
    match code {
        ResponseCode::NXDomain => Ok(DnsFailure::NoSuchDomain),
        ResponseCode::NoError => Ok(DnsFailure::NoRecords),
        other => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::op::Query;

    #[test]
    fn only_nxdomain_means_that_a_domain_is_gone() {
        let none = |code| {
            NetError::Dns(DnsError::NoRecordsFound(NoRecords::new(
                Query::default(),
                code,
            )))
        };
        assert_eq!(
            failure_of(&none(ResponseCode::NXDomain)),
            DnsFailure::NoSuchDomain
        );
        assert_eq!(
            failure_of(&none(ResponseCode::NoError)),
            DnsFailure::NoRecords
        );
        for error in [
            none(ResponseCode::ServFail),
            NetError::Dns(DnsError::ResponseCode(ResponseCode::Refused)),
            NetError::Timeout,
        ] {
            assert!(
                matches!(failure_of(&error), DnsFailure::Temporary(_)),
                "{error}"
            );
        }
    }
}
