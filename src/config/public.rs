//! `[public]`: the pages on which people look after their own details.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use super::console::{base_url, url_host};
use super::names::{filled, host};
use super::reader::Section;
use super::units;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// `[public]`; in use when `[listen.public]` has an address.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Public {
    /// Where people reach the public pages; links in messages to them begin with it.
    /// Default `"http://localhost:8026"`.
    pub url: String,
    /// Who we are, on these pages and in messages with a link or code. Default
    /// `email.from_name`.
    pub organisation: String,
    /// People may sign up by themselves. Default `true`.
    pub sign_up: bool,
    /// Where people read what becomes of their details; linked from every page. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy_url: Option<String>,
    /// Host names that requests may ask for. Default: the host of `url`; any while that is
    /// `localhost`.
    pub allowed_hosts: Vec<String>,
    /// Send the session cookie over HTTPS only. Default: as `url` says.
    pub secure_cookie: bool,
    /// A session ends after this long without a request. Default `"30m"`.
    #[serde(serialize_with = "units::duration")]
    pub session_idle: Duration,
    /// A session ends after this long in any case. Default `"4h"`.
    #[serde(serialize_with = "units::duration")]
    pub session_lifetime: Duration,
    /// Links and codes asked for, and codes tried, from one address in a quarter of an hour.
    /// Default 20.
    pub tries_per_ip_max: u32,
    /// The same from all addresses together: what strangers can make us send. Default 500.
    pub tries_max: u32,
    /// Read the client's address from `X-Forwarded-For` when the connection comes from
    /// one of these proxies. Default `[]`.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Public {
    pub(super) fn read(section: &Section<'_, '_>, from_name: &str) -> Public {
        let url = section
            .parsed("url", base_url)
            .unwrap_or_else(|| "http://localhost:8026".to_owned());
        let own_host = url_host(&url).to_owned();
        let hosts = if own_host == "localhost" {
            Vec::new()
        } else {
            vec![own_host]
        };
        let public = Public {
            organisation: section
                .parsed("organisation", filled)
                .unwrap_or_else(|| from_name.to_owned()),
            sign_up: section.bool("sign_up", true),
            privacy_url: section.parsed("privacy_url", web_address),
            allowed_hosts: section.list("allowed_hosts", hosts, host),
            secure_cookie: section.bool("secure_cookie", url.starts_with("https://")),
            session_idle: section.duration("session_idle", 30 * MINUTE, MINUTE..=DAY),
            session_lifetime: section.duration("session_lifetime", 4 * HOUR, MINUTE..=7 * DAY),
            tries_per_ip_max: section.integer("tries_per_ip_max", 20, 1..=10_000),
            tries_max: section.integer("tries_max", 500, 1..=1_000_000),
            trusted_proxies: section.list("trusted_proxies", Vec::new(), super::email::ip_address),
            url,
        };
        if public.session_idle > public.session_lifetime {
            section.mistake("session_idle", "is longer than session_lifetime");
        }
        public
    }
}

fn web_address(text: &str) -> Result<String, String> {
    let sound = ["https://", "http://"].iter().any(|scheme| {
        text.strip_prefix(scheme)
            .is_some_and(|rest| !rest.is_empty())
    }) && !text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '"');
    if sound {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" is not a web address"))
    }
}
