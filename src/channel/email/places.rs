//! Whom there is room for at the destinations of mail, and what outcomes tell of them.

use std::time::{Duration, Instant};

use super::EmailChannel;
use super::destinations::{Sign, Terms};
use super::outcome::sign_of;
use super::route::{self, Plan, TlsPolicy, Vouched};
use crate::channel::{AttemptOutcome, Place};
use crate::config;
use crate::domain::{Destination, Reason};

/// The most that any domain's servers are asked to take at once.
pub(super) fn most_per_host(config: &config::Email) -> usize {
    let named = config.destinations.iter().map(|named| named.concurrency);
    named.fold(config.concurrency_per_host, u32::max) as usize
}

/// Under which a domain is known, beside the servers that it may share.
fn domain_key(domain: &str) -> String {
    format!("@{domain}")
}

impl EmailChannel {
    /// A place at the recipient's domain, and one at the servers that it may share with others. A
    /// relay takes everything: what waits for it keeps nothing from others.
    pub(super) async fn place(
        &self,
        destination: &Destination,
        express: bool,
    ) -> Result<Place, Duration> {
        let Destination::Email(recipient) = destination else {
            return Ok(Place::default());
        };
        let recipient = recipient.reveal();
        let terms = self.terms(recipient.domain());
        let now = self.clock.monotonic();
        let at_domain = if self.is_relayed(recipient.domain()) {
            None
        } else {
            let key = domain_key(recipient.domain());
            Some(self.destinations.enter(&key, terms, express, now)?)
        };
        // Name servers that do not answer hold up the mail to this domain, and no other.
        let Ok(plan) = self.plan(recipient.domain()).await else {
            return Ok(Place::of(at_domain));
        };
        let now = self.clock.monotonic();
        let of_site = self.site_terms(&plan, terms);
        match self.destinations.enter(&plan.site, of_site, express, now) {
            Ok(at_site) => Ok(Place::of((at_domain, at_site))),
            Err(wait) => {
                if let Some(place) = at_domain.filter(|_| !express) {
                    place.unused(terms);
                }
                Err(wait)
            }
        }
    }

    /// What may be asked of servers that domains share. The pace is the domain's own, and a relay is
    /// asked for all that there is.
    fn site_terms(&self, plan: &Plan, terms: Terms) -> Terms {
        Terms {
            concurrency: if plan.by_relay {
                self.config.concurrency
            } else {
                terms.concurrency
            },
            pace: Duration::ZERO,
        }
    }

    pub(super) fn is_relayed(&self, domain: &str) -> bool {
        self.config.relay.is_some() && route::routed(domain, &self.config).is_none()
    }

    fn terms(&self, domain: &str) -> Terms {
        let named = route::named(domain, &self.config);
        let per_minute = named.map_or(0, |named| named.per_minute);
        Terms {
            concurrency: named.map_or(self.config.concurrency_per_host, |named| named.concurrency),
            pace: match per_minute {
                0 => Duration::ZERO,
                many => Duration::from_secs(60) / many,
            },
        }
    }

    /// What an outcome tells of where it went.
    pub(super) fn learn(
        &self,
        plan: &Plan,
        domain: &str,
        outcome: &AttemptOutcome,
        began: Instant,
    ) {
        let now = self.clock.monotonic();
        let took = now.saturating_duration_since(began);
        let sign = match outcome {
            // What one domain asks of its servers, or has others vouch for, says nothing of them to
            // the others.
            AttemptOutcome::Deferred { verdict }
                if (plan.policy == TlsPolicy::Sts || plan.vouched != Vouched::No)
                    && verdict.reason == Reason::Tls =>
            {
                Sign::Nothing
            }
            _ => sign_of(outcome, plan.by_relay),
        };
        let random = self.random.next_u64();
        let paused = self
            .destinations
            .learn(&plan.site, sign, (now, took), random);
        if let Some(span) = paused {
            tracing::warn!(hosts = %plan.hosts.join(","), seconds = span.as_secs(), sign = ?sign, "mail servers are spared for a while");
        }
        // Of the domain alone is known how long it takes; what its servers want is theirs.
        let sign = Sign::Answered;
        self.destinations
            .learn(&domain_key(domain), sign, (now, took), random);
    }
}
