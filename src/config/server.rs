//! `[server]` and `[store]`: who we are, and where our state lives.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::names::{domain, filled};
use super::reader::Section;
use super::units;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// `[server]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Server {
    /// Our public host name, as in the greeting, EHLO and Received. Default `"localhost"`.
    pub name: String,
    /// Our mail domain; the addresses we send from belong to it. Default: `name`.
    pub domain: String,
    /// The domain of envelope senders (VERP), where bounces come back to. Default `bounces.<domain>`.
    pub bounce_domain: String,
    /// How long after a message was written its envelope sender takes reports. Default `"90d"`.
    #[serde(serialize_with = "units::duration")]
    pub bounce_lifetime: Duration,
    /// Mail to `<number>@<this>` becomes a text. Default `sms.<domain>`.
    pub sms_domain: String,
    /// Mail to `<number>@<this>` becomes a call. Default `voice.<domain>`.
    pub voice_domain: String,
    /// Folder of everything we keep. Default `/var/lib/tocsin`.
    pub state: PathBuf,
    /// Country of telephone numbers written without a country code, ISO 3166. Default `"GB"`.
    pub default_region: String,
    /// Language of a contact whose own is not known, BCP 47. Default `"en"`.
    pub default_language: String,
    /// Time zone of times shown and of calendar days, IANA name. Default `"UTC"`.
    pub time_zone: String,
    /// How long running sessions and attempts may take to end after SIGTERM. Default `"30s"`.
    #[serde(serialize_with = "units::duration")]
    pub drain_timeout: Duration,
    /// Accept passwords written in the configuration itself (development). Default `false`.
    pub inline_secrets: bool,
}

impl Server {
    pub(super) fn read(section: &Section<'_, '_>) -> Server {
        let name = section
            .parsed("name", domain)
            .unwrap_or_else(|| "localhost".to_owned());
        let domain_of_mail = section
            .parsed("domain", domain)
            .unwrap_or_else(|| name.clone());
        let below = |key, label: &str| {
            section
                .parsed(key, domain)
                .unwrap_or_else(|| format!("{label}.{domain_of_mail}"))
        };
        let server = Server {
            bounce_domain: below("bounce_domain", "bounces"),
            bounce_lifetime: section.duration("bounce_lifetime", 90 * DAY, 7 * DAY..=3650 * DAY),
            sms_domain: below("sms_domain", "sms"),
            voice_domain: below("voice_domain", "voice"),
            name,
            state: section
                .parsed("state", |p| filled(p).map(PathBuf::from))
                .unwrap_or_else(|| PathBuf::from("/var/lib/tocsin")),
            default_region: section
                .parsed("default_region", region)
                .unwrap_or_else(|| "GB".into()),
            default_language: section
                .parsed("default_language", language)
                .unwrap_or_else(|| "en".into()),
            time_zone: section
                .parsed("time_zone", time_zone)
                .unwrap_or_else(|| "UTC".into()),
            drain_timeout: section.duration("drain_timeout", 30 * SECOND, SECOND..=600 * SECOND),
            inline_secrets: section.bool("inline_secrets", false),
            domain: domain_of_mail,
        };
        server.check_domains(section);
        section
            .document()
            .allow_inline_secrets(server.inline_secrets);
        server
    }

    /// Each of our domains says by itself what a recipient means.
    fn check_domains(&self, section: &Section<'_, '_>) {
        let ours = [
            ("domain", &self.domain),
            ("bounce_domain", &self.bounce_domain),
            ("sms_domain", &self.sms_domain),
            ("voice_domain", &self.voice_domain),
        ];
        for (index, (key, name)) in ours.iter().enumerate() {
            let same = ours[..index].iter().find(|(_, earlier)| earlier == name);
            if let Some((other, _)) = same {
                section.mistake(
                    key,
                    format!("must differ from {other}, which is \"{name}\" too"),
                );
            }
        }
    }
}

/// Which engine keeps the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// sled behind the redo journal.
    Sled,
    /// Nothing is kept after the end: for trying things out.
    Memory,
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Store {
    /// `"sled"` or `"memory"`. Default `"sled"`.
    pub engine: Engine,
    /// Memory that the engine may fill with its pages, in bytes. Default `"64MiB"`.
    #[serde(serialize_with = "units::size")]
    pub cache_size: u64,
}

impl Store {
    pub(super) fn read(section: &Section<'_, '_>) -> Store {
        let engines = [("sled", Engine::Sled), ("memory", Engine::Memory)];
        Store {
            engine: section.choice("engine", Engine::Sled, &engines),
            cache_size: section.size("cache_size", 64 << 20, (1 << 20)..=(64 << 30)),
        }
    }
}

fn region(text: &str) -> Result<String, String> {
    if text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "\"{text}\" is not a country code of two capital letters, such as \"GB\""
    ))
}

pub(super) fn language(text: &str) -> Result<String, String> {
    let mut parts = text.split('-');
    let first_ok = parts
        .next()
        .is_some_and(|p| (2..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_lowercase()));
    let rest_ok =
        parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()));
    if first_ok && rest_ok {
        return Ok(text.to_owned());
    }
    Err(format!(
        "\"{text}\" is not a language tag, such as \"en\" or \"pt-BR\""
    ))
}

fn time_zone(text: &str) -> Result<String, String> {
    match jiff::tz::TimeZone::get(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!(
            "\"{text}\" is not a time zone, such as \"Europe/London\""
        )),
    }
}
