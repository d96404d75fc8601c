//! The three ways out, as far as they are configured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustls::ClientConfig;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::intake::{look_after_parts, take_in};
use crate::channel::Channel;
use crate::channel::email::{DkimKeys, EmailChannel, EmailParts, HttpsPolicies, StsFetch};
use crate::channel::off::OffChannel;
use crate::channel::sms::{Route, RouteSettings, SmsChannel, SmsInbox, smpp_settings};
use crate::channel::voice::{VoiceChannel, VoiceParts};
use crate::clock::{Randomness, SharedClock};
use crate::config::{self, Config, DaneMode};
use crate::domain::Channel as ChannelKind;
use crate::inbound::Inbound;
use crate::net::clamd::Clamd;
use crate::net::dns::{SystemDns, Validation};
use crate::net::https::{Guard, HttpsClient};
use crate::net::smpp::{BindStatus, SmppBind, TlsSettings};
use crate::observe::Metrics;

/// What the carriers are started with.
pub(super) struct Parts<'a> {
    pub(super) config: &'a Config,
    pub(super) clock: &'a SharedClock,
    pub(super) random: &'a Randomness,
    pub(super) metrics: &'a Arc<Metrics>,
    pub(super) inbound: &'a Inbound,
    /// What looks for viruses, where there is one.
    pub(super) scanner: Option<&'a Arc<Clamd>>,
    pub(super) own_listeners: Vec<SocketAddr>,
    pub(super) stop: &'a CancellationToken,
    pub(super) tasks: &'a TaskTracker,
}

/// How long a domain may take to give us its MTA-STS policy (RFC 8461 section 3.3 has a minute).
const POLICY_TIMEOUT: Duration = Duration::from_secs(30);

/// What runs.
pub(super) struct Carriers {
    pub(super) channels: Vec<Arc<dyn Channel>>,
    pub(super) ways: Vec<Way>,
}

/// One way out, for the health page.
pub(super) struct Way {
    pub(super) channel: ChannelKind,
    pub(super) name: String,
    pub(super) kind: WayKind,
}

pub(super) enum WayKind {
    /// Works as long as the network does.
    Always,
    /// Works as long as what scans for viruses does.
    Scanned(Arc<Clamd>),
    /// Nobody has configured it.
    Off,
    /// An SMPP bind.
    Bind(watch::Receiver<BindStatus>),
    /// A SIP trunk.
    Trunk(Arc<dyn Channel>),
}

pub(super) fn start(parts: Parts<'_>) -> anyhow::Result<Carriers> {
    let mut carriers = Carriers {
        channels: Vec::new(),
        ways: Vec::new(),
    };
    let verifying = super::tls::verifying(parts.config)?;
    start_email(&parts, &verifying, &mut carriers)?;
    start_sms(&parts, &verifying, &mut carriers)?;
    start_voice(&parts, &mut carriers);
    Ok(carriers)
}

fn start_email(
    parts: &Parts<'_>,
    verifying: &Arc<ClientConfig>,
    carriers: &mut Carriers,
) -> anyhow::Result<()> {
    let config = &parts.config.email;
    let scanner = parts.scanner.cloned();
    if let Some(scanner) = &scanner {
        let watching = Arc::clone(scanner).watch(parts.stop.clone());
        parts.tasks.spawn(watching);
    }
    let channel = EmailChannel::new(EmailParts {
        config: config.clone(),
        server_name: parts.config.server.name.clone(),
        dns: Arc::new(dns(config)?),
        clock: parts.clock.clone(),
        random: parts.random.clone(),
        own_listeners: parts.own_listeners.clone(),
        verifying: Some(Arc::clone(verifying)),
        dkim: DkimKeys::read(&config.dkim).context("email.dkim cannot be used")?,
        scanner: scanner.clone(),
        sts: sts(config, verifying)?,
        metrics: Arc::clone(parts.metrics),
    })
    .context("TLS for outgoing mail cannot be set up")?;
    let name = config.relay.as_ref().map_or_else(
        || "MX lookup".to_owned(),
        |relay| format!("relay {}", relay.host),
    );
    carriers.channels.push(Arc::new(channel));
    carriers.ways.push(Way {
        channel: ChannelKind::Email,
        name,
        kind: scanner.map_or(WayKind::Always, WayKind::Scanned),
    });
    Ok(())
}

/// Who is asked where mail goes.
fn dns(config: &config::Email) -> anyhow::Result<SystemDns> {
    let made = match config.dane {
        DaneMode::Off => SystemDns::new(),
        DaneMode::Auto => SystemDns::validating(Validation::Auto),
        DaneMode::On => SystemDns::validating(Validation::Always),
    };
    made.context("the system's resolver cannot be used")
}

/// What gets the policies of MTA-STS, from public addresses alone.
fn sts(
    config: &config::Email,
    verifying: &Arc<ClientConfig>,
) -> anyhow::Result<Option<Arc<dyn StsFetch>>> {
    if !config.mta_sts {
        return Ok(None);
    }
    let client = HttpsClient::new(Arc::clone(verifying), Guard::with(&[])?, POLICY_TIMEOUT);
    Ok(Some(Arc::new(HttpsPolicies::new(client))))
}

