//! One address of a host, and what is asked of connections to it.

use std::net::SocketAddr;
use std::sync::Arc;

use super::EmailChannel;
use super::dane::{Certificate, Demand};
use super::link::{Opening, Timeouts};
use super::pool::PoolKey;
use super::route::{Plan, TlsPolicy};
use crate::net::tls_client;

/// One address of a host, and how it is spoken to.
pub(super) struct Target<'a> {
    pub(super) host: &'a str,
    pub(super) address: SocketAddr,
    pub(super) demand: &'a Demand,
}

impl EmailChannel {
    /// Counts a session that was not begun because what leads to it does not verify by DNSSEC, in
    /// the words of RFC 8460 (4.2, 4.3).
    pub(super) fn count_bogus(&self) {
        let labels = [TlsPolicy::Tlsa.as_str(), "dnssec-invalid"];
        self.metrics.email_tls_sessions.with(&labels).increment();
    }

    pub(super) fn key(&self, plan: &Plan, target: &Target<'_>) -> PoolKey {
        let relay = self.config.relay.as_ref().filter(|_| plan.by_relay);
        PoolKey {
            address: target.address,
            host: target.host.to_owned(),
            tls: target.demand.tls,
            certificate: target.demand.certificate.clone(),
            logged_in: relay.is_some_and(|relay| relay.user.is_some()),
        }
    }

    pub(super) fn opening(
        &self,
        plan: &Plan,
        target: &Target<'_>,
    ) -> Result<Opening, rustls::Error> {
        let login = self
            .config
            .relay
            .as_ref()
            .filter(|_| plan.by_relay)
            .and_then(|relay| {
                let password = relay.password.as_ref()?;
                Some((relay.user.clone()?, password.reveal().to_owned()))
            });
        let demand = target.demand;
        let (tls_config, tls_name) = match &demand.certificate {
            Certificate::Any => (Arc::clone(&self.opportunistic), None),
            Certificate::Rooted => (Arc::clone(&self.verifying), None),
            Certificate::Tlsa(dane) => {
                let config = tls_client::client_config_with_tlsa(Arc::clone(dane))?;
                (config, dane.base_domain())
            }
        };
        Ok(Opening {
            address: target.address,
            host: target.host.to_owned(),
            tls_name: tls_name.unwrap_or(target.host).to_owned(),
            source: self.config.source_address,
            helo: self.config.helo.clone(),
            tls: demand.tls,
            tls_config,
            policy: demand.policy,
            metrics: Arc::clone(&self.metrics),
            login,
            timeouts: Timeouts {
                connect: self.config.connect_timeout,
                greeting: self.config.greeting_timeout,
                command: self.config.command_timeout,
                data: self.config.data_timeout,
            },
        })
    }
}
