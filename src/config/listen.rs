//! `[listen.*]`, `[tls]` and `[submission]`: what comes in.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::domain::scram::ScramVerifier;

use super::email::ip_address;
use super::names::{address_or_domain, filled, label};
use super::reader::Section;
use super::units;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const MIB: u64 = 1 << 20;
/// Default of `submission.delay_notice_after`.
const DELAY_NOTICE_AFTER: Duration = Duration::from_secs(4 * 3600);

/// `[listen]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listen {
    /// Mail from applications, STARTTLS and AUTH required (RFC 6409). Default port 587.
    pub submission: SmtpListener,
    /// The same with TLS from the first byte (RFC 8314). Default port 465.
    pub submissions: SmtpListener,
    /// Mail from other servers: bounces, complaints, replies. Default port 25.
    pub mx: SmtpListener,
    /// Console and API. Default `127.0.0.1:8025`.
    pub console: HttpListener,
    /// The public pages. Default: nowhere.
    pub public: HttpListener,
}

impl Listen {
    pub(super) fn read(section: &Section<'_, '_>) -> Listen {
        let applications = SmtpDefaults {
            sessions: 1000,
            per_ip: 100,
            recipients: 1000,
        };
        let servers = SmtpDefaults {
            sessions: 500,
            per_ip: 20,
            recipients: 100,
        };
        let listen = Listen {
            submission: SmtpListener::read(&section.section("submission"), 587, &applications),
            submissions: SmtpListener::read(&section.section("submissions"), 465, &applications),
            mx: SmtpListener::read(&section.section("mx"), 25, &servers),
            console: HttpListener::read(&section.section("console"), &[CONSOLE], &CONSOLE_SIZES),
            public: HttpListener::read(&section.section("public"), &[], &PUBLIC_SIZES),
        };
        listen.check_addresses(section);
        listen
    }

    fn check_addresses(&self, section: &Section<'_, '_>) {
        let lists = [
            ("submission", &self.submission.addresses),
            ("submissions", &self.submissions.addresses),
            ("mx", &self.mx.addresses),
            ("console", &self.console.addresses),
            ("public", &self.public.addresses),
        ];
        let mut taken: Vec<(SocketAddr, &str)> = Vec::new();
        for (name, addresses) in lists {
            for address in addresses {
                let same = taken
                    .iter()
                    .find(|(other, _)| other == address && address.port() != 0);
                if let Some((_, other)) = same {
                    section.mistake(
                        name,
                        format!("{address} is already taken by [listen.{other}]"),
                    );
                }
                taken.push((*address, name));
            }
        }
    }
}

/// Where the console is by default.
const CONSOLE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8025);
const CONSOLE_SIZES: HttpSizes = HttpSizes {
    body: 30 * MIB,
    body_least: 64 << 10,
};
const PUBLIC_SIZES: HttpSizes = HttpSizes {
    body: 64 << 10,
    body_least: 16 << 10,
};

struct HttpSizes {
    body: u64,
    body_least: u64,
}

struct SmtpDefaults {
    sessions: u32,
    per_ip: u32,
    recipients: u32,
}

/// `[listen.submission]`, `[listen.submissions]`, `[listen.mx]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SmtpListener {
    /// Where to listen; an empty list turns the listener off. Default `0.0.0.0` and the port.
    pub addresses: Vec<SocketAddr>,
    /// Largest message, announced by SIZE (RFC 1870), in bytes. Default `"25MiB"`.
    #[serde(serialize_with = "units::size")]
    pub message_size_max: u64,
    /// Recipients of one message. Default 1000, on the MX 100 (RFC 5321 §4.5.3.1.8 asks for 100).
    pub recipients_max: u32,
    /// Sessions at a time. Default 1000, on the MX 500.
    pub sessions_max: u32,
    /// Sessions at a time from one address. Default 100, on the MX 20.
    pub sessions_per_ip_max: u32,
    /// Messages in one session. Default 1000.
    pub messages_per_session_max: u32,
    /// Wrong commands before a session is closed. Default 20.
    pub errors_max: u32,
    /// Wait for the next command. Default `"5m"` (RFC 5321 §4.5.3.2.7).
    #[serde(serialize_with = "units::duration")]
    pub command_timeout: Duration,
    /// Wait for the next bytes of a message. Default `"3m"`.
    #[serde(serialize_with = "units::duration")]
    pub data_timeout: Duration,
    /// Longest session in all. Default `"1h"`.
    #[serde(serialize_with = "units::duration")]
    pub session_timeout: Duration,
    /// Proxies whose connections begin with a header of the PROXY protocol (versions 1 and 2).
    /// Default: none.
    pub proxy_protocol_from: Vec<IpAddr>,
}

