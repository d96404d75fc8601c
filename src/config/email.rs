//! `[email]`: mail out, and the retry schedule that every channel has.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::names::{domain, filled, host, mail_address, one_line};
use super::reader::Section;
use super::secret::Secret;
use super::units;
use super::value::network;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// In clear.
    None,
    /// STARTTLS when offered, whatever certificate there is (RFC 7435); else in clear.
    Opportunistic,
    /// STARTTLS with a certificate that verifies, or no delivery.
    StartTls,
    /// TLS from the first byte, with a certificate that verifies.
    Implicit,
}

const TLS_MODES: &[(&str, TlsMode)] = &[
    ("none", TlsMode::None),
    ("opportunistic", TlsMode::Opportunistic),
    ("starttls", TlsMode::StartTls),
    ("implicit", TlsMode::Implicit),
];

/// Whether servers are held to their TLSA records (RFC 7672).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DaneMode {
    /// Never.
    Off,
    /// As soon as the system's name servers have shown that they pass on DNSSEC.
    Auto,
    /// Always: mail waits where they do not.
    On,
}

const DANE_MODES: &[(&str, DaneMode)] = &[
    ("off", DaneMode::Off),
    ("auto", DaneMode::Auto),
    ("on", DaneMode::On),
];

/// When a deferred delivery is tried again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Retry {
    /// Wait before the second, third, … attempt; the last one repeats.
    #[serde(serialize_with = "units::durations")]
    pub delays: Vec<Duration>,
    /// Each wait is moved at random by up to this much of it, in percent.
    pub jitter_percent: u8,
    /// After this long since the first attempt it has failed.
    #[serde(serialize_with = "units::duration")]
    pub give_up_after: Duration,
}

impl Retry {
    pub(super) fn read(section: &Section<'_, '_>, delays: &[Duration], give_up: Duration) -> Retry {
        let retry = Retry {
            delays: section.durations("delays", delays.to_vec(), SECOND..=7 * DAY),
            jitter_percent: section.integer("jitter_percent", 20, 0..=50),
            give_up_after: section.duration("give_up_after", give_up, SECOND..=30 * DAY),
        };
        if retry.delays.is_empty() {
            section.mistake("delays", "must have at least one delay");
        }
        retry
    }
}

/// `[email]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Email {
    /// From address of messages that name none. Default `tocsin@<server.domain>`.
    pub from: String,
    /// Name shown beside it. Default `"Tocsin"`.
    pub from_name: String,
    /// EHLO name. Default `server.name`.
    pub helo: String,
    /// Address to connect from. Default: the system chooses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_address: Option<IpAddr>,
    /// Port of the recipients' servers. Default 25.
    pub port: u16,
    /// How the recipients' servers are spoken to. Default `"opportunistic"`.
    pub tls: TlsMode,
    /// Deliveries at a time; a fifth of them are kept for emergencies. Default 50.
    pub concurrency: u32,
    /// Deliveries at a time to one domain, and to servers that domains share; emergencies have two
    /// more. Default 5.
    pub concurrency_per_host: u32,
    /// Wait for a connection. Default `"30s"`.
    #[serde(serialize_with = "units::duration")]
    pub connect_timeout: Duration,
    /// Wait for the greeting. Default `"5m"` (RFC 5321 §4.5.3.2.1).
    #[serde(serialize_with = "units::duration")]
    pub greeting_timeout: Duration,
    /// Wait for a reply to a command. Default `"5m"` (§4.5.3.2.2, .3).
    #[serde(serialize_with = "units::duration")]
    pub command_timeout: Duration,
    /// Wait for the reply to the end of a message. Default `"10m"` (§4.5.3.2.6).
    #[serde(serialize_with = "units::duration")]
    pub data_timeout: Duration,
    /// Whoever composes a mail may ask for a picture in its HTML that tells of its opening
    /// (`opened`). Default `false`: it is the reader's own business.
    pub open_tracking: bool,
    /// Whoever composes a mail may have the links of its HTML lead round by us, so that who
    /// follows them is counted. Default `false`, for the same reason.
    pub click_tracking: bool,
    /// `[email.retry]`; default 5m, 15m, 30m, 1h, 2h, 4h, for 5 days.
    pub retry: Retry,
    /// `[email.relay]`: all mail goes through this server. Default: none, by MX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay: Option<Relay>,
    /// `[[email.route]]`: some domains' mail goes to a named server. Default: none.
    #[serde(rename = "route")]
    pub routes: Vec<Route>,
    /// `[[email.destination]]`: what some domains take. Default: none.
    #[serde(rename = "destination")]
    pub destinations: Vec<EmailDestination>,
    /// Look at SPF, DKIM and DMARC of mail that people write to us. Default `true`.
    pub check_senders: bool,
    /// Networks and addresses of filters and other exchangers of ours, which pass on what others
    /// sent: what they bring is judged by the address that they name, not by their own. Default:
    /// none. What private networks bring is never judged by its address.
    pub trusted_relays: Vec<String>,
    /// Keep to the MTA-STS policies of domains (RFC 8461). Default `true`.
    pub mta_sts: bool,
    /// Keep to the TLSA records of mail servers (RFC 7672). Default `"auto"`.
    pub dane: DaneMode,
    /// `[[email.dkim]]`: keys that sign mail. Default: none, mail goes unsigned.
    pub dkim: Vec<Dkim>,
    /// `[email.scanner]`: what looks for viruses in mail before it is sent, and in files that came
    /// in before they are handed out. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scanner: Option<Scanner>,
}

