//! `[console]` and `[log]`.

use std::time::Duration;

use serde::Serialize;

use super::names::host;
use super::reader::Section;
use super::units;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Whether those who log in need a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondFactor {
    /// As each of them wants.
    Optional,
    /// All of them.
    Required,
}

const SECOND_FACTOR: [(&str, SecondFactor); 2] = [
    ("optional", SecondFactor::Optional),
    ("required", SecondFactor::Required),
];

/// `[console]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Console {
    /// Where staff reach the console; links in messages to staff begin with it. Default `"http://localhost:8025"`.
    pub base_url: String,
    /// Host names that requests may ask for (against DNS rebinding).
    /// Default: the host of `base_url`, `localhost`, `127.0.0.1`, `::1`.
    pub allowed_hosts: Vec<String>,
    /// Send the session cookie over HTTPS only. Default: as `base_url` says.
    pub secure_cookie: bool,
    /// A session ends after this long without a request. Default `"1h"`.
    #[serde(serialize_with = "units::duration")]
    pub session_idle: Duration,
    /// A session ends after this long in any case. Default `"12h"`.
    #[serde(serialize_with = "units::duration")]
    pub session_lifetime: Duration,
    /// Failed logins of one user or address before it has to wait. Default 10.
    pub login_failures_max: u32,
    /// How long it has to wait. Default `"15m"`.
    #[serde(serialize_with = "units::duration")]
    pub login_failures_wait: Duration,
    /// Whether a second factor is each user's own choice, `"optional"`, or nobody does anything
    /// before having set one up, `"required"`. Default `"optional"`.
    pub second_factor: SecondFactor,
    /// Requests of one API token in a minute; 0 for as many as it likes. Default 3000.
    pub api_requests_per_minute: u32,
    /// Read the client's address from `X-Forwarded-For` when the connection comes from
    /// one of these proxies. Default `[]`.
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// Addresses that may read `/metrics` without a login, besides loopback. Default `[]`.
    pub metrics_allow: Vec<std::net::IpAddr>,
}

impl Console {
    pub(super) fn read(section: &Section<'_, '_>) -> Console {
        let base_url = section
            .parsed("base_url", base_url)
            .unwrap_or_else(|| "http://localhost:8025".to_owned());
        let mut usual = vec![
            "localhost".to_owned(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
        ];
        let own_host = url_host(&base_url).to_owned();
        if !usual.contains(&own_host) {
            usual.insert(0, own_host);
        }
        let console = Console {
            allowed_hosts: section.list("allowed_hosts", usual, host),
            secure_cookie: section.bool("secure_cookie", base_url.starts_with("https://")),
            session_idle: section.duration("session_idle", HOUR, MINUTE..=30 * DAY),
            session_lifetime: section.duration("session_lifetime", 12 * HOUR, MINUTE..=30 * DAY),
            login_failures_max: section.integer("login_failures_max", 10, 1..=1000),
            login_failures_wait: section.duration("login_failures_wait", 15 * MINUTE, MINUTE..=DAY),
            second_factor: section.choice("second_factor", SecondFactor::Optional, &SECOND_FACTOR),
            api_requests_per_minute: section.integer(
                "api_requests_per_minute",
                3000,
                0..=1_000_000,
            ),
            trusted_proxies: section.list("trusted_proxies", Vec::new(), super::email::ip_address),
            metrics_allow: section.list("metrics_allow", Vec::new(), super::email::ip_address),
            base_url,
        };
        if console.session_idle > console.session_lifetime {
            section.mistake("session_idle", "is longer than session_lifetime");
        }
        if console.secure_cookie && console.base_url.starts_with("http://") && !console.is_local() {
            section.mistake(
                "secure_cookie",
                "would never be sent back: base_url is http",
            );
        }
        console
    }

    /// Browsers treat loopback as secure.
    fn is_local(&self) -> bool {
        ["localhost", "127.0.0.1", "::1"].contains(&url_host(&self.base_url))
    }
}

/// `scheme://host[:port]`, without a path: the product lives at the root.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let explain = || {
        format!(
            "\"{text}\" is not an address such as \"https://tocsin.example.org\" (without a path)"
        )
    };
    let url = text.strip_suffix('/').unwrap_or(text);
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
        .ok_or_else(explain)?;
    if rest.contains(['/', '?', '#', '@']) || host(url_host(url)).is_err() {
        return Err(explain());
    }
    let after_host = rest.rsplit_once(']').map_or(rest, |(_, after)| after);
    if let Some((_, port)) = after_host.rsplit_once(':') {
        port.parse::<u16>().map_err(|_| explain())?;
    }
    Ok(url.to_owned())
}

/// The host in such an address, without the brackets of IPv6.
pub(super) fn url_host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    if let Some((address, _)) = rest.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        return address;
    }
    rest.split_once(':').map_or(rest, |(host, _)| host)
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people; without times and colours where the journal adds its own.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Log {
    /// `"text"` or `"json"`. Default `"text"`.
    pub format: LogFormat,
    /// Least level that is written, and exceptions by module
    /// (`"info,tocsin::channel=debug"`). Default `"info"`.
    pub level: String,
}

impl Log {
    pub(super) fn read(section: &Section<'_, '_>) -> Log {
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        Log {
            format: section.choice("format", LogFormat::Text, &formats),
            level: section
                .parsed("level", level)
                .unwrap_or_else(|| "info".to_owned()),
        }
    }
}

/// `LEVEL` and `module=LEVEL`, separated by commas.
fn level(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_module = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_:".contains(&b))
    };
    let ok = text
        .split(',')
        .map(str::trim)
        .all(|part| match part.split_once('=') {
            Some((module, level)) => is_module(module) && LEVELS.contains(&level),
            None => LEVELS.contains(&part),
        });
    if ok {
        return Ok(text.to_owned());
    }
    Err(format!(
        "\"{text}\" is not a level, such as \"info\" or \"warn,tocsin::http=debug\""
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        for (text, host) in [
            ("https://tocsin.example.org/", "tocsin.example.org"),
            ("http://127.0.0.1:8025", "127.0.0.1"),
            ("http://[::1]:8025", "::1"),
            ("https://[2001:db8::1]", "2001:db8::1"),
        ] {
            assert_eq!(url_host(&base_url(text).unwrap()), host);
        }
        for text in [
            "",
            "tocsin.example.org",
            "ftp://a.org",
            "https://a.org/x",
            "https://",
            "http://a.org:x",
            "http://a@b.org",
            "http://a.org:99999",
        ] {
            assert!(base_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn levels() {
        for text in ["info", "warn,tocsin::http=debug", "off"] {
            assert!(level(text).is_ok(), "{text}");
        }
        for text in ["", "loud", "info,tocsin=loud"] {
            assert!(level(text).is_err(), "{text}");
        }
    }
}