impl SmtpListener {
    fn read(section: &Section<'_, '_>, port: u16, defaults: &SmtpDefaults) -> SmtpListener {
        let everywhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        let second_to_hour = SECOND..=HOUR;
        SmtpListener {
            addresses: section.addresses("addresses", &[everywhere]),
            message_size_max: section.size("message_size_max", 25 * MIB, (64 << 10)..=(256 * MIB)),
            recipients_max: section.integer("recipients_max", defaults.recipients, 1..=10_000),
            sessions_max: section.integer("sessions_max", defaults.sessions, 1..=100_000),
            sessions_per_ip_max: section.integer(
                "sessions_per_ip_max",
                defaults.per_ip,
                1..=100_000,
            ),
            messages_per_session_max: section.integer(
                "messages_per_session_max",
                1000,
                1..=1_000_000,
            ),
            errors_max: section.integer("errors_max", 20, 1..=1000),
            command_timeout: section.duration(
                "command_timeout",
                300 * SECOND,
                second_to_hour.clone(),
            ),
            data_timeout: section.duration("data_timeout", 180 * SECOND, second_to_hour),
            session_timeout: section.duration("session_timeout", HOUR, SECOND..=24 * HOUR),
            proxy_protocol_from: section.list(
                "proxy_protocol_from",
                Vec::new(),
                // As addresses of clients are compared.
                |text| ip_address(text).map(|ip| ip.to_canonical()),
            ),
        }
    }
}

/// `[listen.console]`, `[listen.public]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HttpListener {
    /// Where to listen; an empty list turns the listener off. Default `["127.0.0.1:8025"]`,
    /// for the public pages `[]`.
    pub addresses: Vec<SocketAddr>,
    /// Speak TLS with the certificate of `[tls]`. Default `false`: a reverse proxy does it.
    pub tls: bool,
    /// Connections at a time. Default 500.
    pub connections_max: u32,
    /// Largest form or upload, in bytes. Default `"30MiB"`, on the public pages `"64KiB"`.
    #[serde(serialize_with = "units::size")]
    pub body_size_max: u64,
    /// Longest time for one request (event streams excepted). Default `"30s"`.
    #[serde(serialize_with = "units::duration")]
    pub request_timeout: Duration,
}

impl HttpListener {
    fn read(section: &Section<'_, '_>, usual: &[SocketAddr], sizes: &HttpSizes) -> HttpListener {
        HttpListener {
            addresses: section.addresses("addresses", usual),
            tls: section.bool("tls", false),
            connections_max: section.integer("connections_max", 500, 1..=100_000),
            body_size_max: section.size(
                "body_size_max",
                sizes.body,
                sizes.body_least..=(256 * MIB),
            ),
            request_timeout: section.duration("request_timeout", 30 * SECOND, SECOND..=HOUR),
        }
    }
}

/// `[tls]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tls {
    /// Certificate chain, PEM, ours first. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its private key, PEM (PKCS #8, PKCS #1 or SEC1). Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Without a certificate, make a self-signed one and keep it in the state folder.
    /// Default `true`.
    pub generate: bool,
    /// More roots that our clients trust, PEM. Default: none, the system's alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_roots: Option<PathBuf>,
    /// How often the files are looked at for a change, besides SIGHUP. Default `"1h"`.
    #[serde(serialize_with = "units::duration")]
    pub check_interval: Duration,
}

impl Tls {
    pub(super) fn read(section: &Section<'_, '_>) -> Tls {
        let folder = &section.document().around.folder;
        let path = |key| section.parsed(key, |p| filled(p).map(|p| folder.join(p)));
        let tls = Tls {
            certificate: path("certificate"),
            key: path("key"),
            generate: section.bool("generate", true),
            extra_roots: path("extra_roots"),
            check_interval: section.duration("check_interval", HOUR, SECOND..=24 * HOUR),
        };
        match (&tls.certificate, &tls.key) {
            (Some(_), None) => section.mistake("certificate", "needs its key too: set tls.key"),
            (None, Some(_)) => section.mistake("key", "needs its certificate: set tls.certificate"),
            (None, None) if !tls.generate => section.mistake(
                "generate",
                "is off and there is no certificate: set tls.certificate and tls.key",
            ),
            _ => {}
        }
        tls
    }
}