/// `[email.scanner]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scanner {
    /// Where a clamd listens: `host:port`, or the path of its socket.
    pub address: String,
    /// Longest time of one scan. Default `"2m 30s"`: clamd gives up after two minutes by itself
    /// (`MaxScanTime`, clamd.conf(5)), and what it says then is worth waiting for.
    #[serde(serialize_with = "units::duration")]
    pub timeout: Duration,
}

/// `[[email.dkim]]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dkim {
    /// Mail from this domain, and from those below it that have no key of their own, is signed.
    pub domain: String,
    /// Where the DNS has the public key: `<selector>._domainkey.<domain>`.
    pub selector: String,
    /// The private key, PEM (PKCS #8 or PKCS #1), of RSA with 2048 to 4096 bits or of Ed25519.
    pub key: PathBuf,
}

/// `[[email.destination]]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EmailDestination {
    /// The recipients' domain; `"*.example.org"` means those below it.
    pub domain: String,
    /// Deliveries at a time. Default: `email.concurrency_per_host`.
    pub concurrency: u32,
    /// Deliveries begun in a minute, emergencies apart. Default 0: as many as it takes.
    pub per_minute: u32,
    /// Default: `email.tls`.
    pub tls: TlsMode,
    /// Keep to TLSA records, as `email.dane` says. Default `true`.
    pub dane: bool,
}

/// `[email.relay]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Relay {
    /// Host name or IP address.
    pub host: String,
    /// Port. Default 587.
    pub port: u16,
    /// Default `"starttls"`.
    pub tls: TlsMode,
    /// AUTH user. Default: no AUTH.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// AUTH password (`password_file` or `password_credential`).
    #[serde(flatten)]
    pub password: Option<Secret>,
}

/// `[[email.route]]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Route {
    /// The recipients' domain; `"*.example.org"` means those below it.
    pub domain: String,
    /// Host name or IP address.
    pub host: String,
    /// Port. Default 25.
    pub port: u16,
    /// Default `"opportunistic"`.
    pub tls: TlsMode,
}

