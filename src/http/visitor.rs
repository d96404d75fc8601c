//! What is kept of where a session began: the kind of browser in plain words, and the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::{Extensions, HeaderMap, header};

use super::App;
use super::guard::client_address;
use crate::domain::Redacted;

/// Longest `User-Agent` looked at, in octets.
const AGENT_SIZE_MAX: usize = 512;

/// What a browser says of itself, and what it is called; the first that fits counts, because
/// most name others beside themselves.
const BROWSERS: [(&str, &str); 10] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// Where a session begins.
pub(crate) struct Visitor {
    /// As "Firefox, Windows".
    pub(crate) browser: Option<String>,
    /// As "192.0.2.0/24".
    pub(crate) network: Redacted<String>,
}

impl Visitor {
    pub(crate) fn of(app: &App, headers: &HeaderMap, extensions: &Extensions) -> Self {
        let agent = headers.get(header::USER_AGENT);
        let agent = agent.and_then(|value| value.to_str().ok());
        Self {
            browser: agent.and_then(family),
            network: Redacted::new(network(client_address(app, headers, extensions))),
        }
    }
}

/// The kind of browser, as far as it is one that is known.
fn family(agent: &str) -> Option<String> {
    let agent = agent.get(..AGENT_SIZE_MAX).unwrap_or(agent);
    let named = |list: &[(&str, &'static str)]| {
        let mut fitting = list.iter().filter(|(part, _)| agent.contains(part));
        fitting.next().map(|(_, name)| *name)
    };
    let known = [named(&BROWSERS), named(&SYSTEMS)];
    let known: Vec<&str> = known.into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(", "))
}

/// The network around an address: /24 of IPv4, /48 of IPv6.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{}/24", Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_in_plain_words() {
        for (agent, words) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
                Some("Firefox, Windows"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36 Edg/128.0",
                Some("Edge, Windows"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                Some("Safari, iPhone"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0 Mobile Safari/537.36",
                Some("Chrome, Android"),
            ),
            ("curl/8.9.1", Some("curl")),
            ("something <b>else</b>", None),
            ("", None),
        ] {
            assert_eq!(family(agent).as_deref(), words, "{agent}");
        }
        let far = format!("{} Firefox/1", "x".repeat(AGENT_SIZE_MAX));
        assert_eq!(family(&far), None);
        assert_eq!(family(&"é".repeat(AGENT_SIZE_MAX)), None);
    }

    #[test]
    fn networks_tell_no_single_address() {
        for (address, words) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ] {
            assert_eq!(network(address.parse().unwrap()), words);
        }
    }
}
