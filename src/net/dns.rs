//! Questions to the DNS that mail routing asks, behind a trait so that tests bring their own zone.

use std::{future::Future, net::IpAddr, pin::Pin, time::Duration};

use super::tls_client::client_config;
use hickory_resolver::{
    TokioResolver,
    net::{DnsError, NetError},
    proto::{
        op::ResponseCode,
        rr::{RData, RecordType},
    },
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
}

/// The system's resolver.
#[derive(Clone)]
pub struct SystemDns {
    resolver: TokioResolver,
}

impl std::fmt::Debug for SystemDns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SystemDns")
    }
}

impl SystemDns {
    /// As `/etc/resolv.conf` says.
    ///
    /// # Errors
    /// [`DnsFailure::Temporary`] if that cannot be read.
    pub fn new() -> Result<Self, DnsFailure> {
        // For name servers that speak TLS; without it the resolver wants roots even for those that
        // do not.
        let tls = client_config(true).map_err(|e| DnsFailure::Temporary(e.to_string()))?;
        let build = || {
            TokioResolver::builder_tokio()?
                .with_tls_config(tls.as_ref().clone())
                .build()
        };
        Ok(Self {
            resolver: build().map_err(|e| DnsFailure::Temporary(e.to_string()))?,
        })
    }
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

impl Dns for SystemDns {
    fn mx<'a>(&'a self, domain: &'a str) -> DnsFuture<'a, Vec<MxRecord>> {
        Box::pin(
            self.records(domain, RecordType::MX, MX_RECORDS_MAX, |data| match data {
                RData::MX(mx) => Some(MxRecord {
                    preference: mx.preference,
                    exchange: mx
                        .exchange
                        .to_ascii()
                        .trim_end_matches('.')
                        .to_ascii_lowercase(),
                }),
                _ => None,
            }),
        )
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
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => DnsFailure::NoSuchDomain,
            ResponseCode::NoError => DnsFailure::NoRecords,
            other => DnsFailure::Temporary(other.to_string()),
        },
        other => DnsFailure::Temporary(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::{net::NoRecords, proto::op::Query};

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