impl Email {
    pub(super) fn read(section: &Section<'_, '_>, name: &str, our_domain: &str) -> Email {
        let seconds = SECOND..=600 * SECOND;
        let minutes = SECOND..=HOUR;
        let routes = section.sections("route").unwrap_or_default();
        let destinations = section.sections("destination").unwrap_or_default();
        let dkim = section.sections("dkim").unwrap_or_default();
        let tls = section.choice("tls", TlsMode::Opportunistic, TLS_MODES);
        let per_host = section.integer("concurrency_per_host", 5, 1..=1000);
        let email = Email {
            from: section
                .parsed("from", mail_address)
                .unwrap_or_else(|| format!("tocsin@{our_domain}")),
            from_name: section
                .parsed("from_name", one_line)
                .unwrap_or_else(|| "Tocsin".into()),
            helo: section
                .parsed("helo", domain)
                .unwrap_or_else(|| name.to_owned()),
            source_address: section.parsed("source_address", ip_address),
            port: section.integer("port", 25, 1..=u16::MAX),
            tls,
            concurrency: section.integer("concurrency", 50, 1..=10_000),
            concurrency_per_host: per_host,
            connect_timeout: section.duration("connect_timeout", 30 * SECOND, seconds),
            greeting_timeout: section.duration("greeting_timeout", 5 * MINUTE, minutes.clone()),
            command_timeout: section.duration("command_timeout", 5 * MINUTE, minutes.clone()),
            data_timeout: section.duration("data_timeout", 10 * MINUTE, minutes),
            open_tracking: section.bool("open_tracking", false),
            click_tracking: section.bool("click_tracking", false),
            retry: Retry::read(
                &section.section("retry"),
                &[
                    5 * MINUTE,
                    15 * MINUTE,
                    30 * MINUTE,
                    HOUR,
                    2 * HOUR,
                    4 * HOUR,
                ],
                5 * DAY,
            ),
            relay: section
                .optional_section("relay")
                .and_then(|relay| Relay::read(&relay)),
            routes: routes.iter().filter_map(Route::read).collect(),
            destinations: destinations
                .iter()
                .filter_map(|section| EmailDestination::read(section, per_host, tls))
                .collect(),
            check_senders: section.bool("check_senders", true),
            trusted_relays: section.list("trusted_relays", Vec::new(), network),
            mta_sts: section.bool("mta_sts", true),
            dane: section.choice("dane", DaneMode::Auto, DANE_MODES),
            dkim: dkim.iter().filter_map(Dkim::read).collect(),
            scanner: section
                .optional_section("scanner")
                .and_then(|scanner| Scanner::read(&scanner)),
        };
        email.contradictions(section);
        email
    }

    /// What cannot be meant together.
    fn contradictions(&self, section: &Section<'_, '_>) {
        let routed = self.routes.iter().map(|route| &route.domain);
        if let Some(domain) = twice(routed) {
            section.mistake("route", format!("\"{domain}\" has two routes"));
        }
        let named = self.destinations.iter().map(|named| &named.domain);
        if let Some(domain) = twice(named) {
            section.mistake("destination", format!("\"{domain}\" is named twice"));
        }
        let is_relayed = self.relay.is_some() && self.routes.is_empty();
        if is_relayed && !self.destinations.is_empty() {
            let why = "says nothing where a relay takes all mail: it is the relay that sends it on";
            section.mistake("destination", why);
        }
        if is_relayed && self.dane == DaneMode::On {
            let why =
                "says nothing where a relay takes all mail: it is spoken to as [email.relay] says";
            section.mistake("dane", why);
        }
        for named in &self.destinations {
            let is_routed = self
                .routes
                .iter()
                .any(|it| covers(&it.domain, &named.domain));
            if is_routed && (named.tls != self.tls || !named.dane) {
                let domain = &named.domain;
                let why = format!(
                    "\"{domain}\" has a route, which says how it is spoken to: tls and dane say nothing"
                );
                section.mistake("destination", why);
            }
        }
        let records = self.dkim.iter().map(|key| (&key.domain, &key.selector));
        if let Some((domain, selector)) = twice(records) {
            let name = format!("{selector}._domainkey.{domain}");
            section.mistake("dkim", format!("two keys cannot have one name: {name}"));
        }
    }
}

/// Whether a route takes all mail to what another name stands for.
fn covers(route: &str, named: &str) -> bool {
    match route.strip_prefix("*.") {
        Some(parent) => named
            .strip_suffix(parent)
            .is_some_and(|head| head.ends_with('.')),
        None => route == named,
    }
}