fn start_sms(
    parts: &Parts<'_>,
    verifying: &Arc<ClientConfig>,
    carriers: &mut Carriers,
) -> anyhow::Result<()> {
    let config = &parts.config.sms;
    tell_of_halves(config);
    let mut routes = Vec::new();
    for bind in &config.binds {
        let settings = RouteSettings::from_config(bind);
        let tls = bind.tls.then(|| bind_tls(bind, verifying)).transpose()?;
        let settings_of_bind = smpp_settings(bind, tls, parts.random.next_u64());
        let started = SmppBind::start(settings_of_bind, parts.stop.clone());
        parts.tasks.spawn(async move {
            if let Err(error) = started.task.await {
                tracing::error!(%error, "an SMPP bind ended unexpectedly");
            }
        });
        let inbox = SmsInbox::new(settings.clone(), started.deliveries);
        parts.tasks.spawn(take_in(
            inbox,
            parts.inbound.clone(),
            parts.stop.clone(),
            Arc::clone(parts.metrics),
        ));
        carriers.ways.push(Way {
            channel: ChannelKind::Text,
            name: bind.name.clone(),
            kind: WayKind::Bind(started.bind.watch()),
        });
        routes.push(Route {
            bind: started.bind,
            settings,
        });
    }
    if routes.is_empty() {
        carriers.ways.push(Way {
            channel: ChannelKind::Text,
            name: "SMS".to_owned(),
            kind: WayKind::Off,
        });
        carriers
            .channels
            .push(Arc::new(OffChannel(ChannelKind::Text)));
        return Ok(());
    }
    let looking = look_after_parts(parts.inbound.clone(), parts.stop.clone());
    parts.tasks.spawn(looking);
    let channel = SmsChannel::new(routes, usize::from(config.segments_max), config.validity);
    carriers.channels.push(channel);
    Ok(())
}

/// Receipts need a bind that receives, of the carrier that took the text; texts one that sends.
fn tell_of_halves(config: &config::Sms) {
    for (bind, half) in halves(config) {
        let (bind, carrier) = (&bind.name, &bind.carrier);
        tracing::warn!(%bind, %carrier, "no bind of this carrier {half}");
    }
}

/// The binds of carriers that have no bind for one of the two directions, with what is amiss.
fn halves(config: &config::Sms) -> Vec<(&config::SmsBind, &'static str)> {
    use config::BindMode::{Receiver, Transmitter};
    let lacks = |carrier: &str, mode| {
        let mut binds = config.binds.iter().filter(|bind| bind.carrier == carrier);
        binds.all(|bind| bind.mode == mode)
    };
    let amiss = config.binds.iter().filter_map(|bind| {
        if lacks(&bind.carrier, Transmitter) {
            Some((bind, "receives: receipts and replies cannot come"))
        } else if lacks(&bind.carrier, Receiver) {
            Some((bind, "sends: no text goes out by it"))
        } else {
            None
        }
    });
    amiss.collect()
}

fn bind_tls(
    bind: &crate::config::SmsBind,
    verifying: &Arc<ClientConfig>,
) -> anyhow::Result<TlsSettings> {
    let server_name =
        rustls::pki_types::ServerName::try_from(bind.host.clone()).with_context(|| {
            format!(
                "[[sms.bind]] {}: {} cannot be checked against a certificate",
                bind.name, bind.host
            )
        })?;
    Ok(TlsSettings {
        config: Arc::clone(verifying),
        server_name,
    })
}

fn start_voice(parts: &Parts<'_>, carriers: &mut Carriers) {
    let config = &parts.config.voice;
    let Some(trunk) = &config.trunk else {
        carriers.ways.push(Way {
            channel: ChannelKind::Call,
            name: "SIP trunk".to_owned(),
            kind: WayKind::Off,
        });
        carriers
            .channels
            .push(Arc::new(OffChannel(ChannelKind::Call)));
        return;
    };
    let folder = parts.config.server.state.join("speech");
    let voice = Arc::new(VoiceChannel::new(VoiceParts::with_program(
        config.clone(),
        folder,
        parts.random.clone(),
    )));
    let channel: Arc<dyn Channel> = Arc::clone(&voice) as Arc<dyn Channel>;
    let stop = parts.stop.clone();
    parts.tasks.spawn(async move {
        stop.cancelled().await;
        voice.close().await;
    });
    carriers.ways.push(Way {
        channel: ChannelKind::Call,
        name: format!("trunk {}", trunk.host),
        kind: WayKind::Trunk(Arc::clone(&channel)),
    });
    carriers.channels.push(channel);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::Surroundings;

    #[test]
    fn a_carrier_for_one_direction_alone_is_told_of() {
        let bind = |name: &str, carrier: &str, mode: &str| {
            format!(
                "[[sms.bind]]\nname = \"{name}\"\ncarrier = \"{carrier}\"\nmode = \"{mode}\"\n\
                 host = \"smsc.example.net\"\nsystem_id = \"t\"\nsource = \"40404\"\n\
                 password_file = \"unread\"\n"
            )
        };
        let text = [
            bind("a-tx", "a", "transmitter"),
            bind("a-rx", "a", "receiver"),
            bind("b", "b", "transmitter"),
            bind("c", "c", "receiver"),
            bind("d", "d", "transceiver"),
        ];
        let around = Surroundings {
            leave_secrets_unread: true,
            ..Surroundings::default()
        };
        let config = Config::parse(&text.concat(), &around).unwrap();
        let told: Vec<(&str, bool)> = halves(&config.sms)
            .into_iter()
            .map(|(bind, half)| (bind.name.as_str(), half.starts_with("sends")))
            .collect();
        assert_eq!(told, [("b", false), ("c", true)]);
    }
}