/// `[submission]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Submission {
    /// Failed logins from one address before it has to wait. Default 10.
    pub auth_failures_max: u32,
    /// How long it has to wait. Default `"15m"`.
    #[serde(serialize_with = "units::duration")]
    pub auth_failures_wait: Duration,
    /// Recipients that one application may write to in an hour. Default 0: as many as it likes.
    pub recipients_per_hour: u32,
    /// The same in a day.
    pub recipients_per_day: u32,
    /// Tell of failures (RFC 3461) also who said nothing of NOTIFY. Default `false`.
    pub notify_failures: bool,
    /// How long something is tried before that is told to who asked for it, with the try that is
    /// nearest to it. Default `"4h"`.
    #[serde(serialize_with = "units::duration")]
    pub delay_notice_after: Duration,
    /// `[[submission.account]]`: applications that may submit, besides those made
    /// with `tocsin user`. Default: none.
    #[serde(rename = "account")]
    pub accounts: Vec<Account>,
}

/// `[[submission.account]]`
#[derive(Clone, PartialEq, Serialize)]
pub struct Account {
    /// What it logs in as.
    pub name: String,
    /// What is kept of its password (`tocsin user hash-password`): `SCRAM-SHA-256$…` (RFC 5803),
    /// or an argon2id hash in PHC string format, with which it cannot log in by SCRAM.
    #[serde(serialize_with = "hidden")]
    pub password_hash: String,
    /// Addresses and domains that it may send from, as envelope sender and as author. Default: our
    /// own domain.
    pub from: Vec<String>,
    /// Recipients in an hour. Default: `submission.recipients_per_hour`.
    pub recipients_per_hour: u32,
    /// Recipients in a day. Default: `submission.recipients_per_day`.
    pub recipients_per_day: u32,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("name", &self.name)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl Submission {
    /// `give_up_after` is that of email.
    pub(super) fn read(
        section: &Section<'_, '_>,
        our_domain: &str,
        give_up_after: Duration,
    ) -> Submission {
        let delay_notice_after = section.duration(
            "delay_notice_after",
            DELAY_NOTICE_AFTER,
            60 * SECOND..=30 * 24 * HOUR,
        );
        // Whoever gives up early need not say so here, too.
        if delay_notice_after >= give_up_after && delay_notice_after != DELAY_NOTICE_AFTER {
            let why = "is not shorter than email.retry.give_up_after: nobody would be told";
            section.mistake("delay_notice_after", why);
        }
        let per_hour = section.integer("recipients_per_hour", 0, 0..=u32::MAX);
        let per_day = section.integer("recipients_per_day", 0, 0..=u32::MAX);
        let accounts: Vec<Account> = section
            .sections("account")
            .unwrap_or_default()
            .iter()
            .filter_map(|account| Account::read(account, our_domain, (per_hour, per_day)))
            .collect();
        for (index, account) in accounts.iter().enumerate() {
            if accounts[..index]
                .iter()
                .any(|earlier| earlier.name == account.name)
            {
                section.mistake("account", format!("\"{}\" is there twice", account.name));
            }
        }
        Submission {
            auth_failures_max: section.integer("auth_failures_max", 10, 1..=1000),
            auth_failures_wait: section.duration(
                "auth_failures_wait",
                900 * SECOND,
                SECOND..=24 * HOUR,
            ),
            recipients_per_hour: per_hour,
            recipients_per_day: per_day,
            notify_failures: section.bool("notify_failures", false),
            delay_notice_after,
            accounts,
        }
    }
}

impl Account {
    fn read(
        section: &Section<'_, '_>,
        our_domain: &str,
        (per_hour, per_day): (u32, u32),
    ) -> Option<Account> {
        let name = section.required("name", account_name);
        let password_hash = section.required("password_hash", password_hash);
        let from = section.list("from", vec![our_domain.to_owned()], address_or_domain);
        Some(Account {
            name: name?,
            password_hash: password_hash?,
            from,
            recipients_per_hour: section.integer("recipients_per_hour", per_hour, 0..=u32::MAX),
            recipients_per_day: section.integer("recipients_per_day", per_day, 0..=u32::MAX),
        })
    }
}

fn account_name(text: &str) -> Result<String, String> {
    if text.contains('@') {
        address_or_domain(text)
    } else {
        label(text)
    }
}

fn password_hash(text: &str) -> Result<String, String> {
    if ScramVerifier::parse(text).is_some() {
        return Ok(text.to_owned());
    }
    match argon2::PasswordHash::new(text) {
        Ok(hash) if hash.algorithm == argon2::ARGON2ID_IDENT && hash.hash.is_some() => {
            Ok(text.to_owned())
        }
        _ => Err(
            "is neither SCRAM-SHA-256$… nor $argon2id$…; `tocsin user hash-password` prints one"
                .to_owned(),
        ),
    }
}

fn hidden<S: serde::Serializer>(_: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str("(hidden)")
}
