//! Mail out: one attempt is one recipient, handed to the recipient's own server or to a relay.

mod dane;
mod destinations;
mod dkim;
mod link;
mod message;
mod outcome;
mod places;
mod pool;
mod reply;
mod route;
mod session;
mod stream;
mod sts;
mod target;
mod wire;

#[cfg(test)]
mod tests;

pub use self::dkim::{DkimError, DkimKeys};
pub use self::sts::{FetchFuture, HttpsPolicies, StsFetch};

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use rustls::ClientConfig;
use tokio_util::sync::CancellationToken;

use self::{
    dane::Door,
    destinations::Destinations,
    link::Trouble,
    message::{Composer, Written},
    outcome::{
        answer, by_scanner, cancelled, for_later, for_now, ours, rejected, unscanned, weigh,
        without_asking,
    },
    places::most_per_host,
    pool::Pool,
    route::{NoWay, Plan},
    session::{Envelope, Session},
    sts::Policies,
    target::Target,
};
use super::{
    Admission, AdmissionFuture, AttemptFuture, AttemptOutcome, AttemptRequest, Channel,
    ProgressSink,
};
use crate::{
    clock::{Randomness, SharedClock},
    config,
    domain::{Channel as ChannelKind, Destination, Reason, Verdict},
    net::{
        clamd::{Clamd, Found, ScanError},
        dns::{Dns, DnsFailure},
        tls_client,
    },
    observe::Metrics,
    proto::mime::dkim::NotSigned,
};

/// How long a mail waits for a virus scanner that has just gone away.
const SCANNER_AWAY_MAX: Duration = Duration::from_secs(30);
/// Longest time that all of a mail is scanned in.
const SCANNING_MAX: Duration = Duration::from_secs(15 * 60);

/// What the channel is made of.
pub struct EmailParts {
    /// `[email]`.
    pub config: config::Email,
    /// Our public name, for message ids.
    pub server_name: String,
    /// Who is asked for MX records and addresses.
    pub dns: Arc<dyn Dns>,
    /// Wall time, for `Date`.
    pub clock: SharedClock,
    /// Shuffles equal MX records.
    pub random: Randomness,
    /// Our own listeners, which mail must not be routed to.
    pub own_listeners: Vec<SocketAddr>,
    /// What `starttls` and `implicit` check certificates with. Default: the system's roots.
    pub verifying: Option<Arc<ClientConfig>>,
    /// What signs mail.
    pub dkim: DkimKeys,
    /// What looks for viruses.
    pub scanner: Option<Arc<Clamd>>,
    /// What gets the policies of MTA-STS; without it nobody's is looked for.
    pub sts: Option<Arc<dyn StsFetch>>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The email channel.
pub struct EmailChannel {
    config: config::Email,
    composer: Arc<Composer>,
    dns: Arc<dyn Dns>,
    clock: SharedClock,
    random: Randomness,
    own_listeners: Vec<SocketAddr>,
    pool: Pool,
    destinations: Arc<Destinations>,
    dkim: DkimKeys,
    scanner: Option<Arc<Clamd>>,
    policies: Option<Policies>,
    metrics: Arc<Metrics>,
    verifying: Arc<ClientConfig>,
    opportunistic: Arc<ClientConfig>,
}

impl std::fmt::Debug for EmailChannel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmailChannel")
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}

/// What one host made of it: an outcome, or a reason to ask the next one.
enum HostAnswer {
    Final(AttemptOutcome),
    Next(Verdict),
}

