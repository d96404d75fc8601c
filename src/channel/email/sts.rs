//! Policies of MTA-STS: looked for when mail goes to a domain, kept as long as they say.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::Method;

use crate::clock::SharedClock;
use crate::net::dns::{Dns, DnsFailure};
use crate::net::https::{HttpsClient, Target, Wish};
use crate::proto::mta_sts::{STS_POLICY_SIZE_MAX_BYTES, StsMode, StsPolicy, sts_id};

/// Domains of which is remembered what they say.
const DOMAINS_MAX: usize = 10_000;
/// A policy that could not be had is not asked for again for so long (RFC 8461 section 3.3).
const FETCH_PAUSE: Duration = Duration::from_secs(5 * 60);
/// So long one is believed at least: it holds for the mail that it was asked for.
const AGE_MIN: Duration = Duration::from_secs(10 * 60);
/// How long getting one may take in all (RFC 8461 section 3.3).
const FETCH_TIMEOUT: Duration = Duration::from_secs(60);
/// How long that may take while one is believed.
const RENEW_TIMEOUT: Duration = Duration::from_secs(5);
/// How long name servers may take to say whether there is one; who does not answer is left alone
/// for [`FETCH_PAUSE`].
const RECORD_TIMEOUT: Duration = Duration::from_secs(5);

/// The text of a policy, or why there is none.
pub type FetchFuture<'a> = Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;

/// Gets policies.
pub trait StsFetch: Send + Sync + 'static {
    /// The policy of a domain, as it came.
    fn fetch<'a>(&'a self, domain: &'a str) -> FetchFuture<'a>;
}

/// Gets them where RFC 8461 section 3.3 has them: certificates verify, redirects are not followed.
#[derive(Debug)]
pub struct HttpsPolicies(HttpsClient);

impl HttpsPolicies {
    /// With this client.
    #[must_use]
    pub const fn new(client: HttpsClient) -> Self {
        Self(client)
    }

    /// What lies at this address.
    pub(super) async fn at(&self, target: &Target) -> Result<String, String> {
        let wish = Wish {
            method: Method::GET,
            headers: Vec::new(),
            media_type: None,
            body: bytes::Bytes::new(),
        };
        let asked = self.0.ask(target, wish).await;
        let mut reply = asked.map_err(|error| error.to_string())?;
        if reply.answer.status != 200 {
            return Err(format!("HTTP {}", reply.answer.status));
        }
        if !reply
            .media_type
            .to_ascii_lowercase()
            .starts_with("text/plain")
        {
            return Err("it is no text/plain".to_owned());
        }
        let mut body = Vec::new();
        while let Some(piece) = reply.chunk().await.map_err(|error| error.to_string())? {
            body.extend_from_slice(&piece);
            if body.len() > STS_POLICY_SIZE_MAX_BYTES {
                return Err("it is too long".to_owned());
            }
        }
        String::from_utf8(body).map_err(|_| "it is no UTF-8".to_owned())
    }
}

impl StsFetch for HttpsPolicies {
    fn fetch<'a>(&'a self, domain: &'a str) -> FetchFuture<'a> {
        Box::pin(async move {
            let address = format!("https://mta-sts.{domain}/.well-known/mta-sts.txt");
            let target = Target::parse(&address).map_err(|error| error.to_string())?;
            self.at(&target).await
        })
    }
}

/// What is known of one domain.
#[derive(Debug, Default)]
struct Known {
    /// Its policy, the id that it was announced with, and until when it is believed.
    policy: Option<Believed>,
    /// Not to be asked before.
    pause: Option<Instant>,
}

/// A policy that was had.
#[derive(Debug)]
struct Believed {
    policy: StsPolicy,
    /// The id that it was announced with.
    id: String,
    /// From then on it is asked for anew, so that it does not end unseen.
    renew: Instant,
    /// Until then it is believed.
    until: Instant,
}

impl Known {
    fn policy(&self, now: Instant) -> Option<&StsPolicy> {
        let known = self.policy.as_ref().filter(|known| now < known.until);
        known.map(|known| &known.policy)
    }
}

/// One domain at a time is asked about once.
type Shared = Arc<tokio::sync::Mutex<Known>>;

/// What domains say.
pub(super) struct Policies {
    fetch: Arc<dyn StsFetch>,
    clock: SharedClock,
    known: Mutex<HashMap<String, Shared>>,
    /// Domains whose name servers did not say whether there is a policy, and until when they are
    /// not asked.
    silent: Mutex<HashMap<String, Instant>>,
    /// Domains of whose policy it was said that it does not name all servers.
    told: Mutex<HashSet<String>>,
}