fn twice<T: Ord + Copy>(names: impl IntoIterator<Item = T>) -> Option<T> {
    let mut seen = BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

impl Scanner {
    fn read(section: &Section<'_, '_>) -> Option<Self> {
        let timeout = section.duration("timeout", 150 * SECOND, SECOND..=10 * MINUTE);
        let address = section.required("address", scanner_address)?;
        Some(Self { address, timeout })
    }
}

/// A path is known by its slash.
fn scanner_address(text: &str) -> Result<String, String> {
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_host = |name: &str| {
        let bare = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        match bare {
            Some(bare) => bare.parse::<Ipv6Addr>().is_ok(),
            None => !name.contains(':') && host(name).is_ok(),
        }
    };
    let has_port = text
        .rsplit_once(':')
        .is_some_and(|(name, port)| is_host(name) && is_port(port));
    if text.starts_with('/') || has_port {
        return Ok(text.to_owned());
    }
    Err(format!(
        "\"{text}\" is neither host:port nor the path of a socket"
    ))
}

impl Dkim {
    fn read(section: &Section<'_, '_>) -> Option<Self> {
        let folder = &section.document().around.folder;
        let of_domain = section.required("domain", domain);
        let selector = section.required("selector", dkim_selector);
        let key = section.required("key", |path| filled(path).map(|path| folder.join(path)));
        Some(Self {
            domain: of_domain?,
            selector: selector?,
            key: key?,
        })
    }
}

/// Labels with dots between (RFC 6376 section 3.1); unlike a domain all of them may be digits.
fn dkim_selector(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        !label.is_empty() && label.len() <= 63 && label.chars().all(is_inside)
    };
    if text.len() <= 200 && text.split('.').all(is_label) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!(
        "\"{text}\" is no selector: letters, digits, hyphens and underscores, with dots between"
    ))
}

impl EmailDestination {
    fn read(section: &Section<'_, '_>, per_host: u32, tls: TlsMode) -> Option<Self> {
        let concurrency = section.integer("concurrency", per_host, 1..=1000);
        let per_minute = section.integer("per_minute", 0, 0..=1_000_000);
        let tls = section.choice("tls", tls, TLS_MODES);
        let dane = section.bool("dane", true);
        Some(Self {
            domain: section.required("domain", route_domain)?,
            concurrency,
            per_minute,
            tls,
            dane,
        })
    }
}

impl Relay {
    fn read(section: &Section<'_, '_>) -> Option<Relay> {
        let relay = Relay {
            port: section.integer("port", 587, 1..=u16::MAX),
            tls: section.choice("tls", TlsMode::StartTls, TLS_MODES),
            user: section.parsed("user", one_line),
            password: section.secret(),
            host: section.required("host", host)?,
        };
        if relay.user.is_some() && !section.has_secret() {
            section.mistake(
                "user",
                "needs a password: set password_file or password_credential",
            );
        }
        if relay.user.is_none() && section.has_secret() {
            section.mistake("user", "is missing, but there is a password");
        }
        let loopback = relay
            .host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
        if relay.user.is_some() && relay.tls == TlsMode::None && !loopback {
            section.mistake(
                "tls",
                "must not be \"none\" when there is a password to send",
            );
        }
        Some(relay)
    }
}

impl Route {
    fn read(section: &Section<'_, '_>) -> Option<Route> {
        let domain = section.required("domain", route_domain);
        let host = section.required("host", host);
        let port = section.integer("port", 25, 1..=u16::MAX);
        let tls = section.choice("tls", TlsMode::Opportunistic, TLS_MODES);
        Some(Route {
            domain: domain?,
            host: host?,
            port,
            tls,
        })
    }
}

fn route_domain(text: &str) -> Result<String, String> {
    match text.strip_prefix("*.") {
        Some(parent) => domain(parent).map(|parent| format!("*.{parent}")),
        None => domain(text),
    }
}

pub(super) fn ip_address(text: &str) -> Result<IpAddr, String> {
    text.parse()
        .map_err(|_| format!("\"{text}\" is not an IP address"))
}