impl EmailChannel {
    /// Puts the channel together.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(parts: EmailParts) -> Result<Self, rustls::Error> {
        let config = parts.config;
        let verifying = match parts.verifying {
            Some(config) => config,
            None => tls_client::client_config(true)?,
        };
        Ok(Self {
            composer: Arc::new(Composer {
                from: config.from.clone(),
                from_name: config.from_name.clone(),
                domain: parts.server_name,
            }),
            dns: parts.dns,
            policies: parts
                .sts
                .map(|fetch| Policies::new(fetch, parts.clock.clone())),
            metrics: parts.metrics,
            clock: parts.clock,
            random: parts.random,
            own_listeners: parts.own_listeners,
            pool: Pool::new(most_per_host(&config)),
            destinations: Arc::default(),
            dkim: parts.dkim,
            scanner: parts.scanner,
            verifying,
            opportunistic: tls_client::client_config(false)?,
            config,
        })
    }

    /// The mail as it stands on the wire.
    async fn written(&self, request: &Arc<AttemptRequest>) -> Result<Written, AttemptOutcome> {
        let (composer, now) = (Arc::clone(&self.composer), self.clock.wall());
        let (request, keys) = (Arc::clone(request), self.dkim.clone());
        let is_work = !request.files.is_empty() || !keys.is_empty();
        let write = move || {
            let raw = composer.compose(&request, now);
            let raw = raw.map_err(|error| rejected(ours(Reason::Content, &error.to_string())))?;
            let author = message::author_domain(&raw);
            match keys.sign(&raw, &author, now.as_secs()) {
                Ok(signatures) => Ok(Written::of(&signatures, &raw)),
                Err(NotSigned::TooLarge) => Err(rejected(ours(
                    Reason::Content,
                    "the header is too large to be signed",
                ))),
                // With a policy of its domain it would be refused unsigned.
                Err(NotSigned::Failed) => Err(for_later()),
            }
        };
        // Megabytes of files are encoded and copied, and signing takes its time: the threads that
        // carry calls must not wait for it.
        if is_work {
            crate::clock::apart(write).await.map_err(|_| for_later())?
        } else {
            write()
        }
    }

    async fn deliver(
        &self,
        request: &Arc<AttemptRequest>,
        cancel: &CancellationToken,
    ) -> AttemptOutcome {
        let Destination::Email(recipient) = &request.destination else {
            return rejected(ours(
                Reason::Syntax,
                "this delivery is not for an email address",
            ));
        };
        let recipient = recipient.reveal();
        if !wire::is_safe_path(recipient.as_str()) || !wire::is_safe_path(&request.return_path) {
            return rejected(ours(
                Reason::Syntax,
                "an address holds characters that no envelope can hold",
            ));
        }
        let scanned = tokio::select! {
            biased;
            () = cancel.cancelled() => return cancelled(),
            scanned = tokio::time::timeout(SCANNING_MAX, self.scanned(request)) => scanned,
        };
        match scanned {
            Ok(Ok(())) => {}
            Ok(Err(outcome)) => return outcome,
            Err(_) => return unscanned("the virus scanner takes too long"),
        }
        let written = match self.written(request).await {
            Ok(written) => written,
            Err(outcome) => return outcome,
        };
        let began = self.clock.monotonic();
        let planned = tokio::select! {
            biased;
            () = cancel.cancelled() => return cancelled(),
            planned = self.plan(recipient.domain()) => planned,
        };
        let plan = match planned {
            Ok(plan) => plan,
            Err(no_way) => {
                if no_way.is_bogus {
                    self.count_bogus();
                }
                return without_asking(no_way.verdict);
            }
        };
        let outcome = self.hand_over(&plan, request, &written, cancel).await;
        self.learn(&plan, recipient.domain(), &outcome, began);
        outcome
    }

    /// Nothing goes out before it was looked through, as it was written: what each recipient gets
    /// for themselves are links of ours.
    async fn scanned(&self, request: &AttemptRequest) -> Result<(), AttemptOutcome> {
        let Some(scanner) = &self.scanner else {
            return Ok(());
        };
        let written = &request.written;
        let mut pieces: Vec<Bytes> = match &request.submitted {
            Some(raw) => vec![Bytes::clone(raw)],
            None => [&written.text, &written.html]
                .map(|text| Bytes::copy_from_slice(text.as_bytes()))
                .to_vec(),
        };
        pieces.extend(request.files.iter().map(|file| file.bytes.clone()));
        let mut may_wait = true;
        for piece in &pieces {
            let mut found = scanner.scan(piece).await;
            // It may only be starting anew: this mail goes as soon as it is back.
            if matches!(found, Err(ScanError::Unreachable(_))) && std::mem::take(&mut may_wait) {
                scanner.back_within(SCANNER_AWAY_MAX).await;
                found = scanner.scan(piece).await;
            }
            match found {
                Ok(Found::Nothing) => {}
                Ok(Found::Virus(name)) => {
                    let why = format!("a virus was found: {name}");
                    return Err(rejected(by_scanner(Reason::Virus, &why)));
                }
                Err(error @ ScanError::TooLarge { .. }) => {
                    return Err(rejected(by_scanner(Reason::TooBig, &error.to_string())));
                }
                Err(error) => return Err(unscanned(&error.to_string())),
            }
        }
        Ok(())
    }

    async fn hand_over(
        &self,
        plan: &Plan,
        request: &AttemptRequest,
        written: &Written,
        cancel: &CancellationToken,
    ) -> AttemptOutcome {
        let Destination::Email(recipient) = &request.destination else {
            return without_asking(ours(Reason::Syntax, "no email address"));
        };
        let recipient = recipient.reveal();
        let id = request.delivery.to_string();
        let envelope = Envelope {
            sender: &request.return_path,
            recipient: recipient.as_str(),
            id: &id,
            data: &written.data,
            is_8bit: written.is_8bit,
            is_utf8: written.is_utf8,
            wants_success: plan.by_relay || request.reports.success,
            original_recipient: request.reports.original_recipient.reveal(),
            express: request.express,
        };
        self.walk(plan, &envelope, cancel).await
    }

    async fn plan(&self, domain: &str) -> Result<Plan, NoWay> {
        let dns = self.dns.as_ref();
        let policies = self.policies.as_ref();
        route::plan(domain, &self.config, dns, &self.random, policies).await
    }

    /// Tries host after host, address after address, until one answers for the mail.
    async fn walk(
        &self,
        plan: &Plan,
        mail: &Envelope<'_>,
        cancel: &CancellationToken,
    ) -> AttemptOutcome {
        let mut last = None;
        for host in plan.hosts.iter().take(route::HOSTS_TRIED_MAX) {
            let found = tokio::select! {
                biased;
                () = cancel.cancelled() => return cancelled(),
                found = dane::door(plan, host, self.dns.as_ref()) => found,
            };
            let Door { addresses, demand } = match found {
                Ok(door) => door,
                Err(failure) => {
                    if failure == DnsFailure::Bogus {
                        self.count_bogus();
                    }
                    let verdict = route::without_answer(&failure, host).verdict;
                    // Only for a domain that is its own server does this speak of the recipient.
                    let implicit = !plan.by_relay
                        && plan.hosts.len() == 1
                        && mail.recipient.ends_with(&format!("@{host}"));
                    let verdict = if implicit { verdict } else { for_now(verdict) };
                    last = Some(weigh(last, verdict));
                    continue;
                }
            };
            for ip in route::in_turn(addresses) {
                let address = SocketAddr::new(ip, plan.port);
                if route::is_ourselves(address, &self.own_listeners) {
                    last = Some(weigh(last, route::loop_verdict(host)));
                    continue;
                }
                let target = Target {
                    host,
                    address,
                    demand: &demand,
                };
                match self.at_host(plan, &target, mail, cancel).await {
                    HostAnswer::Final(outcome) => return outcome,
                    HostAnswer::Next(verdict) => last = Some(weigh(last, verdict)),
                }
            }
        }
        without_asking(last.unwrap_or_else(|| ours(Reason::Network, "no host to send to")))
    }

    async fn at_host(
        &self,
        plan: &Plan,
        target: &Target<'_>,
        mail: &Envelope<'_>,
        cancel: &CancellationToken,
    ) -> HostAnswer {
        let lease = tokio::select! {
            biased;
            () = cancel.cancelled() => return HostAnswer::Final(cancelled()),
            lease = self.pool.lease(self.key(plan, target), mail.express) => lease,
        };
        let Some(lease) = lease else {
            return HostAnswer::Next(for_now(ours(Reason::System, "the pool is closed")));
        };
        if let Some(mut session) = lease.kept() {
            match session.send(mail, cancel).await {
                // It may have been closed while it lay there: a fresh one decides.
                Err(Trouble::Link(_) | Trouble::Closed { .. }) => {}
                // It may have the mail, or a command was cut off and whose answer came next would not
                // be known.
                Err(trouble @ (Trouble::Unanswered(_) | Trouble::Cancelled)) => {
                    return answer(Err(trouble), plan);
                }
                result => {
                    lease.keep(session).await;
                    return answer(result, plan);
                }
            }
        }
        let opening = match self.opening(plan, target) {
            Ok(opening) => opening,
            Err(error) => {
                return HostAnswer::Next(for_now(ours(Reason::System, &error.to_string())));
            }
        };
        let mut session = match Session::open(&opening, cancel).await {
            Ok(session) => session,
            Err(trouble) => return answer(Err(trouble), plan),
        };
        let result = session.send(mail, cancel).await;
        match &result {
            Err(
                Trouble::Link(_)
                | Trouble::Unanswered(_)
                | Trouble::Closed { .. }
                | Trouble::Cancelled,
            ) => drop(session),
            Ok(_) | Err(Trouble::Refused { .. } | Trouble::Unfit(_)) => lease.keep(session).await,
        }
        answer(result, plan)
    }
}

impl Channel for EmailChannel {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Email
    }

    fn concurrency(&self) -> usize {
        self.config.concurrency as usize
    }

    /// Without its scanner nothing is sent.
    fn is_ready(&self) -> bool {
        self.scanner.as_ref().is_none_or(|scanner| scanner.is_up())
    }

    fn admit<'a>(&'a self, destination: &'a Destination, express: bool) -> AdmissionFuture<'a> {
        Box::pin(async move {
            match self.place(destination, express).await {
                Ok(place) => Admission::Go(place),
                Err(wait) => Admission::Wait(wait),
            }
        })
    }

    fn attempt<'a>(
        &'a self,
        request: AttemptRequest,
        _progress: ProgressSink,
        cancel: CancellationToken,
    ) -> AttemptFuture<'a> {
        Box::pin(async move { self.deliver(&Arc::new(request), &cancel).await })
    }
}