impl Policies {
    pub(super) fn new(fetch: Arc<dyn StsFetch>, clock: SharedClock) -> Self {
        Self {
            fetch,
            clock,
            known: Mutex::default(),
            silent: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// What a domain asks of those who send to it. A policy that is still believed counts although
    /// nothing can be had of it now: whoever can suppress the DNS must not be able to undo it.
    pub(super) async fn of(&self, domain: &str, dns: &dyn Dns) -> Option<StsPolicy> {
        let announced = self.announced(domain, dns).await;
        let shared = self.shared(domain, announced.is_some())?;
        let mut known = shared.lock().await;
        let now = self.clock.monotonic();
        let is_new = |id: &String| {
            let known = known.policy.as_ref();
            known.is_none_or(|known| known.id != *id || known.renew <= now)
        };
        let may_ask = known.pause.is_none_or(|pause| pause <= now);
        if let Some(id) = announced.filter(|id| may_ask && is_new(id)) {
            let is_believed = known.policy(now).is_some();
            match self.fetched(domain, is_believed).await {
                Ok(policy) => {
                    let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                    told.remove(domain);
                    drop(told);
                    let now = self.clock.monotonic();
                    let age = policy.max_age.max(AGE_MIN);
                    *known = Known {
                        pause: None,
                        policy: Some(Believed {
                            policy,
                            id,
                            renew: now + age / 2,
                            until: now + age,
                        }),
                    };
                }
                Err(why) => {
                    tracing::warn!(
                        domain,
                        why,
                        "a domain announces an MTA-STS policy that cannot be had"
                    );
                    known.pause = Some(self.clock.monotonic() + FETCH_PAUSE);
                }
            }
        }
        known.policy(self.clock.monotonic()).cloned()
    }

    /// The id of the policy that the DNS announces.
    async fn announced(&self, domain: &str, dns: &dyn Dns) -> Option<String> {
        let now = self.clock.monotonic();
        let silent = || self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if silent().get(domain).is_some_and(|until| now < *until) {
            return None;
        }
        let name = format!("_mta-sts.{domain}");
        match tokio::time::timeout(RECORD_TIMEOUT, dns.txt(&name)).await {
            Ok(Ok(records)) => sts_id(&records),
            Ok(Err(DnsFailure::NoSuchDomain | DnsFailure::NoRecords)) => None,
            Ok(Err(DnsFailure::Temporary(_) | DnsFailure::Bogus)) | Err(_) => {
                let mut silent = silent();
                if silent.len() >= DOMAINS_MAX {
                    silent.retain(|_, until| now < *until);
                }
                if silent.len() < DOMAINS_MAX {
                    silent.insert(domain.to_owned(), now + FETCH_PAUSE);
                }
                None
            }
        }
    }

    async fn fetched(&self, domain: &str, is_believed: bool) -> Result<StsPolicy, String> {
        // What is only renewed must not hold up mail for long.
        let most = if is_believed {
            RENEW_TIMEOUT
        } else {
            FETCH_TIMEOUT
        };
        let fetching = tokio::time::timeout(most, self.fetch.fetch(domain));
        let text = fetching.await.map_err(|_| "it did not come in time")??;
        StsPolicy::parse(&text).map_err(|fault| fault.to_string())
    }

    /// Says once of a domain, until it has another policy, that it leaves out servers of its own.
    pub(super) fn tell_uncovered(&self, domain: &str, mode: StsMode) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.contains(domain) {
            return;
        }
        if told.len() >= DOMAINS_MAX {
            told.clear();
        }
        told.insert(domain.to_owned());
        let is_enforced = mode == StsMode::Enforce;
        tracing::warn!(
            domain,
            is_enforced,
            "a domain's MTA-STS policy does not name all of its servers"
        );
    }

    /// What is known of a domain; a place for it if it announces something.
    fn shared(&self, domain: &str, is_announced: bool) -> Option<Shared> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.get(domain) {
            return Some(Arc::clone(shared));
        }
        if !is_announced {
            return None;
        }
        if known.len() >= DOMAINS_MAX {
            let now = self.clock.monotonic();
            known.retain(|_, shared| {
                let idle = shared.try_lock();
                idle.map_or(true, |known| known.policy(now).is_some())
            });
            if known.len() >= DOMAINS_MAX {
                return None;
            }
        }
        let shared = Shared::default();
        known.insert(domain.to_owned(), Arc::clone(&shared));
        Some(shared)
    }
}

/// The servers of a domain that its policy lets us send to. Whether it does not name all of them.
pub(super) fn keep_covered(hosts: &mut Vec<String>, policy: &StsPolicy) -> bool {
    let are_covered = hosts.iter().all(|host| policy.covers(host));
    if policy.mode == StsMode::Enforce {
        hosts.retain(|host| policy.covers(host));
    }
    policy.mode != StsMode::None && !are_covered
}
