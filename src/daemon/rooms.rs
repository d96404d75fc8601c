//! What stands on the store, put together.

use std::sync::Arc;

use anyhow::Context;

use super::doors::Gate;
use super::scanner::arrival_scanner;
use super::search::open_search;
use super::state::{
    challenge_key, cursor_key, evidence_signer, open_store, receipt_waits, reply_notices,
    reply_settings, report_settings, retention_rules, signing_key, submit_settings, sync_accounts,
    tracker_settings,
};
use crate::classify::network_errors::ErrorCodes;
use crate::clock::{Randomness, SharedClock};
use crate::config::Config;
use crate::domain::{PublicLinks, Redacted, ReturnPaths};
use crate::evidence::Signer;
use crate::inbound::{Carrier, Inbound, MailAuth, NameServers};
use crate::net::clamd::Clamd;
use crate::net::https::{Guard, HttpsClient};
use crate::net::tls_client::client_config;
use crate::observe::Metrics;
use crate::proto::network::Network;
use crate::search::feeder::Feeder;
use crate::store::Repo;
use crate::submit::{PublicPages, Submitter};
use crate::tracker::Tracker;
use crate::webhooks::{ANSWER_TIMEOUT, Courier};

pub(super) struct Rooms {
    pub(super) repo: Repo,
    pub(super) tracker: Tracker,
    pub(super) submitter: Submitter,
    pub(super) inbound: Inbound,
    pub(super) gate: Gate,
    pub(super) return_paths: ReturnPaths,
    /// None where there are no public pages.
    pub(super) public_links: Option<PublicLinks>,
    pub(super) search: Feeder,
    pub(super) evidence: Signer,
    pub(super) cursor_key: Redacted<[u8; 32]>,
    pub(super) courier: Courier,
}

impl Rooms {
    pub(super) async fn open(
        config: &Config,
        clock: &SharedClock,
        random: &Randomness,
        metrics: &Arc<Metrics>,
        scanner: Option<&Arc<Clamd>>,
    ) -> anyhow::Result<Self> {
        let repo = Repo::new(open_store(config).await?);
        let key = signing_key(&repo, random).await?;
        let return_paths = ReturnPaths::new(&config.server.bounce_domain, &key);
        let tracker = tracker(config, &repo, clock, random).with_metrics(Arc::clone(metrics));
        let submitter = Submitter::new(
            repo.clone(),
            clock.clone(),
            random.clone(),
            tracker.clone(),
            submit_settings(config),
        );
        let public_links = (!config.listen.public.addresses.is_empty())
            .then(|| PublicLinks::new(&config.public.url, &key));
        let submitter = match &public_links {
            Some(links) => submitter.with_public_pages(PublicPages {
                links: links.clone(),
                organisation: config.public.organisation.clone(),
            }),
            None => submitter,
        };
        submitter.replace_reply_notices(reply_notices(config));
        let inbound = Inbound::new(
            repo.clone(),
            tracker.clone(),
            clock.clone(),
            random.clone(),
            return_paths.clone(),
        )
        .in_region(&config.server.default_region)
        .with_bounce_lifetime(config.server.bounce_lifetime)
        .with_carriers(carriers(config)?);
        let inbound = looking(inbound, config, scanner)?;
        let search = open_search(config, &repo, random).await?;
        sync_accounts(&repo, config, clock, random).await?;
        submitter.install_templates().await?;
        let courier = courier(config, &repo, clock, random)?;
        let evidence = evidence_signer(&repo, random).await?;
        let cursor_key = cursor_key(&repo, random).await?;
        let secret = challenge_key(&repo, random).await?;
        let (clock, random) = (clock.clone(), random.fork());
        let gate = Gate::new(&config.submission, repo.clone(), clock, random, secret);
        Ok(Self {
            repo,
            tracker,
            submitter,
            inbound,
            gate,
            return_paths,
            public_links,
            search,
            evidence,
            cursor_key,
            courier,
        })
    }
}

fn tracker(config: &Config, repo: &Repo, clock: &SharedClock, random: &Randomness) -> Tracker {
    let tracker = Tracker::new(
        repo.clone(),
        clock.clone(),
        random.clone(),
        tracker_settings(config),
    );
    tracker.replace_retention(retention_rules(config));
    tracker.replace_reports(report_settings(config));
    tracker.replace_replies(reply_settings(config));
    tracker.await_receipts(receipt_waits(config));
    tracker
}

/// The carriers by which texts go and come.
fn carriers(config: &Config) -> anyhow::Result<Vec<Carrier>> {
    let mut carriers: Vec<Carrier> = Vec::new();
    for bind in &config.sms.binds {
        if carriers.iter().any(|known| known.name == bind.carrier) {
            continue;
        }
        let codes = ErrorCodes::read(&bind.settings.error_codes)
            .map_err(|why| anyhow::anyhow!("error_codes of \"{}\": {why}", bind.carrier))?;
        carriers.push(Carrier {
            name: bind.carrier.clone(),
            sender: bind.settings.source.clone(),
            error_codes: codes,
        });
    }
    Ok(carriers)
}

/// What comes in is looked at: where it comes from, and what is in its files.
fn looking(
    inbound: Inbound,
    config: &Config,
    scanner: Option<&Arc<Clamd>>,
) -> anyhow::Result<Inbound> {
    let inbound = match scanner {
        Some(scanner) => inbound.with_scanner(arrival_scanner(scanner)),
        None => inbound,
    };
    if !config.email.check_senders {
        return Ok(inbound);
    }
    let tls = super::tls::verifying(config)?;
    let made = MailAuth::new(&config.server.name, NameServers::System, &tls);
    let made = made.context("the system's resolver cannot be used")?;
    let relays = config.email.trusted_relays.iter();
    let relays = relays.map(|text| text.parse::<Network>());
    let relays = relays.collect::<Result<Vec<Network>, _>>();
    let relays = relays.context("email.trusted_relays cannot be used")?;
    Ok(inbound.with_mail_auth(made.trusting(relays)))
}

fn courier(
    config: &Config,
    repo: &Repo,
    clock: &SharedClock,
    random: &Randomness,
) -> anyhow::Result<Courier> {
    let guard = Guard::with(&config.webhooks.allow_networks)?;
    let tls = client_config(true).context("TLS cannot be set up")?;
    let client = HttpsClient::new(tls, guard, ANSWER_TIMEOUT);
    Ok(Courier::new(
        repo.clone(),
        clock.clone(),
        random.fork(),
        client,
    ))
}
